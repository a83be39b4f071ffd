//! What can be called on a collection.

use bson::{Bson, Document, doc};

use super::request::{Answer, Arguments, Request, no_more, with_id};
use super::statement::Member;
use crate::failure::Failure;

/// The calls on a collection, for completion and help.
pub const METHODS: &[&str] = &[
    "aggregate",
    "bulkWrite",
    "compact",
    "count",
    "countDocuments",
    "createIndex",
    "createIndexes",
    "dataSize",
    "deleteMany",
    "deleteOne",
    "distinct",
    "drop",
    "dropIndex",
    "dropIndexes",
    "estimatedDocumentCount",
    "explain",
    "find",
    "findAndModify",
    "findOne",
    "findOneAndDelete",
    "findOneAndReplace",
    "findOneAndUpdate",
    "getIndexes",
    "hideIndex",
    "insertMany",
    "insertOne",
    "renameCollection",
    "replaceOne",
    "stats",
    "storageSize",
    "totalIndexSize",
    "unhideIndex",
    "updateMany",
    "updateOne",
    "validate",
];

/// What can follow `find` and `aggregate`.
pub const MODIFIERS: &[&str] = &[
    "allowDiskUse",
    "batchSize",
    "collation",
    "comment",
    "count",
    "explain",
    "hint",
    "itcount",
    "limit",
    "max",
    "maxTimeMS",
    "min",
    "pretty",
    "projection",
    "returnKey",
    "showRecordId",
    "skip",
    "sort",
    "toArray",
];

