//! TLS: the server's certificate, who must show one of their own, and the handshake.
//!
//! Files are mongod's: PEM with a certificate chain and its key, and PEM with the authorities that clients' certificates
//! are checked against. This module must not know what a client's name allows.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Type of the first byte of a TLS connection: a handshake record.
const HANDSHAKE: u8 = 22;

/// How long a handshake waits for the client.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(30);

/// Which connections are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsMode {
    /// Those of clients that ask for it (`allowTLS`, `preferTLS`).
    Allow,
    /// All; others are closed (`requireTLS`).
    Require,
}

/// How connections are encrypted.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Which connections are.
    pub mode: TlsMode,
    /// PEM file with the server's certificates and its key.
    pub certificate_key_file: PathBuf,
    /// PEM file with the authorities that vouch for clients. Without one clients show no certificate.
    pub ca_file: Option<PathBuf>,
    /// Whether clients may come without a certificate although there is a `ca_file`.
    pub allow_connections_without_certificates: bool,
}

/// A loaded certificate with what goes with it.
pub(super) struct Tls {
    mode: TlsMode,
    config: Arc<ServerConfig>,
}

/// An encrypted connection.
pub(super) type TlsStream<'s> = StreamOwned<ServerConnection, &'s TcpStream>;

/// How a new connection begins.
pub(super) enum Opening<'s> {
    Plain,
    Encrypted { stream: Box<TlsStream<'s>>, subject: Option<Arc<str>> },
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    pub fn load(options: &TlsOptions) -> io::Result<Self> {
        let path = &options.certificate_key_file;
        let chain = certificates(path)?;
        if chain.is_empty() {
            return Err(bad(path, "it holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(path).map_err(|error| bad(path, error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(path, error))?;
        let builder = match &options.ca_file {
            None => builder.with_no_client_auth(),
            Some(ca_file) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(ca_file)? {
                    roots.add(certificate).map_err(|error| bad(ca_file, error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if options.allow_connections_without_certificates {
                    verifier.allow_unauthenticated()
                } else {
                    verifier
                };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| bad(ca_file, error))?)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(|error| bad(path, error))?;
        Ok(Self { mode: options.mode, config: Arc::new(config) })
    }

    /// Looks at a connection's first byte and shakes hands if the client asks for it. Clients that stay silent meanwhile
    /// are given up.
    pub fn open<'s>(&self, socket: &'s TcpStream) -> io::Result<Opening<'s>> {
        socket.set_read_timeout(Some(HANDSHAKE_PATIENCE))?;
        let opening = self.shake_hands(socket);
        socket.set_read_timeout(None)?;
        opening
    }

    fn shake_hands<'s>(&self, socket: &'s TcpStream) -> io::Result<Opening<'s>> {
        let mut first = [0];
        if socket.peek(&mut first)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first[0] != HANDSHAKE {
            return match self.mode {
                TlsMode::Allow => Ok(Opening::Plain),
                TlsMode::Require => {
                    let message = "The server is configured to only allow SSL connections";
                    Err(io::Error::new(io::ErrorKind::InvalidData, message))
                }
            };
        }
        let broken = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let connection = ServerConnection::new(Arc::clone(&self.config)).map_err(broken)?;
        let mut stream = Box::new(StreamOwned::new(connection, socket));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let certificate = stream.conn.peer_certificates().and_then(|chain| chain.first());
        let subject = certificate.and_then(|certificate| subject_of(certificate)).map(Arc::from);
        Ok(Opening::Encrypted { stream, subject })
    }
}

fn bad(path: &Path, why: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {why}", path.display()))
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| bad(path, error))?;
    found.map(|certificate| certificate.map_err(|error| bad(path, error))).collect()
}

/// The subject of a certificate as RFC 2253 writes it: the last part first.
fn subject_of(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let mut parts: Vec<String> = Vec::new();
    for relative in certificate.subject().iter_rdn() {
        let mut attributes = Vec::new();
        for attribute in relative.iter() {
            let name = x509_parser::objects::oid2abbrev(attribute.attr_type(), x509_parser::objects::oid_registry());
            let name = name.map_or_else(|_| attribute.attr_type().to_id_string(), str::to_owned);
            attributes.push(format!("{name}={}", escaped(attribute.as_str().ok()?)));
        }
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn escaped(value: &str) -> String {
    let mut text = String::new();
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (at == 0 && matches!(c, ' ' | '#'))
            || (at == last && c == ' ');
        if special {
            text.push('\\');
        }
        text.push(c);
    }
    text
}
