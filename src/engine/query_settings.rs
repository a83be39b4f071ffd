//! Query settings: setting and removing them, storing them, and finding those of a query.

use std::sync::Arc;

use smongo_compiler::explain::{filter_document, shape_document};
use smongo_compiler::ir::Filter;
use smongo_compiler::{ParseContext, compile_filter, compile_pipeline};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Engine;
use crate::collation;
use crate::error::{Error, Result};
use crate::exec::declare_variables;
use crate::plan_cache::hashes;
use crate::query_settings::QuerySetting;
use crate::request::{AggregateRequest, Explained, Namespace};
use crate::system_docs;

/// The `_id` of the cluster parameter that holds the settings.
const PARAMETER: &str = "querySettings";

/// What queries are alike by.
pub(crate) struct QueryShape {
    /// `queryShapeHash`.
    pub hash: String,
    /// The shape as a document, for who wants to look at it.
    pub debug: DocBuf,
    /// Whether a query of this shape finds one document by its `_id`.
    pub is_id_lookup: bool,
}

/// The parts of a query that make its shape, besides its filter.
struct Named<'n> {
    command: &'static str,
    ns: &'n Namespace,
    /// What else distinguishes queries: the key of a distinct, the later stages of a pipeline.
    key: String,
}

impl Engine {
    /// The shape of a query; `None` for commands whose queries have none.
    pub(crate) fn query_shape(&self, explained: &Explained<'_>) -> Result<Option<QueryShape>> {
        match explained {
            Explained::Find(find) => {
                let mut context = self.shape_context(&find.ns, find.collation)?;
                if let Some(variables) = find.let_variables {
                    declare_variables(variables, &mut context)?;
                }
                let compiled = compile_filter(find.filter, &mut context)?;
                let rest = hashes::Rest { sort: find.sort, projection: find.projection, collation: find.collation };
                let named = Named { command: "find", ns: &find.ns, key: String::new() };
                Ok(Some(shape_of(&named, &compiled.ir, &rest, compiled.only_id_equality().is_some())))
            }
            Explained::Distinct(distinct) => {
                let mut context = self.shape_context(&distinct.ns, distinct.collation)?;
                let compiled = compile_filter(distinct.filter, &mut context)?;
                let rest = hashes::Rest { collation: distinct.collation, ..hashes::Rest::default() };
                let named = Named { command: "distinct", ns: &distinct.ns, key: distinct.key.to_owned() };
                Ok(Some(shape_of(&named, &compiled.ir, &rest, false)))
            }
            Explained::Aggregate(aggregate) => self.pipeline_shape(aggregate).map(Some),
            Explained::Count(_) | Explained::Update(..) | Explained::Delete(..) | Explained::FindAndModify(_) => {
                Ok(None)
            }
        }
    }

    fn pipeline_shape(&self, request: &AggregateRequest<'_>) -> Result<QueryShape> {
        let mut context = self.shape_context(&request.ns, request.collation)?.with_views(self.catalog.views());
        if let Some(variables) = request.let_variables {
            declare_variables(variables, &mut context)?;
        }
        let compiled = compile_pipeline(request.pipeline, request.ns.db(), request.has_collection, &mut context)?;
        let filter = compile_filter(&compiled.lead.filter, &mut context)?;
        let rest = hashes::Rest {
            sort: compiled.lead.sort.as_ref().map(DocBuf::as_doc),
            collation: request.collation,
            ..hashes::Rest::default()
        };
        let key = request.pipeline.values().skip(1).map(|stage| format!("{stage:?}")).collect();
        Ok(shape_of(&Named { command: "aggregate", ns: &request.ns, key }, &filter.ir, &rest, false))
    }

    fn shape_context(&self, ns: &Namespace, requested: Option<&RawDoc>) -> Result<ParseContext> {
        let coll = self.catalog.get(ns);
        let collation = collation::of_request(requested, coll.as_ref().and_then(|coll| coll.collation()))?;
        Ok(ParseContext::new().with_collation(collation))
    }

    /// The settings of a query, when there are any for its shape.
    pub(super) fn settings_of(&self, explained: &Explained<'_>) -> Result<Option<Arc<QuerySetting>>> {
        if !self.query_settings.any() {
            return Ok(None);
        }
        Ok(self.query_shape(explained)?.and_then(|shape| self.query_settings.get(&shape.hash)))
    }

