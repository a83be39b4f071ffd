//! A position in a table.
//!
//! A cursor lends the key and the value it stands on instead of copying them; whatever moves it takes `&mut self`, so a
//! lent value cannot outlive its position. Scans that need only values should call [`Cursor::next_value`]: reading a key
//! costs a cache miss of its own.

use crate::error::{Error, Result};
use crate::options::KeyFormat;
use crate::session::{CursorMode, Inner as SessionInner};
use crate::table::Table;
use std::cmp::Ordering;
use std::ffi::c_int;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::slice;
use wiredtiger_sys as wt;

/// How many records ahead a value scan fetches into the processor's cache. Records of a page lie one behind the other,
/// so the next ones are near `address + length`.
const PREFETCH_RECORDS: usize = 2;

/// How much of each such record is fetched, in cache lines.
const PREFETCH_LINES: usize = 7;

const CACHE_LINE_BYTES: usize = 64;

/// The longest key and the longest value, WiredTiger's limit. Callers keep to much lower ones.
const ITEM_BYTES_MAX: usize = u32::MAX as usize - 1024;

/// A key to look for or to write. Made from `i64`, `&[u8]`, `&[u8; N]` or `&Vec<u8>`. No record has an empty key; it can
/// be sought as the key before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'k> {
    /// The key of a [`KeyFormat::Bytes`] table.
    Bytes(&'k [u8]),
    /// The key of a [`KeyFormat::RecordId`] table.
    RecordId(i64),
}

impl Key<'_> {
    #[inline]
    fn is_empty(&self) -> bool {
        matches!(self, Key::Bytes([]))
    }
}

impl From<i64> for Key<'_> {
    fn from(record_id: i64) -> Self {
        Key::RecordId(record_id)
    }
}

impl<'k> From<&'k [u8]> for Key<'k> {
    fn from(bytes: &'k [u8]) -> Self {
        Key::Bytes(bytes)
    }
}

impl<'k, const N: usize> From<&'k [u8; N]> for Key<'k> {
    fn from(bytes: &'k [u8; N]) -> Self {
        Key::Bytes(bytes)
    }
}

impl<'k> From<&'k Vec<u8>> for Key<'k> {
    fn from(bytes: &'k Vec<u8>) -> Self {
        Key::Bytes(bytes)
    }
}

/// A cursor on one table, opened by [`Session::cursor`](crate::Session::cursor). Stands on a record or nowhere; from
/// nowhere, [`next`](Cursor::next) goes to the first record and [`prev`](Cursor::prev) to the last.
///
/// Writing needs a transaction and leaves the cursor nowhere.
pub struct Cursor<'s> {
    session: &'s SessionInner,
    /// Goes back to the session's cache with the cursor.
    table: ManuallyDrop<Table>,
    raw: NonNull<wt::WT_CURSOR>,
    /// Opened by the first `put`.
    overwriting: Option<NonNull<wt::WT_CURSOR>>,
    /// Whether the cursor stands on a record.
    positioned: bool,
}

