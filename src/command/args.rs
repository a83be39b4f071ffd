//! Arguments of commands: typed, checked and refused in mongod's words, from one declaration per command.
//!
//! ```ignore
//! arguments! {
//!     /// Arguments of `count`.
//!     struct CountArgs in "count" strict {
//!         "query" => query: &'d RawDoc,
//!         "limit" => limit: Number,
//!     }
//! }
//! ```
//!
//! Every argument is optional as far as the declaration goes; `null` counts as absent. [`require`] insists on one.
//! In a `strict` command an argument that is neither declared nor generic is an error (40415).

use smongo_vm::Code;
use smongo_vm::value::decimal::DecimalParts;
use smongo_vm::value::{RawDoc, Tag, Value, View};

use super::generic;
use crate::error::{Error, Result};
use crate::wire::Request;

/// mongod's code for an argument that the command does not know.
const UNKNOWN_FIELD: Code = Code(40415);
/// mongod's code for a required argument that is missing.
const MISSING_FIELD: Code = Code(40414);
/// mongod's code for an argument that is given twice.
const DUPLICATE_FIELD: Code = Code(40413);

/// A type that an argument can have.
pub(super) trait Argument<'d>: Sized {
    /// mongod's names of the BSON types that are accepted, in its order.
    const TYPES: &'static [&'static str];

    /// The argument, or `None` when the value has another type.
    fn from_value(value: Value<'d>) -> Option<Self>;

    /// The argument from a document sequence beside the body; `None` when the type cannot be one.
    fn from_sequence(_documents: &'d [&'d RawDoc]) -> Option<Self> {
        None
    }
}

/// A set of arguments; made by [`arguments!`].
pub(super) trait Arguments<'d>: Default {
    /// The name in front of the field in error messages.
    const CONTEXT: &'static str;
    /// Whether unknown arguments are refused.
    const STRICT: bool;

    /// Takes one argument; `false` when there is none of this name.
    fn set(&mut self, name: &[u8], value: Value<'d>) -> Result<bool>;

    /// Takes one argument that came as a document sequence.
    fn set_sequence(&mut self, name: &str, documents: &'d [&'d RawDoc]) -> Result<bool>;
}

macro_rules! arguments {
    (@strict strict) => { true };
    (@strict lenient) => { false };
    ($(#[$meta:meta])* struct $name:ident in $context:literal $mode:ident {
        $($wire:literal => $field:ident : $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        // An argument may be checked and have no effect on one node.
        #[allow(dead_code)]
        #[derive(Default)]
        struct $name<'d> {
            $($field: Option<$type>,)*
            borrowed: std::marker::PhantomData<&'d ()>,
        }

        impl<'d> $crate::command::args::Arguments<'d> for $name<'d> {
            const CONTEXT: &'static str = $context;
            const STRICT: bool = $crate::command::args::arguments!(@strict $mode);

            #[allow(unused_variables)]
            fn set(&mut self, name: &[u8], value: smongo_vm::value::Value<'d>) -> $crate::error::Result<bool> {
                $(if name == $wire.as_bytes() {
                    return $crate::command::args::fill(&mut self.$field, $context, $wire, value);
                })*
                Ok(false)
            }

            #[allow(unused_variables)]
            fn set_sequence(
                &mut self,
                name: &str,
                documents: &'d [&'d smongo_vm::value::RawDoc],
            ) -> $crate::error::Result<bool> {
                $(if name == $wire {
                    return $crate::command::args::fill_sequence(&mut self.$field, documents);
                })*
                Ok(false)
            }
        }
    };
}
pub(super) use arguments;

/// The arguments of the command in `request`, the command's own name and the generic ones left out.
pub(super) fn of_command<'d, A: Arguments<'d>>(request: &Request<'d>) -> Result<A> {
    let mut arguments = A::default();
    for element in request.body.iter().skip(1) {
        if !arguments.set(element.name(), element.value())? && A::STRICT && !generic::is_generic(element.name()) {
            return Err(unknown_field(A::CONTEXT, element.name_str()));
        }
    }
    for sequence in request.sequences {
        if !arguments.set_sequence(sequence.name, &sequence.documents)? && A::STRICT {
            return Err(unknown_field(A::CONTEXT, sequence.name));
        }
    }
    Ok(arguments)
}

/// The arguments in a document inside a command.
pub(super) fn of_document<'d, A: Arguments<'d>>(doc: &'d RawDoc) -> Result<A> {
    let mut arguments = A::default();
    for element in doc {
        if !arguments.set(element.name(), element.value())? && A::STRICT {
            return Err(unknown_field(A::CONTEXT, element.name_str()));
        }
    }
    Ok(arguments)
}

