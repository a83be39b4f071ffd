//! `$currentDate`: writes the time, as a date or as a timestamp.

use crate::error::Result;
use crate::value::Value;

use super::context::UpdateContext;
use super::element::Slot;
use super::operator::Change;

/// The type to write the time as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DateKind {
    /// Milliseconds since the epoch.
    Date,
    /// Seconds and an ordinal.
    Timestamp,
}

/// Writes the time.
pub(super) fn write(kind: DateKind, context: &UpdateContext<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    Ok(slot.set(match kind {
        DateKind::Date => Value::date_time(context.now_millis),
        DateKind::Timestamp => Value::timestamp(context.timestamp),
    }))
}
