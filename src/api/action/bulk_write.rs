//! `bulk_write`: writes of several kinds, on several collections, in one go.

use std::marker::PhantomData;

use bson::{Bson, Document, doc};

use super::options::{Options, setters};
use super::run_command::CommandCursor;
use super::update::only_operators;
use crate::api::backend::Backend;
use crate::api::convert::to_doc;
use crate::api::models::{Namespace, SummaryBulkWriteResult, VerboseBulkWriteResult, WriteModel};
use crate::api::{DeleteResult, InsertOneResult, UpdateModifications, UpdateResult};
use crate::error::{Error, Result, WriteError};
use crate::object_id;

/// Runs several writes. `R` is what they give: numbers, or the result of each.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct BulkWrite<'a, R> {
    backend: &'a Backend,
    models: Vec<WriteModel>,
    options: Options,
    kind: PhantomData<fn() -> R>,
}

impl<'a> BulkWrite<'a, SummaryBulkWriteResult> {
    pub(crate) fn new(backend: &'a Backend, models: Vec<WriteModel>) -> Self {
        Self { backend, models, options: Options::default(), kind: PhantomData }
    }

    /// Gives the result of each write.
    pub fn verbose_results(self) -> BulkWrite<'a, VerboseBulkWriteResult> {
        let Self { backend, models, options, .. } = self;
        BulkWrite { backend, models, options, kind: PhantomData }
    }

    /// Runs the writes. When some fail, the error says which.
    pub fn run(self) -> Result<SummaryBulkWriteResult> {
        Ok(self.write(true)?.summary)
    }
}

impl BulkWrite<'_, VerboseBulkWriteResult> {
    /// Runs the writes. When some fail, the error says which.
    pub fn run(self) -> Result<VerboseBulkWriteResult> {
        self.write(false)
    }
}

impl<R> BulkWrite<'_, R> {
    setters! {
        /// Whether the first write that fails ends the work. Default: yes.
        ordered(bool) => "ordered";
        /// Whether validators are left out.
        bypass_document_validation(bool) => "bypassDocumentValidation";
        /// Variables for `$expr` and pipelines.
        let_vars(Document) => "let";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
    }

    /// Waits until the changes are on the storage device.
    pub fn journal(mut self, journal: bool) -> Self {
        self.options.set("writeConcern", doc! { "j": journal });
        self
    }

    fn write(self, errors_only: bool) -> Result<VerboseBulkWriteResult> {
        let mut namespaces: Vec<Namespace> = Vec::new();
        let mut ops = Vec::new();
        let mut result = VerboseBulkWriteResult::default();
        for (at, model) in self.models.into_iter().enumerate() {
            let op = Op::new(model)?;
            let place = namespaces.iter().position(|ns| *ns == op.namespace).unwrap_or(namespaces.len());
            if place == namespaces.len() {
                namespaces.push(op.namespace);
            }
            if let Some(inserted_id) = op.inserted_id {
                result.insert_results.insert(at, InsertOneResult { inserted_id });
            }
            let mut document = doc! { op.verb: i32::try_from(place).unwrap_or(i32::MAX) };
            document.extend(op.fields);
            ops.push((op.verb, document));
        }
        let verbs: Vec<&str> = ops.iter().map(|(verb, _)| *verb).collect();
        let ops: Vec<Document> = ops.into_iter().map(|(_, op)| op).collect();
        let namespaces: Vec<Document> = namespaces.iter().map(|ns| doc! { "ns": ns.to_string() }).collect();
        let mut command = doc! { "bulkWrite": 1, "errorsOnly": errors_only, "ops": ops, "nsInfo": namespaces };
        command.extend(self.options.document().clone());
        let command = to_doc(&command)?;
        let (reply, cursor) = CommandCursor::<Document>::open_with_reply(self.backend, "admin", &command, None)?;
        let count = |name: &str| reply.get(name).and_then(|value| value.as_integer()).unwrap_or(0);
        result.summary = SummaryBulkWriteResult {
            inserted_count: count("nInserted"),
            matched_count: count("nMatched"),
            modified_count: count("nModified"),
            upserted_count: count("nUpserted"),
            deleted_count: count("nDeleted"),
        };
        let mut failures = Vec::new();
        for entry in cursor {
            let entry = entry?;
            let number = |name: &str| match entry.get(name) {
                Some(Bson::Int32(number)) => i64::from(*number),
                Some(Bson::Int64(number)) => *number,
                // Positions and counts come as doubles from some servers.
                Some(Bson::Double(number)) => *number as i64,
                _ => 0,
            };
            let count = |name: &str| u64::try_from(number(name)).unwrap_or(0);
            let at = usize::try_from(number("idx")).unwrap_or(usize::MAX);
            if number("code") != 0 {
                result.insert_results.remove(&at);
                failures.push(WriteError {
                    index: u32::try_from(at).unwrap_or(u32::MAX),
                    code: i32::try_from(number("code")).unwrap_or_default(),
                    message: entry.get_str("errmsg").unwrap_or_default().to_owned(),
                    details: None,
                });
                continue;
            }
            match verbs.get(at) {
                Some(&"update") => {
                    let upserted =
                        entry.get_document("upserted").ok().and_then(|upserted| upserted.get("_id").cloned());
                    let update = UpdateResult {
                        matched_count: count("n").saturating_sub(u64::from(upserted.is_some())),
                        modified_count: count("nModified"),
                        upserted_id: upserted,
                    };
                    result.update_results.insert(at, update);
                }
                Some(&"delete") => {
                    result.delete_results.insert(at, DeleteResult { deleted_count: count("n") });
                }
                _ => {}
            }
        }
        Error::from_write_errors(failures).map_or(Ok(result), Err)
    }
}

