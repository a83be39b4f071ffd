//! What a filter says about single paths: predicates with the index keys that a matching document must have.
//!
//! A predicate's intervals are never too narrow: a document that matches the filter has, at the predicate's path, a
//! key inside them. Where they also have no key of a document that does not match, the predicate is exact.

use smongo_vm::value::{Component, FieldPath, OwnedValue, RawDoc, Tag, Value, View};

use super::Residual;
use super::collated::Strings;
use super::interval::{Interval, Intervals};
use crate::ir::{ArrayRule, Filter, FilterPath, LeafTest};

/// What a document must have at a path to match.
#[derive(Clone, Debug)]
pub(super) struct Predicate {
    pub path: FieldPath,
    pub intervals: Intervals,
    /// Whether a key inside the intervals proves the condition, given that no array is on the path.
    pub exact: bool,
    /// Whether it does so where arrays are on the path, too.
    pub exact_in_arrays: bool,
    /// Whether the intervals hold only while no array is on the path.
    pub without_arrays: bool,
    /// Whether a document without the path cannot match.
    pub needs_field: bool,
    /// The `$elemMatch`es around the condition, outermost first.
    pub elements: Vec<ElementScope>,
    /// Which of the filter's conjuncts the condition is in.
    pub part: usize,
}

/// One `$elemMatch`: conditions within it speak of the same element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ElementScope {
    id: usize,
    /// The number of components of the array's path.
    depth: usize,
}

/// The predicates of a filter, all of which must hold.
#[derive(Debug)]
pub(super) struct Predicates<'f> {
    pub list: Vec<Predicate>,
    /// The conjuncts of the filter.
    pub parts: Vec<&'f Filter>,
    /// For each conjunct, how many conditions it has besides the exact predicates.
    others: Vec<usize>,
    part: usize,
    scopes: usize,
    strings: Strings<'f>,
}

/// Where conditions stand.
#[derive(Clone, Default)]
struct Scope {
    prefix: Vec<Component>,
    elements: Vec<ElementScope>,
}

impl<'f> Predicates<'f> {
    fn none(parts: Vec<&'f Filter>, strings: Strings<'f>) -> Self {
        Self { list: Vec::new(), others: vec![0; parts.len()], parts, part: 0, scopes: 0, strings }
    }

    /// Gathers the predicates of a filter, as an index sees them.
    pub fn of(filter: &'f Filter, strings: Strings<'f>) -> Self {
        let mut predicates = Self::none(conjuncts(filter), strings);
        for part in 0..predicates.parts.len() {
            predicates.part = part;
            predicates.gather(predicates.parts[part], &Scope::default());
        }
        predicates
    }

