//! Removing documents whose time has come: the indexes with `expireAfterSeconds`.
//!
//! A thread looks once a minute, unless told otherwise. It holds the engine only while it works, and ends with it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Engine;
use crate::collection::Collection;
use crate::error::Result;
use crate::request::{DeleteRequest, DeleteStatement, Namespace, OpContext, wall_clock_millis};

/// How often the thread looks at first, in seconds. MongoDB: `ttlMonitorSleepSecs`, 60.
const SLEEP_S: u32 = 60;

/// How often the thread sees whether it is time, so that a shorter interval holds from when it is set.
const TICK: Duration = Duration::from_secs(1);

/// What can be set about the thread while it runs.
#[derive(Debug)]
pub(crate) struct TtlSettings {
    enabled: AtomicBool,
    sleep_secs: AtomicU32,
}

impl TtlSettings {
    /// Whether documents expire.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Lets documents expire, or keeps them.
    pub fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    /// How often the thread looks, in seconds.
    pub fn sleep_secs(&self) -> u32 {
        self.sleep_secs.load(Ordering::Relaxed)
    }

    /// Changes how often the thread looks.
    pub fn set_sleep_secs(&self, seconds: u32) {
        self.sleep_secs.store(seconds, Ordering::Relaxed);
    }
}

/// Ends the thread when it is dropped.
pub(super) struct TtlThread {
    _alive: Sender<()>,
    settings: Arc<TtlSettings>,
}

impl TtlThread {
    /// Starts the thread for an engine. Without threads nothing expires.
    pub fn start(engine: Weak<Engine>) -> Self {
        let (alive, ended) = channel();
        // A machine that has no thread to spare goes on without.
        let settings = Arc::new(TtlSettings { enabled: AtomicBool::new(true), sleep_secs: AtomicU32::new(SLEEP_S) });
        let of_thread = Arc::clone(&settings);
        let _ = thread::Builder::new().name("ttl".into()).spawn(move || run(&engine, &ended, &of_thread));
        Self { _alive: alive, settings }
    }

    /// What can be set.
    pub fn settings(&self) -> &TtlSettings {
        &self.settings
    }
}

fn run(engine: &Weak<Engine>, ended: &Receiver<()>, settings: &TtlSettings) {
    let mut looked = Instant::now();
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(TICK) {
        if !settings.is_enabled() || looked.elapsed() < Duration::from_secs(u64::from(settings.sleep_secs())) {
            continue;
        }
        looked = Instant::now();
        let Some(engine) = engine.upgrade() else { return };
        // What could not be removed now is tried again in a minute.
        let _ = engine.remove_expired(wall_clock_millis());
    }
}

impl Engine {
    /// Removes the documents that indexes say have expired by `now_millis`; gives how many there were.
    pub fn remove_expired(&self, now_millis: i64) -> Result<u64> {
        let mut removed = 0;
        for db in self.catalog.databases() {
            for coll in self.catalog.in_database(&db) {
                for filter in expiries(&coll, now_millis) {
                    removed += self.remove_matches(&coll.ns(), &filter)?;
                }
            }
        }
        Ok(removed)
    }

    fn remove_matches(&self, ns: &Namespace, filter: &RawDoc) -> Result<u64> {
        let statement = DeleteStatement { filter, multi: true, hint: None, collation: None };
        Ok(self.delete(&OpContext::new(), &DeleteRequest::new(ns.clone(), &[statement]))?.deleted)
    }
}

/// For each index of a collection that says when documents expire, the filter of those that have.
fn expiries(coll: &Arc<Collection>, now_millis: i64) -> Vec<DocBuf> {
    let Ok(shared) = coll.share() else { return Vec::new() };
    let specs = shared.indexes().iter().map(|index| &index.entry().spec);
    let by_index = specs.filter_map(|spec| expiry(spec, now_millis));
    // The documents of a clustered collection may expire by their `_id`.
    let seconds = shared.options().get("expireAfterSeconds").and_then(Value::as_integer);
    let by_id = seconds.map(|seconds| expired("_id", seconds, now_millis, None));
    by_index.chain(by_id).collect()
}

/// Documents expire by their date, and by the earliest where they have several.
fn expiry(spec: &RawDoc, now_millis: i64) -> Option<DocBuf> {
    let seconds = spec.get("expireAfterSeconds")?.as_integer()?;
    let field = spec.get("key")?.as_doc()?.iter().next()?;
    Some(expired(field.name_str(), seconds, now_millis, spec.get("partialFilterExpression")))
}

/// The documents whose date in `field` is so many seconds ago.
fn expired(field: &str, seconds: i64, now_millis: i64, partial: Option<Value<'_>>) -> DocBuf {
    let latest = now_millis.saturating_sub(seconds.saturating_mul(1000));
    DocBuf::build(|filter| {
        filter.document(field, |test| test.value("$lte", Value::date_time(latest)));
        if let Some(partial) = partial {
            filter.array("$and", |parts| parts.value(partial));
        }
    })
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::{parse_doc, to_string_relaxed};

    use super::*;

    #[test]
    fn documents_expire_by_their_date() {
        for (spec, expected) in [
            ("{key: {t: 1}, expireAfterSeconds: 5}", Some(r#"{"t":{"$lte":{"$date":"1970-01-01T00:00:05Z"}}}"#)),
            ("{key: {t: 1}}", None),
        ] {
            let filter = expiry(&parse_doc(spec).unwrap(), 10_000);
            assert_eq!(filter.map(|filter| to_string_relaxed(Value::document(&filter))).as_deref(), expected);
        }
    }
}
