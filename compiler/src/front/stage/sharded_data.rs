//! `$shardedDataDistribution`: refused, as by every mongod; routers alone know it.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if !spec.as_doc().is_some_and(RawDoc::is_empty) {
        let message = "The $shardedDataDistribution stage specification must be an empty object";
        return Err(Error::location(6_789_100, message));
    }
    Err(Error::location(6_789_101, "The $shardedDataDistribution stage can only be run on router"))
}
