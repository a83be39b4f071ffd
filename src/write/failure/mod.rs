//! Telling why a document does not satisfy a validator: `errInfo.details`.
//!
//! Only a write that has failed comes here. The validator's parts are compiled and run one by one, so that what is
//! reported is what the machine found, and the parts that are to blame are written down in the validator's own words.
//! Below a negation the parts that matched are to blame.

mod reasons;
mod schema;

use smongo_compiler::front::filter::is_operator_document;
use smongo_compiler::{ParseContext, compile_filter};
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{Component, DocBuf, DocWriter, FieldPath, RawDoc, Tag, Value};

use crate::collection::Validator;
use crate::error::Result;

type Out<'o> = DocWriter<'o, Vec<u8>>;

/// The most bytes of an explanation. MongoDB: 12 MiB.
const DETAILS_BYTES_MAX: usize = 12 << 20;

/// The most values that are named as those looked at. MongoDB: 10.
const CONSIDERED_VALUES_MAX: usize = 10;

/// What a validator has against a document that does not satisfy it.
pub(super) fn describe(validator: &Validator, doc: &RawDoc, env: &Env<'_>) -> Result<DocBuf> {
    let details = Explainer { validator, env }.filter(&validator.source, doc, false)?;
    if details.as_bytes().len() <= DETAILS_BYTES_MAX {
        return Ok(details);
    }
    Ok(DocBuf::build(|out| {
        out.string("reason", "failed to generate document validation error: detailed error is too large");
        out.value("truncated", Value::TRUE);
    }))
}

struct Explainer<'e> {
    validator: &'e Validator,
    env: &'e Env<'e>,
}

impl Explainer<'_> {
    fn satisfies(&self, filter: &RawDoc, doc: &RawDoc) -> Result<bool> {
        let mut context = ParseContext::new().with_collation(self.validator.collation.clone());
        let filter = compile_filter(filter, &mut context)?;
        Ok(Machine::new().matches(&filter.program, doc, self.env)?)
    }

    /// A filter that came to `blamed`, which it must not.
    fn filter(&self, filter: &RawDoc, doc: &RawDoc, blamed: bool) -> Result<DocBuf> {
        match clauses_of(filter).as_slice() {
            [one] => self.clause(one, doc, blamed),
            many => self.clauses("$and", many, doc, blamed),
        }
    }

    /// Those clauses of an operator that came to `blamed`, by their places.
    fn clauses(&self, operator: &str, clauses: &[DocBuf], doc: &RawDoc, blamed: bool) -> Result<DocBuf> {
        let mut guilty = Vec::new();
        for (at, clause) in clauses.iter().enumerate() {
            if self.satisfies(clause, doc)? == blamed {
                guilty.push((at, self.filter(clause, doc, blamed)?));
            }
        }
        Ok(DocBuf::build(|out| {
            out.string("operatorName", operator);
            out.array("clausesNotSatisfied", |list| {
                for (at, details) in &guilty {
                    list.document(|entry| {
                        entry.value("index", position(*at));
                        entry.value("details", Value::document(details));
                    });
                }
            });
        }))
    }

    /// A filter of one condition.
    fn clause(&self, clause: &RawDoc, doc: &RawDoc, blamed: bool) -> Result<DocBuf> {
        let Some(element) = clause.iter().next() else { return Ok(DocBuf::new()) };
        let (name, value) = (element.name_str(), element.value());
        if !name.starts_with('$') {
            return self.condition(clause, name, value, doc, blamed);
        }
        let parts = || -> Vec<DocBuf> {
            let parts = value.as_array().into_iter().flat_map(RawDoc::values);
            parts.filter_map(Value::as_doc).map(DocBuf::from).collect()
        };
        match name {
            "$and" | "$or" => self.clauses(name, &parts(), doc, blamed),
            "$nor" => self.clauses(name, &parts(), doc, !blamed),
            "$jsonSchema" => self.json_schema(value, doc, blamed),
            _ => Ok(DocBuf::build(|out| {
                out.string("operatorName", name);
                out.value("specifiedAs", Value::document(clause));
                out.string("reason", reasons::of_document(name, blamed));
                if name == "$expr" {
                    out.value("expressionResult", Value::bool(blamed));
                }
            })),
        }
    }

    fn json_schema(&self, schema: Value<'_>, doc: &RawDoc, blamed: bool) -> Result<DocBuf> {
        let Some(schema) = schema.as_doc().filter(|_| !blamed) else {
            return Ok(DocBuf::build(|out| {
                out.string("operatorName", "$jsonSchema");
                out.string("reason", "schema matched");
            }));
        };
        let rules = self.schema(schema, Value::document(doc))?;
        Ok(DocBuf::build(|out| {
            out.string("operatorName", "$jsonSchema");
            schema::annotations(out, schema);
            out.value("schemaRulesNotSatisfied", Value::array(&rules));
        }))
    }

    /// A condition on a path.
    fn condition(&self, clause: &RawDoc, path: &str, value: Value<'_>, doc: &RawDoc, blamed: bool) -> Result<DocBuf> {
        let operators = value.as_doc().filter(|test| is_operator_document(test));
        let (operator, operand) = match operators.and_then(|test| test.iter().next()) {
            Some(first) => (first.name_str(), first.value()),
            None if value.tag() == Tag::Regex => ("$regex", value),
            None => ("$eq", value),
        };
        if operator == "$not" {
            let inner = DocBuf::build(|out| out.value(path, operand));
            let details = self.filter(&inner, doc, !blamed)?;
            return Ok(DocBuf::build(|out| {
                out.string("operatorName", operator);
                out.value("details", Value::document(&details));
            }));
        }
        let test = reasons::of_test(operator, operand);
        let mut considered = Vec::new();
        if test.shows_values {
            gather(Value::document(doc), FieldPath::new(path).components(), test.walks_arrays, &mut considered);
        }
        Ok(DocBuf::build(|out| {
            out.string("operatorName", operator);
            out.value("specifiedAs", Value::document(clause));
            if test.shows_values && considered.is_empty() {
                out.string("reason", "field was missing");
            } else if !blamed && test.shows_values && !test.accepts(&considered) {
                out.string("reason", "type did not match");
                types(out, &considered);
                match test.expected_types {
                    [one] => out.string("expectedType", one),
                    many => {
                        out.array("expectedTypes", |list| many.iter().for_each(|name| list.value(Value::string(name))))
                    }
                }
            } else {
                out.string("reason", if blamed { test.matched } else { test.failed });
            }
            values(out, &considered);
            if operator == "$type" {
                types(out, &considered);
            }
        }))
    }
}

