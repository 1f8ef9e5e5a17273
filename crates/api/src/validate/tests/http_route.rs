//! HTTPRoute, and with it what routes and filters share.

use super::{DELETE, accepted, check, long, many, refused};

const BASE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: tenant}
spec:
  parentRefs:
  - {name: gw, sectionName: a}
  hostnames: [a.example.com]
  rules:
  - matches:
    - path: {type: PathPrefix, value: /app}
      headers: [{name: x, value: '1'}]
      queryParams: [{name: q, value: '1'}]
      method: GET
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}
    backendRefs:
    - {name: web, port: 80}
";

const MATCH: &str = "spec.rules[0].matches[0]";
const PATH: &str = "spec.rules[0].matches[0].path";

#[test]
fn parents_and_hostnames() {
    let parents = "spec.parentRefs";
    refused(
        BASE,
        &[
            (parents, &many(33, "{name: p#}"), parents, "at most 32"),
            (parents, "[{}]", "spec.parentRefs[0].name", "required"),
            (parents, "[{name: ''}]", "spec.parentRefs[0].name", "at least 1 chars"),
            (parents, "[{name: g, group: A}]", "spec.parentRefs[0].group", "should match"),
            (parents, "[{name: g, kind: 9}]", "spec.parentRefs[0].kind", "of type string"),
            (parents, "[{name: g, kind: '9'}]", "spec.parentRefs[0].kind", "should match"),
            (parents, "[{name: g, namespace: A}]", "spec.parentRefs[0].namespace", "should match"),
            (parents, "[{name: g, sectionName: A}]", "spec.parentRefs[0].sectionName", "match"),
            (parents, "[{name: g, port: 0}]", "spec.parentRefs[0].port", "equal to 1"),
            (parents, "[{name: g, port: 65536}]", "spec.parentRefs[0].port", "equal to 65535"),
            (parents, "[{name: g}, {name: g}]", parents, "must be unique"),
            (parents, "[{name: g}, {name: g, sectionName: a}]", parents, "must be specified"),
            (parents, "[{name: g, port: 1}, {name: g}]", parents, "must be specified"),
            (
                parents,
                "[{name: g, sectionName: a, port: 1}, {name: g, sectionName: a, port: 1}]",
                parents,
                "must be unique",
            ),
            ("spec.hostnames", &many(17, "a#.b"), "spec.hostnames", "at most 16"),
            ("spec.hostnames[0]", "A.b", "spec.hostnames[0]", "should match"),
            ("spec.hostnames[0]", "'*'", "spec.hostnames[0]", "should match"),
            ("spec.hostnames[0]", "a.*.b", "spec.hostnames[0]", "should match"),
            ("spec.hostnames[0]", &long(254), "spec.hostnames[0]", "253 characters"),
            ("spec.useDefaultGateways", "Some", "spec.useDefaultGateways", "supported values"),
        ],
    );
    accepted(
        BASE,
        &[
            &[(parents, "[{name: g}, {name: g, namespace: tenant}]")],
            &[(parents, "[{name: g, sectionName: a}, {name: g, sectionName: b}]")],
            &[(parents, "[{name: g, port: 1}, {name: g, port: 2}]")],
            &[(parents, "[{name: g}, {name: g, kind: Service, group: ''}]")],
            &[("spec.hostnames", "['*.a', 1.2.3.4]"), ("spec.useDefaultGateways", "All")],
            &[("spec.rules", DELETE), (parents, DELETE), ("spec.hostnames", DELETE)],
        ],
    );
}

