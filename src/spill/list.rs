//! A list of byte rows that is appended to and read anywhere, part of it on disk when memory is short.

use super::Spilled;
use super::file::{ScratchFile, TempFiles};
use super::row::damaged;
use crate::error::Result;

/// The size of a chunk; a row that is larger has a chunk to itself.
const CHUNK_BYTES: usize = 64 * 1024;

/// How many chunks are kept of those that were read back. Readers are a few places that move forward.
const KEPT_MAX: usize = 32;

/// The list.
#[derive(Debug, Default)]
pub(crate) struct SpillList {
    places: Vec<Place>,
    chunks: Vec<Chunk>,
    file: Option<ScratchFile>,
    memory_bytes: usize,
    kept: Vec<Kept>,
    reads: u64,
    spilled: Spilled,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    chunk: u32,
    start: u32,
    length: u32,
}

#[derive(Debug)]
enum Chunk {
    Memory(Vec<u8>),
    Disk { at: u64, length: usize },
}

/// A chunk that was read back.
#[derive(Debug)]
struct Kept {
    chunk: u32,
    bytes: Vec<u8>,
    last_read: u64,
}

impl SpillList {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        *self = Self { spilled: self.spilled, ..Self::default() };
    }

    /// Appends a row.
    pub fn push(&mut self, row: &[u8]) {
        let fits =
            matches!(self.chunks.last(), Some(Chunk::Memory(chunk)) if chunk.len() + row.len() <= chunk.capacity());
        if !fits {
            let chunk = Vec::with_capacity(row.len().max(CHUNK_BYTES));
            self.memory_bytes += chunk.capacity();
            self.chunks.push(Chunk::Memory(chunk));
        }
        let number = self.chunks.len() - 1;
        if let Some(Chunk::Memory(chunk)) = self.chunks.last_mut() {
            let start = chunk.len() as u32;
            chunk.extend_from_slice(row);
            self.places.push(Place { chunk: number as u32, start, length: row.len() as u32 });
        }
    }

    /// The bytes that are held in memory.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes + self.places.capacity() * size_of::<Place>()
    }

    /// What went to disk so far.
    pub fn spilled(&self) -> Spilled {
        self.spilled
    }

    /// Puts what is in memory aside on disk.
    pub fn spill(&mut self, files: &TempFiles) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(files.create()?),
        };
        let before = file.end();
        for chunk in &mut self.chunks {
            if let Chunk::Memory(bytes) = chunk {
                let at = file.end();
                file.append(bytes)?;
                *chunk = Chunk::Disk { at, length: bytes.len() };
            }
        }
        file.flush()?;
        self.memory_bytes = 0;
        self.spilled.times += 1;
        self.spilled.rows += self.places.len() as u64;
        self.spilled.bytes += file.end() - before;
        Ok(())
    }

    /// A row.
    pub fn get(&mut self, at: usize) -> Result<Option<&[u8]>> {
        let Some(place) = self.places.get(at).copied() else { return Ok(None) };
        let range = place.start as usize..(place.start + place.length) as usize;
        let kept = match self.chunks.get(place.chunk as usize) {
            Some(Chunk::Memory(_)) | None => None,
            Some(Chunk::Disk { at, length }) => {
                let chunk = (*at, *length);
                let kept = self.kept.iter().position(|kept| kept.chunk == place.chunk);
                Some(kept.map_or_else(|| self.read_back(place.chunk, chunk), Ok)?)
            }
        };
        let Some(kept) = kept else {
            return Ok(match self.chunks.get(place.chunk as usize) {
                Some(Chunk::Memory(bytes)) => bytes.get(range),
                _ => None,
            });
        };
        self.reads += 1;
        let kept = self.kept.get_mut(kept).ok_or_else(damaged)?;
        kept.last_read = self.reads;
        Ok(kept.bytes.get(range))
    }

    #[cold]
    fn read_back(&mut self, chunk: u32, (at, length): (u64, usize)) -> Result<usize> {
        if self.kept.len() >= KEPT_MAX
            && let Some(oldest) = (0..self.kept.len()).min_by_key(|&kept| self.kept[kept].last_read)
        {
            self.kept.swap_remove(oldest);
        }
        let mut bytes = vec![0; length];
        self.file.as_ref().ok_or_else(damaged)?.read_at(&mut bytes, at)?;
        self.kept.push(Kept { chunk, bytes, last_read: self.reads });
        Ok(self.kept.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_memory_and_disk() {
        let dir = tempfile::tempdir().unwrap();
        let files = TempFiles::open(Some(dir.path())).unwrap();
        let row = |at: usize| vec![at as u8; 1 + (at * 7) % 5000];
        let mut list = SpillList::default();
        for at in 0..3000 {
            list.push(&row(at));
            if at % 1000 == 700 {
                list.spill(&files).unwrap();
            }
        }
        assert_eq!(list.len(), 3000);
        for at in (0..3000).chain((0..3000).rev().step_by(61)) {
            assert_eq!(list.get(at).unwrap(), Some(row(at).as_slice()));
        }
        assert_eq!(list.get(3000).unwrap(), None);
        list.clear();
        assert_eq!(list.len(), 0);
    }
}
