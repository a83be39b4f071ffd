//! What writes do to documents: insert, update, delete, findAndModify.
//!
//! Each statement runs in transactions of its own ([`matches`]); a transaction that meets another's write is run
//! again ([`retry`]). Documents, index entries and everything else that must agree with them change through
//! [`Writer`](crate::collection::Writer) and commit together.

mod explained;
mod failure;
mod find_and_modify;
mod insert;
mod matches;
mod retry;
mod update;
mod validation;

pub(crate) use explained::WouldWrite;
pub(crate) use find_and_modify::{Found, ReturnedDocument};
pub(crate) use insert::{insert_documents, insert_one};
pub(crate) use matches::{MatchedWrite, Row, Tally};
pub(crate) use update::Updater;
