//! Logical sessions.

use smongo_vm::value::{DocBuf, Value};

use crate::client::{Client, TestServer, body, code, sequence};

fn open_cursor(client: &mut Client, session: u8) -> i64 {
    let reply = client.run("db", |doc| {
        doc.string("find", "c");
        doc.value("batchSize", Value::int32(1));
        doc.document("lsid", |doc| doc.value("id", Value::binary(4, &[session; 16])));
    });
    let cursor = reply.get("cursor").unwrap().as_doc().unwrap();
    cursor.get("id").and_then(|id| id.as_integer()).unwrap()
}

fn get_more(client: &mut Client, id: i64, session: u8) -> i64 {
    code(&client.run("db", |doc| {
        doc.value("getMore", Value::int64(id));
        doc.string("collection", "c");
        doc.value("batchSize", Value::int32(1));
        doc.document("lsid", |doc| doc.value("id", Value::binary(4, &[session; 16])));
    }))
}

#[test]
fn cursors_live_and_die_with_their_sessions() {
    let server = TestServer::start();
    let mut client = server.client();
    let command = DocBuf::build(|doc| {
        doc.string("insert", "c");
        doc.string("$db", "db");
    });
    let documents = vec![DocBuf::new(); 10];
    client.send_msg(0, &[body(&command), sequence("documents", &documents)].concat());
    client.read_reply();

    let (first, second) = (open_cursor(&mut client, 1), open_cursor(&mut client, 2));
    assert_eq!(get_more(&mut client, first, 1), 0);
    assert_eq!(get_more(&mut client, first, 2), 50738);
    let killed = client.admin(|doc| {
        doc.array("killSessions", |ids| ids.document(|doc| doc.value("id", Value::binary(4, &[1; 16]))));
    });
    assert_eq!(code(&killed), 0);
    assert_eq!(get_more(&mut client, first, 1), 43);
    assert_eq!(get_more(&mut client, second, 2), 0);
    assert_eq!(code(&client.admin(|doc| doc.array("killAllSessions", |_| ()))), 0);
    assert_eq!(get_more(&mut client, second, 2), 43);
}

#[test]
fn a_started_session_has_an_id() {
    let server = TestServer::start();
    let reply = server.client().admin(|doc| doc.value("startSession", Value::int32(1)));
    assert!(reply.get("id").unwrap().as_doc().unwrap().get("id").is_some());
    assert_eq!(reply.get("timeoutMinutes").and_then(|minutes| minutes.as_integer()), Some(30));
}
