//! Requests that need the right socket and connection before any rule is looked at.

use super::*;

fn report(manifests: &str, address_pool: Option<&str>) -> Report {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.yaml"), manifests).unwrap();
    let pool = address_pool.map(|pool| pool.parse().unwrap());
    controller::load(&[dir.path().to_owned()], &crate::cmd::settings(pool))
}

fn ask(report: &Report, gateway: Option<&str>, url: &str, host: Option<&str>) -> String {
    ask_by("GET", report, gateway, url, host)
}

fn ask_by(
    method: &str,
    report: &Report,
    gateway: Option<&str>,
    url: &str,
    host: Option<&str>,
) -> String {
    let outcome = || -> anyhow::Result<Found> {
        let url = Url::parse(url)?;
        let bind = bind(report, &url, gateway)?;
        let table = Table::compile(&report.output.ir, &Table::default(), None);
        let headers: Vec<String> = host.iter().map(|host| format!("Host: {host}")).collect();
        let mut head = head(method, &url, &headers)?;
        decide(&table, &bind, &mut head, &url, String::new())
    };
    match outcome() {
        Err(error) => format!("error: {error}"),
        Ok(Found { refused: Some(why), status, .. }) => {
            format!("{} {why}", status.unwrap_or_default())
        }
        Ok(found) => found.status.map_or("forwarded".to_owned(), |status| status.to_string()),
    }
}

#[test]
fn a_request_over_tls_first_needs_a_connection_of_its_own_listener() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "cert", "namespace": "edge"},
        "stringData": {"tls.crt": certificate.pem(), "tls.key": key.serialize_pem()},
    });
    let report = report(&format!("{SECURE}{secret}"), None);
    for (url, host, expected) in [
        ("https://a.example.com/", None, "500"),
        ("https://A.example.com./", None, "500"),
        ("https://b.example.com/", None, "500"),
        ("https://a.example.com/", Some("b.example.com"), "421"),
        ("https://a.example.com/", Some("other.example.com"), "421"),
        ("https://other.example.com/", None, "no listener takes other.example.com"),
        ("https://127.0.0.1/", Some("a.example.com"), "a client without a server name"),
        ("https://bare.example.com/", None, "edge/gw/bare has no certificate"),
        ("http://a.example.com:443/", None, "error: port 443 speaks TLS only"),
        ("https://a.example.com:80/", None, "error: port 80 speaks no TLS"),
        ("http://a.example.com/", None, "500"),
        ("http://a.example.com/%00", None, "400 the path holds an encoded zero byte"),
    ] {
        let found = ask(&report, None, url, host);
        assert!(found.contains(expected), "{url} {host:?}: {found}");
    }
}

#[test]
fn the_gateway_is_chosen_by_name_or_address() {
    let report = report(TWO, Some("127.1.0.0/16"));
    let pooled = report.output.ir.binds.values().find(|bind| &*bind.gateway == "edge/pooled");
    let address = pooled.and_then(|bind| bind.address).unwrap();
    let by_address = format!("http://{address}/");
    for (gateway, url, expected) in [
        (None, "http://h/", "several Gateways have port 80: choose one by --gateway edge/"),
        (Some("edge/several"), "http://h/", "404"),
        (Some("edge/pooled"), "http://h/", "404"),
        (None, "http://[::1]/", "404"),
        (None, &*by_address, "404"),
        (Some("edge/none"), "http://h/", "Gateway edge/none is not there"),
        (None, "http://h:81/", "no Gateway listens on port 81; open are: edge/pooled 80"),
    ] {
        let found = ask(&report, gateway, url, None);
        assert!(found.contains(expected), "{gateway:?} {url}: {found}");
    }
}

#[test]
fn methods_that_the_proxy_refuses_are_refused() {
    let report = report(TWO, None);
    for (method, expected) in [
        ("FOO", "404"),
        ("CONNECT", "405 CONNECT is never served"),
        ("G@T", "error: \"G@T\" is no method"),
        ("", "error: \"\" is no method"),
    ] {
        let found = ask_by(method, &report, Some("edge/several"), "http://h/", None);
        assert_eq!(found, expected, "{method}");
    }
}

#[test]
fn a_url_comes_apart_as_a_client_would_take_it() {
    for (text, authority, port, target) in [
        ("http://a.b/x?y", "a.b", 80, "/x?y"),
        ("https://a.b", "a.b", 443, "/"),
        ("http://a.b:8080/", "a.b:8080", 8080, "/"),
        ("http://a?q", "a", 80, "/?q"),
        ("http://[::1]/x", "[::1]", 80, "/x"),
        ("http://[::1]:81/x#y", "[::1]:81", 81, "/x"),
    ] {
        let url = Url::parse(text).unwrap();
        assert_eq!((&*url.authority, url.port, &*url.target), (authority, port, target));
    }
    assert_eq!(Url::parse("http://[::1]:81").unwrap().address(), "::1".parse().ok());
    for bad in ["a.b/x", "ftp://a", "http://", "http://a:b/"] {
        assert!(Url::parse(bad).is_err(), "{bad}");
    }
}

const TWO: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: several, namespace: edge}
spec:
  gatewayClassName: portcullis
  addresses: [{value: 127.0.0.2}, {value: '::1'}]
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: pooled, namespace: edge}
spec:
  gatewayClassName: portcullis
  listeners: [{name: http, port: 80, protocol: HTTP}]
";

const SECURE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: edge}
spec:
  gatewayClassName: portcullis
  listeners:
    - {name: plain, port: 80, protocol: HTTP}
    - name: a
      port: 443
      protocol: HTTPS
      hostname: a.example.com
      tls: {certificateRefs: [{name: cert}]}
    - name: b
      port: 443
      protocol: HTTPS
      hostname: b.example.com
      tls: {certificateRefs: [{name: cert}]}
    - {name: bare, port: 443, protocol: HTTPS, hostname: bare.example.com}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: edge}
spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: missing, port: 80}]}]}
---
";
