//! Request heads: each fault with its rule, each bound, and what is taken.

use Violation::{
    BareCarriageReturn, BareLineFeed, CodingForbidden, CodingNotFinal, CodingUnknown, Connect,
    ContentLength, ContentLengthDuplicate, FieldName, FieldValue, Folding, Host, HostDuplicate,
    HostMissing, LengthAndCoding, Method, NotHttp, RequestLine, Target, Version,
};

use super::*;

#[test]
fn what_breaks_a_rule_is_refused_by_that_rule() {
    for (bytes, violation) in MALFORMED {
        let refused = request(bytes.as_bytes(), &mut Head::default());
        assert_eq!(refused, Err(*violation), "{bytes:?}");
    }
}

#[test]
fn what_exceeds_a_bound_is_refused_by_that_bound() {
    let fields = |count: usize| "a: b\r\n".repeat(count);
    let with = |fields: String| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let target = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(len));
    for (bytes, violation) in [
        (with(fields(limits::FIELDS_MAX - 1)), None),
        (with(fields(limits::FIELDS_MAX)), Some(Violation::TooManyFields)),
        (target(limits::TARGET_BYTES_MAX - 1), None),
        (target(limits::TARGET_BYTES_MAX), Some(Violation::TargetTooLong)),
    ] {
        let read = request(bytes.as_bytes(), &mut Head::default());
        assert_eq!(read.err(), violation, "{} bytes", bytes.len());
    }
}

#[test]
fn what_keeps_the_rules_is_taken_and_framed() {
    for (bytes, framing) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Framing::None),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Framing::None),
        ("GET / HTTP/1.0\r\n\r\n", Framing::None),
        ("G / HTTP/1.1\r\nhost:a\r\n\r\n", Framing::None),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Framing::None),
        ("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", Framing::None),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t \r\n\r\n", Framing::None),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: ä\tb c\r\n\r\n", Framing::None),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", Framing::Length(0)),
        ("GET / HTTP/1.1\r\nHost: a\r\ncontent-length:  007 \r\n\r\n", Framing::Length(7)),
        ("PUT / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", Framing::Length(5)),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n",
            Framing::Length(999_999_999_999_999_999),
        ),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Framing::Chunked),
        ("PUT / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:CHUNKED\t\r\n\r\n", Framing::Chunked),
    ] {
        let read = request(bytes.as_bytes(), &mut Head::default());
        assert_eq!(read, Ok(Some(framing)), "{bytes:?}");
        let cut = &bytes.as_bytes()[..bytes.len() - 1];
        assert_eq!(request(cut, &mut Head::default()), Ok(None), "{bytes:?} without its end");
    }
}

#[test]
fn a_head_is_read_into_its_parts() {
    let mut head = Head::default();
    let bytes = b"PATCH /a?b=c HTTP/1.1\r\nHost: A.test:80\r\nX-One:  1 \r\nx-two:\r\n\r\n";
    request(bytes, &mut head).unwrap();
    assert_eq!(head.text(head.method), "PATCH");
    assert_eq!(head.text(head.path), "/a?b=c");
    assert_eq!(head.text(head.authority), "A.test:80");
    assert!(!head.http10);
    let fields: Vec<_> = head.fields().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
    let expected: [(&[u8], &[u8]); 3] =
        [(b"Host", b"A.test:80"), (b"X-One", b"1"), (b"x-two", b"")];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
    assert_eq!(head.runs().count(), 1, "lines that nobody edited are written as they came");
}

const MALFORMED: &[(&str, Violation)] = &[
    // RFC 9112 §2.2: lines end in CR LF.
    ("GET / HTTP/1.1\nHost: a\r\n\r\n", BareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", BareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\r\n\n", BareLineFeed),
    ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", BareCarriageReturn),
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\r\n\r\n", BareCarriageReturn),
    ("GET / HTTP/1.1\r\nHost: a\r\n\rA: b\r\n\r\n", FieldName),
    // RFC 9112 §3: the request line.
    ("GET\r\nHost: a\r\n\r\n", RequestLine),
    ("GET /\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / \r\nHost: a\r\n\r\n", RequestLine),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", RequestLine),
    ("GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / FTP/1.1\r\nHost: a\r\n\r\n", NotHttp),
    ("INVALID CONNECTION PREFACE\r\n\r\n", NotHttp),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / HTTP/1\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / HTTP/11\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / HTTPS/1.1\r\nHost: a\r\n\r\n", RequestLine),
    ("GET / HTTP/1.x\r\nHost: a\r\n\r\n", RequestLine),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Target),
    ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
    ("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", Method),
    (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
    ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
    // RFC 9110 §9.1: methods are tokens.
    ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
    ("GET: / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
    ("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Connect),
    // RFC 9112 §3.2: no byte in a target that no URI has.
    ("GET /\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n", Target),
    ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", Target),
    ("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", Target),
    ("GET /ä HTTP/1.1\r\nHost: a\r\n\r\n", Target),
    ("GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", Target),
    // RFC 9112 §2.3: versions.
    ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", Version),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Version),
    ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", Version),
    ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", Version),
    // RFC 9112 §5.1: names are tokens right before their colon (CVE-2023-25725: not empty).
    ("GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nA\t: b\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nA\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nA\0: c\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\n(A): c\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\n\"A\": c\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nÄ: c\r\n\r\n", FieldName),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", FieldName),
    // RFC 9110 §5.5: no control bytes in values.
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", FieldValue),
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\u{1}c\r\n\r\n", FieldValue),
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\u{7f}c\r\n\r\n", FieldValue),
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\u{b}\r\n\r\n", FieldValue),
    // RFC 9112 §5.2: folding is obsolete, also right behind the request line.
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", Folding),
    ("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\tc\r\n\r\n", Folding),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Folding),
    ("GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", Folding),
    // RFC 9112 §3.2: one Host.
    ("GET / HTTP/1.1\r\n\r\n", HostMissing),
    ("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", HostMissing),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HostDuplicate),
    ("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", HostDuplicate),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", HostDuplicate),
    ("GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HostDuplicate),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Host),
    ("GET / HTTP/1.1\r\nHost:  \t\r\n\r\n", Host),
    // RFC 9110 §8.6: lengths are digits (CVE-2023-40225: not empty).
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1a\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1.0\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"1\"\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", ContentLength),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", ContentLengthDuplicate),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1,2\r\n\r\n", ContentLengthDuplicate),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        ContentLengthDuplicate,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 1\r\nCONTENT-LENGTH: 2\r\n\r\n",
        ContentLengthDuplicate,
    ),
    // RFC 9112 §6.1: length and coding exclude each other, in either order.
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        LengthAndCoding,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        LengthAndCoding,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nContent-Length: 1\r\n\r\n",
        LengthAndCoding,
    ),
    // RFC 9112 §6.1, §6.3: chunked, once, at the end, and nothing before it that we do not know.
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", CodingUnknown),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity,chunked\r\n\r\n", CodingUnknown),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n", FieldValue),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", CodingNotFinal),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", CodingNotFinal),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", CodingNotFinal),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", CodingNotFinal),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", CodingNotFinal),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", CodingNotFinal),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", CodingNotFinal),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", CodingNotFinal),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
        CodingNotFinal,
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", FieldName),
    ("POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n", Folding),
    ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", CodingForbidden),
];
