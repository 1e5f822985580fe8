//! Every violation that the oracle can report, provoked once: histories planted by hand, each with
//! one lie in it, and the same histories without the lie.

use super::*;
use sagalog::{EventId, ExpectedRevision, Revision};
use sagalog_testkit::model::{
    Circumstances, PlainAsOf, PlainEvent, PlainGuard, PlainRead, PlainSelector,
};

type Judged = Result<(), Violation>;

/// Callers of a store that is played by a model, and lies where a test makes it lie.
struct Story {
    oracle: Oracle,
    store: Model,
    op: u64,
}

fn event(payload: &str) -> PlainEvent {
    PlainEvent::new("A", payload)
}

/// An append of one event to each of these streams.
fn to(streams: &[&str]) -> PlainAppend {
    let writes = streams.iter().map(|stream| ((*stream).to_owned(), event("x")));
    PlainAppend { writes: writes.collect(), ..PlainAppend::default() }
}

fn keyed(append: PlainAppend) -> PlainAppend {
    PlainAppend { key: Some("k".into()), ..append }
}

/// An append that needs `stream` to be without events.
fn first_in(stream: &str) -> PlainAppend {
    let guards = vec![PlainGuard::Stream(stream.into(), ExpectedRevision::NoStream)];
    PlainAppend { guards, ..to(&[stream]) }
}

/// What the clock shows until the first recovery.
fn beginning() -> WallTime {
    WallTime::from_unix_nanos(1)
}

fn conflict() -> Outcome {
    Outcome::Conflict(vec![(0, Actual::Revision(Revision::new(0)))])
}

fn everything() -> Question {
    Question::Read(PlainRead { system: true, ..PlainRead::of(PlainSelector::All) })
}

impl Story {
    fn new() -> Self {
        let mut story = Self { oracle: Oracle::new(1_000), store: Model::new(1_000), op: 1 };
        story.oracle.shows(beginning());
        story
    }

    /// A call that nobody answers; the store takes it.
    fn unanswered(&mut self, append: PlainAppend) -> AttemptId {
        let (attempt, append) = self.oracle.call(append);
        self.store.append(&append, WallTime::from_unix_nanos(self.op));
        attempt
    }

    /// A call that never arrives.
    fn ignored(&mut self, append: PlainAppend) -> (AttemptId, Arc<PlainAppend>) {
        self.oracle.call(append)
    }

    /// A call that is answered by what the store says.
    fn told(&mut self, append: PlainAppend) -> AttemptId {
        let (attempt, append) = self.oracle.call(append);
        let outcome = self.store.append(&append, WallTime::from_unix_nanos(self.op));
        self.answer(attempt, outcome);
        attempt
    }

    fn answer(&mut self, attempt: AttemptId, outcome: Outcome) {
        self.oracle.answer(attempt, outcome, self.op);
    }

    /// The reader asked when everything had been seen that was shown.
    fn reply(&mut self, question: Question, reply: Reply) {
        let (low, by) = (self.oracle.seen(), self.oracle.tick());
        self.oracle.reply(question, reply, (low, by), self.op);
    }

    /// The log as it is read: each event has an id.
    fn log(&self) -> Vec<Arc<Recorded>> {
        let read = |known: &Arc<Recorded>| {
            let id = EventId::from_bytes([u8::try_from(known.position).unwrap_or(255); 16]);
            let id = known.event.id.or(Some(id));
            let event = PlainEvent { id, ..known.event.clone() };
            Arc::new(Recorded { event, ..Recorded::clone(known) })
        };
        self.store.now().events.iter().map(read).collect()
    }

    /// The log with a lie in the event at `at`.
    fn log_with(&self, at: usize, lie: impl Fn(&mut Recorded)) -> Vec<Arc<Recorded>> {
        let mut log = self.log();
        lie(Arc::make_mut(&mut log[at]));
        log
    }

    fn recover(&mut self) -> Judged {
        self.recover_as(&self.log(), Disk::Honest)
    }

    fn recover_as(&mut self, log: &[Arc<Recorded>], disk: Disk) -> Judged {
        self.op += 1;
        self.oracle.shows(WallTime::from_unix_nanos(self.op));
        self.oracle.recovered(log, disk, self.op)
    }
}

