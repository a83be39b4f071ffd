//! The walker: finds the paths of a program in a document in one pass, lazily.
//!
//! A request for a path goes on from where the last one left off and fills every other wanted slot that it passes, so
//! a document is walked at most once however many paths a program has, and only as far as its tests need. Of fields
//! with one name the first counts.
//!
//! Documents of a collection tend to have one layout, so the walk remembers, for each top-level element of the last
//! documents, its type and name as two words, what it is to the program, and how to find its end. An element that
//! compares equal to its memory is passed without measuring its name or looking it up.
//!
//! All reads are bounded by the document's slice. Bytes that are not BSON end the walk, and what was not found by
//! then is missing.

use crate::program::{Edge, PathTable, ROOT};
use crate::value::{Tag, Value};

/// What is known of a node of the path trie: a BSON type byte, or one of the two marks.
pub(super) type State = u8;

/// The walk has not come to a decision.
const UNRESOLVED: State = 0x80;
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
    /// For an embedded document: how far the walk has gone inside it, as an offset in the whole document.
    cursor: u32,
}

const FRESH: Slot = Slot { state: UNRESOLVED, at: 0, cursor: 0 };

/// Scratch state of a walk, reused from document to document.
#[derive(Debug, Default)]
pub(super) struct Walker {
    slots: Vec<Slot>,
    root_cursor: u32,
    layout: Layout,
}

/// What is remembered of one element.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    /// Type byte, name and terminator, as two little-endian words.
    words: [u64; 2],
    /// Which bytes of the words count.
    masks: [u64; 2],
    /// Length of type byte, name and terminator.
    header: u8,
    /// The payload's length, without what its length field says.
    fixed: u8,
    /// Whether the payload begins with a length to be added.
    has_length: bool,
    /// The program's node for the name, or [`ROOT`] for none.
    node: u16,
}

/// The memory of recent documents' top-level elements, in order.
#[derive(Debug, Default)]
struct Layout {
    /// The path table that the nodes belong to.
    table: u64,
    elements: Vec<Remembered>,
    /// Which element of the memory comes next in the current document.
    at: usize,
    hits: u32,
    misses: u32,
}

/// Elements remembered; those behind are walked the plain way.
const LAYOUT_ELEMENTS_MAX: usize = 64;

/// Remembered elements in a row that a document may lack before the memory counts as wrong.
const LAYOUT_SKIPPED_MAX: usize = 2;

/// Steps between two looks at how often the memory was right.
const LAYOUT_REVIEW_STEPS: u32 = 1024;

/// Bytes of type and name that two words hold.
const LAYOUT_HEADER_BYTES_MAX: usize = 16;

impl Layout {
    /// Prepares for a new document of a program.
    #[inline]
    fn begin(&mut self, paths: &PathTable) {
        self.at = 0;
        if self.table != paths.id() {
            *self = Layout { table: paths.id(), elements: std::mem::take(&mut self.elements), ..Layout::default() };
            self.elements.clear();
        }
    }

    /// The memory of the element at `at`, with the offset behind the element, when the memory is right. Elements that
    /// are missing from this document are passed over.
    #[inline(always)]
    fn recall(&mut self, doc: &[u8], at: usize) -> Option<(Remembered, usize)> {
        let bytes = doc.get(at..at + LAYOUT_HEADER_BYTES_MAX)?;
        let low = u64::from_le_bytes(*bytes.first_chunk()?);
        let high = u64::from_le_bytes(*bytes.last_chunk()?);
        for skipped in 0..=LAYOUT_SKIPPED_MAX {
            let known = self.elements.get(self.at + skipped)?;
            if low & known.masks[0] == known.words[0] && high & known.masks[1] == known.words[1] {
                self.at += skipped + 1;
                self.hits += 1;
                let payload = at + usize::from(known.header);
                let counted = if known.has_length { length(doc.get(payload..)?)? } else { 0 };
                return Some((*known, payload + usize::from(known.fixed) + counted));
            }
        }
        None
    }

