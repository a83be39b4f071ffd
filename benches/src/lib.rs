//! What the benchmarks share: generated documents, always the same ones.

pub mod by_hand;
pub mod measure;

use smongo_vm::value::{DocBuf, Value};

/// A small deterministic generator (SplitMix64), so that every run measures the same documents.
pub struct Random(u64);

impl Random {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    /// One of the given texts.
    pub fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

const WORDS: [&str; 12] =
    ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty", "knoll", "ledge"];
const STATUSES: [&str; 5] = ["active", "pending", "closed", "error", "archived"];

fn words(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| random.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

/// Documents one behind the other in memory, as a page holds them.
pub struct Arena {
    bytes: Vec<u8>,
    /// Where each document begins, and where the last one ends.
    starts: Vec<usize>,
}

impl Arena {
    /// Puts documents into memory, with some bytes behind the last.
    pub fn new(docs: impl IntoIterator<Item = DocBuf>, slack_bytes: usize) -> Self {
        let (mut bytes, mut starts) = (Vec::new(), vec![0]);
        for doc in docs {
            bytes.extend_from_slice(doc.as_doc().as_bytes());
            starts.push(bytes.len());
        }
        bytes.resize(bytes.len() + slack_bytes, 0);
        Self { bytes, starts }
    }

    /// The documents.
    pub fn docs(&self) -> impl Iterator<Item = &[u8]> {
        self.starts.windows(2).map(|ends| &self.bytes[ends[0]..ends[1]])
    }

    /// Counts the documents that a predicate accepts, looking ahead as a cursor does.
    #[inline]
    pub fn scan(&self, mut matches: impl FnMut(&[u8]) -> bool) -> u64 {
        let mut hits = 0;
        for doc in self.docs() {
            prefetch_behind(doc);
            hits += u64::from(matches(doc));
        }
        hits
    }
}

/// Fetches the beginnings of the two documents behind `doc`, as [`smongo_storage::Cursor::next_value`] does.
#[inline]
fn prefetch_behind(doc: &[u8]) {
    const RECORDS: usize = 2;
    const LINES: usize = 7;
    for record in 1..=RECORDS {
        for line in 0..LINES {
            prefetch(doc.as_ptr().wrapping_add(record * doc.len() + line * 64));
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: prefetching reads nothing that the program could see and never faults, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch(_address: *const u8) {}

/// An order-like document of about 600 bytes with 15 fields. With `mixed`, two fields are left out at times and one
/// changes its place, so that no two neighbours need have the same layout.
pub fn order(random: &mut Random, number: u64, mixed: bool) -> DocBuf {
    DocBuf::build(|doc| {
        let mut id = [0u8; 12];
        id[4..].copy_from_slice(&number.to_be_bytes());
        doc.value("_id", Value::object_id(&id));
        let views = random.below(1 << 40) as i64;
        let views_come_first = mixed && random.below(4) == 0;
        if views_come_first {
            doc.value("views", Value::int64(views));
        }
        doc.string("name", &format!("customer {:06}", random.below(100_000)));
        doc.string("email", &format!("{}.{}@example.org", random.pick(&WORDS), random.below(100_000)));
        if !mixed || random.below(2) == 0 {
            doc.value("age", Value::int32(18 + random.below(70) as i32));
        }
        doc.string("status", random.pick(&STATUSES));
        doc.value("score", Value::double(random.below(1_000_000) as f64 / 1000.0));
        doc.value("created", Value::date_time(1_600_000_000_000 + random.below(100_000_000_000) as i64));
        if !mixed || random.below(3) > 0 {
            doc.value("updated", Value::date_time(1_700_000_000_000 + random.below(10_000_000_000) as i64));
        }
        doc.document("a", |a| {
            let b = random.below(1000);
            a.value("x", Value::int32(number as i32));
            a.value("b", if random.below(4) > 0 { Value::int32(b as i32) } else { Value::double(b as f64) });
            a.array("c", |c| (0..3).for_each(|_| c.value(Value::int32(random.below(100) as i32))));
        });
        doc.array("tags", |tags| {
            for _ in 0..2 + random.below(5) {
                tags.value(Value::string(&format!("t{}", random.below(50))));
            }
        });
        doc.document("address", |address| {
            address.string("street", &words(random, 3));
            address.string("city", random.pick(&WORDS));
            address.document("location", |location| {
                location.string("type", "Point");
                location.array("coordinates", |point| {
                    point.value(Value::double(random.below(360_000) as f64 / 1000.0 - 180.0));
                    point.value(Value::double(random.below(180_000) as f64 / 1000.0 - 90.0));
                });
            });
        });
        doc.array("items", |items| {
            for _ in 0..1 + random.below(3) {
                items.document(|item| {
                    item.string("sku", &format!("sku-{}", random.below(10_000)));
                    item.value("quantity", Value::int32(1 + random.below(9) as i32));
                    item.value("price", Value::double(random.below(100_000) as f64 / 100.0));
                });
            }
        });
        if !views_come_first {
            doc.value("views", Value::int64(views));
        }
        doc.value("verified", Value::bool(random.below(2) == 0));
        doc.string("note", &words(random, 10));
    })
}
