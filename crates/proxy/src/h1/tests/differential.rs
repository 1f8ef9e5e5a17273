//! Whatever this codec takes, another one takes too and reads in the same way: bytes that two
//! implementations understand differently are what request smuggling is made of.
//!
//! The other way round does not hold: `httparse` is more lenient in many points.

use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

use super::*;

/// Requests near the edge of what is allowed, changed in a few places.
fn nearly_requests() -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX: \t y \r\n\r\n",
        "PUT http://b/ HTTP/1.0\r\nHost:b\r\nConnection: keep-alive\r\nA:\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\nB: c\r\nB: d\r\n\r\n",
    ]);
    let byte = prop::sample::select(b"\r\n\t :;,/aZ0\0\x7f\x80-_\"?#".to_vec());
    let edit = (any::<prop::sample::Index>(), byte, 0..3u8);
    (seed, prop::collection::vec(edit, 0..4)).prop_map(|(seed, edits)| {
        let mut bytes = seed.as_bytes().to_vec();
        for (at, byte, what) in edits {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn what_is_taken_is_read_as_others_read_it(bytes in nearly_requests()) {
        let mut head = Head::default();
        let Ok(Some(framing)) = request(&bytes, &mut head) else { return Ok(()) };
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut other = httparse::Request::new(&mut fields);
        let len = head.raw().len();
        prop_assert_eq!(other.parse(&bytes), Ok(httparse::Status::Complete(len)));
        prop_assert_eq!(other.method.map(str::as_bytes), Some(head.bytes(head.method)));
        prop_assert_eq!(other.path.map(str::as_bytes), Some(head.bytes(head.path)));
        prop_assert_eq!(other.version, Some(u8::from(!head.http10)));
        let ours: Vec<_> = head.fields().collect();
        let others: Vec<_> = other.headers.iter().map(|h| (h.name.as_bytes(), h.value)).collect();
        prop_assert_eq!(&ours, &others);
        // And there is only one way to tell how long the body is.
        let named = |name: &str| {
            others.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).count()
        };
        let expected = match framing {
            Framing::None => (0, 0),
            Framing::Length(_) => (1, 0),
            Framing::Chunked => (0, 1),
            Framing::Close => (9, 9),
        };
        prop_assert_eq!((named("content-length"), named("transfer-encoding")), expected);
    }

    #[test]
    fn no_bytes_harm_the_chunk_reader(
        bytes in prop::collection::vec(prop::sample::select(b"\r\n0123afg; \"\0x".to_vec()), 0..64),
        piece in 1..9usize,
    ) {
        // In whatever pieces they come, the outcome is the same.
        if !bytes.is_empty() {
            let whole = decode(&bytes, bytes.len());
            prop_assert_eq!(decode(&bytes, piece).is_err(), whole.is_err());
        }
    }
}
