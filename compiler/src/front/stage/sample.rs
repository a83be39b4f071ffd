//! `$sample`: a few documents, chosen at random.

use smongo_vm::value::{Value, compare};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::filter::integer::truncated;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        return Err(Error::location(28745, "the $sample stage specification must be an object"));
    };
    let mut size = None;
    for option in options {
        if option.name() != b"size" {
            let message = format!("unrecognized option to $sample: {}", option.name_str());
            return Err(Error::location(28748, message));
        }
        if !option.value().is_number() {
            return Err(Error::location(28746, "size argument to $sample must be a number"));
        }
        // What is out of range is as many as there are; NaN and what is below zero is no size.
        let is_positive = compare(option.value(), Value::int32(0)).is_gt();
        size = Some(truncated(option.value()).unwrap_or(if is_positive { i64::MAX } else { 0 }));
    }
    let size = size.ok_or_else(|| Error::location(28749, "$sample stage must specify a size"))?;
    match u64::try_from(size) {
        Ok(size) if size > 0 => Ok(vec![Stage::Sample(size)]),
        _ => Err(Error::location(28747, "size argument to $sample must be a positive integer")),
    }
}
