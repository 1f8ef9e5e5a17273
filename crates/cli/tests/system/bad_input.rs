//! Mistakes and misfortunes: each gives a clear message and a truthful status, and harms nothing
//! else. In every test a neighbour is asked before and after, on one connection that stays open.

use std::{fs, net::TcpListener, sync::Arc};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::stage::{
    backend::{BEGINNING, Backend, Script},
    certificate::Certificate,
    http1::{Http1, request},
    manifests,
    ports::Port,
    process::{Folder, Running, portcullis},
    site::{GATEWAY, HOST, Site},
    tls::Secured,
    wait,
};

#[tokio::test]
async fn text_that_is_not_yaml() {
    let bad = "kind: [unclosed\nmetadata: {name: x}\n";
    let site = Site::with(&[], |folder| folder.write("bad.yaml", bad)).await;
    let mut neighbour = site.client().await;
    site.assert_steady(&mut neighbour).await;
    site.running.says(&["bad.yaml:2"]).await;
    checked(&site.folder, &["bad.yaml:2"]);

    let app = Backend::named("app").await;
    site.folder.write("bad.yaml", &Site::route("app", &app));
    wait::until("the mended file", async || {
        (site.get("app.example.com", "/").await.status == 200).then_some(())
    })
    .await;
    site.assert_steady(&mut neighbour).await;
}

#[tokio::test]
async fn a_field_that_is_misspelt() {
    let app = Backend::named("app").await;
    let text = Site::route("app", &app).replace("  hostnames:", "  hostnmaes:");
    let site = Site::with(&[], |folder| folder.write("app.yaml", &text)).await;
    let mut neighbour = site.client().await;
    site.assert_steady(&mut neighbour).await;
    // Without its hostnames the route would answer for every host, so it must not be served.
    assert_eq!(site.get("any.example.com", "/").await.status, 404);
    site.running.says(&["app.yaml:6:3", "hostnmaes", "hostnames"]).await;
    checked(&site.folder, &["app.yaml:6:3", "HTTPRoute default/app", "did you mean \"hostnames\""]);
    site.assert_steady(&mut neighbour).await;
}

#[tokio::test]
async fn a_folder_that_vanishes_and_comes_back() {
    let home = Folder::new();
    let inside = Folder::new();
    let (port, _backend) = Site::furnish(&inside).await;
    let (served, elsewhere) = (home.file("manifests"), home.file("elsewhere"));
    fs::rename(inside.path(), &served).expect("the folder can be moved");
    let running = Running::start(&[&served], &[]).await;
    running.admin.programmed(GATEWAY).await;
    let mut neighbour = Http1::connect(port.address()).await.expect("open");
    let steady = async |client: &mut Http1| {
        let answer = client.get(HOST, "/").await.expect("an answer");
        assert_eq!(answer.echo().backend, "steady");
    };
    steady(&mut neighbour).await;

    fs::rename(&served, &elsewhere).expect("the folder can be moved");
    running.says(&["manifests", "cannot be read"]).await;
    steady(&mut neighbour).await;

    let app = Backend::named("app").await;
    fs::write(elsewhere.join("app.yaml"), Site::route("app", &app)).expect("a file");
    fs::rename(&elsewhere, &served).expect("the folder can be moved");
    wait::until("what is new in the folder", async || {
        let mut client = Http1::connect(port.address()).await.ok()?;
        let answer = client.get("app.example.com", "/").await.expect("an answer");
        (answer.status == 200).then_some(())
    })
    .await;
    steady(&mut neighbour).await;
}

#[tokio::test]
async fn a_certificate_that_does_not_match_its_key() {
    let port = Port::free();
    let host = "app.example.com";
    let (one, other) = (Certificate::of(&[host]), Certificate::of(&[host]));
    let site = Site::with(&[], |folder| {
        let listener = manifests::https("https", port.number, "web");
        let text = manifests::gateway("default/secure", &[listener])
            + &manifests::secret_of("web", &one.pem, &other.key);
        folder.write("secure.yaml", &text);
    })
    .await;
    let mut neighbour = site.client().await;
    site.assert_steady(&mut neighbour).await;
    let resolved = wait::until("ResolvedRefs=False", async || {
        let listener =
            site.running.admin.listener("default/secure", "https", "ResolvedRefs").await?;
        (listener.status == "False").then_some(listener)
    })
    .await;
    assert_eq!(resolved.reason, "InvalidCertificateRef");
    assert!(resolved.message.contains("web"), "{resolved:?}");
    assert!(!site.running.stderr().contains("PRIVATE KEY"), "keys are not logged");
    let refused = Secured::connect(port.address(), host, &["http/1.1"]).await;
    assert!(refused.is_err(), "nothing is served with it");
    checked(&site.folder, &["secure.yaml", "web"]);

    let listener = manifests::https("https", port.number, "web");
    let mended =
        manifests::gateway("default/secure", &[listener]) + &manifests::secret("web", &other);
    site.folder.replace("secure.yaml", &mended);
    site.running.admin.programmed("default/secure").await;
    let shown = Secured::connect(port.address(), host, &["http/1.1"]).await.expect("a handshake");
    assert_eq!(shown.certificate(), other.der);
    site.assert_steady(&mut neighbour).await;
}

