//! Regular expressions as MongoDB's users know them: PCRE2 in UTF mode with the option letters `i m s x u`.
//!
//! What this module promises beyond PCRE2 is that a pattern from a stranger cannot hang the engine. PCRE2 limits the steps
//! from one place where a match may begin; a long subject has many such places. So a search goes over the subject in
//! windows of starts, asks between them whether to go on, and gives up when the steps that they may have taken come to
//! [`STEPS_PER_SEARCH`], with an error, never with "no match". What PCRE2 reads without backtracking it does not count: a
//! look-ahead over all that follows, from every start, takes quadratic time as in mongod, but can be interrupted. The
//! module must not know operators; those that need codes of their own (`$regexFind`) match on [`CompileError`].

mod pcre;

use std::fmt;
use std::sync::Arc;

use pcre2_sys as sys;

use self::pcre::{Pattern, Range};
use crate::code::Code;
use crate::env::Env;
use crate::error::{Error, Result};

/// Most backtracking steps from one start, from the first attempt to the last. mongod leaves PCRE2's default, which is
/// the last.
const STEPS_PER_START: [u32; 7] = [40, 400, 4_000, 40_000, 400_000, 4_000_000, 10_000_000];

/// Most backtracking steps in one window, roughly a tenth of a second.
const STEPS_PER_WINDOW: usize = 10_000_000;

/// Most backtracking steps of one search. MongoDB has no such limit: there a search ends when every start has had its
/// steps.
const STEPS_PER_SEARCH: usize = 1_000_000_000;

/// Most bytes that the starts of one window may have behind them, all together: a few seconds, if each reads them all.
const BYTES_PER_WINDOW: usize = 2_000_000_000;

/// Most windows of a search because of its bytes; so many calls cost little beside reading a subject of that length.
const MAX_BYTE_WINDOWS: usize = 1000;

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
    compiled: Pattern,
    pattern: String,
    options: String,
    /// Whether a search may go on behind a window as if it began there.
    has_windows: bool,
}

impl Regex {
    /// Compiles a pattern with MongoDB's option letters, in any order and number. Errors are those of `$regex`.
    pub fn new(pattern: &str, options: &str) -> Result<Regex> {
        Ok(Regex::compile(pattern, options)?)
    }

    /// [`Regex::new`] for operators that have error codes of their own.
    pub fn compile(pattern: &str, options: &str) -> Result<Regex, CompileError> {
        let mut flags = 0;
        for flag in options.chars() {
            flags |= match flag {
                'i' => sys::PCRE2_CASELESS,
                'm' => sys::PCRE2_MULTILINE,
                's' => sys::PCRE2_DOTALL,
                'x' => sys::PCRE2_EXTENDED,
                'u' => 0,
                other => return Err(CompileError::Flag(other)),
            };
        }
        if pattern.contains('\0') {
            return Err(CompileError::EmbeddedNul);
        }
        let compiled = Pattern::new(pattern, flags).map_err(CompileError::Pattern)?;
        // `\G` asks where the search began, and these verbs end it or skip starts.
        let has_windows = !["\\G", "(*COMMIT", "(*SKIP"].iter().any(|item| pattern.contains(item));
        let inner = Inner { compiled, pattern: pattern.to_owned(), options: options.to_owned(), has_windows };
        Ok(Regex(Arc::new(inner)))
    }

    /// The pattern as given.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// The option letters as given.
    pub fn options(&self) -> &str {
        &self.0.options
    }

    /// Whether the pattern occurs in the subject. A subject that is not UTF-8 matches nothing.
    pub fn is_match(&self, subject: &[u8], env: &Env<'_>) -> Result<bool> {
        let Ok(subject) = std::str::from_utf8(subject) else { return Ok(false) };
        Ok(self.search(subject, 0, 0, env, |_| ())?.is_some())
    }

    /// Where the pattern first occurs at or after byte `start`, and its groups. Look-behind sees what stands before
    /// `start`.
    pub fn captures_at(&self, subject: &str, start: usize, env: &Env<'_>) -> Result<Option<Captures>> {
        self.search(subject, start, self.0.compiled.groups(), env, |offsets| {
            let (pairs, _) = offsets.as_chunks();
            Captures(pairs.iter().map(pair).collect())
        })
    }

    fn search<T>(
        &self,
        subject: &str,
        start: usize,
        groups: usize,
        env: &Env<'_>,
        mut read: impl FnMut(&[usize]) -> T,
    ) -> Result<Option<T>> {
        if start > subject.len() {
            return Ok(None);
        }
        let length = subject.len() - start;
        if !self.0.has_windows {
            let [least, .., most] = STEPS_PER_START;
            let steps = u32::try_from(STEPS_PER_SEARCH / (length + 1)).unwrap_or(most).clamp(least, most);
            let range = Range { start, last_start: subject.len(), steps };
            return self.0.compiled.search(subject, range, groups, read).map_err(failed);
        }
        let by_bytes = (BYTES_PER_WINDOW / (length + 1)).max(length / MAX_BYTE_WINDOWS);
        let mut levels = STEPS_PER_START.into_iter();
        let mut range = Range { start, last_start: 0, steps: levels.next().unwrap_or_default() };
        let mut spent = 0;
        while spent <= STEPS_PER_SEARCH {
            let starts = (STEPS_PER_WINDOW / range.steps as usize).min(by_bytes).max(1);
            range.last_start = range.start + starts - 1;
            match self.0.compiled.search(subject, range, groups, &mut read) {
                Ok(None) if range.last_start < subject.len() => {
                    range.start = subject.ceil_char_boundary(range.last_start + 1);
                }
                Err(sys::PCRE2_ERROR_MATCHLIMIT) => {
                    range.steps = levels.next().ok_or_else(|| failed(sys::PCRE2_ERROR_MATCHLIMIT))?;
                }
                outcome => return outcome.map_err(failed),
            }
            spent += starts * range.steps as usize;
            env.interrupt.map_or(Ok(()), |interrupted| interrupted())?;
        }
        Err(failed(sys::PCRE2_ERROR_MATCHLIMIT))
    }
}

