//! Sagas of random graphs that are told random things: none of it leads to a record that is not
//! accepted, and when the world is kind again, each of them ends.

use super::{super::*, life::*, plan_of, step};
use crate::saga::plan::Compensated;
use proptest::{prelude::*, sample::Index};

#[derive(Clone, Debug)]
struct Sketch {
    after: [bool; 4],
    effect: Effect,
    kind: StepKind,
    answered: bool,
    conditional: bool,
    returns_max: Option<u32>,
    ends_early: bool,
}

/// What is done to a saga. Steps and attempts are chosen among those that there are.
#[derive(Clone, Debug)]
enum Deed {
    Start(Index),
    End(Index, u8),
    Cancel,
    Operate(u8, Index),
    Pass(bool),
    Crash,
}

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let effects = prop_oneof![
        1 => Just(Effect::Pure),
        1 => Just(Effect::Idempotent),
        4 => Just(Effect::Keyed),
        1 => Just(Effect::Transactional),
        1 => Just(Effect::AtMostOnce),
    ];
    let rare = || prop::bool::weighted(0.15);
    let sketch = (
        any::<[bool; 4]>(),
        effects,
        prop_oneof![4 => Just(StepKind::Ordinary), 1 => Just(StepKind::Pivot)],
        prop::bool::weighted(0.8),
        rare(),
        prop::option::weighted(0.2, 0..3_u32),
        rare(),
    );
    let sketch =
        sketch.prop_map(|(after, effect, kind, answered, conditional, returns_max, ends_early)| {
            Sketch { after, effect, kind, answered, conditional, returns_max, ends_early }
        });
    prop::collection::vec(sketch, 1..6)
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        6 => any::<Index>().prop_map(Deed::Start),
        8 => (any::<Index>(), 0..12_u8).prop_map(|(attempt, how)| Deed::End(attempt, how)),
        1 => Just(Deed::Cancel),
        2 => (0..5_u8, any::<Index>()).prop_map(|(verb, step)| Deed::Operate(verb, step)),
        4 => prop::bool::weighted(0.05).prop_map(Deed::Pass),
        1 => Just(Deed::Crash),
    ];
    prop::collection::vec(deed, 0..40)
}

/// The plan of a sketch, with everything behind its pivot made retriable; nothing where it is
/// impossible for another reason.
fn plan(sketches: &[Sketch], on_stuck: OnStuck) -> Option<Plan> {
    let mut behind = Vec::new();
    let mut steps = Vec::new();
    for (at, sketch) in sketches.iter().enumerate() {
        let near = at.saturating_sub(4)..at;
        let after: Vec<u16> = near
            .filter(|before| sketch.after[at - before - 1])
            .map(|before| u16::try_from(before).expect("few steps"))
            .collect();
        let mut made = step(&format!("s{at}"), &after);
        made.kind = sketch.kind;
        if after.iter().any(|before| behind.contains(before)) {
            made.kind = StepKind::Retriable;
        }
        if made.kind != StepKind::Ordinary {
            behind.push(u16::try_from(at).expect("few steps"));
        }
        made.effect = sketch.effect;
        made.compensation = match (sketch.effect, made.kind, sketch.answered) {
            (Effect::Pure, ..) | (_, StepKind::Retriable, _) | (.., false) => {
                Compensated::NotNeeded
            }
            (.., true) => Compensated::Yes,
        };
        made.conditional = sketch.conditional;
        made.returns_max = sketch.returns_max;
        made.ends_early = sketch.ends_early;
        steps.push(made);
    }
    plan_of(steps).ok().map(|plan| plan.on_stuck(on_stuck))
}

fn ending(saga: &Life, attempt: Attempt, how: u8) -> Ending {
    match how {
        0 => failed(),
        1 => ambiguous(),
        2 => retry(),
        3 => Ending::Unusable(Failure::failed("it does not decode")),
        4 if attempt.side == Side::Action && saga.plan.steps()[attempt.step.at()].ends_early => {
            let early = Some(bytes::Bytes::from_static(b"2"));
            Ending::Done { output: bytes::Bytes::from_static(b"1"), early }
        }
        _ => done(),
    }
}

/// Attempts that are under way, as their executor knows them.
type UnderWay = Vec<Attempt>;

fn perform(saga: &mut Life, under_way: &mut UnderWay, deed: &Deed) {
    match deed {
        Deed::Start(index) => {
            let due = due(&saga.plan, &saga.state, &saga.attempts, saga.now).attempts;
            if !due.is_empty() {
                let attempt = due[index.index(due.len())];
                saga.start(attempt.step.get());
                under_way.push(attempt);
            }
        }
        Deed::End(index, how) if !under_way.is_empty() => {
            let attempt = under_way.remove(index.index(under_way.len()));
            let ending = ending(saga, attempt, *how);
            saga.end_of(attempt.step.get(), attempt.side, ending);
        }
        Deed::End(..) => {}
        Deed::Cancel => drop(saga.cancel()),
        Deed::Operate(verb, step) => {
            let step = StepIndex::new(
                u16::try_from(step.index(saga.plan.steps().len())).expect("few steps"),
            );
            let verb = match verb {
                0 => Verb::Complete(None),
                1 => Verb::Abort,
                2 => Verb::Skip(step),
                _ => Verb::Retry,
            };
            drop(saga.operate(verb));
        }
        Deed::Pass(long) => saga.pass(if *long { DEADLINE } else { SECOND }),
        Deed::Crash => {
            under_way.clear();
            saga.crash();
        }
    }
}

/// From here on everything succeeds at once, and whoever is stuck is tried again.
fn heal(saga: &mut Life, under_way: UnderWay) {
    for attempt in under_way {
        saga.end_of(attempt.step.get(), attempt.side, done());
    }
    for _ in 0..200 {
        if saga.state.end().is_some() {
            return;
        }
        let due = due(&saga.plan, &saga.state, &saga.attempts, saga.now).attempts;
        match due.first() {
            Some(attempt) => saga.end_of(attempt.step.get(), attempt.side, done()),
            None if saga.state.is_stuck() => {
                assert_eq!(saga.operate(Verb::Retry), Ok(()));
            }
            None => saga.pass(SECOND),
        }
    }
    panic!("the saga does not end: {:#?}", saga.state);
}

/// What its end has to mean, unless an operator ended it.
fn check(saga: &Life) {
    let forced = |record: &Record| match record {
        Record::Operator(operator) => operator.verb != Verb::Retry,
        _ => false,
    };
    if saga.journal.iter().any(forced) {
        return;
    }
    for (step, state) in saga.plan.steps().iter().zip(saga.state.steps()) {
        let stands = state.progress.may_be_effective();
        let answered = saga.aborted().is_none() || !step.is_compensated() || !stands;
        assert!(answered, "{} was not compensated: {:#?}", step.name, saga.journal);
    }
}

proptest! {
    // No file of failures: what is found becomes a story.
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_told_a_saga_ends(
        sketches in sketches(),
        blocks in any::<bool>(),
        deeds in deeds(),
    ) {
        let on_stuck = if blocks { OnStuck::Block } else { OnStuck::Continue };
        let Some(plan) = plan(&sketches, on_stuck) else { return Ok(()) };
        let mut saga = Life::of(plan);
        let mut under_way = UnderWay::new();
        for deed in &deeds {
            perform(&mut saga, &mut under_way, deed);
        }
        heal(&mut saga, under_way);
        check(&saga);
    }
}
