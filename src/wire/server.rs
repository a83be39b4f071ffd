//! Listening sockets, a thread per connection, and an orderly end.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::connection::{self, End};
use super::log::{Attr, Log};
use super::socket::{Listener, Place, Remote, Socket};
use super::tls::{Opening, Tls, TlsOptions};
use super::{Peer, Service};

/// Connections served at once, unless the options say otherwise. MongoDB: a million, within the limit of open files;
/// a thread per connection makes a smaller number the honest one.
pub const DEFAULT_MAX_CONNECTIONS: usize = 10_000;

/// Stack of a connection's thread, in bytes; pages that are not touched cost nothing. Parsing and validation recurse
/// with the nesting of documents, which is bounded.
const THREAD_STACK_BYTES: usize = 8 * 1024 * 1024;

/// How long a stopping server waits for running requests.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Pause after a failed `accept`, such as for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Where to listen, and for how many.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Addresses or host names to listen on.
    pub bind: Vec<String>,
    /// Port; 0 lets the system choose.
    pub port: u16,
    /// A Unix domain socket to listen on besides; absent for none.
    pub unix_socket: Option<UnixSocket>,
    /// Connections served at once; further ones are closed as they come.
    pub max_connections: usize,
    /// How connections are encrypted; absent for not at all.
    pub tls: Option<TlsOptions>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            bind: vec!["127.0.0.1".into()],
            port: 27017,
            unix_socket: None,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            tls: None,
        }
    }
}

/// Where a Unix domain socket is. Its file is named `mongodb-PORT.sock`, as mongod's.
#[derive(Clone, Debug)]
pub struct UnixSocket {
    /// The directory.
    pub directory: PathBuf,
    /// The permissions of the file, as `chmod` takes them.
    pub mode: u32,
}

/// A server that is bound to its addresses.
pub struct Server<S> {
    listeners: Vec<Listener>,
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    service: S,
    log: Arc<Log>,
    max_connections: usize,
    tls: Option<Tls>,
    stopping: AtomicBool,
    next_connection: AtomicU64,
    connections: Mutex<HashMap<u64, Arc<Socket>>>,
    /// Signalled when a connection ends.
    ended: Condvar,
    /// The first address; clients of a Unix domain socket are told this one.
    address: SocketAddr,
    places: Vec<Place>,
}

/// Stops a running server from another thread.
pub struct StopHandle<S>(Arc<Shared<S>>);

impl<S> Clone for StopHandle<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Service> Server<S> {
    /// Binds the addresses. With port 0 all of them share the port that the first one got.
    pub fn bind(options: &ServerOptions, service: S, log: Arc<Log>) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut bound: Vec<SocketAddr> = Vec::new();
        let mut port = options.port;
        for host in &options.bind {
            for mut address in (host.as_str(), port).to_socket_addrs()? {
                address.set_port(port);
                if bound.contains(&address) {
                    continue;
                }
                let (listener, address) = Listener::bind(address)?;
                port = address.port();
                listeners.push(listener);
                bound.push(address);
            }
        }
        let Some(&address) = bound.first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on"));
        };
        if let Some(socket) = &options.unix_socket {
            let path = socket.directory.join(format!("mongodb-{port}.sock"));
            listeners.push(Listener::bind_file(&path, socket.mode)?);
        }
        let places = listeners.iter().map(Listener::place).collect::<io::Result<_>>()?;
        let shared = Arc::new(Shared {
            service,
            log,
            max_connections: options.max_connections,
            tls: options.tls.as_ref().map(Tls::load).transpose()?,
            stopping: AtomicBool::new(false),
            next_connection: AtomicU64::new(0),
            connections: Mutex::new(HashMap::new()),
            ended: Condvar::new(),
            address,
            places,
        });
        Ok(Self { listeners, shared })
    }

    /// The port that the server listens on.
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// What stops the server.
    pub fn stop_handle(&self) -> StopHandle<S> {
        StopHandle(Arc::clone(&self.shared))
    }

    /// Accepts and serves connections until the server is stopped, then waits for those that are still at work.
    pub fn run(self) -> io::Result<()> {
        let Self { listeners, shared } = self;
        for place in &shared.places {
            let text = place.to_string();
            shared.log.info("NETWORK", 23015, "listener", "Listening on", &[("address", Attr::Str(&text))]);
        }
        let port = i64::from(shared.address.port());
        let attrs = [("port", Attr::Int(port)), ("ssl", Attr::Str(if shared.tls.is_some() { "on" } else { "off" }))];
        shared.log.info("NETWORK", 23016, "listener", "Waiting for connections", &attrs);
        std::thread::scope(|scope| -> io::Result<()> {
            for listener in &listeners {
                let shared = &shared;
                std::thread::Builder::new()
                    .name("listener".into())
                    .spawn_scoped(scope, move || accept(listener, shared))?;
            }
            Ok(())
        })?;
        drop(listeners);
        drain(&shared);
        Ok(())
    }
}

impl<S: Service> StopHandle<S> {
    /// The service.
    pub fn service(&self) -> &S {
        &self.0.service
    }

    /// Asks the server to stop: no connection is accepted any more, idle ones are closed, running requests end.
    pub fn stop(&self) {
        if self.0.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        self.0.service.stopping();
        // A listener waits in `accept`; a connection wakes it.
        for place in &self.0.places {
            place.wake();
        }
    }
}

fn accept<S: Service>(listener: &Listener, shared: &Arc<Shared<S>>) {
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        match accepted {
            Ok((socket, remote)) => start(socket, remote, shared),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let text = error.to_string();
                shared.log.warn(
                    "NETWORK",
                    23018,
                    "listener",
                    "Error accepting new connection",
                    &[("error", Attr::Str(&text))],
                );
                std::thread::sleep(ACCEPT_RETRY);
            }
        }
    }
}

