//! Rewrites of the IR: each pass is a file, takes IR and gives IR that means the same.

pub mod fold;
pub mod or_to_in;
