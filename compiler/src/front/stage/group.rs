//! `$group`: one document for each key.

use smongo_vm::value::{Element, Tag, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::context::ParseContext;
use crate::front::{acc, expr};
use crate::ir::group::Group;
use crate::ir::{Expr, Stage};
use crate::rewrite::fold::fold;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(spec) = spec.as_doc() else {
        return Err(Error::location(15947, "a group's fields must be specified in an object"));
    };
    let mut key = None;
    let mut fields = Vec::new();
    for element in spec {
        if element.name() != b"_id" {
            fields.push(acc::field(element, scope.ctx)?);
        } else if key.is_none() {
            key = Some(group_key(element, scope.ctx)?);
        } else {
            return Err(Error::location(15948, "a group's _id may only be specified once"));
        }
    }
    let key = key.ok_or_else(|| Error::location(15955, "a group specification must include an _id"))?;
    Ok(vec![Stage::Group(Box::new(Group { key, fields }))])
}

/// The expression of a group's `_id`.
fn group_key(element: Element<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    if let Some(doc) = element.value().as_doc() {
        let is_operator = doc.iter().next().is_some_and(|first| first.name().starts_with(b"$"));
        let is_inclusion = |value: Value<'_>| value.is_number() || value.tag() == Tag::Bool;
        if !is_operator && doc.values().any(is_inclusion) {
            return Err(Error::location(17390, "$group does not support inclusion-style expressions"));
        }
    }
    fold(expr::parse(element.value(), ctx)?)
}
