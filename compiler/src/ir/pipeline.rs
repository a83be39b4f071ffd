//! Pipelines: a request's stages, in order.

use smongo_vm::value::{DocBuf, FieldPath, OwnedValue};

use super::group::{BucketAuto, Group};
use super::window::Window;
use super::{DocumentStage, Expr, Filter, Sort};

/// A collection that a request reads, by its position in the request's list of them. Number 0 is the one that the
/// request runs on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CollectionId(pub usize);

impl CollectionId {
    /// The collection that the request runs on.
    pub const MAIN: Self = Self(0);
}

/// A collection by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CollectionName {
    /// The database.
    pub db: String,
    /// The collection in it.
    pub coll: String,
}

/// A whole pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The stages.
    pub stages: Vec<Stage>,
    /// What [`CollectionId`]s stand for, but for number 0: the first entry is number 1.
    pub collections: Vec<CollectionName>,
}

/// A pipeline inside a stage.
#[derive(Clone, Debug)]
pub struct SubPipeline {
    /// What it reads; `None` when its first stage makes documents of nothing.
    pub coll: Option<CollectionId>,
    /// The view whose documents it reads, where the name it was given is that of a view.
    pub view: Option<Box<SubPipeline>>,
    /// Its stages.
    pub stages: Vec<Stage>,
}

/// One stage.
#[derive(Clone, Debug)]
pub enum Stage {
    /// `$match`.
    Match {
        /// What documents must satisfy.
        filter: Filter,
        /// The request's words for it.
        source: DocBuf,
    },
    /// A stage that makes one document of one document.
    Document(DocumentStage),
    /// `$redact`.
    Redact(Redact),
    /// `$limit`.
    Limit(u64),
    /// `$skip`.
    Skip(u64),
    /// `$sort`.
    Sort {
        /// The order.
        sort: Sort,
        /// The request's words for it.
        source: DocBuf,
    },
    /// `$count`: the number of documents, in a field of this name.
    Count(String),
    /// `$group`.
    Group(Box<Group>),
    /// `$bucketAuto`.
    BucketAuto(Box<BucketAuto>),
    /// `$setWindowFields`.
    Window(Box<Window>),
    /// `$unwind`.
    Unwind(Unwind),
    /// `$sample`: so many documents, chosen at random.
    Sample(u64),
    /// `$documents`: the elements of an array that depends on no document.
    Documents(Expr),
    /// `$unionWith`.
    UnionWith(SubPipeline),
    /// `$lookup`.
    Lookup(Box<Lookup>),
    /// `$graphLookup`.
    GraphLookup(Box<GraphLookup>),
    /// `$densify`; its input is sorted by partition and field.
    Densify(Box<Densify>),
    /// `$facet`: pipelines over the same documents, each with the field that its results go to.
    Facet(Vec<(String, Vec<Stage>)>),
    /// `$out`.
    Out(CollectionName),
    /// `$merge`.
    Merge(Box<Merge>),
    /// `$changeStream`: what happened to collections, from a moment on.
    ChangeStream(Box<ChangeStream>),
    /// `$changeStreamSplitLargeEvent`.
    SplitLargeEvent,
    /// `$_internalInhibitOptimization`: rewrites end here.
    Inhibit,
    /// A stage whose documents the engine makes up: facts about a collection or about the server.
    Facts(Facts),
}

/// `$changeStream`.
#[derive(Clone, Debug, Default)]
pub struct ChangeStream {
    /// Whether all databases are watched.
    pub whole_cluster: bool,
    /// Whether changes of collections and indexes are told too.
    pub expanded: bool,
    /// Which documents come with updates.
    pub post_image: PostImage,
    /// Whether documents come as they were before.
    pub pre_image: PreImage,
    /// Where it begins.
    pub start: StreamStart,
}

/// `fullDocument` of a change stream.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PostImage {
    /// None with updates.
    #[default]
    Default,
    /// The document as it is when the event is read.
    UpdateLookup,
    /// The document as the update left it, or null.
    WhenAvailable,
    /// The document as the update left it.
    Required,
}

/// `fullDocumentBeforeChange` of a change stream.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PreImage {
    /// None.
    #[default]
    Off,
    /// The document as it was, or null.
    WhenAvailable,
    /// The document as it was.
    Required,
}

/// Where a change stream begins.
#[derive(Clone, Default, Debug)]
pub enum StreamStart {
    /// With what happens next.
    #[default]
    Now,
    /// With what happened at a time or later.
    At(u64),
    /// Behind the event with this token.
    ResumeAfter(DocBuf),
    /// Behind the event with this token, which may have ended its stream.
    StartAfter(DocBuf),
}

/// `$redact`.
#[derive(Clone, Debug)]
pub struct Redact {
    /// Decides about one level of a document, which it sees as the current document.
    pub decision: Expr,
    /// The variable that holds `$$ROOT` while embedded levels are looked at.
    pub root_variable: usize,
}

