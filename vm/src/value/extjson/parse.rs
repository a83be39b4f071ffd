//! The parser: tokens straight into BSON bytes.
//!
//! A container is written as it is read. When it closes and turns out to spell a typed value, its bytes are replaced
//! by that value's; so no tree is built and no look-ahead is needed beyond one token.

use logos::{Logos, SpannedIter};

use super::super::buf::DocBuf;
use super::super::owned::OwnedValue;
use super::super::raw::RawDoc;
use super::super::repr::Tag;
use super::super::validate;
use super::lex::Token;
use super::types::{self, Encoded};
use crate::limits::MAX_DOCUMENT_DEPTH;
use crate::{Error, Result};

/// The document a text denotes.
pub fn parse_doc(text: &str) -> Result<DocBuf> {
    let value = parse_value(text)?;
    match value.get().as_doc() {
        Some(doc) => Ok(doc.into()),
        None => Err(Error::failed_to_parse("Failed to parse extended JSON: the text is not a document")),
    }
}

/// The value a text denotes.
pub fn parse_value(text: &str) -> Result<OwnedValue> {
    let mut parser = Parser { text, tokens: Token::lexer(text).spanned(), out: vec![0; 6], at: 0, depth: 0 };
    let first = parser.next()?;
    let tag = parser.value(first)?;
    if let Some((_, span)) = parser.tokens.next() {
        parser.at = span.start;
        return Err(parser.error("unexpected text after the value"));
    }
    // The value becomes the one element, with an empty name, of a document.
    let mut bytes = parser.out;
    bytes[4] = tag as u8;
    bytes.push(0);
    let len = i32::try_from(bytes.len()).unwrap_or(-1);
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    let doc =
        DocBuf::from_vec(bytes).ok_or_else(|| Error::failed_to_parse("Failed to parse extended JSON: too long"))?;
    let value = doc.get_index(0).unwrap_or_default();
    // Text nests deeper than the BSON it spells, so only the result tells whether the limit is kept. The wrapping
    // document does not count.
    validate(value.as_doc().unwrap_or(&doc).as_bytes(), usize::MAX)?;
    Ok(OwnedValue::new(value))
}

/// Deepest nesting of braces, brackets and parentheses: each level of BSON can take two, and a scalar at the bottom two
/// more.
const MAX_TEXT_DEPTH: usize = 2 * MAX_DOCUMENT_DEPTH + 2;

struct Parser<'t> {
    text: &'t str,
    tokens: SpannedIter<'t, Token>,
    out: Vec<u8>,
    /// Where the token last read begins, for messages.
    at: usize,
    depth: usize,
}

type Lexeme<'t> = (Token, &'t str);

impl<'t> Parser<'t> {
    #[cold]
    fn error(&self, what: &str) -> Error {
        Error::failed_to_parse(format!("Failed to parse extended JSON at offset {}: {what}", self.at))
    }

