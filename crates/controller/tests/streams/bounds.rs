//! Nobody takes more than a share of the controller's time and memory.

use std::time::Duration;

use ir::wire::{
    frame::{Answer, Held, HelloPart, ProxyWord, Refusal},
    limits::{PROXY_WORD_BYTES_MAX, REASON_BYTES_MAX, REJECTED_MAX},
};
use portcullis_controller::publish::server::Limits;
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};
use tonic::Code;

use crate::{
    proxy::{PATIENCE, hello},
    stage::{Stage, token},
};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_proxy_that_answers_nothing_is_let_go() {
    let stage = Stage::with(Limits { answer: SHORT, ..Limits::default() }).await;
    let mut proxy = stage.greet(0, "a", hello()).await.unwrap();
    let (code, text) = proxy.end().await;
    assert_eq!((code, text.as_str()), (Code::DeadlineExceeded, "a step was not answered in time"));
    assert_eq!(stage.figures.unanswered.value(), 1);
    stage.answers(|all| all.values().any(|answer| answer.ack.is_none())).await;
}

#[tokio::test]
async fn a_proxy_that_reads_nothing_is_let_go() {
    let mut stage = Stage::with(Limits { part: SHORT, farewell: SHORT, ..Limits::default() }).await;
    stage.world.build(1, 6000);
    let mut target = stage.target();
    target.narrow = true;
    let proxy = target.greet(&token(0, "a"), hello()).await.unwrap();
    stage.answers(|all| all.values().any(|answer| answer.ack.is_none())).await;
    assert_eq!(stage.figures.unanswered.value(), 1);
    assert_eq!(stage.hub.subscriptions(), 0);
    // The connection goes as well, though its other end keeps it.
    let closed = async {
        while stage.figures.connections.value() > 0 {
            // tidy: allow sleep: the pause in a loop that waits for a number
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, closed).await.expect("no connection");
    drop(proxy);
}

#[tokio::test]
async fn a_proxy_that_does_not_greet_is_let_go() {
    let stage = Stage::with(Limits { hello: SHORT, ..Limits::default() }).await;
    let mut proxy = stage.target().open(&token(0, "a")).await.unwrap();
    let (code, text) = proxy.end().await;
    assert_eq!((code, text.as_str()), (Code::DeadlineExceeded, "the greeting took too long"));
}

#[tokio::test]
async fn a_connection_that_opens_no_stream_is_closed() {
    let stage = Stage::with(Limits { handshake: SHORT, ..Limits::default() }).await;
    let mut silent = TcpStream::connect(stage.address).await.unwrap();
    let end = timeout(PATIENCE, silent.read_to_end(&mut Vec::new())).await;
    end.expect("an end").unwrap();
}

#[tokio::test]
async fn connections_beyond_the_bound_are_turned_away() {
    let stage = Stage::with(Limits { connections_max: 2, ..Limits::default() }).await;
    let one = stage.proxy(0, "a").await;
    let two = stage.proxy(0, "b").await;
    assert!(stage.greet(0, "c", hello()).await.is_err());
    assert_eq!(stage.figures.turned_away.value(), 1);
    drop(one);
    stage.answers(|all| all.values().any(|answer| answer.ack.is_none())).await;
    let enter = async {
        loop {
            match stage.greet(0, "c", hello()).await {
                Ok(mut proxy) => return proxy.step().await.unwrap(),
                // The place is given back a moment after the stream.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(PATIENCE, enter).await.expect("a place");
    drop(two);
}

#[tokio::test]
async fn a_proxy_is_heard_out_of_turn_no_more_than_once() {
    let stage = Stage::new().await;
    let mut proxy = stage.proxy(0, "a").await;
    for part in hello().into_parts() {
        proxy.say(ProxyWord::Hello(part)).await;
    }
    let (code, text) = proxy.end().await;
    assert_eq!((code, text.as_str()), (Code::InvalidArgument, "a stream has one greeting"));
    let mut mute = stage.target().open(&token(0, "b")).await.unwrap();
    mute.answer(1).await;
    let (code, text) = mute.end().await;
    assert_eq!((code, text.as_str()), (Code::InvalidArgument, "a stream begins with a greeting"));
}

#[tokio::test]
async fn a_proxy_that_says_too_much_is_let_go_and_nobody_else_is_harmed() {
    let mut stage = Stage::new().await;
    let (mut other, mut port) = (stage.proxy(0, "b").await, 9000);
    let rejected = |count, reason: usize| {
        let refusal = Refusal { reason: "r".repeat(reason), ..Refusal::default() };
        ProxyWord::Answer(Answer { rejected: vec![refusal; count], ..Answer::default() })
    };
    let greeting = |held| ProxyWord::Hello(HelloPart { held, more: true, ..HelloPart::default() });
    let held = |bytes: usize| Held { name: "n".repeat(bytes), ..Held::default() };
    for (greets, word, code, text) in [
        (false, greeting(vec![held(PROXY_WORD_BYTES_MAX)]), Code::OutOfRange, "message length"),
        (false, greeting(vec![held(2000)]), Code::InvalidArgument, "a name is too long"),
        (false, greeting(vec![held(0); 200_000]), Code::InvalidArgument, "it holds too much"),
        (true, rejected(PROXY_WORD_BYTES_MAX / 500, 500), Code::OutOfRange, "message length"),
        (true, rejected(REJECTED_MAX + 1, 0), Code::InvalidArgument, "refused resources"),
        (true, rejected(1, REASON_BYTES_MAX + 1), Code::InvalidArgument, "a reason is too long"),
    ] {
        let mut proxy = match greets {
            true => stage.proxy(0, "a").await,
            false => stage.target().open(&token(0, "a")).await.unwrap(),
        };
        proxy.say(word).await;
        let (found, said) = proxy.end().await;
        assert!(found == code && said.contains(text), "{found:?} {said}, not {code:?} {text}");
        port += 1;
        stage.world.edit(0, 0, port);
        let step = other.step().await.unwrap();
        other.answer(step.revision).await;
    }
}