    /// How the filter's strings lie to those of the index.
    pub fn strings(&self) -> Strings<'f> {
        self.strings
    }

    /// What the filter asks for besides the predicates that are `proven`.
    pub fn residual(&self, proven: &[bool]) -> Residual {
        let holds = |part: usize| {
            let mut own = self.list.iter().zip(proven).filter(|(predicate, _)| predicate.part == part);
            self.others[part] == 0 && own.all(|(_, proven)| *proven)
        };
        let left: Vec<&Filter> =
            self.parts.iter().enumerate().filter(|(part, _)| !holds(*part)).map(|(_, part)| *part).collect();
        match left.as_slice() {
            [] => Residual::Nothing,
            all if all.len() == self.parts.len() => Residual::Whole,
            [one] => Residual::Part((*one).clone()),
            many => Residual::Part(Filter::And(many.iter().map(|part| (*part).clone()).collect())),
        }
    }

    /// Notes a condition that no exact predicate stands for.
    fn other(&mut self) {
        self.others[self.part] += 1;
    }

    fn has_others(&self) -> bool {
        self.others.iter().any(|others| *others > 0)
    }

    fn gather(&mut self, filter: &'f Filter, scope: &Scope) {
        match filter {
            Filter::Always(true) => {}
            Filter::And(parts) => parts.iter().for_each(|part| self.gather(part, scope)),
            Filter::Nor(parts) => parts.iter().for_each(|part| self.negated(part, scope)),
            Filter::Not(part) => self.negated(part, scope),
            Filter::Or(parts) => self.alternatives(parts, scope),
            Filter::Leaf { path, test } => self.leaf(path, test, scope),
            Filter::ElemMatchObject { path, filter } => self.element(path, filter, scope, true),
            Filter::ElemMatchValue { path, filter } => self.element(path, filter, scope, false),
            _ => self.other(),
        }
    }

    fn leaf(&mut self, path: &FilterPath, test: &LeafTest, scope: &Scope) {
        let keys = self.strings.of_index(test).and_then(|test| keys_of(&test, is_element(path)));
        match (path_in(scope, path), keys) {
            (Some(path), Some(keys)) => self.add(path, keys, scope),
            _ => self.other(),
        }
    }

    /// A condition that must not hold.
    fn negated(&mut self, filter: &'f Filter, scope: &Scope) {
        match filter {
            Filter::Leaf { path, test } => {
                let keys = self.strings.of_index(test).and_then(|test| keys_without(&test));
                match (path_in(scope, path), keys) {
                    (Some(path), Some(keys)) => self.add(path, keys, scope),
                    _ => self.other(),
                }
            }
            Filter::Not(part) => self.gather(part, scope),
            Filter::Or(parts) => parts.iter().for_each(|part| self.negated(part, scope)),
            _ => self.other(),
        }
    }

    /// Conditions of which one must hold: where all of them speak of a path, its keys are in one of their sets.
    fn alternatives(&mut self, parts: &'f [Filter], scope: &Scope) {
        let branches: Vec<Self> = parts.iter().map(|part| self.branch(part, scope)).collect();
        let Some((first, rest)) = branches.split_first() else {
            self.other();
            return;
        };
        let mut exact = false;
        for predicate in &first.list {
            let alike = |other: &&Predicate| other.path == predicate.path;
            let others = rest.iter().map(|branch| branch.list.iter().find(alike)).collect::<Option<Vec<_>>>();
            let Some(others) = others else { continue };
            let all = || others.iter().copied().chain([predicate]);
            exact = all().all(|predicate| predicate.exact)
                && branches.iter().all(|branch| !branch.has_others() && branch.list.len() == 1);
            self.list.push(Predicate {
                path: predicate.path.clone(),
                intervals: Intervals::union(all().flat_map(|predicate| predicate.intervals.as_slice().iter().cloned())),
                exact,
                exact_in_arrays: exact && all().all(|predicate| predicate.exact_in_arrays),
                without_arrays: all().any(|predicate| predicate.without_arrays),
                needs_field: all().all(|predicate| predicate.needs_field),
                elements: scope.elements.clone(),
                part: self.part,
            });
        }
        if !exact {
            self.other();
        }
    }

    fn branch(&self, filter: &'f Filter, scope: &Scope) -> Self {
        let mut branch = Self::none(vec![filter], self.strings);
        branch.gather(filter, scope);
        branch
    }

    /// `$elemMatch`.
    fn element(&mut self, path: &FilterPath, filter: &'f Filter, scope: &Scope, is_object: bool) {
        self.other();
        // Of an array in an array, an index has no elements.
        let Some(array) = path_in(scope, path).filter(|_| !is_element(path)) else { return };
        let mut inner = scope.clone();
        self.scopes += 1;
        inner.elements.push(ElementScope { id: self.scopes, depth: array.len() });
        inner.prefix = array.components().to_vec();
        if is_object {
            let keys = Keys { needs_field: true, ..Keys::inexact(Intervals::full()) };
            self.add(array, keys, scope);
        }
        self.gather(filter, &inner);
    }

    fn add(&mut self, path: FieldPath, keys: Keys, scope: &Scope) {
        let exact = keys.exact && scope.elements.is_empty();
        if !exact {
            self.other();
        }
        self.list.push(Predicate {
            path,
            intervals: keys.intervals,
            exact,
            exact_in_arrays: exact && keys.exact_in_arrays && keys.needs_field,
            without_arrays: keys.without_arrays,
            needs_field: keys.needs_field,
            elements: scope.elements.clone(),
            part: self.part,
        });
    }
}

