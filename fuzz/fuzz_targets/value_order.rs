#![no_main]

libfuzzer_sys::fuzz_target!(|values: smongo_fuzz::value::Triple| smongo_fuzz::value::order(&values));
