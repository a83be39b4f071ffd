//! The options of clustered collections: `clusteredIndex`, and the `expireAfterSeconds` that goes with it.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value, View};

use crate::error::{Error, Result};
use crate::index::{is_id_pattern, whole_seconds};

/// The name of a clustered index when nobody gives it one.
const DEFAULT_NAME: &str = "_id_";

/// The options of a clustered collection as the catalog keeps them; `None` for any other collection.
pub(super) fn normalize(options: &RawDoc) -> Result<Option<DocBuf>> {
    let Some(clustered) = options.get("clusteredIndex") else { return without(options) };
    let on = |option: &str| options.get(option).is_some_and(|value| !matches!(value.tag(), Tag::Null | Tag::Undefined));
    if options.get("capped").and_then(Value::as_bool) == Some(true) {
        return Err(Error::new(Code(6_049_200), "Cannot create a capped collection with a clustered index"));
    }
    let spec = match clustered.view() {
        View::Document(spec) => normalize_index(spec)?,
        View::Bool(false) => return without(options),
        View::Bool(true) => return Err(legacy()),
        _ if clustered.is_number() => match clustered.as_integer() == Some(0) || clustered.as_double() == Some(0.0) {
            true => return without(options),
            false => return Err(legacy()),
        },
        _ => {
            let message = format!(
                "BSON field 'create.clusteredIndex' is the wrong type '{}', expected types '[object, bool]'",
                clustered.tag().name()
            );
            return Err(Error::new(Code::TYPE_MISMATCH, message));
        }
    };
    if on("viewOn") {
        return Err(Error::new(Code(6_026_500), "The 'clusteredIndex' option is not supported with views"));
    }
    for other in ["timeseries", "idIndex"] {
        if on(other) {
            let message = format!("The 'clusteredIndex' option is not supported with '{other}'");
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
    }
    if on("max") || on("size") {
        return Err(Error::new(Code(6_049_204), "Cannot create clustered collection with 'max' or 'size'"));
    }
    let expiry = options.get("expireAfterSeconds").map(seconds).transpose()?;
    Ok(Some(DocBuf::build(|doc| {
        doc.value("clusteredIndex", Value::document(&spec));
        if let Some(seconds) = expiry {
            doc.value("expireAfterSeconds", Value::int64(seconds));
        }
    })))
}

/// A collection that is not clustered keeps its documents, unless it holds time series.
fn without(options: &RawDoc) -> Result<Option<DocBuf>> {
    if options.get("expireAfterSeconds").is_some() && options.get("timeseries").is_none() {
        return Err(not_expiring());
    }
    Ok(None)
}

fn not_expiring() -> Error {
    Error::new(
        Code::INVALID_OPTIONS,
        "'expireAfterSeconds' is only supported on time-series collections or when the 'clusteredIndex' option is \
         specified",
    )
}

fn legacy() -> Error {
    Error::new(
        Code(5_979_703),
        "The 'clusteredIndex' legacy format {clusteredIndex: <bool>} is only supported for specific internal \
         collections and vice versa",
    )
}

/// The description of a clustered index, as `listCollections` gives it back.
fn normalize_index(spec: &RawDoc) -> Result<DocBuf> {
    let wrong_type = |name: &str, value: Value<'_>, wanted: &str| {
        let found = value.tag().name();
        let message =
            format!("BSON field 'create.clusteredIndex.{name}' is the wrong type '{found}', expected {wanted}");
        Error::new(Code::TYPE_MISMATCH, message)
    };
    let (mut key, mut unique, mut name) = (None, None, DEFAULT_NAME);
    for field in spec {
        let value = field.value();
        if matches!(value.tag(), Tag::Null | Tag::Undefined) {
            continue;
        }
        match field.name_str() {
            "key" => key = Some(value.as_doc().ok_or_else(|| wrong_type("key", value, "type 'object'"))?),
            "unique" => {
                unique = Some(match value.as_bool() {
                    Some(unique) => unique,
                    None if value.is_number() => value.as_integer() != Some(0) && value.as_double() != Some(0.0),
                    None => return Err(wrong_type("unique", value, "types '[bool, long, int, decimal, double]'")),
                });
            }
            "v" => check_version(value).ok_or_else(|| wrong_type("v", value, "a number"))??,
            "name" => name = value.as_str().ok_or_else(|| wrong_type("name", value, "type 'string'"))?,
            other => {
                let message = format!("BSON field 'create.clusteredIndex.{other}' is an unknown field.");
                return Err(Error::new(Code(40415), message));
            }
        }
    }
    let missing = |name: &str| {
        let message = format!("BSON field 'create.clusteredIndex.{name}' is missing but a required field");
        Error::new(Code(40414), message)
    };
    let (key, unique) = (key.ok_or_else(|| missing("key"))?, unique.ok_or_else(|| missing("unique"))?);
    if !unique {
        let message = "The clusteredIndex option requires unique: true to be specified";
        return Err(Error::new(Code(5_979_700), message));
    }
    if !is_id_pattern(key) {
        return Err(Error::new(
            Code::INVALID_INDEX_SPECIFICATION_OPTION,
            "The clusteredIndex option is only supported for key: {_id: 1}",
        ));
    }
    Ok(DocBuf::build(|doc| {
        doc.value("v", Value::int32(2));
        doc.document("key", |key| key.value("_id", Value::int32(1)));
        doc.string("name", name);
        doc.value("unique", Value::TRUE);
    }))
}

