//! The options of a new collection: which exist, which this version carries out, and when two sets mean the same.

use std::sync::Arc;

use smongo_compiler::front::collation;
use smongo_vm::Code;
use smongo_vm::collation::Collation;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value, equal};

use super::clustered;
use crate::error::{Error, Result};

/// Options that MongoDB knows and this version refuses, because storing them without acting on them would be a lie.
const REFUSED: [&str; 10] = [
    "capped",
    "size",
    "max",
    "validator",
    "validationLevel",
    "validationAction",
    "viewOn",
    "pipeline",
    "timeseries",
    "encryptedFields",
];

/// Options without a meaning of their own here: settings of a storage engine, or requests for what happens anyway.
const WITHOUT_EFFECT: [&str; 7] =
    ["storageEngine", "indexOptionDefaults", "changeStreamPreAndPostImages", "autoIndexId", "idIndex", "temp", "flags"];

/// Checks the options of `create` and gives the form in which the catalog keeps them.
pub(super) fn normalize(options: &RawDoc) -> Result<DocBuf> {
    if options.get("pipeline").is_some() {
        return Err(Error::new(Code::INVALID_OPTIONS, "'pipeline' requires 'viewOn' to also be specified"));
    }
    let clustered = clustered::normalize(options)?;
    let mut collation = None;
    for option in options {
        let name = option.name_str();
        if name == "collation" {
            collation = collation_of(option.value())?;
            continue;
        }
        let is_known = WITHOUT_EFFECT.contains(&name) || clustered::OPTIONS.contains(&name);
        if is_default(name, option.value()) || is_known {
            continue;
        }
        return Err(if REFUSED.contains(&name) {
            Error::new(Code::NOT_IMPLEMENTED, format!("smongo does not support the collection option '{name}' yet"))
        } else {
            Error::new(Code(40415), format!("BSON field 'create.{name}' is an unknown field."))
        });
    }
    Ok(DocBuf::build(|doc| {
        doc.elements_of(&clustered.unwrap_or_default());
        if let Some(collation) = collation {
            doc.document("collation", |doc| collation.options().write(doc));
        }
    }))
}

/// The collation that requests have when they name none.
fn collation_of(option: Value<'_>) -> Result<Option<Arc<Collation>>> {
    match option.as_doc() {
        Some(collation) if collation.is_empty() => {
            Err(Error::new(Code::BAD_VALUE, "'collation' cannot be an empty document"))
        }
        Some(collation) => Ok(collation::parse(collation)?),
        None if matches!(option.tag(), Tag::Null | Tag::Undefined) => Ok(None),
        None => Err(Error::new(Code::TYPE_MISMATCH, "'collation' has to be a document.")),
    }
}

/// Fails unless the settings of storage engines are for the one there is.
pub(crate) fn check_storage_engine(engines: &RawDoc) -> Result<()> {
    for engine in engines {
        let name = engine.name_str();
        if engine.value().as_doc().is_none() {
            let message = format!("'storageEngine.{name}' has to be an embedded document.");
            return Err(Error::new(Code::BAD_VALUE, message));
        }
        if name != "wiredTiger" {
            let message = format!("{name} is not a registered storage engine for this server");
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
    }
    Ok(())
}

/// Whether an option says what holds without it.
fn is_default(name: &str, value: Value<'_>) -> bool {
    match name {
        "capped" => value.as_bool() == Some(false),
        "validator" => value.as_doc().is_some_and(RawDoc::is_empty),
        _ => value.is_nothing() || matches!(value.tag(), Tag::Null | Tag::Undefined),
    }
}

/// Whether two sets of options describe the same collection.
pub(super) fn same(a: &RawDoc, b: &RawDoc) -> bool {
    let within = |a: &RawDoc, b: &RawDoc| {
        a.iter().all(|option| b.get(option.name_str()).is_some_and(|other| equal(option.value(), other)))
    };
    within(a, b) && within(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_unsupported_options_are_told_apart() {
        for (name, value, code) in [
            ("capped", Value::FALSE, None),
            ("capped", Value::TRUE, Some(238)),
            ("storageEngine", Value::document(RawDoc::EMPTY), None),
            ("nonsense", Value::int32(1), Some(40415)),
        ] {
            let result = normalize(&DocBuf::build(|doc| doc.value(name, value)));
            assert_eq!(result.err().map(|error| error.code()), code, "{name}");
        }
    }

    #[test]
    fn the_order_of_options_does_not_matter() {
        let doc = |first, second| {
            DocBuf::build(|doc| {
                doc.value(first, Value::int32(1));
                doc.value(second, Value::int32(1));
            })
        };
        assert!(same(&doc("a", "b"), &doc("b", "a")));
        assert!(!same(&doc("a", "b"), &doc("a", "c")));
    }
}
