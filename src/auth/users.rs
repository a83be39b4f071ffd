//! Users: documents in `admin.system.users`.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value, View};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::scram::{Credential, Mechanism};
use super::{Principal, roles};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::Namespace;
use crate::system_docs;

/// Where users are kept.
pub(crate) fn namespace() -> Namespace {
    Namespace::trusted("admin", "system.users")
}

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub principal: Principal,
    pub id: [u8; 16],
    pub credentials: Vec<Credential>,
    pub roles: Vec<Principal>,
    pub custom_data: Option<DocBuf>,
    /// Where the user may come from; kept and shown.
    pub restrictions: Option<DocBuf>,
}

impl User {
    pub fn load(engine: &Engine, principal: &Principal) -> Result<Option<Self>> {
        system_docs::get(engine, &namespace(), &principal.id())?.map(|doc| Self::parse(&doc)).transpose()
    }

    /// The user, or `UserNotFound` (11).
    pub fn require(engine: &Engine, principal: &Principal) -> Result<Self> {
        let missing = || Error::new(Code::USER_NOT_FOUND, format!("User '{principal}' not found"));
        Self::load(engine, principal)?.ok_or_else(missing)
    }

    /// The users that satisfy a filter, by database and name.
    pub fn find(engine: &Engine, filter: &RawDoc) -> Result<Vec<Self>> {
        let mut users: Vec<_> = system_docs::find(engine, &namespace(), filter)?
            .iter()
            .map(|doc| Self::parse(doc))
            .collect::<Result<_>>()?;
        users.sort_by_key(|user| user.principal.id());
        Ok(users)
    }

    /// Whether there is any user at all.
    pub fn exist(engine: &Engine) -> Result<bool> {
        Ok(!system_docs::find(engine, &namespace(), RawDoc::EMPTY)?.is_empty())
    }

    fn parse(doc: &RawDoc) -> Result<Self> {
        let text = |name: &str| doc.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let roles = doc.get("roles").and_then(|roles| roles.as_array()).unwrap_or(RawDoc::EMPTY);
        let id = match doc.get("userId").map(Value::view) {
            Some(View::Binary { bytes, .. }) => bytes.try_into().unwrap_or_default(),
            _ => [0; 16],
        };
        let credentials = doc.get("credentials").and_then(|credentials| credentials.as_doc());
        Ok(Self {
            principal: Principal::new(text("user"), text("db")),
            id,
            credentials: credentials.map(parse_credentials).unwrap_or_default(),
            roles: roles::parse_list(roles, text("db"))?,
            custom_data: doc.get("customData").and_then(|data| data.as_doc()).map(DocBuf::from),
            restrictions: doc.get("authenticationRestrictions").and_then(|list| list.as_array()).map(DocBuf::from),
        })
    }

    /// The document that is stored.
    fn document(&self) -> DocBuf {
        DocBuf::build(|doc| {
            doc.string("_id", &self.principal.id());
            doc.value("userId", Value::binary(4, &self.id));
            doc.string("user", &self.principal.name);
            doc.string("db", &self.principal.db);
            self.write_credentials(doc);
            if let Some(data) = &self.custom_data {
                doc.value("customData", Value::document(data));
            }
            roles::write_list(doc, "roles", &self.roles);
            if let Some(restrictions) = &self.restrictions {
                doc.value("authenticationRestrictions", Value::array(restrictions));
            }
        })
    }

    /// Writes what is stored of the password, as it is stored.
    pub fn write_credentials(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.document("credentials", |doc| {
            if self.credentials.is_empty() {
                doc.value("external", Value::TRUE);
            }
            for credential in &self.credentials {
                doc.document(credential.mechanism.name(), |doc| {
                    doc.value("iterationCount", Value::integer(i64::from(credential.iterations)));
                    doc.string("salt", &credential.salt);
                    doc.string("storedKey", &BASE64.encode(&credential.stored_key));
                    doc.string("serverKey", &BASE64.encode(&credential.server_key));
                });
            }
        });
    }

    /// Stores the user, in place of what it was.
    pub fn save(&self, engine: &Engine) -> Result<()> {
        system_docs::put(engine, &namespace(), &self.document())
    }

    pub fn credential(&self, mechanism: Mechanism) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.mechanism == mechanism)
    }
}

fn parse_credentials(doc: &RawDoc) -> Vec<Credential> {
    let one = |mechanism: Mechanism| {
        let doc = doc.get(mechanism.name())?.as_doc()?;
        let text = |name: &str| doc.get(name).and_then(|value| value.as_str());
        Some(Credential {
            mechanism,
            iterations: u32::try_from(doc.get("iterationCount")?.as_integer()?).ok()?,
            salt: text("salt")?.to_owned(),
            stored_key: BASE64.decode(text("storedKey")?).ok()?,
            server_key: BASE64.decode(text("serverKey")?).ok()?,
        })
    };
    Mechanism::ALL.into_iter().filter_map(one).collect()
}
