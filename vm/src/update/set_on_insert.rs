//! `$setOnInsert`: what `$set` does, in a document that an upsert is about to insert; nothing otherwise.
//!
//! [`Operator::is_active`](super::Operator) keeps it from being called for stored documents, so that it does not even
//! mind a path that is blocked.

pub(super) use super::set::write;
