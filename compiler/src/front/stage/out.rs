//! `$out`: the results become a collection.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{missing, string, unknown};
use crate::ir::Stage;
use crate::ir::pipeline::CollectionName;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if let Some(coll) = spec.as_str() {
        return Ok(vec![Stage::Out(CollectionName { db: scope.db.to_owned(), coll: coll.to_owned() })]);
    }
    let Some(options) = spec.as_doc() else {
        let found = spec.tag().name();
        let message = format!("$out only supports a string or object argument, but found {found}");
        return Err(Error::location(16990, message));
    };
    let (mut db, mut coll) = (None, None);
    for option in options {
        match option.name_str() {
            "db" => db = Some(string(option.value(), "$out.db")?),
            "coll" => coll = Some(string(option.value(), "$out.coll")?),
            "timeseries" => {
                return Err(Error::new(
                    smongo_vm::Code::NOT_IMPLEMENTED,
                    "smongo does not support time-series collections yet",
                ));
            }
            other => return Err(unknown("$out", other)),
        }
    }
    let db = db.ok_or_else(|| missing("$out", "db"))?.to_owned();
    let coll = coll.ok_or_else(|| missing("$out", "coll"))?.to_owned();
    Ok(vec![Stage::Out(CollectionName { db, coll })])
}
