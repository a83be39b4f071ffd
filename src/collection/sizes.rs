//! How many documents a collection holds, and how many bytes they are.
//!
//! The numbers are kept in memory, moved by what each commit changed, and noted on disk at a clean close. After a
//! crash they are unknown until somebody asks; then the collection is counted once.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Documents and their bytes: how many there are, or by how many they changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub documents: i64,
    pub bytes: i64,
}

impl Sizes {
    pub fn add(&mut self, len: usize) {
        self.documents += 1;
        self.bytes += len as i64;
    }

    pub fn remove(&mut self, len: usize) {
        self.documents -= 1;
        self.bytes -= len as i64;
    }

    pub fn replace(&mut self, old_len: usize, new_len: usize) {
        self.bytes += new_len as i64 - old_len as i64;
    }
}

/// The numbers of one collection.
#[derive(Debug, Default)]
pub(super) struct SizeCounter {
    known: AtomicBool,
    documents: AtomicI64,
    bytes: AtomicI64,
}

impl SizeCounter {
    pub fn new(known: Option<Sizes>) -> Self {
        let counter = Self::default();
        if let Some(sizes) = known {
            counter.set(sizes);
        }
        counter
    }

    /// The numbers, when they are known.
    pub fn get(&self) -> Option<Sizes> {
        self.known.load(Ordering::Acquire).then(|| Sizes {
            documents: self.documents.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        })
    }

    /// What a count found. Nobody may be writing to the collection.
    pub fn set(&self, sizes: Sizes) {
        self.documents.store(sizes.documents, Ordering::Relaxed);
        self.bytes.store(sizes.bytes, Ordering::Relaxed);
        self.known.store(true, Ordering::Release);
    }

    /// What a commit changed. Numbers that are unknown stay so: the count to come will see the change.
    pub fn apply(&self, delta: Sizes) {
        if self.known.load(Ordering::Acquire) {
            self.documents.fetch_add(delta.documents, Ordering::Relaxed);
            self.bytes.fetch_add(delta.bytes, Ordering::Relaxed);
        }
    }
}
