//! Writing a file.

use std::io::{self, Write};

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, doc};

use super::{FilesCollectionDocument, GridFsBucket};
use crate::error::Result;

/// Bytes of chunks that are inserted at once.
const INSERT_BYTES: usize = 4 << 20;

/// A file that is being written. Unless it is [closed](Self::close), there is no file; one that is dropped without leaves
/// nothing behind.
#[derive(Debug)]
pub struct GridFsUploadStream {
    bucket: GridFsBucket,
    file: FilesCollectionDocument,
    /// What is not written yet.
    waiting: Vec<u8>,
    /// The number of the next chunk.
    next: i32,
    open: bool,
}

impl GridFsUploadStream {
    pub(super) fn new(
        bucket: &GridFsBucket,
        id: Bson,
        filename: String,
        chunk_size_bytes: u32,
        metadata: Option<Document>,
    ) -> Self {
        let file = FilesCollectionDocument {
            id,
            length: 0,
            chunk_size_bytes,
            upload_date: DateTime::MIN,
            filename: Some(filename),
            metadata,
        };
        Self { bucket: bucket.clone(), file, waiting: Vec::new(), next: 0, open: true }
    }

    /// The file's id.
    pub fn id(&self) -> &Bson {
        &self.file.id
    }

    /// Writes what is left and makes the file visible. Nothing can be written after that.
    pub fn close(&mut self) -> io::Result<()> {
        self.check_open()?;
        self.write_chunks(true).map_err(io::Error::other)?;
        self.file.upload_date = DateTime::now();
        self.bucket.files.insert_one(&self.file).run().map_err(io::Error::other)?;
        self.open = false;
        Ok(())
    }

    /// Gives up: what was written goes.
    pub fn abort(&mut self) -> Result<()> {
        if std::mem::take(&mut self.open) {
            self.waiting.clear();
            self.bucket.chunks.delete_many(doc! { "files_id": &self.file.id }).run()?;
        }
        Ok(())
    }

    fn check_open(&self) -> io::Result<()> {
        if self.open { Ok(()) } else { Err(io::Error::other("the upload was closed or given up")) }
    }

    /// Writes whole chunks, and at the end what is left.
    fn write_chunks(&mut self, at_end: bool) -> Result<()> {
        let size = usize::try_from(self.file.chunk_size_bytes).unwrap_or(usize::MAX);
        let whole = if at_end { self.waiting.len() } else { self.waiting.len() / size * size };
        let bytes: Vec<u8> = self.waiting.drain(..whole).collect();
        let mut chunks = Vec::new();
        for data in bytes.chunks(size) {
            let data = Binary { subtype: BinarySubtype::Generic, bytes: data.to_vec() };
            chunks.push(doc! { "files_id": &self.file.id, "n": self.next, "data": data });
            self.next += 1;
        }
        if !chunks.is_empty() {
            self.bucket.chunks.insert_many(chunks).run()?;
        }
        Ok(())
    }
}

impl Write for GridFsUploadStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check_open()?;
        self.waiting.extend_from_slice(bytes);
        self.file.length += bytes.len() as u64;
        let size = usize::try_from(self.file.chunk_size_bytes).unwrap_or(usize::MAX);
        if self.waiting.len() >= size.max(INSERT_BYTES) {
            self.write_chunks(false).map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    /// Writes whole chunks; what does not fill one waits for [`close`](Self::close).
    fn flush(&mut self) -> io::Result<()> {
        self.check_open()?;
        self.write_chunks(false).map_err(io::Error::other)
    }
}

impl Drop for GridFsUploadStream {
    fn drop(&mut self) {
        // Whoever wants to know whether it worked calls `abort`.
        let _ = self.abort();
    }
}
