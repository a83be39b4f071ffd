//! What a run is given from outside: time, variables, randomness, collation, and a budget.
//!
//! The machine reads no clock and owns no seed; everything that is not the document or the program stands here.

use std::cell::Cell;

use crate::error::Result;
use crate::interp::Counts;
use crate::value::Value;

/// The inputs of a run besides program and document.
pub struct Env<'e> {
    /// `$$NOW`, in milliseconds since the Unix epoch; one value for a whole command.
    pub now_millis: i64,
    /// `$$CLUSTER_TIME`, as timestamp bits.
    pub cluster_time: u64,
    /// The request's `let` variables, in the order the compiler numbered them.
    pub variables: &'e [Value<'e>],
    /// State of the generator behind `$rand` and `$sampleRate`; the caller seeds it.
    pub random: Cell<u64>,
    /// Asked now and then during long work; an error stops the run (`maxTimeMS`, `killOp`).
    pub interrupt: Option<&'e (dyn Fn() -> Result<()> + 'e)>,
    /// Where runs are counted, for `explain`.
    pub counts: Option<&'e Counts>,
}

impl Env<'static> {
    /// No variables, the epoch as the time, a fixed seed and no interruption: for constant folding and tests.
    pub fn fixed() -> Self {
        Env {
            now_millis: 0,
            cluster_time: 0,
            variables: &[],
            random: Cell::new(0x9E37_79B9_7F4A_7C15),
            interrupt: None,
            counts: None,
        }
    }
}

impl Env<'_> {
    /// A number drawn uniformly from [0, 1) with 53 random bits (SplitMix64, Steele et al. 2014).
    pub fn random_unit(&self) -> f64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}
