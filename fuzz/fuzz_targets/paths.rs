#![no_main]

libfuzzer_sys::fuzz_target!(|input: smongo_fuzz::value::Located| smongo_fuzz::value::paths(&input));
