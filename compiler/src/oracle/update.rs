//! Updates, the slow and obvious way: the document becomes a tree of Rust values, each operator is applied to each
//! place its path names, one after the other, and the tree becomes a document again.

use std::cmp::Ordering;

use smongo_vm::algo::decimal;
use smongo_vm::update::{Arg, BitOperation, DateKind, End, Operator, PULLED_VALUE, PullCondition, Push, PushSort};
use smongo_vm::value::{
    ArrayWriter, Decimal128, DocBuf, DocWriter, OwnedValue, RawDoc, StringOrder, Tag, Value, View, compare_with,
    equal_with,
};
use smongo_vm::{Error, Result};

use super::{Given, matches};
use crate::ir::update::OperatorUpdate;

/// What an update is told besides the document.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpdateInputs {
    /// The position of the array element that the filter matched, for `$`.
    pub matched_position: Option<u32>,
    /// Whether the document is one that an upsert is about to insert.
    pub is_insert: bool,
}

/// The document that the update makes of `doc`.
pub fn update<'e>(
    update: &OperatorUpdate,
    doc: &RawDoc,
    given: impl Into<Given<'e>>,
    inputs: UpdateInputs,
) -> Result<DocBuf> {
    let old = Tree::of(Value::document(doc));
    let oracle = Oracle { update, given: given.into(), inputs, old: &old };
    let mut places: Vec<(Vec<String>, &Operator)> = Vec::new();
    let mut failure = None;
    update.tree.for_each_path(&mut |path, operator| {
        let components: Vec<&str> = path.split('.').collect();
        let is_skipped = matches!(operator, Operator::SetOnInsert { .. }) && !inputs.is_insert;
        match oracle.resolve(&old, &components, &mut Vec::new(), is_skipped) {
            Ok(found) => places.extend(found.into_iter().map(|place| (place, operator))),
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    });
    if let Some(error) = failure {
        return Err(error);
    }
    places.sort_by(|(a, _), (b, _)| compare_paths(a, b));
    for (at, (place, _)) in places.iter().enumerate() {
        if places[at + 1..].iter().any(|(other, _)| other.starts_with(place)) {
            return Err(Error::location(40, format!("two operators are at '{}'", place.join("."))));
        }
    }
    let mut new = old.clone();
    for (place, operator) in &places {
        oracle.apply(&mut new, place, operator)?;
    }
    if !inputs.is_insert && new.field("_id").map(Tree::bytes) != old.field("_id").map(Tree::bytes) {
        return Err(Error::location(66, "the _id has changed"));
    }
    if inputs.is_insert {
        new.lead_with_id();
    }
    Ok(new.into_doc())
}

/// A value with its content taken apart.
#[derive(Clone, Debug)]
enum Tree {
    Document(Vec<(String, Tree)>),
    Array(Vec<Tree>),
    Scalar(OwnedValue),
}

impl Tree {
    fn of(value: Value<'_>) -> Tree {
        match value.view() {
            View::Document(doc) => Tree::Document(
                doc.iter().map(|element| (element.name_str().to_owned(), Tree::of(element.value()))).collect(),
            ),
            View::Array(array) => Tree::Array(array.values().map(Tree::of).collect()),
            _ => Tree::Scalar(OwnedValue::new(value)),
        }
    }

    fn null() -> Tree {
        Tree::of(Value::NULL)
    }

    fn to_value(&self) -> OwnedValue {
        let doc = DocBuf::build(|writer| self.write("", writer));
        OwnedValue::new(doc.get("").unwrap_or(Value::NOTHING))
    }

    fn bytes(&self) -> Vec<u8> {
        DocBuf::build(|writer| self.write("", writer)).into_vec()
    }

    fn into_doc(self) -> DocBuf {
        self.to_value().get().as_doc().map(DocBuf::from).unwrap_or_default()
    }

    fn write(&self, name: &str, writer: &mut DocWriter<'_, Vec<u8>>) {
        match self {
            Tree::Document(fields) => writer.document(name, |inner| write_fields(fields, inner)),
            Tree::Array(elements) => writer.array(name, |inner| write_elements(elements, inner)),
            Tree::Scalar(value) => writer.value(name, value.get()),
        }
    }

    fn field(&self, name: &str) -> Option<&Tree> {
        match self {
            Tree::Document(fields) => fields.iter().find(|(other, _)| other == name).map(|(_, tree)| tree),
            Tree::Array(elements) => elements.get(name.parse::<u32>().ok()? as usize),
            Tree::Scalar(_) => None,
        }
    }

    fn at(&self, path: &[String]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, name| tree.field(name))
    }

    fn lead_with_id(&mut self) {
        if let Tree::Document(fields) = self
            && let Some(at) = fields.iter().position(|(name, _)| name == "_id")
        {
            fields[..=at].rotate_right(1);
        }
    }
}

