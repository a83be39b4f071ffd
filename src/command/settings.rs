//! What administrators set for the whole server and what outlives it: read and write concern defaults, cluster
//! parameters, the feature compatibility version. Each is a document where mongod keeps it, so that tools which read
//! those collections find it.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value, View};

use parking_lot::RwLock;

use super::access::Needs;
use super::args::{self, Any, Argument, Flag, Number, arguments, wrong_type};
use super::concern::{Nodes, ReadConcern, ReadLevel, WriteConcern};
use super::reply::Reply;
use super::table::Command;
use super::{Call, Commands};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::{Namespace, wall_clock_millis};
use crate::system_docs;

/// The version whose behaviour this server has.
const LATEST_VERSION: &str = "8.2";
/// The version before it that mongod can be set back to.
const LAST_VERSION: &str = "8.0";

/// mongod's code for a change of the feature compatibility version without `confirm`.
const NOT_CONFIRMED: Code = Code(7369100);

/// `_id` of the document with the concerns' defaults.
const DEFAULTS_ID: &str = "ReadWriteConcernDefaults";
/// `_id` of the document with the feature compatibility version.
const VERSION_ID: &str = "featureCompatibilityVersion";

/// The settings, as they are in force.
#[derive(Debug)]
pub(super) struct Settings {
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    defaults: DocBuf,
    version: String,
}

impl Settings {
    /// What the data directory says.
    pub(super) fn load(engine: &Engine) -> Result<Self> {
        let defaults = system_docs::get(engine, &defaults_ns(), DEFAULTS_ID)?.unwrap_or_default();
        let version = system_docs::get(engine, &version_ns(), VERSION_ID)?;
        let version = version.as_ref().and_then(|doc| doc.get("version")).and_then(|version| version.as_str());
        let version = version.unwrap_or(LATEST_VERSION).to_owned();
        Ok(Self { state: RwLock::new(State { defaults, version }) })
    }

    /// Whether writes without a write concern of their own wait for the log.
    pub(super) fn journal_by_default(&self) -> bool {
        let state = self.state.read();
        let concern = state.defaults.get("defaultWriteConcern").and_then(|concern| concern.as_doc());
        concern.and_then(|concern| concern.get("j")).is_some_and(args::is_truthy)
    }

    /// The feature compatibility version.
    pub(super) fn version(&self) -> String {
        self.state.read().version.clone()
    }
}

fn defaults_ns() -> Namespace {
    Namespace::trusted("config", "settings")
}

fn version_ns() -> Namespace {
    Namespace::trusted("admin", "system.version")
}

fn parameters_ns() -> Namespace {
    Namespace::trusted("config", "clusterParameters")
}

pub(super) static GET_DEFAULT_RW_CONCERN: Command =
    Command::new("getDefaultRWConcern", get_default_rw_concern, "gives the defaults of read and write concerns")
        .admin_only()
        .needs(Needs::OnCluster(&["getDefaultRWConcern"]));

arguments! {
    /// Arguments of `getDefaultRWConcern`.
    struct GetDefaultArgs in "getDefaultRWConcern" strict {
        "inMemory" => in_memory: bool,
    }
}

fn get_default_rw_concern(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: GetDefaultArgs<'_> = args::of_command(&call.request)?;
    write_defaults(call.commands, reply);
    if args.in_memory == Some(true) {
        reply.value("inMemory", Value::TRUE);
    }
    Ok(())
}

fn write_defaults(commands: &Commands, reply: &mut Reply<'_>) {
    let state = commands.settings.state.read();
    let defaults = &state.defaults;
    match defaults.get("defaultReadConcern") {
        Some(concern) => reply.value("defaultReadConcern", concern),
        None => reply.document("defaultReadConcern", |doc| doc.string("level", "local")),
    }
    match defaults.get("defaultWriteConcern") {
        Some(concern) => reply.value("defaultWriteConcern", concern),
        None => reply.document("defaultWriteConcern", |doc| {
            doc.string("w", "majority");
            doc.value("wtimeout", Value::int32(0));
        }),
    }
    for name in ["updateOpTime", "updateWallClockTime"] {
        if let Some(value) = defaults.get(name) {
            reply.value(name, value);
        }
    }
    for (concern, source) in
        [("defaultWriteConcern", "defaultWriteConcernSource"), ("defaultReadConcern", "defaultReadConcernSource")]
    {
        reply.string(source, if defaults.get(concern).is_some() { "global" } else { "implicit" });
    }
    reply.value("localUpdateWallClockTime", Value::date_time(wall_clock_millis()));
}

