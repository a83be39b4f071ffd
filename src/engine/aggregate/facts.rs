//! The documents of stages that tell facts about a collection.

use smongo_compiler::ir::pipeline::Facts;
use smongo_vm::value::{DocBuf, DocWriter, Value};

use super::no_collection;
use crate::engine::{CollectionStats, Engine};
use crate::error::Result;
use crate::request::{Namespace, wall_clock_millis};

impl Engine {
    /// The documents of such a stage; `host` is how the server is known to its clients.
    pub(super) fn facts(&self, ns: &Namespace, host: &str, facts: &Facts) -> Result<Vec<DocBuf>> {
        match facts {
            Facts::CollStats { count, storage_scale, latency, scans } => {
                let wants_storage = *count || storage_scale.is_some();
                let stats = match self.catalog.is_view(ns) && !wants_storage {
                    true => None,
                    false => self.collection_stats(ns)?,
                };
                if wants_storage && stats.is_none() {
                    return Err(no_collection(ns));
                }
                let stats = stats.unwrap_or_default();
                Ok(vec![DocBuf::build(|doc| {
                    doc.string("ns", ns.full());
                    doc.string("host", host);
                    doc.value("localTime", Value::date_time(wall_clock_millis()));
                    if *latency {
                        doc.document("latencyStats", write_latencies);
                    }
                    if let Some(scale) = storage_scale {
                        doc.document("storageStats", |doc| write_storage(doc, &stats, *scale));
                    }
                    if *count {
                        doc.value("count", integer(stats.count));
                    }
                    if *scans {
                        doc.document("queryExecStats", |doc| doc.document("collectionScans", write_scans));
                    }
                })])
            }
            Facts::IndexStats => self.index_stats(ns, host),
            Facts::PlanCacheStats => self.cached_plans(ns, host),
        }
    }

    fn index_stats(&self, ns: &Namespace, host: &str) -> Result<Vec<DocBuf>> {
        let Some(coll) = self.catalog.readable(ns) else { return Ok(Vec::new()) };
        let shared = coll.share()?;
        let describe = |index: &std::sync::Arc<crate::index::Index>| {
            DocBuf::build(|doc| {
                doc.string("name", index.name());
                doc.value("key", Value::document(index.key_pattern()));
                doc.string("host", host);
                doc.document("accesses", |accesses| {
                    accesses.value("ops", Value::int64(0));
                    accesses.value("since", Value::date_time(wall_clock_millis()));
                });
                doc.value("spec", Value::document(&index.entry().spec));
            })
        };
        Ok(shared.indexes().iter().map(describe).collect())
    }
}

fn write_scans(doc: &mut DocWriter<'_, Vec<u8>>) {
    doc.value("total", Value::int64(0));
    doc.value("nonTailable", Value::int64(0));
}

fn write_latencies(doc: &mut DocWriter<'_, Vec<u8>>) {
    for kind in ["reads", "writes", "commands", "transactions"] {
        doc.document(kind, |latencies| {
            latencies.value("latency", Value::int64(0));
            latencies.value("ops", Value::int64(0));
            latencies.value("queryableEncryptionLatencyMicros", Value::int64(0));
        });
    }
}

fn write_storage(doc: &mut DocWriter<'_, Vec<u8>>, stats: &CollectionStats, scale: u64) {
    let scaled = |bytes: u64| integer(bytes / scale.max(1));
    let index_bytes: u64 = stats.index_sizes.iter().map(|(_, bytes)| bytes).sum();
    doc.value("size", scaled(stats.size_bytes));
    doc.value("count", integer(stats.count));
    if stats.count > 0 {
        doc.value("avgObjSize", integer(stats.avg_obj_size_bytes));
    }
    doc.value("numOrphanDocs", Value::int32(0));
    doc.value("storageSize", scaled(stats.storage_size_bytes));
    doc.value("freeStorageSize", Value::int32(0));
    doc.value("capped", Value::FALSE);
    doc.value("nindexes", integer(stats.index_sizes.len() as u64));
    doc.document("indexDetails", |_| ());
    doc.array("indexBuilds", |_| ());
    doc.value("totalIndexSize", scaled(index_bytes));
    doc.value("totalSize", scaled(stats.storage_size_bytes + index_bytes));
    doc.document("indexSizes", |sizes| {
        for (name, bytes) in &stats.index_sizes {
            sizes.value(name, scaled(*bytes));
        }
    });
    doc.value("scaleFactor", integer(scale));
}

fn integer(n: u64) -> Value<'static> {
    Value::integer(i64::try_from(n).unwrap_or(i64::MAX))
}
