//! Decisions against the model: whatever memory still holds, whatever has moved into runs, and
//! whatever happened between a question and its answer, the verdict is that of the whole history.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::{
    super::{Decision, Facts, Refusal, decide},
    model::Model,
};
use crate::{
    append::{Append, ExpectedRevision},
    ids::{Position, Revision},
    names::StreamId,
    store::{
        body::Stamp,
        draft::Draft,
        sample::{Appends, Paper, draft_with, named, stream},
        state::State,
    },
    time::WallTime,
};

/// An append that waits for its lookups while others are decided.
struct Waiting {
    draft: Draft,
    facts: Facts,
    rounds: u32,
}

/// A state, and the history that it stands for.
struct World {
    state: State,
    model: Model,
    paper: Paper,
    unique: u64,
    now: WallTime,
}

impl World {
    fn new(key_horizon_events: u64) -> Self {
        Self {
            state: State::new(5, Position::default(), WallTime::default(), key_horizon_events),
            model: Model::new(key_horizon_events),
            paper: Paper::new(),
            unique: 0,
            now: WallTime::from_unix_nanos(50),
        }
    }

    fn wait(&mut self, append: Append) -> Waiting {
        let draft = draft_with(append, &mut self.unique);
        Waiting { draft, facts: Facts::default(), rounds: 0 }
    }

    /// Asks once. A verdict is compared and carried out; for a need the facts are found in the
    /// history below `below`.
    fn ask(&mut self, waiting: &mut Waiting, below: Position, replayed: bool) -> Option<Decision> {
        let decision = decide(&self.state, &waiting.facts, &waiting.draft, self.now);
        let Decision::Need(lookups) = &decision else {
            let expected = self.model.decide(&waiting.draft, self.now);
            assert_eq!(decision, expected, "{:?}", waiting.draft.append);
            if let Decision::Commit(stamp) = &decision {
                self.commit(&waiting.draft, stamp, replayed);
            }
            return Some(decision);
        };
        assert!(!lookups.is_empty() && lookups.is_sorted_by(|one, other| one < other));
        assert!(self.state.from() > Position::default(), "memory holds everything");
        waiting.rounds += 1;
        let facts = &mut waiting.facts;
        if facts.through < self.state.from() {
            *facts = Facts { through: below, ..Facts::default() };
        }
        facts.through = facts.through.min(below);
        for lookup in lookups {
            let fact = self.model.answer(lookup, &waiting.draft, below);
            let known = facts.known.insert(lookup.clone(), fact);
            assert_eq!(known, None, "nothing is asked twice");
        }
        None
    }

    fn decide(&mut self, append: Append) -> Decision {
        let mut waiting = self.wait(append);
        for _ in 0..4 {
            if let Some(decision) = self.ask(&mut waiting, self.state.from(), false) {
                return decision;
            }
        }
        panic!("it takes too many lookups: {waiting:?}", waiting = waiting.facts)
    }

    fn commit(&mut self, draft: &Draft, stamp: &Stamp, replayed: bool) {
        let commit = self.paper.write(draft, stamp);
        if let Some(group) = commit.group {
            self.state.group_started(group);
        }
        if replayed {
            let applied = self.state.apply_body(&mut commit.view(), commit.place, commit.bytes);
            applied.expect("it was encoded just now");
        } else {
            self.state.apply(draft, stamp, commit.first, commit.place, commit.bytes);
        }
        self.model.apply(draft, stamp);
        assert_eq!(self.state.next(), self.model.next());
    }

    fn release(&mut self, through: Position) {
        self.paper.end_group();
        self.state.cut();
        self.state.release(through);
    }
}

/// How often each verdict was met.
#[derive(Debug, Default)]
struct Met([u32; 8]);

impl Met {
    fn count(&mut self, decision: &Decision) {
        let at = match decision {
            Decision::Commit(_) => 0,
            Decision::Check { .. } => 1,
            Decision::Replay(_) => 2,
            Decision::Need(_) => 3,
            Decision::Refuse(Refusal::Conflict(_)) => 4,
            Decision::Refuse(Refusal::PartlyCommitted { .. }) => 5,
            Decision::Refuse(Refusal::KeyReused { .. }) => 6,
            Decision::Refuse(Refusal::Fenced { .. }) => 7,
        };
        self.0[at] += 1;
    }
}

