//! Whoever else connects: without the token, with anything but a call, or with no haste.

use super::service::{
    LONG, SHORT, Service, address, call, done, is_not_delivered, loopback, raw, serve, started,
    transport,
};
use sagalog::{limits::CALL_PAYLOAD_BYTES_MAX, runtime::Transport};
use sagalog_http::{HttpServer, HttpTransport, ServerOptions, StartError, Token, TransportOptions};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const HEAD: &str = "POST /sagalog/v1/call HTTP/1.1\r\nhost: x\r\nsagalog-operation: fill\r\n\
                    sagalog-key: k\r\nsagalog-kind: action\r\nsagalog-epoch: 1\r\n\
                    sagalog-attempt: 1\r\nsagalog-deadline-ms: 1000\r\n";

fn token(token: &str) -> Token {
    Token::parse(token).expect("a token")
}

#[tokio::test]
async fn beyond_loopback_a_server_takes_a_token() {
    let anywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let open = HttpServer::start(anywhere, Service::new(), ServerOptions::default()).await;
    assert!(matches!(open, Err(StartError::TokenMissing { .. })), "{open:?}");
    let guarded = ServerOptions::default().token(token("0123456789abcdef"));
    assert!(HttpServer::start(anywhere, Service::new(), guarded).await.is_ok());
    let (_, taken) = started().await;
    let second = HttpServer::start(taken.address(), Service::new(), ServerOptions::default()).await;
    assert!(matches!(second, Err(StartError::Listen { .. })), "{second:?}");
}

#[tokio::test]
async fn only_who_shows_the_token_is_answered() {
    let service = Service::new();
    let secret = token("0123456789abcdef");
    let server = serve(&service, ServerOptions::default().token(secret.clone())).await;
    let to = address(server.address());
    let wrong = TransportOptions::default().token(token("0123456789abcdeg"));
    for transport in [HttpTransport::new(wrong), HttpTransport::new(TransportOptions::default())] {
        let answer = transport.call(&to, call("echo")).await;
        assert!(is_not_delivered(&answer), "{answer:?}");
        let shown = format!("{answer:?} {transport:?} {server:?}");
        assert!(!shown.contains("0123456789"), "{shown}");
    }
    assert_eq!(service.seen(), 0);
    let right = HttpTransport::new(TransportOptions::default().token(secret));
    assert_eq!(right.call(&to, call("echo")).await, Ok(done("payload")));
}

#[tokio::test]
async fn what_is_no_call_gets_a_sentence_and_no_responder_sees_it() {
    let (service, server) = started().await;
    let large = CALL_PAYLOAD_BYTES_MAX + 1;
    let body = format!("{large:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(large));
    let end = "connection: close\r\n\r\n";
    let table = [
        (HEAD.replace("POST", "GET") + end, "405 ", "a call is a POST"),
        (HEAD.replace("v1", "v9") + end, "404 ", "calls go to /sagalog/v1/call"),
        (HEAD.replace("sagalog-key", "key") + end, "400 ", "sagalog-key is missing"),
        (HEAD.replace("action", "undo") + end, "400 ", "sagalog-kind is neither"),
        (HEAD.replace("fill", "%00") + end, "400 ", "a control character stands at byte 0"),
        (format!("{HEAD}traceparent: a b\r\n{end}"), "400 ", "characters of the trace context"),
        (format!("{HEAD}content-length: {large}\r\n{end}"), "413 ", "at most 1048576 bytes"),
        (format!("{HEAD}transfer-encoding: chunked\r\n{end}{body}"), "413 ", "at most 1048576"),
        (format!("{HEAD}transfer-encoding: chunked\r\n{end}z\r\n"), "400 ", "payload ends early"),
        (format!("{HEAD}x: {}\r\n{end}", "x".repeat(64 << 10)), "431 ", ""),
        (format!("{HEAD}{}{end}", "x: y\r\n".repeat(100)), "431 ", ""),
        ("hello, is there anybody?\r\n\r\n".into(), "400 ", ""),
    ];
    for (request, status, sentence) in table {
        let answer = raw(server.address(), request.as_bytes()).await;
        let shown = request.chars().take(400).collect::<String>();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{shown}\n\n{answer}");
        assert!(answer.contains(sentence), "{shown}\n\n{answer}");
        assert_eq!(answer.contains("sagalog-answer: rejected"), !sentence.is_empty(), "{answer}");
    }
    assert_eq!(service.seen(), 0);
    let answer = transport().call(&address(server.address()), call("echo")).await;
    assert_eq!(answer, Ok(done("payload")), "it serves others all the same");
}

/// Whoever holds the only connection has to lose it before anybody else is answered.
async fn loses_its_connection(sent: &[u8]) {
    let service = Service::new();
    let options = ServerOptions::default().connections_max(1).patience(SHORT);
    let server = serve(&service, options).await;
    let mut slow = TcpStream::connect(server.address()).await.expect("it listens");
    slow.write_all(sent).await.expect("it listens");
    let answer = transport().call(&address(server.address()), call("echo")).await;
    assert_eq!(answer, Ok(done("payload")));
}

#[tokio::test]
async fn whoever_says_nothing_loses_its_connection() {
    loses_its_connection(b"").await;
}

#[tokio::test]
async fn whoever_does_not_end_a_head_loses_its_connection() {
    loses_its_connection(HEAD.as_bytes()).await;
}

#[tokio::test]
async fn whoever_does_not_end_a_payload_loses_its_connection() {
    loses_its_connection(format!("{HEAD}content-length: 9\r\n\r\nhalf").as_bytes()).await;
}

#[tokio::test]
async fn whoever_takes_no_answer_loses_its_connection() {
    // Far more than fits between the two: 64 MiB.
    loses_its_connection(format!("{HEAD}\r\n").repeat(64).as_bytes()).await;
}

#[tokio::test]
async fn whoever_stays_after_an_answer_loses_its_connection() {
    let service = Service::new();
    let server = serve(&service, ServerOptions::default().patience(SHORT)).await;
    let mut idle = TcpStream::connect(server.address()).await.expect("it listens");
    idle.write_all(format!("{HEAD}\r\n").as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    let ended = timeout(LONG, idle.read_to_end(&mut answer)).await.expect("it is closed");
    assert!(ended.is_ok_and(|bytes| bytes > CALL_PAYLOAD_BYTES_MAX), "answered, then closed");
}

#[tokio::test]
async fn a_server_listens_where_it_says() {
    let server = HttpServer::start(loopback(), Service::new(), ServerOptions::default()).await;
    let address = server.expect("loopback is free").address();
    assert!(address.ip().is_loopback() && address.port() != 0);
}
