//! What operators work with during one turn: storage, the environment of programs, and the clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

use smongo_storage::{Cursor, Session, Table};
use smongo_vm::env::Env;
use smongo_vm::value::Value;

use crate::collection::Shared;
use crate::error::Result;
use crate::object_id;
use crate::request::OpContext;

/// How long a turn keeps its snapshot and its locks while it has nothing to show, in milliseconds. MongoDB yields
/// after 10 ms; a snapshot costs us less, starting a turn costs the same.
const TURN_MAX: Duration = Duration::from_millis(50);

/// How many records pass between two looks at the clock.
const RECORDS_PER_CHECK: u32 = 256;

/// The surroundings of one turn. It reads from one snapshot.
pub(crate) struct ExecContext<'s> {
    /// The session of the turn's transaction.
    pub session: &'s Session,
    /// The collection, locked for the turn; `None` when there is none.
    pub shared: Option<&'s Shared<'s>>,
    /// What programs are given besides documents.
    pub env: Env<'s>,
    /// The cursors that operators have opened, each in the slot that its operator was given.
    cursors: Vec<Option<Cursor<'s>>>,
    op: &'s OpContext,
    began: Instant,
    records: u32,
    /// Whether the turn may end before there is a row.
    may_yield: bool,
    due: bool,
}

impl<'s> ExecContext<'s> {
    /// The surroundings of a turn that begins now.
    pub fn new(
        session: &'s Session,
        shared: Option<&'s Shared<'s>>,
        op: &'s OpContext,
        variables: &'s [Value<'s>],
        interrupt: &'s dyn Fn() -> smongo_vm::Result<()>,
    ) -> Self {
        let env = environment(op, variables, interrupt);
        Self {
            session,
            shared,
            env,
            cursors: Vec::new(),
            op,
            began: Instant::now(),
            records: 0,
            may_yield: true,
            due: false,
        }
    }

    /// A turn that lasts until its work is done.
    pub fn without_yield(mut self) -> Self {
        self.may_yield = false;
        self
    }

    /// The cursor in a slot, when it has been opened in this turn.
    #[inline]
    pub fn cursor(&self, slot: usize) -> Option<&Cursor<'s>> {
        self.cursors.get(slot).and_then(Option::as_ref)
    }

    /// The cursor in a slot, and the environment beside it.
    #[inline]
    pub fn cursor_and_env(&mut self, slot: usize) -> Option<(&mut Cursor<'s>, &Env<'s>)> {
        self.cursors.get_mut(slot).and_then(Option::as_mut).map(|cursor| (cursor, &self.env))
    }

    /// Opens a cursor into a slot, unless one is there, and gives it.
    pub fn open(&mut self, slot: usize, table: &Table) -> Result<&mut Cursor<'s>> {
        if self.cursors.len() <= slot {
            self.cursors.resize_with(slot + 1, || None);
        }
        let place = &mut self.cursors[slot];
        Ok(match place {
            Some(cursor) => cursor,
            None => place.insert(self.session.cursor(table)?),
        })
    }

    /// Notes that a record has been looked at. Says whether the turn should end; fails when the operation must.
    #[inline]
    pub fn tick(&mut self) -> Result<bool> {
        self.records += 1;
        if self.records.is_multiple_of(RECORDS_PER_CHECK) { self.look_at_clock() } else { Ok(self.due) }
    }

    /// Whether the turn should end.
    pub fn is_due(&self) -> bool {
        self.due
    }

    #[cold]
    fn look_at_clock(&mut self) -> Result<bool> {
        self.op.check()?;
        self.due = self.may_yield && self.began.elapsed() >= TURN_MAX;
        Ok(self.due)
    }
}

/// What the programs of an operation are given besides documents.
pub(crate) fn environment<'e>(
    op: &OpContext,
    variables: &'e [Value<'e>],
    interrupt: &'e dyn Fn() -> smongo_vm::Result<()>,
) -> Env<'e> {
    Env {
        now_millis: op.now_millis(),
        cluster_time: timestamp_of(op.now_millis()),
        variables,
        random: Cell::new(object_id::random_u64()),
        interrupt: Some(interrupt),
    }
}

/// The function by which programs ask whether to go on.
pub(crate) fn interrupter(op: &OpContext) -> impl Fn() -> smongo_vm::Result<()> {
    || op.check().map_err(|error| smongo_vm::Error::new(smongo_vm::Code(error.code()), error.message()))
}

/// The timestamp of a moment: its seconds, first of its kind.
pub(crate) fn timestamp_of(now_millis: i64) -> u64 {
    let seconds = u64::try_from(now_millis / 1000).unwrap_or(0);
    seconds << 32 | 1
}
