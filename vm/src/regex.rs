//! Regular expressions as MongoDB's users know them: PCRE2 in UTF mode with the option letters `i m s x u`.
//!
//! What this module promises beyond PCRE2 is that a pattern from a stranger cannot hang the engine: every match attempt
//! has a step, depth and memory limit that the pattern itself cannot raise, and running into one is an error, not "no
//! match". It must not know operators; those that need codes of their own (`$regexFind`) match on [`CompileError`].

use std::fmt;
use std::sync::Arc;

use pcre2::bytes::{Regex as Pcre, RegexBuilder};

use crate::code::Code;
use crate::error::{Error, Result};

/// Most backtracking steps PCRE2 may take from one start position. mongod leaves PCRE2's default, which is the same.
const MAX_MATCH_STEPS: u32 = 10_000_000;

/// Deepest nesting of backtracking points in the interpreter, in levels. PCRE2's default is the number of steps.
const MAX_MATCH_DEPTH: u32 = 1_000_000;

/// Most memory for backtracking in the interpreter, in KiB. PCRE2's default is 20 GB.
const MAX_MATCH_HEAP_KIB: u32 = 64 * 1024;

/// Most memory for backtracking in compiled patterns, in bytes.
const MAX_JIT_STACK_BYTES: usize = 512 * 1024;

/// PCRE2's code for a subject that is not UTF-8 lies in this range (`PCRE2_ERROR_UTF8_ERR1` … `ERR21`).
const NOT_UTF8: std::ops::RangeInclusive<i32> = -23..=-3;

/// Items that PCRE2 reads as settings when a pattern begins with them: `(*UTF)`, `(*LIMIT_MATCH=10)`.
const LEADING_SETTINGS: &[&str] = &[
    "UTF",
    "UCP",
    "NOTEMPTY",
    "NOTEMPTY_ATSTART",
    "NO_AUTO_POSSESS",
    "NO_DOTSTAR_ANCHOR",
    "NO_JIT",
    "NO_START_OPT",
    "CASELESS_RESTRICT",
    "TURKISH_CASING",
    "LIMIT_HEAP",
    "LIMIT_MATCH",
    "LIMIT_DEPTH",
    "LIMIT_RECURSION",
    "CR",
    "LF",
    "CRLF",
    "ANY",
    "NUL",
    "ANYCRLF",
    "BSR_ANYCRLF",
    "BSR_UNICODE",
];

/// Why a pattern cannot be compiled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompileError {
    /// The pattern contains NUL.
    EmbeddedNul,
    /// An option letter other than `i m s x u`.
    Flag(char),
    /// PCRE2's description of what is wrong with the pattern.
    Pattern(String),
}

impl From<CompileError> for Error {
    /// The error of the query language's `$regex`.
    fn from(error: CompileError) -> Error {
        match error {
            CompileError::EmbeddedNul => Error::bad_value("Regular expression cannot contain an embedded null byte"),
            CompileError::Flag(flag) => Error::location(51108, format!(" invalid flag in regex options: {flag}")),
            CompileError::Pattern(reason) => Error::location(51091, format!("Regular expression is invalid: {reason}")),
        }
    }
}

/// Byte offsets of a match and of its groups. Group 0 is the whole match; a group that took no part is `None`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Captures(Vec<Option<(usize, usize)>>);

impl Captures {
    /// The whole match.
    pub fn whole(&self) -> (usize, usize) {
        self.0.first().copied().flatten().unwrap_or((0, 0))
    }

    /// The groups of the pattern in the order of their opening parentheses, without the whole match.
    pub fn groups(&self) -> &[Option<(usize, usize)>] {
        self.0.get(1..).unwrap_or(&[])
    }
}

/// A compiled pattern. Cloning shares it; it can be used from several threads.
#[derive(Clone)]
pub struct Regex(Arc<Inner>);

struct Inner {
    pcre: Pcre,
    pattern: String,
    options: String,
}

