//! What `build` refuses, with the sentence that it prints, and what changes a fingerprint.

use super::*;
use crate::{
    codec::Json,
    saga::{DefinitionError, Fingerprint, OnStuck, Retry, plan::STEPS_MAX},
};
use core::time::Duration;

type Defining = SagaBuilder<u64, Json>;
type Built = Result<Definition<u64, u64>, DefinitionError>;

fn define() -> Defining {
    Saga::define("order", 1)
}

fn add(saga: &mut Defining, name: &str) -> StepOutput<u64> {
    saga.step(name, pure()).takes(|order, ()| *order)
}

fn add_after(saga: &mut Defining, name: &str, after: StepOutput<u64>) -> StepOutput<u64> {
    saga.step(name, pure()).after(after).takes(|_, before| before)
}

fn add_pivot(saga: &mut Defining) -> StepOutput<u64> {
    saga.step("pivot", echo(Effect::Keyed)).pivot().takes(|order, ()| *order)
}

fn no_steps() -> Built {
    let mut other = define();
    let stray = add(&mut other, "a");
    define().returns(stray).build()
}

fn too_many() -> Built {
    let mut saga = define();
    let first = add(&mut saga, "first");
    for number in 0..STEPS_MAX {
        add(&mut saga, &format!("step {number}"));
    }
    saga.returns(first).build()
}

fn duplicate() -> Built {
    let mut saga = define();
    add(&mut saga, "a");
    let again = add(&mut saga, "a");
    saga.returns(again).build()
}

/// Only a twin, with the same names in the same places, has handles of steps that are yet to come.
fn out_of_order() -> Built {
    let (mut saga, mut twin) = (define(), define());
    add(&mut twin, "a");
    let later = add(&mut twin, "b");
    add_after(&mut saga, "a", later);
    let last = add(&mut saga, "b");
    saga.returns(last).build()
}

fn foreign() -> Built {
    let (mut saga, mut other) = (define(), Saga::define("order", 2));
    let stray = add(&mut other, "a");
    add(&mut saga, "a");
    let last = add_after(&mut saga, "b", stray);
    saga.returns(last).build()
}

fn no_output() -> Built {
    let (mut saga, mut other) = (define(), define());
    add(&mut saga, "a");
    let stray = add(&mut other, "b");
    saga.returns(stray).build()
}

fn no_early_end() -> Built {
    let (mut saga, mut other) = (define(), define());
    let last = add(&mut saga, "a");
    let stray = other.step("a", pure()).when(|_, ()| true).takes(|order, ()| *order);
    saga.returns(last).ends_early(stray, |_, output| Some(output)).build()
}

fn no_time() -> Built {
    let mut saga = define();
    let last = saga.step("a", pure()).timeout(Duration::ZERO).takes(|order, ()| *order);
    saga.returns(last).build()
}

fn uncompensated() -> Built {
    let mut saga = define();
    let last = saga.step("a", echo(Effect::Keyed)).takes(|order, ()| *order);
    saga.returns(last).build()
}

fn nothing_to_compensate() -> Built {
    let mut saga = define();
    let answered = |_cx, _input, _output| async { Outcome::Done(()) };
    let last = saga.step("a", pure()).compensation_fn(answered).takes(|order, ()| *order);
    saga.returns(last).build()
}

fn retriable_compensated() -> Built {
    let mut saga = define();
    let pivot = add_pivot(&mut saga);
    let last = saga
        .step("a", echo(Effect::Keyed))
        .after(pivot)
        .retriable()
        .compensation_fn(|_cx, _input, _output| async { Outcome::Done(()) })
        .takes(|_, before| before);
    saga.returns(last).build()
}

fn retriable_once() -> Built {
    let mut saga = define();
    let pivot = add_pivot(&mut saga);
    let once = saga.step("a", echo(Effect::AtMostOnce)).after(pivot).retriable();
    let last = once.takes(|_, before| before);
    saga.returns(last).build()
}

