//! Which filters may be validators, and of which collections.

use std::sync::Arc;

use smongo_compiler::{ParseContext, compile_filter};
use smongo_vm::Code;
use smongo_vm::collation::Collation;
use smongo_vm::value::RawDoc;

use crate::error::{Error, Result};
use crate::request::Namespace;

/// Operators that need an index and so cannot be asked of a single document.
const NEAR: [&str; 3] = ["$near", "$nearSphere", "$geoNear"];

/// Fails unless a filter may be the validator of a collection.
pub(super) fn check(ns: &Namespace, filter: &RawDoc, collation: Option<&Arc<Collation>>) -> Result<()> {
    if filter.is_empty() {
        return Ok(());
    }
    if ns.coll().starts_with("system.") {
        let message = format!("Document validators not allowed on system collection {ns}");
        return Err(Error::new(Code::INVALID_OPTIONS, message));
    }
    if matches!(ns.db(), "admin" | "config" | "local") {
        let message =
            format!("Document validators are not allowed on collection {ns} in the {} internal database", ns.db());
        return Err(Error::new(Code::INVALID_OPTIONS, message));
    }
    if mentions(filter, &|name| NEAR.contains(&name)) {
        let message = "$geoNear, $near, and $nearSphere are not allowed in this context, as these operators require \
                       sorting geospatial data. If you do not need sort, consider using $geoWithin instead.";
        return Err(Error::new(Code(5_626_500), message));
    }
    if mentions(filter, &|name| name == "$text") {
        return Err(Error::new(Code::BAD_VALUE, "$text is not allowed in this context"));
    }
    compile_filter(filter, &mut ParseContext::new().with_collation(collation.cloned()))?;
    Ok(())
}

/// Whether a filter has an operator of these names, be it in one of its branches or on one of its paths.
fn mentions(filter: &RawDoc, is_wanted: &dyn Fn(&str) -> bool) -> bool {
    filter.iter().any(|element| {
        let (name, value) = (element.name_str(), element.value());
        let holds_filters = !name.starts_with('$') || matches!(name, "$and" | "$or" | "$nor" | "$not" | "$elemMatch");
        is_wanted(name)
            || holds_filters
                && (value.as_doc().is_some_and(|doc| mentions(doc, is_wanted))
                    || value
                        .as_array()
                        .into_iter()
                        .flat_map(RawDoc::values)
                        .any(|part| name.starts_with('$') && part.as_doc().is_some_and(|doc| mentions(doc, is_wanted))))
    })
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::parse_doc;

    use super::*;

    /// Source: documentdb/functional-tests, recorded against mongod 8.2.4.
    #[test]
    fn some_filters_are_no_validators() {
        for (ns, filter, code) in [
            (("db", "c"), "{a: {$near: [0, 0]}}", Some(5_626_500)),
            (("db", "c"), "{$or: [{a: 1}, {b: {$geoNear: [0, 0]}}]}", Some(5_626_500)),
            (("db", "c"), "{$text: {$search: 'x'}}", Some(2)),
            (("db", "c"), "{$where: 'true'}", Some(2)),
            (("db", "c"), "{a: {$badOp: 1}}", Some(2)),
            (("db", "c"), "{$and: []}", Some(2)),
            (("db", "c"), "{$jsonSchema: {unknownKeyword: 1}}", Some(9)),
            (("db", "c"), "{$expr: {$lte: ['$created', '$$NOW']}}", None),
            (("admin", "c"), "{a: 1}", Some(72)),
            (("db", "system.views"), "{a: 1}", Some(72)),
            (("local", "c"), "{}", None),
        ] {
            let result = check(&Namespace::trusted(ns.0, ns.1), &parse_doc(filter).unwrap(), None);
            assert_eq!(result.err().map(|error| error.code()), code, "{filter}");
        }
    }
}
