//! Documents as values: `$arrayToObject $getField $mergeObjects $objectToArray $setField`.

use ahash::AHashMap;

use super::display::describe;
use super::row::row;
use super::{Args, Context, Function, build};
use crate::error::{Error, Result};
use crate::value::{RawDoc, Value};

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$arrayToObject",
        Args::Exactly(1),
        "A document of the pairs in an array, all `[name, value]` or all `{k: name, v: value}`.",
        [
            ("{a: [['x', 1], ['y', 2]]}", "{$arrayToObject: '$a'}", "{x: 1, y: 2}"),
            ("{a: [{k: 'x', v: 1}]}", "{$arrayToObject: '$a'}", "{x: 1}"),
        ],
        array_to_object
    ),
    row!(
        "$getField",
        Args::Exactly(2),
        "The field of a document by name, given as `{field, input}` or as the name alone; dots and dollar signs in the \
         name mean nothing.",
        [
            ("{a: {'x.y': 1}}", "{$getField: {field: 'x.y', input: '$a'}}", "1"),
            ("{a: 1}", "{$getField: 'a'}", "1"),
            ("{a: 1}", "{$getField: 'b'}", "missing"),
        ],
        get_field
    ),
    row!(
        "$mergeObjects",
        Args::Any,
        "The fields of documents put together, where later documents win; null counts as empty.",
        [("{a: {x: 1, y: 2}}", "{$mergeObjects: ['$a', {y: 3}]}", "{x: 1, y: 3}")],
        merge_objects
    ),
    row!(
        "$objectToArray",
        Args::Exactly(1),
        "The fields of a document as an array of `{k: name, v: value}`.",
        [("{a: {x: 1}}", "{$objectToArray: '$a'}", "[{k: 'x', v: 1}]")],
        object_to_array
    ),
    row!(
        "$setField",
        Args::Exactly(3),
        "A document with one field added, replaced or, by a missing value, removed, given as `{field, input, value}`.",
        [
            ("{a: {x: 1}}", "{$setField: {field: 'y.z', input: '$a', value: 2}}", "{x: 1, 'y.z': 2}"),
            ("{a: {x: 1, y: 2}}", "{$setField: {field: 'x', input: '$a', value: '$$REMOVE'}}", "{y: 2}"),
            ("{a: {x: 1, y: 2}}", "{$unsetField: {field: 'x', input: '$a'}}", "{y: 2}"),
        ],
        set_field
    ),
];

/// Fields in order of first appearance, with the last value given for each.
#[derive(Default)]
struct Fields<'d> {
    ordered: Vec<(&'d [u8], Value<'d>)>,
    positions: AHashMap<&'d [u8], usize>,
}

impl<'d> Fields<'d> {
    fn set(&mut self, name: &'d [u8], value: Value<'d>) {
        match self.positions.get(name) {
            Some(at) => self.ordered[*at].1 = value,
            None => {
                self.positions.insert(name, self.ordered.len());
                self.ordered.push((name, value));
            }
        }
    }

    fn build(self, ctx: &Context<'_, 'd>) -> Result<Value<'d>> {
        build::document(ctx.arena, |out| {
            self.ordered.iter().for_each(|(name, value)| out.value_named(name, *value));
            Ok(())
        })
    }
}

fn merge_objects<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut fields = Fields::default();
    let mut merge = |value: Value<'d>| {
        let Some(doc) = value.as_doc() else {
            if value.is_nullish() {
                return Ok(());
            }
            let message = format!(
                "$mergeObjects requires object inputs, but input {} is of type {}",
                describe(value),
                value.tag().name()
            );
            return Err(Error::location(40400, message));
        };
        doc.iter().for_each(|element| fields.set(element.name(), element.value()));
        Ok(())
    };
    match args {
        [only] if only.as_array().is_some() => {
            only.as_array().unwrap_or(RawDoc::EMPTY).values().try_for_each(merge)?;
        }
        _ => args.iter().try_for_each(|arg| merge(*arg))?,
    }
    fields.build(ctx)
}

fn object_to_array<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args[0].is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(doc) = args[0].as_doc() else {
        let message = format!("$objectToArray requires a document input, found: {}", args[0].tag().name());
        return Err(Error::location(40390, message));
    };
    build::array(ctx.arena, |out| {
        for element in doc {
            out.document(|pair| {
                pair.value("k", Value::string_bytes(element.name()));
                pair.value("v", element.value());
            });
        }
        Ok(())
    })
}

