//! `cargo sim campaign`: seeds of all suites on all cores, for as long as it is given.
//!
//! It judges no seed; a process for each batch does. The invariant it guards: it may be stopped at
//! any moment, by any means, and goes on where it stopped, with every seed counted once.

mod batch;
mod state;
mod telling;

use super::arguments::{Misuse, number, text, unexpected};
use crate::report::SuiteName;
use lexopt::{Parser, prelude::Long};
use state::{Batch, State, Sum};
use std::{
    env,
    fs::{self, File},
    io,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(3);
/// How often it is looked whether everybody is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// About a second or two of each suite.
const fn seeds_of_a_batch(suite: SuiteName) -> u64 {
    match suite {
        SuiteName::Disk => 200,
        SuiteName::Store => 50,
        SuiteName::Saga | SuiteName::Orders => 25,
    }
}

#[derive(Debug, PartialEq)]
struct Order {
    time: Duration,
    jobs: usize,
    fresh: bool,
    json: bool,
}

pub(super) fn main(arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let order = parse(arguments)?;
    Ok(match run(&order) {
        Ok(state) => {
            telling::end(&state, order.json);
            ExitCode::from(u8::from(telling::is_bad(&state)))
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    })
}

fn parse(arguments: &mut Parser) -> Result<Order, Misuse> {
    let (mut minutes, mut jobs, mut fresh, mut json) = (None, None, false, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("minutes") => minutes = Some(duration(&text("minutes", arguments)?)?),
            Long("jobs") => jobs = Some(number::<NonZero<usize>>("jobs", arguments)?),
            Long("fresh") => fresh = true,
            Long("json") => json = true,
            other => return Err(unexpected(other)),
        }
    }
    let time = minutes.ok_or_else(|| Misuse("for how many --minutes?".to_owned()))?;
    let jobs = jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    Ok(Order { time, jobs, fresh, json })
}

fn duration(minutes: &str) -> Result<Duration, Misuse> {
    let seconds = minutes.parse::<f64>().ok().map(|minutes| minutes * 60.0);
    let seconds = seconds.filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| Misuse(format!("--minutes takes a number above zero, not {minutes:?}")))
}

/// What the workers share.
struct Campaign {
    program: PathBuf,
    path: PathBuf,
    start: Instant,
    time: Duration,
    progress: Mutex<Progress>,
}

struct Progress {
    state: State,
    /// What was spent on each suite since the start.
    spent: [Duration; SuiteName::ALL.len()],
}

#[expect(clippy::disallowed_methods, reason = "a campaign lasts a real while, on real cores")]
fn run(order: &Order) -> Result<State, String> {
    let (campaign, _lock) = prepare(order).map_err(|error| format!("no campaign: {error}"))?;
    telling::beginning(&campaign.progress().state);
    let mut told = Instant::now();
    let worked: io::Result<()> = thread::scope(|scope| {
        let workers: Vec<_> = (0..order.jobs).map(|_| scope.spawn(|| campaign.work())).collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(LOOK_EVERY);
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                telling::progress(&campaign.progress().state, campaign.left());
            }
        }
        let mut ends = workers.into_iter().map(ScopedJoinHandle::join);
        ends.try_for_each(|end| end.expect("a worker does not panic"))
    });
    worked.map_err(|error| format!("{} cannot be written: {error}", campaign.path.display()))?;
    Ok(campaign.progress().state.clone())
}

