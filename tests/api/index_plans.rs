//! An index never changes an answer: random documents, indexes and filters, each answered by a scan of the collection,
//! by the plan that the engine chooses, and by every index that has all documents.

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, Timestamp, doc};
use smongo::api::action::Find;

use crate::Fixture;

/// Collections in one run; [`COLLECTIONS_VARIABLE`] asks for more.
const COLLECTIONS: u64 = 50;
const COLLECTIONS_VARIABLE: &str = "SMONGO_TEST_INDEX_PLANS";
/// Names the seed to begin with.
const FIRST_VARIABLE: &str = "SMONGO_TEST_INDEX_PLANS_FIRST";
const QUERIES: usize = 50;

/// A small generator of random numbers (xorshift64*); a seed names a whole run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

pub fn scalar(random: &mut Random) -> Bson {
    match random.below(22) {
        0..=7 => Bson::Int32(random.below(6) as i32 - 1),
        8 => Bson::Int64(random.below(4) as i64),
        9 => Bson::Double(*random.pick(&[0.5, 1.0, 1.5, f64::NAN, f64::INFINITY, -0.0])),
        10 => Bson::Decimal128(random.pick(&["1", "1.5", "2.00", "NaN"]).parse().unwrap()),
        11..=13 => Bson::String((*random.pick(&["", "a", "ab", "abc", "b", "A", "aB"])).into()),
        14 => Bson::Null,
        15 => Bson::Boolean(random.one_in(2)),
        16 => Bson::DateTime(DateTime::from_millis(random.below(3) as i64)),
        17 => Bson::Timestamp(Timestamp { time: random.below(3) as u32, increment: 1 }),
        18 => Bson::ObjectId(ObjectId::from_bytes([random.below(3) as u8; 12])),
        19 => Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: vec![1; random.below(3)] }),
        20 => random.pick(&[Bson::MinKey, Bson::MaxKey, Bson::Undefined]).clone(),
        _ => Bson::Document(inner(random)),
    }
}

fn inner(random: &mut Random) -> Document {
    let mut doc = Document::new();
    for name in ["b", "c", "0"] {
        if random.one_in(2) {
            let value = if random.one_in(4) { array(random, 1) } else { scalar_or_small(random) };
            doc.insert(name, value);
        }
    }
    doc
}

fn scalar_or_small(random: &mut Random) -> Bson {
    if random.one_in(5) { scalar(random) } else { Bson::Int32(random.below(4) as i32) }
}

fn array(random: &mut Random, depth: usize) -> Bson {
    let items = (0..random.below(4)).map(|_| match random.below(6) {
        0 if depth < 2 => array(random, depth + 1),
        1 | 2 => Bson::Document(if depth < 2 {
            inner(random)
        } else {
            doc! { "b": 1 }
        }),
        _ => scalar_or_small(random),
    });
    Bson::Array(items.collect())
}

fn value(random: &mut Random) -> Bson {
    match random.below(5) {
        0 => array(random, 0),
        1 => Bson::Document(inner(random)),
        _ => scalar(random),
    }
}

pub fn document(random: &mut Random, id: i32, arrays: bool) -> Document {
    let mut doc = doc! { "_id": id };
    for name in ["a", "b", "c"] {
        if !random.one_in(5) {
            let value = if arrays { value(random) } else { scalar(random) };
            doc.insert(name, value);
        }
    }
    doc
}

const PATHS: [&str; 9] = ["a", "a", "b", "c", "a.b", "a.c", "a.0", "b.0.b", "_id"];

/// Operators on one value; inside `$elemMatch` there is less of them.
fn test(random: &mut Random, depth: usize) -> Bson {
    let operand = if random.one_in(3) { value(random) } else { scalar_or_small(random) };
    let test = match random.below(22) {
        0..=3 => return operand,
        4 => doc! { "$eq": operand },
        5 => doc! { "$gt": operand },
        6 => doc! { "$gte": operand },
        7 => doc! { "$lt": operand },
        8 => doc! { "$lte": operand },
        9 => doc! { "$gte": operand, "$lt": scalar_or_small(random) },
        10 => doc! { "$in": [operand, scalar(random), scalar(random)] },
        11 => doc! { "$nin": [operand, scalar(random)] },
        12 => doc! { "$ne": operand },
        13 => doc! { "$exists": random.one_in(2) },
        14 => doc! { "$not": { *random.pick(&["$gt", "$lte", "$eq"]): operand } },
        15 => doc! { "$regex": *random.pick(&["^a", "^ab", "b", "^", "^a?b"]) },
        16 if depth < 2 => doc! { "$elemMatch": elements(random, depth) },
        17 if depth < 2 => doc! { "$elemMatch": filter(random, depth + 1) },
        18 => doc! { "$size": random.below(3) as i32 },
        19 => doc! { "$mod": [2, random.below(2) as i32] },
        20 => doc! { "$type": *random.pick(&["number", "string", "array", "null", "object"]) },
        _ => doc! { "$all": [operand, scalar_or_small(random)] },
    };
    Bson::Document(test)
}

