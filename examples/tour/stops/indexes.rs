//! Indexes: what they are made of, and seeing that a query uses one.

use std::time::Duration;

use smongo::bson::{DateTime, Document, doc};
use smongo::options::IndexOptions;
use smongo::request::Verbosity;
use smongo::{Client, IndexModel, Result};

pub fn run(client: &Client) -> Result<()> {
    let visits = client.database("web").collection::<Document>("visits");
    let pages = ["/", "/prices", "/blog"];
    let documents = (0..300_i32).map(|n| {
        let page = pages[usize::try_from(n).unwrap_or(0) % pages.len()];
        doc! { "page": page, "user": n % 50, "at": DateTime::now(), "tags": ["a", "b"], "paid": n % 10 == 0 }
    });
    visits.insert_many(documents).run()?;

    let only_paid = IndexOptions::builder().partial_filter_expression(doc! { "paid": true }).build();
    let for_a_day = IndexOptions::builder().expire_after(Duration::from_secs(86_400)).build();
    let made = visits
        .create_indexes([
            IndexModel::from(doc! { "page": 1, "user": -1 }),
            IndexModel::from(doc! { "tags": 1 }),
            IndexModel::builder().keys(doc! { "user": 1 }).options(only_paid).build(),
            IndexModel::builder().keys(doc! { "at": 1 }).options(for_a_day).build(),
        ])
        .run()?;
    println!("indexes: {}", made.index_names.join(", "));

    // What a query examines tells whether an index helped.
    let query = visits.find(doc! { "page": "/prices", "user": { "$lt": 10 } });
    let plan = query.explain(Verbosity::ExecutionStats)?;
    let stats = plan.get_document("executionStats").cloned().unwrap_or_default();
    println!(
        "{} documents found, {} examined",
        stats.get_i32("nReturned").unwrap_or(0),
        stats.get_i32("totalDocsExamined").unwrap_or(0)
    );
    assert_eq!((stats.get_i32("nReturned").ok(), stats.get_i32("totalDocsExamined").ok()), (Some(20), Some(20)));

    visits.drop_index("tags_1").run()?;
    assert_eq!(visits.list_indexes().run()?.count(), 4);
    Ok(())
}
