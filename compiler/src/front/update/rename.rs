//! `$rename: {from: "to"}`.

use smongo_vm::update::{Operator, TreeBuilder};
use smongo_vm::value::Element;
use smongo_vm::{Error, Result};

use super::{Parser, describe_element};

pub(super) fn parse(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let from = field.name_str();
    let Some(to) = field.value().as_str() else {
        return Err(Error::bad_value(format!(
            "The 'to' field for $rename must be a string: {}",
            describe_element(field)
        )));
    };
    if to.contains('\0') {
        return Err(Error::failed_to_parse("The 'to' field for $rename cannot contain an embedded null byte"));
    }
    if from == to {
        return Err(Error::bad_value(format!(
            "The source and target field for $rename must differ: {}",
            describe_element(field)
        )));
    }
    if is_inside(from, to) || is_inside(to, from) {
        return Err(Error::bad_value(format!(
            "The source and target field for $rename must not be on the same path: {}",
            describe_element(field)
        )));
    }
    for (path, which) in [(from, "source"), (to, "destination")] {
        if TreeBuilder::is_dynamic(path) {
            return Err(Error::bad_value(format!("The {which} field for $rename may not be dynamic: {path}")));
        }
    }
    parser.add(from, Operator::RenamedAway)?;
    parser.add(to, Operator::Rename { from: from.split('.').map(Box::from).collect() })
}

/// Whether `inner` is a path to something inside what `outer` leads to.
fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}
