//! What a request compiles to: from the plan cache where one of its shape came before, else from the compiler.

use std::sync::Arc;

use smongo_compiler::front::sort;
use smongo_compiler::shape::{Shape, compile_shape};
use smongo_compiler::{
    CompiledFilter, CompiledProjection, ParseContext, compile_filter, compile_projection, compile_sort,
};
use smongo_vm::value::{OwnedValue, RawDoc};

use super::plan::{Matching, declare_variables};
use crate::collation;
use crate::collection::Shared;
use crate::error::Result;
use crate::plan_cache::{CachedQuery, SortOrder};

/// A request's programs.
pub(super) struct Prepared {
    pub filter: CompiledFilter,
    /// The order, unless it is that of the records.
    pub sort: Option<Arc<SortOrder>>,
    pub projection: Option<CompiledProjection>,
    pub context: ParseContext,
    /// The values of the request's `let`.
    pub variables: Vec<OwnedValue>,
    pub cached: Option<Cached>,
    /// Whether the cache knew the shape, for a request that is only explained.
    pub known: Option<bool>,
}

/// What the plan cache has of a request.
pub(crate) enum Cached {
    /// It came from there.
    Hit(Arc<CachedQuery>),
    /// It was put there.
    Miss(Arc<CachedQuery>),
}

impl Cached {
    pub fn query(&self) -> &CachedQuery {
        match self {
            Cached::Hit(query) | Cached::Miss(query) => query,
        }
    }

    pub fn is_hit(&self) -> bool {
        matches!(self, Cached::Hit(_))
    }
}

/// Compiles what a request asks for. `natural` says that its order is that of the records.
pub(super) fn prepare(shared: Option<&Shared<'_>>, matching: &Matching<'_>, natural: bool) -> Result<Prepared> {
    let collation = collation::of_request(matching.collation, shared.and_then(Shared::collation))?;
    let mut context = ParseContext::new().with_collation(collation);
    let variables = match matching.let_variables {
        Some(variables) => declare_variables(variables, &mut context)?,
        None => Vec::new(),
    };
    // What `let` names mean is no part of a shape.
    let shared = shared.filter(|_| matching.let_variables.is_none());
    let shaped = shared.and_then(|shared| Some((shared, Shape::of(matching.filter)?)));
    let known = shaped.as_ref().filter(|_| matching.options.is_explained);
    let known = known.map(|(shared, shape)| shared.plan_cache().knows(&key_of(shared, shape, matching)));
    let Some((shared, shape)) = shaped.filter(|_| !matching.options.is_explained) else {
        let filter = compile_filter(matching.filter, &mut context)?;
        let sort = sort_order(matching, natural, &context)?;
        let projection = projection(matching, &mut context)?;
        return Ok(Prepared { filter, sort, projection, context, variables, cached: None, known });
    };
    let key = key_of(shared, &shape, matching);
    let cache = shared.plan_cache();
    if let Some(cached) = cache.get(&key) {
        let filter = cached.filter.bind(&shape.params)?;
        let (sort, projection) = (cached.sort.clone(), cached.projection.clone());
        return Ok(Prepared { filter, sort, projection, context, variables, cached: Some(Cached::Hit(cached)), known });
    }
    let (shaped, filter) = compile_shape(matching.filter, &shape, &mut context)?;
    let sort = sort_order(matching, natural, &context)?;
    let projection = projection(matching, &mut context)?;
    let cached = shaped.map(|shaped| {
        let query = CachedQuery::new(shared, matching, shaped, sort.clone(), projection.clone());
        Cached::Miss(cache.put(key, query))
    });
    Ok(Prepared { filter, sort, projection, context, variables, cached, known })
}

fn sort_order(matching: &Matching<'_>, natural: bool, context: &ParseContext) -> Result<Option<Arc<SortOrder>>> {
    let Some(spec) = matching.sort.filter(|_| !natural) else { return Ok(None) };
    let (Some(ir), Some(program)) = (sort::parse(spec)?, compile_sort(spec, context)?) else { return Ok(None) };
    Ok(Some(Arc::new(SortOrder { ir, program })))
}

fn projection(matching: &Matching<'_>, context: &mut ParseContext) -> Result<Option<CompiledProjection>> {
    Ok(matching.projection.map(|spec| compile_projection(spec, context)).transpose()?.flatten())
}

/// What programs and plans depend on: the collection as it is, the shape of the filter, and the other parts as they are.
fn key_of(shared: &Shared<'_>, shape: &Shape<'_>, matching: &Matching<'_>) -> Vec<u8> {
    let parts = [matching.sort, matching.projection, matching.collation];
    let parts = parts.map(|part| part.unwrap_or(RawDoc::EMPTY).as_bytes());
    let mut key = Vec::with_capacity(24 + shape.key.len() + parts.iter().map(|part| part.len()).sum::<usize>());
    key.extend_from_slice(shared.uuid());
    key.extend_from_slice(&shared.indexes_version().to_le_bytes());
    // Each part says its own length, and the shape is what is left.
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key.extend_from_slice(&shape.key);
    key
}
