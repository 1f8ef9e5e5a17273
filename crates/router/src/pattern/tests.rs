//! Several fields of a name, encoded parameters, preflights.

use super::*;
use crate::sample;

fn missed(wanted: &str, target: &str, fields: &[(&str, &str)]) -> bool {
    let mut head = sample::request("GET", target, &[&[("Host", "h")], fields].concat());
    path::normalise(&mut head).unwrap();
    Request::new(&head).check(&sample::wanted(wanted), false).is_err()
}

#[test]
fn fields_of_one_name_compare_as_one() {
    for (wanted, fields, fits) in [
        ("/ x:1", &[("X", "1")][..], true),
        ("/ x:1", &[], false),
        ("/ x:", &[("x", "")], true),
        ("/ x:1", &[("x", "1"), ("x", "2")], false),
        ("/ x:1,2", &[("x", "1"), ("X", "2")], true),
        ("/ x:1,2", &[("x", "1,2")], true),
        ("/ x:1,2", &[("x", "1"), ("x", "2"), ("x", "3")], false),
        ("/ x:1,,2", &[("x", "1"), ("x", ""), ("x", "2")], true),
        ("/ x:12", &[("x", "1"), ("x", "2")], false),
        ("/ x:~1,.", &[("x", "1"), ("x", "2")], true),
        ("/ x:~1", &[("x", "1"), ("x", "1")], false),
        ("/ x:1 y:2", &[("y", "2")], false),
    ] {
        assert_eq!(!missed(wanted, "/", fields), fits, "{wanted} {fields:?}");
    }
}

#[test]
fn parameters_compare_decoded_and_the_first_counts() {
    for (wanted, query, fits) in [
        ("/ q=1", "q=1", true),
        ("/ q=1", "q=2&q=1", false),
        ("/ q=1", "Q=1", false),
        ("/ q=1", "a&b=c&&q=1", true),
        ("/ q=", "q", true),
        ("/ q=", "q=", true),
        ("/ q=", "", false),
        ("/ q=1", "%71=%31", true),
        ("/ q=~a.b", "q=a+b", true),
        ("/ q=~a\\x20b", "q=a+b", true),
        ("/ q=~a\\x20b", "q=a%20b", true),
        ("/ q=a+b", "q=a%2Bb", true),
        ("/ q=a=b", "q=a=b", true),
        ("/ q=%", "q=%", true),
        ("/ q=%2", "q=%2", true),
        ("/ q=%zz", "q=%zz", true),
        ("/ q=a%26b", "q=a%26b", false),
        ("/ q=a&b", "q=a%26b", true),
    ] {
        assert_eq!(!missed(wanted, &format!("/?{query}"), &[]), fits, "{wanted} {query}");
    }
}

#[test]
fn a_preflight_has_the_method_that_it_asks_for_where_it_is_answered() {
    let fields = [("Host", "h"), ("Origin", "http://o"), ("Access-Control-Request-Method", "PUT")];
    let head = sample::request("OPTIONS", "/", &fields);
    let request = Request::new(&head);
    for (wanted, cors, fits) in [
        ("/ PUT", true, true),
        ("/ PUT", false, false),
        ("/ GET", true, false),
        ("/ OPTIONS", true, true),
        ("/ OPTIONS", false, true),
        ("/", false, true),
    ] {
        assert_eq!(request.check(&sample::wanted(wanted), cors).is_ok(), fits, "{wanted} {cors}");
    }
}