/// Runs a story and expects it to break this guarantee, in these words.
#[track_caller]
fn breaks(guarantee: &str, words: &str, story: impl FnOnce(&mut Story) -> Judged) {
    let violation = story(&mut Story::new()).expect_err("the lie is seen");
    assert!(
        violation.guarantee == guarantee && violation.what.contains(words),
        "{guarantee} {words}: {violation}"
    );
}

#[test]
fn honest_stories_are_believed() {
    let mut story = Story::new();
    story.told(to(&["a", "b", "a"]));
    story.told(keyed(first_in("c")));
    let unknown = story.unanswered(to(&["b"]));
    story.answer(unknown, Outcome::Unknown);
    let (gone, _) = story.ignored(to(&["b"]));
    story.told(first_in("c"));
    story.told(PlainAppend { checkpoint: Some(("c1".into(), 3)), ..keyed(to(&[])) });
    story.told(PlainAppend { fence: Some(("f1".into(), 3)), ..PlainAppend::default() });
    let events = story.log();
    story.reply(everything(), Reply::Events(events));
    story.reply(Question::Streams("a".into()), Reply::Streams(vec![("a".into(), 1, 2)]));
    story.oracle.head(story.store.head(), 0, story.op).expect("it is the head");
    story.oracle.beside(Question::Fence("f1".into()), Reply::Number(None), 3, story.op);
    story.recover().expect("no lie");
    assert!(story.oracle.is_placed(unknown.number()) && !story.oracle.is_placed(gone.number()));
    let again = story.oracle.given(unknown);
    story.told(again);
    let repeated = keyed(first_in("c"));
    story.told(repeated);
    story.recover().expect("no lie in the second life either");
}

#[test]
fn a_bare_commit_is_found_where_its_key_says() {
    let checkpoint = || PlainAppend { checkpoint: Some(("c1".into(), 3)), ..keyed(to(&[])) };
    for resolved in [true, false] {
        let mut story = Story::new();
        let attempt = story.unanswered(checkpoint());
        assert_eq!(story.oracle.open_bare(), [(attempt, "k".to_owned())]);
        if resolved {
            story.oracle.resolved(attempt, 0);
        }
        assert_eq!(story.recover().is_ok(), resolved);
    }
}

#[test]
fn what_was_shown_is_there_and_stays_as_it_was() {
    breaks("G1", "1 positions were shown, 0 are left", |story| {
        story.told(to(&["a"]));
        story.recover_as(&[], Disk::Honest)
    });
    breaks("G1", "told", |story| {
        let (attempt, _) = story.ignored(to(&["a"]));
        story.unanswered(to(&["b"]));
        let revisions = vec![("a".to_owned(), 0)];
        let told = PlainCommitted { first: 0, positions: 1, revisions, replayed: false };
        story.answer(attempt, Outcome::Committed(told));
        story.recover().map_err(|violation| Violation { what: "told".into(), ..violation })
    });
    breaks("G6", "position 1 is not", |story| {
        story.told(to(&["a", "b"]));
        story.recover()?;
        let log = story.log_with(1, |event| event.event.payload.push(b'!'));
        story.recover_as(&log, Disk::Honest)
    });
}

#[test]
fn damage_excuses_what_intact_bytes_do_not_prove() {
    let lost = |proven| {
        let mut story = Story::new();
        story.told(to(&["a"]));
        let proven = story.op + proven;
        story.recover_as(&[], Disk::Damaged { proven })
    };
    let changed = |proven| {
        let mut story = Story::new();
        story.told(to(&["a"]));
        story.recover()?;
        let id = EventId::from_bytes([7; 16]);
        let log = story.log_with(0, |event| event.event.id = Some(id));
        story.recover_as(&log, Disk::Damaged { proven })
    };
    let unfounded = |proven| {
        let mut story = Story::new();
        let (attempt, _) = story.ignored(to(&["a"]));
        story.answer(attempt, conflict());
        let proven = story.op + proven;
        story.recover_as(&[], Disk::Damaged { proven })
    };
    let guarantee = |judged: Judged| judged.err().map(|violation| violation.guarantee);
    assert_eq!((guarantee(lost(0)), guarantee(lost(1))), (None, Some("G1")));
    assert_eq!((guarantee(changed(0)), guarantee(changed(9))), (None, Some("G6")));
    assert_eq!((guarantee(unfounded(0)), guarantee(unfounded(1))), (None, Some("G18")));
}

