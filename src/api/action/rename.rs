//! `rename`.

use crate::api::Collection;
#[cfg(feature = "remote")]
use crate::api::convert::to_doc;
use crate::error::Result;
use crate::request::{Namespace, OpContext};

/// Gives a collection another name.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct RenameCollection<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    to: String,
    db: Option<String>,
    drop_target: bool,
}

impl<'a, T: Send + Sync> RenameCollection<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, to: String) -> Self {
        Self { coll, to, db: None, drop_target: false }
    }

    /// The database to which the collection goes, if it does not stay in its own.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.db = Some(name.into());
        self
    }

    /// Whether a collection that has the name already goes.
    pub fn drop_target(mut self, drop_target: bool) -> Self {
        self.drop_target = drop_target;
        self
    }

    /// Renames the collection. Handles of the old name stay with the old name.
    pub fn run(self) -> Result<()> {
        let from = self.coll.checked_namespace()?;
        let to = Namespace::new(self.db.as_deref().unwrap_or(from.db()), &self.to)?;
        #[cfg(feature = "remote")]
        if self.coll.remote().is_some() {
            let (from, to) = (from.to_string(), to.to_string());
            let command = bson::doc! { "renameCollection": from, "to": to, "dropTarget": self.drop_target };
            return self.coll.backend().run_command("admin", &to_doc(&command)?).map(drop);
        }
        self.coll.engine()?.rename_collection(&OpContext::new(), &from, &to, self.drop_target)
    }
}
