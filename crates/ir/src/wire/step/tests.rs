//! What is cut into messages comes out whole, or not at all.

use super::{
    super::{
        frame::{Answer, Closed, Refusal},
        limits::{CLOSED_MAX, PROXY_WORD_BYTES_MAX, REASON_BYTES_MAX, REJECTED_MAX},
    },
    *,
};
use crate::{Ack, BindFailure, BindFault, Id, Rejection, Rule};

#[test]
fn a_large_step_is_cut_and_put_together() {
    let mut step = Step { epoch: "e".into(), revision: 7, ..Step::default() };
    for index in 0..40 {
        let payload: bytes::Bytes = vec![index; 100_000].into();
        let encoded = Encoded { hash: Hash::of("Rule", &payload), payload };
        step.upsert(&Id::<Rule>::new(format!("r{index}")).key(), &encoded);
        step.remove(&Id::<Rule>::new(format!("gone{index}")).key());
    }
    let parts = step.clone().into_parts();
    assert_eq!(parts.len(), 4);
    assert!(parts.iter().all(|part| part.encoded_len() <= (1 << 20) + 1000));
    let mut collector = Collector::default();
    let mut steps: Vec<Option<Step>> =
        parts.into_iter().map(|part| collector.add(part).unwrap()).collect();
    assert_eq!(steps.pop(), Some(Some(step)));
    assert!(steps.iter().all(Option::is_none));
}

#[test]
fn a_step_that_says_nothing_is_one_part_and_a_resource_may_be_larger_than_a_part() {
    let parts = Step { revision: 1, ..Step::default() }.into_parts();
    assert_eq!(parts, [Part { revision: 1, ..Part::default() }]);
    let payload: bytes::Bytes = vec![0; 3 << 20].into();
    let mut step = Step::default();
    step.upsert(&Id::<Rule>::new("r").key(), &Encoded { hash: Hash::of("", b""), payload });
    assert_eq!(step.into_parts().len(), 1);
}

#[test]
fn a_step_inside_another_breaks_the_stream() {
    let part = |epoch: &str, revision, more| Part {
        epoch: epoch.into(),
        revision,
        more,
        ..Part::default()
    };
    for other in [part("e", 2, false), part("f", 1, false)] {
        let mut collector = Collector::default();
        assert_eq!(collector.add(part("e", 1, true)), Ok(None));
        assert!(matches!(collector.add(other), Err(WireError::Stream(_))));
    }
}

#[test]
fn a_hello_is_cut_and_put_together_and_what_is_unknown_is_kept_apart() {
    let key = |index: u32| Id::<Rule>::new(format!("{index}/{}", "n".repeat(200))).key();
    let held = (0..10_000).map(|index| (key(index), Hash::of("Rule", &index.to_be_bytes())));
    let hello = Hello::new("e".into(), 3, held.collect());
    let mut parts = hello.clone().into_parts();
    assert!(parts.len() > 2);
    let stranger = Held { kind: "Policy".into(), name: "p".into(), hash: bytes::Bytes::new() };
    parts[1].held.push(stranger);
    let mut parts = parts.into_iter();
    let (mut read, mut more) = Hello::begin(parts.next().unwrap()).unwrap();
    for part in parts {
        assert!(more);
        more = read.add(part).unwrap();
    }
    assert!(!more);
    assert_eq!(read.unknown, [Name { kind: "Policy".into(), name: "p".into() }]);
    assert_eq!(Hello { unknown: Vec::new(), bytes: 0, entries: 0, ..read }, hello);
}

#[test]
fn nobody_can_greet_for_ever() {
    let held =
        |name: usize| Held { kind: "Rule".into(), name: "n".repeat(name), ..Held::default() };
    let part =
        |count, held| HelloPart { held: vec![held; count], more: true, ..Default::default() };
    for (part, taken) in [
        // 128 parts of 1,000 resources; at 1,000 bytes a name, 32 MiB come first.
        (part(1000, held(0)), 131),
        (part(1000, held(1000)), 33),
        (part(1, held(1025)), 0),
        (HelloPart { software: "s".repeat(1025), ..part(1, held(1)) }, 0),
    ] {
        let mut hello = Hello::default();
        let refused = (0..200).find(|_| hello.add(part.clone()).is_err());
        assert_eq!(refused, Some(taken));
    }
}

