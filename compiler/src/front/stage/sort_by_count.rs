//! `$sortByCount`: how many documents have each value, most first.

use smongo_vm::acc::find;
use smongo_vm::program::Direction;
use smongo_vm::value::{DocBuf, FieldPath, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::{acc, expr};
use crate::ir::group::Group;
use crate::ir::{Sort, Stage};
use crate::rewrite::fold::fold;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if let Some(doc) = spec.as_doc() {
        if doc.iter().next().is_none_or(|first| !first.name().starts_with(b"$")) {
            let message =
                "the sortByCount field must be defined as a $-prefixed path or an expression inside an object";
            return Err(Error::location(40147, message));
        }
    } else if let Some(text) = spec.as_str() {
        if !text.starts_with('$') {
            let message =
                "the sortByCount field must be defined as a $-prefixed path or an expression inside an object";
            return Err(Error::location(40148, message));
        }
    } else {
        let message = "the sortByCount field must be specified as a string or as an object";
        return Err(Error::location(40149, message));
    }
    let key = fold(expr::parse(spec, scope.ctx)?)?;
    let fields = find("$sum").map(acc::count_field).into_iter().collect();
    let sort = Sort { parts: vec![(FieldPath::new("count"), Direction::Descending)] };
    let source = DocBuf::build(|doc| doc.value("count", Value::int32(-1)));
    Ok(vec![Stage::Group(Box::new(Group { key, fields })), Stage::Sort { sort, source }])
}
