//! Who a client is, and what it may do: credentials ([`scram`]), users and roles as documents ([`users`], [`roles`]),
//! privileges ([`privilege`]).
//!
//! Specified in MongoDB's manual under "Authentication" and "Role-Based Access Control", and in RFC 5802 and RFC 7677.
//! This module must not know commands or sockets: it is asked, and answers.

pub(crate) mod builtin;
pub(crate) mod privilege;
pub(crate) mod roles;
pub(crate) mod scram;
pub(crate) mod users;

pub(crate) use privilege::{Privileges, Resource};

/// A user or a role: its name and the database it belongs to.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Principal {
    pub name: String,
    pub db: String,
}

impl Principal {
    pub fn new(name: &str, db: &str) -> Self {
        Self { name: name.to_owned(), db: db.to_owned() }
    }

    /// `db.name`, the `_id` of its document.
    pub fn id(&self) -> String {
        format!("{}.{}", self.db, self.name)
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.db)
    }
}
