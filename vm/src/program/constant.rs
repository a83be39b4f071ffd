//! Constants of a program, prepared once for the comparisons that will use them many times.

use std::fmt;

use super::Text;
use crate::error::Result;
use crate::value::{OwnedValue, ParamId, Value};

/// A constant with the form its comparisons want.
#[derive(Clone)]
pub struct Constant {
    owned: OwnedValue,
    fast: Fast,
    /// A string, taken apart once; empty for anything else.
    text: Text,
    /// Whether a collation compares strings.
    collated: bool,
}

/// The operand of a comparison, taken apart when the program is built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fast {
    /// An int32 or int64, or a double that is an integer below 2^53: compares exactly with every integer.
    Integer(i64),
    /// Any other double but NaN.
    Double(f64),
    /// A string; its bytes are the constant's.
    String,
    /// Everything else takes the general comparison.
    Other,
}

impl Constant {
    /// Prepares a copy of `value`; where a string's bytes do not decide alone it is `collated`.
    pub fn new(value: Value<'_>, collated: bool) -> Self {
        Self::from_owned(OwnedValue::new(value), collated)
    }

    /// Prepares an owned value.
    pub fn from_owned(owned: OwnedValue, collated: bool) -> Self {
        let value = owned.get();
        let fast = if let Some(integer) = value.as_integer() {
            Fast::Integer(integer)
        } else if let Some(double) = value.as_double() {
            const EXACT_BELOW: f64 = (1i64 << 53) as f64;
            if double.is_nan() {
                Fast::Other
            } else if double.fract() == 0.0 && double.abs() < EXACT_BELOW {
                Fast::Integer(double as i64)
            } else {
                Fast::Double(double)
            }
        } else if value.as_str_bytes().is_some() && !collated {
            Fast::String
        } else {
            Fast::Other
        };
        let text = Text::new(value.as_str_bytes().unwrap_or_default());
        Self { owned, fast, text, collated }
    }

    /// The parameter that the constant stands for.
    pub fn param(&self) -> Option<ParamId> {
        self.owned.param()
    }

    /// The constant, or the value of the parameter that it stands for.
    pub(super) fn bind(&self, params: &[Value<'_>]) -> Result<Self> {
        match self.param() {
            Some(_) => self.owned.bind(params).map(|owned| Self::from_owned(owned, self.collated)),
            None => Ok(self.clone()),
        }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'_> {
        self.owned.get()
    }

    /// Whether the constant is a string.
    #[inline]
    pub(crate) fn is_string(&self) -> bool {
        matches!(self.fast, Fast::String)
    }

    /// A string as documents hold it; an empty one for anything else.
    #[inline]
    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    #[inline]
    pub(crate) fn fast(&self) -> Fast {
        self.fast
    }
}

impl fmt::Debug for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.owned, f)
    }
}
