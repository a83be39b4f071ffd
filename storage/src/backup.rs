//! Copying a database while it is in use.

use crate::engine::{Engine, LOG_FOLDER};
use crate::error::{Error, Result, check, check_found};
use crate::raw::close_cursor;
use crate::session::Session;
use std::ffi::{CStr, c_char};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use wiredtiger_sys as wt;

/// The prefix of the log's files, which WiredTiger names without their folder.
const LOG_FILE_PREFIX: &str = "WiredTigerLog.";

/// A state of the database that can be copied: while it lives, WiredTiger keeps its files. Made by [`Engine::backup`].
pub struct Backup {
    files: Vec<PathBuf>,
    home: PathBuf,
    raw: NonNull<wt::WT_CURSOR>,
    /// Owns `raw`, which is closed first.
    _session: Session,
}

// SAFETY: the cursor belongs to the session, which may move between threads, and moves with it.
unsafe impl Send for Backup {}

impl Engine {
    /// Begins a backup. There can be one at a time.
    pub fn backup(&self) -> Result<Backup> {
        let home = self.path().ok_or_else(|| Error::Unsupported("a backup of a database in memory".to_string()))?;
        let session = self.session()?;
        let raw = session.inner().raw().open_cursor(c"backup:", None)?;
        let mut backup = Backup { files: Vec::new(), home: home.to_path_buf(), raw, _session: session };
        // SAFETY: the cursor is open; its keys are C strings that are copied before it moves.
        unsafe {
            while check_found(call!(raw.as_ptr(), next))? {
                let mut name: *const c_char = ptr::null();
                check(call!(raw.as_ptr(), get_key, &raw mut name))?;
                let name = CStr::from_ptr(name).to_string_lossy();
                let folder = if name.starts_with(LOG_FILE_PREFIX) { LOG_FOLDER } else { "" };
                backup.files.push(Path::new(folder).join(&*name));
            }
        }
        Ok(backup)
    }
}

impl Backup {
    /// The files to copy, relative to the database's folder.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Copies the files to an empty or missing folder, which can then be opened as a database.
    pub fn copy_to(&self, target: impl AsRef<Path>) -> Result<()> {
        let target = target.as_ref();
        let failed = |error| Error::io(&format!("cannot copy the database to {}", target.display()), &error);
        fs::create_dir_all(target.join(LOG_FOLDER)).map_err(failed)?;
        for file in &self.files {
            fs::copy(self.home.join(file), target.join(file)).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        // SAFETY: the cursor is open and not used again; its session is still there.
        unsafe { close_cursor(self.raw) };
    }
}

impl fmt::Debug for Backup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Backup").field("files", &self.files).finish_non_exhaustive()
    }
}