fn retriable_without_pivot() -> Built {
    let mut saga = define();
    let last = saga.step("a", pure()).retriable().takes(|order, ()| *order);
    saga.returns(last).build()
}

fn retriable_before_pivot() -> Built {
    let mut saga = define();
    let first = saga.step("a", pure()).retriable().takes(|order, ()| *order);
    let last = saga.step("b", pure()).after(first).pivot().takes(|_, before| before);
    saga.returns(last).build()
}

fn not_retriable() -> Built {
    let mut saga = define();
    let pivot = add_pivot(&mut saga);
    let last = add_after(&mut saga, "a", pivot);
    saga.returns(last).build()
}

fn beside_pivot() -> Built {
    let mut saga = define();
    add_pivot(&mut saga);
    let last = add(&mut saga, "a");
    saga.returns(last).build()
}

fn two_pivots() -> Built {
    let mut saga = define();
    let pivot = add_pivot(&mut saga);
    let last = saga.step("a", pure()).after(pivot).pivot().takes(|_, before| before);
    saga.returns(last).build()
}

fn beside_early_end() -> Built {
    let mut saga = define();
    let (ending, last) = (add(&mut saga, "a"), add(&mut saga, "b"));
    saga.returns(last).ends_early(ending, |_, output| Some(output)).build()
}

fn unnamed_step() -> Built {
    let mut saga = define();
    let last = add(&mut saga, "a/b");
    saga.returns(last).build()
}

/// Which variant it is. A new one does not compile until the table below has it.
fn number(error: &DefinitionError) -> usize {
    match error {
        DefinitionError::NoSteps => 0,
        DefinitionError::TooManySteps(_) => 1,
        DefinitionError::DuplicateStep(_) => 2,
        DefinitionError::OutOfOrder(_) => 3,
        DefinitionError::Foreign(_) => 4,
        DefinitionError::NoOutput => 5,
        DefinitionError::NoEarlyEnd => 6,
        DefinitionError::NoTime(_) => 7,
        DefinitionError::Uncompensated(_) => 8,
        DefinitionError::NothingToCompensate(_) => 9,
        DefinitionError::RetriableCompensated(_) => 10,
        DefinitionError::RetriableOnce(_) => 11,
        DefinitionError::RetriableWithoutPivot(_) => 12,
        DefinitionError::RetriableBeforePivot(_) => 13,
        DefinitionError::NotRetriable(_) => 14,
        DefinitionError::BesidePivot(_) => 15,
        DefinitionError::TwoPivots(_) => 16,
        DefinitionError::BesideEarlyEnd { .. } => 17,
        DefinitionError::Name(_) => 18,
    }
}

