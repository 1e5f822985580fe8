//! Arbitrary bytes as the journal of a saga: its plan, and its turns.
//!
//! What decodes is folded, and what was folded is decided on as a recovery would. No promise about
//! what comes of nonsense, but that it is an error with a name or a saga that can be gone on with.

use bytes::Bytes;
use sagalog::{
    WallTime,
    saga::{
        Attempts, Failure, Judge, Plan, Record, State, StepIndex, decode_plan, decode_turn, due,
        encode_plan, encode_turn,
        machine::{Scene, turn},
    },
};

/// Every condition holds.
struct Holds;

impl Judge for Holds {
    fn holds(&self, _: StepIndex, _: &State) -> Result<bool, Failure> {
        Ok(true)
    }
}

/// Reads `bytes` as a plan and turns, each with its length in front (2 bytes, little-endian), and
/// folds what can be read.
///
/// # Panics
/// If a promise of the journal is broken.
pub fn saga_fold(bytes: &[u8]) {
    let mut parts = parts(bytes).into_iter();
    let Some(Ok(plan)) = parts.next().map(|part| decode_plan(&part)) else { return };
    let again = decode_plan(&encode_plan(&plan).into());
    assert_eq!(again.as_ref(), Ok(&plan), "a plan is read as it is written");
    let mut state: Option<State> = None;
    for part in parts {
        let Ok(records) = decode_turn(&part) else { return };
        assert_eq!(encode_turn(&records), part, "a turn is written as it was read");
        for record in &records {
            fold(&plan, &mut state, record);
        }
    }
    if let Some(state) = state {
        recover(&plan, &state);
    }
}

/// Adds a record; what is refused leaves no trace.
fn fold(plan: &Plan, state: &mut Option<State>, record: &Record) {
    match state {
        None => *state = State::first(plan, record).ok(),
        Some(state) => {
            let before = state.clone();
            if state.apply(plan, record).is_err() {
                assert_eq!(*state, before, "a record that is refused changes nothing");
            }
        }
    }
}

/// What a process does that finds this saga.
fn recover(plan: &Plan, state: &State) {
    let checkpoint = Record::Checkpoint(Box::new(state.clone()));
    let read = decode_turn(&encode_turn(std::slice::from_ref(&checkpoint)).into());
    assert_eq!(read, Ok(vec![checkpoint]), "a checkpoint is read as it is written");
    let attempts = Attempts::after_a_crash(plan, state);
    let now = WallTime::from_unix_nanos(0);
    let scene = Scene { plan, judge: &Holds, attempts: &attempts, now, drawn: 0 };
    let outturn = turn(scene, state, Vec::new());
    let _ = due(plan, &outturn.state, &attempts, now);
}

fn parts(mut bytes: &[u8]) -> Vec<Bytes> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (part, rest) = rest.split_at(length);
        parts.push(Bytes::copy_from_slice(part));
        bytes = rest;
    }
    parts
}

/// The image of a journal: what [`saga_fold`] reads.
pub fn journal_image(plan: &Plan, turns: &[Vec<Record>]) -> Vec<u8> {
    let turns = turns.iter().map(|turn| encode_turn(turn));
    let parts = [encode_plan(plan)].into_iter().chain(turns);
    let sized = |part: Vec<u8>| {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        [&length.to_le_bytes()[..], &part].concat()
    };
    parts.flat_map(sized).collect()
}
