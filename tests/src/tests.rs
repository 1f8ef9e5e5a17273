//! The harness itself: whatever is expected wrongly is told, and nothing else is.

use crate::{World, cases, compare, expect, requests, worlds};

fn world(name: &str) -> World {
    let cases = cases().unwrap();
    let case = cases.iter().find(|case| case.name == format!("conformance/{name}")).unwrap();
    worlds(case).unwrap().remove(0)
}

/// What is told of one row, which is about the Gateway `same-namespace` unless it says otherwise.
fn told(world: &World, row: &str) -> Vec<String> {
    let text = format!("gateway: infra/same-namespace\nport: 80\ncases:\n  - {row}\n");
    let requests = requests::parse(&text).unwrap();
    compare::request(world, &requests[0]).unwrap()
}

#[test]
fn a_wrong_decision_is_told_by_its_key() {
    let world = world("HTTPRouteMatching");
    let right = "{path: /v2, expect: {listener: http, rule: matching/1, to: infra/two}}";
    assert_eq!(told(&world, right), Vec::<String>::new());
    for (row, key) in [
        ("{path: /v2, expect: {to: infra/one}}", "to:"),
        ("{path: /v2, expect: {to: infra/tw}}", "to:"),
        ("{path: /v2, expect: {to: infra/two/80}}", "to:"),
        ("{path: /v2, expect: {to: {infra/two: 2}}}", "to:"),
        ("{path: /v2, expect: {to: {infra/two: 1, infra/one: 1}}}", "to:"),
        ("{path: /v2, expect: {status: 404}}", "forwarded to"),
        ("{path: /v2, expect: {refused: true}}", "forwarded to"),
        ("{path: /v2, expect: {listener: https, to: infra/two}}", "listener:"),
        ("{path: /v2, expect: {listener: ttp, to: infra/two}}", "listener:"),
        ("{path: /v2, expect: {rule: matching/0, to: infra/two}}", "rule:"),
        ("{path: /v2, expect: {ruleName: x, to: infra/two}}", "ruleName:"),
        ("{path: /v2, expect: {certificates: [x/y], to: infra/two}}", "certificates:"),
        ("{path: /v2, expect: {to: infra/two, forwarded: {path: /}}}", "forwarded path:"),
        ("{path: /v2, expect: {to: infra/two, forwarded: {host: x}}}", "forwarded host:"),
        ("{path: /v2, expect: {to: infra/two, forwarded: {headers: {A: b}}}}", "forwarded A:"),
        (
            "{path: /v2, headers: {A: b}, expect: {to: infra/two, forwarded: {absent: [a]}}}",
            "forwarded a:",
        ),
        (
            "{path: /v2, expect: {to: infra/two, forwardedTo: {infra/two: {path: /}}}}",
            "forwarded path:",
        ),
        ("{path: /v2, expect: {to: infra/two, forwardedTo: {infra/one: {}}}}", "forwardedTo:"),
        ("{path: /v2, expect: {to: infra/two, protocol: H2c}}", "protocol:"),
        ("{path: /v2, expect: {to: infra/two, endpoints: []}}", "endpoints:"),
        ("{path: /v2, expect: {to: infra/two, mirrors: {infra/one: 1/1}}}", "mirrors:"),
        ("{path: /v2, expect: {to: infra/two, timeouts: {request: 1ms}}}", "timeouts:"),
        ("{path: /v2, expect: {to: infra/two, retry: {attempts: 1, codes: []}}}", "retry:"),
        ("{path: /v2, expect: {to: infra/two, response: {headers: {A: b}}}}", "response's A:"),
        (
            "{path: /v2, expect: {to: infra/two, response: {given: {A: b}, absent: [a]}}}",
            "response's a:",
        ),
        ("{path: '/#', expect: {to: infra/two}}", "answered with 400"),
        ("{path: '/#', expect: {status: 404}}", "status:"),
        ("{path: /a%2Fb, expect: {status: 307, headers: {location: /}}}", "answer's location:"),
        ("{path: /a%2Fb, expect: {status: 307, absent: [location]}}", "answer's location:"),
        ("{port: 81, expect: {to: infra/two}}", "the connection is refused"),
    ] {
        let told = told(&world, row);
        assert_eq!(told.len(), 1, "{row}: {told:?}");
        assert!(told[0].starts_with(key), "{row}: {told:?}");
    }
}

