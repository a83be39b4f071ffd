//! The operators' rows, and how `$convert` reads its arguments.

use super::binary::{Format, UUID};
use super::{Options, convert, integer};
use crate::error::{Error, Result};
use crate::func::display::describe;
use crate::func::{Args, Context, Example, Fault, Function, Param};
use crate::value::{RawDoc, Tag, Value};

const OP: &str = "$convert";

/// The functions of this family.
pub static FUNCTIONS: &[Function] = &[
    CONVERT,
    Function {
        doc: "A value as a boolean: false and the zeros are false, all else is true.",
        examples: &[
            Example { document: "{}", expression: r#"{"$toBool": "false"}"#, value: "true" },
            Example { document: r#"{"x": 0}"#, expression: r#"{"$toBool": "$x"}"#, value: "false" },
        ],
        eval: |context, args| shorthand(context, args, Tag::Bool, &Options::DEFAULT),
        ..row("$toBool")
    },
    Function {
        doc: "A value as an int; fractions are cut off.",
        examples: &[
            Example { document: r#"{"x": -1.9}"#, expression: r#"{"$toInt": "$x"}"#, value: "-1" },
            Example { document: "{}", expression: r#"{"$toInt": "12"}"#, value: "12" },
        ],
        eval: |context, args| shorthand(context, args, Tag::Int32, &Options::DEFAULT),
        ..row("$toInt")
    },
    Function {
        doc: "A value as a long; fractions are cut off, a date gives its milliseconds since 1970.",
        examples: &[Example {
            document: r#"{"d": {"$date": "2018-03-26T04:38:28.044Z"}}"#,
            expression: r#"{"$toLong": "$d"}"#,
            value: r#"{"$numberLong": "1522039108044"}"#,
        }],
        eval: |context, args| shorthand(context, args, Tag::Int64, &Options::DEFAULT),
        ..row("$toLong")
    },
    Function {
        doc: "A value as a double.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toDouble": "-5.5"}"#,
            value: r#"{"$numberDouble": "-5.5"}"#,
        }],
        eval: |context, args| shorthand(context, args, Tag::Double, &Options::DEFAULT),
        ..row("$toDouble")
    },
    Function {
        doc: "A value as a decimal128; a double keeps 15 digits.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toDecimal": {"$numberDouble": "2.5"}}"#,
            value: r#"{"$numberDecimal": "2.50000000000000"}"#,
        }],
        eval: |context, args| shorthand(context, args, Tag::Decimal128, &Options::DEFAULT),
        ..row("$toDecimal")
    },
    Function {
        doc: "A value as a string.",
        examples: &[
            Example { document: "{}", expression: r#"{"$toString": 2.5}"#, value: r#""2.5""# },
            Example {
                document: r#"{"d": {"$date": "2018-03-27T16:58:51.538Z"}}"#,
                expression: r#"{"$toString": "$d"}"#,
                value: r#""2018-03-27T16:58:51.538Z""#,
            },
        ],
        eval: |context, args| {
            shorthand(context, args, Tag::String, &Options { format: Some(Format::Auto), ..Options::DEFAULT })
        },
        ..row("$toString")
    },
    Function {
        doc: "A value as a date: milliseconds since 1970, the text of a date, or a value that carries a moment.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toDate": "2018-03-20 11:00:06 +0500"}"#,
            value: r#"{"$date": "2018-03-20T06:00:06Z"}"#,
        }],
        eval: |context, args| shorthand(context, args, Tag::DateTime, &Options::DEFAULT),
        ..row("$toDate")
    },
    Function {
        doc: "24 hexadecimal digits as an ObjectId.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toObjectId": "5ab9cbfa31c2ab715d42129e"}"#,
            value: r#"{"$oid": "5ab9cbfa31c2ab715d42129e"}"#,
        }],
        eval: |context, args| shorthand(context, args, Tag::ObjectId, &Options::DEFAULT),
        ..row("$toObjectId")
    },
    Function {
        doc: "The text of a UUID as binary data of subtype 4.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toUUID": "867dee52-c331-484e-92d1-c56479b8e67e"}"#,
            value: r#"{"$uuid": "867dee52-c331-484e-92d1-c56479b8e67e"}"#,
        }],
        eval: |context, args| {
            let options = Options { subtype: UUID, format: Some(Format::Uuid), ..Options::DEFAULT };
            shorthand(context, args, Tag::Binary, &options)
        },
        ..row("$toUUID")
    },
    Function {
        doc: "The text of a JSON array, or a vector, as an array.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toArray": "[1, \"a\", null]"}"#,
            value: r#"[1, "a", null]"#,
        }],
        eval: |context, args| shorthand(context, args, Tag::Array, &Options::DEFAULT),
        ..row("$toArray")
    },
    Function {
        doc: "The text of a JSON object as a document.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toObject": "{\"a\": 1, \"b\": 2, \"a\": 3}"}"#,
            value: r#"{"a": 3, "b": 2}"#,
        }],
        eval: |context, args| shorthand(context, args, Tag::Document, &Options::DEFAULT),
        ..row("$toObject")
    },
];

