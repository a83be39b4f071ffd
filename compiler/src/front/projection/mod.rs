//! Projections: the second argument of find, `$project`, `$unset`, `$set` and `$addFields`.
//!
//! All of them name fields by dotted paths or nested documents and say what becomes of each. A find projection also
//! knows `$slice`, `$elemMatch` and the positional `"a.$"`.

mod operators;
mod tree;

use smongo_vm::limits::MAX_DOCUMENT_DEPTH;
use smongo_vm::program::ProjectionKind;
use smongo_vm::value::{RawDoc, Tag, Value};
use smongo_vm::{Code, Error, Result};

use self::tree::TreeBuilder;
use super::context::ParseContext;
use super::expr;
use crate::ir::{FieldAction, Projection};

/// Whose rules apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dialect {
    Find,
    Aggregate,
}

/// Parses a find projection. `{}` keeps everything and gives `None`.
pub fn parse_find(spec: &RawDoc, ctx: &mut ParseContext) -> Result<Option<Projection>> {
    if spec.is_empty() {
        return Ok(None);
    }
    Parser::new(Dialect::Find, ctx).parse(spec).map(Some)
}

/// Parses a `$project` specification.
pub fn parse_project(spec: &RawDoc, ctx: &mut ParseContext) -> Result<Projection> {
    if spec.is_empty() {
        return Err(Error::location(
            51272,
            "Invalid $project :: caused by :: projection specification must have at least one field",
        ));
    }
    Parser::new(Dialect::Aggregate, ctx)
        .parse(spec)
        .map_err(|error| error.with_prefix("Invalid $project :: caused by :: "))
}

/// Parses a `$set` or `$addFields` specification; `stage` is the name to give in errors.
pub fn parse_add_fields(spec: &RawDoc, stage: &str, ctx: &mut ParseContext) -> Result<Projection> {
    let prefix = format!("Invalid {stage} :: caused by :: ");
    let mut tree = TreeBuilder::default();
    add_fields(spec, "", &mut tree, ctx).map_err(|error| error.with_prefix(&prefix))?;
    Ok(Projection { kind: ProjectionKind::AddFields, tree: tree.finish() })
}

fn add_fields(spec: &RawDoc, parent: &str, tree: &mut TreeBuilder, ctx: &mut ParseContext) -> Result<()> {
    for element in spec.iter() {
        let path = join(parent, element.name_str());
        if !parent.is_empty() && element.name().contains(&b'.') {
            let message = format!("cannot use dotted field name '{}' in a sub object", element.name_str());
            return Err(Error::location(40183, message));
        }
        match element.value().as_doc() {
            Some(inner) if inner.is_empty() => return Err(empty_sub_projection(&path)),
            Some(inner) if !is_operator_object(inner) => {
                check_path(element.name_str())?;
                ctx.nested(|ctx| add_fields(inner, &path, tree, ctx))?;
            }
            Some(inner) if inner.iter().nth(1).is_some() => {
                return Err(Error::location(
                    40181,
                    format!(
                        "an expression specification must contain exactly one field, the name of the expression. Found {} fields in {inner:?}",
                        inner.iter().count()
                    ),
                ));
            }
            _ => {
                check_path(element.name_str())?;
                let value = expr::parse_folded(element.value(), ctx)?;
                tree.add(&path, FieldAction::Compute(value)).map_err(|_| conflict(&path))?;
            }
        }
    }
    Ok(())
}

#[cold]
fn conflict(path: &str) -> Error {
    Error::location(40176, format!("specification contains two conflicting paths. One of them is '{path}'"))
}

/// Parses an `$unset` specification: a field name or an array of them.
pub fn parse_unset(spec: Value<'_>) -> Result<Projection> {
    let names: Vec<Value<'_>> = match spec.as_array() {
        Some(names) => names.values().collect(),
        None if spec.tag() == Tag::String => vec![spec],
        None => return Err(Error::location(31002, "$unset specification must be a string or an array")),
    };
    if names.is_empty() {
        return Err(Error::location(
            31119,
            "$unset specification must be a string or an array with at least one field",
        ));
    }
    if names.iter().any(|name| name.as_str().is_some_and(|name| name.contains('\0'))) {
        if names.iter().any(|name| name.as_str().is_none()) {
            return Err(not_a_name());
        }
        return Err(Error::location(9_527_900, "$unset specification must not contain field names with null bytes"));
    }
    let mut tree = TreeBuilder::default();
    for name in names {
        let path = name.as_str().ok_or_else(not_a_name)?;
        let caused = |error: Error| error.with_prefix("Invalid $unset :: caused by :: ");
        check_path(path).map_err(caused)?;
        tree.add(path, FieldAction::Drop).map_err(caused)?;
    }
    Ok(Projection { kind: ProjectionKind::Exclusion, tree: tree.finish() })
}

#[cold]
fn not_a_name() -> Error {
    Error::location(31120, "$unset specification must be a string or an array containing only string values")
}

/// What has been learned of a projection's kind, and from which field.
struct Parser<'c> {
    dialect: Dialect,
    ctx: &'c mut ParseContext,
    tree: TreeBuilder,
    kind: Option<ProjectionKind>,
    /// What the specification says of the top-level `_id`.
    id: Option<bool>,
    has_positional: bool,
    has_elem_match: bool,
    /// Documents of the specification around the current level.
    depth: usize,
}

impl<'c> Parser<'c> {
    fn new(dialect: Dialect, ctx: &'c mut ParseContext) -> Self {
        let tree = TreeBuilder::default();
        Self { dialect, ctx, tree, kind: None, id: None, has_positional: false, has_elem_match: false, depth: 0 }
    }

