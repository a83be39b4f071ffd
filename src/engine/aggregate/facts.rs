//! The documents of stages that tell facts about a collection, the catalog or the server.

use std::sync::Arc;

use smongo_compiler::ir::pipeline::{Facts, SessionsOf};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, DocWriter, Value};

use super::no_collection;
use crate::catalog::entry::uuid_value;
use crate::catalog::{View, collection_document, view_document};
use crate::collection::Collection;
use crate::engine::{CollectionStats, Engine};
use crate::error::{Error, Result};
use crate::request::{AggregateRequest, Namespace, wall_clock_millis};

/// The collection that sessions are written down in.
const SESSIONS: &str = "config.system.sessions";

impl Engine {
    /// The documents of such a stage.
    pub(super) fn facts(&self, request: &AggregateRequest<'_>, facts: &Facts) -> Result<Vec<DocBuf>> {
        let AggregateRequest { ns, host, .. } = request;
        let sessions = |of: &SessionsOf| request.server.map(|server| server.sessions(of)).unwrap_or_default();
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
            Facts::Operations { all_users, idle_connections } => {
                let server = request.server;
                Ok(server.map(|server| server.operations(*all_users, *idle_connections)).unwrap_or_default())
            }
            Facts::LocalSessions(of) => Ok(sessions(of)),
            Facts::Sessions(_) if ns.full() != SESSIONS => {
                let message = format!("$listSessions may only be run against {SESSIONS}");
                Err(Error::new(Code::INVALID_NAMESPACE, message))
            }
            Facts::Sessions(of) => Ok(sessions(of)),
            Facts::Users => Ok(request.server.map(|server| server.users()).unwrap_or_default()),
            Facts::Catalog => self.catalog_entries(request),
            Facts::ClusterCatalog => Ok(self.cluster_catalog(ns.db())),
            Facts::Names(names) => Ok(names.iter().map(|name| DocBuf::build(|doc| doc.string("name", name))).collect()),
            Facts::Nothing => Ok(Vec::new()),
            Facts::QuerySettings { show_debug_shape } => Ok(self.query_settings_documents(*show_debug_shape)),
        }
    }

    /// The entries of the catalog: of the request's collection, or of all.
    fn catalog_entries(&self, request: &AggregateRequest<'_>) -> Result<Vec<DocBuf>> {
        let views = self.catalog.views();
        if request.has_collection {
            if let Some(view) = views.get(&request.ns) {
                return Ok(vec![view_entry(view)]);
            }
            let coll = self.catalog.get(&request.ns);
            return coll.iter().map(collection_entry).collect();
        }
        let mut entries = Vec::new();
        for db in self.databases() {
            for coll in self.catalog.in_database(&db) {
                entries.push(collection_entry(&coll)?);
            }
            entries.extend(views.in_database(&db).iter().map(|view| view_entry(view)));
        }
        Ok(entries)
    }

    /// The collections and views of a database as a cluster shows them; of all databases when it is `admin`.
    fn cluster_catalog(&self, db: &str) -> Vec<DocBuf> {
        let views = self.catalog.views();
        let databases = if db == "admin" { self.databases() } else { vec![db.to_owned()] };
        let mut entries = Vec::new();
        for db in databases {
            let described = |ns: &Namespace, listed: &DocBuf| {
                DocBuf::build(|doc| {
                    doc.string("ns", ns.full());
                    doc.string("db", ns.db());
                    let listed = listed.iter().filter(|field| field.name() != b"name");
                    listed.for_each(|field| doc.value(field.name_str(), field.value()));
                    doc.value("sharded", Value::FALSE);
                })
            };
            let collections = self.catalog.in_database(&db);
            entries.extend(collections.iter().map(|coll| described(&coll.ns(), &collection_document(coll, false))));
            let views = views.in_database(&db);
            entries.extend(views.iter().map(|view| described(&view.ns, &view_document(view, false))));
        }
        entries
    }

    fn index_stats(&self, ns: &Namespace, host: &str) -> Result<Vec<DocBuf>> {
        let Some(coll) = self.catalog.readable(ns) else { return Ok(Vec::new()) };
        let shared = coll.share()?;
        let describe = |index: &Arc<crate::index::Index>| {
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

/// A collection's entry in the catalog.
fn collection_entry(coll: &Arc<Collection>) -> Result<DocBuf> {
    let shared = coll.share()?;
    let (ns, options) = (coll.ns(), coll.options());
    Ok(DocBuf::build(|doc| {
        doc.string("db", ns.db());
        doc.string("name", ns.coll());
        doc.string("type", "collection");
        doc.document("md", |md| {
            md.string("ns", ns.full());
            md.document("options", |md| {
                md.value("uuid", uuid_value(coll.uuid()));
                md.elements_of(&options);
            });
            md.array("indexes", |indexes| {
                for index in shared.indexes() {
                    indexes.document(|doc| {
                        doc.value("spec", Value::document(&index.entry().spec));
                        doc.value("ready", Value::TRUE);
                        doc.value("backgroundSecondary", Value::FALSE);
                    });
                }
            });
        });
        doc.document("idxIdent", |idents| {
            shared.indexes().iter().for_each(|index| idents.string(index.name(), &index.entry().ident));
        });
        doc.string("ns", ns.full());
        doc.string("ident", coll.ident());
    }))
}

/// A view's entry in the catalog.
fn view_entry(view: &View) -> DocBuf {
    DocBuf::build(|doc| {
        doc.string("db", view.ns.db());
        doc.string("name", view.ns.coll());
        doc.string("type", "view");
        doc.string("ns", view.ns.full());
        doc.string("_id", view.ns.full());
        doc.elements_of(&view.options());
    })
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
    doc.value("capped", Value::bool(stats.capped.is_some()));
    if let Some((bytes, documents)) = stats.capped {
        doc.value("max", integer(documents));
        doc.value("maxSize", scaled(bytes));
    }
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
