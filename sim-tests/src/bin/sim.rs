//! `cargo sim`: hands the command line to [`sagalog_sim::command`]. It decides nothing.

use std::process::ExitCode;

fn main() -> ExitCode {
    sagalog_sim::command::main(lexopt::Parser::from_env())
}
