//! `smongo dump`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use bson::{Bson, Document, RawDocumentBuf, doc};
use flate2::Compression;
use flate2::write::GzEncoder;
use indicatif::ProgressBar;
use smongo::Client;
use smongo_vm::value::DocBuf;

use super::archive::{self, Listed};
use super::metadata::Metadata;
use super::names;
use crate::cli::DumpArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::target::{self, Missing};
use crate::values;

/// Databases that belong to one server and are not dumped unless they are asked for.
const NOT_DUMPED: [&str; 2] = ["config", "local"];

/// Documents that are asked for at once.
const BATCH_DOCUMENTS: u32 = 1000;

/// Writes what is wanted.
pub fn run(args: &DumpArgs, output: &Output) -> Result<(), Failure> {
    let client = target::open(&args.target.target, Missing::Refuse)?;
    let collections = collections(&client, args)?;
    let mut count = 0;
    let progress = output.progress("dumping", None, false);
    match &args.packing.archive {
        Some(file) => {
            let name = file.display().to_string();
            let out: Box<dyn Write> = if name == "-" {
                Box::new(io::stdout())
            } else {
                Box::new(File::create(file).map_err(Failure::file(&name))?)
            };
            let out = BufWriter::with_capacity(1 << 18, out);
            if args.packing.gzip {
                let packed = GzEncoder::new(out, Compression::default());
                let packed = to_archive(&client, args, &collections, packed, &name, &progress, &mut count)?;
                packed.finish().and_then(|mut out| out.flush()).map_err(Failure::file(&name))?;
            } else {
                to_archive(&client, args, &collections, out, &name, &progress, &mut count)?;
            }
        }
        None => {
            for (db, metadata) in &collections {
                let directory = args.out.join(db);
                fs::create_dir_all(&directory).map_err(Failure::file(directory.display().to_string()))?;
                to_directory(&client, args, db, metadata, &directory, &progress, &mut count)?;
            }
        }
    }
    progress.finish_and_clear();
    // Standard output may be the archive.
    let text = format!("{count} documents of {} collections and views dumped", collections.len());
    output.note(&text);
    Ok(())
}

/// The collections that are meant, with their metadata.
fn collections(client: &Client, args: &DumpArgs) -> Result<Vec<(String, Metadata)>, Failure> {
    let databases = match &args.db {
        Some(db) => vec![db.clone()],
        None => {
            let all = client.list_database_names().run()?;
            all.into_iter().filter(|db| !NOT_DUMPED.contains(&db.as_str())).collect()
        }
    };
    let mut found = Vec::new();
    for db in databases {
        let filter = args.collection.as_ref().map_or_else(Document::new, |name| doc! { "name": name });
        let command = doc! { "listCollections": 1, "filter": filter };
        for listed in client.database(&db).run_cursor_command(command).run()? {
            let listed = listed?;
            let name = listed.get_str("name").unwrap_or_default();
            if name.starts_with("system.") && name != "system.js" {
                continue;
            }
            let is_view = listed.get_str("type").ok() == Some("view");
            let mut indexes = Vec::new();
            if !is_view {
                let command = doc! { "listIndexes": name };
                for index in client.database(&db).run_cursor_command(command).run()? {
                    indexes.push(index?);
                }
            }
            found.push((db.clone(), Metadata::new(&listed, indexes)));
        }
    }
    match &args.collection {
        Some(coll) if found.is_empty() => Err(Failure::Data(format!("there is no collection '{coll}'"))),
        _ => Ok(found),
    }
}

/// The collection that a collection's documents lie in: buckets, for a time series.
fn data_collection(metadata: &Metadata) -> String {
    if metadata.kind == "timeseries" { format!("system.buckets.{}", metadata.name) } else { metadata.name.clone() }
}

