//! From an operation in the log to an event.

use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value, View};

use super::token::{EventKey, Token};
use super::{Scope, update};

/// When an operation happened, and in which transaction.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// The cluster time.
    pub time: u64,
    /// The server's clock.
    pub wall: Value<'static>,
    /// The session and the transaction's number in it.
    pub transaction: Option<(DocBuf, i64)>,
    /// The position in the transaction.
    pub position: u64,
}

/// A change, as far as the log tells of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Event {
    /// `operationType`.
    pub kind: &'static str,
    pub db: String,
    /// The collection; `None` when the whole database is concerned.
    pub coll: Option<String>,
    pub uuid: Option<[u8; 16]>,
    /// What the collection is called from now on.
    pub to: Option<(String, String)>,
    /// The document as it became, where the log has it whole.
    pub document: Option<DocBuf>,
    pub document_key: Option<DocBuf>,
    /// The difference that an update made.
    pub difference: Option<DocBuf>,
    /// `operationDescription`.
    pub description: Option<DocBuf>,
    /// Whether it is told only when expanded events are asked for.
    pub is_expanded: bool,
}

/// What an event comes with beyond what the log has.
#[derive(Default)]
pub(super) struct Images {
    /// `fullDocument`, when the event has one; null for a document that is not there.
    pub after: Option<Option<DocBuf>>,
    /// `fullDocumentBeforeChange`, likewise.
    pub before: Option<Option<DocBuf>>,
}

impl Event {
    /// What an operation means to a stream; `None` when it does not concern it.
    pub fn of(operation: &RawDoc, scope: &Scope) -> Option<Self> {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let (db, coll) = text("ns")?.split_once('.')?;
        let o = operation.get("o").and_then(Value::as_doc)?;
        let o2 = operation.get("o2").and_then(Value::as_doc);
        let uuid = match operation.get("ui").map(|uuid| uuid.view()) {
            Some(View::Binary { bytes, .. }) => bytes.try_into().ok(),
            _ => None,
        };
        let event = Event { db: db.to_owned(), uuid, ..Event::default() };
        let kind = text("op")?;
        if kind == "c" {
            return event.of_command(o, o2, scope);
        }
        if !scope.sees(db, coll) {
            return None;
        }
        let id_of = |doc: &RawDoc| DocBuf::build(|key| key.value("_id", doc.get("_id").unwrap_or(Value::NULL)));
        let document_key = Some(o2.map_or_else(|| id_of(o), DocBuf::from));
        let event = Event { coll: Some(coll.to_owned()), document_key, ..event };
        Some(match kind {
            "i" => Event { kind: "insert", document: Some(o.into()), ..event },
            "u" => match (o.get("$v"), o.get("diff").and_then(Value::as_doc)) {
                (Some(_), Some(diff)) => Event { kind: "update", difference: Some(diff.into()), ..event },
                _ => Event { kind: "replace", document: Some(o.into()), ..event },
            },
            "d" => Event { kind: "delete", ..event },
            _ => return None,
        })
    }

    fn of_command(self, o: &RawDoc, o2: Option<&RawDoc>, scope: &Scope) -> Option<Self> {
        let command = o.iter().next()?;
        let (name, argument) = (command.name_str(), command.value());
        let rest = || DocBuf::build(|doc| o.iter().skip(1).for_each(|field| doc.raw_element(field.raw())));
        if name == "dropDatabase" {
            return scope.sees_database(&self.db).then_some(Event { kind: "dropDatabase", ..self });
        }
        if name == "renameCollection" {
            let (db, coll) = argument.as_str()?.split_once('.')?;
            let (to_db, to_coll) = o.get("to").and_then(Value::as_str)?.split_once('.')?;
            let is_seen = scope.sees(db, coll) || scope.sees(to_db, to_coll);
            let description = DocBuf::build(|doc| {
                doc.document("to", |to| write_namespace(to, to_db, Some(to_coll)));
                if let Some(replaced) = o.get("dropTarget") {
                    doc.value("dropTarget", replaced);
                }
            });
            let to = Some((to_db.to_owned(), to_coll.to_owned()));
            let (db, coll, description) = (db.to_owned(), Some(coll.to_owned()), Some(description));
            return is_seen.then_some(Event { kind: "rename", db, coll, to, description, ..self });
        }
        let coll = argument.as_str()?;
        if !scope.sees(&self.db, coll) {
            return None;
        }
        let event = Event { coll: Some(coll.to_owned()), is_expanded: true, ..self };
        Some(match name {
            "drop" => Event { kind: "drop", is_expanded: false, ..event },
            "create" => Event { kind: "create", description: Some(rest()), ..event },
            "createIndexes" => Event { kind: "createIndexes", description: Some(of_index(&rest())), ..event },
            "dropIndexes" => {
                let description = o2.map_or_else(rest, of_index);
                Event { kind: "dropIndexes", description: Some(description), ..event }
            }
            "collMod" => Event { kind: "modify", description: Some(rest()), ..event },
            _ => return None,
        })
    }

