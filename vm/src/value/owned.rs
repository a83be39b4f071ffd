//! Owned values, which outlive the document they come from.

use std::fmt;

use super::buf::DocBuf;
use super::repr::{Value, View};
use crate::code::Code;
use crate::error::{Error, Result};

/// The number of a parameter: a literal of a request that may differ between requests of one shape.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ParamId(pub u16);

/// An owned value: constants of a query, arguments that outlive their request.
///
/// A value that a request gives in the place of a parameter carries the parameter's number wherever it is copied to, so
/// that a program or a filter made for one request serves the next one with [`OwnedValue::bind`]. Whoever handles
/// literals must not let what it makes depend on more of a marked value than its type.
#[derive(Clone)]
pub struct OwnedValue {
    held: Held,
    param: Option<ParamId>,
}

#[derive(Clone)]
enum Held {
    /// Needs no bytes of its own.
    Scalar(Value<'static>),
    /// The document `{"": value}`.
    Document(DocBuf),
}

impl OwnedValue {
    /// The absent value.
    pub const NOTHING: OwnedValue = OwnedValue { held: Held::Scalar(Value::NOTHING), param: None };

    /// A copy of `value`.
    pub fn new(value: Value<'_>) -> Self {
        let held = match value.to_scalar() {
            Some(scalar) => Held::Scalar(scalar),
            None => Held::Document(DocBuf::build(|doc| doc.value("", value))),
        };
        Self { held, param: None }
    }

    /// A copy of the value of a parameter.
    pub fn of_param(value: Value<'_>, param: ParamId) -> Self {
        Self { param: Some(param), ..Self::new(value) }
    }

    /// The parameter that the value was given for.
    pub fn param(&self) -> Option<ParamId> {
        self.param
    }

    /// The value, or that of the parameter it was given for.
    pub fn bind(&self, params: &[Value<'_>]) -> Result<Self> {
        let Some(param) = self.param else { return Ok(self.clone()) };
        let value = params.get(usize::from(param.0));
        let value = value.ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "a parameter has no value"))?;
        Ok(Self::of_param(*value, param))
    }

    /// The value, borrowed.
    #[inline]
    pub fn get(&self) -> Value<'_> {
        // The document is {"": value}: length, type byte, the terminator of the empty name, payload.
        const TYPE_AT: usize = 4;
        const PAYLOAD_AT: usize = 6;
        match &self.held {
            Held::Scalar(value) => *value,
            Held::Document(doc) => {
                let bytes = doc.as_bytes();
                Value::decode(bytes[TYPE_AT], &bytes[PAYLOAD_AT..]).map_or(Value::NOTHING, |(value, _)| value)
            }
        }
    }
}

impl Value<'_> {
    /// The value, when it needs no bytes outside itself.
    fn to_scalar(self) -> Option<Value<'static>> {
        Some(match self.view() {
            View::Nothing => Value::NOTHING,
            View::MinKey => Value::MIN_KEY,
            View::MaxKey => Value::MAX_KEY,
            View::Undefined => Value::UNDEFINED,
            View::Null => Value::NULL,
            View::Bool(value) => Value::bool(value),
            View::Int32(value) => Value::int32(value),
            View::Int64(value) => Value::int64(value),
            View::Double(value) => Value::double(value),
            View::DateTime(millis) => Value::date_time(millis),
            View::Timestamp(bits) => Value::timestamp(bits),
            _ => return None,
        })
    }
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}
