//! `createSearchIndexes`, `updateSearchIndex`, `dropSearchIndex`: refused as mongod refuses them where no search process
//! is configured.

use smongo_vm::Code;

use super::Call;
use super::access::Needs;
use super::reply::Reply;
use super::table::{Command, Usage};
use crate::error::{Error, Result};

/// `SearchNotEnabled`.
const SEARCH_NOT_ENABLED: Code = Code(31082);

pub(super) static CREATE_SEARCH_INDEXES: Command =
    Command::new("createSearchIndexes", refuse, "creates search indexes, for which there is no process here")
        .api_v1()
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["createSearchIndexes"]));

pub(super) static UPDATE_SEARCH_INDEX: Command =
    Command::new("updateSearchIndex", refuse, "changes a search index, for which there is no process here")
        .api_v1()
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["updateSearchIndex"]));

pub(super) static DROP_SEARCH_INDEX: Command =
    Command::new("dropSearchIndex", refuse, "drops a search index, for which there is no process here")
        .api_v1()
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["dropSearchIndex"]));

fn refuse(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    call.collection()?;
    let message = "Using Atlas Search Database Commands and the $listSearchIndexes aggregation stage requires \
                   additional configuration. Please connect to Atlas or an AtlasCLI local deployment to enable. For \
                   more information on how to connect, see https://dochub.mongodb.org/core/atlas-cli-deploy-local-reqs.";
    Err(Error::new(SEARCH_NOT_ENABLED, message))
}
