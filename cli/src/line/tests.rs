//! What a line says, and which lines say nothing.

use super::*;

const LINE: &str =
    r#"{"stream":"order-1","type":"Placed","time":"2012-02-29T09:30:00+01:00","data":{"a":1.50}}"#;

fn parsed(line: &str) -> (StreamId, NewEvent) {
    parse(line.as_bytes()).unwrap_or_else(|reason| panic!("{reason}: {line}"))
}

fn new_event(payload: impl Into<Vec<u8>>) -> NewEvent {
    NewEvent::new(EventType::parse("Placed").expect("a name"), payload.into())
        .occurred_at(WallTime::from_unix_nanos(1_330_504_200_000_000_000))
}

#[test]
fn a_line_is_an_event() {
    let (stream, event) = parsed(LINE);
    assert_eq!(stream.as_str(), "order-1");
    let expected = new_event(r#"{"a":1.50}"#)
        .content_type(ContentType::Json)
        .metadata(r#"{"sagalog:time":"2012-02-29T09:30:00+01:00"}"#);
    assert_eq!(event, expected);
}

#[test]
fn a_time_that_utc_prints_alike_takes_no_metadata() {
    let (_, event) = parsed(&LINE.replace("09:30:00+01:00", "08:30:00Z"));
    let expected = new_event(r#"{"a":1.50}"#).content_type(ContentType::Json);
    assert_eq!(event, expected);
}

#[test]
fn any_json_is_data_and_stays_as_it_stands() {
    let huge = "9".repeat(400);
    let table = [
        "null",
        "true",
        "-0.0",
        "1e400",
        &huge,
        r#""\u00e4\ud83d\ude00""#,
        "[ ]",
        r#"{"a":1,"a":2, "b" : {}}"#,
    ];
    for data in table {
        let (_, event) = parsed(&LINE.replace(r#"{"a":1.50}"#, data));
        let metadata = r#"{"sagalog:time":"2012-02-29T09:30:00+01:00"}"#;
        let expected = new_event(data).content_type(ContentType::Json).metadata(metadata);
        assert_eq!(event, expected, "{data}");
    }
}

#[test]
fn everything_else_an_event_can_say_is_read() {
    let line = r#"{"stream":"order-1","type":"Placed","time":"2012-02-29T08:30:00Z",
        "data_base64":"//77","content_type":"custom-200","schema_version":3,
        "tags":["a:1","b"],"metadata":"who","correlation_id":"00000000-0000-0000-0000-00000000000a",
        "causation_id":"0000000000000000000000000000000b","trace_context":"00-1",
        "principal":"me"}"#;
    let id = |last| EventId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    let tag = |name| Tag::parse(name).expect("a name");
    let expected = new_event([0xff, 0xfe, 0xfb])
        .content_type(ContentType::custom(200).expect("a code of the caller's"))
        .schema_version(3)
        .tag(tag("a:1"))
        .tag(tag("b"))
        .metadata("who")
        .correlation_id(id(10))
        .causation_id(id(11))
        .trace_context("00-1")
        .principal("me");
    assert_eq!(parsed(line).1, expected);
    let (_, event) = parsed(&line.replace(r#""metadata":"who""#, r#""metadata_base64":"AAE=""#));
    assert_eq!(event, expected.metadata([0_u8, 1].as_slice()));
}

#[test]
fn a_bad_line_is_refused_with_its_reason() {
    let longer = "x".repeat(256);
    let tags: Vec<String> = (0..65).map(|tag| format!("\"{tag}\"")).collect();
    let with = |field: &str| LINE.replace(r#","data""#, &format!(r#",{field},"data""#));
    let table = [
        (String::new(), "the line is empty"),
        (" \r".into(), "the line is empty"),
        ("{".into(), "EOF while parsing an object at column 1"),
        ("[1]".into(), "it is no JSON object"),
        (format!("{LINE}x"), "trailing characters at column 90"),
        (LINE.replace("1.50", "01"), "invalid number at column"),
        (LINE.replace(r#""time""#, r#""Time""#), "unknown field `Time`, expected one of"),
        (LINE.replace(r#""type":"Placed","#, ""), "missing field `type` at column"),
        (LINE.replace(r#","data":{"a":1.50}"#, ""), "missing field `data`"),
        (with(r#""data":1"#), "duplicate field `data` at column"),
        (with(r#""data_base64":"""#), "both `data` and `data_base64`"),
        (LINE.replace("09:30", "9:30"), "`time`: it is not written like"),
        (LINE.replace("2012-02-29", "2011-02-29"), "`time`: there is no such day"),
        (LINE.replace("2012", "1912"), "`time`: it lies outside of the years 1970 to 2554"),
        (LINE.replace("order-1", ""), "`stream`: a name has at least one byte"),
        (LINE.replace("order-1", "$o"), "`stream`: names that begin with `$` are reserved"),
        (LINE.replace("order-1", &longer), "`stream`: the name has 256 bytes, the limit is 255"),
        (LINE.replace("order-1", r"a\nb"), "`stream`: a control character stands at byte 1"),
        (LINE.replace("Placed", ""), "`type`: a name has at least one byte"),
        (LINE.replace(r#""Placed""#, "7"), "invalid type: integer `7`"),
        (with(r#""tags":["a","a"]"#), "`tags`: `a` stands there twice"),
        (with(r#""tags":[""]"#), "`tags`: a name has at least one byte"),
        (with(&format!(r#""tags":[{}]"#, tags.join(","))), "`tags`: there are 65, the limit is 64"),
        (with(r#""content_type":"custom-7""#), "`content_type`: it is none of"),
        (
            with(r#""content_type":"bytes""#),
            "`data` is JSON and `content_type` bytes: give it as `data_base64`",
        ),
        (
            with(r#""metadata":"{\"sagalog:time\":\"2012-02-29T09:30:00+01:00\"}""#),
            "`metadata`: so an import keeps the spelling of `time`; give that `time`",
        ),
        (with(r#""metadata_base64":"A""#), "`metadata_base64`: it is no base64"),
        (with(r#""metadata":"","metadata_base64":"""#), "both `metadata` and `metadata_base64`"),
        (
            with(&format!(r#""metadata":"{}""#, "x".repeat(65_537))),
            "`metadata`: it has 65537 bytes, the limit is 65536",
        ),
        (with(r#""causation_id":"1""#), "`causation_id`: an event id has 32 hexadecimal digits"),
        (
            with(&format!(r#""trace_context":"{longer}""#)),
            "`trace_context`: it has 256 bytes, the limit is 255",
        ),
        (
            with(&format!(r#""principal":"{longer}""#)),
            "`principal`: it has 256 bytes, the limit is 255",
        ),
    ];
    for (line, reason) in table {
        match parse(line.as_bytes()) {
            Ok(parsed) => panic!("{parsed:?}"),
            Err(said) => assert!(said.starts_with(reason), "{said}\n{reason}\n{line}"),
        }
    }
    let said = parse(b"{\"stream\":\"\xff\"}");
    assert_eq!(said.map(|_| ()), Err("it is not UTF-8 from byte 11 on".to_owned()));
}

#[test]
fn json_of_several_lines_is_put_on_one() {
    assert_eq!(&*on_one_line(b"{\r\n \"a\": 1\n}"), b"{   \"a\": 1 }");
    assert!(matches!(on_one_line(b"{}"), Cow::Borrowed(_)));
}

#[test]
fn only_what_an_import_kept_is_a_kept_time() {
    let nanos = time::parse("2012-02-29T09:30:00+01:00").ok();
    let kept = |metadata: &str| kept_time(metadata.as_bytes(), nanos).map(str::to_owned);
    let text = "2012-02-29T09:30:00+01:00".to_owned();
    assert_eq!(kept(r#"{"sagalog:time":"2012-02-29T09:30:00+01:00"}"#), Some(text));
    let table = [
        "",
        r#"{"time":"2012-02-29T09:30:00+01:00"}"#,
        r#"{"sagalog:time":"2012-02-29T09:30:00+02:00"}"#,
        r#"{"sagalog:time":"2012-02-29T08:30:00Z"}"#,
        r#"{"sagalog:time":"2012-02-29T09:30:00+01:00","a":1}"#,
        r#"{"sagalog:time": "2012-02-29T09:30:00+01:00"}"#,
        r#"{"sagalog:time":"}"#,
    ];
    for metadata in table {
        assert_eq!(kept(metadata), None, "{metadata}");
    }
}