/// Starts the thread of a new connection, or closes it.
fn start<S: Service>(socket: Socket, remote: Remote, shared: &Arc<Shared<S>>) {
    let connection_id = shared.next_connection.fetch_add(1, Ordering::Relaxed) + 1;
    let remote_text = remote.to_string();
    let local = socket.local().unwrap_or(shared.address);
    let socket = Arc::new(socket);
    let count = {
        let mut connections = shared.connections.lock();
        if connections.len() >= shared.max_connections {
            drop(connections);
            let attrs = [("connectionCount", Attr::Int(as_int(shared.max_connections)))];
            let message = "Connection refused because there are too many open connections";
            shared.log.warn("NETWORK", 22942, "listener", message, &attrs);
            return;
        }
        connections.insert(connection_id, Arc::clone(&socket));
        connections.len()
    };
    log_connection(shared, 22943, "Connection accepted", "listener", &remote_text, connection_id, count);
    let shared_for_thread = Arc::clone(shared);
    let peer = Peer { connection_id, remote, local, socket: Some(Arc::clone(&socket)), certificate: None };
    let spawned = std::thread::Builder::new()
        .name(format!("conn{connection_id}"))
        .stack_size(THREAD_STACK_BYTES)
        .spawn(move || converse(&shared_for_thread, &socket, peer));
    if let Err(error) = spawned {
        shared.connections.lock().remove(&connection_id);
        let text = error.to_string();
        shared.log.warn("NETWORK", 22948, "listener", "Thread creation failed", &[("error", Attr::Str(&text))]);
    }
}

/// The life of a connection's thread.
fn converse<S: Service>(shared: &Shared<S>, socket: &Socket, mut peer: Peer) {
    let registration = Registration { shared, peer: peer.clone() };
    let opening = match (&shared.tls, socket) {
        (Some(tls), Socket::Tcp(stream)) => tls.open(stream),
        // What never leaves the machine is not encrypted.
        _ => Ok(Opening::Plain),
    };
    let end = match opening {
        Ok(Opening::Plain) => serve(shared, peer.clone(), &mut &*socket),
        Ok(Opening::Encrypted { mut stream, subject }) => {
            peer.certificate = subject;
            serve(shared, peer.clone(), &mut *stream)
        }
        Err(error) => error.into(),
    };
    let context = format!("conn{}", peer.connection_id);
    let remote = peer.remote.to_string();
    match end {
        End::Closed => {}
        End::Socket(error) => {
            let text = error.to_string();
            let attrs = [("remote", Attr::Str(&remote)), ("error", Attr::Str(&text))];
            shared.log.info(
                "NETWORK",
                22989,
                &context,
                "Error receiving request from client. Ending connection",
                &attrs,
            );
        }
        End::Protocol(reason) => {
            let attrs = [("remote", Attr::Str(&remote)), ("error", Attr::Str(&reason))];
            shared.log.warn(
                "NETWORK",
                22988,
                &context,
                "Error receiving request from client. Ending connection",
                &attrs,
            );
        }
    }
    drop(registration);
}

fn serve<S: Service>(shared: &Shared<S>, peer: Peer, stream: &mut (impl Read + Write)) -> End {
    let mut open = OpenSession { service: &shared.service, session: Some(shared.service.open(peer)) };
    match &mut open.session {
        Some(session) => connection::serve(&shared.service, session, stream),
        None => End::Closed,
    }
}

/// Closes a session at its end, even if its thread panics.
struct OpenSession<'a, S: Service> {
    service: &'a S,
    session: Option<S::Session>,
}

impl<S: Service> Drop for OpenSession<'_, S> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.service.close(session);
        }
    }
}

/// Keeps a connection in the list while it lives, even if its thread panics.
struct Registration<'a, S> {
    shared: &'a Shared<S>,
    peer: Peer,
}

impl<S> Drop for Registration<'_, S> {
    fn drop(&mut self) {
        let count = {
            let mut connections = self.shared.connections.lock();
            if let Some(socket) = connections.remove(&self.peer.connection_id) {
                socket.shutdown(Shutdown::Both);
            }
            connections.len()
        };
        self.shared.ended.notify_all();
        let id = self.peer.connection_id;
        let remote = self.peer.remote.to_string();
        log_connection(self.shared, 22944, "Connection ended", &format!("conn{id}"), &remote, id, count);
    }
}

fn log_connection<S>(shared: &Shared<S>, id: u32, message: &str, context: &str, remote: &str, conn: u64, count: usize) {
    if shared.log.is_quiet() {
        return;
    }
    let attrs = [
        ("remote", Attr::Str(remote)),
        ("connectionId", Attr::Int(i64::try_from(conn).unwrap_or(i64::MAX))),
        ("connectionCount", Attr::Int(as_int(count))),
    ];
    shared.log.info("NETWORK", id, context, message, &attrs);
}

fn as_int(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Closes what is idle, waits for what is at work, and gives up on it in the end.
fn drain<S>(shared: &Shared<S>) {
    let mut connections = shared.connections.lock();
    for (how, patience) in [(Shutdown::Read, DRAIN_TIME), (Shutdown::Both, Duration::from_secs(1))] {
        for socket in connections.values() {
            socket.shutdown(how);
        }
        let deadline = std::time::Instant::now() + patience;
        while !connections.is_empty() {
            if shared.ended.wait_until(&mut connections, deadline).timed_out() {
                break;
            }
        }
    }
}
