//! Who is let in, without an API server: that is asked in `tests/streams`.

use super::*;

#[test]
fn only_a_bearer_token_of_reasonable_size_is_looked_at() {
    let long = format!("Bearer {}", "x".repeat(TOKEN_BYTES_MAX + 1));
    for (authorization, expected) in [
        ("Bearer abc", Some("abc")),
        ("bearer  abc ", Some("abc")),
        ("Basic abc", None),
        ("Bearer ", None),
        ("Bearer", None),
        ("", None),
        (long.as_str(), None),
    ] {
        assert_eq!(bearer(authorization), expected, "{authorization:.20}");
    }
}

#[test]
fn only_service_accounts_are_names() {
    let name = service_account("system:serviceaccount:edge:public-portcullis").unwrap();
    assert_eq!(name.to_string(), "edge/public-portcullis");
    for other in ["system:node:edge", "admin", "system:serviceaccount:edge", ""] {
        assert!(service_account(other).is_none(), "{other}");
    }
}

#[test]
fn a_token_says_itself_when_it_ends() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = |exp: u64| {
        let claims = format!(r#"{{"aud":["{AUDIENCE}"],"exp":{exp}}}"#);
        format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims))
    };
    assert_eq!(left(&token(now - 10)), Duration::ZERO);
    let hour = left(&token(now + 3600));
    assert!(hour <= Duration::from_secs(3600) && hour > Duration::from_secs(3500), "{hour:?}");
    assert_eq!(left(&token(u64::MAX)), LEFT_MAX);
    for odd in ["", "a.b.c", "e30.e30.x"] {
        assert_eq!(left(odd), LEFT_UNKNOWN, "{odd}");
    }
}
