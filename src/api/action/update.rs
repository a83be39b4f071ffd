//! `update_one` and `update_many`.

use bson::{Bson, Document};
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::options::{Options, durability, in_session, setters};
use crate::api::convert::{to_array, to_bson, to_doc};
use crate::api::{Collection, UpdateModifications, UpdateResult};
use crate::error::{Error, Result};
use crate::request::{UpdateRequest, UpdateStatement, WriteOptions};

/// Updates documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Update<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    update: UpdateModifications,
    multi: bool,
    options: Options,
    journal: bool,
}

impl<'a, T: Send + Sync> Update<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, update: UpdateModifications, multi: bool) -> Self {
        Self { coll, filter, update, multi, options: Options::default(), journal: false }
    }

    setters! {
        /// Whether a document is inserted when none matches.
        upsert(bool) => "upsert";
        /// Which match comes first, when only one is updated.
        sort(Document) => "sort";
        /// Variables for `$expr` and pipelines.
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

    /// Which array elements `$[identifier]` means.
    pub fn array_filters(mut self, filters: impl IntoIterator<Item = Document>) -> Self {
        self.options.set("arrayFilters", filters.into_iter().collect::<Vec<_>>());
        self
    }

    /// Updates.
    pub fn run(self) -> Result<UpdateResult> {
        // Its checks hold for both ways.
        let update = ModificationBytes::new(&self.update)?;
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let options = self.options.for_driver::<mongodb::options::UpdateOptions>()?;
            let update = mongodb::options::UpdateModifications::from(self.update);
            let update = if self.multi {
                remote.update_many(self.filter, update)
            } else {
                remote.update_one(self.filter, update)
            };
            return Ok(update.with_options(options).run()?.into());
        }
        let filter = to_doc(&self.filter)?;
        let options = self.options.bytes()?;
        let statement = UpdateStatement {
            multi: self.multi,
            upsert: self.options.flag("upsert"),
            array_filters: options.array("arrayFilters"),
            sort: options.doc("sort"),
            hint: options.value("hint"),
            collation: options.doc("collation"),
            ..UpdateStatement::new(&filter, update.value())
        };
        let write = WriteOptions {
            journal: self.journal,
            bypass_document_validation: self.options.flag("bypassDocumentValidation"),
            ..WriteOptions::default()
        };
        run_statement(self.coll, &self.options, statement, options.doc("let"), write)
    }
}

/// Runs one statement.
pub(super) fn run_statement<T: Send + Sync>(
    coll: &Collection<T>,
    verb: &Options,
    statement: UpdateStatement<'_>,
    let_variables: Option<&RawDoc>,
    options: WriteOptions,
) -> Result<UpdateResult> {
    let request = UpdateRequest {
        let_variables,
        options,
        ..UpdateRequest::new(coll.checked_namespace()?, std::slice::from_ref(&statement))
    };
    let engine = coll.engine()?;
    let reply = verb.run(engine, coll.db(), |op| engine.update(op, &request))?;
    if let Some(error) = Error::from_write_errors(reply.write_errors) {
        return Err(error);
    }
    let upserted_id: Option<Bson> = reply.upserted.first().map(|upserted| to_bson(upserted.id.get())).transpose()?;
    Ok(UpdateResult { matched_count: reply.matched, modified_count: reply.modified, upserted_id })
}

/// The bytes of an update.
pub(super) enum ModificationBytes {
    Document(DocBuf),
    Pipeline(DocBuf),
}

impl ModificationBytes {
    pub fn new(update: &UpdateModifications) -> Result<Self> {
        Ok(match update {
            UpdateModifications::Document(document) => {
                only_operators(document)?;
                Self::Document(to_doc(document)?)
            }
            UpdateModifications::Pipeline(stages) => Self::Pipeline(to_array(stages)?),
        })
    }

    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Document(document) => Value::document(document),
            Self::Pipeline(stages) => Value::array(stages),
        }
    }
}

/// As in the official driver, an update that is not a replacement must have operators, and begin with one.
pub(super) fn only_operators(update: &Document) -> Result<()> {
    match update.keys().next() {
        Some(first) if first.starts_with('$') => Ok(()),
        Some(_) => Err(Error::new(
            smongo_vm::Code::BAD_VALUE,
            "update document must only contain update modifiers; use replace_one to replace documents",
        )),
        None => Err(Error::new(smongo_vm::Code::BAD_VALUE, "update document must not be empty")),
    }
}
