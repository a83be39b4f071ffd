//! `$listCatalog` and `$listClusterCatalog`: which collections and views there are.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{unknown, wrong_type};
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if spec.as_doc().is_some_and(RawDoc::is_empty) {
        return Ok(vec![Stage::Facts(Facts::Catalog)]);
    }
    Err(Error::location(6_200_600, "The $listCatalog stage specification must be an empty object"))
}

pub(super) fn parse_cluster(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        return Err(Error::location(9_621_302, "The $listClusterCatalog stage specification must be an object"));
    };
    for option in options {
        let (name, value) = (option.name_str(), option.value());
        // All three tell about shards, of which there are none.
        if !matches!(name, "shards" | "tracked" | "balancingConfiguration") {
            return Err(unknown("$listClusterCatalog", name));
        }
        if value.as_bool().is_none() {
            return Err(wrong_type(&format!("$listClusterCatalog.{name}"), value.tag(), "bool"));
        }
    }
    Ok(vec![Stage::Facts(Facts::ClusterCatalog)])
}
