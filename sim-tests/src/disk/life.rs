//! One life of the process: open, judge what is there, append concurrently, maybe close.
//!
//! Each answer goes to the oracle in the same step in which it arrives, so that a life that is cut
//! short leaves exactly what its callers were told.

use super::{Stage, Temper};
use crate::{
    marks::{Mark, Phase, Unclear},
    report::{Violation, broken},
    runtime::MadsimRuntime,
};
use madsim::time::{sleep, timeout};
use sagalog::{Commit, CommitError, Log, OpenError, Position, ReadError, RecordedCommit};
use sagalog_testkit::{Choices, FaultKind, Seeded};
use std::time::Duration;

/// Appends of one writer in one life at most.
const APPENDS_MAX: u64 = 30;

/// How a life ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The log did not open.
    NotOpened(OpenError),
    /// It opened, and could not be read whole.
    ReadDamaged,
    /// Its work was done and it was left open.
    Left,
    /// It was closed in order.
    Closed,
    /// The disk stopped before it was done.
    CutShort,
}

pub(super) struct Life {
    stage: Stage,
    choices: Seeded,
    healed: bool,
}

impl Life {
    pub(super) fn new(stage: Stage, choices: Seeded) -> Self {
        Self { stage, choices, healed: false }
    }

    /// Nothing may fail any more, and the life ends in order.
    pub(super) fn in_a_healed_world(mut self) -> Self {
        self.healed = true;
        self
    }

    pub(super) async fn live(mut self) -> Result<Ending, Violation> {
        let runtime = MadsimRuntime::new(self.stage.disk.clone());
        self.stage.watch.opening();
        let (log, report) = match Log::open_with(&runtime, self.stage.plan.options()).await {
            Ok(opened) => opened,
            Err(error) => return self.judge_refusal(error),
        };
        self.stage.watch.opened(&report);
        self.stage.note([1, report.head.get(), report.epoch.get()]);
        let found = match read_all(&log, report.floor).await {
            Ok(found) => found,
            Err(error) => return self.judge_unreadable(&error),
        };
        let head = found.last().map_or(report.floor, |c| c.first.plus(u64::from(c.positions)));
        if head != report.head && found.last().is_some() {
            return broken("G3", format!("head {} is reported, {head} is read", report.head));
        }
        self.stage.oracle().judge_recovered(&found, report.floor, self.stage.damaged())?;
        self.stage.watch.settled(|number| self.stage.oracle().holds(number));
        self.work(&log).await?;
        if self.healed || self.choices.below(3) == 0 {
            return self.close(log).await;
        }
        Ok(Ending::Left)
    }

    /// Without faults a log opens. With faults that the disk reports it says so and can be retried.
    fn judge_refusal(&self, error: OpenError) -> Result<Ending, Violation> {
        self.stage.watch.refused(&error);
        if !self.stage.plan.may_fail() && !super::is_final(&error) {
            return broken("G10", format!("refused on a quiet disk: {error}"));
        }
        Ok(Ending::NotOpened(error))
    }

    fn judge_unreadable(&self, error: &ReadError) -> Result<Ending, Violation> {
        let reported = |kind| {
            matches!(
                kind,
                FaultKind::ReadError
                    | FaultKind::MetadataError
                    | FaultKind::TooManyFiles
                    | FaultKind::AccessDenied
                    | FaultKind::ReadOnly
            )
        };
        match error {
            ReadError::Io { .. } if self.stage.struck(reported) => Ok(Ending::ReadDamaged),
            _ if self.stage.damaged() => Ok(Ending::ReadDamaged),
            _ => broken("G4", format!("unreadable although the disk kept its promises: {error}")),
        }
    }

    async fn work(&mut self, log: &Log) -> Result<(), Violation> {
        let writers = 1 + self.choices.below(self.stage.plan.writers);
        let mut tasks = Vec::new();
        for writer in 0..writers {
            let writer = Writer {
                stage: self.stage.clone(),
                choices: self.choices.fork(writer),
                log: log.clone(),
                healed: self.healed,
            };
            tasks.push(madsim::task::spawn(writer.write()));
        }
        if self.choices.below(3) == 0 {
            self.read_while_writing(log).await?;
        }
        if self.stage.plan.retires && self.choices.below(4) == 0 {
            self.retire(log).await;
        }
        for task in tasks {
            match task.await {
                Ok(judged) => judged?,
                Err(panicked) => return broken("G9", format!("a writer panicked: {panicked}")),
            }
        }
        Ok(())
    }

