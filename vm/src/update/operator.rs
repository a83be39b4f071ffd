//! The operators as data, and the one place that knows them all.

use crate::error::Result;
use crate::value::{OwnedValue, Value};

use super::bit::{self, BitOperation};
use super::context::UpdateContext;
use super::current_date::{self, DateKind};
use super::element::Slot;
use super::place::Place;
use super::pop::{self, End};
use super::pull::{self, PullCondition};
use super::push::{self, Push};
use super::{add_to_set, inc, max, min, mul, pull_all, rename, set, set_on_insert, unset};

/// The position of an operator's argument in the arguments beside the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arg(pub u32);

impl Arg {
    /// The argument; missing when the vector is too short.
    pub(super) fn of(self, args: &[OwnedValue]) -> Value<'_> {
        args.get(self.0 as usize).map_or(Value::NOTHING, OwnedValue::get)
    }
}

/// What happens at the end of a path.
#[derive(Clone, PartialEq, Debug)]
pub enum Operator {
    /// `$set`.
    Set {
        /// The new value.
        value: Arg,
    },
    /// `$setOnInsert`.
    SetOnInsert {
        /// The new value.
        value: Arg,
    },
    /// `$unset`.
    Unset,
    /// `$inc`.
    Inc {
        /// A number.
        by: Arg,
    },
    /// `$mul`.
    Mul {
        /// A number.
        by: Arg,
    },
    /// `$min`.
    Min {
        /// Written when it is less than what is there.
        value: Arg,
    },
    /// `$max`.
    Max {
        /// Written when it is greater than what is there.
        value: Arg,
    },
    /// `$currentDate`.
    CurrentDate(DateKind),
    /// `$rename`, at the path that gets the value.
    Rename {
        /// The components of the path that loses it.
        from: Box<[Box<str>]>,
    },
    /// `$rename`, at the path that loses its value.
    RenamedAway,
    /// `$push`.
    Push(Box<Push>),
    /// `$addToSet`.
    AddToSet {
        /// An array of the values to add.
        values: Arg,
    },
    /// `$pop`.
    Pop(End),
    /// `$pull`.
    Pull(PullCondition),
    /// `$pullAll`.
    PullAll {
        /// An array of the values to remove.
        values: Arg,
    },
    /// `$bit`: the operations, done in order.
    Bit(Box<[(BitOperation, Arg)]>),
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// It stays as it is; nothing was written.
    Kept,
    /// A value was written in its place.
    Written,
    /// Its field goes away; nothing was written.
    Removed,
}

impl Operator {
    /// Whether the operator has a say about this document at all.
    pub(super) fn is_active(&self, context: &UpdateContext<'_>) -> bool {
        context.is_insert || !matches!(self, Operator::SetOnInsert { .. })
    }

    /// Whether the operator makes a value where there is none, and so may be asked to create the path to it.
    pub(super) fn creates(&self) -> bool {
        !matches!(
            self,
            Operator::Unset | Operator::RenamedAway | Operator::Pop(_) | Operator::Pull(_) | Operator::PullAll { .. }
        )
    }

    /// Whether a path that cannot exist, because a scalar stands in its way, is as good as one that does not.
    pub(super) fn accepts_blocked_path(&self, place: &Place<'_>) -> Result<bool> {
        match self {
            Operator::Unset | Operator::RenamedAway => Ok(true),
            Operator::Rename { from } => Ok(rename::source(from, place)?.is_none()),
            _ => Ok(false),
        }
    }

    /// Applies the operator to a value that is there.
    pub(super) fn change(
        &self,
        existing: Value<'_>,
        args: &[OwnedValue],
        place: &Place<'_>,
        context: &mut UpdateContext<'_>,
        slot: Slot<'_, '_>,
    ) -> Result<Change> {
        match self {
            Operator::Set { value } => set::write(value.of(args), slot),
            Operator::SetOnInsert { value } => set_on_insert::write(value.of(args), slot),
            Operator::Unset => unset::change(place, slot),
            Operator::Inc { by } => inc::change(existing, by.of(args), place, slot),
            Operator::Mul { by } => mul::change(existing, by.of(args), place, slot),
            Operator::Min { value } => min::change(existing, value.of(args), context, slot),
            Operator::Max { value } => max::change(existing, value.of(args), context, slot),
            Operator::CurrentDate(kind) => current_date::write(*kind, context, slot),
            Operator::Rename { from } => rename::write(from, place, slot),
            Operator::RenamedAway => Ok(Change::Removed),
            Operator::Push(push) => push::change(existing, push, args, place, context, slot),
            Operator::AddToSet { values } => add_to_set::change(existing, values.of(args), place, context, slot),
            Operator::Pop(end) => pop::change(existing, *end, place, slot),
            Operator::Pull(condition) => pull::change(existing, condition, args, context, slot),
            Operator::PullAll { values } => pull_all::change(existing, values.of(args), context, slot),
            Operator::Bit(operations) => bit::change(existing, operations, args, place, slot),
        }
    }

    /// Makes a value where there is none. Called only for operators that [create](Operator::creates) one.
    pub(super) fn create(
        &self,
        args: &[OwnedValue],
        place: &Place<'_>,
        context: &mut UpdateContext<'_>,
        slot: Slot<'_, '_>,
    ) -> Result<Change> {
        match self {
            Operator::Set { value } | Operator::Min { value } | Operator::Max { value } => {
                set::write(value.of(args), slot)
            }
            Operator::SetOnInsert { value } => set_on_insert::write(value.of(args), slot),
            Operator::Inc { by } => set::write(by.of(args), slot),
            Operator::Mul { by } => mul::create(by.of(args), slot),
            Operator::CurrentDate(kind) => current_date::write(*kind, context, slot),
            Operator::Rename { from } => rename::write(from, place, slot),
            Operator::Push(push) => push::create(push, args, context, slot),
            Operator::AddToSet { values } => add_to_set::create(values.of(args), context, slot),
            Operator::Bit(operations) => bit::create(operations, args, place, slot),
            Operator::Unset
            | Operator::RenamedAway
            | Operator::Pop(_)
            | Operator::Pull(_)
            | Operator::PullAll { .. } => Ok(Change::Kept),
        }
    }
}
