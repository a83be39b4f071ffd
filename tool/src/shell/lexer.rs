//! Tokens of a statement. What stands between the parentheses of a call is only told apart here; extended JSON reads it.

use std::ops::Range;

use logos::Logos;

/// A token; what it says is read from its slice of the text.
#[derive(Logos, Clone, Copy, PartialEq, Eq, Debug)]
#[logos(skip r"[ \t\r\n\f]+")]
#[logos(skip(r"//[^\n]*", allow_greedy = true))]
#[logos(skip r"/\*([^*]|\*+[^*/])*\*+/")]
pub enum Token {
    /// `(`, `[` or `{`.
    #[token("(")]
    #[token("[")]
    #[token("{")]
    Open,
    /// `)`, `]` or `}`.
    #[token(")")]
    #[token("]")]
    #[token("}")]
    Close,
    /// `,`
    #[token(",")]
    Comma,
    /// `.`
    #[token(".")]
    Dot,
    /// `;`
    #[token(";")]
    Semicolon,
    /// A text in quotes.
    #[regex(r#""([^"\\]|\\.)*""#)]
    #[regex(r"'([^'\\]|\\.)*'")]
    Text,
    /// A name.
    #[regex(r"[\p{L}_$][\p{L}\p{Nd}_$]*")]
    Word,
    /// A number.
    #[regex(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")]
    Number,
    /// `/pattern/flags`
    #[regex(r"/([^/*\\\n\[]|\\[^\n]|\[([^\]\\\n]|\\[^\n])*\])([^/\\\n\[]|\\[^\n]|\[([^\]\\\n]|\\[^\n])*\])*/[a-zA-Z]*")]
    Regex,
    /// Anything else that can stand in a value.
    #[regex(r"[:+\-]")]
    Sign,
}

/// A token with its place in the text.
#[derive(Clone, Debug)]
pub struct Lexeme {
    /// Which one; none for a character that begins no token.
    pub token: Option<Token>,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The tokens of a text.
pub fn lex(text: &str) -> Vec<Lexeme> {
    Token::lexer(text).spanned().map(|(token, span)| Lexeme { token: token.ok(), span }).collect()
}

/// Whether a text goes on in the next line: something is open at its end.
pub fn is_open(text: &str) -> bool {
    let mut depth = 0_i64;
    for lexeme in lex(text) {
        match lexeme.token {
            Some(Token::Open) => depth += 1,
            Some(Token::Close) => depth -= 1,
            _ => {}
        }
    }
    depth > 0 || text.trim_end().ends_with('.')
}
