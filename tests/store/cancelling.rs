//! Futures that are dropped at every poll: nothing is half done, and nothing is lost or stuck.

use super::{
    Host, check, event,
    host::{at, exact, text, tiny},
    key, note, stream,
    truth::Truth,
};
use sagalog::{Append, AppendError, ExpectedRevision, Query, QueryItem, Read, Tag};
use std::{future::poll_fn, pin::pin, task::Poll};

/// Polls `future` so many times and drops it; its output if that was enough.
async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Woken again by what it waits for, or at once: either way the next poll comes.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Everything that an append can have to look up, in runs, with no page in memory.
fn demanding(n: usize) -> Append {
    let tag = Tag::parse("t").expect("a name");
    Append::new()
        .event(stream("two-1"), event("T", format!("{n} a")))
        .event(stream("two-2"), event("T", format!("{n} b")))
        .expect(stream("old"), exact(0))
        .expect(stream("never"), ExpectedRevision::NoStream)
        .no_match(Query::new(QueryItem::new().tag(tag)), None)
        .key(key(&format!("k{n}")))
}

#[test]
fn an_append_that_is_dropped_at_any_poll_is_stored_whole_or_not_at_all() {
    let (mut stored, mut dropped) = (0, 0);
    for polls in 0..400 {
        let mut host = Host::with(tiny().cache_bytes(0));
        host.append(note("old", "0"));
        host.flush();
        host.restart();
        let before = host.store().head().get();
        let answered = host.run(polled(host.store().append(demanding(polls)), polls));
        host.rest();
        let taken = host.store().head().get() - before;
        assert!(taken == 0 || taken == 2, "after {polls} polls: {taken} events");
        let resolved = host.run(host.store().resolve(&key(&format!("k{polls}"))));
        assert_eq!(resolved.expect("healthy").is_some(), taken == 2);
        // Nobody is stuck behind the one that went.
        let again = host.append(demanding(polls));
        assert_eq!(again.replayed, taken == 2);
        host.kill();
        host.start();
        assert_eq!(host.read(Read::category("two")).len(), 2);
        match answered {
            Some(answer) => {
                answer.expect("healthy");
                assert!(stored > 0 && dropped > 1, "{stored} stored, {dropped} dropped");
                return;
            }
            None if taken == 2 => stored += 1,
            None => dropped += 1,
        }
    }
    panic!("it was never answered");
}

#[test]
fn callers_that_give_up_in_line_make_room_for_the_next() {
    let host = Host::with(tiny().queue_bytes_max(4 << 10));
    let store = host.store();
    let appends = host.run(async {
        let mut kept = Vec::new();
        for n in 0..60 {
            let append = store.append(note(&format!("s-{n}"), &"x".repeat(1_500)));
            if n % 3 == 0 {
                kept.push(Box::pin(append));
            } else {
                polled(append, 1).await;
            }
            // Those that are kept get into line as well.
            if let Some(last) = kept.last_mut() {
                let mut once = false;
                poll_fn(|cx| {
                    if !std::mem::replace(&mut once, true) {
                        let _ = last.as_mut().poll(cx).is_ready();
                    }
                    Poll::Ready(())
                })
                .await;
            }
        }
        kept
    });
    drop(appends);
    host.append(note("last", "x"));
    let all = host.read(Read::all());
    assert_eq!(text(all.last().expect("there are some")), "x");
}