#[test]
fn rules_and_matches() {
    let rules = "spec.rules";
    let value = "spec.rules[0].matches[0].path.value";
    let split = format!("[{}]", vec![format!("{{matches: {}}}", many(43, "{}")); 3].join(", "));
    refused(
        BASE,
        &[
            (rules, "[]", rules, "at least 1 items"),
            (rules, &many(17, "{}"), rules, "at most 16"),
            (rules, "[{name: a}, {name: a}]", rules, "unique within the route"),
            (rules, &split, rules, "at most 128"),
            ("spec.rules[0].name", "A", "spec.rules[0].name", "should match"),
            ("spec.rules[0].matches", &many(65, "{}"), "spec.rules[0].matches", "at most 64"),
            (value, "app", PATH, "start with '/'"),
            (value, "/a//b", PATH, "'//'"),
            (value, "/a/./b", PATH, "'/./'"),
            (value, "/a/../b", PATH, "'/../'"),
            (value, "/a%2fb", PATH, "'%2f'"),
            (value, "/a%2Fb", PATH, "'%2F'"),
            (value, "'/a#b'", PATH, "'#'"),
            (value, "/a/..", PATH, "end with '/..'"),
            (value, "/a/.", PATH, "end with '/.'"),
            (value, "/a b", PATH, "valid characters"),
            (value, "/a%4", PATH, "valid characters"),
            (value, "''", PATH, "start with '/'"),
            (value, &format!("/{}", long(1024)), value, "1024 characters"),
            (
                "spec.rules[0].matches[0].path.type",
                "Prefix",
                "spec.rules[0].matches[0].path.type",
                "\"RegularExpression\"",
            ),
        ],
    );
    let method = "spec.rules[0].matches[0].method";
    let headers = "spec.rules[0].matches[0].headers";
    let params = "spec.rules[0].matches[0].queryParams";
    refused(
        BASE,
        &[
            (method, "get", method, "unsupported value \"get\""),
            (method, "'*'", method, "unsupported value"),
            (headers, &many(17, "{name: h#, value: v}"), headers, "at most 16"),
            (
                headers,
                "[{name: a, value: b}, {name: a, value: c}]",
                "spec.rules[0].matches[0].headers[1]",
                "duplicate",
            ),
            (headers, "[{name: 'a b', value: b}]", &format!("{headers}[0].name"), "match"),
            (headers, "[{name: '', value: b}]", &format!("{headers}[0].name"), "at least 1"),
            (headers, "[{name: a, value: ' b'}]", &format!("{headers}[0].value"), "match"),
            (headers, "[{name: a}]", &format!("{headers}[0].value"), "required"),
            (headers, "[{name: a, value: b, type: X}]", &format!("{headers}[0].type"), "Exact"),
            (params, &many(17, "{name: h#, value: v}"), params, "at most 16"),
            (params, "[{name: a, value: ''}]", &format!("{params}[0].value"), "at least 1"),
            (params, "[{name: a b, value: c}]", &format!("{params}[0].name"), "match"),
            (
                params,
                "[{name: a, value: b}, {name: a, value: c}]",
                "spec.rules[0].matches[0].queryParams[1]",
                "duplicate",
            ),
            (
                params,
                &format!("[{{name: a, value: {}}}]", long(1025)),
                &format!("{params}[0].value"),
                "1024 characters",
            ),
        ],
    );
    accepted(
        BASE,
        &[
            &[(value, "/a/.b/..c/%41")],
            &[(value, "'any[thing'"), ("spec.rules[0].matches[0].path.type", "RegularExpression")],
            &[(MATCH, "{}")],
            &[("spec.rules[0].matches", "[]")],
            &[
                ("spec.rules[0].matches", &many(64, "{}")),
                ("spec.rules[1].matches", &many(64, "{}")),
            ],
            &[(headers, "[{name: a, value: 'a b'}, {name: A, value: b, type: RegularExpression}]")],
            &[(params, "[{name: a, value: ' any ü '}]")],
        ],
    );
}

