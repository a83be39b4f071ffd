//! `$bucketAuto`: documents spread evenly over a number of buckets.

use smongo_vm::algo::preferred;
use smongo_vm::value::{Value, View, extjson};
use smongo_vm::{Error, Result};

use super::Scope;
use super::bucket::is_path_or_operator;
use crate::front::{acc, expr};
use crate::ir::Stage;
use crate::ir::group::BucketAuto;
use crate::rewrite::fold::fold;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(spec) = spec.as_doc() else {
        let found = spec.tag().name();
        let message = format!("The argument to $bucketAuto must be an object, but found type: {found}.");
        return Err(Error::location(40240, message));
    };
    let (mut key, mut buckets, mut granularity, mut fields) = (None, None, None, None);
    for option in spec {
        let value = option.value();
        match option.name_str() {
            "groupBy" => {
                if !is_path_or_operator(value) {
                    let found = extjson::to_string_shell(value);
                    let message = format!(
                        "The $bucketAuto 'groupBy' field must be defined as a $-prefixed path or an expression \
                         object, but found: {found}"
                    );
                    return Err(Error::location(40239, message));
                }
                key = Some(fold(expr::parse(value, scope.ctx)?)?);
            }
            "buckets" => buckets = Some(bucket_count(value)?),
            "output" => {
                let output = value.as_doc().ok_or_else(|| {
                    let found = value.tag().name();
                    let message = format!("The $bucketAuto 'output' field must be an object, but found type: {found}.");
                    Error::location(40244, message)
                })?;
                if output.get("_id").is_some() {
                    return Err(Error::location(15948, "a group's _id may only be specified once"));
                }
                // Without a field of its own a bucket has its count.
                fields = Some(acc::output(Some(output).filter(|output| !output.is_empty()), scope.ctx)?);
            }
            "granularity" => granularity = Some(series(value)?),
            other => return Err(Error::location(40245, format!("Unrecognized option to $bucketAuto: {other}."))),
        }
    }
    let (Some(key), Some(buckets)) = (key, buckets) else {
        return Err(Error::location(40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified."));
    };
    let fields = match fields {
        Some(fields) => fields,
        None => acc::output(None, scope.ctx)?,
    };
    Ok(vec![Stage::BucketAuto(Box::new(BucketAuto { key, buckets, granularity, fields, source: spec.into() }))])
}

fn bucket_count(value: Value<'_>) -> Result<u32> {
    let number = match value.view() {
        View::Int32(int) => f64::from(int),
        View::Int64(int) => int as f64,
        View::Double(double) => double,
        View::Decimal128(decimal) => decimal.to_f64(),
        _ => {
            let found = value.tag().name();
            let message = format!("The $bucketAuto 'buckets' field must be a numeric value, but found type: {found}.");
            return Err(Error::location(40241, message));
        }
    };
    if number.fract() != 0.0 || number.abs() > f64::from(i32::MAX) || number.is_nan() {
        let found = extjson::to_string_shell(value);
        let message =
            format!("The $bucketAuto 'buckets' field must be representable as a 32-bit integer, but found {found}.");
        return Err(Error::location(40242, message));
    }
    if number < 1.0 {
        let message = format!("The $bucketAuto 'buckets' field must be greater than 0, but found: {number}.");
        return Err(Error::location(40243, message));
    }
    Ok(number as u32)
}

fn series(value: Value<'_>) -> Result<String> {
    let Some(name) = value.as_str() else {
        let found = value.tag().name();
        let message = format!("The $bucketAuto 'granularity' field must be a string, but found type: {found}.");
        return Err(Error::location(40261, message));
    };
    if preferred::Series::find(name).is_none() {
        return Err(Error::location(40257, format!("Unknown rounding granularity '{name}'")));
    }
    Ok(name.to_owned())
}
