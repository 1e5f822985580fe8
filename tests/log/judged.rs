//! What everybody who judges a log says of one disk: opening it, opening it read-only, its figures,
//! checking it and salvaging it. And that they agree.
//!
//! It knows no story. The invariant it guards: a log that opens is sound to all of them, one that
//! does not is refused by all with one sentence, and a sentence that sends somebody to a command
//! names one that works.

use sagalog::{
    Log, OpenError, OpenWarning, Options, Position, ReadOnlyLog, ReadOnlyStats, RecoveryReport,
    inspect::{CheckReport, DamageKind, SalvageError, SalvageReport, check, salvage},
};
use sagalog_testkit::{Machine, Order, SharedDisk, SimDisk, World};
use std::io;

/// What a check calls damaged of a log that opens all the same, and why opening passes it over.
/// Each is the work of a disk that broke a promise: no crash leaves any of them.
pub(crate) const PASSED_OVER: [(DamageKind, &str); 7] = [
    (DamageKind::Groups, "what lies before the superblock's anchor is read when it is asked for"),
    (DamageKind::SegmentHeader, "the checkpoint says what the header said"),
    (DamageKind::ForeignSegment, "the checkpoint says what the header said"),
    (DamageKind::Checkpoint, "the headers say what it said"),
    (DamageKind::SuperblockSlot, "the other slot serves, and the log says what it does not"),
    (DamageKind::Fork, "opening follows one history and looks for no other"),
    (DamageKind::Commit, "a frame is looked into when its commit is read"),
];

/// The sentences of all judges.
pub(crate) struct Judged {
    /// Opening for writing, and what the log then shows, up to the first damage.
    opened: Result<(RecoveryReport, Vec<String>), OpenError>,
    seen: Result<ReadOnlyStats, OpenError>,
    checked: Result<CheckReport, OpenError>,
    /// What was salvaged, and what the copy shows once it was opened.
    salvaged: Result<(SalvageReport, Vec<String>), SalvageError>,
}

fn world(disk: &SimDisk) -> World {
    World::with_disk(1, disk.clone()).with_order(Order::Fifo)
}

fn read_all(world: &World, log: &Log) -> Vec<String> {
    let mut reader = log.read(Position::new(0));
    world.block_on(async {
        let mut found = Vec::new();
        while let Ok(Some(commit)) = reader.next().await {
            found.push(String::from_utf8_lossy(&commit.body).into_owned());
        }
        found
    })
}

fn opened(disk: &SimDisk) -> Result<(RecoveryReport, Vec<String>), OpenError> {
    let world = world(disk);
    let runtime = world.runtime();
    let opening = Log::open_with(&runtime, Machine::options().create(false));
    let (log, report) = world.block_on(opening)?;
    let found = read_all(&world, &log);
    world.crash_process();
    Ok((report, found))
}

fn salvaged(disk: &SimDisk) -> Result<(SalvageReport, Vec<String>), SalvageError> {
    let world = world(disk);
    let source = world.runtime();
    let target = source.add_machine(SharedDisk::new(SimDisk::new()));
    let report =
        world.block_on(salvage(&source, || Ok::<_, io::Error>(target.clone()), &mut |_| {}))?;
    let opening = Log::open_with(&target, Options::default());
    let (log, opened) = world.block_on(opening).expect("the copy opens");
    assert!(opened.clean, "the copy was closed in order");
    let found = read_all(&world, &log);
    world.crash_process();
    Ok((report, found))
}

impl Judged {
    /// Lets everybody judge `disk`, each a copy of it of its own.
    pub(crate) fn of(disk: &SimDisk) -> Self {
        let (beside, checking) = (world(disk), world(disk));
        let seen = beside.block_on(ReadOnlyLog::open_with(&beside.runtime()));
        let checked = checking.block_on(check(&checking.runtime(), &mut |_| {}));
        Self {
            opened: opened(disk),
            seen: seen.map(|log| log.stats()),
            checked,
            salvaged: salvaged(disk),
        }
    }

    /// Why the log does not open, if it does not.
    pub(crate) fn refusal(&self) -> Option<&OpenError> {
        self.opened.as_ref().err()
    }

