//! Queries over real data; expectations are computed here, from the file.

mod common;

use common::{database, ids, sample};
use mongodb::bson::{Document, doc, serialize_to_document};
use serde_json::Value;

#[test]
fn movies() {
    let rows = sample("movies.json");
    let rows = rows.as_array().expect("an array");
    let movies = database("movies").collection::<Document>("movies");
    let documents = rows.iter().zip(0_i64..).map(|(row, number)| {
        let mut document = doc! { "_id": number };
        let fields = serialize_to_document(row).expect("a row is an object");
        document.extend(fields);
        document
    });
    movies.insert_many(documents).run().expect("inserted movies");

    let expect = |query: Document, holds: &dyn Fn(&Value) -> bool| {
        let expected: Vec<i64> = rows.iter().zip(0..).filter(|(row, _)| holds(row)).map(|(_, number)| number).collect();
        assert!(!expected.is_empty(), "the data has such rows");
        assert_eq!(ids(&movies, query.clone()), expected, "{query}");
    };
    expect(doc! { "Distributor": "Miramax" }, &|movie| movie["Distributor"] == "Miramax");
    expect(doc! { "US Gross": { "$gt": 300_000_000 } }, &|movie| movie["US Gross"].as_f64() > Some(3e8));
    expect(doc! { "Title": { "$type": "number" } }, &|movie| movie["Title"].is_number());
    expect(doc! { "Creative Type": { "$nin": ["Fantasy", null] }, "IMDB Rating": { "$gte": 8.8 } }, &|movie| {
        movie["Creative Type"] != "Fantasy"
            && !movie["Creative Type"].is_null()
            && movie["IMDB Rating"].as_f64() >= Some(8.8)
    });
    expect(doc! { "$expr": { "$eq": ["$US Gross", "$Worldwide Gross"] }, "Source": "Remake" }, &|movie| {
        movie["US Gross"] == movie["Worldwide Gross"] && movie["Source"] == "Remake"
    });
}
