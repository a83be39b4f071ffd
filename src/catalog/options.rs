//! The options of a collection: which exist, which this version carries out, and when two sets mean the same.

use std::sync::Arc;

use smongo_compiler::front::collation;
use smongo_vm::Code;
use smongo_vm::collation::Collation;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Tag, Value, equal};

use super::{clustered, validators};
use crate::error::{Error, Result};
use crate::request::{ModifyCollectionRequest, Namespace};

/// Options that MongoDB knows and this version refuses, because storing them without acting on them would be a lie.
const REFUSED: [&str; 2] = ["timeseries", "encryptedFields"];

/// Sizes of capped collections are multiples of so many bytes, as MongoDB's.
const CAPPED_SIZE_STEP: i64 = 256;

/// Options without a meaning of their own here: requests for what happens anyway.
const WITHOUT_EFFECT: [&str; 4] = ["autoIndexId", "idIndex", "temp", "flags"];

/// The options that the catalog keeps, in the order in which `listCollections` gives them.
const KEPT: [&str; 12] = [
    "capped",
    "size",
    "max",
    "changeStreamPreAndPostImages",
    "storageEngine",
    "indexOptionDefaults",
    "validator",
    "validationLevel",
    "validationAction",
    "collation",
    "clusteredIndex",
    "expireAfterSeconds",
];

/// Checks the options of `create` and gives the form in which the catalog keeps them.
pub(super) fn normalize(ns: &Namespace, options: &RawDoc) -> Result<DocBuf> {
    if options.get("pipeline").is_some() {
        return Err(Error::new(Code::INVALID_OPTIONS, "'pipeline' requires 'viewOn' to also be specified"));
    }
    let clustered = clustered::normalize(options)?;
    for option in options {
        check_known(option.name_str(), option.value())?;
    }
    let collation = options.get("collation").map(collation_of).transpose()?.flatten();
    if let Some(validator) = options.get("validator").and_then(Value::as_doc) {
        validators::check(ns, validator, collation.as_ref())?;
    }
    let given = DocBuf::build(|given| {
        for option in options {
            if says_something(option.name_str(), option.value()) {
                given.raw_element(option.raw());
            }
        }
        if options.get("capped").and_then(Value::as_bool) == Some(true) {
            write_limits(given, integer(options, "size"), integer(options, "max"));
        }
        given.elements_of(&clustered.unwrap_or_default());
        if let Some(collation) = collation {
            given.document("collation", |doc| collation.options().write(doc));
        }
    });
    Ok(changed(RawDoc::EMPTY, &given))
}

/// The options of a collection after `collMod`.
pub(super) fn modified(options: &RawDoc, request: &ModifyCollectionRequest<'_>) -> Result<DocBuf> {
    if let Some(validator) = request.validator {
        let collation = crate::collation::of_options(options)?;
        validators::check(&request.ns, validator, collation.as_ref())?;
    }
    let is_capped = options.get("capped").is_some();
    for (name, limit) in [("cappedSize", request.capped_size), ("cappedMax", request.capped_max)] {
        if limit.is_some() && !is_capped {
            let message = format!("option only supported on a capped collection: {name}");
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
    }
    let given = DocBuf::build(|given| {
        request.write(given);
        if is_capped {
            let size = request.capped_size.or_else(|| integer(options, "size"));
            write_limits(given, size, request.capped_max.or_else(|| integer(options, "max")));
        }
        if request.images == Some(false) {
            given.value("changeStreamPreAndPostImages", Value::NULL);
        }
        if request.validator.is_some_and(RawDoc::is_empty) {
            given.value("validator", Value::NULL);
        }
    });
    Ok(changed(options, &given))
}

/// Writes the limits of a capped collection.
fn write_limits(out: &mut DocWriter<'_, Vec<u8>>, size: Option<i64>, max: Option<i64>) {
    out.value("capped", Value::TRUE);
    let size = size.map(|size| size.saturating_add(CAPPED_SIZE_STEP - 1) / CAPPED_SIZE_STEP * CAPPED_SIZE_STEP);
    out.value("size", size.map_or(Value::NULL, Value::integer));
    out.value("max", max.filter(|max| *max > 0).map_or(Value::NULL, Value::integer));
}

fn integer(options: &RawDoc, name: &str) -> Option<i64> {
    options.get(name).and_then(Value::as_integer)
}

/// Options with others in their place, in the order in which they are listed; a later one counts, and null takes one
/// away.
fn changed(options: &RawDoc, given: &RawDoc) -> DocBuf {
    let find = |name: &str| {
        let given = given.iter().filter(|option| option.name_str() == name).last();
        given.map(|option| option.value()).or_else(|| options.get(name))
    };
    DocBuf::build(|doc: &mut DocWriter<'_, Vec<u8>>| {
        for name in KEPT {
            if let Some(value) = find(name).filter(|value| value.tag() != Tag::Null) {
                doc.value(name, value);
            }
        }
    })
}

