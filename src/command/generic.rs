//! Arguments that every command takes: sessions, concerns, time limits, API versions.

use smongo_vm::Code;
use smongo_vm::value::decimal::DecimalParts;
use smongo_vm::value::{RawDoc, Tag, Value, View};

use super::args::{self, Argument, Long, Number, arguments, wrong_type};
use super::concern::{ReadConcern, Timestamp, WriteConcern};
use crate::error::{Error, Result};
use crate::session::SessionId;

/// The generic arguments of one command.
#[derive(Default)]
pub(super) struct Generic<'d> {
    pub(super) db: Option<Value<'d>>,
    pub(super) session: Option<SessionId>,
    pub(super) txn_number: Option<i64>,
    pub(super) autocommit: Option<bool>,
    pub(super) start_transaction: Option<bool>,
    pub(super) read_concern: Option<ReadConcern>,
    pub(super) write_concern: Option<WriteConcern<'d>>,
    pub(super) max_time_ms: u64,
    /// The latest cluster time that the client was told anywhere.
    pub(super) cluster_time: Option<u64>,
    pub(super) api_version: Option<&'d str>,
    pub(super) api_strict: Option<bool>,
    pub(super) api_deprecation_errors: Option<bool>,
}

/// Generic arguments that are taken without a look: they concern parts of a cluster that are not here.
const IGNORED: [&str; 16] = [
    "comment",
    "$audit",
    "$client",
    "$configServerState",
    "$configTime",
    "$topologyTime",
    "$oplogQueryData",
    "$queryOptions",
    "$replData",
    "$traceCtx",
    "clientOperationKey",
    "databaseVersion",
    "shardVersion",
    "tracking_info",
    "maxTimeMSOpOnly",
    "rawData",
];

/// Whether every command takes an argument of this name.
pub(super) fn is_generic(name: &[u8]) -> bool {
    matches!(
        name,
        b"$db"
            | b"lsid"
            | b"txnNumber"
            | b"autocommit"
            | b"startTransaction"
            | b"readConcern"
            | b"writeConcern"
            | b"maxTimeMS"
            | b"apiVersion"
            | b"apiStrict"
            | b"apiDeprecationErrors"
            | b"$readPreference"
            | b"$clusterTime"
            | b"stmtId"
    ) || IGNORED.iter().any(|ignored| ignored.as_bytes() == name)
}

arguments! {
    struct SessionArgs in "OperationSessionInfo.lsid" strict {
        "id" => id: SessionUuid,
        "uid" => uid: args::Any<'d>,
        "txnNumber" => txn_number: Long,
        "txnUUID" => txn_uuid: args::Any<'d>,
    }
}

/// Binary data of subtype 4, of any length: the length has an error of its own.
#[derive(Clone, Copy)]
struct SessionUuid(Option<SessionId>);

impl<'d> Argument<'d> for SessionUuid {
    const TYPES: &'static [&'static str] = &["UUID"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        match value.view() {
            View::Binary { subtype: 4, bytes } => Some(SessionUuid(bytes.try_into().ok())),
            _ => None,
        }
    }
}

/// The id in a session document such as `lsid`.
pub(super) fn session_id(doc: &RawDoc) -> Result<SessionId> {
    let args: SessionArgs<'_> = args::of_document(doc)?;
    let SessionUuid(id) = args::require(args.id, "OperationSessionInfo.lsid", "id")?;
    id.ok_or_else(|| Error::new(Code::INVALID_UUID, "uuid must be a 16-byte binary field with UUID (4) subtype"))
}

arguments! {
    struct ClusterTimeArgs in "$clusterTime" strict {
        "clusterTime" => time: Timestamp,
        "signature" => signature: args::Any<'d>,
    }
}

/// The time in a `$clusterTime`. Who signed it is not looked at: there is no cluster whose keys could be known.
fn cluster_time(doc: &RawDoc) -> Result<u64> {
    let args: ClusterTimeArgs<'_> = args::of_document(doc)?;
    args::require(args.time, "$clusterTime", "clusterTime").map(|Timestamp(time)| time)
}

