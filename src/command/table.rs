//! The one table of commands.
//!
//! A command's row stands beside its code; this is the list of them. To add a command: write a file with a row and a
//! handler, name the row here.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::access::Needs;
use super::reply::Reply;
use super::{
    Call, aggregate, apply_ops, build_info, bulk_write, capped, coll_mod, collections, count, current_op, cursors,
    db_hash, delete, diagnostics, distinct, explain, fail_points, find, find_and_modify, get_log, handshake, indexes,
    insert, listing, maintenance, parameters, plan_cache, profile, query_settings, replication, roles, sasl,
    search_indexes, server_status, sessions, settings, stats, transactions, update, users, validate, write_gate,
};
use crate::error::Result;

/// What runs a command: it reads its arguments from the call and writes its reply up to, not including, `ok`.
pub(super) type Handler = fn(&mut Call<'_, '_>, &mut Reply<'_>) -> Result<()>;

/// Which of mongod's operation counters a command raises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counter {
    /// Counted by the handler: one for each document or statement.
    ByHandler,
    Query,
    GetMore,
    Command,
}

/// Which read concern levels a command takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReadLevels {
    LocalOnly,
    All,
}

/// What a command does to a collection, for `top`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Usage {
    /// The command's first argument is no collection.
    None,
    Queries,
    GetMore,
    Insert,
    Update,
    Remove,
    Commands,
}

/// One command.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) run: Handler,
    /// Whether the command runs on `admin` only.
    pub(super) admin_only: bool,
    /// What a client needs to run it, where access is controlled.
    pub(super) needs: Needs,
    /// Whether the command changes data, and so takes a write concern and moves the cluster clock.
    pub(super) writes: bool,
    pub(super) read_levels: ReadLevels,
    /// Whether the command belongs to version 1 of the Stable API.
    pub(super) in_api_v1: bool,
    pub(super) counter: Counter,
    pub(super) usage: Usage,
}

impl Command {
    /// A command with the most common traits.
    pub(super) const fn new(name: &'static str, run: Handler, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            help,
            run,
            admin_only: false,
            needs: Needs::Everything,
            writes: false,
            read_levels: ReadLevels::LocalOnly,
            in_api_v1: false,
            counter: Counter::Command,
            usage: Usage::None,
        }
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn admin_only(mut self) -> Self {
        self.admin_only = true;
        self
    }

    pub(super) const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    pub(super) const fn writes(mut self) -> Self {
        self.writes = true;
        self
    }

    pub(super) const fn reads_at_any_level(mut self) -> Self {
        self.read_levels = ReadLevels::All;
        self
    }

    pub(super) const fn api_v1(mut self) -> Self {
        self.in_api_v1 = true;
        self
    }

    pub(super) const fn counted_as(mut self, counter: Counter) -> Self {
        self.counter = counter;
        self
    }

    pub(super) const fn uses_collection(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }
}

