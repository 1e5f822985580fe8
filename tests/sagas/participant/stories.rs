//! What is delivered twice, late, in another order or with an older right, as stories.

use super::{
    judge::Judge,
    service::{RUSH_HOUR, Service, done, release, reserve},
};
use sagalog::{
    Append, EventType, NewEvent, Read, StreamId,
    runtime::{Answer, Call, CallFence},
};
use sagalog_testkit::{Fault, FaultKind, Operation};

#[test]
fn a_repeated_delivery_gets_the_first_reply_and_stores_nothing() {
    let mut service = Service::new(1);
    assert_eq!(service.answer(&reserve("a", 1, 1)), done("reservation 0"));
    assert_eq!(service.answer(&reserve("b", 1, 1)), done("reservation 1"));
    assert_eq!(service.answer(&release("b", 1, 1)), done("released reservation 1"));
    let head = service.head();
    for epoch in 1..4 {
        assert_eq!(service.answer(&reserve("a", epoch, 1)), done("reservation 0"));
        assert_eq!(service.answer(&reserve("a", epoch, 2)), done("reservation 0"));
        assert_eq!(service.answer(&release("b", epoch, 1)), done("released reservation 1"));
        assert_eq!(service.head(), head);
        service.restart_after_crash();
    }
    assert_eq!((service.counts("a"), service.counts("b")), ((1, 0), (1, 1)));
}

#[test]
fn an_effect_and_its_reply_are_one_append() {
    let service = Service::new(1);
    service.answer(&reserve("a", 1, 1));
    let store = service.participant().store().clone();
    let all = service.world().block_on(store.read(Read::all().with_system()).collect());
    let all = all.expect("readable");
    let shown: Vec<_> = all.iter().map(|event| (event.stream(), event.event_type())).collect();
    assert_eq!(shown, [("shelf", "Reserved"), ("$effect-a", "EffectDone")]);
    assert_eq!(all[0].recorded_at(), all[1].recorded_at());
    let visible = service.world().block_on(store.read(Read::all()).collect()).expect("readable");
    assert_eq!(visible.len(), 1, "a service reads its own events and not the kit's");
}

#[test]
fn a_refused_key_stays_refused() {
    let mut service = Service::new(1);
    service.answer(&reserve("a", 1, 1));
    service.answer(&reserve("b", 1, 1));
    let refused = Answer::Refused("sold out".into());
    assert_eq!(service.answer(&reserve("c", 1, 1)), refused);
    // A piece is there again, but the caller was told and went on without it.
    service.answer(&release("a", 1, 1));
    service.restart_after_power_failure();
    assert_eq!(service.answer(&reserve("c", 1, 1)), refused);
    assert_eq!(service.answer(&release("c", 1, 1)), done(""));
    assert_eq!(service.answer(&reserve("c", 2, 1)), refused);
    assert_eq!(service.counts("c"), (0, 0));
    assert_eq!(service.answer(&reserve("d", 1, 1)), done("reservation 2"));
}

#[test]
fn a_busy_delivery_leaves_no_trace() {
    let service = Service::new(1);
    let rushed = Call { payload: RUSH_HOUR.into(), ..reserve("a", 2, 2) };
    assert_eq!(service.answer(&rushed), Answer::Busy(RUSH_HOUR.into()));
    assert_eq!(service.head(), 0);
    assert_eq!(service.answer(&reserve("a", 1, 1)), done("reservation 0"));
}

#[test]
fn a_compensation_that_comes_first_leaves_a_tombstone() {
    let mut service = Service::new(1);
    assert_eq!(service.answer(&release("a", 2, 1)), done(""));
    for _ in 0..2 {
        // Delayed, or sent by an executor that knows nothing of it yet.
        for epoch in 1..4 {
            assert_eq!(service.answer(&reserve("a", epoch, 1)), Answer::Compensated);
            assert_eq!(service.answer(&release("a", 3, 1)), done(""));
        }
        service.restart_after_power_failure();
    }
    assert_eq!(service.counts("a"), (0, 0));
}