#[test]
fn fields_are_compared_as_lists_where_they_are_lists() {
    let world = world("HTTPRouteCORS");
    let preflight = |expect: &str| {
        let headers = "{Origin: https://www.foo.com, Access-Control-Request-Method: GET}";
        let row = "method: OPTIONS, path: /several";
        told(
            &world,
            &format!("{{{row}, headers: {headers}, expect: {{status: [200, 204], {expect}}}}}"),
        )
    };
    let methods = "access-control-allow-methods";
    assert!(preflight(&format!("lists: {{{methods}: [OPTIONS, get]}}")).is_empty());
    assert!(preflight(&format!("anyOf: {{{methods}: [PUT, 'options,GET']}}")).is_empty());
    assert_eq!(preflight(&format!("lists: {{{methods}: [GET]}}")).len(), 1);
    assert_eq!(preflight(&format!("anyOf: {{{methods}: [GET, PUT]}}")).len(), 1);
    assert_eq!(preflight("anyOf: {x-none: ['']}").len(), 1);
}

#[test]
fn shares_and_copies_are_counted() {
    let weights = world("HTTPRouteWeight");
    assert_eq!(told(&weights, "{expect: {to: {infra/one: 70, infra/two: 30}}}").len(), 0);
    for wrong in ["infra/one", "{infra/one: 69, infra/two: 31}", "{infra/one: 70}"] {
        assert_eq!(told(&weights, &format!("{{expect: {{to: {wrong}}}}}")).len(), 1, "{wrong}");
    }
    let copies = world("HTTPRouteRequestPercentageMirror");
    for (mirrors, problems) in [
        ("{infra/two: 20/100}", 0),
        ("{infra/two: 1/5}", 0),
        ("{infra/two: 21/100}", 1),
        ("{infra/two: all}", 1),
        ("{}", 1),
        ("{infra/one: 20/100}", 2),
    ] {
        let row = format!("{{path: /percent, expect: {{to: infra/one, mirrors: {mirrors}}}}}");
        assert_eq!(told(&copies, &row).len(), problems, "{mirrors}");
    }
}

#[test]
fn what_cannot_be_a_row_is_an_error() {
    for row in [
        "{}",
        "{expect: {}}",
        "{expect: {to: a/b, status: 404}}",
        "{expect: {to: a/b, refused: true}}",
        "{step: 0, expect: {to: a/b}}",
        "{hosts: x, expect: {to: a/b}}",
        "{expect: {to: a/b, forward: {}}}",
        "{expect: {to: a/b, forwarded: {paths: /}}}",
        "{expect: {to: a/b, retry: {attempts: 1, codes: [], code: 1}}}",
    ] {
        let text = format!("gateway: infra/same-namespace\nport: 80\ncases: [{row}]");
        assert!(requests::parse(&text).is_err(), "{row}");
    }
    assert!(requests::parse("cases: [{expect: {to: a/b}}]").is_err(), "neither Gateway nor port");
}

#[test]
fn a_wrong_status_is_told_by_its_part() {
    let world = world("HTTPRouteMatching");
    let told = |text: &str| expect::parse(&format!("[{{{text}}}]")).unwrap()[0].compare(&world);
    let route = |conditions: &str| {
        let parents = format!("parents: {{infra/same-namespace: [{conditions}]}}");
        told(&format!("object: HTTPRoute/infra/matching, {parents}")).unwrap()
    };
    assert!(route("Accepted=True, ResolvedRefs=True/ResolvedRefs, Other=absent").is_empty());
    for wrong in ["Accepted=False", "Accepted=True/X", "Accepted=absent", "Other=True"] {
        assert_eq!(route(wrong).len(), 1, "{wrong}");
    }
    for (text, part) in [
        ("object: HTTPRoute/infra/other", "it has no status"),
        ("object: HTTPRoute/infra/matching, parents: {}", "parents:"),
        ("object: HTTPRoute/infra/matching, parents: {infra/same-namespace/http: []}", "parents:"),
        ("object: HTTPRoute/infra/matching, generation: 7", "generation:"),
    ] {
        let told = told(text).unwrap();
        assert!(told.len() == 1 && told[0].starts_with(part), "{text}: {told:?}");
    }
    for (part, start) in [
        ("conditions: [Programmed=False]", "expected Programmed"),
        ("addresses: 2", "addresses:"),
        ("addresses: [127.0.0.9]", "addresses:"),
        ("listeners: {}", "listeners:"),
        ("listeners: {http: {attachedRoutes: 2}}", "listener http: attachedRoutes:"),
        ("listeners: {http: {kinds: []}}", "listener http: kinds:"),
        ("listeners: {http: {kinds: [Other]}}", "listener http: kinds:"),
        ("listeners: {http: {conditions: [Accepted=False]}}", "listener http: expected"),
    ] {
        let told = told(&format!("object: Gateway/infra/same-namespace, {part}")).unwrap();
        assert!(told.len() == 1 && told[0].starts_with(start), "{part}: {told:?}");
    }
    assert!(told("object: HTTPRoute").is_err());
    assert!(told("object: Gateway/infra/same-namespace, conditions: [Accepted]").is_err());
    assert!(expect::parse("[{object: Gateway/a/b, condition: []}]").is_err());
}
