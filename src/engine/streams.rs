//! Opening change streams.

use std::sync::{Arc, Weak};

use smongo_compiler::CompiledStage;
use smongo_compiler::ir::pipeline::{ChangeStream as Spec, StreamStart};
use smongo_storage::Session;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, OwnedValue, StringOrder, Value};

use super::Engine;
use crate::collection::checked_document;
use crate::error::{Error, Result};
use crate::exec::op::{ChangeStream, KeepToken, SplitEvent};
use crate::exec::{Assembly, Executor, Operator, attach};
use crate::index::{append_id_key, record_id_of};
use crate::request::{AggregateRequest, OpContext};
use crate::stream::{Documents, Progress, Reader, Scope, StreamOptions, Token};

/// Documents of an engine as they are now.
pub(super) struct CurrentDocuments(pub Weak<Engine>);

impl Documents for CurrentDocuments {
    fn find(&self, session: &Session, uuid: &[u8; 16], id: Value<'_>) -> Result<Option<DocBuf>> {
        let Some(engine) = self.0.upgrade() else { return Ok(None) };
        let Some(coll) = engine.catalog.by_uuid(uuid) else { return Ok(None) };
        // A collection that was dropped since has no documents.
        let Ok(shared) = coll.share() else { return Ok(None) };
        let Some(index) = shared.indexes().first().filter(|index| index.is_id()) else { return Ok(None) };
        let mut key = Vec::with_capacity(32);
        append_id_key(id, coll.collation().map(|collation| &**collation as &dyn StringOrder), &mut key);
        let mut entries = session.cursor(index.table())?;
        if !entries.search(key.as_slice())? {
            return Ok(None);
        }
        let Some(record_id) = record_id_of(entries.value()) else { return Ok(None) };
        let mut records = session.cursor(shared.records())?;
        if !records.search(record_id)? {
            return Ok(None);
        }
        checked_document(records.value()).map(|doc| Some(doc.into()))
    }
}

impl Engine {
    /// The operators of a pipeline that begins with a change stream, and how far the stream has come.
    pub(super) fn open_stream(
        &self,
        request: &AggregateRequest<'_>,
        spec: &Spec,
        mut stages: Vec<CompiledStage>,
        variables: Vec<OwnedValue>,
    ) -> Result<(Executor, Arc<Progress>)> {
        let scope = Scope::of_request(&request.ns, request.has_collection, spec.whole_cluster)?;
        let splits = stages.pop_if(|stage| matches!(stage, CompiledStage::SplitLargeEvent)).is_some();
        let (token, read, resume) = self.start_of(&spec.start)?;
        if resume.as_ref().is_some_and(|token| token.fragment.is_some()) && !splits {
            let message = "To resume from a split event, the stream must have a $changeStreamSplitLargeEvent stage";
            return Err(Error::new(Code::CHANGE_STREAM_FATAL_ERROR, message));
        }
        let progress = Arc::new(Progress::new(token));
        let options =
            StreamOptions { scope, expanded: spec.expanded, post_image: spec.post_image, pre_image: spec.pre_image };
        let documents = Arc::new(CurrentDocuments(self.this.clone()));
        let reader = Reader::new(options, Arc::clone(&self.oplog), documents, Arc::clone(&progress), (read, resume));
        let mut root: Box<dyn Operator> = Box::new(ChangeStream::new(reader));
        root = attach(root, &stages, &mut Assembly::default())?;
        root = Box::new(KeepToken::new(root, Arc::clone(&progress)));
        if splits {
            root = Box::new(SplitEvent::new(root, Arc::clone(&progress)));
        }
        Ok((Executor::new(root, Some(self.catalog.log()), variables).tailing(true), progress))
    }

    /// Where a stream begins: the token of that place, the time up to which nothing is read, and the event behind which
    /// it begins, which has to be met first.
    fn start_of(&self, start: &StreamStart) -> Result<(Token, u64, Option<Token>)> {
        let (doc, may_be_invalid) = match start {
            StreamStart::Now => {
                let now = self.oplog.visible();
                return Ok((Token::high_water_mark(now + 1), now, None));
            }
            StreamStart::At(time) => return Ok((Token::high_water_mark(*time), time.saturating_sub(1), None)),
            StreamStart::ResumeAfter(doc) => (doc, false),
            StreamStart::StartAfter(doc) => (doc, true),
        };
        let token = Token::parse(doc)?;
        if token.is_invalidation && !may_be_invalid {
            let message = "Attempting to resume a change stream using 'resumeAfter' is not allowed from an invalidate notification.";
            return Err(Error::new(Code::INVALID_RESUME_TOKEN, message));
        }
        let read = token.time.saturating_sub(1);
        let resume = token.is_event().then(|| token.clone());
        Ok((token, read, resume))
    }
}

/// Fails when an operation cannot watch changes.
pub(super) fn check_scope(op: &OpContext) -> Result<()> {
    if op.in_transaction() {
        let message = "Operation not permitted in transaction :: caused by :: Aggregation stage $changeStream cannot run \
                       within a multi-document transaction";
        return Err(Error::new(Code::OPERATION_NOT_SUPPORTED_IN_TRANSACTION, message));
    }
    Ok(())
}
