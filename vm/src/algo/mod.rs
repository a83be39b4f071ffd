//! Algorithms that several families of functions share, and that know of BSON at most its values.

pub mod decimal;
pub mod hashed_key;
pub mod preferred;
pub mod sum;
