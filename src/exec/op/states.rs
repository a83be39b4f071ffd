//! Accumulators as operators hold them.

use smongo_compiler::{CompiledCall, CompiledSetting};
use smongo_vm::Code;
use smongo_vm::acc::{Accumulator, Kept, Sliding};
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{RawDoc, Value};

use crate::error::{Error, Result};

/// The most that the states of one group or one partition may hold, in bytes: they cannot go to disk. MongoDB: 100 MiB
/// (`internalQueryMaxPushBytes` and its like).
const STATES_MAX_BYTES: usize = 100 * 1024 * 1024;

/// Fails when states that cannot go to disk hold more than they may.
pub(super) fn check_states(stage: &str, held_bytes: usize) -> Result<()> {
    if held_bytes <= STATES_MAX_BYTES {
        return Ok(());
    }
    let message =
        format!("{stage} used too much memory and cannot spill to disk. Memory limit: {STATES_MAX_BYTES} bytes");
    Err(Error::new(Code(146), message))
}

/// What a state is begun with: the arguments that hold for a whole group, computed from its key.
pub(super) fn settings(call: &CompiledCall, key: Value<'_>, machine: &mut Machine, env: &Env<'_>) -> Result<Vec<Kept>> {
    let key = key.as_doc().unwrap_or(RawDoc::EMPTY);
    let mut settings = Vec::with_capacity(call.settings.len());
    for setting in &call.settings {
        settings.push(match setting {
            CompiledSetting::Constant(value) => Kept::new(value.get()),
            CompiledSetting::OfKey(program) => Kept::new(machine.compute(program, key, env, None)?),
        });
    }
    Ok(settings)
}

/// Begins the state of an accumulator that only grows.
pub(super) fn growing(call: &CompiledCall, settings: &[Kept]) -> smongo_vm::Result<Box<dyn Accumulator>> {
    let settings: Vec<Value<'_>> = settings.iter().map(Kept::get).collect();
    let mut state: Box<dyn Accumulator> = match (call.definition.begin, call.definition.begin_sliding) {
        (Some(begin), _) => begin(&settings)?,
        (None, Some(begin)) => begin(&settings)?,
        (None, None) => return Err(unusable(call)),
    };
    if let Some(collation) = &call.collation {
        state.set_collation(collation);
    }
    Ok(state)
}

/// Begins the state of an accumulator that slides.
pub(super) fn sliding(call: &CompiledCall, settings: &[Kept]) -> smongo_vm::Result<Box<dyn Sliding>> {
    let settings: Vec<Value<'_>> = settings.iter().map(Kept::get).collect();
    let mut state = match call.definition.begin_sliding {
        Some(begin) => begin(&settings)?,
        None => return Err(unusable(call)),
    };
    if let Some(collation) = &call.collation {
        state.set_collation(collation);
    }
    Ok(state)
}

#[cold]
fn unusable(call: &CompiledCall) -> smongo_vm::Error {
    smongo_vm::Error::new(Code::INTERNAL_ERROR, format!("{} stands where it cannot run", call.definition.name))
}