    fn parse(mut self, spec: &RawDoc) -> Result<Projection> {
        self.level(spec, "")?;
        let kind = self.kind.unwrap_or(match self.id {
            Some(true) => ProjectionKind::Inclusion,
            _ => ProjectionKind::Exclusion,
        });
        match (kind, self.id) {
            (ProjectionKind::Inclusion, None | Some(true)) if !self.tree.has("_id") => {
                self.tree.add("_id", FieldAction::Keep)?;
            }
            (ProjectionKind::Exclusion, Some(false)) => self.tree.add("_id", FieldAction::Drop)?,
            _ => {}
        }
        Ok(Projection { kind, tree: self.tree.finish() })
    }

    fn level(&mut self, spec: &RawDoc, parent: &str) -> Result<()> {
        for element in spec.iter() {
            let name = element.name_str();
            if self.dialect == Dialect::Find && (name == "$" || name.ends_with(".$")) {
                self.positional(parent, name, element.value())?;
                continue;
            }
            if self.dialect == Dialect::Aggregate && name.ends_with(".$") {
                return Err(Error::location(31324, "Cannot use positional projection in aggregation projection"));
            }
            self.check_field_name(name)?;
            let path = join(parent, name);
            self.field(&path, element.value())?;
        }
        Ok(())
    }

    fn check_field_name(&self, name: &str) -> Result<()> {
        if self.dialect == Dialect::Find && name.contains(".$.") {
            return Err(Error::location(
                31394,
                "As of 4.4, it's illegal to specify positional operator in the middle of a path.Positional \
                 projection may only be used at the end, for example: a.b.$. If the query previously used a form \
                 like a.b.$.d, remove the parts following the '$' and the results will be equivalent.",
            ));
        }
        check_path(name)
    }

    fn field(&mut self, path: &str, value: Value<'_>) -> Result<()> {
        if value.is_number() || value.tag() == Tag::Bool {
            return self.flag(path, is_nonzero(value));
        }
        match value.as_doc() {
            Some(inner) if inner.is_empty() => Err(empty_sub_projection(path)),
            Some(inner) if self.is_operator(inner) => self.operator(path, inner, value),
            Some(inner) => self.nested(inner, path),
            None if self.kind == Some(ProjectionKind::Exclusion) => {
                let shown = smongo_vm::value::extjson::to_string_shell(value);
                Err(Error::location(
                    31310,
                    format!("Cannot use an expression {path}: {shown} in an exclusion projection"),
                ))
            }
            None => self.computed(path, value),
        }
    }

    /// Whether an object is a call of an operator. `$project` reads one with several names as a nested projection, whose
    /// names it then refuses.
    fn is_operator(&self, doc: &RawDoc) -> bool {
        is_operator_object(doc) && (self.dialect == Dialect::Find || doc.iter().nth(1).is_none())
    }

    fn nested(&mut self, inner: &RawDoc, path: &str) -> Result<()> {
        if self.depth >= MAX_DOCUMENT_DEPTH {
            return Err(Error::new(Code::OVERFLOW, "the projection nests too deeply"));
        }
        self.depth += 1;
        let result = self.level(inner, path);
        self.depth -= 1;
        result
    }

    /// `path: 1` or `path: 0`.
    fn flag(&mut self, path: &str, include: bool) -> Result<()> {
        if path == "_id" {
            self.id = Some(include);
            // Whether `_id` is written down is decided by the kind, which the other fields fix.
            return if self.tree.has("_id") { Err(tree::collision(path)) } else { Ok(()) };
        }
        if include {
            self.inclusion(path)?;
            self.tree.add(path, FieldAction::Keep)
        } else {
            if self.kind == Some(ProjectionKind::Inclusion) {
                return Err(Error::location(
                    31254,
                    format!("Cannot do exclusion on field {path} in inclusion projection"),
                ));
            }
            self.kind = Some(ProjectionKind::Exclusion);
            self.tree.add(path, FieldAction::Drop)
        }
    }

    fn inclusion(&mut self, path: &str) -> Result<()> {
        if self.kind == Some(ProjectionKind::Exclusion) {
            return Err(Error::location(31253, format!("Cannot do inclusion on field {path} in exclusion projection")));
        }
        self.kind = Some(ProjectionKind::Inclusion);
        Ok(())
    }

    /// A field that becomes the value of an expression.
    fn computed(&mut self, path: &str, value: Value<'_>) -> Result<()> {
        let value = expr::parse_folded(value, self.ctx)?;
        if self.kind == Some(ProjectionKind::Exclusion) {
            return Err(Error::location(31252, "Cannot use expression other than $meta in exclusion projection"));
        }
        self.kind = Some(ProjectionKind::Inclusion);
        self.tree.add(path, FieldAction::Compute(value))
    }
}

fn is_nonzero(value: Value<'_>) -> bool {
    value.as_bool().unwrap_or_else(|| smongo_vm::value::compare(value, Value::int32(0)).is_ne())
}

fn is_operator_object(doc: &RawDoc) -> bool {
    doc.iter().next().is_some_and(|first| first.name().first() == Some(&b'$'))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// A dotted field name that a projection may use.
fn check_path(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::location(40352, "FieldPath cannot be constructed with empty string"));
    }
    expr::field_path(name).map(|_| ())
}

fn empty_sub_projection(path: &str) -> Error {
    Error::location(51270, format!("An empty sub-projection is not a valid value. Found empty object at path {path}"))
}
