//! `create_index`, `drop_index`, `drop_indexes`, `list_index_names`.

use bson::{Bson, Document};
use smongo_vm::value::ArrayWriter;

use super::list_collection_names::names;
use crate::api::Collection;
use crate::api::convert::to_doc;
use crate::error::Result;
use crate::request::{CreateIndexesRequest, IndexListing, IndexSelection, OpContext};

/// Makes an index.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CreateIndex<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    keys: Document,
    name: Option<String>,
    options: Document,
}

impl<'a, T: Send + Sync> CreateIndex<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, keys: Document) -> Self {
        Self { coll, keys, name: None, options: Document::new() }
    }

    /// The index's name. Default: made of the keys, `a_1_b_-1`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether no two documents may have the same key.
    pub fn unique(self, unique: bool) -> Self {
        self.option("unique", unique)
    }

    /// Whether documents without any of the fields have no keys.
    pub fn sparse(self, sparse: bool) -> Self {
        self.option("sparse", sparse)
    }

    /// Whether queries do without the index.
    pub fn hidden(self, hidden: bool) -> Self {
        self.option("hidden", hidden)
    }

    /// Which documents have keys.
    pub fn partial_filter_expression(self, filter: Document) -> Self {
        self.option("partialFilterExpression", filter)
    }

    /// How long after the date in the indexed field a document is removed.
    pub fn expire_after_seconds(self, seconds: i32) -> Self {
        self.option("expireAfterSeconds", seconds)
    }

    /// By which rules the index compares strings.
    pub fn collation(self, collation: Document) -> Self {
        self.option("collation", collation)
    }

    /// The paths that a wildcard index has, or does not have.
    pub fn wildcard_projection(self, projection: Document) -> Self {
        self.option("wildcardProjection", projection)
    }

    fn option(mut self, name: &str, value: impl Into<Bson>) -> Self {
        self.options.insert(name, value);
        self
    }

    /// Makes the index, unless it is there, and gives its name.
    pub fn run(self) -> Result<String> {
        let name = self.name.unwrap_or_else(|| default_name(&self.keys));
        let mut spec = Document::new();
        spec.insert("key", self.keys);
        spec.insert("name", name.clone());
        spec.extend(self.options);
        let request = CreateIndexesRequest {
            ns: self.coll.namespace()?,
            specs: &[&to_doc(&spec)?],
            ignore_unknown_options: false,
        };
        self.coll.engine().create_indexes(&OpContext::new(), &request)?;
        Ok(name)
    }
}

/// Fields and directions, as drivers name indexes.
fn default_name(keys: &Document) -> String {
    let part = |(field, order): (&String, &Bson)| match order {
        Bson::String(kind) => format!("{field}_{kind}"),
        other => format!("{field}_{other}"),
    };
    keys.iter().map(part).collect::<Vec<_>>().join("_")
}

/// Drops one index or all but the one on `_id`.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct DropIndexes<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    name: Option<String>,
}

impl<'a, T: Send + Sync> DropIndexes<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, name: Option<String>) -> Self {
        Self { coll, name }
    }

    /// Drops what was named.
    pub fn run(self) -> Result<()> {
        let which = match &self.name {
            Some(name) => IndexSelection::Names(vec![name]),
            None => IndexSelection::All,
        };
        self.coll.engine().drop_indexes(&OpContext::new(), &self.coll.namespace()?, &which).map(drop)
    }
}

/// The names of a collection's indexes.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ListIndexNames<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
}

impl<'a, T: Send + Sync> ListIndexNames<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>) -> Self {
        Self { coll }
    }

    /// Gives the names, the index on `_id` first.
    pub fn run(self) -> Result<Vec<String>> {
        let mut bytes = Vec::new();
        let mut list = ArrayWriter::new(&mut bytes);
        let ns = self.coll.namespace()?;
        self.coll.engine().list_indexes(&OpContext::new(), &ns, IndexListing::Plain, Some(u64::MAX), &mut list)?;
        list.finish();
        Ok(names(&bytes))
    }
}