#[test]
fn what_damage_took_makes_room_for_others() {
    let checkpoint = |number| PlainAppend {
        checkpoint: Some(("c1".into(), number)),
        key: Some(format!("k{number}")),
        ..to(&[])
    };
    let mut story = Story::new();
    story.told(to(&["a"]));
    story.told(checkpoint(1));
    let excuse = Disk::Damaged { proven: 0 };
    story.store.cut(1);
    story.recover_as(&story.log(), excuse).expect("the end is lost to damage");
    story.told(checkpoint(2));
    story.recover_as(&story.log(), excuse).expect("another is where the lost one was");
    breaks("G1", "2 positions were shown, 1 are left", |_| {
        story.store.cut(1);
        let log = story.log();
        story.recover_as(&log, Disk::Damaged { proven: u64::MAX })
    });
}

#[test]
fn the_log_is_made_of_whole_commits_that_somebody_made() {
    breaks("G3", "position 1 follows 0", |story| {
        story.unanswered(to(&["a"]));
        let log = story.log_with(0, |event| event.position = 1);
        story.recover_as(&log, Disk::Honest)
    });
    breaks("G17", "ends in its middle", |story| {
        story.unanswered(to(&["a", "b"]));
        let log = story.log();
        story.recover_as(&log[..1], Disk::Honest)
    });
    breaks("G4", "no commit begins with", |story| {
        story.store.append(&to(&["a"]), beginning());
        story.recover()
    });
    breaks("G4", "nobody made", |story| {
        let mut other = Story::new();
        other.unanswered(to(&["a"]));
        story.store = other.store;
        story.recover()
    });
}

#[test]
fn an_event_is_what_its_writer_gave() {
    breaks("G4", "other circumstances", |story| {
        story.unanswered(to(&["a"]));
        let principal = Some("somebody".to_owned());
        let log = story.log_with(0, |event| {
            event.event.circumstances =
                Circumstances { principal: principal.clone(), ..Circumstances::default() };
        });
        story.recover_as(&log, Disk::Honest)
    });
    breaks("G4", "has no id", |story| {
        story.unanswered(to(&["a"]));
        let log = story.log_with(0, |event| event.event.id = None);
        story.recover_as(&log, Disk::Honest)
    });
    breaks("G4", "appended", |story| {
        story.unanswered(to(&["a"]));
        let log = story.log_with(0, |event| event.event.event_type = "B".into());
        story.recover_as(&log, Disk::Honest)
    });
    for nanos in [0, 9] {
        breaks("G3", "recorded at", |story| {
            story.unanswered(to(&["a"]));
            story.unanswered(to(&["a"]));
            let time = WallTime::from_unix_nanos(nanos);
            let log = story.log_with(1, |event| event.recorded_at = time);
            story.recover_as(&log, Disk::Honest)
        });
    }
    breaks("G3", "not the time of its commit", |story| {
        story.unanswered(to(&["a", "b"]));
        let log = story.log_with(1, |event| event.recorded_at = WallTime::default());
        story.recover_as(&log, Disk::Honest)
    });
}

#[test]
fn a_commit_is_recorded_while_its_call_is_under_way() {
    let wall = WallTime::from_unix_nanos;
    let mut story = Story::new();
    let (attempt, append) = story.ignored(to(&["a"]));
    story.oracle.shows(wall(5));
    let outcome = story.store.append(&append, wall(3));
    story.answer(attempt, outcome);
    let (_, append) = story.ignored(to(&["b"]));
    story.store.append(&append, wall(8));
    story.oracle.begins(wall(8), wall(0));
    let (_, append) = story.ignored(to(&["c"]));
    story.store.append(&append, wall(2));
    story.recover().expect("the clock went back, the log does not");
    for late in [true, false] {
        breaks("G3", "recorded at", |story| {
            let (attempt, append) = story.ignored(to(&["a"]));
            let outcome = story.store.append(&append, wall(7));
            if late {
                story.answer(attempt, outcome);
                story.oracle.shows(wall(7));
            } else {
                story.oracle.begins(wall(6), wall(7));
            }
            story.recover()
        });
    }
}

