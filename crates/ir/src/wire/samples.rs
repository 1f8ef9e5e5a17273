//! Resources of every kind for tests.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use crate::{
    Backend, BackendChoice, Bind, Certificate, ClientValidation, Cors, CorsList, Endpoint,
    Endpoints, Failure, Filter, Fraction, HeaderEdits, HeaderField, HeaderMatch, HeaderName,
    HeaderValue, Hostname, Id, InvalidBackend, Listener, Match, Mirror, OriginPattern, PathEdit,
    PathMatch, Protocol, QueryMatch, Redirect, Regex, Resource, Retry, Rewrite, Route, Rule,
    Scheme, Target, Timeouts, Tls, TrustBundle, UpstreamProtocol, ValidationMode, ValueMatch,
    WeightedBackend,
};

/// A certificate and its key.
pub(super) fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".into()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// A rule with every field and every filter in use.
pub(super) fn rule() -> Rule {
    let value = |text| ValueMatch::Regex(Regex::parse(text).unwrap());
    let field = |name, value| HeaderField {
        name: HeaderName::parse(name).unwrap(),
        value: HeaderValue::parse(value).unwrap(),
    };
    let edits = HeaderEdits {
        set: vec![field("X-A", "1")],
        add: vec![field("X-B", "ü 2")],
        remove: vec![HeaderName::parse("X-C").unwrap()],
    };
    let valid = || BackendChoice::Valid(Id::new("a/b:80"));
    Rule {
        route: Id::new("a/r"),
        index: 3,
        name: Some("third".into()),
        matches: vec![Match {
            path: PathMatch::Regex(Regex::parse("/v[0-9]+").unwrap()),
            method: Some("GET".into()),
            headers: vec![HeaderMatch {
                name: HeaderName::parse("X-H").unwrap(),
                value: value("a|b"),
            }],
            query: vec![QueryMatch { name: "q".into(), value: ValueMatch::Exact("".into()) }],
        }],
        filters: vec![
            Filter::RequestHeaders(edits.clone()),
            Filter::ResponseHeaders(edits),
            Filter::Redirect(redirect()),
            Filter::Rewrite(Rewrite { hostname: None, path: Some(PathEdit::Full("/x".into())) }),
            Filter::Mirror(Mirror {
                backend: valid(),
                share: Fraction { numerator: 1, denominator: 3 },
            }),
            Filter::Cors(cors()),
            Filter::Fail(Failure::InvalidValue),
        ],
        backends: vec![
            WeightedBackend { backend: valid(), weight: u32::MAX, filters: Vec::new() },
            WeightedBackend {
                backend: BackendChoice::Invalid(InvalidBackend::NotPermitted),
                weight: 0,
                filters: vec![Filter::Fail(Failure::FilterNotBuilt)],
            },
        ],
        timeouts: Timeouts {
            request: Some(Duration::from_nanos(1_500_000_001)),
            backend_request: None,
        },
        retry: Some(Retry {
            attempts: 2,
            codes: vec![NonZeroU16::new(503).unwrap()],
            backoff: Some(Duration::MAX),
        }),
    }
}

fn redirect() -> Redirect {
    Redirect {
        status: 308,
        scheme: Some(Scheme::Https),
        hostname: Some("b.example".into()),
        path: Some(PathEdit::Prefix("/p".into())),
        port: Some(8443),
    }
}

fn cors() -> Cors {
    Cors {
        allow_origins: vec![
            OriginPattern::Any,
            OriginPattern::Exact("https://a.example".into()),
            OriginPattern::Wildcard { prefix: "https://".into(), suffix: ".a.example".into() },
        ],
        allow_methods: CorsList::All,
        allow_headers: CorsList::Only(vec!["x-a".into()]),
        expose_headers: CorsList::Only(Vec::new()),
        max_age_seconds: 5,
        allow_credentials: true,
    }
}

/// Something of every kind, with every field and every shape of value in use.
pub(super) fn samples() -> Vec<Resource> {
    let (cert, key) = pair();
    let bind = |address: Option<&str>| {
        let address = address.map(|text| text.parse().unwrap());
        Resource::Bind(Arc::new(Bind { gateway: "a/g".into(), address, port: 65535 }))
    };
    let listener = |hostname, protocol| {
        let hostname = Hostname::parse(hostname).unwrap();
        Resource::Listener(Arc::new(Listener { bind: Id::new("a/g/80"), hostname, protocol }))
    };
    let tls = |mode| {
        let validation = ClientValidation { mode, trust: vec![Id::new("a/ca")] };
        Protocol::Https(Tls {
            certificates: vec![Id::new("a/c")],
            client_validation: Some(validation),
        })
    };
    let backend = |protocol, target| Resource::Backend(Arc::new(Backend { protocol, target }));
    let endpoint = |text: &str| Endpoint { address: text.parse().unwrap(), port: 1 };
    let endpoints = vec![endpoint("10.0.0.1"), endpoint("2001:db8::1")];
    vec![
        bind(None),
        bind(Some("127.0.0.1")),
        bind(Some("::1")),
        listener("", Protocol::Http),
        listener("*.a.example", tls(ValidationMode::AllowValidOnly)),
        listener("a.example", tls(ValidationMode::AllowInsecureFallback)),
        Resource::Route(Arc::new(Route {
            listeners: vec![Id::new("a/g/http")],
            hostnames: vec![Hostname::parse("*.a.example").unwrap()],
            created: -1,
            namespace: "a".into(),
            name: "r".into(),
        })),
        Resource::Rule(Arc::new(rule())),
        Resource::Rule(Arc::new(plain_rule())),
        backend(UpstreamProtocol::Http1, Target::Endpoints(Id::new("a/e"))),
        backend(UpstreamProtocol::H2c, Target::Dns { host: "b.example".into(), port: 80 }),
        Resource::Endpoints(Arc::new(Endpoints { endpoints })),
        Resource::Endpoints(Arc::default()),
        Resource::Certificate(Arc::new(
            Certificate::parse(cert.as_bytes(), key.as_bytes()).unwrap(),
        )),
        Resource::TrustBundle(Arc::new(TrustBundle::parse(cert.as_bytes()).unwrap())),
    ]
}

fn plain_rule() -> Rule {
    let path = PathMatch::Prefix("/".into());
    Rule {
        route: Id::new("a/r"),
        index: 0,
        name: None,
        matches: vec![Match { path, method: None, headers: Vec::new(), query: Vec::new() }],
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    }
}
