//! Commits whose bodies do not decode: what another program wrote, or a newer version of this one.
//!
//! The invariants: such a commit is an error at its place and names its position; everything else
//! is readable, in every way; and nobody writes behind one, since its streams are not known.

use super::{
    Host, event,
    host::{at, tiny},
    stream,
};
use sagalog::{
    Append, Commit, EventType, Log, OpenError, Query, QueryItem, Read, ReadError, ReadOnlyStore,
    Revision, WallTime,
};
use sagalog_testkit::SimDisk;

/// A commit of one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An event of this stream.
    Good(&'static str),
    /// An event of this stream of a content type that nobody knows.
    Broken(&'static str),
    /// Bytes of somebody else's.
    Strange,
}

use Kind::{Broken, Good, Strange};

/// The body that the store writes for an event of `name`, at `revision`.
fn body_of(name: &str, revision: u64) -> Vec<u8> {
    let host = Host::new();
    host.append(Append::new().event(stream(name), event("Noted", name)));
    let mut host = host;
    host.close();
    let runtime = host.world().runtime();
    let mut body = host.run(async {
        let (log, _) = Log::open_with(&runtime, tiny()).await.expect("a store is a log");
        let first = log.read(at(0)).next().await.expect("readable").expect("there is one");
        log.close().await.expect("closes");
        first.body.to_vec()
    });
    let stamp = body.len() - 8;
    body[stamp..].copy_from_slice(&revision.to_le_bytes());
    body
}

/// Where the content type stands: behind version, flags, two counts, the name of the only stream,
/// the number of the event's stream and its flags.
fn content_type_at(name: &str) -> usize {
    1 + 1 + 2 + 2 + 1 + name.len() + 2 + 1
}

/// The bodies of such commits, in order.
fn bodies(kinds: &[Kind]) -> Vec<Vec<u8>> {
    let templates = ["a-1", "b-1"].map(|name| (name, body_of(name, 0)));
    let mut nexts = [0_u64; 2];
    let mut body = |name: &str| {
        let nth = templates.iter().position(|(known, _)| *known == name).expect("two are enough");
        let mut body = templates[nth].1.clone();
        let stamp = body.len() - 8;
        body[stamp..].copy_from_slice(&nexts[nth].to_le_bytes());
        nexts[nth] += 1;
        body
    };
    kinds
        .iter()
        .map(|kind| match kind {
            Good(name) => body(name),
            Broken(name) => {
                let mut body = body(name);
                body[content_type_at(name)] = 5;
                body
            }
            Strange => b"a stranger's".to_vec(),
        })
        .collect()
}

/// A machine whose log holds these bodies behind what it held: in one group, or in one each.
fn with_commits(host: &mut Host, bodies: &[Vec<u8>], together: bool) {
    let runtime = host.world().runtime();
    host.run(async {
        let (log, _) = Log::open_with(&runtime, tiny()).await.expect("a log");
        let mut answers = Vec::new();
        for body in bodies {
            let answer = log.try_append(&Commit::new(body.clone())).expect("there is room");
            if together {
                answers.push(answer);
            } else {
                answer.await.expect("healthy");
            }
        }
        for answer in answers {
            answer.await.expect("healthy");
        }
        log.close().await.expect("closes");
    });
}

/// What a read gives: the position of each event, and of each commit that cannot be read.
type Shown = Vec<Result<u64, u64>>;

async fn shown(store: &ReadOnlyStore, read: Read) -> Result<Shown, String> {
    let (mut events, mut shown) = (store.read(read), Vec::new());
    loop {
        match events.next().await {
            Ok(Some(event)) => shown.push(Ok(event.position().get())),
            Ok(None) => return Ok(shown),
            Err(ReadError::Undecodable { position, .. }) => shown.push(Err(position.get())),
            Err(error) => return Err(error.to_string()),
        }
        assert!(shown.len() < 1_000, "it goes on and on: {shown:?}");
    }
}

/// What has to be shown of commits that begin at `base`.
fn expected(kinds: &[Kind], base: u64, asks: impl Fn(&str) -> bool, any_may_match: bool) -> Shown {
    let positions = base..;
    let shown = kinds.iter().zip(positions).filter_map(|(kind, position)| match kind {
        Good(name) => asks(name).then_some(Ok(position)),
        Broken(name) => (any_may_match || asks(name)).then_some(Err(position)),
        Strange => Some(Err(position)),
    });
    shown.collect()
}

fn noted() -> Read {
    let event_type = EventType::parse("Noted").expect("a name");
    Read::query(Query::new(QueryItem::new().event_type(event_type)))
}

/// Holds every way to read to what the commits are. `base` is the position of the first one; what
/// stands before has other streams and types.
fn judge(host: &Host, kinds: &[Kind], base: u64) {
    let beside = host.beside();
    let end = base + kinds.len() as u64;
    assert_eq!(beside.head(), at(end));
    let from = |read: Read| read.from_position(at(base));
    let ways: [(Read, Shown); 6] = [
        (from(Read::all()), expected(kinds, base, |_| true, true)),
        (noted(), expected(kinds, base, |_| true, true)),
        (Read::stream(stream("a-1")), expected(kinds, base, |name| name == "a-1", false)),
        (Read::stream(stream("b-1")), expected(kinds, base, |name| name == "b-1", false)),
        (Read::category("b"), expected(kinds, base, |name| name == "b-1", false)),
        (Read::stream_prefix("a-"), expected(kinds, base, |name| name == "a-1", false)),
    ];
    for (nth, (read, expected)) in ways.into_iter().enumerate() {
        let told = |read: Read| host.run(shown(&beside, read));
        let missing = format!("{kinds:?}, way {nth}");
        let is_stream = nth == 2 || nth == 3;
        if is_stream && expected.is_empty() {
            assert!(told(read).is_err(), "{missing}: there is no such stream");
            continue;
        }
        assert_eq!(told(read.clone()).as_ref(), Ok(&expected), "{missing}");
        let mut newest_first = expected.clone();
        newest_first.reverse();
        let whole = if nth == 0 { Read::all() } else { read.clone() };
        let mut backward = told(whole.backward()).expect("readable");
        backward.retain(|shown| shown.is_ok_and(|position| position >= base) || shown.is_err());
        assert_eq!(backward, newest_first, "{missing}, backward");
        for start in base..end {
            let tail: Shown = expected
                .iter()
                .copied()
                .filter(|shown| shown.unwrap_or_else(|position| position) >= start)
                .collect();
            assert_eq!(told(read.clone().from_position(at(start))), Ok(tail), "{missing}, {start}");
            let head: Shown = expected
                .iter()
                .copied()
                .filter(|shown| shown.unwrap_or_else(|position| position) <= start)
                .collect();
            let then = told(read.clone().as_of_position(at(start)));
            let none = is_stream && !head.iter().any(Result::is_ok);
            assert!(then.as_ref() == Ok(&head) || none, "{missing} as of {start}: {then:?}");
        }
        let far = told(read.as_of_time(WallTime::from_unix_nanos(u64::MAX)));
        assert_eq!(far, Ok(expected), "{missing}");
    }
    revisions(host, &beside, kinds, base);
}

/// Reads from a revision, which a commit that cannot be read may have taken.
fn revisions(host: &Host, beside: &ReadOnlyStore, kinds: &[Kind], base: u64) {
    let (mut next, mut known) = (0, Vec::new());
    for (kind, position) in kinds.iter().zip(base..) {
        match kind {
            Good("b-1") => known.push((next, Ok(position))),
            Broken("b-1") => known.push((next, Err(position))),
            Strange => known.push((u64::MAX, Err(position))),
            Good(_) | Broken(_) => {}
        }
        next += u64::from(matches!(kind, Good("b-1") | Broken("b-1")));
    }
    for revision in 0..next {
        let read = Read::stream(stream("b-1")).from_revision(Revision::new(revision));
        let told = host.run(shown(beside, read)).expect("readable");
        let events = |shown: &Shown| shown.iter().filter_map(|shown| shown.ok()).collect();
        let found: Vec<u64> = events(&told);
        let behind = known.iter().filter(|(known, _)| *known >= revision && *known < u64::MAX);
        let wanted: Vec<u64> = behind.filter_map(|(_, shown)| shown.ok()).collect();
        assert_eq!(found, wanted, "{kinds:?} from revision {revision}");
        let lost = known.iter().find(|(known, _)| *known == revision);
        if let Some((_, Err(position))) = lost {
            assert!(told.contains(&Err(*position)), "{kinds:?} from revision {revision}: {told:?}");
        }
    }
}

/// All short rows of commits, in one group and in one each.
#[test]
fn every_row_of_readable_and_unreadable_commits_is_shown_as_it_is() {
    let choices = [Good("a-1"), Good("b-1"), Broken("b-1"), Strange];
    for number in 0..256_usize {
        let kinds: Vec<Kind> = (0..4).map(|nth| choices[number >> (2 * nth) & 3]).collect();
        let mut host = Host::closed(SimDisk::new(), tiny());
        with_commits(&mut host, &bodies(&kinds), number % 2 == 0);
        judge(&host, &kinds, 0);
        let bad = kinds.iter().position(|kind| !matches!(kind, Good(_)));
        match (bad, host.open()) {
            (None, Ok(_)) => {}
            (Some(bad), Err(OpenError::Undecodable { position, .. })) => {
                assert_eq!(position, at(bad as u64), "{kinds:?}");
            }
            (_, opened) => panic!("{kinds:?}: {opened:?}"),
        }
    }
}

/// Behind a log that lies in runs of the index.
#[test]
fn what_stands_in_runs_is_readable_in_front_of_what_is_not() {
    let mut host = Host::new();
    host.flush();
    let base = host.store().head().get();
    host.close();
    let mut kinds = vec![Good("a-1"), Strange, Good("b-1"), Good("a-1"), Broken("b-1"), Strange];
    kinds.extend([Strange, Good("b-1")]);
    with_commits(&mut host, &bodies(&kinds), true);
    judge(&host, &kinds, base);
    let beside = host.beside();
    let all = host.run(shown(&beside, Read::all())).expect("readable");
    assert_eq!(all.iter().filter(|shown| shown.is_ok()).count() as u64, base + 4);
    let fillers = host.run(shown(&beside, Read::category("filler"))).expect("readable");
    assert_eq!(fillers.iter().filter(|shown| shown.is_ok()).count() as u64, base);
    let strange: Vec<u64> = fillers.iter().filter_map(|shown| shown.err()).collect();
    assert_eq!(strange, [base + 1, base + 5, base + 6], "nobody knows what they hold");
}

/// Answers that such a commit could change are errors, and the others are not.
#[test]
fn what_is_asked_of_one_stream_is_answered_unless_nobody_knows() {
    let kinds = [Good("a-1"), Good("b-1"), Broken("b-1"), Good("a-1")];
    let mut host = Host::closed(SimDisk::new(), tiny());
    with_commits(&mut host, &bodies(&kinds), false);
    let beside = host.beside();
    let info = host.run(beside.stream_info(&stream("a-1"))).expect("no other commit is its");
    assert_eq!((info.revision, info.position), (Revision::new(1), at(3)));
    let unknown = host.run(beside.stream_info(&stream("b-1"))).expect_err("there is a later event");
    assert!(matches!(unknown, ReadError::Undecodable { position, .. } if position == at(2)));
    let never = host.run(beside.stream_info(&stream("c-1"))).expect_err("there is no such stream");
    assert!(matches!(never, ReadError::StreamNotFound(_)), "{never}");
    let (names, told) = host.run(async {
        let (mut streams, mut names) = (beside.streams(""), Vec::new());
        loop {
            match streams.next().await {
                Ok(Some(info)) => names.push((info.stream.as_str().to_owned(), info.position)),
                Ok(None) => panic!("the list is not complete, and says so"),
                Err(error) => return (names, (error, streams.next().await)),
            }
        }
    });
    assert_eq!(names, [("a-1".to_owned(), at(3)), ("b-1".to_owned(), at(1))]);
    assert!(matches!(told.0, ReadError::Undecodable { position, .. } if position == at(2)));
    assert!(matches!(told.1, Ok(None)), "each is told once");
    let key = super::key("never");
    let resolved = host.run(beside.resolve(&key)).expect_err("it could be the key's");
    assert!(matches!(resolved, ReadError::Undecodable { .. }), "{resolved}");
    let said = resolved.to_string();
    assert!(said.contains("position 2"), "{said}");
}
