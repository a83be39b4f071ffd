//! Unwind: one row for each element of an array.
//!
//! The rows of one document differ in one element only. Where the array is a field of the document itself, what stands
//! before and behind it is copied as it is and no field is looked at again.

use std::ops::Range;
use std::sync::Arc;

use smongo_compiler::ir::pipeline::Unwind as Spec;
use smongo_vm::value::{DocWriter, Element, FieldPath, RawDoc, Tag, Value};

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
    /// Where the array's field stands in `source`, when that is a field of the document itself.
    field: Option<Range<usize>>,
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
            field: None,
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
        if let (Some(field), None) = (&self.field, &self.spec.index) {
            splice(&mut self.row, &self.source, field.clone(), *tag, payload);
            self.next += 1;
            return true;
        }
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
                self.field = place_of(&self.source, &self.spec.path);
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

/// Where the field at a path of one component stands in a document, type and name included.
fn place_of(source: &[u8], path: &FieldPath) -> Option<Range<usize>> {
    let [component] = path.components() else { return None };
    let mut fields = RawDoc::from_bytes(source)?.iter();
    while let Some(field) = fields.next() {
        if field.name() == component.name().as_bytes() {
            let end = fields.offset();
            return Some(end - field.raw().len()..end);
        }
    }
    None
}

/// Writes `source` with another value in the field that stands at `field`.
fn splice(out: &mut Vec<u8>, source: &[u8], field: Range<usize>, tag: u8, payload: &[u8]) {
    let name = source.get(field.start + 1..field.end).and_then(|rest| rest.split_inclusive(|byte| *byte == 0).next());
    out.clear();
    out.extend_from_slice(source.get(..field.start).unwrap_or_default());
    out.push(tag);
    out.extend_from_slice(name.unwrap_or_default());
    out.extend_from_slice(payload);
    out.extend_from_slice(source.get(field.end..).unwrap_or_default());
    // An element of a document is shorter than the document, whose length is an int32.
    let length = i32::try_from(out.len()).unwrap_or(i32::MAX).to_le_bytes();
    out.iter_mut().zip(length).for_each(|(byte, length)| *byte = length);
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

#[cfg(test)]
mod tests {
    use smongo_vm::value::DocBuf;
    use smongo_vm::value::extjson::parse_doc;

    use super::*;

    #[test]
    fn a_spliced_row_is_the_row_that_is_written_field_by_field() {
        for (doc, path) in [
            ("{a: [1, 2]}", "a"),
            ("{x: 1, a: [1, 2], y: 'z'}", "a"),
            ("{aa: 0, a: [], b: {c: 1}}", "a"),
            ("{_id: 1, tags: ['p', 'q']}", "tags"),
        ] {
            let (doc, path) = (parse_doc(doc).unwrap(), FieldPath::new(path));
            let place = place_of(doc.as_bytes(), &path).unwrap();
            let values = parse_doc("{a: 5, b: 'text', c: {d: 1}, e: null}").unwrap();
            for value in values.iter() {
                let (mut spliced, mut written) = (Vec::new(), Vec::new());
                splice(&mut spliced, doc.as_bytes(), place.clone(), value.raw()[0], value.raw_payload());
                set_path(&mut written, &doc, &path, value.value());
                assert_eq!(DocBuf::from_vec(spliced), DocBuf::from_vec(written), "{doc:?} {}", value.name_str());
            }
        }
        assert!(place_of(parse_doc("{a: {b: [1]}}").unwrap().as_bytes(), &FieldPath::new("a.b")).is_none());
        assert!(place_of(parse_doc("{b: 1}").unwrap().as_bytes(), &FieldPath::new("a")).is_none());
    }
}
