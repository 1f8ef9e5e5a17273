//! JSON, as far as a log line needs it: an object of strings and numbers, appended to bytes.
//!
//! What clients send goes through here, so that no byte of theirs can end a string or a line.

use std::io::Write;

use crate::{decimal, limits::LOG_STRING_BYTES_MAX};

/// Writes one object into a buffer.
pub(crate) struct Object<'b> {
    out: &'b mut Vec<u8>,
    first: bool,
}

impl<'b> Object<'b> {
    /// Opens the object.
    pub(crate) fn open(out: &'b mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// A member that is a string of any bytes.
    pub(crate) fn text(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        string(self.out, value);
    }

    /// A member that is a string, or null.
    pub(crate) fn text_or_null(&mut self, name: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    /// A member that is a string in which nothing needs an escape.
    pub(crate) fn quoted(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    /// A member that is a whole number.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        decimal::push(self.out, value);
    }

    /// A member that is a number of thousandths, given in whole ones.
    pub(crate) fn thousandths(&mut self, name: &str, value: u64) {
        self.name(name);
        decimal::push(self.out, value / 1000);
        let rest = value % 1000;
        let digit = |n: u64| b'0' + (n % 10) as u8;
        self.out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
    }

    /// A member that is null.
    pub(crate) fn null(&mut self, name: &str) {
        self.name(name);
        self.out.extend_from_slice(b"null");
    }

    /// Closes the object.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Appends a string: what is not UTF-8 becomes U+FFFD, control characters are escaped, and what is
/// longer than the bound is cut and ends in `…`.
fn string(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    let cut = value.len() > LOG_STRING_BYTES_MAX;
    let value = if cut { value.get(..LOG_STRING_BYTES_MAX).unwrap_or_default() } else { value };
    let mut chunks = value.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        escape(out, chunk.valid().as_bytes());
        // The cut may have gone through a character; the ellipsis already tells of that.
        let torn = cut && chunks.peek().is_none();
        if !torn && !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    if cut {
        out.extend_from_slice("…".as_bytes());
    }
    out.push(b'"');
}

/// Appends text in runs that need no escape (RFC 8259 §7).
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\' | 0x7f)) {
        let (run, after) = rest.split_at(at);
        out.extend_from_slice(run);
        match after.first() {
            Some(quote @ (b'"' | b'\\')) => out.extend_from_slice(&[b'\\', *quote]),
            // Writing to a vector cannot fail.
            Some(control) => drop(write!(out, "\\u{control:04x}")),
            None => {}
        }
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &[u8]) -> String {
        let mut out = Vec::new();
        string(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn any_bytes_become_one_json_string() {
        let table: &[(&[u8], &str)] = &[
            (b"", r#""""#),
            (b"/a?b=\"c\"\\", r#""/a?b=\"c\"\\""#),
            (b"\r\n\t\x00\x1f\x7f", r#""\u000d\u000a\u0009\u0000\u001f\u007f""#),
            ("grüße".as_bytes(), r#""grüße""#),
            (b"a\xff\xc3b", "\"a\u{fffd}\u{fffd}b\""),
        ];
        for (value, expected) in table {
            assert_eq!(written(value), *expected);
            let read: String = serde_json::from_str(&written(value)).unwrap();
            assert_eq!(read, String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn a_long_string_is_cut_at_its_bound_and_says_so() {
        let mut long = vec![b'a'; LOG_STRING_BYTES_MAX - 1];
        long.extend_from_slice("éb".as_bytes());
        let expected = format!("\"{}…\"", "a".repeat(LOG_STRING_BYTES_MAX - 1));
        assert_eq!(written(&long), expected);
        assert_eq!(written(&[b'a'; LOG_STRING_BYTES_MAX]).len(), LOG_STRING_BYTES_MAX + 2);
    }

    #[test]
    fn an_object_of_all_sorts_reads_back() {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object.text("a", b"x");
        object.number("b", u64::MAX);
        object.thousandths("c", 12_034);
        object.thousandths("d", 7);
        object.null("e");
        object.text_or_null("f", None);
        object.quoted("g", |out| out.extend_from_slice(b"10.0.0.1:80"));
        object.close();
        let expected = format!(
            r#"{{"a":"x","b":{},"c":12.034,"d":0.007,"e":null,"f":null,"g":"10.0.0.1:80"}}"#,
            u64::MAX
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
