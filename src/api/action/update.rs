//! `update_one` and `update_many`.

use bson::{Bson, Document};
use smongo_vm::value::{DocBuf, Value};

use crate::api::convert::{to_array, to_bson, to_doc, to_optional_doc};
use crate::api::{Collection, UpdateModifications, UpdateResult};
use crate::error::{Error, Result};
use crate::request::{OpContext, UpdateRequest, UpdateStatement, WriteOptions};

/// Updates documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Update<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    update: UpdateModifications,
    multi: bool,
    upsert: bool,
    array_filters: Option<Vec<Document>>,
    sort: Option<Document>,
    let_variables: Option<Document>,
    journal: bool,
}

impl<'a, T: Send + Sync> Update<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, update: UpdateModifications, multi: bool) -> Self {
        Self {
            coll,
            filter,
            update,
            multi,
            upsert: false,
            array_filters: None,
            sort: None,
            let_variables: None,
            journal: false,
        }
    }

    /// Whether a document is inserted when none matches.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// Which array elements `$[identifier]` means.
    pub fn array_filters(mut self, filters: impl IntoIterator<Item = Document>) -> Self {
        self.array_filters = Some(filters.into_iter().collect());
        self
    }

    /// Which match comes first, when only one is updated.
    pub fn sort(mut self, sort: Document) -> Self {
        self.sort = Some(sort);
        self
    }

    /// Variables for `$expr` and pipelines.
    pub fn let_vars(mut self, variables: Document) -> Self {
        self.let_variables = Some(variables);
        self
    }

    /// Waits until the change is on the storage device.
    pub fn journal(mut self, journal: bool) -> Self {
        self.journal = journal;
        self
    }

    /// Updates.
    pub fn run(self) -> Result<UpdateResult> {
        let filter = to_doc(&self.filter)?;
        let update = ModificationBytes::new(&self.update)?;
        let array_filters = self.array_filters.as_deref().map(to_array).transpose()?;
        let sort = to_optional_doc(self.sort.as_ref())?;
        let let_variables = to_optional_doc(self.let_variables.as_ref())?;
        let statement = UpdateStatement {
            multi: self.multi,
            upsert: self.upsert,
            array_filters: array_filters.as_ref().map(DocBuf::as_doc),
            sort: sort.as_ref().map(DocBuf::as_doc),
            ..UpdateStatement::new(&filter, update.value())
        };
        run_statement(self.coll, statement, let_variables.as_ref(), self.journal)
    }
}

/// Runs one statement.
pub(super) fn run_statement<T: Send + Sync>(
    coll: &Collection<T>,
    statement: UpdateStatement<'_>,
    let_variables: Option<&DocBuf>,
    journal: bool,
) -> Result<UpdateResult> {
    let request = UpdateRequest {
        let_variables: let_variables.map(DocBuf::as_doc),
        options: WriteOptions { journal, ..WriteOptions::default() },
        ..UpdateRequest::new(coll.namespace()?, std::slice::from_ref(&statement))
    };
    let reply = coll.engine().update(&OpContext::new(), &request)?;
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
fn only_operators(update: &Document) -> Result<()> {
    match update.keys().next() {
        Some(first) if first.starts_with('$') => Ok(()),
        Some(_) => Err(Error::new(
            smongo_vm::Code::BAD_VALUE,
            "update document must only contain update modifiers; use replace_one to replace documents",
        )),
        None => Err(Error::new(smongo_vm::Code::BAD_VALUE, "update document must not be empty")),
    }
}
