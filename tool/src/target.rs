//! Opening what the command line names: a data directory or a server.

use std::path::Path;

use smongo::Client;

use crate::failure::Failure;

/// How long a server may take to be found, in milliseconds, unless the URI says.
const SELECTION_TIMEOUT_MS: u32 = 5000;

/// Whether a data directory may be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// One that is missing is made.
    Create,
    /// One that is missing is an error: there is nothing to read in it.
    Refuse,
}

/// Opens a URI or a path.
pub fn open(target: &str, missing: Missing) -> Result<Client, Failure> {
    let opened = match target.split_once("://") {
        None => open_directory(target, missing),
        Some(("local", ":memory:")) => Client::in_memory(),
        Some(("local", path)) if !path.contains('?') => open_directory(path, missing),
        Some(("mongodb" | "mongodb+srv", _)) => Client::connect(with_timeout(target)),
        Some(_) => Client::connect(target),
    };
    opened.map_err(|error| Failure::Unreachable(error.message().to_owned()))
}

fn open_directory(path: &str, missing: Missing) -> smongo::Result<Client> {
    // The file that every WiredTiger home has.
    if missing == Missing::Refuse && !Path::new(path).join("WiredTiger").exists() {
        let message = format!("there is no data in the directory '{path}'");
        return Err(smongo::Error::new(smongo_vm::Code::NAMESPACE_NOT_FOUND, message));
    }
    Client::open(path)
}

fn with_timeout(uri: &str) -> String {
    if uri.contains("serverSelectionTimeoutMS") {
        return uri.to_owned();
    }
    let option = format!("serverSelectionTimeoutMS={SELECTION_TIMEOUT_MS}");
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    match (uri.contains('?'), after_scheme.contains('/')) {
        (true, _) => format!("{uri}&{option}"),
        (false, true) => format!("{uri}?{option}"),
        (false, false) => format!("{uri}/?{option}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_gets_a_timeout() {
        let option = "serverSelectionTimeoutMS=5000";
        assert_eq!(with_timeout("mongodb://h"), format!("mongodb://h/?{option}"));
        assert_eq!(with_timeout("mongodb://h/db"), format!("mongodb://h/db?{option}"));
        assert_eq!(with_timeout("mongodb://h/?tls=true"), format!("mongodb://h/?tls=true&{option}"));
        assert_eq!(with_timeout("mongodb://h/?serverSelectionTimeoutMS=1"), "mongodb://h/?serverSelectionTimeoutMS=1");
    }
}
