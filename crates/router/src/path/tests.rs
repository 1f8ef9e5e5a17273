//! Target and host in; what is matched and forwarded, or the refusal, out.

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::sample::{raw_request, request};

/// `host path[?query] (authority)`, or the status with its reason or location.
fn outcome(head: &mut Head) -> String {
    match normalise(head) {
        Err(error) => format!("400 {error:?}"),
        Ok(Step::Answer(answer)) => {
            let location = answer.header("location").unwrap_or_default();
            format!("{} {}", answer.status, String::from_utf8_lossy(location))
        }
        Ok(Step::Continue) => {
            let query =
                if head.has_query { format!("?{}", head.text(head.query)) } else { "".into() };
            let (host, path) = (head.text(head.host), head.text(head.path));
            format!("{host} {path}{query} ({})", head.text(head.authority))
        }
    }
}

fn check(table: &[(&str, &str, &str, &str)]) {
    for (method, target, host, expected) in table {
        let mut head = request(method, target, &[("Host", host)]);
        assert_eq!(outcome(&mut head), *expected, "{method} {target} {host}");
        if !expected.starts_with("400") && !expected.starts_with("307") {
            let field: Vec<_> = head.values(b"host").collect();
            assert_eq!(field, [head.bytes(head.authority)], "{target} {host}: the Host field");
        }
    }
}

#[test]
fn paths_have_one_form() {
    check(&[
        ("GET", "/", "h", "h / (h)"),
        ("GET", "/a/b", "h", "h /a/b (h)"),
        ("GET", "/a/b/", "h", "h /a/b/ (h)"),
        ("GET", "/?", "h", "h /? (h)"),
        ("GET", "/a?b=c&d=%2f/../?e", "h", "h /a?b=c&d=%2f/../?e (h)"),
        // Dot elements.
        ("GET", "/a/./b", "h", "h /a/b (h)"),
        ("GET", "/a/../b", "h", "h /b (h)"),
        ("GET", "/a/..", "h", "h / (h)"),
        ("GET", "/a/.", "h", "h /a/ (h)"),
        ("GET", "/a/b/..", "h", "h /a/ (h)"),
        ("GET", "/..", "h", "h / (h)"),
        ("GET", "/../../etc", "h", "h /etc (h)"),
        ("GET", "/a/..?q", "h", "h /?q (h)"),
        ("GET", "/a/%2e%2e/b", "h", "h /b (h)"),
        ("GET", "/a/.%2E/b", "h", "h /b (h)"),
        ("GET", "/a/%2e/b", "h", "h /a/b (h)"),
        ("GET", "/a/.../b", "h", "h /a/.../b (h)"),
        ("GET", "/.well-known/x", "h", "h /.well-known/x (h)"),
        ("GET", "/a/..b/.c", "h", "h /a/..b/.c (h)"),
        ("GET", "/a/..;/b", "h", "h /a/..;/b (h)"),
        // Slashes: an empty element is an element until the dots are gone.
        ("GET", "//", "h", "h / (h)"),
        ("GET", "//a///b//", "h", "h /a/b/ (h)"),
        ("GET", "/a//../b", "h", "h /a/b (h)"),
        ("GET", "/a/..//b", "h", "h /b (h)"),
        ("GET", "/a\\b", "h", "h /a/b (h)"),
        ("GET", "/a\\..\\b", "h", "h /b (h)"),
        ("GET", "/\\evil", "h", "h /evil (h)"),
        // Escapes.
        ("GET", "/%61dmin", "h", "h /admin (h)"),
        ("GET", "/%7Ea%2D%5f", "h", "h /~a-_ (h)"),
        ("GET", "/caf%c3%a9", "h", "h /caf%C3%A9 (h)"),
        ("GET", "/a%20b%3B", "h", "h /a%20b%3B (h)"),
        ("GET", "/%252e%252e/", "h", "h /%252e%252e/ (h)"),
        ("GET", "/%25%34%31", "h", "h /%2541 (h)"),
        ("GET", "/%0a", "h", "h /%0A (h)"),
        ("GET", "/a;b=c,d!$&'()*+:@", "h", "h /a;b=c,d!$&'()*+:@ (h)"),
        ("GET", "/{id}|x", "h", "h /{id}|x (h)"),
    ]);
}

#[test]
fn escaped_slashes_send_the_client_to_the_unescaped_path() {
    check(&[
        ("GET", "/a%2Fb", "h", "307 /a/b"),
        ("GET", "/a%2fb?c=%2f", "h", "307 /a/b?c=%2f"),
        ("GET", "/a%5Cb", "h", "307 /a/b"),
        ("GET", "/a%2f..%2fb", "h", "307 /b"),
        // Never a location that names another host.
        ("GET", "/%2Fevil.example", "h", "307 /evil.example"),
        ("GET", "/%5c%5cevil.example", "h", "307 /evil.example"),
        ("GET", "/..%2f%2fevil.example", "h", "307 /evil.example"),
        ("GET", "http://h/%2Fevil.example", "h", "307 /evil.example"),
    ]);
}

