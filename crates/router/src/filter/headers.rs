//! Header edits, in the order that the Gateway API gives: set, add, remove.
//!
//! The host and what frames a message or belongs to one connection are not the user's to edit:
//! such an entry does nothing (`HTTPHeaderFilter`: "Host" cannot be modified; RFC 9110 §7.6.1).

use ir::{HeaderEdits, HeaderName};

use crate::{Head, head::Known};

pub(super) fn edit(edits: &HeaderEdits, head: &mut Head) {
    for field in edits.set.iter().filter(|field| editable(&field.name)) {
        head.set(field.name.as_str().as_bytes(), field.value.as_str().as_bytes());
    }
    for field in edits.add.iter().filter(|field| editable(&field.name)) {
        let (name, value) = (field.name.as_str().as_bytes(), field.value.as_str().as_bytes());
        // A cookie holds commas of its own and is never joined (RFC 9110 §5.3).
        if name.eq_ignore_ascii_case(b"set-cookie") || head.values(name).next().is_none() {
            head.append(name, value);
        } else {
            head.add(name, value);
        }
    }
    for name in edits.remove.iter().filter(|name| editable(name)) {
        head.remove(name.as_str().as_bytes());
    }
}

fn editable(name: &HeaderName) -> bool {
    !matches!(
        Known::of(name.as_str().as_bytes()),
        Known::Host
            | Known::Connection
            | Known::ContentLength
            | Known::TransferEncoding
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::Te
            | Known::Trailer
            | Known::Upgrade
            | Known::Http2Settings
    )
}

#[cfg(test)]
mod tests {
    use ir::{HeaderField, HeaderValue};

    use super::*;

    fn fields(list: &[(&str, &str)]) -> Vec<HeaderField> {
        list.iter()
            .map(|(name, value)| HeaderField {
                name: HeaderName::parse(name).unwrap(),
                value: HeaderValue::parse(value).unwrap(),
            })
            .collect()
    }

    #[test]
    fn edits_come_in_the_order_set_add_remove() {
        for (set, add, remove, before, after) in [
            (&[("x-a", "2")][..], &[][..], &[][..], &[("X-A", "1"), ("x-a", "0")][..], "x-a: 2\n"),
            (&[("a", "s")], &[("A", "t")], &[], &[("a", "1")], "A: s,t\n"),
            (&[], &[("a", "3")], &[], &[("a", "1"), ("b", "x"), ("A", "2")], "b: x\na: 1,2,3\n"),
            (&[], &[("a", "1")], &[], &[], "a: 1\n"),
            (&[("a", "1")], &[("b", "2")], &["A", "b"], &[("c", "3")], "c: 3\n"),
            (
                &[],
                &[("set-cookie", "b=2")],
                &[],
                &[("Set-Cookie", "a=1")],
                "Set-Cookie: a=1\nset-cookie: b=2\n",
            ),
            (
                &[("host", "evil"), ("content-length", "0")],
                &[("transfer-encoding", "x")],
                &["connection", "Host"],
                &[("Host", "a"), ("Connection", "close")],
                "Host: a\nConnection: close\n",
            ),
        ] {
            let mut head = Head::default();
            before.iter().for_each(|(name, value)| head.append(name.as_bytes(), value.as_bytes()));
            let remove = remove.iter().map(|name| HeaderName::parse(name).unwrap()).collect();
            edit(&HeaderEdits { set: fields(set), add: fields(add), remove }, &mut head);
            let text: String = head.runs().map(|run| String::from_utf8_lossy(run)).collect();
            assert_eq!(text.replace("\r\n", "\n"), after);
        }
    }
}