impl<'d> Generic<'d> {
    /// The generic arguments in a command document.
    pub(super) fn parse(body: &'d RawDoc) -> Result<Self> {
        let mut generic = Self::default();
        for element in body.iter().skip(1) {
            let value = element.value();
            let name = element.name_str();
            if matches!(value.tag(), Tag::Null | Tag::Undefined) {
                continue;
            }
            match name {
                "$db" => generic.db = Some(value),
                "lsid" => {
                    let doc = typed::<&RawDoc>("OperationSessionInfo", name, value)?;
                    generic.session = Some(session_id(doc)?);
                }
                "txnNumber" => {
                    let Long(number) = typed("OperationSessionInfo", name, value)?;
                    generic.txn_number = Some(number);
                }
                "autocommit" => generic.autocommit = Some(typed("OperationSessionInfo", name, value)?),
                "startTransaction" => generic.start_transaction = Some(typed("OperationSessionInfo", name, value)?),
                "readConcern" => {
                    generic.read_concern = Some(ReadConcern::parse(typed("", name, value)?)?);
                }
                "writeConcern" => {
                    generic.write_concern = Some(WriteConcern::parse(typed("", name, value)?)?);
                }
                "maxTimeMS" => generic.max_time_ms = max_time_ms(value)?,
                "apiVersion" => generic.api_version = Some(typed("", name, value)?),
                "apiStrict" => generic.api_strict = Some(typed("", name, value)?),
                "apiDeprecationErrors" => generic.api_deprecation_errors = Some(typed("", name, value)?),
                "$clusterTime" => generic.cluster_time = Some(cluster_time(typed("", name, value)?)?),
                "$readPreference" => check_read_preference(typed("", name, value)?)?,
                _ => {}
            }
        }
        generic.check_session()?;
        generic.check_api()?;
        Ok(generic)
    }