fn elements(random: &mut Random, depth: usize) -> Document {
    let mut tests = Document::new();
    while tests.is_empty() || random.one_in(3) {
        if let Bson::Document(test) = test(random, depth + 1) {
            tests.extend(test.into_iter().filter(|(name, _)| name.starts_with('$') && name != "$elemMatch"));
        }
    }
    tests
}

fn filter(random: &mut Random, depth: usize) -> Document {
    let mut filter = Document::new();
    for _ in 0..1 + random.below(3) {
        let path = *random.pick(if depth == 0 { &PATHS } else { &["b", "c", "b.c", "0"] });
        filter.insert(path, test(random, depth));
    }
    if depth < 2 && random.one_in(4) {
        let parts: Vec<Document> = (0..1 + random.below(3)).map(|_| self::filter(random, depth + 1)).collect();
        let parts = if depth == 0 {
            (0..1 + random.below(3))
                .map(|_| {
                    let path = *random.pick(&PATHS);
                    doc! { path: test(random, 1) }
                })
                .collect()
        } else {
            parts
        };
        filter.insert(*random.pick(&["$and", "$or", "$or", "$nor"]), parts);
    }
    filter
}

/// Key patterns of wildcard indexes, with projections.
fn wildcard(random: &mut Random) -> (Document, Option<Document>) {
    let projections = [doc! { "a": 1 }, doc! { "a.b": 1, "b": 1 }, doc! { "a.b": 0 }, doc! { "_id": 1, "c": 0 }];
    match random.below(6) {
        0 => (doc! { "$**": 1 }, Some(random.pick(&projections).clone())),
        1 => (doc! { "a.$**": 1 }, None),
        2 => (doc! { "c": 1, "a.$**": -1 }, None),
        3 => (doc! { "a.$**": 1, "c": -1, "b": 1 }, None),
        4 => (doc! { "c": 1, "$**": 1 }, Some(doc! { "c": 0 })),
        _ => (doc! { "$**": 1 }, None),
    }
}

/// Key patterns; most end in `_id`, so that they can give a whole order.
fn pattern(random: &mut Random) -> Document {
    let mut pattern = Document::new();
    for _ in 0..1 + random.below(3) {
        let path = *random.pick(&["a", "a", "b", "c", "a.b", "a.c", "a.0", "b.0.b"]);
        let order = if random.one_in(8) && !pattern.values().any(|order| order.as_str().is_some()) {
            Bson::String("hashed".into())
        } else {
            Bson::Int32(if random.one_in(3) { -1 } else { 1 })
        };
        pattern.insert(path, order);
    }
    if random.one_in(2) {
        pattern.insert("_id", if random.one_in(2) { -1 } else { 1 });
    }
    pattern
}

/// Orders that leave no two documents equal.
fn order(random: &mut Random) -> Document {
    let mut order = Document::new();
    for _ in 0..random.below(3) {
        let path = *random.pick(&["a", "b", "c", "a.b", "a.c"]);
        order.insert(path, if random.one_in(2) { -1 } else { 1 });
    }
    order.insert("_id", if random.one_in(2) { -1 } else { 1 });
    order
}

/// What a find asks for.
struct Query {
    filter: Document,
    order: Option<Document>,
    collation: Option<Document>,
    /// How many documents to pass over and to give, where the order says which.
    part: Option<(u64, u64)>,
}

impl Query {
    fn new(random: &mut Random) -> Self {
        let order = random.one_in(2).then(|| order(random));
        let part = (order.is_some() && random.one_in(2)).then(|| (random.below(4) as u64, 1 + random.below(8) as u64));
        let collation = random.one_in(5).then(|| random.pick(&COLLATIONS).to_vec());
        let collation = collation.map(|strength| doc! { "locale": "en", "strength": strength[0] });
        Self { filter: filter(random, 0), order, collation, part }
    }

