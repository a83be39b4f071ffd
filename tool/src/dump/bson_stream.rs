//! Documents one after the other, as bytes.

use std::io::{self, Read};

use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES;
use smongo_vm::value::{DocBuf, RawDoc, validate};

use crate::failure::Failure;

/// The next document of a stream; `None` at its end.
pub fn read(input: &mut impl Read, name: &str) -> Result<Option<DocBuf>, Failure> {
    let mut head = [0; 4];
    match read_up_to(input, &mut head).map_err(Failure::file(name))? {
        0 => Ok(None),
        4 => read_body(input, head, name).map(Some),
        _ => Err(Failure::Data(format!("{name}: ends within a document"))),
    }
}

/// The document whose length has been read.
pub fn read_body(input: &mut impl Read, head: [u8; 4], name: &str) -> Result<DocBuf, Failure> {
    let damaged = |why: &str| Failure::Data(format!("{name}: {why}"));
    let length = usize::try_from(i32::from_le_bytes(head)).ok();
    let length = length.filter(|length| (5..=MAX_INTERNAL_DOCUMENT_BYTES).contains(length));
    let length = length.ok_or_else(|| damaged("a document of an impossible length"))?;
    let mut bytes = head.to_vec();
    bytes.resize(length, 0);
    input.read_exact(&mut bytes[4..]).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("ends within a document"),
        _ => Failure::file(name)(error),
    })?;
    validate(&bytes, MAX_INTERNAL_DOCUMENT_BYTES).map_err(|error| damaged(error.message()))?;
    DocBuf::from_vec(bytes).ok_or_else(|| damaged("a document without an end"))
}

/// Fills the buffer as far as the input goes; gives how far.
pub fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A document as the `bson` crate has bytes.
pub fn to_raw(doc: &RawDoc) -> Result<bson::RawDocumentBuf, Failure> {
    bson::RawDocumentBuf::from_bytes(doc.as_bytes().to_vec()).map_err(|error| Failure::Data(error.to_string()))
}
