//! The names of streams, in the order of their bytes, a page at a time.

use super::reader::{Reader, StreamInfo};
use crate::{
    engine::index::StreamEnd,
    error::ReadError,
    ids::Position,
    limits::NAME_BYTES_MAX,
    names::{StreamId, is_system},
};
use std::{collections::VecDeque, sync::Arc};

/// How many names of a run are looked up together.
const PAGE: usize = 1024;

/// The streams whose names begin with a prefix, one after the other.
///
/// Each is as it is when it is given out: the list is not pinned to a moment.
///
/// Commits that do not decode and may write to such streams are told at the end, each with
/// [`ReadError::Undecodable`] from a call of its own: what was listed is then the last event of
/// each stream that can be read, and streams may lack.
///
/// # Cancel safety
/// A dropped call to [`Streams::next`] loses nothing.
#[must_use = "nothing is read before the first poll"]
pub struct Streams {
    reader: Arc<Reader>,
    prefix: String,
    /// Where to go on; `None` at the end.
    from: Option<Vec<u8>>,
    ready: VecDeque<(Vec<u8>, Option<StreamEnd>)>,
    /// How far the log was durable when these were looked up.
    until: Position,
    /// How many commits that cannot be read were looked at behind the last name.
    passed: usize,
}

impl Streams {
    pub(crate) fn new(reader: Arc<Reader>, prefix: &str) -> Self {
        let nameable = prefix.len() <= NAME_BYTES_MAX;
        let from = nameable.then(|| prefix.as_bytes().to_vec());
        let until = Position::default();
        Self { reader, prefix: prefix.into(), from, ready: VecDeque::new(), until, passed: 0 }
    }

    /// The next stream; `None` at the end.
    ///
    /// # Errors
    /// [`ReadError`] says what to do.
    pub async fn next(&mut self) -> Result<Option<StreamInfo>, ReadError> {
        loop {
            while let Some((name, end)) = self.ready.front() {
                // What has become durable meanwhile may be the stream's.
                let end = end.filter(|_| self.until == self.reader.head());
                let found = match (self.visible(name), end) {
                    (Some(stream), Some((revision, position))) => {
                        Ok(Some(StreamInfo { stream, revision, position }))
                    }
                    (Some(stream), None) => self.reader.last_readable(&stream).await.map(Some),
                    (None, _) => Ok(None),
                };
                match found {
                    // A name whose first event is not durable yet is none so far.
                    Ok(None) | Err(ReadError::StreamNotFound(_)) => {
                        self.ready.pop_front();
                    }
                    Ok(Some(info)) => {
                        self.ready.pop_front();
                        return Ok(Some(info));
                    }
                    Err(error @ ReadError::Undecodable { .. }) => {
                        self.ready.pop_front();
                        return Err(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            let Some(from) = &self.from else { return self.end() };
            let prefix = self.prefix.as_bytes();
            let until = self.reader.head();
            let (streams, next) = self.reader.index.streams(prefix, from, PAGE, until).await?;
            (self.ready, self.from, self.until) = (streams.into_iter().collect(), next, until);
        }
    }

    /// No name is left; commits that cannot be read may hold others.
    fn end(&mut self) -> Result<Option<StreamInfo>, ReadError> {
        let left = self.reader.unreadable.iter().skip(self.passed);
        for passed in left {
            self.passed += 1;
            if passed.may_write(|name| name.starts_with(&self.prefix)) {
                return Err(passed.error());
            }
        }
        Ok(None)
    }

    /// All streams that are left.
    ///
    /// # Errors
    /// See [`Streams::next`].
    pub async fn collect(mut self) -> Result<Vec<StreamInfo>, ReadError> {
        let mut streams = Vec::new();
        while let Some(stream) = self.next().await? {
            streams.push(stream);
        }
        Ok(streams)
    }

    /// The stream of this name, unless it is a system stream that was not asked for.
    fn visible(&self, name: &[u8]) -> Option<StreamId> {
        let name = std::str::from_utf8(name).ok()?;
        if !is_system(name) {
            return StreamId::parse(name).ok();
        }
        let asked = is_system(&self.prefix);
        asked.then(|| StreamId::system(name).ok()).flatten()
    }
}
