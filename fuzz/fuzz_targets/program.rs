#![no_main]

libfuzzer_sys::fuzz_target!(|input: (smongo_fuzz::program::Parts, &[u8])| {
    let (parts, bytes) = input;
    smongo_fuzz::program::verified(&parts);
    smongo_fuzz::program::instructions(bytes);
});
