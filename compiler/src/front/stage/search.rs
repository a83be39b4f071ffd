//! `$search` and its kin: refused as mongod refuses them where no search process is configured.

use smongo_vm::code::Code;
use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::wrong_type;
use crate::ir::Stage;

/// `SearchNotEnabled`.
const SEARCH_NOT_ENABLED: Code = Code(31082);

pub(super) fn refuse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if spec.as_doc().is_none() {
        let found = spec.tag().name();
        return Err(Error::failed_to_parse(format!("$search value must be an object. Found: {found}")));
    }
    Err(not_enabled("Using $search and $vectorSearch aggregation stages"))
}

pub(super) fn refuse_indexes(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if spec.as_doc().is_none() {
        return Err(wrong_type("$listSearchIndexes", spec.tag(), "object"));
    }
    Err(not_enabled("Using Atlas Search Database Commands and the $listSearchIndexes aggregation stage"))
}

fn not_enabled(what: &str) -> Error {
    let message = format!(
        "{what} requires additional configuration. Please connect to Atlas or an AtlasCLI local deployment to enable. \
         For more information on how to connect, see https://dochub.mongodb.org/core/atlas-cli-deploy-local-reqs."
    );
    Error::new(SEARCH_NOT_ENABLED, message)
}
