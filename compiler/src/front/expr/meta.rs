//! `$meta`: what the query knows about a document besides its fields.

use smongo_vm::value::{FieldPath, Value};
use smongo_vm::{Error, Result};

use crate::front::context::{Metadata, ParseContext};
use crate::ir::Expr;

/// The names of metadata that requests may ask for.
const KNOWN: &[&str] = &[
    "geoNearDistance",
    "geoNearPoint",
    "indexKey",
    "randVal",
    "recordId",
    "score",
    "scoreDetails",
    "searchHighlights",
    "searchScore",
    "searchScoreDetails",
    "searchSequenceToken",
    "sortKey",
    "textScore",
    "timeseriesBucketMaxTime",
    "timeseriesBucketMinTime",
    "vectorSearchScore",
];

/// A known name is answered with mongod's refusal, unless the documents bring that metadata along.
pub(super) fn parse(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let Some(name) = value.as_str() else {
        return Err(Error::location(17307, "$meta only supports string arguments"));
    };
    if let Some(metadata) = ctx.metadata() {
        match name {
            "score" => return Ok(Expr::Field(FieldPath::new(Metadata::SCORE))),
            "scoreDetails" if metadata.details => return Ok(Expr::Field(FieldPath::new(Metadata::SCORE_DETAILS))),
            // Pipelines that are ranked may bring these.
            "searchScore" | "searchScoreDetails" | "vectorSearchScore" => return Ok(Expr::Absent),
            _ => {}
        }
    }
    if KNOWN.contains(&name) {
        let words = spaced(name);
        return Err(Error::location(40218, format!("query requires {words} metadata, but it is not available")));
    }
    Err(Error::location(17308, format!("Unsupported argument to $meta: {name}")))
}

/// `textScore` as "text score".
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}