#[test]
fn the_largest_configuration_can_be_greeted_with() {
    let key = |index: u32| Id::<Rule>::new(format!("HTTPRoute/{}/{index}", "n".repeat(150))).key();
    let held = (0..100_000).map(|index| (key(index), Hash::of("Rule", &index.to_be_bytes())));
    let hello = Hello::new("e".into(), 3, held.collect());
    let mut read = Hello::default();
    for part in hello.clone().into_parts() {
        assert!(part.encoded_len() <= PROXY_WORD_BYTES_MAX);
        read.add(part).unwrap();
    }
    assert_eq!(read.held, hello.held);
}

#[test]
fn an_answer_says_what_an_ack_says() {
    let ack = Ack {
        revision: 4,
        rejected: vec![Rejection { key: Id::<Rule>::new("r").key(), reason: "why".into() }],
        closed: vec![BindFailure {
            bind: Id::new("b"),
            fault: BindFault::Forbidden,
            message: "do".into(),
        }],
    };
    let mut answer = Answer::from(&ack);
    assert_eq!(Ack::try_from(answer.clone()), Ok(ack));
    answer.closed[0].fault = "Haunted".into();
    assert_eq!(Ack::try_from(answer).unwrap().closed[0].fault, BindFault::Other);
}

fn refusal(kind: &str, name: usize, reason: usize) -> Refusal {
    Refusal { kind: kind.into(), name: "n".repeat(name), reason: "é".repeat(reason) }
}

#[test]
fn an_answer_that_says_too_much_is_not_believed() {
    let rejected = |count, refusal| Answer { rejected: vec![refusal; count], ..Answer::default() };
    let closed = |count, closed| Answer { closed: vec![closed; count], ..Answer::default() };
    let bind = |message: usize| Closed { message: "m".repeat(message), ..Closed::default() };
    for (answer, believed) in [
        (rejected(REJECTED_MAX, refusal("Rule", 1, 1)), true),
        (rejected(REJECTED_MAX + 1, refusal("Rule", 1, 1)), false),
        (rejected(1, refusal("Rule", 1, 512)), true),
        (rejected(1, refusal("Rule", 1, 513)), false),
        (rejected(1, refusal("Rule", 1025, 1)), false),
        (rejected(1, refusal(&"k".repeat(1025), 1, 1)), false),
        (closed(CLOSED_MAX, bind(1)), true),
        (closed(CLOSED_MAX + 1, bind(1)), false),
        (closed(1, bind(REASON_BYTES_MAX + 1)), false),
    ] {
        let said = format!("{} {}", answer.rejected.len(), answer.closed.len());
        assert_eq!(Ack::try_from(answer).is_ok(), believed, "{said}");
    }
}

#[test]
fn what_a_proxy_answers_is_always_believed_and_says_first_what_status_names() {
    let mut rejected = vec![refusal("Rule", 900, 5000); 20_000];
    rejected.push(refusal("Listener", 9, 9));
    let bind = Closed { message: "m".repeat(9000), ..Closed::default() };
    let answer = Answer { revision: 7, rejected, closed: vec![bind; 2000] }.within_bounds();
    assert!(answer.encoded_len() <= PROXY_WORD_BYTES_MAX);
    assert_eq!(answer.rejected[0].kind, "Listener");
    assert!(answer.rejected.len() > 1 && answer.closed.len() > 100, "there is room for more");
    assert_eq!(Ack::try_from(answer).unwrap().revision, 7);
    let few = Answer { rejected: vec![refusal("Rule", 9, 9); 3], ..Answer::default() };
    assert_eq!(few.clone().within_bounds(), few);
}