/// Refuses every argument but the generic ones: for commands without arguments.
pub(super) fn none(request: &Request<'_>, context: &str) -> Result<()> {
    let unknown = request.body.iter().skip(1).find(|element| !generic::is_generic(element.name()));
    match unknown {
        Some(element) => Err(unknown_field(context, element.name_str())),
        None => Ok(()),
    }
}

/// Takes a value into a slot; for [`arguments!`].
pub(super) fn fill<'d, T: Argument<'d>>(
    slot: &mut Option<T>,
    context: &str,
    name: &str,
    value: Value<'d>,
) -> Result<bool> {
    if slot.is_some() {
        return Err(Error::new(DUPLICATE_FIELD, format!("BSON field '{context}.{name}' is a duplicate field")));
    }
    if !matches!(value.tag(), Tag::Null | Tag::Undefined) {
        *slot = Some(T::from_value(value).ok_or_else(|| wrong_type(context, name, value.tag(), T::TYPES))?);
    }
    Ok(true)
}

/// Takes a document sequence into a slot; for [`arguments!`].
pub(super) fn fill_sequence<'d, T: Argument<'d>>(slot: &mut Option<T>, documents: &'d [&'d RawDoc]) -> Result<bool> {
    match T::from_sequence(documents) {
        Some(argument) => {
            *slot = Some(argument);
            Ok(true)
        }
        None => Ok(false),
    }
}

/// The argument, which the command cannot do without.
pub(super) fn require<T>(argument: Option<T>, context: &str, name: &str) -> Result<T> {
    argument.ok_or_else(|| missing_field(context, name))
}

#[cold]
pub(super) fn missing_field(context: &str, name: &str) -> Error {
    Error::new(MISSING_FIELD, format!("BSON field '{context}.{name}' is missing but a required field"))
}

#[cold]
pub(super) fn unknown_field(context: &str, name: &str) -> Error {
    Error::new(UNKNOWN_FIELD, format!("BSON field '{context}.{name}' is an unknown field."))
}

/// The error for a value of a wrong type. mongod closes its list of types before the quote, not after it.
#[cold]
pub(super) fn wrong_type(context: &str, name: &str, found: Tag, expected: &[&str]) -> Error {
    let expected = match expected {
        [one] => format!("expected type '{one}'"),
        many => format!("expected types '[{}']", many.join(", ")),
    };
    let path = if name.is_empty() { context.to_owned() } else { format!("{context}.{name}") };
    let message = format!("BSON field '{path}' is the wrong type '{}', {expected}", found.name());
    Error::new(Code::TYPE_MISMATCH, message)
}

/// A number that must not be negative.
pub(super) fn not_negative(number: Option<Number>, name: &str) -> Result<Option<u64>> {
    at_least(number, 0, name).map(|number| number.and_then(|n| u64::try_from(n).ok()))
}

/// A number that must not be below `minimum`.
pub(super) fn at_least(number: Option<Number>, minimum: i64, name: &str) -> Result<Option<i64>> {
    match number {
        Some(Number(n)) if n < minimum => {
            let message = format!("BSON field '{name}' value must be >= {minimum}, actual value '{n}'");
            Err(Error::new(Code::BAD_VALUE, message))
        }
        other => Ok(other.map(|Number(n)| n)),
    }
}

/// The documents of an array, which must hold nothing else.
pub(super) fn documents_of<'d>(array: &'d RawDoc, context: &str, name: &str) -> Result<Vec<&'d RawDoc>> {
    let mut documents = Vec::new();
    for element in array {
        let doc = element.value().as_doc();
        documents.push(doc.ok_or_else(|| {
            wrong_type(context, &format!("{name}.{}", element.name_str()), element.value().tag(), &["object"])
        })?);
    }
    Ok(documents)
}

/// An index hint: a name or a key pattern.
pub(super) fn hint(value: Option<Any<'_>>) -> Result<Option<Value<'_>>> {
    match value.map(|Any(value)| value) {
        Some(value) if !matches!(value.tag(), Tag::String | Tag::Document) => {
            Err(Error::new(Code::FAILED_TO_PARSE, "Hint must be a string or an object"))
        }
        // An empty object is how some drivers say "no hint".
        Some(value) if value.as_doc().is_some_and(RawDoc::is_empty) => Ok(None),
        other => Ok(other),
    }
}

impl<'d> Argument<'d> for &'d RawDoc {
    const TYPES: &'static [&'static str] = &["object"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        value.as_doc()
    }
}

