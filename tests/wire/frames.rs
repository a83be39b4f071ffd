//! Frames: hostile ones, checksums, compression, unanswered messages.

use smongo::wire::compress::{self, Compressor};
use smongo::wire::frame::{self, OP_COMPRESSED, OP_MSG};
use smongo::wire::message::{CHECKSUM_PRESENT, MORE_TO_COME};
use smongo_vm::value::{DocBuf, Value};

use crate::client::{TestServer, body, code, is_ok, open_reply, ping, sequence};

/// A frame with a false length field.
fn with_length(length: i32) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    frame::seal(&mut bytes, 1, 0, OP_MSG);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

#[test]
fn illegal_frames_close_the_connection_and_nothing_else() {
    let server = TestServer::start();
    let mut bystander = server.client();
    let header_only = |opcode: i32| {
        let mut bytes = vec![0; 16];
        frame::seal(&mut bytes, 1, 0, opcode);
        bytes
    };
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("negative length", with_length(-1)),
        ("zero length", with_length(0)),
        ("length below the header's", with_length(15)),
        ("length above the limit", with_length(48_000_001)),
        ("largest length", with_length(i32::MAX)),
        ("unknown opcode", header_only(9999)),
        ("removed opcode", header_only(2002)),
        ("OP_MSG without flags", header_only(OP_MSG)),
        ("OP_QUERY without anything", header_only(2004)),
        ("OP_COMPRESSED without anything", header_only(OP_COMPRESSED)),
        ("garbage", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
    ];
    for (name, bytes) in rows {
        let mut client = server.client();
        client.send(&bytes);
        assert!(client.is_closed(), "{name}");
    }
    for flag in [1 << 2, 1 << 15] {
        let mut client = server.client();
        client.send_msg(flag, &body(&ping()));
        assert!(client.is_closed(), "required flag {flag:#x}");
    }
    assert!(is_ok(&bystander.admin(|doc| doc.value("ping", Value::int32(1)))));
}

#[test]
fn malformed_documents_are_answered_and_the_connection_stays() {
    let server = TestServer::start();
    let mut client = server.client();
    let mut deep = DocBuf::new();
    for _ in 0..250 {
        deep = DocBuf::build(|doc| doc.value("a", Value::document(&deep)));
    }
    let mut bad_type = ping().into_vec();
    bad_type[4] = 0x55;
    let mut long_inside = ping().into_vec();
    long_inside[0] = 200;
    let rows: Vec<(&str, Vec<u8>, i64)> = vec![
        ("no section", vec![], 40587),
        ("unknown section", vec![7], 40432),
        ("unknown type", [&[0][..], &bad_type].concat(), 22),
        ("document longer than the message", [&[0][..], &long_inside].concat(), 22),
        ("deeply nested", body(&deep), 15),
    ];
    for (name, sections, expected) in rows {
        client.send_msg(0, &sections);
        assert_eq!(code(&client.read_reply().doc), expected, "{name}");
    }
    assert!(is_ok(&client.admin(|doc| doc.value("ping", Value::int32(1)))));
}

#[test]
fn a_claimed_length_without_bytes_is_no_burden() {
    let server = TestServer::start();
    let mut idle: Vec<_> = (0..50).map(|_| server.client()).collect();
    for client in &mut idle {
        client.send(&with_length(48_000_000)[..20]);
    }
    assert!(is_ok(&server.client().admin(|doc| doc.value("ping", Value::int32(1)))));
}

#[test]
fn a_large_message_of_garbage_is_refused() {
    let server = TestServer::start();
    let mut client = server.client();
    client.send_msg(0, &[&[0][..], &vec![0xee; 40_000_000]].concat());
    assert_ne!(code(&client.read_reply().doc), 0);
    assert!(is_ok(&client.admin(|doc| doc.value("ping", Value::int32(1)))));
}

#[test]
fn checksums_are_verified() {
    let server = TestServer::start();
    for (damage, answered) in [(0, true), (1, false)] {
        let mut client = server.client();
        let mut bytes = vec![0; 16];
        bytes.extend_from_slice(&CHECKSUM_PRESENT.to_le_bytes());
        bytes.extend_from_slice(&body(&ping()));
        bytes.extend_from_slice(&[0; 4]);
        frame::seal(&mut bytes, 1, 0, OP_MSG);
        let end = bytes.len() - 4;
        let crc = crc32c::crc32c(&bytes[..end]) ^ damage;
        bytes[end..].copy_from_slice(&crc.to_le_bytes());
        client.send(&bytes);
        if answered {
            assert!(is_ok(&client.read_reply().doc));
        } else {
            assert!(client.is_closed());
        }
    }
}

#[test]
fn replies_are_compressed_as_requests_are() {
    let server = TestServer::start();
    let mut client = server.client();
    for compressor in [Compressor::Noop, Compressor::Snappy, Compressor::Zlib, Compressor::Zstd] {
        let mut plain = vec![0; 16];
        plain.extend_from_slice(&[0; 4]);
        plain.extend_from_slice(&body(&ping()));
        frame::seal(&mut plain, 77, 0, OP_MSG);
        let mut squeezed = Vec::new();
        assert!(compress::compress(compressor, &plain, &mut squeezed));
        client.send(&squeezed);
        let reply = client.read_frame();
        let mut opened = Vec::new();
        assert_eq!(compress::decompress(&reply, &mut opened), Ok(compressor));
        let reply = open_reply(&opened);
        assert_eq!(reply.header.response_to, 77);
        assert!(is_ok(&reply.doc));
    }
}

#[test]
fn unacknowledged_messages_are_run_and_not_answered() {
    let server = TestServer::start();
    let mut client = server.client();
    let insert = DocBuf::build(|doc| {
        doc.string("insert", "c");
        doc.string("$db", "db");
        doc.document("writeConcern", |concern| concern.value("w", Value::int32(0)));
    });
    let documents: Vec<_> = (0..3).map(|n| DocBuf::build(|doc| doc.value("_id", Value::int32(n)))).collect();
    client.send_msg(MORE_TO_COME, &[body(&insert), sequence("documents", &documents)].concat());
    let reply = client.run("db", |doc| doc.string("count", "c"));
    assert_eq!(reply.get("n").and_then(|n| n.as_integer()), Some(3));
}

#[test]
fn several_requests_in_one_packet_are_all_answered() {
    let server = TestServer::start();
    let mut client = server.client();
    let mut bytes = Vec::new();
    for id in 1..=5 {
        let mut one = vec![0; 16];
        one.extend_from_slice(&[0; 4]);
        one.extend_from_slice(&body(&ping()));
        frame::seal(&mut one, id, 0, OP_MSG);
        bytes.extend_from_slice(&one);
    }
    client.send(&bytes);
    for id in 1..=5 {
        assert_eq!(client.read_reply().header.response_to, id);
    }
}
