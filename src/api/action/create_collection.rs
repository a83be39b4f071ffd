//! `create_collection`.

use std::time::Duration;

use bson::{Bson, Document};

use super::options::{Options, count_setters, setters};
use crate::api::backend::Backend;
use crate::api::convert::to_doc;
use crate::error::Result;
use crate::request::{CreateRequest, Namespace, OpContext};

/// Makes a collection or a view.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CreateCollection<'a> {
    backend: &'a Backend,
    db: &'a str,
    name: String,
    options: Options,
}

impl<'a> CreateCollection<'a> {
    pub(crate) fn new(backend: &'a Backend, db: &'a str, name: String) -> Self {
        Self { backend, db, name, options: Options::default() }
    }

    setters! {
        /// Whether the collection forgets its oldest documents when it is full; then it has a size.
        capped(bool) => "capped";
        /// What documents must match.
        validator(Document) => "validator";
        /// Which writes are validated: `strict`, `moderate` or `off`.
        validation_level(Bson) => "validationLevel";
        /// What happens to documents that do not match: `error`, `warn` or `errorAndLog`.
        validation_action(Bson) => "validationAction";
        /// Makes a view on this collection instead.
        view_on(String) => "viewOn";
        /// How strings compare in the collection.
        collation(Document) => "collation";
        /// Settings of the storage engine.
        storage_engine(Document) => "storageEngine";
        /// Makes a time series: `{timeField: …, metaField: …, granularity: …}`.
        timeseries(Document) => "timeseries";
        /// Keeps the documents in the order of a key: `{key: {_id: 1}, unique: true}`.
        clustered_index(Document) => "clusteredIndex";
        /// Whether the states of documents before and after changes are kept: `{enabled: true}`.
        change_stream_pre_and_post_images(Document) => "changeStreamPreAndPostImages";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
    }

    count_setters! {
        /// How many bytes a capped collection has.
        size(u64) => "size";
        /// How many documents a capped collection has at most.
        max(u64) => "max";
    }

    /// What a view makes of the documents of its collection.
    pub fn pipeline(mut self, stages: impl IntoIterator<Item = Document>) -> Self {
        self.options.set("pipeline", stages.into_iter().collect::<Vec<_>>());
        self
    }

    /// How long documents of a clustered collection or a time series stay.
    pub fn expire_after_seconds(mut self, time: Duration) -> Self {
        self.options.set_count("expireAfterSeconds", time.as_secs());
        self
    }

    /// Sets any option of MongoDB's `create`, by its name.
    pub fn option(mut self, name: impl AsRef<str>, value: impl Into<Bson>) -> Self {
        self.options.set(name.as_ref(), value);
        self
    }

    /// Makes it. One with the same options may exist already.
    pub fn run(self) -> Result<()> {
        #[cfg(feature = "remote")]
        if self.backend.remote().is_some() {
            let mut command = bson::doc! { "create": &self.name };
            command.extend(self.options.document().clone());
            return self.backend.run_command(self.db, &to_doc(&command)?).map(drop);
        }
        let ns = Namespace::new(self.db, &self.name)?;
        let options = to_doc(self.options.document())?;
        self.backend.engine()?.create_collection(&OpContext::new(), &CreateRequest { ns, options: &options })
    }
}
