//! The rules of a JSON schema that a value breaks.

use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc, Value, equal};

use super::{Explainer, Out, position};
use crate::error::Result;

type List<'o> = ArrayWriter<'o, Vec<u8>>;

/// The rules, in the order in which they are told.
const RULES: [&str; 25] = [
    "pattern",
    "maxLength",
    "minLength",
    "multipleOf",
    "maximum",
    "minimum",
    "minItems",
    "maxItems",
    "uniqueItems",
    "items",
    "additionalItems",
    "properties",
    "patternProperties",
    "additionalProperties",
    "required",
    "minProperties",
    "maxProperties",
    "dependencies",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "enum",
    "type",
    "bsonType",
];

/// What a schema says about itself.
pub(super) fn annotations(out: &mut Out<'_>, schema: &RawDoc) {
    for name in ["title", "description"] {
        if let Some(text) = schema.get(name) {
            out.value(name, text);
        }
    }
}

impl Explainer<'_> {
    /// The rules that a value breaks, as an array.
    pub(super) fn schema(&self, schema: &RawDoc, value: Value<'_>) -> Result<DocBuf> {
        let mut broken = Vec::new();
        let mut list = ArrayWriter::new(&mut broken);
        for name in RULES {
            let Some(argument) = schema.get(name) else { continue };
            let rule = Rule { name, argument, schema };
            if !self.holds(&rule.alone(), value)? {
                list.value(Value::document(&self.rule(&rule, value)?));
            }
        }
        list.finish();
        Ok(DocBuf::from_vec(broken).unwrap_or_default())
    }

    /// Whether a value satisfies a schema.
    fn holds(&self, schema: &RawDoc, value: Value<'_>) -> Result<bool> {
        let filter = DocBuf::build(|filter| {
            filter.document("$jsonSchema", |top| {
                top.document("properties", |properties| properties.value("v", Value::document(schema)));
            });
        });
        self.satisfies(&filter, &DocBuf::build(|doc| doc.value("v", value)))
    }

    fn rule(&self, rule: &Rule<'_>, value: Value<'_>) -> Result<DocBuf> {
        DocBuf::try_build(|out| {
            out.string("operatorName", rule.name);
            match (rule.name, value.as_doc(), value.as_array()) {
                ("properties", Some(doc), _) => self.properties(out, rule, doc),
                ("patternProperties", Some(doc), _) => self.pattern_properties(out, rule, doc),
                ("additionalProperties", Some(doc), _) => self.additional_properties(out, rule, doc),
                ("required", Some(doc), _) => {
                    rule.specified(out);
                    out.array("missingProperties", |list| missing(list, rule.argument, doc));
                    Ok(())
                }
                ("dependencies", Some(doc), _) => self.dependencies(out, rule, doc),
                ("items", _, Some(array)) => self.items(out, rule, array),
                ("additionalItems", _, Some(array)) => self.additional_items(out, rule, array),
                ("allOf" | "anyOf" | "oneOf", ..) => self.alternatives(out, rule, value),
                ("not", ..) => {
                    out.string("reason", "child expression matched");
                    Ok(())
                }
                _ => {
                    scalar(out, rule, value);
                    Ok(())
                }
            }
        })
    }

    fn properties(&self, out: &mut Out<'_>, rule: &Rule<'_>, doc: &RawDoc) -> Result<()> {
        out.array("propertiesNotSatisfied", |list| {
            for property in rule.argument.as_doc().into_iter().flatten() {
                let name = property.name_str();
                if let (Some(schema), Some(found)) = (property.value().as_doc(), doc.get(name)) {
                    self.member(list, schema, found, |entry| entry.string("propertyName", name))?;
                }
            }
            Ok(())
        })
    }

    fn pattern_properties(&self, out: &mut Out<'_>, rule: &Rule<'_>, doc: &RawDoc) -> Result<()> {
        out.array("details", |list| {
            for pattern in rule.argument.as_doc().into_iter().flatten() {
                let Some(schema) = pattern.value().as_doc() else { continue };
                for field in doc {
                    let name = field.name_str();
                    if self.has_pattern(name, pattern.name_str())? {
                        self.member(list, schema, field.value(), |entry| {
                            entry.string("propertyName", name);
                            entry.string("regexMatched", pattern.name_str());
                        })?;
                    }
                }
            }
            Ok(())
        })
    }

    fn additional_properties(&self, out: &mut Out<'_>, rule: &Rule<'_>, doc: &RawDoc) -> Result<()> {
        let Some(schema) = rule.argument.as_doc() else {
            rule.specified(out);
            return out.array("additionalProperties", |list| {
                for field in doc {
                    if self.is_additional(rule, field.name_str())? {
                        list.value(Value::string(field.name_str()));
                    }
                }
                Ok(())
            });
        };
        for field in doc {
            if self.is_additional(rule, field.name_str())? && !self.holds(schema, field.value())? {
                out.string("reason", "at least one additional property did not match the subschema");
                out.string("failingProperty", field.name_str());
                out.value("details", Value::array(&self.schema(schema, field.value())?));
                break;
            }
        }
        Ok(())
    }

    /// Whether neither `properties` nor `patternProperties` speaks of a property.
    fn is_additional(&self, rule: &Rule<'_>, name: &str) -> Result<bool> {
        if rule.beside("properties").is_some_and(|known| known.get(name).is_some()) {
            return Ok(false);
        }
        for pattern in rule.beside("patternProperties").into_iter().flatten() {
            if self.has_pattern(name, pattern.name_str())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has_pattern(&self, name: &str, pattern: &str) -> Result<bool> {
        let filter = DocBuf::build(|filter| filter.document("v", |test| test.string("$regex", pattern)));
        self.satisfies(&filter, &DocBuf::build(|doc| doc.string("v", name)))
    }

    fn dependencies(&self, out: &mut Out<'_>, rule: &Rule<'_>, doc: &RawDoc) -> Result<()> {
        out.array("failingDependencies", |list| {
            for dependency in rule.argument.as_doc().into_iter().flatten() {
                let name = dependency.name_str();
                if doc.get(name).is_none() {
                    continue;
                }
                if let Some(schema) = dependency.value().as_doc() {
                    let whole = Value::document(doc);
                    self.member(list, schema, whole, |entry| entry.string("conditionalProperty", name))?;
                } else if names(dependency.value()).any(|name| doc.get(name).is_none()) {
                    list.document(|entry| {
                        entry.string("conditionalProperty", name);
                        entry.array("missingProperties", |list| missing(list, dependency.value(), doc));
                    });
                }
            }
            Ok(())
        })
    }

    fn items(&self, out: &mut Out<'_>, rule: &Rule<'_>, array: &RawDoc) -> Result<()> {
        let Some(schema) = rule.argument.as_doc() else {
            return out.array("details", |list| {
                let schemas = rule.argument.as_array().into_iter().flat_map(RawDoc::values);
                for (at, (schema, item)) in schemas.zip(array.values()).enumerate() {
                    if let Some(schema) = schema.as_doc() {
                        self.member(list, schema, item, |entry| entry.value("itemIndex", position(at)))?;
                    }
                }
                Ok(())
            });
        };
        self.first_item(out, schema, array, 0, "At least one item did not match the sub-schema")
    }

    fn additional_items(&self, out: &mut Out<'_>, rule: &Rule<'_>, array: &RawDoc) -> Result<()> {
        let known = rule.schema.get("items").and_then(Value::as_array).map_or(0, |items| items.values().count());
        let Some(schema) = rule.argument.as_doc() else {
            rule.specified(out);
            out.string("reason", "found additional items");
            out.array("additionalItems", |list| array.values().skip(known).for_each(|item| list.value(item)));
            return Ok(());
        };
        self.first_item(out, schema, array, known, "At least one additional item did not match the sub-schema")
    }

    /// The first item from `begin` on that does not satisfy a schema.
    fn first_item(&self, out: &mut Out<'_>, schema: &RawDoc, array: &RawDoc, begin: usize, reason: &str) -> Result<()> {
        for (at, item) in array.values().enumerate().skip(begin) {
            if !self.holds(schema, item)? {
                out.string("reason", reason);
                out.value("itemIndex", position(at));
                out.value("details", Value::array(&self.schema(schema, item)?));
                break;
            }
        }
        Ok(())
    }

    /// `allOf`, `anyOf`, `oneOf`.
    fn alternatives(&self, out: &mut Out<'_>, rule: &Rule<'_>, value: Value<'_>) -> Result<()> {
        let schemas: Vec<&RawDoc> =
            rule.argument.as_array().into_iter().flat_map(RawDoc::values).filter_map(Value::as_doc).collect();
        let mut satisfied = Vec::new();
        for (at, schema) in schemas.iter().enumerate() {
            if self.holds(schema, value)? {
                satisfied.push(at);
            }
        }
        if rule.name == "oneOf" && !satisfied.is_empty() {
            out.string("reason", "more than one subschema matched");
            out.array("matchingSchemaIndexes", |list| satisfied.iter().for_each(|at| list.value(position(*at))));
            return Ok(());
        }
        out.array("schemasNotSatisfied", |list| {
            for (at, schema) in schemas.iter().enumerate() {
                self.member(list, schema, value, |entry| entry.value("index", position(at)))?;
            }
            Ok(())
        })
    }

    /// Lists what a schema has against a value, if anything, under what `identify` writes.
    fn member(
        &self,
        list: &mut List<'_>,
        schema: &RawDoc,
        value: Value<'_>,
        identify: impl FnOnce(&mut Out<'_>),
    ) -> Result<()> {
        if self.holds(schema, value)? {
            return Ok(());
        }
        let details = self.schema(schema, value)?;
        list.document(|entry| {
            identify(entry);
            annotations(entry, schema);
            entry.value("details", Value::array(&details));
        });
        Ok(())
    }
}

/// A keyword of a schema.
struct Rule<'s> {
    name: &'static str,
    argument: Value<'s>,
    schema: &'s RawDoc,
}

impl<'s> Rule<'s> {
    /// Another keyword of the schema, whose argument is a document.
    fn beside(&self, name: &str) -> Option<&'s RawDoc> {
        self.schema.get(name).and_then(Value::as_doc)
    }

    /// The schema that has this rule only. Rules that it builds on stand there without demands of their own.
    fn alone(&self) -> DocBuf {
        DocBuf::build(|out| {
            self.write(out);
            match self.name {
                "additionalProperties" => {
                    for name in ["properties", "patternProperties"] {
                        out.document(name, |known| {
                            for field in self.beside(name).into_iter().flatten() {
                                known.value_named(field.name(), Value::document(RawDoc::EMPTY));
                            }
                        });
                    }
                }
                "additionalItems" => {
                    if let Some(items) = self.schema.get("items").and_then(Value::as_array) {
                        out.array("items", |known| {
                            items.values().for_each(|_| known.value(Value::document(RawDoc::EMPTY)));
                        });
                    }
                }
                _ => {}
            }
        })
    }

    /// The rule in the schema's words.
    fn specified(&self, out: &mut Out<'_>) {
        out.document("specifiedAs", |specified| self.write(specified));
    }

    fn write(&self, out: &mut Out<'_>) {
        out.value(self.name, self.argument);
        let modifier = match self.name {
            "minimum" => "exclusiveMinimum",
            "maximum" => "exclusiveMaximum",
            _ => return,
        };
        if let Some(value) = self.schema.get(modifier) {
            out.value(modifier, value);
        }
    }
}

