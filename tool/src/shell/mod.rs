//! The shell: statements in, results out.
//!
//! A statement becomes a [`request::Request`], a command document with what its reply means; it knows neither sockets nor
//! stores. There is no programming language here: values are extended JSON.

mod collection;
mod database;
mod help;
mod lexer;
mod repl;
pub mod request;
mod results;
pub mod statement;

use std::io::{self, BufRead, IsTerminal};

use bson::{Bson, Document, doc};
use smongo::Client;
use smongo::api::action::CommandCursor;

use crate::cli::ShellArgs;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::target::{self, Missing};
use request::Request;
pub use results::whole;
use statement::Statement;

/// How many documents of a cursor are shown at a time. MongoDB's shell: 20.
const SHOWN_AT_ONCE: usize = 20;

/// A conversation: a store, the database at hand, and results that wait for `it`.
pub struct Shell {
    client: Client,
    db: String,
    waiting: Option<Box<CommandCursor<Document>>>,
    output: Output,
}

/// Whether the conversation goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Statement,
    Exit,
}

/// Runs the statements of the command line, of standard input, or of someone at a terminal.
pub fn run(args: &ShellArgs, output: &Output) -> Result<(), Failure> {
    let client = target::open(&args.target.target, Missing::Create)?;
    // A server that is not there is better told of at once.
    client.database("admin").run_command(doc! { "ping": 1 }).run()?;
    let db = args.db.clone().or_else(|| database_of(&args.target.target)).unwrap_or_else(|| "test".into());
    let mut shell = Shell { client, db, waiting: None, output: output.clone() };
    if !args.eval.is_empty() {
        return args.eval.iter().try_for_each(|statement| shell.run(statement).map(drop));
    }
    if io::stdin().is_terminal() { repl::run(&mut shell) } else { shell.run_all(io::stdin().lock()) }
}

/// The database that a server's URI names.
fn database_of(target: &str) -> Option<String> {
    let (scheme, rest) = target.split_once("://")?;
    let path = rest.split_once('/')?.1.split('?').next()?;
    (scheme.starts_with("mongodb") && !path.is_empty()).then(|| path.to_owned())
}

impl Shell {
    /// Runs statements that may take several lines, up to the first that fails.
    fn run_all(&mut self, mut input: impl BufRead) -> Result<(), Failure> {
        let mut statement = String::new();
        loop {
            let read = input.read_line(&mut statement).map_err(Failure::file("standard input"))?;
            if read > 0 && lexer::is_open(&statement) {
                continue;
            }
            if self.run(&statement)? == Next::Exit || read == 0 {
                return Ok(());
            }
            statement.clear();
        }
    }

    /// Runs one statement and shows what it gives.
    fn run(&mut self, text: &str) -> Result<Next, Failure> {
        match statement::parse(text)? {
            Statement::Empty => {}
            Statement::Exit => return Ok(Next::Exit),
            Statement::Help => self.output.line(&help::text())?,
            Statement::Use(db) => {
                if !self.output.json {
                    self.output.line(&format!("switched to db {db}"))?;
                }
                self.db = db;
            }
            Statement::More => self.show_more()?,
            Statement::Show(what) => self.show(&what)?,
            Statement::Db(members) => self.execute(&request::request(&self.db, &members)?)?,
            Statement::Rs(members) => self.execute(&database::replica_set(&members)?)?,
        }
        Ok(Next::Statement)
    }

    fn execute(&mut self, request: &Request) -> Result<(), Failure> {
        let reply = results::run(&self.client, request)?;
        match reply {
            results::Shown::Nothing => Ok(()),
            results::Shown::Text(text) => self.show_value(&Bson::String(text)),
            results::Shown::Value(value) => self.show_value(&value),
            results::Shown::Documents(cursor) => {
                self.waiting = Some(cursor);
                self.show_more()
            }
        }
    }

    fn show_value(&self, value: &Bson) -> Result<(), Failure> {
        match value {
            Bson::String(text) if !self.output.json => self.output.line(text),
            value if self.output.json => self.output.json_line(value),
            value => self.output.line(&crate::values::to_pretty(value, smongo_vm::value::extjson::Notation::Shell)?),
        }
    }

    /// Shows the next documents of the cursor; for JSON, all of them.
    fn show_more(&mut self) -> Result<(), Failure> {
        let Some(mut cursor) = self.waiting.take() else { return self.output.line("no cursor") };
        let mut shown = 0;
        while self.output.json || shown < SHOWN_AT_ONCE {
            let Some(document) = cursor.next() else { return Ok(()) };
            self.show_value(&Bson::Document(document?))?;
            shown += 1;
        }
        if cursor.has_buffered() || cursor.is_open() {
            self.output.line("Type \"it\" for more")?;
            self.waiting = Some(cursor);
        }
        Ok(())
    }

    fn show(&mut self, what: &str) -> Result<(), Failure> {
        match what {
            "dbs" | "databases" => {
                let reply = self.client.database("admin").run_command(doc! { "listDatabases": 1 }).run()?;
                for database in reply.get_array("databases").into_iter().flatten().filter_map(Bson::as_document) {
                    let name = database.get_str("name").unwrap_or_default();
                    let size = database.get("sizeOnDisk").map_or(0, whole);
                    let text = || format!("{name:24} {}", output::bytes(size));
                    self.output.result(&doc! { "name": name, "sizeOnDisk": size }, text)?;
                }
                Ok(())
            }
            "collections" | "tables" => {
                let command = doc! { "listCollections": 1, "nameOnly": true };
                let mut names = Vec::new();
                for document in self.client.database(&self.db).run_cursor_command(command).run()? {
                    names.push(document?.get_str("name").unwrap_or_default().to_owned());
                }
                names.sort();
                names.iter().try_for_each(|name| self.show_value(&Bson::String(name.clone())))
            }
            "users" => self.execute(&Request::new(&self.db, doc! { "usersInfo": 1 }, request::Answer::Field("users"))),
            "roles" => {
                let command = doc! { "rolesInfo": 1, "showBuiltinRoles": true };
                self.execute(&Request::new(&self.db, command, request::Answer::Field("roles")))
            }
            other => Err(Failure::Usage(format!("show what? dbs, collections, users or roles, not '{other}'"))),
        }
    }
}
