//! `find_one`.

use bson::{Bson, Document};
use serde::de::DeserializeOwned;

use super::Find;
use crate::api::{ClientSession, Collection};
use crate::error::Result;

/// Finds one document.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOne<'a, T: Send + Sync>(Find<'a, T>);

impl<'a, T: Send + Sync> FindOne<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self(Find::new(coll, filter).single())
    }

    /// Which fields are given.
    pub fn projection(self, projection: impl Into<Document>) -> Self {
        Self(self.0.projection(projection))
    }

    /// Which match comes first.
    pub fn sort(self, sort: impl Into<Document>) -> Self {
        Self(self.0.sort(sort))
    }

    /// How many matches are left out.
    pub fn skip(self, skip: u64) -> Self {
        Self(self.0.skip(skip))
    }

    /// An index by name or key pattern, or `{$natural: ±1}`.
    pub fn hint(self, hint: impl Into<Bson>) -> Self {
        Self(self.0.hint(hint))
    }

    /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
    pub fn collation(self, collation: impl Into<Document>) -> Self {
        Self(self.0.collation(collation))
    }

    /// Variables for `$expr`.
    pub fn let_vars(self, variables: impl Into<Document>) -> Self {
        Self(self.0.let_vars(variables))
    }

    /// The longest the operation may take; 0 is forever.
    pub fn max_time(self, time: std::time::Duration) -> Self {
        Self(self.0.max_time(time))
    }

    /// Adds `$recordId` to the document.
    pub fn show_record_id(self, show: bool) -> Self {
        Self(self.0.show_record_id(show))
    }

    /// Makes the operation part of what a session is at: of its transaction, where it is in one.
    pub fn session(self, session: &mut ClientSession) -> Self {
        Self(self.0.session(session))
    }

    /// Finds the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.0.run()?.next().transpose()
    }
}
