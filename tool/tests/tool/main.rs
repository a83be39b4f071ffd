//! The tool as its users run it: the program itself, on data directories, in memory, and on a server in this process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod driver_examples;
mod dump;
mod everywhere;
mod shell;
mod transfer;
mod watching;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use smongo::{Client, Served};

/// What a run of the tool came to.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
    bytes: Vec<u8>,
}

impl Ran {
    /// The output of a run that must have succeeded.
    #[track_caller]
    fn good(self) -> String {
        assert_eq!(self.code, 0, "{} {}", self.out, self.err);
        self.out
    }
}

/// Runs the tool.
fn smongo<'a>(args: impl IntoIterator<Item = &'a str>) -> Ran {
    smongo_with(args, b"")
}

/// Runs the tool with something on its standard input.
fn smongo_with<'a>(args: impl IntoIterator<Item = &'a str>, input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_smongo"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A tool that fails early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8_lossy(&output.stdout).trim_end().to_owned(),
        err: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
        bytes: output.stdout,
    }
}

/// A store in memory that is served by this process, and the URI by which others reach it.
fn served() -> (Client, Served, String) {
    let client = Client::in_memory().unwrap();
    let served = client.serve("127.0.0.1:0").unwrap();
    let uri = format!("mongodb://127.0.0.1:{}", served.port());
    (client, served, uri)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