/// The request that a call on a collection stands for.
pub fn request(
    db: &str,
    coll: &str,
    name: &str,
    arguments: &Arguments<'_>,
    rest: &[Member],
) -> Result<Request, Failure> {
    let request = match name {
        "find" => {
            let mut command = doc! { "find": coll, "filter": arguments.document(0)? };
            if let Some(projection) = arguments.optional_document(1)? {
                command.insert("projection", projection);
            }
            command.extend(arguments.document(2)?);
            return modified(Request::new(db, command, Answer::Cursor), rest);
        }
        "aggregate" => {
            let command = aggregate(coll.into(), arguments)?;
            return modified(Request::new(db, command, Answer::Cursor), rest);
        }
        "findOne" => {
            let mut command = doc! { "find": coll, "filter": arguments.document(0)?, "limit": 1, "singleBatch": true };
            if let Some(projection) = arguments.optional_document(1)? {
                command.insert("projection", projection);
            }
            command.extend(arguments.document(2)?);
            Request::new(db, command, Answer::First)
        }
        "countDocuments" => {
            let options = arguments.document(1)?;
            let mut pipeline = vec![doc! { "$match": arguments.document(0)? }];
            for (option, stage) in [("skip", "$skip"), ("limit", "$limit")] {
                pipeline.extend(options.get(option).map(|count| doc! { stage: count.clone() }));
            }
            pipeline.push(doc! { "$group": { "_id": 1, "n": { "$sum": 1 } } });
            let mut command = doc! { "aggregate": coll, "pipeline": pipeline, "cursor": {} };
            command.extend(options.into_iter().filter(|(option, _)| option != "skip" && option != "limit"));
            Request::new(db, command, Answer::FirstField("n"))
        }
        "estimatedDocumentCount" => with_options(db, doc! { "count": coll }, arguments, 0, Answer::Field("n"))?,
        "count" => {
            let command = doc! { "count": coll, "query": arguments.document(0)? };
            with_options(db, command, arguments, 1, Answer::Field("n"))?
        }
        "distinct" => {
            let key = arguments.text(0, "a field's name")?;
            let command = doc! { "distinct": coll, "key": key, "query": arguments.document(1)? };
            with_options(db, command, arguments, 2, Answer::Field("values"))?
        }
        "insertOne" => {
            let mut document = arguments.required_document(0)?;
            let id = with_id(&mut document);
            let command = doc! { "insert": coll, "documents": [document] };
            with_options(db, command, arguments, 1, Answer::Inserted(vec![id], true))?
        }
        "insertMany" | "insert" => {
            let mut documents = match (name, arguments.get(0)) {
                ("insert", Some(Bson::Document(document))) => vec![document.clone()],
                _ => arguments.documents(0)?,
            };
            let ids = documents.iter_mut().map(with_id).collect();
            let command = doc! { "insert": coll, "documents": documents };
            with_options(db, command, arguments, 1, Answer::Inserted(ids, false))?
        }
        "updateOne" | "updateMany" | "replaceOne" => update(db, coll, name, arguments)?,
        "deleteOne" | "deleteMany" => {
            let filter = arguments.required_document(0)?;
            let limit = i32::from(name == "deleteOne");
            let (statement, options) = split(arguments.document(1)?, &["collation", "hint"]);
            let mut delete = doc! { "q": filter, "limit": limit };
            delete.extend(statement);
            let mut command = doc! { "delete": coll, "deletes": [delete] };
            command.extend(options);
            Request::new(db, command, Answer::Deleted)
        }
        "findOneAndDelete" | "findOneAndReplace" | "findOneAndUpdate" => find_one_and(db, coll, name, arguments)?,
        "findAndModify" => {
            let mut command = doc! { "findAndModify": coll };
            command.extend(arguments.required_document(0)?);
            Request::new(db, command, Answer::Field("value"))
        }
        "bulkWrite" => bulk_write(db, coll, arguments)?,
        "createIndex" => create_indexes(db, coll, &[arguments.required_document(0)?], arguments, true)?,
        "createIndexes" => create_indexes(db, coll, &arguments.documents(0)?, arguments, false)?,
        "getIndexes" | "listIndexes" => Request::new(db, doc! { "listIndexes": coll }, Answer::Array),
        "dropIndex" => Request::new(db, doc! { "dropIndexes": coll, "index": arguments.value(0)? }, Answer::Reply),
        "dropIndexes" => {
            let which = arguments.get(0).cloned().unwrap_or_else(|| "*".into());
            Request::new(db, doc! { "dropIndexes": coll, "index": which }, Answer::Reply)
        }
        "hideIndex" | "unhideIndex" => {
            let mut index = match arguments.value(0)? {
                Bson::Document(keys) => doc! { "keyPattern": keys.clone() },
                name => doc! { "name": name.clone() },
            };
            index.insert("hidden", name == "hideIndex");
            Request::new(db, doc! { "collMod": coll, "index": index }, Answer::Reply)
        }
        "drop" => Request::new(db, doc! { "drop": coll }, Answer::Reply),
        "renameCollection" => {
            let to = format!("{db}.{}", arguments.text(0, "the new name")?);
            let drop_target = arguments.get(1).and_then(Bson::as_bool).unwrap_or(false);
            let from = format!("{db}.{coll}");
            let command = doc! { "renameCollection": from, "to": to, "dropTarget": drop_target };
            Request::new("admin", command, Answer::Reply)
        }
        "stats" => with_options(db, doc! { "collStats": coll }, arguments, 0, Answer::Reply)?,
        "dataSize" => Request::new(db, doc! { "collStats": coll }, Answer::Field("size")),
        "storageSize" => Request::new(db, doc! { "collStats": coll }, Answer::Field("storageSize")),
        "totalIndexSize" => Request::new(db, doc! { "collStats": coll }, Answer::Field("totalIndexSize")),
        "validate" => with_options(db, doc! { "validate": coll }, arguments, 0, Answer::Reply)?,
        "compact" => with_options(db, doc! { "compact": coll }, arguments, 0, Answer::Reply)?,
        other => return Err(Failure::Usage(format!("a collection has no method '{other}'; help lists them"))),
    };
    match rest {
        [] => Ok(request),
        [Member { name: next, arguments: Some(values) }] if next == "explain" => {
            let verbosity = Arguments::new(next, values).verbosity()?;
            Ok(request.explained(&verbosity))
        }
        rest => no_more(rest, name).map(|()| request),
    }
}

/// The command of a pipeline, whose stages may be one array or arguments.
pub fn aggregate(source: Bson, arguments: &Arguments<'_>) -> Result<Document, Failure> {
    let (pipeline, options) = match arguments.get(0) {
        Some(Bson::Document(_)) => {
            let stages = arguments.all().iter().map(|value| value.as_document().cloned()).collect::<Option<Vec<_>>>();
            (stages.map_or_else(|| arguments.wrong(0, "an array of stages"), Ok)?, Document::new())
        }
        _ => (arguments.documents(0)?, arguments.document(1)?),
    };
    let mut command = doc! { "aggregate": source, "pipeline": pipeline, "cursor": {} };
    for (option, value) in options {
        match option.as_str() {
            "batchSize" => command.insert("cursor", doc! { "batchSize": value }),
            "explain" => None,
            _ => command.insert(option, value),
        };
    }
    Ok(command)
}

