//! What MongoDB's driver has beside the plain verbs: index models, listings, bulk writes, files.

use std::io::{Read, Write};
use std::time::Duration;

use bson::{Bson, Document, doc};
use smongo::options::{
    Collation, CollationStrength, DeleteOneModel, IndexOptions, ReplaceOneModel, UpdateManyModel, UpdateOneModel,
    WriteModel,
};
use smongo::results::CollectionType;
use smongo::{Client, IndexModel};

use crate::Fixture;

#[test]
fn an_index_model_comes_back_as_it_was_made() {
    let fixture = Fixture::new();
    let options = IndexOptions::builder()
        .name("mine".to_string())
        .unique(true)
        .partial_filter_expression(doc! { "a": { "$gt": 1 } })
        .collation(Collation::builder().locale("en").strength(CollationStrength::Secondary).build())
        .build();
    let models = [
        IndexModel::builder().keys(doc! { "a": 1, "b": -1 }).options(options).build(),
        IndexModel::builder()
            .keys(doc! { "t": 1 })
            .options(IndexOptions::builder().expire_after(Duration::from_secs(30)).sparse(true).build())
            .build(),
    ];
    assert_eq!(fixture.coll.create_indexes(models.clone()).run().unwrap().index_names, ["mine", "t_1"]);
    let listed: Vec<IndexModel> = fixture.coll.list_indexes().run().unwrap().map(Result::unwrap).collect();
    assert_eq!(listed[0].keys, doc! { "_id": 1 });
    for (model, listed) in models.iter().zip(&listed[1..]) {
        assert_eq!((&listed.keys, listed.name()), (&model.keys, model.name()));
        let (made, found) = (model.options.as_ref().unwrap(), listed.options.as_ref().unwrap());
        assert_eq!((made.unique, made.sparse, made.expire_after), (found.unique, found.sparse, found.expire_after));
        assert_eq!(made.partial_filter_expression, found.partial_filter_expression);
        let locale = |options: &IndexOptions| {
            options.collation.as_ref().map(|collation| (collation.locale.clone(), collation.strength))
        };
        assert_eq!(locale(made), locale(found));
    }
}

#[test]
fn collections_and_databases_are_listed() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    let db = fixture.client.database("db");
    db.create_collection("v").view_on("c").pipeline([doc! { "$match": {} }]).run().unwrap();
    db.create_collection("checked").validator(doc! { "x": 1 }).validation_action("warn").run().unwrap();
    let mut listed: Vec<_> = db.list_collections().run().unwrap().map(Result::unwrap).collect();
    listed.retain(|coll| !coll.name.starts_with("system."));
    listed.sort_by_key(|coll| coll.name.clone());
    let names: Vec<&str> = listed.iter().map(|coll| coll.name.as_str()).collect();
    assert_eq!(names, ["c", "checked", "v"]);
    assert_eq!(
        (listed[0].collection_type, listed[2].collection_type),
        (CollectionType::Collection, CollectionType::View)
    );
    assert!(listed[0].info.uuid.is_some() && listed[2].info.read_only && listed[2].id_index.is_none());
    assert_eq!(listed[1].options.validation_action.as_deref(), Some("warn"));
    assert_eq!(listed[2].options.view_on.as_deref(), Some("c"));
    let databases = fixture.client.list_databases().run().unwrap();
    assert!(databases.iter().any(|database| database.name == "db" && !database.empty));
}

/// The results follow the drivers' CRUD specification, "Client Bulk Write".
#[test]
fn a_bulk_write_tells_what_each_write_did() {
    let fixture = Fixture::with([doc! { "_id": 1, "x": 1 }, doc! { "_id": 2, "x": 1 }, doc! { "_id": 3, "x": 3 }]);
    let (coll, client) = (&fixture.coll, &fixture.client);
    let ns = || coll.namespace();
    let models: Vec<WriteModel> = vec![
        coll.insert_one_model(doc! { "x": 9 }).unwrap().into(),
        UpdateManyModel::builder()
            .namespace(ns())
            .filter(doc! { "x": 1 })
            .update(doc! { "$inc": { "x": 1 } })
            .build()
            .into(),
        UpdateOneModel::builder()
            .namespace(ns())
            .filter(doc! { "_id": 7 })
            .update(doc! { "$set": { "x": 7 } })
            .upsert(true)
            .build()
            .into(),
        ReplaceOneModel::builder()
            .namespace(ns())
            .filter(doc! { "_id": 3 })
            .replacement(doc! { "y": 1 })
            .build()
            .into(),
        DeleteOneModel::builder().namespace(ns()).filter(doc! { "_id": 1 }).build().into(),
    ];
    let result = client.bulk_write(models).verbose_results().run().unwrap();
    let summary = result.summary;
    assert_eq!(
        (
            summary.inserted_count,
            summary.matched_count,
            summary.modified_count,
            summary.upserted_count,
            summary.deleted_count
        ),
        (1, 3, 3, 1, 1)
    );
    assert!(matches!(result.insert_results[&0].inserted_id, Bson::ObjectId(_)));
    assert_eq!((result.update_results[&1].matched_count, result.update_results[&1].modified_count), (2, 2));
    assert_eq!(result.update_results[&2].upserted_id, Some(Bson::Int32(7)));
    assert_eq!(result.delete_results[&4].deleted_count, 1);
    assert_eq!(fixture.found(doc! { "_id": 3 }), [doc! { "_id": 3, "y": 1 }]);
}

