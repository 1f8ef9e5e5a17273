//! Heads in and out, without any connection.

use super::*;
use crate::{h2::hpack::Decoder, http::Violation, limits};

/// Names and values.
type Fields<'f> = &'f [(&'f str, &'f [u8])];

fn take(reader: &mut Reader<'_>, fields: Fields<'_>) {
    fields.iter().for_each(|(name, value)| reader.field(name.as_bytes(), value));
}

fn read(
    method: &str,
    authority: &str,
    path: &str,
    fields: Fields<'_>,
) -> (Head, Result<(), Fault>) {
    let mut head = Head::default();
    let mut reader = Reader::request(&mut head);
    let pseudo: Fields<'_> =
        &[(":method", method.as_bytes()), (":scheme", b"https"), (":path", path.as_bytes())];
    take(&mut reader, pseudo);
    if !authority.is_empty() {
        take(&mut reader, &[(":authority", authority.as_bytes())]);
    }
    take(&mut reader, fields);
    let read = reader.finish();
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
    let (head, read) = read("PUT", "Shop.example.com:8443", "/a/b?c=d&e", fields);
    assert_eq!(read, Ok(()));
    assert_eq!(
        lines(&head),
        "host: Shop.example.com:8443\r\nx-two: 1\r\nx-two: 2\r\nte: trailers\r\n\
         content-length: 7\r\ncookie: a=1; b=2; c=3\r\n"
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
    use Fault::{Answer, Connection, Stream};
    let long = format!("/{}", "x".repeat(limits::TARGET_BYTES_MAX));
    let many = vec![b'v'; limits::HEAD_BYTES_MAX];
    let table: &[(&str, &str, &str, Fields<'_>, Fault)] = &[
        ("GET", "", "/", &[], Answer(Violation::HostMissing)),
        ("GET", "a", "/", &[("host", b"b")], Answer(Violation::Host)),
        ("GET", "a", "/", &[("host", b"a"), ("host", b"a")], Answer(Violation::HostDuplicate)),
        ("GET", "", "/", &[("host", b"")], Answer(Violation::Host)),
        ("GET", "a", "/", &[("x", b" a")], Answer(Violation::FieldValue)),
        ("GET", "a", "/", &[("x", b"a\t")], Answer(Violation::FieldValue)),
        ("GET", "a", "/", &[("cookie", b" a=1")], Answer(Violation::FieldValue)),
        ("GET", "a", "/", &[("x", &many)], Answer(Violation::HeadTooLarge)),
        ("GET", "a", &long, &[], Answer(Violation::TargetTooLong)),
        ("GET", "a", "a", &[], Answer(Violation::Target)),
        ("GET", "a", "*", &[], Answer(Violation::Target)),
        ("GET", "a", "/\u{e4}", &[], Answer(Violation::Target)),
        ("CONNECT", "a:443", "/", &[], Answer(Violation::Connect)),
        ("ANYTHINGTHATISLONGERTHANAMETHOD-IS", "a", "/", &[], Answer(Violation::Method)),
        ("G T", "a", "/", &[], Stream),
        ("GET", "a", "", &[], Stream),
        ("GET", "a", "/", &[(":path", b"/")], Stream),
        ("GET", "a", "/", &[("x", b"y"), (":path", b"/")], Stream),
        ("GET", "a", "/", &[(":status", b"200")], Stream),
        ("GET", "a", "/", &[("connection", b"close")], Stream),
        ("GET", "a", "/", &[("te", b"gzip")], Stream),
        ("GET", "a", "/", &[("content-length", b"1, 1")], Stream),
        ("GET", "a", "/", &[("content-length", b"1"), ("content-length", b"2")], Stream),
        ("GET", "a\r\nb", "/", &[], Connection),
        ("GET", "a", "/\r\n", &[], Connection),
        ("GET", "a", "/", &[("X", b"y")], Connection),
        ("GET", "a", "/", &[("x y", b"y")], Connection),
        ("GET", "a", "/", &[("", b"y")], Connection),
        ("GET", "a", "/", &[("x", b"y\0")], Connection),
        ("GET", "a", "/", &[("x", b" y"), ("x", b"y\n")], Connection),
    ];
    for (method, authority, path, fields, expected) in table {
        let told = format!("{method} {authority} {fields:?}");
        assert_eq!(read(method, authority, path, fields).1, Err(*expected), "{told:.99}");
    }
}

#[test]
fn an_authority_may_be_told_twice_if_it_is_the_same() {
    let (head, read_both) = read("GET", "a.b", "/", &[("host", b"A.B")]);
    assert_eq!((read_both, lines(&head)), (Ok(()), "host: a.b\r\n".to_owned()));
    let (head, read_host) = read("GET", "", "/", &[("host", b"a.b")]);
    assert_eq!((read_host, head.text(head.authority)), (Ok(()), "a.b"));
    let (head, read_options) = read("OPTIONS", "a", "*", &[]);
    assert_eq!((read_options, head.text(head.path)), (Ok(()), "*"));
}

#[test]
fn cookie_crumbs_count_one_by_one() {
    let crumb: (&str, &[u8]) = ("cookie", b"a=b");
    let (head, allowed) = read("GET", "a", "/", &vec![crumb; limits::FIELDS_MAX]);
    assert_eq!((allowed, head.values(b"cookie").count()), (Ok(()), 1));
    let (_, refused) = read("GET", "a", "/", &vec![crumb; limits::FIELDS_MAX + 1]);
    assert_eq!(refused, Err(Fault::Answer(Violation::TooManyFields)));
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
        let (head, read) = read("POST", "a", "/", fields);
        assert_eq!((read, body(&head, *ended)), (Ok(()), *expected), "{fields:?} {ended}");
        assert!(head.values(b"content-length").count() <= 1, "HTTP/1 gets one length");
    }
}

#[test]
fn a_request_goes_out_without_what_http2_says_otherwise() {
    let (mut head, _) = read("POST", "a:1", "/p", &[("x-a", b"1"), ("te", b"trailers")]);
    head.query = head.store(b"q=1");
    head.has_query = true;
    for (name, value) in [
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
        ("Keep-Alive", "1"),
        ("Proxy-Connection", "x"),
        ("HTTP2-Settings", "AA"),
        ("Content-Length", "9"),
        ("X-B", "2"),
    ] {
        head.append(name.as_bytes(), value.as_bytes());
    }
    let mut block = Vec::new();
    request(&head, Some(3), &mut block);
    assert_eq!(
        decoded(&block),
        ":method: POST\n:scheme: http\n:authority: a:1\n:path: /p?q=1\nx-a: 1\nte: trailers\n\
         x-b: 2\ncontent-length: 3\n"
    );
}

#[test]
fn a_response_keeps_its_status_and_its_own_length_where_none_is_given() {
    for (status, length, text) in [
        (200, None, ":status: 200\ncontent-length: 7\nset-cookie: a\n"),
        (404, Some(1234), ":status: 404\nset-cookie: a\ncontent-length: 1234\n"),
        (299, None, ":status: 299\ncontent-length: 7\nset-cookie: a\n"),
    ] {
        let mut head = Head::default();
        head.status = status;
        head.append(b"Content-Length", b"7");
        head.append(b"Set-Cookie", b"a");
        let mut block = Vec::new();
        response(&head, length, &mut block);
        assert_eq!(decoded(&block), text);
    }
}

#[test]
fn trailers_have_bounds_of_their_own() {
    let read = |n: usize| {
        let mut head = Head::default();
        let mut reader = Reader::trailers(&mut head);
        (0..n).for_each(|n| reader.field(format!("x-{n}").as_bytes(), b"v"));
        reader.finish()
    };
    assert_eq!(read(limits::TRAILER_FIELDS_MAX), Ok(()));
    let many = Err(Fault::Answer(Violation::TrailersTooLarge));
    assert_eq!(read(limits::TRAILER_FIELDS_MAX + 1), many);
}

fn decoded(block: &[u8]) -> String {
    let mut text = String::new();
    let mut push = |name: &[u8], value: &[u8]| {
        text += &format!("{}: {}\n", name.escape_ascii(), value.escape_ascii());
    };
    Decoder::new().decode(block, &mut push).unwrap();
    text
}
