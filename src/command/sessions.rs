//! Logical sessions: who is there, and which cursors belong to whom. And the commands about them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Tag, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, arguments, wrong_type};
use super::generic::session_id;
use super::reply::Reply;
use super::table::Command;
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::request::Namespace;
use crate::session::SessionId;

/// How long an idle session lives, in minutes. MongoDB: 30.
pub(super) const TIMEOUT_MINUTES: i32 = 30;

/// Most sessions at once. MongoDB: 1,000,000.
const MAX_SESSIONS: usize = 1_000_000;

/// A use within this time of the last one is not noted again.
pub(super) const REFRESH_GRAIN: Duration = Duration::from_secs(60);

const TIMEOUT: Duration = Duration::from_secs(60 * TIMEOUT_MINUTES as u64);

/// An open cursor, as far as sessions care.
#[derive(Debug, Clone)]
struct OpenCursor {
    session: Option<SessionId>,
    ns: Namespace,
    used: Instant,
}

/// When a session was used last, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Use {
    pub(super) last: Instant,
    pub(super) user: Option<Principal>,
}

/// All sessions and their cursors.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    used: Mutex<HashMap<SessionId, Use>>,
    cursors: Mutex<HashMap<i64, OpenCursor>>,
}

impl Sessions {
    /// Notes that a session is in use; it comes into being by that.
    pub(super) fn touch(&self, id: SessionId, user: Option<&Principal>, now: Instant) -> Result<()> {
        let mut used = self.used.lock();
        if used.len() >= MAX_SESSIONS && !used.contains_key(&id) {
            used.retain(|_, used| now.duration_since(used.last) < TIMEOUT);
            if used.len() >= MAX_SESSIONS {
                let message = "Unable to add session into the cache because the number of active sessions is too high";
                return Err(Error::new(Code::TOO_MANY_LOGICAL_SESSIONS, message));
            }
        }
        used.insert(id, Use { last: now, user: user.cloned() });
        Ok(())
    }

    /// The sessions that are alive.
    pub(super) fn list(&self, now: Instant) -> Vec<(SessionId, Use)> {
        let used = self.used.lock();
        let alive = used.iter().filter(|(_, used)| now.duration_since(used.last) < TIMEOUT);
        alive.map(|(id, used)| (*id, used.clone())).collect()
    }

    /// How many sessions are alive.
    pub(super) fn count(&self) -> usize {
        self.used.lock().len()
    }

    /// Notes an open cursor, or that it has been closed (`cursor_id` 0 is none).
    pub(super) fn cursor_open(&self, cursor_id: i64, session: Option<SessionId>, ns: &Namespace) {
        if cursor_id == 0 {
            return;
        }
        let now = Instant::now();
        let mut cursors = self.cursors.lock();
        // Cursors that timed out in the engine leave their notes behind.
        if cursors.len() >= 1024 && cursors.len().is_power_of_two() {
            cursors.retain(|_, cursor| now.duration_since(cursor.used) < 2 * TIMEOUT);
        }
        cursors.insert(cursor_id, OpenCursor { session, ns: ns.clone(), used: now });
    }

    /// Forgets a cursor.
    pub(super) fn cursor_closed(&self, cursor_id: i64) {
        self.cursors.lock().remove(&cursor_id);
    }

    /// Fails unless the cursor was opened in this session, or outside any as this request is.
    pub(super) fn check_cursor(&self, cursor_id: i64, session: Option<SessionId>) -> Result<()> {
        let mut cursors = self.cursors.lock();
        let Some(cursor) = cursors.get_mut(&cursor_id) else { return Ok(()) };
        cursor.used = Instant::now();
        let (code, created, used) = match (cursor.session, session) {
            (None, Some(_)) => (50736, "was not created in a session", "in a session"),
            (Some(_), None) => (50737, "was created in a session", "without a session"),
            (Some(a), Some(b)) if a != b => (50738, "was created in another session", "in this session"),
            _ => return Ok(()),
        };
        let message = format!("Cannot run getMore on cursor {cursor_id}, which {created}, {used}");
        Err(Error::new(Code(code), message))
    }

    /// Ends the sessions that `which` picks, and gives their cursors.
    fn end(&self, which: impl Fn(&SessionId) -> bool) -> Vec<(Namespace, i64)> {
        self.used.lock().retain(|id, _| !which(id));
        let mut ended = Vec::new();
        self.cursors.lock().retain(|id, cursor| {
            let ends = cursor.session.as_ref().is_some_and(&which);
            if ends {
                ended.push((cursor.ns.clone(), *id));
            }
            !ends
        });
        ended
    }
}

pub(super) static START_SESSION: Command =
    Command::new("startSession", start_session, "begins a logical session and gives its id").needs(Needs::Login);

