//! `find_one`.

use bson::Document;
use serde::de::DeserializeOwned;

use super::Find;
use crate::api::Collection;
use crate::error::Result;

/// Finds one document.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOne<'a, T: Send + Sync>(Find<'a, T>);

impl<'a, T: Send + Sync> FindOne<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self(Find::new(coll, filter).limit(1))
    }

    /// Which fields are given.
    pub fn projection(self, projection: Document) -> Self {
        Self(self.0.projection(projection))
    }

    /// Which match comes first.
    pub fn sort(self, sort: Document) -> Self {
        Self(self.0.sort(sort))
    }

    /// How many matches are left out.
    pub fn skip(self, skip: u64) -> Self {
        Self(self.0.skip(skip))
    }

    /// Finds the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.0.run()?.next().transpose()
    }
}
