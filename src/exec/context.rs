//! What operators work with during one turn: storage, the environment of programs, and the clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

use smongo_compiler::ir::CollectionId;
use smongo_storage::{Cursor, Session, Table};
use smongo_vm::env::Env;
use smongo_vm::value::Value;

use crate::collection::Shared;
use crate::error::Result;
use crate::object_id;
use crate::request::OpContext;
use crate::spill::Workspace;

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
    /// The other collections that the request reads, locked for the turn; by number, less one.
    others: &'s [Option<&'s Shared<'s>>],
    /// The surroundings of operators that read another collection and go on where they were, by their number.
    children: Vec<(usize, ExecContext<'s>)>,
    /// What programs are given besides documents.
    pub env: Env<'s>,
    /// The cursors that operators have opened, each in the slot that its operator was given.
    cursors: Vec<Option<Cursor<'s>>>,
    op: &'s OpContext,
    /// Memory limits and temporary files.
    pub workspace: &'s Workspace,
    began: Instant,
    records: u32,
    /// Whether the turn may end before there is a row.
    may_yield: bool,
    /// How many records the turn looks at before it ends.
    records_max: u32,
    due: bool,
    /// Whether keys no longer tell what a plan took them to tell.
    has_new_arrays: bool,
}

impl<'s> ExecContext<'s> {
    /// The surroundings of a turn that begins now.
    pub fn new(
        session: &'s Session,
        shared: Option<&'s Shared<'s>>,
        op: &'s OpContext,
        workspace: &'s Workspace,
        variables: &'s [Value<'s>],
        interrupt: &'s dyn Fn() -> smongo_vm::Result<()>,
    ) -> Self {
        let env = environment(op, variables, interrupt);
        Self {
            session,
            shared,
            others: &[],
            children: Vec::new(),
            env,
            cursors: Vec::new(),
            op,
            workspace,
            began: Instant::now(),
            records: 0,
            may_yield: true,
            records_max: u32::MAX,
            due: false,
            has_new_arrays: false,
        }
    }

    /// The surroundings of a turn that reads other collections too.
    pub fn with_others(mut self, others: &'s [Option<&'s Shared<'s>>]) -> Self {
        self.others = others;
        self
    }

    /// A collection of the request, unless it does not exist.
    fn collection(&self, id: CollectionId) -> Option<&'s Shared<'s>> {
        match id.0.checked_sub(1) {
            None => self.shared,
            Some(at) => self.others.get(at).copied().flatten(),
        }
    }

    /// Surroundings in the same snapshot over another collection, with variables of their own, for work that is done
    /// before this turn goes on.
    pub fn nested<'n>(&'n self, coll: Option<CollectionId>, variables: &'n [Value<'n>]) -> ExecContext<'n> {
        self.over(coll, variables).without_yield()
    }

    /// The surroundings of the operator of this number, which reads another collection for the rest of the turn.
    pub fn child(&mut self, number: usize, coll: Option<CollectionId>) -> &mut ExecContext<'s> {
        let at = match self.children.iter().position(|(known, _)| *known == number) {
            Some(at) => at,
            None => {
                let child = self.over(coll, self.env.variables);
                self.children.push((number, child));
                self.children.len() - 1
            }
        };
        &mut self.children[at].1
    }

    fn over<'n>(&self, coll: Option<CollectionId>, variables: &'n [Value<'n>]) -> ExecContext<'n>
    where
        's: 'n,
    {
        let env = Env {
            now_millis: self.env.now_millis,
            cluster_time: self.env.cluster_time,
            variables,
            random: Cell::new(object_id::random_u64()),
            interrupt: self.env.interrupt,
            counts: self.env.counts,
        };
        ExecContext {
            session: self.session,
            shared: coll.and_then(|coll| self.collection(coll)),
            others: self.others,
            children: Vec::new(),
            env,
            cursors: Vec::new(),
            op: self.op,
            workspace: self.workspace,
            began: self.began,
            records: 0,
            may_yield: self.may_yield,
            records_max: self.records_max,
            due: false,
            has_new_arrays: false,
        }
    }

    /// [`ExecContext::child`], if there is one yet.
    pub fn existing_child(&self, number: usize) -> Option<&ExecContext<'s>> {
        self.children.iter().find(|(known, _)| *known == number).map(|(_, child)| child)
    }

    /// A turn that ends soon after so many records, as it would for its length.
    pub fn with_records_max(mut self, records: u32) -> Self {
        self.records_max = records;
        self
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

    /// Notes that documents have got arrays, since the request was planned, where an index that is scanned had none.
    pub fn note_new_arrays(&mut self) {
        self.has_new_arrays = true;
    }

    /// Whether documents have got such arrays, so that a key proves nothing.
    pub fn has_new_arrays(&self) -> bool {
        self.has_new_arrays
    }

    /// Whether the turn should end.
    pub fn is_due(&self) -> bool {
        self.due || self.children.iter().any(|(_, child)| child.is_due())
    }

    #[cold]
    fn look_at_clock(&mut self) -> Result<bool> {
        self.op.check()?;
        self.due = self.may_yield && (self.began.elapsed() >= TURN_MAX || self.records >= self.records_max);
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
        cluster_time: op.cluster_time().unwrap_or_else(|| timestamp_of(op.now_millis())),
        variables,
        random: Cell::new(object_id::random_u64()),
        interrupt: Some(interrupt),
        counts: None,
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
