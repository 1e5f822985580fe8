//! Reading arguments: the sentences about those that are wrong.
//!
//! It knows no command. The invariant it guards: a number is all of its text or an error.

use lexopt::{
    Arg, Parser,
    prelude::{Long, Short, Value},
};
use std::str::FromStr;

/// Why a command line is not understood; empty if it asks for help.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misuse(pub(super) String);

impl From<lexopt::Error> for Misuse {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

/// The first word.
pub(super) fn command(arguments: &mut Parser) -> Result<String, Misuse> {
    match arguments.next()? {
        Some(Value(word)) => Ok(word.to_string_lossy().into_owned()),
        Some(Long("help") | Short('h')) => Ok("help".to_owned()),
        Some(other) => Err(unexpected(other)),
        None => Err(Misuse("which command?".to_owned())),
    }
}

/// The number that follows `option`.
pub(super) fn number<N: FromStr>(option: &str, arguments: &mut Parser) -> Result<N, Misuse> {
    let text = text(option, arguments)?;
    text.parse().map_err(|_| Misuse(format!("--{option} takes a whole number, not {text:?}")))
}

/// The text that follows `option`.
pub(super) fn text(option: &str, arguments: &mut Parser) -> Result<String, Misuse> {
    let value = arguments.value().map_err(|_| Misuse(format!("--{option} needs a value")))?;
    value.into_string().map_err(|_| Misuse(format!("--{option} takes text in UTF-8")))
}

/// What nobody asked for, or the wish for help, which every command understands.
pub(super) fn unexpected(argument: Arg<'_>) -> Misuse {
    match argument {
        Long("help") | Short('h') => Misuse(String::new()),
        other => other.unexpected().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_understands_a_wish_for_help() {
        for wish in ["--help", "-h"] {
            let mut arguments = Parser::from_args([wish]);
            let argument = arguments.next().expect("well formed").expect("a word");
            assert_eq!(unexpected(argument), Misuse(String::new()), "{wish}");
        }
        let mut arguments = Parser::from_args(["--seads"]);
        let argument = arguments.next().expect("well formed").expect("a word");
        assert_ne!(unexpected(argument), Misuse(String::new()));
    }
}
