//! `validate`: whether a collection's documents are documents and its indexes have their keys and no others.
//!
//! Looking happens in one snapshot, beside readers and writers. A repair keeps everybody else out, looks again and
//! mends what it finds.

use std::sync::Arc;

use smongo_storage::Session;
use smongo_vm::Code;
use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES;
use smongo_vm::value::{DocBuf, validate};

use super::Engine;
use crate::catalog::entry::uuid_text;
use crate::collection::{Collection, Sizes, is_conformant};
use crate::error::{Error, Result};
use crate::index::{ArrayPaths, Fault, Index, IndexCheck, IndexFindings};
use crate::request::{InsertRequest, Namespace, OpContext, RepairMode, ValidateRequest, ValidatedIndex, Validation};

/// Records that pass between two looks at whether to go on.
const RECORDS_PER_CHECK: u64 = 256;

/// Changes of one transaction of a repair.
const TRANSACTION_CHANGES: usize = 1000;

/// The database that keeps documents which a repair had to take out of their collection.
const LOST_AND_FOUND_DB: &str = "local";

/// What looking at everything came to.
#[derive(Default)]
struct Findings {
    sizes: Sizes,
    corrupt: Vec<i64>,
    non_compliant: u64,
    indexes: Vec<(IndexFindings, ArrayPaths)>,
}

impl Engine {
    /// Compares a collection's documents and indexes, and mends them when asked to.
    pub fn validate(&self, op: &OpContext, request: &ValidateRequest) -> Result<Validation> {
        op.check()?;
        let ns = &request.ns;
        let missing =
            || Error::new(Code::NAMESPACE_NOT_FOUND, format!("Collection '{ns}' does not exist to validate."));
        let coll = match request.repair {
            RepairMode::None => self.catalog.readable(ns),
            _ => self.catalog.get(ns),
        };
        let coll = coll.ok_or_else(missing)?;
        if request.metadata {
            let shared = coll.share().map_err(|_| missing())?;
            let indexes = shared.indexes().iter().map(|index| validated(index, 0)).collect();
            return Ok(Validation { uuid: *coll.uuid(), indexes, ..Validation::default() });
        }
        if request.repair == RepairMode::None {
            let shared = coll.share().map_err(|_| missing())?;
            let findings = self.look(op, &coll, shared.indexes(), request.conformance)?;
            let mut validation = describe(&coll, shared.indexes(), findings);
            drop(shared);
            if request.full {
                let state = coll.lock_exclusively();
                self.verify_tables(&coll, state.indexes(), &mut validation);
            }
            return Ok(validation);
        }
        let moved = match request.repair {
            RepairMode::FixErrors => self.move_displaced(op, &coll, request.conformance)?,
            RepairMode::FixMultikey | RepairMode::None => 0,
        };
        let state = coll.lock_exclusively();
        if state.is_ended() {
            return Err(missing());
        }
        let findings = self.look(op, &coll, state.indexes(), request.conformance)?;
        let mut validation = self.repair(op, &coll, state.indexes(), findings, request.repair)?;
        validation.moved_documents = moved;
        validation.repaired |= moved > 0;
        Ok(validation)
    }

    /// The indexes that version 1 of the Stable API does without: those that are sparse, and those of other kinds of
    /// keys. Database and collection may be given.
    pub fn indexes_outside_api(&self, db: Option<&str>, coll: Option<&str>) -> Vec<(Namespace, String)> {
        let mut found = Vec::new();
        for name in self.catalog.databases().iter().filter(|name| db.is_none_or(|db| db == name.as_str())) {
            for collection in self.catalog.in_database(name) {
                let Ok(shared) = collection.share() else { continue };
                let outside = shared.indexes().iter().filter(|index| index.description().is_sparse);
                if coll.is_none_or(|coll| coll == shared.ns().coll()) {
                    found.extend(outside.map(|index| (shared.ns().clone(), index.name().to_owned())));
                }
            }
        }
        found
    }

    /// Holds every document against every index, in one snapshot.
    fn look(&self, op: &OpContext, coll: &Collection, indexes: &[Arc<Index>], conformance: bool) -> Result<Findings> {
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        let mut findings = Findings::default();
        let mut checks = indexes.iter().map(|index| check_of(index, &txn)).collect::<Result<Vec<_>>>()?;
        let mut records = txn.cursor(coll.records())?;
        while records.next()? {
            let record_id = records.record_id();
            let bytes = records.value();
            findings.sizes.add(bytes.len());
            match validate(bytes, MAX_INTERNAL_DOCUMENT_BYTES) {
                Ok(doc) => {
                    findings.non_compliant += u64::from(conformance && !is_conformant(doc));
                    checks.iter_mut().try_for_each(|check| check.document(doc, record_id))?;
                }
                Err(_) => findings.corrupt.push(record_id),
            }
            if (findings.sizes.documents as u64).is_multiple_of(RECORDS_PER_CHECK) {
                op.check()?;
            }
        }
        for mut check in checks {
            check.entries(op, &mut records)?;
            findings.indexes.push(check.finish());
        }
        Ok(findings)
    }

