//! `smongo restore`.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bson::{Document, RawDocumentBuf, doc};
use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;
use smongo::Client;
use smongo_vm::value::DocBuf;

use super::archive::{Item, Reader};
use super::bson_stream;
use super::metadata::Metadata;
use super::names;
use crate::cli::RestoreArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::target::{self, Missing};

/// Documents written at once.
const BATCH_DOCUMENTS: usize = 1000;

/// Bytes of documents written at once, the last document not counted.
const BATCH_BYTES: usize = 8 << 20;

/// How gzip's files begin.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads the dump and writes what is wanted of it.
pub fn run(args: &RestoreArgs, output: &Output) -> Result<(), Failure> {
    let client = target::open(&args.target.target, Missing::Create)?;
    let progress = output.progress("restoring", None, false);
    let mut restore = Restore {
        client,
        args,
        output,
        progress,
        plans: HashMap::new(),
        views: Vec::new(),
        batches: HashMap::new(),
        restored: 0,
        failed: 0,
        collections: 0,
    };
    match &args.packing.archive {
        Some(file) => restore.archive(file)?,
        None => restore.directory(&args.directory)?,
    }
    restore.make_views()?;
    restore.progress.finish_and_clear();
    let (restored, failed, collections) =
        (restored_i64(restore.restored), restored_i64(restore.failed), restore.collections);
    output
        .result(&doc! { "restored": restored, "failed": failed, "collections": restored_i64(collections) }, || {
            format!("{restored} documents of {collections} collections and views restored, {failed} failed")
        })?;
    if failed > 0 { Err(Failure::Data(format!("{failed} documents failed to restore"))) } else { Ok(()) }
}

fn restored_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Where a collection goes.
#[derive(Clone)]
struct Plan {
    db: String,
    coll: String,
    metadata: Metadata,
}

/// Documents that wait to be written.
#[derive(Default)]
struct Batch {
    documents: Vec<RawDocumentBuf>,
    bytes: usize,
}

struct Restore<'a> {
    client: Client,
    args: &'a RestoreArgs,
    output: &'a Output,
    progress: ProgressBar,
    /// By namespace in the dump; none for those that are left out.
    plans: HashMap<(String, String), Option<Plan>>,
    /// Made when the collections are there.
    views: Vec<Plan>,
    batches: HashMap<(String, String), Batch>,
    restored: u64,
    failed: u64,
    collections: u64,
}

