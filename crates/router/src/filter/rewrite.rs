//! Rewrites: another host and path for the backend. The query stays.

use ir::Rewrite;

use super::path_edit;
use crate::{Head, Prefix, head::Known, path};

/// None for a hostname that cannot be written on the wire.
pub(super) fn compile(rewrite: &Rewrite) -> Option<Rewrite> {
    if rewrite.hostname.as_ref().is_some_and(|host| !path::is_host(host.as_bytes())) {
        return None;
    }
    Some(Rewrite { path: rewrite.path.as_ref().map(path_edit::compile), ..rewrite.clone() })
}

pub(super) fn rewrite(rewrite: &Rewrite, prefix: &mut Prefix, head: &mut Head) {
    if let Some(edit) = &rewrite.path {
        let (front, from) = path_edit::apply(edit, *prefix, head.bytes(head.path));
        let rest = head.path.sub(from, head.path.len());
        head.path = head.store_before(front, rest);
        // A later edit of the same prefix, by the chosen backend, replaces what stands there now.
        *prefix = prefix.replaced_by(front);
    }
    if let Some(host) = &rewrite.hostname {
        head.authority = head.store(host.as_bytes());
        if head.known(Known::Host).is_some() {
            head.set(b"Host", host.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use ir::PathEdit;

    use super::*;
    use crate::head::Span;

    fn head(path: &str) -> Head {
        let mut head = Head::default();
        head.raw_mut().extend_from_slice(path.as_bytes());
        head.path = Span::raw(0, path.len());
        head.append(b"host", b"old.example");
        head.authority = head.store(b"old.example");
        head
    }

    #[test]
    fn host_and_path_change_on_their_way() {
        let edits = Rewrite {
            hostname: Some("new.example".into()),
            path: Some(PathEdit::Prefix("/v2".into())),
        };
        let edits = compile(&edits).unwrap();
        let mut head = head("/v1/users");
        let mut prefix = Prefix::of(3);
        rewrite(&edits, &mut prefix, &mut head);
        assert_eq!(head.text(head.path), "/v2/users");
        assert_eq!(head.text(head.authority), "new.example");
        assert_eq!(head.values(b"host").collect::<Vec<_>>(), [b"new.example"]);
        let again = compile(&Rewrite { hostname: None, path: Some(PathEdit::Prefix("/".into())) });
        rewrite(&again.unwrap(), &mut prefix, &mut head);
        assert_eq!(head.text(head.path), "/users");
    }

    #[test]
    fn a_host_that_would_break_the_line_is_no_host() {
        for host in ["a\r\nb", "a b", "", "a/b", "u@a", "ä"] {
            let edits = Rewrite { hostname: Some(host.into()), path: None };
            assert!(compile(&edits).is_none(), "{host:?}");
        }
    }
}
