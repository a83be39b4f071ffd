//! The interpreter: runs a verified program over a document.
//!
//! A [`Machine`] owns all scratch state (registers, walkers, the arena) and is reused from document to document and
//! from query to query; results borrow from it until it runs again. It does not know where documents come from or
//! where results go.
//!
//! | file | what it holds |
//! |---|---|
//! | `dispatch` | the loop over instructions |
//! | `walker` | finding paths in a document |
//! | `tests` | the leaves of filters, with array traversal |
//! | `conjunction` | `test.all`, the tests that are tried as the fields come by |
//! | `schema` | the tests of `$jsonSchema` that look into other values |
//! | `lambda` | `map`, `filter`, `reduce` |
//! | `counts` | what runs count for `explain` |
//! | `project`, `sort_key`, `update` | the instructions that read a structure instead of registers |

mod conjunction;
mod counts;
mod dispatch;
mod lambda;
mod project;
mod registers;
mod schema;
mod sort_key;
mod tests;
mod update;
mod walker;

use bumpalo::Bump;

use self::registers::Registers;
use self::walker::Walkers;
use crate::code::Code;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::op::Op;
use crate::program::{Kind, Program};
use crate::value::{RawDoc, Value};

use self::update::UpdateState;
pub use counts::{Counts, ProgramCounts};
pub use update::{UpdateInputs, Updated};

/// Scratch state for running programs, and the owner of their results.
#[derive(Default)]
pub struct Machine {
    arena: Bump,
    scratch: Scratch,
}

/// What a run changes besides the arena, from which results borrow.
#[derive(Default)]
pub(crate) struct Scratch {
    /// One frame for each level of sub-program nesting.
    frames: Vec<Option<Box<Frame>>>,
    depth: usize,
    /// The position of the array element that the last filter matched by, for `$`.
    matched_position: Option<u32>,
    /// Sort keys are appended here.
    key: Vec<u8>,
    /// What the encoder says of types, which sorting has no use for.
    type_bits: Vec<u8>,
    /// Updates write the new document here.
    document: Vec<u8>,
    update: UpdateState,
    /// Work done since the environment was last asked whether to go on.
    work: u32,
}

/// The scratch state of one program in progress.
#[derive(Default)]
struct Frame {
    walkers: Walkers,
    registers: Registers,
}

/// What a run borrows and never changes.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'d> {
    program: &'d Program,
    /// The document, or the value inside `$elemMatch`.
    root: Value<'d>,
    /// The root's bytes when it is a document or an array.
    bytes: &'d [u8],
    arena: &'d Bump,
    env: &'d Env<'d>,
    /// The array position that the filter matched by, when the program projects or updates.
    matched_position: Option<u32>,
}

/// How a run ended.
enum Exit<'d> {
    Matched(bool),
    Returned(Value<'d>),
    Row(&'d [Value<'d>]),
    Yielded(Value<'d>),
}

/// Work units between two looks at the environment's interrupt. A unit is roughly one element or one call.
const WORK_PER_CHECK: u32 = 4096;

/// Arena bytes kept between documents; a larger arena is given back.
const ARENA_KEEP_BYTES: usize = 4 * 1024 * 1024;

impl Machine {
    /// A machine with no scratch space yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `doc` satisfies a filter.
    #[inline]
    pub fn matches(&mut self, program: &Program, doc: &RawDoc, env: &Env<'_>) -> Result<bool> {
        self.begin();
        self.scratch.matched_position = None;
        let inputs = Inputs::over_doc(program, doc, &self.arena, env, None);
        let sole = program.sole_conjunction().filter(|_| env.counts.is_none());
        let matched = match sole {
            Some(conjunction) => {
                let mut frame = self.scratch.enter(program);
                let held = self.scratch.test_all(&inputs, &mut frame.walkers.current, conjunction);
                self.scratch.leave(frame);
                held?
            }
            None => match self.scratch.run(inputs)? {
                Exit::Matched(matched) => matched,
                _ => return Err(wrong_kind(program, Kind::Filter)),
            },
        };
        Ok(matched)
    }

    /// The position, in the outermost array that the last match went through, of the element that matched.
    pub fn matched_position(&self) -> Option<u32> {
        self.scratch.matched_position
    }

