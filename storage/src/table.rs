//! Handles to tables, and the names and settings WiredTiger knows them by.

use crate::error::{Error, Result};
use crate::options::{KeyFormat, TableOptions};
use std::ffi::{CStr, CString};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The longest table name; the file's name adds `.wt`, and file systems stop at 255.
const NAME_BYTES_MAX: usize = 200;

/// The prefix of WiredTiger's name for a table.
pub(crate) const URI_PREFIX: &str = "table:";

/// A handle to a table. Cheap to clone; all handles to one table are equal.
#[derive(Clone)]
pub struct Table(Arc<Inner>);

struct Inner {
    name: String,
    uri: CString,
    key_format: KeyFormat,
    state: AtomicU8,
}

/// Whether a table can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum TableState {
    /// Yes.
    Live,
    /// Someone is about to drop or rename it and needs it unused.
    Closing,
    /// It was dropped, or has another name now.
    Gone,
}

impl Table {
    pub(crate) fn new(name: &str, key_format: KeyFormat) -> Result<Table> {
        Ok(Table(Arc::new(Inner {
            name: name.to_string(),
            uri: uri(name)?,
            key_format,
            state: AtomicU8::new(TableState::Live as u8),
        })))
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The table's keys.
    pub fn key_format(&self) -> KeyFormat {
        self.0.key_format
    }

    pub(crate) fn uri(&self) -> &CStr {
        &self.0.uri
    }

    pub(crate) fn state(&self) -> TableState {
        match self.0.state.load(Ordering::Acquire) {
            state if state == TableState::Live as u8 => TableState::Live,
            state if state == TableState::Closing as u8 => TableState::Closing,
            _ => TableState::Gone,
        }
    }

    pub(crate) fn set_state(&self, state: TableState) {
        self.0.state.store(state as u8, Ordering::Release);
    }

    /// An error unless the table can be used.
    pub(crate) fn check_live(&self) -> Result<()> {
        match self.state() {
            TableState::Live => Ok(()),
            TableState::Closing => Err(Error::Busy(format!("table {} is being dropped or renamed", self.name()))),
            TableState::Gone => Err(Error::NotFound(format!("table {}", self.name()))),
        }
    }
}

/// By identity: a later table of the same name is another one, so a cached cursor never serves it.
impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Table {}

impl fmt::Debug for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Table")
            .field("name", &self.name())
            .field("key_format", &self.key_format())
            .field("state", &self.state())
            .finish()
    }
}

/// WiredTiger's name for a table. Refuses names that are not plain file names.
pub(crate) fn uri(name: &str) -> Result<CString> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let valid = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(plain)
        && !name.starts_with('.')
        && !name.starts_with("WiredTiger");
    match CString::new(format!("{URI_PREFIX}{name}")) {
        Ok(uri) if valid => Ok(uri),
        _ => Err(Error::InvalidArgument(format!("table name {name:?}"))),
    }
}

/// The setting with which a table is created.
pub(crate) fn create_config(options: &TableOptions) -> Result<CString> {
    let config = format!(
        "exclusive=true,key_format={},value_format=u,internal_page_max=16KB,leaf_page_max={},leaf_value_max=64MB,\
         memory_page_max=10MB,split_pct=90,block_compressor={},prefix_compression={},log=(enabled={})",
        options.key.config_name(),
        options.leaf_page_bytes,
        options.compression.config_name(),
        options.prefix_compression,
        options.logged,
    );
    CString::new(config).map_err(|_| Error::InvalidArgument("table options".to_string()))
}

/// Reads the key format out of the setting that WiredTiger keeps for a table.
pub(crate) fn key_format_of(config: &str) -> Result<KeyFormat> {
    match config.split(',').find_map(|setting| setting.strip_prefix("key_format=")) {
        Some("q") => Ok(KeyFormat::RecordId),
        Some("u") => Ok(KeyFormat::Bytes),
        other => Err(Error::Unsupported(format!("a table with keys of format {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_file_names() {
        for name in ["a", "collection-7", "_x.y", "WIRED"] {
            assert!(uri(name).is_ok(), "{name}");
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for name in ["", "a/b", "..", ".a", "a b", "a,b", "a:b", "WiredTigerHS", "ä", "a\0", &long] {
            assert!(matches!(uri(name), Err(Error::InvalidArgument(_))), "{name:?}");
        }
    }

    #[test]
    fn key_formats_are_read_back() {
        assert_eq!(key_format_of("app_metadata=,key_format=q,value_format=u"), Ok(KeyFormat::RecordId));
        assert_eq!(key_format_of("key_format=u"), Ok(KeyFormat::Bytes));
        assert!(key_format_of("key_format=S").is_err());
        assert!(key_format_of("").is_err());
    }
}