impl<'d> Argument<'d> for &'d str {
    const TYPES: &'static [&'static str] = &["string"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        value.as_str()
    }
}

/// The identity of a collection; absent inside for binary data that is none, which has an error of its own.
#[derive(Clone, Copy)]
pub(super) struct Uuid(Option<[u8; 16]>);

impl Uuid {
    /// The bytes, or `InvalidUUID` (207).
    pub(super) fn bytes(self) -> Result<[u8; 16]> {
        let message = "uuid must be a 16-byte binary field with UUID (4) subtype";
        self.0.ok_or_else(|| Error::new(Code::INVALID_UUID, message))
    }
}

impl<'d> Argument<'d> for Uuid {
    const TYPES: &'static [&'static str] = &["binData"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        match value.view() {
            View::Binary { subtype: 4, bytes } => Some(Uuid(bytes.try_into().ok())),
            View::Binary { .. } => Some(Uuid(None)),
            _ => None,
        }
    }
}

/// A boolean and nothing else.
impl<'d> Argument<'d> for bool {
    const TYPES: &'static [&'static str] = &["bool"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        value.as_bool()
    }
}

/// An array.
#[derive(Clone, Copy)]
pub(super) struct Array<'d>(pub(super) &'d RawDoc);

impl<'d> Argument<'d> for Array<'d> {
    const TYPES: &'static [&'static str] = &["array"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        value.as_array().map(Array)
    }
}

/// Documents: an array in the body, or a sequence beside it.
#[derive(Clone, Copy)]
pub(super) enum Documents<'d> {
    InBody(&'d RawDoc),
    Beside(&'d [&'d RawDoc]),
}

impl<'d> Argument<'d> for Documents<'d> {
    const TYPES: &'static [&'static str] = &["array"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        value.as_array().map(Documents::InBody)
    }

    fn from_sequence(documents: &'d [&'d RawDoc]) -> Option<Self> {
        Some(Documents::Beside(documents))
    }
}

impl<'d> Documents<'d> {
    /// The documents as a slice, gathered into `gathered` where they are not one yet.
    pub(super) fn slice<'s>(
        self,
        gathered: &'s mut Vec<&'d RawDoc>,
        context: &str,
        name: &str,
    ) -> Result<&'s [&'d RawDoc]>
    where
        'd: 's,
    {
        match self {
            Documents::Beside(documents) => Ok(documents),
            Documents::InBody(array) => {
                *gathered = documents_of(array, context, name)?;
                Ok(gathered)
            }
        }
    }
}

/// A boolean, or a number that stands for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Flag(pub(super) bool);

impl<'d> Argument<'d> for Flag {
    const TYPES: &'static [&'static str] = &["bool", "long", "int", "decimal", "double"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        (value.tag() == Tag::Bool || value.tag().is_number()).then(|| Flag(is_truthy(value)))
    }
}

/// Whether a value counts as true: everything but false, null, absent and zero.
pub(super) fn is_truthy(value: Value<'_>) -> bool {
    match value.view() {
        View::Nothing | View::Null | View::Undefined | View::Bool(false) => false,
        View::Int32(n) => n != 0,
        View::Int64(n) => n != 0,
        View::Double(n) => n != 0.0,
        View::Decimal128(n) => !matches!(n.parts(), DecimalParts::Finite(finite) if finite.coefficient == 0),
        _ => true,
    }
}

/// An int64 and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Long(pub(super) i64);

impl<'d> Argument<'d> for Long {
    const TYPES: &'static [&'static str] = &["long"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        (value.tag() == Tag::Int64).then(|| value.as_integer().map(Long)).flatten()
    }
}

/// Any number, as an integer: doubles lose their fraction, decimals round half to even, what is too large becomes the
/// largest int64, and NaN becomes 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Number(pub(super) i64);

impl<'d> Argument<'d> for Number {
    const TYPES: &'static [&'static str] = &["long", "int", "decimal", "double"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        Some(Number(match value.view() {
            View::Int32(n) => i64::from(n),
            View::Int64(n) => n,
            // `as` saturates, and maps NaN to 0.
            View::Double(n) => n as i64,
            View::Decimal128(n) => match n.parts() {
                DecimalParts::NaN => 0,
                DecimalParts::Infinity { negative } => saturated(negative),
                DecimalParts::Finite(finite) => rounded(finite.negative, finite.coefficient, finite.exponent),
            },
            _ => return None,
        }))
    }
}

