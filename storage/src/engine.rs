//! An open database: its life, its tables and its pool of sessions.

use crate::bulk::BulkLoader;
use crate::compress;
use crate::error::{Error, Result, check, check_found};
use crate::event::EventHandler;
use crate::log::LogSync;
use crate::options::{CommitMode, OpenOptions, TableOptions};
use crate::owner;
use crate::raw::{RawSession, close_cursor};
use crate::session::{Inner as SessionInner, Session};
use crate::table::{self, Table, TableState};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use wiredtiger_sys as wt;

/// The folder of the log, below the database's folder.
pub(crate) const LOG_FOLDER: &str = "journal";

/// The size at which a log file is full.
const LOG_FILE_BYTES: u64 = 64 << 20;

/// The most sessions kept open while they are not lent.
const IDLE_SESSIONS_MAX: usize = 256;

/// How long a table change pauses between two attempts to get the table for itself.
const BUSY_RETRY_PAUSE: Duration = Duration::from_millis(2);

/// An open database. Cheap to clone, shared by all threads; closed by [`Engine::close`] or when the last clone, session
/// and transaction are gone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    conn: NonNull<wt::WT_CONNECTION>,
    /// Used by the connection; freed after it is closed.
    handler: NonNull<EventHandler>,
    path: Option<PathBuf>,
    pool: Mutex<Pool>,
    /// The handles given out, so that all handles to a table are equal.
    tables: Mutex<HashMap<String, Table>>,
    /// Held while tables are created, dropped or renamed.
    table_changes: Mutex<()>,
    /// Grows when a table is about to be dropped or renamed.
    pub(crate) table_change: AtomicU64,
    /// `None` if the database lives in memory.
    log: Option<Arc<LogSync>>,
    flusher: Mutex<Option<JoinHandle<()>>>,
    busy_wait: Duration,
}

#[derive(Default)]
struct Pool {
    /// The most recently used last.
    idle: Vec<SessionInner>,
    lent: usize,
    closed: bool,
}

