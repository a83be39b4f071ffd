//! Redact: each level of a row is kept, looked into, or cut away, as a program decides.

use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, RawDoc, Value};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::shell_text::ShellText;

/// The redaction. The current row is its own.
pub(crate) struct Redact {
    input: Box<dyn Operator>,
    program: Arc<Program>,
    root_variable: usize,
    machine: Machine,
    row: DocBuf,
    stats: Stats,
}

/// What becomes of a level.
enum Decision {
    Keep,
    Prune,
    Descend,
}

impl Redact {
    /// What remains of the rows of `input`; the program finds the whole row in the variable `root_variable`.
    pub fn new(input: Box<dyn Operator>, program: Arc<Program>, root_variable: usize) -> Self {
        Self { input, program, root_variable, machine: Machine::new(), row: DocBuf::new(), stats: Stats::default() }
    }
}

/// The redaction of one row.
struct Redactor<'r> {
    program: &'r Program,
    machine: &'r mut Machine,
    env: &'r Env<'r>,
}

impl Redactor<'_> {
    fn decide(&mut self, level: &RawDoc) -> Result<Decision> {
        let value = self.machine.compute(self.program, level, self.env, None)?;
        match value.as_str() {
            Some("keep") => Ok(Decision::Keep),
            Some("prune") => Ok(Decision::Prune),
            Some("descend") => Ok(Decision::Descend),
            _ => Err(Error::new(
                Code(17053),
                format!(
                    "$redact's expression should not return anything aside from the variables $$KEEP, $$DESCEND, and \
                     $$PRUNE, but returned {}",
                    ShellText(value)
                ),
            )),
        }
    }

    /// What remains of one level; `None` when nothing does.
    fn level(&mut self, level: &RawDoc) -> Result<Option<DocBuf>> {
        match self.decide(level)? {
            Decision::Keep => Ok(Some(level.into())),
            Decision::Prune => Ok(None),
            Decision::Descend => DocBuf::try_build(|out| self.fields(level, out)).map(Some),
        }
    }

    fn fields(&mut self, level: &RawDoc, out: &mut DocWriter<'_, Vec<u8>>) -> Result<()> {
        for element in level {
            let value = element.value();
            if let Some(inner) = value.as_doc() {
                if let Some(rest) = self.level(inner)? {
                    out.value_named(element.name(), Value::document(&rest));
                }
            } else if let Some(elements) = value.as_array() {
                out.array_named(element.name(), |array| self.elements(elements, array))?;
            } else {
                out.raw_element(element.raw());
            }
        }
        Ok(())
    }

    fn elements(&mut self, elements: &RawDoc, out: &mut ArrayWriter<'_, Vec<u8>>) -> Result<()> {
        for value in elements.values() {
            if let Some(inner) = value.as_doc() {
                if let Some(rest) = self.level(inner)? {
                    out.value(Value::document(&rest));
                }
            } else if let Some(inner) = value.as_array() {
                out.array(|array| self.elements(inner, array))?;
            } else {
                out.value(value);
            }
        }
        Ok(())
    }
}

impl Operator for Redact {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            let step = self.input.advance(cx)?;
            if step != Step::Row {
                return Ok(step);
            }
            let doc = self.input.document(cx);
            let mut variables = cx.env.variables.to_vec();
            variables.resize(self.root_variable, Value::NOTHING);
            variables.push(Value::document(doc));
            let env = Env { variables: &variables, random: cx.env.random.clone(), ..cx.env };
            let mut redactor = Redactor { program: &self.program, machine: &mut self.machine, env: &env };
            let rest = redactor.level(doc)?;
            cx.env.random.set(env.random.get());
            if let Some(rest) = rest {
                self.row = rest;
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        &self.row
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.input.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "REDACT"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("decision", Arc::clone(&self.program))]
    }
}
