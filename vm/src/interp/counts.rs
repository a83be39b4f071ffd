//! Counting runs: how often control reached each instruction of a program and went on behind it, and how well the walk
//! remembered layouts.
//!
//! A run counts when its [`Env`](crate::env::Env) brings [`Counts`]; the loop of a run that does not count is compiled
//! without any of this. Programs are told apart by where they are, so what was counted means something for as long as
//! the programs that ran live.

use std::cell::RefCell;

use ahash::AHashMap;

use super::walker::Walker;
use crate::program::Program;

/// What runs have counted so far.
#[derive(Debug, Default)]
pub struct Counts {
    programs: RefCell<AHashMap<usize, ProgramCounts>>,
}

/// What has been counted of one program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramCounts {
    /// Runs that began.
    pub runs: u64,
    /// For each instruction, how often control reached it.
    pub entered: Vec<u64>,
    /// For each instruction, how often control went on to the next one: a test that held, a jump that was not taken.
    pub passed: Vec<u64>,
    /// Elements of documents that walks went past.
    pub elements: u64,
    /// Those of them that the memory of layouts did not know.
    pub unknown: u64,
}

impl ProgramCounts {
    fn of(instructions: usize) -> Self {
        ProgramCounts { entered: vec![0; instructions], passed: vec![0; instructions], ..Default::default() }
    }

    /// The share of elements, from 0 to 1, that the memory of layouts knew; `None` when none was walked past.
    pub fn layout_hit_rate(&self) -> Option<f64> {
        let known = self.elements.saturating_sub(self.unknown);
        (self.elements > 0).then(|| known as f64 / self.elements as f64)
    }
}

impl Counts {
    /// What was counted of a program; `None` when it has not run.
    pub fn of(&self, program: &Program) -> Option<ProgramCounts> {
        self.programs.borrow().get(&key(program)).cloned()
    }

    fn with(&self, program: &Program, change: impl FnOnce(&mut ProgramCounts)) {
        let mut programs = self.programs.borrow_mut();
        change(programs.entry(key(program)).or_insert_with(|| ProgramCounts::of(program.code().len())));
    }

    /// A run of `program` begins.
    pub(super) fn begins(&self, program: &Program) {
        self.with(program, |counts| counts.runs += 1);
    }

    /// The walk of `doc` is over.
    pub(super) fn walked(&self, program: &Program, walker: &mut Walker, doc: &[u8]) {
        self.with(program, |counts| {
            counts.elements += walker.elements_passed(doc);
            counts.unknown += walker.take_unknown();
        });
    }

    /// Control is at an instruction, and came from another.
    pub(super) fn at(&self, program: &Program, from: Option<usize>, at: usize) {
        self.with(program, |counts| {
            counts.entered[at] += 1;
            if let Some(from) = from.filter(|from| from + 1 == at) {
                counts.passed[from] += 1;
            }
        });
    }
}

fn key(program: &Program) -> usize {
    std::ptr::from_ref(program).addr()
}