    fn find<'f>(&self, fixture: &'f Fixture, hint: Option<Bson>) -> Find<'f, Document> {
        let mut find = fixture.coll.find(self.filter.clone()).batch_size(13);
        if let Some(order) = &self.order {
            find = find.sort(order.clone());
        }
        if let Some(collation) = &self.collation {
            find = find.collation(collation.clone());
        }
        if let Some((skip, limit)) = self.part {
            find = find.skip(skip).limit(i64::try_from(limit).unwrap());
        }
        match hint {
            Some(hint) => find.hint(hint),
            None => find,
        }
    }
}

/// Strengths of collations: by letters alone, and by case besides.
const COLLATIONS: [[i32; 1]; 2] = [[2], [3]];

/// What a find gives, or the code of its error.
fn answer(fixture: &Fixture, query: &Query, hint: Option<Bson>) -> Result<Vec<i32>, i32> {
    let find = query.find(fixture, hint);
    let found = find.run().and_then(|cursor| cursor.collect::<Result<Vec<_>, _>>());
    let mut ids: Vec<i32> =
        found.map_err(|error| error.code())?.iter().map(|doc| doc.get_i32("_id").unwrap()).collect();
    if query.order.is_none() {
        ids.sort_unstable();
    }
    Ok(ids)
}

/// Changes some documents, so that entries are not only built but kept up.
fn disturb(fixture: &Fixture, random: &mut Random, arrays: bool) {
    for _ in 0..10 {
        let id = random.below(40) as i32;
        // Documents whose arrays an index cannot hold are refused; any document may be.
        let _ = match random.below(3) {
            0 => fixture.coll.delete_one(doc! { "_id": id }).run().err(),
            1 => fixture.coll.insert_one(document(random, 40 + id, arrays)).run().err(),
            _ => fixture.coll.replace_one(doc! { "_id": id }, document(random, id, arrays)).run().err(),
        };
    }
}

/// Counts, distinct values and projections, which an index may answer alone, against the documents that match.
fn check_other_requests(fixture: &Fixture, filter: &Document, random: &mut Random, planned: &mut usize) {
    let natural = Bson::Document(doc! { "$natural": 1 });
    let count = |hint: Option<Bson>| {
        let count = fixture.coll.count_documents(filter.clone());
        match hint {
            Some(hint) => count.hint(hint).run(),
            None => count.run(),
        }
        .map_err(|error| error.code())
    };
    assert_eq!(count(None), count(Some(natural.clone())), "count {filter}");

    let path = *random.pick(&["a", "b", "a.b", "_id"]);
    let mut values = [None, Some(natural.clone())].map(|hint| {
        let distinct = fixture.coll.distinct(path, filter.clone());
        let distinct = match hint {
            Some(hint) => distinct.hint(hint),
            None => distinct,
        };
        distinct.run().map_err(|error| error.code())
    });
    for values in values.iter_mut().flatten() {
        values.sort_by_cached_key(class_text);
    }
    let texts = values.map(|values| values.map(|values| values.iter().map(class_text).collect::<Vec<_>>()));
    assert_eq!(texts[0], texts[1], "distinct {path} {filter}");

    let projections = [
        doc! { "a": 1, "_id": 0 },
        doc! { "b": 1, "a": 1, "_id": 0 },
        doc! { "a.b": 1, "_id": 0 },
        doc! { "a": 1, "_id": 1 },
    ];
    let projection = random.pick(&projections);
    let rows = [None, Some(natural)].map(|hint| {
        let find = fixture.coll.find(filter.clone()).projection(projection.clone());
        let find = match hint {
            Some(hint) => find.hint(hint),
            None => find,
        };
        let rows = find.run().and_then(|rows| rows.collect::<Result<Vec<_>, _>>()).map_err(|error| error.code());
        rows.map(|rows| {
            // What an index gives comes in the order of its fields.
            let mut texts: Vec<String> = rows.into_iter().map(|row| sorted_text(&row)).collect();
            texts.sort();
            texts
        })
    });
    assert_eq!(rows[0], rows[1], "find {filter} projected by {projection}");
    *planned += 3;
}

fn sorted_text(row: &Document) -> String {
    let mut fields: Vec<String> = row.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    fields.sort();
    fields.join(", ")
}

