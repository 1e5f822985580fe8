//! What may happen to a call on its way, how often, and to which.
//!
//! The invariant it guards: the same delivery meets the same fate whenever it is made, and after
//! enough attempts each gets through.

use sagalog::runtime::{Call, CallKind};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What becomes of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, and so does its answer.
    Smooth,
    /// It arrives after a while.
    Slow(Duration),
    /// It does not arrive, and that is known.
    Refused,
    /// It arrives twice.
    Doubled,
    /// It arrives, has its effect, and the answer is lost.
    AnswerLost,
    /// It arrives, has its effect, and the answer comes when nobody waits any more.
    AnswerLate,
    /// It arrives when nobody waits any more.
    Late,
}

/// How often in a thousand deliveries each fate is met, by whom the seed says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// From which follows who meets what.
    pub seed: u64,
    /// [`Fate::Slow`].
    pub slow: u32,
    /// [`Fate::Refused`].
    pub refused: u32,
    /// [`Fate::Doubled`].
    pub doubled: u32,
    /// [`Fate::AnswerLost`].
    pub answer_lost: u32,
    /// [`Fate::AnswerLate`].
    pub answer_late: u32,
    /// [`Fate::Late`].
    pub late: u32,
}

impl Faults {
    /// None.
    pub fn off() -> Self {
        Self::default()
    }

    /// As in a good network on a bad day.
    pub const fn light(seed: u64) -> Self {
        Self { seed, slow: 30, refused: 10, doubled: 10, answer_lost: 10, answer_late: 3, late: 3 }
    }

    /// Every third delivery meets something.
    pub const fn heavy(seed: u64) -> Self {
        Self {
            seed,
            slow: 100,
            refused: 60,
            doubled: 80,
            answer_lost: 60,
            answer_late: 20,
            late: 20,
        }
    }

    /// What becomes of this delivery.
    pub fn fate(&self, call: &Call) -> Fate {
        let side = match call.kind {
            CallKind::Action => "action",
            CallKind::Compensation => "compensation",
        };
        // Not the epoch: whether a process was killed in between is not the network's business.
        let name = format!("{} {side} {}", call.key, call.fence.attempt);
        let drawn = xxh3_64_with_seed(name.as_bytes(), self.seed);
        let mut below = drawn % 1000;
        let slow = Duration::from_millis(1 + (drawn >> 32) % 20);
        let table = [
            (self.slow, Fate::Slow(slow)),
            (self.refused, Fate::Refused),
            (self.doubled, Fate::Doubled),
            (self.answer_lost, Fate::AnswerLost),
            (self.answer_late, Fate::AnswerLate),
            (self.late, Fate::Late),
        ];
        for (per_mille, fate) in table {
            if below < u64::from(per_mille) {
                return fate;
            }
            below -= u64::from(per_mille);
        }
        Fate::Smooth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sagalog::runtime::CallFence;

    fn call(number: u32, attempt: u32, epoch: u64) -> Call {
        Call {
            operation: "charge".parse().expect("a name"),
            key: format!("order-{number}/0/charge").parse().expect("a name"),
            kind: CallKind::Action,
            fence: CallFence { epoch, attempt },
            trace_context: None,
            deadline: Duration::from_secs(1),
            payload: "".into(),
        }
    }

    #[test]
    fn as_many_meet_each_fate_as_is_said_and_always_the_same() {
        let faults = Faults::heavy(7);
        let mut met = [0; 3];
        for number in 0..10_000 {
            let fate = faults.fate(&call(number, 1, 1));
            assert_eq!(fate, faults.fate(&call(number, 1, 9)), "whoever executes it");
            met[0] += u32::from(fate == Fate::AnswerLost);
            met[1] += u32::from(fate == Fate::Doubled);
            met[2] += u32::from(fate == Fate::Smooth);
        }
        let near = |found: u32, per_mille: u32| found.abs_diff(per_mille * 10) < 120;
        assert!(near(met[0], 60) && near(met[1], 80) && near(met[2], 660), "{met:?}");
        let through = |number| (1..12).any(|n| faults.fate(&call(number, n, 1)) == Fate::Smooth);
        assert!((0..1000).all(through));
        assert!((0..1000).all(|number| Faults::off().fate(&call(number, 1, 1)) == Fate::Smooth));
    }
}
