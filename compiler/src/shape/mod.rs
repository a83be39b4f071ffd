//! Query shapes: what requests have in common that differ in literals only.
//!
//! [`Shape::of`] walks a filter once, as it came, and writes a key in which parameters are replaced by their types. Two
//! filters with equal keys compile to one program, whose operands are bound to the values that the walk collected; a plan
//! cache is a map from such keys. [`compile_shape`] makes what is kept.
//!
//! ```text
//! {a: 5, b: {$in: ["x", "y"]}, c: {$exists: true}}
//! a int, b $in [string, string], c $exists true       5, "x", "y"
//! ```
//!
//! What changes more than an operand stays in the key as it is: null, arrays, documents, NaN, regular expressions, and
//! the arguments of operators that are no comparisons, `$expr` among them. A filter with an operator that is not known
//! here has no shape, and is compiled each time.
//!
//! MongoDB's own notions of shapes, of which clients see hashes, are coarser: see [`Outline`].

mod outline;

use std::sync::Arc;

use smallvec::SmallVec;
use smongo_vm::Result;
use smongo_vm::program::Program;
use smongo_vm::value::{RawDoc, Value, View, equal};

use crate::codegen;
use crate::compile::CompiledFilter;
use crate::front::context::ParseContext;
use crate::front::filter;
use crate::ir::Filter;
use crate::rewrite::or_to_in;
pub use outline::Outline;

/// Longest key, in bytes. Filters beyond that are compiled each time: they hardly come twice.
const KEY_BYTES_MAX: usize = 4096;

/// Ends a list in a key. Not a type byte, and no name begins with it, since names are UTF-8.
const END: u8 = 0xfe;
/// Begins a list in a key.
const LIST: u8 = 0xfd;
/// A literal that stands in the key as it is.
const VERBATIM: u8 = 0xfc;

/// Whether a literal can vary within one shape, apart from where it stands.
pub(crate) fn is_parameter(value: Value<'_>) -> bool {
    match value.view() {
        View::Double(number) => !number.is_nan(),
        View::Decimal128(number) => !number.is_nan(),
        View::Int32(_)
        | View::Int64(_)
        | View::String(_)
        | View::Bool(_)
        | View::ObjectId(_)
        | View::DateTime(_)
        | View::Timestamp(_)
        | View::Binary { .. } => true,
        _ => false,
    }
}

/// The shape of a filter, with the values of its parameters.
#[derive(Debug)]
pub struct Shape<'d> {
    /// Equal for filters that one program serves.
    pub key: Vec<u8>,
    /// The parameters, by their number.
    pub params: SmallVec<[Value<'d>; 8]>,
}

impl<'d> Shape<'d> {
    /// The shape of a filter, if it has one.
    pub fn of(filter: &'d RawDoc) -> Option<Self> {
        let mut shape = Self { key: Vec::with_capacity(128), params: SmallVec::new() };
        shape.predicates(filter)?;
        Some(shape)
    }

    fn name(&mut self, name: &[u8]) -> Option<()> {
        self.key.extend_from_slice(name);
        self.key.push(0);
        (self.key.len() <= KEY_BYTES_MAX).then_some(())
    }

    /// A document of predicates.
    fn predicates(&mut self, doc: &'d RawDoc) -> Option<()> {
        for element in doc {
            let (name, value) = (element.name(), element.value());
            match name {
                b"$and" | b"$or" | b"$nor" => {
                    self.name(name)?;
                    self.key.push(LIST);
                    for part in value.as_array()?.values() {
                        self.predicates(part.as_doc()?)?;
                    }
                    self.key.push(END);
                }
                // A note says nothing of what is asked for.
                b"$comment" => {}
                b"$expr" | b"$jsonSchema" | b"$sampleRate" | b"$alwaysTrue" | b"$alwaysFalse" => {
                    self.name(name)?;
                    self.verbatim(value)?;
                }
                [b'$', ..] => return None,
                _ => {
                    self.name(name)?;
                    match value.as_doc() {
                        Some(doc) if filter::is_operator_document(doc) => self.operators(doc)?,
                        _ => self.literal(value)?,
                    }
                }
            }
        }
        self.key.push(END);
        Some(())
    }

