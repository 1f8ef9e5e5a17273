//! Who may ask, what a preflight is told, and how a response is marked.

use super::*;

fn names(list: &[&str]) -> CorsList {
    if list == ["*"] {
        return CorsList::All;
    }
    CorsList::Only(list.iter().map(|name| (*name).into()).collect())
}

fn wildcard(prefix: &str, suffix: &str) -> OriginPattern {
    OriginPattern::Wildcard { prefix: prefix.into(), suffix: suffix.into() }
}

fn listed(credentials: bool) -> Cors {
    Cors {
        allow_origins: vec![
            OriginPattern::Exact("https://www.foo.example".into()),
            wildcard("https://", ".bar.example"),
            wildcard("http://", ".port.example:8080"),
        ],
        allow_methods: names(&["GET", "OPTIONS"]),
        allow_headers: names(&["x-1", "x-2"]),
        expose_headers: names(&["x-3", "x-4"]),
        max_age_seconds: 3600,
        allow_credentials: credentials,
    }
}

fn all(credentials: bool) -> Cors {
    Cors {
        allow_origins: vec![OriginPattern::Any],
        allow_methods: names(&["*"]),
        allow_headers: names(&["*"]),
        expose_headers: names(&["*"]),
        max_age_seconds: 5,
        allow_credentials: credentials,
    }
}

fn request(fields: &[(&str, &str)]) -> Head {
    let mut head = Head::default();
    head.method = head.store(b"OPTIONS");
    fields.iter().for_each(|(name, value)| head.append(name.as_bytes(), value.as_bytes()));
    head
}

fn told(answer: &Answer) -> Vec<(&str, &str)> {
    let text = |value| std::str::from_utf8(value).unwrap();
    let short = |name: &'static str| name.trim_start_matches("access-control-");
    let told = answer.headers.iter().filter(|(name, _)| *name != VARY);
    told.map(|(name, value)| (short(name), text(value))).collect()
}

#[test]
fn only_an_options_request_with_both_fields_is_a_preflight() {
    let full = [("Origin", "https://a"), ("Access-Control-Request-Method", "PUT")];
    assert_eq!(preflight(&request(&full)), Some(&b"PUT"[..]));
    assert_eq!(preflight(&request(&full[..1])), None);
    assert_eq!(preflight(&request(&full[1..])), None);
    let mut get = request(&full);
    get.method = get.store(b"GET");
    assert_eq!(preflight(&get), None);
}

#[test]
fn origins_are_compared_by_scheme_host_and_port() {
    let cors = listed(false);
    for (origin, expected) in [
        ("https://www.foo.example", true),
        ("HTTPS://WWW.foo.example", true),
        ("http://www.foo.example", false),
        ("https://www.foo.example:8443", false),
        ("https://www.bar.example", true),
        ("https://x.y.bar.example", true),
        ("https://bar.example", false),
        ("https://.bar.example", false),
        ("https://evil.example/.bar.example", false),
        ("https://evil.example:1.bar.example", false),
        ("https://u@x.bar.example", false),
        ("https://foobar.example", false),
        ("http://x.port.example:8080", true),
        ("http://x.port.example", false),
        ("null", false),
        ("", false),
    ] {
        assert_eq!(allowed(&cors, origin.as_bytes()).is_some(), expected, "{origin}");
    }
    assert_eq!(allowed(&all(false), b"null"), Some(&b"null"[..]));
    assert_eq!(allowed(&all(true), b"https://a"), Some(&b"https://a"[..]));
}

#[test]
fn preflights_are_told_what_they_may_do() {
    let from = |origin| {
        request(&[
            ("Origin", origin),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "x-asked"),
        ])
    };
    let foo = "https://www.foo.example";
    for (cors, origin, status, expected) in [
        (
            listed(true),
            foo,
            200,
            &[
                ("allow-origin", foo),
                ("allow-credentials", "true"),
                ("allow-methods", "GET, OPTIONS"),
                ("allow-headers", "x-1, x-2"),
                ("expose-headers", "x-3, x-4"),
                ("max-age", "3600"),
            ][..],
        ),
        (listed(true), "https://other.example", 403, &[]),
        (
            all(false),
            foo,
            200,
            &[
                ("allow-origin", foo),
                ("allow-methods", "*"),
                ("allow-headers", "*"),
                ("expose-headers", "*"),
                ("max-age", "5"),
            ],
        ),
        (
            all(true),
            foo,
            200,
            &[
                ("allow-origin", foo),
                ("allow-credentials", "true"),
                ("allow-methods", "PUT"),
                ("allow-headers", "x-asked"),
                ("max-age", "5"),
            ],
        ),
    ] {
        let answer = answer(&cors, b"PUT", &from(origin));
        assert_eq!((answer.status, answer.cause), (status, Cause::Preflight));
        assert_eq!(told(&answer), expected);
        assert!(answer.header("Vary").is_some_and(|vary| vary.starts_with(b"Origin")));
    }
}

#[test]
fn responses_are_marked_for_the_origins_that_may_read_them() {
    let foo = "https://www.foo.example";
    let sent = [("vary", "accept"), ("access-control-allow-credentials", "true")];
    for (cors, origin, expected) in [
        (
            listed(false),
            Some(foo),
            "vary: accept|vary: Origin|access-control-allow-origin: \
            https://www.foo.example|access-control-expose-headers: x-3, x-4|",
        ),
        (
            listed(false),
            Some("https://other.example"),
            "vary: accept|access-control-allow-credentials: true|vary: Origin|",
        ),
        (listed(false), None, "vary: accept|access-control-allow-credentials: true|vary: Origin|"),
        (
            all(false),
            Some(foo),
            "vary: accept|vary: Origin|access-control-allow-origin: \
            https://www.foo.example|access-control-expose-headers: *|",
        ),
        (
            all(true),
            Some(foo),
            "vary: accept|vary: Origin|access-control-allow-origin: \
            https://www.foo.example|access-control-allow-credentials: true|\
            access-control-expose-headers: vary, vary, access-control-allow-origin, \
            access-control-allow-credentials|",
        ),
    ] {
        let mut head = Head::default();
        sent.iter().for_each(|(name, value)| head.append(name.as_bytes(), value.as_bytes()));
        mark(&cors, origin.map(str::as_bytes), &mut head);
        let text: String = head.runs().map(|run| String::from_utf8_lossy(run)).collect();
        assert_eq!(text.replace("\r\n", "|"), expected);
    }
}

#[test]
fn a_response_that_varies_by_origin_already_is_left_as_it_is() {
    for vary in ["Accept, origin", "*"] {
        let mut head = Head::default();
        head.append(b"Vary", vary.as_bytes());
        mark(&listed(false), None, &mut head);
        assert_eq!(head.values(b"vary").count(), 1);
    }
}