impl Regex {
    /// Compiles a pattern with MongoDB's option letters, in any order and number. Errors are those of `$regex`.
    pub fn new(pattern: &str, options: &str) -> Result<Regex> {
        Ok(Regex::compile(pattern, options)?)
    }

    /// [`Regex::new`] for operators that have error codes of their own.
    pub fn compile(pattern: &str, options: &str) -> Result<Regex, CompileError> {
        let mut builder = RegexBuilder::new();
        builder.utf(true).jit_if_available(true).max_jit_stack_size(Some(MAX_JIT_STACK_BYTES));
        for flag in options.chars() {
            match flag {
                'i' => builder.caseless(true),
                'm' => builder.multi_line(true),
                's' => builder.dotall(true),
                'x' => builder.extended(true),
                'u' => &mut builder,
                other => return Err(CompileError::Flag(other)),
            };
        }
        if pattern.contains('\0') {
            return Err(CompileError::EmbeddedNul);
        }
        let pcre = builder.build(&limited(pattern)).map_err(|error| CompileError::Pattern(describe(&error)))?;
        Ok(Regex(Arc::new(Inner { pcre, pattern: pattern.to_owned(), options: options.to_owned() })))
    }

    /// The pattern as given.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// The option letters as given.
    pub fn options(&self) -> &str {
        &self.0.options
    }

    /// How many groups the pattern has, the whole match not counted.
    pub fn group_count(&self) -> usize {
        self.0.pcre.captures_len().saturating_sub(1)
    }

    /// Whether the pattern occurs in the subject. A subject that is not UTF-8 matches nothing.
    pub fn is_match(&self, subject: &[u8]) -> Result<bool> {
        settle(self.0.pcre.is_match(subject), false)
    }

    /// Where the pattern first occurs at or after byte `start`, which must lie on a character boundary. Look-behind
    /// sees what stands before `start`.
    pub fn find_at(&self, subject: &[u8], start: usize) -> Result<Option<(usize, usize)>> {
        if start > subject.len() {
            return Ok(None);
        }
        let found = settle(self.0.pcre.find_at(subject, start), None)?;
        // `\K` in a look-ahead can put the start of a match behind its end.
        Ok(found.map(|found| (found.start().min(found.end()), found.end())))
    }

    /// [`Regex::find_at`] with the groups.
    pub fn captures_at(&self, subject: &[u8], start: usize) -> Result<Option<Captures>> {
        if start > subject.len() {
            return Ok(None);
        }
        let mut locations = self.0.pcre.capture_locations();
        if settle(self.0.pcre.captures_read_at(&mut locations, subject, start), None)?.is_none() {
            return Ok(None);
        }
        let offsets = (0..locations.len()).map(|group| locations.get(group).map(|(s, e)| (s.min(e), e))).collect();
        Ok(Some(Captures(offsets)))
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}", self.pattern(), self.options())
    }
}

/// The pattern with our limits set after any settings of its own, because of several PCRE2 takes the last.
fn limited(pattern: &str) -> String {
    let own = pattern.len() - without_leading_settings(pattern).len();
    let (settings, rest) = pattern.split_at(own);
    format!(
        "{settings}(*LIMIT_MATCH={MAX_MATCH_STEPS})(*LIMIT_DEPTH={MAX_MATCH_DEPTH})\
         (*LIMIT_HEAP={MAX_MATCH_HEAP_KIB}){rest}"
    )
}

fn without_leading_settings(mut pattern: &str) -> &str {
    while let Some((item, rest)) = pattern.strip_prefix("(*").and_then(|rest| rest.split_once(')')) {
        let name = item.split_once('=').map_or(item, |(name, _)| name);
        if !LEADING_SETTINGS.contains(&name) {
            break;
        }
        pattern = rest;
    }
    pattern
}

/// PCRE2's message without what the wrapper puts before it.
fn describe(error: &pcre2::Error) -> String {
    let text = error.to_string();
    match error.offset() {
        Some(offset) => text
            .split_once(&format!("at offset {offset}: "))
            .map_or_else(|| text.clone(), |(_, reason)| reason.to_owned()),
        None => text,
    }
}

