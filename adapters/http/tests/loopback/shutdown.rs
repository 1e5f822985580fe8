//! How a server ends: in order, cut short, or dropped.

use super::service::{
    LONG, SHORT, address, call, done, is_not_delivered, is_unknown, spawn_call, started, transport,
};
use sagalog::runtime::Transport;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_lets_calls_under_way_end() {
    let (service, server) = started().await;
    let (transport, at) = (transport(), server.address());
    let calls: Vec<_> = (0..20).map(|_| spawn_call(&transport, at, call("hold"))).collect();
    service.has_seen(20).await;
    let stopping = tokio::spawn(server.shutdown(LONG));
    while TcpStream::connect(at).await.is_ok() {
        tokio::task::yield_now().await;
    }
    service.release.add_permits(20);
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(done("released")));
    }
    assert_eq!(stopping.await.expect("no panic"), 0, "nobody was cut off");
    assert!(is_not_delivered(&transport.call(&address(at), call("echo")).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_call_is_answered_or_has_no_effect_or_is_unknown() {
    let (service, server) = started().await;
    let (transport, at) = (transport(), server.address());
    let caller = |_| {
        let transport = transport.clone();
        tokio::spawn(async move {
            let (mut done, mut unknown) = (0, 0);
            loop {
                match transport.call(&address(at), call("echo")).await {
                    Ok(_) => done += 1,
                    answer if is_unknown(&answer) => unknown += 1,
                    _ => return (done, unknown),
                }
            }
        })
    };
    let callers: Vec<_> = (0..8).map(caller).collect();
    service.has_seen(500).await;
    assert_eq!(server.shutdown(LONG).await, 0);
    let (mut done, mut unknown) = (0, 0);
    for caller in callers {
        let counts = caller.await.expect("no panic");
        done += counts.0;
        unknown += counts.1;
    }
    assert!(done <= service.seen() && service.seen() <= done + unknown, "{done} + {unknown}");
}

#[tokio::test]
async fn a_shutdown_ends_when_its_grace_does() {
    let (service, server) = started().await;
    let (transport, at) = (transport(), server.address());
    let calls: Vec<_> = (0..3).map(|_| spawn_call(&transport, at, call("hold"))).collect();
    service.has_seen(3).await;
    assert_eq!(server.shutdown(SHORT).await, 3, "all of them were cut off");
    for call in calls {
        let answer = call.await.expect("no panic");
        assert!(is_unknown(&answer), "{answer:?}");
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_holds_up_no_shutdown() {
    let (_service, server) = started().await;
    let (transport, at) = (transport(), server.address());
    let _silent = TcpStream::connect(at).await.expect("it listens");
    assert_eq!(transport.call(&address(at), call("echo")).await, Ok(done("payload")));
    // Its other connection is kept by the transport, for later calls.
    server.shutdown(SHORT).await;
    assert!(is_not_delivered(&transport.call(&address(at), call("echo")).await));
}

#[tokio::test]
async fn a_dropped_server_answers_no_more() {
    let (service, server) = started().await;
    let (transport, at) = (transport(), server.address());
    let under_way = spawn_call(&transport, at, call("hold"));
    service.has_seen(1).await;
    drop(server);
    let answer = under_way.await.expect("no panic");
    assert!(is_unknown(&answer), "{answer:?}");
    while TcpStream::connect(at).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
