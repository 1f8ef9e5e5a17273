//! What operators look at while it runs: the admin pages and the access log.

use serde_json::Value;

use crate::stage::{
    admin::documents,
    certificate::Certificate,
    http1::{Http1, once, request},
    manifests,
    ports::Port,
    process::{Folder, Running},
    site::{HOST, Site},
    wait,
};

#[tokio::test]
async fn pages_tell_the_truth_and_no_secret() {
    let (port, certificate) = (Port::free(), Certificate::of(&["app.example.com"]));
    let site = Site::with(&[], |folder| {
        let listener = manifests::https("https", port.number, "web");
        let text = manifests::gateway("default/secure", &[listener]);
        folder.write("secure.yaml", &(text + &manifests::secret("web", &certificate)));
    })
    .await;
    site.running.admin.programmed("default/secure").await;
    for _ in 0..3 {
        assert_eq!(site.get(HOST, "/").await.status, 200);
    }
    assert_eq!(site.get("nobody.example.com", "/").await.status, 404);
    let page = async |path: &str| site.running.admin.page(path).await.expect("a page");
    for (path, part) in [("/live", "live"), ("/ready", "ready"), ("/", "/metrics")] {
        let page = page(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text().contains(part), "{path}: {}", page.text());
    }
    assert_eq!(page("/nowhere").await.status, 404);

    let status = page("/status").await.text();
    let kinds: Vec<Value> = documents(&status).iter().map(|it| it["kind"].clone()).collect();
    assert!(kinds.contains(&"Gateway".into()) && kinds.contains(&"HTTPRoute".into()), "{kinds:?}");

    let config = page("/config").await.text();
    for part in ["default/gateway/http", "HTTPRoute/default/steady", "default/secure/https"] {
        assert!(config.contains(part), "{part} in:\n{config}");
    }
    let middle = certificate.key.lines().nth(1).expect("a line of the key");
    for text in [&config, &status, &site.running.stderr(), &site.running.stdout()] {
        assert!(!text.contains("PRIVATE KEY") && !text.contains(middle), "keys are not shown");
    }

    let metrics = page("/metrics").await.text();
    let total = |label: &str| -> u64 {
        let series = metrics
            .lines()
            .filter(|line| line.starts_with("portcullis_requests_total{") && line.contains(label));
        series.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    assert_eq!(total("HTTPRoute/default/steady"), 3, "{metrics}");
    assert_eq!(total(""), 4, "{metrics}");

    let mut client = Http1::connect(site.running.admin.address()).await.expect("open");
    let post = client.exchange(&request("POST", "localhost", "/ready", &[], "x")).await;
    assert_eq!(post.expect("an answer").status, 405);
}

#[tokio::test]
async fn ready_means_that_the_manifests_are_served() {
    for _ in 0..10 {
        let folder = Folder::new();
        let (port, _steady) = Site::furnish(&folder).await;
        // It comes back at the first moment at which it says that it is ready.
        let _running = Running::start(&[folder.path()], &[]).await;
        let answer = once(port.address(), HOST, "/").await.expect("the listener is open");
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn each_request_is_a_line_of_json() {
    let site = Site::with(&["--access-log", "stdout"], |_| {}).await;
    for target in ["/one?a=b", "/two"] {
        assert_eq!(site.get(HOST, target).await.status, 200);
    }
    assert_eq!(site.get("nobody.example.com", "/three").await.status, 404);
    let lines = wait::until("three lines", async || {
        let printed = site.running.stdout();
        let lines: Vec<Value> = printed
            .lines()
            .filter(|line| line.starts_with('{') && line.ends_with('}'))
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        (lines.len() >= 3).then_some(lines)
    })
    .await;
    let line = |path: &str| {
        let of = |line: &&Value| line["path"].as_str().is_some_and(|it| it.starts_with(path));
        lines.iter().find(of).unwrap_or_else(|| panic!("{path} in {lines:?}"))
    };
    let one = line("/one");
    assert_eq!((&one["status"], &one["method"]), (&200.into(), &"GET".into()), "{one}");
    assert_eq!(one["rule"], "HTTPRoute/default/steady/0", "{one}");
    assert_eq!(one["reason"], Value::Null, "{one}");
    let three = line("/three");
    assert_eq!((&three["status"], &three["reason"]), (&404.into(), &"no_route".into()), "{three}");
}
