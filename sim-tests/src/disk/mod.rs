//! The disk suite: one log on one disk, through many lives that end in crashes.
//!
//! A seed draws a [`Plan`]; each life opens the log, judges what it finds against the oracle,
//! appends, reads, retires, closes or not, and is stopped before some disk operation. At the end
//! everything is healed and the log has to open, append and close.

mod call;
mod life;
mod oracle;
mod plan;

pub use call::Call;
pub use oracle::Oracle;
pub use plan::Plan;

use crate::{
    frame::{Aim, Ending, LOG, Lived, Sky, Suite},
    report::{SuiteName, Violation},
};
use sagalog_testkit::{Choices, Seeded};

/// One log on one disk.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name for the suite, it holds nothing")]
pub struct Disk;

impl Suite for Disk {
    const NAME: SuiteName = SuiteName::Disk;
    const AIMS: &'static [&'static [Aim]] = &[LOG];
    type Plan = Plan;
    type Call = Call;
    type Oracle = Oracle;
    type Around<R: Sky> = ();

    fn plan(seed: u64) -> Plan {
        Plan::draw(seed)
    }

    fn oracle(_: &Plan) -> Oracle {
        Oracle::default()
    }

    /// One that does everything but append, and the writers.
    fn around<R: Sky>(_: &Plan, _: &R) {}

    fn clients(plan: &Plan, choices: &mut Seeded) -> u32 {
        2 + u32::try_from(choices.below(plan.writers)).unwrap_or(0)
    }

    fn calls(oracle: &Oracle) -> u64 {
        oracle.submitted() as u64
    }

    async fn live<R: Sky>(life: Lived<Self, R>) -> Result<Ending, Violation> {
        life::live(&life).await
    }

    fn simpler(call: &Call) -> Vec<Call> {
        call.simpler()
    }
}
