//! The manifests of a first user, unmodified, served to real clients: one test for each row of what
//! they want to do. Who decides what, without sockets, is in the `requests.yaml` beside them.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::stage::{
    admin::documents,
    answer::{Broken, Echo},
    backend::{Backend, Script},
    certificate::Certificate,
    http1::{Http1, request},
    manifests,
    ports::Offset,
    process::{Folder, Running, repository},
    tls::Secured,
    wait,
};

#[tokio::test]
async fn a_prefix_takes_everything_below_it() {
    let site = Site::open("01-basic-route").await;
    for target in ["/", "/a", "/a/b?c=d"] {
        let echo = site.get("example-app.example.com", target).await;
        assert_eq!((&*echo.backend, &*echo.target), ("example-app", target));
        assert_eq!(echo.host, "example-app.example.com");
    }
    assert_eq!(site.status("other.example.com", "/").await, 404);
}

#[tokio::test]
async fn exact_and_longer_paths_and_expressions_win() {
    let site = Site::open("03-paths").await;
    let cases = [
        ("/api/v1/health", "health-service"),
        ("/api/v1/health/", "api-service"),
        ("/api/v1/health?full=yes", "health-service"),
        ("/api/v1", "api-service"),
        ("/api/v1/users", "api-service"),
        ("/api/v10", "frontend-service"),
        ("/v2/things", "versioned-api"),
        ("/v12/", "versioned-api"),
        ("/v2", "frontend-service"),
        ("/vx/things", "frontend-service"),
        ("/a/v2/things", "frontend-service"),
        ("/", "frontend-service"),
    ];
    for (target, backend) in cases {
        assert_eq!(site.get("example-app.example.com", target).await.backend, backend, "{target}");
    }
}

#[tokio::test]
async fn headers_choose_a_backend() {
    let site = Site::open("04-headers").await;
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[("User-Agent", "MobileApp/1.0")], "mobile-api"),
        (&[("user-agent", "MobileApp/1.0")], "mobile-api"),
        (&[("User-Agent", "MobileApp/1.0"), ("X-Beta-User", "true")], "mobile-api"),
        (&[("X-Beta-User", "true")], "beta-api"),
        (&[("X-Beta-User", "TRUE")], "standard-api"),
        (&[], "standard-api"),
    ];
    for (headers, backend) in cases {
        let request = request("GET", "api.example.com", "/", headers, "");
        assert_eq!(site.ask(&request).await.backend, backend, "{headers:?}");
    }
}

