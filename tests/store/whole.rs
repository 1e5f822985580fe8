//! Appends as a reader meets them: whole or not at all, with two exceptions that count events.
//!
//! The invariants: no moment in the past lies inside of an append; and where a limit has cut one,
//! the next read goes on with its next event.

use super::{
    Host, event,
    host::{at, positions, tiny},
    note, stream,
};
use sagalog::{
    Append, ConsumerId, EventType, ExpectedRevision, Query, QueryItem, Read, ReadError, Tag,
    WallTime,
};
use sagalog_testkit::SimDisk;

/// A transfer: four events to two streams in one append.
fn transfer() -> Append {
    let tagged = |name: &str| event(name, "1").tag(Tag::parse("transfer").expect("a name"));
    Append::new()
        .event(stream("account-a"), tagged("Withdrawn"))
        .event(stream("account-b"), tagged("Deposited"))
        .event(stream("account-a"), tagged("Withdrawn"))
        .event(stream("account-b"), tagged("Deposited"))
}

fn of_type(name: &str) -> Read {
    let event_type = EventType::parse(name).expect("a name");
    Read::query(Query::new(QueryItem::new().event_type(event_type)))
}

/// Every position of the log as a moment, in memory and from runs.
#[test]
fn a_moment_shows_whole_appends() {
    let mut host = Host::closed(SimDisk::new(), tiny());
    host.start();
    for _ in 0..5 {
        host.append(note("single-1", "x"));
        host.append(transfer());
    }
    let appended = 5 * 5;
    for round in 0..3 {
        for last in 0..appended {
            // The first of five positions stands alone, the next four are one append.
            let whole = if last % 5 == 0 { last + 1 } else { last / 5 * 5 + 5 };
            let as_of = |read: Read| host.read(read.as_of_position(at(last)));
            let all: Vec<u64> = (0..whole).collect();
            assert_eq!(positions(&as_of(Read::all())), all, "as of {last}");
            let newest_first: Vec<u64> = (0..whole).rev().collect();
            assert_eq!(positions(&as_of(Read::all().backward())), newest_first);
            let transfers = usize::try_from(whole / 5).expect("few");
            let accounts = ["account-a", "account-b"].map(|name| {
                match host.try_read(Read::stream(stream(name)).as_of_position(at(last))) {
                    Ok(events) => events.len(),
                    Err(ReadError::StreamNotFound(_)) => 0,
                    Err(error) => panic!("{error}"),
                }
            });
            assert_eq!(accounts, [2 * transfers; 2], "as of {last}, round {round}");
            assert_eq!(as_of(Read::category("account").backward()).len(), 4 * transfers);
            assert_eq!(as_of(of_type("Deposited")).len(), 2 * transfers);
        }
        if round == 0 {
            host.flush();
        } else {
            host.restart();
        }
    }
}

/// What was recorded together has one time.
#[test]
fn a_time_shows_whole_appends() {
    let host = Host::new();
    host.append(transfer());
    let recorded = host.read(Read::all())[3].recorded_at();
    host.append(transfer());
    let before = WallTime::from_unix_nanos(recorded.as_unix_nanos() - 1);
    assert!(host.read(Read::all().as_of_time(before)).is_empty());
    assert_eq!(host.read(Read::all().as_of_time(recorded)).len() % 4, 0);
}

/// The exceptions: a limit and a place to begin count events, so that a reader with little room
/// gets through an append of any size and sees each event once.
#[test]
fn a_limit_may_end_within_an_append_and_the_next_read_goes_on_there() {
    let host = Host::new();
    host.append(transfer());
    host.append(transfer());
    for limit in 1..=8 {
        let (mut next, mut seen) = (at(0), Vec::new());
        loop {
            let some = host.read(Read::all().from_position(next).limit(limit));
            let Some(last) = some.last() else { break };
            next = last.position().next();
            seen.extend(positions(&some));
        }
        assert_eq!(seen, (0..8).collect::<Vec<u64>>(), "by {limit}");
    }
}

/// A checkpoint is the caller's number. As the position to go on from it loses no event and gives
/// none twice, also within an append.
#[test]
fn a_checkpoint_that_says_where_to_go_on_gives_each_event_once() {
    let host = Host::new();
    let mailer = ConsumerId::parse("mailer").expect("a name");
    host.append(transfer());
    host.append(transfer());
    let mut seen = Vec::new();
    for _ in 0..3 {
        let next = host.run(host.store().checkpoint(&mailer)).expect("readable");
        let from = Read::all().from_position(next.unwrap_or_default()).limit(3);
        let some = host.read(from);
        seen.extend(positions(&some));
        let next = some.last().expect("there are more").position().next();
        host.append(Append::new().checkpoint(mailer.clone(), next));
    }
    assert_eq!(seen, (0..8).collect::<Vec<u64>>());
}

/// Guards see the log before the append: its own events are not there yet.
#[test]
fn guards_do_not_see_the_events_of_their_own_append() {
    let host = Host::new();
    let (first, second) = (event("A", "1"), event("B", "2"));
    let both = || {
        let append = Append::new().event(stream("a-1"), first.clone());
        append.event(stream("a-1"), second.clone())
    };
    let revision_0 = ExpectedRevision::Exact(sagalog::Revision::new(0));
    let as_if_in_turn =
        both().expect(stream("a-1"), ExpectedRevision::NoStream).expect(stream("a-1"), revision_0);
    let error = host.refusal(as_if_in_turn);
    assert_eq!(
        error.to_string(),
        "stream a-1 has no events, expected revision 0; nothing was stored"
    );
    let committed = host.append(both().expect(stream("a-1"), ExpectedRevision::NoStream));
    assert_eq!(committed.revision(&stream("a-1")), Some(sagalog::Revision::new(1)));
}
