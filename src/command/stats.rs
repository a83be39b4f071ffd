//! `dbStats`, `collStats`, `dataSize`: sizes and counts.

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Tag, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Flag, Number, arguments};
use super::reply::{self, Reply};
use super::table::{Command, Usage};
use crate::auth::Resource;
use crate::engine::FileSystem;
use crate::error::{Error, Result};
use crate::request::Namespace;

pub(super) static DB_STATS: Command = Command::new("dbStats", db_stats, "gives the sizes of a database")
    .aliases(&["dbstats"])
    .needs(Needs::OnDatabase(&["dbStats"]));

arguments! {
    /// Arguments of `dbStats`.
    struct DbStatsArgs in "dbStats" strict {
        "scale" => scale: Number,
        "freeStorage" => free_storage: Number,
    }
}

fn db_stats(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: DbStatsArgs<'_> = args::of_command(&call.request)?;
    let scale = args::at_least(args.scale, 1, "scale")?.unwrap_or(1);
    let stats = call.commands.engine.database_stats(call.db)?;
    let scaled = |bytes: u64| Value::double(bytes as f64 / scale as f64);
    let average = if stats.objects == 0 { 0.0 } else { stats.data_size_bytes as f64 / stats.objects as f64 };
    reply.string("db", call.db);
    reply.value("collections", reply::long(stats.collections));
    reply.value("views", reply::long(stats.views));
    reply.value("objects", reply::long(stats.objects));
    reply.value("avgObjSize", Value::double(average));
    reply.value("dataSize", scaled(stats.data_size_bytes));
    reply.value("storageSize", scaled(stats.storage_size_bytes));
    reply.value("indexes", reply::long(stats.indexes));
    reply.value("indexSize", scaled(stats.index_size_bytes));
    reply.value("totalSize", scaled(stats.storage_size_bytes + stats.index_size_bytes));
    reply.value("scaleFactor", Value::int64(scale));
    if let Some(FileSystem { used_bytes, total_bytes }) = call.commands.engine.file_system()? {
        reply.value("fsUsedSize", scaled(used_bytes));
        reply.value("fsTotalSize", scaled(total_bytes));
    }
    Ok(())
}

pub(super) static COLL_STATS: Command = Command::new("collStats", coll_stats, "gives the sizes of a collection")
    .aliases(&["collstats"])
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["collStats"]));

arguments! {
    /// Arguments of `collStats`.
    struct CollStatsArgs in "collStats" strict {
        "scale" => scale: Number,
    }
}

fn coll_stats(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: CollStatsArgs<'_> = args::of_command(&call.request)?;
    let scale = args::at_least(args.scale, 1, "scale")?.unwrap_or(1);
    let divisor = u64::try_from(scale).unwrap_or(1);
    let scaled = |bytes: u64| reply::count(bytes / divisor);
    let stats = call.commands.engine.collection_stats(&ns)?.unwrap_or_default();
    let index_total: u64 = stats.index_sizes.iter().map(|(_, bytes)| bytes).sum();
    reply.string("ns", ns.full());
    reply.value("size", scaled(stats.size_bytes));
    reply.value("count", reply::count(stats.count));
    if stats.count > 0 {
        reply.value("avgObjSize", reply::count(stats.avg_obj_size_bytes));
    }
    reply.value("storageSize", scaled(stats.storage_size_bytes));
    reply.value("capped", Value::bool(stats.capped.is_some()));
    if let Some((bytes, documents)) = stats.capped {
        reply.value("max", reply::count(documents));
        reply.value("maxSize", scaled(bytes));
    }
    reply.value("nindexes", reply::count(stats.index_sizes.len() as u64));
    reply.value("totalIndexSize", scaled(index_total));
    reply.value("totalSize", scaled(stats.storage_size_bytes + index_total));
    reply.document("indexSizes", |sizes| {
        for (name, bytes) in &stats.index_sizes {
            sizes.value(name, scaled(*bytes));
        }
    });
    reply.value("scaleFactor", Value::integer(scale));
    Ok(())
}

pub(super) static DATA_SIZE: Command =
    Command::new("dataSize", data_size, "gives the size of a collection's documents")
        .aliases(&["datasize"])
        .needs(Needs::Computed(data_size_requirements));

fn data_size_requirements(target: &Target<'_>) -> Vec<Requirement> {
    let (db, coll) = target.first.as_str().unwrap_or_default().split_once('.').unwrap_or_default();
    vec![(Resource::collection(db, coll), "find")]
}

arguments! {
    /// Arguments of `dataSize`.
    struct DataSizeArgs in "dataSize" strict {
        "keyPattern" => key_pattern: &'d RawDoc,
        "min" => min: &'d RawDoc,
        "max" => max: &'d RawDoc,
        "estimate" => estimate: Flag,
    }
}

fn data_size(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let Some(full) = call.first.as_str() else {
        return Err(match call.first.tag() {
            Tag::Null | Tag::Undefined => args::missing_field("dataSize", "dataSize"),
            tag => args::wrong_type("dataSize", "dataSize", tag, &["string"]),
        });
    };
    let args: DataSizeArgs<'_> = args::of_command(&call.request)?;
    let Some((db, coll)) = full.split_once('.') else {
        return Err(Error::new(Code::INVALID_NAMESPACE, format!("Invalid namespace specified '{full}'")));
    };
    let ns = Namespace::new(db, coll)?;
    if args.min.is_some() != args.max.is_some() {
        return Err(Error::new(Code::BAD_VALUE, "min and max must be specified together"));
    }
    if args.min.is_some_and(|min| !min.is_empty()) {
        return Err(Error::new(Code::NOT_IMPLEMENTED, "dataSize between min and max is not implemented"));
    }
    let stats = call.commands.engine.collection_stats(&ns)?.unwrap_or_default();
    reply.value("estimate", Value::bool(args.estimate.is_some_and(|Flag(on)| on)));
    reply.value("size", reply::long(stats.size_bytes));
    reply.value("numObjects", reply::long(stats.count));
    reply.value("millis", Value::int64(i64::try_from(call.started.elapsed().as_millis()).unwrap_or(i64::MAX)));
    Ok(())
}