/// A pair of offsets as PCRE2 gives them.
fn pair(&[start, end]: &[usize; 2]) -> Option<(usize, usize)> {
    // `\K` in a look-ahead can put the start of a match behind its end.
    (end != sys::PCRE2_UNSET).then(|| (start.min(end), end))
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}", self.pattern(), self.options())
    }
}

/// MongoDB's error for a search that ended before its time.
#[cold]
fn failed(code: i32) -> Error {
    Error::new(Code(51156), format!("Error occurred while executing the regular expression. Result code: {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, options: &str, subject: &str) -> bool {
        Regex::new(pattern, options).unwrap().is_match(subject.as_bytes(), &Env::fixed()).unwrap()
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

    /// Patterns that take exponential, cubic or quadratic time, over subjects that make them take it.
    #[test]
    fn hostile_patterns_end() {
        const SUBJECT_BYTES: usize = 1 << 20;
        let subjects = ["a", "ab", "aé", "x\n"].map(|unit| unit.repeat(SUBJECT_BYTES / unit.len()) + "!");
        let patterns = [
            "(a+)+$",
            "^(a+)+$",
            "(a|aa)+$",
            "(?:a|b)*c",
            "(?:a+b?)*c$",
            "a*a*a*c",
            "(.*)*(.*)*(.*)*$x",
            "(\\w+\\s?)*:$",
            "(?<=a)(?:a|aa)+$",
            "(?s).*.*=.*",
            "\\G(?:a|b)*c|(?:a|b)*d",
            "(?:a|b)*c(*COMMIT)",
            "(*NO_JIT)(a+)+$",
            "(*LIMIT_MATCH=4000000000)(a+)+$",
        ];
        for pattern in patterns {
            for subject in &subjects {
                let started = std::time::Instant::now();
                let outcome = Regex::new(pattern, "").unwrap().is_match(subject.as_bytes(), &Env::fixed());
                let unit: String = subject.chars().take(2).collect();
                assert!(started.elapsed().as_secs() < 60, "{pattern} over {unit:?} took {:?}", started.elapsed());
                println!("{pattern:35} over {unit:?}: {outcome:?} after {:?}", started.elapsed());
                if let Err(error) = outcome {
                    assert_eq!(error.code().0, 51156, "{pattern}");
                }
            }
        }
    }

    #[test]
    fn a_long_search_asks_whether_to_go_on() {
        let stop = || Err(Error::new(Code::INTERRUPTED, "stop"));
        let env = Env { interrupt: Some(&stop), ..Env::fixed() };
        let subject = vec![b'a'; 1 << 20];
        // The second takes a step or two from each start, and reads all that follows.
        for slow in ["a*a*a*c", "(?=(a+))a*b\\1", "(*NO_START_OPT)(?=(a+))a*b\\1"] {
            let started = std::time::Instant::now();
            let error = Regex::new(slow, "").unwrap().is_match(&subject, &env).unwrap_err();
            assert_eq!(error.code(), Code::INTERRUPTED, "{slow}");
            println!("{slow:35} asked after {:?}", started.elapsed());
            assert!(started.elapsed().as_secs() < 60, "{slow} took {:?}", started.elapsed());
        }
    }

    #[test]
    fn windows_do_not_change_what_is_found() {
        let window = STEPS_PER_WINDOW / STEPS_PER_START[0] as usize;
        let before = "é".repeat(window);
        let find = |pattern: &str, subject: &str| {
            let found = Regex::new(pattern, "").unwrap().captures_at(subject, 0, &Env::fixed()).unwrap();
            found.map(|found| found.whole())
        };
        let (at, subject) = (before.len(), before + "ab");
        assert_eq!(find("(?<=é)ab$", &subject), Some((at, at + 2)));
        assert_eq!(find("$", &subject), Some((at + 2, at + 2)));
        assert_eq!(find("^a", &subject), None);
        assert_eq!(find("\\Ga", &subject), None);
        assert_eq!(find("é(*COMMIT)b|a", &subject), None);
        assert_eq!(find("b(?!$)", &subject), None);
    }

    #[test]
    fn subjects_that_are_not_text() {
        let any = Regex::new(".", "").unwrap();
        assert!(!any.is_match(b"\xff\xfe", &Env::fixed()).unwrap());
        assert!(!any.is_match(b"ab\xff", &Env::fixed()).unwrap());
        assert!(any.is_match("x\0".as_bytes(), &Env::fixed()).unwrap());
    }

    #[test]
    fn offsets_are_bytes() {
        let regex = Regex::new("(é)(x)?(b)", "").unwrap();
        let found = regex.captures_at("aéb", 0, &Env::fixed()).unwrap().unwrap();
        assert_eq!(found.whole(), (1, 4));
        assert_eq!(found.groups(), [Some((1, 3)), None, Some((3, 4))]);
        assert_eq!(regex.captures_at("aéb", 3, &Env::fixed()).unwrap(), None);
        assert_eq!(regex.captures_at("", 7, &Env::fixed()).unwrap(), None);
    }
}