impl<'s> Cursor<'s> {
    pub(crate) fn open(session: &'s SessionInner, table: &Table) -> Result<Cursor<'s>> {
        let (table, raw) = session.take_cursor(table, CursorMode::Strict)?;
        Ok(Cursor { session, table: ManuallyDrop::new(table), raw, overwriting: None, positioned: false })
    }

    /// The cursor's table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether the cursor stands on a record.
    pub fn is_positioned(&self) -> bool {
        self.positioned
    }

    /// Goes to the next record; false, and nowhere, after the last.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "a lending cursor cannot be an Iterator")]
    pub fn next(&mut self) -> Result<bool> {
        // SAFETY: the cursor is open.
        let code = unsafe { call!(self.raw.as_ptr(), next) };
        self.moved(code)
    }

    /// Goes to the previous record; false, and nowhere, before the first.
    #[inline]
    pub fn prev(&mut self) -> Result<bool> {
        // SAFETY: the cursor is open.
        let code = unsafe { call!(self.raw.as_ptr(), prev) };
        self.moved(code)
    }

    /// Goes to the next record and lends its value, fetching the records behind it into the processor's cache.
    #[inline]
    pub fn next_value(&mut self) -> Result<Option<&[u8]>> {
        if !self.next()? {
            return Ok(None);
        }
        let value = self.lend_value()?;
        prefetch_neighbours(value, 1);
        Ok(Some(value))
    }

    /// Goes to the previous record and lends its value, fetching the records before it into the processor's cache.
    #[inline]
    pub fn prev_value(&mut self) -> Result<Option<&[u8]>> {
        if !self.prev()? {
            return Ok(None);
        }
        let value = self.lend_value()?;
        prefetch_neighbours(value, -1);
        Ok(Some(value))
    }

    /// Goes to the first record; false if the table is empty.
    pub fn first(&mut self) -> Result<bool> {
        self.reset()?;
        self.next()
    }

    /// Goes to the last record; false if the table is empty.
    pub fn last(&mut self) -> Result<bool> {
        self.reset()?;
        self.prev()
    }

    /// Goes to the record with this key; false, and nowhere, if there is none.
    #[inline]
    pub fn search<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<bool> {
        let key = key.into();
        if key.is_empty() {
            self.reset()?;
            return Ok(false);
        }
        self.set_key(self.raw, key)?;
        // SAFETY: the cursor is open, and its key points to memory that lives until the end of this method.
        let code = unsafe { call!(self.raw.as_ptr(), search) };
        self.moved(code)
    }

    /// Goes to the record with this key, or to a neighbour of where it would be. Says how the record found compares with
    /// the key; `None` if the table is empty.
    pub fn search_near<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<Option<Ordering>> {
        let key = key.into();
        if key.is_empty() {
            return Ok(self.first()?.then_some(Ordering::Greater));
        }
        self.set_key(self.raw, key)?;
        let mut exact: c_int = 0;
        // SAFETY: as in `search`, and the out pointer is valid.
        let code = unsafe { call!(self.raw.as_ptr(), search_near, &mut exact) };
        Ok(self.moved(code)?.then(|| exact.cmp(&0)))
    }

    /// Goes to the first record whose key is at least this one; false if there is none.
    pub fn seek_ge<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<bool> {
        match self.search_near(key)? {
            None => Ok(false),
            Some(Ordering::Less) => self.next(),
            Some(_) => Ok(true),
        }
    }

    /// Goes to the first record whose key is greater than this one; false if there is none.
    pub fn seek_gt<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<bool> {
        match self.search_near(key)? {
            None => Ok(false),
            Some(Ordering::Greater) => Ok(true),
            Some(_) => self.next(),
        }
    }

    /// Goes to the last record whose key is at most this one; false if there is none.
    pub fn seek_le<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<bool> {
        match self.search_near(key)? {
            None => Ok(false),
            Some(Ordering::Greater) => self.prev(),
            Some(_) => Ok(true),
        }
    }

    /// Goes to the last record whose key is less than this one; false if there is none.
    pub fn seek_lt<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<bool> {
        match self.search_near(key)? {
            None => Ok(false),
            Some(Ordering::Less) => Ok(true),
            Some(_) => self.prev(),
        }
    }

    /// Leaves the record. A cursor that stands nowhere keeps no page in the cache and no snapshot alive.
    pub fn reset(&mut self) -> Result<()> {
        self.positioned = false;
        // SAFETY: the cursor is open.
        match unsafe { call!(self.raw.as_ptr(), reset) } {
            0 => Ok(()),
            code => Err(self.session.error(code)),
        }
    }

    /// The key of the record; empty if the cursor stands nowhere or the keys are record ids.
    #[inline]
    pub fn key_bytes(&self) -> &[u8] {
        if !self.positioned || self.table.key_format() != KeyFormat::Bytes {
            return &[];
        }
        let mut item = EMPTY_ITEM;
        // SAFETY: the cursor is open and stands on a record of a table with key format "u", for which get_key wants a
        // pointer to an item.
        let code = unsafe { call!(self.raw.as_ptr(), get_key, &raw mut item) };
        if code != 0 {
            return &[];
        }
        // SAFETY: WiredTiger keeps the bytes until the cursor moves, which takes `&mut self`.
        unsafe { bytes_of(&item) }
    }

    /// The key of the record; 0 if the cursor stands nowhere or the keys are not record ids.
    #[inline]
    pub fn record_id(&self) -> i64 {
        let mut record_id = 0i64;
        if self.positioned && self.table.key_format() == KeyFormat::RecordId {
            // SAFETY: the cursor is open and stands on a record of a table with key format "q", for which get_key wants
            // a pointer to an i64. If it fails, 0 stays.
            let _ = unsafe { call!(self.raw.as_ptr(), get_key, &raw mut record_id) };
        }
        record_id
    }

    /// The value of the record; empty if the cursor stands nowhere.
    #[inline]
    pub fn value(&self) -> &[u8] {
        if self.positioned { self.lend_value().unwrap_or_default() } else { &[] }
    }

    /// Writes a new record; [`DuplicateKey`](Error::DuplicateKey) if there is one with this key.
    #[inline]
    pub fn insert<'k>(&mut self, key: impl Into<Key<'k>>, value: &[u8]) -> Result<()> {
        self.prepare_write(self.raw, key.into(), Some(value))?;
        // SAFETY: the cursor is open; its key and value point to memory that lives until the end of this method.
        match unsafe { call!(self.raw.as_ptr(), insert) } {
            0 => Ok(()),
            code => Err(self.session.error(code)),
        }
    }

