//! Expression functions by family.
//!
//! A function is a row: name, arguments, documentation, examples, evaluation. The compiler's parser, `COMPAT.md`, the
//! documentation tests and the interpreter's `call` instruction all read the same row, so an operator has one home.
//! Operators that do not evaluate all their arguments (`$cond`, `$and`, `$map`, …) are instructions, not functions;
//! their homes are in the compiler's `front/expr`.
//!
//! A function gets evaluated arguments. A positional argument that evaluated to a missing field arrives as
//! [`Value::NOTHING`]. An argument given by name arrives as `NOTHING` only when it was left out of the request; one
//! that evaluated to missing arrives as null.

mod arith;
mod array;
mod bit;
pub(crate) mod build;
mod convert;
mod data;
mod date;
mod display;
mod generate;
mod hashing;
pub(crate) mod number;
mod object;
mod regex;
mod row;
mod set;
pub(crate) mod sorted;
pub(crate) mod stats;
mod string;
mod timestamp;
mod trig;
pub mod truth;
mod types;
mod vector;

use bumpalo::Bump;

pub use build::check_string;
pub use date::TimeUnit;

use crate::env::Env;
use crate::error::Result;
use crate::value::{StringOrder, Value};

/// What a function may use besides its arguments.
pub struct Context<'c, 'd> {
    /// Where results that are not scalars are built; lives until the machine starts on the next document.
    pub arena: &'d Bump,
    /// Time, randomness and interruption.
    pub env: &'c Env<'c>,
    /// The collation by which strings are compared; bytewise without one.
    pub strings: Option<&'c dyn StringOrder>,
}

/// The evaluation of a function over its arguments, in declaration order.
pub type Eval = for<'d> fn(&mut Context<'_, 'd>, &[Value<'d>]) -> Result<Value<'d>>;

/// An error of the request's form: MongoDB's code and its wording, in which the parser replaces `{op}` by the operator's
/// name, `{name}` by the argument's name, `{type}` by the type of what was given, `{value}` by what was given, and
/// `{count}` by how many were given.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// MongoDB's error code.
    pub code: i32,
    /// The wording, with placeholders.
    pub text: &'static str,
}

impl Fault {
    /// A fault with this code and wording.
    pub const fn new(code: i32, text: &'static str) -> Self {
        Self { code, text }
    }
}

/// What becomes of an argument given by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It is evaluated and handed to the function.
    Argument,
    /// It is not handed over; it is evaluated instead of the function when the first argument is missing, null or
    /// undefined.
    OnNull,
    /// It is not handed over; it is evaluated when the function fails with `ConversionFailure` (241).
    OnError,
}

/// An argument given by name.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The field name in the request.
    pub name: &'static str,
    /// The error when it is left out; `None` when it may be.
    pub required: Option<Fault>,
    /// What becomes of it.
    pub role: Role,
}

impl Param {
    /// An argument that must be given.
    pub const fn required(name: &'static str, missing: Fault) -> Self {
        Self { name, required: Some(missing), role: Role::Argument }
    }

    /// An argument that may be left out, and then arrives as `NOTHING`.
    pub const fn optional(name: &'static str) -> Self {
        Self { name, required: None, role: Role::Argument }
    }

    /// The argument `onNull`.
    pub const ON_NULL: Param = Param { name: "onNull", required: None, role: Role::OnNull };

    /// The argument `onError`.
    pub const ON_ERROR: Param = Param { name: "onError", required: None, role: Role::OnError };
}

/// How a function takes its arguments.
#[derive(Clone, Copy, Debug)]
pub enum Args {
    /// Exactly this many, as `{$f: [a, b]}`; with one, also `{$f: a}`. Otherwise error 16020.
    Exactly(usize),
    /// Between these many, inclusive. Otherwise error 28667.
    Between(usize, usize),
    /// Any number, as `{$f: [a, …]}` or `{$f: a}`.
    Any,
    /// One, as `{$f: a}` or `{$f: [a]}`; an array of another length is this fault.
    One(Fault),
    /// A document of named arguments, handed over in this order.
    Named {
        /// The arguments.
        params: &'static [Param],
        /// When the argument of the operator is not a document.
        not_a_document: Fault,
        /// For a name that is not among `params`.
        unknown: Fault,
    },
    /// A document of named arguments as in `Named`, or the first of them alone: `{$f: {date: a, timezone: b}}`,
    /// `{$f: a}` or `{$f: [a]}`. A document is the named form unless its first field begins with `$`; inside `[…]` it
    /// is a plain argument. Arguments that the plain form cannot give count as left out.
    PlainOrNamed {
        /// The arguments.
        params: &'static [Param],
        /// When `[…]` does not hold exactly one argument.
        count: Fault,
        /// For a name that is not among `params`.
        unknown: Fault,
    },
}

impl Args {
    /// Whether the evaluation may be handed this many arguments.
    pub fn admit(&self, count: usize) -> bool {
        match self {
            Args::Exactly(wanted) => count == *wanted,
            Args::Between(least, most) => (*least..=*most).contains(&count),
            Args::Any => true,
            Args::One(_) => count == 1,
            Args::Named { params, .. } | Args::PlainOrNamed { params, .. } => {
                count == params.iter().filter(|param| param.role == Role::Argument).count()
            }
        }
    }
}

/// An example that documents a function and is run as a test. All parts are extended JSON, loose form.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The input document.
    pub document: &'static str,
    /// The expression.
    pub expression: &'static str,
    /// Its value; `"missing"` (unquoted) where there is none.
    pub value: &'static str,
}

/// A row of the function table.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The operator, with its dollar sign.
    pub name: &'static str,
    /// Arguments.
    pub args: Args,
    /// Whether the result depends on the arguments alone, so that a call with constants is folded.
    pub pure: bool,
    /// One line of documentation.
    pub doc: &'static str,
    /// Examples, at least one.
    pub examples: &'static [Example],
    /// Evaluation.
    pub eval: Eval,
}

/// Every function, family by family.
pub static FAMILIES: &[&[Function]] = &[
    arith::FUNCTIONS,
    array::FUNCTIONS,
    bit::FUNCTIONS,
    convert::FUNCTIONS,
    data::FUNCTIONS,
    date::FUNCTIONS,
    generate::FUNCTIONS,
    hashing::FUNCTIONS,
    object::FUNCTIONS,
    regex::FUNCTIONS,
    set::FUNCTIONS,
    sorted::FUNCTIONS,
    stats::FUNCTIONS,
    string::FUNCTIONS,
    timestamp::FUNCTIONS,
    trig::FUNCTIONS,
    types::FUNCTIONS,
    vector::FUNCTIONS,
];

/// The function of this operator name, dollar sign included.
pub fn find(name: &str) -> Option<&'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|function| function.name == name)
}
