//! The first minute of a new user: one command, and the lines that it proposes work as printed.

use std::net::SocketAddr;

use serde_json::Value;

use crate::stage::{
    answer::Answer,
    http1::{Http1, request},
    ports::Offset,
    process::{Running, repository},
    tls::Secured,
    wait,
};

#[tokio::test]
async fn the_lines_that_it_prints_work() {
    let offset = Offset::of(&[8080, 8443]);
    let number = offset.number.to_string();
    let folder = repository("examples/quickstart");
    let running = Running::start(&[&folder], &["--echo", "--port-offset", &number]).await;
    let lines = wait::until("three lines to try", async || {
        let printed = running.stdout();
        let lines = printed.lines().map(str::trim).filter(|line| line.starts_with("curl "));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        // Each line is printed whole, and something comes after the last one.
        (lines.len() >= 3 && printed.contains("/metrics") || printed.contains("status"))
            .then_some(lines)
    })
    .await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    let mut backends = Vec::new();
    for line in &lines {
        let answer = curl(line).await;
        match answer.status {
            200 => {
                let echo: Value = serde_json::from_slice(&answer.body).expect("JSON");
                backends.push(echo["service"].as_str().expect("a name").to_owned());
            }
            301 => assert!(answer.header("location").is_some(), "{answer:?}"),
            _ => panic!("{line}: {answer:?}"),
        }
    }
    assert!(backends.len() >= 2, "most of them reach a backend: {backends:?}");
    assert!(!running.stdout().contains('\x1b'), "no colours in a pipe: {}", running.stdout());
    assert!(!running.stderr().contains('\x1b'), "no colours in a pipe: {}", running.stderr());
    for line in ["default/web", "http", "https"] {
        assert!(running.stdout().contains(line), "{line} in:\n{}", running.stdout());
    }
}

#[tokio::test]
async fn what_its_readme_says_is_so() {
    let offset = Offset::of(&[8080, 8443]);
    let number = offset.number.to_string();
    let folder = repository("examples/quickstart");
    let running = Running::start(&[&folder], &["--echo", "--port-offset", &number]).await;
    running.admin.programmed("default/web").await;
    let http = offset.address(8080);
    let (none, canary): Headers<'_> = (&[], &[("X-Canary", "always")]);
    let cases = [
        ("127.0.0.1", "/", none, "hello", "/"),
        ("shop.example.com", "/cart/items", none, "cart", "/cart/items"),
        ("api.example.com", "/v1/users", canary, "api-canary", "/v1/users"),
        ("shop.example.com", "/", none, "storefront", "/"),
    ];
    for (host, target, headers, service, path) in cases {
        let request = request("GET", host, target, headers, "");
        let mut client = Http1::connect(http).await.expect("open");
        // Echoes of Services are stood up one after the other.
        let answer = wait::until(&format!("{service} at {host}{target}"), async || {
            let answer = client.exchange(&request).await.expect("an answer");
            (answer.status == 200).then_some(answer)
        })
        .await;
        let echo: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((&echo["service"], &echo["path"]), (&service.into(), &path.into()));
        assert_eq!(echo["namespace"], "default");
    }
    let moved = Http1::connect(http).await.expect("open");
    let moved = { moved }.get("shop.example.com", "/basket/items").await.expect("an answer");
    assert_eq!(moved.status, 301);
    let location = moved.header("location").expect("a location");
    assert!(location.starts_with("http://shop.example.com"), "{location}");
    assert!(location.ends_with("/cart/items"), "{location}");
    let stable = Http1::connect(http).await.expect("open");
    let stable = { stable }.get("api.example.com", "/v1/users").await.expect("an answer");
    let echo: Value = serde_json::from_slice(&stable.body).expect("JSON");
    let service = echo["service"].as_str().expect("a name");
    assert!(["api-stable", "api-canary"].contains(&service), "{echo}");
    assert_eq!(echo["path"], "/users");
}

type Headers<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)]);

#[tokio::test]
async fn manifests_can_be_tried_without_their_apps() {
    let offset = Offset::of(&[80, 443]);
    let number = offset.number.to_string();
    let folder = repository("examples/platform");
    let running = Running::start(&[&folder], &["--echo", "--port-offset", &number]).await;
    running.admin.programmed("gateway-system/default-gateway").await;
    let cases = [
        ("example-app.example.com", "/", "example-app", "/"),
        ("example-app.example.com", "/v7/things", "versioned-api", "/v7/things"),
        ("app.example.com", "/api/v1/users", "api-service", "/users"),
    ];
    for (host, target, service, path) in cases {
        let answer = wait::until(&format!("{service} at {host}{target}"), async || {
            let mut client = Http1::connect(offset.address(80)).await.expect("open");
            let answer = client.get(host, target).await.expect("an answer");
            (answer.status == 200).then_some(answer)
        })
        .await;
        let echo: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((&echo["service"], &echo["path"]), (&service.into(), &path.into()));
        assert_eq!(echo["namespace"], "tenant");
    }
}

/// Does what curl would do with a line that we print.
async fn curl(line: &str) -> Answer {
    let words = words(line);
    let mut words = words.iter().map(String::as_str).skip(1);
    let (mut headers, mut resolved) = (Vec::new(), None);
    let (mut method, mut url) = ("GET", None);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value");
        match word {
            "-s" | "-i" | "-k" => {}
            "-X" => method = value(),
            "-H" => headers.push(value().split_once(": ").expect("name and value")),
            "--resolve" => resolved = Some(value()),
            option if option.starts_with('-') => panic!("{option} in {line}"),
            word => url = Some(word),
        }
    }
    let url = url.expect("a URL");
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (authority, path) = rest.split_at(rest.find('/').expect("a path"));
    let address: SocketAddr = match resolved {
        None => authority.parse().expect("an address"),
        Some(entry) => {
            let address = entry.strip_prefix(&format!("{authority}:")).expect("the same host");
            let port = authority.rsplit(':').next().expect("a port");
            format!("{address}:{port}").parse().expect("an address")
        }
    };
    let host = headers.iter().position(|(name, _)| *name == "Host").map(|at| headers.remove(at).1);
    let request = request(method, host.unwrap_or(authority), path, &headers, "");
    let mut client = match scheme {
        "http" => Http1::connect(address).await.expect("it listens"),
        _ => {
            let name = authority.split(':').next().expect("a name");
            Secured::connect(address, name, &["http/1.1"]).await.expect("a handshake").http1()
        }
    };
    client.exchange(&request).await.unwrap_or_else(|broken| panic!("{line}: {broken}"))
}

/// The words of a line as a shell splits it, as far as our lines use one.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("one at least").push(c),
        }
    }
    assert!(!quoted, "{line}");
    words
}
