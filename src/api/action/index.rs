//! `create_index`, `create_indexes`, `drop_index`, `drop_indexes`, `list_indexes`, `list_index_names`.

use bson::Document;
use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc};

use super::list_collection_names::names;
use super::run_command::CommandCursor;
use crate::api::convert::to_doc;
use crate::api::options::{Collation, IndexModel, IndexOptions};
use crate::api::{Collection, CreateIndexResult, CreateIndexesResult};
use crate::error::Result;
use crate::request::{CreateIndexesRequest, IndexListing, IndexSelection, OpContext};

/// Makes an index.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CreateIndex<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    model: IndexModel,
}

impl<'a, T: Send + Sync> CreateIndex<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, model: IndexModel) -> Self {
        Self { coll, model }
    }

    /// The index's name. Default: made of the keys, `a_1_b_-1`.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with(|options| options.name = Some(name.into()))
    }

    /// Whether no two documents may have the same key.
    pub fn unique(self, unique: bool) -> Self {
        self.with(|options| options.unique = Some(unique))
    }

    /// Whether documents without any of the fields have no keys.
    pub fn sparse(self, sparse: bool) -> Self {
        self.with(|options| options.sparse = Some(sparse))
    }

    /// Whether queries do without the index.
    pub fn hidden(self, hidden: bool) -> Self {
        self.with(|options| options.hidden = Some(hidden))
    }

    /// Which documents have keys.
    pub fn partial_filter_expression(self, filter: Document) -> Self {
        self.with(|options| options.partial_filter_expression = Some(filter))
    }

    /// How long after the date in the indexed field a document is removed.
    pub fn expire_after_seconds(self, seconds: u32) -> Self {
        let time = std::time::Duration::from_secs(seconds.into());
        self.with(|options| options.expire_after = Some(time))
    }

    /// By which rules the index compares strings.
    pub fn collation(self, collation: impl Into<Collation>) -> Self {
        self.with(|options| options.collation = Some(collation.into()))
    }

    /// The paths that a wildcard index has, or does not have.
    pub fn wildcard_projection(self, projection: Document) -> Self {
        self.with(|options| options.wildcard_projection = Some(projection))
    }

    fn with(mut self, set: impl FnOnce(&mut IndexOptions)) -> Self {
        set(self.model.options.get_or_insert_default());
        self
    }

    /// Makes the index, unless it is there, and gives its name.
    pub fn run(self) -> Result<CreateIndexResult> {
        let mut names = create(self.coll, &[self.model])?;
        Ok(CreateIndexResult { index_name: names.pop().unwrap_or_default() })
    }
}

/// Makes several indexes.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CreateIndexes<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    models: Vec<IndexModel>,
}

impl<'a, T: Send + Sync> CreateIndexes<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, models: Vec<IndexModel>) -> Self {
        Self { coll, models }
    }

    /// Makes those that are not there, and gives the names of all.
    pub fn run(self) -> Result<CreateIndexesResult> {
        Ok(CreateIndexesResult { index_names: create(self.coll, &self.models)? })
    }
}

fn create<T: Send + Sync>(coll: &Collection<T>, models: &[IndexModel]) -> Result<Vec<String>> {
    let names = models.iter().map(IndexModel::name).collect();
    let specs: Vec<Document> = models.iter().map(IndexModel::spec).collect();
    #[cfg(feature = "remote")]
    if coll.remote().is_some() {
        let command = bson::doc! { "createIndexes": coll.name(), "indexes": specs };
        coll.backend().run_command(coll.db(), &to_doc(&command)?)?;
        return Ok(names);
    }
    let specs = specs.iter().map(to_doc).collect::<Result<Vec<DocBuf>>>()?;
    let specs: Vec<&RawDoc> = specs.iter().map(DocBuf::as_doc).collect();
    let request = CreateIndexesRequest { ns: coll.checked_namespace()?, specs: &specs, ignore_unknown_options: false };
    coll.engine()?.create_indexes(&OpContext::new(), &request)?;
    Ok(names)
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
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            match self.name {
                Some(name) => remote.drop_index(name).run()?,
                None => remote.drop_indexes().run()?,
            }
            return Ok(());
        }
        let which = match &self.name {
            Some(name) => IndexSelection::Names(vec![name]),
            None => IndexSelection::All,
        };
        self.coll.engine()?.drop_indexes(&OpContext::new(), &self.coll.checked_namespace()?, &which).map(drop)
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
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            return Ok(remote.list_index_names().run()?);
        }
        let mut bytes = Vec::new();
        let mut list = ArrayWriter::new(&mut bytes);
        let ns = self.coll.checked_namespace()?;
        self.coll.engine()?.list_indexes(&OpContext::new(), &ns, IndexListing::Plain, Some(u64::MAX), &mut list)?;
        list.finish();
        Ok(names(&bytes))
    }
}

/// A collection's indexes.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ListIndexes<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
}

impl<'a, T: Send + Sync> ListIndexes<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>) -> Self {
        Self { coll }
    }

    /// Gives the indexes, the one on `_id` first.
    pub fn run(self) -> Result<ListedIndexes> {
        let command = to_doc(&bson::doc! { "listIndexes": self.coll.name() })?;
        let cursor = CommandCursor::open(self.coll.backend(), self.coll.db(), &command, None)?;
        Ok(ListedIndexes(cursor))
    }
}

/// An iterator over indexes.
#[derive(Debug)]
pub struct ListedIndexes(CommandCursor<Document>);

impl Iterator for ListedIndexes {
    type Item = Result<IndexModel>;

    fn next(&mut self) -> Option<Result<IndexModel>> {
        self.0.next().map(|spec| spec.map(IndexModel::from_spec))
    }
}
