//! `smongo export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use bson::{Bson, Document, doc};
use smongo_vm::value::extjson::Notation;

use crate::cli::{ExportArgs, Format, JsonFormat};
use crate::failure::Failure;
use crate::output::Output;
use crate::target::{self, Missing};
use crate::values;

/// Finds the documents and writes them.
pub fn run(args: &ExportArgs, output: &Output) -> Result<(), Failure> {
    if args.format != Format::Json && args.fields.is_empty() {
        return Err(Failure::Usage("CSV and TSV need the names of their columns: --fields".into()));
    }
    let client = target::open(&args.target.target, Missing::Refuse)?;
    let documents = client.database(&args.namespace.db).run_cursor_command(command(args)?).run()?;
    let (name, out): (String, Box<dyn Write>) = match &args.out {
        Some(path) => {
            let name = path.display().to_string();
            (name.clone(), Box::new(File::create(path).map_err(Failure::file(&name))?))
        }
        None => ("standard output".into(), Box::new(io::stdout())),
    };
    let progress = output.progress("exporting", None, false);
    let mut sink = Sink::new(args, BufWriter::with_capacity(1 << 18, out), name);
    sink.begin()?;
    for document in documents {
        sink.document(&document?)?;
        progress.inc(1);
    }
    let count = sink.end()?;
    progress.finish_and_clear();
    output.note(&format!("{count} documents exported"));
    Ok(())
}

fn command(args: &ExportArgs) -> Result<Document, Failure> {
    let parsed = |text: &Option<String>, what: &str| match text.as_deref().map(values::parse).transpose()? {
        None => Ok(Document::new()),
        Some(Bson::Document(document)) => Ok(document),
        Some(_) => Err(Failure::Usage(format!("{what} must be a document"))),
    };
    let mut command = doc! { "find": &args.namespace.collection, "filter": parsed(&args.query, "--query")? };
    if args.sort.is_some() {
        command.insert("sort", parsed(&args.sort, "--sort")?);
    }
    if args.skip > 0 {
        command.insert("skip", i64::try_from(args.skip).unwrap_or(i64::MAX));
    }
    if args.limit > 0 {
        command.insert("limit", i64::try_from(args.limit).unwrap_or(i64::MAX));
    }
    if !args.fields.is_empty() {
        let mut projection: Document = args.fields.iter().map(|field| (field.clone(), Bson::Int32(1))).collect();
        // As with mongoexport, JSON has the `_id` all the same.
        if args.format != Format::Json && !args.fields.iter().any(|field| field == "_id") {
            projection.insert("_id", 0);
        }
        command.insert("projection", projection);
    }
    Ok(command)
}

/// Where documents are written, in the format that is wanted.
struct Sink<'a> {
    args: &'a ExportArgs,
    out: BufWriter<Box<dyn Write>>,
    name: String,
    count: u64,
}

impl<'a> Sink<'a> {
    fn new(args: &'a ExportArgs, out: BufWriter<Box<dyn Write>>, name: String) -> Self {
        Self { args, out, name, count: 0 }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).map_err(Failure::file(&self.name))
    }

    fn begin(&mut self) -> Result<(), Failure> {
        match self.args.format {
            Format::Json if self.args.json_array => self.write("["),
            Format::Json => Ok(()),
            Format::Csv | Format::Tsv if self.args.no_header_line => Ok(()),
            Format::Csv | Format::Tsv => self.row(&self.args.fields),
        }
    }

    fn document(&mut self, document: &Document) -> Result<(), Failure> {
        if self.args.format == Format::Json {
            let notation = match self.args.json_format {
                JsonFormat::Canonical => Notation::Canonical,
                JsonFormat::Relaxed => Notation::Relaxed,
            };
            let value = Bson::Document(document.clone());
            let separator = match (self.args.json_array, self.count) {
                (true, 0) | (false, _) => "",
                (true, _) => ",\n",
            };
            let text = if self.args.pretty {
                values::to_pretty(&value, notation)?
            } else {
                values::to_line(&value, notation)?
            };
            self.write(separator)?;
            self.write(&text)?;
            if !self.args.json_array {
                self.write("\n")?;
            }
        } else {
            let cells: Vec<String> =
                self.args.fields.iter().map(|field| cell(at_path(document, field))).collect::<Result<_, _>>()?;
            self.row(&cells)?;
        }
        self.count += 1;
        Ok(())
    }

    fn row(&mut self, cells: &[String]) -> Result<(), Failure> {
        if self.args.format == Format::Tsv {
            // There are no quotes in the format, so what separates cells and lines cannot stand in one.
            let cells = cells.iter().map(|cell| cell.replace(['\t', '\n', '\r'], " "));
            let line = cells.collect::<Vec<_>>().join("\t");
            return self.write(&format!("{line}\n"));
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(cells).map_err(|error| Failure::Data(error.to_string()))?;
        let line = writer.into_inner().map_err(|error| Failure::Data(error.to_string()))?;
        self.out.write_all(&line).map_err(Failure::file(&self.name))
    }

    fn end(mut self) -> Result<u64, Failure> {
        if self.args.format == Format::Json && self.args.json_array {
            self.write("]\n")?;
        }
        self.out.flush().map_err(Failure::file(&self.name))?;
        Ok(self.count)
    }
}

/// The value at a path of documents and positions in arrays.
fn at_path<'d>(document: &'d Document, path: &str) -> Option<&'d Bson> {
    let mut names = path.split('.');
    let mut value = document.get(names.next()?)?;
    for name in names {
        value = match value {
            Bson::Document(document) => document.get(name)?,
            Bson::Array(values) => values.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// The text of a cell: scalars plain, containers as extended JSON, a missing field empty.
fn cell(value: Option<&Bson>) -> Result<String, Failure> {
    Ok(match value {
        None | Some(Bson::Null | Bson::Undefined) => String::new(),
        Some(Bson::String(text)) => text.clone(),
        Some(Bson::ObjectId(id)) => format!("ObjectId({})", id.to_hex()),
        Some(Bson::DateTime(date)) => {
            date.try_to_rfc3339_string().unwrap_or_else(|_| date.timestamp_millis().to_string())
        }
        Some(Bson::Int32(number)) => number.to_string(),
        Some(Bson::Int64(number)) => number.to_string(),
        Some(Bson::Double(number)) => number.to_string(),
        Some(Bson::Boolean(flag)) => flag.to_string(),
        Some(Bson::Decimal128(number)) => number.to_string(),
        Some(other) => values::to_line(other, Notation::Relaxed)?,
    })
}
