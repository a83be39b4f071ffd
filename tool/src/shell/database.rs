//! What can be called on a database, and on `rs`.

use bson::{Bson, Document, doc};

use super::collection;
use super::request::{Answer, Arguments, Request, no_more};
use super::statement::Member;
use crate::failure::Failure;

/// The calls on a database, for completion and help.
pub const METHODS: &[&str] = &[
    "adminCommand",
    "aggregate",
    "createCollection",
    "createView",
    "currentOp",
    "dropDatabase",
    "getCollection",
    "getCollectionInfos",
    "getCollectionNames",
    "getName",
    "getProfilingStatus",
    "getSiblingDB",
    "hello",
    "killOp",
    "listCommands",
    "runCommand",
    "serverStatus",
    "setProfilingLevel",
    "stats",
    "version",
];

/// The request that a call on a database stands for.
pub fn request(db: &str, name: &str, arguments: &Arguments<'_>, rest: &[Member]) -> Result<Request, Failure> {
    let with_options = |mut command: Document, at: usize, answer| -> Result<Request, Failure> {
        command.extend(arguments.document(at)?);
        Ok(Request::new(db, command, answer))
    };
    let on_admin = |command| Request::new("admin", command, Answer::Reply);
    let request = match name {
        "runCommand" => Request::new(db, command(arguments)?, Answer::Reply),
        "adminCommand" => on_admin(command(arguments)?),
        "aggregate" => Request::new(db, collection::aggregate(Bson::Int32(1), arguments)?, Answer::Cursor),
        "createCollection" => with_options(doc! { "create": arguments.text(0, "a name")? }, 1, Answer::Reply)?,
        "createView" => {
            let source = arguments.text(1, "the name of a collection")?;
            let command = doc! {
                "create": arguments.text(0, "a name")?, "viewOn": source, "pipeline": arguments.documents(2)?,
            };
            with_options(command, 3, Answer::Reply)?
        }
        "dropDatabase" => Request::new(db, doc! { "dropDatabase": 1 }, Answer::Reply),
        "getName" => Request::new(db, Document::new(), Answer::Text(db.to_owned())),
        "getCollectionNames" => {
            Request::new(db, doc! { "listCollections": 1, "nameOnly": true }, Answer::EachField("name"))
        }
        "getCollectionInfos" => {
            Request::new(db, doc! { "listCollections": 1, "filter": arguments.document(0)? }, Answer::Array)
        }
        "stats" => with_options(doc! { "dbStats": 1 }, 0, Answer::Reply)?,
        "version" => Request::new(db, doc! { "buildInfo": 1 }, Answer::Field("version")),
        "hello" => Request::new(db, doc! { "hello": 1 }, Answer::Reply),
        "serverStatus" => with_options(doc! { "serverStatus": 1 }, 0, Answer::Reply)?,
        "listCommands" => Request::new(db, doc! { "listCommands": 1 }, Answer::Reply),
        "currentOp" => {
            let mut command = doc! { "currentOp": 1 };
            command.extend(arguments.document(0)?);
            on_admin(command)
        }
        "killOp" => on_admin(doc! { "killOp": 1, "op": arguments.value(0)? }),
        "getProfilingStatus" => Request::new(db, doc! { "profile": -1 }, Answer::Reply),
        "setProfilingLevel" => with_options(doc! { "profile": arguments.value(0)?.clone() }, 1, Answer::Reply)?,
        other => return Err(Failure::Usage(format!("a database has no method '{other}'; help lists them"))),
    };
    no_more(rest, name)?;
    Ok(request)
}

/// The request that a call on `rs` stands for.
pub fn replica_set(members: &[Member]) -> Result<Request, Failure> {
    let [Member { name, arguments: Some(_) }] = members else {
        return Err(Failure::Usage("rs has the methods status, conf and hello".into()));
    };
    let (command, answer) = match name.as_str() {
        "status" => (doc! { "replSetGetStatus": 1 }, Answer::Reply),
        "conf" | "config" => (doc! { "replSetGetConfig": 1 }, Answer::Field("config")),
        "hello" => (doc! { "hello": 1 }, Answer::Reply),
        other => return Err(Failure::Usage(format!("rs has no method '{other}': status, conf and hello"))),
    };
    Ok(Request::new("admin", command, answer))
}

/// A command document, or the name of a command without arguments.
fn command(arguments: &Arguments<'_>) -> Result<Document, Failure> {
    match arguments.get(0) {
        Some(Bson::String(name)) => Ok(doc! { name: 1 }),
        _ => arguments.required_document(0),
    }
}