#[test]
fn a_delayed_action_does_nothing_once_its_compensation_is_done() {
    let mut service = Service::new(1);
    service.answer(&reserve("a", 1, 1));
    assert_eq!(service.answer(&release("a", 1, 1)), done("released reservation 0"));
    assert_eq!(service.answer(&reserve("a", 1, 1)), Answer::Compensated);
    service.restart_after_power_failure();
    assert_eq!(service.answer(&reserve("a", 2, 1)), Answer::Compensated);
    assert_eq!(service.answer(&release("a", 2, 1)), done("released reservation 0"));
    assert_eq!(service.counts("a"), (1, 1));
}

#[test]
fn an_older_right_to_act_is_refused() {
    let mut service = Service::new(1);
    service.answer(&reserve("a", 2, 3));
    service.restart_after_power_failure();
    let fenced = |epoch, attempt| Answer::Fenced { current: CallFence { epoch, attempt } };
    assert_eq!(service.answer(&reserve("a", 1, 9)), fenced(2, 3));
    assert_eq!(service.answer(&reserve("a", 2, 2)), fenced(2, 3));
    assert_eq!(service.answer(&release("a", 1, 9)), fenced(2, 3));
    assert_eq!(service.counts("a"), (1, 0));
    // Attempts of a compensation are counted from 1 again.
    assert_eq!(service.answer(&release("a", 2, 1)), done("released reservation 0"));
    assert_eq!(service.answer(&release("a", 1, 2)), fenced(2, 3));
    assert_eq!(service.counts("a"), (1, 1));
}

#[test]
fn deliveries_that_race_on_a_key_have_one_effect() {
    for seed in 0..60 {
        let service = Service::new(seed);
        let mut judge = Judge::default();
        let calls = [
            reserve("a", 1, 1),
            reserve("a", 1, 1),
            release("a", 1, 1),
            reserve("a", 1, 2),
            release("a", 1, 2),
            reserve("b", 1, 1),
        ];
        let answers = service.deliver_together(&calls);
        judge.note(&calls, answers.into_iter().map(Some).collect());
        judge.judge(&service);
    }
}

#[test]
fn keys_that_race_for_the_last_piece_share_what_there_is() {
    for seed in 0..60 {
        let service = Service::new(seed);
        let keys = ["a", "b", "c", "d", "e"];
        let calls = keys.map(|key| reserve(key, 1, 1));
        let answers = service.deliver_together(&calls);
        let done = answers.iter().filter(|answer| matches!(answer, Ok(Answer::Done(_)))).count();
        let refused =
            answers.iter().filter(|answer| matches!(answer, Ok(Answer::Refused(_)))).count();
        assert_eq!((done, refused), (2, 3), "seed {seed}: {answers:?}");
        assert_eq!(service.done().len(), 2);
    }
}

#[test]
fn a_delivery_whose_append_is_unknown_has_no_answer() {
    for kept in [0, u64::MAX] {
        let mut service = Service::new(1);
        let mut judge = Judge::default();
        let fault = Fault::at_nth(FaultKind::SyncError, kept, Operation::Sync, 1, "log-");
        service.world().disk(|disk| disk.schedule(fault));
        let lost = service.deliver(&reserve("a", 1, 1));
        assert!(lost.is_err(), "{lost:?}");
        // Nothing of it may be shown either, since it may be gone.
        let again = service.deliver(&reserve("a", 1, 2));
        assert!(matches!(again, Ok(Answer::Busy(_))), "{again:?}");
        service.restart_after_power_failure();
        let told = service.answer(&reserve("a", 1, 3));
        assert_eq!(told, done("reservation 0"));
        judge.note(&[reserve("a", 1, 1), reserve("a", 1, 2)], vec![Some(lost), Some(again)]);
        judge.note(&[reserve("a", 1, 3)], vec![Some(Ok(told))]);
        judge.judge(&service);
    }
}

#[test]
fn books_that_another_program_wrote_are_an_answer_and_no_panic() {
    let service = Service::new(1);
    let store = service.participant().store().clone();
    let stream = StreamId::system("$effect-a").expect("a name");
    let foreign = NewEvent::new(EventType::parse("EffectDone").expect("a name"), "short");
    let append = Append::new().event(stream, foreign);
    service.world().block_on(store.append(append)).expect("healthy");
    match service.answer(&reserve("a", 1, 1)) {
        Answer::Busy(reason) => {
            assert_eq!(reason.as_str(), "$effect-a: a record of a call is too short");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(service.answer(&reserve("b", 1, 1)), done("reservation 0"));
}
