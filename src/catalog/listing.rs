//! The documents by which `listCollections` and `listDatabases` describe what there is.

use smongo_vm::value::{DocBuf, Value};

use super::View;
use super::entry::uuid_value;
use crate::collection::Collection;
use crate::index::id_spec;

/// A collection, as `listCollections` describes it.
pub(crate) fn collection_document(coll: &Collection, name_only: bool) -> DocBuf {
    let (ns, options) = (coll.ns(), coll.options());
    DocBuf::build(|doc| {
        doc.string("name", ns.coll());
        doc.string("type", "collection");
        if name_only {
            return;
        }
        doc.value("options", Value::document(&options));
        doc.document("info", |info| {
            info.value("readOnly", Value::FALSE);
            info.value("uuid", uuid_value(coll.uuid()));
        });
        if options.get("clusteredIndex").is_none() {
            doc.value("idIndex", Value::document(&id_spec(&options)));
        }
    })
}

/// A view, as `listCollections` describes it.
pub(crate) fn view_document(view: &View, name_only: bool) -> DocBuf {
    DocBuf::build(|doc| {
        doc.string("name", view.ns.coll());
        doc.string("type", "view");
        if name_only {
            return;
        }
        doc.value("options", Value::document(&view.options()));
        doc.document("info", |info| info.value("readOnly", Value::TRUE));
    })
}

/// A database, as `listDatabases` describes it.
pub(crate) fn database_document(name: &str, size_on_disk: u64) -> DocBuf {
    DocBuf::build(|doc| {
        doc.string("name", name);
        doc.value("sizeOnDisk", Value::int64(i64::try_from(size_on_disk).unwrap_or(i64::MAX)));
        doc.value("empty", Value::FALSE);
    })
}
