//! Privileges: actions on resources, as documents and as a set that is asked.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use smongo_vm::Code;
use smongo_vm::value::{DocWriter, RawDoc, Value};

use crate::error::{Error, Result};

/// What an action is allowed on, as a privilege states it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Resource {
    /// A collection; an empty database or collection stands for any, system collections excepted.
    Collection { db: String, coll: String },
    /// The server as such.
    Cluster,
    /// Everything.
    Any,
}

impl Resource {
    pub fn collection(db: &str, coll: &str) -> Self {
        Self::Collection { db: db.to_owned(), coll: coll.to_owned() }
    }

    /// Any collection of a database that is no system collection.
    pub fn database(db: &str) -> Self {
        Self::collection(db, "")
    }

    /// Reads `{db, collection}`, `{cluster: true}` or `{anyResource: true}`.
    pub fn parse(doc: &RawDoc) -> Result<Self> {
        let bad = |message: &str| Err(Error::new(Code::FAILED_TO_PARSE, message));
        let flag = |name: &str| doc.get(name).is_some_and(|value| value.as_bool() == Some(true));
        let text = |name: &str| doc.get(name).map(|value| value.as_str());
        match (text("db"), text("collection")) {
            (Some(Some(db)), Some(Some(coll))) => Ok(Self::collection(db, coll)),
            (Some(_), _) | (_, Some(_)) => bad("resource must set both 'db' and 'collection' to strings"),
            (None, None) if flag("cluster") => Ok(Self::Cluster),
            (None, None) if flag("anyResource") => Ok(Self::Any),
            (None, None) => bad("resource pattern must have a 'db' and a 'collection', 'cluster' or 'anyResource'"),
        }
    }

    fn write(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        match self {
            Self::Collection { db, coll } => {
                doc.string("db", db);
                doc.string("collection", coll);
            }
            Self::Cluster => doc.value("cluster", Value::TRUE),
            Self::Any => doc.value("anyResource", Value::TRUE),
        }
    }

    /// Whether a privilege on this covers `wanted`.
    fn covers(&self, wanted: &Resource) -> bool {
        match (self, wanted) {
            (Self::Any, _) => true,
            (Self::Cluster, Self::Cluster) => true,
            (Self::Collection { db, coll }, Self::Collection { db: wanted_db, coll: wanted_coll }) => {
                let system = wanted_coll.starts_with("system.");
                (db.is_empty() || db == wanted_db) && (coll == wanted_coll || (coll.is_empty() && !system))
            }
            _ => false,
        }
    }
}

/// A set of privileges.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Privileges(BTreeMap<Resource, BTreeSet<String>>);

impl Privileges {
    /// Adds actions on a resource.
    pub fn grant<'a>(&mut self, resource: Resource, actions: impl IntoIterator<Item = &'a str>) {
        self.0.entry(resource).or_default().extend(actions.into_iter().map(str::to_owned));
    }

    /// Takes actions on a resource away.
    pub fn revoke(&mut self, other: &Privileges) {
        for (resource, actions) in &other.0 {
            if let Some(mine) = self.0.get_mut(resource) {
                mine.retain(|action| !actions.contains(action));
            }
        }
        self.0.retain(|_, actions| !actions.is_empty());
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Privileges) {
        for (resource, actions) in &other.0 {
            self.grant(resource.clone(), actions.iter().map(String::as_str));
        }
    }

    /// Whether an action on a resource is allowed.
    pub fn allow(&self, resource: &Resource, action: &str) -> bool {
        let has = |actions: &BTreeSet<String>| actions.contains(action) || actions.contains("anyAction");
        self.0.iter().any(|(mine, actions)| mine.covers(resource) && has(actions))
    }

    /// Whether some privilege concerns a database.
    pub fn touch_database(&self, db: &str) -> bool {
        self.0.keys().any(|resource| match resource {
            Resource::Collection { db: mine, .. } => mine.is_empty() || mine == db,
            Resource::Cluster => false,
            Resource::Any => true,
        })
    }

    /// Whether all privileges are on collections of one database.
    pub fn only_on(&self, db: &str) -> bool {
        self.0.keys().all(|resource| matches!(resource, Resource::Collection { db: mine, .. } if mine == db))
    }

    /// Reads an array of `{resource, actions}`.
    pub fn parse(array: &RawDoc) -> Result<Self> {
        let mut privileges = Self::default();
        for value in array.values() {
            let bad = |message: &str| Error::new(Code::FAILED_TO_PARSE, message);
            let doc = value.as_doc().ok_or_else(|| bad("privileges must be objects"))?;
            let resource = doc.get("resource").and_then(|resource| resource.as_doc());
            let resource = Resource::parse(resource.ok_or_else(|| bad("a privilege must have a 'resource' object"))?)?;
            let actions = doc.get("actions").and_then(|actions| actions.as_array());
            let actions = actions.ok_or_else(|| bad("a privilege must have an 'actions' array"))?;
            for action in actions.values() {
                let action = action.as_str().ok_or_else(|| bad("actions must be strings"))?;
                if !super::builtin::is_action(action) {
                    return Err(bad(&format!("Unrecognized action privilege strings: {action}")));
                }
                privileges.grant(resource.clone(), [action]);
            }
        }
        Ok(privileges)
    }

    /// Writes them as an array of `{resource, actions}` under `name`.
    pub fn write(&self, doc: &mut DocWriter<'_, Vec<u8>>, name: &str) {
        doc.array(name, |array| {
            for (resource, actions) in &self.0 {
                array.document(|doc| {
                    doc.document("resource", |doc| resource.write(doc));
                    doc.array("actions", |array| actions.iter().for_each(|action| array.value(Value::string(action))));
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_what() {
        let mut privileges = Privileges::default();
        privileges.grant(Resource::database("a"), ["find"]);
        privileges.grant(Resource::collection("b", "c"), ["insert"]);
        privileges.grant(Resource::collection("", "d"), ["remove"]);
        privileges.grant(Resource::Cluster, ["serverStatus"]);
        let rows = [
            (Resource::collection("a", "x"), "find", true),
            (Resource::collection("a", "system.users"), "find", false),
            (Resource::collection("a", "x"), "insert", false),
            (Resource::collection("b", "c"), "insert", true),
            (Resource::collection("b", "d"), "insert", false),
            (Resource::collection("z", "d"), "remove", true),
            (Resource::Cluster, "serverStatus", true),
            (Resource::Cluster, "shutdown", false),
        ];
        for (resource, action, expected) in rows {
            assert_eq!(privileges.allow(&resource, action), expected, "{resource:?} {action}");
        }
        let mut everything = Privileges::default();
        everything.grant(Resource::Any, ["anyAction"]);
        assert!(everything.allow(&Resource::collection("a", "system.users"), "find"));
    }
}