/// `$unwind`.
#[derive(Clone, Debug)]
pub struct Unwind {
    /// Where the array is.
    pub path: FieldPath,
    /// Where the position of the element goes.
    pub index: Option<FieldPath>,
    /// Whether documents without elements stay.
    pub keep_empty: bool,
    /// The fields that are read of the rows, when that is known; others may be left out.
    pub only: Option<Vec<String>>,
}

/// `$lookup`.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// What is joined.
    pub from: SubPipeline,
    /// Where the joined documents go, as an array.
    pub target: FieldPath,
    /// `localField` and `foreignField`.
    pub equality: Option<(FieldPath, FieldPath)>,
    /// The values of `let`, over the outer document.
    pub bindings: Vec<Expr>,
    /// The first of the variables that hold them in the sub-pipeline.
    pub first_variable: usize,
}

/// `$graphLookup`.
#[derive(Clone, Debug)]
pub struct GraphLookup {
    /// What is searched.
    pub from: CollectionId,
    /// The view that is searched, where the name is that of a view.
    pub view: Option<Box<SubPipeline>>,
    /// Where to begin.
    pub start_with: Expr,
    /// The field that leads on from a document that was found.
    pub connect_from: FieldPath,
    /// The field by which documents are found.
    pub connect_to: FieldPath,
    /// Where what was found goes, as an array.
    pub target: FieldPath,
    /// How many steps may be made beyond the first.
    pub max_depth: Option<u64>,
    /// Where a document's distance from the start goes.
    pub depth_field: Option<FieldPath>,
    /// What documents must satisfy to be found, with the request's words for it.
    pub restriction: Option<(Filter, DocBuf)>,
}

/// `$densify`.
#[derive(Clone, Debug)]
pub struct Densify {
    /// Where the values are.
    pub field: FieldPath,
    /// What documents of one sequence have in common.
    pub partition: Vec<FieldPath>,
    /// From where to where sequences are dense.
    pub bounds: DensifyBounds,
    /// The value after the one in field `v`.
    pub next: Expr,
    /// Whether values are dates, and not numbers.
    pub is_date: bool,
}

/// From where to where sequences are dense.
#[derive(Clone, Debug)]
pub enum DensifyBounds {
    /// From the smallest value of all to the largest.
    Full,
    /// From the smallest value of the partition to the largest.
    Partition,
    /// From a value on, up to another that is not included.
    Range(OwnedValue, OwnedValue),
}

/// `$merge`.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Where the documents go.
    pub into: CollectionName,
    /// The paths that tell whether a document is there already; `None` is `_id`.
    pub on: Option<Vec<String>>,
    /// What happens when it is.
    pub when_matched: WhenMatched,
    /// What happens when it is not.
    pub when_not_matched: WhenNotMatched,
}

/// What `$merge` does about a document that is there already.
#[derive(Clone, Debug)]
pub enum WhenMatched {
    /// The new document takes the old one's place.
    Replace,
    /// The old document stays.
    KeepExisting,
    /// The new document's fields are set in the old one.
    Merge,
    /// The request fails.
    Fail,
    /// The old document is changed by an update pipeline.
    Pipeline {
        /// The update pipeline, as an array.
        stages: OwnedValue,
        /// Its variables, with their values over the new document.
        bindings: Vec<(String, Expr)>,
    },
}

/// What `$merge` does about a document that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenNotMatched {
    /// It is inserted.
    Insert,
    /// It is let go.
    Discard,
    /// The request fails.
    Fail,
}

/// Facts that a stage gives as documents.
#[derive(Clone, Debug)]
pub enum Facts {
    /// `$collStats`.
    CollStats {
        /// Whether the number of documents is asked for.
        count: bool,
        /// The divisor of all sizes, when sizes are asked for.
        storage_scale: Option<u64>,
        /// Whether latencies are asked for.
        latency: bool,
        /// Whether counts of scans are asked for.
        scans: bool,
    },
    /// `$indexStats`.
    IndexStats,
    /// `$planCacheStats`.
    PlanCacheStats,
    /// `$currentOp`.
    Operations {
        /// Whether those of other users are wanted.
        all_users: bool,
        /// Whether connections that do nothing are wanted.
        idle_connections: bool,
    },
    /// `$listLocalSessions`: the sessions that this server knows.
    LocalSessions(SessionsOf),
    /// `$listSessions`: the sessions that are written down, in the one collection that has them.
    Sessions(SessionsOf),
    /// `$listCachedAndActiveUsers`.
    Users,
    /// `$listCatalog`; of one collection, or of all where the pipeline has none.
    Catalog,
    /// `$listClusterCatalog`; of one database, or of all when that is `admin`.
    ClusterCatalog,
    /// `$listMqlEntities`: names.
    Names(Vec<&'static str>),
    /// Facts that one server has none of.
    Nothing,
    /// `$querySettings`.
    QuerySettings {
        /// Whether the shapes themselves are asked for.
        show_debug_shape: bool,
    },
}

/// Whose sessions are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionsOf {
    /// Those of the user that asks.
    Asker,
    /// Everybody's.
    Everybody,
    /// Those of some users, by name and database.
    Users(Vec<(String, String)>),
}