/// Everything that has to be right before the first seed, and the lock that keeps others out.
#[expect(clippy::disallowed_methods, reason = "a campaign's own files, no store's")]
fn prepare(order: &Order) -> Result<(Campaign, File), String> {
    let say = |error: io::Error| error.to_string();
    let own = env::current_exe().map_err(say)?;
    let directory = home(&own).ok_or("this program lies in no directory of builds")?;
    fs::create_dir_all(&directory).map_err(say)?;
    let lock = File::create(directory.join("lock")).map_err(say)?;
    lock.try_lock().map_err(|_| "another one is at work".to_owned())?;
    let path = directory.join("state.json");
    let state = if order.fresh { State::default() } else { State::load(&path)? };
    // A copy, so that a build in the meantime does not change what is tried; under another name
    // first, because children of a campaign that was killed may still run the last one.
    let (draft, program) = (directory.join("sim.draft"), directory.join("sim"));
    fs::copy(own, &draft).and_then(|_| fs::rename(draft, &program)).map_err(say)?;
    let progress = Mutex::new(Progress { state, spent: [Duration::ZERO; SuiteName::ALL.len()] });
    Ok((Campaign { program, path, start: Instant::now(), time: order.time, progress }, lock))
}

/// The campaign's directory, beside that of the build.
fn home(program: &Path) -> Option<PathBuf> {
    Some(program.parent()?.parent()?.join("campaign"))
}

impl Campaign {
    /// Runs batches until the time is over.
    #[expect(clippy::disallowed_methods, reason = "it says what it really spent")]
    fn work(&self) -> io::Result<()> {
        while !self.is_over() {
            let (suite, batch) = self.progress().hand_out();
            let start = Instant::now();
            let program = || Command::new(&self.program);
            let (sum, rest) = batch::run(&program, suite, batch, &|| self.is_over());
            telling::failures(suite, &sum.failures);
            let mut progress = self.progress();
            progress.take_back(suite, batch, (sum, rest), start.elapsed());
            progress.state.save(&self.path)?;
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a campaign lasts a real while")]
    fn left(&self) -> Duration {
        self.time.saturating_sub(self.start.elapsed())
    }

    fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// A batch of the suite that the fewest work on and that had the least time.
    fn hand_out(&mut self) -> (SuiteName, Batch) {
        let effort =
            |suite: &SuiteName| (self.state.part(*suite).underway(), self.spent[*suite as usize]);
        let suite = SuiteName::ALL.into_iter().min_by_key(effort).expect("there are suites");
        (suite, self.state.part_mut(suite).hand_out(seeds_of_a_batch(suite)))
    }

    fn take_back(
        &mut self,
        suite: SuiteName,
        batch: Batch,
        (sum, rest): (Sum, Option<Batch>),
        spent: Duration,
    ) {
        self.spent[suite as usize] += spent;
        self.state.part_mut(suite).take_back(batch, sum, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Order, String> {
        parse(&mut Parser::from_args(words)).map_err(|Misuse(reason)| reason)
    }

    #[test]
    fn a_campaign_has_a_time() {
        let order = parsed(&["--minutes", "0.5", "--jobs", "3", "--fresh", "--json"]);
        let time = Duration::from_secs(30);
        assert_eq!(order, Ok(Order { time, jobs: 3, fresh: true, json: true }));
        let cases = [
            (&[][..], "for how many --minutes?"),
            (&["--minutes", "0"], "--minutes takes a number above zero, not \"0\""),
            (&["--minutes", "-1"], "--minutes takes a number above zero, not \"-1\""),
            (&["--minutes", "NaN"], "--minutes takes a number above zero, not \"NaN\""),
            (&["--minutes", "1e300"], "--minutes takes a number above zero, not \"1e300\""),
            (&["--minutes", "1", "--jobs", "0"], "--jobs takes a whole number, not \"0\""),
        ];
        for (words, sentence) in cases {
            assert_eq!(parsed(words), Err(sentence.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn suites_share_the_workers_and_the_time() {
        let spent = [Duration::ZERO; SuiteName::ALL.len()];
        let mut progress = Progress { state: State::default(), spent };
        let (one, first) = progress.hand_out();
        let (other, _) = progress.hand_out();
        let (third, _) = progress.hand_out();
        let (last, _) = progress.hand_out();
        assert_eq!([one, other, third, last], SuiteName::ALL);
        progress.take_back(one, first, (Sum::default(), None), Duration::from_secs(9));
        assert_eq!(progress.hand_out().0, one, "nobody works on it");
        let (next, _) = progress.hand_out();
        assert_eq!(next, other, "it had less time");
    }
}
