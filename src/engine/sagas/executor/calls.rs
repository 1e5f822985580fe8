//! What handles ask for.
//!
//! The invariant it guards: nobody is told of a saga what is not durable.

use super::{
    super::{
        SagaStats, Settled,
        live::{Live, Reply, Rival, Started},
        names,
    },
    Call, Executor, Start,
};
use crate::{
    error::SagaError,
    event::EventId,
    names::SagaId,
    runtime::Runtime,
    saga::{Begun, Input, Record, State},
    time::WallTime,
};
use std::sync::Arc;

/// Whose a name is.
enum Place {
    /// Of the saga that was to be started.
    Own,
    /// Of another one, whose beginning is not durable yet.
    Taken,
}

impl<R: Runtime> Executor<R> {
    pub(super) fn called(&mut self, call: Call) {
        match call {
            Call::Start(start, reply) => match self.find_or_begin(start) {
                Ok((live, Place::Own)) if live.revision.is_some() => {
                    drop(reply.send(Ok(Started::Here)));
                }
                Ok((live, Place::Own)) => live.starters.push(reply),
                Ok((live, Place::Taken)) => live.rivals.push(Rival::Start(reply)),
                Err(error) => drop(reply.send(Err(error))),
            },
            Call::Run(start, reply) => match self.find_or_begin(start) {
                Ok((live, Place::Own)) => live.wait(reply),
                Ok((live, Place::Taken)) => live.rivals.push(Rival::Run(reply)),
                Err(error) => drop(reply.send(Err(error))),
            },
            Call::Settled(id, reply) => self.wait_for(&id, reply),
            Call::Tell { id, input, event, reply } => self.tell(&id, input, event, reply),
            Call::Status(id, reply) => {
                let live = self.by_id.get(&id).and_then(|slot| self.slots[*slot].as_ref());
                let durable = live.filter(|live| live.revision.is_some());
                let _ = reply.send(Ok(durable.map(Live::status)));
            }
            Call::Stuck(reply) => {
                let stuck = self.by_name().filter(|live| live.state.is_stuck());
                let _ = reply.send(Ok(stuck.map(|live| (live.id.clone(), live.stuck())).collect()));
            }
            Call::Waiting(reply) => {
                let waiting = self.waiting.iter();
                let _ = reply.send(Ok(waiting
                    .map(|(id, (reason, _))| (id.clone(), reason.clone()))
                    .collect()));
            }
            Call::Stats(reply) => {
                let _ = reply.send(Ok(self.stats()));
            }
            Call::Close(grace, reply) => self.close(grace, reply),
        }
    }

    fn by_name(&self) -> impl Iterator<Item = &Live> {
        self.by_id.values().filter_map(|slot| self.slots[*slot].as_ref())
    }

    fn stats(&self) -> SagaStats {
        let stuck = self.by_name().filter(|live| live.state.is_stuck()).count();
        SagaStats {
            unfinished: self.by_id.len(),
            stuck,
            waiting: self.waiting.len(),
            attempts: self.running,
            epoch: self.token.get(),
        }
    }

    /// The saga of this name, which is begun if there is none.
    ///
    /// # Errors
    /// There is one with another input, or none can be begun.
    fn find_or_begin(&mut self, start: Start) -> Result<(&mut Live, Place), SagaError> {
        if let Some(error) = self.refuses(&start) {
            return Err(error);
        }
        let (slot, place) = if let Some(slot) = self.by_id.get(&start.id) {
            let live = self.slots[*slot].as_ref().expect("names lead to sagas");
            let begun = live.state.begun();
            let same = begun.definition == start.definition && begun.input == start.input;
            match (same, live.revision) {
                (true, _) => (*slot, Place::Own),
                (false, None) => (*slot, Place::Taken),
                (false, Some(_)) => return Err(SagaError::Conflict(start.id)),
            }
        } else {
            let slot = self.begin_saga(start);
            self.enqueue(slot);
            (slot, Place::Own)
        };
        Ok((self.slots[slot].as_mut().expect("it was found or begun"), place))
    }

    fn refuses(&self, start: &Start) -> Option<SagaError> {
        if self.closing.is_some() {
            return Some(SagaError::Closing);
        }
        if let Some((reason, _)) = self.waiting.get(&start.id) {
            let (saga, reason) = (start.id.clone(), reason.clone());
            return Some(SagaError::Waiting { saga, reason });
        }
        let (name, revision) = (start.definition.clone(), start.revision);
        let known = self.registry.code(&name, revision).is_some();
        (!known).then_some(SagaError::UnknownDefinition { name, revision })
    }

    fn begin_saga(&mut self, start: Start) -> usize {
        let code = self.registry.code(&start.definition, start.revision);
        let code = Arc::clone(code.expect("the caller has looked"));
        let plan = code.plan();
        let deadline = plan.time_limit().map(|limit| {
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            WallTime::from_unix_nanos(self.now().as_unix_nanos().saturating_add(limit))
        });
        let begun = Record::Begun(Begun {
            definition: start.definition,
            revision: start.revision,
            fingerprint: plan.fingerprint(),
            input: start.input,
            deadline,
            trace_context: start.trace_context,
        });
        let state = State::first(plan, &begun).expect("it is of this plan");
        let stream = names::journal(&start.id);
        let live = Live::new(start.id, stream, Arc::clone(&code), state);
        self.insert(live)
    }

    fn wait_for(&mut self, id: &SagaId, reply: Reply<Option<Settled>>) {
        if let Some((reason, _)) = self.waiting.get(id) {
            let (saga, reason) = (id.clone(), reason.clone());
            let _ = reply.send(Err(SagaError::Waiting { saga, reason }));
            return;
        }
        match self.by_id.get(id).and_then(|slot| self.slots[*slot].as_mut()) {
            Some(live) => live.wait(reply),
            None => drop(reply.send(Ok(None))),
        }
    }

    fn tell(&mut self, id: &SagaId, input: Input, event: Option<EventId>, reply: Reply<()>) {
        let Some(slot) = self.by_id.get(id).copied() else {
            let error = match self.waiting.get(id) {
                Some((reason, _)) => {
                    SagaError::Waiting { saga: id.clone(), reason: reason.clone() }
                }
                None => SagaError::NotFound(id.clone()),
            };
            let _ = reply.send(Err(error));
            return;
        };
        let live = self.slots[slot].as_mut().expect("names lead to sagas");
        live.inbox.push(input);
        live.replies.push(reply);
        live.event = event.or(live.event);
        self.enqueue(slot);
    }
}
