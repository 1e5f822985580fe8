//! What all suites have in common: lives that end in crashes, and a world that heals at the end.
//!
//! It knows no log and no store. The invariant it guards: everything that a run draws comes from
//! its [`Director`], so that a recorded run is played again as it was; and a run ends with a
//! healed world in which everything has to work: the liveness phase.

mod aims;
mod calls;
mod draw;
mod excuse;
mod host;
mod neighbours;
mod opening;
mod stage;
mod storm;
mod surroundings;
mod weather;

pub use aims::Aim;
pub(crate) use aims::{INDEX, LOG, SEGMENT_END_BYTES};
pub use calls::How;
pub(crate) use calls::{give_up_after, join_all, within};
pub use host::Sky;
pub use neighbours::{Death, Neighbours, Trade};
pub use stage::Lived;
pub(crate) use stage::Stage;
pub(crate) use storm::Storm;
pub(crate) use surroundings::one_of;
pub use surroundings::{Surroundings, Temper};
pub use weather::Weather;

use crate::{
    marks::Mark,
    report::{SeedReport, SuiteName, Told, Violation, broken},
    script::{Decision, Director, Life, Script},
};
use excuse::is_final;
#[cfg(madsim)]
use host::Madsim;
use host::{Executor, Host, Stopped, at_once};
use sagalog::{OpenError, log::segment::HEADER_BYTES};
use sagalog_testkit::{
    FaultPlan, Seeded, SharedDisk, SimDisk,
    disk::{Evidence, Fate},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Debug, future::Future};

/// How many of the last events a report shows.
const EVENTS_TOLD: usize = 60;

/// Something to run in worlds.
pub trait Suite: Sized + Send + Sync + 'static {
    /// Its name.
    const NAME: SuiteName;
    /// What crashes are aimed at, in lists of equal weight.
    const AIMS: &'static [&'static [Aim]];
    /// What a seed decides at its beginning.
    type Plan: AsRef<Surroundings> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync;
    /// What a client does.
    type Call: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send;
    /// Who judges.
    type Oracle: Send;
    /// What else there is in the world, and lives on when a life ends. `R` is what a machine runs
    /// on.
    type Around<R: Sky>: Clone + Send + Sync + 'static;

    /// Draws the plan of `seed`.
    fn plan(seed: u64) -> Self::Plan;

    /// An oracle that has seen nothing.
    fn oracle(plan: &Self::Plan) -> Self::Oracle;

    /// What there is around the lives, made once, from a runtime of the first of them.
    fn around<R: Sky>(plan: &Self::Plan, runtime: &R) -> Self::Around<R>;

    /// Draws how many clients a life has.
    fn clients(plan: &Self::Plan, choices: &mut Seeded) -> u32;

    /// How many calls the oracle has seen.
    fn calls(oracle: &Self::Oracle) -> u64;

    /// From an opening to its end.
    fn live<R: Sky>(life: Lived<Self, R>)
    -> impl Future<Output = Result<Ending, Violation>> + Send;

    /// Simpler calls that may show the same, simplest first.
    fn simpler(call: &Self::Call) -> Vec<Self::Call>;
}

/// How a life ended.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the suites' own vocabulary")]
pub enum Ending {
    /// It did not open.
    NotOpened(OpenError),
    /// It opened, and could not be read whole.
    ReadDamaged,
    /// Its work was done and it was left open.
    Left,
    /// It was closed in order.
    Closed,
    /// The disk stopped it before it was done.
    CutShort,
}

/// On which executor a world runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the suites' own vocabulary")]
pub enum Substrate {
    /// The testkit's, whose order of tasks is drawn, recorded and played again.
    Testkit,
    /// madsim's, whose order follows from its own generator.
    #[cfg(madsim)]
    Madsim,
}

impl Substrate {
    /// The one that this build is for.
    #[cfg(not(madsim))]
    pub const BUILT: Self = Self::Testkit;
    /// The one that this build is for.
    #[cfg(madsim)]
    pub const BUILT: Self = Self::Madsim;
}

/// Runs one seed.
pub fn run_seed<S: Suite>(seed: u64, substrate: Substrate, told: Told) -> SeedReport {
    perform::<S>(seed, S::plan(seed), Director::drawing(), substrate, told).0
}

/// Runs one seed and writes down what it decided.
pub fn record<S: Suite>(seed: u64) -> (SeedReport, Script<S::Plan, S::Call>) {
    let plan = S::plan(seed);
    let (report, noted) =
        perform::<S>(seed, plan.clone(), Director::noting(), Substrate::Testkit, Told::Verdict);
    (report, Script::new(&S::NAME.to_string(), seed, plan, noted))
}

/// Plays a script.
pub fn replay<S: Suite>(script: &Script<S::Plan, S::Call>, told: Told) -> SeedReport {
    let head = &script.head;
    let director = Director::reading(&script.decisions);
    perform::<S>(head.seed, head.plan.clone(), director, Substrate::Testkit, told).0
}

