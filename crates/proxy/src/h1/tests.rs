//! The codec against tables of bytes: what is refused, and by which rule; what is taken, and how it
//! is framed; and that it makes no difference in how many pieces bytes come.

use router::Head;

use super::{
    chunked::{Chunks, Step},
    framing::Framing,
    request_head, response_head,
    scan::EndScan,
    write::{self, Coding, Persistence},
};
use crate::{http::Violation, limits};

mod differential;
mod requests;
mod responses;

/// Reads a request head as a connection does; None while more bytes are needed.
fn request(bytes: &[u8], head: &mut Head) -> Result<Option<Framing>, Violation> {
    let Some(len) = EndScan::default().find(bytes)? else { return Ok(None) };
    request_head::parse(&bytes[..len], head).map(Some)
}

/// The same for a response.
fn response(bytes: &[u8], to_head: bool) -> Result<Option<(u16, Framing)>, Violation> {
    let Some(len) = EndScan::default().find(bytes)? else { return Ok(None) };
    let mut head = Head::default();
    let framing = response_head::parse(&bytes[..len], &mut head, to_head)?;
    Ok(Some((head.status, framing)))
}

type Decoded = (Vec<u8>, Vec<u8>);

/// Decodes a chunked body that comes in pieces of one size: its data, and what follows its last
/// chunk. None while more bytes are needed.
fn decode(body: &[u8], piece: usize) -> Result<Option<Decoded>, Violation> {
    let (mut chunks, mut data, mut held) = (Chunks::default(), Vec::new(), Vec::new());
    for piece in body.chunks(piece) {
        held.extend_from_slice(piece);
        loop {
            match chunks.step(&held)? {
                Step::Skip(n) => drop(held.drain(..n)),
                Step::Data(_) if held.is_empty() => break,
                Step::Data(left) => {
                    let n = held.len().min(left as usize);
                    data.extend(held.drain(..n));
                    chunks.take(n as u64);
                }
                Step::Trailers | Step::More => break,
            }
        }
    }
    let over = chunks.step(&held) == Ok(Step::Trailers);
    Ok(over.then_some((data, held)))
}

#[test]
fn chunks_are_decoded_in_whatever_pieces_they_come() {
    for (body, data) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
        ("00005\r\nhello\r\n000\r\n\r\n", "hello"),
        ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("5;a=b;c\r\nhello\r\n0;last\r\n\r\n", "hello"),
        ("5;a=\"x y\t\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("3\r\n\r\n\n\r\n0\r\n\r\n", "\r\n\n"),
    ] {
        for piece in 1..=body.len() {
            let decoded = decode(body.as_bytes(), piece).unwrap();
            let expected = (data.as_bytes().to_vec(), b"\r\n".to_vec());
            assert_eq!(decoded, Some(expected), "{body:?} in pieces of {piece}");
        }
        let cut = &body.as_bytes()[..body.len() - 5];
        assert_eq!(decode(cut, 1), Ok(None), "{body:?} without its end");
    }
}

#[test]
fn malformed_chunks_are_refused_in_whatever_pieces_they_come() {
    let long_line = format!("1;{}", "a".repeat(limits::CHUNK_LINE_BYTES_MAX));
    let extensions = format!("1;{}\r\na\r\n", "b".repeat(200)).repeat(100);
    for (body, violation) in [
        ("\r\n", Violation::ChunkSize),
        ("x\r\n", Violation::ChunkSize),
        ("-1\r\n", Violation::ChunkSize),
        ("+1\r\n", Violation::ChunkSize),
        ("0x1\r\n", Violation::ChunkSize),
        (" 1\r\n", Violation::ChunkSize),
        ("1 \r\n", Violation::ChunkSize),
        ("1\t;a\r\n", Violation::ChunkSize),
        ("1,2\r\n", Violation::ChunkSize),
        ("1_0\r\n", Violation::ChunkSize),
        ("ffffffffffffffff\r\n", Violation::ChunkSize),
        ("10000000000000000\r\n", Violation::ChunkSize),
        ("0000000000000000001\r\na\r\n", Violation::ChunkSize),
        ("1\na\r\n", Violation::ChunkSize),
        ("1;a\nb\r\n", Violation::BareLineFeed),
        ("1;a\rb\r\n", Violation::BareCarriageReturn),
        ("1\rX\r\na\r\n", Violation::BareCarriageReturn),
        ("1;a\0b\r\n", Violation::ChunkExtension),
        (&long_line, Violation::ChunkExtension),
        (&extensions, Violation::ChunkExtension),
        ("1\r\nab\r\n", Violation::ChunkEnd),
        ("1\r\na\n", Violation::ChunkEnd),
        ("1\r\na\rb", Violation::ChunkEnd),
        ("1\r\na0\r\n\r\n", Violation::ChunkEnd),
    ] {
        for piece in [1, 2, 3, 7, body.len()] {
            let refused = decode(body.as_bytes(), piece);
            let start = &body[..body.len().min(20)];
            assert_eq!(refused, Err(violation), "{start:?} in pieces of {piece}");
        }
    }
}

