//! `$facet`: several pipelines over the same documents.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::{Place, Scope};
use crate::front::expr::field_path;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(facets) = spec.as_doc().filter(|facets| !facets.is_empty()) else {
        return Err(Error::location(40169, "the $facet specification must be a non-empty object"));
    };
    let mut parsed = Vec::new();
    for facet in facets {
        let name = facet.name_str();
        check_name(name)?;
        let Some(stages) = facet.value().as_array() else {
            let found = facet.value().tag().name();
            let message = format!("arguments to $facet must be arrays, {name} is type {found}");
            return Err(Error::location(40170, message));
        };
        let mut ctx = scope.ctx.clone();
        let inner = scope.sub_pipeline(Place::Facet, None, stages, &mut ctx)?;
        parsed.push((name.to_owned(), inner.stages));
    }
    Ok(vec![Stage::Facet(parsed)])
}

/// Facets are top-level fields.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.contains('.') {
        return Err(Error::location(
            16412,
            "FieldPath field names may not contain '.'. Consider using $getField or $setField.",
        ));
    }
    if name.is_empty() {
        return Err(Error::location(15998, "FieldPath field names may not be empty strings."));
    }
    field_path(name).map(|_| ())
}
