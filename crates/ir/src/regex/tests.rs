//! Full match, RE2's own reading of classes, and bounds.

use super::*;

#[test]
fn expressions_match_whole_texts_as_re2_reads_them() {
    for (pattern, text, expected) in [
        ("^/v[0-9]+/.*", "/v12/x", true),
        ("^/v[0-9]+/.*", "/w/v12/x", false),
        ("/v[0-9]+", "/v1/x", false),
        ("a|b", "ab", false),
        ("a|b", "b", true),
        (r"\d+", "12", true),
        (r"\d+", "\u{0663}", false),
        (r"\w", "é", false),
        (r"[\w-]+", "a-b", true),
        (r"[^\d]", "x", true),
        (r"[\D]+", "a1", false),
        (r"[\W]+", "-[]^", true),
        (r"[\W]+", "-_", false),
        (r"[\S]+", "a b", false),
        (r"\Qa.b\E+", "a.bb", true),
        (r"\Qa.b\E", "axb", false),
        (r"[a&&b]+", "&ab", true),
        (r"[[a]+", "[a", true),
        (r"[]a]+", "]a", true),
        (r"[[:alpha:]]+", "ab", true),
        (r"\pL", "é", true),
        (r"(?i)ABC", "abc", true),
        ("", "", true),
        ("", "a", false),
        (r"a\b.c", "a.c", true),
        (".", "é", true),
    ] {
        let regex = Regex::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        assert_eq!(regex.is_match(text.as_bytes()), expected, "{pattern} on {text}");
    }
}

#[test]
fn what_re2_lacks_and_what_is_too_large_is_refused() {
    for pattern in [r"(a)\1", r"a(?=b)", r"(?!a)", "a{1001}{1001}", "(", "*a", r"\C", "a\\"] {
        assert!(Regex::parse(pattern).is_err(), "{pattern}");
    }
    assert!(matches!(Regex::parse(&"a".repeat(1 << 20)), Err(InvalidRegex::TooLong { .. })));
    assert_eq!(Regex::parse(r"\pL{900}"), Err(InvalidRegex::TooLarge));
}
