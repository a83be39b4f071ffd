#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smongo_fuzz::value::validation(bytes));
