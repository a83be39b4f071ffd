//! `getParameter` and `setParameter`.

use std::sync::atomic::{AtomicI32, Ordering};

use smongo_vm::Code;
use smongo_vm::value::{Tag, Value};

use super::access::Needs;
use super::args::{self, Argument, Flag, Number, wrong_type};
use super::generic;
use super::reply::{self, Reply};
use super::table::Command;
use super::{Call, Commands};
use crate::auth::scram::Mechanism;
use crate::error::{Error, Result};
use crate::spill::Limit;

/// Largest log level. MongoDB: 5.
const MAX_LOG_LEVEL: i32 = 5;

/// What can be set while the server runs.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    log_level: AtomicI32,
}

impl Parameters {
    /// From 1 on, every operation is logged, not only the slow ones.
    pub(super) fn log_level(&self) -> i32 {
        self.log_level.load(Ordering::Relaxed)
    }
}

/// One parameter.
struct Parameter {
    name: &'static str,
    get: fn(&Commands, &str, &mut Reply<'_>),
    set: Option<fn(&Commands, Value<'_>) -> Result<()>>,
    /// Changes it before the server serves, where it cannot change later.
    set_at_startup: Option<fn(&Commands, Value<'_>) -> Result<()>>,
}

impl Parameter {
    /// A parameter that can only be read.
    const fn new(name: &'static str, get: fn(&Commands, &str, &mut Reply<'_>)) -> Self {
        Self { name, get, set: None, set_at_startup: None }
    }

    /// The parameter, which can be set at any time.
    const fn settable(mut self, set: fn(&Commands, Value<'_>) -> Result<()>) -> Self {
        self.set = Some(set);
        self.set_at_startup = Some(set);
        self
    }

    /// The parameter, which can be set on the command line only.
    const fn settable_at_startup(mut self, set: fn(&Commands, Value<'_>) -> Result<()>) -> Self {
        self.set_at_startup = Some(set);
        self
    }
}

/// Bytes of a mebibyte.
const MEBIBYTE: u64 = 1024 * 1024;

/// The least that builds of indexes may have. MongoDB: 50.
const INDEX_BUILD_MIN_MEGABYTES: u32 = 50;

/// The parameter that changes a memory limit.
macro_rules! memory_limit {
    ($name:literal, $limit:ident) => {
        Parameter::new($name, |commands, name, reply| {
            let bytes = commands.engine.memory_limits().get(Limit::$limit);
            reply.value(name, Value::int64(i64::try_from(bytes).unwrap_or(i64::MAX)));
        })
        .settable(|commands, value| {
            commands.engine.memory_limits().set(Limit::$limit, memory_bytes($name, value)?);
            Ok(())
        })
    };
}

/// Every parameter.
static PARAMETERS: &[Parameter] = &[
    Parameter::new("allowDiskUseByDefault", |commands, name, reply| {
        reply.value(name, Value::bool(commands.engine.memory_limits().disk_use_by_default()));
    })
    .settable(|commands, value| {
        commands.engine.memory_limits().set_disk_use_by_default(args::is_truthy(value));
        Ok(())
    }),
    memory_limit!("internalDocumentSourceBucketAutoMaxMemoryBytes", BucketAuto),
    memory_limit!("internalDocumentSourceDensifyMaxMemoryBytes", Densify),
    memory_limit!("internalDocumentSourceGraphLookupMaxMemoryBytes", GraphLookup),
    memory_limit!("internalDocumentSourceGroupMaxMemoryBytes", Group),
    memory_limit!("internalDocumentSourceSetWindowFieldsMaxMemoryBytes", Window),
    memory_limit!("internalLookupStageIntermediateDocumentMaxSizeBytes", JoinedToOne),
    memory_limit!("internalQueryFacetMaxOutputDocSizeBytes", FacetOutput),
    memory_limit!("internalQueryMaxBlockingSortMemoryUsageBytes", Sort),
    Parameter::new("maxIndexBuildMemoryUsageMegabytes", |commands, name, reply| {
        let bytes = commands.engine.memory_limits().get(Limit::IndexBuild);
        reply.value(name, reply::count(bytes as u64 / MEBIBYTE));
    })
    .settable(|commands, value| {
        let name = "maxIndexBuildMemoryUsageMegabytes";
        let megabytes = at_least(name, value, INDEX_BUILD_MIN_MEGABYTES)?;
        let bytes = u64::from(megabytes) * MEBIBYTE;
        commands.engine.memory_limits().set(Limit::IndexBuild, usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(())
    }),
    Parameter::new("ttlMonitorEnabled", |commands, name, reply| {
        reply.value(name, Value::bool(commands.engine.ttl().is_enabled()))
    })
    .settable(|commands, value| {
        commands.engine.ttl().enable(args::is_truthy(value));
        Ok(())
    }),
    Parameter::new("ttlMonitorSleepSecs", |commands, name, reply| {
        reply.value(name, reply::count(u64::from(commands.engine.ttl().sleep_secs())))
    })
    .settable(|commands, value| {
        commands.engine.ttl().set_sleep_secs(at_least("ttlMonitorSleepSecs", value, 1)?);
        Ok(())
    }),
    memory_limit!("internalQuerySlotBasedExecutionHashLookupApproxMemoryUseInBytesBeforeSpill", HashJoin),
    Parameter::new("authenticationMechanisms", |_, name, reply| {
        reply.array(name, |array| {
            Mechanism::ALL.iter().for_each(|mechanism| array.value(Value::string(mechanism.name())));
        });
    }),
    Parameter::new("enableTestCommands", |commands, name, reply| {
        reply.value(name, Value::bool(commands.fail_points.enabled.load(Ordering::Relaxed)));
    })
    .settable_at_startup(|commands, value| {
        commands.fail_points.enabled.store(args::is_truthy(value), Ordering::Relaxed);
        Ok(())
    }),
    Parameter::new("featureCompatibilityVersion", |commands, name, reply| {
        reply.document(name, |doc| doc.string("version", &commands.settings.version()));
    }),
    Parameter::new("logLevel", |commands, name, reply| {
        reply.value(name, Value::int32(commands.parameters.log_level()));
    })
    .settable(set_log_level),
    Parameter::new("quiet", |commands, name, reply| reply.value(name, Value::bool(commands.log.is_quiet()))).settable(
        |commands, value| {
            commands.log.set_quiet(args::is_truthy(value));
            Ok(())
        },
    ),
    Parameter::new("transactionLifetimeLimitSeconds", |commands, name, reply| {
        let seconds = i32::try_from(commands.engine.sessions().lifetime_s()).unwrap_or(i32::MAX);
        reply.value(name, Value::int32(seconds));
    })
    .settable(set_transaction_lifetime),
];

fn set_transaction_lifetime(commands: &Commands, value: Value<'_>) -> Result<()> {
    match Number::from_value(value).and_then(|Number(n)| u64::try_from(n).ok()) {
        Some(seconds) if seconds >= 1 => {
            commands.engine.sessions().set_lifetime_s(seconds);
            Ok(())
        }
        _ => Err(Error::new(
            Code::BAD_VALUE,
            format!(
                "Invalid value for parameter transactionLifetimeLimitSeconds: {value:?} is not greater than or equal to 1"
            ),
        )),
    }
}

/// Sets a parameter from the command line, written `name=value`.
pub(super) fn set_at_startup(commands: &Commands, assignment: &str) -> Result<()> {
    let bad = |message: String| Error::new(Code::BAD_VALUE, message);
    let (name, text) = assignment
        .split_once('=')
        .ok_or_else(|| bad(format!("--setParameter needs name=value, not '{assignment}'")))?;
    let parameter = lookup(name).ok_or_else(|| bad(format!("Unknown --setParameter '{name}'")))?;
    let set =
        parameter.set_at_startup.ok_or_else(|| bad(format!("Cannot use --setParameter to set '{name}' at startup")))?;
    let value = match (text, text.parse::<i64>(), text.parse::<f64>()) {
        ("true", ..) => Value::TRUE,
        ("false", ..) => Value::FALSE,
        (_, Ok(integer), _) => Value::integer(integer),
        (_, _, Ok(double)) => Value::double(double),
        _ => Value::string(text),
    };
    set(commands, value)
}

fn set_log_level(commands: &Commands, value: Value<'_>) -> Result<()> {
    let level = Number::from_value(value).and_then(|Number(n)| i32::try_from(n).ok());
    match level {
        Some(level @ 0..=MAX_LOG_LEVEL) => {
            commands.parameters.log_level.store(level, Ordering::Relaxed);
            Ok(())
        }
        _ => Err(Error::new(Code::BAD_VALUE, format!("Invalid value for logLevel: {value:?}"))),
    }
}

/// A whole number that is not below a minimum.
fn at_least(name: &str, value: Value<'_>, minimum: u32) -> Result<u32> {
    let number = Number::from_value(value).and_then(|Number(n)| i32::try_from(n).ok());
    match number.and_then(|n| u32::try_from(n).ok()).filter(|n| *n >= minimum) {
        Some(number) => Ok(number),
        None => {
            let message =
                format!("Invalid value for parameter {name}: {value:?} is not a number of at least {minimum}");
            Err(Error::new(Code::BAD_VALUE, message))
        }
    }
}

/// A limit of memory: a whole number of bytes, at least 1.
fn memory_bytes(name: &str, value: Value<'_>) -> Result<usize> {
    match Number::from_value(value) {
        Some(Number(bytes)) if bytes > 0 => Ok(usize::try_from(bytes).unwrap_or(usize::MAX)),
        Some(Number(bytes)) => {
            let message = format!("Invalid value for parameter {name}: {bytes} is not greater than 0");
            Err(Error::new(Code::BAD_VALUE, message))
        }
        None => Err(Error::new(Code::BAD_VALUE, format!("Invalid value for parameter {name}: {value:?}"))),
    }
}

/// Those that `explain` shows, in mongod's order.
const PLANNING: [&str; 6] = [
    "internalQueryFacetMaxOutputDocSizeBytes",
    "internalLookupStageIntermediateDocumentMaxSizeBytes",
    "internalDocumentSourceGroupMaxMemoryBytes",
    "internalQueryMaxBlockingSortMemoryUsageBytes",
    "internalDocumentSourceSetWindowFieldsMaxMemoryBytes",
    "internalQueryFrameworkControl",
];

/// Writes the parameters that bear on plans.
pub(super) fn write_planning(commands: &Commands, out: &mut Reply<'_>) {
    for name in PLANNING {
        match lookup(name) {
            Some(parameter) => (parameter.get)(commands, parameter.name, out),
            // Plans have the shape that the classic engine gives them.
            None => out.string(name, "forceClassicEngine"),
        }
    }
}

fn lookup(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == name)
}

pub(super) static GET_PARAMETER: Command = Command::new("getParameter", get_parameter, "gives the server's parameters")
    .admin_only()
    .needs(Needs::OnCluster(&["getParameter"]));

fn get_parameter(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let mut all = call.first.as_str() == Some("*");
    let mut details = false;
    if let Some(how) = call.first.as_doc() {
        for element in how {
            let flag = match element.name_str() {
                "showDetails" => &mut details,
                "allParameters" => &mut all,
                other => return Err(args::unknown_field("getParameter", other)),
            };
            let value = element.value();
            *flag = match Flag::from_value(value) {
                Some(Flag(on)) => on,
                None => return Err(wrong_type("getParameter", element.name_str(), value.tag(), Flag::TYPES)),
            };
        }
    }
    let wanted = |name: &str| all || call.request.body.iter().skip(1).any(|element| element.name_str() == name);
    let mut found = false;
    for parameter in PARAMETERS.iter().filter(|parameter| wanted(parameter.name)) {
        found = true;
        let commands = call.commands;
        if details {
            reply.document(parameter.name, |doc| {
                (parameter.get)(commands, "value", doc);
                doc.value("settableAtRuntime", Value::bool(parameter.set.is_some()));
                doc.value("settableAtStartup", Value::bool(parameter.set_at_startup.is_some()));
            });
        } else {
            (parameter.get)(commands, parameter.name, reply);
        }
    }
    if found { Ok(()) } else { Err(Error::new(Code::INVALID_OPTIONS, "no option found to get")) }
}

pub(super) static SET_PARAMETER: Command =
    Command::new("setParameter", set_parameter, "changes the server's parameters")
        .admin_only()
        .needs(Needs::OnCluster(&["setParameter"]));

fn set_parameter(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let commands = call.commands;
    let given = call.request.body.iter().skip(1).filter(|element| !generic::is_generic(element.name()));
    // All names are checked before anything is changed.
    for element in given.clone() {
        let name = element.name_str();
        match lookup(name) {
            None => {
                let message =
                    format!("attempted to set unrecognized parameter [{name}], use help:true to see options ");
                return Err(Error::new(Code::INVALID_OPTIONS, message));
            }
            Some(Parameter { set: None, .. }) => {
                let message = format!("not allowed to change [{name}] at runtime");
                return Err(Error::new(Code::ILLEGAL_OPERATION, message));
            }
            Some(_) => {}
        }
    }
    let mut changed = false;
    for element in given {
        let Some(parameter) = lookup(element.name_str()) else { continue };
        let Some(set) = parameter.set else { continue };
        if matches!(element.value().tag(), Tag::Null | Tag::Undefined) {
            return Err(wrong_type("setParameter", parameter.name, element.value().tag(), Number::TYPES));
        }
        if !changed {
            (parameter.get)(commands, "was", reply);
            changed = true;
        }
        set(commands, element.value())?;
    }
    if changed {
        Ok(())
    } else {
        Err(Error::new(Code::INVALID_OPTIONS, "no option found to set, use help:true to see options "))
    }
}
