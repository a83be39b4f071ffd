//! The one public error, with MongoDB's code, and the place where storage's causes get their codes.

use std::borrow::Cow;
use std::fmt;

use smongo_storage::Error as StorageError;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc};

/// What fallible operations of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation that failed, as MongoDB's clients see it.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    message: String,
    labels: Vec<Cow<'static, str>>,
    details: Option<DocBuf>,
    write_errors: Vec<WriteError>,
}

/// One document or statement of a write request that failed.
#[derive(Clone, Debug)]
pub struct WriteError {
    /// Its position in the request.
    pub index: u32,
    /// MongoDB's numeric code.
    pub code: i32,
    /// What went wrong.
    pub message: String,
    /// Fields that accompany the code, such as `keyPattern` and `keyValue`.
    pub details: Option<DocBuf>,
}

impl WriteError {
    /// What befell the statement at `index`.
    pub(crate) fn new(index: usize, error: Error) -> Self {
        let Inner { code, message, details, .. } = *error.0;
        Self { index: u32::try_from(index).unwrap_or(u32::MAX), code: code.0, message, details }
    }
}

impl Error {
    /// An error with MongoDB's code and wording.
    #[cold]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            labels: Vec::new(),
            details: None,
            write_errors: Vec::new(),
        }))
    }

    /// The same error with what was being done in front of its message.
    #[must_use]
    pub(crate) fn with_context(mut self, context: &str) -> Self {
        self.0.message.insert_str(0, context);
        self
    }

    /// The same error with fields that accompany its code in a reply.
    #[must_use]
    pub(crate) fn with_details(mut self, details: DocBuf) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same error with a label that tells a client how it may react.
    #[must_use]
    pub(crate) fn with_label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        let label = label.into();
        if !self.0.labels.contains(&label) {
            self.0.labels.push(label);
        }
        self
    }

    /// The error of a write request whose statements failed as listed.
    #[cfg(feature = "remote")]
    pub(crate) fn of_failures(write_errors: Vec<WriteError>) -> Self {
        Self::from_write_errors(write_errors).unwrap_or_else(|| Self::new(Code::UNKNOWN_ERROR, "the write failed"))
    }

    /// Whether a command succeeded, by its reply.
    pub(crate) fn check_reply(reply: &RawDoc) -> Result<()> {
        let number = |name| reply.get(name).and_then(|value| value.as_integer());
        if reply.get("ok").is_some_and(|ok| ok.as_double() == Some(1.0) || ok.as_integer() == Some(1)) {
            return Ok(());
        }
        let code = number("code").and_then(|code| i32::try_from(code).ok()).unwrap_or(Code::UNKNOWN_ERROR.0);
        let message = reply.get("errmsg").and_then(|message| message.as_str()).unwrap_or("the command failed");
        let labels = reply.get("errorLabels").and_then(|labels| labels.as_array()).unwrap_or(RawDoc::EMPTY);
        let labels = labels.values().filter_map(|label| Some(label.as_str()?.to_owned()));
        Err(labels.fold(Self::new(Code(code), message), Self::with_label))
    }

    /// The error of a write request some of whose statements failed. The first failure gives code and message.
    pub(crate) fn from_write_errors(write_errors: Vec<WriteError>) -> Option<Self> {
        let first = write_errors.first()?;
        let mut error = Self::new(Code(first.code), first.message.clone());
        error.0.details = first.details.clone();
        error.0.write_errors = write_errors;
        Some(error)
    }

    /// MongoDB's numeric code.
    pub fn code(&self) -> i32 {
        self.0.code.0
    }

    /// MongoDB's name of the code.
    pub fn code_name(&self) -> Cow<'static, str> {
        self.0.code.name()
    }

    /// What went wrong, without the code.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Labels that tell a client how it may react.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.labels.iter().map(AsRef::as_ref)
    }

    /// Whether the error carries a label.
    pub fn has_label(&self, label: &str) -> bool {
        self.labels().any(|carried| carried == label)
    }

    /// [`has_label`](Self::has_label), by the name that MongoDB's driver has for it.
    pub fn contains_label(&self, label: impl AsRef<str>) -> bool {
        self.has_label(label.as_ref())
    }

    /// The failed parts of a write request; empty for other errors.
    pub fn write_errors(&self) -> &[WriteError] {
        &self.0.write_errors
    }

    /// Fields that accompany the code in an error reply, such as `keyPattern` and `keyValue`.
    pub fn details(&self) -> Option<&RawDoc> {
        self.0.details.as_ref().map(DocBuf::as_doc)
    }

    /// Whether the same statement may succeed when it is run again.
    pub(crate) fn is_write_conflict(&self) -> bool {
        self.0.code == Code::WRITE_CONFLICT
    }

    /// Whether an error must end a whole request even where single statements may fail.
    pub(crate) fn ends_request(&self) -> bool {
        matches!(
            self.0.code,
            Code::INTERRUPTED
                | Code::INTERRUPTED_AT_SHUTDOWN
                | Code::MAX_TIME_MS_EXPIRED
                | Code::INTERNAL_ERROR
                | Code::OUT_OF_DISK_SPACE
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code_name(), self.code(), self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<smongo_vm::Error> for Error {
    fn from(error: smongo_vm::Error) -> Self {
        Self::new(error.code(), error.message())
    }
}

impl From<StorageError> for Error {
    #[cold]
    fn from(error: StorageError) -> Self {
        let code = match &error {
            StorageError::WriteConflict | StorageError::CacheFull => Code::WRITE_CONFLICT,
            // The engine turns duplicate keys into MongoDB's message where it knows the index; this is the rest.
            StorageError::DuplicateKey => Code::DUPLICATE_KEY,
            StorageError::Busy(_) => Code::LOCK_BUSY,
            StorageError::Unsupported(_) => Code::UNSUPPORTED_FORMAT,
            _ => Code::INTERNAL_ERROR,
        };
        match code {
            Code::WRITE_CONFLICT => Self::new(
                code,
                "Caused by :: Write conflict during plan execution and yielding is disabled. :: Please retry your \
                 operation or multi-document transaction.",
            ),
            _ => Self::new(code, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_code_name_and_message() {
        let error = Error::new(Code::NAMESPACE_EXISTS, "there already");
        assert_eq!(error.to_string(), "NamespaceExists (48): there already");
        assert_eq!(Error::from(StorageError::WriteConflict).code(), 112);
        assert_eq!(Error::from(smongo_vm::Error::location(40415, "x")).code_name(), "Location40415");
    }

    #[test]
    fn the_first_write_error_speaks_for_all() {
        assert!(Error::from_write_errors(Vec::new()).is_none());
        let failures = vec![
            WriteError::new(3, Error::new(Code::DUPLICATE_KEY, "dup")),
            WriteError::new(5, Error::new(Code::BAD_VALUE, "bad")),
        ];
        let error = Error::from_write_errors(failures).unwrap();
        assert_eq!((error.code(), error.write_errors().len()), (11000, 2));
    }
}
