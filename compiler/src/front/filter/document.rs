//! Operators on the whole document: `$and`, `$or`, `$nor`, `$expr` and the small ones.

use smongo_vm::value::{Tag, Value, View};
use smongo_vm::{Error, Result};

use super::integer::integer;
use super::{Parser, Target, compare, parse_document};
use crate::front::expr;
use crate::ir::Filter;

/// `$and`.
pub(super) fn and(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parts("$and", value, parser).map(|parts| Some(Filter::And(parts)))
}

/// `$or`.
pub(super) fn or(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parts("$or", value, parser).map(|parts| Some(Filter::Or(parts)))
}

/// `$nor`.
pub(super) fn nor(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parts("$nor", value, parser).map(|parts| Some(Filter::Nor(parts)))
}

fn parts(operator: &str, value: Value<'_>, parser: &mut Parser<'_>) -> Result<Vec<Filter>> {
    let list = value.as_array().ok_or_else(|| Error::bad_value(format!("{operator} must be an array")))?;
    if list.is_empty() {
        return Err(Error::bad_value("$and/$or/$nor must be a nonempty array"));
    }
    let one = |part: Value<'_>| {
        let doc = part.as_doc().ok_or_else(|| Error::bad_value("$or/$and/$nor entries need to be full objects"))?;
        parser.depth += 1;
        let filter = parser.nested(|parser| parse_document(doc, parser));
        parser.depth -= 1;
        filter
    };
    list.values().map(one).collect()
}

/// `$expr`: an expression that must be true.
pub(super) fn expr(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parser.require_top_level("$expr")?;
    let expr = expr::parse_folded(value, parser.ctx)?;
    Ok(Some(Filter::Expr(Box::new(expr))))
}

/// `$comment`: a note for logs and profiles; any value.
pub(super) fn comment(_: Value<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    Ok(None)
}

/// `$sampleRate`: holds with this probability, for each document anew.
pub(super) fn sample_rate(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parser.require_top_level("$sampleRate")?;
    let rate = match value.view() {
        View::Double(rate) => rate,
        View::Int32(rate) => f64::from(rate),
        View::Int64(rate) => rate as f64,
        View::Decimal128(rate) => rate.to_f64(),
        _ => return Err(Error::bad_value("argument to $sampleRate must be a numeric type")),
    };
    if !(0.0..=1.0).contains(&rate) {
        return Err(Error::bad_value("numeric argument to $sampleRate must be in [0, 1]"));
    }
    Ok(Some(match rate {
        0.0 => Filter::Always(false),
        1.0 => Filter::Always(true),
        _ => Filter::SampleRate(rate),
    }))
}

/// `$alwaysTrue`.
pub(super) fn always_true(value: Value<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    always("$alwaysTrue", value, true)
}

/// `$alwaysFalse`.
pub(super) fn always_false(value: Value<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    always("$alwaysFalse", value, false)
}

fn always(operator: &str, value: Value<'_>, answer: bool) -> Result<Option<Filter>> {
    match integer(operator, value)? {
        1 => Ok(Some(Filter::Always(answer))),
        _ => Err(Error::failed_to_parse(format!("{operator} must be an integer value of 1"))),
    }
}

/// `$ref` of a database reference.
pub(super) fn reference_collection(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    reference("$ref", value, parser)
}

/// `$id` of a database reference.
pub(super) fn reference_id(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    reference("$id", value, parser)
}

/// `$db` of a database reference.
pub(super) fn reference_database(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    reference("$db", value, parser)
}

/// The fields of a database reference are fields in spite of their names.
fn reference(name: &str, value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    if name != "$id" && value.tag() == Tag::Undefined {
        return Ok(None);
    }
    compare::equality(value, &Target::field(name), parser).map(Some)
}
