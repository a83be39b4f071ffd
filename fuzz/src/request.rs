//! Arbitrary requests: filters, expressions, projections and updates that mostly parse.
//!
//! Names and values come from the same small alphabets as the documents, so that paths lead somewhere and comparisons
//! meet what they compare with. What the parsers refuse is not told apart here.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use smongo_compiler::front::collation;
use smongo_vm::collation::Collation;
use smongo_vm::func::{Args, FAMILIES, Function, Role};
use smongo_vm::value::{DocBuf, DocWriter, OwnedValue, Value};

type Fields<'w> = DocWriter<'w, Vec<u8>>;

/// Names that requests use: few, so that they meet, and without those that no path may have.
const NAMES: [&str; 5] = ["a", "b", "0", "1", "_id"];

/// `{name: value}`.
fn single(name: &str, value: Value<'_>) -> DocBuf {
    DocBuf::build(|doc| doc.value(name, value))
}

fn array_of(values: &[OwnedValue]) -> OwnedValue {
    let holder = DocBuf::build(|doc| {
        doc.array("", |array| values.iter().for_each(|value| array.value(value.get())));
    });
    OwnedValue::new(holder.get("").unwrap_or_default())
}

fn document_of(doc: &DocBuf) -> OwnedValue {
    OwnedValue::new(Value::document(doc))
}

fn text_of(text: &str) -> OwnedValue {
    OwnedValue::new(Value::string(text))
}

fn several<T>(
    u: &mut Unstructured<'_>,
    least: usize,
    most: usize,
    mut item: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(least..=most)?).map(|_| item(u)).collect()
}

/// A dotted path of one to three components.
pub fn path(u: &mut Unstructured<'_>) -> Result<String> {
    let components = several(u, 1, 3, |u| u.choose(&NAMES).copied())?;
    Ok(components.join("."))
}

/// A collation, or none.
pub fn collation(u: &mut Unstructured<'_>) -> Result<Option<Arc<Collation>>> {
    if u.ratio(1, 2)? {
        return Ok(None);
    }
    // Danish puts upper case first, which only the third level has; Canadian French compares accents, which the second
    // has, backwards.
    let (locale, least) = *u.choose(&[("en", 1), ("da", 3), ("fr_CA", 2), ("de@collation=phonebook", 1)])?;
    let strength = u.int_in_range(least..=5)?;
    let (case_level, numeric, shifted) = (u.arbitrary()?, u.arbitrary()?, u.ratio(1, 4)?);
    let spec = DocBuf::build(|spec| {
        spec.string("locale", locale);
        spec.value("strength", Value::int32(strength));
        spec.value("caseLevel", Value::bool(case_level));
        spec.value("numericOrdering", Value::bool(numeric));
        spec.string("alternate", if shifted { "shifted" } else { "non-ignorable" });
    });
    Ok(collation::parse(&spec).expect("a collation of known parts"))
}

/// A filter.
pub fn filter(u: &mut Unstructured<'_>, depth: usize) -> Result<DocBuf> {
    let many = |u: &mut Unstructured<'_>| several(u, 1, 3, |u| filter(u, depth - 1).map(|inner| document_of(&inner)));
    let last = if depth == 0 { 4 } else { 9 };
    match u.int_in_range(0..=last)? {
        0 => Ok(single(&path(u)?, u.arbitrary::<OwnedValue>()?.get())),
        1..=4 => Ok(single(&path(u)?, Value::document(&tests(u, depth)?))),
        5 => Ok(single("$or", array_of(&many(u)?).get())),
        6 => Ok(single("$nor", array_of(&many(u)?).get())),
        7 => Ok(single("$and", array_of(&many(u)?).get())),
        8 => Ok(single("$expr", expression(u, depth)?.get())),
        _ => Ok(single("$jsonSchema", Value::document(&schema(u, depth)?))),
    }
}

