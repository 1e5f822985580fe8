//! The store suite: one event store on one disk, through many lives that end in crashes.
//!
//! A seed draws a [`Plan`]; each life opens the store, reads its whole log, judges it and what was
//! said in the life before, and then lets clients append and ask until it is stopped before some
//! disk operation. Between lives index files may be damaged or vanish. At the end everything is
//! healed, and the store has to open, answer and close, with its index files and without.

mod call;
mod client;
mod excuse;
mod life;
mod oracle;
mod plan;

pub use call::Call;
pub use oracle::Oracle;
pub use plan::Plan;

use crate::{
    frame::{Aim, Ending, INDEX, LOG, Lived, Sky, Suite},
    report::{SuiteName, Violation},
};
use sagalog_testkit::{Choices, Seeded};

/// One event store on one disk.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name for the suite, it holds nothing")]
pub struct Store;

impl Suite for Store {
    const NAME: SuiteName = SuiteName::Store;
    const AIMS: &'static [&'static [Aim]] = &[LOG, INDEX];
    type Plan = Plan;
    type Call = Call;
    type Oracle = Oracle;
    type Around<R: Sky> = ();

    fn plan(seed: u64) -> Plan {
        Plan::draw(seed)
    }

    fn oracle(plan: &Plan) -> Oracle {
        Oracle::new(plan.key_horizon_events)
    }

    fn around<R: Sky>(_: &Plan, _: &R) {}

    fn clients(plan: &Plan, choices: &mut Seeded) -> u32 {
        1 + u32::try_from(choices.below(plan.clients)).unwrap_or(0)
    }

    fn calls(oracle: &Oracle) -> u64 {
        oracle.calls()
    }

    async fn live<R: Sky>(life: Lived<Self, R>) -> Result<Ending, Violation> {
        life::live(&life).await
    }

    fn simpler(call: &Call) -> Vec<Call> {
        call.simpler()
    }
}
