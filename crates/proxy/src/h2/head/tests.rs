//! Heads in and out, without any connection.

use ::http::request::Parts;

use super::*;

/// Names and values.
type Fields<'f> = &'f [(&'f str, &'f [u8])];

fn parts(method: &str, uri: &str, fields: Fields<'_>) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in fields {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    request.body(()).unwrap().into_parts().0
}

fn read(parts: &Parts) -> (Head, Result<(), Violation>) {
    let mut head = Head::default();
    let read = read_request(&parts.method, &parts.uri, &parts.headers, &mut head);
    (head, read)
}

fn lines(head: &Head) -> String {
    String::from_utf8(head.runs().flatten().copied().collect()).unwrap()
}

#[test]
fn a_request_becomes_the_lines_that_http1_would_have_read() {
    let fields: Fields<'_> = &[
        ("cookie", b"a=1"),
        ("x-two", b"1"),
        ("cookie", b"b=2"),
        ("x-two", b"2"),
        ("te", b"trailers"),
        ("content-length", b"7"),
        ("cookie", b"c=3"),
    ];
    let (head, read) = read(&parts("PUT", "https://Shop.example.com:8443/a/b?c=d&e", fields));
    assert_eq!(read, Ok(()));
    assert_eq!(
        lines(&head),
        "host: Shop.example.com:8443\r\ncookie: a=1; b=2; c=3\r\nx-two: 1\r\nx-two: 2\r\n\
         te: trailers\r\ncontent-length: 7\r\n"
    );
    let text = |span| head.text(span).to_owned();
    assert_eq!(
        [head.method, head.scheme, head.authority, head.path].map(text),
        ["PUT", "https", "Shop.example.com:8443", "/a/b?c=d&e"]
    );
    assert_eq!(head.runs().count(), 1, "written in one piece");
    assert_eq!(body(&head, false), BodyKind::Length(7));
}

#[test]
fn what_rfc_9113_forbids_is_refused() {
    let long = format!("http://a/{}", "x".repeat(limits::TARGET_BYTES_MAX));
    let many = vec![b'v'; limits::HEAD_BYTES_MAX];
    let table: &[(&str, &str, Fields<'_>, Violation)] = &[
        ("GET", "/", &[], Violation::HostMissing),
        ("GET", "http://a/", &[("host", b"b")], Violation::Host),
        ("GET", "http://a/", &[("host", b"a"), ("host", b"a")], Violation::HostDuplicate),
        ("GET", "/", &[("host", b"")], Violation::Host),
        ("GET", "http://a/", &[("x", b" a")], Violation::FieldValue),
        ("GET", "http://a/", &[("x", b"a\t")], Violation::FieldValue),
        ("GET", "http://a/", &[("cookie", b" a=1")], Violation::FieldValue),
        ("GET", "http://a/", &[("x", &many)], Violation::HeadTooLarge),
        ("GET", &long, &[], Violation::TargetTooLong),
        ("CONNECT", "a:443", &[], Violation::Connect),
        ("GET", "http://a/\u{e4}", &[], Violation::Target),
        ("ANYTHINGTHATISLONGERTHANAMETHOD-IS", "http://a/", &[], Violation::Method),
    ];
    for (method, uri, fields, expected) in table {
        assert_eq!(read(&parts(method, uri, fields)).1, Err(*expected), "{method} {uri}");
    }
}

#[test]
fn an_authority_may_be_told_twice_if_it_is_the_same() {
    let (head, read_both) = read(&parts("GET", "http://a.b/", &[("host", b"A.B")]));
    assert_eq!((read_both, lines(&head)), (Ok(()), "host: a.b\r\n".to_owned()));
    let (head, read_host) = read(&parts("GET", "/", &[("host", b"a.b")]));
    assert_eq!((read_host, head.text(head.authority)), (Ok(()), "a.b"));
    let (head, read_options) = read(&parts("OPTIONS", "*", &[("host", b"a")]));
    assert_eq!((read_options, head.text(head.path)), (Ok(()), "*"));
}

#[test]
fn cookie_crumbs_count_one_by_one() {
    let crumb: (&str, &[u8]) = ("cookie", b"a=b");
    let (head, allowed) = read(&parts("GET", "http://a/", &vec![crumb; limits::FIELDS_MAX]));
    assert_eq!((allowed, head.values(b"cookie").count()), (Ok(()), 1));
    let (_, refused) = read(&parts("GET", "http://a/", &vec![crumb; limits::FIELDS_MAX + 1]));
    assert_eq!(refused, Err(Violation::TooManyFields));
}

#[test]
fn what_fields_and_end_say_of_the_body() {
    let table: &[(Fields<'_>, bool, BodyKind)] = &[
        (&[], true, BodyKind::None),
        (&[], false, BodyKind::Stream),
        (&[("content-length", b"0")], true, BodyKind::Length(0)),
        (&[("content-length", b"12")], false, BodyKind::Length(12)),
        (&[("content-length", b"12")], true, BodyKind::None),
        (&[("content-length", b"3"), ("content-length", b"3")], false, BodyKind::Length(3)),
    ];
    for (fields, ended, expected) in table {
        let (head, read) = read(&parts("POST", "http://a/", fields));
        assert_eq!((read, body(&head, *ended)), (Ok(()), *expected), "{fields:?} {ended}");
        assert!(head.values(b"content-length").count() <= 1, "HTTP/1 gets one length");
    }
}

#[test]
fn a_request_goes_out_without_what_http2_says_otherwise() {
    let fields: Fields<'_> = &[("x-a", b"1"), ("te", b"trailers")];
    let (mut head, _) = read(&parts("POST", "https://a:1/p", fields));
    head.query = head.store(b"q=1");
    head.has_query = true;
    for (name, value) in [
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
        ("Keep-Alive", "1"),
        ("Proxy-Connection", "x"),
        ("HTTP2-Settings", "AA"),
        ("X-B", "2"),
    ] {
        head.append(name.as_bytes(), value.as_bytes());
    }
    let request = write_request(&head, BodyKind::Length(3)).unwrap();
    assert_eq!(request.uri().to_string(), "http://a:1/p?q=1");
    let fields: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    assert_eq!(fields, ["x-a: 1", "te: trailers", "x-b: 2", "content-length: 3"]);
}

#[test]
fn trailers_have_bounds_of_their_own() {
    let fields = |n: usize| {
        let names = (0..n).map(|n| HeaderName::try_from(format!("x-{n}")).unwrap());
        names.map(|name| (name, HeaderValue::from_static("v"))).collect::<HeaderMap>()
    };
    let read = |n| read_trailers(&fields(n), &mut Head::default());
    assert_eq!(read(limits::TRAILER_FIELDS_MAX), Ok(()));
    assert_eq!(read(limits::TRAILER_FIELDS_MAX + 1), Err(Violation::TrailersTooLarge));
}