    /// Mends what was found. Nobody else uses the collection.
    fn repair(
        &self,
        op: &OpContext,
        coll: &Collection,
        indexes: &[Arc<Index>],
        findings: Findings,
        mode: RepairMode,
    ) -> Result<Validation> {
        let mut session = self.storage.session()?;
        let mut sizes = findings.sizes;
        let corrupt = findings.corrupt.clone();
        let faults: Vec<_> = findings
            .indexes
            .iter()
            .map(|(found, arrays)| (found.faults.clone(), arrays.clone(), found.unknown_arrays))
            .collect();
        let mut validation = describe(coll, indexes, findings);
        if mode == RepairMode::FixErrors {
            for part in corrupt.chunks(TRANSACTION_CHANGES) {
                op.check()?;
                let txn = session.begin()?;
                let mut records = txn.cursor(coll.records())?;
                for record_id in part {
                    if records.search(*record_id)? {
                        sizes.remove(records.value().len());
                        records.remove(*record_id)?;
                        validation.removed_corrupt_records += 1;
                    }
                }
                drop(records);
                txn.commit()?;
            }
        }
        for (at, (index, (faults, arrays, unknown_arrays))) in indexes.iter().zip(faults).enumerate() {
            if mode == RepairMode::FixErrors {
                for part in faults.chunks(TRANSACTION_CHANGES) {
                    op.check()?;
                    let txn = session.begin()?;
                    let mut entries = txn.cursor(index.table())?;
                    part.iter().try_for_each(|entry| index.mend(&mut entries, entry))?;
                    drop(entries);
                    txn.commit()?;
                }
                let extra = faults.iter().filter(|entry| entry.fault == Fault::Extra).count() as u64;
                validation.removed_extra_entries += extra;
                validation.inserted_missing_entries += faults.len() as u64 - extra;
            }
            if unknown_arrays {
                let txn = session.begin()?;
                let mut entries = txn.cursor(index.table())?;
                let paths = index.mend_arrays(&mut entries, &arrays)?;
                drop(entries);
                txn.commit()?;
                index.confirm_arrays(&paths);
                validation.repaired = true;
            }
            if mode == RepairMode::FixErrors || faults.is_empty() {
                let mended = &mut validation.indexes[at];
                if !mended.valid {
                    mended.warnings.append(&mut mended.errors);
                }
                mended.valid = true;
                mended.keys = mended.keys.saturating_sub(count(&faults, Fault::Extra)) + count(&faults, Fault::Missing);
            }
        }
        if mode == RepairMode::FixErrors {
            let changes = validation.removed_corrupt_records
                + validation.removed_extra_entries
                + validation.inserted_missing_entries;
            validation.repaired |= changes > 0;
            validation.records -= validation.removed_corrupt_records;
            coll.set_sizes(sizes);
        }
        if validation.indexes.iter().all(|index| index.valid) && mode == RepairMode::FixErrors {
            validation.errors.clear();
            for (number, what) in [
                (validation.removed_corrupt_records, "Removed {} invalid documents."),
                (validation.removed_extra_entries, "Removed {} extra index entries."),
                (validation.inserted_missing_entries, "Inserted {} missing index entries."),
            ] {
                if number > 0 {
                    validation.warnings.push(what.replace("{}", &number.to_string()));
                }
            }
        }
        Ok(validation)
    }