#[tokio::test]
async fn ten_thousand_requests_split_as_the_weights_say() {
    let site = Arc::new(Site::open("05-canary").await);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let site = site.clone();
            tokio::spawn(async move {
                let mut client = site.client().await;
                for _ in 0..REQUESTS / CLIENTS {
                    let answer = client.get("app.example.com", "/").await.expect("an answer");
                    assert_eq!(answer.status, 200);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("all are answered");
    }
    let (stable, canary) = (site.count("app-stable"), site.count("app-canary"));
    assert_eq!(stable + canary, REQUESTS);
    // Five standard deviations of a fair coin of 10 %; smooth weights come much closer.
    assert!((850..=1150).contains(&canary), "{canary} of {REQUESTS} went to the canary");
}

#[tokio::test]
async fn a_mirror_gets_a_copy() {
    let site = Site::open("06-mirror").await;
    let post = request("POST", "app.example.com", "/orders?id=7", &[("x-mark", "one")], "two pies");
    let echo = site.ask(&post).await;
    assert_eq!((&*echo.backend, &*echo.body), ("production-app", "two pies"));
    let copy =
        wait::until("the copy at the mirror", async || site.backends["test-app"].last().pop())
            .await;
    assert_eq!((&*copy.method, &*copy.target), ("POST", "/orders?id=7"));
    assert_eq!((&*copy.body, copy.all("x-mark")), ("two pies", vec!["one"]));
    assert_eq!(site.count("production-app"), 1);
}

#[tokio::test]
async fn a_mirror_that_hangs_delays_nobody() {
    let gate = Arc::new(Semaphore::new(0));
    let hanging = ("test-app", Script::Gated(gate.clone()));
    let site = Site::with(&[seed("06-mirror")], &[hanging], &certificate()).await;
    let mut client = site.client().await;
    for number in 0..100 {
        let answer = client.get("app.example.com", &format!("/{number}")).await.expect("an answer");
        assert_eq!(answer.echo().backend, "production-app");
    }
    wait::until("a copy at the mirror", async || (site.count("test-app") > 0).then_some(())).await;
    assert_eq!(gate.available_permits(), 0, "and it has answered none of them");
}

#[tokio::test]
async fn a_rewritten_prefix_arrives() {
    let site = Site::open("07-rewrite").await;
    for (sent, arrived) in
        [("/api/v1/users?q=1", "/users?q=1"), ("/api/v1", "/"), ("/api/v1/", "/")]
    {
        assert_eq!(site.get("app.example.com", sent).await.target, arrived, "{sent}");
    }
    assert_eq!(site.status("app.example.com", "/other").await, 404);
}

#[tokio::test]
async fn header_edits_arrive() {
    let site = Site::open("08-header-modification").await;
    let sent = [
        ("X-Forwarded-Client", "somebody"),
        ("X-Custom-Header", "theirs"),
        ("X-Internal-Header", "secret"),
        ("Other", "stays"),
    ];
    let echo = site.ask(&request("GET", "app.example.com", "/", &sent, "")).await;
    assert_eq!(echo.all("x-forwarded-client").join(","), "somebody,gateway");
    assert_eq!(echo.all("x-custom-header"), ["custom-value"]);
    assert_eq!(echo.all("x-internal-header"), [""; 0]);
    assert_eq!(echo.all("other"), ["stays"]);
}

#[tokio::test]
async fn another_namespace_is_reached_with_a_grant_only() {
    let route = "tenant/cross-namespace-route";
    let site = Site::open("09-cross-namespace").await;
    assert_eq!(site.get("app.example.com", "/").await.backend, "shared-api");
    let resolved = site.running.admin.route(route, "ResolvedRefs").await.expect("a status");
    assert_eq!(resolved.status, "True");

    let without = repository("fixtures/seed/09-cross-namespace/step2.yaml");
    let site = Site::with(&[without], &[], &certificate()).await;
    assert_eq!(site.status("app.example.com", "/").await, 500);
    assert_eq!(site.count("shared-api"), 0);
    let resolved = site.running.admin.route(route, "ResolvedRefs").await.expect("a status");
    assert_eq!((&*resolved.status, &*resolved.reason), ("False", "RefNotPermitted"));
}

#[tokio::test]
async fn https_shows_the_certificate_of_the_secret() {
    let certificate = Certificate::of(&["example-app.example.com"]);
    let site = Site::with(&[seed("01-basic-route")], &[], &certificate).await;
    let address = site.offset.address(443);
    let host = "example-app.example.com";

    let secured = Secured::connect(address, host, &["http/1.1"]).await.expect("a handshake");
    assert_eq!(secured.certificate(), certificate.der);
    assert_eq!(secured.protocol(), "http/1.1");
    let echo = secured.http1().get(host, "/a").await.expect("an answer").echo();
    assert_eq!((&*echo.backend, &*echo.target), ("example-app", "/a"));
    assert_eq!(echo.all("x-forwarded-proto"), ["https"]);

    let secured = Secured::connect(address, host, &["h2", "http/1.1"]).await.expect("a handshake");
    assert_eq!(secured.protocol(), "h2");
    let client = secured.http2().await.expect("HTTP/2");
    let echo = client.get(host, "/b").await.expect("an answer").echo();
    assert_eq!((&*echo.backend, &*echo.target, &*echo.host), ("example-app", "/b", host));
}

#[tokio::test]
async fn a_private_gateway_without_tls_serves_nothing_and_says_why() {
    let site = Site::open("10-private-gateway").await;
    assert_eq!(site.status("internal-app.example.com", "/").await, 404);
    let admin = site.running.admin;
    let programmed = admin.gateway("gateway-system/private-gateway", "Programmed").await;
    assert_eq!(programmed.expect("a status").status, "False");
    let listener = admin.listener("gateway-system/private-gateway", "https", "Programmed").await;
    let listener = listener.expect("a status");
    assert_eq!(listener.status, "False");
    site.running.says(&["private-gateway", "tls"]).await;
    assert_eq!(site.count("internal-service"), 0);
}

#[tokio::test]
async fn what_replaced_the_ingress_rewrites_its_prefix() {
    // The Service comes with the first manifest, whose route is the same object: so the later one
    // is put first, by the order of paths.
    let folder = Folder::new();
    for (name, of) in [("1.yaml", "13-ingress-after"), ("2.yaml", "01-basic-route")] {
        fs::copy(seed(of), folder.file(name)).expect("a copy");
    }
    let site = Site::with(&[folder.path().to_owned()], &[], &certificate()).await;
    let echo = site.get("example-app.example.com", "/api/users").await;
    assert_eq!((&*echo.backend, &*echo.target), ("example-app", "/users"));
    assert_eq!(site.status("example-app.example.com", "/").await, 404);
    site.running.says(&["HTTPRoute tenant/example-app", "1.yaml", "2.yaml"]).await;
}

#[tokio::test]
async fn all_thirteen_serve_together() {
    let names = [
        "01-basic-route",
        "02-certificate",
        "03-paths",
        "04-headers",
        "05-canary",
        "06-mirror",
        "07-rewrite",
        "08-header-modification",
        "09-cross-namespace",
        "10-private-gateway",
        "11-network-policy",
        "12-ingress-before",
        "13-ingress-after",
    ];
    let site = Site::with(&names.map(seed), &[], &certificate()).await;
    let cases = [
        ("example-app.example.com", "/", "example-app"),
        ("example-app.example.com", "/api/users", "example-app"),
        ("example-app.example.com", "/api/v1/health", "health-service"),
        ("example-app.example.com", "/v2/things", "versioned-api"),
        ("api.example.com", "/", "standard-api"),
        ("app.example.com", "/api/v1/users", "api-service"),
    ];
    for (host, target, backend) in cases {
        assert_eq!(site.get(host, target).await.backend, backend, "{host}{target}");
    }
    let backend = site.get("app.example.com", "/").await.backend;
    assert!(["app-stable", "app-canary"].contains(&&*backend), "{backend}");
}

/// The user's manifests beside their operator's platform, with a backend for each Service.
struct Site {
    running: Running,
    offset: Offset,
    backends: BTreeMap<String, Backend>,
    _platform: Folder,
}

impl Site {
    async fn open(name: &str) -> Self {
        Self::with(&[seed(name)], &[], &certificate()).await
    }

    /// With backends that follow a script, and what HTTPS shows.
    async fn with(
        manifests: &[PathBuf],
        scripts: &[(&str, Script)],
        certificate: &Certificate,
    ) -> Self {
        let mut services = services();
        if !manifests.iter().any(|path| declares(path, "example-app")) {
            services.retain(|name| name != "tenant/example-app");
        }
        let mut platform = fs::read_to_string(repository("fixtures/seed/platform.yaml"))
            .expect("the platform")
            .split("\n---\n")
            .filter(|part| !part.contains("kind: Service\n") && !part.contains("kind: Secret\n"))
            .map(|part| format!("{part}\n---\n"))
            .collect::<String>();
        platform += &manifests::secret("gateway-system/example-app-cert", certificate);
        let mut backends = BTreeMap::new();
        for service in services {
            let name = service.rsplit('/').next().unwrap_or_default().to_owned();
            let script = scripts.iter().find(|(of, _)| *of == name);
            let script = script.map_or(Script::Echo, |(_, script)| script.clone());
            let backend = Backend::start(&name, script).await;
            platform += &match name.as_str() {
                // The user's own manifest has this Service; the cluster would add its addresses.
                "example-app" => manifests::slice(&service, backend.address),
                _ => manifests::service(&service, backend.address),
            };
            backends.insert(name, backend);
        }
        let folder = Folder::with("platform.yaml", &platform);
        let offset = Offset::of(&[80, 443]);
        let file = folder.file("platform.yaml");
        let mut paths = vec![file.as_path()];
        paths.extend(manifests.iter().map(PathBuf::as_path));
        let number = offset.number.to_string();
        let running = Running::start(&paths, &["--port-offset", &number]).await;
        running.admin.programmed("gateway-system/default-gateway").await;
        Self { running, offset, backends, _platform: folder }
    }

    async fn client(&self) -> Http1 {
        Http1::connect(self.offset.address(80)).await.expect("the listener is open")
    }

    async fn ask(&self, request: &str) -> Echo {
        self.client().await.exchange(request).await.expect("an answer").echo()
    }

    async fn get(&self, host: &str, target: &str) -> Echo {
        self.ask(&request("GET", host, target, &[], "")).await
    }

    async fn status(&self, host: &str, target: &str) -> u16 {
        let answer: Result<_, Broken> = self.client().await.get(host, target).await;
        answer.expect("an answer").status
    }

    fn count(&self, backend: &str) -> usize {
        self.backends[backend].count()
    }
}

/// Namespace and name of all Services that the manifests name.
fn services() -> Vec<String> {
    let text = fs::read_to_string(repository("fixtures/seed/platform.yaml")).expect("the platform");
    let named = |object: &Value| {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text("namespace"), text("name"))
    };
    let all = documents(&text);
    let mut services: Vec<String> =
        all.iter().filter(|object| object["kind"] == "Service").map(named).collect();
    services.push("tenant/example-app".to_owned());
    services
}

/// Whether a file, or one in a folder, has this Service.
fn declares(path: &PathBuf, service: &str) -> bool {
    if path.is_dir() {
        let files = fs::read_dir(path).expect("a folder").map(|file| file.expect("a file").path());
        return files.into_iter().any(|file| declares(&file, service));
    }
    let objects = documents(&fs::read_to_string(path).expect("a manifest"));
    objects.iter().any(|it| it["kind"] == "Service" && it["metadata"]["name"] == service)
}

fn seed(name: &str) -> PathBuf {
    repository(&format!("fixtures/seed/{name}/in.yaml"))
}

fn certificate() -> Certificate {
    Certificate::of(&["example-app.example.com"])
}

const REQUESTS: usize = 10_000;
const CLIENTS: usize = 8;
