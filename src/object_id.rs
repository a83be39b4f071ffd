//! New ObjectIds: seconds since the epoch, five bytes that belong to this process, a counter of three bytes.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::request::wall_clock_millis;

struct Process {
    /// Drawn when the process first needs an id.
    random: [u8; 5],
    counter: AtomicU32,
}

/// A new ObjectId, unlike any other.
pub fn generate() -> [u8; 12] {
    static PROCESS: OnceLock<Process> = OnceLock::new();
    let process = PROCESS.get_or_init(|| {
        let drawn = random_u64().to_le_bytes();
        let counter = AtomicU32::new(random_u64() as u32);
        Process { random: [drawn[0], drawn[1], drawn[2], drawn[3], drawn[4]], counter }
    });
    let seconds = (wall_clock_millis() / 1000) as u32;
    let count = process.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let mut id = [0; 12];
    id[..4].copy_from_slice(&seconds.to_be_bytes());
    id[4..9].copy_from_slice(&process.random);
    id[9..].copy_from_slice(&count[1..]);
    id
}

/// 64 bits that an observer cannot guess from earlier ones.
///
/// Each [`RandomState`] carries keys seeded by the operating system, and SipHash under an unknown key is a
/// pseudo-random function of its input.
pub(crate) fn random_u64() -> u64 {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one((DRAWN.fetch_add(1, Ordering::Relaxed), wall_clock_millis()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_and_share_the_process_part() {
        let ids: Vec<_> = (0..10_000).map(|_| super::generate()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id[4..9] == ids[0][4..9]));
    }
}
