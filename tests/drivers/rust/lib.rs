//! Holds nothing: the package exists for its tests, which drive `smongod` through the official Rust driver.
