//! Leaf tests of filters: predicates on one value, which know nothing of paths or traversal.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

use super::Text;
use crate::collation::Collation;
use crate::env::Env;
use crate::error::Result;
use crate::op::SubId;
use crate::regex::Regex;
use crate::schema::SchemaTest;
use crate::value::decimal::DecimalParts;
use crate::value::{self, OwnedValue, StringOrder, Tag, Value, View};

/// A set of BSON types, as `$type` names them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TypeSet(u32);

impl TypeSet {
    /// No type.
    pub const EMPTY: TypeSet = TypeSet(0);
    /// int, long, double and decimal: `$type: "number"`.
    pub const NUMBER: TypeSet =
        TypeSet::EMPTY.with(Tag::Double).with(Tag::Int32).with(Tag::Int64).with(Tag::Decimal128);

    /// The set with `tag` added. The absent value has no type and adds nothing.
    pub const fn with(self, tag: Tag) -> TypeSet {
        TypeSet(self.0 | Self::bit(tag))
    }

    const fn bit(tag: Tag) -> u32 {
        match tag {
            Tag::Nothing => 0,
            Tag::MaxKey => 1 << 20,
            Tag::MinKey => 1 << 21,
            other => 1 << (other as u8),
        }
    }

    /// Whether the set has `tag`.
    #[inline]
    pub const fn contains(self, tag: Tag) -> bool {
        self.0 & Self::bit(tag) != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: TypeSet) -> TypeSet {
        TypeSet(self.0 | other.0)
    }

    /// Whether the set has no type.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Which bits must be how.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BitRule {
    /// `$bitsAllSet`.
    AllSet,
    /// `$bitsAllClear`.
    AllClear,
    /// `$bitsAnySet`.
    AnySet,
    /// `$bitsAnyClear`.
    AnyClear,
}

/// A test of bit positions, counted from the least significant bit of a number or of binary data's first byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BitTest {
    /// The rule.
    pub rule: BitRule,
    /// The positions.
    pub positions: Vec<u32>,
}

impl BitTest {
    /// Whether `value` is a number that is an integer, or binary data, and its bits satisfy the rule.
    /// Numbers are sign-extended without end; binary data is zero beyond its last byte.
    pub fn holds(&self, value: Value<'_>) -> bool {
        match value.view() {
            View::Binary { bytes, .. } => self.check(|position| {
                let byte = bytes.get(position as usize / 8).copied().unwrap_or(0);
                byte >> (position % 8) & 1 == 1
            }),
            _ => match to_exact_i64(value) {
                Some(number) => self.check(|position| number >> position.min(63) & 1 == 1),
                None => false,
            },
        }
    }

    fn check(&self, is_set: impl Fn(u32) -> bool) -> bool {
        let mut positions = self.positions.iter().copied();
        match self.rule {
            BitRule::AllSet => positions.all(is_set),
            BitRule::AllClear => !positions.any(is_set),
            BitRule::AnySet => positions.any(is_set),
            BitRule::AnyClear => !positions.all(is_set),
        }
    }
}

/// The operand of `$in`, prepared: large sets have a hash from value to position, so that a probe costs one hash.
#[derive(Clone, Debug)]
pub struct InSet {
    values: Vec<OwnedValue>,
    /// Positions by hash, where there are more values than [`FEW`].
    by_hash: Option<AHashMap<u64, Vec<u32>>>,
    /// Whether null is among the values, so that a missing path matches.
    has_null: bool,
    patterns: Vec<Regex>,
    /// The strings of a set that is nothing but a few strings, which are compared one by one.
    few_strings: Option<Box<[Text]>>,
    collation: Option<Arc<Collation>>,
}

/// Sets of up to this many values are searched in order.
const FEW: usize = 8;

impl InSet {
    /// A set of plain values and patterns, whose strings are equal as the collation says; bytewise without one.
    pub fn new(values: Vec<OwnedValue>, patterns: Vec<Regex>, collation: Option<Arc<Collation>>) -> Self {
        let order = strings(&collation);
        let is_few = values.len() <= FEW;
        let by_hash = (!is_few).then(|| {
            let mut by_hash: AHashMap<u64, Vec<u32>> = AHashMap::with_capacity(values.len());
            for (at, owned) in values.iter().enumerate() {
                by_hash.entry(hash_of(owned.get(), order)).or_default().push(at as u32);
            }
            by_hash
        });
        let has_null = values.iter().any(|owned| owned.get().tag() == Tag::Null);
        let few_strings = match is_few && collation.is_none() && patterns.is_empty() {
            true => values.iter().map(|value| value.get().as_str_bytes().map(Text::new)).collect(),
            false => None,
        };
        Self { values, by_hash, has_null, patterns, few_strings, collation }
    }

