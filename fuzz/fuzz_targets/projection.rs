#![no_main]

use smongo_fuzz::oracle::{self, Case, ProjectionRequest};

libfuzzer_sys::fuzz_target!(|case: Case<ProjectionRequest>| oracle::projection(&case));
