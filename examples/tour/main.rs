//! A tour of the embedded library: `cargo run --example tour` runs every stop, `cargo run --example tour -- crud` one.
//!
//! Each stop is a function over a client, so that it runs on a directory, in memory, or on a server alike; the tests run
//! them all.

mod stops;

use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut stops =
        stops::ALL.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|one| one == name)).peekable();
    if stops.peek().is_none() {
        let names: Vec<&str> = stops::ALL.iter().map(|(name, _)| *name).collect();
        eprintln!("the stops are {}", names.join(", "));
        return ExitCode::from(2);
    }
    for (name, stop) in stops {
        println!("== {name}");
        if let Err(error) = smongo::Client::in_memory().and_then(|client| stop(&client)) {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
