//! Sorting any number of rows in bounded memory.
//!
//! Rows lie one after another in chunks of memory; what is moved about in sorting are entries of the same size with
//! the first bytes of the key. When memory is full, the rows in it become a sorted run in a temporary file.

use std::sync::Arc;

use super::Spilled;
use super::file::TempFiles;
use super::runs::{Merge, Runs, prefix};
use crate::error::Result;

/// The size of a chunk; a row that is larger has a chunk to itself.
const CHUNK_BYTES: usize = 256 * 1024;

/// Rows to be sorted.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    chunks: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    chunk_bytes: usize,
    /// Chunks without rows.
    free: Vec<Vec<u8>>,
    runs: Option<(Runs, Arc<TempFiles>)>,
    spilled: Spilled,
}

/// Where a row is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: u64,
    chunk: u32,
    start: u32,
    key_length: u32,
    payload_length: u32,
    tag: i64,
}

impl Entry {
    fn row<'c>(&self, chunks: &'c [Vec<u8>]) -> (&'c [u8], &'c [u8]) {
        let start = self.start as usize;
        let end = start + self.key_length as usize + self.payload_length as usize;
        chunks[self.chunk as usize][start..end].split_at(self.key_length as usize)
    }
}

impl Sorter {
    /// Takes in a row: what it is sorted by, its bytes, and a number that comes back with it. Rows with equal keys
    /// keep their order.
    #[inline]
    pub fn push(&mut self, key: &[u8], payload: &[u8], tag: i64) {
        let wanted = key.len() + payload.len();
        let fits = self.chunks.last().is_some_and(|chunk| chunk.len() + wanted <= chunk.capacity());
        if !fits {
            self.add_chunk(wanted);
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let entry = Entry {
            prefix: prefix(key),
            chunk: number as u32,
            start: chunk.len() as u32,
            key_length: key.len() as u32,
            payload_length: payload.len() as u32,
            tag,
        };
        chunk.extend_from_slice(key);
        chunk.extend_from_slice(payload);
        self.entries.push(entry);
    }

    fn add_chunk(&mut self, wanted: usize) {
        let chunk = match self.free.pop() {
            Some(chunk) if chunk.capacity() >= wanted => chunk,
            _ => Vec::with_capacity(wanted.max(CHUNK_BYTES)),
        };
        self.chunk_bytes += chunk.capacity();
        self.chunks.push(chunk);
    }

    /// The bytes that are held in memory.
    pub fn memory_bytes(&self) -> usize {
        self.chunk_bytes + self.entries.capacity() * size_of::<Entry>()
    }

    /// Puts the rows in memory aside on disk.
    pub fn spill(&mut self, files: &Arc<TempFiles>) -> Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.sort();
        let (runs, _) = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert((Runs::create(files)?, Arc::clone(files))),
        };
        runs.begin();
        for entry in &self.entries {
            let (key, payload) = entry.row(&self.chunks);
            runs.append(key, payload, entry.tag)?;
        }
        self.spilled.times += 1;
        self.spilled.rows += self.entries.len() as u64;
        self.spilled.bytes = runs.bytes();
        self.entries.clear();
        self.chunk_bytes = 0;
        for mut chunk in self.chunks.drain(..) {
            if chunk.capacity() == CHUNK_BYTES {
                chunk.clear();
                self.free.push(chunk);
            }
        }
        Ok(())
    }

    /// The rows in order. Reading runs takes at most about `memory_max` bytes.
    pub fn finish(mut self, memory_max: usize) -> Result<SortedRows> {
        let Some(files) = self.runs.as_ref().map(|(_, files)| Arc::clone(files)) else {
            self.sort();
            let Self { chunks, entries, .. } = self;
            return Ok(SortedRows { source: Source::Memory { chunks, entries, next: 0 }, spilled: Spilled::default() });
        };
        self.spill(&files)?;
        let Self { runs, spilled, .. } = self;
        let source = match runs {
            Some((runs, files)) => Source::Disk(Box::new(runs.merge(&files, memory_max)?)),
            None => Source::Memory { chunks: Vec::new(), entries: Vec::new(), next: 0 },
        };
        Ok(SortedRows { source, spilled })
    }

    fn sort(&mut self) {
        let chunks = &self.chunks;
        self.entries.sort_unstable_by(|a, b| {
            let keys = a.prefix.cmp(&b.prefix).then_with(|| a.row(chunks).0.cmp(b.row(chunks).0));
            keys.then_with(|| (a.chunk, a.start).cmp(&(b.chunk, b.start)))
        });
    }
}

