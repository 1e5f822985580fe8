//! The orders suite: the reference application's library in a world that fails.
//!
//! A seed draws a [`Plan`]: how banks and carriers decide, how full the shelves are, clients,
//! weather. Each life opens the shop's store and takes over its sagas; clients take in documents
//! (orders, returns, write-offs) under command keys, start their sagas, wait, cancel orders;
//! executors take over from each other. The four services live on machines of their own, which die
//! and come back, behind links that are cut. At the end everything is healed, every document's saga
//! has to end, and the oracle compares what callers were told, the documents and the services'
//! books.

mod call;
mod client;
mod desk;
mod life;
mod oracle;
mod paper;
mod plan;
mod services;
mod wire;

pub use call::Call;
pub use oracle::Oracle;
pub use paper::{Item, Numbered, Paper};
pub use plan::{Conditions, Plan};
pub use services::Services;

use crate::{
    frame::{Aim, Ending, LOG, Lived, Neighbours, Sky, Suite},
    report::{SuiteName, Violation},
};
use ::orders::ports::Service;
use sagalog_testkit::{Choices, Seeded};

/// A shop, and the services around it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name for the suite, it holds nothing")]
pub struct Orders;

impl Suite for Orders {
    const NAME: SuiteName = SuiteName::Orders;
    const AIMS: &'static [&'static [Aim]] = &[LOG];
    type Plan = Plan;
    type Call = Call;
    type Oracle = Oracle;
    type Around<R: Sky> = Neighbours<R, Services>;

    fn plan(seed: u64) -> Plan {
        Plan::draw(seed)
    }

    fn oracle(plan: &Plan) -> Oracle {
        Oracle::new(plan)
    }

    fn around<R: Sky>(plan: &Plan, runtime: &R) -> Self::Around<R> {
        Neighbours::new(runtime, Services::new(plan), Service::ALL.len())
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