/// What the operators short for `$convert` share.
const fn row(name: &'static str) -> Function {
    Function {
        name,
        args: Args::One(Fault::new(50723, "{op} requires a single argument, got {count}")),
        pure: true,
        doc: "",
        examples: &[],
        eval: |_, _| Ok(Value::NULL),
    }
}

fn shorthand<'d>(context: &Context<'_, 'd>, args: &[Value<'d>], target: Tag, options: &Options) -> Result<Value<'d>> {
    match args {
        [value] if !value.is_nullish() => convert(context.arena, *value, target, options),
        _ => Ok(Value::NULL),
    }
}

const CONVERT: Function = Function {
    name: OP,
    args: Args::Named {
        params: &[
            Param::required("input", Fault::new(9, "Missing 'input' parameter to $convert")),
            Param::required("to", Fault::new(9, "Missing 'to' parameter to $convert")),
            Param::optional("base"),
            Param::optional("format"),
            Param::optional("byteOrder"),
            Param::ON_ERROR,
            Param::ON_NULL,
        ],
        not_a_document: Fault::new(9, "$convert expects an object of named arguments but found: {type}"),
        unknown: Fault::new(9, "$convert found an unknown argument: {name}"),
    },
    pure: true,
    doc: "A value as another type, with replacements for what is null and what cannot be converted.",
    examples: &[
        Example {
            document: r#"{"x": "2.5"}"#,
            expression: r#"{"$convert": {"input": "$x", "to": "int", "onError": "not an int"}}"#,
            value: r#""not an int""#,
        },
        Example {
            document: "{}",
            expression: r#"{"$convert": {"input": "$x", "to": "int", "onNull": 0}}"#,
            value: "0",
        },
        Example {
            document: "{}",
            expression: r#"{"$convert": {"input": "aGVsbG8=", "to": {"type": "binData", "subtype": 0}, "format": "base64"}}"#,
            value: r#"{"$binary": {"base64": "aGVsbG8=", "subType": "00"}}"#,
        },
        Example {
            document: "{}",
            expression: r#"{"$convert": {"input": 10, "to": "string", "base": 2}}"#,
            value: r#""1010""#,
        },
    ],
    eval: |context, args| {
        let &[input, to, base, format, byte_order] = args else { return Ok(Value::NULL) };
        let (to, subtype) = split_target(to)?;
        let target = target_type(to)?;
        let (false, Some(target)) = (input.is_nullish(), target) else { return Ok(Value::NULL) };
        let options = Options {
            subtype: if target == Tag::Binary { binary_subtype(subtype)? } else { 0 },
            format: binary_format(format)?,
            big_endian: is_big_endian(byte_order)?,
            base: number_base(base)?,
        };
        convert(context.arena, input, target, &options)
    },
};

