//! `replace_one`.

use bson::Document;
use serde::Serialize;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, Value};

use super::update::run_statement;
use crate::api::convert::{to_doc, to_optional_doc};
use crate::api::{Collection, UpdateResult};
use crate::error::{Error, Result};
use crate::request::UpdateStatement;

/// Replaces one document.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ReplaceOne<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    replacement: Result<DocBuf>,
    upsert: bool,
    sort: Option<Document>,
    journal: bool,
}

impl<'a, T: Serialize + Send + Sync> ReplaceOne<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, replacement: &T) -> Self {
        let replacement = replacement_doc(replacement);
        Self { coll, filter, replacement, upsert: false, sort: None, journal: false }
    }

    /// Whether the replacement is inserted when no document matches.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// Which match comes first.
    pub fn sort(mut self, sort: Document) -> Self {
        self.sort = Some(sort);
        self
    }

    /// Waits until the change is on the storage device.
    pub fn journal(mut self, journal: bool) -> Self {
        self.journal = journal;
        self
    }

    /// Replaces.
    pub fn run(self) -> Result<UpdateResult> {
        let filter = to_doc(&self.filter)?;
        let replacement = self.replacement?;
        let sort = to_optional_doc(self.sort.as_ref())?;
        let statement = UpdateStatement {
            upsert: self.upsert,
            sort: sort.as_ref().map(DocBuf::as_doc),
            ..UpdateStatement::new(&filter, Value::document(&replacement))
        };
        run_statement(self.coll, statement, None, self.journal)
    }
}

/// A replacement's bytes. As in the official driver, it must not begin with an operator.
pub(super) fn replacement_doc(replacement: &impl Serialize) -> Result<DocBuf> {
    let doc = to_doc(replacement)?;
    let begins_with_operator = doc.iter().next().is_some_and(|first| first.name().first() == Some(&b'$'));
    if begins_with_operator {
        return Err(Error::new(Code::BAD_VALUE, "replacement document must not contain update modifiers"));
    }
    Ok(doc)
}
