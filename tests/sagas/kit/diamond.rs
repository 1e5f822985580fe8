//! Five steps, a -> {b, c, d} -> e, each with a compensation.

use super::books::Books;
use sagalog::{
    definition::{Definition, Outcome, Saga, Step, StepCx},
    saga::Effect,
};

/// Has an effect with the participant of its name.
struct Act(Books, &'static str);

impl Step for Act {
    type In = u64;
    type Out = u64;

    fn effect(&self) -> Effect {
        Effect::Keyed
    }

    async fn run(&self, cx: StepCx, amount: u64) -> Outcome<u64> {
        if self.0.act(self.1, &cx.key(), amount) {
            Outcome::Done(amount + 1)
        } else {
            Outcome::failed("it was answered before")
        }
    }
}

#[expect(clippy::many_single_char_names, reason = "they are those of the steps")]
pub(crate) fn diamond(books: &Books) -> Definition<u64, u64> {
    let mut saga = Saga::<u64>::define("diamond", 1);
    let answer = |who: &'static str| {
        let books = books.clone();
        move |cx: StepCx, _: u64, _: Option<u64>| {
            books.answer(who, &cx);
            async { Outcome::Done(()) }
        }
    };
    let act = |who| Act(books.clone(), who);
    let a = saga.step("a", act("a")).compensation_fn(answer("a")).takes(|n, ()| *n);
    let b = saga.step("b", act("b")).after(a).compensation_fn(answer("b")).takes(|_, n| n);
    let c = saga.step("c", act("c")).after(a).compensation_fn(answer("c")).takes(|_, n| n);
    let d = saga.step("d", act("d")).after(a).compensation_fn(answer("d")).takes(|_, n| n);
    let e = saga
        .step("e", act("e"))
        .after((b, c, d))
        .compensation_fn(answer("e"))
        .takes(|_, (b, c, d)| b + c + d);
    saga.returns(e).build().expect("it is possible")
}
