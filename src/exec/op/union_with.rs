//! Union: the rows of one input, then those of another, which may read another collection.

use std::sync::Arc;

use smongo_compiler::CompiledSubPipeline;
use smongo_vm::value::{DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step, source};

/// The union.
pub(crate) struct UnionWith {
    first: Box<dyn Operator>,
    from: Arc<CompiledSubPipeline>,
    /// The operators of the second input, once the first has ended.
    second: Option<Box<dyn Operator>>,
    /// Under this number the surroundings of the second input are kept.
    child: usize,
    stats: Stats,
}

impl UnionWith {
    /// The rows of `first`, then those of `from`. `child` is a number of its own.
    pub fn new(first: Box<dyn Operator>, from: Arc<CompiledSubPipeline>, child: usize) -> Self {
        Self { first, from, second: None, child, stats: Stats::default() }
    }
}

impl Operator for UnionWith {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        if self.second.is_none() {
            let step = self.first.advance(cx)?;
            if step != Step::End {
                self.stats.advanced += u64::from(step == Step::Row);
                return Ok(step);
            }
        }
        let child = cx.child(self.child, self.from.coll);
        let second = match &mut self.second {
            Some(second) => second,
            None => self.second.insert(source(&self.from, None, child.shared)?),
        };
        let step = second.advance(child)?;
        self.stats.advanced += u64::from(step == Step::Row);
        Ok(step)
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        match (&self.second, cx.existing_child(self.child)) {
            (None, _) => self.first.document(cx),
            (Some(second), Some(child)) => second.document(child),
            (Some(_), None) => RawDoc::EMPTY,
        }
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.second.as_ref().is_some_and(|second| second.is_eof())
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        match (&mut self.second, cx.existing_child(self.child)) {
            (None, _) => self.first.save(cx),
            (Some(second), Some(child)) => second.save(child),
            (Some(_), None) => {}
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
        if let Some((_, filter)) = &self.from.filter {
            doc.value("unionFilter", Value::document(filter));
        }
    }
}
