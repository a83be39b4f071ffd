//! What the log says about changes of the catalog: the commands that would make them.

use std::sync::Arc;

use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use super::entry::{Entry, uuid_value};
use crate::index::{Index, id_spec};
use crate::oplog::Operations;
use crate::request::{ModifyCollectionRequest, ModifyIndexRequest, Namespace};

/// A collection was made.
pub(super) fn created(logged: &mut Operations, entry: &Entry) {
    let command = DocBuf::build(|command| {
        command.string("create", entry.ns.coll());
        command.elements_of(&entry.options);
        command.value("idIndex", Value::document(&id_spec(&entry.options)));
    });
    add(logged, &entry.ns, &entry.uuid, &command, None);
}

/// A collection was dropped.
pub(super) fn dropped(logged: &mut Operations, ns: &Namespace, uuid: &[u8; 16]) {
    let command = DocBuf::build(|command| command.string("drop", ns.coll()));
    add(logged, ns, uuid, &command, None);
}

/// All collections of a database were dropped.
pub(super) fn dropped_database(logged: &mut Operations, db: &str) {
    if db != "local" {
        let command = DocBuf::build(|command| command.value("dropDatabase", Value::int32(1)));
        logged.command(db, None, &command, None);
    }
}

/// A collection was given another name, which another one may have had.
pub(super) fn renamed(
    logged: &mut Operations,
    uuid: &[u8; 16],
    from: &Namespace,
    to: &Namespace,
    replaced: Option<&[u8; 16]>,
) {
    let command = DocBuf::build(|command| {
        command.string("renameCollection", from.full());
        command.string("to", to.full());
        command.value("stayTemp", Value::FALSE);
        if let Some(replaced) = replaced {
            command.value("dropTarget", uuid_value(replaced));
        }
    });
    add(logged, from, uuid, &command, None);
}

/// Indexes were made.
pub(super) fn created_indexes(logged: &mut Operations, ns: &Namespace, uuid: &[u8; 16], indexes: &[Arc<Index>]) {
    for index in indexes {
        let command = DocBuf::build(|command| {
            command.string("createIndexes", ns.coll());
            command.elements_of(&index.entry().spec);
        });
        add(logged, ns, uuid, &command, None);
    }
}

/// Indexes were dropped.
pub(super) fn dropped_indexes(logged: &mut Operations, ns: &Namespace, uuid: &[u8; 16], indexes: &[Arc<Index>]) {
    for index in indexes {
        let command = DocBuf::build(|command| {
            command.string("dropIndexes", ns.coll());
            command.string("index", index.name());
        });
        add(logged, ns, uuid, &command, Some(&index.entry().spec));
    }
}

/// An index's options were changed.
pub(super) fn modified_index(
    logged: &mut Operations,
    ns: &Namespace,
    uuid: &[u8; 16],
    name: &str,
    request: &ModifyIndexRequest<'_>,
) {
    let command = DocBuf::build(|command: &mut DocWriter<'_, Vec<u8>>| {
        command.string("collMod", ns.coll());
        command.document("index", |index| {
            index.string("name", name);
            if let Some(hidden) = request.hidden {
                index.value("hidden", Value::bool(hidden));
            }
            if let Some(seconds) = request.expire_after_seconds {
                index.value("expireAfterSeconds", seconds);
            }
            if let Some(prepare_unique) = request.prepare_unique {
                index.value("prepareUnique", Value::bool(prepare_unique));
            }
            if request.make_unique {
                index.value("unique", Value::TRUE);
            }
        });
    });
    add(logged, ns, uuid, &command, None);
}

/// A collection's options were changed.
pub(super) fn modified(
    logged: &mut Operations,
    ns: &Namespace,
    uuid: &[u8; 16],
    request: &ModifyCollectionRequest<'_>,
) {
    let command = DocBuf::build(|command| {
        command.string("collMod", ns.coll());
        request.write(command);
    });
    add(logged, ns, uuid, &command, None);
}

/// A collection's documents got another time to live.
pub(super) fn changed_expiry(logged: &mut Operations, ns: &Namespace, uuid: &[u8; 16], seconds: Option<i64>) {
    let command = DocBuf::build(|command| {
        command.string("collMod", ns.coll());
        match seconds {
            Some(seconds) => command.value("expireAfterSeconds", Value::int64(seconds)),
            None => command.string("expireAfterSeconds", "off"),
        }
    });
    add(logged, ns, uuid, &command, None);
}

/// Adds a command, unless it is about this server alone.
fn add(logged: &mut Operations, ns: &Namespace, uuid: &[u8; 16], command: &RawDoc, o2: Option<&RawDoc>) {
    if ns.db() != "local" {
        logged.command(ns.db(), Some(uuid), command, o2);
    }
}
