//! Arbitrary bytes as the body of a commit: `cargo fuzz run body_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sagalog_testkit::fuzz::body_decode(bytes));
