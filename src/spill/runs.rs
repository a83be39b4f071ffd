//! Sorted runs in a temporary file, and their merge.
//!
//! ```text
//! row:  key length u32 | payload length u32 | tag i64 | key | payload
//! ```

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::file::{ScratchFile, TempFiles};
use super::row::damaged;
use crate::error::Result;

const HEADER_BYTES: usize = 16;

/// The most runs that are merged at once; with more, runs are merged into longer ones first.
const MERGED_MAX: usize = 64;

/// The least and the most bytes that are read of a run at a time.
const READ_MIN_BYTES: usize = 16 * 1024;
const READ_MAX_BYTES: usize = 1024 * 1024;

/// The first bytes of a key as a number that compares as they do.
#[inline]
pub(super) fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(first)
        }
    }
}

/// Runs in one file, in the order in which their rows came.
#[derive(Debug)]
pub(super) struct Runs {
    file: ScratchFile,
    runs: Vec<Range<u64>>,
}

impl Runs {
    /// No runs yet.
    pub fn create(files: &TempFiles) -> Result<Self> {
        Ok(Self { file: files.create()?, runs: Vec::new() })
    }

    /// Begins a run.
    pub fn begin(&mut self) {
        let end = self.file.end();
        self.runs.push(end..end);
    }

    /// Appends a row to the last run.
    pub fn append(&mut self, key: &[u8], payload: &[u8], tag: i64) -> Result<()> {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&(key.len() as u32).to_le_bytes());
        header[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[8..].copy_from_slice(&tag.to_le_bytes());
        self.file.append(&header)?;
        self.file.append(key)?;
        self.file.append(payload)?;
        if let Some(run) = self.runs.last_mut() {
            run.end = self.file.end();
        }
        Ok(())
    }

    /// The bytes of all runs.
    pub fn bytes(&self) -> u64 {
        self.file.end()
    }

    /// The rows of all runs in the order of their keys; rows with equal keys in the order of runs.
    pub fn merge(mut self, files: &TempFiles, memory_max: usize) -> Result<Merge> {
        while self.runs.len() > MERGED_MAX {
            let mut longer = Runs::create(files)?;
            let runs = std::mem::take(&mut self.runs);
            let source = Arc::new({
                self.file.flush()?;
                self.file
            });
            for some in runs.chunks(MERGED_MAX) {
                longer.begin();
                let mut merge = Merge::new(Arc::clone(&source), some, memory_max)?;
                while let Some(row) = merge.next()? {
                    longer.append(row.key(), row.payload(), row.tag)?;
                }
            }
            self = longer;
        }
        self.file.flush()?;
        Merge::new(Arc::new(self.file), &self.runs, memory_max)
    }
}

/// Runs being merged.
#[derive(Debug)]
pub(super) struct Merge {
    readers: Vec<Reader>,
    /// Readers that have a row, as a heap with the least row first.
    heap: Vec<usize>,
    /// Whether the first reader's row has been given out.
    given: bool,
}

impl Merge {
    fn new(file: Arc<ScratchFile>, runs: &[Range<u64>], memory_max: usize) -> Result<Self> {
        let bytes = (memory_max / 2 / runs.len().max(1)).clamp(READ_MIN_BYTES, READ_MAX_BYTES);
        let mut readers: Vec<Reader> =
            runs.iter().map(|run| Reader::new(Arc::clone(&file), run.clone(), bytes)).collect();
        let mut heap = Vec::with_capacity(readers.len());
        for (at, reader) in readers.iter_mut().enumerate() {
            if reader.next()? {
                heap.push(at);
            }
        }
        let mut merge = Self { readers, heap, given: false };
        for at in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(at);
        }
        Ok(merge)
    }

    /// The next row.
    pub fn next(&mut self) -> Result<Option<&Reader>> {
        if std::mem::replace(&mut self.given, true)
            && let Some(&first) = self.heap.first()
        {
            if !self.readers[first].next()? {
                self.heap.swap_remove(0);
            }
            self.sift_down(0);
        }
        Ok(self.current())
    }

    /// The row that was given last.
    pub fn current(&self) -> Option<&Reader> {
        self.heap.first().map(|&first| &self.readers[first])
    }

    /// Whether no row follows the one that was given last.
    pub fn is_at_end(&self) -> bool {
        match self.heap.as_slice() {
            [] => true,
            [last] => self.given && self.readers[*last].is_at_end(),
            _ => false,
        }
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let mut least = at;
            for child in [left, right] {
                if child < self.heap.len() && self.comes_before(self.heap[child], self.heap[least]) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    fn comes_before(&self, a: usize, b: usize) -> bool {
        let (left, right) = (&self.readers[a], &self.readers[b]);
        let keys = left.prefix.cmp(&right.prefix).then_with(|| left.key().cmp(right.key()));
        keys.then(a.cmp(&b)) == Ordering::Less
    }
}

/// One run being read.
#[derive(Debug)]
pub(super) struct Reader {
    file: Arc<ScratchFile>,
    /// What has not been read.
    rest: Range<u64>,
    buffer: Vec<u8>,
    /// How much is read at a time.
    read_bytes: usize,
    /// The bytes in the buffer that belong to no earlier row.
    unread: Range<usize>,
    key: Range<usize>,
    payload: Range<usize>,
    prefix: u64,
    /// The number that came with the row.
    pub tag: i64,
}

impl Reader {
    fn new(file: Arc<ScratchFile>, run: Range<u64>, read_bytes: usize) -> Self {
        Self {
            file,
            rest: run,
            buffer: Vec::new(),
            read_bytes,
            unread: 0..0,
            key: 0..0,
            payload: 0..0,
            prefix: 0,
            tag: 0,
        }
    }

    /// The row's key.
    pub fn key(&self) -> &[u8] {
        &self.buffer[self.key.clone()]
    }

    /// The row's bytes.
    pub fn payload(&self) -> &[u8] {
        &self.buffer[self.payload.clone()]
    }

    fn is_at_end(&self) -> bool {
        self.unread.is_empty() && self.rest.is_empty()
    }

    /// Makes the next row current; `false` at the end.
    fn next(&mut self) -> Result<bool> {
        if self.is_at_end() {
            self.buffer = Vec::new();
            (self.key, self.payload) = (0..0, 0..0);
            return Ok(false);
        }
        self.ensure(HEADER_BYTES)?;
        let header = self.buffer.get(self.unread.clone()).and_then(|bytes| bytes.first_chunk::<HEADER_BYTES>());
        let header = *header.ok_or_else(damaged)?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
        let (key_length, payload_length) = (word(0), word(4));
        self.tag = i64::from(word(8) as u32) | i64::from(word(12) as u32) << 32;
        self.ensure(HEADER_BYTES + key_length + payload_length)?;
        let start = self.unread.start + HEADER_BYTES;
        self.key = start..start + key_length;
        self.payload = self.key.end..self.key.end + payload_length;
        self.unread.start = self.payload.end;
        self.prefix = prefix(self.key());
        Ok(true)
    }

    /// Reads on until the buffer has so many unread bytes.
    fn ensure(&mut self, wanted: usize) -> Result<()> {
        let have = self.unread.len();
        if have >= wanted {
            return Ok(());
        }
        self.buffer.copy_within(self.unread.clone(), 0);
        let left = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        let more = self.read_bytes.max(wanted - have).min(left);
        if have + more < wanted {
            return Err(damaged());
        }
        self.buffer.resize(have + more, 0);
        self.file.read_at(&mut self.buffer[have..], self.rest.start)?;
        self.rest.start += more as u64;
        self.unread = 0..have + more;
        Ok(())
    }
}
