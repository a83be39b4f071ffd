//! `validate`: comparing a collection's documents and indexes.

use smongo_vm::value::DocBuf;

use super::Namespace;

/// What `validate` may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepairMode {
    /// Nothing.
    #[default]
    None,
    /// What indexes know of arrays.
    FixMultikey,
    /// Everything that is wrong.
    FixErrors,
}

/// `validate`.
#[derive(Clone, Debug)]
pub struct ValidateRequest {
    /// The collection.
    pub ns: Namespace,
    /// Whether the storage engine's own structures are looked at, too.
    pub full: bool,
    /// Whether only descriptions are looked at, and no data.
    pub metadata: bool,
    /// Whether documents are also held against what BSON's specification asks besides well-formedness.
    pub conformance: bool,
    /// What is to be mended.
    pub repair: RepairMode,
}

/// What was found about one index.
#[derive(Clone, Debug)]
pub struct ValidatedIndex {
    /// Its name.
    pub name: String,
    /// Its description.
    pub spec: DocBuf,
    /// How many keys it has.
    pub keys: u64,
    /// Whether it is as it should be, after repair where there was one.
    pub valid: bool,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    /// What is wrong.
    pub errors: Vec<String>,
}

/// What `validate` found, and what it mended.
#[derive(Clone, Debug, Default)]
pub struct Validation {
    /// The collection's UUID.
    pub uuid: [u8; 16],
    /// How many records there are.
    pub records: u64,
    /// How many of them are no BSON documents.
    pub invalid_documents: u64,
    /// How many are well-formed and break a rule of BSON's specification.
    pub non_compliant_documents: u64,
    /// The indexes, the one on `_id` first.
    pub indexes: Vec<ValidatedIndex>,
    /// Whether something was mended.
    pub repaired: bool,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    /// What is wrong.
    pub errors: Vec<String>,
    /// Entries that no document has.
    pub extra_entries: Vec<DocBuf>,
    /// Entries that the indexes lack.
    pub missing_entries: Vec<DocBuf>,
    /// Records that are no documents, by their ids.
    pub corrupt_records: Vec<i64>,
    /// Records that were removed because they are no documents.
    pub removed_corrupt_records: u64,
    /// Entries that were removed.
    pub removed_extra_entries: u64,
    /// Entries that were written.
    pub inserted_missing_entries: u64,
    /// Documents that were moved to the database `local` because another document has their key.
    pub moved_documents: u64,
}

impl Validation {
    /// Whether everything is as it should be.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty() && self.indexes.iter().all(|index| index.valid)
    }
}
