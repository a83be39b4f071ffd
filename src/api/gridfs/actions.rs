//! What can be done with a bucket, in the shape of all verbs.

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};

use super::{GridFsBucket, GridFsDownloadStream, GridFsUploadStream, not_found};
use crate::error::Result;

/// Writes a new file.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct OpenUploadStream<'a> {
    bucket: &'a GridFsBucket,
    filename: String,
    id: Option<Bson>,
    chunk_size_bytes: u32,
    metadata: Option<Document>,
}

impl<'a> OpenUploadStream<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket, filename: String) -> Self {
        Self { bucket, filename, id: None, chunk_size_bytes: bucket.chunk_size_bytes, metadata: None }
    }

    /// The file's id. Default: a new object id.
    pub fn id(mut self, id: Bson) -> Self {
        self.id = Some(id);
        self
    }

    /// How many bytes a chunk has. Default: the bucket's.
    pub fn chunk_size_bytes(mut self, bytes: u32) -> Self {
        self.chunk_size_bytes = bytes.max(1);
        self
    }

    /// What else there is to say of the file.
    pub fn metadata(mut self, metadata: Document) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Opens the stream. The file is there once it is closed.
    pub fn run(self) -> Result<GridFsUploadStream> {
        self.bucket.make_indexes()?;
        let id = self.id.unwrap_or_else(|| Bson::ObjectId(ObjectId::from_bytes(crate::object_id::generate())));
        Ok(GridFsUploadStream::new(self.bucket, id, self.filename, self.chunk_size_bytes, self.metadata))
    }
}

impl GridFsBucket {
    /// Makes the indexes of a bucket without files, as the specification has it.
    fn make_indexes(&self) -> Result<()> {
        let files = self.files.clone_with_type::<Document>();
        if files.find_one(doc! {}).projection(doc! { "_id": 1 }).run()?.is_some() {
            return Ok(());
        }
        self.files.create_index(doc! { "filename": 1, "uploadDate": 1 }).run()?;
        self.chunks.create_index(doc! { "files_id": 1, "n": 1 }).unique(true).run()?;
        Ok(())
    }
}

/// Reads a file.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct OpenDownloadStream<'a> {
    bucket: &'a GridFsBucket,
    id: Bson,
}

impl<'a> OpenDownloadStream<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket, id: Bson) -> Self {
        Self { bucket, id }
    }

    /// Opens the stream. `NoSuchKey` when there is no such file.
    pub fn run(self) -> Result<GridFsDownloadStream> {
        match self.bucket.files.find_one(doc! { "_id": &self.id }).run()? {
            Some(file) => GridFsDownloadStream::open(self.bucket, file),
            None => not_found(&self.id),
        }
    }
}

/// Reads a revision of a file.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct OpenDownloadStreamByName<'a> {
    bucket: &'a GridFsBucket,
    filename: String,
    revision: i32,
}

impl<'a> OpenDownloadStreamByName<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket, filename: String) -> Self {
        Self { bucket, filename, revision: -1 }
    }

    /// Which of the files of this name: 0 is the first, 1 the second, -1 the newest, -2 the one before. Default: -1.
    pub fn revision(mut self, revision: i32) -> Self {
        self.revision = revision;
        self
    }

    /// Opens the stream. `NoSuchKey` when there is no such revision.
    pub fn run(self) -> Result<GridFsDownloadStream> {
        let (order, skip) = match u64::try_from(self.revision) {
            Ok(revision) => (1, revision),
            Err(_) => (-1, u64::from(self.revision.unsigned_abs()) - 1),
        };
        let find = self.bucket.files.find_one(doc! { "filename": &self.filename });
        match find.sort(doc! { "uploadDate": order }).skip(skip).run()? {
            Some(file) => GridFsDownloadStream::open(self.bucket, file),
            None => not_found(format!("{}, revision {}", self.filename, self.revision)),
        }
    }
}

/// Deletes a file.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct DeleteFile<'a> {
    bucket: &'a GridFsBucket,
    id: Bson,
}

impl<'a> DeleteFile<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket, id: Bson) -> Self {
        Self { bucket, id }
    }

    /// Deletes the file. `NoSuchKey` when there is none; chunks that belong to none go all the same.
    pub fn run(self) -> Result<()> {
        let deleted = self.bucket.files.delete_one(doc! { "_id": &self.id }).run()?.deleted_count;
        self.bucket.chunks.delete_many(doc! { "files_id": &self.id }).run()?;
        if deleted == 0 { not_found(&self.id) } else { Ok(()) }
    }
}

/// Deletes all revisions of a file.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct DeleteByName<'a> {
    bucket: &'a GridFsBucket,
    filename: String,
}

impl<'a> DeleteByName<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket, filename: String) -> Self {
        Self { bucket, filename }
    }

    /// Deletes the files. `NoSuchKey` when there is none.
    pub fn run(self) -> Result<()> {
        let ids = self.bucket.files.distinct("_id", doc! { "filename": &self.filename }).run()?;
        if ids.is_empty() {
            return not_found(&self.filename);
        }
        self.bucket.files.delete_many(doc! { "_id": { "$in": ids.clone() } }).run()?;
        self.bucket.chunks.delete_many(doc! { "files_id": { "$in": ids } }).run()?;
        Ok(())
    }
}

/// Gives a file another name.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct RenameFile<'a> {
    bucket: &'a GridFsBucket,
    id: Bson,
    filename: String,
}

impl<'a> RenameFile<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket, id: Bson, filename: String) -> Self {
        Self { bucket, id, filename }
    }

    /// Renames the file. `NoSuchKey` when there is none.
    pub fn run(self) -> Result<()> {
        let update = doc! { "$set": { "filename": &self.filename } };
        match self.bucket.files.update_one(doc! { "_id": &self.id }, update).run()?.matched_count {
            0 => not_found(&self.id),
            _ => Ok(()),
        }
    }
}

/// Gives all revisions of a file another name.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct RenameByName<'a> {
    bucket: &'a GridFsBucket,
    filename: String,
    to: String,
}

impl<'a> RenameByName<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket, filename: String, to: String) -> Self {
        Self { bucket, filename, to }
    }

    /// Renames the files. `NoSuchKey` when there is none.
    pub fn run(self) -> Result<()> {
        let update = doc! { "$set": { "filename": &self.to } };
        match self.bucket.files.update_many(doc! { "filename": &self.filename }, update).run()?.matched_count {
            0 => not_found(&self.filename),
            _ => Ok(()),
        }
    }
}

/// Drops a bucket.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct DropBucket<'a> {
    bucket: &'a GridFsBucket,
}

impl<'a> DropBucket<'a> {
    pub(super) fn new(bucket: &'a GridFsBucket) -> Self {
        Self { bucket }
    }

    /// Drops both collections.
    pub fn run(self) -> Result<()> {
        self.bucket.files.drop().run()?;
        self.bucket.chunks.drop().run()
    }
}
