//! Expressions: values computed from a document with MongoDB's expression semantics.

use smongo_vm::func::Function;
use smongo_vm::value::{FieldPath, OwnedValue};

/// A variable bound by `$let`, `$map`, `$filter` or `$reduce`, numbered uniquely within one request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Variable(pub u32);

/// A comparison over the total order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    /// `$cmp`: -1, 0 or 1.
    Cmp,
}

/// An expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A constant; `NOTHING` is `$$REMOVE`.
    Const(OwnedValue),
    /// The whole current document: `$$ROOT`, and `$$CURRENT` where it has not been rebound.
    Root,
    /// `"$a.b"`.
    Field(FieldPath),
    /// `"$$name"` bound by an enclosing operator.
    Variable(Variable),
    /// `"$$name.a.b"`: a path walked from a value.
    Walk(Box<Expr>, FieldPath),
    /// A variable handed in with the request, by position in the environment.
    Env(EnvVar),
    /// A named argument that the request left out; stands only among the arguments of a [`Expr::Call`].
    Absent,
    /// A function of the table; arguments are in the table's order.
    Call {
        /// The row.
        function: &'static Function,
        /// The arguments.
        args: Vec<Expr>,
        /// Evaluated instead when the function fails with a conversion error (`$convert`'s `onError`).
        on_error: Option<Box<Expr>>,
    },
    /// A comparison over the total order.
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    /// `$and`, stopping at the first that is not true.
    And(Vec<Expr>),
    /// `$or`, stopping at the first that is true.
    Or(Vec<Expr>),
    /// `$not`.
    Not(Box<Expr>),
    /// `$cond`.
    Cond {
        /// The condition.
        condition: Box<Expr>,
        /// Evaluated when it is true.
        then: Box<Expr>,
        /// Evaluated when it is not.
        otherwise: Box<Expr>,
    },
    /// `$switch`.
    Switch {
        /// Conditions with their values, tried in order.
        branches: Vec<(Expr, Expr)>,
        /// Evaluated when no branch applies; without it the run fails with 40066.
        default: Option<Box<Expr>>,
    },
    /// `$ifNull`: the first that is present, else the last.
    IfNull(Vec<Expr>),
    /// `$let`; the bindings see only outer variables.
    Let {
        /// Variables with their values.
        bindings: Vec<(Variable, Expr)>,
        /// Evaluated with the variables bound.
        body: Box<Expr>,
    },
    /// `$map`.
    Map {
        /// The array; nullish gives null, other types fail with 16883.
        input: Box<Expr>,
        /// Bound to each element.
        element: Variable,
        /// Bound to each index, when the request names it.
        index: Option<Variable>,
        /// Evaluated for each element.
        body: Box<Expr>,
    },
    /// `$filter`.
    Filter {
        /// The array; nullish gives null, other types fail with 28651.
        input: Box<Expr>,
        /// Bound to each element.
        element: Variable,
        /// Bound to each index, when the request names it.
        index: Option<Variable>,
        /// Kept when true.
        condition: Box<Expr>,
        /// At most this many are kept.
        limit: Option<Box<Expr>>,
    },
    /// `$reduce`.
    Reduce {
        /// The array; nullish gives null, other types fail with 40080.
        input: Box<Expr>,
        /// `$$value` before the first element.
        initial: Box<Expr>,
        /// `$$value`.
        accumulator: Variable,
        /// `$$this`.
        element: Variable,
        /// Bound to each index, when the request names it.
        index: Option<Variable>,
        /// The next `$$value`.
        body: Box<Expr>,
    },
    /// A document literal.
    Document(Vec<(String, Expr)>),
    /// An array literal.
    Array(Vec<Expr>),
}

/// A variable of the environment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EnvVar {
    /// `$$NOW`.
    Now,
    /// `$$CLUSTER_TIME`.
    ClusterTime,
    /// The n-th of the request's `let` variables.
    Let(u16),
}