    /// The value that a program computes from `doc`. It borrows from the machine, the program and the document.
    pub fn compute<'m>(
        &'m mut self,
        program: &'m Program,
        doc: &'m RawDoc,
        env: &'m Env<'m>,
        matched_position: Option<u32>,
    ) -> Result<Value<'m>> {
        self.begin();
        let inputs = Inputs::over_doc(program, doc, &self.arena, env, matched_position);
        match self.scratch.run(inputs)? {
            Exit::Returned(value) => Ok(value),
            _ => Err(wrong_kind(program, Kind::Compute)),
        }
    }

    /// The values that a program computes from `doc`: a group's key and what its accumulators are given.
    #[inline]
    pub fn compute_row<'m>(
        &'m mut self,
        program: &'m Program,
        doc: &'m RawDoc,
        env: &'m Env<'m>,
    ) -> Result<&'m [Value<'m>]> {
        self.begin();
        let inputs = Inputs::over_doc(program, doc, &self.arena, env, None);
        match self.scratch.run(inputs)? {
            Exit::Row(values) => Ok(values),
            _ => Err(wrong_kind(program, Kind::Row)),
        }
    }

    /// The document that a projection makes of `doc`.
    pub fn project<'m>(
        &'m mut self,
        program: &'m Program,
        doc: &'m RawDoc,
        env: &'m Env<'m>,
        matched_position: Option<u32>,
    ) -> Result<&'m RawDoc> {
        let value = self.compute(program, doc, env, matched_position)?;
        value.as_doc().ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "a projection did not produce a document"))
    }

    /// Appends the sort key of `doc` to `out`: bytes that compare as the sort orders documents.
    pub fn sort_key(&mut self, program: &Program, doc: &RawDoc, env: &Env<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.begin();
        self.scratch.key.clear();
        let inputs = Inputs::over_doc(program, doc, &self.arena, env, None);
        match self.scratch.run(inputs)? {
            Exit::Matched(_) => {
                out.extend_from_slice(&self.scratch.key);
                Ok(())
            }
            _ => Err(wrong_kind(program, Kind::Keys)),
        }
    }

    fn begin(&mut self) {
        if self.arena.allocated_bytes() > ARENA_KEEP_BYTES {
            self.arena = Bump::new();
        } else {
            self.arena.reset();
        }
        self.scratch.depth = 0;
    }
}

#[cold]
fn wrong_kind(program: &Program, wanted: Kind) -> Error {
    let (got, wanted) = (program.kind().name(), wanted.name());
    Error::new(Code::INTERNAL_ERROR, format!("a {got} program ran where a {wanted} program was expected"))
}

impl<'d> Inputs<'d> {
    fn over_doc(
        program: &'d Program,
        doc: &'d RawDoc,
        arena: &'d Bump,
        env: &'d Env<'d>,
        matched_position: Option<u32>,
    ) -> Self {
        Inputs { program, root: Value::document(doc), bytes: doc.as_bytes(), arena, env, matched_position }
    }

    /// The same run over another root, by another program.
    fn nested(&self, program: &'d Program, root: Value<'d>) -> Self {
        let bytes = root.as_container().map_or(RawDoc::EMPTY.as_bytes(), RawDoc::as_bytes);
        Inputs { program, root, bytes, ..*self }
    }
}

impl Scratch {
    /// Runs a program from its first instruction, in a frame of its own.
    #[inline]
    fn run<'d>(&mut self, inputs: Inputs<'d>) -> Result<Exit<'d>> {
        let mut frame = self.enter(inputs.program);
        let exit = match inputs.env.counts {
            None => self.execute(&inputs, &mut frame, 0),
            Some(counts) => self.run_counted(&inputs, &mut frame, counts),
        };
        self.leave(frame);
        exit
    }

    /// Takes out the frame of the next depth, so that a nested run can use the others, and readies it for a program.
    #[inline]
    fn enter(&mut self, program: &Program) -> Box<Frame> {
        if self.frames.len() <= self.depth {
            self.frames.push(None);
        }
        let mut frame = self.frames[self.depth].take().unwrap_or_default();
        frame.walkers.begin(program.paths());
        frame.registers.begin(program.registers());
        self.depth += 1;
        frame
    }

    /// Puts the frame of the deepest run back.
    #[inline]
    fn leave(&mut self, frame: Box<Frame>) {
        self.depth -= 1;
        self.frames[self.depth] = Some(frame);
    }

    #[cold]
    #[inline(never)]
    fn run_counted<'d>(&mut self, inputs: &Inputs<'d>, frame: &mut Frame, counts: &Counts) -> Result<Exit<'d>> {
        // What runs before this one met is not its own.
        frame.walkers.current.take_unknown();
        counts.begins(inputs.program);
        let exit = self.execute(inputs, frame, 0);
        // Where the root changes, the walk of the first one is counted there, and those of others are not.
        if !inputs.program.code().iter().any(|op| matches!(op, Op::Rebase { .. })) {
            counts.walked(inputs.program, &mut frame.walkers.current, inputs.bytes);
        }
        exit
    }

    /// Charges work, and asks the environment now and then whether to go on.
    #[inline]
    fn charge(&mut self, units: u32, env: &Env<'_>) -> Result<()> {
        self.work = self.work.saturating_add(units);
        if self.work < WORK_PER_CHECK { Ok(()) } else { self.check_interrupt(env) }
    }

    #[cold]
    fn check_interrupt(&mut self, env: &Env<'_>) -> Result<()> {
        self.work = 0;
        env.interrupt.map_or(Ok(()), |interrupted| interrupted())
    }
}
