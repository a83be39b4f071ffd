//! The section `smongo` of an explanation: what the rewrites did, and the operators with their programs, instruction by
//! instruction, and with what was counted when they ran.

use smongo_vm::program::CountedListing;
use smongo_vm::value::{ArrayWriter, DocWriter, Value};

use super::{Explanation, Run, count};
use crate::exec::{Operator, Stats};

type Doc<'w> = DocWriter<'w, Vec<u8>>;

/// The engine that runs programs. There is one.
const ENGINE: &str = "interpreter";

/// Writes the section.
pub(crate) fn write_smongo(out: &mut Doc<'_>, explanation: &Explanation<'_>) {
    let Explanation { shape, root, rewrites, run, .. } = explanation;
    out.document("smongo", |section| {
        let was_cached = shape.was_cached.map_or("none", |hit| if hit { "hit" } else { "miss" });
        section.string("planCache", was_cached);
        section.array("rewrites", |list| {
            for pass in *rewrites {
                list.document(|doc| {
                    doc.string("pass", pass.name);
                    doc.string("result", if pass.changed { "changed" } else { "unchanged" });
                });
            }
        });
        section.document("plan", |plan| write_operator(plan, *root, run.as_ref()));
    });
}

fn write_operator(out: &mut Doc<'_>, operator: &dyn Operator, run: Option<&Run<'_>>) {
    out.string("operator", operator.stage());
    out.document("about", |about| operator.explain(about));
    if run.is_some() {
        let Stats { works, advanced, docs_examined, keys_examined } = *operator.stats();
        out.value("rows", count(advanced));
        out.value("works", count(works));
        out.value("keysExamined", count(keys_examined));
        out.value("docsExamined", count(docs_examined));
    }
    out.array("programs", |list| write_programs(list, operator, run));
    out.array("inputs", |list| {
        operator.inputs().into_iter().for_each(|input| list.document(|doc| write_operator(doc, input, run)));
    });
}

fn write_programs(list: &mut ArrayWriter<'_, Vec<u8>>, operator: &dyn Operator, run: Option<&Run<'_>>) {
    let counts = run.and_then(|run| run.counts);
    for (purpose, program) in operator.programs() {
        list.document(|doc| {
            doc.string("purpose", purpose);
            doc.string("engine", ENGINE);
            doc.value("instructions", count(program.code().len() as u64));
            let counted = counts.map(|counts| counts.of(&program).unwrap_or_default());
            if let Some(counted) = &counted {
                doc.value("runs", count(counted.runs));
                doc.value("layoutHitRate", counted.layout_hit_rate().map_or(Value::NULL, Value::double));
            }
            let listing = match counts {
                Some(counts) => CountedListing { program: &program, counts }.to_string(),
                None => program.to_string(),
            };
            doc.array("listing", |lines| listing.lines().for_each(|line| lines.value(Value::string(line))));
        });
    }
}
