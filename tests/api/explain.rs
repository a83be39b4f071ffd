//! Explanations: the plan, the counts, and the programs that ran.

use bson::{Document, doc};
use smongo::PlanText;
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
    let programs = programs(&explained);
    let purposes: Vec<_> = programs.iter().map(|program| program.get_str("purpose").unwrap()).collect();
    assert_eq!(purposes, ["projection", "sort key", "filter"]);
    assert!(programs.iter().all(|program| program.get_array("listing").unwrap().len() > 1));
}

/// The programs of a plan, from the topmost operator down.
fn programs(explained: &Document) -> Vec<&Document> {
    fn of<'d>(operator: &'d Document, programs: &mut Vec<&'d Document>) {
        let documents = |name: &str| operator.get_array(name).unwrap().iter().map(|one| one.as_document().unwrap());
        programs.extend(documents("programs"));
        documents("inputs").for_each(|input| of(input, programs));
    }
    let mut programs = Vec::new();
    of(explained.get_document("smongo").unwrap().get_document("plan").unwrap(), &mut programs);
    programs
}

/// How often control reaches an instruction follows from the documents and the filter.
#[test]
fn a_run_counts_instructions_and_reads_as_text() {
    let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n, "a": n % 2, "b": n, "s": "x".repeat(40) }));
    let explained =
        fixture.coll.find(doc! { "a": 1 }).sort(doc! { "b": -1 }).explain(Verbosity::ExecutionStats).unwrap();
    let programs = programs(&explained);
    let line = |program: usize, op: &str| {
        let lines =
            programs[program].get_array("listing").unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
        let line = lines.into_iter().find(|line| line.contains(op)).unwrap_or_default();
        line.split_whitespace().skip(1).take(2).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line(1, "test.eq"), "in=10 out=5");
    assert_eq!(line(1, "match"), "in=5 match");
    assert_eq!(programs[0].get_i32("runs").unwrap(), 5);
    // `_id` and `a` of the first document are new to the walk.
    assert_eq!(programs[1].get_f64("layoutHitRate").unwrap(), 0.9);
    let text = PlanText(&explained).to_string();
    for part in ["plan cache: miss\n", "SORT ", "\n  COLLSCAN ", "rows=5 works=11 keys=0 docs=10", "runs=10\n"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
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
        (doc! { "$or": [{ "a": 3 }, { "c": 5 }] }, doc! {}, &plain, 0, "SUBPLAN FETCH OR [IXSCAN, IXSCAN]", 243, 229),
        (
            doc! { "$or": [{ "a": 3 }, { "c": 5 }] },
            sort_b.clone(),
            &plain,
            4,
            "SUBPLAN LIMIT FETCH SORT_MERGE [IXSCAN, IXSCAN]",
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

/// Which of two indexes leaves out more is seen by trying: half of the documents have `common`, two have each value of
/// `rare`. "rejectedPlans" and "allPlansExecution" are those of the manual's "Explain Results".
#[test]
fn candidates_are_tried_and_the_losers_shown() {
    let fixture = Fixture::with((0..2000).map(|n| doc! { "_id": n, "common": n % 2, "rare": n % 1000 }));
    fixture.coll.create_index(doc! { "common": 1 }).run().unwrap();
    fixture.coll.create_index(doc! { "rare": 1 }).run().unwrap();
    let filter = doc! { "common": 1, "rare": 7 };
    let explained = fixture.coll.find(filter.clone()).explain(Verbosity::AllPlansExecution).unwrap();
    let planner = explained.get_document("queryPlanner").unwrap();
    let scanned = |plan: &Document| plan.get_document("inputStage").unwrap().get_str("indexName").unwrap().to_owned();
    assert_eq!(scanned(planner.get_document("winningPlan").unwrap()), "rare_1");
    let rejected = planner.get_array("rejectedPlans").unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!(scanned(rejected[0].as_document().unwrap()), "common_1");
    let stats = explained.get_document("executionStats").unwrap();
    assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), 2);
    let trials = stats.get_array("allPlansExecution").unwrap();
    assert_eq!(trials.len(), 2);
    let score = |at: usize| trials[at].as_document().unwrap().get_f64("score").unwrap();
    assert!(score(1) > score(0), "{trials:?}");
    assert_eq!(fixture.found(filter).len(), 2);
    // A limited order: the index that has it, unless the filter leaves so little that sorting is nothing.
    fixture.coll.create_index(doc! { "_id": 1, "common": 1 }).run().unwrap();
    for (filter, index) in [(doc! { "rare": 7 }, "rare_1"), (doc! { "common": 1 }, "_id_")] {
        let find = fixture.coll.find(filter.clone()).sort(doc! { "_id": 1 }).limit(5);
        let explained = find.explain(Verbosity::QueryPlanner).unwrap();
        let plan = explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
        assert!(plan.to_string().contains(&format!("\"indexName\": \"{index}")), "{filter}: {plan}");
    }
}
