#![no_main]

libfuzzer_sys::fuzz_target!(|input: (smongo_fuzz::frame::Frame, &[u8])| {
    let (frame, bytes) = input;
    smongo_fuzz::frame::parsing(&frame);
    smongo_fuzz::frame::damaged(bytes);
});
