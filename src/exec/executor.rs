//! The executor: pulls rows from an operator tree, turn by turn.
//!
//! A turn holds the collection's lock, a session and a snapshot; between turns none of these is held.

use std::sync::Arc;

use smongo_storage::Engine as Storage;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value};

use super::{ExecContext, Operator, Step, interrupter};
use crate::collection::Collection;
use crate::error::Result;
use crate::request::OpContext;

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
    variables: Vec<OwnedValue>,
    /// A row that did not fit where it was to go.
    refused: Option<DocBuf>,
    ended: bool,
}

impl Executor {
    /// A query that has not begun. `variables` are the values of the request's `let`.
    pub fn new(root: Box<dyn Operator>, coll: Option<Arc<Collection>>, variables: Vec<OwnedValue>) -> Self {
        Self { root, coll, variables, refused: None, ended: false }
    }

    /// The topmost operator.
    pub fn root(&self) -> &dyn Operator {
        &*self.root
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
        let shared = self.coll.as_ref().map(|coll| coll.share()).transpose()?;
        let mut session = storage.session()?;
        let txn = session.begin()?;
        let variables: Vec<Value<'_>> = self.variables.iter().map(OwnedValue::get).collect();
        let interrupt = interrupter(op);
        let mut cx = ExecContext::new(&txn, shared.as_ref(), op, &variables, &interrupt);
        loop {
            match self.root.advance(&mut cx)? {
                Step::End => {
                    self.ended = true;
                    return Ok(Flow::Stop);
                }
                Step::Yield => break,
                Step::Row => {
                    let doc = self.root.document(&cx);
                    let flow = receive(doc)?;
                    if flow == Flow::Refuse {
                        self.refused = Some(doc.into());
                    }
                    if flow != Flow::Continue {
                        self.root.save(&cx);
                        return Ok(flow);
                    }
                    if cx.is_due() {
                        break;
                    }
                }
            }
        }
        self.root.save(&cx);
        Ok(Flow::Continue)
    }
}
