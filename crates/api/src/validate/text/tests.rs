//! The written-out forms against the patterns they stand for.

use std::sync::LazyLock;

use proptest::prelude::{ProptestConfig, proptest};
use regex_automata::meta::Regex;

use super::*;

const FORMS: [(&str, &Form); 21] = [
    ("GROUP", &GROUP),
    ("KIND", &KIND),
    ("NAMESPACE", &NAMESPACE),
    ("SECTION_NAME", &SECTION_NAME),
    ("PRECISE_HOSTNAME", &PRECISE_HOSTNAME),
    ("HOSTNAME", &HOSTNAME),
    ("CONTROLLER", &CONTROLLER),
    ("ADDRESS_TYPE", &ADDRESS_TYPE),
    ("PROTOCOL", &PROTOCOL),
    ("HEADER_NAME", &HEADER_NAME),
    ("HEADER_VALUE", &HEADER_VALUE),
    ("PATH", &PATH),
    ("GRPC_SERVICE", &GRPC_SERVICE),
    ("GRPC_METHOD", &GRPC_METHOD),
    ("ORIGIN", &ORIGIN),
    ("LABEL_VALUE", &LABEL_VALUE),
    ("WELL_KNOWN_CA", &WELL_KNOWN_CA),
    ("URI", &URI),
    ("ATTRIBUTE_NAME", &ATTRIBUTE_NAME),
    ("ATTRIBUTE_KEY", &ATTRIBUTE_KEY),
    ("SPAN_NAME", &SPAN_NAME),
];

/// Texts near the edges of the patterns.
const TEXTS: [&str; 62] = [
    "",
    "a",
    "A",
    "9",
    "-",
    ".",
    "_",
    "a-",
    "-a",
    "a--b",
    "a.b",
    "a..b",
    ".a",
    "a.",
    "a.-b",
    "A.b",
    "*",
    "*.a",
    "*.",
    "*a",
    "a.*",
    "**.a",
    "a/b",
    "a/",
    "/a",
    "/",
    "a.b/c/d",
    "a.b/c d",
    "A/b",
    "-/b",
    "x y/b",
    "Hostname",
    "Hostnames",
    "IPAddress",
    "myIPAddressX",
    "NamedAddress",
    "HTTP",
    "a b/9",
    "a/b-c",
    "a  b",
    "a\tb",
    " a",
    "a ",
    "a\u{e9}",
    "%41",
    "%4",
    "%zz",
    "a%2Fb",
    "a?b",
    "http://a",
    "https://*",
    "http://*.a.b:80",
    "http://a:123456",
    "http://a:",
    "ftp://a",
    "a:b",
    "a://b",
    "://b",
    "a/b://c",
    "System",
    "a.b/C_d",
    "a/b\n",
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    FORMS.iter().map(|(name, form)| Regex::new(form.pattern).expect(name)).collect()
});

fn agree(text: &str) -> Result<(), String> {
    for ((name, form), pattern) in FORMS.iter().zip(&*PATTERNS) {
        if pattern.is_match(text) != (form.matches)(text) {
            return Err(format!("{name} of {text:?}: the pattern says {}", pattern.is_match(text)));
        }
    }
    Ok(())
}

#[test]
fn forms_hold_at_the_edges() {
    for text in TEXTS {
        assert_eq!(agree(text), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn forms_hold_for_any_text(
        words in "[a-cA-C09*./:_~ -]{0,12}",
        urls in "(http|https|a)?:?/?/?[*]?[.]?[a-z9.-]{0,6}(:[0-9]{0,6})?",
        odd in "[!-~\t\n é]{0,6}",
        prefixed in "[a-z.-]{0,4}/[A-Za-z0-9_./%~-]{0,4}",
    ) {
        for text in [words, urls, odd, prefixed] {
            assert_eq!(agree(&text), Ok(()));
        }
    }
}

#[test]
fn qualified_names() {
    let long = "a".repeat(64);
    for (text, fits) in [
        ("app", true),
        ("App_1.x", true),
        ("example.com/app", true),
        ("/app", false),
        ("a/b/c", false),
        ("Example.com/app", false),
        ("example.com/", false),
        ("", false),
        ("-app", false),
        (&long, false),
        (&long[..63], true),
    ] {
        assert_eq!(is_qualified_name(text), fits, "{text:?}");
    }
}
