//! The request that runs a pipeline.

use std::fmt;

use smongo_compiler::ir::pipeline::SessionsOf;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Namespace;
use crate::error::Result;

/// The collection by which cursors of pipelines without a collection are known.
const WITHOUT_COLLECTION: &str = "$cmd.aggregate";

/// What a server tells the stages that ask about it, as documents.
pub trait ServerFacts: fmt::Debug {
    /// What it is doing, for `$currentOp`.
    fn operations(&self, all_users: bool, idle_connections: bool) -> Vec<DocBuf>;

    /// Logical sessions, for `$listLocalSessions` and `$listSessions`.
    fn sessions(&self, of: &SessionsOf) -> Vec<DocBuf>;

    /// Who is logged in, for `$listCachedAndActiveUsers`.
    fn users(&self) -> Vec<DocBuf>;
}

/// `aggregate`.
#[derive(Clone, Debug)]
pub struct AggregateRequest<'r> {
    /// The collection that the pipeline runs on, or what stands for it.
    pub ns: Namespace,
    /// Whether `ns` is a collection: `aggregate: "name"` and not `aggregate: 1`.
    pub has_collection: bool,
    /// The stages, as an array.
    pub pipeline: &'r RawDoc,
    /// How many documents the first batch holds; 101 when absent, and 0 opens the cursor only.
    pub batch_size: Option<u64>,
    /// Variables for expressions.
    pub let_variables: Option<&'r RawDoc>,
    /// An index name or key pattern, or `{$natural: ±1}`.
    pub hint: Option<Value<'r>>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
    /// Whether stages may put aside on disk what does not fit in memory; when absent, the server's setting holds.
    pub allow_disk_use: Option<bool>,
    /// Whether `$out` and `$merge` leave out the target's validator.
    pub bypass_document_validation: bool,
    /// How the server is known to its clients, for stages that tell.
    pub host: String,
    /// The server, for stages that tell about it; without one there is nothing to tell.
    pub server: Option<&'r dyn ServerFacts>,
    /// Whether what `$out` and `$merge` write must be on the storage device before the reply (`j: true`).
    pub journal: bool,
}

impl<'r> AggregateRequest<'r> {
    /// A pipeline over a collection, with MongoDB's defaults.
    pub fn new(ns: Namespace, pipeline: &'r RawDoc) -> Self {
        Self {
            ns,
            has_collection: true,
            pipeline,
            batch_size: None,
            let_variables: None,
            hint: None,
            collation: None,
            allow_disk_use: None,
            bypass_document_validation: false,
            host: "localhost".to_owned(),
            server: None,
            journal: false,
        }
    }

    /// A pipeline over no collection of database `db`.
    pub fn without_collection(db: &str, pipeline: &'r RawDoc) -> Result<Self> {
        Namespace::check_db_name(db)?;
        Ok(Self { has_collection: false, ..Self::new(Namespace::trusted(db, WITHOUT_COLLECTION), pipeline) })
    }
}
