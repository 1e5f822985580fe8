//! One life of the process: open, judge what is there, append concurrently, maybe close.
//!
//! Each answer goes to the oracle in the same step in which it arrives, so that a life that is cut
//! short leaves exactly what its callers were told.

use super::{Call, Disk};
use crate::{
    frame::{Ending, How, Lived, Sky, Stage, join_all, judge_refusal},
    marks::{Mark, Phase, Unclear},
    report::{Violation, broken},
};
use sagalog::{Appended, Commit, CommitError, Log, Position, ReadError, RecordedCommit};
use sagalog_testkit::{Choices, FaultKind, Seeded};
/// The client that does everything but append.
const KEEPER: u32 = 0;

pub(super) async fn live<R: Sky>(life: &Lived<Disk, R>) -> Result<Ending, Violation> {
    let stage = &life.stage;
    let options = stage.plan.options(&life.facts.sizes);
    let open = || Log::open_with(&life.runtime, options.clone());
    let (log, report) = match life.open(open).await {
        Ok(opened) => opened,
        Err(error) => return judge_refusal(stage, error),
    };
    stage.watch.opened(&report);
    stage.note(&[1, report.head.get(), report.epoch.get()]);
    let found = match read_all(&log, report.floor).await {
        Ok(found) => found,
        Err(error) => return judge_unreadable(stage, &error),
    };
    let head = found.last().map_or(report.floor, |c| c.first.plus(u64::from(c.positions)));
    if head != report.head {
        return broken("G3", format!("head {} is reported, {head} is read", report.head));
    }
    let (op, proven) = (stage.disk_op(), stage.proven());
    stage.oracle().judge_recovered(&found, report.floor, op, proven)?;
    stage.watch.settled(|number| stage.oracle().holds(number));
    work(life, &log).await?;
    if life.closes() { close(life, log).await } else { Ok(Ending::Left) }
}

fn judge_unreadable(stage: &Stage<Disk>, error: &ReadError) -> Result<Ending, Violation> {
    match error {
        ReadError::Io { .. } if stage.reported() => Ok(Ending::ReadDamaged),
        _ if stage.hurt() => Ok(Ending::ReadDamaged),
        _ => broken("G4", format!("unreadable although the disk kept its promises: {error}")),
    }
}

async fn work<R: Sky>(life: &Lived<Disk, R>, log: &Log) -> Result<(), Violation> {
    let client = |number| Client {
        stage: life.stage.clone(),
        life: life.number,
        number: life.client(number),
        keeps: number == KEEPER,
        choices: life.choices(life.client(number)),
        runtime: life.runtime.clone(),
        log: log.clone(),
        healed: life.facts.healed,
    };
    join_all(&life.runtime, (0..life.facts.clients).map(|number| client(number).call())).await
}