/// What may stand behind a path in a filter.
fn tests(u: &mut Unstructured<'_>, depth: usize) -> Result<DocBuf> {
    const COMPARISONS: [&str; 6] = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"];
    const BITS: [&str; 4] = ["$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear"];
    let values = |u: &mut Unstructured<'_>| several(u, 0, 3, |u| u.arbitrary::<OwnedValue>());
    DocBuf::try_build(|doc| {
        for _ in 0..u.int_in_range(1..=2)? {
            let last = if depth == 0 { 8 } else { 12 };
            match u.int_in_range(0..=last)? {
                0 | 1 => doc.value(u.choose(&COMPARISONS)?, u.arbitrary::<OwnedValue>()?.get()),
                2 => doc.value(u.choose(&["$in", "$nin", "$all"])?, array_of(&values(u)?).get()),
                3 => doc.value("$exists", Value::bool(u.arbitrary()?)),
                4 => doc.value("$type", Value::string(u.choose(&TYPES)?)),
                5 => doc.value("$size", Value::int32(u.int_in_range(0..=3)?)),
                6 => {
                    let operands = [u.arbitrary::<i8>()?, u.int_in_range(-2..=2)?];
                    let operands = operands.map(|number| OwnedValue::new(Value::int32(number.into())));
                    doc.value("$mod", array_of(&operands).get());
                }
                7 => {
                    let positions = several(u, 0, 3, |u| Ok(OwnedValue::new(Value::int32(u.int_in_range(0..=70)?))))?;
                    doc.value(u.choose(&BITS)?, array_of(&positions).get());
                }
                8 => {
                    doc.string("$regex", u.choose(&["a", "^a", "b$", ".", "", "a|b"])?);
                    doc.string("$options", u.choose(&["", "i", "s"])?);
                }
                9 => doc.value("$not", Value::document(&tests(u, depth - 1)?)),
                10 | 11 => doc.value("$elemMatch", Value::document(&tests(u, depth - 1)?)),
                _ => doc.value("$elemMatch", Value::document(&filter(u, depth - 1)?)),
            }
        }
        Ok(())
    })
}

const TYPES: [&str; 9] = ["int", "long", "double", "number", "string", "array", "object", "null", "undefined"];

/// A JSON schema.
fn schema(u: &mut Unstructured<'_>, depth: usize) -> Result<DocBuf> {
    DocBuf::try_build(|doc| {
        for _ in 0..u.int_in_range(1..=2)? {
            let last = if depth == 0 { 6 } else { 14 };
            match u.int_in_range(0..=last)? {
                0 => doc.string("bsonType", u.choose(&TYPES)?),
                1 => doc.value(u.choose(&["minimum", "maximum", "multipleOf"])?, u.arbitrary::<OwnedValue>()?.get()),
                2 => {
                    let keyword = u.choose(&["maxLength", "minItems", "maxItems", "minProperties", "maxProperties"])?;
                    doc.value(keyword, Value::int32(u.int_in_range(0..=3)?));
                }
                3 => doc.value("required", array_of(&[text_of(u.choose(&NAMES)?)]).get()),
                4 => doc.value("enum", array_of(&several(u, 1, 2, |u| u.arbitrary())?).get()),
                5 => doc.value("uniqueItems", Value::bool(u.arbitrary()?)),
                6 => doc.string("pattern", u.choose(&["a", "^b"])?),
                7 | 8 => {
                    let keyword = *u.choose(&["properties", "patternProperties", "dependencies"])?;
                    let name = u.choose(&NAMES)?;
                    let inner = schema(u, depth - 1)?;
                    doc.value(keyword, Value::document(&single(name, Value::document(&inner))));
                }
                9 => {
                    let keyword = *u.choose(&["items", "additionalItems", "additionalProperties", "not"])?;
                    doc.value(keyword, Value::document(&schema(u, depth - 1)?));
                }
                10 => doc.value("additionalProperties", Value::bool(u.arbitrary()?)),
                11 => {
                    let inner = several(u, 1, 2, |u| Ok(document_of(&schema(u, depth - 1)?)))?;
                    doc.value("items", array_of(&inner).get());
                }
                _ => {
                    let keyword = *u.choose(&["oneOf", "anyOf", "allOf"])?;
                    let inner = several(u, 1, 2, |u| Ok(document_of(&schema(u, depth - 1)?)))?;
                    doc.value(keyword, array_of(&inner).get());
                }
            }
        }
        Ok(())
    })
}

