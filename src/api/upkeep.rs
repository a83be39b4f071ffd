//! Looking after a store that is open here: backups, checks, space, sizes.

use std::path::Path;

use super::{Client, Collection, Database};
use crate::engine::{CollectionStats, DatabaseStats};
use crate::error::Result;
use crate::request::{Namespace, OpContext, RepairMode, ValidateRequest, Validation};

/// Free space in a file that is worth compacting it, in MB; the storage engine knows no less.
const COMPACT_TARGET_MB: u64 = 1;

impl Client {
    /// Copies the store to `path`, an empty or missing directory, while it is in use. The copy has everything that was
    /// acknowledged before the call, and opens like a store after a loss of power.
    ///
    /// # Errors
    ///
    /// `IllegalOperation` for a server or for memory, `LockBusy` while another backup runs, `BadValue` when the directory
    /// is not empty, and what the file system says.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
    /// use smongo::bson::{Document, doc};
    ///
    /// let client = smongo::Client::open(data)?;
    /// client.database("db").collection("c").insert_one(doc! { "x": 1 }).run()?;
    /// client.backup(&copy)?;
    /// let copy = smongo::Client::open(copy)?;
    /// assert_eq!(copy.database("db").collection::<Document>("c").count_documents(doc! {}).run()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        self.engine()?.backup(path.as_ref())
    }

    /// Looks at every document and every index key of every collection. What is wrong stands in the results.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// # let client = smongo::Client::in_memory()?;
    /// for (collection, found) in client.check()? {
    ///     assert!(found.is_valid(), "{collection}: {:?}", found.errors);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self) -> Result<Vec<(Namespace, Validation)>> {
        self.for_each_collection(|engine, ns| Ok((ns.clone(), engine.validate(&OpContext::new(), &full_check(ns))?)))
    }

    /// Gives free space in the store's files back to the file system; gives how many bytes that was.
    pub fn compact(&self) -> Result<u64> {
        let freed =
            self.for_each_collection(|engine, ns| engine.compact_collection(&OpContext::new(), ns, COMPACT_TARGET_MB))?;
        Ok(freed.into_iter().sum())
    }

    fn for_each_collection<R>(&self, each: impl Fn(&crate::engine::Engine, &Namespace) -> Result<R>) -> Result<Vec<R>> {
        let engine = self.engine()?;
        let mut results = Vec::new();
        for db in self.list_database_names().run()? {
            for collection in engine.collections_of(&db) {
                results.push(each(engine, &collection.ns)?);
            }
        }
        Ok(results)
    }
}

impl Database {
    /// The sizes of the database.
    pub fn stats(&self) -> Result<DatabaseStats> {
        self.engine()?.database_stats(self.name())
    }
}

impl<T: Send + Sync> Collection<T> {
    /// The sizes of the collection, all 0 when there is none.
    pub fn stats(&self) -> Result<CollectionStats> {
        Ok(self.engine()?.collection_stats(&self.checked_namespace()?)?.unwrap_or_default())
    }

    /// Looks at every document and every index key. What is wrong stands in the result.
    pub fn check(&self) -> Result<Validation> {
        self.engine()?.validate(&OpContext::new(), &full_check(&self.checked_namespace()?))
    }

    /// Gives free space in the collection's files back to the file system; gives how many bytes that was.
    pub fn compact(&self) -> Result<u64> {
        self.engine()?.compact_collection(&OpContext::new(), &self.checked_namespace()?, COMPACT_TARGET_MB)
    }
}

fn full_check(ns: &Namespace) -> ValidateRequest {
    ValidateRequest { ns: ns.clone(), full: true, metadata: false, conformance: false, repair: RepairMode::None }
}
