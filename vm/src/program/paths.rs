//! The paths of a program as a trie, so that one walk of a document finds them all.
//!
//! Each node is a field name below its parent. The walker keeps, for every node, whether it has been found and where;
//! an instruction asks for a path by its entry, the entry names a node, and the walk goes on from where the last
//! request left off.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::AHashMap;

use crate::value::FieldPath;

/// The parent of top-level nodes.
pub(crate) const ROOT: u16 = u16::MAX;

/// How a path treats arrays; see `ArrayRule` in the compiler's IR for the operators behind each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArrayRule {
    /// A test: walks interior arrays, and tests the elements of a leaf array and the array itself.
    AnyElement,
    /// A test: walks interior arrays, and tests a leaf array as a whole.
    Whole,
    /// A test: walks no arrays at all.
    None,
    /// A value: maps over arrays.
    Expression,
}

/// A path that instructions refer to.
#[derive(Clone, Debug)]
pub struct PathEntry {
    /// The path; `None` is the root value itself.
    pub path: Option<FieldPath>,
    /// What happens at an array.
    pub rule: ArrayRule,
    /// Whether a test that holds tells the positional operator `$` which array element it held for.
    pub pins: bool,
    pub(crate) node: u16,
}

/// A name in the trie, with its first eight bytes ready for one masked comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    /// The first eight bytes of the name with its terminator, little-endian.
    pub(crate) word: u64,
    /// Which of those bytes count.
    pub(crate) mask: u64,
    /// The node the name leads to.
    pub(crate) node: u16,
    /// Whether the name, with its terminator, is longer than the word.
    pub(crate) is_long: bool,
}

impl Edge {
    fn to(node: u16, name: &[u8]) -> Self {
        let mut word = [0u8; 8];
        let mut mask = [0u8; 8];
        for at in 0..(name.len() + 1).min(8) {
            word[at] = name.get(at).copied().unwrap_or(0);
            mask[at] = 0xFF;
        }
        Edge { word: u64::from_le_bytes(word), mask: u64::from_le_bytes(mask), node, is_long: name.len() + 1 > 8 }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) parent: u16,
    pub(crate) name: Box<[u8]>,
    first_edge: u16,
    edge_count: u16,
}

/// The trie with its entries.
#[derive(Clone, Debug, Default)]
pub struct PathTable {
    entries: Vec<PathEntry>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    root_edges: (u16, u16),
    /// A number that no other sealed table of this process has.
    id: u64,
    known_entries: AHashMap<(Option<FieldPath>, ArrayRule, bool), u16>,
    known_nodes: AHashMap<(u16, Box<[u8]>), u16>,
}

impl PathTable {
    /// The entry of `path` under `rule`, added when it is new. `None` when the table is full.
    pub(crate) fn intern(&mut self, path: Option<&FieldPath>, rule: ArrayRule, pins: bool) -> Option<u16> {
        let key = (path.cloned(), rule, pins);
        if let Some(&at) = self.known_entries.get(&key) {
            return Some(at);
        }
        let at = u16::try_from(self.entries.len()).ok()?;
        let mut node = ROOT;
        for component in path.iter().flat_map(|path| path.components()) {
            node = self.child(node, component.name().as_bytes())?;
        }
        self.entries.push(PathEntry { path: path.cloned(), rule, pins, node });
        self.known_entries.insert(key, at);
        Some(at)
    }

    fn child(&mut self, parent: u16, name: &[u8]) -> Option<u16> {
        let key = (parent, name.into());
        if let Some(&at) = self.known_nodes.get(&key) {
            return Some(at);
        }
        let at = u16::try_from(self.nodes.len()).ok().filter(|&at| at != ROOT)?;
        self.nodes.push(Node { parent, name: name.into(), first_edge: 0, edge_count: 0 });
        self.known_nodes.insert(key, at);
        Some(at)
    }

    /// Lays out each node's children in one run. Called once, when the program is complete.
    pub(crate) fn seal(&mut self) {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        self.id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        self.known_entries = AHashMap::new();
        self.known_nodes = AHashMap::new();
        let mut by_parent: Vec<u16> = (0..self.nodes.len() as u16).collect();
        // The root's mark is the largest number, so top-level nodes come last.
        by_parent.sort_by_key(|&at| self.nodes[usize::from(at)].parent);
        self.edges = by_parent.iter().map(|&at| Edge::to(at, &self.nodes[usize::from(at)].name)).collect();
        let mut first = 0;
        while first < by_parent.len() {
            let parent = self.nodes[usize::from(by_parent[first])].parent;
            let count =
                by_parent[first..].iter().take_while(|&&at| self.nodes[usize::from(at)].parent == parent).count();
            let run = (first as u16, count as u16);
            match self.nodes.get_mut(usize::from(parent)) {
                Some(node) => (node.first_edge, node.edge_count) = run,
                None => self.root_edges = run,
            }
            first += count;
        }
    }

    /// The entries, in the order instructions number them.
    pub fn entries(&self) -> &[PathEntry] {
        &self.entries
    }

    /// What tells this table from every other, for memories of it.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// How many nodes the trie has: the slots that the walker keeps.
    #[inline]
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    pub(crate) fn node(&self, at: u16) -> &Node {
        &self.nodes[at as usize]
    }

    /// The top-level node that an entry's path begins with; [`ROOT`] for the root value itself.
    pub(crate) fn top_of(&self, entry: u16) -> u16 {
        let mut node = self.entries.get(usize::from(entry)).map_or(ROOT, |entry| entry.node);
        while let Some(parent) = self.nodes.get(usize::from(node)).map(|node| node.parent)
            && parent != ROOT
        {
            node = parent;
        }
        node
    }

    /// The children of a node, or of the root.
    #[inline]
    pub(crate) fn edges_below(&self, parent: u16) -> &[Edge] {
        let (first, count) = if parent == ROOT {
            self.root_edges
        } else {
            let node = &self.nodes[parent as usize];
            (node.first_edge, node.edge_count)
        };
        &self.edges[first as usize..first as usize + count as usize]
    }
}

impl fmt::Display for PathEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}")?,
            None => f.write_str("(value)")?,
        }
        match self.rule {
            ArrayRule::AnyElement | ArrayRule::Expression => Ok(()),
            ArrayRule::Whole => f.write_str(" (whole)"),
            ArrayRule::None => f.write_str(" (no arrays)"),
        }
    }
}
