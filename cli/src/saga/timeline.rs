//! `sagalog saga timeline`: what happened to a saga, turn by turn.

use super::{One, moment, reader};
use crate::{Outcome, failure::Failure, output::Form};
use sagalog::{
    SagaTurn, TurnKind, WallTime,
    saga::{Plan, Record},
};
use serde::Serialize;
use std::io::{self, BufWriter, Write};

/// A turn, for programs.
#[derive(Serialize)]
struct Line {
    position: u64,
    revision: u64,
    recorded_at: String,
    kind: &'static str,
    records: Vec<String>,
}

pub(super) async fn run(one: &One) -> Result<Outcome, Failure> {
    let reader = reader(&one.dir).await?;
    let mut turns = reader.timeline(&one.saga).await.map_err(|error| one.failed(&error))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut before = None;
    while let Some(turn) = turns.next().await.map_err(|error| one.failed(&error))? {
        match one.form() {
            Form::Json => {
                serde_json::to_writer(&mut out, &Line::of(&turn, turns.plan()))
                    .map_err(io::Error::from)?;
                writeln!(out)?;
            }
            Form::Text => put(&mut out, &turn, turns.plan(), before)?,
        }
        before = Some(turn.recorded_at);
    }
    out.flush()?;
    Ok(Outcome::Sound)
}

impl Line {
    fn of(turn: &SagaTurn, plan: &Plan) -> Self {
        Self {
            position: turn.position.get(),
            revision: turn.revision.get(),
            recorded_at: moment::print(turn.recorded_at),
            kind: kind(turn.kind),
            records: turn.records.iter().map(|record| words(record, turn, plan)).collect(),
        }
    }
}

fn kind(kind: TurnKind) -> &'static str {
    match kind {
        TurnKind::Begun => "begun",
        TurnKind::Went => "went",
        TurnKind::Stuck => "stuck",
        TurnKind::Checkpointed => "checkpointed",
        TurnKind::Ended => "ended",
        _ => "unknown",
    }
}

/// A record in words, with how long it puts the next attempt off.
fn words(record: &Record, turn: &SagaTurn, plan: &Plan) -> String {
    let words = record.in_words(plan);
    match record {
        Record::AttemptFailed { next_at, .. } => {
            let delay = moment::duration(moment::between(turn.recorded_at, *next_at));
            format!("{words}; again in {delay}")
        }
        _ => words,
    }
}

/// The moment, the time since the turn before, the position, and what happened, a record a line.
fn put(
    out: &mut impl Write,
    turn: &SagaTurn,
    plan: &Plan,
    before: Option<WallTime>,
) -> io::Result<()> {
    let since = before.map(|before| moment::duration(moment::between(before, turn.recorded_at)));
    let since = since.map_or_else(String::new, |since| format!("+{since}"));
    let at = moment::print(turn.recorded_at);
    writeln!(out, "{at}  position {}  {since}", turn.position)?;
    let mut records = turn.records.iter().map(|record| words(record, turn, plan));
    records.try_for_each(|words| writeln!(out, "  {}", words.escape_debug()))
}
