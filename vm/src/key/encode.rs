//! Values to key bytes.

use smallvec::SmallVec;

use super::{Bound, Direction, class, number};
use crate::value::{RawIter, StringOrder, Value, View};

/// Appends one key to a buffer, field by field, and its type bits to another. Both buffers belong to the caller, who
/// reuses them; what they already hold stays.
pub struct KeyEncoder<'b> {
    key: &'b mut Vec<u8>,
    types: &'b mut Vec<u8>,
    types_start: usize,
    strings: Option<&'b dyn StringOrder>,
}

/// A container whose elements are being encoded.
struct Open<'d> {
    elements: RawIter<'d>,
    named: bool,
    collated: bool,
}

type Stack<'d> = SmallVec<[Open<'d>; 4]>;

impl<'b> KeyEncoder<'b> {
    /// Begins a key at the end of `key` and its type bits at the end of `types`.
    pub fn new(key: &'b mut Vec<u8>, types: &'b mut Vec<u8>) -> Self {
        let types_start = types.len();
        Self { key, types, types_start, strings: None }
    }

    /// The same, with strings ordered by a collation.
    pub fn with_strings(key: &'b mut Vec<u8>, types: &'b mut Vec<u8>, strings: Option<&'b dyn StringOrder>) -> Self {
        Self { strings, ..Self::new(key, types) }
    }

    /// Appends a field.
    #[inline]
    pub fn field(&mut self, value: Value<'_>, direction: Direction) {
        let start = self.key.len();
        if value.is_number() {
            number::encode(value, self.key, self.types);
        } else {
            self.other(value);
        }
        if direction == Direction::Descending {
            self.key[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }

    /// Appends a text as it is, also where strings are ordered by a collation.
    pub fn name(&mut self, text: &str) {
        let strings = self.strings.take();
        self.field(Value::string(text), Direction::Ascending);
        self.strings = strings;
    }

    /// Ends the key.
    #[inline]
    pub fn finish(self, bound: Bound) {
        self.key.push(bound as u8);
        while self.types.len() > self.types_start && self.types.last() == Some(&0) {
            self.types.pop();
        }
    }

    /// Appends a value, containers to their end. Nesting is followed with a stack of our own.
    fn other(&mut self, value: Value<'_>) {
        let mut stack = Stack::new();
        self.key.push(class::of(value.tag()));
        self.content(value, true, &mut stack);
        while let Some(open) = stack.last_mut() {
            let (named, collated) = (open.named, open.collated);
            let Some(element) = open.elements.next() else {
                self.key.push(0);
                stack.pop();
                continue;
            };
            let value = element.value();
            if named {
                self.key.push(class::of(value.tag()));
                self.key.extend_from_slice(element.name());
                self.key.push(0);
            } else if !value.is_number() {
                self.key.push(class::of(value.tag()));
            }
            self.content(value, collated, &mut stack);
        }
    }

    /// Appends what follows the class byte; numbers bring their own.
    fn content<'d>(&mut self, value: Value<'d>, collated: bool, stack: &mut Stack<'d>) {
        match value.view() {
            View::Int32(_) | View::Int64(_) | View::Double(_) | View::Decimal128(_) => {
                number::encode(value, self.key, self.types);
            }
            View::String(text) => {
                self.types.push(0);
                self.string(text, collated);
            }
            View::Symbol(text) => {
                self.types.push(1);
                self.string(text, collated);
            }
            View::Undefined => self.types.push(0),
            View::Nothing => self.types.push(1),
            View::MinKey | View::MaxKey | View::Null => {}
            View::Document(doc) => stack.push(Open { elements: doc.iter(), named: true, collated }),
            View::Array(array) => stack.push(Open { elements: array.iter(), named: false, collated }),
            View::Binary { subtype, bytes } => {
                self.length(bytes.len());
                self.key.push(subtype);
                self.key.extend_from_slice(bytes);
            }
            View::ObjectId(id) => self.key.extend_from_slice(id),
            View::Bool(bool) => self.key.push(bool.into()),
            View::DateTime(millis) => self.key.extend_from_slice(&(millis ^ i64::MIN).to_be_bytes()),
            View::Timestamp(bits) => self.key.extend_from_slice(&bits.to_be_bytes()),
            View::Regex { pattern, options } => {
                self.key.extend_from_slice(pattern);
                self.key.push(0);
                self.key.extend_from_slice(options);
                self.key.push(0);
            }
            View::DbPointer { namespace, id } => {
                self.length(namespace.len());
                self.key.extend_from_slice(namespace);
                self.key.extend_from_slice(id);
            }
            View::JavaScript(code) => self.escaped(code),
            View::JavaScriptWithScope { code, scope } => {
                self.escaped(code);
                stack.push(Open { elements: scope.iter(), named: true, collated: false });
            }
        }
    }

    fn length(&mut self, len: usize) {
        // Values lie inside documents, whose lengths are int32.
        self.key.extend_from_slice(&(len as u32).to_be_bytes());
    }

    #[inline]
    fn string(&mut self, text: &[u8], collated: bool) {
        match self.strings {
            Some(strings) if collated => {
                let mut sort_key = Vec::with_capacity(text.len() * 2);
                strings.append_sort_key(text, &mut sort_key);
                self.escaped(&sort_key);
            }
            _ => self.escaped(text),
        }
    }

    #[inline]
    fn escaped(&mut self, mut text: &[u8]) {
        while let Some(at) = memchr::memchr(0, text) {
            self.key.extend_from_slice(&text[..at]);
            self.key.extend_from_slice(&[0, 0xff]);
            text = &text[at + 1..];
        }
        self.key.extend_from_slice(text);
        self.key.push(0);
    }
}
