//! `find_one_and_delete`, `find_one_and_replace` and `find_one_and_update`: one command, three verbs.

use bson::{Bson, Document};
use serde::Serialize;
use serde::de::DeserializeOwned;
use smongo_vm::value::{DocBuf, Value};

use super::options::{OptionBytes, Options, durability, in_session, setters, time_limit};
use super::replace_one::replacement_doc;
use super::update::ModificationBytes;
use crate::api::convert::{from_doc, to_doc};
use crate::api::{Collection, ReturnDocument, UpdateModifications};
use crate::error::Result;
use crate::request::{FindAndModifyRequest, Modification, WriteOptions};

/// The methods that the three verbs share.
macro_rules! shared_setters {
    () => {
        setters! {
            /// Which match comes first.
            sort(Document) => "sort";
            /// Which fields are given back.
            projection(Document) => "projection";
            /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
            collation(Document) => "collation";
            /// An index by name or key pattern.
            hint(Bson) => "hint";
            /// Variables for `$expr` and pipelines.
            let_vars(Document) => "let";
            /// What the operation is known by in the profiler and among running operations.
            comment(Bson) => "comment";
        }

        time_limit!();

        durability!();

        in_session!();
    };
}

/// The methods that the two verbs share which write a document.
macro_rules! write_setters {
    () => {
        setters! {
            /// Whether a document is inserted when none matches.
            upsert(bool) => "upsert";
            /// Whether the collection's validator is left out.
            bypass_document_validation(bool) => "bypassDocumentValidation";
        }

        /// Which state is given back. Default: the one before.
        pub fn return_document(mut self, returned: ReturnDocument) -> Self {
            let name = if returned == ReturnDocument::After { "after" } else { "before" };
            self.options.set("returnDocument", name);
            self.returned = returned;
            self
        }
    };
}

/// Runs one of the verbs on a store that is open here.
fn run<T: Send + Sync + DeserializeOwned>(
    coll: &Collection<T>,
    filter: &Document,
    options: &Options,
    bytes: &OptionBytes,
    journal: bool,
    action: Modification<'_>,
) -> Result<Option<T>> {
    let filter = to_doc(filter)?;
    let request = FindAndModifyRequest {
        sort: bytes.doc("sort"),
        fields: bytes.doc("projection"),
        hint: bytes.value("hint"),
        collation: bytes.doc("collation"),
        let_variables: bytes.doc("let"),
        options: WriteOptions {
            journal,
            bypass_document_validation: options.flag("bypassDocumentValidation"),
            ..WriteOptions::default()
        },
        ..FindAndModifyRequest::new(coll.checked_namespace()?, &filter, action)
    };
    let engine = coll.engine()?;
    let reply = options.run(engine, coll.db(), |op| engine.find_and_modify(op, &request))?;
    reply.value.as_deref().map(from_doc).transpose()
}

/// Deletes a document and gives it back.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOneAndDelete<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    options: Options,
    journal: bool,
}

impl<'a, T: Send + Sync> FindOneAndDelete<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self { coll, filter, options: Options::default(), journal: false }
    }

    shared_setters!();

    /// Deletes the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let options = self.options.for_driver::<mongodb::options::FindOneAndDeleteOptions>()?;
            return typed(remote.find_one_and_delete(self.filter).with_options(options).run()?);
        }
        let bytes = self.options.bytes()?;
        run(self.coll, &self.filter, &self.options, &bytes, self.journal, Modification::Remove)
    }
}

/// Replaces a document and gives it back.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOneAndReplace<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    replacement: Result<DocBuf>,
    returned: ReturnDocument,
    options: Options,
    journal: bool,
}

impl<'a, T: Serialize + Send + Sync> FindOneAndReplace<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, replacement: &T) -> Self {
        Self {
            coll,
            filter,
            replacement: replacement_doc(replacement),
            returned: ReturnDocument::default(),
            options: Options::default(),
            journal: false,
        }
    }

    shared_setters!();

    write_setters!();

    /// Replaces the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        let replacement = self.replacement?;
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let options = self.options.for_driver::<mongodb::options::FindOneAndReplaceOptions>()?;
            let replacement = crate::api::remote::raw(&replacement)?;
            return typed(remote.find_one_and_replace(self.filter, replacement).with_options(options).run()?);
        }
        let bytes = self.options.bytes()?;
        let action = Modification::Update {
            update: Value::document(&replacement),
            upsert: self.options.flag("upsert"),
            return_new: self.returned == ReturnDocument::After,
            array_filters: None,
        };
        run(self.coll, &self.filter, &self.options, &bytes, self.journal, action)
    }
}

/// Updates a document and gives it back.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOneAndUpdate<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    update: UpdateModifications,
    returned: ReturnDocument,
    options: Options,
    journal: bool,
}

impl<'a, T: Send + Sync> FindOneAndUpdate<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, update: UpdateModifications) -> Self {
        Self { coll, filter, update, returned: ReturnDocument::default(), options: Options::default(), journal: false }
    }

    shared_setters!();

    write_setters!();

    /// Which array elements `$[identifier]` means.
    pub fn array_filters(mut self, filters: impl IntoIterator<Item = Document>) -> Self {
        self.options.set("arrayFilters", filters.into_iter().collect::<Vec<_>>());
        self
    }

    /// Updates the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        let update = ModificationBytes::new(&self.update)?;
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let options = self.options.for_driver::<mongodb::options::FindOneAndUpdateOptions>()?;
            let update = mongodb::options::UpdateModifications::from(self.update);
            return typed(remote.find_one_and_update(self.filter, update).with_options(options).run()?);
        }
        let bytes = self.options.bytes()?;
        let action = Modification::Update {
            update: update.value(),
            upsert: self.options.flag("upsert"),
            return_new: self.returned == ReturnDocument::After,
            array_filters: bytes.array("arrayFilters"),
        };
        run(self.coll, &self.filter, &self.options, &bytes, self.journal, action)
    }
}

/// What the driver gave, as the caller's type.
#[cfg(feature = "remote")]
fn typed<T: DeserializeOwned>(found: Option<bson::RawDocumentBuf>) -> Result<Option<T>> {
    found.map(|doc| crate::api::convert::from_raw(&doc)).transpose()
}
