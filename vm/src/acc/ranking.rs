//! `$rank $denseRank $documentNumber`: where a document stands in its partition. The argument is the document's sort
//! key, and documents come in its order.

use bumpalo::Bump;

use super::ranked::sort_key;
use super::{Accumulator, Definition, Form, Sliding, first};
use crate::error::Result;
use crate::value::Value;

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$rank",
        form: Form::Place,
        doc: "The document's place; documents that are level share one, and the next is as far on as there were documents.",
        example: None,
        begin: None,
        begin_sliding: Some(|_| Ok(Box::new(Ranking::new(Counts::Gaps)))),
    },
    Definition {
        name: "$denseRank",
        form: Form::Place,
        doc: "The document's place; documents that are level share one, and the next follows without a gap.",
        example: None,
        begin: None,
        begin_sliding: Some(|_| Ok(Box::new(Ranking::new(Counts::Dense)))),
    },
    Definition {
        name: "$documentNumber",
        form: Form::Place,
        doc: "The document's place; each has its own.",
        example: None,
        begin: None,
        begin_sliding: Some(|_| Ok(Box::new(Ranking::new(Counts::Documents)))),
    },
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Gaps,
    Dense,
    Documents,
}

struct Ranking {
    counts: Counts,
    documents: i64,
    place: i64,
    key: Vec<u8>,
}

impl Ranking {
    fn new(counts: Counts) -> Self {
        Self { counts, documents: 0, place: 0, key: Vec::new() }
    }
}

impl Accumulator for Ranking {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        let key = sort_key(first(args));
        let is_level = self.documents > 0 && self.key == key;
        self.documents += 1;
        match self.counts {
            Counts::Documents => self.place = self.documents,
            Counts::Gaps if !is_level => self.place = self.documents,
            Counts::Dense if !is_level => self.place += 1,
            Counts::Gaps | Counts::Dense => {}
        }
        self.key.clear();
        self.key.extend_from_slice(key);
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(Value::integer(self.place))
    }
}

impl Sliding for Ranking {
    /// Places count from the start of the partition, whatever a window leaves behind.
    fn remove(&mut self, _: &[Value<'_>], _: &mut usize) {}
}