pub(super) static SET_DEFAULT_RW_CONCERN: Command =
    Command::new("setDefaultRWConcern", set_default_rw_concern, "sets the defaults of read and write concerns")
        .admin_only()
        .writes()
        .needs(Needs::OnCluster(&["setDefaultRWConcern"]));

arguments! {
    /// Arguments of `setDefaultRWConcern`.
    struct SetDefaultArgs in "setDefaultRWConcern" strict {
        "defaultReadConcern" => read: &'d RawDoc,
        "defaultWriteConcern" => write: &'d RawDoc,
    }
}

fn set_default_rw_concern(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: SetDefaultArgs<'_> = args::of_command(&call.request)?;
    let bad = |message: &str| Err(Error::new(Code::BAD_VALUE, message));
    if args.read.is_none() && args.write.is_none() {
        return bad("At least one of the \"defaultReadConcern\" or \"defaultWriteConcern\" fields must be present");
    }
    let commands = call.commands;
    if let Some(read) = args.read {
        let concern = ReadConcern::parse(read)?;
        if concern.after_cluster_time.is_some() {
            return bad("'afterClusterTime' is not suitable for the default read concern");
        }
        if matches!(concern.level, Some(ReadLevel::Linearizable | ReadLevel::Snapshot)) {
            return bad("level: 'linearizable' and 'snapshot' are not suitable for the default read concern");
        }
    }
    let had_write = commands.settings.state.read().defaults.get("defaultWriteConcern").is_some();
    if let Some(write) = args.write {
        let concern = WriteConcern::parse(write)?;
        if matches!(concern.nodes, Nodes::Count(0)) {
            return bad("Unacknowledged write concern is not suitable for the default write concern");
        }
        if write.is_empty() && had_write {
            let message = "The global default write concern cannot be unset once it is set.";
            return Err(Error::new(Code::ILLEGAL_OPERATION, message));
        }
    }
    let mut state = commands.settings.state.write();
    let old = state.defaults.clone();
    let kept = |given: Option<&RawDoc>, name: &str| -> Option<DocBuf> {
        match given {
            Some(concern) => (!concern.is_empty()).then(|| DocBuf::from(concern)),
            None => old.get(name).and_then(|concern| concern.as_doc()).map(DocBuf::from),
        }
    };
    let (read, write) = (kept(args.read, "defaultReadConcern"), kept(args.write, "defaultWriteConcern"));
    let doc = DocBuf::build(|doc| {
        doc.string("_id", DEFAULTS_ID);
        for (name, concern) in [("defaultReadConcern", &read), ("defaultWriteConcern", &write)] {
            if let Some(concern) = concern {
                doc.value(name, Value::document(concern));
            }
        }
        doc.value("updateOpTime", Value::timestamp(commands.engine.cluster_time()));
        doc.value("updateWallClockTime", Value::date_time(wall_clock_millis()));
    });
    system_docs::put(&commands.engine, &defaults_ns(), &doc)?;
    state.defaults = doc;
    drop(state);
    write_defaults(commands, reply);
    Ok(())
}

pub(super) static SET_FEATURE_COMPATIBILITY_VERSION: Command = Command::new(
    "setFeatureCompatibilityVersion",
    set_feature_compatibility_version,
    "says which version's data files may be written",
)
.admin_only()
.writes()
.needs(Needs::OnCluster(&["setFeatureCompatibilityVersion"]));

