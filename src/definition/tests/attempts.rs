//! Single attempts: what they are given, what they come to, and what goes wrong before and after.

use super::*;
use crate::{
    codec::{Codec, Json},
    limits::OUTPUT_BYTES_MAX,
};
use core::time::Duration;
use std::fmt;

/// `first` gives an output, `gift` another one on a condition, `last` reads both.
fn order() -> Definition<u64, String> {
    let mut saga = Saga::<u64>::define("order", 1);
    let first = saga.step("first", pure()).takes(|order, ()| order + 1);
    let gift = saga.step("gift", echo(Effect::Pure)).when(|order, ()| *order > 5).takes(|_, ()| ());
    let last = saga.step("last", echo(Effect::Pure)).after((first, gift));
    let last = last.takes(|order, (first, gift)| format!("{order} {first} {gift:?}"));
    saga.returns(last).build().expect("it is possible")
}

fn skipped(step: u16) -> Record {
    Record::Skipped { step: StepIndex::new(step) }
}

#[test]
fn a_step_is_given_the_outputs_it_is_after() {
    let order = order();
    let begun = begin(&order, &7);
    assert_eq!(ending(&order, std::slice::from_ref(&begun), 0, Side::Action), done_with("8"));
    let journal = [begun.clone(), done(0, "8"), skipped(1)];
    assert_eq!(ending(&order, &journal, 2, Side::Action), done_with(r#""7 8 None""#));
    // In JSON `()` and `None` are the same text; that it was done is told by the journal.
    let journal = [begun, done(0, "8"), done(1, "null")];
    assert_eq!(ending(&order, &journal, 2, Side::Action), done_with(r#""7 8 Some(())""#));
}

#[test]
fn a_condition_is_asked_about_the_state() {
    let order = order();
    for (input, holds) in [(5, false), (6, true)] {
        let state = State::first(order.plan(), &begin(&order, &input)).expect("it begins so");
        assert_eq!(order.code().holds(StepIndex::new(1), &state), Ok(holds));
        assert_eq!(order.code().holds(StepIndex::new(0), &state), Ok(true), "it has none");
    }
}

#[test]
fn what_does_not_decode_is_named() {
    let order = order();
    let unusable = |journal: &[Record], step| match ending(&order, journal, step, Side::Action) {
        Ending::Unusable(failure) => failure.to_string(),
        other => panic!("{other:?}"),
    };
    let begun = begin_with(&order, Bytes::from_static(b"seven"));
    let text = unusable(std::slice::from_ref(&begun), 0);
    assert!(
        text.starts_with("step first cannot be attempted: the saga's input does not decode: "),
        "{text}"
    );
    let text = unusable(&[begin(&order, &7), done(0, "eight"), skipped(1)], 2);
    let start = "step last cannot be attempted: the output of step first does not decode: ";
    assert!(text.starts_with(start), "{text}");

    let state = State::first(order.plan(), &begun).expect("it begins so");
    let text = order.code().holds(StepIndex::new(1), &state).expect_err("no input").to_string();
    let start = "whether step gift is to be done cannot be told: the saga's input does not";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn what_is_not_there_is_not_taken_for_skipped() {
    let order = order();
    let journal = [begin(&order, &7), done(0, "8")];
    let failure = match ending(&order, &journal, 2, Side::Action) {
        Ending::Unusable(failure) => failure.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(failure, "step last cannot be attempted: step gift has no output to be read");
}

#[test]
fn code_that_panics_is_a_failure() {
    let mut saga = Saga::<u64>::define("order", 1);
    let first = saga.step("first", pure()).takes(|_, ()| panic!("no {}", "input"));
    let gift = saga.step("gift", pure()).after(first).when(|_, _| panic!("no idea"));
    let gift = gift.takes(|_, first| first);
    let order = saga.returns(gift).build().expect("it is possible");
    let begun = begin(&order, &7);

    let failure = Failure::failed("step first cannot be attempted: it panicked: no input");
    let ended = ending(&order, std::slice::from_ref(&begun), 0, Side::Action);
    assert_eq!(ended, Ending::Unusable(failure));
    let state = State::fold(order.plan(), &[begun, done(0, "8")]).expect("it can be folded");
    let failure = order.code().holds(StepIndex::new(1), &state).expect_err("it panics");
    let text = "whether step gift is to be done cannot be told: it panicked: no idea";
    assert_eq!(failure.to_string(), text);
}

/// A saga of one step that is given `T` and gives it back.
fn single<T>(make: impl Fn(u64) -> T + Send + Sync + 'static) -> Definition<u64, T>
where
    T: Send + 'static,
    Json: Codec<T>,
{
    let mut saga = Saga::<u64>::define("single", 1);
    let only = saga.step("only", echo(Effect::Keyed)).needs_no_compensation();
    let only = only.takes(move |order, ()| make(*order));
    saga.returns(only).build().expect("it is possible")
}

fn ambiguous(ending: Ending) -> String {
    match ending {
        Ending::Ambiguous(failure) => failure.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_output_that_cannot_be_stored_is_ambiguous() {
    let float = single(|_| f64::NAN);
    let text = ambiguous(ending(&float, &[begin(&float, &7)], 0, Side::Action));
    assert!(text.starts_with("it is done and its output cannot be stored: "), "{text}");

    // A text has two quotes around it.
    let long = single(|length| "x".repeat(usize::try_from(length).expect("short enough")));
    let limit = u64::try_from(OUTPUT_BYTES_MAX).expect("it is small");
    let ended = ending(&long, &[begin(&long, &(limit - 2))], 0, Side::Action);
    assert!(matches!(ended, Ending::Done { output, .. } if output.len() == OUTPUT_BYTES_MAX));
    let text = ambiguous(ending(&long, &[begin(&long, &(limit - 1))], 0, Side::Action));
    let sentence =
        "it is done and its output cannot be stored: 1048577 bytes, the limit is 1048576";
    assert_eq!(text, sentence);
}

#[test]
fn outcomes_become_endings() {
    let (no, soon) = (Failure::failed("no"), Duration::from_secs(1));
    let table = [
        (Outcome::Done(7), done_with("7")),
        (Outcome::failed("no"), Ending::Failed(no.clone())),
        (Outcome::rejected("no"), Ending::Failed(Failure::rejected("no"))),
        (Outcome::ambiguous("no"), Ending::Ambiguous(no.clone())),
        (Outcome::retry("no"), Ending::Retry { failure: no.clone(), after: None }),
        (Outcome::retry_after("no", soon), Ending::Retry { failure: no, after: Some(soon) }),
    ];
    for (outcome, expected) in table {
        let given = outcome.clone();
        let step = step_fn(Effect::Keyed, move |_cx, _: u64| {
            let outcome = given.clone();
            async move { outcome }
        });
        let answered = match outcome {
            Outcome::Done(_) => Outcome::Done(()),
            Outcome::Failed(failure) => Outcome::Failed(failure),
            Outcome::Ambiguous(failure) => Outcome::Ambiguous(failure),
            Outcome::Retry(failure, after) => Outcome::Retry(failure, after),
        };
        let answer = move |_cx, _: u64, _: Option<u64>| {
            let outcome = answered.clone();
            async move { outcome }
        };
        let mut saga = Saga::<u64>::define("order", 1);
        let only = saga.step("only", step).compensation_fn(answer).takes(|order, ()| *order);
        let order = saga.returns(only).build().expect("it is possible");
        let journal = [begin(&order, &7)];
        assert_eq!(ending(&order, &journal, 0, Side::Action), expected);
        let expected =
            if matches!(expected, Ending::Done { .. }) { done_with("") } else { expected };
        assert_eq!(ending(&order, &journal, 0, Side::Compensation), expected);
    }
}

#[test]
fn a_compensation_is_given_what_is_known() {
    let answer = |_cx, input: u64, output: Option<u64>| async move {
        Outcome::failed(format!("{input} {output:?}"))
    };
    let mut saga = Saga::<u64>::define("order", 1);
    let first = saga.step("first", pure()).takes(|order, ()| order + 1);
    let only = saga.step("only", echo(Effect::Keyed)).after(first).compensation_fn(answer);
    let only = only.takes(|order, first| order + first);
    let order = saga.returns(only).build().expect("it is possible");
    let journal = [begin(&order, &7), done(0, "8"), done(1, "3")];
    for (known, text) in [(2, "15 None"), (3, "15 Some(3)")] {
        let ended = ending(&order, &journal[..known], 1, Side::Compensation);
        assert_eq!(ended, Ending::Failed(Failure::failed(text)));
    }
    let ended = ending(&order, &journal, 0, Side::Compensation);
    let text = "step first cannot be attempted: it has no compensation";
    assert_eq!(ended, Ending::Unusable(Failure::failed(text)));
}

#[test]
fn a_step_may_end_its_saga() {
    let early = |limit: u64| {
        let mut saga = Saga::<u64>::define("order", 1);
        let first = saga.step("first", pure()).takes(|order, ()| *order);
        let last = saga.step("last", pure()).after(first).when(|_, _| true);
        let last = last.takes(|_, first| first);
        let saga = saga.returns(last).ends_early(first, move |order, first| {
            assert_ne!(first, 13, "unlucky");
            (first > limit).then_some(order * 2)
        });
        saga.build().expect("it is possible")
    };
    let ended = |limit, input: u64| {
        let order = early(limit);
        ending(&order, &[begin(&order, &input)], 0, Side::Action)
    };
    assert_eq!(ended(9, 7), done_with("7"));
    let (output, early) = (Bytes::from_static(b"7"), Some(Bytes::from_static(b"14")));
    assert_eq!(ended(5, 7), Ending::Done { output, early });
    let text = ambiguous(ended(5, 13));
    let start = "it is done and whether that ends the saga cannot be told: it panicked: ";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn both_ends_are_typed() {
    let order = order();
    assert_eq!(order.encode_input(&7).expect("a number"), "7");
    assert_eq!(order.decode_output(Some(br#""done""#)).expect("a text"), "done");
    let missing = order.decode_output(None).expect_err("it has to have one");
    assert_eq!(missing.to_string(), "the saga was completed without an output");
    let error = order.decode_output(Some(b"?")).expect_err("no JSON").to_string();
    assert!(error.starts_with("the saga's output does not decode: "), "{error}");

    let mut saga = Saga::<f64>::define("float", 1);
    let only = saga.step("only", pure()).when(|_, ()| false).takes(|_, ()| 1);
    let optional = saga.returns(only).build().expect("it is possible");
    assert!(optional.encode_input(&f64::NAN).is_err(), "JSON cannot say it");
    assert_eq!(optional.decode_output(None).expect("it was skipped"), None);
    assert_eq!(optional.decode_output(Some(b"1")).expect("it was done"), Some(1));
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no amount")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn an_error_that_nobody_classified_is_ambiguous() {
    let parse = |text: &str| -> Result<u64, NotDone> { Ok(text.parse().map_err(Outer)?) };
    assert_eq!(Outcome::from_result(parse("7")), Outcome::Done(7));
    let text = "no amount: invalid digit found in string";
    assert_eq!(Outcome::from_result(parse("x")), Outcome::ambiguous(text));
}

#[cfg(feature = "bincode")]
#[test]
fn another_codec_serves_as_well() {
    use crate::codec::Bincode;

    let mut saga = Saga::<u64>::define_with(Bincode, "order", 1);
    let first = saga.step("first", pure()).takes(|order, ()| *order);
    let gift = saga.step("gift", pure()).after(first).when(|order, _| *order > 5);
    let gift = gift.takes(|_, first| first + 1);
    let order = saga.returns(gift).build().expect("it is possible");
    for (input, expected) in [(7, Some(8)), (3, None)] {
        let life = Life::begin(&order, &input).live();
        let output = life.state.output(order.plan()).map(AsRef::as_ref);
        assert_eq!(order.decode_output(output).expect("it completed"), expected);
    }
}
