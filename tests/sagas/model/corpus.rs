//! The committed corpus of the fuzz target `saga_fold`, run as a plain test.
#![expect(
    clippy::disallowed_methods,
    reason = "the corpus is files of the source tree, not of a store"
)]

use super::{draw::Tape, live};
use sagalog::saga::Record;
use sagalog_testkit::{Choices, Seeded, fuzz};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/saga_fold")
}

#[test]
fn saga_fold() {
    let entries = fs::read_dir(folder()).expect("the corpus is in the tree");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there is a corpus");
    for path in paths {
        let bytes = fs::read(path).expect("readable");
        fuzz::saga_fold(&bytes);
        for at in 0..bytes.len() {
            fuzz::saga_fold(&bytes[..at]);
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                fuzz::saga_fold(&flipped);
            }
        }
    }
}

#[test]
#[ignore = "writes the seeds of the corpus anew; run it when the format changes"]
fn write_seeds() {
    for number in 0..12_u64 {
        let mut seeded = Seeded::new(number);
        let mut draw = || u16::try_from(seeded.below(1 << 16)).expect("it has 16 bits");
        let numbers: Vec<u16> = (0..600).map(|_| draw()).collect();
        live(&mut Tape(numbers.into_iter()), |plan, saga, _| {
            let checkpoint = vec![Record::Checkpoint(Box::new(saga.state.clone()))];
            let begun = saga.turns.len();
            saga.finish();
            let tail = saga.turns[begun..].iter().cloned();
            let (kind, turns) = if number % 3 == 0 {
                ("checkpoint", [checkpoint].into_iter().chain(tail).collect())
            } else {
                ("journal", saga.turns.clone())
            };
            let image = fuzz::journal_image(plan, &turns);
            fs::write(folder().join(format!("{kind}_{number:02}")), image).expect("writable");
        });
    }
}