arguments! {
    /// Arguments of `setFeatureCompatibilityVersion`.
    struct VersionArgs in "setFeatureCompatibilityVersion" strict {
        "confirm" => confirm: Flag,
        "fromConfigServer" => from_config_server: Flag,
        "dryRun" => dry_run: Flag,
    }
}

fn set_feature_compatibility_version(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let name = call.command.name;
    let version = match call.first.tag() {
        smongo_vm::value::Tag::Null | smongo_vm::value::Tag::Undefined => return Err(args::missing_field(name, name)),
        tag => call.first.as_str().ok_or_else(|| wrong_type(name, name, tag, &["string"]))?,
    };
    let args: VersionArgs<'_> = args::of_command(&call.request)?;
    if version != LATEST_VERSION && version != LAST_VERSION {
        let message = format!(
            "Invalid feature compatibility version value '{version}'; expected '{LAST_VERSION}' or '{LATEST_VERSION}'. \
             See https://docs.mongodb.com/manual/reference/command/setFeatureCompatibilityVersion/"
        );
        return Err(Error::new(Code::BAD_VALUE, message));
    }
    let commands = call.commands;
    if args.dry_run.is_some_and(|Flag(dry)| dry) {
        return Ok(());
    }
    if !args.confirm.is_some_and(|Flag(confirm)| confirm) {
        let message = format!(
            "Once you have set the feature compatibility version to {version}, you will only be able to go back with \
             the support of MongoDB. If you are sure, re-run this command with 'confirm: true'"
        );
        return Err(Error::new(NOT_CONFIRMED, message));
    }
    let mut state = commands.settings.state.write();
    let doc = DocBuf::build(|doc| {
        doc.string("_id", VERSION_ID);
        doc.string("version", version);
    });
    system_docs::put(&commands.engine, &version_ns(), &doc)?;
    state.version = version.to_owned();
    Ok(())
}

