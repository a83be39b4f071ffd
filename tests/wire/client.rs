//! A server in this process, and a client that writes bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use smongo::command::{CommandOptions, Commands};
use smongo::engine::{Engine, EngineOptions};
use smongo::wire::{Log, Server, ServerOptions, StopHandle, frame};
use smongo_vm::value::{DocBuf, DocWriter, Value};

/// A server over an engine in memory, stopped when dropped.
pub struct TestServer {
    pub port: u16,
    stop: StopHandle<Commands>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    pub fn start() -> Self {
        Self::with(CommandOptions::default(), ServerOptions::default())
    }

    pub fn with(options: CommandOptions, server: ServerOptions) -> Self {
        let engine = Engine::open(EngineOptions::in_memory()).unwrap();
        let log = Arc::new(Log::silent());
        let commands = Commands::new(engine, options, Arc::clone(&log)).unwrap();
        // Only then are there commands that make others fail.
        commands.set_parameter("enableTestCommands=1").unwrap();
        let server = Server::bind(&ServerOptions { port: 0, ..server }, commands, log).unwrap();
        let (port, stop) = (server.port(), server.stop_handle());
        let thread = std::thread::spawn(move || server.run().unwrap());
        Self { port, stop, thread: Some(thread) }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.port)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub struct Client {
    pub stream: TcpStream,
    next_id: i32,
}

/// A reply: header, flags, document.
pub struct Reply {
    pub header: frame::Header,
    pub flags: u32,
    pub doc: DocBuf,
}

impl Client {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, next_id: 0 }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends a message with a correct header; gives its request id.
    pub fn send_frame(&mut self, opcode: i32, payload: &[u8]) -> i32 {
        self.next_id += 1;
        let mut bytes = vec![0; frame::HEADER_BYTES];
        bytes.extend_from_slice(payload);
        frame::seal(&mut bytes, self.next_id, 0, opcode);
        self.send(&bytes);
        self.next_id
    }

    pub fn send_msg(&mut self, flags: u32, sections: &[u8]) -> i32 {
        self.send_frame(frame::OP_MSG, &[&flags.to_le_bytes()[..], sections].concat())
    }

    /// The next message, header included.
    pub fn read_frame(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; frame::HEADER_BYTES];
        self.stream.read_exact(&mut bytes).unwrap();
        let header = frame::Header::parse(bytes.first_chunk().unwrap()).unwrap();
        bytes.resize(header.length, 0);
        self.stream.read_exact(&mut bytes[frame::HEADER_BYTES..]).unwrap();
        bytes
    }

    pub fn read_reply(&mut self) -> Reply {
        let bytes = self.read_frame();
        open_reply(&bytes)
    }

    /// Runs a command on `admin`.
    pub fn admin(&mut self, fill: impl FnOnce(&mut DocWriter<'_, Vec<u8>>)) -> DocBuf {
        self.run("admin", fill)
    }

    /// Runs a command.
    pub fn run(&mut self, db: &str, fill: impl FnOnce(&mut DocWriter<'_, Vec<u8>>)) -> DocBuf {
        let doc = DocBuf::build(|doc| {
            fill(doc);
            doc.string("$db", db);
        });
        let id = self.send_msg(0, &body(&doc));
        let reply = self.read_reply();
        assert_eq!(reply.header.response_to, id);
        reply.doc
    }

    /// Whether the server closes the connection without a word.
    pub fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
            Ok(_) => false,
        }
    }
}

/// A kind-0 section.
pub fn body(doc: &DocBuf) -> Vec<u8> {
    [&[0][..], doc.as_bytes()].concat()
}

/// A kind-1 section.
pub fn sequence(name: &str, documents: &[DocBuf]) -> Vec<u8> {
    let mut content = [name.as_bytes(), &[0]].concat();
    documents.iter().for_each(|doc| content.extend_from_slice(doc.as_bytes()));
    [&[1][..], &(i32::try_from(content.len()).unwrap() + 4).to_le_bytes(), &content].concat()
}

pub fn open_reply(bytes: &[u8]) -> Reply {
    let header = frame::Header::of(bytes).unwrap();
    assert_eq!(header.opcode, frame::OP_MSG);
    let flags = u32::from_le_bytes(*bytes[16..].first_chunk().unwrap());
    assert_eq!(bytes[20], 0);
    Reply { header, flags, doc: DocBuf::from_vec(bytes[21..].to_vec()).unwrap() }
}

pub fn ping() -> DocBuf {
    DocBuf::build(|doc| {
        doc.value("ping", Value::int32(1));
        doc.string("$db", "admin");
    })
}

pub fn is_ok(doc: &DocBuf) -> bool {
    doc.get("ok").and_then(|ok| ok.as_double()) == Some(1.0)
}

/// The error code of a reply; 0 for success.
pub fn code(doc: &DocBuf) -> i64 {
    if is_ok(doc) { 0 } else { doc.get("code").and_then(|code| code.as_integer()).unwrap() }
}

pub fn message(doc: &DocBuf) -> &str {
    doc.get("errmsg").and_then(|message| message.as_str()).unwrap_or_default()
}

impl Client {
    /// Runs a command that is written as a document.
    pub fn command(&mut self, db: &str, command: bson::Document) -> bson::Document {
        let command = DocBuf::from_vec(bson::serialize_to_vec(&command).unwrap()).unwrap();
        let reply = self.run(db, |doc| doc.elements_of(&command));
        bson::deserialize_from_slice(reply.as_bytes()).unwrap()
    }

    /// Sends a command and waits for nothing.
    pub fn send_command(&mut self, db: &str, mut command: bson::Document) {
        command.insert("$db", db);
        let command = DocBuf::from_vec(bson::serialize_to_vec(&command).unwrap()).unwrap();
        self.send_msg(0, &body(&command));
    }

    /// The error code that a command on `admin` ends with; 0 for success.
    pub fn admin_code(&mut self, command: bson::Document) -> i32 {
        self.command("admin", command).get_i32("code").unwrap_or(0)
    }
}
