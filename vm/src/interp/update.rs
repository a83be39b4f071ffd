//! The `update` instruction, and the entry point for programs that change documents.

use super::{Exit, Inputs, Machine, Scratch};
use crate::code::Code;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::program::{Program, UpdateCode};
use crate::update::{self, Predicates, UpdateContext};
use crate::value::{RawDoc, Value};

/// What an update is told besides the document.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpdateInputs {
    /// The position of the array element that the filter matched, for `$`.
    pub matched_position: Option<u32>,
    /// Whether the document is being made for an upsert, so that `$setOnInsert` applies.
    pub is_insert: bool,
}

/// What an update came to; the new document stands in the caller's buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Updated {
    /// Whether the new document differs from the old.
    pub modified: bool,
}

/// State of an update that the instruction itself has no operand for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UpdateState {
    is_insert: bool,
    modified: bool,
}

impl Machine {
    /// Applies an update program to `doc` and appends the new document to `out`.
    pub fn update(
        &mut self,
        program: &Program,
        doc: &RawDoc,
        env: &Env<'_>,
        how: UpdateInputs,
        out: &mut Vec<u8>,
    ) -> Result<Updated> {
        self.begin();
        self.scratch.update = UpdateState { is_insert: how.is_insert, modified: false };
        let inputs = Inputs::over_doc(program, doc, &self.arena, env, how.matched_position);
        let Exit::Returned(value) = self.scratch.run(inputs)? else {
            return Err(super::wrong_kind(program, crate::program::Kind::Compute));
        };
        let new =
            value.as_doc().ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "an update did not produce a document"))?;
        let applied_operators = !program.tables().updates.is_empty();
        if applied_operators {
            out.extend_from_slice(new.as_bytes());
            return Ok(Updated { modified: self.scratch.update.modified });
        }
        let outcome = update::check_pipeline_result(doc, new, out)?;
        Ok(Updated { modified: outcome.modified })
    }
}

impl Scratch {
    pub(super) fn update<'d>(
        &mut self,
        inputs: &Inputs<'d>,
        doc: Value<'d>,
        code: &'d UpdateCode,
    ) -> Result<Value<'d>> {
        let doc =
            doc.as_doc().ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "an update of what is not a document"))?;
        let mut out = std::mem::take(&mut self.document);
        out.clear();
        let is_insert = self.update.is_insert;
        let mut context = UpdateContext {
            matched_position: inputs.matched_position,
            now_millis: inputs.env.now_millis,
            timestamp: inputs.env.cluster_time,
            is_insert,
            strings: inputs.program.strings(),
            predicates: &mut SubPrograms { scratch: self, inputs, code },
        };
        let outcome = update::apply(&code.tree, &code.args, doc, &mut context, &mut out);
        let result = outcome.map(|outcome| {
            self.update.modified |= outcome.modified;
            let bytes = inputs.arena.alloc_slice_copy(&out);
            Value::document(RawDoc::trusted(bytes))
        });
        self.document = out;
        result
    }
}

/// The predicates of an update, run by the machine that runs the update.
struct SubPrograms<'s, 'd> {
    scratch: &'s mut Scratch,
    inputs: &'s Inputs<'d>,
    code: &'d UpdateCode,
}

impl Predicates for SubPrograms<'_, '_> {
    fn test(&mut self, predicate: u16, document: &RawDoc) -> Result<bool> {
        let program = self
            .code
            .predicates
            .get(usize::from(predicate))
            .ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "an update names a predicate it does not have"))?;
        let nested = self.inputs.nested(program, Value::document(document));
        match self.scratch.run(nested)? {
            Exit::Matched(matched) => Ok(matched),
            _ => Err(super::wrong_kind(program, crate::program::Kind::Filter)),
        }
    }
}
