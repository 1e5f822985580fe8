//! What goes wrong on the way: what was certainly not delivered, and what nobody knows.

use super::service::{
    LONG, SHORT, address, call, impostor, is_not_delivered, is_unknown, loopback, spawn_call,
    started, transport, within,
};
use sagalog::{
    limits::CALL_PAYLOAD_BYTES_MAX,
    runtime::{Address, Call, CallError, Transport},
};
use sagalog_http::{HttpTransport, TransportOptions};
use std::{sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

#[tokio::test]
async fn a_refused_connection_is_not_delivered() {
    let listener = TcpListener::bind(loopback()).await.expect("loopback is free");
    let nobody = listener.local_addr().expect("it listens");
    drop(listener);
    let answer = transport().call(&address(nobody), call("echo")).await;
    assert!(is_not_delivered(&answer), "{answer:?}");
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_not_delivered() {
    for host in ["no-such-host.invalid:7070", "[::"] {
        let to = Address::parse(host).expect("an address");
        let answer = transport().call(&to, within(20 * SHORT, "echo")).await;
        assert!(is_not_delivered(&answer), "{host}: {answer:?}");
    }
}

#[tokio::test]
async fn a_call_that_finds_no_connection_in_time_is_not_delivered() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(loopback()).expect("loopback is free");
    let listener = socket.listen(1).expect("it listens");
    let deaf = listener.local_addr().expect("it listens");
    // Nobody accepts, so that the line is full at some point and the next one gets no connection.
    let mut line = Vec::new();
    while let Ok(connected) = tokio::time::timeout(SHORT, TcpStream::connect(deaf)).await {
        line.push(connected.expect("it listens"));
    }
    let answer = transport().call(&address(deaf), within(SHORT, "echo")).await;
    match answer {
        Err(CallError::NotDelivered(reason)) => {
            assert_eq!(reason.as_str(), "no connection within 100ms");
        }
        other => panic!("{other:?}"),
    }
    let impatient = HttpTransport::new(TransportOptions::default().connecting(SHORT));
    let answer = impatient.call(&address(deaf), call("echo")).await;
    assert!(is_not_delivered(&answer), "{answer:?}");
}

#[tokio::test]
async fn a_call_that_gets_no_turn_in_time_is_not_delivered() {
    let (service, server) = started().await;
    let transport = Arc::new(HttpTransport::new(TransportOptions::default().calls_max(1)));
    let first = spawn_call(&transport, server.address(), call("hold"));
    service.has_seen(1).await;
    let second = transport.call(&address(server.address()), within(SHORT, "echo")).await;
    assert!(is_not_delivered(&second), "{second:?}");
    assert_eq!(service.seen(), 1);
    service.release.add_permits(1);
    assert!(first.await.expect("no panic").is_ok());
}

#[tokio::test]
async fn a_call_that_is_too_large_is_not_delivered() {
    let (service, server) = started().await;
    let large = Call { payload: vec![0; CALL_PAYLOAD_BYTES_MAX + 1].into(), ..call("echo") };
    let unprintable = Call { trace_context: Some("a\r\nb: c".into()), ..call("echo") };
    for call in [large, unprintable] {
        let answer = transport().call(&address(server.address()), call).await;
        assert!(is_not_delivered(&answer), "{answer:?}");
    }
    assert_eq!(service.seen(), 0);
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_unknown() {
    let (service, server) = started().await;
    let transport = transport();
    let answer = transport.call(&address(server.address()), within(SHORT, "hold")).await;
    assert!(is_unknown(&answer), "{answer:?}");
    assert_eq!(service.seen(), 1, "it was delivered");
    let seen = service.seen.lock().expect("nobody panics with it")[0].deadline;
    assert!(seen <= SHORT, "the participant knows how long its caller waits: {seen:?}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_its_answer_leaves_it_unknown() {
    let whole = "HTTP/1.1 200 OK\r\nsagalog-answer: done\r\ncontent-length: 5\r\n\r\nreply";
    let answer = transport().call(&address(impostor(whole.into()).await), call("echo")).await;
    assert!(answer.is_ok(), "all of it is an answer: {answer:?}");
    for end in 0..whole.len() {
        let cut = impostor(whole.as_bytes()[..end].to_vec()).await;
        let answer = transport().call(&address(cut), call("echo")).await;
        assert!(is_unknown(&answer), "after {end} bytes: {answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_no_participant_gave_is_unknown() {
    let large = "x".repeat(CALL_PAYLOAD_BYTES_MAX + 1);
    let headers = "sagalog-answer: done\r\n".repeat(100);
    let table = [
        ("200 OK", String::new(), "fine"),
        ("503 Service Unavailable", String::new(), "no healthy upstream"),
        ("404 Not Found", String::new(), ""),
        ("503 Service Unavailable", "sagalog-answer: done\r\n".into(), ""),
        ("200 OK", "sagalog-answer: rejected\r\n".into(), ""),
        ("200 OK", "sagalog-answer: perhaps\r\n".into(), ""),
        ("409 Conflict", "sagalog-answer: fenced\r\n".into(), ""),
        ("410 Gone", "sagalog-answer: compensated\r\n".into(), "more than nothing"),
        ("302 Found", "location: http://127.0.0.1:1/\r\n".into(), ""),
        ("200 OK", headers, ""),
        ("200 OK", format!("sagalog-answer: done\r\nx: {}\r\n", "x".repeat(64 << 10)), ""),
        ("200 OK", "sagalog-answer: done\r\n".into(), &large),
    ];
    for (status, headers, body) in table {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        let impostor = impostor(text.into_bytes()).await;
        let answer = transport().call(&address(impostor), call("echo")).await;
        assert!(is_unknown(&answer), "{status}: {answer:?}");
    }
    let garbled = impostor(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()).await;
    let answer = transport().call(&address(garbled), call("echo")).await;
    assert!(is_unknown(&answer), "{answer:?}");
}

#[tokio::test]
async fn what_a_responder_cannot_say_is_unknown() {
    let (_service, server) = started().await;
    let (transport, to) = (transport(), address(server.address()));
    let forgotten = transport.call(&to, call("forget")).await;
    assert_eq!(forgotten, Err(CallError::Unknown("the disk is gone".into())));
    let swollen = transport.call(&to, call("swell")).await;
    assert!(is_unknown(&swollen), "{swollen:?}");
    let panicked = transport.call(&to, call("panic")).await;
    assert!(is_unknown(&panicked), "{panicked:?}");
    assert!(transport.call(&to, call("echo")).await.is_ok(), "one call is lost, no more");
}

#[tokio::test]
async fn a_deadline_beyond_all_times_is_no_overflow() {
    let (_service, server) = started().await;
    let answer = transport().call(&address(server.address()), within(Duration::MAX, "echo")).await;
    assert!(answer.is_ok(), "{answer:?} within {LONG:?}");
}