    /// Remembers an element that was walked the plain way.
    fn remember(&mut self, doc: &[u8], at: usize, header: usize, node: u16) {
        self.misses += 1;
        if self.misses + self.hits > LAYOUT_REVIEW_STEPS {
            // Where layouts vary too much, remembering costs more than it saves: stop, until the program changes.
            if self.misses > self.hits / 2 {
                self.elements.clear();
                self.at = LAYOUT_ELEMENTS_MAX;
            }
            (self.hits, self.misses) = (0, 0);
        }
        let (fixed, has_length) = match doc[at] {
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
        let Some(bytes) = doc.get(at..at + LAYOUT_HEADER_BYTES_MAX) else { return };
        if header > LAYOUT_HEADER_BYTES_MAX || self.at >= LAYOUT_ELEMENTS_MAX || self.at > self.elements.len() {
            return;
        }
        let mut masks = [0u8; LAYOUT_HEADER_BYTES_MAX];
        masks[..header].fill(0xFF);
        let word = |bytes: &[u8], half: usize| {
            u64::from_le_bytes(bytes[half * 8..half * 8 + 8].try_into().unwrap_or_default())
        };
        let masks = [word(&masks, 0), word(&masks, 1)];
        let element = Remembered {
            words: [word(bytes, 0) & masks[0], word(bytes, 1) & masks[1]],
            masks,
            header: header as u8,
            fixed,
            has_length,
            node,
        };
        if self.elements.len() == LAYOUT_ELEMENTS_MAX {
            self.elements.pop();
        }
        // Put in between, not over what was expected here: that element may be one that this document lacks.
        self.elements.insert(self.at, element);
        self.at += 1;
    }
}

/// The offset of the first element of a document.
const FIRST_ELEMENT: u32 = 4;

impl Walker {
    /// Prepares for a new document.
    #[inline]
    pub(super) fn begin(&mut self, paths: &PathTable) {
        let count = paths.node_count();
        if self.slots.len() == count {
            self.slots.fill(FRESH);
        } else {
            self.slots.clear();
            self.slots.resize(count, FRESH);
        }
        self.root_cursor = FIRST_ELEMENT;
        self.layout.begin(paths);
    }

    /// The slot of a node of the trie, resolved.
    #[inline]
    pub(super) fn fetch(&mut self, paths: &PathTable, doc: &[u8], node: u16) -> Slot {
        let slot = self.slots[usize::from(node)];
        if slot.state != UNRESOLVED { slot } else { self.resolve(paths, doc, node) }
    }

    fn resolve(&mut self, paths: &PathTable, doc: &[u8], node: u16) -> Slot {
        let parent = paths.node(node).parent;
        if parent == ROOT {
            loop {
                match self.next_field(paths, doc) {
                    Some(found) if found == node => break,
                    Some(_) => {}
                    None => {
                        self.slots[usize::from(node)].state = MISSING;
                        break;
                    }
                }
            }
            return self.slots[usize::from(node)];
        }
        let container = self.fetch(paths, doc, parent);
        let state = match container.state {
            state if state == Tag::Document as u8 => {
                let start = container.at as usize;
                // The walk that found the container has checked that its length lies within the document.
                let len = doc.get(start..).and_then(length).unwrap_or(0);
                let cursor = container.cursor.max(container.at + FIRST_ELEMENT);
                let cursor = self.walk(paths, doc, parent, cursor, (start + len).saturating_sub(1), node);
                self.slots[usize::from(parent)].cursor = cursor;
                return self.slots[usize::from(node)];
            }
            state if state == Tag::Array as u8 || state == ON_ARRAY => ON_ARRAY,
            _ => MISSING,
        };
        let slot = &mut self.slots[usize::from(node)];
        slot.state = state;
        *slot
    }

    /// Walks on to the next top-level field that the program has a path for; `None` at the end of the document.
    #[inline]
    pub(super) fn next_field(&mut self, paths: &PathTable, doc: &[u8]) -> Option<u16> {
        let (cursor, found) = self.advance_root(paths, doc, self.root_cursor);
        self.root_cursor = cursor;
        found
    }