/// A cluster parameter: its name and the fields that it has by default.
struct ClusterParameter {
    name: &'static str,
    defaults: fn(&mut Reply<'_>),
    check: fn(&RawDoc) -> Result<()>,
}

/// mongod's cluster parameters for one node.
static CLUSTER_PARAMETERS: &[ClusterParameter] = &[
    ClusterParameter {
        name: "changeStreamOptions",
        defaults: |doc| {
            doc.document("preAndPostImages", |images| images.string("expireAfterSeconds", "off"));
        },
        check: check_change_stream_options,
    },
    ClusterParameter {
        name: "changeStreams",
        defaults: |doc| doc.value("expireAfterSeconds", Value::int64(3600)),
        check: |doc| check_numbers("changeStreams", doc, &["expireAfterSeconds"]),
    },
    ClusterParameter {
        name: "addOrRemoveShardInProgress",
        defaults: |doc| doc.value("inProgress", Value::FALSE),
        check: |doc| check_flags("addOrRemoveShardInProgress", doc, &["inProgress"]),
    },
    ClusterParameter {
        name: "configServerReadPreferenceForCatalogQueries",
        defaults: |doc| doc.value("mustAlwaysUseNearest", Value::FALSE),
        check: |doc| check_flags("configServerReadPreferenceForCatalogQueries", doc, &["mustAlwaysUseNearest"]),
    },
    ClusterParameter {
        name: "defaultMaxTimeMS",
        defaults: |doc| doc.value("readOperations", Value::int64(0)),
        check: |doc| check_numbers("defaultMaxTimeMS", doc, &["readOperations"]),
    },
    ClusterParameter {
        name: "fleCompactionOptions",
        defaults: |doc| {
            doc.value("maxCompactionSize", Value::int32(268_435_456));
            doc.value("maxAnchorCompactionSize", Value::int32(268_435_456));
            doc.value("maxESCEntriesPerCompactionDelete", Value::int32(350_000));
            doc.value("compactAnchorPaddingFactor", Value::double(0.0));
        },
        check: |doc| {
            let names = [
                "maxCompactionSize",
                "maxAnchorCompactionSize",
                "maxESCEntriesPerCompactionDelete",
                "compactAnchorPaddingFactor",
            ];
            check_numbers("fleCompactionOptions", doc, &names)
        },
    },
    ClusterParameter {
        name: "fleDisableSubstringPreviewParameterLimits",
        defaults: |doc| doc.value("shouldOverride", Value::FALSE),
        check: |doc| check_flags("fleDisableSubstringPreviewParameterLimits", doc, &["shouldOverride"]),
    },
    ClusterParameter {
        name: "internalQueryCutoffForSampleFromRandomCursor",
        defaults: |doc| doc.value("sampleCutoff", Value::double(0.05)),
        check: |doc| check_numbers("internalQueryCutoffForSampleFromRandomCursor", doc, &["sampleCutoff"]),
    },
    ClusterParameter {
        name: "internalSearchOptions",
        defaults: |doc| {
            doc.value("oversubscriptionFactor", Value::double(1.064));
            doc.value("batchSizeGrowthFactor", Value::double(1.5));
        },
        check: |doc| check_numbers("internalSearchOptions", doc, &["oversubscriptionFactor", "batchSizeGrowthFactor"]),
    },
    ClusterParameter {
        name: "pauseMigrationsDuringMultiUpdates",
        defaults: |doc| doc.value("enabled", Value::FALSE),
        check: |doc| check_flags("pauseMigrationsDuringMultiUpdates", doc, &["enabled"]),
    },
    ClusterParameter {
        name: "querySettings",
        defaults: |doc| doc.array("settingsArray", |_| ()),
        check: |_| {
            let message = "querySettings is changed with setQuerySettings and removeQuerySettings only";
            Err(Error::new(Code::BAD_VALUE, message))
        },
    },
    ClusterParameter {
        name: "shardedClusterCardinalityForDirectConns",
        defaults: |doc| doc.value("hasTwoOrMoreShards", Value::FALSE),
        check: |doc| check_flags("shardedClusterCardinalityForDirectConns", doc, &["hasTwoOrMoreShards"]),
    },
];

fn cluster_parameter(name: &str) -> Result<&'static ClusterParameter> {
    CLUSTER_PARAMETERS
        .iter()
        .find(|parameter| parameter.name == name)
        .ok_or_else(|| Error::new(Code::NO_SUCH_KEY, format!("Unknown server parameter: {name}")))
}

fn check_numbers(context: &str, doc: &RawDoc, names: &[&str]) -> Result<()> {
    check_fields(context, doc, names, Number::TYPES, |value| Number::from_value(value).is_some())
}

fn check_flags(context: &str, doc: &RawDoc, names: &[&str]) -> Result<()> {
    check_fields(context, doc, names, Flag::TYPES, |value| Flag::from_value(value).is_some())
}