#[test]
fn what_is_no_target_is_refused() {
    check(&[
        ("GET", "/a%00b", "h", "400 Nul"),
        ("GET", "/a%zz", "h", "400 Escape"),
        ("GET", "/a%2", "h", "400 Escape"),
        ("GET", "/a%", "h", "400 Escape"),
        ("GET", "/a%2%35", "h", "400 Escape"),
        ("GET", "/a%+1", "h", "400 Escape"),
        ("GET", "/a#b", "h", "400 Fragment"),
        ("GET", "/a?b#c", "h", "400 Fragment"),
        ("GET", "/a b", "h", "400 Byte"),
        ("GET", "/a\tb", "h", "400 Byte"),
        ("GET", "/a\x7f", "h", "400 Byte"),
        ("GET", "/a\0", "h", "400 Byte"),
        ("GET", "/a?b\r\nx", "h", "400 Byte"),
        ("GET", "/caf\u{e9}", "h", "400 Byte"),
        ("GET", "/?caf\u{e9}", "h", "400 Byte"),
        ("GET", "", "h", "400 Form"),
        ("GET", "a", "h", "400 Form"),
        ("GET", "*", "h", "400 Form"),
        ("GET", "?a", "h", "400 Form"),
        ("GET", "ftp://h/", "h", "400 Scheme"),
        ("GET", "://h/", "h", "400 Scheme"),
    ]);
}

#[test]
fn every_form_of_target_is_read() {
    check(&[
        ("GET", "http://a.example/b?c", "other", "a.example /b?c (a.example)"),
        ("GET", "HTTPS://A.Example:8443/b", "other", "a.example /b (a.example:8443)"),
        ("GET", "http://a.example", "h", "a.example / (a.example)"),
        ("GET", "http://a.example?q", "h", "a.example /?q (a.example)"),
        ("GET", "http://a.example/../b", "a.example", "a.example /b (a.example)"),
        ("GET", "http://a.example\\b", "h", "a.example /b (a.example)"),
        ("GET", "http://a.example#b", "h", "400 Fragment"),
        ("GET", "http:///b", "h", "400 NoHost"),
        ("GET", "http://user@a.example/", "h", "400 Host"),
        ("OPTIONS", "*", "h", "h * (h)"),
        ("OPTIONS", "http://a.example", "h", "a.example * (a.example)"),
        ("OPTIONS", "http://a.example/", "h", "a.example / (a.example)"),
        ("CONNECT", "a.example:443", "a.example:443", "a.example  (a.example:443)"),
        ("CONNECT", "/chat", "h", "h /chat (h)"),
        ("CONNECT", "", "h", "h  (h)"),
        ("CONNECT", "http://a.example/", "h", "400 Host"),
    ]);
}

#[test]
fn hosts_have_one_form() {
    check(&[
        ("GET", "/", "a.example:8080", "a.example / (a.example:8080)"),
        ("GET", "/", "a.example:", "a.example / (a.example)"),
        ("GET", "/", "A.Example", "a.example / (a.example)"),
        ("GET", "/", "a.example.", "a.example / (a.example)"),
        ("GET", "/", "A.example.:80", "a.example / (a.example:80)"),
        ("GET", "/", "127.0.0.1:80", "127.0.0.1 / (127.0.0.1:80)"),
        ("GET", "/", "[::1]:80", "[::1] / ([::1]:80)"),
        ("GET", "/", "[2001:DB8::1]", "[2001:db8::1] / ([2001:db8::1])"),
        ("GET", "/", "a_b-c", "a_b-c / (a_b-c)"),
        ("GET", "/", "", "400 NoHost"),
        ("GET", "/", "a..b", "400 Host"),
        ("GET", "/", ".a", "400 Host"),
        ("GET", "/", ".", "400 Host"),
        ("GET", "/", "a..", "400 Host"),
        ("GET", "/", ":80", "400 Host"),
        ("GET", "/", "a:b", "400 Host"),
        ("GET", "/", "a:80:80", "400 Host"),
        ("GET", "/", "a:99999", "400 Host"),
        ("GET", "/", "a:+80", "400 Host"),
        ("GET", "/", "u@a", "400 Host"),
        ("GET", "/", "a/b", "400 Host"),
        ("GET", "/", "a,b", "400 Host"),
        ("GET", "/", "a b", "400 Host"),
        ("GET", "/", "a%2eb", "400 Host"),
        ("GET", "/", "caf\u{e9}.example", "400 Host"),
        ("GET", "/", "::1", "400 Host"),
        ("GET", "/", "[::1", "400 Host"),
        ("GET", "/", "[::1]x", "400 Host"),
        ("GET", "/", "[a.example]", "400 Host"),
        ("GET", "/", "[fe80::1%25eth0]", "400 Host"),
    ]);
    let long = format!("{}a", "a.".repeat(127));
    assert_eq!(outcome(&mut request("GET", "/", &[("Host", &long)])), "400 Host");
}

