//! Measuring ways of doing one thing against each other.
//!
//! The ways take turns, in many short rounds, so that whatever else the machine is doing falls on all of them alike,
//! and the time is the processor's time of the measuring thread. What is reported are ratios: a way's time over
//! another's. A time by itself tells more about the machine than about the code.
//!
//! The number of rounds is bounded by time, so a run of all benchmarks ends in minutes.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

/// How long the rounds of one comparison may take, in wall time, and the least number of them.
const TIME_PER_COMPARISON: Duration = Duration::from_secs(4);
const ROUNDS_MIN: usize = 7;
const ROUNDS_MAX: usize = 101;

/// The way that only goes over the documents: what all others cannot be faster than.
pub const BARE: &str = "bare";

/// One way of doing what is measured.
pub struct Way<'w> {
    name: &'static str,
    run: Box<dyn FnMut() -> u64 + 'w>,
}

impl<'w> Way<'w> {
    /// A way with its name. `run` goes once over all documents and gives a number that all ways but [`BARE`] must agree on.
    pub fn new(name: &'static str, run: impl FnMut() -> u64 + 'w) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Measures `ways` over `documents` documents (or calls) and prints a line for each: nanoseconds for each document, the
/// median and the least, and the ratio of its median to that of each way named in `references`.
///
/// # Panics
///
/// If the ways do not agree on what they computed.
pub fn compare(title: &str, documents: u64, references: &[&str], mut ways: Vec<Way<'_>>) {
    let counted: Vec<u64> = ways.iter_mut().map(|way| (way.run)()).collect();
    let expected = counted.iter().copied().max().unwrap_or(0);
    for (way, counted) in ways.iter().zip(counted) {
        assert!(way.name == BARE || counted == expected, "{title}: {} disagrees", way.name);
    }
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    let began = Instant::now();
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS_MIN && began.elapsed() > TIME_PER_COMPARISON {
            break;
        }
        for (way, times) in ways.iter_mut().zip(&mut times) {
            let start = ThreadTime::now();
            std::hint::black_box((way.run)());
            times.push(start.elapsed().as_nanos() as f64 / documents as f64);
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    println!("{title} ({documents} times, {} rounds, {expected} counted)", times[0].len());
    for (at, way) in ways.iter().enumerate() {
        print!("  {:<20} {:>8.1} ns each, at least {:>8.1}", way.name, medians[at], times[at][0]);
        for reference in references {
            if let Some(other) = ways.iter().position(|way| way.name == *reference)
                && other != at
            {
                print!("   {:>5.2} of {reference}", medians[at] / medians[other]);
            }
        }
        println!();
    }
}

/// The middle of `times`, which are sorted for it.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
