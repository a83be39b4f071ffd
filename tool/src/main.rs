//! `smongo`: the command line. A shell, import and export, dump and restore, and what keeps an eye on a store, each on a
//! data directory or on a server.
//!
//! Everything here is said in MongoDB's commands, through [`smongo::Client`]: an embedded store and a server run the
//! same command documents, so the tool need not know which it has before it.
//!
//! | module | what it is for |
//! |---|---|
//! | `cli` | what the command line may say |
//! | `target` | opening what it names |
//! | `failure` | what can go wrong, and the exit codes |
//! | `output` | results as text or JSON, progress |
//! | `values` | extended JSON |
//! | `shell` | statements such as `db.films.find({year: 1927})` |
//! | `transfer` | import and export |
//! | `dump` | mongodump's formats |
//! | `explain`, `check`, `stats`, `ping` | a command each |
#![forbid(unsafe_code)]

mod check;
mod cli;
mod dump;
mod explain;
mod failure;
mod output;
mod ping;
mod shell;
mod stats;
mod target;
mod transfer;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
use failure::Failure;
use output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json, cli.quiet);
    match run(cli.command, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Shell(args) => shell::run(&args, output),
        Command::Import(args) => transfer::import::run(&args, output),
        Command::Export(args) => transfer::export::run(&args, output),
        Command::Dump(args) => dump::save::run(&args, output),
        Command::Restore(args) => dump::restore::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Check(args) => check::run(&args, output),
        Command::Ping(args) => ping::run(&args, output),
        Command::Stats(args) => stats::run(&args, output),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "smongo", &mut std::io::stdout());
            Ok(())
        }
    }
}
