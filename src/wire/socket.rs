//! The two kinds of socket that clients connect to: TCP, and the Unix domain's.
//!
//! This module must not know what is said over a socket.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// How long a listener is given to notice that it has been woken.
const WAKE_PATIENCE: Duration = Duration::from_secs(1);

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    /// At an address.
    Ip(SocketAddr),
    /// On this machine, at the other end of a Unix domain socket.
    Unix,
}

impl Remote {
    /// Whether the client is on this machine.
    pub fn is_local(self) -> bool {
        match self {
            Self::Ip(address) => address.ip().is_loopback(),
            Self::Unix => true,
        }
    }

    /// The host, without the port.
    pub fn host(self) -> String {
        match self {
            Self::Ip(address) => address.ip().to_string(),
            Self::Unix => self.to_string(),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("anonymous unix socket"),
        }
    }
}

/// A connection's socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Ends one or both directions. One that has ended already is left as it is.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }

    /// Whether the client has not closed its end.
    pub fn is_connected(&self) -> bool {
        let mut byte = [0; 1];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let looked = match self {
            Self::Tcp(stream) => recv(stream, &mut byte, flags),
            Self::Unix(stream) => recv(stream, &mut byte, flags),
        };
        // Nothing to read and no end of the stream: the client waits.
        looked.map_or_else(|error| error == Errno::AGAIN || error == Errno::INTR, |(_, bytes)| bytes > 0)
    }

    /// The address of ours that the client connected to, if it is one.
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&mut &*stream).read(buffer),
            Socket::Unix(stream) => (&mut &*stream).read(buffer),
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&mut &*stream).write(bytes),
            Socket::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What connections are accepted from. A Unix domain socket's file goes with it.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens on an address.
    pub fn bind(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
        let listener = TcpListener::bind(address).map_err(named)?;
        let bound = listener.local_addr()?;
        Ok((Self::Tcp(listener), bound))
    }

    /// Listens on a Unix domain socket in a file, which takes the place of one that an earlier server left.
    pub fn bind_file(path: &Path, mode: u32) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            fs::remove_file(path).map_err(named)?;
        }
        let listener = UnixListener::bind(path).map_err(named)?;
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(named)?;
        Ok(Self::Unix(listener, path.to_owned()))
    }

    /// Waits for a client.
    pub fn accept(&self) -> io::Result<(Socket, Remote)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, remote) = listener.accept()?;
                // Replies are written whole, so waiting to fill a segment would only add latency.
                let _ = stream.set_nodelay(true);
                Ok((Socket::Tcp(stream), Remote::Ip(remote)))
            }
            Self::Unix(listener, _) => Ok((Socket::Unix(listener.accept()?.0), Remote::Unix)),
        }
    }

    /// Where clients find it.
    pub fn place(&self) -> io::Result<Place> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Place::Address),
            Self::Unix(_, path) => Ok(Place::File(path.clone())),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Another server may have taken the name over.
            let _ = fs::remove_file(path);
        }
    }
}

/// What a listener listens on.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Address(SocketAddr),
    File(PathBuf),
}

impl Place {
    /// Has a listener that waits in `accept` look around.
    pub fn wake(&self) {
        // It wakes, or it is not there any more.
        match self {
            Self::Address(address) => {
                let mut address = *address;
                if address.ip().is_unspecified() {
                    address.set_ip(match address.ip() {
                        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                    });
                }
                let _ = TcpStream::connect_timeout(&address, WAKE_PATIENCE);
            }
            Self::File(path) => {
                let _ = UnixStream::connect(path);
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
