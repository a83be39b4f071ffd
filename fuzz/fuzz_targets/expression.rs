#![no_main]

use smongo_fuzz::oracle::{self, Case, ExpressionRequest};

libfuzzer_sys::fuzz_target!(|case: Case<ExpressionRequest>| oracle::expression(&case));
