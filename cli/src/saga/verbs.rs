//! `sagalog saga retry | skip | complete | abort | cancel`: what an operator wants of a saga.
//!
//! If no process has the store open, the record is appended here and the next program goes on with
//! it; otherwise the process that executes the sagas is asked. The invariant: success is said only
//! of what is durable.

use super::failed;
use crate::{
    Outcome,
    failure::{CANNOT_RUN, Failure, directory},
    output::{self, Form},
};
use clap::Args;
use sagalog::{
    OpenError, Options, SagaError, SagaId, SagaReader, Sagas, StepName, Store, Told,
    limits::{GROUP_BYTES_MAX, OUTPUT_BYTES_MAX},
    runtime::tokio::TokioRuntime,
    saga::{Intervention, Operator, StepIndex, Verb},
};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

/// The longest reason and the longest name of who gives it, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// Which saga, on whose behalf, and why.
#[derive(Args)]
struct Wish {
    /// The directory of the store.
    dir: PathBuf,
    /// The name of the saga.
    #[arg(value_name = "ID")]
    saga: SagaId,
    /// Why; it stays on record.
    #[arg(long)]
    reason: String,
    /// On whose behalf; $USER unless it is given.
    #[arg(long)]
    principal: Option<String>,
    /// How long to wait for a process that executes the sagas.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
    /// Prints the outcome as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    wish: Wish,
}

#[derive(Args)]
pub(crate) struct Skip {
    #[command(flatten)]
    wish: Wish,
    /// The step that is stuck.
    #[arg(long, value_name = "NAME")]
    step: StepName,
}

#[derive(Args)]
pub(crate) struct Complete {
    #[command(flatten)]
    wish: Wish,
    /// What it came to, as its definition's codec writes it; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Abort {
    #[command(flatten)]
    wish: Wish,
}

#[derive(Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    wish: Wish,
}

impl Retry {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        self.wish.operate("retry", Verb::Retry).await
    }
}

impl Skip {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        let step = self.wish.step(&self.step).await?;
        self.wish.operate("skip", Verb::Skip(step)).await
    }
}

impl Complete {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        let output = self.output.as_deref().map(read_output).transpose()?;
        self.wish.operate("complete", Verb::Complete(output.map(Into::into))).await
    }
}

impl Abort {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        self.wish.operate("abort", Verb::Abort).await
    }
}

impl Cancel {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        let (principal, reason) = self.wish.texts()?;
        let cancel = Intervention::Cancel { principal: principal.into(), reason: reason.into() };
        self.wish.pass_on("cancel", cancel).await
    }
}

/// Who did it.
#[derive(Clone, Copy)]
enum By {
    ThisCommand,
    RunningProcess,
}

#[derive(Serialize)]
struct Report<'a> {
    saga: &'a str,
    verb: &'static str,
    /// `command` or `process`.
    by: &'static str,
}

impl Wish {
    /// # Errors
    /// Nobody says on whose behalf, or a text is too long.
    fn texts(&self) -> Result<(String, String), Failure> {
        let from_environment = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
        let principal = self.principal.clone().or_else(from_environment);
        let principal = principal.filter(|name| !name.is_empty()).ok_or_else(|| {
            Failure::cannot_run("--principal is needed, since there is no $USER: on whose behalf?")
        })?;
        for (name, text) in [("--principal", &principal), ("--reason", &self.reason)] {
            let bytes = text.len();
            if bytes > TEXT_BYTES_MAX {
                let sentence = format!("{name} has {bytes} bytes, the limit is {TEXT_BYTES_MAX}");
                return Err(Failure::cannot_run(sentence));
            }
        }
        if self.reason.trim().is_empty() {
            return Err(Failure::cannot_run("--reason is empty; it stays on record"));
        }
        Ok((principal, self.reason.clone()))
    }

    async fn step(&self, name: &StepName) -> Result<StepIndex, Failure> {
        let status = super::reader(&self.dir).await?.status(&self.saga).await;
        let status = status.map_err(|error| failed(&self.dir, &error))?;
        let at = status.steps.iter().position(|step| step.step == *name);
        let at = at.and_then(|at| u16::try_from(at).ok()).ok_or_else(|| {
            let steps: Vec<_> = status.steps.iter().map(|step| step.step.as_str()).collect();
            let steps = steps.join(", ");
            let sentence = format!("saga {} has no step {name}; it has {steps}", self.saga);
            Failure::about(&self.dir, &sentence, CANNOT_RUN)
        })?;
        Ok(StepIndex::new(at))
    }

