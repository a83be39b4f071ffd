//! Index scan: the records that the keys within some bounds lead to, in the order of the keys.

use std::collections::HashSet;
use std::sync::Arc;

use smongo_compiler::plan::{IndexDescription, IndexScanPlan, Intervals, PATH_FIELD, ScanDirection, WildcardView};
use smongo_storage::Cursor;
use smongo_vm::Code;
use smongo_vm::key::KeyDecoder;
use smongo_vm::value::{ArrayComponents, DocBuf, DocWriter, FieldPath, OwnedValue, RawDoc, Value, View};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step, count};
use crate::index::{ABOVE, Index, KeyDocuments, ScanBounds, Verdict, direction_of, is_reserved};
use crate::shell_text::ShellText;

/// The scan. A row is a record id; documents are for a [`Fetch`](super::Fetch) to find.
pub(crate) struct IndexScan {
    slot: usize,
    index: Arc<Index>,
    intervals: Vec<Intervals>,
    bounds: ScanBounds,
    direction: ScanDirection,
    /// Where documents had arrays when the scan was planned.
    arrays: Vec<ArrayComponents>,
    /// Of a wildcard index, the path that is looked up.
    wildcard: Option<Arc<WildcardView>>,
    /// Records met so far, where several keys may lead to one.
    met: Option<Met>,
    record_id: Option<i64>,
    /// Where the next turn goes on. The entry may be gone by then.
    saved: Option<Saved>,
    /// Makes documents of keys, where somebody wants them.
    documents: Option<KeyDocuments>,
    /// Whether documents have got arrays since the scan was planned, so that keys do not tell what they have.
    has_new_arrays: bool,
    /// The number of leading fields whose values are wanted once.
    leaping: Option<usize>,
    /// Whether rows are only counted.
    is_count: bool,
    /// Whether nobody looks at the documents that keys lead to.
    is_alone: bool,
    ended: bool,
    /// Where a leap goes to.
    target: Vec<u8>,
    seeks: u64,
    dups_dropped: u64,
    stats: Stats,
}

/// A position between turns.
struct Saved {
    key: Vec<u8>,
    /// Whether the key itself is still to be looked at.
    is_unread: bool,
}

#[derive(Default)]
struct Met {
    records: HashSet<i64, ahash::RandomState>,
    /// Those of them that this turn has added.
    in_turn: Vec<i64>,
}

impl IndexScan {
    /// A scan whose cursor lives in `slot`.
    pub fn new(slot: usize, index: &Arc<Index>, plan: &IndexScanPlan) -> Self {
        let wildcard = plan.wildcard.clone();
        let description = wildcard.as_ref().map_or(index.description(), |wildcard| &wildcard.description);
        let bounds = ScanBounds::new(description, &plan.bounds, plan.direction);
        let arrays = index.arrays(wildcard.as_deref());
        let is_multikey = arrays.iter().any(|arrays| !arrays.is_empty());
        // Below one path a document has several.
        let place = description.wildcard.as_ref().map(|wildcard| wildcard.place);
        let has_several_paths = place.and_then(|place| plan.bounds.get(place)).is_some_and(|bounds| !bounds.is_point());
        Self {
            slot,
            index: Arc::clone(index),
            intervals: plan.bounds.clone(),
            bounds,
            direction: plan.direction,
            arrays,
            wildcard,
            met: (is_multikey || has_several_paths).then(Met::default),
            record_id: None,
            saved: None,
            documents: None,
            has_new_arrays: false,
            leaping: None,
            is_count: false,
            is_alone: false,
            ended: false,
            target: Vec::new(),
            seeks: 0,
            dups_dropped: 0,
            stats: Stats::default(),
        }
    }

    /// The same scan, whose rows are documents of what the keys say. The values at `wanted` paths will be looked at.
    pub fn with_key_documents(mut self, wanted: impl Fn(&FieldPath) -> bool) -> Self {
        self.documents = Some(KeyDocuments::new(self.description(), wanted));
        self
    }

    /// What the index is, of a wildcard index as one on the path.
    fn description(&self) -> &IndexDescription {
        self.wildcard.as_ref().map_or(self.index.description(), |wildcard| &wildcard.description)
    }

