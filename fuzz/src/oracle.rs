//! The machine against the oracle: what a request's parser accepts gives the same on both.

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use smongo_compiler::ir::update::{OperatorUpdate, Update};
use smongo_compiler::ir::{FieldAction, FieldTree, Projection};
use smongo_compiler::oracle::Given;
use smongo_compiler::rewrite::fold::fold;
use smongo_compiler::{ParseContext, codegen, compile_filter, front, oracle};
use smongo_vm::collation::Collation;
use smongo_vm::env::Env;
use smongo_vm::interp::{Machine, UpdateInputs};
use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES;
use smongo_vm::program::ProjectionKind;
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, OwnedValue, RawDoc, Value, validate};
use smongo_vm::{Code, Error, Result};

use crate::request;

/// Nesting of generated requests.
const DEPTH: usize = 3;

/// A request with documents to run it over.
#[derive(Debug)]
pub struct Case<R> {
    /// The request.
    pub request: R,
    /// The documents.
    pub docs: Vec<DocBuf>,
}

/// A filter, and the collation it runs under.
#[derive(Debug)]
pub struct FilterRequest {
    /// The filter.
    pub filter: DocBuf,
    /// The collation; bytewise without one.
    pub collation: Option<Arc<Collation>>,
}

/// An expression.
#[derive(Debug)]
pub struct ExpressionRequest(pub OwnedValue);

/// A find projection.
#[derive(Debug)]
pub struct ProjectionRequest(pub DocBuf);

/// An update by operators, and what it is told.
#[derive(Debug)]
pub struct UpdateRequest {
    /// The update document.
    pub update: DocBuf,
    /// The array filters; only those that the update names are handed over.
    pub array_filters: Vec<DocBuf>,
    /// The position that the filter matched.
    pub matched_position: Option<u32>,
    /// Whether the document is one that an upsert inserts.
    pub is_insert: bool,
}

impl<'a> Arbitrary<'a> for FilterRequest {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(FilterRequest { filter: request::filter(u, DEPTH)?, collation: request::collation(u)? })
    }
}

impl<'a> Arbitrary<'a> for ExpressionRequest {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        request::expression(u, DEPTH).map(ExpressionRequest)
    }
}

impl<'a> Arbitrary<'a> for ProjectionRequest {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        request::projection(u).map(ProjectionRequest)
    }
}

impl<'a> Arbitrary<'a> for UpdateRequest {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(UpdateRequest {
            update: request::update(u)?,
            array_filters: request::array_filters(u)?,
            matched_position: if u.arbitrary()? { Some(u.int_in_range(0..=3)?) } else { None },
            is_insert: u.ratio(1, 4)?,
        })
    }
}

impl<'a, R: Arbitrary<'a>> Arbitrary<'a> for Case<R> {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let request = u.arbitrary()?;
        let docs = (0..u.int_in_range(1..=4)?).map(|_| u.arbitrary()).collect::<arbitrary::Result<_>>()?;
        Ok(Case { request, docs })
    }
}

/// A filter that parses compiles, and matches what the oracle says it matches.
pub fn filter(Case { request: FilterRequest { filter, collation }, docs }: &Case<FilterRequest>) {
    let context = || ParseContext::new().with_collation(collation.clone());
    let Ok(ir) = front::filter::parse(filter, &mut context()) else { return };
    let compiled = compile_filter(filter, &mut context()).expect("what parses compiles");
    let mut machine = Machine::new();
    // More than once, because the machine remembers where the fields of the last documents stood.
    for doc in docs.iter().chain(docs.iter().rev()).chain(docs) {
        let (env, strings) = (Env::fixed(), collation.as_deref().map(|collation| collation as _));
        let expected = oracle::matches(&ir, doc, Given { env: &env, strings });
        let got = machine.matches(&compiled.program, doc, &Env::fixed());
        let same = match (&expected, &got) {
            (Ok(expected), Ok(got)) => expected == got,
            (Err(expected), Err(got)) => same_faults(expected, got),
            _ => false,
        };
        assert!(
            same,
            "{filter:?} under {collation:?} over {doc:?}\noracle {expected:?}\nmachine {got:?}\n{}",
            compiled.program
        );
    }
}