/// A find or an aggregate with the calls behind it.
fn modified(mut request: Request, members: &[Member]) -> Result<Request, Failure> {
    let is_find = request.command.contains_key("find");
    for (at, member) in members.iter().enumerate() {
        let name = member.name.as_str();
        let Some(values) = &member.arguments else {
            no_more(&members[at..], "a cursor")?;
            continue;
        };
        let arguments = Arguments::new(name, values);
        match name {
            "sort" | "projection" | "project" | "collation" | "min" | "max" if is_find || name == "collation" => {
                let option = if name == "project" { "projection" } else { name };
                request.command.insert(option, arguments.required_document(0)?);
            }
            "limit" | "skip" if is_find => {
                request.command.insert(name, arguments.value(0)?);
            }
            "hint" | "comment" | "maxTimeMS" => {
                request.command.insert(name, arguments.value(0)?);
            }
            "batchSize" if is_find => {
                request.command.insert(name, arguments.value(0)?);
            }
            "batchSize" => {
                request.command.insert("cursor", doc! { "batchSize": arguments.value(0)? });
            }
            "showRecordId" | "returnKey" | "allowDiskUse" | "noCursorTimeout" => {
                request.command.insert(name, arguments.get(0).cloned().unwrap_or(Bson::Boolean(true)));
            }
            "toArray" => request.answer = Answer::Array,
            "pretty" => {}
            "explain" => {
                no_more(&members[at + 1..], "explain")?;
                return Ok(request.explained(&arguments.verbosity()?));
            }
            "count" | "size" if is_find => {
                no_more(&members[at + 1..], "count")?;
                return Ok(counted(&request, name == "size"));
            }
            "itcount" => {
                no_more(&members[at + 1..], "itcount")?;
                return itcount(request);
            }
            other => return Err(Failure::Usage(format!("a cursor has no method '{other}' here; help lists them"))),
        }
    }
    Ok(request)
}

/// How many documents a find would find; skip and limit count for `size` only, as in MongoDB's shell.
fn counted(find: &Request, within_limits: bool) -> Request {
    let mut command = Document::new();
    for (name, value) in &find.command {
        match name.as_str() {
            "find" => command.insert("count", value.clone()),
            "filter" => command.insert("query", value.clone()),
            "hint" | "collation" | "comment" | "maxTimeMS" => command.insert(name, value.clone()),
            "limit" | "skip" if within_limits => command.insert(name, value.clone()),
            _ => None,
        };
    }
    Request::new(&find.db, command, Answer::Field("n"))
}

/// How many documents come, by counting them in a pipeline.
fn itcount(request: Request) -> Result<Request, Failure> {
    let Some(Bson::Array(mut pipeline)) = request.command.get("pipeline").cloned() else {
        return Ok(counted(&request, true));
    };
    pipeline.push(Bson::Document(doc! { "$count": "n" }));
    let mut command = request.command;
    command.insert("pipeline", pipeline);
    Ok(Request { command, answer: Answer::FirstField("n"), ..request })
}

fn with_options(
    db: &str,
    mut command: Document,
    arguments: &Arguments<'_>,
    at: usize,
    answer: Answer,
) -> Result<Request, Failure> {
    command.extend(arguments.document(at)?);
    Ok(Request::new(db, command, answer))
}

/// Options that belong to a statement, and those that belong to the command.
fn split(options: Document, of_statement: &[&str]) -> (Document, Document) {
    options.into_iter().partition(|(name, _)| of_statement.contains(&name.as_str()))
}

fn update(db: &str, coll: &str, name: &str, arguments: &Arguments<'_>) -> Result<Request, Failure> {
    let filter = arguments.required_document(0)?;
    let update = arguments.value(1)?;
    check_update(name, update)?;
    let of_statement = ["upsert", "arrayFilters", "collation", "hint", "sort"];
    let (statement, options) = split(arguments.document(2)?, &of_statement);
    let mut written = doc! { "q": filter, "u": update.clone(), "multi": name == "updateMany" };
    written.extend(statement);
    let mut command = doc! { "update": coll, "updates": [written] };
    command.extend(options);
    Ok(Request::new(db, command, Answer::Updated))
}

