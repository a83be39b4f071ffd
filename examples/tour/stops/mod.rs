//! The stops, a file each.

mod advanced_queries;
mod aggregation;
mod bulk_write;
mod content;
mod crud;
mod indexes;
mod sensors;
mod shop;
mod streaming;

use smongo::{Client, Result};

/// A stop: what it shows, on a store of its own.
pub type Stop = fn(&Client) -> Result<()>;

/// All stops, in the order of the tour.
pub const ALL: &[(&str, Stop)] = &[
    ("crud", crud::run),
    ("indexes", indexes::run),
    ("aggregation", aggregation::run),
    ("streaming", streaming::run),
    ("bulk_write", bulk_write::run),
    ("advanced_queries", advanced_queries::run),
    ("shop", shop::run),
    ("sensors", sensors::run),
    ("content", content::run),
];
