//! `cargo sim disk|store|saga|orders`: runs seeds of a suite and tells which of them break which
//! promise.
//!
//! It judges nothing. The invariant it guards: zero seeds are an error, since they prove nothing.

use super::{
    arguments::{Misuse, number, unexpected},
    cpu,
    suite::run_seed,
};
use crate::{
    marks::Need,
    report::{SuiteName, Told, tell},
    summary::{Cost, Summary},
};
use lexopt::{Parser, prelude::Long};
use std::{ops::Range, process::ExitCode, time::Instant};

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// For people.
    Text,
    /// One object, in one line.
    Json,
    /// `SEED HASH`, a line each: what [`super::determinism`] compares.
    Hashes,
    /// Every event of the trace.
    Events,
}

#[derive(Debug, PartialEq, Eq)]
struct Order {
    seeds: Range<u64>,
    form: Form,
}

pub(super) fn main(suite: SuiteName, arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let order = parse(arguments)?;
    Ok(match order.form {
        Form::Text | Form::Json => judge(suite, order),
        Form::Hashes => hashes(suite, order),
        Form::Events => events(suite, order),
    })
}

fn parse(arguments: &mut Parser) -> Result<Order, Misuse> {
    let (mut count, mut first, mut form) = (None, None, Form::Text);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seeds") => count = Some(number("seeds", arguments)?),
            Long("seed") => first = Some(number("seed", arguments)?),
            Long("json") => form = Form::Json,
            Long("hashes") => form = Form::Hashes,
            Long("events") => form = Form::Events,
            other => return Err(unexpected(other)),
        }
    }
    let count: u64 = count.unwrap_or(u64::from(first.is_some()));
    if count == 0 {
        return Err(Misuse("zero seeds prove nothing: how many, or which?".to_owned()));
    }
    let first: u64 = first.unwrap_or(1);
    let Some(end) = first.checked_add(count) else {
        return Err(Misuse(format!("seeds end before {first} and {count} more")));
    };
    Ok(Order { seeds: first..end, form })
}

#[expect(clippy::disallowed_methods, reason = "it says how long it really took")]
fn judge(suite: SuiteName, order: Order) -> ExitCode {
    let start = Instant::now();
    let mut summary = Summary::new(suite);
    for seed in order.seeds {
        let report = run_seed(suite, seed, Told::Verdict);
        summary.add(&report);
        if report.violation.is_some() {
            // Keeping events costs time, and the same seed does the same once more.
            let report = run_seed(suite, seed, Told::LastEvents);
            eprintln!("{}", tell(&report));
        }
    }
    let cost = Cost { elapsed: start.elapsed(), cpu: cpu::spent() };
    if order.form == Form::Json {
        println!("{}", summary.to_json(cost));
    } else {
        println!("{summary}\n{cost}");
    }
    let blind = summary.is_long() && summary.unreached(Need::Required).next().is_some();
    if blind {
        eprintln!("{suite}: so many seeds have to reach every required mark, and did not");
    }
    ExitCode::from(u8::from(summary.failed() > 0 || blind))
}

/// A seed that fails is no basis for a comparison.
fn hashes(suite: SuiteName, order: Order) -> ExitCode {
    for seed in order.seeds {
        let report = run_seed(suite, seed, Told::Verdict);
        if report.violation.is_some() {
            eprintln!("{}", tell(&report));
            return ExitCode::from(1);
        }
        println!("{seed} {:032x}", report.trace_hash);
    }
    ExitCode::SUCCESS
}

fn events(suite: SuiteName, order: Order) -> ExitCode {
    for seed in order.seeds {
        for event in run_seed(suite, seed, Told::Everything).events {
            println!("{event}");
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Order, String> {
        parse(&mut Parser::from_args(words)).map_err(|Misuse(reason)| reason)
    }

    #[test]
    fn seeds_are_counted_from_the_first_one() {
        let cases = [
            (&["--seeds", "10"][..], 1..11),
            (&["--seed", "42"], 42..43),
            (&["--seed", "5", "--seeds", "2", "--json"], 5..7),
        ];
        for (words, seeds) in cases {
            assert_eq!(parsed(words).map(|order| order.seeds), Ok(seeds), "{words:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            (&[][..], "zero seeds prove nothing: how many, or which?"),
            (&["--seeds", "0"], "zero seeds prove nothing: how many, or which?"),
            (&["--seeds", "-1"], "--seeds takes a whole number, not \"-1\""),
            (&["--seeds", "1e3"], "--seeds takes a whole number, not \"1e3\""),
            (&["--seeds"], "--seeds needs a value"),
            (&["--sedes", "1"], "invalid option '--sedes'"),
            (&["7"], "unexpected argument \"7\""),
        ];
        for (words, sentence) in cases {
            assert_eq!(parsed(words), Err(sentence.to_owned()), "{words:?}");
        }
    }
}