/// The documents of a collection, in bytes; none for a view.
fn documents<'a>(
    client: &Client,
    args: &DumpArgs,
    db: &str,
    metadata: &Metadata,
    progress: &'a ProgressBar,
    count: &'a mut u64,
) -> Result<Box<dyn Iterator<Item = Result<DocBuf, Failure>> + 'a>, Failure> {
    if metadata.is_view() {
        return Ok(Box::new(std::iter::empty()));
    }
    let filter = match args.query.as_deref().map(values::parse).transpose()? {
        None => Document::new(),
        Some(Bson::Document(filter)) => filter,
        Some(_) => return Err(Failure::Usage("--query must be a document".into())),
    };
    let coll = data_collection(metadata);
    if coll != metadata.name {
        check_buckets(client, db, metadata, &coll)?;
    }
    progress.set_message(format!("{db}.{coll}"));
    let command = doc! { "find": coll, "filter": filter };
    let cursor = client.database(db).run_cursor_command(command).batch_size(BATCH_DOCUMENTS).run()?;
    Ok(Box::new(cursor.with_type::<RawDocumentBuf>().map(|document| {
        *count += 1;
        progress.inc(1);
        DocBuf::from_vec(document?.into_bytes()).ok_or_else(|| Failure::Data("the server gave no document".into()))
    })))
}

/// A time series is dumped as its buckets. Where they cannot be read, its measurements would be lost without a word.
fn check_buckets(client: &Client, db: &str, metadata: &Metadata, buckets: &str) -> Result<(), Failure> {
    let db_handle = client.database(db);
    let any = |coll: &str| -> Result<bool, Failure> {
        let command = doc! { "find": coll, "limit": 1, "singleBatch": true };
        Ok(db_handle.run_cursor_command(command).run()?.next().transpose()?.is_some())
    };
    if any(&metadata.name)? && !any(buckets)? {
        let message =
            format!("the buckets of the time series {db}.{} cannot be read, so it cannot be dumped", metadata.name);
        return Err(Failure::Data(message));
    }
    Ok(())
}

fn to_archive<W: Write>(
    client: &Client,
    args: &DumpArgs,
    collections: &[(String, Metadata)],
    out: W,
    name: &str,
    progress: &ProgressBar,
    count: &mut u64,
) -> Result<W, Failure> {
    let version = client.database("admin").run_command(doc! { "buildInfo": 1 }).run()?;
    let listed = |(db, metadata): &(String, Metadata)| -> Result<Listed, Failure> {
        Ok(Listed {
            db: db.clone(),
            coll: metadata.name.clone(),
            metadata: metadata.to_json()?,
            kind: metadata.kind.clone(),
        })
    };
    let listed = collections.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    let version = version.get_str("version").unwrap_or_default();
    let mut writer = archive::Writer::begin(out, name, version, &listed)?;
    for (db, metadata) in collections {
        let documents = documents(client, args, db, metadata, progress, count)?;
        writer.collection(db, &data_collection(metadata), documents)?;
    }
    writer.finish()
}

fn to_directory(
    client: &Client,
    args: &DumpArgs,
    db: &str,
    metadata: &Metadata,
    directory: &Path,
    progress: &ProgressBar,
    count: &mut u64,
) -> Result<(), Failure> {
    let gzip = args.packing.gzip;
    let stem = names::to_file_name(&metadata.name);
    write_file(directory, &format!("{stem}.metadata.json"), gzip, |out, name| {
        out.write_all(metadata.to_json()?.as_bytes()).map_err(Failure::file(name))
    })?;
    if metadata.is_view() {
        return Ok(());
    }
    let documents = documents(client, args, db, metadata, progress, count)?;
    let stem = names::to_file_name(&data_collection(metadata));
    write_file(directory, &format!("{stem}.bson"), gzip, |out, name| {
        for document in documents {
            out.write_all(document?.as_bytes()).map_err(Failure::file(name))?;
        }
        Ok(())
    })
}

/// Writes a file, compressed where wanted.
fn write_file(
    directory: &Path,
    name: &str,
    gzip: bool,
    fill: impl FnOnce(&mut dyn Write, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let path = directory.join(if gzip { format!("{name}.gz") } else { name.to_owned() });
    let shown = path.display().to_string();
    let mut out = BufWriter::with_capacity(1 << 18, File::create(&path).map_err(Failure::file(&shown))?);
    if gzip {
        let mut packed = GzEncoder::new(&mut out, Compression::default());
        fill(&mut packed, &shown)?;
        packed.finish().map_err(Failure::file(&shown))?;
    } else {
        fill(&mut out, &shown)?;
    }
    out.flush().map_err(Failure::file(&shown))
}
