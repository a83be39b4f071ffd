//! What can go wrong, and the exit code that says so.

use std::io;

/// Why the tool ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line, or a statement on it, makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The store could not be opened, or the server not be reached.
    #[error("{0}")]
    Unreachable(String),
    /// A command failed.
    #[error("{0}")]
    Command(smongo::Error),
    /// A file could not be read or written.
    #[error("{context}: {error}")]
    File {
        /// The file, or what was being done.
        context: String,
        /// What the system says.
        error: io::Error,
    },
    /// The data is not what it should be.
    #[error("{0}")]
    Data(String),
}

impl Failure {
    /// 1: an operation failed or damage was found; 2: a bad command line; 3: no such store or server; 4: a file.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Command(error) if error.code_name() == "HostUnreachable" => 3,
            Self::Command(_) | Self::Data(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::File { .. } => 4,
        }
    }

    /// A failure with a file.
    pub fn file(context: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let context = context.into();
        move |error| Self::File { context, error }
    }
}

impl From<smongo::Error> for Failure {
    fn from(error: smongo::Error) -> Self {
        Self::Command(error)
    }
}
