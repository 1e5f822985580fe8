//! `sagalog saga explain`: why a saga does not go on, and what may be done about it.

use super::{One, moment, reader};
use crate::{
    Outcome,
    failure::Failure,
    output::{self, Form},
};
use sagalog::{Explanation, Wait};
use serde::Serialize;
use std::io::{self, Write as _};

#[derive(Serialize)]
struct Report<'a> {
    saga: &'a str,
    phase: &'static str,
    waits: Vec<WaitReport>,
    revision: u32,
    newest_revision: Option<u32>,
    /// The verbs that would be accepted now.
    verbs: Vec<String>,
    text: String,
}

#[derive(Serialize)]
struct WaitReport {
    text: String,
    /// Not before this moment.
    next_at: Option<String>,
}

pub(super) async fn run(one: &One) -> Result<Outcome, Failure> {
    let reader = reader(&one.dir).await?;
    let explained = reader.explain(&one.saga).await.map_err(|error| one.failed(&error))?;
    match one.form() {
        Form::Json => output::json(&Report::of(&explained))?,
        Form::Text => print(&explained)?,
    }
    Ok(Outcome::Sound)
}

impl<'a> Report<'a> {
    fn of(explained: &'a Explanation) -> Self {
        let wait = |wait: &Wait| {
            let next_at = match wait {
                Wait::Attempt { next_at, .. } if next_at.as_unix_nanos() > 0 => Some(*next_at),
                _ => None,
            };
            WaitReport { text: wait.to_string(), next_at: next_at.map(moment::print) }
        };
        Self {
            saga: explained.status.saga.as_str(),
            phase: super::show::phase(&explained.status.phase),
            waits: explained.waits.iter().map(wait).collect(),
            revision: explained.status.revision,
            newest_revision: explained.newest_revision,
            verbs: explained.verbs.iter().map(ToString::to_string).collect(),
            text: explained.to_string(),
        }
    }
}

fn print(explained: &Explanation) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{explained}")?;
    let now = moment::now();
    for wait in &explained.waits {
        if let Wait::Attempt { step, side, next_at, .. } = wait
            && *next_at > now
        {
            let (at, left) = (moment::print(*next_at), moment::between(now, *next_at));
            let left = moment::duration(left);
            writeln!(out, "the {side} of step {step} is tried again at {at}, in {left}")?;
        }
    }
    if !explained.verbs.is_empty() {
        let verbs: Vec<_> = explained.verbs.iter().map(ToString::to_string).collect();
        writeln!(out, "possible now: {}", verbs.join(", "))?;
    }
    out.flush()
}
