#![no_main]

use smongo_fuzz::oracle::{self, Case, UpdateRequest};

libfuzzer_sys::fuzz_target!(|case: Case<UpdateRequest>| oracle::update(&case));
