//! The hashes by which clients name shapes: `planCacheShapeHash`, `planCacheKey`, `queryShapeHash`.
//!
//! Which requests share a hash is mongod's; the hashes themselves are not.

use sha2::{Digest, Sha256};
use smongo_compiler::ir::Filter;
use smongo_compiler::shape::Outline;
use smongo_vm::value::RawDoc;

/// What a request asks for besides its filter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rest<'r> {
    pub sort: Option<&'r RawDoc>,
    pub projection: Option<&'r RawDoc>,
    pub collation: Option<&'r RawDoc>,
}

impl<'r> Rest<'r> {
    fn parts(&self) -> [&'r RawDoc; 3] {
        [self.sort, self.projection, self.collation].map(|part| part.unwrap_or(RawDoc::EMPTY))
    }
}

/// The text of a shape that plans are kept by. Sort and collation count as they are; a projection whatever its order.
pub(crate) fn plan_shape(filter: &Filter, rest: &Rest<'_>) -> String {
    let [sort, projection, collation] = rest.parts();
    let mut projection: Vec<String> =
        projection.iter().map(|field| format!("{}:{:?}", field.name_str(), field.value())).collect();
    projection.sort();
    format!("{}|{sort:?}|{}|{collation:?}", Outline::Plan.of(filter), projection.join(","))
}

/// `planCacheShapeHash`, also called `queryHash`, of a shape's text.
pub(crate) fn plan_shape_hash(shape: &str) -> String {
    format!("{:08X}", crc32c::crc32c(shape.as_bytes()))
}

/// `planCacheKey`: the shape, with the indexes that plans of it choose among.
pub(crate) fn plan_key<'n>(shape: &str, indexes: impl Iterator<Item = &'n str>) -> String {
    let hash =
        indexes.fold(crc32c::crc32c(shape.as_bytes()), |hash, name| crc32c::crc32c_append(hash, name.as_bytes()));
    format!("{hash:08X}")
}

/// `queryShapeHash` of a command on a collection.
pub(crate) fn query_shape_hash(command: &str, ns: &str, key: &str, filter: &Filter, rest: &Rest<'_>) -> String {
    let [sort, projection, collation] = rest.parts();
    let shape = Outline::Query.of(filter);
    hex(&format!("{command}|{ns}|{key}|{shape}|{sort:?}|{projection:?}|{collation:?}"))
}

fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect()
}
