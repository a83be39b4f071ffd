//! The register file: values whose lifetime is one run, in memory that outlives runs.

use crate::op::{Dst, Reg, Src};
use crate::value::Value;

/// Registers of one frame.
///
/// The memory is reused, so values of an earlier run may still lie in it. They are never read: a verified program
/// writes each register before it reads it, within one run.
#[derive(Default)]
pub(super) struct Registers {
    values: Vec<Value<'static>>,
}

impl Registers {
    /// Makes room for a program's registers.
    #[inline]
    pub(super) fn begin(&mut self, count: u16) {
        if self.values.len() < usize::from(count) {
            self.values.resize(usize::from(count), Value::NOTHING);
        }
    }

    /// Reads a register, as a value of the current run.
    ///
    /// `'d` must be the lifetime of the current run's inputs, which is what every caller in the interpreter has at
    /// hand; the verifier's definite assignment makes sure the value was written in the same run.
    #[inline]
    pub(super) fn get<'d>(&self, register: Src) -> Value<'d> {
        self.values[usize::from(register.0)]
    }

    /// Writes a register.
    #[inline]
    pub(super) fn set(&mut self, register: Dst, value: Value<'_>) {
        self.values[usize::from(register.0)] = forget_lifetime(value);
    }

    /// The values of consecutive registers.
    #[inline]
    pub(super) fn run<'d>(&self, first: Reg, count: u16) -> &[Value<'d>] {
        &self.values[usize::from(first.0)..usize::from(first.0) + usize::from(count)]
    }
}

#[inline]
fn forget_lifetime(value: Value<'_>) -> Value<'static> {
    // SAFETY: only the lifetime parameter changes. The value is stored in `Registers`, and `get` and `run` hand it
    // out again only within the run that stored it, because verified programs write a register before reading it; the
    // inputs and the arena of that run are borrowed until the run is over.
    unsafe { std::mem::transmute::<Value<'_>, Value<'static>>(value) }
}
