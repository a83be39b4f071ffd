//! `count`.

use smongo_vm::Code;
use smongo_vm::value::decimal::DecimalParts;
use smongo_vm::value::{RawDoc, View};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, Number, arguments};
use super::reply::{self, Reply};
use super::table::{Command, Usage};
use crate::error::{Error, Result};
use crate::request::{CountRequest, Namespace};

pub(super) static COUNT: Command = Command::new("count", count, "counts documents")
    .api_v1()
    .reads_at_any_level()
    .uses_collection(Usage::Queries)
    .needs(Needs::OnCollection(&["find"]));

arguments! {
    /// Arguments of `count`.
    struct CountArgs in "count" strict {
        "query" => query: &'d RawDoc,
        "limit" => limit: Any<'d>,
        "skip" => skip: Number,
        "hint" => hint: Any<'d>,
        "collation" => collation: &'d RawDoc,
        "fields" => fields: Any<'d>,
        "mirrored" => mirrored: bool,
        "encryptionInformation" => encryption: &'d RawDoc,
        "querySettings" => query_settings: &'d RawDoc,
        "includeQueryStatsMetrics" => include_query_stats: bool,
    }
}

fn count(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let request = parse(call, call.collection()?)?;
    let n = call.commands.engine.count(&call.op(), &request)?;
    reply.value("n", reply::count(n));
    call.answers_for_view(&request.ns);
    Ok(())
}

/// A whole number. A negative limit counts like the positive one; zero is none.
fn limit(value: Option<Any<'_>>) -> Result<Option<u64>> {
    let Some(Any(value)) = value else { return Ok(None) };
    let whole = match value.view() {
        View::Double(double) => (double.fract() == 0.0 && double.abs() < i64::MAX as f64).then_some(double as i64),
        View::Decimal128(decimal) => match decimal.parts() {
            DecimalParts::Finite(finite) => finite.to_i64(),
            _ => None,
        },
        _ => value.as_integer(),
    };
    match whole {
        Some(i64::MIN) => Err(Error::new(Code::BAD_VALUE, "Limit value for count cannot be min long")),
        Some(limit) => Ok(Some(limit.unsigned_abs()).filter(|&limit| limit > 0)),
        None if value.is_number() => {
            Err(Error::new(Code::FAILED_TO_PARSE, "limit value for count must be a whole number of 64 bits"))
        }
        None => Err(Error::new(Code::BAD_VALUE, "limit value for count is not a valid number")),
    }
}

/// The request in a `count` command.
pub(super) fn parse<'d>(call: &Call<'_, 'd>, ns: Namespace) -> Result<CountRequest<'d>> {
    let args: CountArgs<'d> = args::of_command(&call.request)?;
    Ok(CountRequest {
        ns,
        filter: args.query.unwrap_or(RawDoc::EMPTY),
        skip: args::not_negative(args.skip, "skip")?.unwrap_or(0),
        limit: limit(args.limit)?,
        hint: args::hint(args.hint)?,
        collation: args.collation.filter(|collation| !collation.is_empty()),
    })
}
