//! The executor: pulls rows from an operator tree, turn by turn.
//!
//! A turn holds the collection's lock, a session and a snapshot; between turns none of these is held.

use std::sync::Arc;

use smongo_storage::Engine as Storage;
use smongo_vm::interp::Counts;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value};

use super::{ExecContext, Operator, Step, interrupter};
use crate::collection::Collection;
use crate::error::Result;
use crate::request::OpContext;
use crate::spill::Workspace;

/// What the receiver of a row wants next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// More rows.
    Continue,
    /// No more rows for now.
    Stop,
    /// No more rows for now, and this one again next time.
    Refuse,
}

/// A query in progress.
pub(crate) struct Executor {
    root: Box<dyn Operator>,
    coll: Option<Arc<Collection>>,
    /// The other collections that the query reads, by number, less one.
    others: Vec<Option<Arc<Collection>>>,
    variables: Vec<OwnedValue>,
    workspace: Workspace,
    /// A row that did not fit where it was to go.
    refused: Option<DocBuf>,
    ended: bool,
    /// Whether what comes after the end is wanted too.
    tails: bool,
    /// What programs count of their runs, for `explain`.
    counts: Option<Counts>,
}

impl Executor {
    /// A query that has not begun. `variables` are the values of the request's `let`.
    pub fn new(root: Box<dyn Operator>, coll: Option<Arc<Collection>>, variables: Vec<OwnedValue>) -> Self {
        let workspace = Workspace::default();
        Self {
            root,
            coll,
            others: Vec::new(),
            variables,
            workspace,
            refused: None,
            ended: false,
            tails: false,
            counts: None,
        }
    }

    /// The same query, whose programs count what they do.
    pub fn counting(mut self) -> Self {
        self.counts = Some(Counts::default());
        self
    }

    /// What programs have counted.
    pub fn counts(&self) -> Option<&Counts> {
        self.counts.as_ref()
    }

    /// The same query, with memory limits and temporary files.
    pub fn within(mut self, workspace: Workspace) -> Self {
        self.workspace = workspace;
        self
    }

    /// The same query, where operators read other collections too.
    pub fn reading(mut self, others: Vec<Option<Arc<Collection>>>) -> Self {
        self.others = others;
        self
    }

    /// The same query, which goes on after its end when there is more.
    pub fn tailing(mut self, tails: bool) -> Self {
        self.tails = tails;
        self
    }

    /// The topmost operator.
    pub fn root(&self) -> &dyn Operator {
        &*self.root
    }

    /// Whether the last row did not fit where it was to go, and comes again.
    pub fn has_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Whether it is known that there are no more rows.
    pub fn is_eof(&self) -> bool {
        self.refused.is_none() && (self.ended || self.root.is_eof())
    }

    /// Hands rows to `receive` until it has enough or there are no more.
    pub fn run(
        &mut self,
        storage: &Storage,
        op: &OpContext,
        receive: &mut dyn FnMut(&RawDoc) -> Result<Flow>,
    ) -> Result<()> {
        if let Some(doc) = self.refused.take() {
            match receive(&doc)? {
                Flow::Continue => {}
                Flow::Stop => return Ok(()),
                Flow::Refuse => {
                    self.refused = Some(doc);
                    return Ok(());
                }
            }
        }
        while !self.ended && self.turn(storage, op, receive)? == Flow::Continue {}
        Ok(())
    }

    /// One turn: rows from one snapshot. Continues when the turn ended for its length alone.
    fn turn(
        &mut self,
        storage: &Storage,
        op: &OpContext,
        receive: &mut dyn FnMut(&RawDoc) -> Result<Flow>,
    ) -> Result<Flow> {
        op.check()?;
        let Self { root, coll, others, variables, workspace, refused, ended, tails, counts } = self;
        let collections = in_locking_order(coll.as_ref(), others);
        let locked = collections.iter().map(|coll| coll.share()).collect::<Result<Vec<_>>>()?;
        let shared = |wanted: &Option<Arc<Collection>>| {
            let wanted = wanted.as_ref()?;
            locked.get(collections.iter().position(|coll| Arc::ptr_eq(coll, wanted))?)
        };
        let others: Vec<_> = others.iter().map(shared).collect();
        let mut work = op.begin(storage)?;
        for coll in &collections {
            work.pin(coll)?;
        }
        let variables: Vec<Value<'_>> = variables.iter().map(OwnedValue::get).collect();
        let interrupt = interrupter(op);
        let mut cx =
            ExecContext::new(work.session(), shared(coll), op, workspace, &variables, &interrupt).with_others(&others);
        cx.env.counts = counts.as_ref();
        loop {
            match root.advance(&mut cx)? {
                Step::End => {
                    *ended = !*tails || root.is_eof();
                    if !*ended {
                        root.save(&cx);
                    }
                    return Ok(Flow::Stop);
                }
                Step::Yield => break,
                Step::Row => {
                    let doc = root.document(&cx);
                    let flow = receive(doc)?;
                    if flow == Flow::Refuse {
                        *refused = Some(doc.into());
                    }
                    if flow != Flow::Continue {
                        root.save(&cx);
                        return Ok(flow);
                    }
                    if cx.is_due() {
                        break;
                    }
                }
            }
        }
        root.save(&cx);
        Ok(Flow::Continue)
    }
}

/// Every collection of a query once, in the one order in which all queries lock them.
fn in_locking_order<'c>(
    coll: Option<&'c Arc<Collection>>,
    others: &'c [Option<Arc<Collection>>],
) -> Vec<&'c Arc<Collection>> {
    let mut all: Vec<_> = coll.into_iter().chain(others.iter().flatten()).collect();
    all.sort_by_key(|coll| coll.ident());
    all.dedup_by_key(|coll| coll.ident());
    all
}
