#![no_main]

use smongo_fuzz::oracle::{self, Case, FilterRequest};

libfuzzer_sys::fuzz_target!(|case: Case<FilterRequest>| oracle::filter(&case));
