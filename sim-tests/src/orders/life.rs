//! One life of the process that executes the shop's sagas: open, let clients call, maybe close; and
//! when the world is healed, wait until every document has come to its end, and judge.
//!
//! The invariant it guards: the shop is judged when nothing is under way any more, neither attempts
//! nor deliveries.

use super::{
    Orders as Suite,
    client::Client,
    desk::Desk,
    oracle::{Found, Seen, look_up},
    paper::Paper,
    plan::options_of,
};
use crate::{
    frame::{Ending, Lived, Sky, Storm, join_all, judge_refusal, within},
    marks::Mark,
    report::{Violation, broken},
};
use sagalog::{
    SagaError, Settled, Store,
    saga::{Operator, Verb},
};
use std::{sync::Arc, time::Duration};

/// Who draws for the life itself.
const OPENER: u32 = 99;
/// How long a saga may take to its end in a healed world: longer than any retry, many times over.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a saga may have to be tried again until it ends.
const RETRIES_MAX: u32 = 20;
/// Longer than anything is under way.
const QUIET: Duration = Duration::from_secs(10);

pub(super) async fn live<R: Sky>(life: &Lived<Suite, R>) -> Result<Ending, Violation> {
    let stage = &life.stage;
    life.around.watched_by(&stage.watch);
    if life.facts.healed {
        life.around.network.heal();
        life.around.all_are_up().await;
    }
    let options = options_of(&life.facts.sizes);
    let open = || Store::open_with(&life.runtime, options.clone());
    let store = match life.open(open).await {
        Ok((store, report)) => {
            stage.watch.opened(&report);
            store
        }
        Err(error) => return judge_refusal(stage, error),
    };
    stage.note(&[1, store.head().get()]);
    let storm = Storm::new(life, stage.plan.storm, life.choices(life.client(OPENER)));
    let desk = Arc::new(Desk::new(life, &store, storm));
    stage.oracle().begins();
    if let Err(error) = desk.open().await {
        if !life.facts.healed && stage.troubled() {
            return Ok(Ending::Left);
        }
        return broken("G43", format!("sagas cannot be taken over: {error}"));
    }
    work(life, &desk).await?;
    if life.facts.healed {
        end_all(life, &desk).await?;
        life.runtime.sleep(QUIET).await;
        life.around.all_are_up().await;
        let papers = stage.oracle().papers();
        let seen = Seen::of(&store, &life.around.books(), &papers).await?;
        stage.oracle().judge(&seen, &stage.watch)?;
    }
    if !life.closes() {
        return Ok(Ending::Left);
    }
    let grace = if life.facts.healed { PATIENCE } else { Duration::from_millis(100) };
    let closed = desk.sagas().close(grace).await;
    if let Err(error) = closed
        && !stage.troubled()
        && !stage.oracle().was_relayed()
    {
        return broken("G43", format!("the executor is healthy and does not close: {error}"));
    }
    life.close(store.close()).await
}

async fn work<R: Sky>(life: &Lived<Suite, R>, desk: &Arc<Desk<R>>) -> Result<(), Violation> {
    let client = |number| Client {
        stage: life.stage.clone(),
        life: life.number,
        number: life.client(number),
        choices: life.choices(life.client(number)),
        runtime: life.runtime.clone(),
        desk: Arc::clone(desk),
        around: life.around.clone(),
    };
    join_all(&life.runtime, (0..life.facts.clients).map(|number| client(number).call())).await
}

/// Every document that is there comes to its end, whoever was to start its saga.
async fn end_all<R: Sky>(life: &Lived<Suite, R>, desk: &Desk<R>) -> Result<(), Violation> {
    let oracle = || life.stage.oracle();
    // Who was told to die has died by then, and what was asked for in passing has been done.
    life.runtime.sleep(QUIET).await;
    life.around.network.heal();
    life.around.all_are_up().await;
    // Somebody may have been closed, or overtaken, as the last thing that clients did.
    if oracle().was_relayed()
        && let Err(error) = desk.open().await
    {
        return broken("G43", format!("sagas cannot be taken over: {error}"));
    }
    let papers = oracle().papers();
    let mut there = Vec::new();
    for (number, paper) in &papers {
        match look_up(&desk.store, *number, paper).await {
            Ok(Found::Nothing) => {}
            Ok(_) => there.push((*number, paper)),
            Err(error) => return broken("G50", format!("document {number}: {error}")),
        }
    }
    for (number, paper) in &there {
        start(life, desk, *number, paper).await?;
    }
    for (number, paper) in &there {
        end(life, desk, *number, paper).await?;
    }
    Ok(())
}

/// Starts a saga that nobody has started, and joins one that somebody has.
async fn start<R: Sky>(
    life: &Lived<Suite, R>,
    desk: &Desk<R>,
    number: u64,
    paper: &Paper,
) -> Result<(), Violation> {
    let (oracle, sagas) = (|| life.stage.oracle(), desk.sagas());
    match sagas.status(&paper.saga(number)).await {
        Ok(_) if oracle().was_asked_for(number) => {}
        Ok(_) => return broken("G41", format!("nobody started the saga of document {number}")),
        Err(SagaError::NotFound(_)) if !oracle().was_started(number) => {
            life.stage.watch.reach(Mark::StartedLate);
        }
        Err(error) => {
            return broken("G41", format!("the saga of document {number} was started: {error}"));
        }
    }
    match sagas.start_encoded(desk.saga(number, paper)).await {
        Ok(()) => {
            oracle().started(number);
            Ok(())
        }
        Err(error) => broken("G41", format!("the saga of document {number}: {error}")),
    }
}

/// Waits until a saga has ended.
async fn end<R: Sky>(
    life: &Lived<Suite, R>,
    desk: &Desk<R>,
    number: u64,
    paper: &Paper,
) -> Result<(), Violation> {
    let (saga, sagas) = (paper.saga(number), desk.sagas());
    let begun = life.runtime.now();
    for tried in 0.. {
        let settled = within(&life.runtime, PATIENCE, sagas.settled(&saga)).await;
        let Some(settled) = settled else {
            return broken("G31", format!("{saga} hangs"));
        };
        let patient = life.runtime.now().since(begun) < PATIENCE && tried < RETRIES_MAX;
        match settled {
            Ok(Settled::Stuck(_)) if patient => {
                life.stage.watch.reach(Mark::OperatorRetried);
                let (principal, reason) = ("operator".into(), "try again".into());
                let operator = Operator { verb: Verb::Retry, principal, reason };
                // It may have gone on by itself, or be busy; then that is seen next.
                if sagas.operate(&saga, operator).await.is_err() {
                    life.runtime.sleep(Duration::from_secs(1)).await;
                }
            }
            Ok(Settled::Stuck(steps)) => {
                return broken("G31", format!("{saga} never ends: {steps:?}"));
            }
            Ok(_) if !patient => return broken("G31", format!("{saga} ended late")),
            Ok(settled) => return life.stage.oracle().told(number, &settled, &life.stage),
            Err(error) => return broken("G31", format!("{saga} does not end: {error}")),
        }
    }
    Ok(())
}