/// `None` for what is no number.
fn check_version(value: Value<'_>) -> Option<Result<()>> {
    if !value.is_number() {
        return None;
    }
    let is_two = value.as_integer() == Some(2) || value.as_double().is_some_and(|version| version as i64 == 2);
    Some(match is_two {
        true => Ok(()),
        false => Err(Error::new(Code(5_979_704), "Clustered index version must be 2")),
    })
}

/// The seconds that documents stay.
pub(super) fn seconds(value: Value<'_>) -> Result<i64> {
    if !value.is_number() {
        let message = format!(
            "BSON field 'create.expireAfterSeconds' is the wrong type '{}', expected a number",
            value.tag().name()
        );
        return Err(Error::new(Code::TYPE_MISMATCH, message));
    }
    whole_seconds(value).map_err(|error| Error::new(Code::INVALID_OPTIONS, error.message()))
}

/// The options of a collection with another time after which documents go; `None` for those that never do.
pub(super) fn with_expiry(options: &RawDoc, expiry: Option<i64>) -> Result<DocBuf> {
    if options.get("clusteredIndex").is_none() {
        return Err(not_expiring());
    }
    Ok(DocBuf::build(|doc| {
        for option in options {
            if option.name() != b"expireAfterSeconds" {
                doc.raw_element(option.raw());
            }
        }
        if let Some(seconds) = expiry {
            doc.value("expireAfterSeconds", Value::int64(seconds));
        }
    }))
}

/// The description of the index of a clustered collection with these options, as `listIndexes` gives it.
pub(super) fn index_spec(options: &RawDoc) -> Option<DocBuf> {
    let index = options.get("clusteredIndex")?.as_doc()?;
    Some(DocBuf::build(|doc| {
        doc.elements_of(index);
        doc.value("clustered", Value::TRUE);
    }))
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::{parse_doc, to_string_relaxed};

    use super::*;

    /// Source: documentdb/functional-tests, recorded against mongod 8.2.4.
    #[test]
    fn options_are_refused_with_mongods_codes() {
        for (options, code) in [
            ("{clusteredIndex: true}", 5_979_703),
            ("{clusteredIndex: 1.5}", 5_979_703),
            ("{clusteredIndex: null}", 14),
            ("{clusteredIndex: 'x'}", 14),
            ("{clusteredIndex: {unique: true}}", 40414),
            ("{clusteredIndex: {key: {_id: 1}, unique: null}}", 40414),
            ("{clusteredIndex: {key: 1, unique: true}}", 14),
            ("{clusteredIndex: {key: {x: 1}, unique: true}}", 197),
            ("{clusteredIndex: {key: {_id: 1}, unique: 0}}", 5_979_700),
            ("{clusteredIndex: {key: {_id: 1}, unique: 'x'}}", 14),
            ("{clusteredIndex: {key: {_id: 1}, unique: true, v: 1}}", 5_979_704),
            ("{clusteredIndex: {key: {_id: 1}, unique: true, x: 1}}", 40415),
            ("{clusteredIndex: {key: {_id: 1}, unique: true}, viewOn: 'x'}", 6_026_500),
            ("{clusteredIndex: {key: {_id: 1}, unique: true}, max: 3}", 6_049_204),
            ("{clusteredIndex: {key: {_id: 1}, unique: true}, idIndex: {}}", 72),
            ("{clusteredIndex: false, capped: true, size: 4096}", 6_049_200),
            ("{clusteredIndex: {key: {_id: 1}, unique: true}, expireAfterSeconds: -1}", 72),
            ("{expireAfterSeconds: 1}", 72),
        ] {
            let result = normalize(&parse_doc(options).unwrap());
            assert_eq!(result.err().map(|error| error.code()), Some(code), "{options}");
        }
    }

    #[test]
    fn options_are_kept_as_they_are_listed() {
        let options = "{clusteredIndex: {unique: 1, key: {_id: 1.0}}, expireAfterSeconds: 5}";
        let options = normalize(&parse_doc(options).unwrap()).unwrap().unwrap();
        assert_eq!(
            to_string_relaxed(Value::document(&options)),
            r#"{"clusteredIndex":{"v":2,"key":{"_id":1},"name":"_id_","unique":true},"expireAfterSeconds":5}"#
        );
        let without = with_expiry(&options, None).unwrap();
        assert!(without.get("expireAfterSeconds").is_none());
    }
}
