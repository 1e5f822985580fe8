//! Every short sequence of inputs, against promises that are checked on what is written and
//! acknowledged, not on the pipeline's own books.
//!
//! The filters at the foot spoil single effects the way a faulty shell would; each must be caught,
//! or the checker proves nothing.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    AppendSmall,
    AppendLarge,
    TakeWrite,
    Written,
    SegmentReady,
    SegmentFailed,
    Heartbeat,
    Close,
    Failed,
}

const INPUTS: [Input; 9] = [
    Input::AppendSmall,
    Input::AppendLarge,
    Input::TakeWrite,
    Input::Written,
    Input::SegmentReady,
    Input::SegmentFailed,
    Input::Heartbeat,
    Input::Close,
    Input::Failed,
];

/// A planted mistake between the pipeline and the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    None,
    /// Acknowledges a group when its write begins.
    AckEarly,
    /// Acknowledges the group behind the one that was written.
    AckTooFar,
    /// Leaves a group out.
    SkipWrite,
    /// Writes a group one block further on.
    Shift,
    /// Forgets the header of a new segment.
    SkipHeader,
    /// Writes on after a failure.
    WriteAfterFailure,
    /// Hands out the position of the commit before.
    RepeatPosition,
}

const FILTERS: [Filter; 7] = [
    Filter::AckEarly,
    Filter::AckTooFar,
    Filter::SkipWrite,
    Filter::Shift,
    Filter::SkipHeader,
    Filter::WriteAfterFailure,
    Filter::RepeatPosition,
];

/// What the world has seen: tickets that were handed out, blocks that were written.
struct World {
    pipeline: Pipeline,
    filter: Filter,
    in_flight: Option<Write>,
    /// The group, position and body length of every commit that was taken.
    tickets: Vec<(Sequence, Position, usize)>,
    /// How many of them were acknowledged and how many became durable.
    acknowledged: usize,
    durable: usize,
    /// The point behind the last group that was written, judged by its bytes alone.
    end: Anchor,
    ready: u64,
    failed: bool,
    closed: bool,
}

impl World {
    fn new(filter: Filter) -> Self {
        let pipeline = pipeline_with_room(1536);
        let end = *pipeline.durable();
        Self {
            pipeline,
            filter,
            in_flight: None,
            tickets: Vec::new(),
            acknowledged: 0,
            durable: 0,
            end,
            ready: 1,
            failed: false,
            closed: false,
        }
    }

    /// Whether the shell could give this input now.
    fn possible(&self, input: Input) -> bool {
        match input {
            Input::TakeWrite => self.in_flight.is_none(),
            Input::Written => self.in_flight.is_some(),
            Input::Failed => !self.failed,
            Input::SegmentReady => self.ready < 3,
            Input::Close => !self.closed,
            Input::AppendSmall | Input::AppendLarge | Input::SegmentFailed | Input::Heartbeat => {
                true
            }
        }
    }

    fn give(&mut self, input: Input) -> Result<(), String> {
        match input {
            Input::AppendSmall => self.append(10)?,
            Input::AppendLarge => self.append(1400)?,
            Input::TakeWrite => self.take_write()?,
            Input::Written => self.written()?,
            Input::SegmentReady => {
                self.ready += 1;
                self.pipeline.segment_ready(prepared(self.ready));
            }
            Input::SegmentFailed => self.pipeline.segment_failed(),
            Input::Heartbeat => self.pipeline.heartbeat(),
            Input::Close => {
                self.closed = true;
                self.pipeline.close();
            }
            Input::Failed => {
                self.failed = true;
                if self.filter != Filter::WriteAfterFailure {
                    self.pipeline.failed();
                }
            }
        }
        self.check()
    }

    fn append(&mut self, bytes: usize) -> Result<(), String> {
        let body = vec![1; bytes];
        let Ok(mut ticket) = self.pipeline.append(Frame::new(&body, 1)) else {
            return Ok(());
        };
        demand(!self.failed && !self.closed, "taken after the end")?;
        if self.filter == Filter::RepeatPosition && !self.tickets.is_empty() {
            ticket.first = Position::new(ticket.first.get() - 1);
        }
        let next = 100 + u64_of(self.tickets.len());
        demand(ticket.first.get() == next, "positions have no gap")?;
        let last = self.tickets.last().map_or(Sequence::new(5), |last| last.0);
        demand(ticket.sequence >= last, "groups are filled in order")?;
        self.tickets.push((ticket.sequence, ticket.first, bytes));
        Ok(())
    }

    fn take_write(&mut self) -> Result<(), String> {
        let mut write = self.pipeline.take_write();
        if self.filter == Filter::SkipWrite
            && let Some(skipped) = write.take()
        {
            self.pipeline.written(skipped.sequence, skipped.bytes);
            write = self.pipeline.take_write();
        }
        let Some(mut write) = write else {
            return Ok(());
        };
        demand(!self.failed, "written after a failure")?;
        match self.filter {
            Filter::Shift => write.place.offset += BLOCK_BYTES,
            Filter::SkipHeader => write.start = None,
            Filter::AckEarly => self.acknowledge(write.sequence),
            _ => {}
        }
        self.check_write(&write)?;
        self.in_flight = Some(write);
        Ok(())
    }