#[test]
fn a_bulk_write_tells_what_failed() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    let coll = &fixture.coll;
    let models = || [1, 2, 1, 3].map(|id| coll.insert_one_model(doc! { "_id": id }).unwrap());
    let error = fixture.client.bulk_write(models()).ordered(false).run().unwrap_err();
    assert_eq!(error.code_name(), "DuplicateKey");
    assert_eq!(error.write_errors().iter().map(|failed| failed.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(coll.count_documents(doc! {}).run().unwrap(), 3);
    let error = fixture.client.bulk_write(models()).run().unwrap_err();
    assert_eq!(error.write_errors().len(), 1);
    let update = UpdateOneModel::builder().namespace(coll.namespace()).filter(doc! {}).update(doc! { "x": 1 }).build();
    assert!(fixture.client.bulk_write([update]).run().is_err());
}

/// The GridFS specification: the layout of files and chunks, and what is damage.
#[test]
fn files_are_laid_out_as_specified() {
    let client = Client::in_memory().unwrap();
    let db = client.database("db");
    let bucket = db.gridfs_bucket(smongo::options::GridFsBucketOptions::builder().chunk_size_bytes(4_u32).build());
    let mut upload = bucket.open_upload_stream("f").id(Bson::Int32(1)).metadata(doc! { "m": 1 }).run().unwrap();
    upload.write_all(b"0123").unwrap();
    upload.write_all(b"456789").unwrap();
    assert!(bucket.find_one(doc! {}).run().unwrap().is_none());
    upload.close().unwrap();
    assert!(upload.write(b"x").is_err());
    let file = bucket.find_one(doc! { "filename": "f" }).run().unwrap().unwrap();
    assert_eq!((file.length, file.chunk_size_bytes, file.metadata), (10, 4, Some(doc! { "m": 1 })));
    let chunks = db.collection::<Document>("fs.chunks");
    let sizes: Vec<usize> = chunks
        .find(doc! { "files_id": 1 })
        .sort(doc! { "n": 1 })
        .run()
        .unwrap()
        .map(|chunk| chunk.unwrap().get_binary_generic("data").unwrap().len())
        .collect();
    assert_eq!(sizes, [4, 4, 2]);
    assert_eq!(chunks.list_index_names().run().unwrap(), ["_id_", "files_id_1_n_1"]);
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bucket.open_download_stream(Bson::Int32(1)).run().unwrap().read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    assert_eq!(read().unwrap(), b"0123456789");

    chunks.update_one(doc! { "n": 2 }, doc! { "$set": { "n": 5 } }).run().unwrap();
    assert!(read().unwrap_err().to_string().contains("chunk 2 is missing"));
    chunks.update_one(doc! { "n": 5 }, doc! { "$set": { "n": 2, "data": Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![0; 3] }) } }).run().unwrap();
    assert!(read().unwrap_err().to_string().contains("chunk 2 has 3 bytes where 2 are expected"));
    chunks.delete_one(doc! { "n": 2 }).run().unwrap();
    assert!(read().unwrap_err().to_string().contains("chunk 2 is missing"));

    bucket.delete(Bson::Int32(1)).run().unwrap();
    assert_eq!(chunks.count_documents(doc! {}).run().unwrap(), 0);
    assert_eq!(bucket.delete(Bson::Int32(1)).run().unwrap_err().code_name(), "NoSuchKey");
}

#[test]
fn files_have_revisions_and_names() {
    let client = Client::in_memory().unwrap();
    let bucket = client.database("db").gridfs_bucket(None);
    for content in ["first", "second", "third", ""] {
        let mut upload = bucket.open_upload_stream("f").run().unwrap();
        upload.write_all(content.as_bytes()).unwrap();
        upload.close().unwrap();
        // The date has milliseconds, and revisions are told apart by it.
        std::thread::sleep(Duration::from_millis(2));
    }
    let read = |revision: i32| {
        let mut text = String::new();
        let mut stream = bucket.open_download_stream_by_name("f").revision(revision).run()?;
        stream.read_to_string(&mut text).unwrap();
        Ok::<_, smongo::Error>(text)
    };
    assert_eq!(
        (read(0).unwrap(), read(2).unwrap(), read(-1).unwrap(), read(-3).unwrap()),
        ("first".into(), "third".into(), String::new(), "second".into())
    );
    assert!(read(4).is_err());
    bucket.rename_by_name("f", "g").run().unwrap();
    assert!(read(0).is_err());
    bucket.delete_by_name("g").run().unwrap();
    // What is given up leaves nothing.
    let mut upload = bucket.open_upload_stream("x").chunk_size_bytes(1).run().unwrap();
    upload.write_all(b"abc").unwrap();
    upload.flush().unwrap();
    drop(upload);
    let chunks = client.database("db").collection::<Document>("fs.chunks");
    assert_eq!(chunks.count_documents(doc! {}).run().unwrap(), 0);
    bucket.drop().run().unwrap();
}
