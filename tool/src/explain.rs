//! `smongo explain`: how a statement is run, as text: the plan as a tree, and the listings of the compiled programs.

use std::fmt::Write as _;

use bson::{Bson, Document};
use smongo::PlanText;
use smongo_vm::value::extjson::Notation;

use crate::cli::ExplainArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::shell::request;
use crate::shell::statement::{self, Statement};
use crate::target::{self, Missing};
use crate::values;

/// Fields that hold the stages below a stage.
const INPUTS: [&str; 4] = ["inputStage", "inputStages", "outerStage", "innerStage"];

/// Explains the statement.
pub fn run(args: &ExplainArgs, output: &Output) -> Result<(), Failure> {
    let (target, statement) = args.target_and_statement();
    let Statement::Db(members) = statement::parse(statement)? else {
        return Err(Failure::Usage("only what is called on a collection can be explained".into()));
    };
    let request = request::request(&args.db, &members)?;
    if request.command.is_empty() {
        return Err(Failure::Usage("only what is called on a collection can be explained".into()));
    }
    let request = if request.command.contains_key("explain") { request } else { request.explained(&args.verbosity) };
    let client = target::open(target, Missing::Refuse)?;
    let mut reply = client.database(&request.db).run_command(request.command).run()?;
    reply.remove("$clusterTime");
    reply.remove("operationTime");
    if output.json {
        return output.json_line(&Bson::Document(reply));
    }
    output.line(text(&reply)?.trim_end())
}

/// An explanation as text: the programs where the server tells of them, else the plan alone.
fn text(reply: &Document) -> Result<String, Failure> {
    let mut text = String::new();
    if reply.contains_key("smongo") {
        text.push_str(&PlanText(reply).to_string());
    } else if let Ok(stages) = reply.get_array("stages") {
        stages.iter().filter_map(Bson::as_document).try_for_each(|stage| pipeline_stage(&mut text, stage))?;
    } else {
        plan(&mut text, reply)?;
    }
    let pipeline = reply.get_array("stages").ok().and_then(|stages| stages.first()?.as_document());
    let cursor = pipeline.and_then(|stage| stage.get_document("$cursor").ok());
    statistics(&mut text, cursor.unwrap_or(reply));
    Ok(text)
}

/// A stage of a pipeline, which may be a cursor over a query.
fn pipeline_stage(text: &mut String, stage: &Document) -> Result<(), Failure> {
    match stage.get_document("$cursor") {
        Ok(cursor) => plan(text, cursor),
        Err(_) => {
            line(text, 0, &values::to_line(&Bson::Document(stage.clone()), Notation::Shell)?);
            Ok(())
        }
    }
}

/// The stages of a plan, as executed where it was.
fn plan(text: &mut String, reply: &Document) -> Result<(), Failure> {
    let stage = |section: &str, name: &str| reply.get_document(section).and_then(|section| section.get_document(name));
    let executed = stage("executionStats", "executionStages");
    let Ok(stage) = executed.or_else(|_| stage("queryPlanner", "winningPlan")) else { return Ok(()) };
    // The tree may stand below, beside what the engine ran it with.
    tree(text, stage.get_document("queryPlan").unwrap_or(stage), 0)
}

/// What came of running the plan.
fn statistics(text: &mut String, reply: &Document) {
    let Ok(stats) = reply.get_document("executionStats") else { return };
    let number = |name: &str| stats.get(name).map_or(0, crate::shell::whole);
    let summary = format!(
        "{} documents in {} ms: {} keys and {} documents examined",
        number("nReturned"),
        number("executionTimeMillis"),
        number("totalKeysExamined"),
        number("totalDocsExamined"),
    );
    line(text, 0, &summary);
}

/// A stage with what it says of itself, and the stages below it.
fn tree(text: &mut String, stage: &Document, depth: usize) -> Result<(), Failure> {
    let mut title = stage.get_str("stage").unwrap_or("?").to_owned();
    for (name, value) in stage {
        let plain = !INPUTS.contains(&name.as_str()) && name != "stage";
        if plain {
            write_to(&mut title, format_args!("  {name}: {}", values::to_line(value, Notation::Shell)?));
        }
    }
    line(text, depth, &title);
    for name in INPUTS {
        match stage.get(name) {
            Some(Bson::Document(input)) => tree(text, input, depth + 1)?,
            Some(Bson::Array(inputs)) => {
                for input in inputs.iter().filter_map(Bson::as_document) {
                    tree(text, input, depth + 1)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn line(text: &mut String, depth: usize, content: &str) {
    write_to(text, format_args!("{:indent$}{content}\n", "", indent = 2 * depth));
}

fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}