    /// A document of operators on a path.
    fn operators(&mut self, doc: &'d RawDoc) -> Option<()> {
        self.key.push(LIST);
        for element in doc {
            let (name, value) = (element.name(), element.value());
            self.name(name)?;
            match name {
                b"$eq" | b"$ne" | b"$lt" | b"$lte" | b"$gt" | b"$gte" => self.literal(value)?,
                b"$in" | b"$nin" | b"$all" => {
                    self.key.push(LIST);
                    for member in value.as_array()?.values() {
                        // `$all` may hold predicates instead of values.
                        if member.as_doc().is_some_and(filter::is_operator_document) {
                            return None;
                        }
                        self.literal(member)?;
                    }
                    self.key.push(END);
                }
                b"$not" => match value.as_doc() {
                    Some(doc) => self.operators(doc)?,
                    None => self.verbatim(value)?,
                },
                b"$elemMatch" => {
                    let doc = value.as_doc()?;
                    match filter::is_operator_document(doc) && !begins_with_logic(doc) {
                        true => self.operators(doc)?,
                        false => self.predicates(doc)?,
                    }
                }
                b"$exists" | b"$type" | b"$mod" | b"$size" | b"$regex" | b"$options" | b"$bitsAllSet"
                | b"$bitsAllClear" | b"$bitsAnySet" | b"$bitsAnyClear" => self.verbatim(value)?,
                _ => return None,
            }
        }
        self.key.push(END);
        Some(())
    }

    fn literal(&mut self, value: Value<'d>) -> Option<()> {
        if !is_parameter(value) {
            return self.verbatim(value);
        }
        self.key.push(value.tag() as u8);
        self.params.push(value);
        (self.key.len() <= KEY_BYTES_MAX && self.params.len() < usize::from(u16::MAX)).then_some(())
    }

    fn verbatim(&mut self, value: Value<'d>) -> Option<()> {
        self.key.push(VERBATIM);
        let bytes = value.as_container().map_or(0, |doc| doc.as_bytes().len());
        if self.key.len() + bytes > KEY_BYTES_MAX {
            return None;
        }
        smongo_vm::value::DocWriter::new(&mut self.key).value("", value);
        (self.key.len() <= KEY_BYTES_MAX).then_some(())
    }
}

fn begins_with_logic(doc: &RawDoc) -> bool {
    doc.iter().next().is_some_and(|first| matches!(first.name(), b"$and" | b"$or" | b"$nor" | b"$expr"))
}

/// A filter whose literals are parameters. Immutable, and shared by all requests of its shape.
#[derive(Clone, Debug)]
pub struct ShapedFilter {
    program: Arc<Program>,
    ir: Arc<Filter>,
}

/// Compiles a filter for all requests of its shape, and for its own.
///
/// The collation of `ctx` is compiled in, and no part of the shape: a cache keeps filters of different collations apart.
///
/// The first is `None` where the parser met other parameters than the shape has, so that they cannot be told apart.
pub fn compile_shape(
    filter: &RawDoc,
    shape: &Shape<'_>,
    ctx: &mut ParseContext,
) -> Result<(Option<ShapedFilter>, CompiledFilter)> {
    let (ir, met) = ctx.with_params(|ctx| filter::parse(filter, ctx))?;
    let ir = or_to_in::rewrite(ir);
    let program = Arc::new(codegen::compile_filter(&ir, ctx.collation())?);
    let alike = met.len() == shape.params.len()
        && met.iter().zip(&shape.params).all(|(met, param)| met.get().tag() == param.tag() && equal(met.get(), *param));
    let shaped = alike.then(|| ShapedFilter { program: Arc::clone(&program), ir: Arc::new(ir.clone()) });
    Ok((shaped, CompiledFilter { program, ir: Arc::new(ir) }))
}

impl ShapedFilter {
    /// What it means, with the values of the request that it was made for.
    pub fn ir(&self) -> &Filter {
        &self.ir
    }

