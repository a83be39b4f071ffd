//! `replace_one`.

use bson::{Bson, Document};
use serde::Serialize;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, Value};

use super::options::{Options, durability, in_session, setters};
use super::update::run_statement;
use crate::api::convert::to_doc;
use crate::api::{Collection, UpdateResult};
use crate::error::{Error, Result};
use crate::request::{UpdateStatement, WriteOptions};

/// Replaces one document.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ReplaceOne<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    replacement: Result<DocBuf>,
    options: Options,
    journal: bool,
}

impl<'a, T: Serialize + Send + Sync> ReplaceOne<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, replacement: &T) -> Self {
        let replacement = replacement_doc(replacement);
        Self { coll, filter, replacement, options: Options::default(), journal: false }
    }

    setters! {
        /// Whether the replacement is inserted when no document matches.
        upsert(bool) => "upsert";
        /// Which match comes first.
        sort(Document) => "sort";
        /// Variables for `$expr`.
        let_vars(Document) => "let";
        /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
        collation(Document) => "collation";
        /// An index by name or key pattern.
        hint(Bson) => "hint";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
        /// Whether the collection's validator is left out.
        bypass_document_validation(bool) => "bypassDocumentValidation";
    }

    durability!();

    in_session!();

    /// Replaces.
    pub fn run(self) -> Result<UpdateResult> {
        let replacement = self.replacement?;
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let replace = remote.replace_one(self.filter, crate::api::remote::raw(&replacement)?);
            return Ok(replace
                .with_options(self.options.for_driver::<mongodb::options::ReplaceOptions>()?)
                .run()?
                .into());
        }
        let filter = to_doc(&self.filter)?;
        let options = self.options.bytes()?;
        let statement = UpdateStatement {
            upsert: self.options.flag("upsert"),
            sort: options.doc("sort"),
            hint: options.value("hint"),
            collation: options.doc("collation"),
            ..UpdateStatement::new(&filter, Value::document(&replacement))
        };
        let write = WriteOptions {
            journal: self.journal,
            bypass_document_validation: self.options.flag("bypassDocumentValidation"),
            ..WriteOptions::default()
        };
        run_statement(self.coll, &self.options, statement, options.doc("let"), write)
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
