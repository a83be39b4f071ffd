//! Explanations: the plan, the counts, and the programs that ran.

use bson::doc;
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
    assert_eq!(plan.get_str("stage").unwrap(), "IDHACK");
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
