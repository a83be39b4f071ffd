//! mongodump's archive: several collections in one stream.
//!
//! ```text
//! archive  = magic, header, metadata..., END, block...
//! block    = namespace, document..., END           documents of one collection; it may have several blocks
//!          | namespace with EOF, END               the collection is complete; with the checksum of its documents
//! END      = ff ff ff ff
//! ```
//!
//! Everything but the magic number and the ends is BSON. The checksum is CRC-64 with the polynomial of ECMA-182.

use std::collections::HashMap;
use std::io::{Read, Write};

use bson::{Document, doc};
use crc64fast::Digest;
use smongo_vm::value::{DocBuf, RawDoc};

use super::bson_stream;
use crate::failure::Failure;
use crate::values;

const MAGIC: [u8; 4] = 0x8199_e26d_u32.to_le_bytes();
const END: [u8; 4] = [0xff; 4];

/// The version of the format; there is one.
const VERSION: &str = "0.1";

/// A collection in the archive's head.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub db: String,
    pub coll: String,
    /// The text of its metadata.
    pub metadata: String,
    pub kind: String,
}

/// Writes an archive.
pub struct Writer<W: Write> {
    out: W,
    name: String,
}

impl<W: Write> Writer<W> {
    /// Begins an archive with the head.
    pub fn begin(out: W, name: &str, server_version: &str, collections: &[Listed]) -> Result<Self, Failure> {
        let mut writer = Self { out, name: name.to_owned() };
        writer.bytes(&MAGIC)?;
        writer.document(&doc! {
            "concurrent_collections": 1,
            "version": VERSION,
            "server_version": server_version,
            "tool_version": env!("CARGO_PKG_VERSION"),
        })?;
        for Listed { db, coll, metadata, kind } in collections {
            writer.document(&doc! {
                "db": db, "collection": coll, "metadata": metadata, "size": 0, "type": kind,
            })?;
        }
        writer.bytes(&END)?;
        Ok(writer)
    }

    /// Writes a collection's documents.
    pub fn collection(
        &mut self,
        db: &str,
        coll: &str,
        documents: impl Iterator<Item = Result<DocBuf, Failure>>,
    ) -> Result<(), Failure> {
        let mut checksum = Digest::new();
        let mut any = false;
        for document in documents {
            let document = document?;
            if !any {
                self.namespace(db, coll, None)?;
                any = true;
            }
            checksum.write(document.as_bytes());
            self.bytes(document.as_bytes())?;
        }
        if any {
            self.bytes(&END)?;
        }
        self.namespace(db, coll, Some(if any { checksum.sum64() } else { 0 }))?;
        self.bytes(&END)
    }

    /// Writes what is still in memory.
    pub fn finish(mut self) -> Result<W, Failure> {
        self.out.flush().map_err(Failure::file(&self.name))?;
        Ok(self.out)
    }

    fn namespace(&mut self, db: &str, coll: &str, checksum: Option<u64>) -> Result<(), Failure> {
        let crc = checksum.unwrap_or(0).cast_signed();
        self.document(&doc! { "db": db, "collection": coll, "EOF": checksum.is_some(), "CRC": crc })
    }

    fn document(&mut self, document: &Document) -> Result<(), Failure> {
        let bytes = values::to_bytes(document)?;
        self.bytes(bytes.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(Failure::file(&self.name))
    }
}

/// Reads an archive.
pub struct Reader<R: Read> {
    input: R,
    name: String,
    /// The collections in the head.
    pub listed: Vec<Listed>,
    checksums: HashMap<(String, String), Digest>,
    /// The namespace of the block at hand.
    block: Option<(String, String)>,
}

/// A step through an archive.
#[derive(Debug)]
pub enum Item {
    /// A document of a collection.
    Document { db: String, coll: String, doc: DocBuf },
    /// A collection is complete.
    End { db: String, coll: String },
}

impl<R: Read> Reader<R> {
    /// Reads the head.
    pub fn begin(input: R, name: &str) -> Result<Self, Failure> {
        let mut reader =
            Self { input, name: name.to_owned(), listed: Vec::new(), checksums: HashMap::new(), block: None };
        let mut magic = [0; 4];
        let read = bson_stream::read_up_to(&mut reader.input, &mut magic).map_err(Failure::file(name))?;
        if read < 4 || magic != MAGIC {
            return Err(reader.damaged("is no archive of mongodump's"));
        }
        let header = reader.next_document()?.ok_or_else(|| reader.damaged("has no header"))?;
        let version = header.get("version").and_then(|version| version.as_str()).unwrap_or_default();
        if version != VERSION {
            return Err(reader.damaged(&format!("has the unknown version '{version}'")));
        }
        while let Some(doc) = reader.next_document()? {
            let text = |name| doc.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
            reader.listed.push(Listed {
                db: text("db"),
                coll: text("collection"),
                metadata: text("metadata"),
                kind: text("type"),
            });
        }
        Ok(reader)
    }

    /// The next document or end; `None` when the archive is at its own.
    pub fn next(&mut self) -> Result<Option<Item>, Failure> {
        loop {
            let Some((db, coll)) = self.block.clone() else {
                let Some(header) = bson_stream::read(&mut self.input, &self.name)? else { return Ok(None) };
                if let Some(item) = self.header(&header)? {
                    return Ok(Some(item));
                }
                continue;
            };
            match self.next_document()? {
                None => self.block = None,
                Some(doc) => {
                    self.checksums.entry((db.clone(), coll.clone())).or_default().write(doc.as_bytes());
                    return Ok(Some(Item::Document { db, coll, doc }));
                }
            }
        }
    }

    fn header(&mut self, header: &RawDoc) -> Result<Option<Item>, Failure> {
        let text = |name| header.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let (db, coll) = (text("db"), text("collection"));
        if header.get("EOF").and_then(|eof| eof.as_bool()) != Some(true) {
            self.block = Some((db, coll));
            return Ok(None);
        }
        let written = header.get("CRC").and_then(|crc| crc.as_integer()).unwrap_or(0).cast_unsigned();
        let read = self.checksums.remove(&(db.clone(), coll.clone())).map_or(0, |checksum| checksum.sum64());
        if written != read {
            return Err(self.damaged(&format!("the checksum of {db}.{coll} is wrong")));
        }
        if self.next_document()?.is_some() {
            return Err(self.damaged("something follows the end of a collection"));
        }
        Ok(Some(Item::End { db, coll }))
    }

    /// The next document, or `None` for an end mark.
    fn next_document(&mut self) -> Result<Option<DocBuf>, Failure> {
        let mut head = [0; 4];
        let read = bson_stream::read_up_to(&mut self.input, &mut head).map_err(Failure::file(&self.name))?;
        match (read, head) {
            (4, END) => Ok(None),
            (4, head) => bson_stream::read_body(&mut self.input, head, &self.name).map(Some),
            _ => Err(self.damaged("ends too early")),
        }
    }

    fn damaged(&self, why: &str) -> Failure {
        Failure::Data(format!("{}: {why}", self.name))
    }
}
