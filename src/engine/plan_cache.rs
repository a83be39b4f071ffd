//! The plan cache and index filters as administrators see them.

use smongo_compiler::{CompiledFilter, ParseContext, compile_filter, compile_projection, compile_sort};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value};

use super::Engine;
use crate::error::{Error, Result};
use crate::plan_cache::{IndexFilter, PlanCacheCounts, hashes};
use crate::request::{Namespace, ShapeRequest};

impl Engine {
    /// How the plan cache has been used.
    pub fn plan_cache_counts(&self) -> PlanCacheCounts {
        self.catalog.plan_cache().counts()
    }

    /// Forgets the plans of a collection: those of a shape, or all.
    pub fn clear_plans(&self, ns: &Namespace, shape: Option<&ShapeRequest<'_>>) -> Result<()> {
        let shape = shape.map(shape_of).transpose()?;
        if let Some(coll) = self.catalog.readable(ns) {
            self.catalog
                .plan_cache()
                .clear(coll.uuid(), |query| shape.as_ref().is_none_or(|shape| query.shape() == *shape));
        }
        Ok(())
    }

    /// Sets which indexes plans of a shape may use.
    pub fn set_index_filter(&self, ns: &Namespace, shape: &ShapeRequest<'_>, indexes: Vec<OwnedValue>) -> Result<()> {
        let Some(coll) = self.catalog.readable(ns) else {
            return Err(Error::new(Code::BAD_VALUE, "no such collection"));
        };
        let words = |part: Option<&RawDoc>| DocBuf::from(part.unwrap_or(RawDoc::EMPTY));
        let filter = IndexFilter {
            shape: shape_of(shape)?,
            query: shape.query.into(),
            sort: words(shape.sort),
            projection: words(shape.projection),
            collation: words(shape.collation),
            indexes,
        };
        let cache = self.catalog.plan_cache();
        cache.clear(coll.uuid(), |query| query.shape() == filter.shape);
        cache.index_filters.set(*coll.uuid(), filter);
        Ok(())
    }

    /// Removes the index filter of a shape, or all of a collection's.
    pub fn clear_index_filters(&self, ns: &Namespace, shape: Option<&ShapeRequest<'_>>) -> Result<()> {
        let shape = shape.map(shape_of).transpose()?;
        if let Some(coll) = self.catalog.readable(ns) {
            self.catalog.plan_cache().index_filters.clear(coll.uuid(), shape.as_deref());
        }
        Ok(())
    }

    /// The index filters of a collection, as `planCacheListFilters` shows them.
    pub fn index_filters(&self, ns: &Namespace) -> Vec<DocBuf> {
        let Some(coll) = self.catalog.readable(ns) else { return Vec::new() };
        let filters = self.catalog.plan_cache().index_filters.of_collection(coll.uuid());
        let shown = |filter: &IndexFilter| {
            DocBuf::build(|doc| {
                doc.value("query", Value::document(&filter.query));
                doc.value("sort", Value::document(&filter.sort));
                doc.value("projection", Value::document(&filter.projection));
                if !filter.collation.is_empty() {
                    doc.value("collation", Value::document(&filter.collation));
                }
                doc.array("indexes", |indexes| filter.indexes.iter().for_each(|index| indexes.value(index.get())));
            })
        };
        filters.iter().map(shown).collect()
    }

    /// What the plan cache has of a collection, as `$planCacheStats` shows it.
    pub(super) fn cached_plans(&self, ns: &Namespace, host: &str) -> Result<Vec<DocBuf>> {
        let Some(coll) = self.catalog.readable(ns) else { return Ok(Vec::new()) };
        let shared = coll.share()?;
        let queries = self.catalog.plan_cache().of_collection(shared.uuid(), shared.indexes_version());
        let names = || shared.indexes().iter().map(|index| index.name());
        let filters = &self.catalog.plan_cache().index_filters;
        let shown = queries.iter().map(|query| {
            let shape = query.shape();
            let hash = hashes::plan_shape_hash(&shape);
            DocBuf::build(|doc| {
                doc.string("version", "1");
                doc.string("queryHash", &hash);
                doc.string("planCacheShapeHash", &hash);
                doc.string("planCacheKey", &hashes::plan_key(&shape, names()));
                doc.value("isActive", Value::bool(query.choice().is_some()));
                doc.value("works", Value::int64(0));
                doc.value("timeOfCreation", Value::date_time(query.created_millis));
                doc.document("createdFromQuery", |from| {
                    from.value("query", Value::document(&query.example.filter));
                    from.value("sort", Value::document(&query.example.sort));
                    from.value("projection", Value::document(&query.example.projection));
                });
                doc.document("cachedPlan", |plan| match query.choice() {
                    Some(crate::plan_cache::Choice::Index(at)) => {
                        plan.string("stage", "FETCH");
                        plan.document("inputStage", |scan| {
                            scan.string("stage", "IXSCAN");
                            if let Some(index) = shared.indexes().get(at) {
                                scan.value("keyPattern", Value::document(index.key_pattern()));
                                scan.string("indexName", index.name());
                            }
                        });
                    }
                    _ => plan.string("stage", "COLLSCAN"),
                });
                let filter = filters.find(shared.uuid(), || shape.clone());
                doc.value("indexFilterSet", Value::bool(filter.is_some()));
                doc.value("estimatedSizeBytes", Value::integer(query.bytes() as i64));
                doc.string("host", host);
            })
        });
        Ok(shown.collect())
    }
}

/// The text of the shape that a request describes. What is wrong with it is found here.
fn shape_of(request: &ShapeRequest<'_>) -> Result<String> {
    let mut context = ParseContext::new();
    let CompiledFilter { ir, .. } = compile_filter(request.query, &mut context)?;
    if let Some(sort) = request.sort {
        compile_sort(sort, &context)?;
    }
    if let Some(projection) = request.projection {
        compile_projection(projection, &mut context)?;
    }
    let rest = hashes::Rest { sort: request.sort, projection: request.projection, collation: request.collation };
    Ok(hashes::plan_shape(&ir, &rest))
}
