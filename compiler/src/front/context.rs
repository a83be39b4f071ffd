//! What a parser carries along: variables in scope, a counter that names new ones, how deep it stands, and which literals
//! are parameters.

use std::sync::Arc;

use smongo_vm::code::Code;
use smongo_vm::collation::Collation;
use smongo_vm::limits::MAX_DOCUMENT_DEPTH;
use smongo_vm::value::{DocBuf, OwnedValue, ParamId, Value};
use smongo_vm::{Error, Result};

use crate::ir::Expr;
use crate::ir::expr::{EnvVar, Variable};
use crate::shape::is_parameter;

/// The system's variables, which are in scope everywhere.
static SYSTEM: [(&str, Expr); 5] = [
    ("ROOT", Expr::Root),
    ("CURRENT", Expr::Root),
    ("REMOVE", Expr::Const(OwnedValue::NOTHING)),
    ("NOW", Expr::Env(EnvVar::Now)),
    ("CLUSTER_TIME", Expr::Env(EnvVar::ClusterTime)),
];

/// Tells which names stand for views, so that stages can read them.
pub trait Views: std::fmt::Debug + Send + Sync {
    /// What a name stands for; `None` when it is no view.
    fn resolve(&self, db: &str, coll: &str) -> Option<ResolvedView>;
}

/// A view, down to the collection that it reads in the end.
#[derive(Clone, Debug)]
pub struct ResolvedView {
    /// The collection, in the view's database.
    pub coll: String,
    /// What makes the view's documents of the collection's, as an array of stages.
    pub pipeline: DocBuf,
    /// By which its strings compare; bytewise without one. Requests that read it must have the same.
    pub collation: Option<DocBuf>,
}

/// The state of one request's parsing. One context serves all filters and expressions of a request, so that variables
/// are numbered uniquely within it.
#[derive(Clone, Debug)]
pub struct ParseContext {
    scope: Vec<(String, Expr)>,
    variables: u32,
    lets: u16,
    depth: usize,
    views: Option<Arc<dyn Views>>,
    params: Params,
    collation: Option<Arc<Collation>>,
    metadata: Option<Metadata>,
}

/// What documents bring along besides their fields: it lies in fields of its own, which the request cannot name.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    /// Whether there is an account of the score.
    pub details: bool,
    /// Names that were bound before.
    bound: usize,
}

impl Metadata {
    /// The field that holds `{$meta: "score"}`.
    pub const SCORE: &str = "\u{1}score";

    /// The field that holds `{$meta: "scoreDetails"}`.
    pub const SCORE_DETAILS: &str = "\u{1}scoreDetails";
}

/// Which literals of the filter being parsed are parameters.
#[derive(Clone, Debug, Default)]
enum Params {
    /// None is.
    #[default]
    Off,
    /// Those that [`is_parameter`] says, numbered in the order in which they are met: these so far.
    Numbered(Vec<OwnedValue>),
}

impl ParseContext {
    /// A context where the system's variables are in scope.
    pub fn new() -> Self {
        let views = None;
        let (params, collation, metadata) = (Params::Off, None, None);
        Self { scope: Vec::new(), variables: 0, lets: 0, depth: 0, views, params, collation, metadata }
    }

    /// The same, for a request whose strings compare as a collation says.
    #[must_use]
    pub fn with_collation(self, collation: Option<Arc<Collation>>) -> Self {
        Self { collation, ..self }
    }

    /// The collation under which the request's programs compare strings.
    pub fn collation(&self) -> Option<&Arc<Collation>> {
        self.collation.as_ref()
    }

    /// The same, where stages may read views.
    #[must_use]
    pub fn with_views(self, views: Arc<dyn Views>) -> Self {
        Self { views: Some(views), ..self }
    }

    /// A context for the pipeline of a view that this request reads: it sees none of the request's variables.
    pub fn of_view(&self) -> Self {
        Self { views: self.views.clone(), collation: self.collation.clone(), ..Self::new() }
    }

    /// From here on documents have a score, and `$$ROOT` is `root`, which does not show it.
    pub(crate) fn begin_metadata(&mut self, details: bool, root: Expr) {
        self.metadata = Some(Metadata { details, bound: self.scope.len() });
        self.bind("ROOT", root);
    }

    /// From here on documents have their fields alone.
    pub(crate) fn end_metadata(&mut self) {
        if let Some(metadata) = self.metadata.take() {
            self.scope.truncate(metadata.bound);
        }
    }