fn check_fields(
    context: &str,
    doc: &RawDoc,
    names: &[&str],
    types: &[&str],
    fits: fn(Value<'_>) -> bool,
) -> Result<()> {
    for element in doc {
        if !names.contains(&element.name_str()) {
            return Err(args::unknown_field(context, element.name_str()));
        }
        if !fits(element.value()) {
            return Err(wrong_type(context, element.name_str(), element.value().tag(), types));
        }
    }
    Ok(())
}

fn check_change_stream_options(doc: &RawDoc) -> Result<()> {
    arguments! {
        struct Options in "changeStreamOptions" strict {
            "preAndPostImages" => images: &'d RawDoc,
        }
    }
    arguments! {
        struct Images in "changeStreamOptions.preAndPostImages" strict {
            "expireAfterSeconds" => expire_after_seconds: Any<'d>,
        }
    }
    let options: Options<'_> = args::of_document(doc)?;
    let images: Images<'_> =
        args::of_document(args::require(options.images, "changeStreamOptions", "preAndPostImages")?)?;
    let seconds =
        args::require(images.expire_after_seconds, "changeStreamOptions.preAndPostImages", "expireAfterSeconds")?;
    match seconds.0.view() {
        View::String(b"off") => Ok(()),
        View::String(_) => {
            let message = "Expected a number or 'off' for 'preAndPostImages.expireAfterSeconds'";
            Err(Error::new(Code::BAD_VALUE, message))
        }
        _ => match Number::from_value(seconds.0) {
            Some(Number(1..)) => Ok(()),
            _ => {
                let message = "Expected a positive integer for 'preAndPostImages.expireAfterSeconds' parameter";
                Err(Error::new(Code::BAD_VALUE, message))
            }
        },
    }
}

pub(super) static GET_CLUSTER_PARAMETER: Command =
    Command::new("getClusterParameter", get_cluster_parameter, "gives cluster parameters")
        .admin_only()
        .needs(Needs::OnCluster(&["getClusterParameter"]));

fn get_cluster_parameter(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "getClusterParameter")?;
    let name = call.command.name;
    let wanted: Vec<&ClusterParameter> = match (call.first.as_str(), call.first.view()) {
        (Some("*"), _) => CLUSTER_PARAMETERS.iter().collect(),
        (Some(one), _) => vec![cluster_parameter(one)?],
        (None, View::Array(names)) => {
            if names.is_empty() {
                return Err(Error::new(Code::BAD_VALUE, "Must supply at least one cluster server parameter name"));
            }
            let mut wanted = Vec::new();
            for element in names {
                let one = element.value();
                let one = one.as_str().ok_or_else(|| {
                    wrong_type(name, &format!("{name}.{}", element.name_str()), one.tag(), &["string"])
                })?;
                wanted.push(cluster_parameter(one)?);
            }
            wanted
        }
        (None, View::Null | View::Undefined) => return Err(args::missing_field(name, name)),
        (None, _) => return Err(wrong_type(name, name, call.first.tag(), &["string", "array"])),
    };
    let engine = &call.commands.engine;
    let mut stored = Vec::new();
    for parameter in &wanted {
        stored.push(system_docs::get(engine, &parameters_ns(), parameter.name)?);
    }
    reply.array("clusterParameters", |array| {
        for (parameter, stored) in wanted.iter().zip(&stored) {
            match stored {
                Some(doc) => array.value(Value::document(doc)),
                None => array.document(|doc| {
                    doc.string("_id", parameter.name);
                    doc.value("clusterParameterTime", Value::timestamp(0));
                    (parameter.defaults)(doc);
                }),
            }
        }
    });
    Ok(())
}

pub(super) static SET_CLUSTER_PARAMETER: Command =
    Command::new("setClusterParameter", set_cluster_parameter, "changes a cluster parameter")
        .admin_only()
        .writes()
        .needs(Needs::OnCluster(&["setClusterParameter"]));

fn set_cluster_parameter(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "setClusterParameter")?;
    let name = call.command.name;
    let given = call.first.as_doc().ok_or_else(|| wrong_type(name, name, call.first.tag(), &["object"]))?;
    let mut elements = given.iter();
    let (Some(element), None) = (elements.next(), elements.next()) else {
        return Err(Error::new(
            Code::INVALID_OPTIONS,
            "setClusterParameter only supports setting exactly one parameter",
        ));
    };
    let parameter = cluster_parameter(element.name_str())?;
    let value = element.value();
    let fields = value
        .as_doc()
        .ok_or_else(|| Error::new(Code::ILLEGAL_OPERATION, "Cluster parameter value must be an object"))?;
    (parameter.check)(fields)?;
    let commands = call.commands;
    let defaults = DocBuf::build(|doc| (parameter.defaults)(doc));
    let doc = DocBuf::build(|doc| {
        doc.string("_id", parameter.name);
        doc.value("clusterParameterTime", Value::timestamp(commands.engine.cluster_time()));
        doc.elements_of(fields);
        for element in defaults.iter() {
            if fields.get(element.name_str()).is_none() {
                doc.value(element.name_str(), element.value());
            }
        }
    });
    system_docs::put(&commands.engine, &parameters_ns(), &doc)
}
