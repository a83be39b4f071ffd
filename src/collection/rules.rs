//! What a collection's options ask of the documents that are written to it.

use std::sync::Arc;

use smongo_compiler::{ParseContext, compile_filter};
use smongo_vm::collation::Collation;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Sizes;
use crate::error::{Error, Result};

/// The rules of a collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub capped: Option<Cap>,
    pub validator: Option<Validator>,
}

/// The limits of a capped collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cap {
    /// The most bytes of all documents together.
    pub bytes: i64,
    /// The most documents.
    pub documents: Option<i64>,
}

/// What documents must satisfy.
#[derive(Clone, Debug)]
pub(crate) struct Validator {
    /// The filter; its error, when a stored one is not understood any more.
    pub program: Result<Arc<Program>>,
    /// The request's words for it.
    pub source: DocBuf,
    /// How its strings compare.
    pub collation: Option<Arc<Collation>>,
    pub level: Level,
    pub action: Action,
}

/// Which writes a validator looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    /// None.
    Off,
    /// All.
    Strict,
    /// Inserts, and updates of documents that satisfied it before.
    Moderate,
}

/// What becomes of a write that a validator finds wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// It fails.
    Refuse,
    /// It is carried out.
    Allow,
}

impl Rules {
    /// The rules in the options of a collection, whose strings compare as `collation` says.
    pub fn of(options: &RawDoc, collation: Option<&Arc<Collation>>) -> Self {
        let validator = options.get("validator").and_then(Value::as_doc);
        let is_capped = options.get("capped").and_then(Value::as_bool) == Some(true);
        let integer = |name| options.get(name).and_then(Value::as_integer);
        Self {
            capped: is_capped.then(|| Cap { bytes: integer("size").unwrap_or(i64::MAX), documents: integer("max") }),
            validator: validator.map(|filter| Validator::new(filter, options, collation)),
        }
    }
}

impl Cap {
    /// Whether a collection of these sizes is within the limits.
    pub fn holds(&self, sizes: Sizes) -> bool {
        sizes.bytes <= self.bytes && self.documents.is_none_or(|max| sizes.documents <= max)
    }
}

impl Validator {
    fn new(filter: &RawDoc, options: &RawDoc, collation: Option<&Arc<Collation>>) -> Self {
        let text = |name| options.get(name).and_then(Value::as_str);
        let mut context = ParseContext::new().with_collation(collation.cloned());
        Self {
            program: compile_filter(filter, &mut context).map(|filter| filter.program).map_err(Error::from),
            source: filter.into(),
            collation: collation.cloned(),
            level: match text("validationLevel") {
                Some("off") => Level::Off,
                Some("moderate") => Level::Moderate,
                _ => Level::Strict,
            },
            action: if text("validationAction") == Some("warn") { Action::Allow } else { Action::Refuse },
        }
    }
}