    /// The token of the event, or of the invalidation that follows it.
    pub fn token(&self, moment: &Moment, is_invalidation: bool) -> Token {
        let identifier = DocBuf::build(|doc| {
            doc.string("operationType", self.kind);
            match (&self.document_key, &self.description) {
                (Some(key), _) => doc.value("documentKey", Value::document(key)),
                (None, Some(description)) => doc.value("operationDescription", Value::document(description)),
                (None, None) => {}
            }
        });
        let (position, uuid) = (moment.position, self.uuid.as_ref());
        Token::of_event(moment.time, EventKey { position, is_invalidation, uuid, identifier: &identifier })
    }

    /// The event as a document.
    pub fn document(&self, token: &Token, moment: &Moment, images: &Images, expanded: bool) -> DocBuf {
        DocBuf::build(|doc| {
            begin(doc, token, self.kind, moment);
            if let Some((session, number)) = &moment.transaction {
                doc.value("txnNumber", Value::int64(*number));
                doc.value("lsid", Value::document(session));
            }
            if let (true, Some(uuid)) = (expanded, &self.uuid) {
                doc.value("collectionUUID", Value::binary(4, uuid));
            }
            doc.value("wallTime", moment.wall);
            match (&self.document, &images.after) {
                (Some(document), _) | (None, Some(Some(document))) => {
                    doc.value("fullDocument", Value::document(document));
                }
                (None, Some(None)) => doc.value("fullDocument", Value::NULL),
                (None, None) => {}
            }
            doc.document("ns", |ns| write_namespace(ns, &self.db, self.coll.as_deref()));
            if self.kind == "create" {
                doc.string("nsType", self.namespace_type());
            }
            if let Some((db, coll)) = &self.to {
                doc.document("to", |to| write_namespace(to, db, Some(coll)));
            }
            if let Some(key) = &self.document_key {
                doc.value("documentKey", Value::document(key));
            }
            if let (true, Some(description)) = (expanded, &self.description) {
                doc.value("operationDescription", Value::document(description));
            }
            if let Some(difference) = &self.difference {
                let described = update::describe(difference, expanded);
                doc.value("updateDescription", Value::document(&described));
            }
            match &images.before {
                Some(Some(before)) => doc.value("fullDocumentBeforeChange", Value::document(before)),
                Some(None) => doc.value("fullDocumentBeforeChange", Value::NULL),
                None => {}
            }
        })
    }

    /// What kind of thing was created.
    fn namespace_type(&self) -> &'static str {
        let option = |name| self.description.as_ref().is_some_and(|options| options.get(name).is_some());
        match (option("viewOn"), option("timeseries")) {
            (true, _) => "view",
            (false, true) => "timeseries",
            (false, false) => "collection",
        }
    }
}

/// The event that ends a stream.
pub(super) fn invalidation(token: &Token, moment: &Moment) -> DocBuf {
    DocBuf::build(|doc| {
        begin(doc, token, "invalidate", moment);
        doc.value("wallTime", moment.wall);
    })
}

fn begin(doc: &mut DocWriter<'_, Vec<u8>>, token: &Token, kind: &str, moment: &Moment) {
    doc.value("_id", Value::document(&token.document()));
    doc.string("operationType", kind);
    doc.value("clusterTime", Value::timestamp(moment.time));
}

fn write_namespace(out: &mut DocWriter<'_, Vec<u8>>, db: &str, coll: Option<&str>) {
    out.string("db", db);
    if let Some(coll) = coll {
        out.string("coll", coll);
    }
}

/// The description of one index, as events have them.
fn of_index(spec: &RawDoc) -> DocBuf {
    DocBuf::build(|doc| doc.array("indexes", |indexes| indexes.value(Value::document(spec))))
}