fn write_fields(fields: &[(String, Tree)], writer: &mut DocWriter<'_, Vec<u8>>) {
    for (name, tree) in fields {
        tree.write(name, writer);
    }
}

fn write_elements(elements: &[Tree], writer: &mut ArrayWriter<'_, Vec<u8>>) {
    for tree in elements {
        writer.value(tree.to_value().get());
    }
}

/// Siblings in the order of application: numbers by number, then names.
fn compare_paths(a: &[String], b: &[String]) -> Ordering {
    let rank = |name: &String| (name.parse::<u64>().unwrap_or(u64::MAX), name.clone());
    a.iter().map(rank).cmp(b.iter().map(rank))
}

struct Oracle<'o> {
    update: &'o OperatorUpdate,
    given: Given<'o>,
    inputs: UpdateInputs,
    old: &'o Tree,
}

impl Oracle<'_> {
    /// The places that a path names in the old document: `$` and its like become positions.
    fn resolve(
        &self,
        tree: &Tree,
        path: &[&str],
        place: &mut Vec<String>,
        is_skipped: bool,
    ) -> Result<Vec<Vec<String>>> {
        let Some((first, rest)) = path.split_first() else {
            return Ok(if is_skipped { Vec::new() } else { vec![place.clone()] });
        };
        let missing = Tree::Document(Vec::new());
        let mut into = |name: String, tree: &Tree| {
            place.push(name);
            let found = self.resolve(tree, rest, place, is_skipped);
            place.pop();
            found
        };
        if *first == "$" {
            let position = self.inputs.matched_position.ok_or_else(|| Error::bad_value("there is no position"))?;
            let name = position.to_string();
            return into(name.clone(), tree.field(&name).unwrap_or(&missing));
        }
        let Some(identifier) = first.strip_prefix("$[").and_then(|rest| rest.strip_suffix(']')) else {
            return into((*first).to_owned(), tree.field(first).unwrap_or(&missing));
        };
        let Tree::Array(elements) = tree else {
            return Err(Error::bad_value("array selectors need an array"));
        };
        let mut found = Vec::new();
        for (at, element) in elements.iter().enumerate() {
            let is_selected = match self.update.tree.array_filter(identifier) {
                Some(predicate) if !identifier.is_empty() => self.test(predicate, Some(identifier), element)?,
                _ => true,
            };
            if is_selected {
                found.extend(into(at.to_string(), element)?);
            }
        }
        Ok(found)
    }

    fn test(&self, predicate: u16, wrapped_as: Option<&str>, element: &Tree) -> Result<bool> {
        let value = element.to_value();
        let doc = match (wrapped_as, value.get().as_doc()) {
            (Some(name), _) => DocBuf::build(|writer| writer.value(name, value.get())),
            (None, Some(doc)) => DocBuf::from(doc),
            (None, None) => return Ok(false),
        };
        let filter = &self.update.predicates[usize::from(predicate)];
        matches(filter, &doc, self.given)
    }

    fn arg(&self, arg: Arg) -> Value<'_> {
        self.update.args.get(arg.0 as usize).map_or(Value::NOTHING, OwnedValue::get)
    }

    fn values(&self, arg: Arg) -> Vec<Tree> {
        self.arg(arg).as_array().map(|array| array.values().map(Tree::of).collect()).unwrap_or_default()
    }

    fn apply(&self, new: &mut Tree, place: &[String], operator: &Operator) -> Result<()> {
        match operator {
            Operator::Unset => remove(new, place, true),
            Operator::RenamedAway => {
                // The destination has checked the way to the source.
                remove(new, place, false);
            }
            Operator::Rename { from } => {
                let from: Vec<String> = from.iter().map(|name| name.to_string()).collect();
                if let Some(value) = self.renamed(&from)? {
                    let inside_array =
                        (0..place.len()).any(|len| matches!(new.at(&place[..len]), Some(Tree::Array(_))));
                    if inside_array {
                        return Err(Error::bad_value("a field cannot move into an array"));
                    }
                    set(new, place, value)?;
                }
            }
            _ => {
                let existing = new.at(place).cloned();
                let creates = !matches!(operator, Operator::Pop(_) | Operator::Pull(_) | Operator::PullAll { .. });
                if existing.is_none() && !creates {
                    return check_way(new, place);
                }
                if let Some(value) = self.result(existing.as_ref(), operator)? {
                    set(new, place, value)?;
                }
            }
        }
        Ok(())
    }

    /// The value that a rename moves.
    fn renamed(&self, from: &[String]) -> Result<Option<Tree>> {
        let Some(value) = self.old.at(from) else {
            check_way(self.old, from)?;
            return Ok(None);
        };
        if (0..from.len()).any(|len| matches!(self.old.at(&from[..len]), Some(Tree::Array(_)))) {
            return Err(Error::bad_value("a field cannot move out of an array"));
        }
        Ok(Some(value.clone()))
    }

    /// The new value; `None` leaves things as they are.
    fn result(&self, existing: Option<&Tree>, operator: &Operator) -> Result<Option<Tree>> {
        let current = existing.map(Tree::to_value);
        let current = current.as_ref().map(OwnedValue::get);
        Ok(Some(match operator {
            Operator::Set { value } | Operator::SetOnInsert { value } => Tree::of(self.arg(*value)),
            Operator::Min { value } | Operator::Max { value } => {
                let value = self.arg(*value);
                let wanted = if matches!(operator, Operator::Min { .. }) { Ordering::Less } else { Ordering::Greater };
                match current {
                    Some(current) if compare_with(value, current, self.given.strings) != wanted => return Ok(None),
                    _ => Tree::of(value),
                }
            }
            Operator::Inc { by } => {
                arithmetic(current.unwrap_or(Value::int32(0)), self.arg(*by), existing.is_none(), false)?
            }
            Operator::Mul { by } => {
                arithmetic(current.unwrap_or(Value::int32(0)), self.arg(*by), existing.is_none(), true)?
            }
            Operator::CurrentDate(DateKind::Date) => Tree::of(Value::date_time(self.given.env.now_millis)),
            Operator::CurrentDate(DateKind::Timestamp) => Tree::of(Value::timestamp(self.given.env.cluster_time)),
            Operator::Push(push) => Tree::Array(self.push(elements_of(existing)?, push)),
            Operator::AddToSet { values } => {
                let mut elements = elements_of(existing)?;
                for value in self.values(*values) {
                    if !elements
                        .iter()
                        .any(|other| equal_with(other.to_value().get(), value.to_value().get(), self.given.strings))
                    {
                        elements.push(value);
                    }
                }
                Tree::Array(elements)
            }
            Operator::Pop(end) => {
                let Some(Tree::Array(elements)) = existing else {
                    return Err(Error::type_mismatch("$pop needs an array"));
                };
                let mut elements = elements.clone();
                match end {
                    End::Last => drop(elements.pop()),
                    End::First if !elements.is_empty() => drop(elements.remove(0)),
                    End::First => {}
                }
                Tree::Array(elements)
            }
            Operator::Pull(condition) => {
                let mut kept = Vec::new();
                for element in elements_of(existing)? {
                    let is_picked = match condition {
                        PullCondition::Equal(arg) => {
                            equal_with(element.to_value().get(), self.arg(*arg), self.given.strings)
                        }
                        PullCondition::Value(predicate) => self.test(*predicate, Some(PULLED_VALUE), &element)?,
                        PullCondition::Document(predicate) => self.test(*predicate, None, &element)?,
                    };
                    if !is_picked {
                        kept.push(element);
                    }
                }
                Tree::Array(kept)
            }
            Operator::PullAll { values } => {
                let values = self.values(*values);
                let mut elements = elements_of(existing)?;
                elements.retain(|element| {
                    !values
                        .iter()
                        .any(|value| equal_with(value.to_value().get(), element.to_value().get(), self.given.strings))
                });
                Tree::Array(elements)
            }
            Operator::Bit(operations) => self.bits(current.unwrap_or(Value::int32(0)), operations)?,
            Operator::Unset | Operator::Rename { .. } | Operator::RenamedAway => return Ok(None),
        }))
    }

    fn push(&self, mut elements: Vec<Tree>, push: &Push) -> Vec<Tree> {
        let integer = |arg: Option<Arg>| arg.and_then(|arg| self.arg(arg).as_integer()).map(i128::from);
        let len = elements.len() as i128;
        let at = match integer(push.position) {
            None => len,
            Some(position) if position < 0 => (len + position).max(0),
            Some(position) => position.min(len),
        };
        for (nth, value) in self.values(push.values).into_iter().enumerate() {
            elements.insert(at as usize + nth, value);
        }
        if let Some(sort) = &push.sort {
            elements.sort_by(|a, b| compare_by(sort, a, b, self.given.strings));
        }
        let len = elements.len() as i128;
        match integer(push.slice) {
            None => elements,
            Some(kept) if kept >= 0 => elements.into_iter().take(kept.min(len) as usize).collect(),
            Some(kept) => elements.into_iter().skip((len + kept).max(0) as usize).collect(),
        }
    }

    fn bits(&self, current: Value<'_>, operations: &[(BitOperation, Arg)]) -> Result<Tree> {
        let mut bits = current.as_integer().ok_or_else(|| Error::bad_value("$bit needs an integer"))?;
        let mut is_long = current.tag() == Tag::Int64;
        for (operation, arg) in operations {
            let operand = self.arg(*arg);
            is_long = is_long || operand.tag() == Tag::Int64;
            let operand = operand.as_integer().unwrap_or(0);
            bits = match operation {
                BitOperation::And => bits & operand,
                BitOperation::Or => bits | operand,
                BitOperation::Xor => bits ^ operand,
            };
        }
        Ok(Tree::of(if is_long { Value::int64(bits) } else { Value::int32(bits as i32) }))
    }
}

