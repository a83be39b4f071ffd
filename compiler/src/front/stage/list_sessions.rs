//! `$listSessions` and `$listLocalSessions`: logical sessions.

use smongo_vm::code::Code;
use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{missing, string, unknown, wrong_type};
use crate::ir::Stage;
use crate::ir::pipeline::{Facts, SessionsOf};

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    Ok(vec![Stage::Facts(Facts::Sessions(sessions_of(spec, "$listSessions")?))])
}

pub(super) fn parse_local(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    Ok(vec![Stage::Facts(Facts::LocalSessions(sessions_of(spec, "$listLocalSessions")?))])
}

fn sessions_of(spec: Value<'_>, stage: &str) -> Result<SessionsOf> {
    let Some(options) = spec.as_doc() else {
        let found = spec.tag().name();
        let message = format!("{stage} options must be specified in an object, but found: {found}");
        return Err(Error::type_mismatch(message));
    };
    let (mut everybody, mut users) = (false, None);
    for option in options {
        let (name, value) = (option.name_str(), option.value());
        let path = format!("{stage}.{name}");
        match name {
            "allUsers" => everybody = value.as_bool().ok_or_else(|| wrong_type(&path, value.tag(), "bool"))?,
            "users" => {
                let list = value.as_array().ok_or_else(|| wrong_type(&path, value.tag(), "array"))?;
                users = Some(list.values().map(|value| user(value, &path)).collect::<Result<Vec<_>>>()?);
            }
            other => return Err(unknown(stage, other)),
        }
    }
    match (everybody, users) {
        (true, Some(_)) => {
            let message = format!("{stage} may not specify {{allUsers:true}} and {{users:[...]}} at the same time");
            Err(Error::new(Code::UNSUPPORTED_FORMAT, message))
        }
        (true, None) => Ok(SessionsOf::Everybody),
        (false, Some(users)) if !users.is_empty() => Ok(SessionsOf::Users(users)),
        (false, _) => Ok(SessionsOf::Asker),
    }
}

/// The name and the database of a user.
fn user(value: Value<'_>, path: &str) -> Result<(String, String)> {
    let user = value.as_doc().ok_or_else(|| wrong_type(path, value.tag(), "object"))?;
    let (mut name, mut db) = (None, None);
    for field in user {
        let slot = match field.name_str() {
            "user" => &mut name,
            "db" => &mut db,
            other => return Err(unknown(path, other)),
        };
        *slot = Some(string(field.value(), &format!("{path}.{}", field.name_str()))?.to_owned());
    }
    let name = name.ok_or_else(|| missing(path, "user"))?;
    Ok((name, db.ok_or_else(|| missing(path, "db"))?))
}
