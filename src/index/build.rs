//! Building an index over the documents that a collection already has.
//!
//! Keys are gathered, sorted in bounded memory, with runs in temporary files where there are many, and written in
//! order. A large build goes through the storage engine's bulk loader, which costs a checkpoint at the end; others are
//! ordinary inserts. The catalog does not name the table yet, so a build that ends early leaves nothing but a table to
//! drop.

use std::sync::Arc;

use smongo_storage::Engine as Storage;
use smongo_vm::value::RawDoc;

use super::{ArrayPaths, Index, KeySet};
use crate::error::Result;
use crate::request::{Namespace, OpContext};
use crate::spill::{Limit, SortedRows, Sorter, Workspace};

/// Keys from which on the bulk loader is faster than inserts. Its checkpoint takes tens of milliseconds.
const BULK_MIN_KEYS: usize = 50_000;

/// Keys inserted in one transaction.
const TRANSACTION_KEYS: usize = 5_000;

/// Keys that pass between two looks at whether to go on.
const KEYS_PER_CHECK: usize = 4096;

/// Makes the entries of one index. Nobody else may use the collection meanwhile.
pub(crate) struct Builder<'b> {
    index: &'b Index,
    ns: &'b Namespace,
    storage: &'b Storage,
    workspace: &'b Workspace,
    keys: KeySet,
    arrays: ArrayPaths,
    sorter: Sorter,
    memory_max: usize,
    count: usize,
}

impl<'b> Builder<'b> {
    /// Builders of indexes without entries.
    pub fn of(
        indexes: &'b [Arc<Index>],
        ns: &'b Namespace,
        storage: &'b Storage,
        workspace: &'b Workspace,
    ) -> Vec<Self> {
        let memory_max = workspace.memory_max(Limit::IndexBuild) / indexes.len().max(1);
        let builder = |index: &'b Arc<Index>| Self {
            index,
            ns,
            storage,
            workspace,
            keys: KeySet::default(),
            arrays: ArrayPaths::none(index.description().fields.len()),
            sorter: Sorter::default(),
            memory_max,
            count: 0,
        };
        indexes.iter().map(builder).collect()
    }

    /// Takes in a document.
    pub fn add(&mut self, doc: &RawDoc, record_id: i64) -> Result<()> {
        self.index.make_keys(doc, record_id, &mut self.keys)?;
        if self.keys.has_arrays() {
            self.arrays.merge(&self.keys.arrays);
        }
        for (key, value) in self.keys.iter() {
            self.sorter.push(key, value, 0);
            self.count += 1;
        }
        if self.sorter.memory_bytes() >= self.memory_max {
            self.sorter.spill(self.workspace.files_for("index build")?)?;
        }
        Ok(())
    }

    /// Sorts and writes the entries.
    pub fn finish(mut self, op: &OpContext) -> Result<()> {
        op.begin_phase("Index Build: inserting keys from external sorter into index", self.count as u64);
        let rows = std::mem::take(&mut self.sorter).finish(self.memory_max)?;
        if self.count < BULK_MIN_KEYS {
            self.insert(op, rows)?
        } else {
            self.load(op, rows)?
        }
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        let noted = self.index.multikey.note(&self.arrays, &mut txn.cursor(self.index.table())?)?;
        txn.commit()?;
        if let Some(paths) = noted {
            self.index.confirm_arrays(&paths);
        }
        Ok(())
    }

    fn load(&self, op: &OpContext, mut rows: SortedRows) -> Result<()> {
        let mut loader = self.storage.bulk_load(self.index.table())?;
        let mut before: Vec<u8> = Vec::new();
        let mut count = 0usize;
        while rows.advance()? {
            let Some((key, value, _)) = rows.current() else { break };
            if key == before {
                return Err(self.index.duplicate(self.ns, key, value));
            }
            loader.append(key, value)?;
            before.clear();
            before.extend_from_slice(key);
            count += 1;
            if count.is_multiple_of(KEYS_PER_CHECK) {
                op.advance(count as u64)?;
            }
        }
        Ok(loader.finish()?)
    }

    fn insert(&self, op: &OpContext, mut rows: SortedRows) -> Result<()> {
        let mut session = self.storage.session()?;
        let (mut is_left, mut count) = (true, 0u64);
        while is_left {
            op.advance(count)?;
            let txn = session.begin()?;
            let mut cursor = txn.cursor(self.index.table())?;
            for _ in 0..TRANSACTION_KEYS {
                is_left = rows.advance()?;
                let Some((key, value, _)) = rows.current().filter(|_| is_left) else { break };
                self.index.add_built(&mut cursor, self.ns, key, value)?;
                count += 1;
            }
            drop(cursor);
            txn.commit()?;
        }
        Ok(())
    }
}
