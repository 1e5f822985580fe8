//! The saga suite: sagas on one store, whose steps call participants on other machines, through
//! many lives that end in crashes.
//!
//! A seed draws a [`Plan`]: definitions, participants, clients, weather. Each life opens the store
//! and takes over its sagas, perhaps without one of the definitions; clients start sagas, wait,
//! cancel, and repair what is stuck; executors take over from each other; links are cut, and
//! participants die and come back. At the end everything is healed, and every saga has to end. The
//! oracle then compares what was told, what the journals say, and what stands in the participants'
//! books.

mod business;
mod call;
mod client;
mod code;
mod conduct;
mod desk;
mod life;
mod oracle;
mod plan;
mod shape;

pub use business::Participants;
pub use call::{Call, Word};
pub use conduct::{Conduct, Manner};
pub use oracle::Oracle;
pub use plan::Plan;
pub use shape::{EffectShape, Shape, StepShape};

use crate::{
    frame::{Aim, Ending, LOG, Lived, Neighbours, Sky, Suite},
    report::{SuiteName, Violation},
};
use sagalog_testkit::{Choices, Seeded};

/// Sagas and participants.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name for the suite, it holds nothing")]
pub struct Saga;

impl Suite for Saga {
    const NAME: SuiteName = SuiteName::Saga;
    const AIMS: &'static [&'static [Aim]] = &[LOG];
    type Plan = Plan;
    type Call = Call;
    type Oracle = Oracle;
    type Around<R: Sky> = Neighbours<R, Participants>;

    fn plan(seed: u64) -> Plan {
        Plan::draw(seed)
    }

    fn oracle(plan: &Plan) -> Oracle {
        Oracle::new(plan)
    }

    fn around<R: Sky>(plan: &Plan, runtime: &R) -> Self::Around<R> {
        Neighbours::new(runtime, Participants, plan.participants)
    }

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
