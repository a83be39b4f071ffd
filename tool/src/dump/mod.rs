//! Dump and restore, in the formats of MongoDB's mongodump, so that its mongorestore reads what is written here, and the
//! other way round.
//!
//! A dump has each collection's documents as BSON one after the other, and its options and indexes as canonical extended
//! JSON. A directory has two files a collection, `db/coll.bson` and `db/coll.metadata.json`, with `.gz` behind when they
//! are compressed; an archive has all of it in one stream ([`archive`]).

pub mod restore;
pub mod save;

mod archive;
mod bson_stream;
mod metadata;
mod names;

#[cfg(test)]
mod tests;