    /// The fields of the keys with their directions or kinds.
    fn key_pattern(&self) -> DocBuf {
        let pattern = self.index.key_pattern();
        let (Some(view), Some(wildcard)) = (&self.wildcard, &self.index.description().wildcard) else {
            return pattern.into();
        };
        DocBuf::build(|shown| {
            for (at, field) in pattern.iter().enumerate() {
                if at != wildcard.place {
                    shown.raw_element(field.raw());
                    continue;
                }
                shown.value(PATH_FIELD, Value::int32(1));
                if !view.path.is_empty() {
                    shown.value(&view.path.to_string(), field.value());
                } else {
                    shown.raw_element(field.raw());
                }
            }
        })
    }

    /// The same scan, which gives one row for each combination of values of the leading `fields`, as far as keys tell
    /// what documents have.
    pub fn leaping(mut self, fields: usize) -> Self {
        self.leaping = Some(fields);
        self.is_alone = true;
        self
    }

    /// The same scan, whose rows are only counted.
    pub fn counting(mut self) -> Self {
        self.is_count = self.bounds.is_contiguous();
        self.is_alone = true;
        self
    }

    /// Whether several keys may lead to one record.
    pub fn is_multikey(&self) -> bool {
        self.met.is_some()
    }

    /// Whether the current key says what the document has.
    pub fn key_is_certain(&self) -> bool {
        !self.has_new_arrays && self.documents.as_ref().is_some_and(KeyDocuments::is_certain)
    }

    /// Remembers the position so that the current row comes again.
    pub fn save_unread(&mut self, cx: &ExecContext<'_>) {
        self.save(cx);
        if let Some(saved) = &mut self.saved {
            saved.is_unread = true;
        }
        if let (Some(met), Some(record_id)) = (&mut self.met, self.record_id) {
            met.records.remove(&record_id);
        }
        self.stats.keys_examined = self.stats.keys_examined.saturating_sub(1);
        self.stats.advanced = self.stats.advanced.saturating_sub(1);
    }

    /// Aims behind all keys that begin like this one, when the scan leaps.
    fn aim_beyond(&mut self, key: &[u8]) -> Result<bool> {
        let Some(fields) = self.leaping.filter(|_| self.key_is_certain()) else { return Ok(false) };
        let mut decoder = KeyDecoder::new(key, &[]);
        for field in self.description().fields.iter().take(fields) {
            decoder.skip(direction_of(field.order))?;
        }
        self.target.clear();
        self.target.extend_from_slice(&key[..key.len() - decoder.rest().len()]);
        if self.direction == ScanDirection::Forward {
            self.target.push(ABOVE);
        }
        Ok(true)
    }

    /// Moves to the first key that is to be looked at, or to the next one.
    fn step(&mut self, cx: &mut ExecContext<'_>) -> Result<bool> {
        if self.leaping.is_some() && cx.cursor(self.slot).is_some_and(Cursor::is_positioned) {
            let key = cx.cursor(self.slot).map(|cursor| cursor.key_bytes().to_vec()).unwrap_or_default();
            if self.aim_beyond(&key)? {
                return self.leap(cx);
            }
        }
        if let Some((cursor, _)) = cx.cursor_and_env(self.slot) {
            return Ok(match self.direction {
                ScanDirection::Forward => cursor.next()?,
                ScanDirection::Backward => cursor.prev()?,
            });
        }
        let Some(shared) = cx.shared else { return Ok(false) };
        if !shared.indexes().iter().any(|index| index.entry().ident == self.index.entry().ident) {
            let message = format!("query plan killed :: index '{}' dropped", self.index.name());
            return Err(Error::new(Code::QUERY_PLAN_KILLED, message));
        }
        self.has_new_arrays = self.index.arrays(self.wildcard.as_deref()) != self.arrays;
        if self.has_new_arrays {
            if self.is_alone {
                let message = format!("query plan killed :: index '{}' became multikey", self.index.name());
                return Err(Error::new(Code::QUERY_PLAN_KILLED, message));
            }
            // Documents that nobody changed are where they were; of the others some keys may be met twice, and none
            // proves what it did.
            self.met.get_or_insert_default();
            cx.note_new_arrays();
        }
        let cursor = cx.open(self.slot, self.index.table())?;
        match &self.saved {
            Some(Saved { key, is_unread }) => Ok(match (self.direction, is_unread) {
                (ScanDirection::Forward, false) => cursor.seek_gt(key)?,
                (ScanDirection::Forward, true) => cursor.seek_ge(key)?,
                (ScanDirection::Backward, false) => cursor.seek_lt(key)?,
                (ScanDirection::Backward, true) => cursor.seek_le(key)?,
            }),
            None => {
                if !self.bounds.begin(&mut self.target) {
                    return Ok(false);
                }
                self.leap(cx)
            }
        }
    }

