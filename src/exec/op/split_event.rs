//! Split event: an event that is too large for one document comes in several, each with some of its fields.

use std::collections::VecDeque;
use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::{DocBuf, DocWriter, Element, RawDoc, Value};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::stream::{Progress, Token, fragment_token};

/// Bytes kept free in a fragment for its `_id` and `splitEvent`, besides those of the token itself.
const ENVELOPE_BYTES: usize = 256;

/// The splitting. Events that fit are its input's rows, fragments its own.
pub(crate) struct SplitEvent {
    input: Box<dyn Operator>,
    progress: Arc<Progress>,
    /// Fragments that have not been given, with their tokens.
    fragments: VecDeque<(Token, DocBuf)>,
    current: Option<DocBuf>,
    stats: Stats,
}

impl SplitEvent {
    /// The rows of `input`, which a stream has given.
    pub fn new(input: Box<dyn Operator>, progress: Arc<Progress>) -> Self {
        Self { input, progress, fragments: VecDeque::new(), current: None, stats: Stats::default() }
    }

    fn give_fragment(&mut self) -> bool {
        let Some((token, fragment)) = self.fragments.pop_front() else { return false };
        self.progress.at_event(token);
        self.current = Some(fragment);
        true
    }
}

impl Operator for SplitEvent {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        loop {
            if self.give_fragment() {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            self.current = None;
            let step = self.input.advance(cx)?;
            if step != Step::Row {
                return Ok(step);
            }
            let had = self.progress.take_fragments_had();
            let event = self.input.document(cx);
            if had == 0 && event.as_bytes().len() <= MAX_USER_DOCUMENT_BYTES {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            let fragments = split(event, &self.progress.current())?;
            self.fragments = fragments.into_iter().skip(usize::try_from(had).unwrap_or(usize::MAX)).collect();
        }
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        self.current.as_ref().map_or_else(|| self.input.document(cx), DocBuf::as_doc)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.fragments.is_empty() && self.input.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "SPLIT_LARGE_EVENT"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}
}

/// The fragments of an event: its fields from the smallest to the largest, as many in each as fit.
fn split(event: &RawDoc, token: &Token) -> Result<Vec<(Token, DocBuf)>> {
    let budget = MAX_USER_DOCUMENT_BYTES
        - ENVELOPE_BYTES
        - fragment_token(token, u64::from(u32::MAX)).document().as_bytes().len();
    let mut fields: Vec<Element<'_>> = event.iter().filter(|field| field.name() != b"_id").collect();
    fields.sort_by_key(|field| field.raw().len());
    let mut groups: Vec<Vec<Element<'_>>> = vec![Vec::new()];
    let mut bytes = 0;
    for field in fields {
        let size = field.raw().len();
        if size > budget {
            let message = format!("BSONObj size: {size} is too large for a fragment: field '{}'", field.name_str());
            return Err(Error::new(Code::BSON_OBJECT_TOO_LARGE, message));
        }
        if bytes + size > budget {
            groups.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(group) = groups.last_mut() {
            group.push(field);
        }
    }
    let count = i64::try_from(groups.len()).unwrap_or(i64::MAX);
    let fragment = |(at, group): (u64, Vec<Element<'_>>)| {
        let token = fragment_token(token, at);
        let doc = DocBuf::build(|doc| {
            doc.value("_id", Value::document(&token.document()));
            doc.document("splitEvent", |split| {
                split.value("fragment", Value::integer(i64::try_from(at).unwrap_or(i64::MAX).saturating_add(1)));
                split.value("of", Value::integer(count));
            });
            group.iter().for_each(|field| doc.raw_element(field.raw()));
        });
        (token, doc)
    };
    Ok((0..).zip(groups).map(fragment).collect())
}
