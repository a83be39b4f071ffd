//! The walker: finds the paths of a program in a document in one pass, lazily.
//!
//! A request for a path goes on from where the last one left off and fills every other wanted slot that it passes, so
//! a document is walked at most once however many paths a program has, and only as far as its tests need. Of fields
//! with one name the first counts.
//!
//! Documents of a collection tend to have one layout, so the walk remembers, for each element of the last documents at
//! the top level and in the embedded documents that paths lead into, its type and name as words, what it is to the
//! program, and how to find its end. An element that compares equal to its memory is passed without measuring its name
//! or looking it up. The memory keeps optional fields in their places; where it is wrong too often, it is given up.
//!
//! All reads are bounded by the document's slice. Bytes that are not BSON end the walk, and what was not found by
//! then is missing.

use crate::program::{Edge, PathTable, ROOT};
use crate::value::{Tag, Value};

/// What is known of a node of the path trie: a BSON type byte, or one of the two marks.
pub(super) type State = u8;

/// An array stands on the way to the node, so there is no one value.
pub(super) const ON_ARRAY: State = 0x81;
/// There is no such field.
pub(super) const MISSING: State = 0;

/// Where a node's value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The type byte, [`MISSING`], [`ON_ARRAY`].
    pub(super) state: State,
    /// The offset of the payload in the document.
    pub(super) at: u32,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The walk that found this out; what earlier walks found counts for nothing.
    walk: u32,
    at: u32,
    state: State,
    /// For an embedded document: how far the walk has gone inside it.
    inside: Position,
}

impl Known {
    /// The parts are read one by one: a copy of the whole would have to wait for the single stores that wrote it.
    #[inline(always)]
    fn slot(&self) -> Slot {
        Slot { state: self.state, at: self.at }
    }
}

/// How far a walk has gone in the document or in an embedded one.
#[derive(Clone, Copy, Debug)]
struct Position {
    /// The offset of the next element, in the whole document; 0 before the first.
    at: u32,
    /// Which element of the layout's memory is expected there.
    expected: u32,
}

const START: Position = Position { at: 0, expected: 0 };

const UNKNOWN: Known = Known { walk: 0, at: 0, state: MISSING, inside: START };

/// The offset of the first element in a document.
const FIRST_ELEMENT: usize = 4;

/// Scratch state of the walks for one path table, reused from document to document.
#[derive(Debug, Default)]
pub(super) struct Walker {
    /// The path table that slots and layouts belong to.
    table: u64,
    slots: Vec<Known>,
    /// The number of the current walk; 0 is none.
    walk: u32,
    root: Position,
    /// The memory of the top level, then of each node's fields.
    layouts: Vec<Layout>,
}

impl Default for Position {
    fn default() -> Self {
        START
    }
}

/// The walkers of the path tables that ran last, so that programs that take turns do not lose their memories.
#[derive(Debug, Default)]
pub(super) struct Walkers {
    /// The walker of the program that runs.
    pub(super) current: Walker,
    others: Vec<Walker>,
}

/// Path tables of which one frame remembers layouts.
const WALKERS_MAX: usize = 8;

impl Walkers {
    /// Makes the walker of a path table the current one, ready for a new document.
    #[inline]
    pub(super) fn begin(&mut self, paths: &PathTable) {
        if self.current.table != paths.id() {
            self.change(paths);
        }
        self.current.begin();
    }

    fn change(&mut self, paths: &PathTable) {
        let known = self.others.iter().position(|walker| walker.table == paths.id());
        let at = known.unwrap_or_else(|| {
            if self.others.len() + 1 == WALKERS_MAX {
                self.others.remove(0);
            }
            self.others.push(Walker::for_table(paths));
            self.others.len() - 1
        });
        std::mem::swap(&mut self.current, &mut self.others[at]);
    }
}