    /// What documents bring along besides their fields.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        self.metadata
    }

    /// The view that a name stands for.
    pub fn view(&self, db: &str, coll: &str) -> Option<ResolvedView> {
        self.views.as_ref()?.resolve(db, coll)
    }

    /// Declares the next of the request's `let` variables, which stands at that position in the environment.
    pub fn declare_let(&mut self, name: &str) -> Result<EnvVar> {
        check_writable_name(name)?;
        let variable = EnvVar::Let(self.lets);
        self.lets = self.lets.checked_add(1).ok_or_else(|| Error::failed_to_parse("too many variables in 'let'"))?;
        self.bind(name, Expr::Env(variable));
        Ok(variable)
    }

    /// Parses a filter with its literals as parameters. Gives them with what `parse` gives.
    pub(crate) fn with_params<R>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<(R, Vec<OwnedValue>)> {
        self.params = Params::Numbered(Vec::new());
        let result = parse(self);
        let met = std::mem::take(&mut self.params);
        Ok((result?, if let Params::Numbered(met) = met { met } else { Vec::new() }))
    }

    /// A copy of a literal that a filter compares with, marked with its number when it is a parameter.
    pub(crate) fn literal(&mut self, value: Value<'_>) -> OwnedValue {
        match &mut self.params {
            Params::Numbered(met) if is_parameter(value) => {
                let literal = OwnedValue::new(value);
                met.push(literal.clone());
                // A shape has fewer parameters than there are numbers, so that one without cannot be taken for another.
                u16::try_from(met.len() - 1).map_or(literal, |number| OwnedValue::of_param(value, ParamId(number)))
            }
            _ => OwnedValue::new(value),
        }
    }

    /// How many `let` variables have been declared.
    pub fn let_count(&self) -> usize {
        usize::from(self.lets)
    }

    /// A variable that no other operator of the request uses.
    pub fn fresh_variable(&mut self) -> Variable {
        let variable = Variable(self.variables);
        self.variables += 1;
        variable
    }

    /// Gives `name` a meaning until the enclosing [`ParseContext::scoped`] ends. The name is not checked: operators
    /// that take names from the request call [`check_writable_name`] first.
    pub fn bind(&mut self, name: &str, meaning: Expr) {
        self.scope.push((name.to_owned(), meaning));
    }

    /// Runs `parse` and then forgets the names it bound.
    pub fn scoped<R>(&mut self, parse: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let outer = self.scope.len();
        let result = parse(self);
        self.scope.truncate(outer);
        result
    }

    /// The meaning of `$$name`.
    pub fn lookup(&self, name: &str) -> Result<&Expr> {
        let bound = self.scope.iter().rev().find(|(bound, _)| bound == name).map(|(_, meaning)| meaning);
        let system = || SYSTEM.iter().find(|(known, _)| *known == name).map(|(_, meaning)| meaning);
        match bound.or_else(system) {
            Some(meaning) => Ok(meaning),
            None => Err(Error::location(17276, format!("Use of undefined variable: {name}"))),
        }
    }

    /// Runs `parse` one level deeper, unless that is deeper than a document can be nested.
    pub fn nested<R>(&mut self, parse: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        if self.depth >= MAX_DOCUMENT_DEPTH {
            let message = format!("The request is nested deeper than {MAX_DOCUMENT_DEPTH} levels");
            return Err(Error::new(Code::OVERFLOW, message));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Levels of [`ParseContext::nested`] around the caller.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

impl Default for ParseContext {
    fn default() -> Self {
        Self::new()
    }
}

/// Fails unless a request may bind a variable of this name: it begins with a lower-case letter or a non-ASCII
/// character and goes on with letters, digits and underscores; `CURRENT` is the exception.
pub fn check_writable_name(name: &str) -> Result<()> {
    if name == "CURRENT" {
        return Ok(());
    }
    check_name(name, |first| first.is_ascii_lowercase() || !first.is_ascii(), "user variable name")
}

/// Fails unless a variable of this name could exist.
pub fn check_readable_name(name: &str) -> Result<()> {
    check_name(name, |first| first.is_ascii_alphabetic() || !first.is_ascii(), "variable name")
}

fn check_name(name: &str, may_begin: impl Fn(char) -> bool, kind: &str) -> Result<()> {
    let mut characters = name.chars();
    let Some(first) = characters.next() else {
        return Err(Error::failed_to_parse("empty variable names are not allowed"));
    };
    if !may_begin(first) {
        return Err(Error::failed_to_parse(format!("'{name}' starts with an invalid character for a {kind}")));
    }
    match characters.find(|&c| !(c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii())) {
        None => Ok(()),
        Some(odd) => {
            Err(Error::failed_to_parse(format!("'{name}' contains an invalid character for a variable name: '{odd}'")))
        }
    }
}
