//! `distinct`.

use bson::{Bson, Document};
use smongo_vm::value::{ArrayWriter, RawDoc};

use crate::api::Collection;
use crate::api::convert::{to_bson, to_doc};
use crate::error::Result;
use crate::request::{DistinctRequest, OpContext};

/// The distinct values of a field.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Distinct<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    field: String,
    filter: Document,
}

impl<'a, T: Send + Sync> Distinct<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, field: String, filter: Document) -> Self {
        Self { coll, field, filter }
    }

    /// Gives the values, in the order in which they first appear.
    pub fn run(self) -> Result<Vec<Bson>> {
        let filter = to_doc(&self.filter)?;
        let request = DistinctRequest { filter: &filter, ..DistinctRequest::new(self.coll.namespace()?, &self.field) };
        let mut bytes = Vec::new();
        let mut values = ArrayWriter::new(&mut bytes);
        self.coll.engine().distinct(&OpContext::new(), &request, &mut values)?;
        values.finish();
        RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY).values().map(to_bson).collect()
    }
}
