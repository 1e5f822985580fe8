//! `sagalog saga`: looks at sagas, and passes on what an operator wants of them.
//!
//! Only arguments are decided here. The invariant: looking changes nothing, and a verb is on record
//! with who wanted it and why, or nothing was done.

mod explain;
mod list;
mod moment;
mod show;
mod timeline;
mod verbs;

use crate::{
    Outcome,
    failure::{CANNOT_RUN, DAMAGED, Failure},
    output::Form,
    reading,
};
use clap::{Args, Subcommand};
use sagalog::{OpenError, Read, ReadError, SagaError, SagaId, SagaReader, saga::JournalFault};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Prints the sagas that have not ended, one a line.
    List {
        /// The directory of the store.
        dir: PathBuf,
        /// Prints also the sagas that ended last, the last one first, so many at most.
        #[arg(long, value_name = "SAGAS")]
        ended: Option<u64>,
        /// Prints every saga as JSON, one a line.
        #[arg(long)]
        json: bool,
    },
    /// Prints the sagas that wait for an operator, with the steps that do.
    Stuck {
        /// The directory of the store.
        dir: PathBuf,
        /// Prints every saga as JSON, one a line.
        #[arg(long)]
        json: bool,
    },
    /// Prints where a saga and each of its steps is.
    Show(One),
    /// Prints what happened to a saga, turn by turn.
    Timeline(One),
    /// Says why a saga does not go on, and what may be done about it.
    Explain(One),
    /// Has what is stuck tried again.
    Retry(verbs::Retry),
    /// Has a stuck step left out, or a stuck compensation left as it is.
    Skip(verbs::Skip),
    /// Ends a stuck saga as completed.
    Complete(verbs::Complete),
    /// Ends a stuck saga as aborted, with whatever effects stand.
    Abort(verbs::Abort),
    /// Has a saga compensated.
    Cancel(verbs::Cancel),
}

/// One saga to look at.
#[derive(Args)]
pub(crate) struct One {
    /// The directory of the store.
    dir: PathBuf,
    /// The name of the saga.
    #[arg(value_name = "ID")]
    saga: SagaId,
    /// Prints it as JSON.
    #[arg(long)]
    json: bool,
}

impl One {
    fn form(&self) -> Form {
        Form::of(self.json)
    }

    fn failed(&self, error: &SagaError) -> Failure {
        failed(&self.dir, error)
    }
}

pub(crate) async fn run(command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::List { dir, ended, json } => {
            list::run(&dir, ended.unwrap_or(0), Form::of(json)).await
        }
        Command::Stuck { dir, json } => list::stuck(&dir, Form::of(json)).await,
        Command::Show(one) => show::run(&one).await,
        Command::Timeline(one) => timeline::run(&one).await,
        Command::Explain(one) => explain::run(&one).await,
        Command::Retry(verb) => verb.run().await,
        Command::Skip(verb) => verb.run().await,
        Command::Complete(verb) => verb.run().await,
        Command::Abort(verb) => verb.run().await,
        Command::Cancel(verb) => verb.run().await,
    }
}

async fn reader(dir: &Path) -> Result<SagaReader, Failure> {
    let store = reading::open(dir).await?;
    // A bare log opens, and nothing in it can be read: that it has no sagas would mislead.
    match store.read(Read::all().with_system().limit(1)).next().await {
        Err(ReadError::Undecodable { position, reason }) if position.get() == 0 => {
            Err(Failure::open(dir, &OpenError::Undecodable { position, reason }))
        }
        _ => Ok(SagaReader::from(&store)),
    }
}

fn failed(dir: &Path, error: &SagaError) -> Failure {
    let code = match error {
        SagaError::Journal { fault: JournalFault::Newer { .. }, .. } => CANNOT_RUN,
        SagaError::Journal { .. }
        | SagaError::Impossible { .. }
        | SagaError::Read(ReadError::Corrupt(_)) => DAMAGED,
        _ => CANNOT_RUN,
    };
    Failure::about(dir, error, code)
}

/// A text of somebody else's, without what would move the cursor of a terminal.
fn on_one_line(text: &str) -> String {
    let mut line = String::new();
    for letter in text.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}
