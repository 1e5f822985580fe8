//! What goes well: fields, answers, many calls at once, connections used again.

use super::service::{
    LONG, Service, address, call, done, is_not_delivered, relay, serve, spawn_call, started,
    transport,
};
use bytes::Bytes;
use sagalog::{
    limits::CALL_PAYLOAD_BYTES_MAX,
    runtime::{Answer, Call, CallFence, CallKind, Transport},
};
use sagalog_http::{HttpServer, HttpTransport, ServerOptions, TransportOptions};
use std::sync::{Arc, atomic::Ordering};

#[tokio::test]
async fn a_call_arrives_as_it_was_sent() {
    let (service, server) = started().await;
    let sent = Call {
        operation: "räume \"A\", 100%".parse().expect("a name"),
        key: "order 17/0/räume".parse().expect("a key"),
        kind: CallKind::Compensation,
        fence: CallFence { epoch: u64::MAX, attempt: u32::MAX },
        trace_context: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        deadline: LONG,
        payload: (0..=255).collect::<Vec<u8>>().into(),
    };
    let answer = transport().call(&address(server.address()), sent.clone()).await;
    assert_eq!(answer, Ok(Answer::Done(sent.payload.clone())));
    let mut seen = service.seen.lock().expect("nobody panics with it").clone();
    assert!(seen[0].deadline <= LONG && seen[0].deadline > LONG / 2, "{:?}", seen[0].deadline);
    seen[0].deadline = LONG;
    assert_eq!(seen, [sent]);
}

#[tokio::test]
async fn every_answer_comes_back_as_it_was_given() {
    let (_service, server) = started().await;
    let (transport, to) = (transport(), address(server.address()));
    let current = CallFence { epoch: u64::MAX, attempt: 7 };
    let table = [
        ("echo", Answer::Done("payload".into())),
        ("refuse", Answer::Refused("sold out: nichts übrig".into())),
        ("be busy", Answer::Busy("later".into())),
        ("fence", Answer::Fenced { current }),
        ("entomb", Answer::Compensated),
        ("fill", Answer::Done(vec![7; CALL_PAYLOAD_BYTES_MAX].into())),
    ];
    for (operation, answer) in table {
        assert_eq!(transport.call(&to, call(operation)).await, Ok(answer), "{operation}");
    }
    for payload in [vec![], vec![1; CALL_PAYLOAD_BYTES_MAX]] {
        let payload = Bytes::from(payload);
        let sent = Call { payload: payload.clone(), ..call("echo") };
        assert_eq!(transport.call(&to, sent).await, Ok(Answer::Done(payload)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_at_the_same_time_are_all_answered() {
    let (service, server) = started().await;
    let transport = transport();
    let calls = (0..100).map(|number: u32| {
        let call = Call { payload: number.to_string().into(), ..call("hold") };
        spawn_call(&transport, server.address(), call)
    });
    let calls: Vec<_> = calls.collect();
    service.has_seen(100).await;
    assert_eq!(service.most.load(Ordering::SeqCst), 100, "none waits for another one");
    service.release.add_permits(100);
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(done("released")));
    }
}

#[tokio::test]
async fn one_connection_serves_calls_one_after_the_other() {
    let (_service, server) = started().await;
    let (relayed, connections) = relay(server.address()).await;
    let transport = transport();
    for operation in ["echo", "refuse", "be busy", "fence", "entomb", "fill", "forget", "echo"] {
        let _ = transport.call(&address(relayed), call(operation)).await;
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed() {
    let (service, server) = started().await;
    let transport = Arc::new(HttpTransport::new(TransportOptions::default().calls_max(3)));
    let calls: Vec<_> =
        (0..12).map(|_| spawn_call(&transport, server.address(), call("hold"))).collect();
    for seen in 3..=12 {
        service.has_seen(seen).await;
        service.release.add_permits(1);
    }
    service.release.add_permits(2);
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(done("released")));
    }
    assert_eq!(service.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_again() {
    let service = Service::new();
    let server = serve(&service, ServerOptions::default()).await;
    let (transport, at) = (transport(), server.address());
    assert_eq!(transport.call(&address(at), call("echo")).await, Ok(done("payload")));
    assert_eq!(server.shutdown(LONG).await, 0);
    let refused = transport.call(&address(at), call("echo")).await;
    assert!(is_not_delivered(&refused), "{refused:?}");
    let again = HttpServer::start(at, service.clone(), ServerOptions::default()).await;
    let _again = again.expect("the port is free again");
    assert_eq!(transport.call(&address(at), call("echo")).await, Ok(done("payload")));
}
