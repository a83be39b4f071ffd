//! Resume tokens: `{_data: <key in hexadecimal digits>}`.
//!
//! ```text
//! key = timestamp, version (2), kind (0 high-water mark | 128 event), position in the transaction, whether it is an
//!       invalidation  [, UUID or null, {operationType, documentKey | operationDescription} [, fragment]]
//! ```
//!
//! Tokens of one stream order as its events do. A high-water mark says how far a stream has come without an event: it
//! lies before everything that happened at its time.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value, View};

use super::key_string::{self, END, Reader};
use crate::error::{Error, Result};

/// The version of tokens that are made here.
const VERSION: i32 = 2;

/// The kinds of tokens.
const HIGH_WATER_MARK: i64 = 0;
const EVENT: i64 = 128;

/// What a token says about where its event is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    /// The cluster time of the event.
    pub time: u64,
    /// The position of its operation in a transaction.
    pub position: u64,
    /// Whether it is behind an invalidation.
    pub is_invalidation: bool,
    /// The event, as it stands in the key; `None` for a high-water mark.
    event: Option<Vec<u8>>,
    /// How many fragments of the event have been had.
    pub fragment: Option<u64>,
}

/// What tells an event from others of its time.
#[derive(Clone, Copy)]
pub(super) struct EventKey<'e> {
    pub position: u64,
    pub is_invalidation: bool,
    pub uuid: Option<&'e [u8; 16]>,
    /// `{operationType, documentKey}` or `{operationType, operationDescription}`.
    pub identifier: &'e RawDoc,
}

impl Token {
    /// A high-water mark.
    pub fn high_water_mark(time: u64) -> Self {
        Self { time, position: 0, is_invalidation: false, event: None, fragment: None }
    }

    /// The token of an event.
    pub(super) fn of_event(time: u64, key: EventKey<'_>) -> Self {
        let mut event = Vec::new();
        key_string::append(key.uuid.map_or(Value::NULL, |uuid| Value::binary(4, uuid)), &mut event);
        key_string::append(Value::document(key.identifier), &mut event);
        let EventKey { position, is_invalidation, .. } = key;
        Self { time, position, is_invalidation, event: Some(event), fragment: None }
    }

    /// Whether this is the token of an event.
    pub fn is_event(&self) -> bool {
        self.event.is_some()
    }

    /// Whether two tokens are of one event, whichever of its fragments they stand behind.
    pub fn is_same_event(&self, other: &Token) -> bool {
        (self.time, self.position, self.is_invalidation) == (other.time, other.position, other.is_invalidation)
            && self.event == other.event
    }

    /// Reads the token that a client sends.
    pub fn parse(doc: &RawDoc) -> Result<Self> {
        let data = doc.get("_data").filter(|data| data.tag() == Tag::String);
        let data = data.ok_or_else(|| malformed(40647, "Bad resume token: _data of missing or of wrong type"))?;
        match doc.get("_typeBits").map(|bits| bits.view()) {
            None | Some(View::Binary { .. }) => {}
            Some(_) => return Err(malformed(40648, "Bad resume token: _typeBits of wrong type")),
        }
        let text = data.as_str().unwrap_or_default();
        if text.is_empty() {
            return Err(malformed(40649, "invalid empty resume token"));
        }
        let key = from_hex(text)
            .ok_or_else(|| Error::new(Code::FAILED_TO_PARSE, "resume token string was not a valid hex string"))?;
        Self::of_key(&key)
    }

