//! Tokens of extended JSON and of the shell's notation.

use logos::Logos;

/// A token; what it says is read from its slice of the text.
#[derive(Logos, Clone, Copy, PartialEq, Eq, Debug)]
#[logos(skip r"[ \t\r\n\f]+")]
#[logos(skip(r"//[^\n]*", allow_greedy = true))]
#[logos(skip r"/\*([^*]|\*+[^*/])*\*+/")]
pub(super) enum Token {
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token("[")]
    OpenBracket,
    #[token("]")]
    CloseBracket,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token(":")]
    Colon,
    #[token(",")]
    Comma,
    #[token("-Infinity")]
    MinusInfinity,
    /// `"…"` or `'…'`, quotes included.
    #[regex(r#""([^"\\\x00-\x1f]|\\.)*""#)]
    #[regex(r#"'([^'\\\x00-\x1f]|\\.)*'"#)]
    Text,
    #[regex(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")]
    Number,
    /// A name, a keyword, or a constructor.
    #[regex(r"[\p{L}_$][\p{L}\p{Nd}_$.]*")]
    Word,
    /// `/pattern/flags`.
    #[regex(r"/([^/*\\\n\[]|\\[^\n]|\[([^\]\\\n]|\\[^\n])*\])([^/\\\n\[]|\\[^\n]|\[([^\]\\\n]|\\[^\n])*\])*/[a-zA-Z]*")]
    Regex,
}
