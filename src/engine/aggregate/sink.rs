//! Stages that write: `$out` and `$merge`.
//!
//! Results are gathered in portions, and a portion is written while the pipeline holds neither lock nor snapshot.

use std::sync::Arc;

use smongo_compiler::ir::pipeline::{CollectionName, WhenNotMatched};
use smongo_compiler::{CompiledMerge, CompiledStage, CompiledWhenMatched};
use smongo_vm::Code;
use smongo_vm::collation::Collation;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, FieldPath, OwnedValue, RawDoc, Value};

use crate::catalog::is_a_view;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::exec::op::value_at;
use crate::exec::{Executor, Flow, environment, interrupter};
use crate::object_id;
use crate::request::{
    AggregateRequest, CountRequest, CreateIndexesRequest, CreateRequest, InsertRequest, Namespace, OpContext,
    UpdateRequest, UpdateStatement, WriteOptions,
};

/// Most documents of one portion.
const PORTION_DOCUMENTS_MAX: usize = 1000;

/// Most bytes of one portion, but for its last document.
const PORTION_BYTES_MAX: usize = 16 * 1024 * 1024;

impl Engine {
    /// Runs a pipeline that ends in a writing stage.
    pub(super) fn write_results(
        &self,
        op: &OpContext,
        request: &AggregateRequest<'_>,
        executor: &mut Executor,
        sink: &CompiledStage,
    ) -> Result<()> {
        let options =
            WriteOptions { bypass_document_validation: request.bypass_document_validation, ..WriteOptions::default() };
        match sink {
            CompiledStage::Out(target) => self.out(op, executor, target, options)?,
            CompiledStage::Merge(merge) => Merger::new(self, op, merge, options)?.run(executor)?,
            _ => return Err(Error::new(Code::INTERNAL_ERROR, "a pipeline ends in a stage that does not write")),
        }
        if request.journal { self.sync_log() } else { Ok(()) }
    }

    /// `$out`: the results take the collection's place once they are complete, and keep its options and indexes.
    fn out(
        &self,
        op: &OpContext,
        executor: &mut Executor,
        target: &CollectionName,
        options: WriteOptions,
    ) -> Result<()> {
        let target = self.writable(target)?;
        let id = object_id::generate();
        let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let temporary = Namespace::trusted(target.db(), &format!("tmp.agg_out.{name}"));
        let known = self.catalog.get(&target);
        if known.as_ref().is_some_and(|coll| coll.options().get("capped").is_some()) {
            let message = format!("namespace '{target}' is capped so it can't be used for $out");
            return Err(Error::new(Code(17152), message));
        }
        let indexes: Vec<DocBuf> = match &known {
            Some(coll) => coll.share()?.indexes().iter().map(|index| index.entry().spec.clone()).collect(),
            None => Vec::new(),
        };
        let known = known.map(|coll| coll.options()).unwrap_or_default();
        self.create_collection(op, &CreateRequest { ns: temporary.clone(), options: &known })?;
        let written = self
            .make_indexes(op, &temporary, &indexes)
            .and_then(|()| {
                self.in_portions(op, executor, &mut |portion| self.insert_all(op, &temporary, portion, options))
            })
            .and_then(|()| self.rename_collection(op, &temporary, &target, true));
        if written.is_err() {
            // What went wrong first is what the client must hear of.
            let _ = self.drop_collection(op, &temporary);
        }
        written
    }

    /// The collection that a stage writes to.
    fn writable(&self, target: &CollectionName) -> Result<Namespace> {
        let ns = Namespace::new(&target.db, &target.coll)?;
        ns.check_creatable()?;
        match self.catalog.is_view(&ns) {
            true => Err(is_a_view(&ns)),
            false => Ok(ns),
        }
    }

    fn make_indexes(&self, op: &OpContext, ns: &Namespace, specs: &[DocBuf]) -> Result<()> {
        let specs: Vec<&RawDoc> = specs.iter().map(DocBuf::as_doc).collect();
        let request = CreateIndexesRequest { ns: ns.clone(), specs: &specs, ignore_unknown_options: true };
        self.create_indexes(op, &request).map(|_| ())
    }

