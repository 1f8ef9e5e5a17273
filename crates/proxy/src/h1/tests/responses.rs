//! Response heads: each fault with its rule, and how the rest is framed.

use super::*;

#[test]
fn what_breaks_a_rule_is_refused_by_that_rule() {
    use Violation::*;
    for (bytes, violation) in [
        // RFC 9112 §4: the status line.
        ("HTTP/1.1 200 OK\n\r\n", BareLineFeed),
        ("HTTP/1.1 200 OK\r\nA: b\n\r\n", BareLineFeed),
        ("HTTP/1.1\r\n\r\n", StatusLine),
        ("HTTP/1.1 \r\n\r\n", StatusLine),
        ("HTTP/1.1 20\r\n\r\n", StatusLine),
        ("HTTP/1.1 2x0 OK\r\n\r\n", StatusLine),
        ("HTTP/1.1 +20 OK\r\n\r\n", StatusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", StatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", StatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", StatusLine),
        ("HTTP/1.1 200\tOK\r\n\r\n", StatusLine),
        ("HTTP/1.1 200 O\0K\r\n\r\n", StatusLine),
        ("HTTP/1.1 200 O\rK\r\n\r\n", StatusLine),
        ("http/1.1 200 OK\r\n\r\n", StatusLine),
        ("ICY 200 OK\r\n\r\n", StatusLine),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", StatusLine),
        ("HTTP/2.0 200 OK\r\n\r\n", Version),
        ("HTTP/1.2 200 OK\r\n\r\n", Version),
        // Fields, as in requests.
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", FieldName),
        ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", FieldName),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Folding),
        ("HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", FieldValue),
        ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", BareCarriageReturn),
        // RFC 9112 §6: framing, as in requests.
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", ContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", ContentLengthDuplicate),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            ContentLengthDuplicate,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            LengthAndCoding,
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", CodingNotFinal),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", CodingUnknown),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", CodingForbidden),
        ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", CodingForbidden),
        ("HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", CodingForbidden),
    ] {
        assert_eq!(response(bytes.as_bytes(), false), Err(violation), "{bytes:?}");
    }
}

#[test]
fn what_keeps_the_rules_is_taken_and_framed() {
    for (bytes, to_head, status, framing) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, 200, Framing::Length(5)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, 200, Framing::Chunked),
        ("HTTP/1.1 200 OK\r\n\r\n", false, 200, Framing::Close),
        ("HTTP/1.0 200 OK\r\n\r\n", false, 200, Framing::Close),
        ("HTTP/1.1 200\r\n\r\n", false, 200, Framing::Close),
        ("HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n", false, 999, Framing::Length(0)),
        // RFC 9112 §6.3: these never have a body, whatever their fields say.
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, 200, Framing::None),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, 200, Framing::None),
        ("HTTP/1.1 200 OK\r\n\r\n", true, 200, Framing::None),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false, 204, Framing::None),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, 304, Framing::None),
        ("HTTP/1.1 100 Continue\r\n\r\n", false, 100, Framing::None),
        ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", false, 103, Framing::None),
    ] {
        let read = response(bytes.as_bytes(), to_head);
        assert_eq!(read, Ok(Some((status, framing))), "{bytes:?}");
    }
}