    fn of_key(key: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(key);
        let Some(time) = reader.timestamp()? else {
            reader.skip()?;
            return Err(malformed(40649, "invalid resume token: it does not begin with a timestamp"));
        };
        let present = |reader: &Reader<'_>, code, what: &str| match reader.is_at_end() {
            true => Err(malformed(code, &format!("Resume Token does not contain {what}"))),
            false => Ok(()),
        };
        present(&reader, 50796, "version")?;
        let version = reader.integer()?.ok_or_else(|| malformed(50854, "Resume Token version is not an int"))?;
        if !(0..=i64::from(VERSION)).contains(&version) {
            return Err(malformed(50795, "Invalid Resume Token: only supports version 0, 1 and 2"));
        }
        let mut kind = EVENT;
        if version >= 1 {
            present(&reader, 51055, "tokenType")?;
            kind = reader.integer()?.ok_or_else(|| malformed(51056, "Resume Token tokenType is not an int."))?;
            if kind != HIGH_WATER_MARK && kind != EVENT {
                return Err(malformed(51057, "Token type is neither a high-water mark nor an event"));
            }
        }
        present(&reader, 50793, "txnOpIndex")?;
        let position =
            reader.integer()?.ok_or_else(|| malformed(50855, "Resume Token txnOpIndex is not an integer"))?;
        let position = u64::try_from(position)
            .map_err(|_| malformed(50794, "Invalid Resume Token: txnOpIndex should be non-negative"))?;
        let mut is_invalidation = false;
        if version >= 1 {
            present(&reader, 50872, "fromInvalidate")?;
            let flag = reader.boolean()?;
            is_invalidation = flag.ok_or_else(|| malformed(50870, "Resume Token fromInvalidate is not a boolean."))?;
        }
        let begin = reader.rest();
        if reader.is_at_end() || kind == HIGH_WATER_MARK {
            return Ok(Self { time, position, is_invalidation, event: None, fragment: None });
        }
        reader.skip()?;
        if !reader.is_at_end() {
            reader.skip()?;
        }
        let event = begin[..begin.len() - reader.rest().len()].to_vec();
        let mut fragment = None;
        if !reader.is_at_end() {
            let number = reader.integer()?.and_then(|number| u64::try_from(number).ok());
            let wrong = || malformed(7_182_501, "Resume token 'fragmentNum' must be a non-negative integer.");
            fragment = Some(number.ok_or_else(wrong)?);
        }
        Ok(Self { time, position, is_invalidation, event: Some(event), fragment })
    }

    /// The token as a document.
    pub fn document(&self) -> DocBuf {
        let mut key = Vec::with_capacity(96);
        key_string::append(Value::timestamp(self.time), &mut key);
        key_string::append(Value::int32(VERSION), &mut key);
        let kind = if self.is_event() { EVENT } else { HIGH_WATER_MARK };
        key_string::append(Value::int64(kind), &mut key);
        key_string::append(Value::int64(signed(self.position)), &mut key);
        key_string::append(Value::bool(self.is_invalidation), &mut key);
        key.extend(self.event.iter().flatten());
        if let Some(fragment) = self.fragment {
            key_string::append(Value::int64(signed(fragment)), &mut key);
        }
        key.push(END);
        DocBuf::build(|doc| doc.string("_data", &to_hex(&key)))
    }
}

/// The token behind a fragment of an event, by the event's own.
pub(crate) fn fragment_token(token: &Token, fragment: u64) -> Token {
    Token { fragment: Some(fragment), ..token.clone() }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cold]
fn malformed(code: i32, message: &str) -> Error {
    Error::new(Code(code), message)
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: u64 = 0x6515_d5a5_0000_0001;

    fn event() -> Token {
        let identifier = DocBuf::build(|doc| {
            doc.string("operationType", "insert");
            doc.document("documentKey", |key| key.value("_id", Value::object_id(&[0xab; 12])));
        });
        let key = EventKey { position: 0, is_invalidation: false, uuid: Some(&[0xcd; 16]), identifier: &identifier };
        Token::of_event(TIME, key)
    }

    fn data(token: &Token) -> String {
        token.document().get("_data").unwrap().as_str().unwrap().to_owned()
    }

    fn parse(data: &str) -> Result<Token> {
        Token::parse(&DocBuf::build(|doc| doc.string("_data", data)))
    }

    /// Source: tokens of MongoDB 7 and 8, as drivers and connectors log them.
    #[test]
    fn tokens_are_as_mongod_makes_them() {
        let uuid = "CD".repeat(16);
        let id = "AB".repeat(12);
        let kind = "3C6F7065726174696F6E54797065003C696E7365727400";
        let expected = format!(
            "826515D5A5000000012B042C0100296E5A1004{uuid}46{kind}46646F63756D656E744B65790046645F69640064{id}000004"
        );
        assert_eq!(data(&event()), expected);
        assert_eq!(data(&Token::high_water_mark(TIME)), "826515D5A5000000012B0429296E04");
    }

    #[test]
    fn tokens_are_read_as_they_were_made() {
        for token in [event(), Token::high_water_mark(TIME), fragment_token(&event(), 3)] {
            let data = data(&token);
            assert_eq!(parse(&data).unwrap(), token);
            assert_eq!(parse(&data.to_lowercase()).unwrap(), token);
            assert_eq!(parse(&data[..data.len() - 2]).unwrap(), token);
            assert_eq!(parse(&format!("{data}FF")).unwrap(), token);
        }
        let data = data(&event());
        assert_eq!(parse(&data[..data.len() - 4]).unwrap_err().code(), 15);
        for (data, code) in [("", 40649), ("xyz", 9), ("abc", 9), ("00", 50811)] {
            assert_eq!(parse(data).unwrap_err().code(), code, "{data}");
        }
        let typed = DocBuf::build(|doc| {
            doc.string("_data", "00");
            doc.string("_typeBits", "x");
        });
        assert_eq!(Token::parse(&typed).unwrap_err().code(), 40648);
        assert_eq!(Token::parse(RawDoc::EMPTY).unwrap_err().code(), 40647);
    }
}
