//! Lines against their reference.

use std::{net::SocketAddr, time::UNIX_EPOCH};

use ir::Id;

use super::*;
use crate::http::{Failure, record::Protocol};

fn line(record: &Record<'_>) -> String {
    let mut out = Vec::new();
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    write_line(&mut out, &mut Clock::default(), record, now);
    String::from_utf8(out).unwrap()
}

fn with_record<T>(check: impl FnOnce(Record<'_>) -> T) -> T {
    let peer: SocketAddr = "192.0.2.7:4321".parse().unwrap();
    let bind = Id::new("ns/gw/80");
    check(Record {
        protocol: Protocol::Http2,
        bind: &bind,
        listener: Some(&Id::new("ns/gw/http")),
        sni: Some("shop.example.com"),
        route: Some(&Id::new("HTTPRoute/ns/r")),
        rule: Some(&Id::new("HTTPRoute/ns/r/0")),
        backend: Some(&Id::new("ns/svc/80")),
        endpoint: Some("[2001:db8::1]:8080".parse().unwrap()),
        peer,
        method: b"GET",
        authority: b"shop.example.com:443",
        path: b"/a",
        user_agent: b"curl/8",
        request_id: b"1234",
        status: 502,
        failure: Some(Failure::UpstreamReset),
        retries: 2,
        bytes_in: 3,
        bytes_out: 4,
        duration: Duration::from_micros(12_345),
        upstream: Some(Duration::from_micros(9_001)),
    })
}

#[test]
fn a_line_says_all_that_is_known() {
    let expected = concat!(
        r#"{"time":"2023-11-14T22:13:19.987Z","method":"GET","authority":"shop.example.com:443","#,
        r#""path":"/a","protocol":"HTTP/2","status":502,"reason":"upstream_reset","#,
        r#""bind":"ns/gw/80","listener":"ns/gw/http","route":"HTTPRoute/ns/r","#,
        r#""rule":"HTTPRoute/ns/r/0","#,
        r#""backend":"ns/svc/80","endpoint":"[2001:db8::1]:8080","bytes_in":3,"bytes_out":4,"#,
        r#""duration_ms":12.345,"upstream_ms":9.001,"retries":2,"request_id":"1234","#,
        r#""client":"192.0.2.7:4321","sni":"shop.example.com","user_agent":"curl/8"}"#,
        "\n"
    );
    assert_eq!(with_record(|record| line(&record)), expected);
}

#[test]
fn what_is_not_known_is_null_and_untrusted_bytes_stay_in_their_string() {
    let text = with_record(|record| {
        line(&Record {
            listener: None,
            sni: None,
            route: None,
            rule: None,
            backend: None,
            endpoint: None,
            method: b"",
            authority: b"a\"},\n{\"status\":200",
            path: b"/\xff\r",
            user_agent: b"",
            request_id: b"",
            failure: None,
            upstream: None,
            ..record
        })
    });
    assert_eq!(text.matches('\n').count(), 1);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let nulls: Vec<_> = value
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.is_null())
        .map(|(name, _)| name.as_str())
        .collect();
    let expected = [
        "method",
        "reason",
        "listener",
        "route",
        "rule",
        "backend",
        "endpoint",
        "upstream_ms",
        "request_id",
        "sni",
        "user_agent",
    ];
    assert_eq!(nulls, expected);
    assert_eq!(value["status"], 502);
    assert_eq!(value["authority"], "a\"},\n{\"status\":200");
    assert_eq!(value["path"], "/\u{fffd}\r");
}

#[test]
fn the_reference_lists_every_member_in_order() {
    let document = include_str!("../../../../../docs/reference/access-log.md");
    let rows: Vec<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let text = with_record(|record| line(&record));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let members: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let (of_lines, reasons) = rows.split_at(members.len());
    assert_eq!(of_lines, members);
    let all: Vec<_> = Failure::ALL.iter().map(|failure| failure.reason()).collect();
    assert_eq!(reasons, all);
}