fn perform<S: Suite>(
    seed: u64,
    plan: S::Plan,
    director: Director<S::Call>,
    substrate: Substrate,
    told: Told,
) -> (SeedReport, Vec<Decision<S::Call>>) {
    let surroundings = plan.as_ref();
    let faults = if director.reads() { FaultPlan::default() } else { surroundings.faults.clone() };
    let mut disk = SimDisk::with_faults(faults, surroundings.entropy);
    disk.keep_events(told.events_kept(EVENTS_TOLD));
    disk.set_quota(surroundings.quota_bytes);
    disk.set_evidence(Evidence { prefix: "log-".to_owned(), from_offset: HEADER_BYTES });
    let disk = SharedDisk::new(disk);
    let entropy = surroundings.entropy;
    let stage = Stage::<S>::new(seed, plan, disk.clone(), director);
    let violation = match substrate {
        Substrate::Testkit => at_once(play(&stage, &mut Executor::new(disk, entropy))).err(),
        #[cfg(madsim)]
        Substrate::Madsim => {
            let config = madsim::Config::default();
            let simulated = madsim::runtime::Runtime::with_seed_and_config(entropy, config);
            simulated.block_on(play(&stage, &mut Madsim::new(disk))).err()
        }
    };
    stage.into_report(violation, told)
}

async fn play<S: Suite, H: Host>(stage: &Stage<S>, host: &mut H) -> Result<(), Violation> {
    let mut around = None;
    while let Some((number, facts)) = draw::next_life(stage) {
        let ending = live(stage, host, &mut around, number, &facts).await;
        stage.passed(host.elapsed());
        let ending = ending?;
        if let Ending::NotOpened(error) = &ending
            && is_final(error)
        {
            return excuse(stage, error);
        }
        if facts.healed {
            match ending {
                Ending::Closed => stage.watch.reach(Mark::Healed),
                // Damage that stays damage: what cannot be read is still not readable.
                Ending::NotOpened(_) | Ending::ReadDamaged if stage.hurt() => return Ok(()),
                ending => return broken("G8", format!("the healed store ends as {ending:?}")),
            }
        }
        crash(stage, number, &facts);
        host.end();
        draw::harm(stage, number, &facts);
    }
    Ok(())
}

async fn live<S: Suite, H: Host>(
    stage: &Stage<S>,
    host: &mut H,
    around: &mut Option<S::Around<H::Runtime>>,
    number: u32,
    facts: &Life,
) -> Result<Ending, Violation> {
    draw::prepare(stage, number, facts);
    stage.watch.opening();
    stage.watch.clock_jumped(facts.clock_jumps_s);
    let turns = stage.director().turns(number, stage.choices(number, 2), stage.world().order);
    host.begin(turns, facts);
    let runtime = host.runtime();
    let around = around.get_or_insert_with(|| S::around(&stage.plan, &runtime)).clone();
    let life =
        Lived { stage: stage.clone(), number, opening: 0, facts: facts.clone(), runtime, around };
    let lived = host.live(opening::live(life)).await;
    // Noted whatever came of it: a life that breaks a promise needs its faults and its order.
    let struck = stage.disk.with(|disk| disk.injected_in_life().to_vec());
    stage.director().life_over(number, &struck);
    match lived {
        Ok(ending) => ending,
        Err(Stopped::Halted) => {
            stage.cut_short();
            Ok(Ending::CutShort)
        }
        Err(Stopped::Panicked(what)) => broken("G9", format!("a task panicked: {what}")),
        Err(Stopped::Hangs) => {
            broken("G8", format!("life {number} hangs although the disk is at work"))
        }
    }
}

fn crash<S: Suite>(stage: &Stage<S>, number: u32, facts: &Life) {
    stage.disk.with(SimDisk::clear_halt);
    let mut director = stage.director();
    if !facts.power_fails {
        return stage.disk.with(SimDisk::process_crash);
    }
    let Some(planned) = director.planned_fates(number) else {
        let mut choices = stage.choices(number, 3);
        let fates = stage.disk.with(|disk| disk.power_failure(&mut choices));
        return director.note_fates(number, fates);
    };
    stage.disk.with(|disk| {
        disk.power_failure_by(&mut |unit| {
            let found = planned.iter().find(|(known, _)| known == unit);
            found.map_or(Fate::Dropped, |(_, fate)| *fate)
        });
    });
}

/// Judges an open that was refused: without faults a store opens; with faults that the disk
/// reports it says so and can be retried.
pub(crate) fn judge_refusal<S: Suite>(
    stage: &Stage<S>,
    error: OpenError,
) -> Result<Ending, Violation> {
    if !is_final(&error) && !stage.excuses_refusal(&error) {
        return broken("G10", format!("refused for no reason: {error}"));
    }
    stage.watch.refused(&error);
    Ok(Ending::NotOpened(error))
}

/// A refusal for good is right only if something is damaged that cannot be made again.
fn excuse<S: Suite>(stage: &Stage<S>, error: &OpenError) -> Result<(), Violation> {
    if stage.hurt() {
        return Ok(());
    }
    broken("G10", format!("refused to open although the disk kept its promises: {error}"))
}

/// The choices of a seed for one purpose.
fn choices(seed: u64, label: u64) -> Seeded {
    Seeded::new(seed).fork(label)
}
