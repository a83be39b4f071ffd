//! Outlines: the shapes that MongoDB hashes for clients, as text.
//!
//! They say nothing of values, and so much of the rest as MongoDB's hashes do. The text itself is ours, and so are the
//! hashes: equal and different are what they share with mongod's.

use smongo_vm::value::{Tag, Value};

use crate::ir::{CompareOp, Expr, Filter, FilterPath, LeafTest, Variable};

/// Which shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outline {
    /// `planCacheShapeHash`: operators and paths, in an order that does not depend on how the request was written.
    Plan,
    /// `queryShapeHash`: the request in its own order, with types for values.
    Query,
}

impl Outline {
    /// The outline of a filter.
    pub fn of(self, filter: &Filter) -> String {
        match filter {
            Filter::Always(always) => if *always { "all" } else { "none" }.to_owned(),
            Filter::And(parts) => self.several("and", parts),
            Filter::Or(parts) => self.several("or", parts),
            Filter::Nor(parts) => self.several("nor", parts),
            Filter::Not(part) => format!("not({})", self.of(part)),
            Filter::Leaf { path, test } => format!("{}({})", self.test(test), path_text(path)),
            Filter::ElemMatchObject { path, filter } => format!("eo({}:{})", path_text(path), self.of(filter)),
            Filter::ElemMatchValue { path, filter } => format!("ev({}:{})", path_text(path), self.of(filter)),
            Filter::Expr(expr) => match self {
                Outline::Plan => "expr".to_owned(),
                Outline::Query => format!("expr({})", expression(expr)),
            },
            Filter::SampleRate(_) => "sample".to_owned(),
            Filter::ExactlyOne(parts) => self.several("one", parts),
            Filter::Document { path, filter } => format!("doc({}:{})", path_text(path), self.of(filter)),
            Filter::Elements { path, filter, .. } => format!("each({}:{})", path_text(path), self.of(filter)),
            Filter::Fields { known, patterns, other } => {
                let patterns: Vec<String> =
                    patterns.iter().map(|(name, filter)| format!("{name}:{}", self.of(filter))).collect();
                format!("fields({};{};{})", known.join(","), patterns.join(","), self.of(other))
            }
        }
    }

    fn several(self, name: &str, parts: &[Filter]) -> String {
        let mut parts: Vec<String> = parts.iter().map(|part| self.of(part)).collect();
        if self == Outline::Plan {
            parts.sort();
        }
        format!("{name}[{}]", parts.join(","))
    }

    fn test(self, test: &LeafTest) -> String {
        let with = |name: &str, value: Value<'_>| match self {
            Outline::Plan => name.to_owned(),
            Outline::Query => format!("{name} {}", type_of(value)),
        };
        match test {
            LeafTest::Eq(value) => with("eq", value.get()),
            LeafTest::Lt(value) => with("lt", value.get()),
            LeafTest::Lte(value) => with("le", value.get()),
            LeafTest::Gt(value) => with("gt", value.get()),
            LeafTest::Gte(value) => with("ge", value.get()),
            LeafTest::In { values, patterns } => match (self, values.as_slice()) {
                // As MongoDB rewrites it.
                (Outline::Plan, [_]) if patterns.is_empty() => "eq".to_owned(),
                (Outline::Plan, _) if patterns.is_empty() => "in".to_owned(),
                (Outline::Plan, _) => "in/re".to_owned(),
                (Outline::Query, values) => {
                    let mut types: Vec<String> = values.iter().map(|value| type_of(value.get())).collect();
                    types.extend(patterns.iter().map(|_| "?regex".to_owned()));
                    types.sort();
                    types.dedup();
                    format!("in ?array<{}>", types.join(","))
                }
            },
            LeafTest::Regex { options, .. } => format!("re/{options}"),
            LeafTest::Exists => "ex".to_owned(),
            LeafTest::Type(types) => match self {
                Outline::Plan => "ty".to_owned(),
                Outline::Query => format!("ty {types:?}"),
            },
            LeafTest::Size(_) => "sz".to_owned(),
            LeafTest::Mod { .. } => "mo".to_owned(),
            LeafTest::Bits(bits) => format!("{:?}", bits.rule),
            LeafTest::Schema(_) => "schema".to_owned(),
        }
    }
}

fn path_text(path: &FilterPath) -> String {
    path.path.as_ref().map_or_else(String::new, ToString::to_string)
}

/// What stands for a value.
fn type_of(value: Value<'_>) -> String {
    match value.tag() {
        tag if tag.is_number() => "?number".to_owned(),
        Tag::Array => {
            let items = value.as_array().map(|items| items.values().map(type_of).collect::<Vec<_>>());
            let mut items = items.unwrap_or_default();
            items.sort();
            items.dedup();
            format!("?array<{}>", items.join(","))
        }
        tag => format!("?{}", tag.name()),
    }
}

