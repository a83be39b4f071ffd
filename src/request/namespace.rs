//! `Namespace`: a database name and a collection name that are known to be well-formed.

use std::fmt;
use std::sync::Arc;

use smongo_vm::Code;

use crate::error::{Error, Result};

/// Longest database name, in bytes. MongoDB: 63.
const MAX_DB_NAME_BYTES: usize = 63;

/// Longest `database.collection`, in bytes. MongoDB: 255 on an unsharded collection.
const MAX_NAMESPACE_BYTES: usize = 255;

/// The database of users whose credentials lie elsewhere. It holds no collections.
pub(crate) const EXTERNAL_DB: &str = "$external";

/// `database.collection`, checked and cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace {
    full: Arc<str>,
    dot: usize,
}

impl Namespace {
    /// The namespace of a collection, or `InvalidNamespace` (73).
    pub fn new(db: &str, coll: &str) -> Result<Self> {
        Self::check_db_name(db)?;
        if coll.is_empty() || coll.starts_with('.') || coll.contains('\0') {
            return Err(invalid(format!("Invalid namespace specified '{db}.{coll}'")));
        }
        Ok(Self::trusted(db, coll))
    }

    /// A namespace whose parts have been checked before: read back from the catalog, or built by the engine itself.
    pub(crate) fn trusted(db: &str, coll: &str) -> Self {
        Self { full: format!("{db}.{coll}").into(), dot: db.len() }
    }

    /// The namespace that its full text was made from.
    pub(crate) fn parse_trusted(full: &str) -> Option<Self> {
        full.find('.').map(|dot| Self { full: full.into(), dot })
    }

    /// Fails with `InvalidNamespace` (73) unless `db` can name a database.
    pub fn check_db_name(db: &str) -> Result<()> {
        if db.len() > MAX_DB_NAME_BYTES {
            return Err(invalid(format!(
                "db name must be at most {MAX_DB_NAME_BYTES} characters, found: {}",
                db.len()
            )));
        }
        if db == EXTERNAL_DB {
            return Ok(());
        }
        if db.is_empty() || db.contains(['/', '\\', '.', ' ', '"', '$', '\0']) {
            return Err(invalid(format!("Invalid database name: '{db}'")));
        }
        Ok(())
    }

    /// Fails unless a user may create a collection of this name.
    pub fn check_creatable(&self) -> Result<()> {
        if self.full.len() > MAX_NAMESPACE_BYTES {
            return Err(invalid(format!(
                "Fully qualified namespace is too long. Namespace: {self} Max: {MAX_NAMESPACE_BYTES}"
            )));
        }
        if self.db() == EXTERNAL_DB {
            return Err(invalid(format!("Invalid database name: '{EXTERNAL_DB}'")));
        }
        if self.is_in_log() {
            let message = format!("{self} is kept for the log of operations");
            return Err(Error::new(Code::ILLEGAL_OPERATION, message));
        }
        if self.coll().contains('$') {
            return Err(invalid(format!("Invalid collection name: {}", self.coll())));
        }
        if self.coll().starts_with("system.") && !is_user_writable_system(self.db(), self.coll()) {
            return Err(invalid(format!("Invalid system namespace: {self}")));
        }
        Ok(())
    }

    /// Whether this is the log of operations, which clients only read.
    pub(crate) fn is_log(&self) -> bool {
        self.full() == "local.oplog.rs"
    }

    /// Whether a name is kept for the log of operations and others like it.
    fn is_in_log(&self) -> bool {
        self.full().strip_prefix("local.oplog.").is_some_and(|rest| !rest.is_empty())
    }

    /// The database.
    pub fn db(&self) -> &str {
        &self.full[..self.dot]
    }

    /// The collection.
    pub fn coll(&self) -> &str {
        &self.full[self.dot + 1..]
    }

    /// `database.collection`.
    pub fn full(&self) -> &str {
        &self.full
    }
}

/// The `system.` collections that MongoDB lets come into being by a write or a `create`.
fn is_user_writable_system(db: &str, coll: &str) -> bool {
    match coll {
        "system.js" | "system.profile" | "system.views" | "system.users" => true,
        "system.roles" | "system.version" => db == "admin",
        "system.sessions" | "system.preimages" => db == "config",
        _ => coll.starts_with("system.buckets."),
    }
}

fn invalid(message: String) -> Error {
    Error::new(Code::INVALID_NAMESPACE, message)
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_dot() {
        let ns = Namespace::new("db", "a.b").unwrap();
        assert_eq!((ns.db(), ns.coll(), ns.full()), ("db", "a.b", "db.a.b"));
    }

    #[test]
    fn malformed_names_are_refused() {
        for (db, coll) in [
            ("", "c"),
            ("a.b", "c"),
            ("a b", "c"),
            ("a$", "c"),
            ("a/b", "c"),
            ("a\"b", "c"),
            ("db", ""),
            ("db", ".c"),
            ("db", "a\0b"),
        ] {
            assert_eq!(Namespace::new(db, coll).unwrap_err().code(), 73, "{db:?}.{coll:?}");
        }
        assert_eq!(Namespace::new(&"d".repeat(64), "c").unwrap_err().code(), 73);
        assert!(Namespace::new(&"d".repeat(63), "c").is_ok());
    }

    #[test]
    fn only_some_well_formed_names_can_be_created() {
        assert!(Namespace::new(EXTERNAL_DB, "c").unwrap().check_creatable().is_err());
        for (coll, allowed) in [("c", true), ("system.foo", false), ("system.js", true), ("a$b", false), ("c.", true)] {
            assert_eq!(Namespace::new("db", coll).unwrap().check_creatable().is_ok(), allowed, "{coll}");
        }
        assert!(Namespace::new("db", &"c".repeat(252)).unwrap().check_creatable().is_ok());
        assert!(Namespace::new("db", &"c".repeat(253)).unwrap().check_creatable().is_err());
    }
}
