//! Explanations as text, for a terminal: the section `smongo` of what `explain` gives, embedded or by a server.
//!
//! ```text
//! plan cache: miss
//! FETCH rows=3 works=4 keys=0 docs=3
//!   filter: interpreter, 3 instructions, 3 runs, layout hits 67 %
//!     filter registers=0 p0=b runs=3
//!        0  in=3        out=3        test.eq p0, c0, ->2              ; b 2
//!        ...
//!   IXSCAN keyPattern={ "a": 1 } ... rows=3 works=4 keys=3 docs=0
//! ```

use std::fmt;

use bson::{Bson, Document};

/// What `explain` gave, to be shown as text.
#[derive(Clone, Copy, Debug)]
pub struct PlanText<'d>(pub &'d Document);

impl fmt::Display for PlanText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(section) = self.0.get_document("smongo") else {
            return writeln!(f, "no programs are known of this plan");
        };
        if let Ok(was_cached) = section.get_str("planCache") {
            writeln!(f, "plan cache: {was_cached}")?;
        }
        for pass in documents(section, "rewrites") {
            let text = |name: &str| pass.get_str(name).unwrap_or_default();
            writeln!(f, "rewrite {}: {}", text("pass"), text("result"))?;
        }
        match section.get_document("plan") {
            Ok(plan) => write_operator(f, plan, 0),
            Err(_) => Ok(()),
        }
    }
}

fn documents<'d>(doc: &'d Document, name: &str) -> impl Iterator<Item = &'d Document> {
    doc.get_array(name).into_iter().flatten().filter_map(Bson::as_document)
}

fn write_operator(f: &mut fmt::Formatter<'_>, operator: &Document, depth: usize) -> fmt::Result {
    let pad = "  ".repeat(depth);
    write!(f, "{pad}{}", operator.get_str("operator").unwrap_or_default())?;
    for (name, value) in operator.get_document("about").into_iter().flatten() {
        write!(f, " {name}={value}")?;
    }
    for (name, label) in [("rows", "rows"), ("works", "works"), ("keysExamined", "keys"), ("docsExamined", "docs")] {
        if let Some(count) = operator.get(name) {
            write!(f, " {label}={count}")?;
        }
    }
    writeln!(f)?;
    for program in documents(operator, "programs") {
        write_program(f, program, &pad)?;
    }
    documents(operator, "inputs").try_for_each(|input| write_operator(f, input, depth + 1))
}

fn write_program(f: &mut fmt::Formatter<'_>, program: &Document, pad: &str) -> fmt::Result {
    let text = |name: &str| program.get_str(name).unwrap_or_default();
    write!(f, "{pad}  {}: {}", text("purpose"), text("engine"))?;
    if let Some(instructions) = program.get("instructions") {
        write!(f, ", {instructions} instructions")?;
    }
    if let Some(runs) = program.get("runs") {
        write!(f, ", {runs} runs")?;
    }
    if let Ok(rate) = program.get_f64("layoutHitRate") {
        write!(f, ", layout hits {:.0} %", rate * 100.0)?;
    }
    writeln!(f)?;
    for line in program.get_array("listing").into_iter().flatten().filter_map(Bson::as_str) {
        writeln!(f, "{pad}    {line}")?;
    }
    Ok(())
}
