//! Redirects (Gateway API, `HTTPRequestRedirectFilter`).

use ir::{Redirect, Scheme};

use super::path_edit;
use crate::{Answer, Cause, Head, Prefix, RequestContext, path};

/// None for a hostname that cannot be written on the wire.
pub(super) fn compile(redirect: &Redirect) -> Option<Redirect> {
    if redirect.hostname.as_ref().is_some_and(|host| !path::is_host(host.as_bytes())) {
        return None;
    }
    Some(Redirect { path: redirect.path.as_ref().map(path_edit::compile), ..redirect.clone() })
}

pub(super) fn answer(
    redirect: &Redirect,
    prefix: Prefix,
    head: &Head,
    context: &RequestContext,
) -> Answer {
    let mut location = Vec::with_capacity(128);
    let host = redirect.hostname.as_ref().map_or(head.bytes(head.host), |host| host.as_bytes());
    // Without any host (HTTP/1.0) the location stays relative (RFC 9110 §10.2.2).
    if !host.is_empty() {
        let scheme = redirect.scheme.unwrap_or(context.scheme);
        location.extend_from_slice(scheme.as_str().as_bytes());
        location.extend_from_slice(b"://");
        location.extend_from_slice(host);
        if let Some(port) = port(redirect, scheme, context) {
            location.extend_from_slice(format!(":{port}").as_bytes());
        }
    }
    let path = head.bytes(head.path);
    match &redirect.path {
        Some(edit) => {
            let (front, from) = path_edit::apply(edit, prefix, path);
            location.extend_from_slice(front);
            location.extend_from_slice(&path[from..]);
        }
        None => location.extend_from_slice(path),
    }
    if head.has_query {
        location.push(b'?');
        location.extend_from_slice(head.bytes(head.query));
    }
    Answer {
        status: redirect.status,
        headers: vec![("location", location)],
        cause: Cause::Redirect,
    }
}

/// The port to name: the given one, or else the given scheme's own, or else the listener's; nothing
/// where the scheme means it anyway.
fn port(redirect: &Redirect, scheme: Scheme, context: &RequestContext) -> Option<u16> {
    let port =
        redirect.port.or_else(|| redirect.scheme.map(Scheme::default_port)).unwrap_or(context.port);
    (port != scheme.default_port()).then_some(port)
}

#[cfg(test)]
mod tests {
    use Scheme::{Http, Https};
    use ir::PathEdit;

    use super::*;

    fn head(host: &str, path: &str, query: Option<&str>) -> Head {
        let mut head = Head::default();
        head.host = head.store(host.as_bytes());
        head.path = head.store(path.as_bytes());
        head.query = head.store(query.unwrap_or_default().as_bytes());
        head.has_query = query.is_some();
        head
    }

    fn location(redirect: &Redirect, head: &Head, scheme: Scheme, port: u16) -> String {
        let redirect = compile(redirect).unwrap();
        let context = RequestContext { scheme, port };
        let answer = answer(&redirect, Prefix::of(4), head, &context);
        assert_eq!((answer.status, answer.cause), (redirect.status, Cause::Redirect));
        String::from_utf8(answer.header("Location").unwrap().to_vec()).unwrap()
    }

    #[test]
    fn ports_follow_the_specification() {
        for (scheme, port, listener, expected) in [
            (None, None, (Http, 80), "http://h/"),
            (None, None, (Http, 8080), "http://h:8080/"),
            (None, None, (Https, 443), "https://h/"),
            (None, None, (Https, 8443), "https://h:8443/"),
            (Some(Https), None, (Http, 80), "https://h/"),
            (Some(Https), None, (Http, 8080), "https://h/"),
            (Some(Http), None, (Https, 8443), "http://h/"),
            (Some(Http), None, (Http, 8080), "http://h/"),
            (Some(Https), Some(8443), (Http, 80), "https://h:8443/"),
            (Some(Https), Some(443), (Http, 80), "https://h/"),
            (Some(Https), Some(80), (Http, 80), "https://h:80/"),
            (Some(Http), Some(80), (Https, 443), "http://h/"),
            (None, Some(80), (Http, 8080), "http://h/"),
            (None, Some(8080), (Http, 80), "http://h:8080/"),
            (None, Some(443), (Https, 8443), "https://h/"),
        ] {
            let redirect = Redirect { status: 302, scheme, hostname: None, path: None, port };
            let made = location(&redirect, &head("h", "/", None), listener.0, listener.1);
            assert_eq!(made, expected, "{scheme:?} {port:?} {listener:?}");
        }
    }

    #[test]
    fn what_is_not_given_stays() {
        let plain = |hostname: Option<&str>, path| Redirect {
            status: 301,
            scheme: None,
            hostname: hostname.map(Into::into),
            path,
            port: None,
        };
        for (redirect, host, path, query, expected) in [
            (plain(Some("o"), None), "h", "/foo/a", Some("q=1"), "http://o/foo/a?q=1"),
            (plain(None, None), "h", "/foo", Some(""), "http://h/foo?"),
            (plain(None, None), "[::1]", "/foo", None, "http://[::1]/foo"),
            (plain(None, None), "", "/foo", None, "/foo"),
            (
                plain(None, Some(PathEdit::Full("/x".into()))),
                "h",
                "/foo/a",
                Some("q"),
                "http://h/x?q",
            ),
            (plain(None, Some(PathEdit::Prefix("/x".into()))), "h", "/foo/a", None, "http://h/x/a"),
            (plain(None, Some(PathEdit::Prefix("/".into()))), "h", "/foo", None, "http://h/"),
        ] {
            assert_eq!(location(&redirect, &head(host, path, query), Http, 80), expected);
        }
    }
}