fn elements_of(existing: Option<&Tree>) -> Result<Vec<Tree>> {
    match existing {
        None => Ok(Vec::new()),
        Some(Tree::Array(elements)) => Ok(elements.clone()),
        Some(_) => Err(Error::bad_value("the operator needs an array")),
    }
}

fn compare_by(sort: &PushSort, a: &Tree, b: &Tree, strings: Option<&dyn StringOrder>) -> Ordering {
    let directed = |ordering: Ordering, descending: bool| if descending { ordering.reverse() } else { ordering };
    match sort {
        PushSort::Whole { descending } => {
            directed(compare_with(a.to_value().get(), b.to_value().get(), strings), *descending)
        }
        PushSort::Fields(fields) => {
            for field in fields {
                let key = |tree: &Tree| {
                    let document = Some(tree).filter(|tree| matches!(tree, Tree::Document(_)));
                    let found = field.path.iter().fold(document, |tree, name| tree.and_then(|tree| tree.field(name)));
                    found.cloned().unwrap_or_else(Tree::null).to_value()
                };
                let ordering = directed(compare_with(key(a).get(), key(b).get(), strings), field.descending);
                if ordering.is_ne() {
                    return ordering;
                }
            }
            Ordering::Equal
        }
    }
}

/// The sum or product in the wider type of both.
fn arithmetic(current: Value<'_>, operand: Value<'_>, is_missing: bool, multiplies: bool) -> Result<Tree> {
    if !current.is_number() {
        return Err(Error::type_mismatch("the value is no number"));
    }
    let is_either = |tag: Tag| operand.tag() == tag || (!is_missing && current.tag() == tag);
    if is_missing && !multiplies {
        return Ok(Tree::of(operand));
    }
    if is_either(Tag::Decimal128) {
        let (a, b) = (to_decimal(current), to_decimal(operand));
        let result = match (is_missing, multiplies) {
            (true, _) => Decimal128::from_i64(0),
            (_, true) => decimal::mul(a, b),
            (_, false) => decimal::add(a, b),
        };
        return Ok(Tree::of(Value::decimal128(&result.0)));
    }
    if is_either(Tag::Double) {
        let (a, b) = (to_double(current), to_double(operand));
        let result = match (is_missing, multiplies) {
            (true, _) => 0.0,
            (_, true) => a * b,
            (_, false) => a + b,
        };
        return Ok(Tree::of(Value::double(result)));
    }
    let (a, b) = (i128::from(current.as_integer().unwrap_or(0)), i128::from(operand.as_integer().unwrap_or(0)));
    let result = if multiplies { a * b } else { a + b };
    let result = i64::try_from(result).map_err(|_| Error::bad_value("the result is no int64"))?;
    Ok(Tree::of(if is_either(Tag::Int64) { Value::int64(result) } else { Value::integer(result) }))
}

