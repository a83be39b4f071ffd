//! Giving space in files back to the file system, for one table or for all of them in the background.

use std::ffi::CString;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::table::Table;

/// How the engine compacts files by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoCompact {
    /// Free space in a file from which on it is compacted, in MB.
    pub free_space_target_mb: u64,
    /// Whether it stops after all files have been looked at once.
    pub run_once: bool,
}

impl Engine {
    /// Makes a table's file smaller where it has `free_space_target_mb` of free space or more. A database in memory has
    /// no files.
    pub fn compact(&self, table: &Table, free_space_target_mb: u64) -> Result<()> {
        if self.path().is_none() {
            return Ok(());
        }
        table.check_live()?;
        // No time limit: whoever compacts decides when.
        let config = setting(format!("free_space_target={free_space_target_mb}MB,timeout=0"))?;
        self.session()?.inner().raw().compact(Some(table.uri()), &config)
    }

    /// Starts compacting all files in the background, or stops it (`None`). Busy while an earlier run winds down.
    pub fn auto_compact(&self, how: Option<AutoCompact>) -> Result<()> {
        if self.path().is_none() {
            return Err(Error::Unsupported("a database in memory has no files to compact".to_string()));
        }
        let config = match how {
            Some(AutoCompact { free_space_target_mb, run_once }) => {
                setting(format!("background=true,free_space_target={free_space_target_mb}MB,run_once={run_once}"))?
            }
            None => setting("background=false".to_string())?,
        };
        self.session()?.inner().raw().compact(None, &config)
    }
}

fn setting(text: String) -> Result<CString> {
    CString::new(text).map_err(|_| Error::InvalidArgument("a setting with a zero byte".to_string()))
}