    /// Reads the bytes as recovery would.
    fn check_write(&mut self, write: &Write) -> Result<(), String> {
        let found = GroupHeader::decode(&write.bytes, STORE).map_err(|f| format!("{f:?}"))?;
        demand(found.place == write.place, "written where it was meant to be")?;
        demand(found.place.offset % BLOCK_BYTES == 0, "on a block boundary")?;
        let end = found.place.offset + len_u64(&write.bytes);
        demand(end <= SEGMENT_BYTES_MIN, "within its segment")?;
        demand(found.covers(payload(&found, write)), "with its payload")?;
        demand(found.sequence == self.end.sequence, "numbered without a gap")?;
        demand(found.first == self.end.position, "from the next position")?;
        demand(found.chain == self.end.chain, "chained to the one before")?;
        let proven = found.durable_through.next();
        demand(proven <= self.end.sequence, "promises only what is durable")?;
        self.check_segment(write)?;
        let commits: Vec<_> = Commits::new(&found, payload(&found, write))
            .map(|commit| commit.map(|c| (found.sequence, c.first, c.body.len())))
            .collect::<Result<_, _>>()
            .map_err(|fault| format!("{fault:?}"))?;
        let taken = self.tickets.iter().filter(|t| t.0 == found.sequence);
        demand(commits.iter().eq(taken), "holds what its tickets say")?;
        self.end = Anchor::behind(&found);
        Ok(())
    }

    fn check_segment(&self, write: &Write) -> Result<(), String> {
        let here = self.end.next;
        let Some((entry, block)) = &write.start else {
            return demand(write.place == here, "right behind the group before");
        };
        let header = SegmentHeader::decode(block, STORE, here.segment.next())
            .map_err(|fault| format!("{fault:?}"))?;
        demand(*entry == SegmentEntry::from(&header), "the entry is the header's")?;
        demand(header.sequence == self.end.sequence, "begins with its first group")?;
        demand(header.chain == self.end.chain, "chained across segments")?;
        demand(header.first == self.end.position, "from the next position")?;
        let start = Place { segment: here.segment.next(), offset: segment::HEADER_BYTES };
        demand(write.place == start, "at the start of the next segment")
    }

    fn written(&mut self) -> Result<(), String> {
        let write = self.in_flight.take().ok_or("nothing is in flight")?;
        let before = *self.pipeline.durable();
        self.pipeline.written(write.sequence, write.bytes);
        let durable = *self.pipeline.durable();
        if self.failed {
            // The callers were told that the outcome is unknown; that stands.
            return demand(durable == before, "durable stands still after a failure");
        }
        self.durable = self.up_to(write.sequence);
        demand(durable.sequence == before.sequence.next(), "one group a write")?;
        demand(durable.position >= before.position, "durable only grows")?;
        demand(durable == self.end, "durable is what was written")?;
        let further = u64::from(self.filter == Filter::AckTooFar);
        self.acknowledge(write.sequence.plus(further));
        Ok(())
    }

    fn acknowledge(&mut self, through: Sequence) {
        self.acknowledged = self.up_to(through);
    }

    fn up_to(&self, through: Sequence) -> usize {
        self.tickets.iter().filter(|t| t.0 <= through).count()
    }

    fn check(&self) -> Result<(), String> {
        demand(self.acknowledged <= self.durable, "acknowledged only when durable")?;
        let waiting: usize = self.tickets[self.durable..].iter().map(|t| t.2 + 16).sum();
        if !self.failed {
            demand(self.pipeline.queued_bytes == u64_of(waiting), "counts what waits")?;
        }
        let held = self.pipeline.queued_bytes <= LIMITS.queue_bytes_max;
        demand(held, "the queue has its bound")
    }

    /// Lets everything that was taken be written.
    fn drain(&mut self) -> Result<(), String> {
        while !self.failed && (self.in_flight.is_some() || self.pipeline.has_work()) {
            if self.in_flight.is_none() {
                self.give(Input::TakeWrite)?;
            }
            if self.in_flight.is_some() {
                self.give(Input::Written)?;
            }
        }
        demand(self.pipeline.queued_bytes == 0, "nothing is left waiting")?;
        let all = self.failed || self.acknowledged == self.tickets.len();
        demand(all, "every commit that was taken is acknowledged")
    }
}

fn u64_of(count: usize) -> u64 {
    crate::log::fields::u64_from(count)
}

fn demand(holds: bool, promise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(promise.into()) }
}

/// Replays `inputs` from the start; `None` if one of them was not possible.
fn replay(inputs: &[Input], filter: Filter) -> Option<Result<(), String>> {
    let mut world = World::new(filter);
    for input in inputs {
        if !world.possible(*input) {
            return None;
        }
        if let Err(broken) = world.give(*input) {
            return Some(Err(broken));
        }
    }
    Some(world.drain())
}

/// Walks all sequences of up to `length` inputs; returns how many ran, or the first broken promise.
fn walk(length: usize, filter: Filter) -> Result<usize, String> {
    let mut count = 0;
    let mut stack: Vec<Vec<Input>> = vec![Vec::new()];
    while let Some(inputs) = stack.pop() {
        match replay(&inputs, filter) {
            None => continue,
            Some(Err(broken)) => return Err(format!("{broken}: {inputs:?}")),
            Some(Ok(())) => count += 1,
        }
        if inputs.len() < length {
            stack.extend(INPUTS.iter().map(|input| {
                let mut longer = inputs.clone();
                longer.push(*input);
                longer
            }));
        }
    }
    Ok(count)
}

#[test]
fn every_sequence_of_seven_inputs_keeps_the_promises() {
    let count = walk(7, Filter::None).expect("a promise is broken");
    assert!(count > 100_000, "only {count} sequences were possible");
}

#[test]
fn every_planted_mistake_is_caught() {
    for filter in FILTERS {
        let broken = walk(5, filter);
        assert!(broken.is_err(), "{filter:?} went unnoticed");
    }
}
