//! `$queryStats`: what was measured of shapes of queries. mongod measures none of them unless a parameter says how many,
//! and that is 0 at first; here nothing is measured at all.

use smongo_vm::value::{RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{missing, string, unknown, wrong_type};
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

/// Least bytes of a key for the names in shapes. MongoDB: 32.
const KEY_MIN_BYTES: usize = 32;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        let found = spec.tag().name();
        return Err(Error::failed_to_parse(format!("$queryStats value must be an object. Found: {found}")));
    };
    for option in options {
        match option.name_str() {
            "transformIdentifiers" => {
                let path = "$queryStats.transformIdentifiers";
                let value = option.value();
                check_transformation(value.as_doc().ok_or_else(|| wrong_type(path, value.tag(), "object"))?, path)?;
            }
            other => return Err(unknown("$queryStats", other)),
        }
    }
    Ok(vec![Stage::Facts(Facts::Nothing)])
}

fn check_transformation(options: &RawDoc, path: &str) -> Result<()> {
    let mut algorithm = None;
    for option in options {
        let (name, value) = (option.name_str(), option.value());
        let path = format!("{path}.{name}");
        match name {
            "algorithm" => algorithm = Some(string(value, &path)?),
            "hmacKey" => match value.view() {
                View::Binary { bytes, .. } if bytes.len() >= KEY_MIN_BYTES => {}
                View::Binary { .. } => {
                    return Err(Error::failed_to_parse(
                        "The 'hmacKey' parameter of $queryStats must be at least 32 bytes",
                    ));
                }
                _ => return Err(wrong_type(&path, value.tag(), "binData")),
            },
            other => return Err(unknown("$queryStats.transformIdentifiers", other)),
        }
    }
    match algorithm {
        None => Err(missing(path, "algorithm")),
        Some("hmac-sha-256") => Ok(()),
        Some(other) => {
            let message = format!("Enumeration value '{other}' for field '{path}.algorithm' is not a valid value.");
            Err(Error::bad_value(message))
        }
    }
}