    /// Writes a record, whether or not there is one with this key.
    pub fn put<'k>(&mut self, key: impl Into<Key<'k>>, value: &[u8]) -> Result<()> {
        let raw = match self.overwriting {
            Some(raw) => raw,
            None => {
                let (_, raw) = self.session.take_cursor(&self.table, CursorMode::Overwrite)?;
                *self.overwriting.insert(raw)
            }
        };
        self.prepare_write(raw, key.into(), Some(value))?;
        // SAFETY: as in `insert`.
        match unsafe { call!(raw.as_ptr(), insert) } {
            0 => Ok(()),
            code => Err(self.session.error(code)),
        }
    }

    /// Replaces the value of the record with this key; false if there is none.
    pub fn update<'k>(&mut self, key: impl Into<Key<'k>>, value: &[u8]) -> Result<bool> {
        let key = key.into();
        if key.is_empty() {
            return Ok(false);
        }
        self.prepare_write(self.raw, key, Some(value))?;
        // SAFETY: as in `insert`.
        let code = unsafe { call!(self.raw.as_ptr(), update) };
        self.wrote_existing(code)
    }

    /// Removes the record with this key; false if there is none.
    pub fn remove<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<bool> {
        let key = key.into();
        if key.is_empty() {
            return Ok(false);
        }
        self.prepare_write(self.raw, key, None)?;
        // SAFETY: as in `insert`.
        let code = unsafe { call!(self.raw.as_ptr(), remove) };
        self.wrote_existing(code)
    }

    /// The largest record id in the table, also of records that this transaction cannot see; `None` if the table is
    /// empty or its keys are not record ids. Leaves the cursor nowhere.
    pub fn largest_record_id(&mut self) -> Result<Option<i64>> {
        if self.table.key_format() != KeyFormat::RecordId {
            return Ok(None);
        }
        self.reset()?;
        let mut record_id = 0i64;
        // SAFETY: the cursor is open; a successful largest_key sets its key, whose format is "q".
        let code = unsafe {
            match call!(self.raw.as_ptr(), largest_key) {
                0 => call!(self.raw.as_ptr(), get_key, &raw mut record_id),
                code => code,
            }
        };
        let found = self.moved(code)?;
        self.reset()?;
        Ok(found.then_some(record_id))
    }

    /// The outcome of a call that moves the cursor.
    #[inline]
    fn moved(&mut self, code: c_int) -> Result<bool> {
        self.positioned = code == 0;
        match code {
            0 => Ok(true),
            wt::WT_NOTFOUND => Ok(false),
            code => Err(self.session.error(code)),
        }
    }

    /// The outcome of an update or a removal. The cursor lets go of the record, as after every write.
    fn wrote_existing(&mut self, code: c_int) -> Result<bool> {
        match code {
            0 => Ok(true),
            wt::WT_NOTFOUND => Ok(false),
            code => Err(self.session.error(code)),
        }
    }

    /// Lends the value of the record on which the cursor stands.
    #[inline]
    fn lend_value(&self) -> Result<&[u8]> {
        let mut item = EMPTY_ITEM;
        // SAFETY: the cursor is open; the value format is "u", for which get_value wants a pointer to an item.
        let code = unsafe { call!(self.raw.as_ptr(), get_value, &raw mut item) };
        if code != 0 {
            return Err(self.session.error(code));
        }
        // SAFETY: WiredTiger keeps the bytes until the cursor moves, which takes `&mut self`, or the transaction ends,
        // which no cursor survives.
        Ok(unsafe { bytes_of(&item) })
    }

    #[inline]
    fn set_key(&self, raw: NonNull<wt::WT_CURSOR>, key: Key<'_>) -> Result<()> {
        // SAFETY: the cursor is open; every caller finishes the operation before the key's lifetime ends.
        unsafe { set_key(raw.as_ptr(), &self.table, key) }
    }

    #[inline]
    fn prepare_write(&mut self, raw: NonNull<wt::WT_CURSOR>, key: Key<'_>, value: Option<&[u8]>) -> Result<()> {
        self.session.note_write()?;
        self.positioned = false;
        self.set_key(raw, key)?;
        match value {
            // SAFETY: as in `set_key`.
            Some(value) => unsafe { set_value(raw.as_ptr(), value) },
            None => Ok(()),
        }
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: the field is not used after this.
        let table = unsafe { ManuallyDrop::take(&mut self.table) };
        if let Some(raw) = self.overwriting.take() {
            // SAFETY: taken from this session with this table and mode; not used again.
            unsafe { self.session.return_cursor(table.clone(), CursorMode::Overwrite, raw) };
        }
        // SAFETY: as above.
        unsafe { self.session.return_cursor(table, CursorMode::Strict, self.raw) };
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cursor")
            .field("table", &self.table.name())
            .field("positioned", &self.positioned)
            .finish_non_exhaustive()
    }
}

