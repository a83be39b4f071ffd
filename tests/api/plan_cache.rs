//! The plan cache never changes an answer: filters of few shapes with literals of all types, each answered from the cache
//! and by what is compiled for it alone. Source of every expectation: the same request with a `let`, which the cache
//! does not serve.

use bson::{Bson, Decimal128, Document, doc};

use crate::Fixture;
use crate::index_plans::{Random, document, scalar};

/// Filters of one run; [`QUERIES_VARIABLE`] asks for more.
const QUERIES: usize = 1200;
const QUERIES_VARIABLE: &str = "SMONGO_TEST_PLAN_CACHE";

/// Literals close together in kind: a shape is met again by values that bound other keys.
fn literal(random: &mut Random) -> Bson {
    match random.below(8) {
        0..=3 => Bson::Int32(random.below(5) as i32),
        4 => (*random.pick(&["", "a", "ab", "b"])).into(),
        5 => random.pick(&[Bson::Double(f64::NAN), Bson::Double(0.5), Bson::Double(f64::INFINITY)]).clone(),
        6 => Bson::Decimal128("2".parse::<Decimal128>().unwrap()),
        _ => scalar(random),
    }
}

fn filter(random: &mut Random) -> Document {
    let path = *random.pick(&["a", "b", "a.b", "_id"]);
    let other = *random.pick(&["a", "b", "a.c"]);
    let shape = random.below(16);
    let [x, y, z] = [literal(random), literal(random), literal(random)];
    match shape {
        0 => doc! {path: x},
        1 => doc! {path: {"$gt": x, "$lt": y}},
        2 => doc! {path: {"$gte": x}, other: y},
        3 => doc! {path: {"$in": [x, y, z]}},
        4 => doc! {path: {"$ne": x}},
        5 => doc! {path: {"$nin": [x, y]}, other: {"$lte": z}},
        6 => doc! {"$or": [{path: x}, {path: y}]},
        7 => doc! {"$or": [{path: {"$lt": x}}, {other: y}]},
        8 => doc! {path: {"$elemMatch": {"$gte": x, "$ne": y}}},
        9 => doc! {"a": {"$elemMatch": {"b": x, "c": {"$gt": y}}}},
        10 => doc! {path: {"$not": {"$gt": x}}},
        11 => doc! {"$nor": [{path: x}, {other: {"$gt": y}}]},
        12 => doc! {path: {"$all": [x, y]}},
        13 => doc! {path: {"$eq": x, "$exists": true}},
        14 => doc! {path: {"$gt": x}, "$and": [{path: {"$gt": y}}, {path: {"$lte": z}}]},
        _ => doc! {path: x, other: y},
    }
}

#[test]
fn the_cache_never_changes_an_answer() {
    let queries = std::env::var(QUERIES_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(QUERIES);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let fixture = Fixture::with((0..150).map(|id| document(&mut random, id, id % 3 == 0)));
    let coll = &fixture.coll;
    for (keys, options) in [
        (doc! {"a": 1}, doc! {}),
        (doc! {"b": -1, "a": 1}, doc! {}),
        (doc! {"a.b": 1}, doc! {"sparse": true}),
        (doc! {"b": 1}, doc! {"partialFilterExpression": {"b": {"$gt": 2}}}),
        (doc! {"_id": "hashed"}, doc! {}),
    ] {
        let mut index = coll.create_index(keys);
        if options.get_bool("sparse").is_ok() {
            index = index.sparse(true);
        }
        if let Ok(filter) = options.get_document("partialFilterExpression") {
            index = index.partial_filter_expression(filter.clone());
        }
        index.run().unwrap();
    }
    let before = fixture.client.engine().unwrap().plan_cache_counts();
    for number in 0..queries {
        let filter = filter(&mut random);
        let sort = random.pick(&[doc! {}, doc! {"a": 1}, doc! {"b": -1}, doc! {"_id": 1}]).clone();
        let find = || coll.find(filter.clone()).sort(sort.clone());
        let [mut cached, mut alone] =
            [find().run(), find().let_vars(doc! {"unused": 1}).run()].map(|answer| match answer {
                Ok(rows) => rows.collect::<smongo::Result<Vec<Document>>>().unwrap(),
                // Such as `undefined` as an operand.
                Err(error) => vec![doc! {"error": error.to_string()}],
            });
        // An order leaves open how equal documents follow each other, and another index may be the better one here.
        for answer in [&mut cached, &mut alone] {
            answer.sort_by_key(|doc| format!("{:?}", doc.get("_id")));
        }
        assert_eq!(format!("{cached:?}"), format!("{alone:?}"), "query {number}: {filter} sorted by {sort}");
    }
    let after = fixture.client.engine().unwrap().plan_cache_counts();
    let (hits, misses) = (after.hits - before.hits, after.misses - before.misses);
    assert!(hits as usize > queries / 10 && misses > 0, "{hits} hits, {misses} misses");
}

#[test]
fn other_indexes_make_other_plans() {
    let fixture = Fixture::with((0..10).map(|n| doc! {"_id": n, "a": n}));
    let stage = || {
        let plan = fixture.coll.find(doc! {"a": 3}).explain(smongo::request::Verbosity::QueryPlanner).unwrap();
        plan.get_document("queryPlanner")
            .unwrap()
            .get_document("winningPlan")
            .unwrap()
            .get_str("stage")
            .unwrap()
            .to_owned()
    };
    assert_eq!([stage(), stage()], ["COLLSCAN", "COLLSCAN"]);
    fixture.coll.create_index(doc! {"a": 1}).run().unwrap();
    assert_eq!([stage(), stage()], ["FETCH", "FETCH"]);
    fixture.coll.drop_index("a_1").run().unwrap();
    assert_eq!([stage(), stage()], ["COLLSCAN", "COLLSCAN"]);
    assert_eq!(fixture.found(doc! {"a": 3}).len(), 1);
}