fn array_to_object<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args[0].is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(array) = args[0].as_array() else {
        let message = format!("$arrayToObject requires an array input, found: {}", args[0].tag().name());
        return Err(Error::location(40386, message));
    };
    let mut fields = Fields::default();
    let mut elements = array.values().peekable();
    match elements.peek() {
        None => {}
        Some(first) if first.as_array().is_some() => {
            for element in elements {
                let (name, value) = pair(element)?;
                fields.set(name, value);
            }
        }
        Some(first) if first.as_doc().is_some() => {
            for element in elements {
                let (name, value) = key_and_value(element)?;
                fields.set(name, value);
            }
        }
        Some(first) => {
            let message = format!("Unrecognised input type format for $arrayToObject: {}", first.tag().name());
            return Err(Error::location(40398, message));
        }
    }
    fields.build(ctx)
}

/// `[name, value]`.
fn pair(element: Value<'_>) -> Result<(&[u8], Value<'_>)> {
    let Some(array) = element.as_array() else {
        let found = element.tag().name();
        let message = format!(
            "$arrayToObject requires a consistent input format. Elements must all be arrays or all be objects. Array \
             was detected, now found: {found}"
        );
        return Err(Error::location(40396, message));
    };
    let mut values = array.values();
    let (Some(name), Some(value), None) = (values.next(), values.next(), values.next()) else {
        let found = array.values().count();
        let message = format!("$arrayToObject requires an array of size 2 arrays,found array of size: {found}");
        return Err(Error::location(40397, message));
    };
    let Some(text) = name.as_str_bytes() else {
        let message = format!(
            "$arrayToObject requires an array of key-value pairs, where the key must be of type string. Found key \
             type: {}",
            name.tag().name()
        );
        return Err(Error::location(40395, message));
    };
    Ok((without_nul(text, 4940400)?, value))
}

/// `{k: name, v: value}`.
fn key_and_value(element: Value<'_>) -> Result<(&[u8], Value<'_>)> {
    let Some(doc) = element.as_doc() else {
        let found = element.tag().name();
        let message = format!(
            "$arrayToObject requires a consistent input format. Elements must all be arrays or all be objects. Object \
             was detected, now found: {found}"
        );
        return Err(Error::location(40391, message));
    };
    let found = doc.iter().count();
    if found != 2 {
        let message =
            format!("$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of keys:{found}");
        return Err(Error::location(40392, message));
    }
    let (Some(name), Some(value)) = (doc.get("k"), doc.get("v")) else {
        let message = "$arrayToObject requires an object with keys 'k' and 'v'. Missing either or both keys from: ";
        return Err(Error::location(40393, format!("{message}{}", describe(element))));
    };
    let Some(text) = name.as_str_bytes() else {
        let message = format!(
            "$arrayToObject requires an object with keys 'k' and 'v', where the value of 'k' must be of type string. \
             Found type: {}",
            name.tag().name()
        );
        return Err(Error::location(40394, message));
    };
    Ok((without_nul(text, 4940401)?, value))
}

fn without_nul(name: &[u8], code: i32) -> Result<&[u8]> {
    if name.contains(&0) {
        return Err(Error::location(code, "Key field cannot contain an embedded null byte"));
    }
    Ok(name)
}

fn get_field<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let (field, input) = (args[0], args[1]);
    let Some(name) = field.as_str_bytes() else {
        let message = format!("$getField requires 'field' to evaluate to type String, but got {}", field.tag().name());
        return Err(Error::location(3041704, message));
    };
    Ok(match input.as_doc() {
        Some(doc) => {
            doc.iter().find(|element| element.name() == name).map_or(Value::NOTHING, |element| element.value())
        }
        None if input.is_nullish() && !input.is_nothing() => Value::NULL,
        None => Value::NOTHING,
    })
}

fn set_field<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let (field, input, value) = (args[0], args[1], args[2]);
    if input.is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(doc) = input.as_doc() else {
        let message = format!("$setField requires 'input' to evaluate to type Object, but got {}", input.tag().name());
        return Err(Error::location(4161105, message));
    };
    let name = field.as_str_bytes().unwrap_or_default();
    build::document(ctx.arena, |out| {
        let mut found = false;
        for element in doc {
            if element.name() != name {
                out.raw_element(element.raw());
            } else if !found {
                found = true;
                out.value_named(name, value);
            }
        }
        if !found {
            out.value_named(name, value);
        }
        Ok(())
    })
}
