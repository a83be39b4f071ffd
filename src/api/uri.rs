//! The one URI that says where the data is.

use std::path::PathBuf;

use smongo_vm::Code;

use crate::error::{Error, Result};

/// What a URI names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A data directory.
    Directory(PathBuf),
    /// Memory that is forgotten at the end.
    Memory,
    /// A server, or several: for MongoDB's driver to read.
    Server,
}

impl Address {
    /// Reads a URI.
    pub fn parse(uri: &str) -> Result<Self> {
        let bad = |message: String| Err(Error::new(Code::BAD_VALUE, message));
        let Some((scheme, rest)) = uri.split_once("://") else {
            return bad(format!("'{uri}' is no URI: it begins with local://, mongodb:// or mongodb+srv://"));
        };
        match scheme {
            "mongodb" | "mongodb+srv" => Ok(Self::Server),
            "local" => {
                let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
                let mut names = options.split('&').map(|option| option.split('=').next().unwrap_or(option));
                match names.find(|name| !name.is_empty()) {
                    Some("sync") => {
                        let message = "a store that synchronises with a server (?sync=) is not built yet";
                        return Err(Error::new(Code::NOT_IMPLEMENTED, message));
                    }
                    Some(name) => return bad(format!("a local:// URI has no option '{name}'")),
                    None => {}
                }
                match path {
                    "" => bad("a local:// URI names a directory, or :memory:".into()),
                    ":memory:" => Ok(Self::Memory),
                    path => Ok(Self::Directory(path.into())),
                }
            }
            other => bad(format!("unknown scheme '{other}://': local://, mongodb:// and mongodb+srv:// are known")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_the_data_is() {
        assert_eq!(Address::parse("local://:memory:").unwrap(), Address::Memory);
        assert_eq!(Address::parse("local://data/x").unwrap(), Address::Directory("data/x".into()));
        assert_eq!(Address::parse("local:///var/data").unwrap(), Address::Directory("/var/data".into()));
        assert_eq!(Address::parse("mongodb://localhost").unwrap(), Address::Server);
        assert_eq!(Address::parse("mongodb+srv://a.b.c/?x=y").unwrap(), Address::Server);
    }

    #[test]
    fn refuses_with_a_reason() {
        for (uri, code) in [
            ("data", 2),
            ("local://", 2),
            ("http://localhost", 2),
            ("local://data?cache=1", 2),
            ("local://data?sync=mongodb://localhost", 238),
        ] {
            assert_eq!(Address::parse(uri).unwrap_err().code(), code, "{uri}");
        }
    }
}
