//! Writing: insert, update, delete, findAndModify.

use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value};

use super::{Engine, outcomes};
use crate::catalog::{SYSTEM_VIEWS, is_a_view};
use crate::collection::{Collection, id_of, stored_document};
use crate::error::{Error, Result, WriteError};
use crate::exec::{Matching, Plan, plan_matching, timestamp_of};
use crate::request::{
    DeleteReply, DeleteRequest, DeleteStatement, FindAndModifyReply, FindAndModifyRequest, InsertReply, InsertRequest,
    Modification, Namespace, OpContext, UpdateReply, UpdateRequest, UpdateStatement, Upserted, WriteOptions,
};
use crate::session::is_transient;
use crate::write::{Found, MatchedWrite, ReturnedDocument, Tally, Updater, insert_documents, insert_one};

/// How often an upsert looks again for the document that made its insert fail.
const UPSERT_ATTEMPTS_MAX: u32 = 10;

/// How often an insert looks again for a collection that was dropped under it.
const INSERT_ATTEMPTS_MAX: u32 = 100;

impl Engine {
    /// Inserts documents; makes the collection when there is none.
    pub fn insert(&self, op: &OpContext, request: &InsertRequest<'_>) -> Result<InsertReply> {
        let op = &*op.bypassing_validation(request.options.bypass_document_validation);
        if self.catalog.is_view(&request.ns) {
            return Ok(insert_into_view(request));
        }
        let mut attempts = 0;
        let reply = loop {
            let coll = self.collection_for_write(op, &request.ns)?;
            let ordered = request.options.ordered;
            match insert_documents(&self.storage, op, &coll, request.documents, ordered) {
                Err(error) if error.code() == Code::QUERY_PLAN_KILLED.0 && attempts < INSERT_ATTEMPTS_MAX => {
                    attempts += 1;
                }
                reply => break reply?,
            }
        };
        self.settle(op, &request.ns, request.options, &reply.write_errors)?;
        Ok(reply)
    }

    /// Updates documents.
    pub fn update(&self, op: &OpContext, request: &UpdateRequest<'_>) -> Result<UpdateReply> {
        let op = &*op.bypassing_validation(request.options.bypass_document_validation);
        check_retryable(op, request.statements.iter().any(|statement| statement.multi))?;
        let mut reply = UpdateReply::default();
        for (index, statement) in request.statements.iter().enumerate() {
            match self.update_statement(&op.of_statement(index), &request.ns, statement, request.let_variables) {
                Ok((tally, upserted)) => {
                    reply.matched += tally.matched;
                    reply.modified += tally.modified;
                    let index = u32::try_from(index).unwrap_or(u32::MAX);
                    reply.upserted.extend(upserted.map(|id| Upserted { index, id }));
                }
                Err(error) if ends_request(op, &error) => return Err(error),
                Err(error) => {
                    reply.write_errors.push(WriteError::new(index, error));
                    if request.options.ordered {
                        break;
                    }
                }
            }
        }
        self.settle(op, &request.ns, request.options, &reply.write_errors)?;
        Ok(reply)
    }

    /// Deletes documents.
    pub fn delete(&self, op: &OpContext, request: &DeleteRequest<'_>) -> Result<DeleteReply> {
        check_retryable(op, request.statements.iter().any(|statement| statement.multi))?;
        let mut reply = DeleteReply::default();
        for (index, statement) in request.statements.iter().enumerate() {
            match self.delete_statement(&op.of_statement(index), &request.ns, statement, request.let_variables) {
                Ok(tally) => reply.deleted += tally.matched,
                Err(error) if ends_request(op, &error) => return Err(error),
                Err(error) => {
                    reply.write_errors.push(WriteError::new(index, error));
                    if request.options.ordered {
                        break;
                    }
                }
            }
        }
        self.settle(op, &request.ns, request.options, &reply.write_errors)?;
        Ok(reply)
    }