/// What is remembered of one element. A cache line, so that stepping through the memory is an addition.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Remembered {
    /// The first sixteen bytes of type byte, name and terminator, as little-endian words.
    words: [u64; 2],
    /// Which bytes of the words count.
    masks: [u64; 2],
    /// The program's node for the name, or [`ROOT`] for none.
    node: u16,
    /// Length of type byte, name and terminator.
    header: u8,
    /// The header's length and the payload's, without what the payload's length field says.
    size: u8,
    /// Whether the words hold type and name whole, and `size` and `has_length` say where the element ends.
    is_plain: bool,
    /// Whether the payload begins with a length to be added.
    has_length: bool,
    /// What a header that is longer than the words has behind them, the rest zero.
    tail: [u8; LAYOUT_TAIL_BYTES],
}

/// The memory of the fields of recent documents at one level, in order.
#[derive(Debug, Default)]
struct Layout {
    elements: Vec<Remembered>,
    /// Whether the memory was of no use for this collection.
    is_off: bool,
    /// Walks that began at this level, and elements that the memory did not know, since the last review.
    walks: u32,
    misses: u32,
    /// Elements that the memory did not know, since a counting run asked.
    unknown: u32,
}

/// Elements remembered at one level; those behind are walked the plain way.
const LAYOUT_ELEMENTS_MAX: usize = 64;

/// Remembered elements in a row that a document may lack before the memory counts as wrong.
const LAYOUT_SKIPPED_MAX: usize = 4;

/// Walks between two looks at how often the memory was right.
const LAYOUT_REVIEW_WALKS: u32 = 256;

/// Bytes of type and name that two words hold.
const LAYOUT_WORDS_BYTES: usize = 16;

/// Bytes of longer headers that are remembered besides.
const LAYOUT_TAIL_BYTES: usize = 16;

/// Bytes that have to be there for a look into the memory: two words, and a length behind them.
const LAYOUT_WINDOW_BYTES: usize = LAYOUT_WORDS_BYTES + 4;

/// Payload sizes by type byte, for the types that have one size: those whose fields often vary.
const SCALAR_SIZES: [u8; 20] = {
    const NONE: u8 = u8::MAX;
    [NONE, 8, NONE, NONE, NONE, NONE, 0, 12, 1, 8, 0, NONE, NONE, NONE, NONE, NONE, 4, 8, 8, 16]
};

/// One element, as the walk needs to know it.
struct Step {
    /// The program's node for the name, or [`ROOT`] for none.
    node: u16,
    /// Where the payload begins.
    payload: usize,
    /// Where the next element begins. May lie beyond the document, when its bytes are not BSON.
    next: usize,
}

impl Remembered {
    /// Where the element ends that begins at `at`, if its type and name are the remembered ones.
    #[inline(always)]
    fn end_of(&self, doc: &[u8], window: &[u8; LAYOUT_WINDOW_BYTES], at: usize) -> Option<usize> {
        let [low, high] = header_words(window);
        if low & self.masks[0] != self.words[0] || high & self.masks[1] != self.words[1] {
            return None;
        }
        if !self.is_plain {
            return self.end_of_special(doc, at);
        }
        let counted = if self.has_length {
            // SAFETY: the window is four bytes longer than the words, which a plain element's header is not.
            unsafe { window.as_ptr().add(self.header.into()).cast::<u32>().read_unaligned().to_le() as usize }
        } else {
            0
        };
        Some(at + usize::from(self.size) + counted)
    }

    /// The rest of [`Remembered::end_of`] for a name that has been seen with several types, so that the type byte is not
    /// among those that count, and for a header that is longer than the words.
    #[inline(never)]
    fn end_of_special(&self, doc: &[u8], at: usize) -> Option<usize> {
        let payload = at + usize::from(self.header);
        if usize::from(self.header) > LAYOUT_WORDS_BYTES {
            let tail = doc.get(at + LAYOUT_WORDS_BYTES..payload)?;
            if self.tail.get(..tail.len()) != Some(tail) {
                return None;
            }
        }
        let type_byte = *doc.get(at)?;
        match SCALAR_SIZES.get(usize::from(type_byte)) {
            Some(&size) if size != u8::MAX => Some(payload + usize::from(size)),
            _ => payload_end(type_byte, doc, payload),
        }
    }

    /// The element that ends at `next`, as a step.
    #[inline(always)]
    fn step(&self, at: usize, next: usize) -> Step {
        Step { node: self.node, payload: at + usize::from(self.header), next }
    }