#[test]
fn filters() {
    let filters = "spec.rules[0].filters";
    let first = "spec.rules[0].filters[0]";
    let one = |type_: &str, body: &str| format!("[{{type: {type_}, {body}}}]");
    let twice =
        |type_: &str, body: &str| format!("[{{type: {type_}, {body}}}, {{type: {type_}, {body}}}]");
    for (type_, member, body) in [
        ("RequestHeaderModifier", "requestHeaderModifier", "{}"),
        ("ResponseHeaderModifier", "responseHeaderModifier", "{}"),
        ("RequestMirror", "requestMirror", "{backendRef: {name: a, port: 1}}"),
        ("URLRewrite", "urlRewrite", "{hostname: a}"),
        ("ExtensionRef", "extensionRef", "{group: a, kind: B, name: c}"),
        ("CORS", "cors", "{}"),
        (
            "ExternalAuth",
            "externalAuth",
            "{protocol: GRPC, grpc: {}, backendRef: {name: a, port: 1}}",
        ),
    ] {
        let other = if type_ == "CORS" { "URLRewrite" } else { "CORS" };
        let member_body = format!("{member}: {body}");
        let missing = format!("{member} must be specified for type {type_}");
        let superfluous = format!("{member} must not be set if type is not {type_}");
        refused(
            BASE,
            &[
                (filters, &format!("[{{type: {type_}}}]"), first, &missing),
                (filters, &one(other, &member_body), first, &superfluous),
            ],
        );
        accepted(BASE, &[&[(filters, &one(type_, &member_body))]]);
        let repeated = check(BASE, &[(filters, &twice(type_, &member_body))]);
        let may = matches!(type_, "RequestMirror" | "ExtensionRef" | "ExternalAuth");
        assert_eq!(repeated.is_empty(), may, "{type_}: {repeated:?}");
    }
    let both = "[{type: RequestRedirect, requestRedirect: {}}, {type: URLRewrite, urlRewrite: {}}]";
    let redirect = "[{type: RequestRedirect, requestRedirect: {port: 1}}]";
    let repeated = twice("RequestRedirect", "requestRedirect: {}");
    refused(
        BASE,
        &[
            (
                filters,
                &many(17, "{type: ExtensionRef, extensionRef: {group: a, kind: B, name: c}}"),
                filters,
                "at most 16",
            ),
            (filters, "[{type: Magic}]", "spec.rules[0].filters[0].type", "\"ExternalAuth\""),
            (filters, "[{cors: {}}]", "spec.rules[0].filters[0].type", "required"),
            (filters, both, filters, "but not both"),
            (filters, &repeated, filters, "a RequestRedirect filter cannot be repeated"),
            (filters, redirect, "spec.rules[0]", "together with backendRefs"),
            (filters, "[{type: RequestRedirect}]", first, "requestRedirect must be specified"),
        ],
    );
    accepted(BASE, &[&[(filters, redirect), ("spec.rules[0].backendRefs", "[]")]]);
}

#[test]
fn header_modifiers_and_mirrors() {
    let at = "spec.rules[0].filters[0].requestHeaderModifier";
    let add = &format!("{at}.add");
    let remove = &format!("{at}.remove");
    refused(
        BASE,
        &[
            (add, &many(17, "{name: h#, value: v}"), add, "at most 16"),
            (add, "[{name: a, value: b}, {name: a, value: c}]", &format!("{add}[1]"), "duplicate"),
            (add, "[{name: 'a:', value: b}]", &format!("{add}[0].name"), "match"),
            (add, "[{name: a, value: \"b\\r\\nc\"}]", &format!("{add}[0].value"), "match"),
            (add, "[{name: a, value: ''}]", &format!("{add}[0].value"), "at least 1"),
            (
                add,
                &format!("[{{name: a, value: {}}}]", long(4097)),
                &format!("{add}[0].value"),
                "4096",
            ),
            (remove, &many(17, "h#"), remove, "at most 16"),
            (remove, "[a, b, a]", &format!("{remove}[2]"), "duplicate value \"a\""),
        ],
    );
    let filters = "spec.rules[0].filters";
    let at = "spec.rules[0].filters[0].requestMirror";
    let mirror = |body: &str| {
        format!(
            "[{{type: RequestMirror, requestMirror: {{backendRef: {{name: a, port: 1}}, {body}}}}}]"
        )
    };
    let bare = "[{type: RequestMirror, requestMirror: {backendRef: {name: a}}}]";
    refused(
        BASE,
        &[
            (filters, bare, &format!("{at}.backendRef"), "must have a port"),
            (filters, &mirror("percent: 101"), &format!("{at}.percent"), "equal to 100"),
            (filters, &mirror("percent: -1"), &format!("{at}.percent"), "equal to 0"),
            (filters, &mirror("percent: 1, fraction: {numerator: 1}"), at, "only one of"),
            (
                filters,
                &mirror("fraction: {numerator: 101}"),
                &format!("{at}.fraction"),
                "less than",
            ),
            (
                filters,
                &mirror("fraction: {numerator: 0, denominator: 0}"),
                &format!("{at}.fraction.denominator"),
                "equal to 1",
            ),
            (filters, &mirror("fraction: {}"), &format!("{at}.fraction.numerator"), "required"),
        ],
    );
    accepted(
        BASE,
        &[
            &[(filters, &mirror("percent: 0"))],
            &[(filters, &mirror("fraction: {numerator: 5, denominator: 5}"))],
        ],
    );
}

