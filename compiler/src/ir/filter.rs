//! Filters: predicates over documents with MongoDB's match semantics.

use smongo_vm::Result;
use smongo_vm::program::{BitTest, TypeSet};
use smongo_vm::schema::SchemaTest;
use smongo_vm::value::{FieldPath, OwnedValue, Value};

use super::Expr;

/// How the leaf of a path treats an array found there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ArrayRule {
    /// The test holds when it holds for an element or for the array as a whole. Interior arrays are walked.
    #[default]
    AnyElement,
    /// The array itself is tested (`$size`, `$type: "array"`, `$elemMatch`). Interior arrays are walked.
    Whole,
    /// No array is walked anywhere on the path (`$jsonSchema`).
    None,
}

/// A path with its array rule. The empty path is the value under test itself, inside `$elemMatch` and the like.
#[derive(Clone, PartialEq, Debug)]
pub struct FilterPath {
    /// The dotted path; `None` is the value itself.
    pub path: Option<FieldPath>,
    /// What happens at an array.
    pub arrays: ArrayRule,
}

/// A predicate on one value.
#[derive(Clone, Debug)]
pub enum LeafTest {
    /// `$eq`; null also matches missing, but not undefined (since MongoDB 8.0).
    Eq(OwnedValue),
    /// `$lt`, within the operand's type class.
    Lt(OwnedValue),
    /// `$lte`, within the operand's type class.
    Lte(OwnedValue),
    /// `$gt`, within the operand's type class.
    Gt(OwnedValue),
    /// `$gte`, within the operand's type class.
    Gte(OwnedValue),
    /// `$in`: equals one of the values or matches one of the patterns (pattern, options).
    In {
        /// The plain values.
        values: Vec<OwnedValue>,
        /// The regular expressions among the values.
        patterns: Vec<(String, String)>,
    },
    /// `$regex` or a regex literal: matches strings and symbols, and equals a regex value with the same source.
    Regex {
        /// PCRE source.
        pattern: String,
        /// Option letters.
        options: String,
    },
    /// `$exists: true`.
    Exists,
    /// `$type`.
    Type(TypeSet),
    /// `$size`. A negative size cannot be expressed; the front end rejects it.
    Size(i64),
    /// `$mod`.
    Mod {
        /// Not zero.
        divisor: i64,
        /// Compared with the truncated remainder.
        remainder: i64,
    },
    /// `$bitsAllSet` and its family.
    Bits(BitTest),
    /// A keyword of `$jsonSchema` that looks at one value.
    Schema(SchemaTest),
}

/// A predicate on a document.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Matches everything (`true`) or nothing (`false`).
    Always(bool),
    /// Every part matches. Empty matches everything.
    And(Vec<Filter>),
    /// Some part matches. Empty matches nothing.
    Or(Vec<Filter>),
    /// No part matches.
    Nor(Vec<Filter>),
    /// The part does not match.
    Not(Box<Filter>),
    /// A predicate on the values at a path.
    Leaf {
        /// Where.
        path: FilterPath,
        /// What.
        test: LeafTest,
    },
    /// `$elemMatch` over documents: some element of the array at the path is a document (or array) that matches.
    ElemMatchObject {
        /// Where the array is; its rule is [`ArrayRule::Whole`].
        path: FilterPath,
        /// What the element must match.
        filter: Box<Filter>,
    },
    /// `$elemMatch` over values: some element of the array satisfies tests on the empty path.
    ElemMatchValue {
        /// Where the array is; its rule is [`ArrayRule::Whole`].
        path: FilterPath,
        /// Leaves with the empty path, combined.
        filter: Box<Filter>,
    },
    /// `$expr`: the expression is true.
    Expr(Box<Expr>),
    /// `$sampleRate`: true with this probability.
    SampleRate(f64),
    /// Exactly one part matches (`oneOf` of `$jsonSchema`).
    ExactlyOne(Vec<Filter>),
    /// The value at the path is a document and the filter matches it (`properties` below the first level).
    Document {
        /// Where the document is.
        path: FilterPath,
        /// What it must match; its paths begin in that document.
        filter: Box<Filter>,
    },
    /// Every element in a range of the array at the path satisfies tests on the empty path (`items`). A value that is
    /// no array has no elements to fail.
    Elements {
        /// Where the array is.
        path: FilterPath,
        /// The first position.
        from: u32,
        /// The position after the last; `None` is the array's end.
        to: Option<u32>,
        /// What an element must match, as the value under test.
        filter: Box<Filter>,
    },
    /// Every field of the document under test satisfies what its name asks for (`patternProperties`,
    /// `additionalProperties`).
    Fields {
        /// Names that `other` does not speak of.
        known: Vec<String>,
        /// Patterns with what the value of each field of such a name must match, as the value under test.
        patterns: Vec<(String, Filter)>,
        /// What the values of all other fields must match.
        other: Box<Filter>,
    },
}

impl Filter {
    /// The same filter with other values in place of the parameters.
    pub fn bind(&self, params: &[Value<'_>]) -> Result<Self> {
        let all = |parts: &[Filter]| parts.iter().map(|part| part.bind(params)).collect::<Result<Vec<_>>>();
        Ok(match self {
            Filter::And(parts) => Filter::And(all(parts)?),
            Filter::Or(parts) => Filter::Or(all(parts)?),
            Filter::Nor(parts) => Filter::Nor(all(parts)?),
            Filter::Not(part) => Filter::Not(Box::new(part.bind(params)?)),
            Filter::Leaf { path, test } => Filter::Leaf { path: path.clone(), test: test.bind(params)? },
            Filter::ElemMatchObject { path, filter } => {
                Filter::ElemMatchObject { path: path.clone(), filter: Box::new(filter.bind(params)?) }
            }
            Filter::ElemMatchValue { path, filter } => {
                Filter::ElemMatchValue { path: path.clone(), filter: Box::new(filter.bind(params)?) }
            }
            // No literal in these is a parameter: see `crate::shape`.
            Filter::Always(_)
            | Filter::Expr(_)
            | Filter::SampleRate(_)
            | Filter::ExactlyOne(_)
            | Filter::Document { .. }
            | Filter::Elements { .. }
            | Filter::Fields { .. } => self.clone(),
        })
    }
}

impl LeafTest {
    /// The same test with other values in place of the parameters.
    fn bind(&self, params: &[Value<'_>]) -> Result<Self> {
        Ok(match self {
            LeafTest::Eq(value) => LeafTest::Eq(value.bind(params)?),
            LeafTest::Lt(value) => LeafTest::Lt(value.bind(params)?),
            LeafTest::Lte(value) => LeafTest::Lte(value.bind(params)?),
            LeafTest::Gt(value) => LeafTest::Gt(value.bind(params)?),
            LeafTest::Gte(value) => LeafTest::Gte(value.bind(params)?),
            LeafTest::In { values, patterns } => LeafTest::In {
                values: values.iter().map(|value| value.bind(params)).collect::<Result<_>>()?,
                patterns: patterns.clone(),
            },
            LeafTest::Regex { .. }
            | LeafTest::Exists
            | LeafTest::Type(_)
            | LeafTest::Size(_)
            | LeafTest::Mod { .. }
            | LeafTest::Bits(_)
            | LeafTest::Schema(_) => self.clone(),
        })
    }
}
