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
