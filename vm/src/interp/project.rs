//! The `project` instruction: a document reshaped by a projection, in one pass over its elements.
//!
//! Kept fields are copied as they are stored. A nested projection is applied to embedded documents, and to every
//! element of an array. What is neither passes an exclusion and fails an inclusion.

use bumpalo::collections::Vec as ArenaVec;

use super::registers::Registers;
use super::{Exit, Inputs, Scratch};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::op::SubId;
use crate::program::{Action, Projection, ProjectionKind, ProjectionNode};
use crate::value::{ArrayWriter, DocWriter, RawDoc, Value};

type Bytes<'d> = ArenaVec<'d, u8>;

/// What stays the same through the levels of one projection.
struct Projector<'p, 'd> {
    scratch: &'p mut Scratch,
    inputs: &'p Inputs<'d>,
    registers: &'p Registers,
    kind: ProjectionKind,
}

impl Scratch {
    pub(super) fn project<'d>(
        &mut self,
        inputs: &Inputs<'d>,
        registers: &Registers,
        source: Value<'d>,
        projection: &Projection,
    ) -> Result<Value<'d>> {
        let doc = source.as_doc().unwrap_or(RawDoc::EMPTY);
        let mut bytes = ArenaVec::with_capacity_in(doc.as_bytes().len(), inputs.arena);
        let mut out = DocWriter::new(&mut bytes);
        Projector { scratch: self, inputs, registers, kind: projection.kind }.level(doc, &projection.root, &mut out)?;
        out.finish();
        Ok(Value::document(RawDoc::trusted(bytes.into_bump_slice())))
    }
}

