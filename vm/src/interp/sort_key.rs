//! The `sort.key` instruction: the bytes by which a document sorts.
//!
//! A document with arrays on the sort's paths has several keys; it sorts by the one that comes first.

use smallvec::SmallVec;

use super::registers::Registers;
use super::{Inputs, Scratch};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::key::{Bound, Direction, KeyEncoder};
use crate::program::{KeyPart, KeySpec, Program};
use crate::value::{self, ArrayComponents, Component, RawDoc, Value};

impl Scratch {
    pub(super) fn append_sort_key(&mut self, inputs: &Inputs<'_>, registers: &Registers, spec: &KeySpec) -> Result<()> {
        let doc = inputs.root.as_doc().unwrap_or(RawDoc::EMPTY);
        let paths: SmallVec<[&[Component]; 4]> = spec
            .parts
            .iter()
            .filter_map(|part| match part {
                KeyPart::Path(path, _) => Some(path.components()),
                KeyPart::Register(..) => None,
            })
            .collect();
        let mut arrays: SmallVec<[ArrayComponents; 4]> = SmallVec::from_elem(ArrayComponents::default(), paths.len());
        let start = self.key.len();
        let (best, types) = (&mut self.key, &mut self.type_bits);
        let mut is_first = true;
        let mut candidate = Vec::new();
        value::index_keys(doc, &paths, &mut arrays, &mut |values| {
            types.clear();
            if is_first {
                is_first = false;
                encode(inputs.program, spec, values, registers, best, types);
                return;
            }
            candidate.clear();
            encode(inputs.program, spec, values, registers, &mut candidate, types);
            if candidate[..] < best[start..] {
                best.truncate(start);
                best.extend_from_slice(&candidate);
            }
        })
        .map_err(as_sort_error)
    }
}

/// One key: the values of the paths in order, and what the registers hold, each in its direction.
fn encode(
    program: &Program,
    spec: &KeySpec,
    values: &[Value<'_>],
    registers: &Registers,
    out: &mut Vec<u8>,
    types: &mut Vec<u8>,
) {
    let mut values = values.iter();
    let mut encoder = KeyEncoder::with_strings(out, types, program.strings());
    for part in &spec.parts {
        let (value, direction): (Value<'_>, Direction) = match part {
            KeyPart::Path(_, direction) => (values.next().copied().unwrap_or(Value::NULL), *direction),
            KeyPart::Register(register, direction) => (registers.get(*register), *direction),
        };
        encoder.field(value, direction);
    }
    encoder.finish(Bound::Equal);
}

/// The walk speaks of indexes; a sort has its own words for the same fault.
fn as_sort_error(error: Error) -> Error {
    if error.code() == Code::CANNOT_INDEX_PARALLEL_ARRAYS {
        return Error::bad_value("cannot sort with keys that are parallel arrays");
    }
    error
}