// SAFETY: WiredTiger's connections may be used by many threads at once; the handler is only freed by the last owner.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Engine {
    /// Opens a database, after recovering it if it was not closed. [`Busy`](Error::Busy) if it is open already, here or
    /// in another process.
    pub fn open(options: &OpenOptions) -> Result<Engine> {
        compress::install();
        let home = prepare_home(options)?;
        let config = open_config(options)?;
        let handler = Box::into_raw(EventHandler::new(options.event_sink.clone()));
        let mut conn = ptr::null_mut();
        // SAFETY: the strings are C strings, the handler begins with WiredTiger's structure and outlives the connection,
        // the out pointer is valid.
        let code = unsafe { wt::wiredtiger_open(home.as_ptr(), handler.cast(), config.as_ptr(), &mut conn) };
        let (Some(conn), Some(handler), 0) = (NonNull::new(conn), NonNull::new(handler), code) else {
            // SAFETY: the open failed, so nobody uses the handler, which came from Box::into_raw.
            drop(unsafe { Box::from_raw(handler) });
            return Err(open_error(code, options.path.as_deref()));
        };

        let mut inner = Inner {
            conn,
            handler,
            path: options.path.clone(),
            pool: Mutex::default(),
            tables: Mutex::default(),
            table_changes: Mutex::new(()),
            table_change: AtomicU64::new(0),
            log: None,
            flusher: Mutex::new(None),
            busy_wait: Duration::from_millis(options.busy_wait_ms),
        };
        // From here on, dropping `inner` closes the connection.
        if let Some(path) = &options.path {
            owner::note(path)?;
            // SAFETY: the connection is open, and the log's session is closed before it.
            let log = Arc::new(LogSync::new(unsafe { RawSession::open(conn.as_ptr()) }?));
            inner.log = Some(Arc::clone(&log));
            let interval = Duration::from_millis(options.log_sync_interval_ms);
            inner.flusher = Mutex::new(Some(log.start_flusher(interval)?));
        }
        Ok(Engine(Arc::new(inner)))
    }

    /// Closes the database: everything committed is on the storage device and the next open needs no recovery.
    /// [`Busy`](Error::Busy) while sessions are lent. Closing twice does nothing.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }

    /// The database's folder; `None` if it lives in memory.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// A session from the pool.
    pub fn session(&self) -> Result<Session> {
        self.0.session()
    }

    /// Creates a table. [`Exists`](Error::Exists) if there is one of this name. Names consist of ASCII letters, digits,
    /// `_`, `-` and `.`.
    pub fn create_table(&self, name: &str, options: &TableOptions) -> Result<Table> {
        let _changing = self.0.table_changes.lock();
        let uri = table::uri(name)?;
        if self.table_exists(name)? {
            return Err(Error::Exists(format!("table {name}")));
        }
        self.session()?.inner().raw().create(&uri, &table::create_config(options)?)?;
        self.table(name)
    }

    /// The table of this name. [`NotFound`](Error::NotFound) if there is none.
    pub fn table(&self, name: &str) -> Result<Table> {
        let mut tables = self.0.tables.lock();
        if let Some(table) = tables.get(name) {
            return Ok(table.clone());
        }
        let config = self.table_config(name)?.ok_or_else(|| Error::NotFound(format!("table {name}")))?;
        let table = Table::new(name, table::key_format_of(&config)?)?;
        tables.insert(name.to_string(), table.clone());
        Ok(table)
    }

    /// Whether there is a table of this name.
    pub fn table_exists(&self, name: &str) -> Result<bool> {
        Ok(self.0.tables.lock().contains_key(name) || self.table_config(name)?.is_some())
    }

    /// The names of all tables, sorted.
    pub fn list_tables(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.for_each_object(|key| names.extend(key.strip_prefix(table::URI_PREFIX).map(str::to_string)))?;
        names.sort_unstable();
        Ok(names)
    }

    /// The names that no new table can have: those of tables, and of files that a crash left of one.
    pub fn names_in_use(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        self.for_each_object(|key| {
            names.extend(key.split_once(':').map(|(_, name)| name.strip_suffix(".wt").unwrap_or(name).to_string()));
        })?;
        Ok(names)
    }

    /// Calls `with` with the URI of everything that the metadata know.
    fn for_each_object(&self, mut with: impl FnMut(&str)) -> Result<()> {
        self.with_metadata(|cursor| {
            // SAFETY: the metadata cursor is open; its keys are C strings that are copied before it moves.
            unsafe {
                while check_found(call!(cursor, next))? {
                    let mut key: *const c_char = ptr::null();
                    check(call!(cursor, get_key, &raw mut key))?;
                    with(&CStr::from_ptr(key).to_string_lossy());
                }
            }
            Ok(())
        })
    }

    /// Drops a table and its file. Waits a while for those who use it, then is [`Busy`](Error::Busy); meanwhile new
    /// cursors on it are refused. Users are open cursors, cursors that sessions in use keep for later, uncommitted
    /// changes, and transactions older than the table's last change, whatever they read.
    pub fn drop_table(&self, table: &Table) -> Result<()> {
        self.change_table(table, |session| session.drop_object(table.uri()))
    }

    /// Gives a table another name. Waits as [`Engine::drop_table`] does. The old handle is of no use afterwards. A
    /// database in memory cannot rename, because WiredTiger would lose the table's records.
    pub fn rename_table(&self, table: &Table, new_name: &str) -> Result<Table> {
        if self.path().is_none() {
            return Err(Error::Unsupported("renaming a table in memory".to_string()));
        }
        let new_uri = table::uri(new_name)?;
        // WiredTiger renames only tables whose files are up to date.
        self.checkpoint()?;
        self.change_table(table, |session| {
            if self.table_exists(new_name)? {
                return Err(Error::Exists(format!("table {new_name}")));
            }
            session.rename(table.uri(), &new_uri)
        })?;
        self.table(new_name)
    }

    /// Fills an empty table with records in key order, faster than inserts. Nobody else can use the table meanwhile.
    pub fn bulk_load(&self, table: &Table) -> Result<BulkLoader> {
        table.check_live()?;
        let session = self.session()?;
        let raw = self.with_retries(table, || BulkLoader::open_cursor(&session, table))?;
        Ok(BulkLoader::new(self.clone(), session, table.clone(), raw))
    }

    /// Reads a table's file from end to end and fails if its structure is damaged. Gives false if the table was in use
    /// all the time; users wait for as long as it takes. A database in memory has no file.
    pub fn verify_table(&self, table: &Table) -> Result<bool> {
        if self.path().is_none() {
            return Ok(true);
        }
        table.check_live()?;
        // WiredTiger verifies only tables whose files are up to date.
        self.checkpoint()?;
        let session = self.session()?;
        let verified = self.with_retries(table, || {
            session.inner().close_cached(|cached| cached == table);
            session.inner().raw().verify(table.uri())
        });
        match verified {
            Ok(()) => Ok(true),
            Err(Error::Busy(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns when everything committed before the call is on the storage device. Threads that wait share one sync.
    /// A database in memory has nothing to sync.
    pub fn sync_log(&self) -> Result<()> {
        self.0.sync_log()
    }

    /// Runs an operation that needs the table unused by others, with the table closed to new users.
    fn change_table(&self, table: &Table, change: impl Fn(&RawSession) -> Result<()>) -> Result<()> {
        let _changing = self.0.table_changes.lock();
        table.check_live()?;
        let session = self.session()?;
        table.set_state(TableState::Closing);
        let result = self.with_retries(table, || {
            session.inner().close_cached(|cached| cached == table);
            change(session.inner().raw())
        });
        match result {
            Ok(()) => {
                table.set_state(TableState::Gone);
                self.0.tables.lock().remove(table.name());
                Ok(())
            }
            Err(error) => {
                table.set_state(TableState::Live);
                Err(error)
            }
        }
    }

    /// Repeats an operation that is busy, closing the table's idle cursors each time, until the engine's patience ends.
    fn with_retries<T>(&self, table: &Table, operation: impl Fn() -> Result<T>) -> Result<T> {
        self.0.table_change.fetch_add(1, Ordering::AcqRel);
        let deadline = Instant::now() + self.0.busy_wait;
        let mut refreshed = false;
        loop {
            for session in &self.0.pool.lock().idle {
                session.close_cached(|cached| cached == table);
            }
            match operation() {
                Err(Error::Busy(_)) if !refreshed => {
                    refreshed = true;
                    self.refresh_oldest_transaction(table);
                }
                Err(Error::Busy(_)) if Instant::now() < deadline => thread::sleep(BUSY_RETRY_PAUSE),
                result => return result,
            }
        }
    }

    /// WiredTiger gives a table away only if it believes that every running transaction sees the table's last change, and
    /// it looks up the oldest running transaction just once a second while it has nothing else to do. It also looks when
    /// it evicts a changed page, so let it evict the page that most likely changed last.
    fn refresh_oldest_transaction(&self, table: &Table) {
        let Ok(session) = self.session() else { return };
        let config = c"debug=(release_evict=true)";
        if let Ok(cursor) = session.inner().raw().open_cursor(table.uri(), Some(config)) {
            // SAFETY: the cursor was opened above and is closed once. If something fails, the look-up comes later.
            unsafe {
                let _ = call!(cursor.as_ptr(), prev);
                let _ = call!(cursor.as_ptr(), reset);
                close_cursor(cursor);
            }
        }
    }

    /// The setting that WiredTiger keeps for a table; `None` if there is no such table.
    fn table_config(&self, name: &str) -> Result<Option<String>> {
        let uri = table::uri(name)?;
        self.with_metadata(|cursor| {
            let mut config: *const c_char = ptr::null();
            // SAFETY: the metadata cursor is open; its keys and values are C strings, and the value is copied before the
            // cursor moves.
            unsafe {
                if let Some(set_key) = (*cursor).set_key {
                    set_key(cursor, uri.as_ptr());
                }
                if !check_found(call!(cursor, search))? {
                    return Ok(None);
                }
                check(call!(cursor, get_value, &raw mut config))?;
                Ok(Some(CStr::from_ptr(config).to_string_lossy().into_owned()))
            }
        })
    }

    fn with_metadata<T>(&self, read: impl FnOnce(*mut wt::WT_CURSOR) -> Result<T>) -> Result<T> {
        let session = self.session()?;
        let cursor = session.inner().raw().open_cursor(c"metadata:", None)?;
        let result = read(cursor.as_ptr());
        // SAFETY: the cursor was opened above and is not used again.
        unsafe { close_cursor(cursor) };
        result
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl Inner {
    fn session(self: &Arc<Self>) -> Result<Session> {
        let idle = {
            let mut pool = self.pool.lock();
            if pool.closed {
                return Err(Error::InvalidArgument("the engine is closed".to_string()));
            }
            pool.lent += 1;
            pool.idle.pop()
        };
        let inner = match idle {
            Some(inner) => inner,
            // SAFETY: the connection is open: it cannot be closed while a session counts as lent.
            None => match unsafe { RawSession::open(self.conn.as_ptr()) } {
                Ok(raw) => SessionInner::new(raw),
                Err(error) => {
                    self.pool.lock().lent -= 1;
                    return Err(error);
                }
            },
        };
        Ok(Session::new(inner, Arc::clone(self)))
    }

    pub(crate) fn return_session(&self, session: SessionInner) {
        let mut pool = self.pool.lock();
        if pool.idle.len() < IDLE_SESSIONS_MAX {
            pool.lent -= 1;
            pool.idle.push(session);
            return;
        }
        drop(pool);
        // SAFETY: the connection is open: the session still counts as lent.
        unsafe { session.close() };
        self.pool.lock().lent -= 1;
    }

    /// Notes a commit that wrote something.
    #[inline]
    pub(crate) fn note_commit(&self) {
        if let Some(log) = &self.log {
            log.mark_unsynced();
        }
    }

    pub(crate) fn sync_log(&self) -> Result<()> {
        self.log.as_ref().map_or(Ok(()), |log| log.sync())
    }

    fn close(&self) -> Result<()> {
        let idle = {
            let mut pool = self.pool.lock();
            if pool.closed {
                return Ok(());
            }
            if pool.lent > 0 {
                return Err(Error::Busy(format!("{} sessions are in use", pool.lent)));
            }
            pool.closed = true;
            std::mem::take(&mut pool.idle)
        };
        let log_session = self.log.as_ref().and_then(|log| {
            log.stop_flusher();
            if let Some(flusher) = self.flusher.lock().take() {
                // A panic of the flusher was reported by the panic hook; nothing depends on its end.
                let _ = flusher.join();
            }
            log.close()
        });
        // While the lock is held: the next to open the database notes itself.
        let cleared = self.path.as_deref().map_or(Ok(()), owner::clear);
        // SAFETY: the connection is open, no session is lent, and the flag set above keeps new ones from being opened.
        // The handler came from Box::into_raw, and the closed connection does not use it.
        unsafe {
            for session in idle {
                session.close();
            }
            if let Some(session) = log_session {
                session.close();
            }
            let code = call!(self.conn.as_ptr(), close, ptr::null());
            drop(Box::from_raw(self.handler.as_ptr()));
            check(code)?;
        }
        cleared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever wants to know whether closing succeeds calls `Engine::close`. Recovery repairs what is missing.
        let _ = self.close();
    }
}

/// Makes the folders and gives WiredTiger's name for the home. A database in memory needs a name that is its own, because
/// WiredTiger opens a home only once; no file of that name is touched.
fn prepare_home(options: &OpenOptions) -> Result<CString> {
    static MEMORY_HOMES: AtomicU64 = AtomicU64::new(0);

    let Some(path) = &options.path else {
        let number = MEMORY_HOMES.fetch_add(1, Ordering::Relaxed);
        return CString::new(format!("/nonexistent/memory-{number}")).map_err(|_| Error::from_code(wt::WT_ERROR));
    };
    if options.create {
        fs::create_dir_all(path.join(LOG_FOLDER))
            .map_err(|error| Error::io(&format!("cannot create {}", path.display()), &error))?;
    } else if !path.join("WiredTiger").exists() {
        return Err(Error::NotFound(format!("no database in {}", path.display())));
    }
    // One folder must have one name, or the check for databases open in this process fails.
    let path = fs::canonicalize(path).map_err(|error| Error::io(&path.display().to_string(), &error))?;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::InvalidArgument("a path with a NUL byte".to_string()))
}

/// The settings with which the database is opened; `FORMAT.md` says what they mean for the files.
fn open_config(options: &OpenOptions) -> Result<CString> {
    let mut config = format!(
        "create={},cache_size={},session_max={},statistics=(fast),mmap=false,eviction=(threads_min=1,threads_max=4),\
         error_prefix=storage",
        options.create, options.cache_size_bytes, options.sessions_max
    );
    if options.path.is_none() {
        config.push_str(",in_memory=true");
    } else {
        config.push_str(&format!(",log=(enabled=true,path={LOG_FOLDER},file_max={LOG_FILE_BYTES},remove=true)"));
        config.push_str(match options.commit_mode {
            CommitMode::Buffer => ",transaction_sync=(enabled=false)",
            CommitMode::Write => ",transaction_sync=(enabled=true,method=none)",
            CommitMode::Sync => ",transaction_sync=(enabled=true,method=fsync)",
        });
        if options.checkpoint_interval_s > 0 {
            config.push_str(&format!(
                ",checkpoint=(wait={},log_size={})",
                options.checkpoint_interval_s, options.checkpoint_log_size_bytes
            ));
        }
    }
    config.push_str(compress::extension_config());
    CString::new(config).map_err(|_| Error::InvalidArgument("open options".to_string()))
}

fn open_error(code: i32, path: Option<&Path>) -> Error {
    let path = path.unwrap_or(Path::new("memory"));
    let busy = || Error::Busy(format!("the database in {} is in use: {}", path.display(), owner::describe(path)));
    match Error::from_code(code) {
        Error::Busy(_) => busy(),
        // WiredTiger's lock file, taken by another process.
        Error::Io(_) if io::Error::from_raw_os_error(code).kind() == io::ErrorKind::WouldBlock => busy(),
        wt_error => wt_error,
    }
}
