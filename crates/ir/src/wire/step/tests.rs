//! What is cut into messages comes out whole, or not at all.

use super::{super::frame::Answer, *};
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
    assert_eq!(Hello { unknown: Vec::new(), bytes: 0, ..read }, hello);
}

#[test]
fn nobody_can_greet_for_ever() {
    let held = Held { kind: "Rule".into(), name: "n".repeat(1 << 20), ..Held::default() };
    let part = HelloPart { held: vec![held; 8], more: true, ..HelloPart::default() };
    let (mut hello, _) = Hello::begin(part.clone()).unwrap();
    let refused = (0..8).find(|_| hello.add(part.clone()).is_err());
    assert_eq!(refused, Some(6), "the eighth part is over 64 MiB");
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
    assert_eq!(Ack::from(answer.clone()), ack);
    answer.closed[0].fault = "Haunted".into();
    assert_eq!(Ack::from(answer).closed[0].fault, BindFault::Other);
}
