//! What the server tells stages of pipelines that ask about it.

use std::collections::BTreeSet;
use std::time::Instant;

use sha2::{Digest, Sha256};
use smongo_compiler::ir::pipeline::SessionsOf;
use smongo_vm::value::{DocBuf, Value};

use super::{Call, Commands, current_op};
use crate::auth::Principal;
use crate::request::{ServerFacts, wall_clock_millis};

/// The server as one request sees it.
#[derive(Debug)]
pub(super) struct Facts<'c> {
    commands: &'c Commands,
    host: String,
    asker: Option<Principal>,
}

impl<'c> Facts<'c> {
    /// The server that runs `call`.
    pub(super) fn of(call: &Call<'c, '_>) -> Self {
        let commands = call.commands;
        Self { commands, host: commands.address(call.session.peer.local), asker: call.principal().cloned() }
    }
}

impl ServerFacts for Facts<'_> {
    fn operations(&self, all_users: bool, idle_connections: bool) -> Vec<DocBuf> {
        let of = self.asker.as_ref().filter(|_| !all_users);
        current_op::documents(&self.commands.operations, &self.host, idle_connections, of)
    }

    fn sessions(&self, of: &SessionsOf) -> Vec<DocBuf> {
        let (now, now_millis) = (Instant::now(), wall_clock_millis());
        let is_wanted = |user: &Option<Principal>| match of {
            SessionsOf::Everybody => true,
            SessionsOf::Asker => *user == self.asker,
            SessionsOf::Users(users) => {
                user.as_ref().is_some_and(|user| users.iter().any(|(name, db)| *name == user.name && *db == user.db))
            }
        };
        let sessions = self.commands.sessions.list(now);
        let wanted = sessions.iter().filter(|(_, used)| is_wanted(&used.user));
        wanted
            .map(|(id, used)| {
                let name = used.user.as_ref().map(|user| format!("{}@{}", user.name, user.db));
                let idle_millis = i64::try_from(now.duration_since(used.last).as_millis()).unwrap_or(i64::MAX);
                DocBuf::build(|doc| {
                    doc.document("_id", |doc| {
                        doc.value("id", Value::binary(4, id));
                        doc.value("uid", Value::binary(0, &Sha256::digest(name.as_deref().unwrap_or_default())));
                    });
                    doc.value("lastUse", Value::date_time(now_millis.saturating_sub(idle_millis)));
                    if let Some(name) = &name {
                        doc.string("user", name);
                    }
                })
            })
            .collect()
    }

    fn users(&self) -> Vec<DocBuf> {
        let connections = self.commands.operations.snapshot().into_iter();
        let users: BTreeSet<(String, String)> =
            connections.filter_map(|connection| connection.user).map(|user| (user.db, user.name)).collect();
        users
            .iter()
            .map(|(db, name)| {
                DocBuf::build(|doc| {
                    doc.string("username", name);
                    doc.string("db", db);
                    doc.value("active", Value::TRUE);
                })
            })
            .collect()
    }
}
