//! Whether every checker and every fault of the disk is proven by a planted bug.
//!
//! Reads headers only. The invariant: what no patch is about stands in one table, with the reason.

use super::patch::Patch;
use sagalog_testkit::FaultKind;
use std::collections::BTreeSet;

/// The promises of `docs/GUARANTEES.md`.
const GUARANTEES: u8 = 50;

/// What no planted bug is about, and why.
pub(crate) const EXCEPTIONS: [(&str, &str); 18] = [
    ("G13", "a refused append breaks no history; tests provoke the full disk and look at the file"),
    ("G16", "a difference between two runs is looked for in CI, by comparing traces"),
    ("G23", "effects of participants are judged with sagas, as G42; tests judge the kit alone"),
    ("G24", "tombstones are judged with sagas, as G32; tests judge the kit alone"),
    ("G25", "an older right is harmless where keys are kept; tests ask for the refusal itself"),
    ("G26", "an answer that was not certain shows as G32; tests make appends unknown"),
    ("G27", "no suite speaks HTTP; tests do, on loopback"),
    ("G28", "the oracle has rules of its own and never sees a state; the reference in tests does"),
    ("G30", "a second result of a step is a second effect, or another end: G42 and G47"),
    ("G33", "the suite's steps have no typed inputs; tests look at what a compensation is given"),
    ("G35", "the way back is judged as one, as G34"),
    ("G37", "a word without its reason is judged with what an operator sees, as G36"),
    ("G38", "the keys of a round are judged with its effects, as G32"),
    ("G39", "a delay that is lost or too short is judged with the end of all sagas, as G31"),
    ("G44", "the suite draws definitions that can be built; tests try the others"),
    ("G45", "the suite's journals are the engine's own; fuzzing and tests try others"),
    ("G46", "what a journal costs is no history; tests count turns and operations"),
    (
        "unlink-returns",
        "a removal that a crash takes back looks the same, so that every mistake which it would \
         show is shown by crashes",
    ),
];

/// The guarantees and faults that no patch is about, and the exceptions that are none.
pub(crate) fn gaps(patches: &[Patch]) -> Vec<String> {
    // What nobody notices proves nothing.
    let patches = || patches.iter().filter(|patch| patch.missed.is_none());
    let mut about: BTreeSet<String> = patches().map(|patch| patch.guarantee.clone()).collect();
    about.extend(patches().flat_map(|patch| &patch.faults).map(ToString::to_string));
    let guarantees = (1..=GUARANTEES).map(|number| format!("G{number}"));
    let all = guarantees.chain(FaultKind::ALL.iter().map(ToString::to_string));
    let excepted = |what: &str| EXCEPTIONS.iter().any(|(exception, _)| *exception == what);
    all.filter(|what| about.contains(what) == excepted(what))
        .map(|what| {
            let excepted = excepted(&what);
            let wrong =
                if excepted { "is an exception, and a patch is about it" } else { "lacks a patch" };
            format!("{what} {wrong}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::workshop;

    #[test]
    fn every_checker_and_every_fault_is_proven_by_a_planted_bug() {
        let patches = workshop::patches().expect("the patches can be read");
        assert_eq!(gaps(&patches), Vec::<String>::new());
        let exceptions = gaps(&[]).len() + EXCEPTIONS.len();
        assert_eq!(exceptions, usize::from(GUARANTEES) + FaultKind::ALL.len(), "one is unknown");
    }
}
