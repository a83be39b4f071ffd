//! Figures about the database and its tables, as WiredTiger counts them.

use crate::engine::Engine;
use crate::error::{Result, check};
use crate::raw::close_cursor;
use crate::session::Session;
use crate::table::Table;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use wiredtiger_sys as wt;

/// Figures about the whole database. Counters start at 0 when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EngineStats {
    /// Bytes in the cache.
    pub cache_bytes: u64,
    /// The size of the cache.
    pub cache_bytes_max: u64,
    /// Bytes in the cache that are not yet in the tables' files.
    pub cache_dirty_bytes: u64,
    /// Pages read into the cache.
    pub pages_read: u64,
    /// Pages written from the cache.
    pub pages_written: u64,
    /// Writes to the log.
    pub log_writes: u64,
    /// Syncs of the log.
    pub log_syncs: u64,
    /// Bytes written to the log.
    pub log_bytes: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Transactions rolled back.
    pub rollbacks: u64,
}

/// Figures about one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TableStats {
    /// The size of the table's file.
    pub file_bytes: u64,
    /// Bytes in its file that hold nothing at present.
    pub reusable_bytes: u64,
    /// Bytes of the table in the cache.
    pub cache_bytes: u64,
}

impl Engine {
    /// Figures about the whole database.
    pub fn stats(&self) -> Result<EngineStats> {
        let session = self.session()?;
        let [
            cache_bytes,
            cache_bytes_max,
            cache_dirty_bytes,
            pages_read,
            pages_written,
            log_writes,
            log_syncs,
            log_bytes,
            commits,
            rollbacks,
        ] = read(
            &session,
            c"statistics:",
            c"statistics=(fast)",
            [
                wt::WT_STAT_CONN_CACHE_BYTES_INUSE,
                wt::WT_STAT_CONN_CACHE_BYTES_MAX,
                wt::WT_STAT_CONN_CACHE_BYTES_DIRTY,
                wt::WT_STAT_CONN_CACHE_READ,
                wt::WT_STAT_CONN_CACHE_WRITE,
                wt::WT_STAT_CONN_LOG_WRITES,
                wt::WT_STAT_CONN_LOG_SYNC,
                wt::WT_STAT_CONN_LOG_BYTES_WRITTEN,
                wt::WT_STAT_CONN_TXN_COMMIT,
                wt::WT_STAT_CONN_TXN_ROLLBACK,
            ],
        )?;
        Ok(EngineStats {
            cache_bytes,
            cache_bytes_max,
            cache_dirty_bytes,
            pages_read,
            pages_written,
            log_writes,
            log_syncs,
            log_bytes,
            commits,
            rollbacks,
        })
    }

    /// Figures about one table.
    pub fn table_stats(&self, table: &Table) -> Result<TableStats> {
        table.check_live()?;
        let session = self.session()?;
        let uri = statistics_uri(table)?;
        let [file_bytes, reusable_bytes, cache_bytes] = read(
            &session,
            &uri,
            c"statistics=(fast)",
            [wt::WT_STAT_DSRC_BLOCK_SIZE, wt::WT_STAT_DSRC_BLOCK_REUSE_BYTES, wt::WT_STAT_DSRC_CACHE_BYTES_INUSE],
        )?;
        Ok(TableStats { file_bytes, reusable_bytes, cache_bytes })
    }
}

fn statistics_uri(table: &Table) -> Result<CString> {
    let mut uri = b"statistics:".to_vec();
    uri.extend_from_slice(table.uri().to_bytes());
    CString::new(uri).map_err(|_| crate::Error::InvalidArgument("table name".to_string()))
}

/// Reads some figures through a statistics cursor.
fn read<const N: usize>(session: &Session, uri: &CStr, config: &CStr, keys: [u32; N]) -> Result<[u64; N]> {
    let cursor = session.inner().raw().open_cursor(uri, Some(config))?;
    let mut values = [0; N];
    let mut result = Ok(());
    for (key, value) in keys.iter().zip(&mut values) {
        // SAFETY: the cursor is open.
        result = unsafe { read_one(cursor.as_ptr(), *key) }.map(|figure| *value = figure);
        if result.is_err() {
            break;
        }
    }
    // SAFETY: the cursor was opened above and is not used again.
    unsafe { close_cursor(cursor) };
    result.map(|()| values)
}

/// # Safety
/// The cursor is an open statistics cursor.
unsafe fn read_one(cursor: *mut wt::WT_CURSOR, key: u32) -> Result<u64> {
    let (mut description, mut text): (*const c_char, *const c_char) = (ptr::null(), ptr::null());
    let mut value: i64 = 0;
    // SAFETY: a statistics cursor has keys of format "i" and values of format "SSq".
    unsafe {
        if let Some(set_key) = (*cursor).set_key {
            set_key(cursor, key as c_int);
        }
        check(call!(cursor, search))?;
        check(call!(cursor, get_value, &raw mut description, &raw mut text, &raw mut value))?;
    }
    Ok(u64::try_from(value).unwrap_or(0))
}