fn live(seed: u64, steps: u32, met: &mut Met) {
    let mut appends = Appends::new(seed);
    let mut world = World::new([3, 40, 100_000][appends.below(3)]);
    let mut waiting: Vec<Waiting> = Vec::new();
    for step in 0..steps {
        world.now = WallTime::from_unix_nanos(appends.random.below(1000) + u64::from(step));
        match appends.below(12) {
            0 => world.paper.end_group(),
            1 if appends.below(4) == 0 => world.paper.end_segment(),
            2 => {
                let next = world.model.next();
                let some = Position::new(appends.random.below(next.get() + 1));
                let through = if appends.below(2) == 0 { next } else { some };
                world.release(through);
            }
            _ => {}
        }
        let mut asked = if !waiting.is_empty() && appends.below(5) == 0 {
            waiting.swap_remove(appends.below(waiting.len().try_into().expect("few")))
        } else {
            let (next, model) = (world.model.next(), &world.model);
            let append = appends.append(next, |stream| model.head(stream, next));
            world.wait(append)
        };
        loop {
            // The runs reach as far as they are needed, or further.
            let from = world.state.from();
            let further = world.model.next().get() - from.get();
            let further = if appends.below(2) == 0 { 0 } else { further };
            let below = from.plus(appends.random.below(further + 1));
            let replayed = appends.below(3) == 0;
            if let Some(decision) = world.ask(&mut asked, below, replayed) {
                met.count(&decision);
                break;
            }
            assert!(asked.rounds < 30, "it never comes to an end: {:?}", asked.facts);
            if appends.below(2) == 0 && waiting.len() < 8 {
                waiting.push(asked);
                break;
            }
        }
    }
}

#[test]
fn verdicts_are_those_of_the_whole_history() {
    let mut met = Met::default();
    for seed in 0..200 {
        live(seed, 400, &mut met);
    }
    let Met([commits, checks, replays, _, conflicts, partly, reused, fenced]) = met;
    for (count, least) in [
        (commits, 20_000),
        (checks, 100),
        (replays, 500),
        (conflicts, 4000),
        (partly, 100),
        (reused, 100),
        (fenced, 100),
    ] {
        assert!(count >= least, "the histories are too tame: {met:?}");
    }
}

/// All ways to write up to `length` events with ids 1 and 2.
fn rows(length: u32) -> Vec<Vec<u8>> {
    let mut rows = vec![Vec::new()];
    for length in 0..=length {
        let drawn = (0..1_u8 << length).map(|bits| {
            (0..length).map(|at| 1 + u8::from(bits & (1 << at) != 0)).collect::<Vec<u8>>()
        });
        rows.extend(drawn.filter(|row| !row.is_empty()));
    }
    rows
}

#[test]
fn all_short_repetitions_are_told_apart() {
    let target: StreamId = stream("a");
    let mut cases = 0;
    for history in rows(3) {
        for splits in 0..1_u32 << history.len().saturating_sub(1) {
            for released in 0..=history.len() {
                let mut world = World::new(100);
                let mut append = Append::new();
                for (at, number) in history.iter().enumerate() {
                    append = append.event(target.clone(), named(*number));
                    if splits & (1 << at) != 0 || at + 1 == history.len() {
                        let written = world.decide(std::mem::take(&mut append));
                        assert!(matches!(written, Decision::Commit(_)));
                    }
                    if at + 1 == released {
                        world.release(world.state.next());
                    }
                }
                for retried in rows(3) {
                    let exact = |at| ExpectedRevision::Exact(Revision::new(at));
                    for expected in [ExpectedRevision::NoStream, exact(0), exact(1), exact(7)] {
                        let retried = retried.iter().map(|number| named(*number));
                        let append = retried.fold(Append::new(), |append, event| {
                            append.event(target.clone(), event)
                        });
                        let append = append.expect(target.clone(), expected);
                        let mut waiting = world.wait(append);
                        let mut decision =
                            decide(&world.state, &waiting.facts, &waiting.draft, world.now);
                        while let Decision::Need(lookups) = decision {
                            let from = world.state.from();
                            waiting.facts.through = from;
                            for lookup in lookups {
                                let fact = world.model.answer(&lookup, &waiting.draft, from);
                                waiting.facts.known.insert(lookup, fact);
                            }
                            decision =
                                decide(&world.state, &waiting.facts, &waiting.draft, world.now);
                        }
                        assert_eq!(decision, world.model.decide(&waiting.draft, world.now));
                        cases += 1;
                    }
                }
            }
        }
    }
    assert!(cases > 5000, "{cases}");
}