fn start_session(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "startSession")?;
    let id = bson::Uuid::new().bytes();
    call.commands.sessions.touch(id, call.principal(), call.started)?;
    reply.document("id", |doc| doc.value("id", Value::binary(4, &id)));
    reply.value("timeoutMinutes", Value::int32(TIMEOUT_MINUTES));
    Ok(())
}

pub(super) static END_SESSIONS: Command =
    Command::new("endSessions", end_sessions, "ends logical sessions before their time").api_v1().needs(Needs::Nothing);

fn end_sessions(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let ids = session_list(call)?;
    end(call, |id| ids.contains(id));
    Ok(())
}

pub(super) static KILL_SESSIONS: Command =
    Command::new("killSessions", kill_sessions, "ends logical sessions and what runs in them")
        .needs(Needs::OnCluster(&["killAnySession"]));

fn kill_sessions(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let ids = session_list(call)?;
    // Without users every session is this user's, so an empty list means all of them.
    end(call, |id| ids.is_empty() || ids.contains(id));
    Ok(())
}

pub(super) static REFRESH_SESSIONS: Command =
    Command::new("refreshSessions", refresh_sessions, "keeps logical sessions from timing out")
        .api_v1()
        .needs(Needs::Login);

fn refresh_sessions(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    for id in session_list(call)? {
        call.commands.sessions.touch(id, call.principal(), call.started)?;
    }
    Ok(())
}

pub(super) static KILL_ALL_SESSIONS: Command =
    Command::new("killAllSessions", kill_all_sessions, "ends the logical sessions of users, or all of them")
        .needs(Needs::OnCluster(&["killAnySession"]));

arguments! {
    struct UserArgs in "killAllSessions.users" strict {
        "user" => user: &'d str,
        "db" => db: &'d str,
    }
}

fn kill_all_sessions(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let users = list(call)?;
    let everyone = users.is_empty();
    for element in users {
        let Some(doc) = document_or_null(call, element.value(), element.name_str())? else { continue };
        let user: UserArgs<'_> = args::of_document(doc)?;
        args::require(user.user, "killAllSessions.users", "user")?;
        args::require(user.db, "killAllSessions.users", "db")?;
    }
    // Sessions have no owners while there are no users, so a named user has none.
    end(call, |_| everyone);
    Ok(())
}

pub(super) static KILL_ALL_SESSIONS_BY_PATTERN: Command = Command::new(
    "killAllSessionsByPattern",
    kill_all_sessions_by_pattern,
    "ends the logical sessions that fit patterns, or all of them",
)
.needs(Needs::OnCluster(&["killAnySession"]));

arguments! {
    struct PatternArgs in "killAllSessionsByPattern.patterns" strict {
        "lsid" => session: &'d RawDoc,
        "uid" => user_digest: args::Any<'d>,
        "users" => users: args::Array<'d>,
        "roles" => roles: args::Array<'d>,
    }
}

fn kill_all_sessions_by_pattern(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let patterns = list(call)?;
    let mut everyone = patterns.is_empty();
    let mut ids = Vec::new();
    for element in patterns {
        let Some(doc) = document_or_null(call, element.value(), element.name_str())? else { continue };
        let pattern: PatternArgs<'_> = args::of_document(doc)?;
        match pattern.session {
            Some(session) => ids.push(session_id(session)?),
            // Sessions have no owners while there are no users, so patterns about these fit none.
            None => everyone |= doc.is_empty(),
        }
    }
    end(call, |id| everyone || ids.contains(id));
    Ok(())
}

/// The array that is the command's own argument.
fn list<'d>(call: &Call<'_, 'd>) -> Result<&'d RawDoc> {
    let name = call.command.name;
    match call.first.tag() {
        Tag::Null | Tag::Undefined => Err(args::missing_field(name, name)),
        tag => call.first.as_array().ok_or_else(|| wrong_type(name, name, tag, &["array"])),
    }
}

fn document_or_null<'d>(call: &Call<'_, 'd>, value: Value<'d>, index: &str) -> Result<Option<&'d RawDoc>> {
    let name = call.command.name;
    match value.tag() {
        Tag::Null | Tag::Undefined => Ok(None),
        tag => {
            let doc = value.as_doc();
            doc.map(Some).ok_or_else(|| wrong_type(name, &format!("{name}.{index}"), tag, &["object"]))
        }
    }
}

fn session_list(call: &Call<'_, '_>) -> Result<Vec<SessionId>> {
    let mut ids = Vec::new();
    for element in list(call)? {
        if let Some(doc) = document_or_null(call, element.value(), element.name_str())? {
            ids.push(session_id(doc)?);
        }
    }
    Ok(ids)
}

fn end(call: &Call<'_, '_>, which: impl Fn(&SessionId) -> bool) {
    call.commands.engine.end_sessions(&which);
    for (ns, cursor_id) in call.commands.sessions.end(which) {
        call.commands.engine.kill_cursors(&ns, &[cursor_id]);
    }
}