/// An expression that parses has the value that the oracle gives it, folded or not.
pub fn expression(Case { request: ExpressionRequest(expression), docs }: &Case<ExpressionRequest>) {
    let Ok(ir) = front::expr::parse(expression.get(), &mut ParseContext::new()) else { return };
    let plain = codegen::compile_expr(&ir, None).expect("what parses compiles");
    // Folding may fail with an error that the expression would only have had for some documents.
    let folded = fold(ir.clone()).ok().map(|folded| codegen::compile_expr(&folded, None).expect("what folds compiles"));
    let mut machine = Machine::new();
    for doc in docs {
        let expected = oracle::evaluate(&ir, doc, &Env::fixed());
        for program in std::iter::once(&plain).chain(&folded) {
            let env = Env::fixed();
            let got = machine.compute(program, doc, &env, None).map(OwnedValue::new);
            assert!(
                same_values(&expected, &got),
                "{expression:?} over {doc:?}\noracle {expected:?}\nmachine {got:?}\n{program}"
            );
            if let Ok(value) = &got {
                assert_valid(value.get(), &format!("{expression:?} over {doc:?}"));
            }
        }
    }
}

/// Fields kept, dropped and computed are those that the tree of the projection says.
pub fn projection(Case { request: ProjectionRequest(spec), docs }: &Case<ProjectionRequest>) {
    let Ok(Some(projection)) = front::projection::parse_find(spec, &mut ParseContext::new()) else { return };
    let program = codegen::compile_projection(&projection, None).expect("what parses compiles");
    let mut machine = Machine::new();
    for doc in docs {
        let env = Env::fixed();
        let expected = projected(&projection, doc, &env).map(|doc| OwnedValue::new(Value::document(&doc)));
        let got = machine.project(&program, doc, &env, None).map(|doc| OwnedValue::new(Value::document(doc)));
        assert!(same_values(&expected, &got), "{spec:?} over {doc:?}\nexpected {expected:?}\nmachine {got:?}");
    }
}

/// An update by operators makes the document that the oracle makes.
pub fn update(Case { request, docs }: &Case<UpdateRequest>) {
    let Some(parsed) = parse_update(request) else { return };
    let program = codegen::compile_update(parsed.clone(), None).expect("what parses compiles");
    let how = UpdateInputs { matched_position: request.matched_position, is_insert: request.is_insert };
    let oracle_how = oracle::UpdateInputs { matched_position: request.matched_position, is_insert: request.is_insert };
    let mut machine = Machine::new();
    for doc in docs.iter().filter(|doc| has_unique_names(doc)) {
        // What is stored has an `_id`.
        let doc = &if request.is_insert { doc.clone() } else { with_id(doc) };
        let expected = oracle::update(&parsed, doc, &Env::fixed(), oracle_how);
        let mut out = Vec::new();
        let got = machine.update(&program, doc, &Env::fixed(), how, &mut out);
        match (expected, got) {
            // Which of several faults is named first is not promised.
            (Err(_), Err(_)) => {}
            (_, Err(error)) if is_stricter(&error, request) => {}
            (Ok(expected), Ok(updated)) => {
                assert!(
                    expected.as_bytes() == out,
                    "{request:?} over {doc:?}\noracle {expected:?}\nmachine {:?}",
                    RawDoc::from_bytes(&out)
                );
                assert_eq!(updated.modified, out != doc.as_bytes(), "{request:?} over {doc:?}");
            }
            (expected, got) => panic!("{request:?} over {doc:?}\noracle {expected:?}\nmachine {got:?}"),
        }
    }
}

/// What the machine refuses and the oracle does not look at: an upsert that writes the `_id` it has, an `_id` of a type
/// that cannot be one, paths that meet above an array selector even where it selects nothing, results that are too
/// large or too deep.
fn is_stricter(error: &Error, request: &UpdateRequest) -> bool {
    match error.code() {
        Code::IMMUTABLE_FIELD => request.is_insert,
        Code::CONFLICTING_UPDATE_OPERATORS => format!("{:?}", request.update).contains(".$["),
        code => code == Code::INVALID_ID_FIELD || code == Code::OVERFLOW || code == Code::BSON_OBJECT_TOO_LARGE,
    }
}

/// The update, with as many of the array filters as it uses.
pub fn parse_update(request: &UpdateRequest) -> Option<OperatorUpdate> {
    let [first, second] = request.array_filters.first_chunk::<2>()?;
    [&[first, second][..], &[first], &[second], &[]].into_iter().find_map(|filters| {
        let holder = DocBuf::build(|doc| {
            doc.array("", |array| filters.iter().for_each(|filter| array.value(Value::document(filter))));
        });
        let filters = holder.get("").and_then(Value::as_array);
        match front::update::parse(Value::document(&request.update), filters, &mut ParseContext::new()) {
            Ok(Update::Operators(update)) => Some(update),
            _ => None,
        }
    })
}

fn with_id(doc: &DocBuf) -> DocBuf {
    if doc.get("_id").is_some() {
        return doc.clone();
    }
    DocBuf::build(|out| {
        out.value("_id", Value::int32(1));
        out.elements_of(doc);
    })
}