    async fn operate(&self, name: &'static str, verb: Verb) -> Result<Outcome, Failure> {
        let (principal, reason) = self.texts()?;
        let operator = Operator { verb, principal: principal.into(), reason: reason.into() };
        self.pass_on(name, Intervention::Operate(operator)).await
    }

    async fn pass_on(&self, verb: &'static str, wish: Intervention) -> Result<Outcome, Failure> {
        let runtime = directory(&self.dir)?;
        let options = Options::default().create(false).group_bytes_max(GROUP_BYTES_MAX);
        let by = match Store::open_with(&runtime, options).await {
            Ok((store, _)) => self.append(store, &wish).await?,
            Err(OpenError::Locked) => self.ask(&runtime, wish).await?,
            Err(error) => return Err(Failure::open(&self.dir, &error)),
        };
        self.report(verb, by)?;
        Ok(Outcome::Sound)
    }

    async fn append(&self, store: Store, wish: &Intervention) -> Result<By, Failure> {
        let done = Sagas::intervene_unattended(&store, &self.saga, wish).await;
        let closed = store.close().await;
        done.map_err(|error| failed(&self.dir, &error))?;
        closed.map_err(|error| Failure::about(&self.dir, &error, CANNOT_RUN))?;
        Ok(By::ThisCommand)
    }

    /// Asks the process that has the store open.
    async fn ask(&self, runtime: &TokioRuntime, wish: Intervention) -> Result<By, Failure> {
        let refuse =
            |sentence: &dyn std::fmt::Display| Err(Failure::about(&self.dir, sentence, CANNOT_RUN));
        // What is known to be wrong needs no waiting.
        match SagaReader::from(&crate::reading::open(&self.dir).await?).status(&self.saga).await {
            Err(error @ SagaError::NotFound(_)) => return Err(failed(&self.dir, &error)),
            Ok(_) | Err(_) => {}
        }
        let wait = Duration::from_secs(self.wait);
        let told = Sagas::intervene_beside(runtime, &self.saga, wish, wait).await;
        match told.map_err(|error| failed(&self.dir, &error))? {
            Told::Done => Ok(By::RunningProcess),
            Told::NotDone(reason) => refuse(&reason),
            Told::NotTaken => refuse(&format!(
                "the process that has the store open did not take the request within {} s; \
                 nothing was done",
                self.wait
            )),
            Told::NoAnswer => refuse(&format!(
                "the process that has the store open took the request and did not answer; it may \
                 be done or not: `sagalog saga timeline` tells for saga {}",
                self.saga
            )),
        }
    }

    fn report(&self, verb: &'static str, by: By) -> Result<(), Failure> {
        let saga = self.saga.as_str();
        match (Form::of(self.json), by) {
            (Form::Json, By::ThisCommand) => output::json(&Report { saga, verb, by: "command" }),
            (Form::Json, By::RunningProcess) => output::json(&Report { saga, verb, by: "process" }),
            (Form::Text, By::ThisCommand) => output::sentence(&format!(
                "{verb} of saga {saga} is on record; the next process that executes it goes on"
            )),
            (Form::Text, By::RunningProcess) => output::sentence(&format!(
                "{verb} of saga {saga} is on record; the running process goes on with it"
            )),
        }
    }
}

/// An output, of which one byte more than is allowed is read at most.
fn read_output(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(OUTPUT_BYTES_MAX + 1).unwrap_or(u64::MAX);
    let mut output = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().take(limit).read_to_end(&mut output)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut output))
    };
    read.map_err(|error| Failure::about(path, &error, CANNOT_RUN))?;
    if output.len() > OUTPUT_BYTES_MAX {
        let sentence = format!("the output has more than {OUTPUT_BYTES_MAX} bytes");
        return Err(Failure::about(path, &sentence, CANNOT_RUN));
    }
    Ok(output)
}
