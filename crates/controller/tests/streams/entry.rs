//! Who comes in, who is sent on, and who is refused.

use std::time::{SystemTime, UNIX_EPOCH};

use ir::wire::{
    VERSION,
    frame::{ControllerWord, FromController, HelloPart, Redirect},
};
use portcullis_controller::{
    lead::Lead,
    publish::admission::{AUDIENCE, Admission, Refusal},
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;

use crate::{
    api_server::{Fault, LONG, TokenUser},
    proxy::{PATIENCE, hello, trusting},
    stage::{ROUTES, Stage, token, user},
    world::{World, account},
};

#[tokio::test]
async fn a_token_shows_the_resources_of_its_own_gateway_and_no_other() {
    let stage = Stage::new().await;
    for index in [0, 1] {
        let proxy = stage.proxy(index, "a").await;
        assert_eq!(proxy.keys(), World::keys(index, ROUTES));
    }
    for review in stage.reviews() {
        assert_eq!(review["spec"]["audiences"], json!([AUDIENCE]));
    }
}

#[tokio::test]
async fn whoever_cannot_prove_to_be_a_proxy_is_refused() {
    let stage = Stage::new().await;
    let ours = |account: &str| TokenUser::service_account("edge", account, AUDIENCE);
    let name = account(0).name;
    let cluster = TokenUser::service_account("edge", &name, "https://kubernetes.default.svc");
    let elsewhere = TokenUser::service_account("dev", &name, AUDIENCE);
    let person = TokenUser { username: "jane".into(), ..user(0, "person") };
    // The API server need not agree with what a token says.
    stage.api.know_token(&user(0, "jane").token(LONG), person.clone());
    let issue = |user: TokenUser| stage.api.issue(user);
    for (token, reviews, text, reason) in [
        (String::new(), 0, "no token was sent", "no_token"),
        ("x".repeat(20 << 10), 0, "no token was sent", "no_token"),
        ("forged".into(), 0, "none of a ServiceAccount", "junk"),
        (user(0, "late").token(1), 0, "has expired", "junk"),
        (issue(cluster.of_pod("x")), 0, "none of a ServiceAccount for audience", "junk"),
        (issue(person), 0, "none of a ServiceAccount", "junk"),
        (issue(ours("default").of_pod("x")), 0, "edge/default was made for no", "stranger"),
        (issue(elsewhere.of_pod("x")), 0, "was made for no Gateway", "stranger"),
        (user(0, "forger").token(LONG), 1, "does not accept the token", "token"),
        (user(0, "jane").token(LONG), 1, "not bound to a pod", "no_pod"),
        (issue(ours(&name)), 1, "not bound to a pod", "no_pod"),
    ] {
        let before = (refusals(&stage, reason), stage.reviews().len());
        let Err(status) = stage.target().greet(&token, hello()).await else { panic!("{token}") };
        assert_eq!(status.code(), Code::Unauthenticated, "{token:.20}: {status}");
        assert!(status.message().contains(text), "{token:.20}: {status}");
        assert!(token.is_empty() || !status.message().contains(&token), "{status}");
        let after = (refusals(&stage, reason), stage.reviews().len());
        assert_eq!(after, (before.0 + 1, before.1 + reviews), "{reason}: {status}");
    }
    // Nobody else is harmed.
    stage.proxy(0, "a").await;
}

#[tokio::test]
async fn junk_takes_nobodys_turn() {
    let stage = Stage::new().await;
    let (fault, hold) = Fault::hold();
    stage.api.fault(fault.on("tokenreviews"));
    let admission = Admission::new(stage.api.client(), stage.accounts.subscribe());
    let stranger = TokenUser::service_account("edge", "default", AUDIENCE).of_pod("x");
    let junk = ["forged".into(), stranger.token(LONG), user(0, "late").token(1)];
    for junk in junk.iter().map(|token| format!("Bearer {token}")) {
        // More than are reviewed at once, while no review ends.
        let all = (0..100).map(|_| admission.admit(Some(&junk)));
        let all = tokio::time::timeout(PATIENCE, futures_util::future::join_all(all)).await;
        for refusal in all.expect("no turn is waited for").into_iter().map(Result::unwrap_err) {
            assert!(matches!(refusal, Refusal::Junk | Refusal::Stranger(_)), "{refusal}");
        }
    }
    hold.release();
    let honest = format!("Bearer {}", token(0, "a"));
    assert_eq!(&*admission.admit(Some(&honest)).await.unwrap().pod, "a");
    assert_eq!(stage.reviews().len(), 1);
}

#[tokio::test]
async fn while_the_api_server_reviews_nothing_proxies_are_told_to_come_again() {
    let stage = Stage::new().await;
    stage.api.fault(Fault::internal().on("tokenreviews"));
    let Err(status) = stage.greet(0, "a", hello()).await else { panic!("admitted") };
    assert_eq!((status.code(), refusals(&stage, "review")), (Code::Unavailable, 1));
    stage.api.mend();
    stage.proxy(0, "a").await;
}

#[tokio::test]
async fn many_who_come_at_once_wait_for_each_other() {
    let stage = Stage::new().await;
    let authorizations: Vec<String> = (0..60)
        .map(|number| format!("Bearer {}", stage.api.issue(user(0, &number.to_string()))))
        .collect();
    let (fault, hold) = Fault::hold();
    stage.api.fault(fault.on("tokenreviews"));
    let admission = Admission::new(stage.api.client(), stage.accounts.subscribe());
    let all = authorizations.iter().map(|authorization| admission.admit(Some(authorization)));
    let all = futures_util::future::join_all(all);
    let release = async {
        tokio::task::yield_now().await;
        hold.release();
    };
    let (all, ()) = tokio::join!(all, release);
    for (number, admitted) in all.into_iter().enumerate() {
        assert_eq!(&*admitted.unwrap().pod, number.to_string());
    }
}

#[tokio::test]
async fn a_proxy_that_trusts_another_authority_does_not_talk() {
    let stage = Stage::new().await;
    let other = Stage::new().await;
    let mut target = stage.target();
    target.tls = trusting(&other.authority.bundle().borrow());
    let Err(status) = target.greet(&token(0, "a"), hello()).await else { panic!("trusted") };
    assert!(status.message().contains("invalid peer certificate"), "{status}");
    assert!(stage.reviews().is_empty(), "no token was sent");
    stage.proxy(0, "a").await;
}

#[tokio::test]
async fn a_connection_without_tls_is_closed() {
    let stage = Stage::new().await;
    let mut socket = tokio::net::TcpStream::connect(stage.address).await.unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    // An alert, then the end; or a reset.
    let _ = socket.read_to_end(&mut Vec::new()).await;
    assert_eq!(stage.figures.broken.value(), 1);
    stage.proxy(0, "a").await;
}

#[tokio::test]
async fn versions_may_differ_by_one() {
    let stage = Stage::new().await;
    for (version, understood) in [
        (VERSION - 2, false),
        (VERSION - 1, true),
        (VERSION, true),
        (VERSION + 1, true),
        (VERSION + 2, false),
    ] {
        let mut hello = hello();
        hello.wire_version = version;
        let mut proxy = stage.greet(0, "a", hello).await.unwrap();
        match understood {
            true => drop(proxy.step().await.unwrap()),
            false => {
                let (code, text) = proxy.end().await;
                assert_eq!(code, Code::FailedPrecondition, "{text}");
                assert!(text.contains(&format!("version {version} ")), "{text}");
            }
        }
    }
}

/// What a later version might say: the words of today, and one more.
#[derive(Clone, PartialEq, prost::Message)]
struct FromNewerProxy {
    #[prost(message, tag = "1")]
    hello: Option<HelloPart>,
    #[prost(string, tag = "9")]
    wish: String,
}

#[tokio::test]
async fn words_of_a_newer_proxy_are_let_pass() {
    let stage = Stage::new().await;
    let [hello] = &hello().into_parts()[..] else { panic!("one part") };
    let greeting = FromNewerProxy { hello: Some(hello.clone()), wish: String::new() };
    let wish = FromNewerProxy { hello: None, wish: "more".into() };
    let words = futures_util::stream::iter([greeting, wish.clone(), wish]);
    let words = futures_util::StreamExt::chain(words, futures_util::stream::pending());
    let target = stage.target();
    let (mut from, _connection) = target.stream(&token(0, "a"), words).await.unwrap();
    assert!(matches!(
        from.message().await.unwrap(),
        Some(FromController { word: Some(ControllerWord::Part(_)) })
    ));
    // It is asked again only if it was heard: the second word after the greeting.
    stage.proxy(1, "a").await;
    assert_eq!(stage.figures.streams.value(), 2);
}

#[tokio::test]
async fn a_follower_sends_to_the_leader_without_a_look_at_the_token() {
    let stage = Stage::new().await;
    let leader = "10.1.2.3:15010".parse().unwrap();
    stage.lead.send_replace(Lead::Follower { address: Some(leader) });
    let mut proxy = stage.target().greet("forged", hello()).await.unwrap();
    let word = proxy.word().await.unwrap();
    let redirect = Redirect { address: leader.to_string() };
    assert_eq!(word, Some(ControllerWord::Redirect(redirect)));
    assert_eq!(proxy.end().await.0, Code::Ok);
    assert!(stage.reviews().is_empty());
}

#[tokio::test]
async fn a_replica_that_cannot_tell_says_so() {
    let stage = Stage::new().await;
    let unavailable = async |text: &str| {
        let Err(status) = stage.greet(0, "a", hello()).await else { panic!("{text}") };
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains(text), "{status}");
    };
    for lead in [Lead::Unknown, Lead::Follower { address: None }] {
        stage.lead.send_replace(lead);
        unavailable("no leader is known").await;
    }
    stage.lead.send_replace(Lead::Leader);
    stage.synced.send_replace(false);
    unavailable("not everything was read").await;
    stage.synced.send_replace(true);
    stage.proxy(0, "a").await;
}

#[tokio::test]
async fn a_stream_ends_before_its_token_does() {
    let stage = Stage::new().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = user(0, "a").token(now + 2);
    stage.api.know_token(&token, user(0, "a"));
    let mut proxy = stage.target().greet(&token, hello()).await.unwrap();
    let (code, text) = proxy.end().await;
    assert_eq!((code, text.as_str()), (Code::Unavailable, "the token is about to expire"));
}

fn refusals(stage: &Stage, reason: &str) -> u64 {
    let all = stage.figures.exposition();
    let name = format!("portcullis_stream_refusals_total{{reason=\"{reason}\"}} ");
    all.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}
