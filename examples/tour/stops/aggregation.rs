//! Pipelines: groups, joins, windows, with results of a type of your own.

use serde::Deserialize;
use smongo::bson::{Document, doc};
use smongo::{Client, Result};

#[derive(Debug, PartialEq, Deserialize)]
struct Region {
    #[serde(rename = "_id")]
    name: String,
    total: i64,
    largest: String,
}

pub fn run(client: &Client) -> Result<()> {
    let db = client.database("geo");
    let cities = db.collection::<Document>("cities");
    let city = |name: &str, country: &str, people: i64| doc! { "name": name, "country": country, "people": people };
    cities
        .insert_many([
            city("Lyon", "FR", 522_000),
            city("Paris", "FR", 2_103_000),
            city("Hamburg", "DE", 1_892_000),
            city("Berlin", "DE", 3_755_000),
            city("Oslo", "NO", 717_000),
        ])
        .run()?;
    db.collection("countries")
        .insert_many([doc! { "_id": "FR", "name": "France" }, doc! { "_id": "DE", "name": "Germany" }])
        .run()?;

    let regions = cities
        .aggregate([
            doc! { "$sort": { "people": -1 } },
            doc! { "$group": { "_id": "$country", "total": { "$sum": "$people" }, "largest": { "$first": "$name" } } },
            doc! { "$lookup": { "from": "countries", "localField": "_id", "foreignField": "_id", "as": "country" } },
            doc! { "$set": { "_id": { "$ifNull": [{ "$first": "$country.name" }, "$_id"] } } },
            doc! { "$sort": { "total": -1 } },
        ])
        .with_type::<Region>()
        .run()?
        .collect::<Result<Vec<_>>>()?;
    for region in &regions {
        println!("{}: {} people, most of them in {}", region.name, region.total, region.largest);
    }
    assert_eq!(regions[0], Region { name: "Germany".into(), total: 5_647_000, largest: "Berlin".into() });
    assert_eq!(regions[2].name, "NO");

    // A window: each city's share of its country.
    let shares = cities
        .aggregate([
            doc! { "$setWindowFields": {
                "partitionBy": "$country",
                "sortBy": { "people": -1 },
                "output": { "rank": { "$rank": {} }, "all": { "$sum": "$people", "window": { "documents": ["unbounded", "unbounded"] } } },
            } },
            doc! { "$match": { "rank": 1 } },
            doc! { "$project": { "_id": 0, "name": 1, "percent": { "$round": [{ "$multiply": [100, { "$divide": ["$people", "$all"] }] }, 0] } } },
            doc! { "$sort": { "percent": 1 } },
        ])
        .run()?
        .collect::<Result<Vec<_>>>()?;
    assert_eq!(shares[0], doc! { "name": "Berlin", "percent": 66.0 });
    Ok(())
}