/// Turns a failed match into MongoDB's error, and a subject that is not text into `no_match`.
fn settle<T>(result: Result<T, pcre2::Error>, no_match: T) -> Result<T> {
    match result {
        Ok(found) => Ok(found),
        Err(error) if NOT_UTF8.contains(&error.code()) => Ok(no_match),
        Err(error) => Err(exhausted(error.code())),
    }
}

#[cold]
fn exhausted(code: i32) -> Error {
    Error::new(Code(51156), format!("Error occurred while executing the regular expression. Result code: {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, options: &str, subject: &str) -> bool {
        Regex::new(pattern, options).unwrap().is_match(subject.as_bytes()).unwrap()
    }

    fn code(pattern: &str, options: &str) -> (i32, String) {
        let error = Regex::new(pattern, options).unwrap_err();
        (error.code().0, error.message().to_owned())
    }

    #[test]
    fn option_letters() {
        assert!(holds("^ABC", "i", "abcd"));
        assert!(holds("^CAFÉ", "i", "café"));
        assert!(holds("^S", "m", "First\nSecond"));
        assert!(!holds("^S", "", "First\nSecond"));
        assert!(holds("a.b", "s", "a\nb"));
        assert!(holds("a b # note", "x", "ab"));
        assert!(holds("ab", "uu", "ab"));
    }

    #[test]
    fn perl_syntax() {
        assert!(holds(r"(\w)\1", "", "hello"));
        assert!(holds("foo(?=bar)", "", "foobar"));
        assert!(!holds("(?<!a)b", "", "ab"));
        assert!(holds("(*UTF)(*LIMIT_MATCH=5000)^.$", "", "é"));
    }

    #[test]
    fn errors_have_mongodbs_codes() {
        assert_eq!(code("a", "g"), (51108, " invalid flag in regex options: g".to_owned()));
        assert_eq!(code("a\0b", ""), (2, "Regular expression cannot contain an embedded null byte".to_owned()));
        let (number, message) = code("[a", "");
        assert_eq!(number, 51091);
        assert_eq!(message, "Regular expression is invalid: missing terminating ] for character class");
        assert_eq!(code(&"a".repeat(32769), "").0, 51091);
    }

    #[test]
    fn hostile_patterns_end() {
        let many = "a".repeat(60) + "!";
        for pattern in ["(a+)+$", "(a|aa)+$", "(*NO_JIT)(a+)+$", "(*LIMIT_MATCH=4000000000)(a+)+$", "(.*)*(.*)*(.*)*$x"]
        {
            let started = std::time::Instant::now();
            let outcome = Regex::new(pattern, "").unwrap().is_match(many.as_bytes());
            assert!(started.elapsed().as_secs() < 20, "{pattern} took {:?}", started.elapsed());
            if let Err(error) = outcome {
                assert_eq!(error.code().0, 51156, "{pattern}");
            }
        }
    }

    #[test]
    fn subjects_that_are_not_text() {
        let any = Regex::new(".", "").unwrap();
        assert!(!any.is_match(b"\xff\xfe").unwrap());
        assert_eq!(any.find_at(b"ab\xff", 0).unwrap(), None);
        assert!(any.is_match("x\0".as_bytes()).unwrap());
    }

    #[test]
    fn offsets_are_bytes() {
        let regex = Regex::new("(é)(x)?(b)", "").unwrap();
        let found = regex.captures_at("aéb".as_bytes(), 0).unwrap().unwrap();
        assert_eq!(found.whole(), (1, 4));
        assert_eq!(found.groups(), [Some((1, 3)), None, Some((3, 4))]);
        assert_eq!(regex.group_count(), 3);
        assert_eq!(regex.find_at("aéb".as_bytes(), 3).unwrap(), None);
        assert_eq!(regex.find_at(b"", 7).unwrap(), None);
    }
}