/// Equal numbers are one value, whichever of their types comes first.
fn class_text(value: &Bson) -> String {
    match value {
        Bson::Int32(n) => format!("number {}", f64::from(*n)),
        Bson::Int64(n) => format!("number {}", *n as f64),
        Bson::Double(n) => format!("number {}", n + 0.0),
        Bson::Decimal128(n) => match n.to_string().parse::<f64>() {
            Ok(n) => format!("number {n}"),
            Err(_) => format!("number {n}"),
        },
        Bson::Document(inner) => {
            inner.iter().map(|(name, value)| format!("{name} {}", class_text(value))).collect::<Vec<_>>().join(",")
        }
        Bson::Array(items) => format!("[{}]", items.iter().map(class_text).collect::<Vec<_>>().join(",")),
        other => format!("{other:?}"),
    }
}

/// A hint that a wildcard index cannot follow.
const NO_PLANS: i32 = 291;

/// Makes some indexes of all kinds. Gives the names of those that have all documents.
fn create_indexes(fixture: &Fixture, random: &mut Random) -> Vec<Bson> {
    let mut complete = Vec::new();
    for number in 0..1 + random.below(3) {
        let name = format!("i{number}");
        if random.one_in(4) {
            let (pattern, projection) = wildcard(random);
            let create = fixture.coll.create_index(pattern).name(name.clone());
            let create = match projection {
                Some(projection) => create.wildcard_projection(projection),
                None => create,
            };
            let create = match random.below(4) {
                0 => create.collation(doc! { "locale": "en", "strength": 2 }),
                _ => create,
            };
            if create.run().is_ok() {
                complete.push(Bson::String(name));
            }
            continue;
        }
        let pattern = pattern(random);
        let is_unique = pattern.contains_key("_id") && !pattern.values().any(|order| order.as_str().is_some());
        let create = fixture.coll.create_index(pattern).name(name.clone());
        let (create, is_complete) = match random.below(9) {
            0 => (create.sparse(true), false),
            1 => (create.partial_filter_expression(doc! { "b": { "$gte": 1 } }), false),
            2 => (create.partial_filter_expression(doc! { "a": { "$exists": true } }), false),
            3 => (create.collation(doc! { "locale": "en", "strength": 2 }), true),
            4 if is_unique => (create.unique(true), true),
            _ => (create, true),
        };
        // Some documents have arrays that an index cannot hold.
        if create.run().is_ok() && is_complete {
            complete.push(Bson::String(name));
        }
    }
    complete
}

#[test]
fn indexes_do_not_change_answers() {
    let fixture = Fixture::new();
    let wanted = std::env::var(COLLECTIONS_VARIABLE).ok().and_then(|number| number.parse().ok());
    let first = std::env::var(FIRST_VARIABLE).ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let mut planned = 0;
    for seed in first..first + wanted.unwrap_or(COLLECTIONS) {
        let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let arrays = random.one_in(2);
        fixture.coll.drop().run().unwrap();
        let is_clustered = random.one_in(5);
        if is_clustered {
            let clustered = doc! { "key": { "_id": 1 }, "unique": true };
            let db = fixture.client.database("db");
            db.create_collection("c").option("clusteredIndex", clustered).run().unwrap();
        }
        fixture.coll.insert_many((0..40).map(|id| document(random, id, arrays))).run().unwrap();
        let mut complete = create_indexes(&fixture, random);
        complete.push(Bson::String("_id_".into()));
        disturb(&fixture, random, arrays);
        for _ in 0..QUERIES {
            let query = Query::new(random);
            let natural = Bson::Document(doc! { "$natural": 1 });
            let expected = answer(&fixture, &query, Some(natural));
            check_other_requests(&fixture, &query.filter, random, &mut planned);
            let hints = std::iter::once(None).chain(complete.iter().cloned().map(Some));
            for hint in hints {
                let found = answer(&fixture, &query, hint.clone());
                planned += 1;
                if found != expected && (hint.is_none() || found != Err(NO_PLANS)) {
                    let explained = query.find(&fixture, hint.clone());
                    let explained = explained.explain(smongo::request::Verbosity::QueryPlanner).unwrap();
                    let plan = explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
                    let Query { filter, order, collation, part } = query;
                    panic!(
                        "seed {seed}, filter {filter}, order {order:?}, collation {collation:?}, part {part:?}, hint {hint:?}\n  \
                         scan  {expected:?}\n  index {found:?}\n  plan {plan}\n  documents {:#?}",
                        fixture.all().iter().map(ToString::to_string).collect::<Vec<_>>()
                    );
                }
            }
        }
    }
    assert!(planned > 5_000);
}
