//! Arbitrary bytes as blocks of the format: `cargo fuzz run group_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sagalog_testkit::fuzz::group_decode(bytes));
