//! HTTP/1: what a connection makes of bytes, in whatever pieces they come, against the slow reading
//! of [`crate::reading`].

use proxy::fuzzing::{End, Reader, Reading};

use crate::{pieces, reading};

thread_local! {
    static READER: Option<Reader> = Reader::new().ok();
}

/// Bytes of a client.
pub(crate) fn requests(bytes: &[u8]) {
    let expected = reading::requests(bytes);
    check(bytes, &expected, |reader, pieces| reader.requests(pieces).ok());
}

/// Bytes of a backend, which answers HEAD, and anything else.
pub(crate) fn responses(bytes: &[u8]) {
    for to_head in [false, true] {
        let expected = reading::responses(bytes, to_head);
        check(bytes, &expected, |reader, pieces| reader.responses(pieces, to_head).ok());
    }
}

fn check(bytes: &[u8], expected: &Reading, read: impl Fn(&Reader, &[&[u8]]) -> Option<Reading>) {
    READER.with(|reader| {
        for pieces in pieces::ways(bytes) {
            let found = reader.as_ref().and_then(|reader| read(reader, &pieces));
            assert!(found.is_some(), "the system gives no socket");
            if let Some(found) = found {
                agree(&found, expected);
            }
        }
    });
}

/// We may refuse before the slow reading has seen enough, which depends on the pieces, and never
/// take what it refuses.
fn agree(found: &Reading, expected: &Reading) {
    let early = found.end == End::Refused && expected.end == End::Waiting;
    assert!(early || found.end == expected.end, "{found:#?}\nand not\n{expected:#?}");
    assert_eq!(found.messages.len(), expected.messages.len(), "{found:#?}\nnot\n{expected:#?}");
    for (found, expected) in found.messages.iter().zip(&expected.messages) {
        let mut found = found.clone();
        if early && !found.whole {
            let body = &expected.body;
            assert!(body.starts_with(&found.body), "{found:#?}\nand not\n{expected:#?}");
            found.body.clone_from(body);
        }
        assert_eq!(found, *expected);
    }
}
