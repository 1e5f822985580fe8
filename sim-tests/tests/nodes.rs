//! Sagas whose executor and participants are nodes of madsim, over madsim's own network: nodes die
//! and come back, links are clogged one way or both, and messages are lost.
//!
//! Few seeds and one story: the breadth is `cargo sim saga`, whose network is recorded. The
//! invariant this guards: the same executor, participants and steps do in madsim's world what they
//! do in ours.

#![cfg(madsim)]
#![expect(clippy::disallowed_methods, reason = "each seed runs on a thread of its own")]

use bytes::Bytes;
use madsim::{
    net::{Config as NetConfig, NetSim},
    plugin::simulator,
    rand::{Rng as _, thread_rng},
    runtime::{Handle, NodeHandle, Runtime as Simulated},
    time::sleep,
};
use sagalog::{
    EventType, NewEvent, Operation, Options, Read, ReadError, SagaId, SagaOptions, SagaOutcome,
    Sagas, Store, StreamId,
    codec::{Codec, CodecError, Encoding},
    definition::{Definition, Outcome, Saga, StepCx, step_fn},
    participant::{Books, Business, Busy, Decision, Effect as Done, Participant},
    runtime::{Address, Call, Transport as _},
    saga::{Effect, Retry},
};
use sagalog_sim::{
    endpoint::{EndpointTransport, serve},
    runtime::{MadsimRuntime, Wall},
};
use sagalog_testkit::{Seeded, SharedDisk, SimDisk};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

const SAGAS: u64 = 12;
const STEPS: [&str; 2] = ["stock", "bank"];

/// Numbers as text.
struct Text;

impl Encoding for Text {
    fn content_type(&self) -> sagalog::ContentType {
        sagalog::ContentType::custom(128).expect("codes from 128 on are free")
    }
}

impl Codec<u64> for Text {
    fn encode(&self, value: &u64) -> Result<Vec<u8>, CodecError> {
        Ok(value.to_string().into_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
        let text = std::str::from_utf8(bytes).map_err(CodecError::new)?;
        text.parse().map_err(CodecError::new)
    }
}

/// A participant that notes what it does and what it answers.
struct Noting;

fn noted(kind: &str, call: &Call) -> Done {
    let kind = EventType::parse(kind).expect("a type");
    Done::new(Bytes::new()).event(effects(), NewEvent::new(kind, call.key.as_str().to_owned()))
}

fn effects() -> StreamId {
    StreamId::parse("effects").expect("a name")
}

impl Business for Noting {
    async fn act(&self, call: &Call, _: &Books<'_>) -> Result<Decision, Busy> {
        Ok(Decision::Effect(noted("Done", call)))
    }

    async fn compensate(&self, call: &Call, _: &Bytes, _: &Books<'_>) -> Result<Done, Busy> {
        Ok(noted("Answered", call))
    }
}

fn address(number: usize) -> SocketAddr {
    format!("10.0.0.{}:700", number + 1).parse().expect("an address")
}

fn peer(name: &str) -> Address {
    Address::parse(name).expect("an address")
}

/// A machine that comes back with what its disk kept.
struct Machine {
    node: NodeHandle,
    disk: SharedDisk,
}

impl Machine {
    fn participant(number: usize) -> Self {
        let disk = SharedDisk::new(SimDisk::new());
        let (kept, at) = (disk.clone(), address(number));
        let node = Handle::current()
            .create_node()
            .name(STEPS[number])
            .ip(at.ip())
            .init(move || {
                let runtime = MadsimRuntime::new(kept.clone(), Arc::new(Wall::default()));
                async move {
                    let (store, _) = Store::open_with(&runtime, options()).await.expect("opens");
                    let participant = Arc::new(Participant::new(store, Noting));
                    serve(at, participant).await.expect("the address is free");
                }
            })
            .build();
        Self { node, disk }
    }

