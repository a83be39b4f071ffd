//! `smongo import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use bson::{Bson, Document, RawDocumentBuf, doc};
use smongo::{Client, Collection};

use super::columns::Columns;
use super::json_stream::JsonStream;
use crate::cli::{Format, ImportArgs, Mode};
use crate::failure::Failure;
use crate::output::Output;
use crate::target::{self, Missing};
use crate::values;

/// Documents written at once.
const BATCH_DOCUMENTS: usize = 1000;

/// Bytes of documents written at once, the last document not counted.
const BATCH_BYTES: usize = 8 << 20;

/// Reads the input and writes its documents; fails in the end when some could not be written.
pub fn run(args: &ImportArgs, output: &Output) -> Result<(), Failure> {
    let (input, size) = open_input(args)?;
    let client = target::open(&args.target.target, Missing::Create)?;
    let progress = output.progress("importing", size, true);
    let input = BufReader::with_capacity(1 << 18, progress.wrap_read(input));
    let mut writer = Writer::new(&client, args, output);
    if args.drop {
        client.database(&args.namespace.db).run_command(doc! { "drop": &args.namespace.collection }).run()?;
    }
    let read = match args.format {
        Format::Json => from_json(input, &mut writer),
        Format::Csv | Format::Tsv => from_table(input, args, &mut writer),
    };
    // What was read before a mistake is written all the same.
    let written = read.and(writer.flush());
    progress.finish_and_clear();
    let (done, failed) = (writer.done, writer.failed);
    output.result(&doc! { "imported": to_i64(done), "failed": to_i64(failed) }, || {
        format!("{done} documents imported, {failed} failed")
    })?;
    written?;
    if failed > 0 { Err(Failure::Data(format!("{failed} documents failed to import"))) } else { Ok(()) }
}

fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn open_input(args: &ImportArgs) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    let Some(path) = &args.file else { return Ok((Box::new(io::stdin()), None)) };
    let shown = path.display().to_string();
    let file = File::open(path).map_err(Failure::file(&shown))?;
    let size = file.metadata().map_err(Failure::file(&shown))?.len();
    Ok((Box::new(file), Some(size)))
}

fn from_json(input: impl BufRead, writer: &mut Writer<'_>) -> Result<(), Failure> {
    for text in JsonStream::new(input) {
        writer.write(raw(&values::parse_doc(&text?)?)?)?;
    }
    Ok(())
}

fn from_table(input: impl Read, args: &ImportArgs, writer: &mut Writer<'_>) -> Result<(), Failure> {
    let mut table = csv::ReaderBuilder::new();
    table.has_headers(false).flexible(true);
    if args.format == Format::Tsv {
        // Tab-separated values have no quotes.
        table.delimiter(b'\t').quoting(false);
    }
    let mut table = table.from_reader(input);
    let bad = |error: csv::Error| Failure::Data(error.to_string());
    let mut line = csv::StringRecord::new();
    let names: Vec<String> = match &args.fields {
        Some(names) => names.split(',').map(str::to_owned).collect(),
        None if args.headerline => {
            table.read_record(&mut line).map_err(bad)?;
            line.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect()
        }
        None => return Err(Failure::Usage("the columns have no names: give --headerline or --fields".into())),
    };
    let names = names.iter().map(String::as_str);
    let columns = Columns::new(names, args.columns_have_types, args.ignore_blanks, args.parse_grace)?;
    while table.read_record(&mut line).map_err(bad)? {
        let number = line.position().map_or(0, csv::Position::line);
        if let Some(document) = columns.document(line.iter(), number)? {
            writer.write(raw(&values::to_bytes(&document)?)?)?;
        }
    }
    Ok(())
}

fn raw(doc: &smongo_vm::value::RawDoc) -> Result<RawDocumentBuf, Failure> {
    RawDocumentBuf::from_bytes(doc.as_bytes().to_vec()).map_err(|error| Failure::Data(error.to_string()))
}

/// Writes documents in batches.
struct Writer<'a> {
    coll: Collection<RawDocumentBuf>,
    args: &'a ImportArgs,
    output: &'a Output,
    batch: Vec<RawDocumentBuf>,
    batch_bytes: usize,
    done: u64,
    failed: u64,
}

impl<'a> Writer<'a> {
    fn new(client: &Client, args: &'a ImportArgs, output: &'a Output) -> Self {
        let coll = client.database(&args.namespace.db).collection(&args.namespace.collection);
        Self { coll, args, output, batch: Vec::new(), batch_bytes: 0, done: 0, failed: 0 }
    }

    fn write(&mut self, document: RawDocumentBuf) -> Result<(), Failure> {
        self.batch_bytes += document.as_bytes().len();
        self.batch.push(document);
        if self.batch.len() >= BATCH_DOCUMENTS || self.batch_bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        if self.args.mode != Mode::Insert {
            return batch.iter().try_for_each(|document| self.change(document));
        }
        let insert = self.coll.insert_many(&batch).ordered(self.args.stop_on_error);
        match insert.bypass_document_validation(self.args.bypass_document_validation).run() {
            Ok(_) => self.done += batch.len() as u64,
            Err(error) if !error.write_errors().is_empty() && !self.args.stop_on_error => {
                let failed = error.write_errors();
                self.failed += failed.len() as u64;
                self.done += (batch.len() - failed.len()) as u64;
                failed.iter().for_each(|failure| self.output.note(&failure.message));
            }
            Err(error) => {
                self.failed += 1;
                self.done += error.write_errors().first().map_or(0, |failure| u64::from(failure.index));
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Upserts, merges or deletes what has the document's fields.
    fn change(&mut self, document: &RawDocumentBuf) -> Result<(), Failure> {
        let result = Document::try_from(document.as_ref())
            .map_err(|error| Failure::Data(error.to_string()))
            .and_then(|document| self.change_document(document));
        match result {
            Ok(count) => self.done += count,
            Err(failure) if self.args.stop_on_error => return Err(failure),
            Err(failure) => {
                self.failed += 1;
                self.output.note(&failure.to_string());
            }
        }
        Ok(())
    }

    fn change_document(&self, mut document: Document) -> Result<u64, Failure> {
        let mut filter = Document::new();
        for field in &self.args.upsert_fields {
            match at_path(&document, field) {
                Some(value) => filter.insert(field, value.clone()),
                // Without its identity a document is a new one.
                None if self.args.mode != Mode::Delete => {
                    self.coll.clone_with_type::<Document>().insert_one(document).run()?;
                    return Ok(1);
                }
                None => return Err(Failure::Data(format!("a document has no field '{field}'"))),
            };
        }
        let coll = self.coll.clone_with_type::<Document>();
        Ok(match self.args.mode {
            Mode::Delete => coll.delete_one(filter).run()?.deleted_count,
            Mode::Merge => {
                document.remove("_id");
                coll.update_one(filter, doc! { "$set": document }).upsert(true).run()?;
                1
            }
            _ => {
                coll.replace_one(filter, document).upsert(true).run()?;
                1
            }
        })
    }
}

fn at_path<'d>(document: &'d Document, path: &str) -> Option<&'d Bson> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (document.get(name)?, rest) {
        (value, None) => Some(value),
        (Bson::Document(inner), Some(rest)) => at_path(inner, rest),
        (_, Some(_)) => None,
    }
}