/// Updates of a name that stands twice in one document are nobody's business.
fn has_unique_names(doc: &RawDoc) -> bool {
    let mut names: Vec<&[u8]> = doc.iter().map(|element| element.name()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    names.len() == count && doc.values().filter_map(Value::as_container).all(has_unique_names)
}

/// The same bytes and type, or errors of one code. NaN is NaN.
fn same_values(expected: &Result<OwnedValue>, got: &Result<OwnedValue>) -> bool {
    match (expected, got) {
        (Ok(expected), Ok(got)) => format!("{expected:?}") == format!("{got:?}"),
        (Err(expected), Err(got)) => same_faults(expected, got),
        _ => false,
    }
}

/// Errors of one code. When the input of a fold or a filter is no array and what stands beside it fails too, either
/// fault may be told.
fn same_faults(expected: &Error, got: &Error) -> bool {
    const NO_ARRAY: [i32; 2] = [28651, 40080];
    expected.code() == got.code() || NO_ARRAY.contains(&expected.code().0)
}

/// What is computed can be stored, unless it nests too deeply.
pub fn assert_valid(value: Value<'_>, what: &str) {
    let holder = DocBuf::build(|doc| doc.value("v", value));
    if let Err(error) = validate(holder.as_bytes(), MAX_INTERNAL_DOCUMENT_BYTES) {
        assert!(error.code() == Code::OVERFLOW, "{what} gives {holder:?}: {error}");
    }
}

/// A projection by recursion over document and tree.
fn projected(projection: &Projection, doc: &RawDoc, env: &Env<'_>) -> Result<DocBuf> {
    let projector = Projector { kind: projection.kind, root: doc, env };
    projector.evaluate_top(&projection.tree)?;
    let mut out = Vec::new();
    let mut writer = DocWriter::new(&mut out);
    projector.level(doc, &projection.tree, &mut writer)?;
    writer.finish();
    Ok(DocBuf::from_vec(out).expect("a finished document"))
}

struct Projector<'p> {
    kind: ProjectionKind,
    root: &'p RawDoc,
    env: &'p Env<'p>,
}

impl Projector<'_> {
    /// The computed fields of the top, for their errors: they come before those of fields below.
    fn evaluate_top(&self, tree: &FieldTree) -> Result<()> {
        tree.fields.iter().try_for_each(|(_, action)| match action {
            FieldAction::Compute(expr) => oracle::evaluate(expr, self.root, self.env).map(drop),
            _ => Ok(()),
        })
    }

    fn level(&self, doc: &RawDoc, tree: &FieldTree, out: &mut DocWriter<'_, Vec<u8>>) -> Result<()> {
        let mut nested = Vec::new();
        for element in doc {
            let name = element.name_str();
            match tree.fields.iter().find(|(field, _)| field == name).map(|(_, action)| action) {
                None if self.kind == ProjectionKind::Inclusion => {}
                None | Some(FieldAction::Keep) => out.value(name, element.value()),
                // Of fields with one name, the first is projected.
                Some(FieldAction::Nested(_)) if nested.contains(&name) => {}
                Some(FieldAction::Nested(inner)) => {
                    nested.push(name);
                    if let Some(value) = self.nested(element.value(), inner)? {
                        out.value(name, value.get());
                    }
                }
                Some(_) => {}
            }
        }
        for (name, action) in &tree.fields {
            match action {
                FieldAction::Compute(expr) => out.value(name, oracle::evaluate(expr, self.root, self.env)?.get()),
                FieldAction::Nested(inner) if !nested.contains(&name.as_str()) && computes(inner) => {
                    out.document(name, |out| self.level(RawDoc::EMPTY, inner, out))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What becomes of a value below which the tree goes on; `None` when nothing does.
    fn nested(&self, value: Value<'_>, tree: &FieldTree) -> Result<Option<OwnedValue>> {
        let mut bytes = Vec::new();
        if let Some(elements) = value.as_array() {
            let mut out = ArrayWriter::new(&mut bytes);
            for element in elements.values() {
                if let Some(element) = self.nested(element, tree)? {
                    out.value(element.get());
                }
            }
            out.finish();
            return Ok(RawDoc::from_bytes(&bytes).map(|array| OwnedValue::new(Value::array(array))));
        }
        let doc = match value.as_doc() {
            Some(doc) => doc,
            None if computes(tree) => RawDoc::EMPTY,
            None if self.kind == ProjectionKind::Inclusion => return Ok(None),
            None => return Ok(Some(OwnedValue::new(value))),
        };
        let mut out = DocWriter::new(&mut bytes);
        self.level(doc, tree, &mut out)?;
        out.finish();
        Ok(RawDoc::from_bytes(&bytes).map(|doc| OwnedValue::new(Value::document(doc))))
    }
}

fn computes(tree: &FieldTree) -> bool {
    tree.any(&|action| matches!(action, FieldAction::Compute(_)))
}
