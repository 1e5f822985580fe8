//! Arbitrary bytes as the journal of a saga: `cargo fuzz run saga_fold`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sagalog_testkit::fuzz::saga_fold(bytes));