    /// Finds one document, changes it, and gives it back as it was or as it became.
    pub fn find_and_modify(&self, op: &OpContext, request: &FindAndModifyRequest<'_>) -> Result<FindAndModifyReply> {
        let op = &*op.bypassing_validation(request.options.bypass_document_validation);
        if let Some(outcome) = op.scope().earlier_outcome() {
            return Ok(outcomes::found(outcome.as_deref()));
        }
        let reply = match request.action {
            Modification::Remove => self.find_and_remove(op, request)?,
            Modification::Update { update, upsert, return_new, array_filters } => {
                let mut attempts = 0;
                loop {
                    attempts += 1;
                    let changed = self.find_and_update(op, request, (update, array_filters), upsert, return_new);
                    match changed {
                        Err(error) if may_look_again(op, &error, upsert, attempts) => {}
                        reply => break reply?,
                    }
                }
            }
        };
        self.settle(op, &request.ns, request.options, &[])?;
        Ok(reply)
    }

    fn find_and_remove(&self, op: &OpContext, request: &FindAndModifyRequest<'_>) -> Result<FindAndModifyReply> {
        let (mut plan, coll) = self.plan_find_and_modify(op, request, false)?;
        let mut returned = ReturnedDocument::new(request.fields, &mut plan.context)?;
        let mut value = None;
        let Some(coll) = coll else { return Ok(FindAndModifyReply::default()) };
        let mut write = MatchedWrite::new(&self.storage, op, &coll, plan, false);
        let tally = write.run(&mut |row, writer| {
            let found = Found { doc: row.doc, matched_position: row.matched_position };
            value = Some(returned.of(&found, row.env)?);
            writer.delete(row.record_id, row.doc)?;
            writer.end_statement(|| outcomes::of_find_and_modify(value.as_deref(), 1, false, None));
            Ok(Tally::one(true))
        })?;
        Ok(FindAndModifyReply { value, matched: tally.matched, ..FindAndModifyReply::default() })
    }

