//! Where the documents of an index have arrays: what makes it multikey.
//!
//! The knowledge lives in the index's own table, under a key below all others, and changes in the transaction of the
//! write that brings an array to a new place; so it survives a crash with the entries that it is about. It only grows.
//!
//! ```text
//! key    00
//! value  for each field: number of components that hold arrays, their positions
//! ```
//!
//! A wildcard index has a record for each path at which some document has an array.
//!
//! ```text
//! key    00 path
//! value  empty
//! ```
//!
//! In memory there are two copies. Plans go by what writers have met, committed or not; writers note again what no
//! commit has confirmed.

use std::sync::Arc;

use parking_lot::RwLock;
use smongo_compiler::plan::WildcardArrays;
use smongo_storage::Cursor;
use smongo_vm::value::ArrayComponents;

use crate::error::Result;

/// The key of the record.
const KEY: &[u8] = &[0];

/// Where documents have arrays.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct ArrayPaths {
    /// For each field of an index, the components of its path that hold arrays in some document.
    fields: Vec<ArrayComponents>,
    /// The paths of a wildcard index that hold arrays.
    below: Arc<WildcardArrays>,
}

/// The array paths of one index.
#[derive(Debug)]
pub(super) struct Multikey {
    met: RwLock<ArrayPaths>,
    committed: RwLock<ArrayPaths>,
}

impl ArrayPaths {
    /// No arrays, for an index of so many fields.
    pub fn none(fields: usize) -> Self {
        Self { fields: vec![ArrayComponents::default(); fields], below: Arc::default() }
    }

    /// For each field, where arrays are.
    pub fn as_slice(&self) -> &[ArrayComponents] {
        &self.fields
    }

    /// The same, to be added to.
    pub(super) fn fields(&mut self) -> &mut [ArrayComponents] {
        &mut self.fields
    }

    /// The paths of a wildcard index that hold arrays.
    pub fn below(&self) -> &Arc<WildcardArrays> {
        &self.below
    }

    /// Adds a path of a wildcard index.
    pub(super) fn insert_below(&mut self, path: &str) {
        if !self.below.contains(path) {
            Arc::make_mut(&mut self.below).insert(path.into());
        }
    }

    /// Forgets all, for an index of so many fields.
    pub(super) fn reset(&mut self, fields: usize) {
        self.fields.clear();
        self.fields.resize(fields, ArrayComponents::default());
        if !self.below.is_empty() {
            self.below = Arc::default();
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.below.is_empty() && self.fields.iter().all(|arrays| arrays.is_empty())
    }

    /// Adds those of other documents.
    pub fn merge(&mut self, other: &ArrayPaths) {
        for (mine, theirs) in self.fields.iter_mut().zip(&other.fields) {
            mine.merge(*theirs);
        }
        other.below.iter().for_each(|path| self.insert_below(path));
    }

    /// Whether these arrays are known.
    pub fn includes(&self, other: &ArrayPaths) -> bool {
        let mut fields = self.fields.iter().zip(&other.fields);
        let has_fields = fields.all(|(mine, theirs)| {
            let mut merged = *mine;
            merged.merge(*theirs);
            merged == *mine
        });
        has_fields && other.below.is_subset(&self.below)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for arrays in &self.fields {
            let count = bytes.len();
            bytes.push(0);
            for position in arrays.iter() {
                // Positions are below 256, and no path is long enough to have all of them.
                bytes.push(position as u8);
                bytes[count] += 1;
            }
        }
        bytes
    }

    fn decode(fields: usize, mut bytes: &[u8]) -> Self {
        let mut paths = Self::none(fields);
        for arrays in &mut paths.fields {
            let Some((count, rest)) = bytes.split_first() else { break };
            let (positions, rest) = rest.split_at(rest.len().min(usize::from(*count)));
            positions.iter().for_each(|position| arrays.insert(usize::from(*position)));
            bytes = rest;
        }
        paths
    }

    /// Reads what an index's table says in the cursor's snapshot.
    fn read(fields: usize, cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut found = cursor.seek_ge(KEY)?;
        let mut paths = Self::none(fields);
        while found && is_reserved(cursor.key_bytes()) {
            match &cursor.key_bytes()[KEY.len()..] {
                [] => paths.fields = Self::decode(fields, cursor.value()).fields,
                path => paths.insert_below(&String::from_utf8_lossy(path)),
            }
            found = cursor.next()?;
        }
        Ok(paths)
    }
}

impl Multikey {
    /// An index of so many fields that has met no array.
    pub fn new(fields: usize) -> Self {
        let paths = ArrayPaths::none(fields);
        Self { met: RwLock::new(paths.clone()), committed: RwLock::new(paths) }
    }

    /// Reads what an index's table says.
    pub fn open(fields: usize, cursor: &mut Cursor<'_>) -> Result<Self> {
        let paths = ArrayPaths::read(fields, cursor)?;
        Ok(Self { met: RwLock::new(paths.clone()), committed: RwLock::new(paths) })
    }

    /// What the index's table says in the cursor's snapshot.
    pub fn stored(&self, cursor: &mut Cursor<'_>) -> Result<ArrayPaths> {
        let fields = self.met.read().fields.len();
        ArrayPaths::read(fields, cursor)
    }

    /// What plans have to reckon with.
    pub fn paths(&self) -> ArrayPaths {
        self.met.read().clone()
    }

    /// Notes the arrays of a document whose entries are being written. When they are news, gives what is to be
    /// [confirmed](Self::confirm) once the transaction has committed.
    pub fn note(&self, arrays: &ArrayPaths, cursor: &mut Cursor<'_>) -> Result<Option<ArrayPaths>> {
        let news: Vec<Box<str>> = {
            let committed = self.committed.read();
            if committed.includes(arrays) {
                return Ok(None);
            }
            arrays.below.difference(&committed.below).cloned().collect()
        };
        self.write(arrays, news.iter(), cursor).map(Some)
    }

    /// Notes the arrays of documents whatever is thought to be known, because the table was found to lack them.
    pub fn note_again(&self, arrays: &ArrayPaths, cursor: &mut Cursor<'_>) -> Result<ArrayPaths> {
        self.write(arrays, arrays.below.iter(), cursor)
    }

    /// Writes where the fields have arrays, and the paths of a wildcard index that are `news`.
    fn write<'p>(
        &self,
        arrays: &ArrayPaths,
        news: impl Iterator<Item = &'p Box<str>>,
        cursor: &mut Cursor<'_>,
    ) -> Result<ArrayPaths> {
        let fields = {
            let mut met = self.met.write();
            met.merge(arrays);
            met.fields.clone()
        };
        let written = ArrayPaths { fields, below: Arc::clone(&arrays.below) };
        if !written.fields.iter().all(|arrays| arrays.is_empty()) {
            cursor.put(KEY, &written.encode())?;
        }
        for path in news {
            cursor.put(&[KEY, path.as_bytes()].concat(), &[])?;
        }
        Ok(written)
    }

    /// Takes note that a transaction has committed.
    pub fn confirm(&self, paths: &ArrayPaths) {
        self.committed.write().merge(paths);
    }
}

/// Whether a key is the record's and no entry's.
pub(crate) fn is_reserved(key: &[u8]) -> bool {
    key.first() == Some(&KEY[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_trip_to_disk() {
        let mut paths = ArrayPaths::none(3);
        paths.fields[0].insert(0);
        paths.fields[0].insert(2);
        paths.fields[2].insert(1);
        assert_eq!(ArrayPaths::decode(3, &paths.encode()), paths);
        assert_eq!(ArrayPaths::decode(3, &[]), ArrayPaths::none(3));
    }
}
