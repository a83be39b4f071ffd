//! Space in files: how much could be given back, and giving it back.

use std::fs;
use std::path::Path;

use smongo_storage::{AutoCompact, Error as StorageError, Table};
use smongo_vm::Code;

use super::Engine;
use crate::error::{Error, Result};
use crate::request::{Namespace, OpContext};

/// `ObjectIsBusy`: an earlier run of the background compaction winds down.
const OBJECT_IS_BUSY: Code = Code(314);

impl Engine {
    /// Gives free space in a collection's files back to the file system; gives how many bytes that was.
    pub fn compact_collection(&self, op: &OpContext, ns: &Namespace, free_space_target_mb: u64) -> Result<u64> {
        let tables = self.tables_of(ns)?;
        let before = self.total_file_bytes(&tables)?;
        for table in &tables {
            op.check()?;
            self.storage.compact(table, free_space_target_mb)?;
        }
        Ok(before.saturating_sub(self.total_file_bytes(&tables)?))
    }

    /// Copies the data directory to `target`, an empty or missing directory, while it is in use.
    pub fn backup(&self, target: &Path) -> Result<()> {
        if fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some()) {
            let message = format!("the directory {} of the backup is not empty", target.display());
            return Err(Error::new(Code::BAD_VALUE, message));
        }
        if self.storage.path().is_none() {
            return Err(Error::new(Code::ILLEGAL_OPERATION, "what is in memory cannot be backed up"));
        }
        // What is acknowledged is in the log, which the copy has.
        self.storage.sync_log()?;
        Ok(self.storage.backup()?.copy_to(target)?)
    }

    /// Bytes in a collection's files that hold nothing at present.
    pub fn reusable_bytes(&self, ns: &Namespace) -> Result<u64> {
        let mut total = 0;
        for table in self.tables_of(ns)? {
            total += self.storage.table_stats(&table)?.reusable_bytes;
        }
        Ok(total)
    }

    /// Starts giving free space back in the background, or stops it.
    pub fn auto_compact(&self, how: Option<AutoCompact>) -> Result<()> {
        self.storage.auto_compact(how).map_err(|error| match error {
            StorageError::Busy(why) => Error::new(OBJECT_IS_BUSY, why),
            other => other.into(),
        })
    }

    fn tables_of(&self, ns: &Namespace) -> Result<Vec<Table>> {
        let missing = || Error::new(Code::NAMESPACE_NOT_FOUND, format!("collection does not exist: {ns}"));
        let coll = self.catalog.get(ns).ok_or_else(missing)?;
        let shared = coll.share().map_err(|_| missing())?;
        let indexes = shared.indexes().iter().map(|index| index.table().clone());
        Ok(std::iter::once(shared.records().clone()).chain(indexes).collect())
    }

    fn total_file_bytes(&self, tables: &[Table]) -> Result<u64> {
        tables.iter().map(|table| Ok(self.storage.table_stats(table)?.file_bytes)).sum()
    }
}