/// Rows in the order of their keys.
#[derive(Debug)]
pub(crate) struct SortedRows {
    source: Source,
    spilled: Spilled,
}

#[derive(Debug)]
enum Source {
    /// The current row is the one before `next`.
    Memory {
        chunks: Vec<Vec<u8>>,
        entries: Vec<Entry>,
        next: usize,
    },
    Disk(Box<Merge>),
}

impl SortedRows {
    /// Makes the next row current; `false` when there is none.
    #[inline]
    pub fn advance(&mut self) -> Result<bool> {
        match &mut self.source {
            Source::Memory { entries, next, .. } => {
                *next += 1;
                Ok(*next <= entries.len())
            }
            Source::Disk(merge) => Ok(merge.next()?.is_some()),
        }
    }

    /// The current row: its key, its bytes and its number.
    #[inline]
    pub fn current(&self) -> Option<(&[u8], &[u8], i64)> {
        match &self.source {
            Source::Memory { chunks, entries, next } => {
                let entry = entries.get(next.checked_sub(1)?)?;
                let (key, payload) = entry.row(chunks);
                Some((key, payload, entry.tag))
            }
            Source::Disk(merge) => merge.current().map(|row| (row.key(), row.payload(), row.tag)),
        }
    }

    /// What of the rows went to disk.
    pub fn spilled(&self) -> Spilled {
        self.spilled
    }

    /// Whether it is known that no row follows the current one.
    pub fn is_at_end(&self) -> bool {
        match &self.source {
            Source::Memory { entries, next, .. } => *next >= entries.len(),
            Source::Disk(merge) => merge.is_at_end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(rows: &[(Vec<u8>, i64)], spill_every: usize) -> Vec<(Vec<u8>, i64)> {
        let dir = tempfile::tempdir().unwrap();
        let files = Arc::new(TempFiles::open(Some(dir.path())).unwrap());
        let mut sorter = Sorter::default();
        for (at, (key, tag)) in rows.iter().enumerate() {
            sorter.push(key, format!("row {tag}").as_bytes(), *tag);
            if at % spill_every == spill_every - 1 {
                sorter.spill(&files).unwrap();
            }
        }
        let mut given = Vec::new();
        let mut rows = sorter.finish(1 << 20).unwrap();
        while rows.advance().unwrap() {
            let (key, payload, tag) = rows.current().unwrap();
            assert_eq!(payload, format!("row {tag}").as_bytes());
            given.push((key.to_vec(), tag));
        }
        assert!(rows.is_at_end() && !rows.advance().unwrap());
        given
    }

    #[test]
    fn order_is_the_same_with_and_without_runs_and_stable() {
        let mut seed = 7u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize
        };
        let rows: Vec<(Vec<u8>, i64)> = (0..3000).map(|tag| (vec![(random() % 3) as u8; random() % 12], tag)).collect();
        let mut expected = rows.clone();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        // Without runs, with a few, and with more than are merged at once.
        for spill_every in [usize::MAX, 700, 20] {
            assert_eq!(sorted(&rows, spill_every), expected, "{spill_every}");
        }
    }

    #[test]
    fn large_rows_have_chunks_of_their_own() {
        let mut sorter = Sorter::default();
        sorter.push(b"b", &vec![1; CHUNK_BYTES * 2], 1);
        sorter.push(b"a", &[2], 2);
        assert!(sorter.memory_bytes() > CHUNK_BYTES * 2);
        let mut rows = sorter.finish(1 << 20).unwrap();
        assert!(rows.advance().unwrap());
        assert_eq!(rows.current().map(|(_, payload, tag)| (payload.len(), tag)), Some((1, 2)));
    }
}
