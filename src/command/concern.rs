//! Read concern and write concern: what clients may ask for, and what one node can promise.

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Tag, Value, View};

use super::args::{self, Any, Argument, Flag, Number, arguments};
use super::reply::Reply;
use crate::error::{Error, Result};

/// Most nodes that a write concern can name. MongoDB: 50.
const MAX_NODES: i64 = 50;

/// How fresh and how durable the data of a read must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReadLevel {
    Local,
    Available,
    Majority,
    Linearizable,
    Snapshot,
}

impl ReadLevel {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "local" => Self::Local,
            "available" => Self::Available,
            "majority" => Self::Majority,
            "linearizable" => Self::Linearizable,
            "snapshot" => Self::Snapshot,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Available => "available",
            Self::Majority => "majority",
            Self::Linearizable => "linearizable",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A read concern. On one node every committed write is a majority write, so all levels but `snapshot` read alike.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReadConcern {
    pub(super) level: Option<ReadLevel>,
    /// The cluster time that the read must have seen.
    pub(super) after_cluster_time: Option<u64>,
    /// The cluster time of the moment to be read.
    pub(super) at_cluster_time: Option<u64>,
}

/// A timestamp.
#[derive(Clone, Copy)]
pub(super) struct Timestamp(pub(super) u64);

impl<'d> Argument<'d> for Timestamp {
    const TYPES: &'static [&'static str] = &["timestamp"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        match value.view() {
            View::Timestamp(bits) => Some(Timestamp(bits)),
            _ => None,
        }
    }
}

arguments! {
    struct ReadConcernArgs in "readConcern" strict {
        "level" => level: &'d str,
        "afterClusterTime" => after_cluster_time: Timestamp,
        "atClusterTime" => at_cluster_time: Timestamp,
        "afterOpTime" => after_op_time: &'d RawDoc,
        "provenance" => provenance: &'d str,
        "allowTransactionTableSnapshot" => transaction_table: bool,
        "waitLastStableRecoveryTimestamp" => wait_stable: bool,
    }
}

impl ReadConcern {
    pub(super) fn parse(doc: &RawDoc) -> Result<Self> {
        let args: ReadConcernArgs<'_> = args::of_document(doc)?;
        let level = match args.level {
            None => None,
            Some(name) => Some(ReadLevel::from_name(name).ok_or_else(|| {
                let message = format!("Enumeration value '{name}' for field 'readConcern.level' is not a valid value.");
                Error::new(Code::BAD_VALUE, message)
            })?),
        };
        if args.at_cluster_time.is_some() {
            if level != Some(ReadLevel::Snapshot) {
                let message = "atClusterTime field can be set only if level is equal to snapshot";
                return Err(Error::new(Code::INVALID_OPTIONS, message));
            }
            if args.after_cluster_time.is_some() {
                let message = "Specifying a timestamp for readConcern snapshot in a causally consistent session is not allowed. See https://www.mongodb.com/docs/manual/core/read-isolation-consistency-recency/#causal-consistency";
                return Err(Error::new(Code::INVALID_OPTIONS, message));
            }
        }
        let at_cluster_time = args.at_cluster_time.map(|Timestamp(bits)| bits);
        if at_cluster_time == Some(0) {
            return Err(Error::new(Code::INVALID_OPTIONS, "atClusterTime cannot be a null timestamp"));
        }
        let after_cluster_time = args.after_cluster_time.map(|Timestamp(bits)| bits);
        if after_cluster_time == Some(0) {
            return Err(Error::new(Code::INVALID_OPTIONS, "afterClusterTime cannot be a null timestamp"));
        }
        if after_cluster_time.is_some() && matches!(level, Some(ReadLevel::Available | ReadLevel::Linearizable)) {
            let message = "afterClusterTime field can be set only if level is equal to local, majority, or snapshot";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        Ok(Self { level, after_cluster_time, at_cluster_time })
    }
}

/// Which nodes a write must reach before it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Nodes<'d> {
    /// The set's default.
    #[default]
    Default,
    Count(i64),
    Majority,
    /// A mode of the set's configuration.
    Mode(&'d str),
    /// Tags.
    Tags,
}

/// A write concern.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WriteConcern<'d> {
    pub(super) nodes: Nodes<'d>,
    pub(super) journal: bool,
    pub(super) timeout_ms: i64,
}

arguments! {
    struct WriteConcernArgs in "writeConcern" strict {
        "w" => w: Any<'d>,
        "j" => j: Flag,
        "wtimeout" => wtimeout: Any<'d>,
        "fsync" => fsync: Any<'d>,
        "provenance" => provenance: &'d str,
        "getLastError" => get_last_error: Any<'d>,
        "wOpTime" => op_time: Any<'d>,
        "wElectionId" => election_id: Any<'d>,
    }
}

