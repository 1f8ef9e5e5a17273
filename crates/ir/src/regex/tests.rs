//! Full match, RE2's own reading of classes, and bounds.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

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
        ("(?i)é", "É", true),
        (r"[\Wa]", "a", true),
        ("/{id}", "/{id}", true),
        ("a{,2}", "a{,2}", true),
        ("a{1,2}", "aa", true),
        ("a{2}", "aa", true),
        (r"\p{Greek}", "α", true),
        (r"\x{e9}", "é", true),
        (r"\<a\>", "<a>", true),
        (r"\bx", "x", true),
        ("[--/]", ".", true),
        ("[+--]", ",", true),
        ("[[:a]", ":", true),
        ("[[:^digit:]]", "a", true),
        ("[^]a]", "]", false),
        ("[~~a]", "~", true),
        (r"\Qa", "a", true),
        ("(?i:A)b", "aB", false),
        ("(?P<n>a)(?<m>b)", "ab", true),
        ("a\nb", "a\nb", true),
        ("a.b", "a\nb", false),
        ("^a$", "a\n", false),
        ("(?m)^a$", "b\na", false),
    ] {
        let regex = Regex::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        assert_eq!(regex.is_match(text.as_bytes()), expected, "{pattern} on {text}");
    }
}

#[test]
fn what_re2_lacks_and_what_is_too_large_is_refused() {
    for pattern in [
        r"(a)\1",
        r"a(?=b)",
        r"(?!a)",
        "a{1001}{1001}",
        "(",
        "*a",
        r"\C",
        "a\\",
        "a)|(?:b",
        "a)|(b",
        ")",
        "(?x)a",
        "(?-u:a)",
        "(?u)a",
        "[[:foo:]]",
        "[a",
        "[a--]",
    ] {
        assert!(Regex::parse(pattern).is_err(), "{pattern}");
    }
    assert!(matches!(Regex::parse(&"a".repeat(1 << 20)), Err(InvalidRegex::TooLong { .. })));
    assert_eq!(Regex::parse(r"\pL{900}"), Err(InvalidRegex::TooLarge));
}

proptest! {
    #[test]
    fn any_text_is_refused_or_becomes_an_expression(
        pattern in r"([a\\(){}|?*+^$.,0-9:<&~ -]|\[\^?|\]|\\[QEdDwWbBpPxzA]|\[:alpha:\]|\PC){0,16}",
        text in any::<Vec<u8>>(),
    ) {
        if let Ok(regex) = Regex::parse(&pattern) {
            regex.is_match(&text);
        }
    }

    #[test]
    fn quoted_text_matches_itself_and_nothing_else(text in "[^\\\\]{0,8}", other in "\\PC{0,8}") {
        let regex = Regex::parse(&format!(r"\Q{text}\E")).unwrap();
        prop_assert!(regex.is_match(text.as_bytes()));
        prop_assert_eq!(regex.is_match(other.as_bytes()), other == text);
    }
}
