//! The commands of `cargo sim`: which one is meant, and what all of them share.
//!
//! A command lives in a file of its own: a parser of its arguments and what it does. The invariant
//! it guards: a command line that is not understood runs nothing, says why in a sentence, and ends
//! with 2; what ran and found something ends with 1.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

mod arguments;
mod campaign;
mod cpu;
mod determinism;
mod planted;
mod run;
mod scripts;
mod suite;

pub use scripts::play_text;

use crate::report::SuiteName;
use arguments::Misuse;
use lexopt::Parser;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo sim COMMAND

  disk --seeds N [--seed S] [--json]
  store --seeds N [--seed S] [--json]
  saga --seeds N [--seed S] [--json]
  orders --seeds N [--seed S] [--json]
      Run N worlds of the log, of the event store, of sagas and participants, or of the reference
      application, from seed S (else 1). Without --seeds, only seed S. Every broken promise is told
      with the command that runs its seed again. `cargo sim-madsim` takes the same four and runs
      them on madsim's executor instead of the testkit's.

  record disk|store|saga|orders --seed S [--out FILE]
      Write down what a seed decides, as a script.

  shrink disk|store|saga|orders --seed S [--seconds N] [--out FILE]
      Record a failing seed, leave out what the failure does without for N seconds
      (else 60) at most, and write the rest as a script, a decision a line.

  replay FILE... [--events]
      Play scripts. They need no seed: every line says what is decided, and can be deleted.

  campaign --minutes M [--jobs J] [--fresh] [--json]
      Run seeds of every suite on all cores, or J at once, each batch in a process of its own. It
      may be stopped at any moment and goes on where it stopped; --fresh begins anew, as is best
      after a change of the program. Its state is in the build's directory, campaign/state.json.

  planted [--only NAME]... [--pick N [--by WORD] [--new]] [--workers N] [--again] [--write] [--json]
  planted --list | --check
      Try every planted bug on a scratch copy, or those that are named, or N chosen by a word (and,
      with --new, those that docs/PLANTED.md lacks), and say which is noticed how soon. What was
      tried before is not tried again unless told so.
      --write makes docs/PLANTED.md; --check only looks whether every patch applies.

  determinism [--seeds N] [--seed S] [--with PROGRAM]
      Build the simulator once more, as a release if this one has debug assertions and as a debug
      build if not, or take PROGRAM, and run N seeds (else 1000) of every suite in both. Where the
      traces of a seed differ, the first event that does is shown in both versions.

Ends with 0 if all is well, 1 if something was found, 2 if the command was not understood.";

/// Runs the command that the arguments name.
pub fn main(mut arguments: Parser) -> ExitCode {
    match dispatch(&mut arguments) {
        Ok(exit) => exit,
        Err(Misuse(reason)) if reason.is_empty() => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(Misuse(reason)) => {
            eprintln!("{reason}; `cargo sim help` says more");
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let command = arguments::command(arguments)?;
    match command.as_str() {
        "disk" => run::main(SuiteName::Disk, arguments),
        "store" => run::main(SuiteName::Store, arguments),
        "saga" => run::main(SuiteName::Saga, arguments),
        "orders" => run::main(SuiteName::Orders, arguments),
        "record" => scripts::main_of_record(arguments),
        "shrink" => scripts::main_of_shrink(arguments),
        "replay" => scripts::main_of_replay(arguments),
        "campaign" => campaign::main(arguments),
        "planted" => planted::main(arguments),
        "determinism" => determinism::main(arguments),
        "help" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(Misuse(format!("there is no command {unknown}"))),
    }
}
