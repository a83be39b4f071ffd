//! MongoDB's wire protocol: sockets, frames, compression, and the accept loop.
//!
//! Bytes come in as frames ([`frame`]), are decompressed where they must be ([`compress`]), opened into a
//! [`Request`] ([`message`] for `OP_MSG`, [`legacy`] for the `OP_QUERY` handshake) and handed to a [`Service`], which
//! writes the reply document straight into the connection's output buffer.
//!
//! This module must not know any command, the engine, or what a reply means. A service must not know sockets.

pub mod compress;
pub mod frame;
pub mod legacy;
pub mod log;
pub mod message;

mod connection;
mod inbound;
mod server;
mod socket;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

pub use log::Log;
pub use message::{Request, Sequence};
pub use server::{Server, ServerOptions, StopHandle, UnixSocket};
pub use socket::Remote;
pub use tls::{TlsMode, TlsOptions};

/// The two ends of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Number of the connection, counted from 1 since the server started.
    pub connection_id: u64,
    /// Where the client is.
    pub remote: Remote,
    /// The address of ours that the client connected to; over a Unix domain socket the first one there is.
    pub local: SocketAddr,
    /// The connection, for asking whether the client is still there; absent for a caller in this process.
    socket: Option<Arc<socket::Socket>>,
    /// The subject of the client's certificate, which an authority has vouched for; absent without one.
    pub certificate: Option<Arc<str>>,
}

impl Peer {
    /// A caller in this process, which has no connection.
    pub fn in_process() -> Self {
        let local = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
        Self { connection_id: 0, remote: Remote::Ip(local), local, socket: None, certificate: None }
    }

    /// Whether the client has not closed its end.
    pub fn is_connected(&self) -> bool {
        self.socket.as_ref().is_none_or(|socket| socket.is_connected())
    }
}

/// What follows a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Followup {
    /// The reply is the last one for its request.
    Done,
    /// The connection ends without a reply.
    HangUp,
    /// The request may be run again for a further reply, if the client allowed an exhaust stream.
    Again,
}

/// What runs the requests of a [`Server`]'s connections.
pub trait Service: Send + Sync + 'static {
    /// State of one connection.
    type Session: Send;

    /// A connection was accepted.
    fn open(&self, peer: Peer) -> Self::Session;

    /// Runs one request and appends exactly one reply document to `out`. Failures are reply documents too.
    fn run(&self, session: &mut Self::Session, request: &Request<'_>, out: &mut Vec<u8>) -> Followup;

    /// Appends the reply document for a request that could not be opened.
    fn refuse(&self, session: &mut Self::Session, error: &smongo_vm::Error, out: &mut Vec<u8>);

    /// The connection is gone.
    fn close(&self, session: Self::Session);

    /// The server is about to stop: requests that wait must return soon.
    fn stopping(&self);

    /// Bytes that crossed the socket for one request.
    fn traffic(&self, bytes_in: usize, bytes_out: usize);
}