impl<'d> WriteConcern<'d> {
    pub(super) fn parse(doc: &'d RawDoc) -> Result<Self> {
        let args: WriteConcernArgs<'_> = args::of_document(doc)?;
        let nodes = match args.w.map(|Any(value)| value) {
            None => Nodes::Default,
            Some(value) => match value.tag() {
                Tag::String => match value.as_str().unwrap_or_default() {
                    "majority" => Nodes::Majority,
                    mode => Nodes::Mode(mode),
                },
                Tag::Document => {
                    check_tags(value)?;
                    Nodes::Tags
                }
                _ => match Number::from_value(value).filter(|_| !is_nan(value)) {
                    Some(Number(count @ 0..=MAX_NODES)) => Nodes::Count(count),
                    Some(_) => {
                        let message = "w has to be a non-negative number and not greater than 50";
                        return Err(Error::new(Code::FAILED_TO_PARSE, message));
                    }
                    None => {
                        return Err(Error::new(Code::FAILED_TO_PARSE, "w has to be a number, string, or object"));
                    }
                },
            },
        };
        let journal = args.j.is_some_and(|Flag(j)| j);
        if journal && args.fsync.is_some_and(|Any(fsync)| args::is_truthy(fsync)) {
            return Err(Error::new(Code::FAILED_TO_PARSE, "fsync and j options cannot be used together"));
        }
        // mongod takes any type here and reads what is not a number as 0.
        let timeout_ms = args.wtimeout.and_then(|Any(value)| Number::from_value(value)).map_or(0, |Number(n)| n);
        if i32::try_from(timeout_ms).is_err() {
            let message = format!("wtimeout must be a number of milliseconds within 32 bits, but is {timeout_ms}");
            return Err(Error::new(Code::FAILED_TO_PARSE, message));
        }
        Ok(Self { nodes, journal, timeout_ms })
    }

    /// Whether the reply waits until the log is on the storage device.
    pub(super) fn waits_for_journal(&self) -> bool {
        self.journal
    }

    /// Appends `writeConcernError` when one node cannot satisfy the concern. The write itself has been done.
    pub(super) fn report(&self, reply: &mut Reply<'_>) {
        let (code, message) = match self.nodes {
            Nodes::Default | Nodes::Majority | Nodes::Count(0 | 1) => return,
            Nodes::Count(_) | Nodes::Tags => (Code(100), "Not enough data-bearing nodes".to_owned()),
            Nodes::Mode(mode) => (
                Code::UNKNOWN_REPL_WRITE_CONCERN,
                format!("No write concern mode named '{mode}' found in replica set configuration"),
            ),
        };
        reply.document("writeConcernError", |error| {
            error.value("code", Value::int32(code.0));
            error.string("codeName", &code.name());
            error.string("errmsg", &message);
            error.document("errInfo", |info| {
                info.document("writeConcern", |concern| {
                    match self.nodes {
                        Nodes::Count(count) => concern.value("w", Value::integer(count)),
                        Nodes::Mode(mode) => concern.string("w", mode),
                        _ => {}
                    }
                    concern.value("wtimeout", Value::integer(self.timeout_ms));
                    concern.string("provenance", "clientSupplied");
                });
            });
        });
    }
}

fn is_nan(value: Value<'_>) -> bool {
    match value.view() {
        View::Double(double) => double.is_nan(),
        View::Decimal128(decimal) => decimal.is_nan(),
        _ => false,
    }
}

/// Tags name how many nodes of each kind must have the write.
fn check_tags(tags: Value<'_>) -> Result<()> {
    let tags = tags.as_doc().unwrap_or(RawDoc::EMPTY);
    if tags.is_empty() {
        return Err(Error::new(Code::FAILED_TO_PARSE, "tagged write concern requires tags"));
    }
    match tags.iter().find(|tag| Number::from_value(tag.value()).is_none()) {
        None => Ok(()),
        Some(tag) => {
            let message =
                format!("tags must be a single level document with only number values, but {} is not", tag.name_str());
            Err(Error::new(Code::FAILED_TO_PARSE, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smongo_vm::value::DocBuf;

    #[test]
    fn write_concern_values() {
        let (tags, words) =
            (DocBuf::build(|tags| tags.value("dc", Value::int32(1))), DocBuf::build(|tags| tags.string("dc", "x")));
        let rows = [
            ("w", Value::int32(1), Ok(Nodes::Count(1))),
            ("w", Value::double(2.0), Ok(Nodes::Count(2))),
            ("w", Value::string("majority"), Ok(Nodes::Majority)),
            ("w", Value::string("dc"), Ok(Nodes::Mode("dc"))),
            ("w", Value::document(RawDoc::EMPTY), Err(9)),
            ("w", Value::document(&tags), Ok(Nodes::Tags)),
            ("w", Value::document(&words), Err(9)),
            ("w", Value::double(f64::NAN), Err(9)),
            ("w", Value::int32(-1), Err(9)),
            ("w", Value::int32(51), Err(9)),
            ("w", Value::TRUE, Err(9)),
            ("j", Value::string("x"), Err(14)),
            ("wtimeout", Value::string("x"), Ok(Nodes::Default)),
            ("wtimeout", Value::int64(i64::MAX), Err(9)),
            ("foo", Value::int32(1), Err(40415)),
        ];
        for (name, value, expected) in rows {
            let doc = DocBuf::build(|doc| doc.value(name, value));
            let got = WriteConcern::parse(&doc).map(|concern| concern.nodes).map_err(|error| error.code());
            assert_eq!(got, expected, "{name}: {value:?}");
        }
    }

    #[test]
    fn read_concern_values() {
        let rows = [
            ("level", Value::string("majority"), Ok(())),
            ("level", Value::NULL, Ok(())),
            ("level", Value::string(""), Err(2)),
            ("level", Value::string("invalid"), Err(2)),
            ("level", Value::int32(1), Err(14)),
            ("afterClusterTime", Value::timestamp(1 << 32 | 1), Ok(())),
            ("afterClusterTime", Value::int32(1), Err(14)),
            ("other", Value::int32(1), Err(40415)),
        ];
        for (name, value, expected) in rows {
            let doc = DocBuf::build(|doc| doc.value(name, value));
            assert_eq!(ReadConcern::parse(&doc).map(drop).map_err(|error| error.code()), expected, "{name}: {value:?}");
        }
    }
}