    /// Whether the string whose payload stands at `at` is in the set, when the set is a few strings; `None` when it is
    /// anything else.
    #[inline]
    pub(crate) fn contains_string_at(&self, doc: &[u8], at: usize) -> Option<bool> {
        self.few_strings.as_ref().map(|strings| strings.iter().any(|string| string.is_at(doc, at)))
    }

    /// Whether a value of the set is a parameter.
    pub(super) fn has_params(&self) -> bool {
        self.values.iter().any(|value| value.param().is_some())
    }

    /// The same set with other values in place of the parameters.
    fn bind(&self, params: &[Value<'_>]) -> Result<Self> {
        let values = self.values.iter().map(|value| value.bind(params)).collect::<Result<_>>()?;
        Ok(Self::new(values, self.patterns.clone(), self.collation.clone()))
    }

    /// The plain values, as given.
    pub fn values(&self) -> &[OwnedValue] {
        &self.values
    }

    /// Whether `value` is in the set or matches one of its patterns.
    pub fn contains(&self, value: Value<'_>, env: &Env<'_>) -> Result<bool> {
        if value.is_nothing() {
            return Ok(self.has_null);
        }
        let order = strings(&self.collation);
        let equals = |owned: &OwnedValue| value::equal_with(owned.get(), value, order);
        let is_member = match &self.by_hash {
            Some(by_hash) => by_hash
                .get(&hash_of(value, order))
                .is_some_and(|candidates| candidates.iter().any(|&at| equals(&self.values[at as usize]))),
            None => self.values.iter().any(equals),
        };
        if is_member {
            return Ok(true);
        }
        for pattern in &self.patterns {
            if regex_holds(pattern, value, env)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[inline]
fn strings(collation: &Option<Arc<Collation>>) -> Option<&dyn StringOrder> {
    collation.as_deref().map(|collation| collation as &dyn StringOrder)
}

fn hash_of(value: Value<'_>, strings: Option<&dyn StringOrder>) -> u64 {
    // Fixed keys: the sets are built and probed in one process, and their members come from one request.
    let mut hasher = ahash::RandomState::with_seeds(1, 2, 3, 4).build_hasher();
    value::hash_with(value, &mut hasher, strings);
    hasher.finish()
}

/// A number without its fraction, when 64 bits hold it. NaN and the infinities have none.
fn to_truncated_i64(value: Value<'_>) -> Option<i64> {
    match value.view() {
        View::Double(double) => {
            const LIMIT: f64 = 9_223_372_036_854_775_808.0;
            (-LIMIT..LIMIT).contains(&double).then_some(double as i64)
        }
        View::Decimal128(decimal) => match decimal.parts() {
            DecimalParts::Finite(mut finite) => {
                if finite.exponent < 0 {
                    let divisor = 10u128.checked_pow(finite.exponent.unsigned_abs());
                    finite.coefficient = divisor.map_or(0, |divisor| finite.coefficient / divisor);
                    finite.exponent = 0;
                }
                finite.to_i64()
            }
            _ => None,
        },
        _ => value.as_integer(),
    }
}

/// The integer a number is, if it is one: whole and within 64 bits.
fn to_exact_i64(value: Value<'_>) -> Option<i64> {
    match value.view() {
        View::Double(double) => to_truncated_i64(value).filter(|&integer| integer as f64 == double),
        View::Decimal128(decimal) => match decimal.parts() {
            DecimalParts::Finite(finite) => finite.to_i64(),
            _ => None,
        },
        _ => value.as_integer(),
    }
}

/// Whether a pattern holds for a value: it matches a string or symbol, or the value is a regex with the same source.
pub fn regex_holds(regex: &Regex, value: Value<'_>, env: &Env<'_>) -> Result<bool> {
    match value.view() {
        View::String(text) | View::Symbol(text) => regex.is_match(text, env),
        View::Regex { pattern, options } => {
            Ok(pattern == regex.pattern().as_bytes() && options == regex.options().as_bytes())
        }
        _ => Ok(false),
    }
}

/// Bytes of a subject that a pattern reads in the time of one unit.
const PATTERN_BYTES_PER_UNIT: usize = 256;

fn pattern_work(patterns: usize, value: Value<'_>) -> u32 {
    let length = value.as_str_bytes().map_or(0, <[u8]>::len);
    u32::try_from(patterns.saturating_mul(1 + length / PATTERN_BYTES_PER_UNIT)).unwrap_or(u32::MAX)
}

/// A leaf test that has no instruction of its own.
#[derive(Clone, Debug)]
pub enum Test {
    /// `$exists`.
    Exists,
    /// `$type`.
    Type(TypeSet),
    /// `$size`: the value is an array with this many elements.
    Size(i64),
    /// `$mod`.
    Mod {
        /// Never zero.
        divisor: i64,
        /// Compared with the remainder of the truncated value.
        remainder: i64,
    },
    /// `$bitsAllSet` and its family.
    Bits(BitTest),
    /// `$regex`.
    Regex(Regex),
    /// `$in`.
    In(InSet),
    /// `$elemMatch` with a filter on documents.
    ElemMatchObject(SubId),
    /// `$elemMatch` with tests on values.
    ElemMatchValue(SubId),
    /// A keyword of `$jsonSchema` that looks at one value.
    Schema(SchemaTest),
    /// The value is a document that the program accepts.
    Document(SubId),
    /// Every element of an array in a range of positions is accepted; what is no array is.
    Elements {
        /// The first position.
        from: u32,
        /// The position after the last; `None` is the array's end.
        to: Option<u32>,
        /// The predicate over one element.
        program: SubId,
    },
    /// Every field of a document satisfies what its name asks for; what is no document does.
    Fields(FieldRules),
    /// Exactly one of the programs accepts the value.
    ExactlyOne(Vec<SubId>),
}

/// What each field of a document must satisfy, by its name.
#[derive(Clone, Debug)]
pub struct FieldRules {
    /// Names that `other` does not speak of.
    pub known: AHashSet<Box<str>>,
    /// Patterns with the predicate over the value of each field of such a name.
    pub patterns: Vec<(Regex, SubId)>,
    /// The predicate over the values of all other fields.
    pub other: SubId,
}

impl Test {
    /// The same test with other values in place of the parameters.
    pub(super) fn bind(&self, params: &[Value<'_>]) -> Result<Self> {
        match self {
            Test::In(set) if set.has_params() => set.bind(params).map(Test::In),
            other => Ok(other.clone()),
        }
    }

    /// Gives every sub-program the test refers to.
    pub(crate) fn for_each_program(&self, mut visit: impl FnMut(SubId)) {
        match self {
            Test::ElemMatchObject(program)
            | Test::ElemMatchValue(program)
            | Test::Document(program)
            | Test::Elements { program, .. } => visit(*program),
            Test::Fields(rules) => {
                rules.patterns.iter().for_each(|(_, program)| visit(*program));
                visit(rules.other);
            }
            Test::ExactlyOne(programs) => programs.iter().for_each(|program| visit(*program)),
            Test::Exists
            | Test::Type(_)
            | Test::Size(_)
            | Test::Mod { .. }
            | Test::Bits(_)
            | Test::Regex(_)
            | Test::In(_)
            | Test::Schema(_) => {}
        }
    }

    /// What testing this value costs, in units of the machine's budget: only patterns take long over one value.
    #[inline]
    pub(crate) fn work(&self, value: Value<'_>) -> u32 {
        let patterns = match self {
            Test::Regex(_) => 1,
            Test::In(set) => set.patterns.len(),
            _ => 0,
        };
        if patterns == 0 { 0 } else { pattern_work(patterns, value) }
    }

    /// Whether the test holds for one value that traversal reached. `None` for the tests that run programs, which are
    /// the interpreter's.
    pub(crate) fn holds(&self, value: Value<'_>, env: &Env<'_>) -> Option<Result<bool>> {
        Some(Ok(match self {
            Test::Exists => !value.is_nothing(),
            Test::Type(types) => types.contains(value.tag()),
            Test::Size(size) => value.as_array().is_some_and(|array| i64::try_from(array.iter().count()) == Ok(*size)),
            Test::Mod { divisor, remainder } => {
                to_truncated_i64(value).is_some_and(|number| number.wrapping_rem(*divisor) == *remainder)
            }
            Test::Bits(bits) => bits.holds(value),
            Test::Regex(regex) => return Some(regex_holds(regex, value, env)),
            Test::In(set) => return Some(set.contains(value, env)),
            Test::Schema(keyword) => keyword.holds(value),
            Test::ElemMatchObject(_)
            | Test::ElemMatchValue(_)
            | Test::Document(_)
            | Test::Elements { .. }
            | Test::Fields(_)
            | Test::ExactlyOne(_) => return None,
        }))
    }
}

/// How a comparison test reads the order of value and operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `$eq`.
    Eq,
    /// `$lt`.
    Lt,
    /// `$lte`.
    Lte,
    /// `$gt`.
    Gt,
    /// `$gte`.
    Gte,
}

impl Comparison {
    /// Whether a value that orders so against the operand satisfies the comparison.
    #[inline(always)]
    pub fn accepts(self, order: Ordering) -> bool {
        match self {
            Comparison::Eq => order.is_eq(),
            Comparison::Lt => order.is_lt(),
            Comparison::Lte => order.is_le(),
            Comparison::Gt => order.is_gt(),
            Comparison::Gte => order.is_ge(),
        }
    }
}
