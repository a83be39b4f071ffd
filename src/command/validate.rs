//! `validate`, `validateDBMetadata`: whether documents, indexes and their descriptions are as they should be.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, arguments};
use super::reply::{self, Reply};
use super::table::{Command, Usage};
use crate::catalog::entry::uuid_value;
use crate::error::{Error, Result};
use crate::request::{RepairMode, ValidateRequest, Validation};

pub(super) static VALIDATE: Command =
    Command::new("validate", validate, "compares a collection's documents and indexes")
        .needs(Needs::OnCollection(&["validate"]))
        .uses_collection(Usage::Commands);

arguments! {
    /// Arguments of `validate`. Unknown ones are ignored, as mongod does.
    struct ValidateArgs in "validate" lenient {
        "full" => full: Any<'d>,
        "background" => background: Any<'d>,
        "repair" => repair: Any<'d>,
        "fixMultikey" => fix_multikey: Any<'d>,
        "metadata" => metadata: Any<'d>,
        "checkBSONConformance" => conformance: Any<'d>,
        "enforceFastCount" => fast_count: Any<'d>,
    }
}

fn validate(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: ValidateArgs<'_> = args::of_command(&call.request)?;
    let is_on = |argument: &Option<Any<'_>>| argument.as_ref().is_some_and(|Any(value)| args::is_truthy(*value));
    let (full, background, metadata) = (is_on(&args.full), is_on(&args.background), is_on(&args.metadata));
    let (repairs, fixes_multikey) = (is_on(&args.repair), is_on(&args.fix_multikey));
    let (conformance, fast_count) = (is_on(&args.conformance), is_on(&args.fast_count));
    let others = [
        ("full", full),
        ("enforceFastCount", fast_count),
        ("repair", repairs),
        ("checkBSONConformance", conformance),
        ("fixMultikey", fixes_multikey),
    ];
    let refuse = |message: String| Err(Error::new(Code::INVALID_OPTIONS, message));
    let both = |a: &str, b: &str| {
        refuse(format!("Running the validate command with both {{ {a}: true }} and {{ {b}: true }} is not supported."))
    };
    if background && let Some((name, _)) = others.iter().find(|(_, on)| *on) {
        return both("background", name);
    }
    if repairs
        && let Some((name, _)) = others.iter().find(|(name, on)| *on && !matches!(*name, "repair" | "fixMultikey"))
    {
        return both(name, "repair");
    }
    if metadata && (background || others.iter().any(|(_, on)| *on)) {
        return refuse(
            "Running the validate command with { metadata: true } is not supported with any other options".into(),
        );
    }
    let repair = match (repairs, fixes_multikey) {
        (true, _) => RepairMode::FixErrors,
        (false, true) => RepairMode::FixMultikey,
        (false, false) => RepairMode::None,
    };
    let request = ValidateRequest { ns, full, metadata, conformance, repair };
    let validation = call.commands.engine.validate(&call.op(), &request)?;
    write(reply, &request, &validation);
    Ok(())
}

fn write(reply: &mut Reply<'_>, request: &ValidateRequest, validation: &Validation) {
    reply.string("ns", request.ns.full());
    reply.value("uuid", uuid_value(&validation.uuid));
    if !request.metadata {
        reply.value("nInvalidDocuments", reply::count(validation.invalid_documents));
        reply.value("nNonCompliantDocuments", reply::count(validation.non_compliant_documents));
        reply.value("nrecords", reply::count(validation.records));
    }
    // The index that orders a clustered collection is part of the collection.
    let indexes = || validation.indexes.iter().filter(|index| index.spec.get("clustered").is_none());
    reply.value("nIndexes", reply::count(indexes().count() as u64));
    reply.document("keysPerIndex", |keys| {
        if !request.metadata {
            indexes().for_each(|index| keys.value(&index.name, reply::count(index.keys)));
        }
    });
    reply.document("indexDetails", |details| {
        for index in indexes() {
            details.document(&index.name, |detail| {
                detail.value("valid", Value::bool(index.valid));
                detail.value("spec", Value::document(&index.spec));
                for (name, texts) in [("warnings", &index.warnings), ("errors", &index.errors)] {
                    if !texts.is_empty() {
                        write_texts(detail, name, texts);
                    }
                }
            });
        }
    });
    reply.value("valid", Value::bool(validation.is_valid()));
    reply.value("repaired", Value::bool(validation.repaired));
    write_texts(reply, "warnings", &validation.warnings);
    write_texts(reply, "errors", &validation.errors);
    write_documents(reply, "extraIndexEntries", &validation.extra_entries);
    write_documents(reply, "missingIndexEntries", &validation.missing_entries);
    reply.array("corruptRecords", |records| {
        validation.corrupt_records.iter().for_each(|record| records.value(Value::int64(*record)));
    });
    let mode = match request.repair {
        RepairMode::None => "None",
        RepairMode::FixMultikey => "AdjustMultikey",
        RepairMode::FixErrors => "FixErrors",
    };
    reply.string("repairMode", mode);
    if validation.repaired {
        for (name, number) in [
            ("numRemovedCorruptRecords", validation.removed_corrupt_records),
            ("numRemovedExtraIndexEntries", validation.removed_extra_entries),
            ("numInsertedMissingIndexEntries", validation.inserted_missing_entries),
            ("numDocumentsMovedToLostAndFound", validation.moved_documents),
        ] {
            if number > 0 {
                reply.value(name, reply::count(number));
            }
        }
    }
    if !validation.is_valid() {
        reply.string("advice", "A corrupt namespace has been detected. Run validate with { repair: true }.");
    }
}