    /// Whether `other` has the same name, and both can be told by their first words.
    fn is_short_and_named_like(&self, other: &Remembered) -> bool {
        let but_type = |word: u64| word >> 8;
        usize::from(self.header) <= LAYOUT_WORDS_BYTES
            && self.header == other.header
            && but_type(self.words[0]) == but_type(other.words[0])
            && self.words[1] == other.words[1]
    }

    /// Recognises the name with any type from now on.
    fn forget_type(&mut self) {
        self.masks[0] &= !0xFF;
        self.words[0] &= self.masks[0];
        self.is_plain = false;
    }
}

/// The first sixteen bytes of an element.
#[inline(always)]
fn header_words(window: &[u8; LAYOUT_WINDOW_BYTES]) -> [u64; 2] {
    // SAFETY: sixteen of the window's bytes are read, as two words at any alignment. (Put together from bytes they
    // would be loaded one by one where the first is looked at by itself as well.)
    let words = unsafe { window.as_ptr().cast::<[u64; 2]>().read_unaligned() };
    words.map(u64::from_le)
}

impl Layout {
    /// Counts a walk, and after many judges whether remembering pays: a miss costs as much as a dozen elements gain.
    #[inline]
    fn begin(&mut self) {
        self.walks += 1;
        if self.walks >= LAYOUT_REVIEW_WALKS {
            self.review();
        }
    }

    #[cold]
    fn review(&mut self) {
        if self.misses > self.walks / 2 {
            self.is_off = true;
            self.elements = Vec::new();
        }
        (self.walks, self.misses) = (0, 0);
    }

    /// The element at `at` when it stands a little further on in the memory: those between are missing here.
    #[inline]
    fn recall_ahead(
        &self,
        doc: &[u8],
        window: &[u8; LAYOUT_WINDOW_BYTES],
        at: usize,
        expected: &mut u32,
    ) -> Option<Step> {
        let first = *expected as usize + 1;
        let ahead = self.elements.get(first..)?;
        for (skipped, known) in ahead.iter().take(LAYOUT_SKIPPED_MAX).enumerate() {
            if let Some(next) = known.end_of(doc, window, at) {
                *expected = (first + skipped + 1) as u32;
                return Some(known.step(at, next));
            }
        }
        None
    }

    /// Remembers an element that was walked the plain way.
    fn remember(&mut self, doc: &[u8], at: usize, step: &Step, expected: &mut u32) {
        let place = *expected as usize;
        let header = step.payload - at;
        let Some(window) = doc.get(at..).and_then(|rest| rest.first_chunk()) else { return };
        let is_short = header <= LAYOUT_WORDS_BYTES + LAYOUT_TAIL_BYTES;
        if self.is_off || !is_short || place >= LAYOUT_ELEMENTS_MAX || place > self.elements.len() {
            return;
        }
        let (payload, has_length) = match window[0] {
            1 | 9 | 17 | 18 => (8, false),
            2 | 13 | 14 => (4, true),
            3 | 4 => (0, true),
            5 => (5, true),
            6 | 10 => (0, false),
            7 => (12, false),
            8 => (1, false),
            16 => (4, false),
            19 => (16, false),
            _ => return,
        };
        let mask_of = |bytes: usize| if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 };
        let masks = [mask_of(header), mask_of(header.saturating_sub(8))];
        let [low, high] = header_words(window);
        let words = [low & masks[0], high & masks[1]];
        let mut tail = [0; LAYOUT_TAIL_BYTES];
        for (kept, &byte) in tail.iter_mut().zip(doc[..step.payload].get(at + LAYOUT_WORDS_BYTES..).unwrap_or(&[])) {
            *kept = byte;
        }
        let is_plain = header <= LAYOUT_WORDS_BYTES;
        let (header, size) = (header as u8, header as u8 + payload);
        let element = Remembered { words, masks, node: step.node, header, size, is_plain, has_length, tail };
        self.misses += 1;
        *expected += 1;
        if let Some(known) = self.elements.get_mut(place)
            && known.is_short_and_named_like(&element)
        {
            known.forget_type();
            return;
        }
        if self.elements.len() == LAYOUT_ELEMENTS_MAX {
            self.elements.pop();
        }
        // Put in between, not over what was expected here: that element may be one that this document lacks.
        self.elements.insert(place, element);
    }
}

