//! Lines to try: a few requests that the routes which are served now would answer.

use ir::{
    Bind, Filter, Hostname, Listener, PathMatch, Protocol, Route, Rule, Snapshot, ValueMatch,
};

/// At most `most` lines of `curl`, one for each route in order of name.
pub(crate) fn lines(snapshot: &Snapshot, port_offset: u16, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, route) in &snapshot.routes {
        let rules = snapshot.rules.values().filter(|rule| rule.route == *id);
        if let Some(line) = rules.filter_map(|rule| line(snapshot, route, rule, port_offset)).next()
        {
            lines.push(line);
        }
        if lines.len() == most {
            break;
        }
    }
    lines
}

/// A request for the first alternative of a rule, if one can be written down.
fn line(snapshot: &Snapshot, route: &Route, rule: &Rule, port_offset: u16) -> Option<String> {
    let of = rule.matches.first()?;
    let listener = route.listeners.iter().find_map(|id| snapshot.listeners.get(id))?;
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
        query += &format!("{}={value}", param.name);
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
    use super::*;

    #[test]
    fn words_with_blanks_or_quotes_stay_one_word() {
        assert_eq!(quoted("http://a:1/b"), "http://a:1/b");
        assert_eq!(quoted("Host: a"), "'Host: a'");
        assert_eq!(quoted("it's?"), r"'it'\''s?'");
    }
}
