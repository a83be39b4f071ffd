//! Reading the log, entry by entry and operation by operation.

use std::collections::VecDeque;
use std::sync::Arc;

use smongo_compiler::ir::pipeline::{PostImage, PreImage};
use smongo_storage::{Cursor, Session};
use smongo_vm::Code;
use smongo_vm::update::apply_diff;
use smongo_vm::value::{DocBuf, RawDoc, Value, View};

use super::event::{Event, Images, Moment, invalidation};
use super::{Documents, Progress, Scope, Token};
use crate::error::{Error, Result};
use crate::oplog::{Oplog, key_of, timestamp_of_key, verified};
use crate::shell_text::ShellText;

/// What a stream tells.
pub(crate) struct StreamOptions {
    pub scope: Scope,
    /// Whether changes of collections and indexes are told.
    pub expanded: bool,
    pub post_image: PostImage,
    pub pre_image: PreImage,
}

/// What came of looking for the next event.
pub(crate) enum Next {
    Event(DocBuf),
    /// An operation was looked at that is no event.
    Nothing,
    /// Everything that can be read has been.
    End,
}

/// A stream, as far as it has been read. It holds no storage.
pub(crate) struct Reader {
    options: StreamOptions,
    log: Arc<Oplog>,
    documents: Arc<dyn Documents>,
    progress: Arc<Progress>,
    /// Up to here the log has been read.
    read: u64,
    /// Operations that have been read and not looked at.
    pending: VecDeque<Pending>,
    /// The transaction that is being read.
    transaction: Option<Transaction>,
    /// The event behind which the stream begins, until it has been met.
    resume: Option<Token>,
    /// The event that ends the stream, once its cause has been told.
    invalidation: Option<(Token, DocBuf)>,
    ended: bool,
}

/// An operation, with the place of its pre-image.
struct Pending {
    operation: DocBuf,
    moment: Moment,
    image: (u64, u32),
}

/// A transaction that takes one entry or several.
struct Transaction {
    /// When it was committed, and the position of its next operation.
    moment: Moment,
    /// The entries that have not been read.
    parts: VecDeque<u64>,
}

impl Reader {
    /// A stream of what happened after `read`, or behind the event `resume`.
    pub fn new(
        options: StreamOptions,
        log: Arc<Oplog>,
        documents: Arc<dyn Documents>,
        progress: Arc<Progress>,
        (read, resume): (u64, Option<Token>),
    ) -> Self {
        Self {
            options,
            log,
            documents,
            progress,
            read,
            pending: VecDeque::new(),
            transaction: None,
            resume,
            invalidation: None,
            ended: false,
        }
    }

    /// Whether the stream has ended.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Looks at the next operation, up to the entry `last`. `entries` is a cursor on the log.
    pub fn next(&mut self, session: &Session, entries: &mut Cursor<'_>, last: i64) -> Result<Next> {
        if let Some((token, doc)) = self.invalidation.take() {
            self.ended = true;
            self.progress.at_event(token);
            return Ok(Next::Event(doc));
        }
        if self.ended {
            return Ok(Next::End);
        }
        if self.pending.is_empty() && !self.read_part(entries)? && !self.read_entry(entries, last)? {
            self.progress.at_time(timestamp_of_key(last));
            return Ok(Next::End);
        }
        match self.pending.pop_front() {
            Some(pending) => self.tell(session, &pending),
            None => Ok(Next::Nothing),
        }
    }

    /// Reads the next entry; false when there is none yet.
    fn read_entry(&mut self, entries: &mut Cursor<'_>, last: i64) -> Result<bool> {
        let from = key_of(self.read);
        let found = if entries.is_positioned() && entries.record_id() == from {
            entries.next()?
        } else {
            self.check_history(entries)?;
            entries.seek_gt(from)?
        };
        if !found || entries.record_id() > last {
            self.read = self.read.max(timestamp_of_key(last));
            return Ok(false);
        }
        let time = timestamp_of_key(entries.record_id());
        self.read = time;
        let entry: DocBuf = verified(entries.value(), time)?.into();
        let mut moment = Moment { time, wall: wall_of(&entry), transaction: None, position: 0 };
        let Some(command) = transaction_in(&entry) else {
            self.pending.push_back(Pending { operation: entry, moment, image: (time, 0) });
            return Ok(true);
        };
        // A part of a transaction is told with the entry that commits it.
        if command.get("partialTxn").is_none() {
            let session = entry.get("lsid").and_then(Value::as_doc);
            let number = entry.get("txnNumber").and_then(Value::as_integer);
            moment.transaction = session.map(DocBuf::from).zip(number);
            self.transaction = Some(Transaction { moment, parts: parts_of(entries, time, &entry)? });
        }
        Ok(true)
    }

