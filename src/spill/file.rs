//! Temporary files: below the data directory, gone when they are no longer held, and cleared away at the next opening
//! if the process was killed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use smongo_vm::Code;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// The folder of temporary files in a data directory, as MongoDB's is called.
const FOLDER: &str = "_tmp";

/// Bytes that are gathered before they are written.
const WRITE_BUFFER_BYTES: usize = 256 * 1024;

/// Where temporary files are made.
#[derive(Debug)]
pub(crate) struct TempFiles {
    /// Below the data directory; `None` leaves the place to the operating system.
    folder: Option<PathBuf>,
}

impl TempFiles {
    /// Temporary files for the data directory `path`, emptied of what an earlier process left.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self { folder: None }) };
        let folder = path.join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { folder: Some(folder) })
    }

    /// A new, empty file.
    pub(crate) fn create(&self) -> Result<ScratchFile> {
        let make = || match &self.folder {
            Some(folder) => {
                fs::create_dir_all(folder)?;
                Ok(Handle::Named(tempfile::Builder::new().prefix("extsort.").tempfile_in(folder)?))
            }
            None => Ok(Handle::Unnamed(tempfile::tempfile()?)),
        };
        let handle = make().map_err(io_error)?;
        Ok(ScratchFile { handle, pending: Vec::with_capacity(WRITE_BUFFER_BYTES), written: 0 })
    }
}

#[derive(Debug)]
enum Handle {
    /// It is removed when the handle goes.
    Named(NamedTempFile),
    /// It has no name to remove.
    Unnamed(File),
}

/// A temporary file that is written at its end and read anywhere.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    handle: Handle,
    pending: Vec<u8>,
    /// Bytes that are in the file.
    written: u64,
}

impl ScratchFile {
    /// Where the next bytes will stand.
    pub fn end(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.pending.len() + bytes.len() > WRITE_BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= WRITE_BUFFER_BYTES {
            self.file().write_all(bytes).map_err(io_error)?;
            self.written += bytes.len() as u64;
        } else {
            self.pending.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Hands everything appended so far to the operating system, so that it can be read.
    pub fn flush(&mut self) -> Result<()> {
        self.file().write_all(&self.pending).map_err(io_error)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Fills `bytes` from what stands at `at`, which has been flushed.
    pub fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        self.file().read_exact_at(bytes, at).map_err(io_error)
    }

    fn file(&self) -> &File {
        match &self.handle {
            Handle::Named(file) => file.as_file(),
            Handle::Unnamed(file) => file,
        }
    }
}

/// What a temporary file's failure means for the request.
#[cold]
pub(super) fn io_error(error: io::Error) -> Error {
    let code = if error.kind() == io::ErrorKind::StorageFull { Code(14031) } else { Code(39) };
    Error::new(code, format!("a temporary file failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_vanish_with_their_holders_and_leftovers_at_the_next_opening() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        let files = TempFiles::open(Some(dir.path())).unwrap();
        let mut file = files.create().unwrap();
        file.append(b"abc").unwrap();
        file.append(&vec![b'x'; WRITE_BUFFER_BYTES]).unwrap();
        file.flush().unwrap();
        let mut read = [0; 4];
        file.read_at(&mut read, 1).unwrap();
        assert_eq!(&read, b"bcxx");
        assert_eq!(file.end(), WRITE_BUFFER_BYTES as u64 + 3);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        drop(file);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

        fs::write(folder.join("left"), "behind").unwrap();
        TempFiles::open(Some(dir.path())).unwrap();
        assert!(!folder.exists());
    }
}
