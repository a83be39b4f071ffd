//! What a dump says of a collection beside its documents: options, indexes, UUID.

use bson::{Bson, Document, doc};
use smongo_vm::value::extjson::Notation;

use crate::failure::Failure;
use crate::values;

/// One collection or view.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// Its name, which the name of a file may shorten.
    pub name: String,
    /// `collection`, `view` or `timeseries`.
    pub kind: String,
    /// What `create` was told.
    pub options: Document,
    /// Its indexes, as `listIndexes` tells them.
    pub indexes: Vec<Document>,
    /// Its UUID in hexadecimal digits; empty for a view.
    pub uuid: String,
}

impl Metadata {
    /// What `listCollections` and `listIndexes` say.
    pub fn new(listed: &Document, indexes: Vec<Document>) -> Self {
        let uuid = listed.get_document("info").ok().and_then(|info| match info.get("uuid") {
            Some(Bson::Binary(uuid)) => Some(uuid.bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
            _ => None,
        });
        Self {
            name: listed.get_str("name").unwrap_or_default().to_owned(),
            kind: listed.get_str("type").unwrap_or("collection").to_owned(),
            options: listed.get_document("options").cloned().unwrap_or_default(),
            indexes,
            uuid: uuid.unwrap_or_default(),
        }
    }

    /// The text of the metadata file.
    pub fn to_json(&self) -> Result<String, Failure> {
        let mut json = Document::new();
        if !self.options.is_empty() {
            json.insert("options", self.options.clone());
        }
        json.insert("indexes", self.indexes.clone());
        if !self.uuid.is_empty() {
            json.insert("uuid", self.uuid.clone());
        }
        json.insert("collectionName", self.name.clone());
        json.insert("type", self.kind.clone());
        values::to_line(&Bson::Document(json), Notation::Canonical)
    }

    /// Reads a metadata file. Older ones lack the name, which is then the file's, and the type.
    pub fn from_json(text: &str, name: &str) -> Result<Self, Failure> {
        let json = values::from_bytes(&values::parse_doc(text)?)?;
        let options = json.get_document("options").cloned().unwrap_or_default();
        let kind = json.get_str("type").ok().filter(|kind| !kind.is_empty()).unwrap_or_else(|| {
            match (options.contains_key("viewOn"), options.contains_key("timeseries")) {
                (true, _) => "view",
                (_, true) => "timeseries",
                _ => "collection",
            }
        });
        let indexes = json.get_array("indexes").into_iter().flatten().filter_map(Bson::as_document);
        Ok(Self {
            name: json.get_str("collectionName").ok().filter(|name| !name.is_empty()).unwrap_or(name).to_owned(),
            kind: kind.to_owned(),
            indexes: indexes.cloned().collect(),
            uuid: json.get_str("uuid").unwrap_or_default().to_owned(),
            options,
        })
    }

    /// A collection of which nothing but documents is known.
    pub fn bare(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: "collection".into(),
            options: Document::new(),
            indexes: Vec::new(),
            uuid: String::new(),
        }
    }

    /// Whether it has no documents of its own.
    pub fn is_view(&self) -> bool {
        self.kind == "view"
    }

    /// The command that makes it.
    pub fn create_command(&self, name: &str) -> Document {
        let mut command = doc! { "create": name };
        // No version of mongod takes it any more.
        command.extend(self.options.clone().into_iter().filter(|(option, _)| option != "autoIndexId"));
        command
    }

    /// The command that makes its indexes; `None` when there is none but the one on `_id`.
    pub fn indexes_command(&self, name: &str) -> Option<Document> {
        let is_id =
            |index: &Document| index.get_document("key").is_ok_and(|key| key.len() == 1 && key.contains_key("_id"));
        // The version is the server's to choose, as with mongorestore; `ns` stands in dumps of old servers.
        let spec = |index: &Document| -> Document {
            index.clone().into_iter().filter(|(field, _)| field != "v" && field != "ns").collect()
        };
        let specs: Vec<Document> = self
            .indexes
            .iter()
            .filter(|index| !is_id(index) && !index.get_bool("clustered").unwrap_or(false))
            .map(spec)
            .collect();
        (!specs.is_empty()).then(|| doc! { "createIndexes": name, "indexes": specs, "ignoreUnknownIndexOptions": true })
    }
}