/// Fails for options that do not exist or are not carried out.
fn check_known(name: &str, value: Value<'_>) -> Result<()> {
    if KEPT.contains(&name) || WITHOUT_EFFECT.contains(&name) || is_absent(value) {
        return Ok(());
    }
    Err(if REFUSED.contains(&name) {
        Error::new(Code::NOT_IMPLEMENTED, format!("smongo does not support the collection option '{name}' yet"))
    } else {
        Error::new(Code(40415), format!("BSON field 'create.{name}' is an unknown field."))
    })
}

/// Whether an option is kept as it was given.
fn says_something(name: &str, value: Value<'_>) -> bool {
    let is_empty = value.as_doc().is_some_and(RawDoc::is_empty);
    match name {
        "validator" | "storageEngine" | "indexOptionDefaults" => !is_absent(value) && !is_empty,
        "validationLevel" | "validationAction" => !is_absent(value),
        "changeStreamPreAndPostImages" => {
            value.as_doc().and_then(|images| images.get("enabled")).and_then(Value::as_bool) == Some(true)
        }
        _ => false,
    }
}

fn is_absent(value: Value<'_>) -> bool {
    value.is_nothing() || matches!(value.tag(), Tag::Null | Tag::Undefined)
}

/// The collation that requests have when they name none.
fn collation_of(option: Value<'_>) -> Result<Option<Arc<Collation>>> {
    match option.as_doc() {
        Some(collation) if collation.is_empty() => {
            Err(Error::new(Code::BAD_VALUE, "'collation' cannot be an empty document"))
        }
        Some(collation) => Ok(collation::parse(collation)?),
        None if is_absent(option) => Ok(None),
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

/// Whether two sets of options describe the same collection.
pub(super) fn same(a: &RawDoc, b: &RawDoc) -> bool {
    let within = |a: &RawDoc, b: &RawDoc| {
        a.iter().all(|option| b.get(option.name_str()).is_some_and(|other| equal(option.value(), other)))
    };
    within(a, b) && within(b, a)
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::{parse_doc, to_string_relaxed};

    use super::*;

    #[test]
    fn unknown_and_unsupported_options_are_told_apart() {
        for (name, value, code) in [
            ("capped", Value::FALSE, None),
            ("capped", Value::TRUE, None),
            ("timeseries", Value::document(RawDoc::EMPTY), Some(238)),
            ("storageEngine", Value::document(RawDoc::EMPTY), None),
            ("nonsense", Value::int32(1), Some(40415)),
        ] {
            let result = normalize(&Namespace::trusted("db", "c"), &DocBuf::build(|doc| doc.value(name, value)));
            assert_eq!(result.err().map(|error| error.code()), code, "{name}");
        }
    }

    #[test]
    fn what_says_nothing_is_not_kept() {
        let options = "{validator: {}, changeStreamPreAndPostImages: {enabled: false}, storageEngine: {}, validationLevel: \
                       'off', collation: null}";
        let kept = normalize(&Namespace::trusted("db", "c"), &parse_doc(options).unwrap()).unwrap();
        assert_eq!(to_string_relaxed(Value::document(&kept)), r#"{"validationLevel":"off"}"#);
    }

    #[test]
    fn changes_take_the_place_of_options() {
        let (options, validator) = (parse_doc("{validationLevel: 'off'}").unwrap(), parse_doc("{a: 1}").unwrap());
        let mut request = ModifyCollectionRequest::new(Namespace::trusted("db", "c"));
        request.validator = Some(&validator);
        let options = modified(&options, &request).unwrap();
        assert_eq!(to_string_relaxed(Value::document(&options)), r#"{"validator":{"a":1},"validationLevel":"off"}"#);
        request.validator = Some(RawDoc::EMPTY);
        let options = modified(&options, &request).unwrap();
        assert_eq!(to_string_relaxed(Value::document(&options)), r#"{"validationLevel":"off"}"#);
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
