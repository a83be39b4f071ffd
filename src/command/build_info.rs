//! `buildInfo`: version and features of the program.

use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::Value;

use super::Call;
use super::access::Needs;
use super::args;
use super::reply::Reply;
use super::table::Command;
use crate::error::Result;

/// The version of MongoDB whose behaviour is offered.
pub const VERSION: &str = "8.2.0";

/// The same, in parts.
const VERSION_PARTS: [i32; 4] = [8, 2, 0, 0];

pub(super) static BUILD_INFO: Command =
    Command::new("buildInfo", build_info, "gives version and features of the program")
        .aliases(&["buildinfo"])
        .needs(Needs::Nothing);

fn build_info(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "buildInfo")?;
    reply.string("version", VERSION);
    reply.string("gitVersion", env!("CARGO_PKG_VERSION"));
    reply.array("modules", |_| ());
    reply.string("allocator", "system");
    reply.string("javascriptEngine", "none");
    reply.string("sysInfo", "deprecated");
    reply.array("versionArray", |parts| VERSION_PARTS.iter().for_each(|&part| parts.value(Value::int32(part))));
    reply.document("openssl", |openssl| openssl.string("running", "disabled"));
    reply.document("buildEnvironment", |environment| {
        environment.string("target_arch", std::env::consts::ARCH);
        environment.string("target_os", std::env::consts::OS);
    });
    reply.value("bits", Value::integer(i64::from(usize::BITS)));
    reply.value("debug", Value::bool(cfg!(debug_assertions)));
    reply.value("maxBsonObjectSize", Value::integer(i64::try_from(MAX_USER_DOCUMENT_BYTES).unwrap_or(i64::MAX)));
    reply.array("storageEngines", |engines| engines.value(Value::string("wiredTiger")));
    reply.document("smongo", |smongo| smongo.string("version", env!("CARGO_PKG_VERSION")));
    Ok(())
}
