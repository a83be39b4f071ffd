//! What both faces of the engine fill: one plain struct per verb.
//!
//! The command layer fills them from a message, the embedded API from method calls; from here on the two share every
//! line. Fields hold what the caller asked for, already typed; what filters, sorts, projections and updates contain is
//! checked by the compiler. Nothing here knows sockets or storage.

mod aggregate;
mod context;
mod ddl;
mod explain;
mod namespace;
mod progress;
mod read;
mod validate;
mod write;

pub use aggregate::{AggregateRequest, ServerFacts};
pub(crate) use context::Moment;
pub use context::OpContext;
pub(crate) use context::{Presence, wall_clock_millis};
pub use ddl::{
    CreateIndexesRequest, CreateRequest, CreatedIndexes, DroppedCollection, IndexListing, IndexSelection,
    ListCollectionsRequest, ModifiedIndex, ModifyCollectionRequest, ModifyIndexRequest,
};
pub use explain::{ExplainRequest, Explained, Verbosity};
pub(crate) use namespace::EXTERNAL_DB;
pub use namespace::Namespace;
pub use progress::{Progress, ProgressReport};
pub use read::{Batched, CountRequest, DistinctRequest, FindRequest, GetMoreRequest, KilledCursors, ShapeRequest};
pub use validate::{RepairMode, ValidateRequest, ValidatedIndex, Validation};
pub use write::{
    DeleteReply, DeleteRequest, DeleteStatement, FindAndModifyReply, FindAndModifyRequest, InsertReply, InsertRequest,
    Modification, UpdateReply, UpdateRequest, UpdateStatement, Upserted, WriteOptions,
};