#[test]
fn a_call_is_stored_once_or_not_at_all() {
    breaks("G5", "refused, and stored", |story| {
        let attempt = story.unanswered(to(&["a"]));
        story.answer(attempt, conflict());
        story.recover()
    });
    breaks("G5", "refused, and stored", |story| {
        let attempt = story.unanswered(to(&["a"]));
        story.oracle.take_back(attempt);
        story.recover()
    });
    breaks("G6", "it was gone, and is back", |story| {
        let (_, append) = story.ignored(to(&["a"]));
        story.recover()?;
        story.store.append(&append, beginning());
        story.recover()
    });
    breaks("G19", "as well as at 0", |story| {
        let (_, append) = story.ignored(to(&["a"]));
        story.store.append(&append, beginning());
        story.store.append(&append, beginning());
        story.recover()
    });
    breaks("G19", "stored again at 1, rightly", |story| {
        story.told(keyed(to(&["a"])));
        let (_, again) = story.ignored(keyed(to(&["a"])));
        // The store has forgotten the key.
        story.store.append(&PlainAppend { key: None, ..(*again).clone() }, beginning());
        story.recover()
    });
}

#[test]
fn an_append_takes_effect_between_call_and_answer() {
    breaks("G20", "called when 1 had been shown", |story| {
        let (first, append) = story.ignored(to(&["a"]));
        let told = story.store.append(&append, beginning());
        story.answer(first, told);
        story.store.cut(0);
        story.unanswered(to(&["b"]));
        story.store.append(&append, beginning());
        story.recover()
    });
    breaks("G17", "stored at 1", |story| {
        let (_, late) = story.ignored(to(&["b"]));
        let (first, append) = story.ignored(to(&["a"]));
        let told = story.store.append(&append, beginning());
        story.answer(first, told);
        story.store.cut(0);
        story.store.append(&late, beginning());
        story.store.append(&append, beginning());
        story.recover()
    });
    breaks("G18", "in spite of Conflict", |story| {
        story.told(to(&["a"]));
        let (_, append) = story.ignored(first_in("a"));
        story.store.append(&PlainAppend { guards: vec![], ..(*append).clone() }, beginning());
        story.recover()
    });
    breaks("G18", "at no head", |story| {
        let (attempt, _) = story.ignored(to(&["a"]));
        story.answer(attempt, conflict());
        story.recover()
    });
}

#[test]
fn a_reader_is_shown_what_was_there() {
    breaks("G21", "at no head", |story| {
        story.told(to(&["a"]));
        story.reply(everything(), Reply::Events(Vec::new()));
        story.recover()
    });
    for lines in [vec![], vec![("a".to_owned(), 1, 1)], vec![("a".to_owned(), 0, 0); 2]] {
        breaks("G21", "at no head", |story| {
            story.told(to(&["a", "b"]));
            story.reply(Question::Streams("a".into()), Reply::Streams(lines));
            story.recover()
        });
    }
    breaks("G14", "at no head", |story| {
        story.told(to(&["a"]));
        story.oracle.beside(everything(), Reply::Events(Vec::new()), 1, story.op);
        story.recover()
    });
    breaks("G14", "at no head", |story| {
        story.told(to(&["a", "b"]));
        let then = PlainRead { as_of: PlainAsOf::Position(0), ..PlainRead::of(PlainSelector::All) };
        let reply = Reply::Events(story.log()[..1].to_vec());
        story.oracle.beside(Question::Read(then), reply, 1, story.op);
        story.recover()
    });
}

#[test]
fn the_head_is_the_end_of_a_commit_and_never_goes_back() {
    breaks("G20", "the head is 0 after 1", |story| {
        story.told(to(&["a"]));
        story.oracle.head(0, story.oracle.seen(), story.op)
    });
    breaks("G20", "at no head", |story| {
        story.unanswered(to(&["a", "b"]));
        story.oracle.head(1, 0, story.op)?;
        story.recover()
    });
}
