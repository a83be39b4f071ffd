//! Collations of requests, collections and indexes. Expectations: MongoDB manual, "Collation" and "Case-Insensitive
//! Indexes"; codes as recorded against mongod 8.2.4.

use smongo_vm::value::extjson::parse_doc;
use smongo_vm::value::{DocBuf, RawDoc, Value, equal};

use crate::client::{Client, TestServer, code, is_ok};

fn run(client: &mut Client, command: &str) -> DocBuf {
    let command = parse_doc(command).unwrap();
    client.run("db", |doc| doc.elements_of(&command))
}

fn ids(reply: &DocBuf) -> Vec<i64> {
    let cursor = reply.get("cursor").and_then(Value::as_doc).unwrap();
    let batch = cursor.get("firstBatch").and_then(Value::as_array).unwrap();
    batch.values().map(|doc| doc.as_doc().unwrap().get("_id").unwrap().as_integer().unwrap()).collect()
}

fn with_names(client: &mut Client, options: &str) {
    assert!(is_ok(&run(client, &format!("{{create: 'c'{options}}}"))));
    let names = ["a", "A", "b", "á", "10", "9"];
    let docs: Vec<String> = names.iter().enumerate().map(|(id, name)| format!("{{_id: {id}, x: '{name}'}}")).collect();
    assert!(is_ok(&run(client, &format!("{{insert: 'c', documents: [{}]}}", docs.join(", ")))));
}

#[test]
fn requests_compare_by_their_own_collation() {
    let server = TestServer::start();
    let client = &mut server.client();
    with_names(client, "");
    for (collation, filter, expected) in [
        ("{locale: 'en', strength: 1}", "{x: 'A'}", vec![0, 1, 3]),
        ("{locale: 'en', strength: 2}", "{x: 'A'}", vec![0, 1]),
        ("{locale: 'en'}", "{x: 'A'}", vec![1]),
        ("{locale: 'simple'}", "{x: 'A'}", vec![1]),
        ("{locale: 'en', strength: 1}", "{x: {$in: ['A', 'B']}}", vec![0, 1, 2, 3]),
        ("{locale: 'en', strength: 1}", "{x: {$regex: '^A'}}", vec![1]),
        ("{locale: 'en', numericOrdering: true}", "{x: {$gt: '9', $lt: 'a'}}", vec![4]),
        ("{locale: 'en', strength: 1}", "{$expr: {$eq: ['$x', 'A']}}", vec![0, 1, 3]),
    ] {
        for index in [false, true] {
            if index {
                let create =
                    format!("{{createIndexes: 'c', indexes: [{{key: {{x: 1}}, name: 'x', collation: {collation}}}]}}");
                assert!(is_ok(&run(client, &create)));
            }
            let mut found = ids(&run(client, &format!("{{find: 'c', filter: {filter}, collation: {collation}}}")));
            found.sort_unstable();
            assert_eq!(found, expected, "{filter} {collation} index: {index}");
        }
        run(client, "{dropIndexes: 'c', index: 'x'}");
    }
    let sorted = ids(&run(client, "{find: 'c', sort: {x: 1}, collation: {locale: 'en', numericOrdering: true}}"));
    assert_eq!(sorted, [5, 4, 0, 1, 3, 2]);
}

#[test]
fn a_collection_hands_its_collation_on() {
    let server = TestServer::start();
    let client = &mut server.client();
    with_names(client, ", collation: {locale: 'en', strength: 2}");
    assert_eq!(ids(&run(client, "{find: 'c', filter: {x: 'A'}}")), [0, 1]);
    assert_eq!(ids(&run(client, "{find: 'c', filter: {x: 'A'}, collation: {locale: 'simple'}}")), [1]);
    let own = "{key: {x: 1}, name: 'own'}, {key: {x: 1}, name: 'simple', collation: {locale: 'simple'}}";
    assert!(is_ok(&run(client, &format!("{{createIndexes: 'c', indexes: [{own}]}}"))));
    let listed = run(client, "{listIndexes: 'c'}");
    let batch = listed.get("cursor").and_then(Value::as_doc).and_then(|cursor| cursor.get("firstBatch")).unwrap();
    let strengths: Vec<_> = batch
        .as_array()
        .unwrap()
        .values()
        .map(|spec| {
            spec.as_doc().unwrap().get("collation").map(|c| c.as_doc().unwrap().get("strength").unwrap().as_integer())
        })
        .collect();
    assert_eq!(strengths, [Some(Some(2)), Some(Some(2)), None]);
}

#[test]
fn a_unique_index_sees_what_its_collation_sees() {
    let server = TestServer::start();
    let client = &mut server.client();
    let index = "{key: {x: 1}, name: 'x', unique: true, collation: {locale: 'en', strength: 1}}";
    assert!(is_ok(&run(client, &format!("{{createIndexes: 'c', indexes: [{index}]}}"))));
    let reply = run(client, "{insert: 'c', documents: [{_id: 1, x: 'a'}, {_id: 2, x: 'A'}]}");
    let error = reply.get("writeErrors").and_then(Value::as_array).and_then(|errors| errors.values().next()).unwrap();
    let error: &RawDoc = error.as_doc().unwrap();
    assert!(equal(error.get("code").unwrap(), Value::int32(11000)));
    let shown = error.get("keyValue").and_then(Value::as_doc).and_then(|key| key.get("x")).unwrap();
    assert!(shown.as_str().unwrap().starts_with("0x"), "{shown:?}");
    assert!(error.get("collation").is_some());
}

#[test]
fn wrong_collations_are_refused() {
    let server = TestServer::start();
    let client = &mut server.client();
    with_names(client, "");
    for (collation, expected) in [
        ("{strength: 2}", 40414),
        ("{locale: 'xx'}", 2),
        ("{locale: 'en', strength: 9}", 2),
        ("{locale: 'en', caseFirst: 'upper', strength: 1}", 2),
        ("'en'", 14),
    ] {
        for command in [
            "find: 'c'",
            "aggregate: 'c', pipeline: [], cursor: {}",
            "count: 'c', query: {x: 1}",
            "distinct: 'c', key: 'x'",
        ] {
            let reply = run(client, &format!("{{{command}, collation: {collation}}}"));
            assert_eq!(code(&reply), expected, "{command} {collation}");
        }
    }
}
