//! `test.all`: tests that are tried in the order in which the document's fields come by.
//!
//! This is where scans spend their time, so the common outcomes (a number or a string against a constant, a string in a
//! small set, both in arrays as well) are decided here on the document's bytes. All else goes to the general tests.

use super::walker::{self, Slot, Walker};
use super::{Inputs, Scratch};
use crate::error::Result;
use crate::program::{Comparison, Conjunction, Constant, Leaf, LeafKind, ROOT, Test};
use crate::value::Tag;

const STRING: u8 = Tag::String as u8;
const ARRAY: u8 = Tag::Array as u8;

impl Scratch {
    /// Whether every test of a conjunction holds. Each is tried when the walk comes by the field its path begins with.
    ///
    /// Of the tests that tell the positional operator an array element, the one that comes first in the request decides
    /// what `$` stands for. Which it is matters only when all hold, and only if an array was met: then they are run
    /// again, in their order.
    #[inline(never)]
    pub(super) fn test_all(
        &mut self,
        inputs: &Inputs<'_>,
        walker: &mut Walker,
        conjunction: &Conjunction,
    ) -> Result<bool> {
        let before = self.matched_position;
        let paths = inputs.program.paths();
        let mut met_array = false;
        let mut pending = conjunction.all();
        while pending != 0
            && let Some((node, slot)) = walker.next_field(paths, inputs.bytes)
        {
            let mut candidates = pending & conjunction.beginning_with(node);
            pending &= !candidates;
            while candidates != 0 {
                let at = candidates.trailing_zeros() as usize;
                candidates &= candidates - 1;
                let leaf = conjunction.leaves()[at];
                let slot = if leaf.node == node { slot } else { walker.fetch(paths, inputs.bytes, leaf.node) };
                met_array |= is_array(slot);
                let held = match decide_here(inputs, leaf, slot) {
                    Some(held) => held,
                    None => self.test_one(inputs, walker, &conjunction.tests()[at])?,
                };
                if !held {
                    self.matched_position = before;
                    return Ok(false);
                }
            }
        }
        // Fields that are missing, and those that an earlier instruction walked past.
        while pending != 0 {
            let at = pending.trailing_zeros() as usize;
            pending &= pending - 1;
            let node = conjunction.leaves()[at].node;
            met_array |= node == ROOT || is_array(walker.fetch(paths, inputs.bytes, node));
            if !self.test_one(inputs, walker, &conjunction.tests()[at])? {
                self.matched_position = before;
                return Ok(false);
            }
        }
        if met_array && conjunction.pins() {
            self.matched_position = before;
            for test in conjunction.tests() {
                self.test_one(inputs, walker, test)?;
            }
        }
        Ok(true)
    }
}

/// Whether a path has an array at its end or before.
#[inline(always)]
fn is_array(slot: Slot) -> bool {
    slot.state == ARRAY || slot.state == walker::ON_ARRAY
}

/// The outcome of a test, where value and operand are of common kinds.
#[inline(always)]
fn decide_here(inputs: &Inputs<'_>, leaf: Leaf, slot: Slot) -> Option<bool> {
    let doc = inputs.bytes;
    match leaf.kind {
        LeafKind::Compare(comparison, operand) => {
            let constant = inputs.program.constant(operand);
            if let Some(order) = super::tests::fast_order(doc, slot, constant) {
                return Some(order.is_some_and(|order| comparison.accepts(order)));
            }
            let is_array_of_strings =
                slot.state == ARRAY && leaf.is_any_element && comparison == Comparison::Eq && constant.is_string();
            is_array_of_strings.then(|| has_string(doc, slot, constant)).flatten()
        }
        LeafKind::Table(test) => match inputs.program.test(test) {
            Test::In(set) if slot.state == STRING => set.contains_string_at(doc, slot.at as usize),
            _ => None,
        },
    }
}

/// Whether a string is among the elements of an array; `None` when symbols are, which equal strings.
#[inline]
fn has_string(doc: &[u8], array: Slot, constant: &Constant) -> Option<bool> {
    let mut elements = walker::Elements::of(doc, array);
    while let Some(element) = elements.next() {
        if element.state == STRING {
            if constant.text().is_at(doc, element.at as usize) {
                return Some(true);
            }
        } else if element.state == Tag::Symbol as u8 {
            return None;
        }
    }
    Some(false)
}
