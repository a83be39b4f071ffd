//! Query settings: what an administrator decides about queries of a shape (`setQuerySettings`): which indexes plans may
//! use, and whether the queries run at all.
//!
//! They are known by the hash of their shape. This module keeps them; it knows neither how a shape is found nor where
//! settings are stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value};

use crate::request::Namespace;

/// The settings of all shapes.
#[derive(Debug, Default)]
pub(crate) struct QuerySettings {
    list: RwLock<Vec<Arc<QuerySetting>>>,
    /// Whether there are any: what every query has to look at.
    any: AtomicBool,
}

/// The settings of one shape.
#[derive(Clone, Debug)]
pub(crate) struct QuerySetting {
    /// `queryShapeHash`.
    pub hash: String,
    /// As the administrator put it, whatever has no effect left out.
    pub settings: DocBuf,
    /// A query of the shape, as a command; `None` when only its hash was given.
    pub representative: Option<DocBuf>,
    /// The shape itself.
    pub debug_shape: Option<DocBuf>,
    is_rejected: bool,
    hints: Vec<IndexHint>,
}

/// The indexes that plans over a collection may use.
#[derive(Clone, Debug)]
struct IndexHint {
    db: String,
    coll: String,
    /// Names, key patterns, `{$natural: ±1}`.
    allowed: Vec<OwnedValue>,
}

impl QuerySetting {
    /// Settings of a shape; what they say has been checked.
    pub fn new(hash: &str, settings: &RawDoc, representative: Option<DocBuf>, debug_shape: Option<DocBuf>) -> Self {
        let text = |doc: &RawDoc, name: &str| doc.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let hint = |hint: Value<'_>| {
            let hint = hint.as_doc()?;
            let ns = hint.get("ns").and_then(Value::as_doc)?;
            let allowed = hint.get("allowedIndexes").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY);
            let allowed = allowed.values().map(OwnedValue::from).collect();
            Some(IndexHint { db: text(ns, "db"), coll: text(ns, "coll"), allowed })
        };
        let hints = settings.get("indexHints").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY);
        Self {
            hash: hash.to_owned(),
            is_rejected: settings.get("reject").and_then(Value::as_bool).unwrap_or(false),
            hints: hints.values().filter_map(hint).collect(),
            settings: settings.into(),
            representative,
            debug_shape,
        }
    }

    /// Whether queries of the shape are refused.
    pub fn is_rejected(&self) -> bool {
        self.is_rejected
    }

    /// The indexes that plans over a collection may use; `None` when they may use all.
    pub fn allowed(&self, ns: &Namespace) -> Option<&[OwnedValue]> {
        let hint = self.hints.iter().find(|hint| hint.db == ns.db() && hint.coll == ns.coll());
        hint.map(|hint| &*hint.allowed)
    }
}

impl QuerySettings {
    /// Whether there are any.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The settings of a shape.
    pub fn get(&self, hash: &str) -> Option<Arc<QuerySetting>> {
        self.list.read().iter().find(|setting| setting.hash == hash).cloned()
    }

    /// All of them.
    pub fn list(&self) -> Vec<Arc<QuerySetting>> {
        self.list.read().clone()
    }

    /// Puts others in their place.
    pub fn replace(&self, settings: Vec<Arc<QuerySetting>>) {
        let mut list = self.list.write();
        self.any.store(!settings.is_empty(), Ordering::Release);
        *list = settings;
    }
}
