//! The embedded API against an engine of its own: what a program that embeds smongo sees.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod catalog;
mod crash;
mod cursors;
mod explain;
mod index_builds;
mod index_plans;
mod indexes;
mod parity;
mod plan_cache;
mod reads;
mod sessions;
mod stops;
mod upkeep;
mod uri;
mod validate;
mod wildcard_indexes;
mod writes;

use bson::{Bson, Document, doc};
use smongo::{Client, Collection};

/// An engine in memory with one collection.
struct Fixture {
    client: Client,
    coll: Collection<Document>,
}

impl Fixture {
    fn new() -> Self {
        let client = Client::in_memory().unwrap();
        let coll = client.database("db").collection("c");
        Self { client, coll }
    }

    fn with(documents: impl IntoIterator<Item = Document>) -> Self {
        let fixture = Self::new();
        fixture.coll.insert_many(documents).run().unwrap();
        fixture
    }

    /// All documents, in natural order.
    fn all(&self) -> Vec<Document> {
        self.found(doc! {})
    }

    fn found(&self, filter: Document) -> Vec<Document> {
        self.coll.find(filter).run().unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// The `_id`s of what a filter finds, in the order found.
    fn ids(&self, filter: Document) -> Vec<Bson> {
        ids(&self.found(filter))
    }
}

fn ids(documents: &[Document]) -> Vec<Bson> {
    documents.iter().map(|document| document.get("_id").cloned().unwrap_or(Bson::Null)).collect()
}

fn numbers(numbers: impl IntoIterator<Item = i32>) -> Vec<Bson> {
    numbers.into_iter().map(Bson::Int32).collect()
}
