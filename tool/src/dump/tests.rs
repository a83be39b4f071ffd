//! The formats by themselves: archives, metadata, names.

use bson::{Document, doc};
use smongo_vm::value::DocBuf;

use super::archive::{Item, Listed, Reader, Writer};
use super::metadata::Metadata;
use super::names::{filled, from_file_name, matched, to_file_name};
use crate::values;

fn bytes(documents: &[Document]) -> Vec<DocBuf> {
    documents.iter().map(|document| values::to_bytes(document).unwrap()).collect()
}

fn archive() -> Vec<u8> {
    let listed =
        |coll: &str| Listed { db: "d".into(), coll: coll.into(), metadata: "{}".into(), kind: "collection".into() };
    let mut writer = Writer::begin(Vec::new(), "test", "8.2.0", &[listed("a"), listed("b")]).unwrap();
    writer.collection("d", "a", bytes(&[doc! { "_id": 1 }, doc! { "_id": 2 }]).into_iter().map(Ok)).unwrap();
    writer.collection("d", "b", std::iter::empty()).unwrap();
    writer.finish().unwrap()
}

/// `common/archive/spec.md` of mongodb/mongo-tools.
#[test]
fn an_archive_is_laid_out_as_specified() {
    let archive = archive();
    assert_eq!(archive[..4], [0x6d, 0xe2, 0x99, 0x81]);
    let mut rest = &archive[4..];
    let mut items = Vec::new();
    while let Some(head) = rest.first_chunk::<4>() {
        let length = if *head == [0xff; 4] { 4 } else { usize::try_from(i32::from_le_bytes(*head)).unwrap() };
        let (item, after) = rest.split_at(length);
        items.push(if length == 4 { None } else { Some(bson::deserialize_from_slice::<Document>(item).unwrap()) });
        rest = after;
    }
    let metadata =
        |coll: &str| doc! { "db": "d", "collection": coll, "metadata": "{}", "size": 0, "type": "collection" };
    let version = env!("CARGO_PKG_VERSION");
    // The checksum is what Go's hash/crc64 gives for the two documents with its ECMA table.
    let crc = crc64(&archive_documents()).cast_signed();
    assert_eq!(
        items,
        [
            Some(
                doc! { "concurrent_collections": 1, "version": "0.1", "server_version": "8.2.0", "tool_version": version }
            ),
            Some(metadata("a")),
            Some(metadata("b")),
            None,
            Some(doc! { "db": "d", "collection": "a", "EOF": false, "CRC": 0_i64 }),
            Some(doc! { "_id": 1 }),
            Some(doc! { "_id": 2 }),
            None,
            Some(doc! { "db": "d", "collection": "a", "EOF": true, "CRC": crc }),
            None,
            Some(doc! { "db": "d", "collection": "b", "EOF": true, "CRC": 0_i64 }),
            None,
        ]
    );
}

fn archive_documents() -> Vec<u8> {
    bytes(&[doc! { "_id": 1 }, doc! { "_id": 2 }]).iter().flat_map(|doc| doc.as_bytes().to_vec()).collect()
}

/// CRC-64 with the reflected polynomial of ECMA-182, bit by bit, as the standard defines it.
fn crc64(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(!0_u64, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xc96c_5795_d787_0f42 } else { 0 })
    })
}

/// The check value of the catalogue of CRC algorithms for CRC-64/XZ.
#[test]
fn the_checksum_is_the_standards() {
    assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
}

#[test]
fn an_archive_is_read_back() {
    let archive = archive();
    let mut reader = Reader::begin(&archive[..], "test").unwrap();
    assert_eq!(reader.listed.len(), 2);
    let mut seen = Vec::new();
    while let Some(item) = reader.next().unwrap() {
        seen.push(match item {
            Item::Document { coll, doc, .. } => format!("{coll} {}", doc.get("_id").unwrap().as_integer().unwrap()),
            Item::End { coll, .. } => format!("{coll} ends"),
        });
    }
    assert_eq!(seen, ["a 1", "a 2", "a ends", "b ends"]);
}

#[test]
fn a_damaged_archive_is_refused() {
    let read = |archive: &[u8]| -> Result<(), String> {
        let mut reader = Reader::begin(archive, "test").map_err(|failure| failure.to_string())?;
        while reader.next().map_err(|failure| failure.to_string())?.is_some() {}
        Ok(())
    };
    let archive = archive();
    assert!(read(b"no archive").unwrap_err().contains("is no archive"));
    assert!(read(&archive[..archive.len() - 30]).is_err());
    for at in 0..archive.len() {
        let mut damaged = archive.clone();
        damaged[at] ^= 0x10;
        // No damage leads to a panic; where it is in a document, the checksum tells.
        let _ = read(&damaged);
    }
    let at = archive.windows(9).rposition(|window| window == b"\x10_id\0\x02\0\0\0").unwrap();
    let mut damaged = archive.clone();
    damaged[at + 5] = 9;
    assert!(read(&damaged).unwrap_err().contains("the checksum of d.a is wrong"));
}

#[test]
fn metadata_is_mongodumps() {
    let listed = doc! {
        "name": "films", "type": "collection", "options": { "capped": true, "size": 4096 },
        "info": { "uuid": bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![0xab; 16] } },
    };
    let indexes = vec![
        doc! { "v": 2, "key": { "_id": 1 }, "name": "_id_" },
        doc! { "v": 2, "key": { "year": -1 }, "name": "year_-1", "unique": true },
    ];
    let metadata = Metadata::new(&listed, indexes);
    let text = metadata.to_json().unwrap();
    assert_eq!(
        text,
        r#"{"options":{"capped":true,"size":{"$numberInt":"4096"}},"indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"},{"v":{"$numberInt":"2"},"key":{"year":{"$numberInt":"-1"}},"name":"year_-1","unique":true}],"uuid":"abababababababababababababababab","collectionName":"films","type":"collection"}"#
    );
    assert_eq!(Metadata::from_json(&text, "x").unwrap(), metadata);
    assert_eq!(metadata.create_command("f"), doc! { "create": "f", "capped": true, "size": 4096 });
    assert_eq!(
        metadata.indexes_command("f"),
        Some(doc! {
            "createIndexes": "f",
            "indexes": [{ "key": { "year": -1 }, "name": "year_-1", "unique": true }],
            "ignoreUnknownIndexOptions": true,
        })
    );
    assert_eq!(Metadata::from_json(r#"{"indexes":[]}"#, "x").unwrap(), Metadata::bare("x"));
}

#[test]
fn names_of_files() {
    for (coll, file) in [("films", "films"), ("a/b %", "a%2Fb%20%25"), ("ü", "%C3%BC"), ("a.b$c", "a.b$c")] {
        assert_eq!(to_file_name(coll), file);
        assert_eq!(from_file_name(file), coll);
    }
    let long = to_file_name(&"x".repeat(250));
    assert_eq!((long.len(), &long[208..211]), (208 + 3 + 27, "%24"));
}

#[test]
fn patterns_of_namespaces() {
    assert_eq!(matched("a.*", "a.b.c"), Some(vec!["b.c"]));
    assert_eq!(matched("*.b", "a.b"), Some(vec!["a"]));
    assert_eq!(matched("a.b", "a.b"), Some(vec![]));
    assert_eq!(matched("a.b", "a.bc"), None);
    assert_eq!(filled("x.*_*", &["1", "2"]), "x.1_2");
}
