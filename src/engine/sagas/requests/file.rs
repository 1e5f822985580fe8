//! A request and its answer as bytes.
//!
//! The invariant it guards: what does not come from [`encode_request`] or [`encode_answer`] of this
//! version is refused with a sentence; a length is held against the bytes that are there.

use super::{ANSWER_TEXT_BYTES_MAX, Answer, Request};
use crate::{
    names::SagaId,
    saga::{Intervention, decode_turn, encode_turn},
};
use bytes::{Buf as _, Bytes};

const REQUEST: [u8; 4] = *b"SgRq";
const ANSWER: [u8; 4] = *b"SgAn";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 12;

/// What stands in the file of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Request(Request),
    Answer(Answer),
}

pub(super) fn encode_request(request: &Request) -> Vec<u8> {
    let saga = request.saga.as_str();
    let mut body = vec![u8::try_from(saga.len()).expect("a saga's name has at most 120 bytes")];
    body.extend_from_slice(saga.as_bytes());
    body.extend_from_slice(&encode_turn(&[request.intervention.wish()]));
    sealed(REQUEST, &body)
}

pub(super) fn encode_answer(answer: &Answer) -> Vec<u8> {
    let (outcome, text) = match answer {
        Answer::Done => (1, ""),
        Answer::NotDone(text) => (2, text.as_str()),
        Answer::Again => (3, ""),
    };
    let ends = (0..=ANSWER_TEXT_BYTES_MAX.min(text.len())).rev();
    let end = ends.into_iter().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let mut body = vec![outcome];
    body.extend_from_slice(&text.as_bytes()[..end]);
    sealed(ANSWER, &body)
}

fn sealed(magic: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&checksum(magic, body).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn checksum(magic: [u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&magic);
    hasher.update(&VERSION.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// # Errors
/// Why the bytes are neither a request nor an answer.
pub(super) fn decode(bytes: Vec<u8>) -> Result<Content, String> {
    let mut body = Bytes::from(bytes);
    if body.len() < HEADER_BYTES {
        return Err("the request is cut short".into());
    }
    let mut magic = [0; 4];
    body.copy_to_slice(&mut magic);
    if magic != REQUEST && magic != ANSWER {
        return Err("the file is no request".into());
    }
    let version = body.get_u32_le();
    if version != VERSION {
        return Err(format!(
            "the request is of version {version}, the process that executes sagas knows {VERSION}"
        ));
    }
    if body.get_u32_le() != checksum(magic, &body) {
        return Err("the request is damaged".into());
    }
    if magic == REQUEST { decode_request(body) } else { decode_answer(&body) }
}

fn decode_request(mut body: Bytes) -> Result<Content, String> {
    let malformed = || "the request is malformed".to_owned();
    let length = usize::from(body.try_get_u8().map_err(|_| malformed())?);
    let saga = body.get(..length).and_then(|saga| SagaId::parse_bytes(saga).ok());
    let saga = saga.ok_or_else(malformed)?;
    body.advance(length);
    let turn = decode_turn(&body).map_err(|fault| format!("the request: {fault}"))?;
    let intervention = match turn.as_slice() {
        [record] => Intervention::of_wish(record),
        _ => None,
    };
    let intervention = intervention.ok_or_else(malformed)?;
    Ok(Content::Request(Request { saga, intervention }))
}

fn decode_answer(body: &Bytes) -> Result<Content, String> {
    let malformed = || "the answer is malformed".to_owned();
    let (outcome, text) = body.split_first().ok_or_else(malformed)?;
    let text = str::from_utf8(text).map_err(|_| malformed())?;
    let answer = match outcome {
        1 => Answer::Done,
        2 => Answer::NotDone(text.to_owned()),
        3 => Answer::Again,
        _ => return Err(malformed()),
    };
    Ok(Content::Answer(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saga::{Operator, StepIndex, Verb};

    fn samples() -> Vec<Vec<u8>> {
        let operate = |verb| {
            let operator = Operator { verb, principal: "ada".into(), reason: "seen to".into() };
            Intervention::Operate(operator)
        };
        let interventions = [
            Intervention::Cancel { principal: "ada".into(), reason: "no longer".into() },
            operate(Verb::Retry),
            operate(Verb::Skip(StepIndex::new(3))),
            operate(Verb::Complete(Some(Bytes::from_static(b"out")))),
            operate(Verb::Complete(None)),
            operate(Verb::Abort),
        ];
        let saga = SagaId::parse("order-17").expect("a name");
        let requests = interventions
            .map(|intervention| Request { saga: saga.clone(), intervention })
            .map(|request| encode_request(&request));
        let answers = [Answer::Done, Answer::NotDone("because".into()), Answer::Again]
            .map(|answer| encode_answer(&answer));
        requests.into_iter().chain(answers).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for bytes in samples() {
            let again = match decode(bytes.clone()).expect("it was written just now") {
                Content::Request(request) => encode_request(&request),
                Content::Answer(answer) => encode_answer(&answer),
            };
            assert_eq!(again, bytes);
        }
    }

    #[test]
    fn golden_bytes_of_a_request() {
        let saga = SagaId::parse("o-1").expect("a name");
        let intervention = Intervention::Cancel { principal: "ada".into(), reason: "no".into() };
        let bytes = encode_request(&Request { saga, intervention });
        assert_eq!(bytes[..8], *b"SgRq\x01\0\0\0");
        assert_eq!(bytes[12..], *b"\x03o-1\x01\x01\0\x09\x03\0ada\x02\0no");
    }

    #[test]
    fn what_is_cut_or_changed_is_refused() {
        for bytes in samples() {
            for end in 0..bytes.len() {
                assert!(decode(bytes[..end].to_vec()).is_err(), "{end} of {bytes:?}");
            }
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 0x10;
                assert!(decode(changed).is_err(), "{at} of {bytes:?}");
            }
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut bytes = encode_answer(&Answer::Done);
        bytes[4] = 2;
        let said = decode(bytes).expect_err("it is newer");
        assert!(said.contains("version 2"), "{said}");
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let answer = Answer::NotDone("ä".repeat(ANSWER_TEXT_BYTES_MAX));
        let bytes = encode_answer(&answer);
        let Ok(Content::Answer(Answer::NotDone(text))) = decode(bytes) else { panic!("no answer") };
        assert_eq!(text.len(), ANSWER_TEXT_BYTES_MAX);
    }
}
