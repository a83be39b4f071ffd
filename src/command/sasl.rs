//! Logging in and out: `saslStart`, `saslContinue`, `logout`; `authenticate` and `getnonce` of older clients.

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Value, View};

use super::Call;
use super::access::Needs;
use super::args::{self, Argument, Number, arguments};
use super::reply::Reply;
use super::table::Command;
use crate::auth::Principal;
use crate::auth::scram::{ClientFirst, Conversation, Mechanism, hex, random_bytes};
use crate::auth::users::User;
use crate::error::{Error, Result};
use crate::request::EXTERNAL_DB;

/// `MechanismUnavailable`.
const MECHANISM_UNAVAILABLE: Code = Code(334);

/// The mechanism of clients that show a certificate.
const X509: &str = "MONGODB-X509";

/// The id of the only conversation that a connection has at a time.
const CONVERSATION_ID: i64 = 1;

/// A login that is under way.
#[derive(Debug)]
pub(super) struct Exchange {
    conversation: Conversation,
    user: Option<User>,
    skips_empty: bool,
    /// Whether the client has proved itself and only the empty last message is missing.
    proved: bool,
}

/// A message of a conversation: binary data, or a string as base64 from old clients.
#[derive(Clone, Copy)]
struct Payload<'d>(&'d [u8]);

impl<'d> Argument<'d> for Payload<'d> {
    const TYPES: &'static [&'static str] = &["binData", "string"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        match value.view() {
            View::Binary { bytes, .. } | View::String(bytes) => Some(Payload(bytes)),
            _ => None,
        }
    }
}

arguments! {
    /// Arguments of `saslStart`.
    struct StartArgs in "saslStart" lenient {
        "mechanism" => mechanism: &'d str,
        "payload" => payload: Payload<'d>,
        "options" => options: &'d RawDoc,
        "db" => db: &'d str,
    }
}

pub(super) static SASL_START: Command =
    Command::new("saslStart", sasl_start, "begins to authenticate").api_v1().needs(Needs::Nothing);

fn sasl_start(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: StartArgs<'_> = args::of_command(&call.request)?;
    let db = call.db;
    start(call, &args, db, reply)
}

/// The beginning of a login that a client sends along with its `hello`.
pub(super) fn start_speculatively(call: &mut Call<'_, '_>, command: &RawDoc, reply: &mut Reply<'_>) -> Result<()> {
    if command.get("authenticate").is_some() {
        return by_certificate(call, &args::of_document(command)?, reply);
    }
    if command.get("saslStart").is_none() {
        return Err(Error::new(Code::BAD_VALUE, "only saslStart and authenticate can be sent along"));
    }
    let args: StartArgs<'_> = args::of_document(command)?;
    let db = args.db.unwrap_or("admin");
    start(call, &args, db, reply)
}

fn start(call: &mut Call<'_, '_>, args: &StartArgs<'_>, db: &str, reply: &mut Reply<'_>) -> Result<()> {
    call.session.login.exchange = None;
    let name = args::require(args.mechanism, "saslStart", "mechanism")?;
    let Payload(payload) = args::require(args.payload, "saslStart", "payload")?;
    let Some(mechanism) = Mechanism::from_name(name) else {
        let message = format!("Received authentication for mechanism {name} which is not enabled");
        return Err(Error::new(MECHANISM_UNAVAILABLE, message));
    };
    let first = ClientFirst::parse(payload).ok_or_else(failed)?;
    let user = User::load(&call.commands.engine, &Principal::new(&first.user, db))?;
    let credential = user.as_ref().and_then(|user| user.credential(mechanism)).cloned();
    let (conversation, answer) = Conversation::begin(mechanism, &first, credential);
    let skips_empty = args.options.and_then(|options| options.get("skipEmptyExchange")).is_some_and(args::is_truthy);
    call.session.login.exchange = Some(Exchange { conversation, user, skips_empty, proved: false });
    answer_with(reply, false, answer.as_bytes());
    Ok(())
}