impl<'d> Projector<'_, 'd> {
    /// Writes the fields of one level.
    fn level(&mut self, doc: &RawDoc, node: &ProjectionNode, out: &mut DocWriter<'_, Bytes<'d>>) -> Result<()> {
        let keeps_unnamed = self.kind != ProjectionKind::Inclusion;
        // Computed fields that stood in the input keep their place, in `$set`; all others follow at the end, as does
        // `$elemMatch`.
        let mut placed = SeenFields::new(node.children().len());
        for element in doc.iter() {
            let Some(at) = node.position(element.name()) else {
                if keeps_unnamed {
                    out.raw_element(element.raw());
                }
                continue;
            };
            match &node.children()[at].1 {
                Action::Keep => out.raw_element(element.raw()),
                Action::Drop => {}
                Action::Compute(register) if self.kind == ProjectionKind::AddFields => {
                    if placed.insert(at) {
                        out.value_named(element.name(), self.registers.get(*register));
                    }
                }
                Action::ComputeEach(program) if self.kind == ProjectionKind::AddFields => {
                    if placed.insert(at) {
                        let value = self.computed(*program)?;
                        out.value_named(element.name(), value);
                    }
                }
                Action::Compute(_) | Action::ComputeEach(_) => {}
                Action::Nested(inner) => {
                    if placed.insert(at) {
                        self.nested_field(element.name(), element.value(), inner, out)?;
                    }
                }
                Action::Slice { skip, limit } => self.slice(element.name(), element.value(), *skip, *limit, out),
                Action::ElemMatch { .. } => {}
                Action::Positional => self.positional(element.name(), element.value(), out)?,
            }
        }
        for (at, (name, action)) in node.children().iter().enumerate() {
            match action {
                Action::Compute(register) if !placed.contains(at) => out.value(name, self.registers.get(*register)),
                Action::ComputeEach(program) if !placed.contains(at) => {
                    let value = self.computed(*program)?;
                    out.value(name, value);
                }
                Action::ElemMatch { program, on_fields } => {
                    let array = doc.get(name).unwrap_or(Value::NOTHING);
                    self.elem_match(name, array, *program, *on_fields, out)?;
                }
                Action::Nested(inner) if inner.has_computed() && !placed.contains(at) => {
                    self.missing_field(name, inner, out)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What a program computes of the whole document.
    fn computed(&mut self, program: SubId) -> Result<Value<'d>> {
        self.scratch.charge(1, self.inputs.env)?;
        let program = self.inputs.program.sub_program(program);
        match self.scratch.run(self.inputs.nested(program, self.inputs.root))? {
            Exit::Returned(value) => Ok(value),
            _ => Err(Error::new(Code::INTERNAL_ERROR, "a sub-program computes no value")),
        }
    }

    /// A nested projection of a field that the input has.
    fn nested_field(
        &mut self,
        name: &[u8],
        value: Value<'_>,
        node: &ProjectionNode,
        out: &mut DocWriter<'_, Bytes<'d>>,
    ) -> Result<()> {
        if let Some(doc) = value.as_doc() {
            out.document_named(name, |inner| self.level(doc, node, inner))
        } else if let Some(elements) = value.as_array() {
            out.array_named(name, |inner| self.array(elements, node, inner))
        } else if node.has_computed() && self.kind != ProjectionKind::Exclusion {
            out.document_named(name, |inner| self.level(RawDoc::EMPTY, node, inner))
        } else {
            if self.kind != ProjectionKind::Inclusion {
                out.value_named(name, value);
            }
            Ok(())
        }
    }

    /// A nested projection of a field that the input lacks, but some computed field below it exists.
    fn missing_field(&mut self, name: &str, node: &ProjectionNode, out: &mut DocWriter<'_, Bytes<'d>>) -> Result<()> {
        out.document(name, |inner| self.level(RawDoc::EMPTY, node, inner))
    }

    /// A nested projection of each element of an array.
    fn array(&mut self, elements: &RawDoc, node: &ProjectionNode, out: &mut ArrayWriter<'_, Bytes<'d>>) -> Result<()> {
        for value in elements.values() {
            if let Some(doc) = value.as_doc() {
                out.document(|inner| self.level(doc, node, inner))?;
            } else if let Some(inner_elements) = value.as_array() {
                out.array(|inner| self.array(inner_elements, node, inner))?;
            } else if node.has_computed() && self.kind != ProjectionKind::Exclusion {
                out.document(|inner| self.level(RawDoc::EMPTY, node, inner))?;
            } else if self.kind != ProjectionKind::Inclusion {
                out.value(value);
            }
        }
        Ok(())
    }

    fn slice(&mut self, name: &[u8], value: Value<'_>, skip: i64, limit: i64, out: &mut DocWriter<'_, Bytes<'d>>) {
        let Some(elements) = value.as_array() else {
            out.value_named(name, value);
            return;
        };
        let from = if skip < 0 {
            let count = elements.iter().count();
            count.saturating_sub(usize::try_from(skip.unsigned_abs()).unwrap_or(usize::MAX))
        } else {
            usize::try_from(skip).unwrap_or(usize::MAX)
        };
        let limit = usize::try_from(limit).unwrap_or(0);
        out.array_named(name, |array| elements.values().skip(from).take(limit).for_each(|value| array.value(value)));
    }

    fn elem_match(
        &mut self,
        name: &str,
        value: Value<'_>,
        program: SubId,
        on_fields: bool,
        out: &mut DocWriter<'_, Bytes<'d>>,
    ) -> Result<()> {
        let Some(elements) = value.as_array() else { return Ok(()) };
        if let Some((_, element)) = self.scratch.first_match(self.inputs, elements, program, on_fields)? {
            out.array(name, |array| array.value(element));
        }
        Ok(())
    }

    /// The element that the filter matched, as an array of one.
    fn positional(&mut self, name: &[u8], value: Value<'_>, out: &mut DocWriter<'_, Bytes<'d>>) -> Result<()> {
        let Some(elements) = value.as_array() else {
            out.value_named(name, value);
            return Ok(());
        };
        let at = self.inputs.matched_position.ok_or_else(|| {
            Error::location(
                51246,
                "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching \
                 element in the array",
            )
        })?;
        let element = elements.get_index(at as usize).ok_or_else(|| {
            Error::location(
                51247,
                "Executor error during find command :: caused by :: positional operator '.$' element mismatch",
            )
        })?;
        out.array_named(name, |array| array.value(element));
        Ok(())
    }
}

/// Which children of a level have been written, without allocating for small levels.
struct SeenFields {
    low: u64,
    high: Vec<u64>,
}

impl SeenFields {
    fn new(count: usize) -> Self {
        Self { low: 0, high: if count > 64 { vec![0; count.div_ceil(64)] } else { Vec::new() } }
    }

    /// Marks a child; false when it was marked before.
    fn insert(&mut self, at: usize) -> bool {
        let word = if at < 64 { &mut self.low } else { &mut self.high[at / 64] };
        let bit = 1 << (at % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    fn contains(&self, at: usize) -> bool {
        let word = if at < 64 { self.low } else { self.high[at / 64] };
        word >> (at % 64) & 1 == 1
    }
}
