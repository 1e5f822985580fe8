//! Reads the fields of a journal in order: bounded, and a fault wherever the bytes end too soon.

use super::JournalFault;
use crate::{
    names::{DefinitionName, StepName},
    saga::vocabulary::{Cause, Certainty, Failure, FailureKind, Output, SagaEnd, Side, StepIndex},
    time::WallTime,
};
use bytes::{Buf as _, Bytes};
use std::{str, sync::Arc};

pub(super) struct Reader(Bytes);

type Read<T> = Result<T, JournalFault>;

const SHORT: JournalFault = JournalFault::Malformed("it ends in the middle of a field");

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Read<()> {
        if self.0.is_empty() { Ok(()) } else { Err(JournalFault::Malformed("it goes on too long")) }
    }

    pub(super) fn u8(&mut self) -> Read<u8> {
        self.0.try_get_u8().map_err(|_| SHORT)
    }

    pub(super) fn u16(&mut self) -> Read<u16> {
        self.0.try_get_u16_le().map_err(|_| SHORT)
    }

    pub(super) fn u32(&mut self) -> Read<u32> {
        self.0.try_get_u32_le().map_err(|_| SHORT)
    }

    pub(super) fn u64(&mut self) -> Read<u64> {
        self.0.try_get_u64_le().map_err(|_| SHORT)
    }

    fn take(&mut self, length: usize) -> Read<Bytes> {
        if length > self.0.len() { Err(SHORT) } else { Ok(self.0.split_to(length)) }
    }

    pub(super) fn bytes(&mut self) -> Read<Bytes> {
        let length = usize::try_from(self.u32()?).map_err(|_| SHORT)?;
        self.take(length)
    }

    fn str(&mut self) -> Read<Bytes> {
        let length = usize::from(self.u16()?);
        let text = self.take(length)?;
        match str::from_utf8(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(JournalFault::Malformed("a text is not UTF-8")),
        }
    }

    pub(super) fn text(&mut self) -> Read<Arc<str>> {
        let text = self.str()?;
        Ok(str::from_utf8(&text).unwrap_or_default().into())
    }

    pub(super) fn definition_name(&mut self) -> Read<DefinitionName> {
        let name = self.str()?;
        DefinitionName::parse_bytes(&name)
            .map_err(|_| JournalFault::Malformed("a definition has no proper name"))
    }

    pub(super) fn step_name(&mut self) -> Read<StepName> {
        let name = self.str()?;
        StepName::parse_bytes(&name)
            .map_err(|_| JournalFault::Malformed("a step has no proper name"))
    }

    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(super) fn flag(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(JournalFault::Malformed("a flag is neither 0 nor 1")),
        }
    }

    pub(super) fn step(&mut self) -> Read<StepIndex> {
        self.u16().map(StepIndex::new)
    }

    pub(super) fn wall(&mut self) -> Read<WallTime> {
        self.u64().map(WallTime::from_unix_nanos)
    }

    pub(super) fn side(&mut self) -> Read<Side> {
        match self.u8()? {
            1 => Ok(Side::Action),
            2 => Ok(Side::Compensation),
            _ => Err(JournalFault::Malformed("a side is of no known kind")),
        }
    }

    pub(super) fn certainty(&mut self) -> Read<Certainty> {
        match self.u8()? {
            1 => Ok(Certainty::NoEffect),
            2 => Ok(Certainty::Unknown),
            _ => Err(JournalFault::Malformed("a certainty is of no known kind")),
        }
    }

    pub(super) fn cause(&mut self) -> Read<Cause> {
        match self.u8()? {
            1 => Ok(Cause::Rejected),
            2 => Ok(Cause::Failed),
            3 => Ok(Cause::Cancelled),
            4 => Ok(Cause::Deadline),
            5 => Ok(Cause::Forced),
            _ => Err(JournalFault::Malformed("a cause is of no known kind")),
        }
    }

    pub(super) fn failure(&mut self) -> Read<Failure> {
        let kind = match self.u8()? {
            1 => FailureKind::Rejected,
            2 => FailureKind::Failed,
            _ => return Err(JournalFault::Malformed("a failure is of no known kind")),
        };
        Ok(Failure { kind, reason: self.text()? })
    }

    pub(super) fn saga_end(&mut self) -> Read<SagaEnd> {
        Ok(match self.u8()? {
            1 => SagaEnd::Completed(Output::OfStep),
            2 => SagaEnd::Completed(Output::Early(self.bytes()?)),
            3 => SagaEnd::Completed(Output::Forced(self.optional(Self::bytes)?)),
            4 => SagaEnd::Aborted { cause: self.cause()?, reason: self.text()? },
            _ => return Err(JournalFault::Malformed("an end is of no known kind")),
        })
    }
}
