//! What else a saga may do: store events, return to a savepoint, panic, wait for what never comes.

use super::books::Books;
use sagalog::{
    EventType, ExpectedRevision, NewEvent, StreamId,
    codec::Json,
    definition::{Outcome, Saga, SagaBuilder, step_fn},
    saga::Effect,
};
use sagalog_testkit::saga::{Broken, Finish, SagaTest, Seen, Subject};
use std::future::pending;

fn saga() -> SagaBuilder<u64, Json> {
    Saga::define("edges", 1)
}

#[test]
fn events_of_a_transactional_step_are_stored_with_its_result_or_not_at_all() {
    let test = SagaTest::new(Books::default, |_: &Books| {
        let place = step_fn(Effect::Transactional, |cx, number: u64| {
            let stream = StreamId::parse(&format!("order-{number}")).expect("a name");
            let event = NewEvent::new(EventType::parse("OrderPlaced").expect("a name"), "{}");
            cx.append(stream, ExpectedRevision::Any, event);
            async move { Outcome::Done(number) }
        });
        let mut saga = saga();
        let place = saga.step("place", place).needs_no_compensation().takes(|number, ()| *number);
        Subject::new(&saga.returns(place).build().expect("it is possible"), &7)
    });
    let explored = test.crash_everywhere(|seen| match (seen.finish, seen.events.len()) {
        (Finish::Completed, 1) | (Finish::Aborted(_), 0) => Ok(()),
        (Finish::Aborted(_), 1) if seen.state.cancel_asked().is_some() => Ok(()),
        (finish, events) => Err(format!("{finish:?} with {events} events")),
    });
    assert!(explored.is_ok_and(|explored| explored.all && explored.completed > 0));
    test.repeat_everything(Books::all).expect("its code changes nothing");
}

/// A reservation is kept while the two steps behind it are done again, once.
#[test]
fn a_return_to_a_savepoint_answers_what_lies_behind_it() {
    let test = SagaTest::new(Books::default, |books: &Books| {
        let act = |who: &'static str| {
            let books = books.clone();
            step_fn(Effect::Keyed, move |cx, amount: u64| {
                let done = books.act(who, &cx.key(), amount);
                async move { if done { Outcome::Done(amount) } else { Outcome::failed("dead") } }
            })
        };
        let answer = |who: &'static str| {
            let books = books.clone();
            move |cx, _, _| {
                books.answer(who, &cx);
                async { Outcome::Done(()) }
            }
        };
        let mut saga = saga();
        let room = saga.step("room", act("room")).compensation_fn(answer("room")).savepoint(1);
        let room = room.takes(|amount, ()| *amount);
        let car = saga.step("car", act("car")).after(room).compensation_fn(answer("car"));
        let car = car.takes(|_, amount| amount);
        let seat = saga.step("seat", act("seat")).after(car).compensation_fn(answer("seat"));
        let seat = seat.takes(|_, amount| amount);
        Subject::new(&saga.returns(seat).build().expect("it is possible"), &3)
    });
    let all_or_nothing = |seen: &Seen<'_, Books>| {
        let standing = ["room", "car", "seat"].map(|who| seen.world.count(who));
        match seen.finish {
            Finish::Completed if standing == [1; 3] => Ok(()),
            Finish::Aborted(_) if standing == [0; 3] => Ok(()),
            finish => Err(format!("{finish:?} with {standing:?}")),
        }
    };
    let explored = test.crash_everywhere(all_or_nothing).expect("it is right");
    assert!(explored.all && explored.completed > 0 && explored.aborted > 0, "{explored}");
    test.repeat_everything(Books::all).expect("its claims hold");
}

#[test]
fn code_that_waits_for_the_outside_is_named() {
    let test = SagaTest::new(Books::default, |_: &Books| {
        let wait = step_fn(Effect::Pure, |_, _: u64| pending::<Outcome<u64>>());
        let mut saga = saga();
        let wait = saga.step("wait", wait).takes(|number, ()| *number);
        Subject::new(&saga.returns(wait).build().expect("it is possible"), &7)
    });
    let complaint = test.crash_everywhere(|_| Ok(())).expect_err("it waits");
    assert_eq!(*complaint.broken(), Broken::Waits("wait".into()), "{complaint}");
}

#[test]
fn a_panic_is_the_failure_of_an_attempt() {
    let test = SagaTest::new(Books::default, |_: &Books| {
        let burst = step_fn(Effect::Keyed, |_, number: u64| async move {
            assert!(number != 7, "it bursts");
            Outcome::Done(number)
        });
        let mut saga = saga();
        let burst = saga.step("burst", burst).needs_no_compensation().takes(|number, ()| *number);
        Subject::new(&saga.returns(burst).build().expect("it is possible"), &7)
    });
    let complaint = test.crash_everywhere(|seen| match seen.finish {
        Finish::Completed => Ok(()),
        finish => Err(format!("{finish:?}")),
    });
    let report = complaint.expect_err("it never completes").to_string();
    assert!(report.contains("it panicked: it bursts"), "{report}");
    assert!(report.contains("time passes"), "attempts follow after delays: {report}");
}