/// A replacement has no operators, an update has: mixing them up would replace a document by mistake.
fn check_update(name: &str, update: &Bson) -> Result<(), Failure> {
    let operators = match update {
        Bson::Document(document) => document.keys().next().is_some_and(|name| name.starts_with('$')),
        Bson::Array(_) => true,
        _ => return Err(Failure::Usage(format!("argument 2 of {name} must be a document or a pipeline"))),
    };
    match (name.ends_with("Replace") || name == "replaceOne", operators) {
        (true, true) => Err(Failure::Usage("the replacement document must not contain atomic operators".into())),
        (false, false) => Err(Failure::Usage("the update operation document must contain atomic operators".into())),
        _ => Ok(()),
    }
}

fn find_one_and(db: &str, coll: &str, name: &str, arguments: &Arguments<'_>) -> Result<Request, Failure> {
    let mut command = doc! { "findAndModify": coll, "query": arguments.required_document(0)? };
    let options = if name == "findOneAndDelete" {
        command.insert("remove", true);
        arguments.document(1)?
    } else {
        let update = arguments.value(1)?;
        check_update(name, update)?;
        command.insert("update", update.clone());
        arguments.document(2)?
    };
    for (option, value) in options {
        match option.as_str() {
            "projection" => command.insert("fields", value),
            "returnDocument" => command.insert("new", value.as_str() == Some("after")),
            "returnNewDocument" => command.insert("new", value),
            _ => command.insert(option, value),
        };
    }
    Ok(Request::new(db, command, Answer::Field("value")))
}

fn create_indexes(
    db: &str,
    coll: &str,
    keys: &[Document],
    arguments: &Arguments<'_>,
    one: bool,
) -> Result<Request, Failure> {
    let options = arguments.document(1)?;
    let mut names = Vec::new();
    let mut specs = Vec::new();
    for keys in keys {
        let name = options.get_str("name").map_or_else(|_| index_name(keys), str::to_owned);
        let mut spec = doc! { "key": keys.clone(), "name": name.clone() };
        spec.extend(options.clone().into_iter().filter(|(option, _)| option != "name"));
        names.push(name);
        specs.push(spec);
    }
    Ok(Request::new(db, doc! { "createIndexes": coll, "indexes": specs }, Answer::IndexNames(names, one)))
}

/// Fields and directions, as drivers name indexes.
fn index_name(keys: &Document) -> String {
    let part = |(field, order): (&String, &Bson)| match order {
        Bson::String(kind) => format!("{field}_{kind}"),
        Bson::Double(order) => format!("{field}_{order}"),
        other => format!("{field}_{other}"),
    };
    keys.iter().map(part).collect::<Vec<_>>().join("_")
}

fn bulk_write(db: &str, coll: &str, arguments: &Arguments<'_>) -> Result<Request, Failure> {
    let mut ops = Vec::new();
    for operation in arguments.documents(0)? {
        let Some((name, Bson::Document(told))) = operation.iter().next() else {
            return arguments.wrong(0, "an array of operations such as {insertOne: {document: …}}");
        };
        let told_document = |field: &str| told.get_document(field).cloned().unwrap_or_default();
        let mut op = Document::new();
        match name.as_str() {
            "insertOne" => {
                let mut document = told_document("document");
                with_id(&mut document);
                op.extend(doc! { "insert": 0, "document": document });
            }
            "updateOne" | "updateMany" | "replaceOne" => {
                let update = told.get("update").or_else(|| told.get("replacement")).cloned().unwrap_or(Bson::Null);
                check_update(name, &update)?;
                op.extend(doc! { "update": 0, "filter": told_document("filter"), "updateMods": update });
                op.insert("multi", name == "updateMany");
            }
            "deleteOne" | "deleteMany" => {
                op.extend(doc! { "delete": 0, "filter": told_document("filter"), "multi": name == "deleteMany" });
            }
            other => return Err(Failure::Usage(format!("bulkWrite has no operation '{other}'"))),
        }
        let said = ["document", "filter", "update", "replacement"];
        op.extend(told.clone().into_iter().filter(|(field, _)| !said.contains(&field.as_str())));
        ops.push(op);
    }
    let mut command = doc! { "bulkWrite": 1, "ops": ops, "nsInfo": [{ "ns": format!("{db}.{coll}") }] };
    command.extend(arguments.document(1)?);
    Ok(Request::new("admin", command, Answer::Bulk))
}