    /// Moves to the target.
    fn leap(&mut self, cx: &mut ExecContext<'_>) -> Result<bool> {
        self.seeks += 1;
        let Some((cursor, _)) = cx.cursor_and_env(self.slot) else { return Ok(false) };
        Ok(match self.direction {
            ScanDirection::Forward => cursor.seek_ge(&self.target)?,
            ScanDirection::Backward => cursor.seek_lt(&self.target)?,
        })
    }

    /// Writes from which key to which the scan goes, as a count's bounds are shown.
    fn write_ends(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        let pattern = self.key_pattern();
        let ends = |start: bool| {
            let fields = pattern.iter().zip(&self.description().fields).zip(&self.intervals);
            let ends = fields.map(move |((name, field), intervals)| {
                let starts_low = direction_of(field.order) == smongo_vm::key::Direction::Ascending;
                let (first, last) = (intervals.as_slice().first(), intervals.as_slice().last());
                let end = if starts_low == start {
                    first.map(|first| (first.start.clone(), first.start_inclusive))
                } else {
                    last.map(|last| (last.end.clone(), last.end_inclusive))
                };
                (name, end.unwrap_or((OwnedValue::NOTHING, false)))
            });
            ends.collect::<Vec<_>>()
        };
        for (name, flag, start) in [("startKey", "startKeyInclusive", true), ("endKey", "endKeyInclusive", false)] {
            let ends = ends(start);
            doc.document(name, |key| {
                ends.iter().for_each(|(name, (value, _))| key.value(name.name_str(), value.get()));
            });
            doc.value(flag, Value::bool(ends.iter().all(|(_, (_, inclusive))| *inclusive)));
        }
    }

    /// Whether the current record has been met before.
    fn is_repeated(&mut self, record_id: i64) -> bool {
        let Some(met) = &mut self.met else { return false };
        if met.records.insert(record_id) {
            met.in_turn.push(record_id);
            return false;
        }
        self.dups_dropped += 1;
        true
    }
}

