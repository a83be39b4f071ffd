//! Reading a file.

use std::io::{self, Read};

use bson::{Bson, Document, doc};

use super::{FilesCollectionDocument, GridFsBucket};
use crate::api::Cursor;
use crate::error::Result;

/// A file that is being read, chunk by chunk.
#[derive(Debug)]
pub struct GridFsDownloadStream {
    file: FilesCollectionDocument,
    chunks: Cursor<Document>,
    chunk: Vec<u8>,
    /// How much of the chunk has been read.
    at: usize,
    /// The number of the next chunk.
    next: u64,
}

impl GridFsDownloadStream {
    pub(super) fn open(bucket: &GridFsBucket, file: FilesCollectionDocument) -> Result<Self> {
        let chunks = bucket.chunks.find(doc! { "files_id": &file.id }).sort(doc! { "n": 1 }).batch_size(16).run()?;
        Ok(Self { file, chunks, chunk: Vec::new(), at: 0, next: 0 })
    }

    /// The file's description.
    pub fn file(&self) -> &FilesCollectionDocument {
        &self.file
    }

    /// How many bytes chunk `n` must have.
    fn wanted(&self, n: u64) -> u64 {
        let size = u64::from(self.file.chunk_size_bytes).max(1);
        self.file.length.saturating_sub(n.saturating_mul(size)).min(size)
    }

    /// Reads the next chunk; false at the end. A chunk that is missing, too many, or of a wrong size is damage.
    fn advance(&mut self) -> io::Result<bool> {
        let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let wanted = self.wanted(self.next);
        match self.chunks.next().transpose().map_err(io::Error::other)? {
            None if wanted == 0 => Ok(false),
            None => Err(damaged(format!("chunk {} is missing", self.next))),
            Some(chunk) => {
                let n = match chunk.get("n") {
                    Some(Bson::Int32(n)) => i64::from(*n),
                    Some(Bson::Int64(n)) => *n,
                    _ => -1,
                };
                if u64::try_from(n).ok() != Some(self.next) {
                    return Err(damaged(format!("chunk {} is missing", self.next)));
                }
                let Some(Bson::Binary(data)) = chunk.get("data") else {
                    return Err(damaged(format!("chunk {n} has no data")));
                };
                if wanted == 0 || data.bytes.len() as u64 != wanted {
                    let message = format!("chunk {n} has {} bytes where {wanted} are expected", data.bytes.len());
                    return Err(damaged(message));
                }
                self.chunk.clone_from(&data.bytes);
                self.at = 0;
                self.next += 1;
                Ok(true)
            }
        }
    }
}

impl Read for GridFsDownloadStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() && !self.advance()? {
            return Ok(0);
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
