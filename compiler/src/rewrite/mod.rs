//! Rewrites of the IR: each pass is a file, takes IR and gives IR that means the same.
//!
//! Passes over a pipeline run in the order of [`PASSES`]. The stage `$_internalInhibitOptimization` stops them all where it
//! stands, which is how tests compare a pipeline with itself.

mod fields;
pub mod fold;
mod limit_first;
mod match_first;
mod needed;
pub mod or_to_in;
mod tidy;

use smongo_vm::Result;
use smongo_vm::value::RawDoc;

use crate::ir::{Filter, Stage};

type Parse<'p> = &'p mut dyn FnMut(&RawDoc) -> Result<Filter>;

/// A pass over a pipeline; it says whether it changed anything.
struct Pass {
    name: &'static str,
    run: fn(&mut Vec<Stage>, Parse<'_>) -> Result<bool>,
}

/// The passes over a pipeline, in the order in which they run.
static PASSES: &[Pass] = &[
    Pass { name: "tidy", run: |stages, _| Ok(tidy::tidy(stages)) },
    Pass { name: "matchFirst", run: match_first::match_first },
    Pass { name: "limitFirst", run: |stages, _| Ok(limit_first::limit_first(stages)) },
    Pass { name: "tidyAgain", run: |stages, _| Ok(tidy::tidy(stages)) },
    Pass { name: "neededFields", run: |stages, _| Ok(needed::needed(stages)) },
];

/// What a pass did to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The pass.
    pub name: &'static str,
    /// Whether it changed anything.
    pub changed: bool,
}

/// A pipeline after all passes, and what each did. `parse` reads a filter as the request's own.
pub fn pipeline(stages: Vec<Stage>, parse: Parse<'_>) -> Result<(Vec<Stage>, Vec<Applied>)> {
    let mut sections: Vec<Vec<Stage>> = vec![Vec::new()];
    for stage in stages {
        match (stage, sections.last_mut()) {
            (Stage::Inhibit, _) => sections.push(Vec::new()),
            (stage, Some(section)) => section.push(stage),
            (_, None) => {}
        }
    }
    let mut applied = Vec::with_capacity(PASSES.len());
    // What a section's stages need is not known where another follows.
    let last = sections.len() - 1;
    for pass in PASSES {
        let mut changed = false;
        for section in &mut sections {
            changed |= (pass.run)(section, parse)?;
        }
        applied.push(Applied { name: pass.name, changed });
    }
    let mut stages = Vec::new();
    for (at, section) in sections.into_iter().enumerate() {
        stages.extend(section);
        if at < last {
            stages.push(Stage::Inhibit);
        }
    }
    Ok((stages, applied))
}
