//! One life of the process: open, judge what is there, let clients call, maybe close.
//!
//! The invariant it guards: the whole log is read and judged before anything is called, so that
//! each life's history is closed when the next one begins.

use super::{Store as Suite, client::Client, oracle::Disk};
use crate::{
    frame::{Ending, Lived, Sky, join_all, judge_refusal},
    report::{Violation, broken},
};
use sagalog::{Append, AppendError, ReadError, Store};
use sagalog_testkit::model::{
    PlainAppend, PlainAsOf, PlainRead, PlainSelector, Question, Recorded, Refusal, Reply, Shown,
};
use std::sync::Arc;

pub(super) async fn live<R: Sky>(life: &Lived<Suite, R>) -> Result<Ending, Violation> {
    let (stage, now) = (&life.stage, life.runtime.wall());
    let ended = if life.opening == 0 { life.facts.before_its_jump(now) } else { now };
    stage.oracle().begins(ended, now);
    let options = stage.plan.options(&life.facts.sizes);
    let open = || Store::open_with(&life.runtime, options.clone());
    let store = match life.open(open).await {
        Ok((store, report)) => {
            stage.watch.opened(&report);
            store
        }
        Err(error) => return judge_refusal(stage, error),
    };
    let head = store.head().get();
    stage.note(&[1, head]);
    let shown = stage.oracle().shown();
    let events = match read_all(&store, &shown).await {
        Ok(events) => events,
        Err(error) => return judge_unreadable(life, &store, &error).await,
    };
    if events.len() as u64 != head {
        return broken("G3", format!("the head is {head}, {} events are read", events.len()));
    }
    if !find_bare(life, &store).await? {
        return Ok(Ending::ReadDamaged);
    }
    let (op, proven) = (stage.disk_op(), stage.proven());
    let disk = if stage.damaged() { Disk::Damaged { proven } } else { Disk::Honest };
    stage.oracle().recovered(&events, disk, op)?;
    stage.watch.settled(|attempt| stage.oracle().is_placed(attempt));
    stage.watch.runs(store.stats().runs);
    ask(life, &store).await?;
    work(life, &store).await?;
    if life.closes() { close(life, store).await } else { Ok(Ending::Left) }
}

/// Asks the keys of appends without events where they are. False if that cannot be read.
async fn find_bare<R: Sky>(life: &Lived<Suite, R>, store: &Store) -> Result<bool, Violation> {
    let stage = &life.stage;
    let shown = stage.oracle().shown();
    let open = stage.oracle().open_bare();
    for (attempt, key) in open {
        match Question::Resolve(key).put_to_store(store, &shown).await {
            Reply::Commit(Some(answer)) => stage.oracle().resolved(attempt, answer.first),
            Reply::Commit(None) => {}
            reply if stage.excuses_reply(&reply, life.facts.healed)? => return Ok(false),
            reply => return broken("G21", format!("a key is answered with {reply:?}")),
        }
    }
    Ok(true)
}

/// Nobody else is there: everything is as the model says.
async fn ask<R: Sky>(life: &Lived<Suite, R>, store: &Store) -> Result<(), Violation> {
    let (stage, healed) = (&life.stage, life.facts.healed);
    let Ok(each @ 1..) = usize::try_from(life.facts.asks_each) else { return Ok(()) };
    let shown = stage.oracle().shown();
    let all = Question::of_everything(stage.oracle().model().now());
    let first = usize::try_from(life.number).unwrap_or(0) % each;
    for question in all.iter().skip(first).step_by(each) {
        let reply = question.put_to_store(store, &shown).await;
        if stage.excuses_reply(&reply, healed)? {
            continue;
        }
        let oracle = stage.oracle();
        let past = oracle.model().now();
        if !question.is_answered(past, &reply) {
            let expected = question.put_to(past);
            let what = format!("{question:?} of a quiet store: {reply:?}, not {expected:?}");
            return broken("G21", what);
        }
    }
    Ok(())
}

/// What cannot be read has to be an error wherever it is asked for, never less than was there.
async fn judge_unreadable<R: Sky>(
    life: &Lived<Suite, R>,
    store: &Store,
    error: &ReadError,
) -> Result<Ending, Violation> {
    let stage = &life.stage;
    if !stage.excuses(&error.clone().into(), life.facts.healed)? {
        return broken("G4", format!("the whole log is refused: {error}"));
    }
    let known = stage.oracle().model().head();
    if known == 0 || store.head().get() < known {
        return Ok(Ending::ReadDamaged);
    }
    let shown = stage.oracle().shown();
    let questions = Question::of_everything(stage.oracle().model().now());
    for question in questions {
        let Question::Read(read) = question else { continue };
        let then = PlainRead { as_of: PlainAsOf::Position(known - 1), ..read };
        let question = Question::Read(then);
        let reply = question.put_to_store(store, &shown).await;
        let silent = matches!(
            reply,
            Reply::Refused(
                Refusal::Failed(_) | Refusal::IndexUnwritten(_) | Refusal::IndexDamaged(_)
            )
        );
        let oracle = stage.oracle();
        if !silent && !question.is_answered(oracle.model().now(), &reply) {
            return broken("G4", format!("{question:?} of a damaged store: {reply:?}"));
        }
    }
    Ok(Ending::ReadDamaged)
}

async fn work<R: Sky>(life: &Lived<Suite, R>, store: &Store) -> Result<(), Violation> {
    let shown = life.stage.oracle().shown();
    let client = |number| Client {
        stage: life.stage.clone(),
        life: life.number,
        number: life.client(number),
        choices: life.choices(life.client(number)),
        runtime: life.runtime.clone(),
        store: store.clone(),
        shown: Arc::clone(&shown),
        healthy: life.facts.healed,
    };
    join_all(&life.runtime, (0..life.facts.clients).map(|number| client(number).call())).await
}

async fn close<R: Sky>(life: &Lived<Suite, R>, store: Store) -> Result<Ending, Violation> {
    let late = store.clone();
    let ending = life.close(store.close()).await?;
    let append = PlainAppend { key: Some("nobody's".into()), ..PlainAppend::default() };
    match late.append(Append::from(&append)).await {
        Err(error @ (AppendError::Closed | AppendError::Poisoned)) => {
            life.stage.watch.append_failed(&error);
            Ok(ending)
        }
        other => broken("G15", format!("after its end a store answers {other:?}")),
    }
}

async fn read_all(store: &Store, shown: &Shown) -> Result<Vec<Arc<Recorded>>, ReadError> {
    let whole = PlainRead { system: true, ..PlainRead::of(PlainSelector::All) };
    let mut events = store.read((&whole).into());
    let mut found = Vec::new();
    while let Some(event) = events.next().await? {
        found.push(shown.plain(&event));
    }
    Ok(found)
}