    fn next(&mut self) -> Result<Lexeme<'t>> {
        match self.tokens.next() {
            Some((Ok(token), span)) => {
                self.at = span.start;
                Ok((token, &self.text[span]))
            }
            Some((Err(()), span)) => {
                self.at = span.start;
                Err(self.error("unexpected character"))
            }
            None => {
                self.at = self.text.len();
                Err(self.error("unexpected end"))
            }
        }
    }

    fn expect(&mut self, token: Token, what: &str) -> Result<()> {
        if self.next()?.0 == token { Ok(()) } else { Err(self.error(what)) }
    }

    /// Reads the value that begins with `first`; its payload goes to the output.
    fn value(&mut self, first: Lexeme<'t>) -> Result<Tag> {
        let (token, slice) = first;
        let encoded = match token {
            Token::OpenBrace => return self.container(Token::CloseBrace),
            Token::OpenBracket => return self.container(Token::CloseBracket),
            Token::Text => {
                let text = self.unquote(slice)?;
                self.length(text.len() + 1)?;
                self.out.extend_from_slice(text.as_bytes());
                self.out.push(0);
                return Ok(Tag::String);
            }
            Token::Number => types::number(slice),
            Token::MinusInfinity => types::number("-inf"),
            Token::Regex => {
                slice.rfind('/').and_then(|end| types::regex_literal(slice.get(1..end)?, &slice[end + 1..]))
            }
            Token::Word if slice == "new" => {
                let (token, name) = self.next()?;
                return if token == Token::Word { self.call(name) } else { Err(self.error("expected a constructor")) };
            }
            Token::Word => match types::keyword(slice) {
                // `MinKey` and `MaxKey` may be called as well.
                Some(_) if self.open_paren_follows() => return self.call(slice),
                Some(encoded) => Some(encoded),
                None => return self.call(slice),
            },
            _ => None,
        };
        self.put(encoded.ok_or_else(|| self.error("expected a value"))?)
    }

    fn put(&mut self, (tag, payload): Encoded) -> Result<Tag> {
        self.out.extend_from_slice(&payload);
        Ok(tag)
    }

    fn length(&mut self, len: usize) -> Result<()> {
        let len = i32::try_from(len).map_err(|_| self.error("too long"))?;
        self.out.extend_from_slice(&len.to_le_bytes());
        Ok(())
    }

    fn open_paren_follows(&self) -> bool {
        matches!(self.tokens.clone().next(), Some((Ok(Token::OpenParen), _)))
    }

    fn call(&mut self, name: &'t str) -> Result<Tag> {
        let at = self.at;
        self.expect(Token::OpenParen, "expected a value")?;
        let start = self.out.len();
        self.container(Token::CloseParen)?;
        let arguments = RawDoc::from_bytes(&self.out[start..]);
        let encoded = arguments.and_then(|arguments| types::constructor(name, arguments));
        self.at = at;
        let encoded = encoded.ok_or_else(|| self.error(&format!("cannot construct {name} from these arguments")))?;
        self.out.truncate(start);
        self.put(encoded)
    }

    /// Reads a document, array or argument list up to `close`.
    fn container(&mut self, close: Token) -> Result<Tag> {
        if self.depth >= MAX_TEXT_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        let start = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        let mut index = 0;
        loop {
            let mut first = self.next()?;
            if first.0 == close {
                break;
            }
            if index > 0 {
                if first.0 != Token::Comma {
                    return Err(self.error("expected a comma"));
                }
                first = self.next()?;
                if first.0 == close {
                    break;
                }
            }
            self.element(first, close == Token::CloseBrace, index)?;
            index += 1;
        }
        self.depth -= 1;
        self.out.push(0);
        let len = i32::try_from(self.out.len() - start).map_err(|_| self.error("too long"))?;
        self.out[start..start + 4].copy_from_slice(&len.to_le_bytes());
        if close != Token::CloseBrace {
            return Ok(Tag::Array);
        }
        // The first name stands behind the length and the first type byte.
        if self.out.get(start + 5) == Some(&b'$') {
            let wrapped = RawDoc::from_bytes(&self.out[start..]).map_or(Ok(None), types::wrapper);
            if let Some(encoded) = wrapped.map_err(|what| self.error(&what))? {
                self.out.truncate(start);
                return self.put(encoded);
            }
        }
        Ok(Tag::Document)
    }

    fn element(&mut self, first: Lexeme<'t>, named: bool, index: usize) -> Result<()> {
        let type_at = self.out.len();
        self.out.push(0);
        let value = if named {
            let (token, slice) = first;
            match token {
                Token::Text => {
                    let name = self.unquote(slice)?;
                    if name.contains('\0') {
                        return Err(self.error("a field name holds a NUL"));
                    }
                    self.out.extend_from_slice(name.as_bytes());
                }
                Token::Word | Token::Number => self.out.extend_from_slice(slice.as_bytes()),
                _ => return Err(self.error("expected a field name")),
            }
            self.expect(Token::Colon, "expected a colon")?;
            self.next()?
        } else {
            self.out.extend_from_slice(index.to_string().as_bytes());
            first
        };
        self.out.push(0);
        let tag = self.value(value)?;
        self.out[type_at] = tag as u8;
        Ok(())
    }

    /// The text between the quotes, escapes resolved.
    fn unquote(&self, quoted: &'t str) -> Result<std::borrow::Cow<'t, str>> {
        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if !inner.contains('\\') {
            return Ok(inner.into());
        }
        let mut text = String::with_capacity(inner.len());
        let mut rest = inner;
        while let Some(at) = rest.find('\\') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let (c, after) = unescape(rest).ok_or_else(|| self.error("malformed escape"))?;
            text.push(c);
            rest = after;
        }
        text.push_str(rest);
        Ok(text.into())
    }
}

/// The character that the escape behind a backslash denotes, and what follows it.
fn unescape(escape: &str) -> Option<(char, &str)> {
    let mut chars = escape.chars();
    let c = match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '0' => '\0',
        'x' => return Some((char::from(u8::from_str_radix(hex_digits(escape, 1, 2)?, 16).ok()?), &escape[3..])),
        'u' => {
            let unit = u16::from_str_radix(hex_digits(escape, 1, 4)?, 16).ok()?;
            if let Some(c) = char::from_u32(u32::from(unit)) {
                return Some((c, &escape[5..]));
            }
            let low = escape.get(5..).and_then(|rest| rest.strip_prefix("\\u"))?;
            let low = u16::from_str_radix(hex_digits(low, 0, 4)?, 16).ok()?;
            let c = char::decode_utf16([unit, low]).next()?.ok()?;
            return Some((c, &escape[11..]));
        }
        c @ ('"' | '\'' | '\\' | '/') => c,
        _ => return None,
    };
    Some((c, chars.as_str()))
}

fn hex_digits(text: &str, start: usize, count: usize) -> Option<&str> {
    text.get(start..start + count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
