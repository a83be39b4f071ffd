//! `create_collection`.

use bson::{Bson, Document};

use crate::api::convert::to_doc;
use crate::engine::Engine;
use crate::error::Result;
use crate::request::{CreateRequest, Namespace, OpContext};

/// Makes a collection or a view.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CreateCollection<'a> {
    engine: &'a Engine,
    db: &'a str,
    name: String,
    options: Document,
}

impl<'a> CreateCollection<'a> {
    pub(crate) fn new(engine: &'a Engine, db: &'a str, name: String) -> Self {
        Self { engine, db, name, options: Document::new() }
    }

    /// Sets any option of MongoDB's `create`, by its name.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<Bson>) -> Self {
        self.options.insert(name, value);
        self
    }

    /// Makes a view instead of a collection: what `pipeline` makes of the documents of `collection`.
    pub fn view_on(self, collection: impl Into<String>, pipeline: impl IntoIterator<Item = Document>) -> Self {
        let pipeline: Vec<Document> = pipeline.into_iter().collect();
        self.option("viewOn", collection.into()).option("pipeline", pipeline)
    }

    /// Makes it. One with the same options may exist already.
    pub fn run(self) -> Result<()> {
        let ns = Namespace::new(self.db, &self.name)?;
        let options = to_doc(&self.options)?;
        self.engine.create_collection(&OpContext::new(), &CreateRequest { ns, options: &options })
    }
}
