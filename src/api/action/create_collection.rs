//! `create_collection`.

use crate::engine::Engine;
use crate::error::Result;
use crate::request::{CreateRequest, Namespace, OpContext};

/// Makes a collection.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CreateCollection<'a> {
    engine: &'a Engine,
    db: &'a str,
    name: String,
}

impl<'a> CreateCollection<'a> {
    pub(crate) fn new(engine: &'a Engine, db: &'a str, name: String) -> Self {
        Self { engine, db, name }
    }

    /// Makes the collection. One with the same options may exist already.
    pub fn run(self) -> Result<()> {
        let ns = Namespace::new(self.db, &self.name)?;
        self.engine.create_collection(&OpContext::new(), &CreateRequest::new(ns))
    }
}
