//! One life of the process that executes sagas: open, let clients call, maybe close; and when the
//! world is healed, wait until every saga has ended, and judge.
//!
//! The invariant it guards: sagas are judged when nothing is under way any more, neither attempts
//! nor deliveries.

use super::{
    Saga as Suite,
    business::entries,
    call::{Call, Word},
    client::Client,
    code::Surround,
    desk::Desk,
    oracle::{self, id_of},
    plan::options_of,
};
use crate::{
    frame::{Ending, Lived, Sky, Storm, join_all, judge_refusal, one_of, within},
    marks::Mark,
    report::{Violation, broken},
};
use sagalog::{
    Settled, Store,
    saga::{Operator, Side, Verb},
};
use sagalog_testkit::Choices;
use std::{sync::Arc, time::Duration};

/// Who opens the sagas.
const OPENER: u32 = 99;
/// How long a saga may take to its end in a healed world: longer than any retry, many times over.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a saga may have to be tried again until it ends.
const RETRIES_MAX: u32 = 60;
/// After so many tries an operator ends what can go neither forward nor back: nobody knows whether
/// its point of no return is passed, and no try tells.
const TRIES_MAX: u32 = 20;
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
    let desk = Arc::new(desk(life, &store));
    stage.oracle().begins();
    if let Err(error) = desk.open().await {
        if !life.facts.healed && stage.troubled() {
            return Ok(Ending::Left);
        }
        return broken("G43", format!("sagas cannot be taken over: {error}"));
    }
    if !life.facts.healed {
        take_stock(life, &desk).await?;
    }
    work(life, &desk).await?;
    if life.facts.healed {
        end_all(life, &desk).await?;
        life.runtime.sleep(QUIET).await;
        life.around.all_are_up().await;
        judge(life, &store).await?;
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

fn desk<R: Sky>(life: &Lived<Suite, R>, store: &Store) -> Desk<R> {
    let stage = &life.stage;
    let mut choices = life.choices(life.client(OPENER));
    let forgets = !life.facts.healed && choices.below(8) == 0;
    let shapes: Vec<usize> = (0..stage.plan.shapes.len()).collect();
    let without = stage.next_call(life.number, life.client(OPENER), || {
        forgets.then(|| Call::Without(*one_of(&mut choices, &shapes)))
    });
    let without = match without {
        Some(Call::Without(definition)) => Some(definition),
        _ => None,
    };
    let storm = Storm::new(life, stage.plan.storm, choices.fork(1));
    let surround = Surround {
        stage: stage.clone(),
        runtime: life.runtime.clone(),
        store: store.clone(),
        transport: life.around.network.transport(life.runtime.clone(), storm),
    };
    Desk::new(surround, without)
}

/// Sagas of the definition that is missing wait, and no others.
async fn take_stock<R: Sky>(life: &Lived<Suite, R>, desk: &Desk<R>) -> Result<(), Violation> {
    let Ok(waiting) = desk.sagas().waiting().await else { return Ok(()) };
    if !waiting.is_empty() {
        life.stage.watch.reach(Mark::SagaWaiting);
    }
    life.stage.oracle().waiting(&waiting, desk.without)
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

/// Every saga ends: what is stuck is tried again until it does.
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
    let begun = life.runtime.now();
    let sagas = desk.sagas();
    for saga in oracle::begun(desk).await? {
        for tried in 0.. {
            let settled = within(&life.runtime, PATIENCE, sagas.settled(&id_of(saga))).await;
            let Some(settled) = settled else {
                return broken("G31", format!("saga {saga} hangs"));
            };
            let patient = life.runtime.now().since(begun) < PATIENCE && tried < RETRIES_MAX;
            match settled {
                Ok(Settled::Stuck(steps)) if patient => {
                    let lost = tried >= TRIES_MAX && steps.iter().all(|s| s.side == Side::Action);
                    let (verb, word) =
                        if lost { (Verb::Abort, Word::Abort) } else { (Verb::Retry, Word::Retry) };
                    let reason = oracle().speaks(saga, word);
                    let (principal, reason) = ("operator".into(), reason.as_str().into());
                    let operator = Operator { verb, principal, reason };
                    // It may have gone on by itself, or be busy; then that is seen next.
                    if sagas.operate(&id_of(saga), operator).await.is_err() {
                        life.runtime.sleep(Duration::from_secs(1)).await;
                    }
                }
                Ok(Settled::Stuck(steps)) => {
                    return broken("G31", format!("saga {saga} never ends: {steps:?}"));
                }
                Ok(_) if !patient => {
                    return broken("G31", format!("saga {saga} ended late"));
                }
                Ok(settled) => {
                    let told = oracle::Told::of(settled);
                    life.stage.watch.reach(told.mark());
                    oracle().told(saga, told)?;
                    break;
                }
                Err(error) => {
                    return broken("G31", format!("saga {saga} does not end: {error}"));
                }
            }
        }
    }
    Ok(())
}

async fn judge<R: Sky>(life: &Lived<Suite, R>, store: &Store) -> Result<(), Violation> {
    let stories = oracle::stories(store).await?;
    let unread = |_| broken("G31", "books that are healthy cannot be read".into());
    let mut books = Vec::new();
    for store in life.around.books() {
        match entries(&store).await {
            Ok(entries) => books.extend(entries),
            Err(error) => return unread(error),
        }
    }
    let here = entries(store).await;
    here.map_or_else(unread, |here| life.stage.oracle().judge(&stories, &books, &here))
}