    /// Reads an entry of the transaction at hand; false when there is none.
    fn read_part(&mut self, entries: &mut Cursor<'_>) -> Result<bool> {
        let Some(transaction) = &mut self.transaction else { return Ok(false) };
        let Some(part) = transaction.parts.pop_front() else {
            self.transaction = None;
            return Ok(false);
        };
        if !entries.search(key_of(part))? {
            return Err(history_lost());
        }
        let entry = verified(entries.value(), part)?;
        let operations = transaction_in(entry).and_then(|o| o.get("applyOps")).and_then(Value::as_array);
        for (at, operation) in (0..).zip(operations.into_iter().flat_map(RawDoc::values)) {
            let operation = operation.as_doc().unwrap_or(RawDoc::EMPTY).into();
            let moment = transaction.moment.clone();
            transaction.moment.position += 1;
            self.pending.push_back(Pending { operation, moment, image: (part, at) });
        }
        Ok(true)
    }

    /// Fails when entries that the stream has not read are gone. Nothing is gone from a log that has its first entry.
    fn check_history(&self, entries: &mut Cursor<'_>) -> Result<()> {
        if !entries.first()? {
            return Ok(());
        }
        let oldest = timestamp_of_key(entries.record_id());
        if oldest <= self.read.saturating_add(1) || is_first_entry(verified(entries.value(), oldest)?) {
            return Ok(());
        }
        Err(history_lost())
    }

    /// Makes an event of an operation, if it is one that the stream tells.
    fn tell(&mut self, session: &Session, pending: &Pending) -> Result<Next> {
        let Pending { operation, moment, image } = pending;
        let event = Event::of(operation, &self.options.scope);
        let Some(event) = event.filter(|event| self.options.expanded || !event.is_expanded) else {
            return Ok(Next::Nothing);
        };
        let token = event.token(moment, false);
        if !self.is_behind_start(&event, &token, moment)? {
            return Ok(Next::Nothing);
        }
        let images = self.images(session, &event, *image)?;
        let doc = event.document(&token, moment, &images, self.options.expanded);
        self.progress.at_event(token);
        Ok(Next::Event(doc))
    }

    /// Whether an event comes after the one behind which the stream begins. An event that ends the stream is noted.
    fn is_behind_start(&mut self, event: &Event, token: &Token, moment: &Moment) -> Result<bool> {
        let ends = self.options.scope.ends_with(event.kind);
        let end = || {
            let token = event.token(moment, true);
            let doc = invalidation(&token, moment);
            (token, doc)
        };
        let Some(resume) = &self.resume else {
            self.invalidation = ends.then(end);
            return Ok(true);
        };
        if token.is_same_event(resume) {
            let fragment = resume.fragment;
            self.resume = None;
            self.invalidation = ends.then(end);
            // The event comes again for the fragments that the client has not had.
            if let Some(fragment) = fragment {
                self.progress.has_had(fragment + 1);
            }
            return Ok(fragment.is_some());
        }
        if resume.is_invalidation && event.token(moment, true).is_same_event(resume) {
            self.resume = None;
            return Ok(false);
        }
        if (token.time, token.position) <= (resume.time, resume.position) {
            return Ok(false);
        }
        let shown = resume.document();
        let message =
            format!("cannot resume stream; the resume token was not found. {}", ShellText(Value::document(&shown)));
        Err(Error::new(Code::CHANGE_STREAM_FATAL_ERROR, message))
    }