/// A rule about the value as such.
fn scalar(out: &mut Out<'_>, rule: &Rule<'_>, value: Value<'_>) {
    rule.specified(out);
    out.string(
        "reason",
        match rule.name {
            "bsonType" | "type" => "type did not match",
            "enum" => "value was not found in enum",
            "pattern" => "regular expression did not match",
            "multipleOf" => "considered value is not a multiple of the specified value",
            "minLength" | "maxLength" => "specified string length was not satisfied",
            "uniqueItems" => "found a duplicate item",
            "minItems" | "maxItems" => "array did not match specified length",
            "minProperties" | "maxProperties" => "specified number of properties was not satisfied",
            _ => "comparison failed",
        },
    );
    if let ("minProperties" | "maxProperties", Some(doc)) = (rule.name, value.as_doc()) {
        out.value("numberOfProperties", position(doc.iter().count()));
        return;
    }
    out.value("consideredValue", value);
    match (rule.name, value.as_array()) {
        ("bsonType" | "type", _) => out.string("consideredType", value.tag().name()),
        ("uniqueItems", Some(array)) => {
            let items: Vec<Value<'_>> = array.values().collect();
            let repeated = |(at, item): &(usize, &Value<'_>)| items[..*at].iter().any(|other| equal(*other, **item));
            if let Some((_, duplicate)) = items.iter().enumerate().find(repeated) {
                out.value("duplicatedValue", *duplicate);
            }
        }
        _ => {}
    }
}

/// The property names in an array.
fn names(array: Value<'_>) -> impl Iterator<Item = &str> {
    array.as_array().into_iter().flat_map(RawDoc::values).filter_map(Value::as_str)
}

/// Lists the properties of an array of names that a document does not have.
fn missing(list: &mut List<'_>, wanted: Value<'_>, doc: &RawDoc) {
    names(wanted).filter(|name| doc.get(name).is_none()).for_each(|name| list.value(Value::string(name)));
}