#[tokio::test]
async fn an_expression_of_a_megabyte() {
    let expression = "(a|b)*c".repeat(150_000);
    let app = Backend::named("app").await;
    let text = Site::route("app", &app).replace(
        "type: PathPrefix, value: \"/\"",
        &format!("type: RegularExpression, value: \"/{expression}\""),
    );
    assert!(text.len() > 1_000_000, "{}", text.len());
    let site = Site::with(&[], |folder| folder.write("app.yaml", &text)).await;
    let mut neighbour = site.client().await;
    site.assert_steady(&mut neighbour).await;
    site.running.says(&["default/app", "path"]).await;
    let said = site.running.stderr();
    assert!(said.len() < 20_000, "the message does not repeat it: {} bytes", said.len());
    assert_ne!(site.get("app.example.com", "/ac").await.status, 200);
    checked(&site.folder, &["app.yaml", "default/app"]);
    site.assert_steady(&mut neighbour).await;
}

#[tokio::test]
async fn a_port_in_use_is_opened_once_it_is_free() {
    let port = Port::free();
    let squatter = TcpListener::bind(port.address()).expect("the port is free");
    let number = port.number;
    let site = Site::with(&[], |folder| {
        let listener = manifests::http("http", number);
        let text = manifests::gateway("default/second", &[listener])
            + &manifests::route("second", "default/second", "second.example.com", "/", "steady");
        folder.write("second.yaml", &text);
    })
    .await;
    let mut neighbour = site.client().await;
    site.assert_steady(&mut neighbour).await;
    let refused = wait::until("Programmed=False of the listener", async || {
        let listener = site.running.admin.listener("default/second", "http", "Programmed").await?;
        (listener.status == "False").then_some(listener)
    })
    .await;
    assert!(refused.message.contains(&number.to_string()), "{refused:?}");
    let gateway = site.running.admin.gateway("default/second", "Programmed").await;
    assert_eq!(gateway.expect("a condition").status, "False");

    drop(squatter);
    site.running.admin.programmed("default/second").await;
    let mut client = Http1::connect(port.address()).await.expect("the port is open now");
    let answer = client.get("second.example.com", "/").await.expect("an answer");
    assert_eq!(answer.echo().backend, "steady");
    site.assert_steady(&mut neighbour).await;
}

#[tokio::test]
async fn a_full_disk_under_the_access_log() {
    let mut site = Site::with(&["--access-log", "/dev/full"], |_| {}).await;
    let mut neighbour = site.client().await;
    for _ in 0..100 {
        site.assert_steady(&mut neighbour).await;
    }
    site.running.says(&["access log"]).await;
    wait::until("lines that are counted as lost", async || {
        let metrics = site.running.admin.page("/metrics").await?.text();
        let lost = "portcullis_access_log_lines_total{result=\"failed\"} ";
        let lost = metrics.lines().find_map(|line| line.strip_prefix(lost))?;
        (lost != "0").then_some(())
    })
    .await;
    site.assert_steady(&mut neighbour).await;
    assert!(site.running.exited().is_none());
}

#[tokio::test]
async fn a_backend_that_resets_in_the_middle_of_its_response() {
    let gate = Arc::new(Semaphore::new(0));
    let faulty = Backend::start("faulty", Script::Reset(gate.clone())).await;
    let log = Folder::new();
    let target = log.file("access.log");
    let site = Site::with(&["--access-log", &target.to_string_lossy()], |folder| {
        folder.write("faulty.yaml", &Site::route("faulty", &faulty));
    })
    .await;
    let mut neighbour = site.client().await;
    site.assert_steady(&mut neighbour).await;
    let mut client = site.client().await;
    let ask = request("GET", "faulty.example.com", "/cut", &[], "");
    client.send(ask.as_bytes()).await.expect("sent");
    assert_eq!(wait::within(client.head()).await.expect("the head of the response").status, 200);
    let beginning = wait::within(client.bytes(BEGINNING.len())).await.expect("its beginning");
    assert_eq!(beginning, BEGINNING.as_bytes());
    site.assert_steady(&mut neighbour).await;
    gate.add_permits(1);
    // The client must not take what it got for the whole.
    wait::within(client.bytes(1)).await.expect_err("the response is cut");
    let line = wait::until("the line of that request", async || {
        let lines = fs::read_to_string(&target).ok()?;
        lines.lines().find(|line| line.contains("/cut")).map(str::to_owned)
    })
    .await;
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["reason"], "upstream_reset", "{line}");
    assert_eq!(line["backend"], "default/faulty/80", "{line}");
    site.assert_steady(&mut neighbour).await;
}

/// What `check` says of a folder with an error in it.
fn checked(folder: &Folder, parts: &[&str]) {
    let finished = portcullis(["check".as_ref(), folder.path().as_os_str()]);
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    for part in parts {
        assert!(finished.stdout.contains(part), "{part} in:\n{}", finished.stdout);
    }
}
