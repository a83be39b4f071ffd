//! MongoDB's document model and query language on WiredTiger, as an embedded library and a server.
//!
//! One engine, two faces: programs embed it, and `smongod` serves it to MongoDB's official drivers. Both fill
//! the structs of [`request`] and share everything below them, so they cannot behave differently.
//!
//! | module | what it is for |
//! |---|---|
//! | [`api`] | the embedded API |
//! | [`engine`] | an open data directory; every operation starts here |
//! | [`request`] | what an operation is told |
//! | `auth` | users, roles, credentials |
//! | `system_docs` | documents of the server's own |
//! | `catalog` | which collections exist |
//! | `collection`, `index` | documents and index entries, and how they change together |
//! | `exec` | running queries: operators, plans, explain |
//! | `plan_cache` | programs and choices of queries that came before, by their shape |
//! | `query_settings` | what an administrator decides about queries of a shape |
//! | `write` | what writes do to documents |
//! | `oplog` | what committed writes did, in order of time |
//! | `stream` | change streams: the log told as events |
//! | `session` | logical sessions: retryable writes and transactions |
//! | `cursor` | queries that wait for a `getMore` |
//! | [`command`] | MongoDB's commands, from request document to reply document |
//! | [`wire`] | MongoDB's wire protocol: frames, connections, the server |
#![forbid(unsafe_code)]

pub mod api;
mod auth;
mod catalog;
mod collation;
mod collection;
pub mod command;
mod cursor;
mod distinct;
pub mod engine;
pub mod error;
mod exec;
mod index;
pub mod object_id;
mod oplog;
mod plan_cache;
mod query_settings;
pub mod request;
mod session;
mod shell_text;
mod spill;
mod stream;
mod system_docs;
pub mod wire;
mod write;

pub use api::options::IndexModel;
pub use api::{Client, ClientSession, Collection, Cursor, Database, PlanText, Served, change_stream};
pub use bson;

/// What a client does, by the names that MongoDB's driver has for its synchronous types.
pub mod sync {
    pub use crate::api::{ChangeStream, Client, ClientSession, Collection, Cursor, Database};
}

/// Options that are more than a value.
pub mod options {
    pub use crate::api::options::*;
}

/// What verbs give back.
pub mod results {
    pub use crate::api::action::{CollectionSpecification, CollectionType, DatabaseSpecification};
    pub use crate::api::models::{SummaryBulkWriteResult, VerboseBulkWriteResult};
    pub use crate::api::{
        CreateIndexResult, CreateIndexesResult, DeleteResult, InsertManyResult, InsertOneResult, UpdateResult,
    };
}
pub use error::{Error, Result, WriteError};

/// The examples of the README, compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/coming-from.md")]
struct ComingFrom;