#[test]
fn redirects_and_rewrites() {
    let base = &BASE.replace("    backendRefs:\n    - {name: web, port: 80}\n", "");
    let filters = "spec.rules[0].filters";
    for (type_, member) in [("RequestRedirect", "requestRedirect"), ("URLRewrite", "urlRewrite")] {
        let at = format!("spec.rules[0].filters[0].{member}");
        let with = |body: &str| format!("[{{type: {type_}, {member}: {{{body}}}}}]");
        let prefix = with("path: {type: ReplacePrefixMatch, replacePrefixMatch: /}");
        let two = "[{path: {value: /a}}, {path: {value: /b}}]";
        let message = format!("when using a {type_} filter with path.replacePrefixMatch");
        let path = format!("{at}.path");
        let full = format!("path: {{type: ReplaceFullPath, replaceFullPath: /{}}}", long(1024));
        refused(
            base,
            &[
                (filters, &with("hostname: '*.a'"), &format!("{at}.hostname"), "should match"),
                (filters, &with("hostname: a b"), &format!("{at}.hostname"), "should match"),
                (filters, &with("path: {type: Magic}"), &format!("{at}.path.type"), "\"Magic\""),
                (filters, &with("path: {type: ReplaceFullPath}"), &path, "replaceFullPath must be"),
                (
                    filters,
                    &with(
                        "path: {type: ReplaceFullPath, replaceFullPath: a, replacePrefixMatch: b}",
                    ),
                    &path,
                    "replacePrefixMatch must not be set",
                ),
                (
                    filters,
                    &with("path: {type: ReplacePrefixMatch}"),
                    &path,
                    "replacePrefixMatch must be",
                ),
                (filters, &with(&full), &format!("{path}.replaceFullPath"), "1024 characters"),
            ],
        );
        for matches in [two, "[]", "[{path: {type: Exact, value: /a}}]"] {
            let found = check(base, &[(filters, &prefix), ("spec.rules[0].matches", matches)]);
            let hit =
                found.iter().any(|(at, text)| at == "spec.rules[0]" && text.contains(&message));
            assert!(hit, "{matches}: {found:?}");
        }
        accepted(base, &[&[(filters, &prefix)], &[(filters, &with("hostname: a.b"))]]);
        // On backends the rule holds as long as it is one backend that replaces the prefix.
        let backend = format!("{{name: a, port: 1, filters: {prefix}}}");
        for (count, refused) in [(1, true), (2, false)] {
            let backends = many(count, &backend);
            let changes =
                [("spec.rules[0].backendRefs", backends.as_str()), ("spec.rules[0].matches", two)];
            let found = check(base, &changes);
            let message = format!("within backendRefs, {message}");
            let hit = found.iter().any(|(_, text)| text.contains(&message));
            assert_eq!(hit, refused, "{count}: {found:?}");
        }
    }
    let at = "spec.rules[0].filters[0].requestRedirect";
    let with = |body: &str| format!("[{{type: RequestRedirect, requestRedirect: {{{body}}}}}]");
    refused(
        base,
        &[
            (filters, &with("scheme: ftp"), &format!("{at}.scheme"), "\"https\""),
            (filters, &with("port: 0"), &format!("{at}.port"), "equal to 1"),
            (filters, &with("statusCode: 304"), &format!("{at}.statusCode"), "\"308\""),
        ],
    );
    let codes = [301, 302, 303, 307, 308].map(|code| with(&format!("statusCode: {code}")));
    for code in &codes {
        accepted(base, &[&[(filters, code)]]);
    }
}

