//! The program: what is to be done, read from the command line, and what came of it, printed.
//!
//! All logic is in the library. The invariant it guards: whatever goes wrong ends in one sentence
//! and a code: 0 for all well, 1 for something that a person has to look at, 2 for not done.

#![expect(clippy::print_stderr, reason = "a program with a terminal")]

mod command;

use clap::Parser;
use command::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            // Help goes to standard output and is no failure.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match command.run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("orders: {failure}");
            ExitCode::from(2)
        }
    }
}
