//! Many writes of several kinds in one go.

use smongo::bson::{Document, doc};
use smongo::options::{DeleteManyModel, InsertOneModel, UpdateOneModel, WriteModel};
use smongo::{Client, Result};

pub fn run(client: &Client) -> Result<()> {
    let stock = client.database("store").collection::<Document>("stock");
    stock.insert_many([doc! { "_id": "tea", "n": 5 }, doc! { "_id": "old", "n": 0 }]).run()?;
    let (tea, cocoa) = (doc! { "_id": "tea" }, doc! { "_id": "cocoa" });
    let add = |filter: Document| {
        let model = UpdateOneModel::builder().namespace(stock.namespace()).filter(filter);
        WriteModel::from(model.update(doc! { "$inc": { "n": 10 } }).upsert(true).build())
    };
    let coffee =
        InsertOneModel::builder().namespace(stock.namespace()).document(doc! { "_id": "coffee", "n": 7 }).build();
    let empty = DeleteManyModel::builder().namespace(stock.namespace()).filter(doc! { "n": 0 }).build();
    let models = [add(tea), add(cocoa), coffee.into(), empty.into()];
    let result = client.bulk_write(models).verbose_results().run()?;
    println!("{:?}", result.summary);
    assert_eq!((result.summary.inserted_count, result.summary.upserted_count, result.summary.deleted_count), (1, 1, 1));
    assert_eq!(result.update_results[&0].modified_count, 1);
    assert_eq!(result.delete_results[&3].deleted_count, 1);

    // Unordered inserts go on behind those that fail, and the error says which did.
    let error = stock
        .insert_many([doc! { "_id": "tea" }, doc! { "_id": "milk", "n": 2 }])
        .ordered(false)
        .run()
        .expect_err("there is tea");
    assert_eq!(error.write_errors().iter().map(|failed| failed.index).collect::<Vec<_>>(), [0]);
    assert_eq!(stock.count_documents(doc! {}).run()?, 4);
    Ok(())
}