    fn find_and_update(
        &self,
        op: &OpContext,
        request: &FindAndModifyRequest<'_>,
        (update, array_filters): (Value<'_>, Option<&RawDoc>),
        upsert: bool,
        return_new: bool,
    ) -> Result<FindAndModifyReply> {
        let (mut plan, coll) = self.plan_find_and_modify(op, request, upsert)?;
        let mut updater = Updater::new(update, array_filters, &mut plan.context)?;
        let mut returned = ReturnedDocument::new(request.fields, &mut plan.context)?;
        let Some(coll) = coll else { return Ok(FindAndModifyReply::default()) };
        let mut value = None;
        let mut write = MatchedWrite::new(&self.storage, op, &coll, plan, false);
        let tally = write.run(&mut |row, writer| {
            let tally = updater.apply(op, row, writer)?;
            let doc = if return_new { updater.updated() } else { row.doc };
            let found = Found { doc, matched_position: row.matched_position };
            value = Some(returned.of(&found, row.env)?);
            if tally.modified > 0 {
                writer.end_statement(|| outcomes::of_find_and_modify(value.as_deref(), 1, true, None));
            }
            Ok(tally)
        })?;
        if tally.matched > 0 || !upsert {
            let updated_existing = tally.matched > 0;
            return Ok(FindAndModifyReply { value, matched: tally.matched, updated_existing, upserted: None });
        }
        let doc = self.upserted(op, write.plan(), &mut updater)?;
        let value = match return_new {
            true => {
                Some(with_env(op, write.plan(), |env| returned.of(&Found { doc: &doc, matched_position: None }, env))?)
            }
            false => None,
        };
        let outcome = || outcomes::of_find_and_modify(value.as_deref(), 0, false, Some(id_of(&doc)));
        let id = insert_one(&self.storage, op, &coll, &doc, &outcome)?;
        Ok(FindAndModifyReply { value, matched: 0, updated_existing: false, upserted: Some(id) })
    }

    fn plan_find_and_modify(
        &self,
        op: &OpContext,
        request: &FindAndModifyRequest<'_>,
        create: bool,
    ) -> Result<(Plan, Option<Arc<Collection>>)> {
        self.plan_write(op, &request.ns, &find_and_modify_matching(request), create)
    }

    /// Plans a write over matches. The collection is made first when the write may need it.
    fn plan_write(
        &self,
        op: &OpContext,
        ns: &Namespace,
        matching: &Matching<'_>,
        create: bool,
    ) -> Result<(Plan, Option<Arc<Collection>>)> {
        if self.catalog.is_view(ns) {
            return Err(is_a_view(ns));
        }
        if ns.is_log() {
            ns.check_creatable()?;
        }
        if create {
            // A request that is wrong in itself must not leave a collection behind.
            plan_matching(None, matching)?;
            self.collection_for_write(op, ns)?;
        }
        self.plan_over(ns, |shared| plan_matching(shared, matching))
    }

    pub(super) fn update_statement(
        &self,
        op: &OpContext,
        ns: &Namespace,
        statement: &UpdateStatement<'_>,
        let_variables: Option<&RawDoc>,
    ) -> Result<(Tally, Option<OwnedValue>)> {
        if let Some(outcome) = op.scope().earlier_outcome() {
            return Ok(outcomes::updated(outcome.as_deref()));
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.try_update_statement(op, ns, statement, let_variables) {
                Err(error) if may_look_again(op, &error, statement.upsert, attempts) => {}
                outcome => return outcome,
            }
        }
    }

    fn try_update_statement(
        &self,
        op: &OpContext,
        ns: &Namespace,
        statement: &UpdateStatement<'_>,
        let_variables: Option<&RawDoc>,
    ) -> Result<(Tally, Option<OwnedValue>)> {
        let variables = statement.constants.map(|constants| merged(let_variables, constants));
        let matching = update_matching(statement, variables.as_deref().or(let_variables));
        let (mut plan, coll) = self.plan_write(op, ns, &matching, statement.upsert)?;
        let mut updater = Updater::new(statement.update, statement.array_filters, &mut plan.context)?;
        check_statement(statement, &updater)?;
        let Some(coll) = coll else { return Ok((Tally::default(), None)) };
        let mut write = MatchedWrite::new(&self.storage, op, &coll, plan, statement.multi);
        let tally = write.run(&mut |row, writer| {
            let tally = updater.apply(op, row, writer)?;
            if tally.modified > 0 {
                writer.end_statement(|| outcomes::of_update(1, 1, None));
            }
            Ok(tally)
        })?;
        if tally.matched > 0 || !statement.upsert {
            return Ok((tally, None));
        }
        let doc = self.upserted(op, write.plan(), &mut updater)?;
        let outcome = || outcomes::of_update(1, 0, Some(id_of(&doc)));
        let id = insert_one(&self.storage, op, &coll, &doc, &outcome)?;
        Ok((Tally::default(), Some(id)))
    }

    /// The document that an upsert inserts which found nothing.
    fn upserted(&self, op: &OpContext, plan: &Plan, updater: &mut Updater) -> Result<DocBuf> {
        let doc = with_env(op, plan, |env| updater.upserted(&plan.filter, env))?;
        Ok(stored_document(&crate::collection::prepare(&doc, timestamp_of(op.now_millis()))?).into())
    }

    pub(super) fn delete_statement(
        &self,
        op: &OpContext,
        ns: &Namespace,
        statement: &DeleteStatement<'_>,
        let_variables: Option<&RawDoc>,
    ) -> Result<Tally> {
        let matching = delete_matching(statement, let_variables);
        if let Some(outcome) = op.scope().earlier_outcome() {
            return Ok(outcomes::updated(outcome.as_deref()).0);
        }
        let (plan, coll) = self.plan_write(op, ns, &matching, false)?;
        let Some(coll) = coll else { return Ok(Tally::default()) };
        let mut write = MatchedWrite::new(&self.storage, op, &coll, plan, statement.multi);
        write.run(&mut |row, writer| {
            writer.delete(row.record_id, row.doc)?;
            writer.end_statement(|| outcomes::of_update(1, 0, None));
            Ok(Tally::one(true))
        })
    }

    /// Ends a request that wrote: makes it durable when that was asked for. A failure in a transaction ends that.
    fn settle(&self, op: &OpContext, ns: &Namespace, options: WriteOptions, failures: &[WriteError]) -> Result<()> {
        if ns.coll() == SYSTEM_VIEWS {
            self.reload_views(ns.db())?;
        }
        match op.scope().transaction() {
            Some(_) if failures.is_empty() => Ok(()),
            Some(transaction) => {
                self.abandon(transaction);
                Ok(())
            }
            None if options.journal => self.sync_log(),
            None => Ok(()),
        }
    }
}

/// Which documents an update is about.
pub(super) fn update_matching<'s>(statement: &UpdateStatement<'s>, let_variables: Option<&'s RawDoc>) -> Matching<'s> {
    Matching {
        sort: statement.sort,
        hint: statement.hint,
        collation: statement.collation,
        let_variables,
        limit: (!statement.multi).then_some(1),
        ..Matching::new(statement.filter)
    }
}

/// Which document a findAndModify is about.
pub(super) fn find_and_modify_matching<'r>(request: &FindAndModifyRequest<'r>) -> Matching<'r> {
    Matching {
        sort: request.sort,
        hint: request.hint,
        collation: request.collation,
        let_variables: request.let_variables,
        limit: Some(1),
        ..Matching::new(request.filter)
    }
}