#[test]
fn cors() {
    let filters = "spec.rules[0].filters";
    let at = "spec.rules[0].filters[0].cors";
    let cors = |body: &str| format!("[{{type: CORS, cors: {{{body}}}}}]");
    for (name, max, item, bad) in [
        ("allowHeaders", 64, "h#", "a b"),
        ("allowOrigins", 64, "http://h#", "h"),
        ("exposeHeaders", 64, "h#", "a b"),
    ] {
        let list = format!("{at}.{name}");
        refused(
            BASE,
            &[
                (filters, &cors(&format!("{name}: {}", many(max + 1, item))), &list, "at most 64"),
                (filters, &cors(&format!("{name}: ['{bad}']")), &format!("{list}[0]"), "match"),
                (
                    filters,
                    &cors(&format!("{name}: [http, http]")),
                    &format!("{list}[1]"),
                    "duplicate",
                ),
            ],
        );
        let star = check(BASE, &[(filters, &cors(&format!("{name}: ['*', 'http://a']")))]);
        let alone = star.iter().any(|(at, text)| *at == list && text.contains("'*'"));
        assert_eq!(alone, name != "exposeHeaders", "{star:?}");
    }
    refused(
        BASE,
        &[
            (filters, &cors("allowMethods: [GET, '*']"), &format!("{at}.allowMethods"), "'*'"),
            (filters, &cors("allowMethods: [get]"), &format!("{at}.allowMethods[0]"), "\"*\""),
            (filters, &cors("allowMethods: [GET, GET]"), &format!("{at}.allowMethods[1]"), "dupl"),
            (
                filters,
                &cors(&format!("allowMethods: {}", many(10, "M#"))),
                &format!("{at}.allowMethods"),
                "at most 9",
            ),
            (filters, &cors("maxAge: 0"), &format!("{at}.maxAge"), "equal to 1"),
            (
                filters,
                &cors("allowCredentials: 'yes'"),
                &format!("{at}.allowCredentials"),
                "boolean",
            ),
        ],
    );
    accepted(
        BASE,
        &[
            &[(filters, &cors("allowMethods: ['*'], allowOrigins: ['*'], allowHeaders: ['*']"))],
            &[(
                filters,
                &cors("allowOrigins: ['https://*.a.b:8443', 'http://*'], allowMethods: [GET, PUT]"),
            )],
        ],
    );
}

#[test]
fn external_auth() {
    let filters = "spec.rules[0].filters";
    let at = "spec.rules[0].filters[0].externalAuth";
    let auth = |body: &str| {
        format!(
            "[{{type: ExternalAuth, externalAuth: {{backendRef: {{name: a, port: 1}}, {body}}}}}]"
        )
    };
    let list = |name: &str, list: &str| auth(&format!("protocol: HTTP, http: {{{name}: {list}}}"));
    let path = format!("{at}.http.allowedResponseHeaders");
    refused(
        BASE,
        &[
            (filters, &auth("protocol: TCP"), &format!("{at}.protocol"), "\"GRPC\""),
            (filters, &auth("protocol: GRPC"), at, "grpc must be specified"),
            (filters, &auth("protocol: HTTP"), at, "http must be specified"),
            (filters, &auth("protocol: GRPC, grpc: {}, http: {}"), at, "protocol must be 'HTTP'"),
            (filters, &auth("protocol: HTTP, grpc: {}, http: {}"), at, "protocol must be 'GRPC'"),
            (
                filters,
                &auth("protocol: HTTP, http: {path: 'a b'}"),
                &format!("{at}.http.path"),
                "match",
            ),
            (filters, &list("allowedResponseHeaders", &many(65, "h#")), &path, "at most 64"),
            (
                filters,
                &list("allowedResponseHeaders", "[a, a]"),
                &format!("{path}[1]"),
                "duplicate",
            ),
            (
                filters,
                &list("allowedHeaders", "[a, a]"),
                &format!("{at}.http.allowedHeaders[1]"),
                "dup",
            ),
            (
                filters,
                &auth("protocol: GRPC, grpc: {allowedHeaders: [a, a]}"),
                &format!("{at}.grpc.allowedHeaders[1]"),
                "duplicate",
            ),
            (
                filters,
                &auth("protocol: GRPC, grpc: {}, forwardBody: {maxSize: -1}"),
                &format!("{at}.forwardBody.maxSize"),
                "equal to 0",
            ),
        ],
    );
    accepted(BASE, &[&[(filters, &list("path", "/check%20it"))]]);
}

