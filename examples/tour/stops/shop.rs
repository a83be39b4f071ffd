//! A shop: orders that take from the stock only what is there, and what sells.

use smongo::bson::{Document, doc};
use smongo::options::ReturnDocument;
use smongo::{Client, Result};

/// Takes pieces from the stock, if there are enough: the filter and the change are one step.
fn order(client: &Client, product: &str, pieces: i32, customer: &str) -> Result<bool> {
    let db = client.database("shop");
    let enough = doc! { "_id": product, "stock": { "$gte": pieces } };
    let take = doc! { "$inc": { "stock": -pieces, "sold": pieces } };
    let products = db.collection::<Document>("products");
    let taken = products.find_one_and_update(enough, take);
    let Some(product_after) = taken.return_document(ReturnDocument::After).run()? else { return Ok(false) };
    let price = product_after.get_i32("cents").unwrap_or(0);
    let line = doc! { "product": product, "pieces": pieces, "cents": price * pieces };
    db.collection("orders").insert_one(doc! { "customer": customer, "lines": [line] }).journal(true).run()?;
    Ok(true)
}

pub fn run(client: &Client) -> Result<()> {
    let db = client.database("shop");
    let products = db.collection::<Document>("products");
    products
        .insert_many([
            doc! { "_id": "lamp", "cents": 2900, "stock": 3, "tags": ["light", "home"] },
            doc! { "_id": "chair", "cents": 8900, "stock": 10, "tags": ["home"] },
        ])
        .run()?;
    products.create_index(doc! { "tags": 1, "cents": 1 }).run()?;
    assert!(order(client, "lamp", 2, "Ada")?);
    assert!(!order(client, "lamp", 2, "Bob")?, "one lamp is left");
    assert!(order(client, "chair", 4, "Ada")?);

    let sales = db
        .collection::<Document>("orders")
        .aggregate([
            doc! { "$unwind": "$lines" },
            doc! { "$group": { "_id": "$lines.product", "cents": { "$sum": "$lines.cents" }, "customers": { "$addToSet": "$customer" } } },
            doc! { "$sort": { "cents": -1 } },
        ])
        .run()?
        .collect::<Result<Vec<_>>>()?;
    for product in &sales {
        println!("{product}");
    }
    assert_eq!(sales[0], doc! { "_id": "chair", "cents": 35_600, "customers": ["Ada"] });
    assert_eq!(products.find_one(doc! { "tags": "light" }).run()?.and_then(|lamp| lamp.get_i32("stock").ok()), Some(1));
    Ok(())
}