/// The outline of an expression: its operators in their order, with types for constants.
fn expression(expr: &Expr) -> String {
    let all = |parts: &[Expr]| parts.iter().map(expression).collect::<Vec<_>>().join(",");
    let pairs = |pairs: &[(Expr, Expr)]| {
        pairs.iter().map(|(a, b)| format!("{}:{}", expression(a), expression(b))).collect::<Vec<_>>().join(",")
    };
    let named = |variable: &Variable| format!("v{}", variable.0);
    match expr {
        Expr::Const(value) => type_of(value.get()),
        Expr::Root => "root".to_owned(),
        Expr::Field(path) => format!("${path}"),
        Expr::Variable(variable) => named(variable),
        Expr::Walk(base, path) => format!("{}.{path}", expression(base)),
        Expr::Env(variable) => format!("{variable:?}"),
        Expr::Absent => "-".to_owned(),
        Expr::Call { function, args, on_error } => {
            let on_error = on_error.as_deref().map(expression).unwrap_or_default();
            format!("{}({};{on_error})", function.name, all(args))
        }
        Expr::Compare(op, left, right) => {
            let op = match op {
                CompareOp::Eq => "eq",
                CompareOp::Ne => "ne",
                CompareOp::Lt => "lt",
                CompareOp::Lte => "lte",
                CompareOp::Gt => "gt",
                CompareOp::Gte => "gte",
                CompareOp::Cmp => "cmp",
            };
            format!("{op}({},{})", expression(left), expression(right))
        }
        Expr::And(parts) => format!("and({})", all(parts)),
        Expr::Or(parts) => format!("or({})", all(parts)),
        Expr::Not(part) => format!("not({})", expression(part)),
        Expr::Cond { condition, then, otherwise } => {
            format!("cond({},{},{})", expression(condition), expression(then), expression(otherwise))
        }
        Expr::Switch { branches, default } => {
            format!("switch({};{})", pairs(branches), default.as_deref().map(expression).unwrap_or_default())
        }
        Expr::IfNull(parts) => format!("ifNull({})", all(parts)),
        Expr::Let { bindings, body } => {
            let bound = bindings.iter().map(|(variable, value)| format!("{}={}", named(variable), expression(value)));
            format!("let({};{})", bound.collect::<Vec<_>>().join(","), expression(body))
        }
        Expr::Map { input, body, .. } => format!("map({},{})", expression(input), expression(body)),
        Expr::Filter { input, condition, limit, .. } => {
            let limit = limit.as_deref().map(expression).unwrap_or_default();
            format!("filter({},{};{limit})", expression(input), expression(condition))
        }
        Expr::Reduce { input, initial, body, .. } => {
            format!("reduce({},{},{})", expression(input), expression(initial), expression(body))
        }
        Expr::Document(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}:{}", expression(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Expr::Array(items) => format!("[{}]", all(items)),
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::parse_doc;

    use super::*;
    use crate::{ParseContext, compile_filter};

    fn outlines(text: &str) -> [String; 2] {
        let filter = parse_doc(text).unwrap();
        let ir = compile_filter(&filter, &mut ParseContext::new()).unwrap().ir;
        [Outline::Plan.of(&ir), Outline::Query.of(&ir)]
    }

    /// Source: documentdb/functional-tests, recorded against mongod 8.2.4 (the hashes of pairs of queries).
    #[test]
    fn outlines_are_equal_where_mongods_hashes_are() {
        for (a, b, plan, query) in [
            ("{a: 1}", "{a: {$eq: 3}}", true, true),
            ("{a: 1, b: 2}", "{$and: [{a: 1}, {b: 2}]}", true, true),
            ("{a: 1, b: 2}", "{b: 2, a: 1}", true, false),
            ("{a: {$in: [1, 2]}}", "{a: {$in: [4, 3]}}", true, true),
            ("{a: {$in: [1]}}", "{a: {$in: [1, 2]}}", false, true),
            ("{a: {$type: 'int'}}", "{a: {$type: 'string'}}", true, false),
            ("{a: {$type: ['int']}}", "{a: {$type: 'int'}}", true, true),
            ("{$expr: {$gt: ['$a', '$b']}}", "{$expr: {$lt: ['$a', '$b']}}", true, false),
            ("{$expr: {$gt: ['$a', 1]}}", "{$expr: {$gt: ['$a', 3]}}", true, true),
            ("{a: {$mod: [2, 0]}}", "{a: {$mod: [3, 1]}}", true, true),
            ("{a: {$exists: true}}", "{a: {$exists: false}}", false, false),
            ("{a: {$gt: 1}}", "{a: {$lt: 1}}", false, false),
            ("{a: {$ne: 1}}", "{a: 1}", false, false),
            ("{a: 1}", "{'a.b': 1}", false, false),
            ("{$or: [{a: 1}, {b: 2}]}", "{$nor: [{a: 1}, {b: 2}]}", false, false),
            ("{a: {$all: [1, 2]}}", "{a: {$in: [1, 2]}}", false, false),
        ] {
            let (one, other) = (outlines(&a.replace('\'', "\"")), outlines(&b.replace('\'', "\"")));
            assert_eq!((one[0] == other[0], one[1] == other[1]), (plan, query), "{a} {b}");
        }
    }
}
