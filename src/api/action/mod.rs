//! The verbs, one a file: builders whose `run` carries them out.

mod aggregate;
mod bulk_write;
mod count;
mod create_collection;
mod delete;
mod distinct;
mod drop;
mod find;
mod find_one;
mod find_one_and;
mod index;
mod insert_many;
mod insert_one;
mod list_collection_names;
mod list_collections;
mod list_database_names;
pub(super) mod options;
mod rename;
mod replace_one;
mod run_command;
mod transaction;
mod update;
mod watch;

pub use aggregate::Aggregate;
pub use bulk_write::BulkWrite;
pub use count::{CountDocuments, EstimatedDocumentCount};
pub use create_collection::CreateCollection;
pub use delete::Delete;
pub use distinct::Distinct;
pub use drop::{DropCollection, DropDatabase};
pub use find::Find;
pub use find_one::FindOne;
pub use find_one_and::{FindOneAndDelete, FindOneAndReplace, FindOneAndUpdate};
pub use index::{CreateIndex, CreateIndexes, DropIndexes, ListIndexNames, ListIndexes, ListedIndexes};
pub use insert_many::InsertMany;
pub use insert_one::InsertOne;
pub use list_collection_names::ListCollectionNames;
pub use list_collections::{
    CollectionOptions, CollectionSpecification, CollectionSpecificationInfo, CollectionType, DatabaseSpecification,
    ListCollections, ListDatabases,
};
pub use list_database_names::ListDatabaseNames;
pub use rename::RenameCollection;
pub use replace_one::ReplaceOne;
pub use run_command::{CommandCursor, RunCommand, RunCursorCommand};
pub use transaction::{AbortTransaction, CommitTransaction, StartSession, StartTransaction};
pub use update::Update;
pub use watch::Watch;
