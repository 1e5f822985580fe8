//! The commands of `cargo sim`: which one is meant, and what all of them share.
//!
//! A command lives in a file of its own: a parser of its arguments and what it does. The invariant
//! it guards: a command line that is not understood runs nothing, says why in a sentence, and ends
//! with 2; what ran and found something ends with 1.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

mod arguments;
mod campaign;
mod child;
mod cpu;
mod determinism;
mod run;
mod suite;

use crate::report::SuiteName;
use arguments::Misuse;
use lexopt::Parser;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo sim COMMAND

  disk --seeds N [--seed S] [--madsim] [--json]
  store --seeds N [--seed S] [--madsim] [--json]
      Run N worlds of the log, or of the event store, from seed S (else 1). Without --seeds, only
      seed S. Every broken promise is told with the command that runs its seed again. With
      --madsim, tasks run on madsim's own executor instead of the testkit's.

  campaign --minutes M [--jobs J] [--fresh] [--json]
      Run seeds of every suite on all cores, or J at once, each batch in a process of its own. It
      may be stopped at any moment and goes on where it stopped; --fresh begins anew, as is best
      after a change of the program. Its state is in the build's directory, campaign/state.json.

  determinism [--seeds N] [--seed S]
      Build the simulator once more, debug if this one is release and the other way round, and run
      N seeds (else 1000) of every suite in both. Where the traces of a seed differ, the first
      event that does is shown in both versions.

Ends with 0 if all is well, 1 if something was found, 2 if the command was not understood.";

/// Runs the command that the arguments name.
pub fn main(mut arguments: Parser) -> ExitCode {
    match dispatch(&mut arguments) {
        Ok(exit) => exit,
        Err(Misuse(reason)) => {
            eprintln!("{reason}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let command = arguments::command(arguments)?;
    match command.as_str() {
        "disk" => run::main(SuiteName::Disk, arguments),
        "store" => run::main(SuiteName::Store, arguments),
        "campaign" => campaign::main(arguments),
        "determinism" => determinism::main(arguments),
        "help" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(Misuse(format!("there is no command {unknown}"))),
    }
}
