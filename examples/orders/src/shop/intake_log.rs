//! What came in, on record: from where, and which lines were rejected.
//!
//! The invariant it guards: a directory belongs to one intake, and every rejected line of it stands
//! there with its reason, also when the file is gone.

use super::ShopError;
use crate::{
    audit::Ledger,
    intake::{Intake, Rejection},
};
use sagalog::{
    Append, CommandKey, ContentType, EventType, ExpectedRevision, NewEvent, Read, ReadError, Store,
    StreamId,
};
use serde::{Deserialize, Serialize};

/// How many rejections are one event: some tens of kilobytes.
const TOGETHER: usize = 500;

/// What the shop knows of its intake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeRecord {
    /// Where from, for people.
    pub source: String,
    /// Another intake has another one.
    pub fingerprint: u64,
    /// How many lines there were.
    pub lines: u64,
    /// How many documents.
    pub documents: usize,
}

impl IntakeRecord {
    /// What it is, for people: two days of one seed differ in their orders.
    fn told(&self) -> String {
        let (source, documents, print) = (&self.source, self.documents, self.fingerprint);
        format!("{source} ({documents} documents, fingerprint {print:016x})")
    }
}

/// Rejected lines, some of them.
#[derive(Serialize, Deserialize)]
struct Rejected {
    lines: Vec<(u64, String)>,
}

/// What is on record of an intake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeLog {
    /// Its beginning.
    pub record: IntakeRecord,
    /// Its rejected lines, in order.
    pub rejected: Vec<Rejection>,
}

fn stream() -> StreamId {
    StreamId::parse("intake").expect("a name")
}

fn event(name: &str, payload: &impl Serialize) -> NewEvent {
    let payload = serde_json::to_vec(payload).expect("plain data is JSON");
    let name = EventType::parse(name).expect("a name");
    NewEvent::new(name, payload).content_type(ContentType::Json)
}

impl IntakeLog {
    /// Reads it; nothing if nothing came in yet.
    ///
    /// # Errors
    /// [`ShopError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn read(store: &impl Ledger) -> Result<Option<Self>, ShopError> {
        let mut events = store.read(Read::stream(stream()));
        let mut log = None;
        loop {
            let event = match events.next().await {
                Ok(Some(event)) => event,
                Ok(None) | Err(ReadError::StreamNotFound(_)) => return Ok(log),
                Err(error) => return Err(error.into()),
            };
            let payload = event.payload();
            match &mut log {
                None => {
                    let record = serde_json::from_slice(&payload).map_err(ShopError::foreign)?;
                    log = Some(Self { record, rejected: Vec::new() });
                }
                Some(log) => {
                    let rejected: Rejected =
                        serde_json::from_slice(&payload).map_err(ShopError::foreign)?;
                    let lines = rejected.lines.into_iter();
                    log.rejected.extend(lines.map(|(line, reason)| Rejection { line, reason }));
                }
            }
        }
    }

    /// Puts an intake on record, once; `Err` if the directory belongs to another one.
    pub(super) async fn write(store: &Store, intake: &Intake) -> Result<(), ShopError> {
        let record = IntakeRecord {
            source: intake.source.clone(),
            fingerprint: intake.fingerprint,
            lines: intake.lines,
            documents: intake.documents.len(),
        };
        if let Some(log) = Self::read(store).await? {
            if log.record.fingerprint != record.fingerprint {
                let (before, now) = (log.record.told(), record.told());
                return Err(ShopError::OtherIntake { before, now });
            }
            if log.rejected.len() == intake.rejected.len() {
                return Ok(());
            }
        } else {
            let begin = Append::new()
                .expect(stream(), ExpectedRevision::NoStream)
                .event(stream(), event("IntakeBegun", &record));
            store.append(begin).await?;
        }
        for (number, lines) in intake.rejected.chunks(TOGETHER).enumerate() {
            let lines = lines.iter().map(|line| (line.line, line.reason.clone())).collect();
            let key = CommandKey::parse(&format!("rejected-{:016x}-{number}", intake.fingerprint))
                .expect("a name");
            let append =
                Append::new().key(key).event(stream(), event("LinesRejected", &Rejected { lines }));
            store.append(append).await?;
        }
        Ok(())
    }
}
