//! What the command line may say. Options have the names of MongoDB's database tools.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Where a target is not named.
const DEFAULT_TARGET: &str = "mongodb://127.0.0.1:27017";

const EXAMPLES: &str = "\
Examples:
  smongo shell data                               a shell on the data directory ./data
  smongo shell mongodb://localhost:27017/cinema   a shell on a server
  smongo shell data --eval 'db.films.find({year: 1927})'
  smongo import data -d cinema -c films films.csv --type csv --headerline
  smongo export data -d cinema -c films -q '{year: {$lt: 1930}}' -o old.jsonl
  smongo dump data --archive=backup.gz --gzip
  smongo restore mongodb://localhost:27017 --archive=backup.gz --gzip --drop
  smongo explain data 'db.films.find({year: 1927})' -d cinema
  smongo check data
  smongo ping && echo up

A target is a data directory, or a URI: local://path, mongodb://host, mongodb+srv://host.

Exit codes: 0 all is well; 1 an operation failed, or damage was found; 2 the command line makes no sense;
3 no such store, or the server cannot be reached; 4 a file cannot be read or written.";

/// MongoDB's document model and query language on the command line, on a data directory or on a running server.
#[derive(Parser, Debug)]
#[command(name = "smongo", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// Write results as JSON, a document a line, and errors as JSON to standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// Say nothing but results and errors
    #[arg(long, global = true)]
    pub quiet: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Read and run statements such as db.films.find({year: 1927})
    Shell(ShellArgs),
    /// Read documents from JSON, CSV or TSV into a collection
    Import(ImportArgs),
    /// Write a collection's documents as JSON, CSV or TSV
    Export(ExportArgs),
    /// Write databases in mongodump's formats
    Dump(DumpArgs),
    /// Read what dump or mongodump wrote
    Restore(RestoreArgs),
    /// Show how a statement is run: the plan, and the compiled programs
    Explain(ExplainArgs),
    /// Look for damage: every document, every index key
    Check(CheckArgs),
    /// Tell how long an answer takes, in milliseconds; for health checks
    Ping(PingArgs),
    /// Show the sizes of databases and collections
    Stats(StatsArgs),
    /// Write a completion script for a command-line shell
    #[command(after_help = "Example:\n  smongo completions bash > ~/.local/share/bash-completion/completions/smongo")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What every command works on.
