//! What a stream watches.

use smongo_vm::Code;

use crate::error::{Error, Result};
use crate::request::Namespace;

/// A collection, a database, or everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    Collection(Namespace),
    Database(String),
    Cluster,
}

impl Scope {
    /// The scope of a request on `ns`, which stands for a whole database unless it `has_collection`.
    pub fn of_request(ns: &Namespace, has_collection: bool, whole_cluster: bool) -> Result<Self> {
        if whole_cluster {
            if ns.db() == "admin" && !has_collection {
                return Ok(Self::Cluster);
            }
            return Err(Error::new(
                Code::INVALID_OPTIONS,
                format!(
                    "A $changeStream with 'allChangesForCluster:true' may only be opened on the 'admin' database, and \
                     with no collection name; found {ns}"
                ),
            ));
        }
        if is_internal(ns.db()) {
            let message = format!("$changeStream may not be opened on the internal {} database", ns.db());
            return Err(Error::new(Code::INVALID_NAMESPACE, message));
        }
        if !has_collection {
            return Ok(Self::Database(ns.db().to_owned()));
        }
        if ns.coll().starts_with("system.") {
            let message = format!("$changeStream may not be opened on the internal {ns} collection");
            return Err(Error::new(Code::INVALID_NAMESPACE, message));
        }
        Ok(Self::Collection(ns.clone()))
    }

    /// Whether changes of a collection are told.
    pub fn sees(&self, db: &str, coll: &str) -> bool {
        match self {
            Self::Collection(ns) => ns.db() == db && ns.coll() == coll,
            Self::Database(watched) => watched == db && !coll.starts_with("system."),
            Self::Cluster => !is_internal(db) && !coll.starts_with("system."),
        }
    }

    /// Whether the end of a database is told.
    pub fn sees_database(&self, db: &str) -> bool {
        match self {
            Self::Collection(_) => false,
            Self::Database(watched) => watched == db,
            Self::Cluster => !is_internal(db),
        }
    }

    /// Whether a stream ends with an event of this kind, which it sees.
    pub fn ends_with(&self, kind: &str) -> bool {
        match self {
            Self::Collection(_) => matches!(kind, "drop" | "rename"),
            Self::Database(_) => kind == "dropDatabase",
            Self::Cluster => false,
        }
    }
}

fn is_internal(db: &str) -> bool {
    matches!(db, "admin" | "config" | "local")
}