fn write_texts(out: &mut Reply<'_>, name: &str, texts: &[String]) {
    out.array(name, |array| texts.iter().for_each(|text| array.value(Value::string(text))));
}

fn write_documents(out: &mut Reply<'_>, name: &str, documents: &[DocBuf]) {
    out.array(name, |array| documents.iter().for_each(|doc| array.value(Value::document(doc))));
}

pub(super) static VALIDATE_DB_METADATA: Command = Command::new(
    "validateDBMetadata",
    validate_db_metadata,
    "lists what collections and indexes have that a version of the Stable API does without",
)
.admin_only()
.needs(Needs::OnCluster(&["validate"]));

arguments! {
    /// Arguments of `validateDBMetadata`.
    struct ValidateDbMetadataArgs in "validateDBMetadata" strict {
        "apiParameters" => api_parameters: &'d RawDoc,
        "db" => db: &'d str,
        "collection" => collection: &'d str,
    }
}

arguments! {
    /// The `apiParameters` argument.
    struct ApiParametersArgs in "validateDBMetadata.apiParameters" strict {
        "version" => version: &'d str,
        "strict" => strict: bool,
        "deprecationErrors" => deprecation_errors: bool,
    }
}

/// The characters that the name of a database cannot have here.
const NOT_IN_DB_NAMES: &[char] = &['/', '\\', ' ', '"'];

/// The longest name of a database, in bytes. MongoDB: 63.
const DB_NAME_MAX_BYTES: usize = 63;

/// Names are checked less strictly than those of things that are made, and with codes of their own.
fn check_names(db: Option<&str>, coll: Option<&str>) -> Result<()> {
    if db == Some("") {
        return Err(Error::new(Code(28539), "Empty database name is invalid"));
    }
    if let Some(db) = db.filter(|db| db.contains(NOT_IN_DB_NAMES)) {
        return Err(Error::new(Code(13280), format!("Invalid database name: '{db}'")));
    }
    if let Some(db) = db.filter(|db| db.len() > DB_NAME_MAX_BYTES || db.contains(['.', '\0'])) {
        return Err(Error::new(Code::INVALID_NAMESPACE, format!("Invalid database name: '{db}'")));
    }
    match coll.filter(|coll| coll.is_empty() || coll.starts_with('.') || coll.contains('\0')) {
        Some(coll) => Err(Error::new(Code::INVALID_NAMESPACE, format!("Invalid collection name: '{coll}'"))),
        None => Ok(()),
    }
}

/// The version of the Stable API that there are rules for.
const API_VERSION: &str = "1";

fn validate_db_metadata(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: ValidateDbMetadataArgs<'_> = args::of_command(&call.request)?;
    let api = args::require(args.api_parameters, "validateDBMetadata", "apiParameters")?;
    let api: ApiParametersArgs<'_> = args::of_document(api)?;
    let version = args::require(api.version, "validateDBMetadata.apiParameters", "version")?;
    check_names(args.db, args.collection)?;
    let is_checked = version == API_VERSION && api.strict == Some(true);
    let found = match is_checked {
        true => call.commands.engine.indexes_outside_api(args.db, args.collection),
        false => Vec::new(),
    };
    reply.array("apiVersionErrors", |errors| {
        for (ns, index) in &found {
            errors.document(|error| {
                error.string("ns", ns.full());
                error.value("code", Value::int32(Code::API_STRICT_ERROR.0));
                error.string("codeName", &Code::API_STRICT_ERROR.name());
                error.string("errmsg", &format!("The index with name {index} is not allowed in API version 1."));
            });
        }
    });
    Ok(())
}