#[test]
fn what_has_no_room_is_overloaded_and_nothing_of_it_is_stored() {
    let host = Host::with(tiny().queue_bytes_max(4 << 10));
    let store = host.store();
    let (mut taken, mut refused) = (Vec::new(), 0);
    for n in 0..40 {
        match store.try_append(note("s", &format!("{n}{}", "x".repeat(900)))) {
            Ok(answer) => taken.push((n, answer)),
            Err(AppendError::Overloaded) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0 && !taken.is_empty(), "{refused} refused");
    let count = taken.len();
    let mut numbers = Vec::new();
    for (n, answer) in taken {
        // Every other answer is given up: what was submitted is stored all the same.
        if n % 2 == 0 {
            host.run(answer).expect("healthy");
        }
        numbers.push(format!("{n}"));
    }
    host.rest();
    let found = host.texts(Read::stream(stream("s")));
    let found: Vec<&str> = found.iter().map(|text| text.trim_end_matches('x')).collect();
    assert_eq!(found, numbers);
    assert_eq!(host.store().head(), at(count as u64));
    host.run(host.store().try_append(note("s", "more")).expect("there is room")).expect("healthy");
}

/// An append that has to look something up is submitted by its future.
#[test]
fn a_try_that_has_to_look_something_up_is_submitted_by_its_future() {
    let mut host = Host::with(tiny().cache_bytes(0));
    host.append(note("old", "0"));
    host.flush();
    host.restart();
    let head = host.store().head();
    drop(host.store().try_append(demanding(1)).expect("there is room"));
    host.rest();
    assert_eq!(host.store().head(), head, "nobody asked for it any more");
    let answer = host.store().try_append(demanding(2)).expect("there is room");
    assert_eq!(host.run(answer).expect("healthy").first, head);
    let refused = host.store().try_append(check("old", ExpectedRevision::NoStream));
    let refused = refused.map(|answer| host.run(answer));
    assert!(matches!(refused, Ok(Err(AppendError::Conflict(_)))), "{refused:?}");
}

/// Each call of `next` is dropped at each of its polls before it is let through.
#[test]
fn a_read_whose_calls_are_dropped_at_any_poll_loses_nothing() {
    let mut truth = Truth::new(51);
    let mut host = Host::with(tiny().cache_bytes(0));
    truth.live(&host, 60);
    host.rest();
    host.restart();
    let query = Query::new(QueryItem::new().tag(Tag::parse("x").expect("a name")));
    for read in [
        Read::all(),
        Read::all().backward(),
        Read::stream(stream("order-1")),
        Read::category("order").backward(),
        Read::stream_prefix("o"),
        Read::query(query),
    ] {
        let expected = host.read(read.clone());
        let mut events = host.store().read(read.clone());
        let mut found = Vec::new();
        'read: loop {
            for polls in 1.. {
                match host.run(polled(events.next(), polls)) {
                    None => {}
                    Some(Ok(Some(event))) => {
                        found.push(event);
                        break;
                    }
                    Some(Ok(None)) => break 'read,
                    Some(Err(error)) => panic!("{error}"),
                }
            }
        }
        assert_eq!(found, expected, "{read:?}");
    }
    for polls in 0..60 {
        let store = host.store();
        host.run(async {
            let _ = polled(store.stream_info(&stream("order-2")), polls).await;
            let _ = polled(store.streams("").collect(), polls).await;
            let _ = polled(store.resolve(&key("key 0")), polls).await;
            let _ = polled(store.append(check("order-1", exact(0))), polls).await;
        });
    }
    truth.holds(&host, 10);
}

/// Openings and closings are dropped at every poll; the directory opens again.
#[test]
fn an_opening_or_closing_that_is_dropped_leaves_a_store_that_opens() {
    let mut truth = Truth::new(52);
    let mut host = Host::new();
    truth.live(&host, 60);
    host.kill();
    let disk = host.image();
    for polls in (0..200).step_by(3) {
        let mut host = Host::closed(disk.clone(), tiny());
        let runtime = host.world().runtime();
        let opened = host.run(polled(sagalog::Store::open_with(&runtime, tiny()), polls));
        let is_open = opened.is_some();
        if let Some(opened) = opened {
            let (store, _) = opened.expect("it opens");
            host.run(polled(store.close(), polls % 7));
        }
        host.rest();
        host.start();
        truth.holds_events(&host, 2);
        if is_open && polls > 100 {
            return;
        }
    }
}