impl Walker {
    fn for_table(paths: &PathTable) -> Self {
        let mut layouts = Vec::new();
        layouts.resize_with(paths.node_count() + 1, Layout::default);
        let slots = vec![UNKNOWN; paths.node_count()];
        Walker { table: paths.id(), slots, walk: 0, root: START, layouts }
    }

    /// Prepares for a new document: what was known of the last one counts no more.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.walk = self.walk.wrapping_add(1);
        if self.walk == 0 {
            self.slots.fill(UNKNOWN);
            self.walk = 1;
        }
        self.root = START;
    }

    /// The slot of a node of the trie, resolved.
    #[inline]
    pub(super) fn fetch(&mut self, paths: &PathTable, doc: &[u8], node: u16) -> Slot {
        let known = &self.slots[usize::from(node)];
        if known.walk == self.walk { known.slot() } else { self.resolve(paths, doc, node) }
    }

    fn resolve(&mut self, paths: &PathTable, doc: &[u8], node: u16) -> Slot {
        let parent = paths.node(node).parent;
        if parent == ROOT {
            while let Some((found, slot)) = self.next_field(paths, doc) {
                if found == node {
                    return slot;
                }
            }
            return self.settle(node, MISSING);
        }
        let container = self.fetch(paths, doc, parent);
        match container.state {
            state if state == Tag::Document as u8 => {
                // The walk that found the container has checked that its length lies within the document.
                let start = container.at as usize;
                let len = doc.get(start..).and_then(length).unwrap_or(0);
                let mut inside = self.slots[usize::from(parent)].inside;
                let range = (start, (start + len).min(doc.len()).saturating_sub(1));
                let mut wanted = None;
                while let Some((found, slot)) = self.advance(paths, doc, parent, range, &mut inside) {
                    if found == node {
                        wanted = Some(slot);
                        break;
                    }
                }
                self.slots[usize::from(parent)].inside = inside;
                wanted.unwrap_or_else(|| self.settle(node, MISSING))
            }
            state if state == Tag::Array as u8 || state == ON_ARRAY => self.settle(node, ON_ARRAY),
            _ => self.settle(node, MISSING),
        }
    }

    /// Decides about a node that has no value of its own.
    fn settle(&mut self, node: u16, state: State) -> Slot {
        self.slots[usize::from(node)] = Known { state, walk: self.walk, ..UNKNOWN };
        Slot { state, at: 0 }
    }

    /// Walks on to the next top-level field that the program has a path for; `None` at the end of the document.
    #[inline(always)]
    pub(super) fn next_field(&mut self, paths: &PathTable, doc: &[u8]) -> Option<(u16, Slot)> {
        let mut position = self.root;
        let found = self.advance(paths, doc, ROOT, (0, doc.len() - 1), &mut position);
        self.root = position;
        found
    }

    /// Walks on in the document that stands in `doc` from `start` to its terminator at `end`, until an element is met
    /// for the first time that has a node below `parent`; fills its slot.
    #[inline(always)]
    fn advance(
        &mut self,
        paths: &PathTable,
        doc: &[u8],
        parent: u16,
        (start, end): (usize, usize),
        position: &mut Position,
    ) -> Option<(u16, Slot)> {
        let layout = &mut self.layouts[usize::from(parent.wrapping_add(1))];
        let mut expected = position.expected;
        let mut at = position.at as usize;
        if at == 0 {
            layout.begin();
            at = start + FIRST_ELEMENT;
        }
        // An element that begins before this has a window that lies within the document.
        let windows_end = end.min((doc.len() + 1).saturating_sub(LAYOUT_WINDOW_BYTES));
        loop {
            // Elements in the order of the memory, of which none is wanted: most of a walk.
            let remembered = layout.elements.get(expected as usize..).unwrap_or_default();
            let mut ahead = remembered.iter();
            let mut recognised = None;
            while at < windows_end
                && let Some(known) = ahead.as_slice().first()
            {
                // SAFETY: `at` is below `windows_end`, so a window's bytes stand behind it in the document.
                let window = unsafe { &*doc.as_ptr().add(at).cast::<[u8; LAYOUT_WINDOW_BYTES]>() };
                let Some(next) = known.end_of(doc, window, at) else { break };
                ahead.next();
                if known.node != ROOT {
                    recognised = Some(known.step(at, next));
                    break;
                }
                at = next;
            }
            expected += (remembered.len() - ahead.len()) as u32;
            if at >= end {
                break;
            }
            let step = match recognised {
                Some(step) => step,
                None => match unexpected_step(layout, paths, doc, parent, (at, end), &mut expected) {
                    Some(step) => step,
                    None => break,
                },
            };
            if step.node != ROOT && step.next <= end {
                let known = &mut self.slots[usize::from(step.node)];
                if known.walk != self.walk {
                    let slot = Slot { state: doc[at], at: step.payload as u32 };
                    *known = Known { walk: self.walk, at: slot.at, state: slot.state, inside: START };
                    *position = Position { at: step.next as u32, expected };
                    return Some((step.node, slot));
                }
            }
            at = step.next;
        }
        *position = Position { at: end as u32, expected };
        None
    }
}

