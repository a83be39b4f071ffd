//! Sizes of collections and databases.

use smongo_storage::Table;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, Value};

use super::Engine;
use crate::error::{Error, Result};
use crate::request::Namespace;

/// The databases that there are without anyone making them: users, sessions, and the log of operations.
pub(super) const SERVER_DATABASES: [&str; 3] = ["admin", "config", "local"];

/// The sizes of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionStats {
    /// How many documents there are.
    pub count: u64,
    /// Bytes of all documents together, uncompressed.
    pub size_bytes: u64,
    /// Bytes of a document on average; 0 when there are none.
    pub avg_obj_size_bytes: u64,
    /// Bytes that the documents take on disk.
    pub storage_size_bytes: u64,
    /// The limits of a capped collection: bytes, and documents, 0 where they are not limited.
    pub capped: Option<(u64, u64)>,
    /// Bytes that each index takes on disk, by name.
    pub index_sizes: Vec<(String, u64)>,
}

/// The sizes of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseStats {
    /// How many collections there are.
    pub collections: u64,
    /// How many views there are.
    pub views: u64,
    /// How many documents there are.
    pub objects: u64,
    /// Bytes of all documents together, uncompressed.
    pub data_size_bytes: u64,
    /// Bytes that the documents take on disk.
    pub storage_size_bytes: u64,
    /// How many indexes there are.
    pub indexes: u64,
    /// Bytes that the indexes take on disk.
    pub index_size_bytes: u64,
}

/// The file system that the data lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Bytes that are taken.
    pub used_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// What tells one collection from others.
#[derive(Clone, Debug)]
pub struct CollectionIdentity {
    /// Its name.
    pub ns: Namespace,
    /// Stays with it when it is renamed.
    pub uuid: [u8; 16],
    /// Whether its size is fixed.
    pub capped: bool,
}

impl Engine {
    /// The collections of a database, by name.
    pub fn collections_of(&self, db: &str) -> Vec<CollectionIdentity> {
        let identity = |coll: &std::sync::Arc<crate::collection::Collection>| CollectionIdentity {
            ns: coll.ns(),
            uuid: *coll.uuid(),
            capped: coll.options().get("capped").is_some_and(|capped| capped.as_bool() == Some(true)),
        };
        self.catalog.in_database(db).iter().map(identity).collect()
    }

    /// Fails with `CollectionUUIDMismatch` (361) unless the collection has this identity.
    pub fn check_uuid(&self, ns: &Namespace, uuid: &[u8; 16]) -> Result<()> {
        if self.catalog.get(ns).is_some_and(|coll| coll.uuid() == uuid) {
            return Ok(());
        }
        let actual = self.catalog.in_database(ns.db()).into_iter().find(|coll| coll.uuid() == uuid);
        let details = DocBuf::build(|doc| {
            doc.string("db", ns.db());
            doc.value("collectionUUID", Value::binary(4, uuid));
            doc.string("expectedCollection", ns.coll());
            match actual {
                Some(coll) => doc.string("actualCollection", coll.ns().coll()),
                None => doc.value("actualCollection", Value::NULL),
            }
        });
        let message = "Collection UUID does not match that specified";
        Err(Error::new(Code::COLLECTION_UUID_MISMATCH, message).with_details(details))
    }

    /// The sizes of a collection; `None` when there is none.
    pub fn collection_stats(&self, ns: &Namespace) -> Result<Option<CollectionStats>> {
        let Some(coll) = self.catalog.readable_collection(ns)? else { return Ok(None) };
        let sizes = coll.sizes(&self.storage)?;
        let Ok(shared) = coll.share() else { return Ok(None) };
        let size = |n: i64| u64::try_from(n).unwrap_or(0);
        let (count, size_bytes) = (size(sizes.documents), size(sizes.bytes));
        let mut index_sizes = Vec::new();
        for index in shared.indexes() {
            index_sizes.push((index.name().to_owned(), self.file_bytes(index.table())?));
        }
        Ok(Some(CollectionStats {
            count,
            size_bytes,
            avg_obj_size_bytes: size_bytes.checked_div(count).unwrap_or(0),
            storage_size_bytes: self.file_bytes(shared.records())?,
            capped: shared.rules().capped.map(|cap| (size(cap.bytes), size(cap.documents.unwrap_or(0)))),
            index_sizes,
        }))
    }

    /// The sizes of a database, all zero when there is none.
    pub fn database_stats(&self, db: &str) -> Result<DatabaseStats> {
        Namespace::check_db_name(db)?;
        let views = self.catalog.views().in_database(db).len();
        let mut total = DatabaseStats { views: views as u64, ..DatabaseStats::default() };
        for coll in self.catalog.in_database(db) {
            let Some(stats) = self.collection_stats(&coll.ns())? else { continue };
            total.collections += 1;
            total.objects += stats.count;
            total.data_size_bytes += stats.size_bytes;
            total.storage_size_bytes += stats.storage_size_bytes;
            total.indexes += stats.index_sizes.len() as u64;
            total.index_size_bytes += stats.index_sizes.iter().map(|(_, size)| size).sum::<u64>();
        }
        Ok(total)
    }

    /// The bytes that a database takes on disk; what the server keeps for itself counts where MongoDB has it.
    pub(super) fn size_on_disk(&self, db: &str) -> Result<u64> {
        let mut total = match db {
            "admin" => self.file_bytes(self.catalog.table())?,
            "config" => self.file_bytes(self.sessions.table())?,
            "local" => self.file_bytes(self.oplog.table())?,
            _ => 0,
        };
        for coll in self.catalog.in_database(db) {
            let Ok(shared) = coll.share() else { continue };
            total += self.file_bytes(shared.records())?;
            for index in shared.indexes() {
                total += self.file_bytes(index.table())?;
            }
        }
        Ok(total)
    }

    /// The file system that the data lies on; `None` for an engine in memory.
    pub fn file_system(&self) -> Result<Option<FileSystem>> {
        let Some(path) = self.storage.path() else { return Ok(None) };
        let stat = rustix::fs::statvfs(path).map_err(|error| {
            Error::new(Code::OPERATION_FAILED, format!("cannot look at the file system of {}: {error}", path.display()))
        })?;
        let total_bytes = stat.f_blocks.saturating_mul(stat.f_frsize);
        let free_bytes = stat.f_bfree.saturating_mul(stat.f_frsize);
        Ok(Some(FileSystem { used_bytes: total_bytes.saturating_sub(free_bytes), total_bytes }))
    }

    fn file_bytes(&self, table: &Table) -> Result<u64> {
        Ok(self.storage.table_stats(table)?.file_bytes)
    }
}
