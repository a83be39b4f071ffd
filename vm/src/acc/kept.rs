//! A value kept from one document to the next.

use std::fmt;

use crate::value::{Tag, Value, View};

/// An owned value. Numbers and other scalars are kept in place; a buffer is reused when one value follows another.
#[derive(Clone)]
pub struct Kept(Form);

#[derive(Clone)]
enum Form {
    Scalar(Value<'static>),
    Payload { tag: Tag, bytes: Vec<u8> },
}

impl Kept {
    /// The absent value.
    pub const NOTHING: Kept = Kept(Form::Scalar(Value::NOTHING));

    /// A copy of `value`.
    #[inline]
    pub fn new(value: Value<'_>) -> Self {
        let mut kept = Kept::NOTHING;
        kept.set(value);
        kept
    }

    /// Takes the place of what was kept before.
    #[inline]
    pub fn set(&mut self, value: Value<'_>) {
        if let Some(scalar) = scalar(value) {
            self.0 = Form::Scalar(scalar);
            return;
        }
        let tag = value.tag();
        match &mut self.0 {
            Form::Payload { tag: old, bytes } => {
                *old = tag;
                bytes.clear();
                value.write_payload(bytes);
            }
            form @ Form::Scalar(_) => {
                let mut bytes = Vec::new();
                value.write_payload(&mut bytes);
                *form = Form::Payload { tag, bytes };
            }
        }
    }

    /// The value, borrowed.
    #[inline]
    pub fn get(&self) -> Value<'_> {
        match &self.0 {
            Form::Scalar(value) => *value,
            Form::Payload { tag, bytes } => Value::decode(*tag as u8, bytes).map_or(Value::NOTHING, |(value, _)| value),
        }
    }

    /// The bytes that it holds outside of itself.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Scalar(_) => 0,
            Form::Payload { bytes, .. } => bytes.capacity(),
        }
    }

    /// All the bytes that it holds.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.heap_bytes()
    }
}

/// The value, when it borrows nothing.
#[inline]
fn scalar(value: Value<'_>) -> Option<Value<'static>> {
    Some(match value.view() {
        View::Nothing => Value::NOTHING,
        View::MinKey => Value::MIN_KEY,
        View::MaxKey => Value::MAX_KEY,
        View::Undefined => Value::UNDEFINED,
        View::Null => Value::NULL,
        View::Bool(bool) => Value::bool(bool),
        View::Int32(int) => Value::int32(int),
        View::Int64(int) => Value::int64(int),
        View::Double(double) => Value::double(double),
        View::DateTime(millis) => Value::date_time(millis),
        View::Timestamp(bits) => Value::timestamp(bits),
        _ => return None,
    })
}

impl Default for Kept {
    fn default() -> Self {
        Kept::NOTHING
    }
}

impl From<Value<'_>> for Kept {
    fn from(value: Value<'_>) -> Self {
        Kept::new(value)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_and_buffers_follow_each_other() {
        let mut kept = Kept::new(Value::string("a"));
        assert_eq!(kept.get().as_str(), Some("a"));
        kept.set(Value::int32(1));
        assert_eq!(kept.heap_bytes(), 0);
        kept.set(Value::string("longer"));
        assert_eq!(kept.get().as_str(), Some("longer"));
        kept.set(Value::NOTHING);
        assert!(kept.get().is_nothing());
    }
}