/// What counting runs ask; see [`super::counts`].
impl Walker {
    /// Elements that the memory did not know, since this was last asked.
    pub(super) fn take_unknown(&mut self) -> u64 {
        self.layouts.iter_mut().map(|layout| u64::from(std::mem::take(&mut layout.unknown))).sum()
    }

    /// How many elements of `doc` the current walk has gone past, those in embedded documents among them.
    pub(super) fn elements_passed(&self, doc: &[u8]) -> u64 {
        let inside = self.slots.iter().filter(|known| known.walk == self.walk && known.inside.at > 0);
        let inside = inside.map(|known| elements_between(doc, known.at as usize + FIRST_ELEMENT, known.inside.at));
        elements_between(doc, FIRST_ELEMENT, self.root.at) + inside.sum::<u64>()
    }
}

/// The elements that begin in `doc` from `at` to before `end`.
fn elements_between(doc: &[u8], mut at: usize, end: u32) -> u64 {
    let mut elements = 0;
    while at < end as usize {
        let name_at = at + 1;
        let name_len = name_length(doc, name_at, load_word(doc, name_at), doc.len());
        let next = name_len.and_then(|name_len| payload_end(doc[at], doc, name_at + name_len + 1));
        let Some(next) = next else { break };
        elements += 1;
        at = next;
    }
    elements
}

/// An element that is not the one that the memory expects.
#[inline(never)]
fn unexpected_step(
    layout: &mut Layout,
    paths: &PathTable,
    doc: &[u8],
    parent: u16,
    (at, end): (usize, usize),
    expected: &mut u32,
) -> Option<Step> {
    let window = doc.get(at..).and_then(|rest| rest.first_chunk());
    if let Some(step) = window.and_then(|window| layout.recall_ahead(doc, window, at, expected)) {
        return Some(step);
    }
    layout.unknown = layout.unknown.wrapping_add(1);
    let step = plain_step(paths, doc, parent, at, end)?;
    layout.remember(doc, at, &step, expected);
    Some(step)
}

/// An element without memory; `None` where the bytes are not BSON.
#[inline]
fn plain_step(paths: &PathTable, doc: &[u8], parent: u16, at: usize, end: usize) -> Option<Step> {
    let name_at = at + 1;
    let word = load_word(doc, name_at);
    let name_len = name_length(doc, name_at, word, end)?;
    let payload = name_at + name_len + 1;
    let next = payload_end(doc[at], doc, payload)?;
    let edge = paths.edges_below(parent).iter().find(|edge| is_name(paths, edge, doc, name_at, name_len, word));
    Some(Step { node: edge.map_or(ROOT, |edge| edge.node), payload, next })
}

/// Whether the name at `name_at` is the edge's.
#[inline(always)]
fn is_name(paths: &PathTable, edge: &Edge, doc: &[u8], name_at: usize, name_len: usize, word: u64) -> bool {
    word & edge.mask == edge.word
        && (!edge.is_long || doc.get(name_at..name_at + name_len) == Some(&*paths.node(edge.node).name))
}