    fn insert_all(&self, op: &OpContext, ns: &Namespace, docs: &[DocBuf], options: WriteOptions) -> Result<()> {
        let documents: Vec<&RawDoc> = docs.iter().map(DocBuf::as_doc).collect();
        let reply = self.insert(op, &InsertRequest { ns: ns.clone(), documents: &documents, options })?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn in_portions(
        &self,
        op: &OpContext,
        executor: &mut Executor,
        write: &mut dyn FnMut(&[DocBuf]) -> Result<()>,
    ) -> Result<()> {
        let mut portion: Vec<DocBuf> = Vec::new();
        loop {
            let mut bytes = 0;
            executor.run(&self.storage, op, &mut |doc| {
                bytes += doc.as_bytes().len();
                portion.push(doc.into());
                let full = portion.len() >= PORTION_DOCUMENTS_MAX || bytes >= PORTION_BYTES_MAX;
                Ok(if full { Flow::Stop } else { Flow::Continue })
            })?;
            if portion.is_empty() {
                return Ok(());
            }
            write(&portion)?;
            portion.clear();
        }
    }
}

/// `$merge` at work.
struct Merger<'e> {
    engine: &'e Engine,
    op: &'e OpContext,
    merge: &'e CompiledMerge,
    ns: Namespace,
    on: Vec<FieldPath>,
    options: WriteOptions,
    machine: Machine,
    /// `[{$replaceWith: {$mergeObjects: ["$$ROOT", "$$new"]}}]`.
    merging: DocBuf,
    /// By which documents are found, whatever the target's own collation.
    collation: DocBuf,
}

impl<'e> Merger<'e> {
    fn new(engine: &'e Engine, op: &'e OpContext, merge: &'e CompiledMerge, options: WriteOptions) -> Result<Self> {
        let ns = engine.writable(&merge.into)?;
        let on: Vec<FieldPath> = match &merge.on {
            None => vec![FieldPath::new("_id")],
            Some(fields) => fields.iter().map(|field| FieldPath::new(field)).collect(),
        };
        check_unique(engine, &ns, &on, merge.collation.as_ref())?;
        let collation = match &merge.collation {
            Some(collation) => collation.options().to_doc(),
            None => DocBuf::build(|simple| simple.string("locale", "simple")),
        };
        let merging = DocBuf::build(|holder| {
            holder.array("", |stages| {
                stages.document(|stage| {
                    stage.document("$replaceWith", |call| {
                        call.array("$mergeObjects", |parts| {
                            parts.value(Value::string("$$ROOT"));
                            parts.value(Value::string("$$new"));
                        });
                    });
                });
            });
        });
        Ok(Self { engine, op, merge, ns, on, options, machine: Machine::new(), merging, collation })
    }

    fn run(&mut self, executor: &mut Executor) -> Result<()> {
        let (engine, op) = (self.engine, self.op);
        // A target that gets nothing is made all the same.
        engine.catalog.get_or_create(&self.ns)?;
        engine.in_portions(op, executor, &mut |portion| portion.iter().try_for_each(|doc| self.one(doc)))
    }

    fn one(&mut self, doc: &RawDoc) -> Result<()> {
        // A document that is found by other fields keeps the `_id` it has.
        let by_id = self.on.iter().any(|path| path.components().first().is_some_and(|first| first.name() == "_id"));
        let identified = if by_id { with_id(doc) } else { None };
        let doc = identified.as_deref().unwrap_or(doc);
        let filter = self.filter(doc)?;
        match self.write_matched(doc, &filter)? {
            true => Ok(()),
            false => match self.merge.when_not_matched {
                WhenNotMatched::Discard => Ok(()),
                WhenNotMatched::Insert => {
                    let new = with_id(doc).unwrap_or_else(|| doc.into());
                    let inserted = self.engine.insert_all(self.op, &self.ns, &[new], self.options);
                    match inserted {
                        // Somebody else inserted it since: now it is there.
                        Err(error)
                            if error.code() == Code::DUPLICATE_KEY.0
                                && !matches!(self.merge.when_matched, CompiledWhenMatched::Fail)
                                && self.write_matched(doc, &filter)? =>
                        {
                            Ok(())
                        }
                        other => other,
                    }
                }
                WhenNotMatched::Fail => Err(Error::new(
                    Code::MERGE_STAGE_NO_MATCHING_DOCUMENT,
                    "$merge could not find a matching document in the target collection for at least one document \
                     in the source collection",
                )),
            },
        }
    }

