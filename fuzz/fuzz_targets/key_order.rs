#![no_main]

libfuzzer_sys::fuzz_target!(|input: (smongo_fuzz::key::Keys, &[u8], &[u8])| {
    let (keys, key, types) = input;
    smongo_fuzz::key::order(&keys);
    smongo_fuzz::key::damaged(key, types);
});
