//! The gate before every command: who is logged in on a connection, and whether that allows the command.
//!
//! A command's row says what it [`Needs`]. What users and roles are is `crate::auth`'s to know.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Value};

use super::sasl::Exchange;
use super::table;
use super::{Call, Commands};
use crate::auth::users::User;
use crate::auth::{Principal, Privileges, Resource, roles};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::wire::message::Sequence;

/// A command as far as access to it is concerned.
#[derive(Clone, Copy)]
pub(super) struct Target<'d> {
    pub(super) db: &'d str,
    /// The value of the command's first element.
    pub(super) first: Value<'d>,
    pub(super) body: &'d RawDoc,
    /// Documents that came beside the body.
    pub(super) sequences: &'d [Sequence<'d>],
}

impl<'d> Target<'d> {
    /// The documents of an argument, wherever they came.
    pub(super) fn documents(&self, name: &str) -> impl Iterator<Item = &'d RawDoc> {
        let in_body = self.body.get(name).and_then(|list| list.as_array()).unwrap_or(RawDoc::EMPTY);
        let beside = self.sequences.iter().filter(move |sequence| sequence.name == name);
        in_body
            .values()
            .filter_map(|value| value.as_doc())
            .chain(beside.flat_map(|sequence| sequence.documents.iter().copied()))
    }

    /// The collection that the command's first argument names; the database, where it names none.
    pub(super) fn collection(&self) -> Resource {
        Resource::collection(self.db, self.first.as_str().unwrap_or_default())
    }
}

/// Something that a user must be allowed to do.
pub(super) type Requirement = (Resource, &'static str);

/// What a command needs before it runs, where access is controlled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    /// Nothing: the command belongs to the handshake, or tells nothing.
    Nothing,
    /// Some user.
    Login,
    /// These actions on the collection that the command names.
    OnCollection(&'static [&'static str]),
    /// These actions on the command's database.
    OnDatabase(&'static [&'static str]),
    /// These actions on the server.
    OnCluster(&'static [&'static str]),
    /// What its arguments say.
    Computed(fn(&Target<'_>) -> Vec<Requirement>),
    /// Every right there is.
    Everything,
}

impl Needs {
    pub(super) fn requirements(&self, target: &Target<'_>) -> Vec<Requirement> {
        let on = |resource: Resource, actions: &[&'static str]| {
            actions.iter().map(|action| (resource.clone(), *action)).collect()
        };
        match self {
            Self::Nothing | Self::Login => Vec::new(),
            Self::OnCollection(actions) => on(target.collection(), actions),
            Self::OnDatabase(actions) => on(Resource::database(target.db), actions),
            Self::OnCluster(actions) => on(Resource::Cluster, actions),
            Self::Computed(compute) => compute(target),
            Self::Everything => vec![(Resource::Any, "anyAction")],
        }
    }
}

/// What an `explain` needs: what the explained command does.
pub(super) fn of_explained(target: &Target<'_>) -> Vec<Requirement> {
    let Some(inner) = target.first.as_doc() else { return Vec::new() };
    let Some(first) = inner.iter().next() else { return Vec::new() };
    let Some(command) = table::lookup(first.name_str()) else { return Vec::new() };
    if matches!(command.needs, Needs::Computed(compute) if std::ptr::fn_addr_eq(compute, of_explained as fn(&Target<'_>) -> _))
    {
        return Vec::new();
    }
    command.needs.requirements(&Target { db: target.db, first: first.value(), body: inner, sequences: &[] })
}

/// Whether access is controlled, and what all connections share about it.
#[derive(Debug, Default)]
pub(super) struct Access {
    pub(super) enabled: bool,
    /// Rises with each change of users and roles; what connections know about theirs is older below it.
    generation: AtomicU64,
    /// Whether a user is known to exist, which ends the localhost exception.
    has_users: AtomicBool,
}

impl Access {
    pub(super) fn new(enabled: bool) -> Self {
        Self { enabled, ..Self::default() }
    }

    /// Notes that users or roles have changed.
    pub(super) fn changed(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether there are users; once there are, there always were.
    fn has_users(&self, engine: &Engine) -> Result<bool> {
        if !self.has_users.load(Ordering::Relaxed) && User::exist(engine)? {
            self.has_users.store(true, Ordering::Relaxed);
        }
        Ok(self.has_users.load(Ordering::Relaxed))
    }
}

/// A user that has logged in, with what it may do.
#[derive(Debug)]
pub(super) struct LoggedIn {
    pub(super) principal: Principal,
    pub(super) roles: BTreeSet<Principal>,
    pub(super) privileges: Privileges,
    id: [u8; 16],
    generation: u64,
}

/// A connection's way to its user.
#[derive(Debug, Default)]
pub(super) struct Login {
    pub(super) user: Option<LoggedIn>,
    pub(super) exchange: Option<Exchange>,
}

impl Login {
    /// Logs a user in.
    pub(super) fn set(&mut self, commands: &Commands, user: &User) -> Result<()> {
        let generation = commands.access.generation.load(Ordering::SeqCst);
        let (roles, privileges) = roles::resolve(&commands.engine, &user.roles)?;
        let principal = user.principal.clone();
        self.user = Some(LoggedIn { principal, roles, privileges, id: user.id, generation });
        Ok(())
    }

    /// The user, with rights that are not older than the last change; a user that is gone is logged out.
    fn fresh(&mut self, commands: &Commands) -> Result<Option<&LoggedIn>> {
        let stale = |user: &LoggedIn| user.generation != commands.access.generation.load(Ordering::SeqCst);
        if let Some(user) = self.user.take_if(|user| stale(user)) {
            let stored = User::load(&commands.engine, &user.principal)?;
            if let Some(stored) = stored.filter(|stored| stored.id == user.id) {
                self.set(commands, &stored)?;
            }
        }
        Ok(self.user.as_ref())
    }
}

/// Fails with `Unauthorized` (13) unless the connection's user may run the command.
pub(super) fn check(call: &mut Call<'_, '_>) -> Result<()> {
    let commands = call.commands;
    let needs = call.command.needs;
    if !commands.access.enabled || matches!(needs, Needs::Nothing) {
        return Ok(());
    }
    let target = Target { db: call.db, first: call.first, body: call.request.body, sequences: call.request.sequences };
    let local = call.session.peer.remote.is_local();
    let Some(user) = call.session.login.fresh(commands)? else {
        let first_user = matches!(call.command.name, "createUser" | "createRole") && call.db == "admin";
        if local && first_user && !commands.access.has_users(&commands.engine)? {
            return Ok(());
        }
        let message = format!("Command {} requires authentication", call.command.name);
        return Err(Error::new(Code::UNAUTHORIZED, message));
    };
    for (resource, action) in needs.requirements(&target) {
        if !user.privileges.allow(&resource, action) {
            let message = format!("not authorized on {} to execute command {}", call.db, call.command.name);
            return Err(Error::new(Code::UNAUTHORIZED, message));
        }
    }
    Ok(())
}
