//! `distinct`.

use bson::{Bson, Document};
use smongo_vm::value::{ArrayWriter, RawDoc};

use super::options::{Options, in_session, setters, time_limit};
use crate::api::Collection;
use crate::api::convert::{to_bson, to_doc};
use crate::error::Result;
use crate::request::DistinctRequest;

/// The distinct values of a field.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Distinct<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    field: String,
    filter: Document,
    options: Options,
}

impl<'a, T: Send + Sync> Distinct<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, field: String, filter: Document) -> Self {
        Self { coll, field, filter, options: Options::default() }
    }

    setters! {
        /// The index to use: a name or a key pattern, or `{$natural: 1}`.
        hint(Bson) => "hint";
        /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
        collation(Document) => "collation";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
    }

    time_limit!();

    in_session!();

    /// Gives the values, in the order in which they first appear.
    pub fn run(self) -> Result<Vec<Bson>> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let options = self.options.for_driver::<mongodb::options::DistinctOptions>()?;
            return Ok(remote.distinct(self.field, self.filter).with_options(options).run()?);
        }
        let filter = to_doc(&self.filter)?;
        let options = self.options.bytes()?;
        let request = DistinctRequest {
            filter: &filter,
            hint: options.value("hint"),
            collation: options.doc("collation"),
            ..DistinctRequest::new(self.coll.checked_namespace()?, &self.field)
        };
        let mut bytes = Vec::new();
        let mut values = ArrayWriter::new(&mut bytes);
        let engine = self.coll.engine()?;
        self.options.run(engine, self.coll.db(), |op| engine.distinct(op, &request, &mut values))?;
        values.finish();
        RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY).values().map(to_bson).collect()
    }
}