/// The parts of a conjunction, those of conjunctions inside it among them.
pub(super) fn conjuncts(filter: &Filter) -> Vec<&Filter> {
    match filter {
        Filter::Always(true) => Vec::new(),
        Filter::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// Up to which component two predicates speak of the same array elements.
pub(super) fn shared_elements(a: &Predicate, b: &Predicate) -> usize {
    let common = a.elements.iter().rev().find(|scope| b.elements.contains(scope));
    common.map_or(0, |scope| scope.depth)
}

fn is_element(path: &FilterPath) -> bool {
    path.path.is_none()
}

/// The whole path of a condition; `None` where arrays on it are not walked.
fn path_in(scope: &Scope, path: &FilterPath) -> Option<FieldPath> {
    if path.arrays == ArrayRule::None {
        return None;
    }
    if let (Some(own), []) = (&path.path, scope.prefix.as_slice()) {
        return Some(own.clone());
    }
    let own = path.path.iter().flat_map(|path| path.components().iter().cloned());
    let whole = FieldPath::from_components(scope.prefix.iter().cloned().chain(own));
    (!whole.is_empty()).then_some(whole)
}

/// The index keys that a test leaves.
struct Keys {
    intervals: Intervals,
    exact: bool,
    /// Whether a key of one element says that the array satisfies the test.
    exact_in_arrays: bool,
    without_arrays: bool,
    needs_field: bool,
}

impl Keys {
    fn exact(intervals: Intervals) -> Self {
        Self { intervals, exact: true, exact_in_arrays: true, without_arrays: false, needs_field: true }
    }

    fn inexact(intervals: Intervals) -> Self {
        Self { exact: false, ..Self::exact(intervals) }
    }

    /// Keys among which are those of documents without the path.
    fn with_missing(self) -> Self {
        Self { needs_field: false, ..self }
    }
}

/// The keys of values that satisfy a test. `None` says nothing about keys.
fn keys_of(test: &LeafTest, is_element: bool) -> Option<Keys> {
    Some(match test {
        LeafTest::Eq(value) => equal_keys(value.get(), is_element),
        LeafTest::Lt(value) => range_keys(value.get(), Side::Below, false),
        LeafTest::Lte(value) => range_keys(value.get(), Side::Below, true),
        LeafTest::Gt(value) => range_keys(value.get(), Side::Above, false),
        LeafTest::Gte(value) => range_keys(value.get(), Side::Above, true),
        LeafTest::In { values, patterns } => {
            let mut keys = Keys::exact(Intervals::union([]));
            let mut intervals = Vec::new();
            let parts = values.iter().map(|value| equal_keys(value.get(), is_element));
            for part in parts.chain(patterns.iter().map(|(pattern, options)| pattern_keys(pattern, options))) {
                intervals.extend_from_slice(part.intervals.as_slice());
                keys.exact &= part.exact;
                keys.needs_field &= part.needs_field;
            }
            Keys { intervals: Intervals::union(intervals), ..keys }
        }
        LeafTest::Regex { pattern, options } => pattern_keys(pattern, options),
        LeafTest::Exists | LeafTest::Type(_) | LeafTest::Size(_) | LeafTest::Bits(_) => {
            Keys::inexact(Intervals::full())
        }
        LeafTest::Mod { .. } => Keys::inexact(Intervals::union([Interval::new(
            (Value::double(f64::NAN), true),
            (Value::double(f64::INFINITY), true),
        )])),
        LeafTest::Schema(_) => return None,
    })
}

/// The keys of documents none of whose values satisfies a test.
fn keys_without(test: &LeafTest) -> Option<Keys> {
    if let LeafTest::Exists = test {
        return Some(Keys::inexact(Intervals::point(Value::NULL)).with_missing());
    }
    let values: Vec<Value<'_>> = match test {
        LeafTest::Eq(value)
        | LeafTest::Lt(value)
        | LeafTest::Lte(value)
        | LeafTest::Gt(value)
        | LeafTest::Gte(value) => {
            vec![value.get()]
        }
        LeafTest::In { values, patterns } if patterns.is_empty() => values.iter().map(OwnedValue::get).collect(),
        _ => return None,
    };
    let keys = keys_of(test, false)?;
    if !keys.exact {
        return None;
    }
    // A path behind an array's scalar elements has null keys, and yet nothing there that a test would look at.
    let without_arrays = values.iter().any(|value| value.tag() == Tag::Null);
    let intervals = keys.intervals.complement();
    Some(Keys { without_arrays, exact_in_arrays: false, ..Keys::exact(intervals) }.with_missing())
}

fn equal_keys(value: Value<'_>, is_element: bool) -> Keys {
    match value.view() {
        View::Null => Keys::exact(Intervals::point(value)).with_missing(),
        View::Array(array) => {
            let mut points = vec![value];
            if !is_element {
                // Of an array that is equal as a whole, the index has the elements.
                points.push(array.values().next().unwrap_or(Value::UNDEFINED));
            }
            Keys::inexact(Intervals::union(points.iter().map(|point| Interval::new((*point, true), (*point, true)))))
        }
        View::Undefined | View::Nothing => Keys::inexact(Intervals::full()).with_missing(),
        _ => Keys::exact(Intervals::point(value)),
    }
}

/// On which side of an operand the values lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Above,
}

