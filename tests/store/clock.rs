//! A wall clock that is out of order: recorded time, and who lives by it.
//!
//! The invariant: recorded time never goes back, and no single reading drags it to the end of all
//! time.

use super::{Host, note};
use sagalog::{EventType, NewEvent, Read, WallTime, limits::CLOCK_NANOS_MAX, runtime::Clock as _};

fn nanos(host: &Host) -> Vec<u64> {
    host.read(Read::all()).iter().map(|event| event.recorded_at().as_unix_nanos()).collect()
}

/// Beyond what is believed of a clock, at its edge, and in 1970.
#[test]
fn one_reading_beyond_belief_does_not_become_the_time_of_all_that_follows() {
    for beyond in [CLOCK_NANOS_MAX + 1, u64::MAX - 1, u64::MAX] {
        let mut host = Host::new();
        host.append(note("a", "before"));
        let right = host.world().runtime().wall();
        host.world().set_wall(WallTime::from_unix_nanos(beyond));
        host.append(note("a", "then"));
        host.restart();
        host.append(note("a", "then"));
        host.world().set_wall(right);
        host.append(note("a", "after"));
        let told = nanos(&host);
        assert!(told.is_sorted(), "{told:?}");
        let hour = 3_600_000_000_000;
        assert!(told[3] - told[0] < hour, "time goes on as if nothing had been: {told:?}");
        assert_eq!((told[1], told[2]), (told[0], told[0]), "what is not known does not move it");
        let as_of = Read::all().as_of_time(WallTime::from_unix_nanos(told[3]));
        assert_eq!(host.read(as_of).len(), 4);
    }
}

#[test]
fn a_clock_at_1970_moves_nothing_and_one_at_the_edge_is_believed() {
    let mut host = Host::new();
    host.world().set_wall(WallTime::from_unix_nanos(0));
    host.append(note("a", "a battery is empty"));
    host.world().set_wall(WallTime::from_unix_nanos(1_700_000_000_000_000_000));
    host.append(note("a", "the clock is set"));
    host.world().set_wall(WallTime::from_unix_nanos(0));
    host.restart();
    host.append(note("a", "and empty again"));
    let told = nanos(&host);
    assert!(told[0] < 3_600_000_000_000 && told[1] >= 1_700_000_000_000_000_000, "{told:?}");
    assert_eq!(told[2], told[1], "{told:?}");
    host.world().set_wall(WallTime::from_unix_nanos(CLOCK_NANOS_MAX - 1_000_000_000));
    host.append(note("a", "the last second that is believed"));
    let last = nanos(&host)[3];
    assert!((CLOCK_NANOS_MAX - 1_000_000_000..=CLOCK_NANOS_MAX).contains(&last), "{last}");
}

/// What a caller says of an event is kept as it is, and is no clock.
#[test]
fn when_an_event_happened_is_the_caller_s_word_and_moves_nothing() {
    let host = Host::new();
    let end = WallTime::from_unix_nanos(u64::MAX);
    let event = NewEvent::new(EventType::parse("T").expect("a name"), "x").occurred_at(end);
    host.append(sagalog::Append::new().event(super::stream("a"), event));
    host.append(note("a", "after"));
    let told = host.read(Read::all());
    assert_eq!(told[0].occurred_at(), Some(end));
    assert!(told[1].recorded_at().as_unix_nanos() < CLOCK_NANOS_MAX);
}
