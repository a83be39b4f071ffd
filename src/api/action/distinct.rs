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
    hint: Option<Bson>,
}

impl<'a, T: Send + Sync> Distinct<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, field: String, filter: Document) -> Self {
        Self { coll, field, filter, hint: None }
    }

    /// The index to use: a name or a key pattern, or `{$natural: 1}`.
    pub fn hint(mut self, hint: impl Into<Bson>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Gives the values, in the order in which they first appear.
    pub fn run(self) -> Result<Vec<Bson>> {
        let filter = to_doc(&self.filter)?;
        let hint = self.hint.as_ref().map(|hint| to_doc(&bson::doc! { "hint": hint })).transpose()?;
        let request = DistinctRequest {
            filter: &filter,
            hint: hint.as_ref().and_then(|holder| holder.get("hint")),
            ..DistinctRequest::new(self.coll.namespace()?, &self.field)
        };
        let mut bytes = Vec::new();
        let mut values = ArrayWriter::new(&mut bytes);
        self.coll.engine().distinct(&OpContext::new(), &request, &mut values)?;
        values.finish();
        RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY).values().map(to_bson).collect()
    }
}
