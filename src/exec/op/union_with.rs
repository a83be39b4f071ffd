//! Union: the rows of one input, then those of another, which may read another collection.

use smongo_compiler::ir::CollectionId;
use smongo_vm::value::{DocWriter, RawDoc};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The union.
pub(crate) struct UnionWith {
    first: Box<dyn Operator>,
    second: Box<dyn Operator>,
    coll: Option<CollectionId>,
    /// Under this number the surroundings of the second input are kept.
    child: usize,
    in_second: bool,
    stats: Stats,
}

impl UnionWith {
    /// The rows of `first`, then those of `second`, which reads `coll`.
    pub fn new(first: Box<dyn Operator>, second: Box<dyn Operator>, coll: Option<CollectionId>, child: usize) -> Self {
        Self { first, second, coll, child, in_second: false, stats: Stats::default() }
    }
}

impl Operator for UnionWith {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        if !self.in_second {
            match self.first.advance(cx)? {
                Step::End => self.in_second = true,
                step => {
                    self.stats.advanced += u64::from(step == Step::Row);
                    return Ok(step);
                }
            }
        }
        let step = self.second.advance(cx.child(self.child, self.coll))?;
        self.stats.advanced += u64::from(step == Step::Row);
        Ok(step)
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        if !self.in_second {
            return self.first.document(cx);
        }
        cx.existing_child(self.child).map_or(RawDoc::EMPTY, |child| self.second.document(child))
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.in_second && self.second.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if !self.in_second {
            self.first.save(cx);
        } else if let Some(child) = cx.existing_child(self.child) {
            self.second.save(child);
        }
    }

    fn stage(&self) -> &'static str {
        "UNION_WITH"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.first)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.string("unionStage", self.second.stage());
    }
}