    /// Moves documents whose key in a unique index is another's to a collection of their own; gives how many there
    /// were. They are stored there before they are taken away.
    fn move_displaced(&self, op: &OpContext, coll: &Arc<Collection>, conformance: bool) -> Result<u64> {
        let displaced = {
            let state = coll.lock_exclusively();
            let findings = self.look(op, coll, state.indexes(), conformance)?;
            let mut displaced: Vec<i64> = findings
                .indexes
                .iter()
                .flat_map(|(index, _)| &index.faults)
                .filter(|entry| entry.fault == Fault::Taken)
                .filter_map(|entry| entry.record_id)
                .collect();
            displaced.sort_unstable();
            displaced.dedup();
            let session = self.storage.session()?;
            let mut records = session.cursor(coll.records())?;
            let mut documents = Vec::new();
            for record_id in displaced {
                if records.search(record_id)? {
                    let doc = DocBuf::from_vec(records.value().to_vec());
                    documents.extend(doc.map(|doc| (record_id, doc)));
                }
            }
            documents
        };
        if displaced.is_empty() {
            return Ok(0);
        }
        let ns = Namespace::new(LOST_AND_FOUND_DB, &format!("lost_and_found.{}", uuid_text(coll.uuid())))?;
        let documents: Vec<_> = displaced.iter().map(|(_, doc)| doc.as_doc()).collect();
        let reply = self.insert(op, &InsertRequest::new(ns, &documents))?;
        if let Some(error) = Error::from_write_errors(reply.write_errors) {
            return Err(error);
        }
        let state = coll.lock_exclusively();
        let mut session = self.storage.session()?;
        for (record_id, doc) in &displaced {
            let txn = session.begin()?;
            for index in state.indexes() {
                index.remove_own(&mut txn.cursor(index.table())?, doc, *record_id)?;
            }
            txn.cursor(coll.records())?.remove(*record_id)?;
            txn.commit()?;
        }
        Ok(displaced.len() as u64)
    }

    /// Has the storage engine look at its own structures.
    fn verify_tables(&self, coll: &Collection, indexes: &[Arc<Index>], validation: &mut Validation) {
        let tables = [coll.records()].into_iter().chain(indexes.iter().map(|index| index.table()));
        for table in tables {
            match self.storage.verify_table(table) {
                Ok(true) => {}
                Ok(false) => validation.warnings.push(format!(
                    "Could not complete validation of {}. This is a transient issue as the collection was actively in \
                     use by other operations.",
                    table.name()
                )),
                Err(error) => validation.errors.push(format!("The table {} is damaged: {error}", table.name())),
            }
        }
    }
}

/// The comparison of one index in a transaction.
fn check_of<'c>(index: &'c Index, session: &'c Session) -> Result<IndexCheck<'c>> {
    IndexCheck::new(index, session.cursor(index.table())?)
}

fn count(faults: &[crate::index::FaultyEntry], fault: Fault) -> u64 {
    faults.iter().filter(|entry| entry.fault == fault).count() as u64
}

fn validated(index: &Index, keys: u64) -> ValidatedIndex {
    ValidatedIndex {
        name: index.name().to_owned(),
        spec: index.entry().spec.clone(),
        keys,
        valid: true,
        warnings: Vec::new(),
        errors: Vec::new(),
    }
}

/// Findings in the words of a reply.
fn describe(coll: &Collection, indexes: &[Arc<Index>], findings: Findings) -> Validation {
    let mut validation = Validation {
        uuid: *coll.uuid(),
        records: u64::try_from(findings.sizes.documents).unwrap_or(0),
        invalid_documents: findings.corrupt.len() as u64,
        non_compliant_documents: findings.non_compliant,
        ..Validation::default()
    };
    if !findings.corrupt.is_empty() {
        validation.errors.push(format!("Detected {} invalid documents.", findings.corrupt.len()));
    }
    if findings.non_compliant > 0 {
        validation.warnings.push("Detected one or more documents not conformant to BSON specifications.".into());
    }
    validation.corrupt_records = findings.corrupt;
    let (mut extra, mut missing) = (0, 0);
    for (index, (found, _)) in indexes.iter().zip(findings.indexes) {
        let mut described = validated(index, found.entries);
        described.valid = found.is_valid();
        let index_extra = found.count(|fault| fault == Fault::Extra);
        let index_missing = found.faults.len() as u64 - index_extra;
        if index_extra + index_missing > 0 {
            described.errors.push(format!("Index with name '{}' has inconsistencies.", index.name()));
        }
        if found.unknown_arrays {
            described.errors.push(format!(
                "Index {} is not multikey but there are documents with arrays on its paths.",
                index.name()
            ));
        }
        described.errors.extend(found.errors);
        extra += index_extra;
        missing += index_missing;
        validation.errors.extend(described.errors.iter().cloned());
        validation.extra_entries.extend(found.extra);
        validation.missing_entries.extend(found.missing);
        validation.indexes.push(described);
    }
    for (number, what) in [(missing, "missing"), (extra, "extra")] {
        if number > 0 {
            validation.warnings.push(format!("Detected {number} {what} index entries."));
        }
    }
    validation
}
