//! Which collation a request runs under: its own, or that of the collection.

use std::sync::Arc;

use smongo_compiler::front::collation::parse;
use smongo_vm::collation::Collation;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::error::Result;

/// The collation of a request: what it asks for, where it asks, and the collection's otherwise. `{locale: "simple"}`
/// asks for none.
pub(crate) fn of_request(
    requested: Option<&RawDoc>,
    collection: Option<&Arc<Collation>>,
) -> Result<Option<Arc<Collation>>> {
    match requested.filter(|requested| !requested.is_empty()) {
        Some(requested) => Ok(parse(requested)?),
        None => Ok(collection.cloned()),
    }
}

/// A collation document with every option said; `None` for the one that asks for no collation.
pub(crate) fn complete(collation: Option<&RawDoc>) -> Result<Option<DocBuf>> {
    Ok(of_request(collation, None)?.map(|collation| collation.options().to_doc()))
}

/// The collation in the options of a collection or the description of an index.
pub(crate) fn of_options(options: &RawDoc) -> Result<Option<Arc<Collation>>> {
    match options.get("collation").and_then(Value::as_doc) {
        Some(collation) => Ok(parse(collation)?),
        None => Ok(None),
    }
}