fn answer_with(reply: &mut Reply<'_>, done: bool, payload: &[u8]) {
    reply.value("conversationId", Value::integer(CONVERSATION_ID));
    reply.value("done", Value::bool(done));
    reply.value("payload", Value::binary(0, payload));
}

#[cold]
fn failed() -> Error {
    Error::new(Code::AUTHENTICATION_FAILED, "Authentication failed.")
}

pub(super) static SASL_CONTINUE: Command =
    Command::new("saslContinue", sasl_continue, "goes on to authenticate").api_v1().needs(Needs::Nothing);

arguments! {
    /// Arguments of `saslContinue`.
    struct ContinueArgs in "saslContinue" lenient {
        "conversationId" => conversation_id: Number,
        "payload" => payload: Payload<'d>,
    }
}

fn sasl_continue(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: ContinueArgs<'_> = args::of_command(&call.request)?;
    let Number(id) = args::require(args.conversation_id, "saslContinue", "conversationId")?;
    let Payload(payload) = args::require(args.payload, "saslContinue", "payload")?;
    let Some(mut exchange) = call.session.login.exchange.take() else {
        return Err(Error::new(Code::PROTOCOL_ERROR, "No SASL session state found"));
    };
    if id != CONVERSATION_ID {
        return Err(Error::new(Code::PROTOCOL_ERROR, "sasl: Mismatched conversation id"));
    }
    if exchange.proved {
        answer_with(reply, true, b"");
        return log_in(call, exchange.user.as_ref().ok_or_else(failed)?);
    }
    let proof = exchange.conversation.finish(payload).ok_or_else(failed)?;
    answer_with(reply, exchange.skips_empty, proof.as_bytes());
    if exchange.skips_empty {
        return log_in(call, exchange.user.as_ref().ok_or_else(failed)?);
    }
    exchange.proved = true;
    call.session.login.exchange = Some(exchange);
    Ok(())
}

fn log_in(call: &mut Call<'_, '_>, user: &User) -> Result<()> {
    call.session.login.set(call.commands, user)?;
    call.session.slot.set_user(Some(&user.principal));
    Ok(())
}

pub(super) static LOGOUT: Command =
    Command::new("logout", logout, "forgets who the client is").api_v1().needs(Needs::Nothing);

fn logout(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "logout")?;
    call.session.login.user = None;
    call.session.slot.set_user(None);
    call.session.login.exchange = None;
    Ok(())
}

pub(super) static AUTHENTICATE: Command =
    Command::new("authenticate", authenticate, "authenticates a client by its certificate").needs(Needs::Nothing);

arguments! {
    /// Arguments of `authenticate`.
    struct AuthenticateArgs in "authenticate" lenient {
        "mechanism" => mechanism: &'d str,
        "user" => user: &'d str,
    }
}

fn authenticate(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: AuthenticateArgs<'_> = args::of_command(&call.request)?;
    by_certificate(call, &args, reply)
}

/// Logs the owner of the connection's certificate in.
fn by_certificate(call: &mut Call<'_, '_>, args: &AuthenticateArgs<'_>, reply: &mut Reply<'_>) -> Result<()> {
    let name = args::require(args.mechanism, "authenticate", "mechanism")?;
    if name != X509 {
        let message = format!("Received authentication for mechanism {name} which is not enabled");
        return Err(Error::new(MECHANISM_UNAVAILABLE, message));
    }
    let subject = call.session.peer.certificate.clone().ok_or_else(failed)?;
    if args.user.is_some_and(|user| user != &*subject) {
        return Err(failed());
    }
    let user = User::load(&call.commands.engine, &Principal::new(&subject, EXTERNAL_DB))?.ok_or_else(failed)?;
    log_in(call, &user)?;
    reply.string("dbname", EXTERNAL_DB);
    reply.string("user", &subject);
    Ok(())
}

pub(super) static GETNONCE: Command =
    Command::new("getnonce", getnonce, "gives a random number to an older client").needs(Needs::Nothing);

fn getnonce(_call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    reply.string("nonce", &hex(&random_bytes(8)));
    Ok(())
}
