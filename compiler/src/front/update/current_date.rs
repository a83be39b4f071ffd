//! `$currentDate: {a: true}`, `{a: {$type: "date"}}`, `{a: {$type: "timestamp"}}`.

use smongo_vm::update::{DateKind, Operator};
use smongo_vm::value::{Element, RawDoc, View};
use smongo_vm::{Error, Result};

use super::Parser;

pub(super) fn parse(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let kind = match field.value().view() {
        View::Bool(_) => DateKind::Date,
        View::Document(options) => parse_options(options)?,
        _ => {
            return Err(Error::bad_value(format!(
                "{} is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({{$type: \
                 'timestamp/date'}}).",
                field.value().tag().name()
            )));
        }
    };
    parser.add(field.name_str(), Operator::CurrentDate(kind))
}

fn parse_options(options: &RawDoc) -> Result<DateKind> {
    let mut kind = None;
    for option in options {
        if option.name() != b"$type" {
            return Err(Error::bad_value(format!("Unrecognized $currentDate option: {}", option.name_str())));
        }
        kind = match option.value().as_str() {
            Some("date") => Some(DateKind::Date),
            Some("timestamp") => Some(DateKind::Timestamp),
            _ => None,
        };
    }
    kind.ok_or_else(|| {
        Error::bad_value(
            "The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: \
             'date'}}}",
        )
    })
}
