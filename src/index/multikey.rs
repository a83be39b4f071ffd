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
//! In memory there are two copies. Plans go by what writers have met, committed or not; writers note again what no
//! commit has confirmed.

use parking_lot::RwLock;
use smongo_storage::Cursor;
use smongo_vm::value::ArrayComponents;

use crate::error::Result;

/// The key of the record.
const KEY: &[u8] = &[0];

/// For each field of an index, the components of its path that hold arrays in some document.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ArrayPaths(Vec<ArrayComponents>);

/// The array paths of one index.
#[derive(Debug)]
pub(super) struct Multikey {
    met: RwLock<ArrayPaths>,
    committed: RwLock<ArrayPaths>,
}

impl ArrayPaths {
    /// For each field, where arrays are.
    pub fn as_slice(&self) -> &[ArrayComponents] {
        &self.0
    }

    fn merge(&mut self, arrays: &[ArrayComponents]) {
        for (mine, theirs) in self.0.iter_mut().zip(arrays) {
            mine.merge(*theirs);
        }
    }

    /// Whether these arrays are known.
    pub fn includes(&self, arrays: &[ArrayComponents]) -> bool {
        self.0.iter().zip(arrays).all(|(mine, theirs)| {
            let mut merged = *mine;
            merged.merge(*theirs);
            merged == *mine
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for arrays in &self.0 {
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
        let mut paths = vec![ArrayComponents::default(); fields];
        for arrays in &mut paths {
            let Some((count, rest)) = bytes.split_first() else { break };
            let (positions, rest) = rest.split_at(rest.len().min(usize::from(*count)));
            positions.iter().for_each(|position| arrays.insert(usize::from(*position)));
            bytes = rest;
        }
        Self(paths)
    }
}

impl Multikey {
    /// An index of so many fields that has met no array.
    pub fn new(fields: usize) -> Self {
        let paths = ArrayPaths(vec![ArrayComponents::default(); fields]);
        Self { met: RwLock::new(paths.clone()), committed: RwLock::new(paths) }
    }

    /// Reads what an index's table says.
    pub fn open(fields: usize, cursor: &mut Cursor<'_>) -> Result<Self> {
        if !cursor.search(KEY)? {
            return Ok(Self::new(fields));
        }
        let paths = ArrayPaths::decode(fields, cursor.value());
        Ok(Self { met: RwLock::new(paths.clone()), committed: RwLock::new(paths) })
    }

    /// What the index's table says in the cursor's snapshot.
    pub fn stored(&self, cursor: &mut Cursor<'_>) -> Result<ArrayPaths> {
        let fields = self.met.read().0.len();
        let found = cursor.search(KEY)?;
        Ok(ArrayPaths::decode(fields, if found { cursor.value() } else { &[] }))
    }

    /// What plans have to reckon with.
    pub fn paths(&self) -> ArrayPaths {
        self.met.read().clone()
    }

    /// Notes the arrays of a document whose entries are being written. When they are news, gives what is to be
    /// [confirmed](Self::confirm) once the transaction has committed.
    pub fn note(&self, arrays: &[ArrayComponents], cursor: &mut Cursor<'_>) -> Result<Option<ArrayPaths>> {
        if self.committed.read().includes(arrays) {
            return Ok(None);
        }
        self.note_again(arrays, cursor).map(Some)
    }

    /// Notes the arrays of documents whatever is thought to be known, because the table was found to lack them.
    pub fn note_again(&self, arrays: &[ArrayComponents], cursor: &mut Cursor<'_>) -> Result<ArrayPaths> {
        let paths = {
            let mut met = self.met.write();
            met.merge(arrays);
            met.clone()
        };
        cursor.put(KEY, &paths.encode())?;
        Ok(paths)
    }

    /// Takes note that a transaction has committed.
    pub fn confirm(&self, paths: &ArrayPaths) {
        self.committed.write().merge(&paths.0);
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
        let mut paths = ArrayPaths(vec![ArrayComponents::default(); 3]);
        paths.0[0].insert(0);
        paths.0[0].insert(2);
        paths.0[2].insert(1);
        assert_eq!(ArrayPaths::decode(3, &paths.encode()), paths);
        assert_eq!(ArrayPaths::decode(3, &[]), ArrayPaths(vec![ArrayComponents::default(); 3]));
    }
}