fn saturated(negative: bool) -> i64 {
    if negative { i64::MIN } else { i64::MAX }
}

/// `coefficient * 10^exponent`, rounded half to even.
fn rounded(negative: bool, coefficient: u128, exponent: i32) -> i64 {
    let scale = 10_u128.checked_pow(exponent.unsigned_abs());
    let magnitude = match (exponent >= 0, scale) {
        (true, Some(scale)) => coefficient.checked_mul(scale),
        (true, None) => (coefficient == 0).then_some(0),
        (false, None) => Some(0),
        (false, Some(scale)) => {
            let (quotient, remainder) = (coefficient / scale, coefficient % scale);
            let up = match remainder.cmp(&(scale - remainder)) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal => quotient % 2 == 1,
                std::cmp::Ordering::Greater => true,
            };
            Some(quotient + u128::from(up))
        }
    };
    match magnitude.and_then(|magnitude| i64::try_from(magnitude).ok()) {
        Some(n) if negative => -n,
        Some(n) => n,
        None => saturated(negative),
    }
}

/// Anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Any<'d>(pub(super) Value<'d>);

impl<'d> Argument<'d> for Any<'d> {
    const TYPES: &'static [&'static str] = &[];

    fn from_value(value: Value<'d>) -> Option<Self> {
        Some(Any(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smongo_vm::value::{Decimal128, DocBuf};

    arguments! {
        struct TestArgs in "test" strict {
            "filter" => filter: &'d RawDoc,
            "limit" => limit: Number,
            "flag" => flag: Flag,
            "id" => id: Long,
        }
    }

    fn parse(name: &str, value: Value<'_>) -> Result<(Option<Number>, Option<Flag>), String> {
        let doc = DocBuf::build(|doc| doc.value(name, value));
        let parsed: Result<TestArgs<'_>> = of_document(&doc);
        parsed.map(|args| (args.limit, args.flag)).map_err(|error| error.to_string())
    }

    #[test]
    fn refusals_are_worded_as_mongod_words_them() {
        let rows = [
            (
                "limit",
                Value::string("x"),
                "TypeMismatch (14): BSON field 'test.limit' is the wrong type 'string', expected types '[long, int, decimal, double']",
            ),
            (
                "filter",
                Value::int32(1),
                "TypeMismatch (14): BSON field 'test.filter' is the wrong type 'int', expected type 'object'",
            ),
            (
                "flag",
                Value::string("x"),
                "TypeMismatch (14): BSON field 'test.flag' is the wrong type 'string', expected types '[bool, long, int, decimal, double']",
            ),
            (
                "id",
                Value::int32(1),
                "TypeMismatch (14): BSON field 'test.id' is the wrong type 'int', expected type 'long'",
            ),
            ("foo", Value::NULL, "Location40415 (40415): BSON field 'test.foo' is an unknown field."),
        ];
        for (name, value, expected) in rows {
            assert_eq!(parse(name, value).unwrap_err(), expected);
        }
    }

    #[test]
    fn null_is_absent() {
        assert_eq!(parse("limit", Value::NULL), Ok((None, None)));
    }

    #[test]
    fn repeated_arguments_are_refused() {
        let doc = DocBuf::build(|doc| {
            doc.value("limit", Value::int32(1));
            doc.value("limit", Value::int32(1));
        });
        assert!(of_document::<TestArgs<'_>>(&doc).is_err_and(|error| error.code() == 40413));
    }

    #[test]
    fn numbers_become_integers() {
        let doubles = [(2.9, 2), (-0.5, 0), (-1.5, -1), (f64::NAN, 0), (f64::INFINITY, i64::MAX), (1e30, i64::MAX)];
        for (double, expected) in doubles {
            assert_eq!(Number::from_value(Value::double(double)), Some(Number(expected)), "{double}");
        }
        let decimals = [
            ("2.5", 2),
            ("1.5", 2),
            ("0.5", 0),
            ("-0.50001", -1),
            ("-0.5", 0),
            ("1E+2", 100),
            ("1E+6144", i64::MAX),
            ("-1E+6144", i64::MIN),
            ("0E+6000", 0),
            ("1E-6000", 0),
            ("NaN", 0),
            ("-Infinity", i64::MIN),
        ];
        for (text, expected) in decimals {
            let decimal = Decimal128::parse(text).unwrap();
            assert_eq!(Number::from_value(Value::decimal128(&decimal.0)), Some(Number(expected)), "{text}");
        }
    }
}
