//! What a verb is told beside its main arguments: a document with the names that commands have for it.
//!
//! One document serves both ways: the engine's request takes its fields from the bytes, and MongoDB's driver reads its
//! own options from it.

use std::sync::Arc;

use bson::{Bson, Document};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::api::ClientSession;
use crate::api::convert::to_doc;
use crate::api::session::Within;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::OpContext;

/// The options of a verb.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    document: Document,
    within: Within,
}

impl Options {
    /// Sets an option.
    pub fn set(&mut self, name: &str, value: impl Into<Bson>) {
        self.document.insert(name, value);
    }

    /// Sets an option that is a count.
    pub fn set_count(&mut self, name: &str, count: u64) {
        self.document.insert(name, i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Forgets an option.
    pub fn remove(&mut self, name: &str) {
        self.document.remove(name);
    }

    /// A flag; unset is false.
    pub fn flag(&self, name: &str) -> bool {
        self.document.get_bool(name).unwrap_or(false)
    }

    /// A count; unset is 0.
    pub fn count(&self, name: &str) -> u64 {
        self.document.get_i64(name).map_or(0, i64::unsigned_abs)
    }

    /// The options as bytes, which the engine's requests borrow from.
    pub fn bytes(&self) -> Result<OptionBytes> {
        if self.document.is_empty() {
            return Ok(OptionBytes(None));
        }
        to_doc(&self.document).map(|bytes| OptionBytes(Some(bytes)))
    }

    /// The circumstances of an operation with these options.
    pub fn op(&self) -> OpContext {
        OpContext::new().max_time_ms(self.count("maxTimeMS"))
    }

    /// Says which session the operation belongs to.
    pub fn set_session(&mut self, session: &ClientSession) {
        self.within = session.within();
    }

    /// The session that the operation belongs to, if it belongs to one.
    pub fn within(&self) -> &Within {
        &self.within
    }

    /// Runs an operation on a database with these options, in its session.
    pub fn run<R>(&self, engine: &Arc<Engine>, db: &str, work: impl FnOnce(&OpContext) -> Result<R>) -> Result<R> {
        self.within.run(self.op(), engine, db, |op| {
            if op.in_transaction() && self.document.contains_key("writeConcern") {
                let message = "writeConcern is not allowed within a multi-statement transaction";
                return Err(Error::new(Code::INVALID_OPTIONS, message));
            }
            work(op)
        })
    }

    /// The options as the driver has them.
    #[cfg(feature = "remote")]
    pub fn for_driver<O: serde::de::DeserializeOwned>(&self) -> Result<O> {
        // Sessions are of stores that are open here.
        if self.within.is_any() {
            return Err(crate::api::session::foreign_session());
        }
        crate::api::remote::options(self.document.clone())
    }

    /// The options as a document.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// Options as bytes.
pub(crate) struct OptionBytes(Option<DocBuf>);

impl OptionBytes {
    /// An option's value.
    pub fn value(&self, name: &str) -> Option<Value<'_>> {
        self.0.as_ref()?.get(name)
    }

    /// An option that is a document.
    pub fn doc(&self, name: &str) -> Option<&RawDoc> {
        self.value(name)?.as_doc()
    }

    /// An option that is an array.
    pub fn array(&self, name: &str) -> Option<&RawDoc> {
        self.value(name)?.as_array()
    }
}

/// Methods that set one option each.
macro_rules! setters {
    ($($(#[$doc:meta])* $method:ident($kind:ty) => $name:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $method(mut self, value: impl Into<$kind>) -> Self {
                let value: $kind = value.into();
                self.options.set($name, value);
                self
            }
        )*
    };
}
pub(super) use setters;

/// Methods that set an option which is a count.
macro_rules! count_setters {
    ($($(#[$doc:meta])* $method:ident($kind:ty) => $name:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $method(mut self, count: $kind) -> Self {
                self.options.set_count($name, u64::from(count));
                self
            }
        )*
    };
}
pub(super) use count_setters;

/// The methods for how long an operation may take.
macro_rules! time_limit {
    () => {
        /// The longest the operation may take, in milliseconds; 0 is forever. For a cursor, the longest its first batch may take.
        pub fn max_time_ms(mut self, millis: u64) -> Self {
            self.options.set_count("maxTimeMS", millis);
            self
        }

        /// [`max_time_ms`](Self::max_time_ms) as a duration.
        pub fn max_time(self, time: std::time::Duration) -> Self {
            self.max_time_ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        }
    };
}
pub(super) use time_limit;

/// The method for how durable a write is.
macro_rules! durability {
    () => {
        /// Waits until the change is on the storage device. Without, a change survives the end of the process at once, and the
        /// loss of power after 100 ms.
        pub fn journal(mut self, journal: bool) -> Self {
            self.options.set("writeConcern", bson::doc! { "j": journal });
            self.journal = journal;
            self
        }
    };
}
pub(super) use durability;

/// The method for the session that an operation belongs to.
macro_rules! in_session {
    () => {
        /// Makes the operation part of what a session is at: of its transaction, where it is in one.
        pub fn session(mut self, session: &mut crate::api::ClientSession) -> Self {
            self.options.set_session(session);
            self
        }
    };
}
pub(super) use in_session;
