//! Roles: documents in `admin.system.roles`, and what they amount to.

use std::collections::BTreeSet;

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use super::privilege::Privileges;
use super::{Principal, builtin};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::Namespace;
use crate::system_docs;

/// A role that somebody made.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub principal: Principal,
    pub privileges: Privileges,
    pub roles: Vec<Principal>,
}

/// Where roles are kept.
pub(crate) fn namespace() -> Namespace {
    Namespace::trusted("admin", "system.roles")
}

impl Role {
    pub fn load(engine: &Engine, principal: &Principal) -> Result<Option<Self>> {
        system_docs::get(engine, &namespace(), &principal.id())?.map(|doc| Self::parse(&doc)).transpose()
    }

    /// The roles of a database, by name.
    pub fn of_database(engine: &Engine, db: &str) -> Result<Vec<Self>> {
        let filter = DocBuf::build(|doc| doc.string("db", db));
        let mut roles: Vec<_> = system_docs::find(engine, &namespace(), &filter)?
            .iter()
            .map(|doc| Self::parse(doc))
            .collect::<Result<_>>()?;
        roles.sort_by(|a, b| a.principal.cmp(&b.principal));
        Ok(roles)
    }

    fn parse(doc: &RawDoc) -> Result<Self> {
        let text = |name: &str| doc.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let array = |name: &str| doc.get(name).and_then(|value| value.as_array()).unwrap_or(RawDoc::EMPTY);
        Ok(Self {
            principal: Principal::new(text("role"), text("db")),
            privileges: Privileges::parse(array("privileges"))?,
            roles: parse_list(array("roles"), text("db"))?,
        })
    }

    /// Stores the role, in place of what it was.
    pub fn save(&self, engine: &Engine) -> Result<()> {
        let doc = DocBuf::build(|doc| {
            doc.string("_id", &self.principal.id());
            doc.string("role", &self.principal.name);
            doc.string("db", &self.principal.db);
            self.privileges.write(doc, "privileges");
            write_list(doc, "roles", &self.roles);
        });
        system_docs::put(engine, &namespace(), &doc)
    }
}

/// Reads an array of role names: strings of the database at hand, or `{role, db}`.
pub(crate) fn parse_list(array: &RawDoc, db: &str) -> Result<Vec<Principal>> {
    let mut roles = Vec::new();
    for value in array.values() {
        let role = match (value.as_str(), value.as_doc()) {
            (Some(name), _) => Principal::new(name, db),
            (None, Some(doc)) => {
                let text = |name: &str| doc.get(name).and_then(|value| value.as_str());
                match (text("role"), text("db")) {
                    (Some(name), Some(db)) => Principal::new(name, db),
                    _ => return Err(bad("role names must have a 'role' and a 'db' string")),
                }
            }
            (None, None) => return Err(bad("Role names must be either strings or objects")),
        };
        if role.name.is_empty() {
            return Err(bad("Role names must be non-empty"));
        }
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(roles)
}

fn bad(message: &str) -> Error {
    Error::new(Code::BAD_VALUE, message)
}

/// Writes role names as an array of `{role, db}`.
pub(crate) fn write_list<'r>(
    doc: &mut DocWriter<'_, Vec<u8>>,
    name: &str,
    roles: impl IntoIterator<Item = &'r Principal>,
) {
    doc.array(name, |array| {
        for role in roles {
            array.document(|doc| {
                doc.string("role", &role.name);
                doc.string("db", &role.db);
            });
        }
    });
}

/// Fails unless a role exists.
pub(crate) fn check_exists(engine: &Engine, role: &Principal) -> Result<()> {
    if builtin::privileges(&role.name, &role.db).is_some() || Role::load(engine, role)?.is_some() {
        return Ok(());
    }
    Err(Error::new(Code::ROLE_NOT_FOUND, format!("Could not find role: {role}")))
}

/// What roles amount to: every role that they contain, themselves included, and all privileges. Roles that are gone
/// count for nothing.
pub(crate) fn resolve(engine: &Engine, roles: &[Principal]) -> Result<(BTreeSet<Principal>, Privileges)> {
    let mut privileges = Privileges::default();
    let mut seen = BTreeSet::new();
    let mut open: Vec<Principal> = roles.to_vec();
    while let Some(role) = open.pop() {
        if !seen.insert(role.clone()) {
            continue;
        }
        if let Some(granted) = builtin::privileges(&role.name, &role.db) {
            privileges.extend(&granted);
        } else if let Some(role) = Role::load(engine, &role)? {
            privileges.extend(&role.privileges);
            open.extend(role.roles);
        }
    }
    Ok((seen, privileges))
}

/// Takes a role away from every user and every role that has it.
pub(crate) fn remove_everywhere(engine: &Engine, role: &Principal) -> Result<()> {
    let entry = DocBuf::build(|doc| {
        doc.string("role", &role.name);
        doc.string("db", &role.db);
    });
    let filter = DocBuf::build(|doc| doc.document("roles", |doc| doc.value("$elemMatch", Value::document(&entry))));
    let update = DocBuf::build(|doc| {
        doc.document("$pull", |doc| doc.value("roles", Value::document(&entry)));
    });
    for ns in [namespace(), super::users::namespace()] {
        system_docs::update_all(engine, &ns, &filter, &update)?;
    }
    Ok(())
}
