//! Log lines in mongod's format: one JSON document a line, and the last lines kept for `getLog`.
//!
//! Message ids are mongod's where the event is the same, so that tools which wait for "Waiting for connections"
//! (23016) or collect "Slow query" (51803) work unchanged.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// Lines kept for `getLog`. MongoDB: 1024.
const KEPT_LINES: usize = 1024;

/// Longest line that is kept, in bytes. MongoDB's default limit for attributes: 10 kB.
const KEPT_LINE_BYTES: usize = 10 * 1024;

/// How grave an event is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Severity {
    Info,
    Warning,
    Error,
    Fatal,
}

impl Severity {
    fn letter(self) -> char {
        match self {
            Self::Info => 'I',
            Self::Warning => 'W',
            Self::Error => 'E',
            Self::Fatal => 'F',
        }
    }
}

/// One attribute's value.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Attr<'a> {
    Str(&'a str),
    Int(i64),
    Bool(bool),
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// How grave.
    pub severity: Severity,
    /// mongod's component name: `NETWORK`, `COMMAND`, `CONTROL`, `STORAGE`, ….
    pub component: &'a str,
    /// mongod's number for the message.
    pub id: u32,
    /// The thread or connection it happened on.
    pub context: &'a str,
    /// What happened.
    pub message: &'a str,
    /// Details.
    pub attrs: &'a [(&'a str, Attr<'a>)],
}

/// Where log lines go.
pub struct Log {
    state: Mutex<State>,
    quiet: AtomicBool,
}

struct State {
    sink: Box<dyn Write + Send>,
    /// The file behind the sink, where it is one that can be rotated.
    path: Option<PathBuf>,
    kept: VecDeque<String>,
    total: u64,
    line: String,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// A log that writes to `sink`.
    pub fn new(sink: impl Write + Send + 'static) -> Self {
        Self::with(Box::new(sink), None)
    }

    /// A log that is appended to a file.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        Ok(Self::with(Box::new(open_for_append(path)?), Some(path.to_owned())))
    }

    fn with(sink: Box<dyn Write + Send>, path: Option<PathBuf>) -> Self {
        let state = State { sink, path, kept: VecDeque::new(), total: 0, line: String::new() };
        Self { state: Mutex::new(state), quiet: AtomicBool::new(false) }
    }

    /// Whether the coming and going of connections is left out.
    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Relaxed)
    }

    /// Leaves the coming and going of connections out, or not.
    pub fn set_quiet(&self, quiet: bool) {
        self.quiet.store(quiet, Ordering::Relaxed);
    }

    /// Renames the log's file, with the time behind its name, and begins a new one. A log without a file stays as it is.
    pub fn rotate(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let Some(path) = &state.path else { return Ok(()) };
        let mut old = path.clone().into_os_string();
        old.push(jiff::Timestamp::now().strftime(".%Y-%m-%dT%H-%M-%S").to_string());
        if Path::new(&old).exists() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the log was rotated within this second"));
        }
        std::fs::rename(path, old)?;
        state.sink = Box::new(open_for_append(path)?);
        Ok(())
    }

    /// A log that only keeps its last lines.
    pub fn silent() -> Self {
        Self::new(io::sink())
    }

    /// Writes one event. A sink that fails is ignored: the server does not stop for want of a log.
    pub fn write(&self, event: &Event<'_>) {
        let now = jiff::Timestamp::now();
        let mut state = self.state.lock();
        let state = &mut *state;
        state.line.clear();
        format(&mut state.line, event, now);
        state.total += 1;
        if state.kept.len() == KEPT_LINES {
            state.kept.pop_front();
        }
        let mut end = state.line.len().min(KEPT_LINE_BYTES);
        while !state.line.is_char_boundary(end) {
            end -= 1;
        }
        state.kept.push_back(state.line[..end].to_owned());
        state.line.push('\n');
        let _ = state.sink.write_all(state.line.as_bytes()).and_then(|()| state.sink.flush());
    }

    /// Writes an informational event.
    pub fn info(&self, component: &str, id: u32, context: &str, message: &str, attrs: &[(&str, Attr<'_>)]) {
        self.write(&Event { severity: Severity::Info, component, id, context, message, attrs });
    }

    /// Writes a warning.
    pub fn warn(&self, component: &str, id: u32, context: &str, message: &str, attrs: &[(&str, Attr<'_>)]) {
        self.write(&Event { severity: Severity::Warning, component, id, context, message, attrs });
    }

    /// Lines written in all, and the last of them, oldest first.
    pub fn recent(&self) -> (u64, Vec<String>) {
        let state = self.state.lock();
        (state.total, state.kept.iter().cloned().collect())
    }
}

fn open_for_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn format(out: &mut String, event: &Event<'_>, now: jiff::Timestamp) {
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        r#"{{"t":{{"$date":"{}"}},"s":"{}","#,
        now.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00"),
        event.severity.letter()
    );
    let pad = |width: usize, text: &str| width.saturating_sub(text.len());
    let _ = write!(out, r#""c":"{}",{:pad$}"#, event.component, "", pad = pad(9, event.component));
    let _ = write!(out, r#""id":{},"ctx":"#, event.id);
    quote(out, event.context);
    out.push_str(r#","msg":"#);
    quote(out, event.message);
    if !event.attrs.is_empty() {
        out.push_str(r#","attr":{"#);
        for (i, (name, value)) in event.attrs.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            quote(out, name);
            out.push(':');
            match value {
                Attr::Str(text) => quote(out, text),
                Attr::Int(n) => {
                    let _ = write!(out, "{n}");
                }
                Attr::Bool(b) => {
                    let _ = write!(out, "{b}");
                }
            }
        }
        out.push('}');
    }
    out.push('}');
}

/// Appends `text` as a JSON string.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_json_document_a_line() {
        let event = Event {
            severity: Severity::Info,
            component: "NETWORK",
            id: 23016,
            context: "listener",
            message: "Waiting for \"connections\"\n",
            attrs: &[("port", Attr::Int(27017)), ("ssl", Attr::Str("off")), ("on", Attr::Bool(true))],
        };
        let mut line = String::new();
        format(&mut line, &event, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(
            line,
            r#"{"t":{"$date":"1970-01-01T00:00:00.000+00:00"},"s":"I","c":"NETWORK",  "id":23016,"ctx":"listener","msg":"Waiting for \"connections\"\n","attr":{"port":27017,"ssl":"off","on":true}}"#
        );
    }

    #[test]
    fn keeps_the_last_lines() {
        let log = Log::silent();
        for n in 0..1500 {
            log.info("CONTROL", n, "test", "line", &[]);
        }
        let (total, lines) = log.recent();
        assert_eq!((total, lines.len()), (1500, KEPT_LINES));
        assert!(lines[0].contains(r#""id":476,"#));
    }
}