    /// [`Walker::advance`] over the top level, with the memory of earlier documents.
    #[inline]
    fn advance_root(&mut self, paths: &PathTable, doc: &[u8], cursor: u32) -> (u32, Option<u16>) {
        let end = doc.len() - 1;
        let mut at = cursor as usize;
        while at < end {
            let (known, next) = match self.layout.recall(doc, at) {
                Some((known, next)) => ((known.node, at + usize::from(known.header)), next),
                None => match self.plain_step(paths, doc, at, end) {
                    Some((node, payload, next)) => {
                        self.layout.remember(doc, at, payload - at, node);
                        ((node, payload), next)
                    }
                    None => break,
                },
            };
            if next > end {
                break;
            }
            let type_byte = doc[at];
            at = next;
            if known.0 != ROOT {
                let slot = &mut self.slots[usize::from(known.0)];
                if slot.state == UNRESOLVED {
                    slot.state = type_byte;
                    slot.at = known.1 as u32;
                    return (at as u32, Some(known.0));
                }
            }
        }
        (end as u32, None)
    }

    /// One top-level element without memory: its node or [`ROOT`], where its payload begins and where it ends.
    fn plain_step(&self, paths: &PathTable, doc: &[u8], at: usize, end: usize) -> Option<(u16, usize, usize)> {
        let name_at = at + 1;
        let word = load_word(doc, name_at);
        let name_len = name_length(doc, name_at, word, end)?;
        let payload = name_at + name_len + 1;
        let next = payload_end(doc[at], doc, payload)?;
        let edge = paths.edges_below(ROOT).iter().find(|edge| is_name(paths, edge, doc, name_at, name_len, word));
        Some((edge.map_or(ROOT, |edge| edge.node), payload, next))
    }

    /// Walks the elements between `cursor` and `end` until the wanted node is found; gives where it stopped.
    fn walk(&mut self, paths: &PathTable, doc: &[u8], parent: u16, mut cursor: u32, end: usize, wanted: u16) -> u32 {
        loop {
            let (at, found) = self.advance(paths, doc, parent, cursor, end);
            cursor = at;
            match found {
                Some(node) if node == wanted => return cursor,
                Some(_) => {}
                None => {
                    self.slots[usize::from(wanted)].state = MISSING;
                    return cursor;
                }
            }
        }
    }

    /// Walks the elements between `cursor` and `end` until one is met for the first time that has a node; fills its
    /// slot and gives where to go on.
    #[inline]
    fn advance(&mut self, paths: &PathTable, doc: &[u8], parent: u16, cursor: u32, end: usize) -> (u32, Option<u16>) {
        let edges = paths.edges_below(parent);
        let mut at = cursor as usize;
        let end = end.min(doc.len());
        while at < end {
            let type_byte = doc[at];
            let name_at = at + 1;
            let word = load_word(doc, name_at);
            let Some(name_len) = name_length(doc, name_at, word, end) else { break };
            let payload = name_at + name_len + 1;
            let Some(next) = payload_end(type_byte, doc, payload).filter(|&next| next <= end) else { break };
            at = next;
            if let Some(edge) = edges.iter().find(|edge| is_name(paths, edge, doc, name_at, name_len, word)) {
                let slot = &mut self.slots[usize::from(edge.node)];
                if slot.state == UNRESOLVED {
                    slot.state = type_byte;
                    slot.at = payload as u32;
                    return (at as u32, Some(edge.node));
                }
            }
        }
        (end as u32, None)
    }
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
        Self { doc, at: start + FIRST_ELEMENT as usize, end }
    }

    /// The next element; `None` at the end, or where the bytes are not BSON.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Slot> {
        if self.at >= self.end {
            return None;
        }
        let state = self.doc[self.at];
        let name_at = self.at + 1;
        let payload = name_at + name_length(self.doc, name_at, load_word(self.doc, name_at), self.end)? + 1;
        let next = payload_end(state, self.doc, payload).filter(|&next| next <= self.end)?;
        self.at = next;
        Some(Slot { state, at: payload as u32, cursor: 0 })
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
    doc.get(slot.at as usize..)
        .and_then(|payload| Value::decode(slot.state, payload))
        .map_or(Value::NOTHING, |(value, _)| value)
}
