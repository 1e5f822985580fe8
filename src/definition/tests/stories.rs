//! Whole sagas, from their definition to their end.

use super::*;
use crate::saga::{Cause, OnStuck, Output, Retry, SagaEnd};
use std::sync::Mutex;

/// What the world was asked to do, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: &str) {
        self.0.lock().expect("nobody panics with it").push(what.to_owned());
    }

    fn read(&self) -> String {
        self.0.lock().expect("nobody panics with it").join(", ")
    }

    /// A step that does `what` and ends like this the first time, and then is done.
    fn doing(&self, first: Outcome<u64>) -> impl Step<In = u64, Out = u64> {
        let (diary, first) = (self.clone(), Mutex::new(Some(first)));
        step_fn(Effect::Keyed, move |cx, input: u64| {
            diary.note(cx.step().as_str());
            let first = first.lock().expect("nobody panics with it").take();
            async move { first.unwrap_or(Outcome::Done(input)) }
        })
    }

    /// Its compensation.
    fn answering<S: Step>(&self) -> impl Compensation<S> + use<S> {
        Answer(self.clone())
    }
}

struct Answer(Diary);

impl<S: Step> Compensation<S> for Answer {
    async fn compensate(&self, cx: StepCx, _: S::In, output: Option<S::Out>) -> Outcome<()> {
        let known = if output.is_some() { "" } else { "?" };
        self.0.note(&format!("-{}{known}", cx.step()));
        Outcome::Done(())
    }
}

/// Two steps side by side, the pivot, and one behind it on a condition.
fn order(diary: &Diary, charging: Outcome<u64>) -> Definition<u64, Option<u64>> {
    let mut saga = Saga::<u64>::define("order", 1);
    let once = Retry::never();
    let reserve = saga.step("reserve", diary.doing(Outcome::Done(1)));
    let reserve = reserve.compensation(diary.answering()).takes(|order, ()| *order);
    let mail = saga.step("mail", diary.doing(Outcome::retry("busy")));
    let mail = mail.compensation(diary.answering()).takes(|order, ()| *order);
    let charge = saga.step("charge", diary.doing(charging)).after((reserve, mail)).pivot();
    let charge = charge.compensation(diary.answering()).retry(once);
    let charge = charge.takes(|_, (reserved, mailed)| reserved + mailed);
    let ship = saga.step("ship", diary.doing(Outcome::retry("busy"))).after(charge).retriable();
    let ship = ship.when(|order, _| *order > 5).takes(|_, charged| charged);
    saga.returns(ship).on_stuck(OnStuck::Continue).build().expect("it is possible")
}

fn cause(life: &Life) -> Option<Cause> {
    match life.state.end()? {
        SagaEnd::Aborted { cause, .. } => Some(*cause),
        SagaEnd::Completed(_) => None,
    }
}

#[test]
fn an_order_is_completed() {
    for (input, output, deeds) in [
        (7, Some(8), "reserve, mail, mail, charge, ship, ship"),
        (5, None, "reserve, mail, mail, charge"),
    ] {
        let diary = Diary::default();
        let order = order(&diary, Outcome::Done(8));
        let life = Life::begin(&order, &input).live();
        assert_eq!(life.state.end(), Some(&SagaEnd::Completed(Output::OfStep)));
        let bytes = life.state.output(order.plan()).map(AsRef::as_ref);
        assert_eq!(order.decode_output(bytes).expect("it completed"), output);
        assert_eq!(diary.read(), deeds);
    }
}

#[test]
fn an_order_is_compensated() {
    let forward = "reserve, mail, mail, charge";
    for (charging, expected, back) in [
        (Outcome::rejected("no money"), Cause::Rejected, "-reserve, -mail"),
        (Outcome::failed("no bank"), Cause::Failed, "-reserve, -mail"),
        (Outcome::ambiguous("no answer"), Cause::Failed, "-charge?, -reserve, -mail"),
    ] {
        let diary = Diary::default();
        let order = order(&diary, charging);
        let life = Life::begin(&order, &7).live();
        assert_eq!(cause(&life), Some(expected));
        assert_eq!(diary.read(), format!("{forward}, {back}"));
    }
}

#[test]
fn a_saga_ends_early_with_nothing_behind_it() {
    let diary = Diary::default();
    let mut saga = Saga::<u64>::define("order", 1);
    let first = saga.step("first", diary.doing(Outcome::Done(3))).needs_no_compensation();
    let first = first.takes(|order, ()| *order);
    let last = saga.step("last", diary.doing(Outcome::Done(4))).after(first);
    let last = last.needs_no_compensation().takes(|_, first| first);
    let saga = saga.returns(last).ends_early(first, |order, first| (first == 3).then_some(*order));
    let order = saga.build().expect("it is possible");
    let life = Life::begin(&order, &7).live();
    let early = Output::Early(Bytes::from_static(b"7"));
    assert_eq!(life.state.end(), Some(&SagaEnd::Completed(early)));
    assert_eq!(diary.read(), "first");
}
