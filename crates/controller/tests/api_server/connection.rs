//! Sockets and HTTP: takes connections, cuts them, turns a request into a [`Call`].

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::{
    Line, Shared,
    answer::{self, Answer},
    fault::Effect,
    journal::Call,
};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

pub(super) async fn serve(socket: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = socket.accept().await {
        let mut line = shared.line.subscribe();
        let Line { cuts, down } = *line.borrow_and_update();
        if down {
            continue;
        }
        let shared = shared.clone();
        connections.spawn(async move {
            let _ = stream.set_nodelay(true);
            let service = service_fn(move |request| converse(shared.clone(), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // The client sees what went wrong.
                _ = connection => {}
                () = cut(&mut line, cuts) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn cut(line: &mut watch::Receiver<Line>, cuts: u64) {
    // The sender outlives every connection.
    let _ = line.wait_for(|line| line.cuts != cuts).await;
}

/// Why a connection ends in place of an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut by the test")
    }
}

impl std::error::Error for Cut {}

async fn converse(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let mut call = read(&head, &body);
    let struck = {
        let mut state = shared.state.lock();
        let mut faults = state.faults.iter_mut();
        faults.find_map(|fault| fault.strikes(&call).then(|| fault.effect.clone()))
    };
    let mut lost = false;
    let answer = match struck {
        Some(Effect::Refuse { code, reason, retry_after }) => {
            Answer::refusal(code, reason, "scripted by the test", retry_after)
        }
        Some(Effect::Cut) => {
            note(&shared, call);
            return Err(Cut);
        }
        effect => {
            match effect {
                Some(Effect::Delay(delay)) => {
                    // tidy: allow sleep: slowness is what the test asked for
                    tokio::time::sleep(delay).await;
                }
                Some(Effect::Hold(mut released)) => {
                    let _ = released.wait_for(|released| *released).await;
                }
                Some(Effect::LoseAnswer) => lost = true,
                _ => {}
            }
            answer::answer(&shared, &call, head.uri.path())
        }
    };
    call.code = answer.code;
    note(&shared, call);
    if lost { Err(Cut) } else { Ok(response(answer, shared)) }
}

fn note(shared: &Shared, call: Call) {
    shared.change(|state| state.journal.push(call));
}

fn response(answer: Answer, shared: Arc<Shared>) -> Response<Body> {
    let mut response =
        Response::builder().status(answer.code).header(header::CONTENT_TYPE, "application/json");
    if let Some(seconds) = answer.retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    let body = match answer.watch {
        Some(watch) => {
            let frames = watch.into_stream(shared);
            let frames = futures_util::StreamExt::map(frames, |bytes| Ok(Frame::data(bytes)));
            StreamBody::new(frames).boxed_unsync()
        }
        None => Full::new(Bytes::from(answer.body.to_string())).boxed_unsync(),
    };
    response.body(body).unwrap()
}

/// What is asked, as far as it can be told without knowing which resources there are.
fn read(head: &http::request::Parts, body: &[u8]) -> Call {
    let text = |name: header::HeaderName| {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("").to_owned()
    };
    let mut call = Call {
        verb: "discover",
        content_type: text(header::CONTENT_TYPE),
        accept: text(header::ACCEPT),
        authorization: text(header::AUTHORIZATION),
        body: serde_json::from_slice(body).unwrap_or_default(),
        query: query(head.uri.query().unwrap_or("")),
        ..Call::default()
    };
    let segments: Vec<&str> = head.uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let rest = match segments[..] {
        ["api", version, ref rest @ ..] if !rest.is_empty() => {
            call.version = version.to_owned();
            rest
        }
        ["apis", group, version, ref rest @ ..] if !rest.is_empty() => {
            (call.group, call.version) = (group.to_owned(), version.to_owned());
            rest
        }
        _ => return call,
    };
    let rest = match rest {
        ["namespaces", _, "status" | "finalize"] => rest,
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
            call.namespace = (*namespace).to_owned();
            rest
        }
        _ => rest,
    };
    let mut rest = rest.iter().map(|part| (*part).to_owned());
    call.resource = rest.next().unwrap_or_default();
    call.name = rest.next().unwrap_or_default();
    call.subresource = rest.next().unwrap_or_default();
    let watched = matches!(call.query.get("watch").map(String::as_str), Some("true" | "1"));
    call.verb = match head.method.as_str() {
        "GET" if watched => "watch",
        "GET" if call.name.is_empty() => "list",
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "unknown",
    };
    call
}

fn query(text: &str) -> std::collections::BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(name), unescape(value))
        })
        .collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        (rest, _) = match (first, code) {
            (b'%', Some(byte)) => (&tail[2..], bytes.push(byte)),
            (b'+', _) => (tail, bytes.push(b' ')),
            (byte, _) => (tail, bytes.push(*byte)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
