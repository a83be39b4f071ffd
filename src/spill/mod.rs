//! What does not fit in memory: limits of memory, temporary files, and sorting by runs that lie in them.
//!
//! Whoever holds rows asks its [`Workspace`] how much it may hold and whether it may go to disk beyond that. A
//! [`Sorter`] takes rows as a key and bytes; it knows nothing of documents, operators or indexes.

mod file;
mod limits;
mod list;
mod row;
mod runs;
mod sorter;

use std::path::Path;
use std::sync::Arc;

use smongo_vm::Code;

use crate::error::{Error, Result};
pub(crate) use file::TempFiles;
pub(crate) use limits::{Limit, Limits};
pub(crate) use list::SpillList;
pub(crate) use row::{push_values, read_values};
pub(crate) use sorter::{SortedRows, Sorter};

/// How much of something was put aside on disk, as `explain` tells it.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Spilled {
    /// How often memory was emptied.
    pub times: u64,
    /// How many rows went to disk.
    pub rows: u64,
    /// How many bytes they took there.
    pub bytes: u64,
}

/// What one query may use besides the data: memory up to limits, and temporary files.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    limits: Arc<Limits>,
    files: Option<Arc<TempFiles>>,
}

impl Workspace {
    /// The workspace of a store that has its files below `path`, or that has none. What an earlier process left there
    /// is removed.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let files = TempFiles::open(path).map_err(file::io_error)?;
        Ok(Self { limits: Arc::default(), files: Some(Arc::new(files)) })
    }

    /// The same workspace for a request that says whether it may use the disk, or leaves that to the server.
    pub fn for_request(&self, allow_disk_use: Option<bool>) -> Self {
        let allowed = allow_disk_use.unwrap_or_else(|| self.limits.disk_use_by_default());
        Self { limits: Arc::clone(&self.limits), files: self.files.clone().filter(|_| allowed) }
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many bytes may be held in memory for this purpose.
    pub fn memory_max(&self, limit: Limit) -> usize {
        self.limits.get(limit)
    }

    /// The temporary files, unless the request may not use the disk.
    pub fn files(&self) -> Option<&Arc<TempFiles>> {
        self.files.as_ref()
    }

    /// The temporary files for `stage`, which holds more than it may; fails when the request may not use the disk.
    pub fn files_for(&self, stage: &str) -> Result<&Arc<TempFiles>> {
        self.files.as_ref().ok_or_else(|| over_limit(stage))
    }
}

impl Default for Workspace {
    /// The usual limits, and no disk.
    fn default() -> Self {
        Self { limits: Arc::default(), files: None }
    }
}

/// The error of a stage that holds more than it may and cannot go to disk.
#[cold]
pub(crate) fn over_limit(stage: &str) -> Error {
    Error::new(
        Code::QUERY_EXCEEDED_MEMORY_LIMIT_NO_DISK_USE_ALLOWED,
        format!(
            "Exceeded memory limit for {stage}, but didn't allow external spilling; pass allowDiskUse:true to opt in"
        ),
    )
}
