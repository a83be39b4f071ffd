//! Tests of `$jsonSchema` that look into other values: `properties`, `items`, `patternProperties`, `oneOf`.

use super::{Inputs, Scratch};
use crate::error::Result;
use crate::program::{FieldRules, Test};
use crate::value::Value;

impl Scratch {
    /// Whether a value satisfies a test that runs programs over its parts.
    pub(super) fn schema_test(&mut self, inputs: &Inputs<'_>, value: Value<'_>, test: &Test) -> Result<bool> {
        match test {
            Test::Document(program) => Ok(value.as_doc().is_some() && self.accepts(inputs, *program, value)?),
            Test::Elements { from, to, program } => {
                let Some(elements) = value.as_array() else { return Ok(true) };
                let count = to.map_or(usize::MAX, |to| to.saturating_sub(*from) as usize);
                for element in elements.values().skip(*from as usize).take(count) {
                    if !self.accepts(inputs, *program, element)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Fields(rules) => self.all_fields(inputs, value, rules),
            Test::ExactlyOne(programs) => {
                let mut accepted = 0;
                for program in programs {
                    accepted += u32::from(self.accepts(inputs, *program, value)?);
                    if accepted > 1 {
                        break;
                    }
                }
                Ok(accepted == 1)
            }
            _ => Ok(false),
        }
    }

    fn all_fields(&mut self, inputs: &Inputs<'_>, value: Value<'_>, rules: &FieldRules) -> Result<bool> {
        let Some(doc) = value.as_doc() else { return Ok(true) };
        for element in doc {
            let mut is_other = !rules.known.contains(element.name_str());
            for (pattern, program) in &rules.patterns {
                self.charge(1, inputs.env)?;
                if pattern.is_match(element.name(), inputs.env)? {
                    is_other = false;
                    if !self.accepts(inputs, *program, element.value())? {
                        return Ok(false);
                    }
                }
            }
            if is_other && !self.accepts(inputs, rules.other, element.value())? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