/// One write as the command has it.
struct Op {
    verb: &'static str,
    namespace: Namespace,
    fields: Document,
    inserted_id: Option<Bson>,
}

impl Op {
    fn new(model: WriteModel) -> Result<Self> {
        let mut fields = Document::new();
        let mut put = |name: &str, value: Option<Bson>| {
            if let Some(value) = value {
                fields.insert(name, value);
            }
        };
        let mut inserted_id = None;
        let (verb, namespace) = match model {
            WriteModel::InsertOne(model) => {
                let mut document = model.document;
                let id = document.get("_id").cloned().unwrap_or_else(|| {
                    let id = Bson::ObjectId(bson::oid::ObjectId::from_bytes(object_id::generate()));
                    let rest = std::mem::replace(&mut document, doc! { "_id": id.clone() });
                    document.extend(rest);
                    id
                });
                inserted_id = Some(id);
                put("document", Some(document.into()));
                ("insert", model.namespace)
            }
            WriteModel::UpdateOne(model) => {
                put("filter", Some(model.filter.into()));
                put("updateMods", Some(modifications(model.update)?));
                put("multi", Some(false.into()));
                put("arrayFilters", model.array_filters.map(Bson::Array));
                put("collation", model.collation.map(Bson::Document));
                put("hint", model.hint);
                put("upsert", model.upsert.map(Bson::Boolean));
                put("sort", model.sort.map(Bson::Document));
                ("update", model.namespace)
            }
            WriteModel::UpdateMany(model) => {
                put("filter", Some(model.filter.into()));
                put("updateMods", Some(modifications(model.update)?));
                put("multi", Some(true.into()));
                put("arrayFilters", model.array_filters.map(Bson::Array));
                put("collation", model.collation.map(Bson::Document));
                put("hint", model.hint);
                put("upsert", model.upsert.map(Bson::Boolean));
                ("update", model.namespace)
            }
            WriteModel::ReplaceOne(model) => {
                super::replace_one::replacement_doc(&model.replacement)?;
                put("filter", Some(model.filter.into()));
                put("updateMods", Some(model.replacement.into()));
                put("multi", Some(false.into()));
                put("collation", model.collation.map(Bson::Document));
                put("hint", model.hint);
                put("upsert", model.upsert.map(Bson::Boolean));
                put("sort", model.sort.map(Bson::Document));
                ("update", model.namespace)
            }
            WriteModel::DeleteOne(model) => {
                put("filter", Some(model.filter.into()));
                put("multi", Some(false.into()));
                put("collation", model.collation.map(Bson::Document));
                put("hint", model.hint);
                ("delete", model.namespace)
            }
            WriteModel::DeleteMany(model) => {
                put("filter", Some(model.filter.into()));
                put("multi", Some(true.into()));
                put("collation", model.collation.map(Bson::Document));
                put("hint", model.hint);
                ("delete", model.namespace)
            }
        };
        Ok(Self { verb, namespace, fields, inserted_id })
    }
}

/// An update as the command has it, checked as the driver does.
fn modifications(update: UpdateModifications) -> Result<Bson> {
    Ok(match update {
        UpdateModifications::Document(document) => {
            only_operators(&document)?;
            document.into()
        }
        UpdateModifications::Pipeline(stages) => stages.into(),
    })
}
