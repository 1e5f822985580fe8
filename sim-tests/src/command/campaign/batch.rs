//! One batch of seeds in a process of its own, so that no history leaks from one to the next.
//!
//! The invariant it guards: a process that dies or hangs is a failure, of the seed that does it
//! alone if there is one, else of the batch; no other seed of the batch is lost for it.

use super::state::{Batch, Failure, Sum};
use crate::{
    child::{self, Ended, Said},
    marks::Mark,
    report::SuiteName,
};
use serde_json::Value;
use std::{process::Command, time::Duration};

/// How long a batch may take, and how long one seed.
const BATCH_PATIENCE: Duration = Duration::from_secs(300);
const SEED_PATIENCE: Duration = Duration::from_secs(60);
/// Lines of a dead process's last words that are kept.
const LAST_WORDS: usize = 5;

/// Runs a batch of what `program` starts. Also says which of its seeds were not run, because the
/// time was over when the first one that dies had been found.
pub(super) fn run(
    program: &dyn Fn() -> Command,
    suite: SuiteName,
    batch: Batch,
    is_over: &dyn Fn() -> bool,
) -> (Sum, Option<Batch>) {
    let death = match attempt(program, suite, batch, BATCH_PATIENCE) {
        Ok(sum) => return (sum, None),
        Err(death) => death,
    };
    let (mut sum, mut found) = (Sum::default(), false);
    for first in batch.first..batch.first + batch.seeds {
        if found && is_over() {
            let seeds = batch.first + batch.seeds - first;
            return (sum, Some(Batch { first, seeds }));
        }
        let single = Batch { first, seeds: 1 };
        let alone = attempt(program, suite, single, SEED_PATIENCE);
        found |= alone.is_err();
        sum.add(alone.unwrap_or_else(|death| dead(single, death)));
    }
    if !found {
        sum.add(Sum { seeds: 0, ..dead(batch, format!("{death}; none of its seeds does alone")) });
    }
    (sum, None)
}

fn dead(batch: Batch, what: String) -> Sum {
    let failures = vec![Failure { batch, what }];
    Sum { seeds: batch.seeds, failed: 1, failures, ..Sum::default() }
}

/// What the seeds came to, or how their process died.
fn attempt(
    program: &dyn Fn() -> Command,
    suite: SuiteName,
    batch: Batch,
    patience: Duration,
) -> Result<Sum, String> {
    let [first, seeds] = [batch.first, batch.seeds].map(|number| number.to_string());
    let mut command = program();
    command.args([suite.name(), "--seed", &first, "--seeds", &seeds, "--json"]);
    match child::run(&mut command, patience) {
        Ok(Ended::Exited(said)) => judge(&said),
        Ok(Ended::Hung) => Err(format!("no end after {} s", patience.as_secs())),
        Err(error) => Err(format!("it does not start: {error}")),
    }
}

fn judge(said: &Said) -> Result<Sum, String> {
    let judged = matches!(said.status.code(), Some(0 | 1));
    let told = said.stdout.lines().last().and_then(parse);
    told.filter(|_| judged).ok_or_else(|| {
        let lines: Vec<&str> = said.stderr.lines().collect();
        let words = lines[lines.len().saturating_sub(LAST_WORDS)..].join("; ");
        format!("the process ended with {}: {words}", said.status)
    })
}

/// Reads a summary.
fn parse(line: &str) -> Option<Sum> {
    let json: Value = serde_json::from_str(line).ok()?;
    let failure = |failure: &Value| {
        let what =
            format!("{} broken: {}", failure["guarantee"].as_str()?, failure["what"].as_str()?);
        Some(Failure { batch: Batch { first: failure["seed"].as_u64()?, seeds: 1 }, what })
    };
    let marks = json["marks"].as_object()?.iter();
    Some(Sum {
        seeds: json["seeds"].as_u64()?,
        failed: json["failed"].as_u64()?,
        failures: json["failures"].as_array()?.iter().map(failure).collect::<Option<_>>()?,
        marks: marks
            .map(|(name, seeds)| Some((Mark::named(name)?, seeds.as_u64()?)))
            .collect::<Option<_>>()?,
        simulated_s: json["simulated_s"].as_f64()?,
        cpu_s: json["cpu_s"].as_f64().unwrap_or(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands for the program: `$3` is its first seed, `$5` how many.
    fn script(script: &'static str) -> impl Fn() -> Command {
        move || {
            let mut command = Command::new("sh");
            command.args(["-c", script, "sim"]);
            command
        }
    }

    macro_rules! says {
        ($before:literal) => {
            concat!(
                $before,
                "\necho '{\"seeds\":'$5',\"failed\":0,\"failures\":[],\"marks\":{\"row-k\":'$5'},\
                 \"simulated_s\":1.0,\"cpu_s\":null}'"
            )
        };
    }

    const BATCH: Batch = Batch { first: 3, seeds: 4 };

    #[test]
    fn a_seed_whose_process_dies_is_found_and_the_others_are_counted() {
        let dies_at_5 = script(says!(
            "if [ $3 -le 5 ] && [ $(($3 + $5)) -gt 5 ]; then echo boom >&2; kill -9 $$; fi"
        ));
        let (sum, rest) = run(&dies_at_5, SuiteName::Disk, BATCH, &|| false);
        assert_eq!((sum.seeds, sum.failed, rest), (4, 1, None));
        assert_eq!(sum.marks[&Mark::RowK], 3);
        assert_eq!(sum.failures[0].batch, Batch { first: 5, seeds: 1 });
        assert!(sum.failures[0].what.contains("signal: 9"), "{}", sum.failures[0].what);
        assert!(sum.failures[0].what.ends_with("boom"), "{}", sum.failures[0].what);
    }

    #[test]
    fn a_batch_that_dies_only_as_a_whole_is_a_failure_too() {
        let dies_in_company = script(says!("[ $5 = 1 ] || exit 101"));
        let (sum, rest) = run(&dies_in_company, SuiteName::Disk, BATCH, &|| false);
        assert_eq!((sum.seeds, sum.failed, rest), (4, 1, None));
        assert_eq!(sum.failures[0].batch, BATCH);
    }

    #[test]
    fn seeds_that_were_not_run_are_given_back() {
        let (sum, rest) = run(&script("exit 101"), SuiteName::Disk, BATCH, &|| true);
        assert_eq!((sum.seeds, sum.failed), (1, 1));
        assert_eq!(rest, Some(Batch { first: 4, seeds: 3 }));
    }

    #[test]
    fn a_summary_is_read_with_its_failures() {
        let line = "{\"seeds\":2,\"failed\":1,\"failures\":[{\"seed\":9,\"guarantee\":\"G1\",\
                    \"what\":\"lost\"}],\"marks\":{\"healed\":1},\"simulated_s\":2.5,\
                    \"cpu_s\":0.5}";
        let sum = parse(line).expect("it is a summary");
        let batch = Batch { first: 9, seeds: 1 };
        assert_eq!(sum.failures, [Failure { batch, what: "G1 broken: lost".to_owned() }]);
        assert_eq!((sum.seeds, sum.failed, sum.cpu_s), (2, 1, 0.5));
        assert_eq!(parse("{}"), None);
        assert_eq!(parse(&line.replace("healed", "unheard-of")), None);
    }
}
