//! `$regex` with `$options`, and regular expressions given as values.
//!
//! A pattern is compiled here once, so that a malformed one is refused before any document is read.

use smongo_vm::regex::Regex;
use smongo_vm::value::{RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::field::Operator;
use super::{Parser, Target};
use crate::ir::{Filter, LeafTest};

/// `{a: /pattern/options}`.
pub(super) fn literal(value: Value<'_>, target: &Target) -> Result<Filter> {
    let (pattern, options) = parts_of_literal(value)?;
    Ok(target.leaf(LeafTest::Regex { pattern, options }))
}

/// Pattern and options of a regular expression that is a value; neither, when it is not one.
pub(super) fn parts_of_literal(value: Value<'_>) -> Result<(String, String)> {
    match value.view() {
        View::Regex { pattern, options } => checked(text(pattern, "$regex")?, text(options, "$options")?),
        _ => Err(Error::bad_value("$regex has to be a string")),
    }
}

/// `$regex`, reading `$options` beside it.
pub(super) fn operator(_: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let (pattern, options) = pattern_and_options(operator.siblings)?;
    let (pattern, options) = checked(pattern, options)?;
    Ok(Some(operator.target.leaf(LeafTest::Regex { pattern, options })))
}

/// `$options`, which `$regex` has read.
pub(super) fn options(_: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    match operator.siblings.get("$regex") {
        Some(_) => Ok(None),
        None => Err(Error::bad_value("$options needs a $regex")),
    }
}

fn pattern_and_options(operators: &RawDoc) -> Result<(&str, &str)> {
    const TWICE: &str = "options set in both $regex and $options";
    let (mut pattern, mut options) = ("", "");
    for element in operators {
        match (element.name(), element.value().view()) {
            (b"$regex", View::String(source)) => pattern = text(source, "$regex")?,
            (b"$regex", View::Regex { pattern: source, options: flags }) => {
                pattern = text(source, "$regex")?;
                if !flags.is_empty() {
                    if !options.is_empty() {
                        return Err(Error::location(51074, TWICE));
                    }
                    options = text(flags, "$options")?;
                }
            }
            (b"$regex", _) => return Err(Error::bad_value("$regex has to be a string")),
            (b"$options", View::String(flags)) => {
                if !options.is_empty() {
                    return Err(Error::location(51075, TWICE));
                }
                options = text(flags, "$options")?;
            }
            (b"$options", _) => return Err(Error::bad_value("$options has to be a string")),
            _ => {}
        }
    }
    Ok((pattern, options))
}

/// Text of a request, which validation has found to be UTF-8.
fn text<'d>(bytes: &'d [u8], name: &str) -> Result<&'d str> {
    std::str::from_utf8(bytes).map_err(|_| Error::bad_value(format!("{name} has to be a string")))
}

fn checked(pattern: &str, options: &str) -> Result<(String, String)> {
    Regex::new(pattern, options)?;
    Ok((pattern.to_owned(), options.to_owned()))
}