    /// The power goes, or only the process; and it starts again.
    fn die(&self, seed: u64) {
        let power = thread_rng().gen_bool(0.5);
        self.disk.with(|disk| {
            if power {
                disk.power_failure(&mut Seeded::new(seed));
            } else {
                disk.process_crash();
            }
        });
        Handle::current().kill(self.node.id());
        Handle::current().restart(self.node.id());
    }
}

fn options() -> Options {
    Options::default().segment_bytes(1 << 20).group_bytes_max(64 << 10).queue_bytes_max(64 << 10)
}

/// Two calls, the second of which is refused every third time by a step behind it.
fn definition(transport: &Arc<EndpointTransport>) -> Definition<u64, u64> {
    let asks = |name: &'static str| {
        let transport = Arc::clone(transport);
        move |cx: StepCx| {
            let transport = Arc::clone(&transport);
            async move {
                let call = cx.call(Operation::parse(name).expect("a name"), Bytes::new());
                transport.call(&peer(name), call).await
            }
        }
    };
    let acts = |name| {
        let ask = asks(name);
        step_fn(Effect::Keyed, move |cx, number: u64| {
            let asked = ask(cx);
            async move {
                match Outcome::of_answer(asked.await) {
                    Outcome::Done(_) => Outcome::Done(number),
                    Outcome::Failed(failure) => Outcome::Failed(failure),
                    Outcome::Ambiguous(failure) => Outcome::Ambiguous(failure),
                    Outcome::Retry(failure, after) => Outcome::Retry(failure, after),
                }
            }
        })
    };
    let answers = |name| {
        let ask = asks(name);
        move |cx: StepCx, _: u64, _: Option<u64>| {
            let asked = ask(cx);
            async move { Outcome::of_compensation(asked.await) }
        }
    };
    let patient = Retry::fixed(Duration::from_secs(1)).attempts(1000);
    let mut saga = Saga::<u64>::define_with(Text, "order", 1);
    let stock = saga
        .step("stock", acts("stock"))
        .compensation_fn(answers("stock"))
        .retry(patient)
        .compensation_retry(patient)
        .timeout(Duration::from_secs(2))
        .takes(|number, ()| *number);
    let bank = saga
        .step("bank", acts("bank"))
        .after(stock)
        .compensation_fn(answers("bank"))
        .retry(patient)
        .compensation_retry(patient)
        .timeout(Duration::from_secs(2))
        .takes(|_, number| number);
    let check = step_fn(Effect::Pure, |_, number: u64| async move {
        if number.is_multiple_of(3) {
            Outcome::rejected("every third")
        } else {
            Outcome::Done(number)
        }
    });
    let check = saga.step("check", check).after(bank).takes(|_, number| number);
    saga.returns(check).build().expect("it is possible")
}

type Ends = Arc<Mutex<BTreeMap<u64, bool>>>;

/// The executor's node: it starts all sagas, or joins them, and notes how they end.
fn executor(ends: &Ends) -> Machine {
    let disk = SharedDisk::new(SimDisk::new());
    let (kept, ends) = (disk.clone(), Arc::clone(ends));
    let at = address(STEPS.len());
    let node = Handle::current()
        .create_node()
        .name("executor")
        .ip(at.ip())
        .init(move || {
            let runtime = MadsimRuntime::new(kept.clone(), Arc::new(Wall::default()));
            let ends = Arc::clone(&ends);
            async move { execute(runtime, ends).await }
        })
        .build();
    Machine { node, disk }
}

