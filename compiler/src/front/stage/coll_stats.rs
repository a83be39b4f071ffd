//! `$collStats`: facts about the collection.

use smongo_vm::value::{RawDoc, Value, View, compare};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{unknown, wrong_type};
use crate::front::filter::integer::truncated;
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        let message = format!("$collStats must take a nested object but found: {}", super::document::shown(spec));
        return Err(Error::location(5_447_000, message));
    };
    let (mut count, mut storage_scale, mut latency, mut scans) = (false, None, false, false);
    for option in options {
        let (name, value) = (option.name_str(), option.value());
        let path = format!("$collStats.{name}");
        if !matches!(name, "count" | "latencyStats" | "storageStats" | "queryExecStats" | "operationStats") {
            return Err(unknown("$collStats", name));
        }
        if value.is_nullish() {
            continue;
        }
        let wanted = value.as_doc().ok_or_else(|| wrong_type(&path, value.tag(), "object"))?;
        match name {
            "count" => count = check_empty(wanted, name)?,
            "latencyStats" => {
                if let Some(odd) = wanted.iter().find(|field| field.name() != b"histograms") {
                    return Err(unknown(&path, odd.name_str()));
                }
                latency = true;
            }
            "storageStats" => storage_scale = Some(scale(wanted)?),
            "queryExecStats" => scans = check_empty(wanted, name)?,
            _ => {}
        }
    }
    Ok(vec![Stage::Facts(Facts::CollStats { count, storage_scale, latency, scans })])
}

fn check_empty(options: &RawDoc, name: &str) -> Result<bool> {
    if options.is_empty() {
        return Ok(true);
    }
    Err(Error::location(31170, format!("{name} argument must be an empty object, but got {options:?}")))
}

/// The divisor of sizes: at least 1, within 32 bits, and decimals rounded.
fn scale(options: &RawDoc) -> Result<u64> {
    let Some(scale) = options.get("scale").filter(|scale| !scale.is_nullish()) else { return Ok(1) };
    if !scale.is_number() {
        return Err(wrong_type("$collStats.storageStats.scale", scale.tag(), "[long, int, decimal, double]"));
    }
    if compare(scale, Value::int32(i32::MAX)).is_ge() {
        return Ok(i32::MAX as u64);
    }
    let whole = match scale.view() {
        View::Decimal128(decimal) => decimal.to_f64().round_ties_even() as i64,
        _ => truncated(scale).unwrap_or(0),
    };
    u64::try_from(whole)
        .ok()
        .filter(|scale| *scale > 0)
        .ok_or_else(|| Error::bad_value(format!("BSON field 'scale' value must be >= 1, actual value '{whole}'")))
}
