//! Collections as such: create, drop, rename, and the lists of what there is.

use smongo_vm::Code;
use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc, Value};

use super::Engine;
use crate::catalog::{collection_document, database_document, view_document};
use crate::error::{Error, Result};
use crate::exec::op::{Documents, FilterProgram};
use crate::exec::{Executor, Flow};
use crate::request::{
    CreateIndexesRequest, CreateRequest, CreatedIndexes, DroppedCollection, IndexListing, IndexSelection,
    ListCollectionsRequest, ModifiedIndex, ModifyCollectionRequest, ModifyIndexRequest, Namespace, OpContext,
};

impl Engine {
    /// Makes a collection. One with the same options may exist already.
    pub fn create_collection(&self, op: &OpContext, request: &CreateRequest<'_>) -> Result<()> {
        op.check()?;
        if request.options.get("viewOn").is_some() {
            return self.create_view(op, &request.ns, request.options);
        }
        let Some(transaction) = op.scope().transaction() else {
            return self.catalog.create(&request.ns, request.options);
        };
        let is_new = self.catalog.get(&request.ns).is_none();
        self.catalog.create_in_transaction(&request.ns, request.options)?;
        if is_new { transaction.note_made(&request.ns) } else { Ok(()) }
    }

    /// Drops a collection; `None` when there was none.
    pub fn drop_collection(&self, op: &OpContext, ns: &Namespace) -> Result<Option<DroppedCollection>> {
        op.check()?;
        check_not_log(ns, Code(5_255_000), "drop")?;
        if self.catalog.is_view(ns) {
            let dropped = self.drop_view(op, ns)?;
            return Ok(dropped.then_some(DroppedCollection { index_count: None }));
        }
        self.wait_for_transactions(ns);
        let indexes = self.catalog.drop_collection(ns)?;
        Ok(indexes.map(|count| DroppedCollection { index_count: Some(u32::try_from(count).unwrap_or(u32::MAX)) }))
    }

    /// Drops all collections of a database; false when there was none.
    pub fn drop_database(&self, op: &OpContext, db: &str) -> Result<bool> {
        op.check()?;
        Namespace::check_db_name(db)?;
        self.catalog.drop_database(db)
    }

    /// Gives a collection another name. The collection that has that name goes when `drop_target` says so.
    pub fn rename_collection(&self, op: &OpContext, from: &Namespace, to: &Namespace, drop_target: bool) -> Result<()> {
        op.check()?;
        check_not_log(from, Code::ILLEGAL_OPERATION, "rename")?;
        self.wait_for_transactions(from);
        self.wait_for_transactions(to);
        self.catalog.rename(from, to, drop_target)
    }

    /// Starts a cursor over the descriptions of a database's collections.
    pub fn list_collections(
        &self,
        op: &OpContext,
        request: &ListCollectionsRequest<'_>,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<i64> {
        Namespace::check_db_name(request.db)?;
        let collections = self.catalog.in_database(request.db);
        let views = self.catalog.views().in_database(request.db);
        let documents = collections.iter().map(|coll| collection_document(coll, request.name_only));
        let documents = documents.chain(views.iter().map(|view| view_document(view, request.name_only))).collect();
        let ns = Namespace::trusted(request.db, "$cmd.listCollections");
        self.find_in_documents(op, ns, documents, request.filter, request.batch_size, batch)
    }

    /// Makes indexes that are not there yet, all or none.
    pub fn create_indexes(&self, op: &OpContext, request: &CreateIndexesRequest<'_>) -> Result<CreatedIndexes> {
        op.check()?;
        match op.scope().transaction() {
            None => self.wait_for_transactions(&request.ns),
            Some(transaction) => {
                if self.catalog.get(&request.ns).is_some() && !transaction.has_only_made(&request.ns) {
                    return Err(Error::new(
                        Code::OPERATION_NOT_SUPPORTED_IN_TRANSACTION,
                        format!(
                            "Cannot create new indexes on existing collection {} in a multi-document transaction.",
                            request.ns
                        ),
                    ));
                }
                self.collection_for_write(op, &request.ns)?;
            }
        }
        self.catalog.create_indexes(op, request)
    }

    /// Drops indexes; gives how many there were.
    pub fn drop_indexes(&self, op: &OpContext, ns: &Namespace, which: &IndexSelection<'_>) -> Result<u32> {
        op.check()?;
        self.wait_for_transactions(ns);
        self.catalog.drop_indexes(ns, which)
    }

