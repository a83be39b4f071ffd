//! The shell at a terminal: line editing, history, completion.

use std::path::PathBuf;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};

use super::{Next, Shell, collection, database, lexer};
use crate::failure::Failure;

/// Talks until the end of the input or `exit`.
pub fn run(shell: &mut Shell) -> Result<(), Failure> {
    let failed = |error: ReadlineError| Failure::Data(format!("the terminal: {error}"));
    let mut editor: Editor<Assistant, FileHistory> = Editor::new().map_err(failed)?;
    editor.set_helper(Some(Assistant { collections: Vec::new() }));
    let history = history_file();
    if let Some(file) = &history {
        // There is none the first time.
        let _ = editor.load_history(file);
    }
    shell.output.note("`help` lists what can be said");
    loop {
        if let Some(assistant) = editor.helper_mut() {
            // Without the names there is less to complete.
            assistant.collections = shell.client.database(&shell.db).list_collection_names().run().unwrap_or_default();
        }
        match editor.readline(&format!("{}> ", shell.db)) {
            Ok(line) => {
                // A history that cannot be kept is no reason to stop.
                let _ = editor.add_history_entry(&line);
                match shell.run(&line) {
                    Ok(Next::Exit) => break,
                    Ok(Next::Statement) => {}
                    Err(failure) => shell.output.failure(&failure),
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(file) = &history {
        let _ = editor.save_history(file);
    }
    Ok(())
}

fn history_file() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("HOME")?).join(".smongo_history"))
}

/// What helps while a line is written.
struct Assistant {
    collections: Vec<String>,
}

impl Assistant {
    /// Where the word at the end of `line` begins, and what it may become.
    fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').map_or(0, |at| at + 1);
        let (before, word) = line.split_at(start);
        let static_names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let names = match before.trim_start() {
            "" => static_names(&["db", "exit", "help", "it", "rs", "show", "use"]),
            "show " => static_names(&["collections", "dbs", "roles", "users"]),
            "db." => [static_names(database::METHODS), self.collections.clone()].concat(),
            before if before.ends_with(").") => static_names(collection::MODIFIERS),
            before if before.starts_with("db.") && before.ends_with('.') => static_names(collection::METHODS),
            _ => Vec::new(),
        };
        (start, names.into_iter().filter(|name| name.starts_with(word)).collect())
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, names) = self.candidates(&line[..at]);
        let pair = |name: String| Pair { display: name.clone(), replacement: name };
        Ok((start, names.into_iter().map(pair).collect()))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = lexer::is_open(context.input());
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}

impl Helper for Assistant {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_what_can_stand_there() {
        let assistant = Assistant { collections: vec!["films".into(), "cast".into()] };
        let complete = |line: &str| assistant.candidates(line).1;
        assert_eq!(complete("sh"), ["show"]);
        assert_eq!(complete("show d"), ["dbs"]);
        assert_eq!(complete("db.fi"), ["films"]);
        assert_eq!(complete("db.films.countD"), ["countDocuments"]);
        assert_eq!(complete("db.films.find({a: 1}).so"), ["sort"]);
        assert_eq!(assistant.candidates("db.films.find({a: 1}).so").0, 22);
        assert!(complete("db.films.find({a").is_empty());
    }
}
