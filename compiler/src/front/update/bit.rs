//! `$bit: {a: {and: 1, or: 2, xor: 4}}`.

use smongo_vm::update::{BitOperation, Operator};
use smongo_vm::value::{Element, Tag};
use smongo_vm::{Error, Result};

use super::{Parser, describe_element};

pub(super) fn parse(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let Some(operations) = field.value().as_doc() else {
        return Err(Error::bad_value(format!(
            "The $bit modifier is not compatible with a {}. You must pass in an embedded document: {{$bit: {{field: \
             {{and/or/xor: #}}}}",
            field.value().tag().name()
        )));
    };
    let mut parsed = Vec::new();
    for operation in operations {
        let kind = match operation.name() {
            b"and" => BitOperation::And,
            b"or" => BitOperation::Or,
            b"xor" => BitOperation::Xor,
            _ => {
                return Err(Error::bad_value(format!(
                    "The $bit modifier only supports 'and', 'or', and 'xor', not '{}' which is an unknown operator: \
                     {{{}}}",
                    operation.name_str(),
                    describe_element(operation)
                )));
            }
        };
        if !matches!(operation.value().tag(), Tag::Int32 | Tag::Int64) {
            return Err(Error::bad_value(format!(
                "The $bit modifier field must be an Integer(32/64 bit); a '{}' is not supported here: {{{}}}",
                operation.value().tag().name(),
                describe_element(operation)
            )));
        }
        parsed.push((kind, parser.arg(operation.value())?));
    }
    if parsed.is_empty() {
        return Err(Error::bad_value(
            "You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}",
        ));
    }
    parser.add(field.name_str(), Operator::Bit(parsed.into()))
}
