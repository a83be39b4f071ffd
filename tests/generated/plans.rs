//! `PLANS.md`: typical requests with the indexes there are, how they are carried out, and their programs.

use std::fmt::Write as _;

use bson::{Document, doc};
use smongo::PlanText;

use crate::client::{Client, TestServer};

/// Documents of the collection.
const DOCUMENTS: i32 = 60;

/// A request over a collection with some indexes.
struct Row {
    title: &'static str,
    indexes: Vec<Document>,
    command: Document,
}

fn row(title: &'static str, indexes: impl IntoIterator<Item = Document>, command: Document) -> Row {
    Row { title, indexes: indexes.into_iter().collect(), command }
}

fn find(filter: Document) -> Document {
    doc! {"find": "c", "filter": filter}
}

fn find_sorted(filter: Document, sort: Document, limit: i32) -> Document {
    doc! {"find": "c", "filter": filter, "sort": sort, "limit": limit}
}

fn aggregate(pipeline: Vec<Document>) -> Document {
    doc! {"aggregate": "c", "pipeline": pipeline, "cursor": {}}
}

fn lookups() -> Vec<Row> {
    let a = || [doc! {"a": 1}];
    let ab = || [doc! {"a": 1, "b": 1}];
    vec![
        row("One document by its `_id`", [], find(doc! {"_id": 7})),
        row("A filter without an index", [], find(doc! {"a": 3, "s": "s1"})),
        row("A value of an indexed field", a(), find(doc! {"a": 3})),
        row("What the keys do not prove is tested", a(), find(doc! {"a": 3, "b": {"$gt": 20}})),
        row("Both fields of a compound index", ab(), find(doc! {"a": 3, "b": {"$gt": 20}})),
        row("The second field of a compound index alone", ab(), find(doc! {"b": 20})),
        row("A range", a(), find(doc! {"a": {"$gte": 2, "$lt": 5}})),
        row("Several values", a(), find(doc! {"a": {"$in": [1, 4, 8]}})),
        row("Several values, then a range", ab(), find(doc! {"a": {"$in": [1, 4]}, "b": {"$lt": 30}})),
        row("Null, which missing fields equal", [doc! {"n": 1}], find(doc! {"n": null})),
        row("A field that is there", [doc! {"n": 1}], find(doc! {"n": {"$exists": true}})),
        row("Everything but a value", a(), find(doc! {"a": {"$ne": 3}})),
        row("A prefix of strings", [doc! {"s": 1}], find(doc! {"s": {"$regex": "^s1"}})),
        row("An element of an array", [doc! {"t": 1}], find(doc! {"t": 2})),
        row("Two conditions on an array", [doc! {"t": 1}], find(doc! {"t": {"$gt": 0, "$lt": 2}})),
        row(
            "Two conditions on one element of an array",
            [doc! {"t": 1}],
            find(doc! {"t": {"$elemMatch": {"$gt": 0, "$lt": 2}}}),
        ),
        row("A field of an embedded document", [doc! {"o.x": 1}], find(doc! {"o.x": 4, "o.y": {"$lt": 40}})),
        row("The hash of a value", [doc! {"s": "hashed"}], find(doc! {"s": "s2"})),
    ]
}

fn orders() -> Vec<Row> {
    let ab = || [doc! {"a": 1, "b": 1}];
    vec![
        row("An order in memory", [], find_sorted(doc! {"a": 3}, doc! {"b": -1}, 0)),
        row("The first few of an order", [], find_sorted(doc! {}, doc! {"b": -1}, 3)),
        row("The order of an index", ab(), find_sorted(doc! {"a": 3, "b": {"$gt": 10}}, doc! {"a": 1, "b": 1}, 3)),
        row("An index walked backward", ab(), find_sorted(doc! {"a": 3}, doc! {"b": -1}, 3)),
        row("Several values, merged into an order", ab(), find_sorted(doc! {"a": {"$in": [1, 2]}}, doc! {"b": 1}, 4)),
        row("Natural order, backward", [], doc! {"find": "c", "sort": {"$natural": -1}, "limit": 2}),
    ]
}

fn unions_and_cover() -> Vec<Row> {
    let a_and_c = || [doc! {"a": 1}, doc! {"c": 1}];
    let ab = || [doc! {"a": 1, "b": 1}];
    vec![
        row("Either of two fields", a_and_c(), find(doc! {"$or": [{"a": 3}, {"c": 5}]})),
        row("Either of two fields, one without an index", [doc! {"a": 1}], find(doc! {"$or": [{"a": 3}, {"c": 5}]})),
        row("Either of two values of one field", [doc! {"a": 1}], find(doc! {"$or": [{"a": 3}, {"a": 5}]})),
        row(
            "Fields that the index has",
            ab(),
            doc! {"find": "c", "filter": {"a": 3}, "projection": {"_id": 0, "a": 1, "b": 1}},
        ),
        row(
            "A computed field",
            [],
            doc! {"find": "c", "filter": {"a": 3}, "projection": {"twice": {"$multiply": ["$b", 2]}}},
        ),
        row("A comparison of two fields", [], find(doc! {"$expr": {"$gt": ["$c", "$a"]}})),
    ]
}