    fn check_session(&self) -> Result<()> {
        let Some(number) = self.txn_number else {
            if self.autocommit.is_some() {
                let message = "'autocommit' field requires a transaction number to also be specified";
                return Err(Error::new(Code::INVALID_OPTIONS, message));
            }
            return Ok(());
        };
        if self.session.is_none() {
            let message = "Transaction number requires a session ID to also be specified";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        if number < 0 {
            return Err(Error::new(Code::INVALID_OPTIONS, "Transaction number cannot be negative"));
        }
        if self.start_transaction == Some(false) {
            let message = "Specifying startTransaction=false is not allowed.";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        if self.start_transaction == Some(true) && self.autocommit.is_none() {
            let message = "Specifying startTransaction=true requires autocommit=false";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        if self.autocommit == Some(true) {
            let message = "Specifying autocommit=true is not allowed.";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        Ok(())
    }

    fn check_api(&self) -> Result<()> {
        match self.api_version {
            Some("1") => Ok(()),
            Some(_) => Err(Error::new(API_VERSION_ERROR, "API version must be \"1\"")),
            None if self.api_strict.is_some() || self.api_deprecation_errors.is_some() => Err(Error::new(
                API_VERSION_ERROR,
                "Provided apiStrict and/or apiDeprecationErrors without passing apiVersion",
            )),
            None => Ok(()),
        }
    }
}

/// `APIVersionError`.
const API_VERSION_ERROR: Code = Code(322);

fn typed<'d, T: Argument<'d>>(context: &str, name: &str, value: Value<'d>) -> Result<T> {
    T::from_value(value).ok_or_else(|| {
        let (context, name) = if context.is_empty() { (name, "") } else { (context, name) };
        wrong_type(context, name, value.tag(), T::TYPES)
    })
}

/// A time limit: a whole number of milliseconds that fits an int32.
fn max_time_ms(value: Value<'_>) -> Result<u64> {
    let whole = match value.view() {
        View::Double(n) => n.is_finite() && n.fract() == 0.0,
        View::Decimal128(n) => match n.parts() {
            DecimalParts::Finite(finite) => finite.coefficient == 0 || finite.to_i64().is_some(),
            _ => false,
        },
        _ => true,
    };
    let Number(number) = typed("", "maxTimeMS", value)?;
    if !whole {
        return Err(Error::new(Code::FAILED_TO_PARSE, format!("Expected an integer: maxTimeMS: {value:?}")));
    }
    match u64::try_from(number) {
        Ok(millis) if number <= i64::from(i32::MAX) => Ok(millis),
        _ => {
            let message = format!("{number} value for maxTimeMS is out of range [0, 2147483647]");
            Err(Error::new(Code::BAD_VALUE, message))
        }
    }
}

/// Checks the shape of a read preference. With one node every mode leads to the same place.
fn check_read_preference(doc: &RawDoc) -> Result<()> {
    let Some(mode) = doc.get("mode") else { return Ok(()) };
    let Some(mode) = mode.as_str() else {
        return Err(wrong_type("readPreference", "mode", mode.tag(), &["string"]));
    };
    if !matches!(mode, "primary" | "primaryPreferred" | "secondary" | "secondaryPreferred" | "nearest") {
        let message = format!(
            "Could not parse $readPreference mode '{mode}'. Only the modes 'primary', 'primaryPreferred', \
             'secondary', 'secondaryPreferred', and 'nearest' are supported."
        );
        return Err(Error::new(Code::FAILED_TO_PARSE, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use smongo_vm::value::{Decimal128, DocBuf};

    fn code_for(name: &str, value: Value<'_>) -> Option<i32> {
        let body = DocBuf::build(|doc| {
            doc.value("ping", Value::int32(1));
            doc.value(name, value);
        });
        Generic::parse(&body).err().map(|error| error.code())
    }

    #[test]
    fn max_time() {
        let decimal = |text: &str| Decimal128::parse(text).unwrap();
        let (whole, fraction, huge, negative_zero) =
            (decimal("1E+2"), decimal("1.5"), decimal("1E+20"), decimal("-0E+10"));
        let rows = [
            (Value::int32(0), None),
            (Value::int32(i32::MAX), None),
            (Value::double(100.0), None),
            (Value::double(-0.0), None),
            (Value::decimal128(&whole.0), None),
            (Value::decimal128(&negative_zero.0), None),
            (Value::NULL, None),
            (Value::int32(-1), Some(2)),
            (Value::int64(1 << 31), Some(2)),
            (Value::double(-1.0), Some(2)),
            (Value::double(2.5), Some(9)),
            (Value::double(f64::NAN), Some(9)),
            (Value::double(f64::INFINITY), Some(9)),
            (Value::decimal128(&fraction.0), Some(9)),
            (Value::decimal128(&huge.0), Some(9)),
            (Value::string("1"), Some(14)),
            (Value::TRUE, Some(14)),
        ];
        for (value, expected) in rows {
            assert_eq!(code_for("maxTimeMS", value), expected, "{value:?}");
        }
    }

    #[test]
    fn sessions_and_api_versions() {
        let good = DocBuf::build(|doc| doc.value("id", Value::binary(4, &[7; 16])));
        let short = DocBuf::build(|doc| doc.value("id", Value::binary(4, &[7; 8])));
        let wrong_subtype = DocBuf::build(|doc| doc.value("id", Value::binary(3, &[7; 16])));
        let rows = [
            ("lsid", Value::document(&good), None),
            ("lsid", Value::document(&short), Some(207)),
            ("lsid", Value::document(&wrong_subtype), Some(14)),
            ("lsid", Value::document(RawDoc::EMPTY), Some(40414)),
            ("lsid", Value::int32(1), Some(14)),
            ("txnNumber", Value::int64(1), Some(72)),
            ("txnNumber", Value::int32(1), Some(14)),
            ("apiVersion", Value::string("1"), None),
            ("apiVersion", Value::string("2"), Some(322)),
            ("apiStrict", Value::TRUE, Some(322)),
            ("readConcern", Value::string("local"), Some(14)),
            ("writeConcern", Value::int32(1), Some(14)),
            ("comment", Value::MIN_KEY, None),
        ];
        for (name, value, expected) in rows {
            assert_eq!(code_for(name, value), expected, "{name}: {value:?}");
        }
    }
}
