//! Who comes in, who is sent on, and who is refused.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ir::wire::{
    VERSION,
    frame::{ControllerWord, FromController, HelloPart, Redirect},
};
use portcullis_controller::{
    lead::Lead,
    publish::admission::{AUDIENCE, Admission},
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;

use crate::{
    api_server::{Fault, TokenUser},
    proxy::{hello, trusting},
    stage::{ROUTES, Stage, token},
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
    let proxy = account(0).name;
    stage.api.know_token("stranger", ours("default").of_pod("x"));
    stage.api.know_token("other-namespace", {
        TokenUser::service_account("dev", &proxy, AUDIENCE).of_pod("x")
    });
    stage.api.know_token("no-pod", ours(&proxy));
    let cluster = TokenUser::service_account("edge", &proxy, "https://kubernetes.default.svc");
    stage.api.know_token("wrong-audience", cluster.of_pod("x"));
    let person = TokenUser { username: "jane".into(), ..ours(&proxy).of_pod("x") };
    stage.api.know_token("person", person);
    let long = "x".repeat(20 << 10);
    for (token, code, text, reason) in [
        ("", Code::Unauthenticated, "no token was sent", "no_token"),
        (long.as_str(), Code::Unauthenticated, "no token was sent", "no_token"),
        ("forged", Code::Unauthenticated, "does not accept the token", "token"),
        ("wrong-audience", Code::Unauthenticated, "does not accept the token", "token"),
        ("no-pod", Code::Unauthenticated, "not bound to a pod", "no_pod"),
        ("person", Code::Unauthenticated, "not bound to a pod", "no_pod"),
        ("stranger", Code::PermissionDenied, "edge/default was made for no Gateway", "stranger"),
        ("other-namespace", Code::PermissionDenied, "was made for no Gateway", "stranger"),
    ] {
        let before = refusals(&stage, reason);
        let Err(status) = stage.target().greet(token, hello()).await else { panic!("{token}") };
        assert_eq!(status.code(), code, "{token:.20}: {status}");
        assert!(status.message().contains(text), "{token:.20}: {status}");
        assert!(token.is_empty() || !status.message().contains(token), "{status}");
        assert_eq!(refusals(&stage, reason), before + 1, "{token:.20}");
    }
    // Nobody else is harmed.
    stage.proxy(0, "a").await;
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
    for number in 0..60 {
        let user = TokenUser::service_account("edge", &account(0).name, AUDIENCE);
        stage.api.know_token(&format!("token-0-{number}"), user.of_pod(&number.to_string()));
    }
    let (fault, hold) = Fault::hold();
    stage.api.fault(fault.on("tokenreviews"));
    let admission = Admission::new(stage.api.client(), stage.accounts.subscribe());
    let authorizations: Vec<String> = (0..60).map(|of| format!("Bearer token-0-{of}")).collect();
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
    let claims = URL_SAFE_NO_PAD.encode(json!({"exp": now + 2}).to_string());
    let token = format!("e30.{claims}.signature");
    let user = TokenUser::service_account("edge", &account(0).name, AUDIENCE);
    stage.api.know_token(&token, user.of_pod("a"));
    let mut proxy = stage.target().greet(&token, hello()).await.unwrap();
    let (code, text) = proxy.end().await;
    assert_eq!((code, text.as_str()), (Code::Unavailable, "the token is about to expire"));
}

fn refusals(stage: &Stage, reason: &str) -> u64 {
    let all = stage.figures.exposition();
    let name = format!("portcullis_stream_refusals_total{{reason=\"{reason}\"}} ");
    all.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}
