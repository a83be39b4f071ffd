//! One connection: read a frame, run it, write the reply, with buffers that live as long as the connection.

use std::io::{self, Read, Write};

use super::compress::{self, Compressor};
use super::frame::{Header, OP_COMPRESSED, OP_MSG, OP_QUERY};
use super::inbound::{Inbound, KEEP_BYTES};
use super::message::{self, EXHAUST_ALLOWED, MORE_TO_COME, Request, Unreadable};
use super::{Followup, Service, legacy};

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client closed it, between two messages.
    Closed,
    /// The socket failed, or the client left in the middle of a message.
    Socket(io::Error),
    /// The client broke the protocol.
    Protocol(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData { Self::Protocol(error.to_string()) } else { Self::Socket(error) }
    }
}

/// The sending side: buffers and the running number of replies.
struct Outbound {
    reply: Vec<u8>,
    squeezed: Vec<u8>,
    next_id: i32,
}

impl Outbound {
    fn take_id(&mut self) -> i32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    /// Sends the finished reply, compressed if the request was. Gives the bytes that went out.
    fn send(&mut self, stream: &mut impl Write, compressor: Option<Compressor>) -> io::Result<usize> {
        let squeezed = compressor.is_some_and(|kind| compress::compress(kind, &self.reply, &mut self.squeezed));
        let bytes = if squeezed { &self.squeezed } else { &self.reply };
        stream.write_all(bytes)?;
        let sent = bytes.len();
        for buffer in [&mut self.reply, &mut self.squeezed] {
            if buffer.capacity() > KEEP_BYTES {
                *buffer = Vec::new();
            }
        }
        Ok(sent)
    }
}

/// Serves a connection until it ends.
pub(super) fn serve<S: Service>(service: &S, session: &mut S::Session, stream: &mut (impl Read + Write)) -> End {
    let mut inbound = Inbound::new();
    let mut opened = Vec::new();
    let mut outbound = Outbound { reply: Vec::with_capacity(4096), squeezed: Vec::new(), next_id: 0 };
    loop {
        let frame = match inbound.next_frame(stream) {
            Ok(Some(frame)) => frame,
            Ok(None) => return End::Closed,
            Err(error) => return error.into(),
        };
        let received = frame.len();
        let served = match Header::of(frame) {
            Some(Header { opcode: OP_COMPRESSED, .. }) => match compress::decompress(frame, &mut opened) {
                Ok(kind) => serve_frame(service, session, stream, &opened, received, Some(kind), &mut outbound),
                Err(error) => Err(End::Protocol(error.to_string())),
            },
            _ => serve_frame(service, session, stream, frame, received, None, &mut outbound),
        };
        if let Err(end) = served {
            return end;
        }
        if opened.capacity() > KEEP_BYTES {
            opened = Vec::new();
        }
    }
}

/// Serves one uncompressed frame. `received` is its size on the socket.
fn serve_frame<S: Service>(
    service: &S,
    session: &mut S::Session,
    stream: &mut impl Write,
    frame: &[u8],
    received: usize,
    compressor: Option<Compressor>,
    outbound: &mut Outbound,
) -> Result<(), End> {
    let Some(header) = Header::of(frame) else { return Err(End::Protocol("message has no header".into())) };
    match header.opcode {
        OP_MSG => serve_msg(service, session, stream, (frame, header), received, compressor, outbound),
        OP_QUERY => serve_legacy(service, session, stream, (frame, header), compressor, outbound),
        other => Err(End::Protocol(format!("operation code {other} is not supported"))),
    }
}

fn serve_msg<S: Service>(
    service: &S,
    session: &mut S::Session,
    stream: &mut impl Write,
    (frame, header): (&[u8], Header),
    received: usize,
    compressor: Option<Compressor>,
    outbound: &mut Outbound,
) -> Result<(), End> {
    let message = match message::parse(frame) {
        Ok(message) => message,
        Err(Unreadable::Fatal(reason)) => return Err(End::Protocol(reason)),
        Err(Unreadable::Refused { error, flags }) => {
            if flags & MORE_TO_COME != 0 {
                return Ok(());
            }
            message::begin_reply(&mut outbound.reply);
            service.refuse(session, &error, &mut outbound.reply);
            let id = outbound.take_id();
            message::finish_reply(&mut outbound.reply, 0, id, header.request_id);
            let sent = outbound.send(stream, compressor)?;
            service.traffic(received, sent);
            return Ok(());
        }
    };
    let request = Request {
        body: message.body,
        sequences: &message.sequences,
        legacy_db: None,
        exhaust_allowed: message.flags & EXHAUST_ALLOWED != 0,
    };
    let mut response_to = header.request_id;
    let mut received = received;
    loop {
        message::begin_reply(&mut outbound.reply);
        let followup = service.run(session, &request, &mut outbound.reply);
        if followup == Followup::HangUp {
            return Err(End::Closed);
        }
        if message.flags & MORE_TO_COME != 0 {
            service.traffic(received, 0);
            return Ok(());
        }
        let again = followup == Followup::Again && request.exhaust_allowed;
        let id = outbound.take_id();
        message::finish_reply(&mut outbound.reply, if again { MORE_TO_COME } else { 0 }, id, response_to);
        let sent = outbound.send(stream, compressor)?;
        service.traffic(received, sent);
        if !again {
            return Ok(());
        }
        // Each further reply of an exhaust stream answers the reply before it.
        response_to = id;
        received = 0;
    }
}

fn serve_legacy<S: Service>(
    service: &S,
    session: &mut S::Session,
    stream: &mut impl Write,
    (frame, header): (&[u8], Header),
    compressor: Option<Compressor>,
    outbound: &mut Outbound,
) -> Result<(), End> {
    legacy::begin_reply(&mut outbound.reply);
    let flags = match legacy::parse(frame) {
        Ok(query) => {
            let request =
                Request { body: query.body, sequences: &[], legacy_db: Some(query.db), exhaust_allowed: false };
            service.run(session, &request, &mut outbound.reply);
            legacy::AWAIT_CAPABLE
        }
        Err(Unreadable::Fatal(reason)) => return Err(End::Protocol(reason)),
        Err(Unreadable::Refused { error, .. }) => {
            service.refuse(session, &error, &mut outbound.reply);
            legacy::QUERY_FAILURE
        }
    };
    let id = outbound.take_id();
    legacy::finish_reply(&mut outbound.reply, flags, id, header.request_id);
    let sent = outbound.send(stream, compressor)?;
    service.traffic(frame.len(), sent);
    Ok(())
}
