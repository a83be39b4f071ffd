//! `OP_QUERY` and `OP_REPLY`: what is left of the legacy protocol, for the first message of older handshakes.
//!
//! ```text
//! +--------+-------+------------------------+------+--------+-------+
//! | header | flags | "<db>.$cmd", NUL       | skip | return | query |
//! |   16   |   4   |                        |  4   |   4    |       |
//! +--------+-------+------------------------+------+--------+-------+
//! ```

use smongo_vm::value::RawDoc;
use smongo_vm::{Code, Error};

use super::frame::{self, HEADER_BYTES, OP_REPLY};
use super::message::{Unreadable, take_document};

/// Bytes of an `OP_REPLY` in front of its document: flags, cursor id, position, count.
const REPLY_PREFIX_BYTES: usize = 20;

/// Reply flag: the query failed.
pub const QUERY_FAILURE: u32 = 1 << 1;
/// Reply flag: the server knows `awaitData`. mongod always sets it on command replies.
pub const AWAIT_CAPABLE: u32 = 1 << 3;

/// A legacy command.
#[derive(Debug)]
pub struct LegacyQuery<'a> {
    /// The database that the command runs on.
    pub db: &'a str,
    /// The command document.
    pub body: &'a RawDoc,
}

/// Opens a complete `OP_QUERY`. Only the handshake commands come through; everything else is refused.
pub fn parse(frame: &[u8]) -> Result<LegacyQuery<'_>, Unreadable> {
    let fatal = |message: &str| Unreadable::Fatal(message.into());
    let refused = |error| Unreadable::Refused { error, flags: 0 };
    let rest = frame.get(HEADER_BYTES + 4..).ok_or_else(|| fatal("OP_QUERY is too short"))?;
    let nul = rest.iter().position(|&byte| byte == 0).ok_or_else(|| fatal("OP_QUERY names no collection"))?;
    let namespace = std::str::from_utf8(&rest[..nul]).map_err(|_| fatal("OP_QUERY names no collection"))?;
    let query = rest.get(nul + 1 + 8..).ok_or_else(|| fatal("OP_QUERY is too short"))?;
    let (mut body, _) = take_document(query).map_err(refused)?;
    let Some(db) = namespace.strip_suffix(".$cmd") else {
        return Err(refused(Error::location(
            5_739_101,
            "OP_QUERY is no longer supported. The client driver may require an upgrade. For more details see \
             https://dochub.mongodb.org/core/legacy-opcode-removal",
        )));
    };
    // Older drivers wrap the command to put a read preference beside it.
    for wrapper in ["$query", "query"] {
        if body.iter().next().is_some_and(|first| first.name_str() == wrapper) {
            body = body.get(wrapper).and_then(|inner| inner.as_doc()).unwrap_or(body);
        }
    }
    let command = body.iter().next().map(|first| first.name_str()).unwrap_or_default();
    if !matches!(command, "hello" | "isMaster" | "ismaster") {
        return Err(refused(Error::new(
            Code::UNSUPPORTED_OP_QUERY_COMMAND,
            format!(
                "Unsupported OP_QUERY command: {command}. The client driver may require an upgrade. For more details \
                 see https://dochub.mongodb.org/core/legacy-opcode-removal"
            ),
        )));
    }
    Ok(LegacyQuery { db, body })
}

/// Begins an `OP_REPLY` in `out`, up to where its one document goes.
pub fn begin_reply(out: &mut Vec<u8>) {
    out.clear();
    out.resize(HEADER_BYTES + REPLY_PREFIX_BYTES, 0);
}

/// Completes the reply that [`begin_reply`] began.
pub fn finish_reply(out: &mut [u8], flags: u32, request_id: i32, response_to: i32) {
    out[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&flags.to_le_bytes());
    let count = HEADER_BYTES + REPLY_PREFIX_BYTES - 4;
    out[count..count + 4].copy_from_slice(&1_i32.to_le_bytes());
    frame::seal(out, request_id, response_to, OP_REPLY);
}
