//! How a redirect or rewrite changes a path (Gateway API, `HTTPPathModifier`).

use ir::PathEdit;

use crate::{Prefix, path};

/// An edit whose text is in the form that is written on the wire.
pub(super) fn compile(edit: &PathEdit) -> PathEdit {
    let rooted = |text: &str| match path::canonical(text) {
        text if text.is_empty() || text.starts_with('/') => text,
        text => format!("/{text}"),
    };
    match edit {
        PathEdit::Full(text) => PathEdit::Full(match rooted(text) {
            text if text.is_empty() => "/".into(),
            text => text.into(),
        }),
        PathEdit::Prefix(text) => PathEdit::Prefix(rooted(text).into()),
    }
}

/// The new path: a text, and from where on the old path follows it.
///
/// A prefix edit of a rule that matched no prefix changes nothing.
pub(super) fn apply<'e>(edit: &'e PathEdit, prefix: Prefix, path: &[u8]) -> (&'e [u8], usize) {
    match edit {
        PathEdit::Full(text) => (text.as_bytes(), path.len()),
        PathEdit::Prefix(text) => {
            let Some(covered) = prefix.bytes() else { return (b"", 0) };
            let covered = covered.min(path.len());
            match (text.trim_end_matches('/'), path.len() - covered) {
                // `/foo` with `/foo` → `/`: something must stay.
                ("", 0) => (b"/", covered),
                (_, 0) => (text.as_bytes(), covered),
                (front, _) => (front.as_bytes(), covered),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_replaced_as_the_specification_lists_it() {
        for (path, prefix, replacement, expected) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/foo/bar", "/foo", "/", "/bar"),
            ("/foo", "/foo", "/xyz/", "/xyz/"),
            ("/foo/bar", "/", "/xyz", "/xyz/foo/bar"),
            ("/", "/", "/xyz", "/xyz/"),
            ("/", "/", "/", "/"),
            ("/foo/bar", "/foo", "xyz", "/xyz/bar"),
            ("/foo/a b", "/foo", "/ä ?", "/%C3%A4%20%3F/a b"),
        ] {
            let edit = compile(&PathEdit::Prefix(replacement.into()));
            let prefix = Prefix::of(prefix.trim_end_matches('/').len());
            let (front, from) = apply(&edit, prefix, path.as_bytes());
            let new = [front, &path.as_bytes()[from..]].concat();
            assert_eq!(String::from_utf8(new).unwrap(), expected, "{path} {replacement:?}");
        }
    }

    #[test]
    fn whole_paths_are_replaced_and_never_break_the_line() {
        for (replacement, expected) in
            [("/one", "/one"), ("", "/"), ("a b", "/a%20b"), ("/\r\nX: y", "/%0D%0AX:%20y")]
        {
            let edit = compile(&PathEdit::Full(replacement.into()));
            assert_eq!(apply(&edit, Prefix::none(), b"/old"), (expected.as_bytes(), 4));
        }
    }
}