#[derive(Args, Debug)]
pub struct Target {
    /// A data directory, or a URI
    #[arg(default_value = DEFAULT_TARGET)]
    pub target: String,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo shell data
  smongo shell data -d cinema --eval 'db.films.countDocuments({})' --json
  echo 'show collections' | smongo shell data -d cinema

Statements are MongoDB's shell's, without its programming language; `help` lists them.")]
pub struct ShellArgs {
    #[command(flatten)]
    pub target: Target,
    /// The database to begin with; the URI's, or `test`, otherwise
    #[arg(short, long)]
    pub db: Option<String>,
    /// Run this statement and end; may be given several times
    #[arg(long, value_name = "STATEMENT")]
    pub eval: Vec<String>,
}

/// The collection that documents go to or come from.
#[derive(Args, Debug)]
pub struct Namespace {
    /// The database
    #[arg(short, long)]
    pub db: String,
    /// The collection
    #[arg(short, long)]
    pub collection: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// Extended JSON: documents one after the other, or one array of them
    Json,
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Mode {
    /// Insert; what is there already is an error
    Insert,
    /// Replace what matches on --upsertFields, insert the rest
    Upsert,
    /// Set the fields in what matches on --upsertFields, insert the rest
    Merge,
    /// Delete what matches on --upsertFields
    Delete,
}

/// What to do with a cell that is not of its column's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Grace {
    /// End with an error
    Stop,
    /// Leave the field out
    #[value(name = "skipField")]
    SkipField,
    /// Leave the document out
    #[value(name = "skipRow")]
    SkipRow,
    /// Take the type that the text looks like
    #[value(name = "autoCast")]
    AutoCast,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo import data -d cinema -c films films.jsonl
  smongo import data -d cinema -c films films.csv --type csv --headerline
  smongo import data -d shop -c orders orders.tsv --type tsv --columnsHaveTypes \\
         --fields 'id.int32(),at.date(2006-01-02),total.decimal()'
  gunzip -c films.jsonl.gz | smongo import data -d cinema -c films --mode upsert --upsertFields title")]
pub struct ImportArgs {
    #[command(flatten)]
    pub target: Target,
    /// The file; standard input otherwise
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub namespace: Namespace,
    /// What the input is
    #[arg(long = "type", value_enum, default_value = "json")]
    pub format: Format,
    /// The input is one JSON array; also recognised without this
    #[arg(long = "jsonArray")]
    pub json_array: bool,
    /// The first line names the columns
    #[arg(long)]
    pub headerline: bool,
    /// The columns' names; dots make embedded documents
    #[arg(short, long, value_name = "NAMES", conflicts_with = "headerline")]
    pub fields: Option<String>,
    /// Column names carry types: name.int32(), name.date(2006-01-02), name.auto() …
    #[arg(long = "columnsHaveTypes")]
    pub columns_have_types: bool,
    /// What to do with a cell that is not of its column's type
    #[arg(long = "parseGrace", value_enum, default_value = "stop")]
    pub parse_grace: Grace,
    /// Leave out empty cells
    #[arg(long = "ignoreBlanks")]
    pub ignore_blanks: bool,
    /// Drop the collection first
    #[arg(long)]
    pub drop: bool,
    /// What to do with each document
    #[arg(long, value_enum, default_value = "insert")]
    pub mode: Mode,
    /// The fields that tell documents apart, for the other modes
    #[arg(long = "upsertFields", value_name = "NAMES", value_delimiter = ',', default_value = "_id")]
    pub upsert_fields: Vec<String>,
    /// End at the first document that fails, and insert in order
    #[arg(long = "stopOnError")]
    pub stop_on_error: bool,
    /// Leave out the collection's validator
    #[arg(long = "bypassDocumentValidation")]
    pub bypass_document_validation: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum JsonFormat {
    /// Every type kept
    Canonical,
    /// Easier to read
    Relaxed,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo export data -d cinema -c films
  smongo export data -d cinema -c films --type csv -f title,year -o films.csv
  smongo export data -d cinema -c films -q '{year: {$gte: 1927}}' --sort '{year: 1}' --jsonArray --pretty")]
pub struct ExportArgs {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub namespace: Namespace,
    /// What to write
    #[arg(long = "type", value_enum, default_value = "json")]
    pub format: Format,
    /// The file; standard output otherwise
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Which documents
    #[arg(short, long, value_name = "FILTER")]
    pub query: Option<String>,
    /// Which fields; CSV and TSV need them
    #[arg(short, long, value_name = "NAMES", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// In which order
    #[arg(long)]
    pub sort: Option<String>,
    /// How many documents to leave out
    #[arg(long, default_value_t = 0)]
    pub skip: u64,
    /// At most how many documents; 0 is all
    #[arg(long, default_value_t = 0)]
    pub limit: u64,
    /// How types are spelled
    #[arg(long = "jsonFormat", value_enum, default_value = "relaxed")]
    pub json_format: JsonFormat,
    /// Write one array
    #[arg(long = "jsonArray")]
    pub json_array: bool,
    /// Write long documents on several lines
    #[arg(long)]
    pub pretty: bool,
    /// Leave out the line with the columns' names
    #[arg(long = "noHeaderLine")]
    pub no_header_line: bool,
}

/// Where a dump is, and how it is packed.
#[derive(Args, Debug)]
pub struct Packing {
    /// One archive instead of a directory; without a file name, standard output or input
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub archive: Option<PathBuf>,
    /// Compress with gzip
    #[arg(long)]
    pub gzip: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo dump data                               all databases, into the directory dump
  smongo dump data -d cinema -o backup --gzip
  smongo dump mongodb://localhost:27017 --archive=backup.archive
  smongo dump data --archive | ssh elsewhere smongo restore /var/data --archive

What it writes is what mongodump writes, and mongorestore reads it.")]
pub struct DumpArgs {
    #[command(flatten)]
    pub target: Target,
    /// One database; all but `local` and `config` otherwise
    #[arg(short, long)]
    pub db: Option<String>,
    /// One collection
    #[arg(short, long, requires = "db")]
    pub collection: Option<String>,
    /// Which documents of the collection
    #[arg(short, long, value_name = "FILTER", requires = "collection")]
    pub query: Option<String>,
    /// The directory
    #[arg(short, long, default_value = "dump", conflicts_with = "archive")]
    pub out: PathBuf,
    #[command(flatten)]
    pub packing: Packing,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo restore data                            from the directory dump
  smongo restore data backup --gzip --drop
  smongo restore mongodb://localhost:27017 --archive=backup.archive --nsInclude 'cinema.*'
  smongo restore data --archive=backup.archive --nsFrom 'cinema.*' --nsTo 'archive.*'

It reads what mongodump wrote, too.")]
pub struct RestoreArgs {
    #[command(flatten)]
    pub target: Target,
    /// The directory
    #[arg(value_name = "DIRECTORY", default_value = "dump", conflicts_with = "archive")]
    pub directory: PathBuf,
    #[command(flatten)]
    pub packing: Packing,
    /// Drop each collection before it is restored
    #[arg(long)]
    pub drop: bool,
    /// Which namespaces, `*` standing for anything; may be given several times
    #[arg(long = "nsInclude", value_name = "PATTERN")]
    pub ns_include: Vec<String>,
    /// Which namespaces not
    #[arg(long = "nsExclude", value_name = "PATTERN")]
    pub ns_exclude: Vec<String>,
    /// Namespaces to rename; what `*` stands for goes where `--nsTo` has one
    #[arg(long = "nsFrom", value_name = "PATTERN", requires = "ns_to")]
    pub ns_from: Option<String>,
    /// What they become
    #[arg(long = "nsTo", value_name = "PATTERN", requires = "ns_from")]
    pub ns_to: Option<String>,
    /// Leave indexes out
    #[arg(long = "noIndexRestore")]
    pub no_index_restore: bool,
    /// End at the first document that fails
    #[arg(long = "stopOnError")]
    pub stop_on_error: bool,
    /// Leave out validators
    #[arg(long = "bypassDocumentValidation")]
    pub bypass_document_validation: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo explain data -d cinema 'db.films.find({year: {$lt: 1930}}).sort({title: 1})'
  smongo explain data -d cinema 'db.films.aggregate([{$group: {_id: \"$year\"}}])' --verbosity executionStats")]
pub struct ExplainArgs {
    /// A data directory or a URI, unless it is the usual one, and the statement, as in the shell
    #[arg(required = true, num_args = 1..=2, value_names = ["TARGET", "STATEMENT"])]
    pub words: Vec<String>,
    /// The database
    #[arg(short, long, default_value = "test")]
    pub db: String,
    /// How much to find out: queryPlanner, executionStats or allPlansExecution
    #[arg(long, default_value = "queryPlanner")]
    pub verbosity: String,
}

impl ExplainArgs {
    /// The target and the statement.
    pub fn target_and_statement(&self) -> (&str, &str) {
        match self.words.as_slice() {
            [target, statement, ..] => (target, statement),
            [statement] => (DEFAULT_TARGET, statement),
            [] => (DEFAULT_TARGET, ""),
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo check data
  smongo check data -d cinema -c films --json

Ends with 1 when damage is found.")]
pub struct CheckArgs {
    #[command(flatten)]
    pub target: Target,
    /// One database
    #[arg(short, long)]
    pub db: Option<String>,
    /// One collection
    #[arg(short, long, requires = "db")]
    pub collection: Option<String>,
    /// Mend indexes; nobody else may use the collection meanwhile
    #[arg(long)]
    pub repair: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo ping
  smongo ping mongodb://db.example.net --count 10 --json
  HEALTHCHECK CMD smongo ping --quiet        in a container")]
pub struct PingArgs {
    #[command(flatten)]
    pub target: Target,
    /// How often to ask
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  smongo stats data
  smongo stats mongodb://localhost:27017 -d cinema --json")]
pub struct StatsArgs {
    #[command(flatten)]
    pub target: Target,
    /// One database
    #[arg(short, long)]
    pub db: Option<String>,
}
