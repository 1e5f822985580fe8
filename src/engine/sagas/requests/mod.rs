//! Requests: what people want of sagas, on its way to the process that executes them, as files in
//! the directory of the store.
//!
//! A request is one file at any time. Who asks writes it under another name and renames it; who
//! serves it takes it by a rename, so that it is either withdrawn or taken, and puts the answer in
//! its place by another. The files are drawn in `docs/FORMAT.md`. The invariant it guards: a
//! request is executed by the executor that took it, at most once; its id is the id of the turn
//! that it came to, so that a later executor finds out, and whoever asked is told so or asks again.

mod ask;
mod file;
mod serve;

pub use ask::Told;
pub(super) use serve::Desk;

use crate::{
    error::SagaError,
    event::EventId,
    limits::{OUTPUT_BYTES_MAX, SAGA_ID_BYTES_MAX},
    names::SagaId,
    runtime::{Entropy, File},
    saga::{Intervention, vocabulary::FAILURE_BYTES_MAX},
};
use std::{fmt::Write as _, io};

const PREFIX: &str = "saga-request-";

/// The largest file of a request: room for the largest output, and for who and why.
const REQUEST_BYTES_MAX: usize = OUTPUT_BYTES_MAX + SAGA_ID_BYTES_MAX + (192 << 10);

/// The longest text of an answer, in bytes. What is longer is cut.
const ANSWER_TEXT_BYTES_MAX: usize = 2 << 10;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    saga: SagaId,
    intervention: Intervention,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// It is done, and durable.
    Done,
    /// It is not; the text says why.
    NotDone(String),
    /// It is not: the process that it was asked of has ended. Whoever still wants it asks again.
    Again,
}

/// Where in its life the file of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is being written.
    Draft,
    /// Nobody has taken it.
    Waiting,
    /// Somebody has; then the answer stands there.
    Taken,
    /// The answer is being written.
    AnswerDraft,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Draft, Self::Waiting, Self::Taken, Self::AnswerDraft];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Draft => ".draft",
            Self::Waiting => "",
            Self::Taken => ".taken",
            Self::AnswerDraft => ".answer",
        }
    }

    /// The name of the file of the request with this id.
    fn name(self, id: EventId) -> String {
        let mut name = PREFIX.to_owned();
        for byte in id.as_bytes() {
            write!(name, "{byte:02x}").expect("a string takes everything");
        }
        name + self.suffix()
    }

    /// The request, and where it is, of a file; `None` if the file is none.
    fn parse(name: &str) -> Option<(EventId, Self)> {
        let digits = name.strip_prefix(PREFIX)?.get(..32)?;
        let id = EventId::parse(digits).ok()?;
        Self::ALL.into_iter().find(|stage| stage.name(id) == name).map(|stage| (id, stage))
    }
}

/// Whether a file is one of a request.
pub(crate) fn is_file_name(name: &str) -> bool {
    Stage::parse(name).is_some()
}

fn draw_id(entropy: &impl Entropy) -> EventId {
    let mut bytes = [0; 16];
    let (front, back) = bytes.split_at_mut(8);
    front.copy_from_slice(&entropy.random().to_le_bytes());
    back.copy_from_slice(&entropy.random().to_le_bytes());
    EventId::from_bytes(bytes)
}

/// Reads a whole file; `None` if it has more than `bytes_max`.
async fn read_whole<F: File>(file: &F, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(bytes) = usize::try_from(file.len().await?).ok().filter(|bytes| *bytes <= bytes_max)
    else {
        return Ok(None);
    };
    let mut buffer = vec![0; bytes];
    let filled = super::super::procedures::read_full(file, &mut buffer, 0).await?;
    buffer.truncate(filled);
    Ok(Some(buffer))
}

/// # Errors
/// It has more bytes than a journal keeps of any output.
pub(super) fn check_size(intervention: &Intervention) -> Result<(), SagaError> {
    let (principal, reason) = intervention.words();
    let output = intervention.output().map_or(0, bytes::Bytes::len);
    let sizes = [
        (output, OUTPUT_BYTES_MAX),
        (principal.len(), FAILURE_BYTES_MAX),
        // The journal says it again as the reason of the end, and keeps no longer one.
        (reason.len(), FAILURE_BYTES_MAX),
    ];
    match sizes.into_iter().find(|(bytes, limit)| bytes > limit) {
        Some((bytes, limit)) => Err(SagaError::TooLarge { bytes, limit }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_a_name_that_leads_back_to_it() {
        let id = EventId::from_bytes(core::array::from_fn(|at| u8::try_from(at * 16).unwrap_or(0)));
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(&stage.name(id)), Some((id, stage)));
        }
        assert_eq!(Stage::Taken.name(id), "saga-request-00102030405060708090a0b0c0d0e0f0.taken");
    }

    #[test]
    fn other_names_are_left_alone() {
        let id = "00102030405060708090a0b0c0d0e0f0";
        let other = [
            "saga-request-".to_owned(),
            format!("saga-request-{}", &id[1..]),
            format!("saga-request-{}", id.to_uppercase()),
            format!("saga-request-{id}.bak"),
            format!("saga-request-{id}0"),
            format!("request-{id}"),
        ];
        for name in other {
            assert!(!is_file_name(&name), "{name}");
        }
    }
}