#[test]
fn the_end_of_a_head_is_found_in_whatever_pieces_it_comes() {
    let bytes = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nrest";
    for cut in 0..bytes.len() {
        let mut scan = EndScan::default();
        let first = scan.find(&bytes[..cut]).unwrap();
        let found = first.or_else(|| scan.find(bytes).unwrap());
        assert_eq!(found, Some(27), "cut at {cut}");
    }
    assert_eq!(EndScan::default().find(b"\r\n"), Ok(Some(2)));
    assert_eq!(EndScan::default().find(b"\n"), Err(Violation::BareLineFeed));
    assert_eq!(EndScan::default().find(b"a\r\nb\n"), Err(Violation::BareLineFeed));
}

#[test]
fn heads_are_written_with_framing_of_their_own() {
    let mut head = Head::default();
    head.method = head.store(b"POST");
    head.authority = head.store(b"a.test:81");
    head.path = head.store(b"/x");
    (head.query, head.has_query) = (head.store(b""), true);
    head.append(b"X-A", b"1");
    let written = |coding, head: &Head| {
        let mut out = Vec::new();
        write::request(&mut out, head, coding);
        String::from_utf8(out).unwrap()
    };
    let start = "POST /x? HTTP/1.1\r\nhost: a.test:81\r\nX-A: 1\r\n";
    for (coding, end) in [
        (Coding::None, "\r\n"),
        (Coding::Length(0), "content-length: 0\r\n\r\n"),
        (Coding::Length(u64::MAX), "content-length: 18446744073709551615\r\n\r\n"),
        (Coding::Chunked, "transfer-encoding: chunked\r\n\r\n"),
    ] {
        assert_eq!(written(coding, &head), format!("{start}{end}"));
    }
    head.append(b"te", b"trailers");
    assert!(written(Coding::None, &head).ends_with("te: trailers\r\nconnection: te\r\n\r\n"));
    head.append(b"upgrade", b"websocket");
    assert!(written(Coding::None, &head).ends_with("connection: upgrade\r\n\r\n"));
}

#[test]
fn responses_say_how_their_connection_goes_on() {
    let mut head = Head::default();
    head.status = 404;
    head.append(b"A", b"b");
    for (persistence, coding, expected) in [
        (Persistence::Implied, Coding::Length(12), "A: b\r\ncontent-length: 12\r\n\r\n"),
        (Persistence::Close, Coding::Close, "A: b\r\nconnection: close\r\n\r\n"),
        (Persistence::KeepAlive, Coding::None, "A: b\r\nconnection: keep-alive\r\n\r\n"),
    ] {
        let mut out = Vec::new();
        write::response(&mut out, &head, coding, persistence);
        let expected = format!("HTTP/1.1 404 Not Found\r\n{expected}");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
    let mut out = Vec::new();
    head.status = 799;
    write::interim(&mut out, &head);
    assert_eq!(String::from_utf8(out).unwrap(), "HTTP/1.1 799 \r\nA: b\r\n\r\n");
}

#[test]
fn chunk_sizes_are_hexadecimal_without_padding() {
    for (size, line) in [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (0xabcde, "abcde\r\n")] {
        let mut out = Vec::new();
        write::chunk_size(&mut out, size);
        assert_eq!(String::from_utf8(out).unwrap(), line);
    }
}
