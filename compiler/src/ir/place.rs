//! The order in which mongod puts the parts of a conjunction or disjunction.

use smongo_vm::program::BitRule;

use super::{Filter, FilterPath, LeafTest};

impl Filter {
    /// By what mongod sorts parts: their kind, then their path.
    pub fn place(&self) -> (u8, String) {
        let path = |path: &FilterPath| path.path.as_ref().map(ToString::to_string).unwrap_or_default();
        match self {
            Filter::And(_) => (0, String::new()),
            Filter::Or(_) => (1, String::new()),
            Filter::ElemMatchObject { path: at, .. } => (2, path(at)),
            Filter::ElemMatchValue { path: at, .. } => (3, path(at)),
            Filter::Leaf { path: at, test } => {
                let rank = match test {
                    LeafTest::Size(_) => 4,
                    LeafTest::Eq(_) => 5,
                    LeafTest::In { values, patterns } if values.len() == 1 && patterns.is_empty() => 5,
                    LeafTest::Lte(_) => 6,
                    LeafTest::Lt(_) => 7,
                    LeafTest::Gt(_) => 8,
                    LeafTest::Gte(_) => 9,
                    LeafTest::Regex { .. } => 10,
                    LeafTest::Mod { .. } => 11,
                    LeafTest::Exists => 12,
                    LeafTest::In { .. } => 13,
                    LeafTest::Bits(bits) => match bits.rule {
                        BitRule::AllSet => 14,
                        BitRule::AllClear => 15,
                        BitRule::AnySet => 16,
                        BitRule::AnyClear => 17,
                    },
                    LeafTest::Type(_) => 20,
                    LeafTest::Schema(_) => 25,
                };
                (rank, path(at))
            }
            Filter::Not(_) => (18, String::new()),
            Filter::Nor(_) => (19, String::new()),
            Filter::Expr(_) => (21, String::new()),
            Filter::Always(false) => (22, String::new()),
            Filter::Always(true) => (23, String::new()),
            Filter::Document { path: at, .. } | Filter::Elements { path: at, .. } => (24, path(at)),
            Filter::SampleRate(_) | Filter::ExactlyOne(_) | Filter::Fields { .. } => (26, String::new()),
        }
    }
}
