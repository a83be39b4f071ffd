//! Explanations: the plan, the counts, and the programs that ran.

use bson::{Document, doc};
use smongo::request::Verbosity;

use crate::Fixture;

#[test]
fn a_limit_reads_no_more_than_it_gives() {
    let fixture = Fixture::with((0..1000).map(|n| doc! { "_id": n }));
    let explained = fixture.coll.find(doc! {}).limit(10).explain(Verbosity::ExecutionStats).unwrap();
    let stats = explained.get_document("executionStats").unwrap();
    assert_eq!(stats.get_i32("nReturned").unwrap(), 10);
    assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), 10);
}

#[test]
fn a_lookup_by_id_reads_one_document() {
    let fixture = Fixture::with((0..100).map(|n| doc! { "_id": n }));
    let explained = fixture.coll.find(doc! { "_id": 7 }).explain(Verbosity::ExecutionStats).unwrap();
    let plan = explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
    assert_eq!(plan.get_str("stage").unwrap(), "EXPRESS_IXSCAN");
    let stats = explained.get_document("executionStats").unwrap();
    assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), 1);
    assert_eq!(stats.get_i32("totalKeysExamined").unwrap(), 1);
}

#[test]
fn stages_stand_in_mongods_order_and_show_their_programs() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": 1 }]);
    let find = fixture.coll.find(doc! { "a": 1 }).sort(doc! { "b": 1 }).skip(1).limit(2).projection(doc! { "a": 1 });
    let explained = find.explain(Verbosity::QueryPlanner).unwrap();
    let planner = explained.get_document("queryPlanner").unwrap();
    assert_eq!(planner.get_str("namespace").unwrap(), "db.c");
    let mut stages = Vec::new();
    let mut next = planner.get_document("winningPlan").ok();
    while let Some(stage) = next {
        stages.push(stage.get_str("stage").unwrap());
        next = stage.get_document("inputStage").ok();
    }
    assert_eq!(stages, ["LIMIT", "PROJECTION_SIMPLE", "SKIP", "SORT", "COLLSCAN"]);
    assert!(!explained.contains_key("executionStats"));
    let programs = explained.get_document("smongo").unwrap().get_array("programs").unwrap();
    let purposes: Vec<_> =
        programs.iter().map(|program| program.as_document().unwrap().get_str("purpose").unwrap()).collect();
    assert_eq!(purposes, ["projection", "sort key", "filter"]);
    assert!(programs.iter().all(|program| program.as_document().unwrap().get_array("listing").unwrap().len() > 1));
}

#[test]
fn a_missing_collection_has_an_empty_plan() {
    let fixture = Fixture::new();
    let explained = fixture.coll.find(doc! {}).explain(Verbosity::ExecutionStats).unwrap();
    let plan = explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
    assert_eq!(plan.get_str("stage").unwrap(), "EOF");
}

/// The stages of a winning plan, from the top; several inputs in brackets.
fn stages(explained: &Document) -> String {
    fn of(stage: &Document) -> String {
        let name = stage.get_str("stage").unwrap();
        if let Ok(input) = stage.get_document("inputStage") {
            return format!("{name} {}", of(input));
        }
        match stage.get_array("inputStages") {
            Ok(inputs) => {
                let inputs: Vec<_> = inputs.iter().map(|input| of(input.as_document().unwrap())).collect();
                format!("{name} [{}]", inputs.join(", "))
            }
            Err(_) => name.into(),
        }
    }
    of(explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap())
}

/// Stage names as in the manual's "Explain Results"; how few keys and documents are examined is what covered queries,
/// `$or` and sorts by an index promise there.
#[test]
fn plans_examine_no_more_than_they_need() {
    let fixture = Fixture::with((0..1000).map(|n| doc! { "_id": n, "a": n % 10, "b": n, "c": n % 7 }));
    fixture.coll.create_index(doc! { "a": 1, "b": 1 }).run().unwrap();
    fixture.coll.create_index(doc! { "c": 1, "b": 1 }).run().unwrap();
    let sort_b = doc! { "b": 1 };
    let plain = doc! {};
    for (filter, sort, projection, limit, plan, keys, docs) in [
        (doc! { "a": 3, "b": { "$gt": 500 } }, doc! { "a": 1, "b": 1 }, &plain, 10, "LIMIT FETCH IXSCAN", 10, 10),
        (doc! { "a": 3 }, doc! {}, &doc! { "_id": 0, "b": 1 }, 5, "LIMIT PROJECTION_COVERED IXSCAN", 5, 0),
        (doc! { "$or": [{ "a": 3 }, { "c": 5 }] }, doc! {}, &plain, 0, "FETCH OR [IXSCAN, IXSCAN]", 243, 229),
        (
            doc! { "$or": [{ "a": 3 }, { "c": 5 }] },
            sort_b.clone(),
            &plain,
            4,
            "LIMIT FETCH SORT_MERGE [IXSCAN, IXSCAN]",
            5,
            4,
        ),
        (doc! { "a": { "$in": [1, 2] } }, sort_b, &plain, 4, "LIMIT FETCH SORT_MERGE [IXSCAN, IXSCAN]", 5, 4),
    ] {
        let mut find = fixture.coll.find(filter.clone()).sort(sort.clone()).projection(projection.clone());
        if limit > 0 {
            find = find.limit(limit);
        }
        let explained = find.explain(Verbosity::ExecutionStats).unwrap();
        assert_eq!(stages(&explained), plan, "{filter} {sort}");
        let stats = explained.get_document("executionStats").unwrap();
        assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), docs, "documents, {filter} {sort}");
        assert_eq!(stats.get_i32("totalKeysExamined").unwrap(), keys, "keys, {filter} {sort}");
    }
}

#[test]
fn what_the_keys_prove_is_not_run_again() {
    let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n, "a": n, "b": n }));
    fixture.coll.create_index(doc! { "a": 1 }).run().unwrap();
    let explained = fixture.coll.find(doc! { "b": 2, "a": 2 }).explain(Verbosity::QueryPlanner).unwrap();
    let planner = explained.get_document("queryPlanner").unwrap();
    let parsed = doc! { "$and": [{ "a": { "$eq": 2 } }, { "b": { "$eq": 2 } }] };
    assert_eq!(planner.get_document("parsedQuery").unwrap(), &parsed);
    let fetch = planner.get_document("winningPlan").unwrap();
    assert_eq!(fetch.get_document("filter").unwrap(), &doc! { "b": { "$eq": 2 } });
}