    /// The databases that have collections, by name.
    pub fn databases(&self) -> Vec<String> {
        self.catalog.databases().into_iter().collect()
    }

    /// Makes all indexes of a collection anew; gives their descriptions.
    pub fn rebuild_indexes(&self, op: &OpContext, ns: &Namespace) -> Result<Vec<DocBuf>> {
        op.check()?;
        self.catalog.rebuild_indexes(op, ns)
    }

    /// Waits for the transactions that have used a collection, so that others that change the catalog need not wait for
    /// them too.
    fn wait_for_transactions(&self, ns: &Namespace) {
        if let Some(coll) = self.catalog.get(ns) {
            coll.wait_for_transactions();
        }
    }

    /// Whether there is a collection of this name.
    pub fn has_collection(&self, ns: &Namespace) -> bool {
        self.catalog.readable(ns).is_some()
    }

    /// Whether there is a view of this name.
    pub fn is_view(&self, ns: &Namespace) -> bool {
        self.catalog.is_view(ns)
    }

    /// Changes an index.
    pub fn modify_index(&self, op: &OpContext, request: &ModifyIndexRequest<'_>) -> Result<ModifiedIndex> {
        op.check()?;
        self.wait_for_transactions(&request.ns);
        self.catalog.modify_index(op, request)
    }

    /// Changes a collection's options.
    pub fn modify_collection(&self, op: &OpContext, request: &ModifyCollectionRequest<'_>) -> Result<()> {
        op.check()?;
        self.wait_for_transactions(&request.ns);
        self.catalog.modify(request)
    }

    /// Sets after how many seconds the documents of a clustered collection go; `None` keeps them.
    pub fn set_expiry(&self, op: &OpContext, ns: &Namespace, expiry: Option<Value<'_>>) -> Result<()> {
        op.check()?;
        self.catalog.set_expiry(ns, expiry)
    }

    /// Starts a cursor over the descriptions of a collection's indexes.
    pub fn list_indexes(
        &self,
        op: &OpContext,
        ns: &Namespace,
        form: IndexListing,
        batch_size: Option<u64>,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<i64> {
        let missing = || Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}"));
        let coll = self.catalog.readable_collection(ns)?.ok_or_else(missing)?;
        let specs = match coll.share() {
            Ok(shared) => shared.indexes().iter().map(|index| form.describe(&index.entry().spec)).collect(),
            Err(_) => return Err(missing()),
        };
        self.find_in_documents(op, ns.clone(), specs, RawDoc::EMPTY, batch_size, batch)
    }

    /// Writes the descriptions of all databases that satisfy a filter and gives the sum of their sizes in bytes.
    pub fn list_databases(
        &self,
        op: &OpContext,
        filter: &RawDoc,
        name_only: bool,
        out: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<u64> {
        let mut documents = Vec::new();
        let mut databases = self.catalog.databases();
        databases.extend(super::stats::SERVER_DATABASES.map(str::to_owned));
        for db in databases {
            documents.push(database_document(&db, self.size_on_disk(&db)?));
        }
        let mut total = 0;
        for doc in self.filter_documents(op, documents, filter)? {
            let size = doc.get("sizeOnDisk").and_then(Value::as_integer).unwrap_or(0);
            total += u64::try_from(size).unwrap_or(0);
            if name_only {
                let name = doc.get("name").unwrap_or(Value::NOTHING);
                out.value(Value::document(&DocBuf::build(|doc| doc.value("name", name))));
            } else {
                out.value(Value::document(&doc));
            }
        }
        Ok(total)
    }

    /// Those of some documents that satisfy a filter.
    pub fn filter_documents(&self, op: &OpContext, documents: Vec<DocBuf>, filter: &RawDoc) -> Result<Vec<DocBuf>> {
        let mut context = smongo_compiler::ParseContext::new();
        let filter = FilterProgram::from(&smongo_compiler::compile_filter(filter, &mut context)?);
        let mut executor = Executor::new(Box::new(Documents::new(documents, Some(filter))), None, Vec::new());
        let mut chosen = Vec::new();
        executor.run(&self.storage, op, &mut |doc| {
            chosen.push(DocBuf::from(doc));
            Ok(Flow::Continue)
        })?;
        Ok(chosen)
    }
}

/// Fails when a collection that is to go is the log of operations.
fn check_not_log(ns: &Namespace, code: Code, what: &str) -> Result<()> {
    match ns.is_log() {
        true => Err(Error::new(code, format!("can't {what} live oplog while replicating"))),
        false => Ok(()),
    }
}
