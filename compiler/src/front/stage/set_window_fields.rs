//! `$setWindowFields`: fields computed from a document's surroundings in an ordered partition.

use smongo_vm::value::{FieldPath, RawDoc, Tag, Value, extjson};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{missing, path, unknown, wrong_type};
use crate::front::acc::window;
use crate::front::{expr, sort};
use crate::ir::window::{Window, WindowOutput};
use crate::ir::{Expr, Sort, Stage};
use crate::rewrite::fold::fold;

const NAME: &str = "$setWindowFields";

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(spec) = spec.as_doc() else {
        let found = spec.tag().name();
        let message = format!("the {NAME} stage specification must be an object, found {found}");
        return Err(Error::failed_to_parse(message));
    };
    let (mut partition, mut order, mut output) = (Value::NOTHING, None, None);
    for option in spec {
        let value = option.value();
        match option.name_str() {
            "partitionBy" => partition = value,
            "sortBy" if value.tag() == Tag::Null => {}
            "sortBy" => order = Some(document(value, "sortBy")?),
            "output" => output = Some(document(value, "output")?),
            other => return Err(unknown(NAME, other)),
        }
    }
    let output = output.ok_or_else(|| missing(NAME, "output"))?;
    let order = match order {
        Some(order) => Some(sort::parse(order)?.unwrap_or(Sort { parts: Vec::new() })),
        None => None,
    };
    let partition = match partition.tag() {
        Tag::Nothing => None,
        // What is the same for all documents divides none of them.
        _ => Some(fold(expr::parse(partition, scope.ctx)?)?).filter(|key| !matches!(key, Expr::Const(_))),
    };
    let mut outputs: Vec<WindowOutput> = Vec::new();
    for field in output {
        let name = field.name_str();
        let Some(function) = field.value().as_doc() else {
            let found = extjson::to_string_shell(field.value());
            return Err(Error::failed_to_parse(format!("The field '{name}' must be an object, found {found}")));
        };
        let target = path(name)?;
        if let Some(other) = outputs.iter().find(|other| collide(&other.path, &target)) {
            let message = format!(
                "specification contains two conflicting paths. Cannot specify both '{name}' and '{}'",
                other.path
            );
            return Err(Error::location(40176, message));
        }
        let function = window::function(function, order.as_ref(), scope.ctx)?;
        outputs.push(WindowOutput { path: target, function });
    }
    Ok(vec![Stage::Window(Box::new(Window { partition, sort: order, outputs }))])
}

fn collide(a: &FieldPath, b: &FieldPath) -> bool {
    a == b || a.is_prefix_of(b) || b.is_prefix_of(a)
}

fn document<'d>(value: Value<'d>, field: &str) -> Result<&'d RawDoc> {
    value.as_doc().ok_or_else(|| wrong_type(&format!("{NAME}.{field}"), value.tag(), "object"))
}
