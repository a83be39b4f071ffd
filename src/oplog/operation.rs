//! What a storage transaction did, in the words of the log.
//!
//! Operations are gathered while a transaction runs, each as the document that stands in the log, but for what is
//! known only at the commit: timestamps and who wrote.

use std::ops::Range;

use smongo_vm::update::{Touched, diff, diff_along};
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::catalog::entry::uuid_value;
use crate::collection::id_of;

/// The kinds of entries that stand for one document.
const INSERT: &str = "i";
const UPDATE: &str = "u";
const DELETE: &str = "d";

/// The version of the form in which updates are described.
const UPDATE_VERSION: i32 = 2;

/// What most operations take besides documents: room that is made at once instead of bit by bit.
const FRAME_BYTES: usize = 256;

/// The operations of one storage transaction, in order.
#[derive(Default, Debug)]
pub(crate) struct Operations {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    range: Range<usize>,
    /// Which statement of a retryable write it belongs to.
    statement: Option<i32>,
    /// The document before the change, where the collection keeps such images.
    before: Option<DocBuf>,
}

/// One operation.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'o> {
    /// `{op, ns, ui, o, o2}`.
    pub doc: &'o RawDoc,
    pub statement: Option<i32>,
    /// The document before the change, where the collection keeps such images.
    pub before: Option<&'o RawDoc>,
}

/// How a document came to be another.
pub(crate) enum Change<'c> {
    /// The request had it whole.
    Replaced,
    /// A pipeline computed it.
    Computed,
    /// Operators changed it at paths.
    At(&'c Touched),
}

/// The collection that operations are about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'s> {
    pub ns: &'s str,
    pub uuid: &'s [u8; 16],
}

impl Operations {
    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The operations, in order.
    pub fn iter(&self) -> impl Iterator<Item = Operation<'_>> {
        self.places.iter().map(|place| Operation {
            doc: self.bytes.get(place.range.clone()).and_then(RawDoc::from_stored).unwrap_or(RawDoc::EMPTY),
            statement: place.statement,
            before: place.before.as_ref().map(DocBuf::as_doc),
        })
    }

    /// Adds all operations of another transaction.
    pub fn append(&mut self, other: Operations) {
        let base = self.bytes.len();
        self.bytes.extend(other.bytes);
        self.places.extend(
            other
                .places
                .into_iter()
                .map(|place| Place { range: place.range.start + base..place.range.end + base, ..place }),
        );
    }

    /// A document was stored.
    pub fn insert(&mut self, subject: Subject<'_>, statement: Option<i32>, doc: &RawDoc) {
        self.bytes.reserve(doc.as_bytes().len() + FRAME_BYTES);
        self.add(INSERT, Some(subject), subject.ns, statement, None, |entry| {
            entry.value("o", Value::document(doc));
            write_key(entry, doc);
        });
    }

    /// A document was changed.
    pub fn update(
        &mut self,
        subject: Subject<'_>,
        statement: Option<i32>,
        (old, new): (&RawDoc, &RawDoc),
        change: &Change<'_>,
        keeps_image: bool,
    ) {
        let before = keeps_image.then(|| old.into());
        self.add(UPDATE, Some(subject), subject.ns, statement, before, |entry| {
            // What kind of change it was must be seen, so a difference is logged even where it takes more bytes.
            let diff = match change {
                Change::Replaced => None,
                Change::Computed => Some(diff(old, new)),
                Change::At(touched) => Some(diff_along(old, new, touched)),
            };
            match diff {
                Some(diff) => entry.document("o", |change| {
                    change.value("$v", Value::int32(UPDATE_VERSION));
                    change.value("diff", Value::document(&diff));
                }),
                None => entry.value("o", Value::document(new)),
            }
            write_key(entry, old);
        });
    }

    /// A document was removed.
    pub fn delete(&mut self, subject: Subject<'_>, statement: Option<i32>, doc: &RawDoc, keeps_image: bool) {
        let before = keeps_image.then(|| doc.into());
        self.add(DELETE, Some(subject), subject.ns, statement, before, |entry| {
            entry.document("o", |key| key.value("_id", id_of(doc)));
        });
    }

    /// A collection or an index changed: a command on `db`.
    pub fn command(&mut self, db: &str, uuid: Option<&[u8; 16]>, o: &RawDoc, o2: Option<&RawDoc>) {
        let ns = format!("{db}.$cmd");
        let subject = uuid.map(|uuid| Subject { ns: "", uuid });
        self.add("c", subject, &ns, None, None, |entry| {
            entry.value("o", Value::document(o));
            if let Some(o2) = o2 {
                entry.value("o2", Value::document(o2));
            }
        });
    }

    /// Nothing happened that changes data.
    pub fn noop(&mut self, message: &str) {
        self.note(&DocBuf::build(|note| note.string("msg", message)));
    }

    /// Somebody wants a note in the log.
    pub fn note(&mut self, note: &RawDoc) {
        self.add("n", None, "", None, None, |entry| entry.value("o", Value::document(note)));
    }

    fn add(
        &mut self,
        kind: &str,
        subject: Option<Subject<'_>>,
        ns: &str,
        statement: Option<i32>,
        before: Option<DocBuf>,
        rest: impl FnOnce(&mut DocWriter<'_, Vec<u8>>),
    ) {
        self.bytes.reserve(FRAME_BYTES);
        let begin = self.bytes.len();
        let mut entry = DocWriter::new(&mut self.bytes);
        entry.string("op", kind);
        entry.string("ns", ns);
        if let Some(subject) = subject {
            entry.value("ui", uuid_value(subject.uuid));
        }
        rest(&mut entry);
        entry.finish();
        self.places.push(Place { range: begin..self.bytes.len(), statement, before });
    }
}

fn write_key(entry: &mut DocWriter<'_, Vec<u8>>, doc: &RawDoc) {
    entry.document("o2", |key| key.value("_id", id_of(doc)));
}
