//! Accumulators as operators hold them.

use smongo_compiler::{CompiledCall, CompiledSetting};
use smongo_vm::Code;
use smongo_vm::acc::{Accumulator, Kept, Sliding};
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{RawDoc, Value};

use crate::error::{Error, Result};

/// The most memory that a stage which holds its input may take, in bytes. MongoDB: 100 MiB
/// (`internalDocumentSourceGroupMaxMemoryBytes` and its like).
pub(super) const MEMORY_MAX_BYTES: usize = 100 * 1024 * 1024;

/// Fails when a stage holds more than it may.
pub(super) fn check_memory(stage: &str, held_bytes: usize) -> Result<()> {
    if held_bytes <= MEMORY_MAX_BYTES {
        return Ok(());
    }
    Err(Error::new(
        Code::QUERY_EXCEEDED_MEMORY_LIMIT_NO_DISK_USE_ALLOWED,
        format!(
            "Exceeded memory limit for {stage}, but didn't allow external spilling; pass allowDiskUse:true to opt in"
        ),
    ))
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
    match (call.definition.begin, call.definition.begin_sliding) {
        (Some(begin), _) => begin(&settings),
        (None, Some(begin)) => Ok(begin(&settings)?),
        (None, None) => Err(unusable(call)),
    }
}

/// Begins the state of an accumulator that slides.
pub(super) fn sliding(call: &CompiledCall, settings: &[Kept]) -> smongo_vm::Result<Box<dyn Sliding>> {
    let settings: Vec<Value<'_>> = settings.iter().map(Kept::get).collect();
    match call.definition.begin_sliding {
        Some(begin) => begin(&settings),
        None => Err(unusable(call)),
    }
}

#[cold]
fn unusable(call: &CompiledCall) -> smongo_vm::Error {
    smongo_vm::Error::new(Code::INTERNAL_ERROR, format!("{} stands where it cannot run", call.definition.name))
}