#[test]
fn one_request_names_one_host() {
    let twice = [("Host", "a"), ("host", "a")];
    assert_eq!(outcome(&mut request("GET", "/", &twice)), "400 Hosts");
    let mut differs = request("GET", "/", &[("Host", "a")]);
    differs.authority = differs.store(b"b");
    assert_eq!(outcome(&mut differs), "400 Hosts");
    let mut none = request("GET", "/", &[]);
    none.http10 = true;
    assert_eq!(outcome(&mut none), " / ()");
    let mut field_only = request("GET", "/", &[("Host", "a")]);
    field_only.authority = Span::default();
    assert_eq!(outcome(&mut field_only), "a / (a)");
    let mut no_field = request("GET", "/", &[]);
    no_field.authority = no_field.store(b"A");
    assert_eq!(outcome(&mut no_field), "a / (a)");
    assert_eq!(no_field.fields().count(), 0, "no field appears where none was");
}

#[test]
fn a_head_in_normal_form_is_not_copied() {
    let target = "/a/.b/c.d/%20%C3%A9/?q=%2f";
    let mut head = request("GET", target, &[("Host", "a.example:80")]);
    let before = head.raw().as_ptr_range();
    normalise(&mut head).unwrap();
    for span in [head.path, head.query, head.host, head.authority] {
        assert!(before.contains(&head.bytes(span).as_ptr()), "{span:?}");
    }
}

#[test]
fn manifests_are_written_as_requests_are() {
    for (manifest, expected) in [
        ("/a/b", "/a/b"),
        ("/%61%2d", "/a-"),
        ("/caf\u{e9}", "/caf%C3%A9"),
        ("/a%3b", "/a%3B"),
        ("/a b?c#d", "/a%20b%3Fc%23d"),
        ("/100%", "/100%"),
    ] {
        assert_eq!(canonical(manifest), expected);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_have_one_form(
        method in prop::sample::select(vec!["GET", "OPTIONS", "CONNECT"]),
        target in prop::collection::vec(any::<u8>(), 0..24),
        host in "[aA.:\\[\\]1@ ]{0,8}",
    ) {
        one_form(method, &target, &host)?;
    }

    #[test]
    fn likely_targets_are_refused_or_have_one_form(
        target in "/?(http://h)?([/.\\\\?#a]|%2[eEfF5]|%5c|%00|%41|%){0,12}",
        host in "[aA]{1,2}[.]?(:[0-9]?)?",
    ) {
        one_form("GET", target.as_bytes(), &host)?;
    }
}

/// What comes out has no second form, no dots, and no way to another host.
fn one_form(method: &str, target: &[u8], host: &str) -> proptest::test_runner::TestCaseResult {
    let mut head = raw_request(method.as_bytes(), target, &[("host", host)]);
    match normalise(&mut head) {
        Err(_) => {}
        Ok(Step::Answer(answer)) => {
            let location = answer.header("location").unwrap_or_default().to_vec();
            prop_assert!(location.starts_with(b"/") && !location.starts_with(b"//"));
            let mut again = raw_request(b"GET", &location, &[("host", "h")]);
            prop_assert_eq!(
                normalise(&mut again),
                Ok(Step::Continue),
                "the client comes back once"
            );
            let path_end = again.bytes(again.path).len();
            prop_assert_eq!(again.bytes(again.path), &location[..path_end]);
        }
        Ok(Step::Continue) => {
            let path = head.text(head.path).to_owned();
            let elements: Vec<_> = path.split('/').collect();
            prop_assert!(!elements.contains(&".") && !elements.contains(&".."), "{}", path);
            prop_assert!(!path.contains("//") && !path.contains('\\'), "{}", path);
            let query =
                if head.has_query { format!("?{}", head.text(head.query)) } else { "".into() };
            let authority = head.text(head.authority).to_owned();
            if path.starts_with('/') {
                let target = format!("{path}{query}");
                let mut again = request(method, &target, &[("host", &authority)]);
                let first = outcome_of(&head);
                prop_assert_eq!(normalise(&mut again), Ok(Step::Continue));
                prop_assert_eq!(outcome_of(&again), first);
            }
        }
    }
    Ok(())
}

fn outcome_of(head: &Head) -> [String; 4] {
    [head.host, head.path, head.query, head.authority].map(|span| head.text(span).to_owned())
}