/// The conditions of a filter, each as a filter.
fn clauses_of(filter: &RawDoc) -> Vec<DocBuf> {
    let mut clauses = Vec::new();
    for element in filter {
        let name = element.name_str();
        if name == "$comment" {
            continue;
        }
        let operators = element.value().as_doc().filter(|test| !name.starts_with('$') && is_operator_document(test));
        // A pattern and its options are one condition.
        match operators.filter(|operators| operators.get("$options").is_none()) {
            Some(operators) => clauses.extend(operators.iter().map(|operator| {
                DocBuf::build(|out| out.document(name, |test| test.value(operator.name_str(), operator.value())))
            })),
            None => clauses.push(DocBuf::build(|out| out.value(name, element.value()))),
        }
    }
    clauses
}

/// The values at a path, as filters look for them: in the elements of arrays on the way, and of one at the end.
fn gather<'d>(value: Value<'d>, path: &[Component], walks_arrays: bool, found: &mut Vec<Value<'d>>) {
    let Some((first, rest)) = path.split_first() else {
        if let Some(array) = value.as_array().filter(|_| walks_arrays) {
            found.extend(array.values());
        }
        found.push(value);
        return;
    };
    if let Some(inner) = value.as_doc().or(value.as_array()).and_then(|doc| doc.get(first.name())) {
        gather(inner, rest, walks_arrays, found);
    }
    for element in value.as_array().into_iter().flat_map(RawDoc::values) {
        if element.as_doc().is_some() {
            gather(element, path, walks_arrays, found);
        }
    }
}

/// The values that were looked at.
fn values(out: &mut Out<'_>, considered: &[Value<'_>]) {
    match considered {
        [] => {}
        [one] => out.value("consideredValue", *one),
        many => {
            out.array("consideredValues", |list| {
                many.iter().take(CONSIDERED_VALUES_MAX).for_each(|value| list.value(*value));
            });
            if many.len() > CONSIDERED_VALUES_MAX {
                out.value("consideredValuesTruncated", Value::TRUE);
            }
        }
    }
}

/// The types of the values that were looked at.
fn types(out: &mut Out<'_>, considered: &[Value<'_>]) {
    let mut names: Vec<&str> = Vec::new();
    for value in considered {
        if !names.contains(&value.tag().name()) {
            names.push(value.tag().name());
        }
    }
    match names.as_slice() {
        [] => {}
        [one] => out.string("consideredType", one),
        many => out.array("consideredTypes", |list| many.iter().for_each(|name| list.value(Value::string(name)))),
    }
}

/// A position, as the integer type that mongod gives for it.
fn position(at: usize) -> Value<'static> {
    Value::integer(i64::try_from(at).unwrap_or(i64::MAX))
}