/// Eight bytes from `at`, zeros standing for bytes beyond the document.
#[inline(always)]
fn load_word(doc: &[u8], at: usize) -> u64 {
    match doc.get(at..at + 8) {
        Some(bytes) => u64::from_le_bytes(bytes.try_into().unwrap_or_default()),
        None => load_tail(doc, at),
    }
}

#[cold]
fn load_tail(doc: &[u8], at: usize) -> u64 {
    let mut word = [0u8; 8];
    let tail = doc.get(at..).unwrap_or(&[]);
    let count = tail.len().min(8);
    word[..count].copy_from_slice(&tail[..count]);
    u64::from_le_bytes(word)
}

/// The length of the name at `name_at`, whose first eight bytes are `word`; `None` when it does not end before `end`.
#[inline(always)]
fn name_length(doc: &[u8], name_at: usize, word: u64, end: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zeros = word.wrapping_sub(ONES) & !word & HIGHS;
    let len = if zeros != 0 {
        (zeros.trailing_zeros() / 8) as usize
    } else {
        8 + memchr::memchr(0, doc.get(name_at + 8..end)?)?
    };
    (name_at + len < end).then_some(len)
}

#[inline(always)]
fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(i32::from_le_bytes(*bytes.first_chunk::<4>()?)).ok()
}

/// The offset behind a payload; `None` for a type BSON does not have or a negative length.
#[inline(always)]
fn payload_end(type_byte: u8, doc: &[u8], at: usize) -> Option<usize> {
    let size = match type_byte {
        1 | 9 | 17 | 18 => 8,
        2 | 13 | 14 => 4 + length(doc.get(at..)?)?,
        3 | 4 | 15 => length(doc.get(at..)?)?.max(5),
        16 => 4,
        8 => 1,
        6 | 10 | 127 | 255 => 0,
        7 => 12,
        5 => 5 + length(doc.get(at..)?)?,
        19 => 16,
        11 => {
            let pattern = memchr::memchr(0, doc.get(at..)?)?;
            let options = memchr::memchr(0, doc.get(at + pattern + 1..)?)?;
            pattern + options + 2
        }
        12 => 4 + length(doc.get(at..)?)? + 12,
        _ => return None,
    };
    Some(at + size)
}

/// The elements of an array, as slots in the document that holds it.
pub(super) struct Elements<'d> {
    doc: &'d [u8],
    at: usize,
    end: usize,
}

impl<'d> Elements<'d> {
    /// The elements of the array in a slot.
    #[inline]
    pub(super) fn of(doc: &'d [u8], array: Slot) -> Self {
        let start = array.at as usize;
        let len = doc.get(start..).and_then(length).unwrap_or(0);
        let end = (start + len).saturating_sub(1).min(doc.len());
        Self { doc, at: start + FIRST_ELEMENT, end }
    }

    /// The next element; `None` at the end, or where the bytes are not BSON.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<Slot> {
        if self.at >= self.end {
            return None;
        }
        let state = self.doc[self.at];
        let name_at = self.at + 1;
        // The first ten positions have names of one byte.
        let payload = match self.doc.get(name_at + 1) {
            Some(0) if self.doc[name_at] != 0 => name_at + 2,
            _ => name_at + name_length(self.doc, name_at, load_word(self.doc, name_at), self.end)? + 1,
        };
        let next = payload_end(state, self.doc, payload).filter(|&next| next <= self.end)?;
        self.at = next;
        Some(Slot { state, at: payload as u32 })
    }
}

/// The bytes of the string in a slot, when it holds one.
#[inline(always)]
pub(super) fn string_at(doc: &[u8], slot: Slot) -> Option<&[u8]> {
    if slot.state != Tag::String as u8 {
        return None;
    }
    let at = slot.at as usize;
    let len = length(doc.get(at..)?)?;
    doc.get(at + 4..(at + 4 + len).checked_sub(1)?)
}

/// The value in a resolved slot, which is not [`ON_ARRAY`]. Bytes that do not decode are missing.
#[inline]
pub(super) fn value_at(doc: &[u8], slot: Slot) -> Value<'_> {
    if slot.state == MISSING {
        return Value::NOTHING;
    }
    doc.get(slot.at as usize..).and_then(|payload| Value::read(slot.state, payload)).unwrap_or(Value::NOTHING)
}
