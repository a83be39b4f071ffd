//! The one error of the machine: MongoDB's code and a message in MongoDB's wording, made where the cause is known.

use std::fmt;

use crate::code::Code;

/// What every fallible step of the machine and the compiler returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error as MongoDB's clients see it: a numeric code (its name follows from it) and a message.
///
/// Kept to one pointer, so that `Result`s on hot paths stay small.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    code: Code,
    message: String,
    /// The code that groups answer with instead.
    group_code: Option<Code>,
}

impl Error {
    /// An error with MongoDB's `code` and a message worded as mongod words it.
    #[cold]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), group_code: None }))
    }

    /// `BadValue` (2), the most common answer to a malformed request.
    #[cold]
    pub fn bad_value(message: impl Into<String>) -> Self {
        Self::new(Code::BAD_VALUE, message)
    }

    /// `FailedToParse` (9).
    #[cold]
    pub fn failed_to_parse(message: impl Into<String>) -> Self {
        Self::new(Code::FAILED_TO_PARSE, message)
    }

    /// `TypeMismatch` (14).
    #[cold]
    pub fn type_mismatch(message: impl Into<String>) -> Self {
        Self::new(Code::TYPE_MISMATCH, message)
    }

    /// An error known by number only, which mongod reports as `Location<number>`.
    #[cold]
    pub fn location(number: i32, message: impl Into<String>) -> Self {
        Self::new(Code(number), message)
    }

    /// MongoDB's numeric code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message, without code or name.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The same error, which has another number where MongoDB runs it in a `$group`: groups have an engine of their own
    /// there, with its own numbers for a few errors.
    #[must_use]
    pub fn or_in_group(mut self, number: i32) -> Self {
        self.0.group_code = Some(Code(number));
        self
    }

    /// The error as it is in a `$group`.
    #[must_use]
    pub fn in_group(mut self) -> Self {
        self.0.code = self.0.group_code.unwrap_or(self.0.code);
        self
    }

    /// The same error with `prefix` put before its message, as mongod adds context ("Failed to parse … :: caused by :: …").
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.0.message.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.0.code.name(), self.0.code.0, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