#[test]
fn impossible_definitions_are_refused() {
    type Case = (fn() -> Built, &'static str);
    let table: [Case; 19] = [
        (no_steps, "a definition has at least one step"),
        (too_many, "the definition has 257 steps, the limit is 256"),
        (duplicate, "two steps are called a"),
        (out_of_order, "step a is after a step that does not stand before it"),
        (foreign, "step b is after a step of another definition"),
        (no_output, "the output is of no step of this definition"),
        (no_early_end, "what may end the saga early is no step of this definition"),
        (no_time, "an attempt of step a has a timeout of zero"),
        (
            uncompensated,
            "step a may have an effect and has no compensation; give it one, or say that it needs \
             none",
        ),
        (nothing_to_compensate, "step a is pure, so there is nothing to compensate"),
        (retriable_compensated, "step a comes after the pivot, so it is never compensated"),
        (retriable_once, "step a has to be tried until it is done, and may be tried once"),
        (retriable_without_pivot, "step a is retriable, and there is no pivot before it"),
        (retriable_before_pivot, "step a is retriable and stands before the pivot"),
        (not_retriable, "step a comes after the pivot, so it has to be retriable"),
        (beside_pivot, "step a is neither before nor after the pivot"),
        (two_pivots, "step a is a second pivot"),
        (beside_early_end, "step b may be under way while step a ends the saga early"),
        (unnamed_step, "a slash stands at byte 1"),
    ];
    for (at, (build, sentence)) in table.into_iter().enumerate() {
        let error = build().expect_err(sentence);
        assert_eq!((error.to_string().as_str(), number(&error)), (sentence, at));
    }
}

#[test]
fn the_definition_has_a_name_too() {
    let mut saga = Saga::define("", 1);
    let last = add(&mut saga, "a");
    let error = saga.returns(last).build().expect_err("no name");
    assert_eq!(error.to_string(), "a name has at least one byte");
}

/// What a fingerprint is made of, one thing changed at a time.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a definition says")]
struct Shape {
    revision: u32,
    name: &'static str,
    effect: Effect,
    compensated: bool,
    conditional: bool,
    in_sequence: bool,
    pivot: bool,
    returns_max: Option<u32>,
    early: bool,
    on_stuck: OnStuck,
}

const SHAPE: Shape = Shape {
    revision: 1,
    name: "reserve",
    effect: Effect::Keyed,
    compensated: true,
    conditional: false,
    in_sequence: true,
    pivot: false,
    returns_max: None,
    early: false,
    on_stuck: OnStuck::Block,
};

fn fingerprint(shape: Shape, policies: Option<Duration>) -> Fingerprint {
    let mut saga: Defining = Saga::define("order", shape.revision);
    let mut first = saga.step(shape.name, echo(shape.effect));
    if let Some(returns_max) = shape.returns_max {
        first = first.savepoint(returns_max);
    }
    if let Some(time) = policies {
        first = first.retry(Retry::fixed(time)).compensation_retry(Retry::never()).timeout(time);
    }
    first = if shape.compensated {
        first.compensation_fn(|_cx, _input, _output| async { Outcome::Done(()) })
    } else {
        first.needs_no_compensation()
    };
    let first = first.takes(|order, ()| *order);
    let last = saga.step("ship", pure());
    let last = if shape.pivot { last.pivot() } else { last };
    let built = match (shape.in_sequence, shape.conditional) {
        (false, _) => Err(last.takes(|order, ()| *order)),
        (true, false) => Err(last.after(first).takes(|_, before| before)),
        (true, true) => Ok(last.after(first).when(|_, _| true).takes(|_, before| before)),
    };
    let plan = match built {
        Ok(optional) => finish(saga.returns(optional), shape, policies, first),
        Err(last) => finish(saga.returns(last), shape, policies, first),
    };
    plan.fingerprint()
}

fn finish<H: Handle<Output = u64>>(
    saga: Returning<u64, Json, H>,
    shape: Shape,
    policies: Option<Duration>,
    first: StepOutput<u64>,
) -> Arc<Plan> {
    let saga = saga.on_stuck(shape.on_stuck);
    let saga = if shape.early { saga.ends_early(first, |_, output| Some(output)) } else { saga };
    let saga = if let Some(time) = policies { saga.deadline(time) } else { saga };
    Arc::clone(saga.build().expect("each shape is possible").plan())
}

#[test]
fn the_graph_is_in_the_fingerprint_and_policies_are_not() {
    let changed = [
        SHAPE,
        Shape { revision: 2, ..SHAPE },
        Shape { name: "hold", ..SHAPE },
        Shape { effect: Effect::Idempotent, ..SHAPE },
        Shape { compensated: false, ..SHAPE },
        Shape { conditional: true, ..SHAPE },
        Shape { in_sequence: false, ..SHAPE },
        Shape { pivot: true, ..SHAPE },
        Shape { returns_max: Some(1), ..SHAPE },
        Shape { returns_max: Some(2), ..SHAPE },
        Shape { early: true, ..SHAPE },
        Shape { on_stuck: OnStuck::Continue, ..SHAPE },
    ];
    for (at, shape) in changed.into_iter().enumerate() {
        let print = fingerprint(shape, None);
        for (other_at, other) in changed.into_iter().enumerate() {
            assert_eq!(print == fingerprint(other, None), at == other_at, "{at} and {other_at}");
        }
        assert_eq!(print, fingerprint(shape, Some(Duration::from_secs(7))), "{at} by policies");
    }
}
