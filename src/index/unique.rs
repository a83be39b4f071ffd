//! Indexes on their way to being unique: `prepareUnique`, and what stands in the way of `unique`.

use smongo_storage::Cursor;
use smongo_vm::Code;
use smongo_vm::key::split_record_id;
use smongo_vm::value::{DocBuf, OwnedValue};

use super::Index;
use super::multikey::is_reserved;
use crate::collection::{checked_document, id_of};
use crate::error::{Error, Result};

/// The most groups of documents that a refusal lists.
const VIOLATIONS_MAX: usize = 1000;

impl Index {
    /// Whether the entries have the key of this entry for another document. The transaction meets all others that ask
    /// the same of the same key, so that of two that would both write it one must give up.
    pub(super) fn is_taken(&self, cursor: &mut Cursor<'_>, key: &[u8]) -> Result<bool> {
        let Some((fields, record_id)) = split_record_id(key) else { return Ok(false) };
        cursor.put(fields, &[])?;
        cursor.remove(fields)?;
        let mut found = cursor.seek_ge(fields)?;
        while found && cursor.key_bytes().starts_with(fields) {
            if split_record_id(cursor.key_bytes()).is_some_and(|(_, other)| other != record_id) {
                return Ok(true);
            }
            found = cursor.next()?;
        }
        Ok(false)
    }

    /// Fails if documents share a key, and tells which.
    pub fn check_unique(&self, entries: &mut Cursor<'_>, records: &mut Cursor<'_>) -> Result<()> {
        let mut violations: Vec<Vec<i64>> = Vec::new();
        let mut key: Vec<u8> = Vec::new();
        let mut group: Vec<i64> = Vec::new();
        let mut note = |group: &mut Vec<i64>| {
            if group.len() > 1 && violations.len() < VIOLATIONS_MAX {
                violations.push(std::mem::take(group));
            }
            group.clear();
        };
        while entries.next()? {
            if is_reserved(entries.key_bytes()) {
                continue;
            }
            let Some((fields, record_id)) = split_record_id(entries.key_bytes()) else { continue };
            if fields != key.as_slice() {
                note(&mut group);
                key.clear();
                key.extend_from_slice(fields);
            }
            group.push(record_id);
        }
        note(&mut group);
        if violations.is_empty() {
            return Ok(());
        }
        let mut ids: Vec<Vec<OwnedValue>> = Vec::new();
        for group in violations {
            let mut of_group = Vec::new();
            for record_id in group {
                if records.search(record_id)? {
                    of_group.push(id_of(checked_document(records.value())?).into());
                }
            }
            ids.push(of_group);
        }
        let message =
            "Cannot convert the index to unique. Please resolve conflicting documents before running collMod again.";
        Err(Error::new(Code::CANNOT_CONVERT_INDEX_TO_UNIQUE, message).with_details(DocBuf::build(|details| {
            details.array("violations", |violations| {
                for group in &ids {
                    violations.document(|violation| {
                        violation.array("ids", |ids| group.iter().for_each(|id| ids.value(id.get())));
                    });
                }
            });
        })))
    }
}
