//! The mapping of `docs/HTTP.md`, line by line, and what is none of it.

use super::*;

fn call() -> Call {
    Call {
        operation: "reserve two: ä".parse().expect("a name"),
        key: "order-17/0/reserve%".parse().expect("a key"),
        kind: CallKind::Compensation,
        fence: CallFence { epoch: u64::MAX, attempt: u32::MAX },
        trace_context: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        deadline: Duration::from_micros(1_500_999),
        payload: Bytes::new(),
    }
}

fn written(call: &Call) -> HeaderMap {
    let mut headers = HeaderMap::new();
    write_call(call, &mut headers).expect("it is lawful");
    headers
}

#[test]
fn a_call_stands_in_these_headers() {
    let headers = written(&call());
    let table = [
        ("sagalog-operation", "reserve%20two:%20%C3%A4"),
        ("sagalog-key", "order-17/0/reserve%25"),
        ("sagalog-kind", "compensation"),
        ("sagalog-epoch", "18446744073709551615"),
        ("sagalog-attempt", "4294967295"),
        ("sagalog-deadline-ms", "1500"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    assert_eq!(headers.len(), table.len());
    for (name, value) in table {
        assert_eq!(headers[name], value, "{name}");
    }
    let read = Call { deadline: Duration::from_millis(1500), ..call() };
    assert_eq!(read_call(&headers), Ok(read));
    let untraced = Call { trace_context: None, kind: CallKind::Action, ..call() };
    assert_eq!(read_call(&written(&untraced)).map(|call| call.trace_context), Ok(None));
}

#[test]
fn the_longest_fields_fit_in_a_head() {
    let longest = Call {
        operation: "ä".repeat(127).parse().expect("a name"),
        key: "ä".repeat(100).parse().expect("a key"),
        trace_context: Some("x".repeat(sagalog::limits::TRACE_BYTES_MAX)),
        ..call()
    };
    let headers = written(&longest);
    let bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    assert!(bytes < 1536 + 256, "{bytes}");
    assert_eq!(read_call(&headers).map(|call| call.key), Ok(longest.key));
}

#[test]
fn what_is_no_call_is_told_in_a_sentence() {
    let table: [(&str, &[&str], &str); 11] = [
        ("sagalog-key", &[], "sagalog-key is missing, or given more than once"),
        ("sagalog-key", &["a", "b"], "sagalog-key is missing, or given more than once"),
        ("sagalog-key", &[""], "sagalog-key: a name has at least one byte"),
        ("sagalog-key", &["a%0Ab"], "sagalog-key: a control character stands at byte 1"),
        ("sagalog-key", &["%ff"], "sagalog-key is not UTF-8"),
        ("sagalog-operation", &["ä"], "sagalog-operation is not printable ASCII"),
        ("sagalog-kind", &["undo"], "sagalog-kind is neither action nor compensation"),
        ("sagalog-epoch", &["-1"], "sagalog-epoch is not a number of the right size"),
        ("sagalog-epoch", &["+1"], "sagalog-epoch is not a number of the right size"),
        ("sagalog-attempt", &["4294967296"], "sagalog-attempt is not a number of the right size"),
        ("sagalog-deadline-ms", &["1.5"], "sagalog-deadline-ms is not a number of the right size"),
    ];
    for (name, values, sentence) in table {
        let mut headers = written(&call());
        headers.remove(name);
        for value in values {
            headers.append(name, HeaderValue::from_str(value).expect("bytes of a header"));
        }
        let refused = read_call(&headers).expect_err("it is none");
        assert_eq!(refused.to_string(), sentence);
    }
}

#[test]
fn an_answer_is_a_status_and_a_header_that_agree() {
    let fence = CallFence { epoch: 3, attempt: 2 };
    let table = [
        (Answer::Done("reply".into()), 200, "done", "reply"),
        (Answer::Refused("sold out".into()), 422, "refused", "sold out"),
        (Answer::Busy("later".into()), 503, "busy", "later"),
        (Answer::Fenced { current: fence }, 409, "fenced", ""),
        (Answer::Compensated, 410, "compensated", ""),
    ];
    for (answer, status, name, body) in table {
        let (written, headers, bytes) = write_answer(&answer);
        assert_eq!((written.as_u16(), &bytes[..]), (status, body.as_bytes()));
        assert_eq!(headers["sagalog-answer"], name);
        let said = Said::read(written, &headers).expect("it is ours");
        assert_eq!(read_answer(said, &headers, bytes), Ok(Ok(answer)));

        assert_eq!(Said::read(StatusCode::IM_A_TEAPOT, &headers), None, "{name}");
        assert_eq!(Said::read(written, &HeaderMap::new()), None, "a proxy's own {status}");
    }
}

#[test]
fn what_a_server_says_for_itself_is_no_answer() {
    let table = [
        (Said::Rejected(StatusCode::UNAUTHORIZED), 401, "rejected"),
        (Said::Unknown, 500, "unknown"),
    ];
    for (said, status, name) in table {
        let (written, headers, body) = write_reason(said, &"why".into());
        assert_eq!(
            (written.as_u16(), &headers["sagalog-answer"]),
            (status, &HeaderValue::from_static(name))
        );
        assert_eq!(Said::read(written, &headers), Some(said));
        assert_eq!(read_answer(said, &headers, body), Ok(Err("why".into())));
    }
}

#[test]
fn a_fence_that_cannot_be_read_is_no_answer() {
    let refused = read_answer(Said::Fenced, &HeaderMap::new(), Bytes::new());
    assert!(refused.is_err());
}
