//! A batch of a cursor: documents written straight into a reply, up to a number and a size.

use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::{ArrayWriter, RawDoc, Value};

use super::Flow;

/// Bytes that a document takes in an array besides its own: type, name, terminator.
const ELEMENT_OVERHEAD_BYTES: usize = 12;

/// Where the documents of one batch go.
pub(crate) struct Batch<'b, 'a> {
    out: &'b mut ArrayWriter<'a, Vec<u8>>,
    documents_max: u64,
    documents: u64,
}

impl<'b, 'a> Batch<'b, 'a> {
    /// A batch of at most `documents_max` documents and 16 MiB. One document always fits.
    pub fn new(out: &'b mut ArrayWriter<'a, Vec<u8>>, documents_max: u64) -> Self {
        Self { out, documents_max, documents: 0 }
    }

    /// Adds a document, unless there is no room for it.
    pub fn add(&mut self, doc: &RawDoc) -> Flow {
        let size = self.out.written() + doc.as_bytes().len() + ELEMENT_OVERHEAD_BYTES;
        if self.documents > 0 && size > MAX_USER_DOCUMENT_BYTES {
            return Flow::Refuse;
        }
        self.out.value(Value::document(doc));
        self.documents += 1;
        if self.documents >= self.documents_max { Flow::Stop } else { Flow::Continue }
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::DocBuf;

    use super::*;

    #[test]
    fn stops_at_its_number_and_refuses_beyond_its_size() {
        let mut bytes = Vec::new();
        let mut out = ArrayWriter::new(&mut bytes);
        let small = DocBuf::build(|doc| doc.value("a", Value::int32(1)));
        let mut batch = Batch::new(&mut out, 2);
        assert_eq!(batch.add(&small), Flow::Continue);
        assert_eq!(batch.add(&small), Flow::Stop);

        let text = "x".repeat(9 * 1024 * 1024);
        let large = DocBuf::build(|doc| doc.string("a", &text));
        let mut bytes = Vec::new();
        let mut out = ArrayWriter::new(&mut bytes);
        let mut batch = Batch::new(&mut out, 100);
        assert_eq!(batch.add(&large), Flow::Continue);
        assert_eq!(batch.add(&large), Flow::Refuse);
        assert_eq!(batch.add(&small), Flow::Continue);
    }
}