async fn execute(runtime: MadsimRuntime, ends: Ends) {
    let peers = STEPS.iter().enumerate().map(|(number, name)| (peer(name), address(number)));
    let transport =
        EndpointTransport::bind(peers.collect()).await.expect("the node has an address");
    let order = definition(&Arc::new(transport));
    let (store, _) = Store::open_with(&runtime, options()).await.expect("opens");
    let sagas = Sagas::open_with(&runtime, &store, [order.code()], SagaOptions::default()).await;
    let sagas = sagas.expect("opens");
    let runs = (1..=SAGAS).map(|number| {
        let (sagas, order, ends) = (sagas.clone(), order.clone(), Arc::clone(&ends));
        madsim::task::spawn(async move {
            let id = SagaId::parse(&format!("order-{number}")).expect("a name");
            let outcome = sagas.run(&order, id, &number).await.expect("the disk is healthy");
            let completed = match outcome {
                SagaOutcome::Completed(_) => true,
                SagaOutcome::Aborted { .. } => false,
                SagaOutcome::Stuck(steps) => panic!("order {number} is stuck: {steps:?}"),
            };
            let before = ends.lock().expect("no panic").insert(number, completed);
            assert!(before.is_none_or(|before| before == completed), "it ended otherwise before");
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.expect("no panic");
    }
    std::future::pending::<()>().await;
}

/// Nodes die and links are clogged for a minute; then the world is healed.
async fn disturb(machines: &[Machine]) {
    let net = simulator::<NetSim>();
    for round in 0..20 {
        sleep(Duration::from_millis(thread_rng().gen_range(500..5_000))).await;
        let (one, other) = (thread_rng().gen_range(0..3), thread_rng().gen_range(0..3));
        match thread_rng().gen_range(0..4) {
            0 => machines[one].die(round),
            1 if one != other => net.clog_link(machines[one].node.id(), machines[other].node.id()),
            2 => net.clog_node(machines[one].node.id()),
            _ => heal(&net, machines),
        }
    }
    heal(&net, machines);
    net.update_config(|config| config.packet_loss_rate = 0.0);
}

fn heal(net: &NetSim, machines: &[Machine]) {
    for one in machines {
        net.unclog_node(one.node.id());
        for other in machines {
            net.unclog_link(one.node.id(), other.node.id());
        }
    }
}

/// The keys whose effects stand in the books on this disk.
async fn standing(machine: &Machine) -> BTreeSet<String> {
    machine.disk.with(SimDisk::process_crash);
    Handle::current().kill(machine.node.id());
    let runtime = MadsimRuntime::new(machine.disk.clone(), Arc::new(Wall::default()));
    let (store, _) = Store::open_with(&runtime, options()).await.expect("opens");
    let events = match store.read(Read::stream(effects())).collect().await {
        Err(ReadError::StreamNotFound(_)) => Vec::new(),
        events => events.expect("reads"),
    };
    let mut standing = BTreeSet::new();
    for event in events {
        let key = String::from_utf8(event.payload().to_vec()).expect("a key");
        let fresh = match event.event_type() {
            "Done" => standing.insert(key.clone()),
            _ => standing.remove(&key),
        };
        assert!(fresh, "{key} has its effect, or the answer to it, a second time");
    }
    standing
}

async fn story() {
    let ends = Ends::default();
    let mut machines: Vec<Machine> = (0..STEPS.len()).map(Machine::participant).collect();
    machines.push(executor(&ends));
    disturb(&machines).await;
    for _ in 0..600 {
        sleep(Duration::from_secs(1)).await;
        if ends.lock().expect("no panic").len() == usize::try_from(SAGAS).expect("few") {
            break;
        }
    }
    let ends = ends.lock().expect("no panic").clone();
    assert_eq!(ends.len(), usize::try_from(SAGAS).expect("few"), "every saga ends: {ends:?}");
    for (machine, step) in machines.iter().zip(STEPS) {
        let completed = ends.iter().filter(|(_, completed)| **completed);
        let expected = completed.map(|(number, _)| format!("order-{number}/0/{step}")).collect();
        assert_eq!(standing(machine).await, expected, "{step}");
    }
    assert!(
        ends.iter().all(|(number, completed)| *completed != number.is_multiple_of(3)),
        "{ends:?}"
    );
}

#[test]
fn sagas_end_whatever_madsims_network_and_nodes_do() {
    for seed in 1..=20 {
        let world = move || {
            let net = NetConfig { packet_loss_rate: 0.05, ..NetConfig::default() };
            let config = madsim::Config { net, ..madsim::Config::default() };
            Simulated::with_seed_and_config(seed, config).block_on(story());
        };
        assert!(thread::spawn(world).join().is_ok(), "seed {seed}");
    }
}
