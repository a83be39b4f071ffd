//! `smongo stats`: the sizes of databases and collections.

use bson::{Document, doc};

use crate::check;
use crate::cli::StatsArgs;
use crate::failure::Failure;
use crate::output::{Output, bytes};
use crate::shell::whole;
use crate::target::{self, Missing};

/// Shows a line for each collection, and one for each database.
pub fn run(args: &StatsArgs, output: &Output) -> Result<(), Failure> {
    let client = target::open(&args.target.target, Missing::Refuse)?;
    if !output.json {
        output.line(&row(["", "documents", "data", "on disk", "indexes", "on disk"].map(str::to_owned)))?;
    }
    let mut total: Option<String> = None;
    for (db, coll) in check::collections(&client, args.db.as_deref(), None)? {
        if total.as_deref() != Some(&db) {
            let stats = client.database(&db).run_command(doc! { "dbStats": 1 }).run()?;
            show(&db, &stats, &["objects", "dataSize", "storageSize", "indexes", "indexSize"], output)?;
            total = Some(db.clone());
        }
        let stats = client.database(&db).run_command(doc! { "collStats": &coll }).run()?;
        let names = ["count", "size", "storageSize", "nindexes", "totalIndexSize"];
        show(&format!("{db}.{coll}"), &stats, &names, output)?;
    }
    Ok(())
}

fn show(ns: &str, stats: &Document, names: &[&str; 5], output: &Output) -> Result<(), Failure> {
    let numbers = names.map(|name| stats.get(name).map_or(0, whole));
    let [documents, data, storage, indexes, index_storage] = numbers;
    let json = doc! {
        "ns": ns, "documents": documents, "dataBytes": data, "storageBytes": storage,
        "indexes": indexes, "indexStorageBytes": index_storage,
    };
    output.result(&json, || {
        row([
            ns.to_owned(),
            documents.to_string(),
            bytes(data),
            bytes(storage),
            indexes.to_string(),
            bytes(index_storage),
        ])
    })
}

fn row([ns, documents, data, storage, indexes, index_storage]: [String; 6]) -> String {
    format!("{ns:40} {documents:>12} {data:>12} {storage:>12} {indexes:>8} {index_storage:>12}")
}
