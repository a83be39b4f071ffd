//! GridFS: files of any size as documents, as MongoDB's drivers lay them out.
//!
//! | collection | document |
//! |---|---|
//! | `fs.files` | `{_id, length, chunkSize, uploadDate, filename, metadata}` |
//! | `fs.chunks` | `{_id, files_id, n, data}`, `chunkSize` bytes each, the last one what is left |
//!
//! It stands on [`Collection`] alone, so it works wherever a client works.

mod actions;
mod download;
mod upload;

use bson::{Bson, DateTime, Document};
use serde::{Deserialize, Serialize, Serializer};
use typed_builder::TypedBuilder;

use super::{Collection, Database};
use crate::error::{Error, Result};

pub use actions::{
    DeleteByName, DeleteFile, DropBucket, OpenDownloadStream, OpenDownloadStreamByName, OpenUploadStream, RenameByName,
    RenameFile,
};
pub use download::GridFsDownloadStream;
pub use upload::GridFsUploadStream;

/// Bytes of a chunk unless the bucket or the upload says otherwise; the specification's default.
const CHUNK_BYTES: u32 = 255 * 1024;

/// How a bucket is laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct GridFsBucketOptions {
    /// What its collections' names begin with. Default: `fs`.
    pub bucket_name: Option<String>,
    /// How many bytes a chunk has. Default: 255 KiB.
    pub chunk_size_bytes: Option<u32>,
}

/// A file's description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FilesCollectionDocument {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Bson,
    /// How many bytes it has.
    #[serde(serialize_with = "as_int64")]
    pub length: u64,
    /// How many bytes a chunk of it has.
    #[serde(rename = "chunkSize", serialize_with = "as_int32")]
    pub chunk_size_bytes: u32,
    /// When it was complete.
    #[serde(rename = "uploadDate")]
    pub upload_date: DateTime,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// What else its owner said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Document>,
}

/// The type that the specification has for a length.
fn as_int64<S: Serializer>(length: &u64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_i64(i64::try_from(*length).unwrap_or(i64::MAX))
}

/// The type that the specification has for the size of chunks.
fn as_int32<S: Serializer>(size: &u32, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_i32(i32::try_from(*size).unwrap_or(i32::MAX))
}

/// A bucket of files.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::io::{Read, Write};
///
/// let db = smongo::Client::in_memory()?.database("media");
/// let bucket = db.gridfs_bucket(None);
/// let mut upload = bucket.open_upload_stream("poster.txt").run()?;
/// upload.write_all(b"Metropolis")?;
/// upload.close()?;
/// let mut text = String::new();
/// bucket.open_download_stream(upload.id().clone()).run()?.read_to_string(&mut text)?;
/// assert_eq!(text, "Metropolis");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GridFsBucket {
    files: Collection<FilesCollectionDocument>,
    chunks: Collection<Document>,
    chunk_size_bytes: u32,
}

impl GridFsBucket {
    pub(super) fn new(db: &Database, options: GridFsBucketOptions) -> Self {
        let name = options.bucket_name.as_deref().unwrap_or("fs");
        Self {
            files: db.collection(format!("{name}.files")),
            chunks: db.collection(format!("{name}.chunks")),
            chunk_size_bytes: options.chunk_size_bytes.unwrap_or(CHUNK_BYTES).max(1),
        }
    }

    /// Writes a new file.
    pub fn open_upload_stream(&self, filename: impl Into<String>) -> OpenUploadStream<'_> {
        OpenUploadStream::new(self, filename.into())
    }

    /// Reads a file.
    pub fn open_download_stream(&self, id: Bson) -> OpenDownloadStream<'_> {
        OpenDownloadStream::new(self, id)
    }

    /// Reads the newest file of a name, or another of its revisions.
    pub fn open_download_stream_by_name(&self, filename: impl Into<String>) -> OpenDownloadStreamByName<'_> {
        OpenDownloadStreamByName::new(self, filename.into())
    }

    /// Finds the descriptions of files.
    pub fn find(&self, filter: Document) -> super::action::Find<'_, FilesCollectionDocument> {
        self.files.find(filter)
    }

    /// Finds the description of a file.
    pub fn find_one(&self, filter: Document) -> super::action::FindOne<'_, FilesCollectionDocument> {
        self.files.find_one(filter)
    }

    /// Deletes a file.
    pub fn delete(&self, id: Bson) -> DeleteFile<'_> {
        DeleteFile::new(self, id)
    }

    /// Deletes all revisions of a file.
    pub fn delete_by_name(&self, filename: impl Into<String>) -> DeleteByName<'_> {
        DeleteByName::new(self, filename.into())
    }

    /// Gives a file another name.
    pub fn rename(&self, id: Bson, filename: impl Into<String>) -> RenameFile<'_> {
        RenameFile::new(self, id, filename.into())
    }

    /// Gives all revisions of a file another name.
    pub fn rename_by_name(&self, filename: impl Into<String>, to: impl Into<String>) -> RenameByName<'_> {
        RenameByName::new(self, filename.into(), to.into())
    }

    /// Drops the bucket with all its files.
    pub fn drop(&self) -> DropBucket<'_> {
        DropBucket::new(self)
    }
}

fn not_found<T>(what: impl std::fmt::Display) -> Result<T> {
    Err(Error::new(smongo_vm::Code::NO_SUCH_KEY, format!("there is no file {what} in the bucket")))
}
