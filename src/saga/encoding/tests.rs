//! Every record comes back from its bytes, and no bytes panic.

use super::*;
use crate::saga::tests::{every_record, sample_plan};

#[test]
fn every_record_comes_back() {
    let records = every_record();
    let bytes = Bytes::from(encode_turn(&records));
    assert_eq!(decode_turn(&bytes), Ok(records));
}

#[test]
fn a_plan_comes_back_with_its_fingerprint() {
    let plan = sample_plan();
    let read = decode_plan(&Bytes::from(encode_plan(&plan))).expect("it was just written");
    assert_eq!(read.fingerprint(), plan.fingerprint());
    assert_eq!(encode_plan(&read), encode_plan(&plan));
}

#[test]
fn bytes_that_are_cut_or_flipped_are_faults_and_no_panics() {
    let turn = encode_turn(&every_record());
    for end in 0..turn.len() {
        let cut = Bytes::copy_from_slice(&turn[..end]);
        assert!(decode_turn(&cut).is_err(), "cut at {end}");
    }
    for at in 0..turn.len() {
        for bit in 0..8 {
            let mut flipped = turn.clone();
            flipped[at] ^= 1 << bit;
            // Some of them are other journals; none may panic.
            let _ = decode_turn(&Bytes::from(flipped));
        }
    }
    let mut longer = turn;
    longer.push(0);
    assert_eq!(
        decode_turn(&Bytes::from(longer)),
        Err(JournalFault::Malformed("it goes on too long"))
    );
}

#[test]
fn a_newer_version_is_said_to_be_one() {
    let mut turn = encode_turn(&[Record::Returned]);
    turn[0] = TURN_VERSION + 1;
    assert_eq!(
        decode_turn(&Bytes::from(turn)),
        Err(JournalFault::Newer { version: TURN_VERSION + 1 })
    );
}
