//! Fences and consumer checkpoints: facts that an append carries besides its events.

use super::{Host, event, key, note, stream};
use sagalog::{
    Append, AppendError, ConsumerId, ExpectedRevision, FenceName, FencingToken, Position,
};

fn fence(name: &str) -> FenceName {
    FenceName::parse(name).expect("the story's names are valid")
}

fn token(host: &Host, name: &str) -> Option<u64> {
    host.run(host.store().fence(&fence(name))).expect("healthy").map(FencingToken::get)
}

fn consumer(name: &str) -> ConsumerId {
    ConsumerId::parse(name).expect("the story's names are valid")
}

fn checkpoint(host: &Host, name: &str) -> Option<u64> {
    host.run(host.store().checkpoint(&consumer(name))).expect("healthy").map(Position::get)
}

#[test]
fn a_fence_shuts_out_lower_tokens_and_lets_the_same_and_higher_ones_in() {
    let mut host = Host::new();
    let act = |number: u64| note("a", "x").fence(fence("f"), FencingToken::new(number));
    assert_eq!(token(&host, "f"), None);
    host.append(act(5));
    for round in 0..4_u64 {
        assert_eq!(token(&host, "f"), Some(5 + round));
        for low in [0, 4 + round] {
            match host.refusal(act(low)) {
                AppendError::Fenced { fence: name, current } => {
                    assert_eq!((name, current.get()), (fence("f"), 5 + round));
                }
                other => panic!("{other}"),
            }
        }
        host.append(act(5 + round));
        host.append(note("a", "x").fence(fence("other"), FencingToken::new(0)));
        host.append(act(6 + round));
        match round {
            0 => host.flush(),
            1 => drop(host.restart()),
            _ => {
                host.flush();
                host.power_off();
                host.start();
            }
        }
    }
    assert_eq!(token(&host, "other"), Some(0));
    host.append(act(u64::MAX));
    host.flush();
    host.restart();
    assert_eq!(token(&host, "f"), Some(u64::MAX));
    host.append(act(u64::MAX));
}

#[test]
fn a_refused_append_moves_no_fence_and_no_checkpoint() {
    let host = Host::new();
    let append = note("a", "x")
        .expect(stream("a"), ExpectedRevision::Exists)
        .fence(fence("f"), FencingToken::new(9))
        .checkpoint(consumer("c"), Position::new(9));
    host.refusal(append);
    assert_eq!((token(&host, "f"), checkpoint(&host, "c")), (None, None));
}

#[test]
fn who_is_fenced_off_gets_the_answer_of_an_earlier_command_all_the_same() {
    let host = Host::new();
    let command = || note("a", "x").key(key("k")).fence(fence("f"), FencingToken::new(1));
    let original = host.append(command());
    host.append(note("a", "y").fence(fence("f"), FencingToken::new(2)));
    let again = host.append(command());
    assert!(again.replayed && again.first == original.first);
}

#[test]
fn the_last_checkpoint_counts_and_lives_with_the_events_of_its_append() {
    let mut host = Host::new();
    for (round, place) in [3, 900, 7, 0, 1 << 62].into_iter().enumerate() {
        let append = Append::new()
            .event(stream("projection"), event("Applied", "x"))
            .checkpoint(consumer("c"), Position::new(place));
        assert_eq!(host.append(append).positions, 1);
        let alone = Append::new().checkpoint(consumer("alone"), Position::new(place));
        assert_eq!(host.append(alone).positions, 1);
        for _ in 0..2 {
            assert_eq!(checkpoint(&host, "c"), Some(place));
            assert_eq!(checkpoint(&host, "alone"), Some(place));
            host.flush();
            if round % 2 == 0 {
                host.restart();
            }
        }
    }
    assert_eq!(checkpoint(&host, "d"), None);
}
