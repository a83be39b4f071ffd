//! The document that `findAndModify` gives back.

use smongo_compiler::{CompiledProjection, ParseContext, compile_projection};
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{DocBuf, RawDoc};

use crate::error::Result;

/// Makes the document to be given back of the one that was found or made.
pub(crate) struct ReturnedDocument {
    projection: Option<CompiledProjection>,
    machine: Machine,
}

/// A document and where in it the filter matched.
pub(crate) struct Found<'a> {
    pub doc: &'a RawDoc,
    pub matched_position: Option<u32>,
}

impl ReturnedDocument {
    /// Gives back what `fields` says, whole documents by default.
    pub fn new(fields: Option<&RawDoc>, context: &mut ParseContext) -> Result<Self> {
        let projection = match fields {
            Some(fields) => compile_projection(fields, context)?,
            None => None,
        };
        Ok(Self { projection, machine: Machine::new() })
    }

    /// The document to be given back.
    pub fn of(&mut self, found: &Found<'_>, env: &Env<'_>) -> Result<DocBuf> {
        let Some(projection) = &self.projection else { return Ok(found.doc.into()) };
        let projected = self.machine.project(&projection.program, found.doc, env, found.matched_position)?;
        Ok(projected.into())
    }
}
