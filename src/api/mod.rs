//! The embedded API: MongoDB's driver, without a server.
//!
//! Names and shapes are those of the official synchronous driver: a [`Client`] gives a [`Database`] gives a
//! [`Collection<T>`]; each verb is a method that returns a builder, and `run` carries it out. Documents are any type
//! that serde can turn into BSON; types of the `bson` crate appear here and nowhere below.
//!
//! A [`ClientSession`] makes several operations one transaction; a [`ChangeStream`] tells changes as they happen.
//!
//! This layer fills the structs of [`crate::request`] and turns replies into the caller's types. It decides nothing.

pub mod action;
mod backend;
pub mod change_stream;
mod client;
mod collection;
mod convert;
mod cursor;
mod database;
pub mod gridfs;
pub mod models;
pub mod options;
mod plan_text;
#[cfg(feature = "remote")]
mod remote;
mod results;
mod serve;
mod session;
mod upkeep;
mod uri;

pub use change_stream::ChangeStream;
pub use client::Client;
pub use collection::Collection;
pub use cursor::Cursor;
pub use database::Database;
pub use plan_text::PlanText;
pub use results::{
    CreateIndexResult, CreateIndexesResult, DeleteResult, InsertManyResult, InsertOneResult, ReturnDocument,
    UpdateModifications, UpdateResult,
};
pub use serve::Served;
pub use session::ClientSession;