impl Operator for IndexScan {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        if self.ended {
            return Ok(Step::End);
        }
        let mut found = self.step(cx)?;
        loop {
            self.stats.works += 1;
            let cursor = cx.cursor(self.slot).filter(|cursor| found && !is_reserved(cursor.key_bytes()));
            let Some(cursor) = cursor else { break };
            let verdict = self.bounds.check(cursor.key_bytes(), &mut self.target)?;
            if verdict == Verdict::Within || !self.bounds.is_contiguous() {
                self.stats.keys_examined += 1;
            }
            match verdict {
                Verdict::Past => break,
                Verdict::Leap => {
                    if cx.tick()? {
                        return Ok(Step::Yield);
                    }
                    found = self.leap(cx)?;
                }
                Verdict::Within => {
                    let record_id = self.index.record_id(cursor.key_bytes(), cursor.value());
                    if let Some(documents) = &mut self.documents {
                        documents.read(cursor.key_bytes(), self.index.type_bits(cursor.value()))?;
                    }
                    let due = cx.tick()?;
                    if let Some(record_id) = record_id
                        && !self.is_repeated(record_id)
                    {
                        self.record_id = Some(record_id);
                        self.stats.advanced += 1;
                        return Ok(Step::Row);
                    }
                    if due {
                        return Ok(Step::Yield);
                    }
                    found = self.step(cx)?;
                }
            }
        }
        self.ended = true;
        Ok(Step::End)
    }

    /// A scan has keys, and documents of them where they are wanted.
    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        let documents = self.documents.as_ref();
        documents.and_then(|documents| RawDoc::from_bytes(documents.document())).unwrap_or(RawDoc::EMPTY)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        self.record_id
    }

    fn is_eof(&self) -> bool {
        self.ended
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if let Some(cursor) = cx.cursor(self.slot).filter(|cursor| cursor.is_positioned()) {
            let saved = self.saved.get_or_insert_with(|| Saved { key: Vec::new(), is_unread: false });
            saved.is_unread = false;
            saved.key.clear();
            saved.key.extend_from_slice(cursor.key_bytes());
        }
        if let Some(met) = &mut self.met {
            met.in_turn.clear();
        }
    }

    fn rewind(&mut self) {
        self.ended = false;
        if let Some(met) = &mut self.met {
            for record_id in met.in_turn.drain(..) {
                met.records.remove(&record_id);
            }
        }
    }

    fn stage(&self) -> &'static str {
        match (self.is_count, self.index.is_clustered()) {
            (true, _) => "COUNT_SCAN",
            (false, true) => "CLUSTERED_IXSCAN",
            (false, false) => "IXSCAN",
        }
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        let spec = &self.index.entry().spec;
        let is_on = |option: &str| Value::bool(spec.get(option).and_then(Value::as_bool) == Some(true));
        let pattern = self.key_pattern();
        doc.value("keyPattern", Value::document(&pattern));
        doc.string("indexName", self.index.name());
        if let Some(collation) = spec.get("collation") {
            doc.value("collation", collation);
        }
        let is_multikey = self.arrays.iter().any(|arrays| !arrays.is_empty());
        doc.value("isMultiKey", Value::bool(is_multikey));
        doc.document("multiKeyPaths", |paths| {
            for ((field, description), arrays) in pattern.iter().zip(&self.description().fields).zip(&self.arrays) {
                paths.array(field.name_str(), |list| {
                    let names: Vec<&str> = description.path.components().iter().map(|part| part.name()).collect();
                    for component in arrays.iter().take_while(|component| *component < names.len()) {
                        list.value(Value::string(&names[..=component].join(".")));
                    }
                });
            }
        });
        doc.value("isUnique", Value::bool(self.index.is_unique()));
        doc.value("isSparse", is_on("sparse"));
        doc.value("isPartial", Value::bool(spec.get("partialFilterExpression").is_some()));
        doc.value("indexVersion", Value::int32(2));
        if self.is_count {
            doc.document("indexBounds", |bounds| self.write_ends(bounds));
            return;
        }
        let is_backward = self.direction == ScanDirection::Backward;
        doc.string("direction", if is_backward { "backward" } else { "forward" });
        doc.document("indexBounds", |bounds| {
            for (field, intervals) in pattern.iter().zip(&self.intervals) {
                // Bounds read in the order of the scan.
                let descends = field.value().as_integer().map_or(field.value().as_double() < Some(0.0), |n| n < 0)
                    && field.value().is_number();
                let reversed = descends != is_backward;
                bounds.array(field.name_str(), |list| {
                    let collated = self.index.description().collation.is_some();
                    let texts = intervals.as_slice().iter().map(|interval| interval_text(interval, reversed, collated));
                    let mut texts: Vec<String> = texts.collect();
                    if reversed {
                        texts.reverse();
                    }
                    texts.iter().for_each(|text| list.value(Value::string(text)));
                });
            }
        });
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("keysExamined", count(self.stats.keys_examined));
        if self.is_count {
            return;
        }
        doc.value("seeks", count(self.seeks));
        let tested = if self.met.is_some() { self.stats.advanced + self.dups_dropped } else { 0 };
        doc.value("dupsTested", count(tested));
        doc.value("dupsDropped", count(self.dups_dropped));
    }
}

/// An interval as MongoDB shows it: `[1, 5)`.
fn interval_text(interval: &smongo_compiler::plan::Interval, reversed: bool, collated: bool) -> String {
    let start = (bound_text(interval.start.get(), collated), interval.start_inclusive);
    let end = (bound_text(interval.end.get(), collated), interval.end_inclusive);
    let (from, to) = if reversed { (end, start) } else { (start, end) };
    let (open, close) = (if from.1 { '[' } else { '(' }, if to.1 { ']' } else { ')' });
    format!("{open}{}, {}{close}", from.0, to.0)
}

/// One end of an interval. Under a collation, strings stand in the index as their sort keys.
fn bound_text(value: Value<'_>, collated: bool) -> String {
    match value.view() {
        View::String(key) if collated => {
            let mut text = String::from("CollationKey(0x");
            key.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
            text + ")"
        }
        _ => ShellText(value).to_string(),
    }
}