/// The values of the operand's type on one side of it.
fn range_keys(operand: Value<'_>, side: Side, inclusive: bool) -> Keys {
    if operand.tag() == Tag::Null {
        return Keys::inexact(Intervals::point(operand)).with_missing();
    }
    if operand.is_number() && is_nan(operand) {
        return Keys::inexact(Intervals::point(operand));
    }
    let (least, greatest) = match operand.view() {
        View::Int32(_) | View::Int64(_) | View::Double(_) | View::Decimal128(_) => {
            ((Value::double(f64::NEG_INFINITY), true), (Value::double(f64::INFINITY), true))
        }
        View::String(_) => ((Value::string(""), true), (Value::document(RawDoc::EMPTY), false)),
        View::Document(_) => ((Value::document(RawDoc::EMPTY), true), (Value::array(RawDoc::EMPTY), false)),
        View::Binary { .. } => ((Value::binary(0, &[]), true), (Value::object_id(&[0; 12]), false)),
        View::ObjectId(_) => ((Value::object_id(&[0; 12]), true), (Value::object_id(&[0xff; 12]), true)),
        View::Bool(_) => ((Value::FALSE, true), (Value::TRUE, true)),
        View::DateTime(_) => ((Value::date_time(i64::MIN), true), (Value::date_time(i64::MAX), true)),
        View::Timestamp(_) => ((Value::timestamp(0), true), (Value::timestamp(u64::MAX), true)),
        _ => return Keys::inexact(Intervals::full()).with_missing(),
    };
    let interval = match side {
        Side::Below => Interval::new(least, (operand, inclusive)),
        Side::Above => Interval::new((operand, inclusive), greatest),
    };
    Keys::exact(Intervals::union([interval]))
}

fn is_nan(value: Value<'_>) -> bool {
    match value.view() {
        View::Double(value) => value.is_nan(),
        View::Decimal128(value) => value.is_nan(),
        _ => false,
    }
}

/// Strings that may match a pattern, and the pattern itself as a value.
fn pattern_keys(pattern: &str, options: &str) -> Keys {
    let prefix = literal_prefix(pattern, options);
    let strings = match (&prefix, prefix.as_deref().and_then(after)) {
        (Some(prefix), Some(end)) => Interval::new((Value::string(prefix), true), (Value::string(&end), false)),
        (Some(prefix), None) => Interval::new((Value::string(prefix), true), (Value::document(RawDoc::EMPTY), false)),
        (None, _) => Interval::new((Value::string(""), true), (Value::document(RawDoc::EMPTY), false)),
    };
    Keys::inexact(Intervals::union([strings, regex_interval(pattern, options)]))
}

/// The pattern itself as a value, which it matches too.
fn regex_interval(pattern: &str, options: &str) -> Interval {
    let mut bytes = Vec::with_capacity(pattern.len() + options.len() + 2);
    bytes.extend_from_slice(pattern.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(options.as_bytes());
    bytes.push(0);
    match Value::decode(Tag::Regex as u8, &bytes) {
        Some((value, _)) => Interval::new((value, true), (value, true)),
        // A pattern with NUL inside is no BSON value; its place among regular expressions is all that is known.
        None => Interval::new((Value::timestamp(u64::MAX), false), (Value::MAX_KEY, true)),
    }
}

/// The text with which every match of a pattern begins, where the pattern says so at its start.
fn literal_prefix(pattern: &str, options: &str) -> Option<String> {
    let anchored = pattern.strip_prefix('^').or_else(|| pattern.strip_prefix("\\A"))?;
    // Ignoring case or white space and anchors at every line change what a literal is; `|` offers other beginnings.
    if options.contains(['i', 'm', 'x']) || pattern.contains('|') {
        return None;
    }
    let mut prefix = String::new();
    let mut chars = anchored.chars();
    while let Some(char) = chars.next() {
        match char {
            // These make what stands before them optional.
            '*' | '?' | '{' => {
                prefix.pop();
                break;
            }
            '\\' => match chars.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => prefix.push(escaped),
                _ => break,
            },
            '.' | '[' | ']' | '(' | ')' | '^' | '$' | '+' | '}' => break,
            literal => prefix.push(literal),
        }
    }
    (!prefix.is_empty()).then_some(prefix)
}

/// The least text that is greater than every text beginning with `prefix`.
fn after(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_what_every_match_begins_with() {
        for (pattern, options, prefix) in [
            ("^abc", "", Some("abc")),
            ("\\Aabc", "", Some("abc")),
            ("^abc.*", "s", Some("abc")),
            ("^ab?c", "", Some("a")),
            ("^ab*", "", Some("a")),
            ("^a{0,2}", "", None),
            ("^a+b", "", Some("a")),
            ("^a\\.b\\d", "", Some("a.b")),
            ("^abc", "i", None),
            ("^abc", "m", None),
            ("^a b", "x", None),
            ("^a|b", "", None),
            ("^a$", "", Some("a")),
            ("^", "", None),
            ("abc", "", None),
        ] {
            assert_eq!(literal_prefix(pattern, options).as_deref(), prefix, "/{pattern}/{options}");
        }
    }

    #[test]
    fn the_text_after_a_prefix_exists_unless_it_is_the_last() {
        assert_eq!(after("ab").as_deref(), Some("ac"));
        assert_eq!(after("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(after("\u{10ffff}"), None);
    }
}
