//! The catalog's record of one collection, and its form on disk.
//!
//! ```text
//! key    "db.coll"
//! value  { ns: "db.coll", ident: "collection-3", uuid: UUID, options: {…},
//!          indexes: [ { spec: { v: 2, key: { _id: 1 }, name: "_id_" }, ident: "index-4" } ] }
//! ```

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value, View};

use crate::error::{Error, Result};
use crate::request::Namespace;

/// BSON's binary subtype of UUIDs.
const UUID_SUBTYPE: u8 = 4;

/// What the catalog keeps about a collection.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub ns: Namespace,
    /// The name of the table that holds the documents.
    pub ident: String,
    pub uuid: [u8; 16],
    /// As `listCollections` gives them back.
    pub options: DocBuf,
    /// The `_id` index first.
    pub indexes: Vec<IndexEntry>,
}

/// What the catalog keeps about an index.
#[derive(Clone, Debug)]
pub(crate) struct IndexEntry {
    /// As `listIndexes` gives it back.
    pub spec: DocBuf,
    /// The name of the table that holds the keys.
    pub ident: String,
}

impl Entry {
    pub fn encode(&self) -> DocBuf {
        DocBuf::build(|doc| {
            doc.string("ns", self.ns.full());
            doc.string("ident", &self.ident);
            doc.value("uuid", uuid_value(&self.uuid));
            doc.value("options", Value::document(&self.options));
            doc.array("indexes", |indexes| {
                for index in &self.indexes {
                    indexes.document(|doc| {
                        doc.value("spec", Value::document(&index.spec));
                        doc.string("ident", &index.ident);
                    });
                }
            });
        })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        RawDoc::from_bytes(bytes).and_then(Self::read).ok_or_else(|| {
            Error::new(Code::UNSUPPORTED_FORMAT, "the catalog holds an entry that this version cannot read")
        })
    }

    fn read(doc: &RawDoc) -> Option<Self> {
        let View::Binary { subtype: UUID_SUBTYPE, bytes } = doc.get("uuid")?.view() else { return None };
        let mut indexes = Vec::new();
        for index in doc.get("indexes")?.as_array()?.values() {
            let index = index.as_doc()?;
            indexes.push(IndexEntry {
                spec: index.get("spec")?.as_doc()?.into(),
                ident: index.get("ident")?.as_str()?.to_owned(),
            });
        }
        Some(Self {
            ns: Namespace::parse_trusted(doc.get("ns")?.as_str()?)?,
            ident: doc.get("ident")?.as_str()?.to_owned(),
            uuid: bytes.try_into().ok()?,
            options: doc.get("options")?.as_doc()?.into(),
            indexes,
        })
    }
}

/// The BSON value of a UUID.
pub(crate) fn uuid_value(uuid: &[u8; 16]) -> Value<'_> {
    Value::binary(UUID_SUBTYPE, uuid)
}

/// A UUID in its usual text form.
pub(crate) fn uuid_text(uuid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A random UUID (version 4).
pub(crate) fn new_uuid() -> [u8; 16] {
    let mut uuid = [0; 16];
    uuid[..8].copy_from_slice(&crate::object_id::random_u64().to_le_bytes());
    uuid[8..].copy_from_slice(&crate::object_id::random_u64().to_le_bytes());
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_trip_to_disk() {
        let entry = Entry {
            ns: Namespace::new("db", "a.b").unwrap(),
            ident: "collection-1".into(),
            uuid: new_uuid(),
            options: DocBuf::build(|doc| doc.value("capped", Value::FALSE)),
            indexes: vec![IndexEntry { spec: DocBuf::new(), ident: "index-2".into() }],
        };
        let back = Entry::decode(entry.encode().as_bytes()).unwrap();
        assert_eq!(back.ns, entry.ns);
        assert_eq!((back.uuid, &back.options), (entry.uuid, &entry.options));
        assert_eq!(back.indexes[0].ident, "index-2");
        assert!(Entry::decode(RawDoc::EMPTY.as_bytes()).is_err());
    }

    #[test]
    fn uuids_are_of_version_four() {
        let text = uuid_text(&new_uuid());
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]));
    }
}
