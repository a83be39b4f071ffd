//! The first messages of drivers, old and new.

use std::time::{Duration, Instant};

use smongo::command::CommandOptions;
use smongo::wire::ServerOptions;
use smongo::wire::frame::{Header, OP_QUERY, OP_REPLY};
use smongo::wire::message::{EXHAUST_ALLOWED, MORE_TO_COME};
use smongo_vm::value::{DocBuf, Value};

use crate::client::{TestServer, body, code, is_ok};

fn op_query(namespace: &str, query: &DocBuf) -> Vec<u8> {
    let mut payload = vec![0; 4];
    payload.extend_from_slice(namespace.as_bytes());
    payload.push(0);
    payload.extend_from_slice(&[0; 4]);
    payload.extend_from_slice(&(-1_i32).to_le_bytes());
    payload.extend_from_slice(query.as_bytes());
    payload
}

#[test]
fn the_legacy_handshake_and_nothing_more() {
    let server = TestServer::start();
    let mut client = server.client();
    let command = |name: &str| DocBuf::build(|doc| doc.value(name, Value::int32(1)));
    let rows = [
        ("admin.$cmd", command("isMaster"), 0),
        ("admin.$cmd", command("ismaster"), 0),
        ("db.$cmd", command("hello"), 0),
        ("admin.$cmd", command("ping"), 352),
        ("db.c", command("x"), 5_739_101),
    ];
    for (namespace, query, expected) in rows {
        let id = client.send_frame(OP_QUERY, &op_query(namespace, &query));
        let bytes = client.read_frame();
        let header = Header::of(&bytes).unwrap();
        assert_eq!((header.opcode, header.response_to), (OP_REPLY, id));
        let count = i32::from_le_bytes(*bytes[32..].first_chunk().unwrap());
        assert_eq!(count, 1);
        let doc = DocBuf::from_vec(bytes[36..].to_vec()).unwrap();
        assert_eq!(code(&doc), expected, "{namespace} {query:?}");
    }
}

#[test]
fn hello_describes_a_one_node_replica_set() {
    let server = TestServer::start();
    let mut client = server.client();
    let address = format!("127.0.0.1:{}", server.port);
    let hello = client.admin(|doc| {
        doc.value("hello", Value::int32(1));
        doc.value("helloOk", Value::TRUE);
        doc.array("compression", |names| {
            for name in ["zstd", "lz4", "snappy"] {
                names.value(Value::string(name));
            }
        });
    });
    for (name, expected) in [("setName", "rs0"), ("me", &address), ("primary", &address)] {
        assert_eq!(hello.get(name).and_then(|value| value.as_str()), Some(expected), "{name}");
    }
    for (name, expected) in [
        ("maxBsonObjectSize", 16_777_216),
        ("maxMessageSizeBytes", 48_000_000),
        ("maxWriteBatchSize", 100_000),
        ("logicalSessionTimeoutMinutes", 30),
        ("minWireVersion", 0),
        ("maxWireVersion", 27),
    ] {
        assert_eq!(hello.get(name).and_then(|value| value.as_integer()), Some(expected), "{name}");
    }
    for (name, expected) in [("isWritablePrimary", true), ("secondary", false), ("readOnly", false), ("helloOk", true)]
    {
        assert_eq!(hello.get(name).and_then(|value| value.as_bool()), Some(expected), "{name}");
    }
    let compression: Vec<_> = hello.get("compression").unwrap().as_array().unwrap().values().collect();
    assert_eq!(compression.iter().filter_map(|name| name.as_str()).collect::<Vec<_>>(), ["zstd", "snappy"]);
    assert!(hello.get("$clusterTime").is_some() && hello.get("operationTime").is_some());
}

#[test]
fn a_standalone_server_says_nothing_of_sets() {
    let options = CommandOptions { set_name: None, ..CommandOptions::default() };
    let server = TestServer::with(options, ServerOptions::default());
    let mut client = server.client();
    let hello = client.admin(|doc| doc.value("hello", Value::int32(1)));
    for name in ["setName", "hosts", "primary", "me", "secondary", "electionId", "lastWrite", "$clusterTime"] {
        assert!(hello.get(name).is_none(), "{name}");
    }
    assert_eq!(code(&client.admin(|doc| doc.value("replSetGetStatus", Value::int32(1)))), 76);
}

#[test]
fn watching_the_topology_streams_replies() {
    let server = TestServer::start();
    let mut client = server.client();
    let first = client.admin(|doc| doc.value("hello", Value::int32(1)));
    let known = first.get("topologyVersion").unwrap();
    let watch = DocBuf::build(|doc| {
        doc.value("hello", Value::int32(1));
        doc.value("topologyVersion", known);
        doc.value("maxAwaitTimeMS", Value::int32(50));
        doc.string("$db", "admin");
    });
    let begin = Instant::now();
    let mut answered = client.send_msg(EXHAUST_ALLOWED, &body(&watch));
    for _ in 0..3 {
        let reply = client.read_reply();
        assert!(is_ok(&reply.doc));
        assert_eq!(reply.flags & MORE_TO_COME, MORE_TO_COME);
        assert_eq!(reply.header.response_to, answered);
        answered = reply.header.request_id;
    }
    assert!(begin.elapsed() >= Duration::from_millis(150));
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let server =
        TestServer::with(CommandOptions::default(), ServerOptions { max_connections: 2, ..Default::default() });
    let mut kept: Vec<_> = (0..2).map(|_| server.client()).collect();
    for client in &mut kept {
        assert!(is_ok(&client.admin(|doc| doc.value("ping", Value::int32(1)))));
    }
    assert!(server.client().is_closed());
}

#[test]
fn a_stopping_server_closes_idle_connections() {
    let server = TestServer::start();
    let mut client = server.client();
    assert!(is_ok(&client.admin(|doc| doc.value("ping", Value::int32(1)))));
    let begin = Instant::now();
    drop(server);
    assert!(client.is_closed());
    assert!(begin.elapsed() < Duration::from_secs(5));
}
