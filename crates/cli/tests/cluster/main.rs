//! The commands that look at a cluster, as the binary runs them, against a scripted API server.

#![cfg(test)]

use std::{path::Path, process::Command};

use serde_json::Value;

#[path = "../../../controller/tests/api_server/api_server.rs"]
mod api_server;

use api_server::{ApiServer, Fault};

/// What a command left behind.
struct Finished {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a command to its end with a kubeconfig, or with none, and nothing else around.
async fn portcullis(kubeconfig: Option<String>, args: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).env_clear().env("HOME", folder.path());
    if let Some(text) = kubeconfig {
        let file = folder.path().join("kubeconfig");
        std::fs::write(&file, text).unwrap();
        command.env("KUBECONFIG", file);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
clusters: [{{name: here, cluster: {{server: '{url}'}}}}]
users: [{{name: me, user: {{}}}}]
"
    )
}

/// A town with a Gateway that works, one that does not, and routes on both.
async fn town() -> ApiServer {
    let server = ApiServer::start().await;
    server.put_yaml(&std::fs::read_to_string(folder().join("town.yaml")).unwrap());
    server
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster"))
}

async fn on(server: &ApiServer, args: &[&str]) -> Finished {
    portcullis(Some(kubeconfig(&server.url())), args).await
}

fn row<'t>(text: &'t str, begin: &str) -> &'t str {
    text.lines().find(|line| line.trim_start().starts_with(begin)).unwrap_or_else(|| {
        panic!("no row begins with {begin:?} in:\n{text}");
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_works_and_why_not() {
    let server = town().await;
    let Finished { code, stdout, stderr } = on(&server, &["status"]).await;
    assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
    let class = row(&stdout, "portcullis ");
    assert!(class.contains("portcullis.dev/gateway-controller") && class.ends_with("ready"));
    assert!(row(&stdout, "foreign").contains("Pending: Waiting for controller"), "{stdout}");
    let public = row(&stdout, "edge/public");
    assert!(public.contains("10.0.0.7") && public.contains("http HTTP:80"), "{stdout}");
    assert!(public.contains(" 2 ") && public.ends_with("ready"), "{stdout}");
    let https = row(&stdout, "https HTTPS:443");
    assert!(https.contains("InvalidCertificateRef: Secret edge/missing is not there"), "{stdout}");
    let late = row(&stdout, "edge/late");
    assert!(late.contains("nobody says whether it is Accepted"), "{stdout}");
    assert!(row(&stdout, "HTTPRoute shop/good").ends_with("ready"), "{stdout}");
    let stale = row(&stdout, "HTTPRoute shop/stale");
    assert!(stale.contains("Outdated: Accepted is of generation 1, and this is"), "{stdout}");
    let lost = row(&stdout, "HTTPRoute shop/lost");
    assert!(lost.contains("edge/nowhere/http:80"), "{stdout}");
    assert!(lost.contains("no controller has answered"), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_json_for_machines_and_of_one_namespace_if_asked() {
    let server = town().await;
    let finished = on(&server, &["status", "-o", "json", "-n", "shop"]).await;
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(json["gateways"], Value::Array(Vec::new()));
    let names: Vec<_> = json["routes"].as_array().unwrap().iter().map(|r| &r["name"]).collect();
    assert_eq!(names, ["good", "lost", "stale"]);
    let parent = &json["routes"][0]["parents"][0];
    assert_eq!((&parent["accepted"], &parent["state"]["ready"]), (&true.into(), &true.into()));
    let json = on(&server, &["status", "-o", "json", "-n", "edge"]).await.stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let public = json["gateways"].as_array().unwrap().iter().find(|g| g["name"] == "public");
    let public = public.unwrap();
    assert_eq!(public["addresses"], serde_json::json!(["10.0.0.7"]));
    assert_eq!(public["listeners"][0]["attachedRoutes"], 2);
    assert_eq!(public["programmed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_checked_as_files_are() {
    let server = town().await;
    let Finished { code, stdout, .. } = on(&server, &["check", "--cluster"]).await;
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("edge/missing"), "{stdout}");
    // The same objects in files say the same of the same object.
    let file = folder().join("town.yaml");
    let files = portcullis(None, &["check", file.to_str().unwrap()]).await.stdout;
    assert!(files.contains("edge/missing"), "{files}");
    server.fault(Fault::forbidden().on("httproutes"));
    let Finished { code, stdout, .. } = on(&server, &["check", "--cluster"]).await;
    assert_eq!(code, Some(1));
    let right = "get, list and watch on httproutes.gateway.networking.k8s.io";
    assert!(stdout.contains(right), "{stdout}");
    assert!(stdout.contains("edge/missing"), "the rest is checked: {stdout}");
    let status = on(&server, &["status"]).await.stdout;
    assert!(status.contains("edge/public") && status.contains(right), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_explained_on_a_cluster() {
    let server = town().await;
    let url = "http://shop.example.com/cart";
    let vague = on(&server, &["explain", "--cluster", "GET", url]).await;
    assert!(vague.stderr.contains("--gateway edge/late|edge/public"), "{}", vague.stderr);
    let clear =
        on(&server, &["explain", "--cluster", "--gateway", "edge/public", "GET", url]).await;
    assert_eq!(clear.code, Some(0), "{}\n{}", clear.stdout, clear.stderr);
    for part in ["HTTPRoute/shop/good", "shop/cart"] {
        assert!(clear.stdout.contains(part), "{part} in:\n{}", clear.stdout);
    }
    let mixed = on(&server, &["explain", "--cluster", "a.yaml", "GET", url]).await;
    assert!(mixed.stderr.contains("--cluster METHOD URL"), "{}", mixed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_translated_with_the_secrets_it_refers_to_and_no_others() {
    let server = town().await;
    server.put_yaml(
        "{apiVersion: v1, kind: Secret, metadata: {name: private, namespace: edge},
          data: {key: c2VjcmV0}}",
    );
    let ir = on(&server, &["translate", "--cluster", "--to", "ir"]).await;
    assert_eq!(ir.code, Some(0), "{}", ir.stderr);
    for part in ["edge/public/80", "HTTPRoute/shop/good", "10.1.0.1"] {
        assert!(ir.stdout.contains(part), "{part} in:\n{}", ir.stdout);
    }
    let journal = server.journal();
    let fetched = journal.iter().filter(|call| call.resource == "secrets");
    let fetched: Vec<_> = fetched.map(|call| (call.verb, &*call.name)).collect();
    assert_eq!(fetched, [("get", "missing")]);
    assert!(server.writes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cluster_the_reason_is_said() {
    let none = portcullis(None, &["status"]).await;
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("there is no kubeconfig"), "{}", none.stderr);
    let nobody = kubeconfig("http://127.0.0.1:1");
    let refused = portcullis(Some(nobody.clone()), &["check", "--cluster"]).await;
    assert!(refused.stderr.contains("cannot be read: Connection refused"), "{}", refused.stderr);
    let other = portcullis(Some(nobody), &["status", "--context", "there"]).await;
    assert!(other.stderr.contains("kubeconfig cannot be used"), "{}", other.stderr);
    assert!(other.stderr.contains("there"), "{}", other.stderr);
    let server = town().await;
    server.fault(Fault::internal());
    let broken = on(&server, &["status"]).await;
    assert_eq!(broken.code, Some(1));
    assert!(broken.stderr.contains("the API server cannot be read"), "{}", broken.stderr);
}
