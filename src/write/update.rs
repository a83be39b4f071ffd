//! Updating a document: by operators, by replacement, by pipeline.

use std::sync::Arc;

use smongo_compiler::{CompiledFilter, CompiledUpdate, ParseContext, UpdateKind, compile_update, upsert_base};
use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::interp::{Machine, UpdateInputs};
use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::program::Program;
use smongo_vm::update::{self, Touched};
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::{Row, Tally, validation};
use crate::collection::{Writer, stored_document};
use crate::error::{Error, Result};
use crate::oplog::Change;
use crate::request::OpContext;

/// An update, ready to be applied to documents.
pub(crate) struct Updater {
    compiled: CompiledUpdate,
    /// The paths that its operators name.
    touched: Touched,
    machine: Machine,
    /// The document that the last update came to.
    new: Vec<u8>,
}

impl Updater {
    /// Compiles an update.
    pub fn new(update: Value<'_>, array_filters: Option<&RawDoc>, context: &mut ParseContext) -> Result<Self> {
        let compiled = compile_update(update, array_filters, context)?;
        let touched = match compiled {
            CompiledUpdate::Program { kind: UpdateKind::Operators, .. } => touched_by(update),
            _ => Touched::default(),
        };
        Ok(Self { compiled, touched, machine: Machine::new(), new: Vec::new() })
    }

    /// Whether the update gives a whole new document.
    pub fn is_replacement(&self) -> bool {
        matches!(self.compiled, CompiledUpdate::Replacement(_))
    }

    /// Whether the update is a pipeline.
    pub fn is_pipeline(&self) -> bool {
        matches!(self.compiled, CompiledUpdate::Program { kind: UpdateKind::Pipeline, .. })
    }

    /// Whether the update would change a document that matched.
    pub fn would_modify(&mut self, doc: &RawDoc, matched_position: Option<u32>, env: &Env<'_>) -> Result<bool> {
        self.compute(doc, env, UpdateInputs { matched_position, is_insert: false })
    }

    /// The program that makes the new document; a replacement needs none.
    pub fn program(&self) -> Option<Arc<Program>> {
        match &self.compiled {
            CompiledUpdate::Replacement(_) => None,
            CompiledUpdate::Program { program, .. } => Some(Arc::clone(program)),
        }
    }

    /// Updates a document that matched, and stores what comes of it.
    pub fn apply(&mut self, op: &OpContext, row: &Row<'_>, writer: &mut Writer<'_>) -> Result<Tally> {
        let inputs = UpdateInputs { matched_position: row.matched_position, is_insert: false };
        let modified = self.compute(row.doc, row.env, inputs)?;
        if modified {
            if let Some(validator) = &writer.rules().validator {
                let change = (Some(row.doc), stored_document(&self.new));
                validation::check(validator, &mut self.machine, op, row.env, change)?;
            }
            let change = match self.compiled {
                CompiledUpdate::Replacement(_) => Change::Replaced,
                CompiledUpdate::Program { kind: UpdateKind::Pipeline, .. } => Change::Computed,
                CompiledUpdate::Program { kind: UpdateKind::Operators, .. } => Change::At(&self.touched),
            };
            writer.update(row.record_id, row.doc, self.updated(), &change)?;
        }
        Ok(Tally::one(modified))
    }

    /// The document that the last update came to.
    pub fn updated(&self) -> &RawDoc {
        stored_document(&self.new)
    }

    /// The document that an upsert inserts when nothing matched `filter`.
    pub fn upserted(&mut self, filter: &CompiledFilter, env: &Env<'_>) -> Result<DocBuf> {
        let base = match self.compiled {
            CompiledUpdate::Replacement(_) => DocBuf::build(|doc| {
                doc.value("_id", filter.id_equality().unwrap_or(Value::NOTHING));
            }),
            CompiledUpdate::Program { .. } => upsert_base(&filter.ir)?,
        };
        self.compute(&base, env, UpdateInputs { matched_position: None, is_insert: true })?;
        Ok(self.updated().into())
    }

    fn compute(&mut self, doc: &RawDoc, env: &Env<'_>, inputs: UpdateInputs) -> Result<bool> {
        self.new.clear();
        let modified = match &self.compiled {
            CompiledUpdate::Replacement(replacement) => update::replace(doc, replacement, &mut self.new)?.modified,
            CompiledUpdate::Program { program, .. } => {
                self.machine.update(program, doc, env, inputs, &mut self.new)?.modified
            }
        };
        if self.new.len() > MAX_USER_DOCUMENT_BYTES {
            return Err(Error::new(
                Code::BSON_OBJECT_TOO_LARGE,
                format!("Resulting document after update is larger than {MAX_USER_DOCUMENT_BYTES}"),
            ));
        }
        Ok(modified)
    }
}

/// The paths that the operators of an update name; `$rename` names two.
fn touched_by(update: Value<'_>) -> Touched {
    let mut touched = Touched::default();
    for operator in update.as_doc().into_iter().flatten() {
        for field in operator.value().as_doc().into_iter().flatten() {
            touched.add(field.name_str());
            if operator.name() == b"$rename" {
                field.value().as_str().into_iter().for_each(|to| touched.add(to));
            }
        }
    }
    touched
}