    /// What the check calls damaged.
    pub(crate) fn damages(&self) -> Vec<DamageKind> {
        let checked = self.checked.as_ref();
        checked
            .map(|report| report.damages.iter().map(|damage| damage.kind).collect())
            .unwrap_or_default()
    }

    /// That all of them agree. Returns what the check calls damaged although the log opens.
    pub(crate) fn agree(&self) -> Vec<DamageKind> {
        match &self.opened {
            Ok((report, held)) => self.agree_that_it_opens(report, held),
            Err(refusal) => {
                self.agree_that_it_is_refused(refusal);
                Vec::new()
            }
        }
    }

    fn agree_that_it_opens(&self, report: &RecoveryReport, held: &[String]) -> Vec<DamageKind> {
        let seen = self.seen.as_ref().unwrap_or_else(|error| panic!("opens, not to read: {error}"));
        assert_eq!(seen.head.get() + seen.unproven_positions, report.head.get(), "the head");
        assert_eq!((seen.floor, seen.clean), (report.floor, report.clean), "floor, clean");
        assert_eq!(seen.torn_bytes, report.discarded_bytes, "what is discarded");
        assert_eq!(seen.warnings, report.warnings, "the warnings");
        let checked =
            self.checked.as_ref().unwrap_or_else(|error| panic!("opens, not to check: {error}"));
        assert!(checked.refusal.is_none(), "{:?}", checked.refusal);
        assert_eq!(checked.warnings, report.warnings, "the warnings of the check");
        assert_eq!(checked.unproven_positions, seen.unproven_positions);
        assert_eq!((checked.head, checked.floor), (report.head, report.floor), "head and floor");
        assert_eq!(checked.is_sound(), checked.damages.is_empty());
        for damage in &checked.damages {
            let known = PASSED_OVER.iter().any(|(kind, _)| *kind == damage.kind);
            assert!(known, "the log opens, and the check calls it damaged: {damage}");
        }
        let (salvaged, copied) =
            self.salvaged.as_ref().unwrap_or_else(|error| panic!("opens, not to salvage: {error}"));
        // What is of another history is not copied, and so none of a salvage's business.
        let mut damages = checked.damages.clone();
        damages.retain(|damage| damage.kind != DamageKind::Fork);
        assert_eq!(salvaged.damages, damages, "the damages of check and salvage");
        if damages.is_empty() {
            assert_eq!(copied, held, "salvage keeps what opening keeps");
        } else {
            // Opening for reading stops at damage; salvage goes on behind it.
            assert!(copied.len() >= held.len(), "{} of {}", copied.len(), held.len());
        }
        self.damages()
    }

    fn agree_that_it_is_refused(&self, refusal: &OpenError) {
        let sentence = refusal.to_string();
        let seen = self.seen.as_ref().expect_err("refused, and yet it opens to read");
        assert_eq!(seen.to_string(), sentence, "the refusal to read");
        match &self.checked {
            Err(error) => assert_eq!(error.to_string(), sentence, "the refusal to check"),
            Ok(report) => {
                assert!(!report.is_sound(), "refused, and yet sound: {sentence}");
                let told = report.refusal.as_ref().expect("the check says that it does not open");
                assert_eq!(told.to_string(), sentence, "what the check says of opening");
            }
        }
        if sentence.contains("salvage") {
            assert!(self.salvaged.is_ok(), "{sentence}: {:?}", self.salvaged.as_ref().err());
        }
        if let Err(error) = &self.salvaged {
            assert_eq!(error.to_string(), format!("cannot salvage: {sentence}"));
        }
    }
}

/// That all agree on a disk that kept its promises: nobody calls anything on it damaged.
pub(crate) fn agree_that_it_is_sound(disk: &SimDisk) {
    let judged = Judged::of(disk);
    assert_eq!(judged.agree(), [], "no promise was broken");
    match judged.refusal() {
        None => {
            let warnings = &judged.checked.as_ref().expect("it opens").warnings;
            let torn = [OpenWarning::SuperblockSlotDamaged];
            assert!(warnings.is_empty() || *warnings == torn, "{warnings:?}");
        }
        // The power failed before there was a store.
        Some(OpenError::NotAStore { .. }) => {}
        Some(error) => panic!("refused although the disk kept its promises: {error}"),
    }
}
