#![no_main]

libfuzzer_sys::fuzz_target!(|input: (smongo_vm::value::DocBuf, &str)| {
    let (doc, text) = input;
    smongo_fuzz::value::text_round_trip(&doc);
    smongo_fuzz::value::text(text);
});
