//! `getLog`: the last lines of the log.

use smongo_vm::Code;
use smongo_vm::value::{Tag, Value};

use super::Call;
use super::access::Needs;
use super::args;
use super::reply::{self, Reply};
use super::table::Command;
use crate::error::{Error, Result};

pub(super) static GET_LOG: Command = Command::new("getLog", get_log, "gives the last lines of the log")
    .admin_only()
    .needs(Needs::OnCluster(&["getLog"]));

fn get_log(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let Some(which) = call.first.as_str() else {
        return Err(match call.first.tag() {
            Tag::Null | Tag::Undefined => args::missing_field("getLog", "getLog"),
            tag => args::wrong_type("getLog", "getLog", tag, &["string"]),
        });
    };
    args::none(&call.request, "getLog")?;
    let (total, lines) = match which {
        "*" => {
            reply.array("names", |names| {
                for name in ["global", "startupWarnings"] {
                    names.value(Value::string(name));
                }
            });
            return Ok(());
        }
        "global" => call.commands.log.recent(),
        "startupWarnings" => (0, Vec::new()),
        other => return Err(Error::new(Code::OPERATION_FAILED, format!("No log named '{other}'"))),
    };
    reply.value("totalLinesWritten", reply::count(total));
    reply.array("log", |array| lines.iter().for_each(|line| array.value(Value::string(line))));
    Ok(())
}
