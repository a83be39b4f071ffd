//! Results as text or JSON, and progress for those who watch.

use std::io::{self, IsTerminal, Write};

use bson::{Bson, Document, doc};
use indicatif::{ProgressBar, ProgressStyle};
use smongo_vm::value::extjson::Notation;

use crate::failure::Failure;
use crate::values;

/// How results are written.
#[derive(Clone, Debug)]
pub struct Output {
    /// One JSON document a line instead of text.
    pub json: bool,
    quiet: bool,
}

impl Output {
    /// Results as the command line wants them.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Writes a result: a line of JSON, or the text.
    pub fn result(&self, json: &Document, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { self.json_line(&Bson::Document(json.clone())) } else { self.line(&text()) }
    }

    /// Writes a value as a line of JSON.
    pub fn json_line(&self, value: &Bson) -> Result<(), Failure> {
        self.line(&values::to_line(value, Notation::Relaxed)?)
    }

    /// Writes a line.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        writeln!(io::stdout().lock(), "{text}").map_err(Failure::file("standard output"))
    }

    /// Tells whoever watches, and no script, what is going on.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Tells why the tool fails.
    pub fn failure(&self, failure: &Failure) {
        if !self.json {
            eprintln!("smongo: {failure}");
            return;
        }
        let mut error = doc! { "message": failure.to_string() };
        if let Failure::Command(command) = failure {
            error.insert("code", command.code());
            error.insert("codeName", command.code_name().into_owned());
        }
        let line = values::to_line(&Bson::Document(doc! { "ok": 0, "error": error }), Notation::Relaxed);
        eprintln!("{}", line.unwrap_or_else(|_| failure.to_string()));
    }

    /// A bar for `total` steps, or a counter where the total is not known. It shows on a terminal only.
    pub fn progress(&self, what: &str, total: Option<u64>, bytes: bool) -> ProgressBar {
        if self.quiet || self.json || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let (bar, template) = match (total, bytes) {
            (Some(total), true) => (
                ProgressBar::new(total),
                "{msg:28!} [{bar:30}] {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>5}",
            ),
            (Some(total), false) => {
                (ProgressBar::new(total), "{msg:28!} [{bar:30}] {pos:>10}/{len:10} {per_sec:>14} {eta:>5}")
            }
            (None, _) => (ProgressBar::new_spinner(), "{msg:28!} {spinner} {pos} {per_sec}"),
        };
        // A template that does not parse is a mistake in the lines above; the default style serves as well.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(what.to_owned());
        bar
    }
}

/// Bytes as people read them.
pub fn bytes(count: i64) -> String {
    indicatif::HumanBytes(u64::try_from(count).unwrap_or(0)).to_string()
}
