//! From a call such as `db.films.find({year: 1927}).sort({title: 1})` to the command document that says it, and to what
//! its reply means.

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};

use super::statement::Member;
use super::{collection, database};
use crate::failure::Failure;

/// A command, and how to read its reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The database it runs on.
    pub db: String,
    /// The command document.
    pub command: Document,
    /// What the reply means.
    pub answer: Answer,
}

/// What a reply means.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A cursor, whose documents are shown in portions.
    Cursor,
    /// A cursor, whose documents are shown all at once as an array.
    Array,
    /// A cursor with one document at most.
    First,
    /// A cursor with one document at most, of which one field counts; its absence means 0.
    FirstField(&'static str),
    /// A field of the reply.
    Field(&'static str),
    /// Of a cursor's documents, one field each, as an array.
    EachField(&'static str),
    /// The names of what a `createIndexes` was asked for: one, or an array.
    IndexNames(Vec<String>, bool),
    /// What an insert of documents with these ids did.
    Inserted(Vec<Bson>, bool),
    /// What an update did.
    Updated,
    /// What a delete did.
    Deleted,
    /// What a bulk write did.
    Bulk,
    /// The whole reply.
    Reply,
    /// A text that needs no reply: nothing is run.
    Text(String),
}

impl Request {
    /// A command on a database whose reply is shown as it is.
    pub fn new(db: &str, command: Document, answer: Answer) -> Self {
        Self { db: db.to_owned(), command, answer }
    }

    /// The request that tells how this one would be run.
    pub fn explained(self, verbosity: &str) -> Self {
        let mut command = self.command;
        // An aggregate that is explained has its cursor all the same.
        command.remove("writeConcern");
        let command = doc! { "explain": command, "verbosity": verbosity };
        Self { db: self.db, command, answer: Answer::Reply }
    }
}

/// The request that a chain of members of `db` stands for.
pub fn request(db: &str, members: &[Member]) -> Result<Request, Failure> {
    let Some((first, rest)) = members.split_first() else {
        return Ok(Request::new(db, Document::new(), Answer::Text(db.to_owned())));
    };
    match (first.name.as_str(), &first.arguments) {
        ("getSiblingDB", Some(arguments)) => {
            request(&Arguments::new("getSiblingDB", arguments).text(0, "a name")?, rest)
        }
        ("getCollection", Some(arguments)) => {
            collection_request(db, Arguments::new("getCollection", arguments).text(0, "a name")?, rest)
        }
        (name, Some(arguments)) => database::request(db, name, &Arguments::new(name, arguments), rest),
        (name, None) => collection_request(db, name.to_owned(), rest),
    }
}

/// The request on a collection, whose name may have more parts.
fn collection_request(db: &str, mut coll: String, members: &[Member]) -> Result<Request, Failure> {
    let mut members = members;
    while let Some((Member { name, arguments: None }, rest)) = members.split_first() {
        coll.push('.');
        coll.push_str(name);
        members = rest;
    }
    let Some((Member { name, arguments: Some(arguments) }, rest)) = members.split_first() else {
        return Ok(Request::new(db, Document::new(), Answer::Text(format!("{db}.{coll}"))));
    };
    if name == "explain" {
        let verbosity = Arguments::new(name, arguments).verbosity()?;
        return Ok(collection_request(db, coll, rest)?.explained(&verbosity));
    }
    collection::request(db, &coll, name, &Arguments::new(name, arguments), rest)
}

/// The arguments of a call, with errors that name it.
pub struct Arguments<'a> {
    name: &'a str,
    values: &'a [Bson],
}

impl<'a> Arguments<'a> {
    /// The arguments of the call `name`.
    pub fn new(name: &'a str, values: &'a [Bson]) -> Self {
        Self { name, values }
    }

    /// An error about an argument.
    pub fn wrong<T>(&self, at: usize, wanted: &str) -> Result<T, Failure> {
        Err(Failure::Usage(format!("argument {} of {} must be {wanted}", at + 1, self.name)))
    }

    /// An argument; `undefined` counts as none.
    pub fn get(&self, at: usize) -> Option<&'a Bson> {
        self.values.get(at).filter(|value| !matches!(value, Bson::Undefined))
    }

    /// All of them.
    pub fn all(&self) -> &'a [Bson] {
        self.values
    }

    /// An argument that must be there.
    pub fn value(&self, at: usize) -> Result<&'a Bson, Failure> {
        self.get(at).map_or_else(|| self.wrong(at, "given"), Ok)
    }

    /// A document that may be absent.
    pub fn optional_document(&self, at: usize) -> Result<Option<Document>, Failure> {
        match self.get(at) {
            None | Some(Bson::Null) => Ok(None),
            Some(Bson::Document(document)) => Ok(Some(document.clone())),
            Some(_) => self.wrong(at, "a document"),
        }
    }

    /// A document, empty when absent.
    pub fn document(&self, at: usize) -> Result<Document, Failure> {
        Ok(self.optional_document(at)?.unwrap_or_default())
    }

    /// A document that must be there.
    pub fn required_document(&self, at: usize) -> Result<Document, Failure> {
        self.optional_document(at)?.map_or_else(|| self.wrong(at, "a document"), Ok)
    }

    /// An array of documents.
    pub fn documents(&self, at: usize) -> Result<Vec<Document>, Failure> {
        let Some(Bson::Array(values)) = self.get(at) else { return self.wrong(at, "an array of documents") };
        let documents = values.iter().map(|value| value.as_document().cloned());
        documents.collect::<Option<_>>().map_or_else(|| self.wrong(at, "an array of documents"), Ok)
    }

    /// A text.
    pub fn text(&self, at: usize, wanted: &str) -> Result<String, Failure> {
        match self.get(at) {
            Some(Bson::String(text)) => Ok(text.clone()),
            _ => self.wrong(at, wanted),
        }
    }

    /// How much an explain is to find out.
    pub fn verbosity(&self) -> Result<String, Failure> {
        match self.get(0) {
            None => Ok("queryPlanner".into()),
            Some(Bson::String(text)) => Ok(text.clone()),
            Some(Bson::Boolean(true)) => Ok("allPlansExecution".into()),
            Some(Bson::Boolean(false)) => Ok("queryPlanner".into()),
            Some(_) => self.wrong(0, "a verbosity"),
        }
    }
}

/// Gives a document an `_id` where it has none, at its beginning; gives the id.
pub fn with_id(document: &mut Document) -> Bson {
    if let Some(id) = document.get("_id") {
        return id.clone();
    }
    let id = Bson::ObjectId(ObjectId::new());
    let fields = std::mem::take(document);
    document.insert("_id", id.clone());
    document.extend(fields);
    id
}

/// Refuses calls behind one that takes none.
pub fn no_more(members: &[Member], after: &str) -> Result<(), Failure> {
    match members.first() {
        None => Ok(()),
        Some(member) => Err(Failure::Usage(format!("'{}' cannot follow {after}", member.name))),
    }
}