const EMPTY_ITEM: wt::WT_ITEM = wt::WT_ITEM { data: ptr::null(), size: 0, mem: ptr::null_mut(), memsize: 0, flags: 0 };

/// An item that points to the bytes without owning them.
#[inline]
fn item_of(bytes: &[u8]) -> wt::WT_ITEM {
    wt::WT_ITEM { data: bytes.as_ptr().cast(), size: bytes.len(), ..EMPTY_ITEM }
}

/// Sets the key for the next operation. Refuses what WiredTiger would answer with a panic.
///
/// # Safety
/// `raw` is an open cursor on `table`, and its next operation ends before the key's bytes change: WiredTiger copies the
/// item, not the bytes.
#[inline]
pub(crate) unsafe fn set_key(raw: *mut wt::WT_CURSOR, table: &Table, key: Key<'_>) -> Result<()> {
    // SAFETY: the caller vouches for the cursor and the bytes; the argument has the type that the key format wants.
    unsafe {
        match ((*raw).set_key, key, table.key_format()) {
            (Some(set_key), Key::RecordId(record_id), KeyFormat::RecordId) => set_key(raw, record_id),
            (Some(set_key), Key::Bytes(bytes), KeyFormat::Bytes) if (1..=ITEM_BYTES_MAX).contains(&bytes.len()) => {
                let mut item = item_of(bytes);
                set_key(raw, &raw mut item);
            }
            _ => return Err(bad_key(table, key)),
        }
    }
    Ok(())
}

#[cold]
fn bad_key(table: &Table, key: Key<'_>) -> Error {
    let given = match key {
        Key::RecordId(_) => "a record id".to_string(),
        Key::Bytes(bytes) => format!("{} bytes", bytes.len()),
    };
    Error::InvalidArgument(format!("a key of {given} for table {} of {:?}", table.name(), table.key_format()))
}

/// Sets the value for the next operation.
///
/// # Safety
/// As for [`set_key`]; the table's values are bytes.
#[inline]
pub(crate) unsafe fn set_value(raw: *mut wt::WT_CURSOR, value: &[u8]) -> Result<()> {
    if value.len() > ITEM_BYTES_MAX {
        return Err(Error::InvalidArgument(format!("a value of {} bytes", value.len())));
    }
    let mut item = item_of(value);
    // SAFETY: the caller vouches for the cursor and the bytes; the value format is "u", which wants an item.
    unsafe {
        if let Some(set_value) = (*raw).set_value {
            set_value(raw, &raw mut item);
        }
    }
    Ok(())
}

/// # Safety
/// The item's bytes stay valid and unchanged during `'a`.
#[inline]
unsafe fn bytes_of<'a>(item: &wt::WT_ITEM) -> &'a [u8] {
    if item.size == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for the bytes; a nonempty item has an address.
    unsafe { slice::from_raw_parts(item.data.cast(), item.size) }
}

/// Fetches the beginnings of the records that most likely lie behind `value`, or with a negative direction before it,
/// into the processor's cache. Records of a collection tend to be of one length.
#[inline(always)]
fn prefetch_neighbours(value: &[u8], direction: isize) {
    let stride = value.len().cast_signed().wrapping_mul(direction);
    for record in 1..=PREFETCH_RECORDS {
        let start = value.as_ptr().wrapping_offset(stride.wrapping_mul(record.cast_signed()));
        for line in 0..PREFETCH_LINES {
            prefetch(start.wrapping_add(line * CACHE_LINE_BYTES));
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: prefetching reads nothing that the program could see and never faults, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn prefetch(_address: *const u8) {}