async fn close<R: Sky>(life: &Lived<Disk, R>, log: Log) -> Result<Ending, Violation> {
    let late = log.clone();
    let ending = life.close(log.close()).await?;
    match late.append(Commit::new(b"nobody's".to_vec())).await {
        Err(error @ (CommitError::Closed | CommitError::Poisoned | CommitError::Displaced(_))) => {
            life.stage.watch.commit_failed(&error);
            Ok(ending)
        }
        other => broken("G15", format!("after its end a log answers {other:?}")),
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

/// One concurrent client.
struct Client<R> {
    stage: Stage<Disk>,
    life: u32,
    number: u32,
    keeps: bool,
    choices: Seeded,
    runtime: R,
    log: Log,
    healed: bool,
}

impl<R: Sky> Client<R> {
    async fn call(mut self) -> Result<(), Violation> {
        let calls = self.how_many();
        for made in 0.. {
            let position = self.stage.oracle().some_position(self.choices.bits());
            let (choices, plan) = (&mut self.choices, &self.stage.plan);
            let draw = || {
                if self.keeps {
                    return Call::of_keeper(choices, plan, position.get());
                }
                Call::of_writer(choices, plan)
            };
            let call = self.stage.next_call(self.life, self.number, || (made < calls).then(draw));
            let Some(call) = call else { break };
            self.make(call).await?;
        }
        Ok(())
    }

    fn how_many(&mut self) -> u64 {
        if self.keeps {
            return self.choices.below(3);
        }
        2 + self.choices.below(self.stage.plan.calls_max.saturating_sub(1))
    }

    async fn make(&mut self, call: Call) -> Result<(), Violation> {
        match call {
            Call::Append { bytes, positions, how } => self.append(bytes, positions, how).await?,
            Call::Read { from, how } => self.read(Position::new(from), how).await?,
            Call::Retire { below, how } => self.retire(Position::new(below), how).await?,
            Call::Weather(weather) => weather.happen(&self.runtime, &self.stage.watch).await,
        }
        Ok(())
    }

    async fn read(&mut self, from: Position, how: How) -> Result<(), Violation> {
        let owed = self.stage.oracle().owed(from);
        let Some(read) = how.wait(read_all(&self.log, from)).await else { return Ok(()) };
        match read {
            Ok(found) => {
                self.stage.note(&[5, from.get(), found.len() as u64]);
                let op = self.stage.disk_op();
                self.stage.oracle().witness(&found, &owed, op)
            }
            Err(ReadError::Retired(_)) if self.stage.oracle().floor() > from => Ok(()),
            Err(error) => judge_unreadable(&self.stage, &error).map(drop),
        }
    }

    async fn retire(&mut self, from: Position, how: How) -> Result<(), Violation> {
        // Whatever the answer: the floor may move as far as this from now on.
        self.stage.oracle().retain_from(from);
        self.stage.watch.phase(Phase::Retiring);
        let answer = how.wait(self.log.keep_from(from)).await;
        self.stage.watch.phase(Phase::Working);
        let Some(answer) = answer else { return Ok(()) };
        match answer {
            Ok(floor) if floor > self.stage.oracle().floor() => {
                broken("G7", format!("asked to keep from {from}, it keeps from {floor}"))
            }
            Ok(floor) => {
                self.stage.note(&[2, from.get(), floor.get()]);
                Ok(())
            }
            Err(error) if self.healed || !(self.stage.troubled() || self.stage.cramped()) => {
                broken("G8", format!("a healthy log retires nothing: {error}"))
            }
            Err(_) => Ok(()),
        }
    }

    async fn append(&mut self, bytes: u64, positions: u32, how: How) -> Result<(), Violation> {
        let bytes = usize::try_from(bytes).unwrap_or(8);
        let (number, commit) = self.stage.oracle().submit(bytes, positions);
        let ousted = self.is_ousted();
        let Some(answer) = self.submit(commit, how).await else {
            if how == How::ForPolls(0) {
                self.stage.oracle().refuse(number);
            } else {
                self.stage.watch.unclear(number as u64, Unclear::Cancelled);
            }
            return Ok(());
        };
        if ousted && answer.is_ok() {
            let what = format!("commit {number} is acknowledged although the directory was gone");
            return broken("G15", what);
        }
        self.judge(number, bytes, answer)
    }

    /// Whether the directory was moved away under the log. A later opening finds it again.
    fn is_ousted(&self) -> bool {
        self.stage.struck_in_life(|kind| kind == FaultKind::DirectoryMoved)
            && self.stage.disk.with(|disk| disk.is_ousted())
    }

    fn is_too_large(&self, bytes: usize) -> bool {
        bytes as u64 > self.stage.plan.group_bytes_max
    }

    /// `None` if the caller gave up.
    async fn submit(&self, commit: Commit, how: How) -> Option<Result<Appended, CommitError>> {
        match how {
            How::IfThereIsRoom => match self.log.try_append(&commit) {
                Ok(pending) => Some(pending.await),
                Err(error) => Some(Err(error)),
            },
            How::ForPolls(_) | How::Patiently => how.wait(self.log.append(commit)).await,
        }
    }

    fn judge(
        &self,
        number: usize,
        bytes: usize,
        answer: Result<Appended, CommitError>,
    ) -> Result<(), Violation> {
        match answer {
            Ok(_) if self.is_too_large(bytes) => {
                broken("G5", format!("commit {number} fits in no group and is acknowledged"))
            }
            Ok(appended) => {
                self.stage.watch.reach(Mark::Acknowledged);
                self.stage.note(&[3, number as u64, appended.first.get()]);
                let op = self.stage.disk_op();
                self.stage.oracle().acknowledge(number, appended, op)
            }
            Err(CommitError::Overloaded) => {
                self.stage.watch.reach(Mark::AppendOverloaded);
                self.stage.oracle().refuse(number);
                Ok(())
            }
            Err(error @ CommitError::TooLarge { .. }) if self.is_too_large(bytes) => {
                self.stage.watch.commit_failed(&error);
                self.stage.oracle().refuse(number);
                Ok(())
            }
            Err(error) => self.judge_error(number, &error),
        }
    }

    fn judge_error(&self, number: usize, error: &CommitError) -> Result<(), Violation> {
        self.stage.note(&[4, number as u64, u64::from(error.is_unknown_outcome())]);
        self.stage.watch.commit_failed(error);
        if error.is_unknown_outcome() {
            self.stage.watch.unclear(number as u64, Unclear::Unknown);
        } else {
            self.stage.oracle().refuse(number);
        }
        let excused = match error {
            CommitError::StorageFull | CommitError::Unprepared(_) => {
                self.stage.troubled() || self.stage.cramped()
            }
            CommitError::Unknown | CommitError::Poisoned | CommitError::Displaced(_) => {
                self.stage.troubled()
            }
            _ => false,
        };
        if self.healed || !excused {
            return broken("G8", format!("an append fails for no reason: {error}"));
        }
        Ok(())
    }
}