/// Every command.
pub(super) static COMMANDS: &[&Command] = &[
    &aggregate::AGGREGATE,
    &apply_ops::APPLY_OPS,
    &build_info::BUILD_INFO,
    &coll_mod::COLL_MOD,
    &capped::CLONE_COLLECTION_AS_CAPPED,
    &capped::CONVERT_TO_CAPPED,
    &collections::CREATE,
    &collections::DROP,
    &collections::DROP_DATABASE,
    &collections::RENAME_COLLECTION,
    &count::COUNT,
    &current_op::CURRENT_OP,
    &current_op::KILL_OP,
    &current_op::LOCK_INFO,
    &current_op::TOP,
    &cursors::GET_MORE,
    &cursors::KILL_CURSORS,
    &db_hash::DB_HASH,
    &delete::DELETE,
    &diagnostics::CONN_POOL_STATS,
    &diagnostics::CONNECTION_STATUS,
    &diagnostics::FEATURES,
    &diagnostics::GET_CMD_LINE_OPTS,
    &diagnostics::GET_FREE_MONITORING_STATUS,
    &diagnostics::HOST_INFO,
    &diagnostics::LIST_COMMANDS,
    &diagnostics::PING,
    &diagnostics::SET_FREE_MONITORING,
    &diagnostics::WHATSMYURI,
    &distinct::DISTINCT,
    &explain::EXPLAIN,
    &fail_points::CONFIGURE_FAIL_POINT,
    &find::FIND,
    &find_and_modify::FIND_AND_MODIFY,
    &get_log::GET_LOG,
    &handshake::HELLO,
    &handshake::IS_MASTER,
    &indexes::CREATE_INDEXES,
    &indexes::DROP_INDEXES,
    &indexes::RE_INDEX,
    &insert::INSERT,
    &listing::LIST_COLLECTIONS,
    &listing::LIST_DATABASES,
    &listing::LIST_INDEXES,
    &maintenance::AUTO_COMPACT,
    &maintenance::COMPACT,
    &maintenance::COMPACT_STRUCTURED_ENCRYPTION_DATA,
    &maintenance::DROP_CONNECTIONS,
    &maintenance::LOG_APPLICATION_MESSAGE,
    &maintenance::LOG_ROTATE,
    &maintenance::SHUTDOWN,
    &parameters::GET_PARAMETER,
    &parameters::SET_PARAMETER,
    &profile::PROFILE,
    &plan_cache::PLAN_CACHE_CLEAR,
    &plan_cache::PLAN_CACHE_CLEAR_FILTERS,
    &plan_cache::PLAN_CACHE_LIST_FILTERS,
    &plan_cache::PLAN_CACHE_SET_FILTER,
    &query_settings::REMOVE_QUERY_SETTINGS,
    &query_settings::SET_QUERY_SETTINGS,
    &replication::APPEND_OPLOG_NOTE,
    &replication::GET_LAST_ERROR,
    &replication::REPL_SET_GET_CONFIG,
    &replication::REPL_SET_GET_STATUS,
    &replication::REPL_SET_FREEZE,
    &replication::REPL_SET_INITIATE,
    &replication::REPL_SET_STEP_DOWN,
    &replication::SHARDING_STATE,
    &roles::CREATE_ROLE,
    &roles::DROP_ALL_ROLES,
    &roles::DROP_ROLE,
    &roles::GRANT_PRIVILEGES,
    &roles::GRANT_ROLES_TO_ROLE,
    &roles::REVOKE_PRIVILEGES,
    &roles::REVOKE_ROLES_FROM_ROLE,
    &roles::ROLES_INFO,
    &roles::UPDATE_ROLE,
    &sasl::AUTHENTICATE,
    &sasl::GETNONCE,
    &sasl::LOGOUT,
    &sasl::SASL_CONTINUE,
    &sasl::SASL_START,
    &search_indexes::CREATE_SEARCH_INDEXES,
    &search_indexes::DROP_SEARCH_INDEX,
    &search_indexes::UPDATE_SEARCH_INDEX,
    &server_status::SERVER_STATUS,
    &sessions::END_SESSIONS,
    &sessions::KILL_ALL_SESSIONS,
    &sessions::KILL_ALL_SESSIONS_BY_PATTERN,
    &sessions::KILL_SESSIONS,
    &sessions::REFRESH_SESSIONS,
    &sessions::START_SESSION,
    &settings::GET_CLUSTER_PARAMETER,
    &settings::GET_DEFAULT_RW_CONCERN,
    &settings::SET_CLUSTER_PARAMETER,
    &settings::SET_DEFAULT_RW_CONCERN,
    &settings::SET_FEATURE_COMPATIBILITY_VERSION,
    &stats::COLL_STATS,
    &stats::DATA_SIZE,
    &stats::DB_STATS,
    &bulk_write::BULK_WRITE,
    &transactions::ABORT_TRANSACTION,
    &transactions::COMMIT_TRANSACTION,
    &update::UPDATE,
    &users::CREATE_USER,
    &users::DROP_ALL_USERS,
    &users::DROP_USER,
    &users::GRANT_ROLES,
    &users::INVALIDATE_USER_CACHE,
    &users::REVOKE_ROLES,
    &users::UPDATE_USER,
    &users::USERS_INFO,
    &validate::VALIDATE,
    &validate::VALIDATE_DB_METADATA,
    &write_gate::FSYNC,
    &write_gate::FSYNC_UNLOCK,
    &write_gate::SET_USER_WRITE_BLOCK_MODE,
];

/// The command of this name.
pub(super) fn lookup(name: &str) -> Option<&'static Command> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Command, ahash::RandomState>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        COMMANDS
            .iter()
            .flat_map(|command| {
                std::iter::once(command.name).chain(command.aliases.iter().copied()).map(move |name| (name, *command))
            })
            .collect()
    });
    by_name.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_helpful() {
        let mut names: Vec<_> = COMMANDS.iter().flat_map(|c| c.aliases.iter().chain([&c.name])).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(COMMANDS.iter().all(|command| !command.help.is_empty()));
    }
}