    /// The documents that an event comes with.
    fn images(&self, session: &Session, event: &Event, place: (u64, u32)) -> Result<Images> {
        let mut images = Images::default();
        let wants_before = self.options.pre_image != PreImage::Off;
        if wants_before && matches!(event.kind, "update" | "replace" | "delete") {
            let before = self.log.image(session, place)?;
            if before.is_none() && self.options.pre_image == PreImage::Required {
                return Err(no_image("pre-image", "update, delete and replace"));
            }
            images.before = Some(before);
        }
        let Some(difference) = event.difference.as_ref().filter(|_| event.kind == "update") else { return Ok(images) };
        let required = self.options.post_image == PostImage::Required;
        images.after = match self.options.post_image {
            PostImage::Default => None,
            PostImage::UpdateLookup => Some(self.look_up(session, event)?),
            PostImage::WhenAvailable | PostImage::Required => {
                let before = self.log.image(session, place)?;
                let after = before.map(|before| changed(&before, difference)).transpose()?;
                if after.is_none() && required {
                    return Err(no_image("post-image", "update"));
                }
                Some(after)
            }
        };
        Ok(images)
    }

    /// The document of an event as it is now.
    fn look_up(&self, session: &Session, event: &Event) -> Result<Option<DocBuf>> {
        let id = event.document_key.as_ref().and_then(|key| key.get("_id"));
        match (&event.uuid, id) {
            (Some(uuid), Some(id)) => self.documents.find(session, uuid, id),
            _ => Ok(None),
        }
    }
}

/// The command of an entry that stands for a transaction.
fn transaction_in(entry: &RawDoc) -> Option<&RawDoc> {
    let o = entry.get("o").and_then(Value::as_doc)?;
    let is_command = entry.get("op").and_then(Value::as_str) == Some("c");
    (is_command && o.get("applyOps").is_some()).then_some(o)
}

/// The times of a transaction's entries, of which the last is given.
fn parts_of(entries: &mut Cursor<'_>, time: u64, entry: &RawDoc) -> Result<VecDeque<u64>> {
    let mut parts = VecDeque::from([time]);
    let mut previous = previous_of(entry);
    while previous != 0 {
        if !entries.search(key_of(previous))? {
            return Err(history_lost());
        }
        parts.push_front(previous);
        previous = previous_of(verified(entries.value(), previous)?);
    }
    Ok(parts)
}

/// The time of the entry of the same transaction before this one; 0 when there is none.
fn previous_of(entry: &RawDoc) -> u64 {
    let previous = entry.get("prevOpTime").and_then(Value::as_doc).and_then(|time| time.get("ts"));
    match previous.map(|time| time.view()) {
        Some(View::Timestamp(time)) => time,
        _ => 0,
    }
}

fn wall_of(entry: &RawDoc) -> Value<'static> {
    Value::date_time(entry.get("wall").and_then(Value::as_date_millis).unwrap_or(0))
}

/// Whether an entry is the one with which the log began.
fn is_first_entry(entry: &RawDoc) -> bool {
    let message = entry.get("o").and_then(Value::as_doc).and_then(|o| o.get("msg"));
    entry.get("op").and_then(Value::as_str) == Some("n") && message.and_then(Value::as_str) == Some("initiating set")
}

fn changed(before: &RawDoc, difference: &RawDoc) -> Result<DocBuf> {
    let mut bytes = Vec::new();
    apply_diff(before, difference, &mut bytes)?;
    DocBuf::from_vec(bytes).ok_or_else(|| Error::new(Code::INVALID_BSON, "the difference does not fit its pre-image"))
}

#[cold]
fn history_lost() -> Error {
    let message = "Resume of change stream was not possible, as the resume point may no longer be in the oplog.";
    Error::new(Code::CHANGE_STREAM_HISTORY_LOST, message)
}

#[cold]
fn no_image(what: &str, kinds: &str) -> Error {
    let message = format!(
        "Change stream was configured to require a {what} for all {kinds} events, but the {what} was not found for event"
    );
    Error::new(Code::NO_MATCHING_DOCUMENT, message)
}
