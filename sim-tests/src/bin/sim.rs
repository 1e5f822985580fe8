//! `cargo sim`: hands the command line to [`sagalog_sim::command`].
//!
//! It decides nothing. The invariant it guards: a build that would simulate nothing says so and
//! fails.

use std::process::ExitCode;

#[cfg(not(madsim))]
#[expect(clippy::print_stderr, reason = "a command line program")]
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
    sagalog_sim::command::main(lexopt::Parser::from_env())
}