#[test]
fn backends() {
    let backends = "spec.rules[0].backendRefs";
    let first = "spec.rules[0].backendRefs[0]";
    refused(
        BASE,
        &[
            (backends, &many(17, "{name: a, port: 1}"), backends, "at most 16"),
            (backends, "[{name: a}]", first, "must have a port"),
            (backends, "[{name: a, port: 1, weight: -1}]", &format!("{first}.weight"), "to 0"),
            (
                backends,
                "[{name: a, port: 1, weight: 1000001}]",
                &format!("{first}.weight"),
                "1000000",
            ),
            (
                backends,
                "[{name: a, kind: XBackend, group: gateway.networking.x-k8s.io, port: 1}]",
                first,
                "must not have a port",
            ),
            (
                backends,
                "[{name: a, port: 1, filters: [{type: CORS}]}]",
                &format!("{first}.filters[0]"),
                "cors must be specified",
            ),
            (
                backends,
                &format!("[{{name: {}, port: 1}}]", long(254)),
                &format!("{first}.name"),
                "253",
            ),
        ],
    );
    accepted(
        BASE,
        &[
            &[(backends, "[{name: a, kind: XBackend, group: gateway.networking.x-k8s.io}]")],
            &[(backends, "[{name: Any Name, kind: Thing, group: example.com}]")],
            &[(backends, "[{name: a, port: 1, weight: 0}, {name: a, port: 1}]")],
        ],
    );
}

#[test]
fn timeouts_retries_and_sessions() {
    let at = "spec.rules[0].timeouts";
    let retry = "spec.rules[0].retry";
    let session = "spec.rules[0].sessionPersistence";
    refused(
        BASE,
        &[
            (at, "{request: 1s, backendRequest: 2s}", at, "cannot be longer"),
            (at, "{request: 1d}", "spec.rules[0].timeouts.request", "1m30s"),
            (at, "{request: 100}", "spec.rules[0].timeouts.request", "of type string"),
            (retry, "{attempts: -1}", "spec.rules[0].retry.attempts", "equal to 0"),
            (retry, "{codes: [399]}", "spec.rules[0].retry.codes[0]", "equal to 400"),
            (retry, "{codes: [600]}", "spec.rules[0].retry.codes[0]", "equal to 599"),
            (retry, "{codes: [500, 500]}", "spec.rules[0].retry.codes[1]", "duplicate"),
            (retry, "{backoff: 1.5s}", "spec.rules[0].retry.backoff", "units"),
            (session, "{}", session, "cookie must be specified for type Cookie"),
            (session, "{type: Header}", session, "header must be specified for type Header"),
            (session, "{type: Header, header: {name: a}, cookie: {}}", session, "cookie must not"),
            (session, "{cookie: {}, header: {name: a}}", session, "header must not be set"),
            (session, "{cookie: {lifetimeType: Permanent}}", session, "absoluteTimeout"),
            (session, "{type: Url}", &format!("{session}.type"), "\"Header\""),
            (
                session,
                "{cookie: {lifetimeType: Long}}",
                &format!("{session}.cookie.lifetimeType"),
                "\"Session\"",
            ),
            (session, "{cookie: {name: 'a b'}}", &format!("{session}.cookie.name"), "match"),
            (
                session,
                "{type: Header, header: {name: 'a b'}}",
                &format!("{session}.header.name"),
                "match",
            ),
            (session, "{type: Header, header: {}}", &format!("{session}.header.name"), "required"),
            (
                session,
                "{cookie: {}, sessionName: a}",
                &format!("{session}.sessionName"),
                "unknown field",
            ),
            (
                session,
                &format!("{{cookie: {{path: {}}}}}", long(1025)),
                &format!("{session}.cookie.path"),
                "1024",
            ),
        ],
    );
    accepted(
        BASE,
        &[
            &[
                (at, "{request: 0s, backendRequest: 2s}"),
                (retry, "{attempts: 0, codes: [400, 599]}"),
            ],
            &[(at, "{request: 2s, backendRequest: 2000ms}"), (retry, "{backoff: 1s500ms}")],
            &[(session, "{cookie: {lifetimeType: Permanent}, absoluteTimeout: 1h}")],
            &[(session, "{type: Header, header: {name: x-session}}")],
        ],
    );
}
