//! Lines to try: a few requests that the routes which are served now would answer.

use std::collections::BTreeMap;

use api::{
    condition::{ConditionStatus, ConditionType},
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
};
use controller::Report;
use ir::{
    BackendChoice, Bind, Filter, Hostname, Id, Listener, PathMatch, Protocol, Route, Rule,
    Snapshot, ValueMatch, WeightedBackend,
};
use translate::ObjectStatus;

/// At most `most` lines of `curl`, one for each route in order of name, none of them twice. Only
/// what is answered now is proposed.
pub(crate) fn lines(report: &Report, port_offset: u16, most: usize) -> Vec<String> {
    let snapshot = &report.output.ir;
    let mut rules: BTreeMap<&Id<Route>, Vec<&Rule>> = BTreeMap::new();
    for rule in snapshot.rules.values().filter(|rule| answers(rule)) {
        rules.entry(&rule.route).or_default().push(rule);
    }
    let line = |(id, rules): (&Id<Route>, Vec<&Rule>)| {
        let route = snapshot.routes.get(id)?;
        let mut listeners = route.listeners.iter().filter(|id| is_programmed(report, id));
        let listener = listeners.find_map(|id| snapshot.listeners.get(id))?;
        rules.into_iter().find_map(|rule| line(snapshot, route, listener, rule, port_offset))
    };
    let mut lines = Vec::with_capacity(most);
    for line in rules.into_iter().filter_map(line) {
        if lines.len() < most && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Whether a backend gets requests of the rule, or a redirect answers them.
fn answers(rule: &Rule) -> bool {
    let has = |wanted: fn(&Filter) -> bool| rule.filters.iter().any(wanted);
    let serves = |share: &WeightedBackend| {
        share.weight > 0 && matches!(share.backend, BackendChoice::Valid(_))
    };
    !has(|filter| matches!(filter, Filter::Fail(_)))
        && (has(|filter| matches!(filter, Filter::Redirect(_))) || rule.backends.iter().any(serves))
}

/// Whether the proxy serves a listener.
fn is_programmed(report: &Report, id: &Id<Listener>) -> bool {
    let name = id.as_str().split_once('@').map_or(id.as_str(), |(name, _)| name);
    let Some((gateway, listener)) = name.rsplit_once('/') else { return false };
    let Some((namespace, gateway)) = gateway.split_once('/') else { return false };
    let key = ObjectKey { kind: Kind::Gateway, name: NamespacedName::new(namespace, gateway) };
    let Some(ObjectStatus::Gateway(status)) = report.output.status.get(&key) else { return false };
    let mut conditions =
        status.listeners.iter().filter(|of| of.name == listener).flat_map(|of| &of.conditions);
    conditions.any(|condition| {
        condition.type_ == ConditionType::Programmed.as_str()
            && condition.status == ConditionStatus::True
    })
}

/// A request for the first alternative of a rule, if one can be written down.
fn line(
    snapshot: &Snapshot,
    route: &Route,
    listener: &Listener,
    rule: &Rule,
    port_offset: u16,
) -> Option<String> {
    let of = rule.matches.first()?;
    let bind = snapshot.binds.get(&listener.bind)?;
    let path = match &of.path {
        PathMatch::Exact(path) | PathMatch::Prefix(path) => path,
        // An example of an expression is not to be guessed.
        PathMatch::Regex(_) => return None,
    };
    let mut query = String::new();
    for param in &of.query {
        let ValueMatch::Exact(value) = &param.value else { return None };
        query += if query.is_empty() { "?" } else { "&" };
        query += &format!("{}={}", escaped(&param.name), escaped(value));
    }
    let mut line = "curl -s".to_owned();
    if rule.filters.iter().any(|filter| matches!(filter, Filter::Redirect(_))) {
        line += " -i";
    }
    if let Some(method) = of.method.as_deref().filter(|method| *method != "GET") {
        line += &format!(" -X {method}");
    }
    let host = host(route, listener);
    let (prefix, authority) = target(bind, listener, host.as_deref(), port_offset);
    line += &prefix;
    for header in &of.headers {
        let ValueMatch::Exact(value) = &header.value else { return None };
        line += &format!(" -H {}", quoted(&format!("{}: {value}", header.name)));
    }
    Some(format!("{line} {}", quoted(&format!("{authority}{path}{query}"))))
}

/// Options that lead curl to the socket, and the URL up to its path.
fn target(
    bind: &Bind,
    listener: &Listener,
    host: Option<&str>,
    port_offset: u16,
) -> (String, String) {
    let address = bind.address.map_or("127.0.0.1".to_owned(), |address| match address {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("[{v6}]"),
    });
    let port = bind.port.wrapping_add(port_offset);
    match (&listener.protocol, host) {
        (Protocol::Http, None) => (String::new(), format!("http://{address}:{port}")),
        (Protocol::Http, Some(host)) => (
            format!(" -H {}", quoted(&format!("Host: {host}"))),
            format!("http://{address}:{port}"),
        ),
        (Protocol::Https(_), None) => (" -k".into(), format!("https://{address}:{port}")),
        (Protocol::Https(_), Some(host)) => {
            (format!(" -k --resolve {host}:{port}:{address}"), format!("https://{host}:{port}"))
        }
    }
}

/// A host that both the route and the listener answer for; none where any host will do.
fn host(route: &Route, listener: &Listener) -> Option<String> {
    let hosts = if route.hostnames.is_empty() { &[Hostname::Any][..] } else { &route.hostnames };
    let own = hosts.iter().find(|host| host.intersects(&listener.hostname))?;
    let narrower = own.specificity().max(listener.hostname.specificity());
    let host = if own.specificity() == narrower { own } else { &listener.hostname };
    match host {
        Hostname::Any => None,
        Hostname::Exact(name) => Some(name.to_string()),
        Hostname::Wildcard(suffix) => Some(format!("any.{suffix}")),
    }
}

/// One word of a query, whatever it holds.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().fold(String::new(), |escaped, byte| match plain(byte) {
        true => escaped + char::from(byte).encode_utf8(&mut [0; 4]),
        false => escaped + &format!("%{byte:02X}"),
    })
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=%,@".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use translate::Settings;

    use super::*;

    #[test]
    fn only_what_is_answered_is_proposed_and_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.yaml"), MANIFESTS).unwrap();
        let report = controller::load(&[dir.path().to_owned()], &Settings::default());
        assert_eq!(
            lines(&report, 8000, 9),
            [
                "curl -s http://127.0.0.1:8080/good",
                "curl -s -i http://127.0.0.1:8080/moved",
                "curl -s 'http://127.0.0.1:8080/find?q=a%20%26%5B%C3%A9'",
            ]
        );
    }

    #[test]
    fn words_with_blanks_or_quotes_stay_one_word() {
        assert_eq!(quoted("http://a:1/b"), "http://a:1/b");
        assert_eq!(quoted("Host: a"), "'Host: a'");
        assert_eq!(quoted("it's?"), r"'it'\''s?'");
    }

    const MANIFESTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: portcullis
  listeners:
    - {name: http, port: 80, protocol: HTTP}
    - {name: bare, port: 443, protocol: HTTPS}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a-missing}
spec:
  parentRefs: [{name: gw}]
  rules:
    - {matches: [{path: {value: /bad}}], backendRefs: [{name: missing, port: 80}]}
    - {matches: [{path: {value: /good}}], backendRefs: [{name: app, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: b-no-handshake}
spec: {parentRefs: [{name: gw, sectionName: bare}], rules: [{backendRefs: [{name: app, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: c-moved}
spec:
  parentRefs: [{name: gw}]
  rules:
    - matches: [{path: {value: /moved}}]
      filters: [{type: RequestRedirect, requestRedirect: {statusCode: 301}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: d-same-as-a}
spec:
  parentRefs: [{name: gw}]
  rules: [{matches: [{path: {value: /good}}], backendRefs: [{name: app, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: e-query}
spec:
  parentRefs: [{name: gw}]
  rules:
    - matches: [{path: {value: /find}, queryParams: [{name: q, value: 'a &[é'}]}]
      backendRefs: [{name: app, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {ports: [{port: 80}]}
";
}