fn to_double(value: Value<'_>) -> f64 {
    match value.view() {
        View::Double(double) => double,
        View::Decimal128(decimal) => decimal.to_f64(),
        _ => value.as_integer().unwrap_or(0) as f64,
    }
}

fn to_decimal(value: Value<'_>) -> Decimal128 {
    match value.view() {
        View::Decimal128(decimal) => decimal,
        View::Double(double) => decimal::from_f64_15(double),
        _ => Decimal128::from_i64(value.as_integer().unwrap_or(0)),
    }
}

/// Fails if something on the way to `place` cannot have what the path asks of it.
fn check_way(tree: &Tree, place: &[String]) -> Result<()> {
    let mut tree = tree;
    for name in place {
        let is_possible = match tree {
            Tree::Document(_) => true,
            Tree::Array(_) => name.parse::<u32>().is_ok(),
            Tree::Scalar(_) => false,
        };
        if !is_possible {
            return Err(Error::location(28, format!("'{name}' cannot be there")));
        }
        match tree.field(name) {
            Some(inner) => tree = inner,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Puts a value at a place, making what is missing on the way.
fn set(tree: &mut Tree, place: &[String], value: Tree) -> Result<()> {
    let Some((first, rest)) = place.split_first() else {
        *tree = value;
        return Ok(());
    };
    match tree {
        Tree::Document(fields) => {
            let at = match fields.iter().position(|(name, _)| name == first) {
                Some(at) => at,
                None => {
                    fields.push((first.clone(), Tree::Document(Vec::new())));
                    fields.len() - 1
                }
            };
            set(&mut fields[at].1, rest, value)
        }
        Tree::Array(elements) => {
            let index = first.parse::<u32>().map_err(|_| Error::location(28, "arrays have positions only"))? as usize;
            if index >= elements.len() {
                if index - elements.len() > 1_500_000 {
                    return Err(Error::location(34, "too many elements would be added"));
                }
                elements.resize_with(index, Tree::null);
                elements.push(Tree::Document(Vec::new()));
            }
            set(&mut elements[index], rest, value)
        }
        Tree::Scalar(_) => Err(Error::location(28, format!("'{first}' cannot be there"))),
    }
}

/// Removes what is at a place, or makes it null when it is an array's element.
fn remove(tree: &mut Tree, place: &[String], is_in_arrays_too: bool) {
    let Some((first, rest)) = place.split_first() else { return };
    match tree {
        Tree::Document(fields) => {
            let Some(at) = fields.iter().position(|(name, _)| name == first) else { return };
            if rest.is_empty() {
                fields.remove(at);
            } else {
                remove(&mut fields[at].1, rest, is_in_arrays_too);
            }
        }
        Tree::Array(elements) if is_in_arrays_too => {
            let Some(element) = first.parse::<u32>().ok().and_then(|index| elements.get_mut(index as usize)) else {
                return;
            };
            if rest.is_empty() {
                *element = Tree::null();
            } else {
                remove(element, rest, true);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::env::Env;
    use smongo_vm::interp::Machine;
    use smongo_vm::value::extjson::{parse_doc, to_string_shell};

    use super::*;
    use crate::codegen;
    use crate::front::context::ParseContext;
    use crate::front::update::parse;
    use crate::ir::update::Update;

    /// Random text out of small alphabets, so that paths meet what is there.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % bound
        }

        fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
            from[self.below(from.len())]
        }

        fn list(&mut self, most: usize, mut item: impl FnMut(&mut Self) -> String) -> String {
            let count = self.below(most + 1);
            (0..count).map(|_| item(self)).collect::<Vec<_>>().join(", ")
        }

        fn scalar(&mut self) -> String {
            self.pick(&[
                "1",
                "2",
                "-1",
                "NumberLong(1)",
                "NumberLong('9223372036854775807')",
                "2147483647",
                "1.5",
                "-0.0",
                "NumberDecimal('1.0')",
                "'x'",
                "null",
                "true",
            ])
            .to_owned()
        }

        fn value(&mut self, depth: usize) -> String {
            match self.below(if depth == 0 { 1 } else { 4 }) {
                0 => self.scalar(),
                1 | 2 => format!("[{}]", self.list(3, |random| random.value(depth - 1))),
                _ => self.document(depth - 1),
            }
        }

        fn document(&mut self, depth: usize) -> String {
            let mut names = ["a", "b", "'0'", "c"];
            let first = self.below(names.len());
            names.rotate_left(first);
            let fields = &names[..self.below(3)];
            let fields: Vec<_> = fields.iter().map(|name| format!("{name}: {}", self.value(depth))).collect();
            format!("{{{}}}", fields.join(", "))
        }

        fn path(&mut self) -> String {
            let mut path = self.pick(&["a", "b", "c", "a", "b", "c", "d", "_id"]).to_owned();
            for _ in 0..self.below(3) {
                path.push('.');
                path.push_str(self.pick(&["a", "b", "0", "0", "1", "3", "0", "$", "$[]", "$[i]", "$[j]"]));
            }
            path
        }

        fn operator(&mut self) -> String {
            let path = self.path();
            let number = |random: &mut Self| random.pick(&["1", "NumberLong(2)", "0.5", "NumberDecimal('2')", "-3"]);
            let (name, argument) = match self.below(15) {
                0 | 1 => ("$set", self.value(2)),
                2 => ("$unset", "1".to_owned()),
                3 => ("$inc", number(self).to_owned()),
                4 => ("$mul", number(self).to_owned()),
                5 => ("$min", self.value(1)),
                6 => ("$max", self.value(1)),
                7 => ("$rename", format!("'{}'", self.path())),
                8 => ("$push", self.value(2)),
                9 => {
                    let values = self.list(3, |random| random.value(1));
                    let rest = self.pick(&[
                        "",
                        ", $position: 1",
                        ", $position: -2",
                        ", $sort: 1",
                        ", $sort: {a: -1, b: 1}",
                        ", $slice: -2",
                        ", $slice: 1, $sort: -1, $position: 0",
                    ]);
                    ("$push", format!("{{$each: [{values}]{rest}}}"))
                }
                10 => ("$addToSet", format!("{{$each: [{}]}}", self.list(3, |random| random.value(1)))),
                11 => ("$pop", self.pick(&["1", "-1"]).to_owned()),
                12 => ("$pull", self.pick(&["1", "'x'", "{$gte: 1}", "{a: 1}", "{}", "[1]", "null", "/x/"]).to_owned()),
                13 => ("$pullAll", format!("[{}]", self.list(2, Self::scalar))),
                _ => ("$bit", self.pick(&["{or: 6}", "{and: NumberLong(3), xor: 1}"]).to_owned()),
            };
            format!("{name}: {{'{path}': {argument}}}")
        }
    }

    #[test]
    fn the_machine_and_the_oracle_agree() {
        let (mut compared, mut succeeded) = (0, 0);
        for seed in 0..4_000 {
            let mut random = Random(seed);
            let fields: Vec<_> = ["a", "b", "c"].iter().map(|name| format!("{name}: {}", random.value(3))).collect();
            let doc = format!("{{_id: {}, {}}}", random.pick(&["1", "{a: 1}"]), fields.join(", "));
            let update = format!("{{{}}}", random.list(2, Random::operator));
            let inputs =
                UpdateInputs { matched_position: Some(random.below(3) as u32), is_insert: random.below(4) == 0 };
            let filters = ["[{i: {$gte: 1}}, {j: {$type: 'object'}}]", "[{i: {$gte: 1}}]", "[{j: 1}]", "[]"];
            let parsed = filters.iter().find_map(|filters| {
                let filters = parse_doc(&format!("{{f: {filters}}}")).unwrap();
                let filters = filters.get("f").and_then(Value::as_array);
                let update = parse_doc(&update).unwrap();
                match parse(Value::document(&update), filters, &mut ParseContext::new()) {
                    Ok(Update::Operators(update)) => Some(update),
                    _ => None,
                }
            });
            let Some(parsed) = parsed else { continue };
            let old = parse_doc(&doc).unwrap();
            let env = Env::fixed();
            let by_oracle = super::update(&parsed, &old, &env, inputs);
            let program = codegen::compile_update(parsed, None).unwrap();
            let how = smongo_vm::interp::UpdateInputs {
                matched_position: inputs.matched_position,
                is_insert: inputs.is_insert,
            };
            let mut out = Vec::new();
            let by_machine = Machine::new()
                .update(&program, &old, &env, how, &mut out)
                .map(|updated| (DocBuf::from_vec(out).unwrap(), updated.modified));
            compared += 1;
            match (by_oracle, by_machine) {
                // An upsert may not touch an `_id` that is there either, but the oracle leaves that to the machine.
                (_, Err(error)) if inputs.is_insert && error.code().0 == 66 => {}
                // Paths that meet above an array selector conflict even where it selects nothing.
                (_, Err(error)) if error.code().0 == 40 && update.contains(".$[") => {}
                (Err(_), Err(_)) => {}
                (Ok(expected), Ok((got, modified))) => {
                    let [expected, got] = [&expected, &got].map(|doc| to_string_shell(Value::document(doc)));
                    assert_eq!(got, expected, "seed {seed}: {doc} {update} {inputs:?}");
                    assert_eq!(modified, got != to_string_shell(Value::document(&old)), "seed {seed}: {doc} {update}");
                    succeeded += 1;
                }
                (expected, got) => panic!("seed {seed}: {doc} {update} {inputs:?}\n{expected:?}\n{got:?}"),
            }
        }
        assert!(compared > 1_500 && succeeded > 500, "{compared} {succeeded}");
    }
}
