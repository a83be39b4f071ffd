//! Making capped collections of others.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Engine;
use crate::catalog::is_a_view;
use crate::error::{Error, Result};
use crate::exec::{Flow, Matching, plan_matching};
use crate::object_id;
use crate::request::{CreateRequest, InsertRequest, Namespace, OpContext, WriteOptions};

/// The bytes of documents at which a portion is written.
const PORTION_BYTES: usize = 2 << 20;

impl Engine {
    /// Copies the youngest documents of a collection, as many as fit, into a new capped one of this size.
    pub fn clone_as_capped(&self, op: &OpContext, from: &Namespace, to: &Namespace, bytes: i64) -> Result<()> {
        op.check()?;
        if self.catalog.is_view(from) {
            return Err(is_a_view(from));
        }
        let Some(source) = self.catalog.get(from) else {
            let message = format!("source collection {from} does not exist");
            return Err(Error::new(Code::NAMESPACE_NOT_FOUND, message));
        };
        if self.catalog.get(to).is_some() || self.catalog.is_view(to) {
            let message = format!(
                "cloneCollectionAsCapped failed - destination collection {to} already exists. source \
                                   collection: {from}"
            );
            return Err(Error::new(Code::NAMESPACE_EXISTS, message));
        }
        let options = DocBuf::build(|doc| {
            for option in source.options().as_doc() {
                if !matches!(option.name_str(), "capped" | "size" | "max" | "clusteredIndex" | "expireAfterSeconds") {
                    doc.raw_element(option.raw());
                }
            }
            doc.value("capped", Value::TRUE);
            doc.value("size", Value::int64(bytes));
        });
        self.create_collection(op, &CreateRequest { ns: to.clone(), options: &options })?;
        let excess = source.sizes(&self.storage)?.bytes.saturating_sub(bytes);
        self.copy(op, from, to, excess).inspect_err(|_| {
            // What went wrong first is what the client must hear of.
            let _ = self.drop_collection(op, to);
        })
    }

    /// Makes a collection capped. Of its indexes only the one on `_id` stays.
    pub fn convert_to_capped(&self, op: &OpContext, ns: &Namespace, bytes: i64) -> Result<()> {
        let id = object_id::generate();
        let suffix: String = id[7..].iter().map(|byte| format!("{byte:02x}")).collect();
        let temporary = Namespace::trusted(ns.db(), &format!("tmp{}.convertToCapped.{}", &suffix[5..], ns.coll()));
        if self.catalog.get(ns).is_some() {
            temporary.check_creatable()?;
        }
        self.clone_as_capped(op, ns, &temporary, bytes)?;
        self.rename_collection(op, &temporary, ns, true).inspect_err(|_| {
            let _ = self.drop_collection(op, &temporary);
        })
    }

    /// Copies documents in their natural order, but for the first so many bytes of them.
    fn copy(&self, op: &OpContext, from: &Namespace, to: &Namespace, excess: i64) -> Result<()> {
        let mut executor = self.plan(from, |shared| plan_matching(shared, &Matching::new(RawDoc::EMPTY)))?;
        let mut left_out: i64 = 0;
        loop {
            let (mut portion, mut bytes) = (Vec::<DocBuf>::new(), 0);
            executor.run(&self.storage, op, &mut |doc| {
                if left_out < excess {
                    left_out += i64::try_from(doc.as_bytes().len()).unwrap_or(i64::MAX);
                    return Ok(Flow::Continue);
                }
                bytes += doc.as_bytes().len();
                portion.push(doc.into());
                Ok(if bytes >= PORTION_BYTES { Flow::Stop } else { Flow::Continue })
            })?;
            if portion.is_empty() {
                return Ok(());
            }
            let documents: Vec<&RawDoc> = portion.iter().map(DocBuf::as_doc).collect();
            let options = WriteOptions { bypass_document_validation: true, ..WriteOptions::default() };
            let reply = self.insert(op, &InsertRequest { ns: to.clone(), documents: &documents, options })?;
            if let Some(error) = Error::from_write_errors(reply.write_errors) {
                return Err(error);
            }
        }
    }
}
