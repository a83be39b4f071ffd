//! A client, and an empty database for each test.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{env, fs, path::PathBuf};

use mongodb::bson::Document;
use mongodb::sync::{Client, Collection, Database};

/// A client of the server that `SMONGO_URI` names.
pub fn client() -> Client {
    let uri = env::var("SMONGO_URI").expect("SMONGO_URI names the server; tests/drivers/run sets it");
    Client::with_uri_str(uri).expect("a client")
}

/// An empty database of this name.
pub fn database(name: &str) -> Database {
    let database = client().database(&format!("rust_{name}"));
    database.drop().run().expect("a dropped database");
    database
}

/// A file of the sample data, parsed.
pub fn sample(name: &str) -> serde_json::Value {
    let folder = PathBuf::from(env::var("SMONGO_SAMPLE_DATA").expect("SMONGO_SAMPLE_DATA names the folder"));
    let text = fs::read_to_string(folder.join(name)).expect("the sample file");
    serde_json::from_str(&text).expect("JSON")
}

/// The integer `_id`s of what a query finds, in order.
pub fn ids(collection: &Collection<Document>, query: Document) -> Vec<i64> {
    let cursor = collection.find(query).sort(mongodb::bson::doc! { "_id": 1 }).run().expect("a cursor");
    cursor
        .map(|document| {
            let document = document.expect("a document");
            let id = document.get("_id").expect("an _id");
            id.as_i64().or(id.as_i32().map(i64::from)).expect("an integer")
        })
        .collect()
}
