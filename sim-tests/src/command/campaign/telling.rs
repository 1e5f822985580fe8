//! What a campaign tells: at its beginning, on its way, and at its end.
//!
//! It decides nothing but what is bad. The invariant it guards: a failure is told with the command
//! that runs it again, when it happens and at the end.

use super::state::{Batch, Failure, State, Sum};
use crate::{
    marks::{Mark, Need},
    report::SuiteName,
    summary::{float, rate},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Says what is gone on with.
pub(super) fn beginning(state: &State) {
    for suite in SuiteName::ALL {
        let sum = &state.part(suite).sum;
        if sum.seeds > 0 {
            eprintln!("{suite}: goes on after {} seeds, {} failed", sum.seeds, sum.failed);
        }
    }
}

/// One line of progress.
pub(super) fn progress(state: &State, left: Duration) {
    let suites = SuiteName::ALL.map(|suite| line(suite, &state.part(suite).sum));
    eprintln!("{} s left | {}", left.as_secs(), suites.join(" | "));
}

fn line(suite: SuiteName, sum: &Sum) -> String {
    let all = Mark::ALL.into_iter().filter(|mark| mark.need(suite) == Need::Required).count();
    let reached = all - sum.unreached(suite, Need::Required).len();
    let Sum { seeds, failed, .. } = sum;
    let speed = known(rate(float(*seeds), sum.cpu_s));
    format!(
        "{suite}: {seeds} seeds, {speed} per CPU second, marks {reached}/{all}, {failed} failed"
    )
}

fn known(figure: Option<f64>) -> String {
    figure.map_or_else(|| "unknown".to_owned(), |figure| figure.to_string())
}

/// Failures, as they happen.
pub(super) fn failures(suite: SuiteName, failures: &[Failure]) {
    for failure in failures {
        eprintln!("{}", told(suite, failure));
    }
}

fn told(suite: SuiteName, failure: &Failure) -> String {
    format!("{suite}: {}\n  again: {}", failure.what, command(suite, failure.batch))
}

fn command(suite: SuiteName, Batch { first, seeds }: Batch) -> String {
    match seeds {
        1 => format!("cargo sim {suite} --seed {first}"),
        _ => format!("cargo sim {suite} --seed {first} --seeds {seeds}"),
    }
}

/// Whether something was found, or too much was never reached.
pub(super) fn is_bad(state: &State) -> bool {
    SuiteName::ALL.into_iter().any(|suite| {
        let sum = &state.part(suite).sum;
        sum.failed > 0 || sum.is_blind(suite)
    })
}

/// What everything came to.
pub(super) fn end(state: &State, json: bool) {
    if json {
        let suites = SuiteName::ALL.map(|suite| to_json(suite, &state.part(suite).sum));
        println!("{}", json!({ "is_clean": !is_bad(state), "suites": suites }));
        return;
    }
    for suite in SuiteName::ALL {
        let sum = &state.part(suite).sum;
        println!("{}", line(suite, sum));
        println!("  {} simulated hours per CPU hour", known(rate(sum.simulated_s, sum.cpu_s)));
        for mark in sum.unreached(suite, Need::Required) {
            println!("  never reached: {}: {}", mark.name(), mark.sentence());
        }
        println!("  rare marks never reached: {}", names(sum, suite, Need::Rare).join(", "));
        for failure in &sum.failures {
            println!("{}", told(suite, failure));
        }
    }
}

fn to_json(suite: SuiteName, sum: &Sum) -> Value {
    let failure = |failure: &Failure| {
        let command = command(suite, failure.batch);
        json!({ "seed": failure.batch.first, "what": failure.what, "command": command })
    };
    json!({
        "suite": suite.name(),
        "seeds": sum.seeds,
        "failed": sum.failed,
        "failures": sum.failures.iter().map(failure).collect::<Vec<_>>(),
        "cpu_s": sum.cpu_s,
        "simulated_s": sum.simulated_s,
        "seeds_per_cpu_s": rate(float(sum.seeds), sum.cpu_s),
        "simulated_hours_per_cpu_hour": rate(sum.simulated_s, sum.cpu_s),
        "unreached": names(sum, suite, Need::Required),
        "unreached_rare": names(sum, suite, Need::Rare),
    })
}

fn names(sum: &Sum, suite: SuiteName, need: Need) -> Vec<&'static str> {
    sum.unreached(suite, need).into_iter().map(Mark::name).collect()
}
