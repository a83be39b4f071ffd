//! Documents as they were before changes, for collections that keep such images.
//!
//! They lie in a table of their own, keyed by the time of the entry that tells of the change and by the operation's
//! place in it, and go when the entry goes.

use smongo_storage::Session;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc};

use super::operation::Operation;
use super::{Oplog, timestamp_of_key};
use crate::error::{Error, Result};

/// The table of images.
pub(super) const TABLE_NAME: &str = "_images";

/// Bytes of a key.
const KEY_BYTES: usize = 12;

fn key_of(time: u64, at: u32) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&time.to_be_bytes());
    key[8..].copy_from_slice(&at.to_be_bytes());
    key
}

impl Oplog {
    /// Keeps the images of an entry's operations, in the entry's transaction.
    pub(super) fn put_images<'o>(
        &self,
        session: &Session,
        time: u64,
        operations: impl Iterator<Item = Operation<'o>>,
    ) -> Result<()> {
        for (at, operation) in (0..).zip(operations) {
            if let Some(before) = operation.before {
                session.cursor(&self.images)?.insert(&key_of(time, at), before.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The image of an operation, by the time of its entry and its place in it.
    pub fn image(&self, session: &Session, (time, at): (u64, u32)) -> Result<Option<DocBuf>> {
        let mut cursor = session.cursor(&self.images)?;
        if !cursor.search(&key_of(time, at))? {
            return Ok(None);
        }
        let image = RawDoc::from_stored(cursor.value());
        let image = image.ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "a pre-image is damaged"))?;
        Ok(Some(image.into()))
    }

    /// Removes the images of an entry, in the transaction that `session` is in.
    pub(super) fn remove_images(&self, session: &Session, key: i64) -> Result<()> {
        let time = timestamp_of_key(key);
        let mut cursor = session.cursor(&self.images)?;
        let mut doomed = Vec::new();
        let mut found = cursor.seek_ge(&key_of(time, 0))?;
        while found && cursor.key_bytes().starts_with(&time.to_be_bytes()) {
            doomed.push(cursor.key_bytes().to_vec());
            found = cursor.next()?;
        }
        for key in doomed {
            cursor.remove(&key)?;
        }
        Ok(())
    }
}