impl Restore<'_> {
    fn archive(&mut self, file: &Path) -> Result<(), Failure> {
        let name = file.display().to_string();
        let input: Box<dyn Read> =
            if name == "-" { Box::new(io::stdin()) } else { Box::new(File::open(file).map_err(Failure::file(&name))?) };
        let mut reader = Reader::begin(unpacked(input, &name)?, &name)?;
        for listed in std::mem::take(&mut reader.listed) {
            let metadata = if listed.metadata.is_empty() {
                Metadata::bare(&listed.coll)
            } else {
                Metadata::from_json(&listed.metadata, &listed.coll)?
            };
            self.prepare(&listed.db, metadata)?;
        }
        while let Some(item) = reader.next()? {
            match item {
                Item::Document { db, coll, doc } => self.document(&db, &coll, &doc)?,
                Item::End { db, coll } => self.finish(&db, &coll)?,
            }
        }
        Ok(())
    }

    fn directory(&mut self, root: &Path) -> Result<(), Failure> {
        for directory in entries(root)? {
            if !directory.is_dir() {
                continue;
            }
            let db = file_name(&directory);
            let mut data: BTreeMap<String, PathBuf> = BTreeMap::new();
            let mut metadata: BTreeMap<String, PathBuf> = BTreeMap::new();
            for path in entries(&directory)? {
                let name = file_name(&path);
                let name = name.strip_suffix(".gz").unwrap_or(&name);
                if let Some(stem) = name.strip_suffix(".metadata.json") {
                    metadata.insert(stem.to_owned(), path);
                } else if let Some(stem) = name.strip_suffix(".bson") {
                    data.insert(stem.to_owned(), path);
                }
            }
            let mut collections: BTreeMap<String, String> = BTreeMap::new();
            for (stem, path) in &metadata {
                let shown = path.display().to_string();
                let mut text = String::new();
                open(path)?.read_to_string(&mut text).map_err(Failure::file(&shown))?;
                let read = Metadata::from_json(&text, &names::from_file_name(stem))?;
                collections.insert(stem.clone(), read.name.clone());
                self.prepare(&db, read)?;
            }
            for (stem, path) in data {
                let coll = collections.get(&stem).cloned().unwrap_or_else(|| names::from_file_name(&stem));
                self.file(&db, &coll, &path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, db: &str, coll: &str, path: &Path) -> Result<(), Failure> {
        let shown = path.display().to_string();
        let mut input = open(path)?;
        while let Some(doc) = bson_stream::read(&mut input, &shown)? {
            self.document(db, coll, &doc)?;
        }
        self.finish(db, coll)
    }

    /// Where a namespace of the dump goes; nowhere, when it is not wanted.
    fn place(&self, db: &str, coll: &str) -> Option<(String, String)> {
        if coll.starts_with("system.") && coll != "system.js" && !coll.starts_with("system.buckets.") {
            return None;
        }
        let ns = format!("{db}.{}", coll.strip_prefix("system.buckets.").unwrap_or(coll));
        let any = |patterns: &[String]| patterns.iter().any(|pattern| names::matched(pattern, &ns).is_some());
        if (!self.args.ns_include.is_empty() && !any(&self.args.ns_include)) || any(&self.args.ns_exclude) {
            return None;
        }
        if let (Some(from), Some(to)) = (&self.args.ns_from, &self.args.ns_to)
            && let Some(stars) = names::matched(from, &ns)
        {
            let (db, renamed) =
                names::filled(to, &stars).split_once('.').map(|(db, coll)| (db.to_owned(), coll.to_owned()))?;
            let prefix = if coll.starts_with("system.buckets.") { "system.buckets." } else { "" };
            return Some((db, format!("{prefix}{renamed}")));
        }
        Some((db.to_owned(), coll.to_owned()))
    }

    /// Makes a collection as its metadata says; a view waits.
    fn prepare(&mut self, from_db: &str, metadata: Metadata) -> Result<(), Failure> {
        let key = (from_db.to_owned(), metadata.name.clone());
        let Some((db, coll)) = self.place(from_db, &metadata.name) else {
            self.plans.insert(key, None);
            return Ok(());
        };
        let plan = Plan { db, coll, metadata };
        if plan.metadata.is_view() {
            self.views.push(plan.clone());
        } else {
            self.make(&plan)?;
        }
        self.plans.insert(key, Some(plan));
        Ok(())
    }

    fn make(&mut self, plan: &Plan) -> Result<(), Failure> {
        let db = self.client.database(&plan.db);
        if self.args.drop {
            db.run_command(doc! { "drop": &plan.coll }).run()?;
        }
        let listed = doc! { "listCollections": 1, "filter": { "name": &plan.coll }, "nameOnly": true };
        if db.run_cursor_command(listed).run()?.next().transpose()?.is_none() {
            db.run_command(plan.metadata.create_command(&plan.coll)).run()?;
        }
        self.collections += 1;
        Ok(())
    }

    fn make_views(&mut self) -> Result<(), Failure> {
        let views = std::mem::take(&mut self.views);
        views.iter().try_for_each(|plan| self.make(plan))
    }

    /// The plan for a namespace of the dump; documents without metadata go to a plain collection.
    fn plan(&mut self, db: &str, coll: &str) -> Option<Plan> {
        if let Some(plan) = self.plans.get(&(db.to_owned(), coll.to_owned())) {
            return plan.clone();
        }
        let place = self.place(db, coll).map(|(db, coll)| Plan { db, metadata: Metadata::bare(&coll), coll });
        self.plans.insert((db.to_owned(), coll.to_owned()), place.clone());
        place
    }

    fn document(&mut self, db: &str, coll: &str, doc: &DocBuf) -> Result<(), Failure> {
        let key = (db.to_owned(), coll.to_owned());
        let batch = self.batches.entry(key).or_default();
        batch.bytes += doc.as_bytes().len();
        batch.documents.push(bson_stream::to_raw(doc)?);
        if batch.documents.len() >= BATCH_DOCUMENTS || batch.bytes >= BATCH_BYTES {
            return self.flush(db, coll);
        }
        Ok(())
    }

    fn flush(&mut self, db: &str, coll: &str) -> Result<(), Failure> {
        let batch = self.batches.remove(&(db.to_owned(), coll.to_owned())).unwrap_or_default();
        let Some(plan) = self.plan(db, coll) else { return Ok(()) };
        if batch.documents.is_empty() {
            return Ok(());
        }
        self.progress.set_message(format!("{}.{}", plan.db, plan.coll));
        let collection = self.client.database(&plan.db).collection::<RawDocumentBuf>(&plan.coll);
        let insert = collection
            .insert_many(&batch.documents)
            .ordered(self.args.stop_on_error)
            .bypass_document_validation(self.args.bypass_document_validation);
        match insert.run() {
            Ok(_) => self.restored += batch.documents.len() as u64,
            Err(error) if !error.write_errors().is_empty() && !self.args.stop_on_error => {
                let failures = error.write_errors();
                self.failed += failures.len() as u64;
                self.restored += (batch.documents.len() - failures.len()) as u64;
                failures.iter().for_each(|failure| self.output.note(&failure.message));
            }
            Err(error) => return Err(error.into()),
        }
        self.progress.inc(batch.documents.len() as u64);
        Ok(())
    }

    /// Writes the last documents of a collection and makes its indexes.
    fn finish(&mut self, db: &str, coll: &str) -> Result<(), Failure> {
        self.flush(db, coll)?;
        // The buckets of a time series have their indexes from the collection that is made of them.
        let named = coll.strip_prefix("system.buckets.").unwrap_or(coll);
        let Some(plan) = self.plan(db, named) else { return Ok(()) };
        if self.args.no_index_restore || plan.metadata.is_view() {
            return Ok(());
        }
        let command: Option<Document> = plan.metadata.indexes_command(&plan.coll);
        if let Some(command) = command {
            self.client.database(&plan.db).run_command(command).run()?;
        }
        Ok(())
    }
}

/// What is in a directory, in the order of names.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = directory.display().to_string();
    let read = fs::read_dir(directory).map_err(Failure::file(&shown))?;
    let mut paths = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(Failure::file(&shown))?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    let shown = path.display().to_string();
    unpacked(Box::new(File::open(path).map_err(Failure::file(&shown))?), &shown)
}

/// The input, unpacked where it is packed.
fn unpacked(input: Box<dyn Read>, name: &str) -> Result<Box<dyn Read>, Failure> {
    let mut input = BufReader::with_capacity(1 << 18, input);
    let packed = input.fill_buf().map_err(Failure::file(name))?.starts_with(&GZIP_MAGIC);
    Ok(if packed { Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(input))) } else { Box::new(input) })
}
