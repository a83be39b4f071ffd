//! Every maximum of the machine in one place: name, unit, and what MongoDB's is.

/// Largest document a user may store, in bytes. MongoDB: 16 MiB.
pub const MAX_USER_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;

/// Largest document the machine itself may hold (a reply, an oplog entry around a full-size document), in bytes.
/// MongoDB allows 16 KiB above the user's limit.
pub const MAX_INTERNAL_DOCUMENT_BYTES: usize = MAX_USER_DOCUMENT_BYTES + 16 * 1024;

/// Longest string an expression may have for a value, in bytes with the NUL that ends it in a document. MongoDB: the same
/// (error 16493).
pub const MAX_STRING_BYTES: usize = 16 * 1024 * 1024;

/// Deepest nesting of documents and arrays accepted from outside, in levels. MongoDB documents 100 and its wire
/// validation enforces 200.
pub const MAX_DOCUMENT_DEPTH: usize = 200;

/// Deepest nesting of a filter or expression, in levels. MongoDB: 100 for match expressions.
pub const MAX_QUERY_DEPTH: usize = 100;

/// Most components of a dotted path. MongoDB: 200 (error 15974 / 31270 family beyond).
pub const MAX_PATH_COMPONENTS: usize = 200;

/// Deepest nesting of a document that an update may leave behind, in levels. MongoDB: 20 below what it accepts on the
/// wire (error 15).
pub const MAX_UPDATED_DEPTH: usize = 180;

/// Most nulls that an update may put between an array's end and a new element. MongoDB: the same (error 34).
pub const MAX_ARRAY_PADDING: usize = 1_500_000;