fn other_commands() -> Vec<Row> {
    let a = || [doc! {"a": 1}];
    vec![
        row("A count of everything", [], doc! {"count": "c"}),
        row("A count by keys alone", a(), doc! {"count": "c", "query": {"a": 3}}),
        row("Distinct values by keys alone", a(), doc! {"distinct": "c", "key": "a"}),
        row(
            "An update of one document",
            [],
            doc! {"update": "c", "updates": [{"q": {"_id": 7}, "u": {"$inc": {"b": 1}}}]},
        ),
        row(
            "An update of many",
            a(),
            doc! {"update": "c", "updates": [{"q": {"a": 3}, "u": {"$set": {"s": "new"}}, "multi": true}]},
        ),
        row("A delete of many", a(), doc! {"delete": "c", "deletes": [{"q": {"a": 3}, "limit": 0}]}),
    ]
}

fn pipelines() -> Vec<Row> {
    vec![
        row(
            "A match and a sort at the head of a pipeline",
            [doc! {"a": 1, "b": 1}],
            aggregate(vec![doc! {"$match": {"a": 3}}, doc! {"$sort": {"b": 1}}, doc! {"$limit": 2}]),
        ),
        row(
            "A group",
            [],
            aggregate(vec![
                doc! {"$match": {"b": {"$lt": 30}}},
                doc! {"$group": {"_id": "$a", "sum": {"$sum": "$b"}, "n": {"$sum": 1}}},
            ]),
        ),
        row(
            "Stages that see one document at a time are one program",
            [],
            aggregate(vec![
                doc! {"$set": {"twice": {"$multiply": ["$b", 2]}}},
                doc! {"$match": {"twice": {"$gt": 100}}},
                doc! {"$project": {"twice": 1}},
            ]),
        ),
        row(
            "Arrays unwound, then grouped",
            [],
            aggregate(vec![doc! {"$unwind": "$t"}, doc! {"$group": {"_id": "$t", "n": {"$sum": 1}}}]),
        ),
    ]
}

/// The page.
pub fn page() -> String {
    let mut page = String::from(
        "# Plans and programs\n\n\
         Generated by running each request below through `explain`; `UPDATE=1 cargo test --test generated` writes this\n\
         page. The collection has 60 documents like `{_id: 11, a: 1, b: 11, c: 4, s: \"s1\", t: [2, 3], o: {x: 5, y: 11}}`;\n\
         every third lacks `n`. A listing tells for each instruction how often control reached it (`in`) and how often it\n\
         went on to the next one (`out`). Operators stand above those that they read from.\n",
    );
    let server = TestServer::start();
    let mut client = server.client();
    let rows = [lookups(), orders(), unions_and_cover(), other_commands(), pipelines()];
    for (number, row) in (1..).zip(rows.iter().flatten()) {
        let db = format!("plans{number}");
        prepare(&mut client, &db, &row.indexes);
        let explain = doc! {"explain": row.command.clone(), "verbosity": "executionStats"};
        let explained = client.command(&db, explain);
        let indexes: Vec<String> = row.indexes.iter().map(|key| format!("`{key}`")).collect();
        let indexes = if indexes.is_empty() { String::new() } else { format!("\n\nIndexes: {}", indexes.join(", ")) };
        let _ = write!(
            page,
            "\n## {number}. {}\n\n`{}`{indexes}\n\n```text\n{}```\n",
            row.title,
            row.command,
            PlanText(&explained)
        );
    }
    page
}

fn prepare(client: &mut Client, db: &str, indexes: &[Document]) {
    let document = |n: i32| {
        let mut doc = doc! {
            "_id": n, "a": n % 10, "b": n, "c": n % 7, "s": format!("s{}", n % 5),
            "t": [n % 3, n % 4], "o": {"x": n % 6, "y": n},
        };
        if n % 3 != 0 {
            doc.insert("n", n % 2);
        }
        doc
    };
    client.command(db, doc! {"insert": "c", "documents": (0..DOCUMENTS).map(document).collect::<Vec<_>>()});
    for (number, key) in indexes.iter().enumerate() {
        client.command(db, doc! {"createIndexes": "c", "indexes": [{"key": key, "name": format!("index{number}")}]});
    }
}

/// How many requests there are.
pub fn requests() -> usize {
    [lookups(), orders(), unions_and_cover(), other_commands(), pipelines()].iter().map(Vec::len).sum()
}