/// The type and the subtype of the argument `to`.
fn split_target<'d>(to: Value<'d>) -> Result<(Value<'d>, Value<'d>)> {
    let Some(doc) = to.as_doc() else { return Ok((to, Value::NOTHING)) };
    let known = ["type", "subtype"];
    if let Some(unknown) = doc.iter().find(|element| !known.contains(&element.name_str())) {
        let message = format!("$convert found an unknown argument: {}", unknown.name_str());
        return Err(Error::failed_to_parse(message));
    }
    let field = |doc: &'d RawDoc, name| doc.get(name).unwrap_or(Value::NOTHING);
    match field(doc, "type") {
        kind if kind.is_nothing() => Err(Error::failed_to_parse("Missing 'type' parameter to $convert")),
        kind => Ok((kind, field(doc, "subtype"))),
    }
}

/// The type an identifier names; `None` for null.
fn target_type(to: Value<'_>) -> Result<Option<Tag>> {
    if to.is_nullish() {
        return Ok(None);
    }
    if let Some(name) = to.as_str() {
        let named = (1..=u8::MAX).filter_map(Tag::from_byte).find(|tag| tag.name() == name);
        return match named {
            Some(tag) => Ok(Some(tag)),
            None => Err(Error::bad_value(format!("Unknown type name: {name}"))),
        };
    }
    if !to.is_number() {
        let message = format!("$convert's 'to' argument must be a string or number, but is {}", to.tag().name());
        return Err(Error::failed_to_parse(message));
    }
    let Some(number) = integer::exact_i32(to) else {
        return Err(Error::failed_to_parse("In $convert, numeric 'to' argument is not an integer"));
    };
    let tag = match number {
        -1 => Some(Tag::MinKey),
        0..=127 => Tag::from_byte(number as u8),
        _ => None,
    };
    match tag {
        Some(tag) => Ok(Some(tag)),
        None => {
            let message = format!("In $convert, numeric value for 'to' does not correspond to a BSON type: {number}");
            Err(Error::failed_to_parse(message))
        }
    }
}

fn binary_subtype(value: Value<'_>) -> Result<u8> {
    if value.is_nullish() {
        return Ok(0);
    }
    if !value.is_number() {
        let kind = value.tag().name();
        let message = format!("For BinData, $convert's 'subtype' argument must be a number, but is {kind}");
        return Err(Error::location(4341108, message));
    }
    let Some(number) = integer::exact_i32(value) else {
        return Err(Error::location(4341106, "In $convert, numeric 'subtype' argument is not an integer"));
    };
    match u8::try_from(number) {
        Ok(subtype @ (0..=9 | 128..)) => Ok(subtype),
        _ => {
            let message =
                format!("In $convert, numeric value for 'subtype' does not correspond to a BinData type: {number}");
            Err(Error::location(4341107, message))
        }
    }
}

/// A string argument; `None` when it is null or was left out.
fn text<'d>(value: Value<'d>, name: &str, code: i32) -> Result<Option<&'d str>> {
    if value.is_nullish() {
        return Ok(None);
    }
    value.as_str().map(Some).ok_or_else(|| {
        let (kind, shown) = (value.tag().name(), describe(value));
        Error::location(code, format!("$convert requires that '{name}' be a string, found: {kind} with value {shown}"))
    })
}

fn binary_format(value: Value<'_>) -> Result<Option<Format>> {
    let Some(name) = text(value, "format", 4341114)? else { return Ok(None) };
    match Format::parse(name) {
        Some(format) => Ok(Some(format)),
        None => Err(Error::location(4341125, format!("Invalid 'format' argument for $convert: {name}"))),
    }
}

fn is_big_endian(value: Value<'_>) -> Result<bool> {
    match text(value, "byteOrder", 9130001)? {
        None | Some("little") => Ok(false),
        Some("big") => Ok(true),
        Some(other) => Err(Error::location(9130002, format!("Invalid 'byteOrder' argument for $convert: {other}"))),
    }
}

fn number_base(value: Value<'_>) -> Result<Option<u32>> {
    if value.is_nullish() {
        return Ok(None);
    }
    let Some(base) = integer::exact_i32(value) else {
        return Err(Error::location(3501300, "In $convert, 'base' argument is not an integer"));
    };
    match base {
        2 | 8 | 10 | 16 => Ok(Some(base.unsigned_abs())),
        _ => {
            let message = format!("In $convert, 'base' argument is not a valid base (2, 8, 10, 16): {base}");
            Err(Error::location(3501301, message))
        }
    }
}
