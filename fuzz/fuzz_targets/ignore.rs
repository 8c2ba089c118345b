//! `cargo +nightly fuzz run --features libfuzzer ignore`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| causeway_fuzz::ignore(data));