    async fn read_while_writing(&mut self, log: &Log) -> Result<(), Violation> {
        sleep(Duration::from_millis(self.choices.below(3))).await;
        let from = self.stage.oracle().some_position(self.choices.bits());
        if let Ok(found) = read_all(log, from).await {
            self.stage.oracle().witness(&found)?;
        }
        Ok(())
    }

    async fn retire(&mut self, log: &Log) {
        let from = self.stage.oracle().some_position(self.choices.bits());
        // Whatever the answer: the floor may move as far as this from now on.
        self.stage.oracle().retain_from(from);
        self.stage.watch.phase(Phase::Retiring);
        let answer = log.keep_from(from).await;
        self.stage.watch.phase(Phase::Working);
        self.stage.note([2, from.get(), answer.map_or(u64::MAX, Position::get)]);
    }

    async fn close(&self, log: Log) -> Result<Ending, Violation> {
        match log.close().await {
            Ok(()) => Ok(Ending::Closed),
            Err(error) if self.healed || !self.stage.plan.may_fail() => {
                broken("G8", format!("a healthy log does not close: {error}"))
            }
            Err(_) => Ok(Ending::Left),
        }
    }
}

async fn read_all(log: &Log, from: Position) -> Result<Vec<RecordedCommit>, ReadError> {
    let mut reader = log.read(from);
    let mut found = Vec::new();
    while let Some(commit) = reader.next().await? {
        found.push(commit);
    }
    Ok(found)
}

/// One concurrent writer.
struct Writer {
    stage: Stage,
    choices: Seeded,
    log: Log,
    healed: bool,
}

impl Writer {
    async fn write(mut self) -> Result<(), Violation> {
        for _ in 0..2 + self.choices.below(APPENDS_MAX - 1) {
            let bytes = 8 + self.choices.below(self.stage.plan.body_bytes_max);
            let positions = if self.choices.below(4) == 0 { 3 } else { 1 };
            let bytes = usize::try_from(bytes).unwrap_or(8);
            let (number, commit) = self.stage.oracle().submit(bytes, positions);
            let Some(answer) = self.append(commit).await else {
                self.stage.watch.unclear(number as u64, Unclear::Cancelled);
                continue;
            };
            self.judge(number, answer)?;
            if self.choices.below(16) == 0 {
                sleep(Duration::from_millis(self.choices.below(4))).await;
            }
        }
        Ok(())
    }

    /// `None` if the caller gave up.
    async fn append(&mut self, commit: Commit) -> Option<Result<sagalog::Appended, CommitError>> {
        if self.choices.below(8) == 0 {
            return match self.log.try_append(&commit) {
                Ok(pending) => Some(pending.await),
                Err(error) => Some(Err(error)),
            };
        }
        if self.stage.plan.cancels && self.choices.below(6) == 0 {
            let patience = Duration::from_millis(self.choices.below(3));
            return timeout(patience, self.log.append(commit)).await.ok();
        }
        Some(self.log.append(commit).await)
    }

    fn judge(
        &self,
        number: usize,
        answer: Result<sagalog::Appended, CommitError>,
    ) -> Result<(), Violation> {
        match answer {
            Ok(appended) => {
                self.stage.watch.reach(Mark::Acknowledged);
                self.stage.note([3, number as u64, appended.first.get()]);
                self.stage.oracle().acknowledge(number, appended)
            }
            Err(CommitError::Overloaded) => {
                self.stage.watch.reach(Mark::AppendOverloaded);
                self.stage.oracle().refuse(number);
                Ok(())
            }
            Err(error) => {
                self.stage.note([4, number as u64, u64::from(error.is_unknown_outcome())]);
                self.stage.watch.commit_failed(&error);
                if error.is_unknown_outcome() {
                    self.stage.watch.unclear(number as u64, Unclear::Unknown);
                }
                if !error.is_unknown_outcome() {
                    self.stage.oracle().refuse(number);
                }
                if self.healed || !self.stage.plan.may_fail() {
                    return broken("G8", format!("an append fails on a healthy disk: {error}"));
                }
                let full = matches!(error, CommitError::StorageFull);
                if full
                    && self.stage.plan.temper == Temper::Quiet
                    && self.stage.plan.quota_bytes.is_none()
                {
                    return broken("G8", "storage full on a disk with space".into());
                }
                Ok(())
            }
        }
    }
}
