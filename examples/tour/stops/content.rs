//! Content: drafts and what was published of them, comments inside their article, and a view for readers.

use smongo::bson::{DateTime, Document, doc};
use smongo::{Client, Result};

pub fn run(client: &Client) -> Result<()> {
    let db = client.database("site");
    let articles = db.collection::<Document>("articles");
    articles.create_index(doc! { "slug": 1 }).unique(true).run()?;
    db.create_collection("published")
        .view_on("articles")
        .pipeline([doc! { "$match": { "state": "published" } }, doc! { "$unset": ["drafts", "state"] }])
        .run()?;

    articles.insert_one(doc! { "slug": "hello", "state": "draft", "text": "Hello", "drafts": [] }).run()?;
    let save = |text: &str| {
        // The text so far goes to the drafts, in the same step as the new one comes.
        let update = vec![doc! { "$set": { "drafts": { "$concatArrays": ["$drafts", ["$text"]] }, "text": text } }];
        articles.update_one(doc! { "slug": "hello" }, update).run()
    };
    save("Hello, world")?;
    save("Hello, world!")?;
    let published = db.collection::<Document>("published");
    assert_eq!(published.count_documents(doc! {}).run()?, 0);
    let publish = doc! { "$set": { "state": "published" }, "$currentDate": { "at": true } };
    articles.update_one(doc! { "slug": "hello", "state": "draft" }, publish).run()?;

    for (name, text) in [("Ada", "Nice"), ("Bob", "Spam"), ("Ada", "Again")] {
        let comment = doc! { "name": name, "text": text, "at": DateTime::now() };
        let push = doc! { "$push": { "comments": { "$each": [comment], "$position": 0, "$slice": 100 } } };
        articles.update_one(doc! { "slug": "hello" }, push).run()?;
    }
    articles.update_many(doc! {}, doc! { "$pull": { "comments": { "text": "Spam" } } }).run()?;
    let article =
        published.find_one(doc! { "slug": "hello" }).projection(doc! { "_id": 0, "at": 0, "comments.at": 0 }).run()?;
    println!("{}", article.clone().unwrap_or_default());
    assert_eq!(
        article,
        Some(doc! {
            "slug": "hello", "text": "Hello, world!",
            "comments": [{ "name": "Ada", "text": "Again" }, { "name": "Ada", "text": "Nice" }],
        })
    );
    Ok(())
}