    /// Does what is to be done about the document that is there already; `false` when there is none.
    fn write_matched(&mut self, doc: &RawDoc, filter: &RawDoc) -> Result<bool> {
        let merge = self.merge;
        match &merge.when_matched {
            CompiledWhenMatched::Fail if merge.when_not_matched == WhenNotMatched::Insert => Ok(false),
            CompiledWhenMatched::Fail | CompiledWhenMatched::KeepExisting => {
                let collation = Some(&*self.collation);
                let request = CountRequest { filter, collation, limit: Some(1), ..CountRequest::new(self.ns.clone()) };
                let found = self.engine.count(self.op, &request)? > 0;
                if found && matches!(merge.when_matched, CompiledWhenMatched::Fail) {
                    return Err(Error::new(Code::DUPLICATE_KEY, "$merge found a document that is there already"));
                }
                Ok(found)
            }
            CompiledWhenMatched::Replace => self.update(filter, Value::document(doc), None),
            CompiledWhenMatched::Merge => {
                let variables = DocBuf::build(|variables| quoted(variables, "new", Value::document(doc)));
                let merging = self.merging.clone();
                self.update(filter, merging.get("").unwrap_or(Value::NOTHING), Some(&variables))
            }
            CompiledWhenMatched::Pipeline { stages, bindings } => {
                let variables = self.variables(bindings, doc)?;
                self.update(filter, stages.get(), Some(&variables))
            }
        }
    }

    fn update(&self, filter: &RawDoc, update: Value<'_>, variables: Option<&RawDoc>) -> Result<bool> {
        let collation = Some(&*self.collation);
        let statements = [UpdateStatement { collation, ..UpdateStatement::new(filter, update) }];
        let request = UpdateRequest {
            ns: self.ns.clone(),
            statements: &statements,
            let_variables: variables,
            options: self.options,
        };
        let reply = self.engine.update(self.op, &request)?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(reply.matched > 0),
        }
    }

    /// The variables of the update pipeline, as literals.
    fn variables(&mut self, bindings: &[(String, Arc<Program>)], doc: &RawDoc) -> Result<DocBuf> {
        let interrupt = interrupter(self.op);
        let env = environment(self.op, &[], &interrupt);
        let machine = &mut self.machine;
        DocBuf::try_build(|variables| {
            for (name, program) in bindings {
                let value = OwnedValue::from(machine.compute(program, doc, &env, None)?);
                quoted(variables, name, value.get());
            }
            Ok(())
        })
    }

    /// The filter that finds the document which is there already.
    fn filter(&self, doc: &RawDoc) -> Result<DocBuf> {
        let mut filter = Vec::new();
        let mut out = DocWriter::new(&mut filter);
        for path in &self.on {
            let value = value_at(doc, path);
            let refuse = |code, what: &str| {
                Err(Error::new(Code(code), format!("$merge write error: 'on' field '{path}' cannot be {what}")))
            };
            if value.is_nullish() && path.len() == 1 && path.components()[0].name() == "_id" && !value.is_nothing() {
                // A document may well have null as its `_id`.
            } else if value.is_nullish() {
                return refuse(51132, "missing, null or undefined");
            } else if value.as_array().is_some() {
                return refuse(51185, "an array");
            }
            out.document(&path.to_string(), |test| test.value("$eq", value));
        }
        out.finish();
        Ok(DocBuf::from_vec(filter).unwrap_or_default())
    }
}

/// `name: {$literal: value}`.
fn quoted(out: &mut DocWriter<'_, Vec<u8>>, name: &str, value: Value<'_>) {
    out.document(name, |literal| literal.value("$literal", value));
}

/// The document with a new `_id` in front, when it has none.
fn with_id(doc: &RawDoc) -> Option<DocBuf> {
    if doc.get("_id").is_some() {
        return None;
    }
    let id = object_id::generate();
    Some(DocBuf::build(|out| {
        out.value("_id", Value::object_id(&id));
        out.elements_of(doc);
    }))
}

/// Fails unless the fields that tell documents apart can do so.
fn check_unique(engine: &Engine, ns: &Namespace, on: &[FieldPath], collation: Option<&Arc<Collation>>) -> Result<()> {
    let names: Vec<String> = on.iter().map(FieldPath::to_string).collect();
    let is_unique = match engine.catalog.get(ns) {
        None => names == ["_id"],
        Some(coll) if names == ["_id"] => coll.collation() == collation,
        Some(coll) => coll.share()?.indexes().iter().any(|index| {
            let unique = index.entry().spec.get("unique").and_then(Value::as_bool) == Some(true);
            let partial = index.entry().spec.get("partialFilterExpression").is_some();
            let fields: Vec<&str> = index.key_pattern().iter().map(|field| field.name_str()).collect();
            let same = fields.len() == names.len() && names.iter().all(|name| fields.contains(&name.as_str()));
            unique && !partial && same && index.description().collation.as_ref() == collation
        }),
    };
    if is_unique {
        return Ok(());
    }
    Err(Error::new(Code(51183), "Cannot find index to verify that join fields will be unique"))
}
