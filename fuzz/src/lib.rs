//! What the fuzz targets check, as ordinary functions: each takes arbitrary input and panics when a law is broken.
//!
//! ```text
//! cargo install cargo-fuzz
//! RUSTC_BOOTSTRAP=1 cargo fuzz run value_order -- -max_total_time=60
//! ```
//!
//! `RUSTC_BOOTSTRAP=1` lets a stable toolchain accept the sanitizer's flags. A failing input is printed in the shell's
//! notation, ready to be pasted into a test.

pub mod frame;
pub mod key;
pub mod oracle;
pub mod program;
pub mod request;
pub mod value;
