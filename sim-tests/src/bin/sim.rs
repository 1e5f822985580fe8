//! `cargo sim`: runs seeded worlds and says which seed breaks which promise.
//!
//! Every seed runs on a thread of its own, so that nothing of one leaks into the next.

#![expect(clippy::print_stderr, reason = "a command line program")]
#![cfg_attr(madsim, expect(clippy::print_stdout, reason = "a command line program"))]

use std::process::ExitCode;

#[cfg(not(madsim))]
fn main() -> ExitCode {
    eprintln!(
        "this program was built without `--cfg madsim` and would simulate nothing. Run it as \
         `cargo sim`; a RUSTFLAGS of the environment replaces the flags of that alias, so unset it \
         or add `--cfg madsim` to it."
    );
    ExitCode::from(2)
}

#[cfg(madsim)]
fn main() -> ExitCode {
    simulator::main()
}

#[cfg(madsim)]
#[expect(clippy::disallowed_methods, reason = "it measures real time and isolates seeds by thread")]
mod simulator {
    use sagalog_sim::{
        command::planted,
        disk,
        report::{SeedReport, Summary, tell},
        store,
    };
    use std::{ops::Range, process::ExitCode, thread, time::Instant};

    const USAGE: &str = "usage: cargo sim disk|store --seeds N [--seed S] [--json] | planted ...";

    #[derive(Clone, Copy)]
    enum Suite {
        Disk,
        Store,
    }

    impl Suite {
        fn run_seed(self, seed: u64) -> SeedReport {
            match self {
                Self::Disk => disk::run_seed(disk::Plan::draw(seed)),
                Self::Store => store::run_seed(store::Plan::draw(seed)),
            }
        }

        fn panicked(self, seed: u64) -> SeedReport {
            match self {
                Self::Disk => {
                    let plan = format!("{:?}", disk::Plan::draw(seed));
                    SeedReport::panicked("disk", seed, plan)
                }
                Self::Store => {
                    let plan = format!("{:?}", store::Plan::draw(seed));
                    SeedReport::panicked("store", seed, plan)
                }
            }
        }
    }

    struct Arguments {
        suite: Suite,
        seeds: Range<u64>,
        json: bool,
    }

    pub(super) fn main() -> ExitCode {
        let mut words = std::env::args_os().skip(1);
        if words.next().is_some_and(|word| word == "planted") {
            return planted::main(lexopt::Parser::from_args(words));
        }
        let arguments = match parse() {
            Ok(arguments) => arguments,
            Err(reason) => {
                eprintln!("{reason}\n{USAGE}");
                return ExitCode::from(2);
            }
        };
        if arguments.seeds.is_empty() {
            eprintln!("zero seeds prove nothing\n{USAGE}");
            return ExitCode::from(2);
        }
        run(&arguments)
    }

    fn parse() -> Result<Arguments, String> {
        use lexopt::prelude::{Long, Value, ValueExt};
        let mut parser = lexopt::Parser::from_env();
        let (mut suite, mut count, mut first, mut json) = (None, None, None, false);
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            let number = |parser: &mut lexopt::Parser| -> Result<u64, String> {
                let value = parser.value().map_err(|error| error.to_string())?;
                value.parse().map_err(|error| error.to_string())
            };
            match argument {
                Long("seeds") => count = Some(number(&mut parser)?),
                Long("seed") => first = Some(number(&mut parser)?),
                Long("json") => json = true,
                Value(word) if suite.is_none() => suite = Some(word),
                other => return Err(other.unexpected().to_string()),
            }
        }
        let suite = match suite {
            Some(word) if word == "disk" => Suite::Disk,
            Some(word) if word == "store" => Suite::Store,
            Some(word) => return Err(format!("there is no suite {}", word.display())),
            None => return Err("which suite?".into()),
        };
        let count = count.unwrap_or(u64::from(first.is_some()));
        let first = first.unwrap_or(1);
        Ok(Arguments { suite, seeds: first..first.saturating_add(count), json })
    }

    fn run(arguments: &Arguments) -> ExitCode {
        let start = Instant::now();
        let mut summary = Summary::default();
        for seed in arguments.seeds.clone() {
            let report = run_on_a_fresh_thread(arguments.suite, seed);
            summary.add(&report);
            if report.violation.is_some() {
                eprintln!("{}", tell(&report));
            }
        }
        let json = summary.to_json(start.elapsed());
        if arguments.json {
            println!("{json}");
        } else {
            println!("{json:#}");
        }
        ExitCode::from(u8::from(summary.failed() > 0))
    }

    fn run_on_a_fresh_thread(suite: Suite, seed: u64) -> SeedReport {
        let thread = thread::Builder::new().name(format!("seed {seed}"));
        let running = thread.spawn(move || suite.run_seed(seed));
        match running.expect("the machine has room for one thread").join() {
            Ok(report) => report,
            Err(_) => suite.panicked(seed),
        }
    }
}
