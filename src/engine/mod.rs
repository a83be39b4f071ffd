//! The engine: one open data directory, shared by everything that reads or writes it.
//!
//! Its methods take the structs of [`crate::request`]; the server and the embedded API call the same ones. Documents
//! handed in must be valid BSON ([`smongo_vm::value::validate`]).

mod aggregate;
mod capped;
mod ddl;
mod explain;
mod housekeeping;
mod maintenance;
mod options;
mod outcomes;
mod plan_cache;
mod query_settings;
mod read;
mod sessions;
mod stats;
mod streams;
mod ttl;
mod validate;
mod views;
mod write;

use std::path::Path;
use std::sync::{Arc, Weak};

use smongo_storage::Engine as Storage;

use crate::catalog::Catalog;
use crate::cursor::CursorRegistry;
use crate::error::Result;
use crate::oplog::{Oplog, OplogLimits};
pub use crate::plan_cache::PlanCacheCounts;
use crate::query_settings::QuerySettings;
use crate::session::{Sessions, Snapshots};
use crate::spill::{Limits, Workspace};
pub use options::EngineOptions;
pub(crate) use query_settings::QueryShape;
pub use stats::{CollectionIdentity, CollectionStats, DatabaseStats, FileSystem};

/// One open data directory.
pub struct Engine {
    storage: Storage,
    catalog: Catalog,
    cursors: CursorRegistry,
    workspace: Workspace,
    oplog: Arc<Oplog>,
    oplog_limits: OplogLimits,
    sessions: Sessions,
    snapshots: Snapshots,
    query_settings: QuerySettings,
    /// For what outlives a call.
    this: Weak<Engine>,
    /// Ends with the engine.
    _housekeeper: housekeeping::Housekeeper,
    /// Ends with the engine.
    ttl: ttl::TtlThread,
}

impl Engine {
    /// Opens a data directory, or makes a new one.
    pub fn open(options: EngineOptions) -> Result<Arc<Self>> {
        let storage = Storage::open(&options.storage)?;
        let workspace = Workspace::open(storage.path())?;
        let oplog = Arc::new(Oplog::open(storage.clone())?);
        let catalog = Catalog::open(storage.clone(), workspace.clone(), Arc::clone(&oplog))?;
        let sessions = Sessions::open(storage.clone(), Arc::clone(&oplog))?;
        let engine = Arc::new_cyclic(|engine| Self {
            oplog,
            oplog_limits: options.oplog,
            sessions,
            snapshots: Snapshots::default(),
            query_settings: QuerySettings::default(),
            this: engine.clone(),
            _housekeeper: housekeeping::Housekeeper::start(engine.clone()),
            storage,
            catalog,
            cursors: CursorRegistry::default(),
            workspace,
            ttl: ttl::TtlThread::start(engine.clone()),
        });
        engine.load_views()?;
        engine.load_query_settings()?;
        Ok(engine)
    }

    /// Writes down what the next opening can use, and closes the files. Operations that come later fail.
    pub fn close(&self) -> Result<()> {
        self.end_sessions(|_| true);
        self.snapshots.clear();
        self.catalog.close()?;
        Ok(self.storage.close()?)
    }

    /// Waits until everything committed so far is on the storage device.
    pub fn sync_log(&self) -> Result<()> {
        Ok(self.storage.sync_log()?)
    }

    /// Writes a checkpoint, so that the next opening has little to recover.
    pub fn checkpoint(&self) -> Result<()> {
        Ok(self.storage.checkpoint()?)
    }

    /// The data directory; `None` for an engine in memory.
    pub fn path(&self) -> Option<&Path> {
        self.storage.path()
    }

    /// How much memory requests may take, which can be changed.
    pub(crate) fn memory_limits(&self) -> &Limits {
        self.workspace.limits()
    }

    /// How documents expire, which can be changed.
    pub(crate) fn ttl(&self) -> &ttl::TtlSettings {
        self.ttl.settings()
    }

    /// How many cursors are open.
    pub fn open_cursor_count(&self) -> usize {
        self.cursors.len()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // An engine that was closed, or whose files fail, has nothing left to note; opening it recovers.
        let _ = self.close();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("storage", &self.storage).finish_non_exhaustive()
    }
}
