//! The server over raw sockets: what drivers never send, and what they always send.

// A helper that cannot do its work fails its test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod administration;
mod arguments;
mod capped;
mod change_streams;
mod client;
mod collation;
mod crud;
mod explain;
mod fail_points;
mod frames;
mod handshake;
mod indexes;
mod language;
mod oplog;
mod plan_cache;
mod query_settings;
mod server_stages;
mod sessions;
mod spill;
mod transactions;
mod validate;
mod validators;
mod views;
