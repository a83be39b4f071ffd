//! Unwind: one row for each element of an array.

use std::ops::Range;
use std::sync::Arc;

use smongo_compiler::ir::pipeline::Unwind as Spec;
use smongo_vm::value::{DocWriter, Element, RawDoc, Tag, Value};

use super::set_path::{set_path, value_at};
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The unwinding. The current row is its own.
pub(crate) struct Unwind {
    input: Box<dyn Operator>,
    spec: Arc<Spec>,
    /// The document whose array is being unwound.
    source: Vec<u8>,
    /// The array, and where its elements' values stand in it with the types that they have.
    array: Vec<u8>,
    elements: Vec<(u8, Range<usize>)>,
    next: usize,
    row: Vec<u8>,
    /// A row before the position was written into it.
    without_index: Vec<u8>,
    stats: Stats,
}

impl Unwind {
    /// The rows of `input`, unwound.
    pub fn new(input: Box<dyn Operator>, spec: Arc<Spec>) -> Self {
        Self {
            input,
            spec,
            source: Vec::new(),
            array: Vec::new(),
            elements: Vec::new(),
            next: 0,
            row: Vec::new(),
            without_index: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Makes the row of the next element; `false` when there is none.
    fn give_element(&mut self) -> bool {
        let Some((tag, place)) = self.elements.get(self.next) else { return false };
        let payload = self.array.get(place.clone()).unwrap_or_default();
        let element = Value::decode(*tag, payload).map_or(Value::NULL, |(element, _)| element);
        let source = RawDoc::from_bytes(&self.source).unwrap_or(RawDoc::EMPTY);
        let position = Value::int64(i64::try_from(self.next).unwrap_or(i64::MAX));
        match &self.spec.index {
            None => set_path(&mut self.row, source, &self.spec.path, element),
            Some(index) => {
                set_path(&mut self.without_index, source, &self.spec.path, element);
                let doc = RawDoc::from_bytes(&self.without_index).unwrap_or(RawDoc::EMPTY);
                set_path(&mut self.row, doc, index, position);
            }
        }
        self.next += 1;
        true
    }

    /// Takes in the input's current row. Says whether it makes a row by itself.
    fn take(&mut self, cx: &ExecContext<'_>) -> bool {
        self.elements.clear();
        self.next = 0;
        let doc = self.input.document(cx);
        let value = value_at(doc, &self.spec.path);
        let whole = match (value.as_array(), value.tag()) {
            (Some(array), _) if array.is_empty() => {
                if !self.spec.keep_empty {
                    return false;
                }
                set_path(&mut self.without_index, doc, &self.spec.path, Value::NOTHING);
                RawDoc::from_bytes(&self.without_index).unwrap_or(RawDoc::EMPTY)
            }
            (Some(array), _) => {
                self.source.clear();
                match &self.spec.only {
                    None => self.source.extend_from_slice(doc.as_bytes()),
                    Some(only) => copy_fields(doc, only, &mut self.source),
                }
                self.array.clear();
                self.array.extend_from_slice(array.as_bytes());
                let mut elements = array.iter();
                while let Some(element) = elements.next() {
                    let end = elements.offset();
                    let tag = element.raw().first().copied().unwrap_or_default();
                    self.elements.push((tag, end - element.raw_payload().len()..end));
                }
                return false;
            }
            (None, Tag::Nothing | Tag::Null | Tag::Undefined) if !self.spec.keep_empty => return false,
            _ => doc,
        };
        match &self.spec.index {
            None => {
                self.row.clear();
                self.row.extend_from_slice(whole.as_bytes());
            }
            Some(index) => set_path(&mut self.row, whole, index, Value::NULL),
        }
        true
    }
}

/// Copies the fields of these names, in the document's order.
fn copy_fields(doc: &RawDoc, only: &[String], out: &mut Vec<u8>) {
    let mut copy = DocWriter::new(out);
    let wanted = |element: &Element<'_>| only.iter().any(|name| name.as_bytes() == element.name());
    doc.iter().filter(wanted).for_each(|element| copy.raw_element(element.raw()));
    copy.finish();
}

impl Operator for Unwind {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            if self.give_element() {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            let step = self.input.advance(cx)?;
            if step != Step::Row {
                return Ok(step);
            }
            if self.take(cx) {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::from_bytes(&self.row).unwrap_or(RawDoc::EMPTY)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.next >= self.elements.len() && self.input.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "UNWIND"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.string("path", &self.spec.path.to_string());
        doc.value("preserveNullAndEmptyArrays", Value::bool(self.spec.keep_empty));
        if let Some(index) = &self.spec.index {
            doc.string("includeArrayIndex", &index.to_string());
        }
    }
}