/// Which documents a delete is about.
pub(super) fn delete_matching<'s>(statement: &DeleteStatement<'s>, let_variables: Option<&'s RawDoc>) -> Matching<'s> {
    Matching {
        hint: statement.hint,
        collation: statement.collation,
        let_variables,
        limit: (!statement.multi).then_some(1),
        ..Matching::new(statement.filter)
    }
}

/// What becomes of an insert into a view: every document that is tried fails.
fn insert_into_view(request: &InsertRequest<'_>) -> InsertReply {
    let tried = if request.options.ordered { 1 } else { request.documents.len() };
    let failure = |index| WriteError::new(index, is_a_view(&request.ns));
    InsertReply { inserted: 0, write_errors: (0..tried.min(request.documents.len())).map(failure).collect() }
}

/// Whether an error ends the whole request. In a transaction every error does after which it can be begun again.
fn ends_request(op: &OpContext, error: &Error) -> bool {
    error.ends_request() || op.in_transaction() && (error.is_write_conflict() || is_transient(Code(error.code())))
}

/// Refuses retryable writes of which one number does not stand for one document.
fn check_retryable(op: &OpContext, multi: bool) -> Result<()> {
    if multi && op.scope().retryable().is_some() {
        let message = "Cannot use (or request) retryable writes with multi=true";
        return Err(Error::new(Code::INVALID_OPTIONS, message));
    }
    Ok(())
}

/// Whether a statement should look for matches again: its upsert ran into a document that was not there before.
fn may_look_again(op: &OpContext, error: &Error, upsert: bool, attempts: u32) -> bool {
    !op.in_transaction() && upsert && error.code() == Code::DUPLICATE_KEY.0 && attempts < UPSERT_ATTEMPTS_MAX
}

/// What a statement's update rules out.
pub(super) fn check_statement(statement: &UpdateStatement<'_>, updater: &Updater) -> Result<()> {
    let failed = |message| Err(Error::new(Code::FAILED_TO_PARSE, message));
    if statement.multi && updater.is_replacement() {
        return failed("multi update is not supported for replacement-style update");
    }
    if statement.multi && statement.sort.is_some_and(|sort| !sort.is_empty()) {
        return failed("Cannot specify sort with multi=true");
    }
    if statement.constants.is_some() && !updater.is_pipeline() {
        return Err(Error::new(Code(51198), "Constant values may only be specified for pipeline updates"));
    }
    Ok(())
}

/// The variables of a request and of one of its statements together.
pub(super) fn merged(let_variables: Option<&RawDoc>, constants: &RawDoc) -> DocBuf {
    DocBuf::build(|doc| {
        if let Some(variables) = let_variables {
            doc.elements_of(variables);
        }
        doc.elements_of(constants);
    })
}

/// Runs `with` in the environment of a plan's programs.
fn with_env<R>(op: &OpContext, plan: &Plan, with: impl FnOnce(&Env<'_>) -> Result<R>) -> Result<R> {
    let variables: Vec<Value<'_>> = plan.variables.iter().map(OwnedValue::get).collect();
    let interrupt = crate::exec::interrupter(op);
    with(&crate::exec::environment(op, &variables, &interrupt))
}
