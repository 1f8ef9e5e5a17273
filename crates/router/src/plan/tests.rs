//! Which filter acts when, and what the chosen backend adds.

use ir::{
    Cors, CorsList, Fraction, HeaderEdits, HeaderField, HeaderName, HeaderValue, OriginPattern,
    PathEdit, Redirect, Rewrite, WeightedBackend,
};

use super::*;
use crate::{Cause, sample};

const CONTEXT: RequestContext = RequestContext { scheme: Scheme::Http, port: 80 };

fn add(value: &str) -> HeaderEdits {
    let name = HeaderName::parse("x").unwrap();
    let value = HeaderValue::parse(value).unwrap();
    HeaderEdits { add: vec![HeaderField { name, value }], ..HeaderEdits::default() }
}

fn cors() -> Filter {
    Filter::Cors(Cors {
        allow_origins: vec![OriginPattern::Exact("http://o".into())],
        allow_methods: CorsList::All,
        allow_headers: CorsList::All,
        expose_headers: CorsList::Only(Vec::new()),
        max_age_seconds: 5,
        allow_credentials: false,
    })
}

fn redirect() -> Filter {
    let (scheme, hostname, path, port) = (None, None, None, None);
    Filter::Redirect(Redirect { status: 302, scheme, hostname, path, port })
}

fn path(text: &str) -> Filter {
    Filter::Rewrite(Rewrite { hostname: None, path: Some(PathEdit::Prefix(text.into())) })
}

fn plan(filters: Vec<Filter>, of_backend: Vec<Filter>) -> Plan {
    let mut rule = sample::matching(vec![sample::wanted("/a")]);
    rule.filters = filters;
    rule.backends[0].filters = of_backend;
    Plan::compile(&Id::new("rule"), &Arc::new(rule), &mut Backends::default())
}

fn head(method: &str) -> Head {
    let fields = [("Host", "h"), ("Origin", "http://o"), ("Access-Control-Request-Method", "GET")];
    let mut head = sample::request(method, "/a/b", &fields);
    crate::path::normalise(&mut head).unwrap();
    head
}

fn cause(plan: &Plan, method: &str) -> Option<Cause> {
    match plan.on_request(&mut Prefix::of(2), &mut head(method), &CONTEXT) {
        Step::Continue => None,
        Step::Answer(answer) => Some(answer.cause),
    }
}

#[test]
fn failure_goes_first_then_preflights_then_the_users_order() {
    let failure = Filter::Fail(Failure::FilterNotBuilt);
    let failed = Some(Cause::Failure(Failure::FilterNotBuilt));
    for (filters, method, expected) in [
        (vec![redirect(), cors(), failure], "OPTIONS", failed),
        (vec![redirect(), cors()], "OPTIONS", Some(Cause::Preflight)),
        (vec![redirect(), cors()], "GET", Some(Cause::Redirect)),
        (vec![cors()], "GET", None),
        (vec![], "OPTIONS", None),
    ] {
        assert_eq!(cause(&plan(filters.clone(), vec![]), method), expected, "{filters:?}");
    }
}

#[test]
fn a_hostname_that_cannot_be_written_fails_closed() {
    let rewrite = Rewrite { hostname: Some("a\r\nb: c".into()), path: None };
    let plan = plan(vec![Filter::Rewrite(rewrite)], vec![]);
    assert_eq!(cause(&plan, "GET"), Some(Cause::Failure(Failure::InvalidValue)));
}

#[test]
fn the_backends_filters_come_behind_the_rules_and_before_them_on_the_way_back() {
    let request = |value| Filter::RequestHeaders(add(value));
    let response = |value| Filter::ResponseHeaders(add(value));
    let plan = plan(
        vec![request("rule"), response("rule"), path("/r")],
        vec![response("backend"), path("/s/t"), request("backend")],
    );
    let (mut head, mut prefix) = (head("GET"), Prefix::of(2));
    assert_eq!(plan.on_request(&mut prefix, &mut head, &CONTEXT), Step::Continue);
    assert_eq!(head.text(head.path), "/r/b");
    assert_eq!(plan.on_backend_request(0, &mut prefix, &mut head, &CONTEXT), Step::Continue);
    assert_eq!(head.text(head.path), "/s/t/b");
    assert_eq!(head.values(b"x").collect::<Vec<_>>(), [b"rule,backend"]);
    let mut answer = Head::default();
    plan.on_response(Some(0), None, &mut answer);
    assert_eq!(answer.values(b"x").collect::<Vec<_>>(), [b"backend,rule"]);
    let mut answer = Head::default();
    plan.on_response(None, None, &mut answer);
    assert_eq!(answer.values(b"x").collect::<Vec<_>>(), [b"rule"]);
}

#[test]
fn the_origin_outlives_its_field() {
    let remove = HeaderEdits {
        remove: vec![HeaderName::parse("origin").unwrap()],
        ..HeaderEdits::default()
    };
    let plan = plan(vec![cors(), Filter::RequestHeaders(remove)], vec![]);
    let mut head = head("GET");
    let origin = origin(&head).unwrap();
    plan.on_request(&mut Prefix::of(2), &mut head, &CONTEXT);
    assert_eq!(head.known(Known::Origin), None);
    let mut answer = Head::default();
    plan.on_response(Some(0), Some(head.bytes(origin)), &mut answer);
    let told: Vec<_> = answer.values(b"access-control-allow-origin").collect();
    assert_eq!(told, [b"http://o"]);
}

#[test]
fn invalid_backends_keep_their_share_and_invalid_mirrors_get_nothing() {
    let mirror = |backend| {
        let share = Fraction { numerator: 1, denominator: 2 };
        Filter::Mirror(Mirror { backend, share })
    };
    let invalid = || BackendChoice::Invalid(InvalidBackend::NotPermitted);
    let mut rule = sample::matching(vec![sample::wanted("/")]);
    let valid = rule.backends[0].backend.clone();
    rule.filters = vec![mirror(invalid()), mirror(valid)];
    rule.backends.push(WeightedBackend { backend: invalid(), weight: 3, filters: Vec::new() });
    let mut backends = Backends::default();
    let plan = Plan::compile(&Id::new("rule"), &Arc::new(rule), &mut backends);
    let failed = |cursor| plan.backends[plan.pick(cursor).unwrap()].backend.is_err();
    assert_eq!((0..400).filter(|cursor| failed(*cursor)).count(), 300);
    let slot = backends.slot(&Id::new("b"));
    assert_eq!([plan.mirrors[0].backend, plan.mirrors[1].backend], [None, slot]);
    assert_eq!((0..400).filter(|cursor| plan.mirrors[1].takes(*cursor)).count(), 200);
    assert_eq!(plan.slots().count(), 2, "the backend is named twice");
}
