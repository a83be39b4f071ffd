//! `smongo ping`: how long an answer takes.

use std::time::Instant;

use bson::doc;

use crate::cli::PingArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::target::{self, Missing};

/// Asks as often as wanted, and tells the shortest time.
pub fn run(args: &PingArgs, output: &Output) -> Result<(), Failure> {
    let client = target::open(&args.target.target, Missing::Refuse)?;
    let admin = client.database("admin");
    let mut shortest = f64::INFINITY;
    let ask = || admin.run_command(doc! { "ping": 1 }).run();
    // The first answer has the connection in it.
    ask().map_err(|error| Failure::Unreachable(error.message().to_owned()))?;
    for _ in 0..args.count {
        let asked = Instant::now();
        ask()?;
        shortest = shortest.min(asked.elapsed().as_secs_f64() * 1000.0);
    }
    output.result(&doc! { "ok": 1, "ms": shortest }, || format!("{shortest:.3} ms"))
}