/// An expression.
pub fn expression(u: &mut Unstructured<'_>, depth: usize) -> Result<OwnedValue> {
    let last = if depth == 0 { 3 } else { 9 };
    match u.int_in_range(0..=last)? {
        0 => Ok(document_of(&single("$literal", u.arbitrary::<OwnedValue>()?.get()))),
        1 | 2 => {
            let dollars = *u.choose(&["$", "$", "$$ROOT.", "$$this.", "$$value."])?;
            Ok(text_of(&format!("{dollars}{}", path(u)?)))
        }
        3 => u.arbitrary(),
        4..=7 => call(u, depth),
        _ => special(u, depth),
    }
}

/// A call of some function whose result depends on its arguments alone.
fn call(u: &mut Unstructured<'_>, depth: usize) -> Result<OwnedValue> {
    let function = choose_function(u)?;
    let mut one = |u: &mut Unstructured<'_>| expression(u, depth - 1);
    let (least, most) = match function.args {
        Args::Exactly(count) => (count, count),
        Args::Between(least, most) => (least, most.min(4)),
        Args::Any => (0, 3),
        Args::One(_) => (1, 1),
        Args::Named { params, .. } | Args::PlainOrNamed { params, .. } => {
            let arguments = DocBuf::try_build(|doc| {
                for param in params {
                    let is_rare = param.required.is_none() || param.role != Role::Argument;
                    if !is_rare || u.ratio(1, 3)? {
                        doc.value(param.name, one(u)?.get());
                    }
                }
                Ok(())
            })?;
            return Ok(document_of(&single(function.name, Value::document(&arguments))));
        }
    };
    let arguments = several(u, least, most, &mut one)?;
    Ok(document_of(&single(function.name, array_of(&arguments).get())))
}

