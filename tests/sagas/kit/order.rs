//! A saga of three steps, stock, payment and parcel, right or with one mistake in it.

use super::books::Books;
use sagalog::{
    definition::{Definition, Outcome, Saga, step_fn},
    saga::{Effect, Retry},
};
use sagalog_testkit::saga::{Finish, SagaTest, Seen, Subject};
use std::time::Duration;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// A payment that timed out is recorded as refused.
    TimeoutIsFailure,
    /// Each attempt of the payment has a key of its own.
    KeyOfAttempt,
    /// The compensation of the payment gives back only what it has a receipt for.
    NeedsReceipt,
    /// Only stock of which it is known that it was reserved is released.
    ReleaseNeedsOutput,
    /// The stock is released by adding to it, however often it was.
    ReleaseAdds,
    /// The compensation of the payment remembers nothing.
    NoTombstone,
    /// The step that asks for the price writes it down.
    PureWrites,
    /// The stock says that no compensation is needed.
    NothingReleased,
}

pub(crate) fn saga_of(books: &Books, mistake: Mistake) -> Definition<u64, u64> {
    let (stock, bank, post) = (books.clone(), books.clone(), books.clone());
    let (unstock, unbank) = (books.clone(), books.clone());
    let scribe = books.clone();
    let price = step_fn(Effect::Pure, move |cx, cents: u64| {
        if mistake == Mistake::PureWrites {
            scribe.act("price", &cx.key(), cents);
        }
        async move { Outcome::Done(cents) }
    });
    let reserve = step_fn(Effect::Keyed, move |cx, cents: u64| {
        let done = stock.act("stock", &cx.key(), cents);
        async move { if done { Outcome::Done(cents) } else { Outcome::failed("released before") } }
    });
    let pay = step_fn(Effect::Keyed, move |cx, cents: u64| {
        let key = match mistake {
            Mistake::KeyOfAttempt => format!("{}/{}", cx.key(), cx.fence().epoch),
            _ => cx.key().to_string(),
        };
        let done = bank.act_as("bank", key, cents);
        let late = mistake == Mistake::TimeoutIsFailure;
        async move {
            match (done, late) {
                (false, _) => Outcome::failed("paid back before"),
                (true, false) => Outcome::Done(cents + 1),
                (true, true) => Outcome::failed("timeout"),
            }
        }
    });
    let send = step_fn(Effect::Keyed, move |cx, receipt: u64| {
        post.act("post", &cx.key(), receipt);
        async move { Outcome::Done(receipt) }
    });
    let mut saga = Saga::<u64>::define("order", 1);
    let price = saga.step("price", price).takes(|cents, ()| *cents);
    let builder = saga.step("reserve", reserve);
    let builder = if mistake == Mistake::NothingReleased {
        builder.needs_no_compensation()
    } else {
        builder.compensation_fn(move |cx, _, reserved: Option<u64>| {
            match mistake {
                Mistake::ReleaseAdds => {
                    let entry = format!("{} released by {}", cx.key(), cx.fence().epoch);
                    unstock.act_as("stock", entry, 1);
                    unstock.forget("stock", cx.key().as_str());
                }
                Mistake::ReleaseNeedsOutput if reserved.is_none() => {}
                _ => unstock.answer("stock", &cx),
            }
            async { Outcome::Done(()) }
        })
    };
    let reserve = builder.takes(|cents, ()| *cents);
    let charge = saga
        .step("charge", pay)
        .after((price, reserve))
        .retry(Retry::fixed(Duration::from_secs(1)).attempts(2))
        .compensation_fn(move |cx, _, receipt: Option<u64>| {
            match mistake {
                Mistake::NeedsReceipt if receipt.is_none() => {}
                Mistake::NoTombstone => unbank.forget("bank", cx.key().as_str()),
                _ => unbank.answer("bank", &cx),
            }
            async { Outcome::Done(()) }
        })
        .pivot()
        .takes(|_, (cents, _)| cents);
    let ship = saga.step("ship", send).after(charge).retriable().takes(|_, receipt| receipt);
    saga.returns(ship).deadline(Duration::from_secs(60)).build().expect("it is possible")
}

pub(crate) type Order = SagaTest<fn() -> Books, Box<dyn Fn(&Books) -> Subject>>;

pub(crate) fn order(mistake: Mistake) -> Order {
    let saga = Box::new(move |books: &Books| Subject::new(&saga_of(books, mistake), &5));
    SagaTest::new(Books::default, saga)
}

/// Paid, reserved and sent, or nothing of it.
pub(crate) fn all_or_nothing(seen: &Seen<'_, Books>) -> Result<(), String> {
    let counts = ["stock", "bank", "post"].map(|who| seen.world.count(who));
    match (seen.finish, counts) {
        (Finish::Completed, [1, 1, 1])
        | (Finish::Aborted(_), [0, 0, 0])
        | (Finish::Stuck, [.., 0]) => Ok(()),
        (finish, [stock, bank, post]) => {
            Err(format!("{finish:?} with {stock} reserved, {bank} paid, {post} sent"))
        }
    }
}
