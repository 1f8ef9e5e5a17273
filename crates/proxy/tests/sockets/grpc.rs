//! gRPC as its clients and servers use HTTP/2: streams both ways at once, and a status in trailers.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use crate::harness::{
    Client, Port,
    h2::{Asked, H2Client, H2Server, before_h2c, chunk, reply},
    in_time, route,
};

/// A server of one method of each kind, as its path says.
async fn service(mut asked: Asked) -> Result<(), h2::Error> {
    let path = asked.request.uri().path().to_owned();
    assert_eq!(asked.request.headers()["te"], "trailers");
    let response = Response::builder().header("content-type", "application/grpc");
    if path == "/test.Echo/Denied" {
        // Trailers-Only: the status is in the head, which is all.
        let response = response.header("grpc-status", "7").header("grpc-message", "no");
        asked.respond.send_response(response.body(()).unwrap(), true)?;
        return Ok(());
    }
    let mut to = asked.respond.send_response(response.body(()).unwrap(), false)?;
    while let Some(message) = chunk(asked.request.body_mut()).await? {
        to.send_data(message, false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    to.send_trailers(trailers)
}

fn call(method: &str) -> Request<()> {
    Request::post(format!("http://any.test/test.Echo/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap()
}

/// A message as gRPC frames it: not compressed, its length, its bytes.
fn message(text: &str) -> Bytes {
    let mut framed = vec![0];
    framed.extend_from_slice(&(text.len() as u32).to_be_bytes());
    framed.extend_from_slice(text.as_bytes());
    framed.into()
}

#[tokio::test]
async fn messages_go_both_ways_in_turn_and_the_status_comes_last() {
    let (port, server) = (Port::reserve(), H2Server::start(service).await);
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (response, mut to) = client.open(call("Chat"), false).await.unwrap();
    let response = in_time("a head", response).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let mut from = response.into_body();
    for round in 0..50 {
        // Each answer must come before the next question is asked.
        let question = message(&format!("message {round}"));
        to.send_data(question.clone(), false).unwrap();
        let mut answer = Vec::new();
        while answer.len() < question.len() {
            answer.extend(in_time("an answer", chunk(&mut from)).await.unwrap().unwrap());
        }
        assert_eq!(answer, question);
    }
    to.send_data(Bytes::new(), true).unwrap();
    assert_eq!(in_time("the end", chunk(&mut from)).await.unwrap(), None);
    let trailers = in_time("trailers", from.trailers()).await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn a_status_may_be_all_there_is() {
    let (port, server) = (Port::reserve(), H2Server::start(service).await);
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (response, mut to) = client.open(call("Denied"), false).await.unwrap();
    to.send_data(message("x"), true).unwrap();
    let response = in_time("a head", response).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "7");
    assert!(response.body().is_end_stream(), "one frame, as it came");
}

#[tokio::test]
async fn our_own_answers_are_statuses_too() {
    let port = Port::reserve();
    let mut rig = before_h2c(&port, &[]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (response, _) = client.open(call("Chat"), true).await.unwrap();
    let unavailable = reply(response).await.unwrap();
    assert_eq!(
        (unavailable.status, &unavailable.headers["grpc-status"]),
        (200, &"14".parse().unwrap())
    );
    rig.edit(|to| route(to, "route", "nobody", "backend")).await;
    let (response, _) = client.open(call("Chat"), true).await.unwrap();
    let unknown = reply(response).await.unwrap();
    assert_eq!((unknown.status, &unknown.headers["grpc-status"]), (200, &"12".parse().unwrap()));
}

#[tokio::test]
async fn an_http1_client_gets_the_status_as_trailers_of_its_chunks() {
    let (port, server) = (Port::reserve(), H2Server::start(service).await);
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = Client::plain(port.address()).await.unwrap();
    let head = "POST /test.Echo/Chat HTTP/1.1\r\nHost: any.test\r\nTE: trailers\r\n\
        Connection: te\r\nContent-Type: application/grpc\r\nContent-Length: 6\r\n\r\n";
    client.send(&[head.as_bytes(), &message("x")].concat()).await.unwrap();
    let head = client.until("\r\n\r\n").await.to_lowercase();
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    let rest = client.until("\r\n\r\n").await.to_lowercase();
    assert!(rest.ends_with("0\r\ngrpc-status: 0\r\n\r\n"), "{rest}");
}