    /// The filter of a request of the same shape.
    pub fn bind(&self, params: &[Value<'_>]) -> Result<CompiledFilter> {
        let program = match self.program.has_params() {
            true => Arc::new(self.program.bind(params)?),
            false => Arc::clone(&self.program),
        };
        Ok(CompiledFilter { program, ir: Arc::new(self.ir.bind(params)?) })
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::parse_doc;

    use super::*;

    fn key(filter: &str) -> Option<(Vec<u8>, usize)> {
        let filter = parse_doc(filter).unwrap();
        Shape::of(&filter).map(|shape| (shape.key.clone(), shape.params.len()))
    }

    #[test]
    fn literals_of_one_type_share_a_shape() {
        for (a, b, params) in [
            ("{a: 1}", "{a: 2}", 1),
            (r#"{a: "x"}"#, r#"{a: ""}"#, 1),
            ("{a: {$gt: 1, $lt: 5}}", "{a: {$gt: 9, $lt: 0}}", 2),
            ("{a: {$in: [1, 2]}, b: true}", "{a: {$in: [2, 2]}, b: false}", 3),
            ("{$or: [{a: 1}, {b: 2}]}", "{$or: [{a: 2}, {b: 1}]}", 2),
            ("{a: {$elemMatch: {x: 1, y: {$ne: 2}}}}", "{a: {$elemMatch: {x: 3, y: {$ne: 4}}}}", 2),
            (r#"{a: 1, $comment: "x"}"#, "{a: 2}", 1),
        ] {
            assert_eq!(key(a), key(b), "{a} {b}");
            assert_eq!(key(a).unwrap().1, params, "{a}");
        }
    }

    #[test]
    fn what_changes_bounds_or_programs_is_in_the_shape() {
        for (a, b) in [
            ("{a: 1}", r#"{a: "1"}"#),
            ("{a: 1}", "{a: null}"),
            ("{a: 1}", "{b: 1}"),
            ("{a: 1}", "{a: [1]}"),
            ("{a: [1]}", "{a: [2]}"),
            ("{a: {x: 1}}", "{a: {x: 2}}"),
            ("{a: 1.5}", "{a: {$numberDouble: \"NaN\"}}"),
            ("{a: {$gt: 1}}", "{a: {$gte: 1}}"),
            ("{a: {$in: [1]}}", "{a: {$in: [1, 2]}}"),
            ("{a: {$exists: true}}", "{a: {$exists: false}}"),
            (r#"{a: {$regex: "x"}}"#, r#"{a: {$regex: "y"}}"#),
            ("{a: {$mod: [2, 0]}}", "{a: {$mod: [2, 1]}}"),
            ("{$expr: {$eq: [1, 2]}}", "{$expr: {$eq: [1, 1]}}"),
            ("{$or: [{a: 1}, {b: 2}]}", "{$or: [{a: 1, b: 2}]}"),
            ("{a: {$elemMatch: {x: 1}}}", "{a: {$elemMatch: {$eq: 1}}}"),
        ] {
            assert_ne!(key(a), key(b), "{a} {b}");
        }
    }

    #[test]
    fn an_operator_that_is_not_known_has_no_shape() {
        for filter in ["{$where: \"1\"}", "{a: {$near: [0, 0]}}", "{a: {$all: [{$elemMatch: {x: 1}}]}}"] {
            assert_eq!(key(filter), None, "{filter}");
        }
    }

    /// A program's listing, but for the marks of its parameters: one that was not made for a shape has none.
    fn listing(program: &Program) -> String {
        let lines = program.to_string();
        let words = lines.split_inclusive([' ', '\n']).filter(|word| !word.contains("=$"));
        words.collect::<String>().replace([' ', '\n'], "")
    }

    #[test]
    fn the_parser_meets_the_parameters_of_the_shape_in_its_order() {
        let text = r#"{a: {$gt: 1, $in: [2, 3], $not: {$eq: 4}}, $or: [{b: 5}, {b: 6}], $nor: [{c: {$nin: ["x"]}}],
            d: {$elemMatch: {e: 7, $or: [{f: 8}, {f: 9}]}}, g: {$elemMatch: {$gt: 10}}, h: {$all: [11, 12]}}"#;
        let filter = parse_doc(text).unwrap();
        let shape = Shape::of(&filter).unwrap();
        assert_eq!(shape.params.len(), 13);
        let (shaped, _) = compile_shape(&filter, &shape, &mut ParseContext::new()).unwrap();
        let shaped = shaped.unwrap();
        let other = parse_doc(&text.replace("10", "20").replace("\"x\"", "\"zz\"").replace("7", "70")).unwrap();
        let bound = shaped.bind(&Shape::of(&other).unwrap().params).unwrap();
        let fresh = crate::compile_filter(&other, &mut ParseContext::new()).unwrap();
        assert_eq!(listing(&bound.program), listing(&fresh.program));
        assert_eq!(Outline::Query.of(&bound.ir), Outline::Query.of(&fresh.ir));
    }
}