    /// The same for a query that is to run; fails where the settings refuse it.
    pub(super) fn settings_to_run<'r>(
        &self,
        query: impl FnOnce() -> Explained<'r>,
    ) -> Result<Option<Arc<QuerySetting>>> {
        if !self.query_settings.any() {
            return Ok(None);
        }
        let settings = self.settings_of(&query())?;
        if settings.as_ref().is_some_and(|settings| settings.is_rejected()) {
            return Err(Error::new(Code(411), "Query rejected by admin query settings"));
        }
        Ok(settings)
    }

    /// The settings of a shape.
    pub(crate) fn query_setting(&self, hash: &str) -> Option<Arc<QuerySetting>> {
        self.query_settings.get(hash)
    }

    /// Sets the settings of a shape, in place of those that it has.
    pub(crate) fn set_query_setting(&self, setting: QuerySetting) -> Result<()> {
        let mut list = self.query_settings.list();
        let setting = Arc::new(setting);
        match list.iter_mut().find(|other| other.hash == setting.hash) {
            Some(other) => *other = setting,
            None => list.push(setting),
        }
        self.store_query_settings(list)
    }

    /// Removes the settings of a shape, if it has any.
    pub(crate) fn remove_query_setting(&self, hash: &str) -> Result<()> {
        let list: Vec<_> = self.query_settings.list();
        if list.iter().all(|setting| setting.hash != hash) {
            return Ok(());
        }
        self.store_query_settings(list.into_iter().filter(|setting| setting.hash != hash).collect())
    }

    fn store_query_settings(&self, list: Vec<Arc<QuerySetting>>) -> Result<()> {
        let parameter = DocBuf::build(|doc| {
            doc.string("_id", PARAMETER);
            doc.array("settingsArray", |array| {
                list.iter().for_each(|setting| array.value(Value::document(&document(setting, true))));
            });
        });
        system_docs::put(self, &Namespace::new("config", "clusterParameters")?, &parameter)?;
        self.query_settings.replace(list);
        Ok(())
    }

    /// Reads the settings that earlier runs stored.
    pub(super) fn load_query_settings(&self) -> Result<()> {
        let stored = system_docs::get(self, &Namespace::new("config", "clusterParameters")?, PARAMETER)?;
        let Some(stored) = stored else { return Ok(()) };
        let list = stored.get("settingsArray").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY);
        let setting = |value: Value<'_>| {
            let doc = value.as_doc()?;
            let inner = |name: &str| doc.get(name).and_then(Value::as_doc);
            let hash = doc.get("queryShapeHash").and_then(Value::as_str)?;
            let (representative, debug) = (inner("representativeQuery"), inner("debugQueryShape"));
            let settings = inner("settings")?;
            Some(Arc::new(QuerySetting::new(hash, settings, representative.map(DocBuf::from), debug.map(DocBuf::from))))
        };
        self.query_settings.replace(list.values().filter_map(setting).collect());
        Ok(())
    }

    /// All settings, as `$querySettings` shows them.
    pub(super) fn query_settings_documents(&self, show_debug_shape: bool) -> Vec<DocBuf> {
        self.query_settings.list().iter().map(|setting| document(setting, show_debug_shape)).collect()
    }
}

fn document(setting: &QuerySetting, show_debug_shape: bool) -> DocBuf {
    DocBuf::build(|doc| {
        doc.string("queryShapeHash", &setting.hash);
        doc.value("settings", Value::document(&setting.settings));
        if let Some(representative) = &setting.representative {
            doc.value("representativeQuery", Value::document(representative));
        }
        if let Some(debug) = setting.debug_shape.as_ref().filter(|_| show_debug_shape) {
            doc.value("debugQueryShape", Value::document(debug));
        }
    })
}

fn shape_of(named: &Named<'_>, filter: &Filter, rest: &hashes::Rest<'_>, is_id_lookup: bool) -> QueryShape {
    let Named { command, ns, key } = named;
    let debug = DocBuf::build(|doc| {
        doc.document("cmdNs", |cmd| {
            cmd.string("db", ns.db());
            cmd.string("coll", ns.coll());
        });
        doc.string("command", command);
        doc.value("filter", Value::document(&shape_document(&filter_document(filter))));
        for (name, part) in [("sort", rest.sort), ("projection", rest.projection), ("collation", rest.collation)] {
            if let Some(part) = part {
                doc.value(name, Value::document(part));
            }
        }
    });
    QueryShape { hash: hashes::query_shape_hash(command, ns.full(), key, filter, rest), debug, is_id_lookup }
}