/// Any function but those that draw from somewhere else than their arguments.
pub fn choose_function(u: &mut Unstructured<'_>) -> Result<&'static Function> {
    let family = *u.choose(FAMILIES)?;
    let function = u.choose(family)?;
    if function.pure { Ok(function) } else { Err(arbitrary::Error::IncorrectFormat) }
}

/// An operator that leaves arguments unevaluated or binds variables.
fn special(u: &mut Unstructured<'_>, depth: usize) -> Result<OwnedValue> {
    const BINARY: [&str; 7] = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$cmp"];
    let one = |u: &mut Unstructured<'_>| expression(u, depth - 1);
    let doc = match u.int_in_range(0..=9)? {
        0 => single(u.choose(&BINARY)?, array_of(&[one(u)?, one(u)?]).get()),
        1 => single(u.choose(&["$and", "$or", "$ifNull"])?, array_of(&several(u, 2, 3, one)?).get()),
        2 => single("$not", one(u)?.get()),
        3 => single("$cond", array_of(&[one(u)?, one(u)?, one(u)?]).get()),
        4 => {
            let branches = several(u, 1, 2, |u| named(u, depth, &["case", "then"]).map(|doc| document_of(&doc)))?;
            let default = if u.arbitrary()? { Some(one(u)?) } else { None };
            let arguments = DocBuf::build(|doc| {
                doc.value("branches", array_of(&branches).get());
                default.iter().for_each(|default| doc.value("default", default.get()));
            });
            single("$switch", Value::document(&arguments))
        }
        5 => {
            let variables = single("this", one(u)?.get());
            let body = one(u)?;
            let arguments = DocBuf::build(|doc| {
                doc.value("vars", Value::document(&variables));
                doc.value("in", body.get());
            });
            single("$let", Value::document(&arguments))
        }
        6 => single("$map", Value::document(&named(u, depth, &["input", "in"])?)),
        7 => single("$filter", Value::document(&named(u, depth, &["input", "cond"])?)),
        8 => single("$reduce", Value::document(&named(u, depth, &["input", "initialValue", "in"])?)),
        _ => document_of_fields(u, |u, doc| {
            doc.value(u.choose(&NAMES)?, one(u)?.get());
            Ok(())
        })?,
    };
    Ok(document_of(&doc))
}

fn document_of_fields(
    u: &mut Unstructured<'_>,
    mut field: impl FnMut(&mut Unstructured<'_>, &mut Fields<'_>) -> Result<()>,
) -> Result<DocBuf> {
    let count = u.int_in_range(1..=3)?;
    DocBuf::try_build(|doc| (0..count).try_for_each(|_| field(u, doc)))
}

fn named(u: &mut Unstructured<'_>, depth: usize, names: &[&str]) -> Result<DocBuf> {
    DocBuf::try_build(|doc| {
        names.iter().try_for_each(|name| {
            doc.value(name, expression(u, depth - 1)?.get());
            Ok(())
        })
    })
}

/// The projection of a find: fields kept, fields dropped, and computed fields.
pub fn projection(u: &mut Unstructured<'_>) -> Result<DocBuf> {
    let keep = Value::bool(u.arbitrary()?);
    document_of_fields(u, |u, doc| {
        let path = path(u)?;
        match u.int_in_range(0..=5)? {
            0..=3 => doc.value(&path, keep),
            4 => doc.value(&path, expression(u, 2)?.get()),
            _ => doc.value("_id", Value::bool(u.arbitrary()?)),
        }
        Ok(())
    })
}

/// An update document of operators.
pub fn update(u: &mut Unstructured<'_>) -> Result<DocBuf> {
    document_of_fields(u, update_operator)
}

/// `{i: condition}` for the identifiers that [`update`]'s paths use.
pub fn array_filters(u: &mut Unstructured<'_>) -> Result<Vec<DocBuf>> {
    ["i", "j"]
        .into_iter()
        .map(|identifier| {
            let name = if u.arbitrary()? { identifier.to_owned() } else { format!("{identifier}.{}", path(u)?) };
            Ok(single(&name, Value::document(&tests(u, 0)?)))
        })
        .collect()
}

fn update_path(u: &mut Unstructured<'_>) -> Result<String> {
    const SELECTORS: [&str; 8] = ["a", "b", "0", "1", "$", "$[]", "$[i]", "$[j]"];
    let mut path = (*u.choose(&NAMES)?).to_owned();
    for _ in 0..u.int_in_range(0..=2)? {
        path.push('.');
        path.push_str(u.choose(&SELECTORS)?);
    }
    Ok(path)
}

fn update_operator(u: &mut Unstructured<'_>, doc: &mut Fields<'_>) -> Result<()> {
    const PLAIN: [&str; 8] = ["$set", "$setOnInsert", "$unset", "$inc", "$mul", "$min", "$max", "$addToSet"];
    let path = update_path(u)?;
    let list = |u: &mut Unstructured<'_>| several(u, 0, 3, |u| u.arbitrary::<OwnedValue>());
    let (name, argument) = match u.int_in_range(0..=7)? {
        0..=2 => (*u.choose(&PLAIN)?, u.arbitrary()?),
        3 => ("$rename", text_of(&update_path(u)?)),
        4 => {
            let each = list(u)?;
            let push = DocBuf::try_build(|doc| {
                doc.value("$each", array_of(&each).get());
                if u.arbitrary()? {
                    doc.value("$position", Value::int32(u.int_in_range(-3..=3)?));
                }
                if u.arbitrary()? {
                    doc.value("$slice", Value::int32(u.int_in_range(-3..=3)?));
                }
                if u.arbitrary()? {
                    doc.value("$sort", Value::int32(*u.choose(&[1, -1])?));
                }
                Ok(())
            })?;
            (*u.choose(&["$push", "$addToSet"])?, document_of(&push))
        }
        5 => ("$pop", OwnedValue::new(Value::int32(*u.choose(&[1, -1])?))),
        6 => match u.int_in_range(0..=2)? {
            0 => ("$pull", document_of(&tests(u, 1)?)),
            1 => ("$pull", document_of(&filter(u, 1)?)),
            _ => ("$pullAll", array_of(&list(u)?)),
        },
        _ => {
            let operation = single(u.choose(&["and", "or", "xor"])?, Value::integer(u.arbitrary()?));
            ("$bit", document_of(&operation))
        }
    };
    doc.value(name, Value::document(&single(&path, argument.get())));
    Ok(())
}
