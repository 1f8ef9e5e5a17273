//! What a token says of itself, before anybody has vouched for it. A token that does not even claim
//! to be a proxy's costs no question to the API server; one that does proves nothing by that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api::meta::NamespacedName;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::AUDIENCE;

/// The claims that a ServiceAccount's token has (RFC 7519 §4.1), as far as they matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// Whose it is.
    pub(super) account: NamespacedName,
    /// How long it goes on to be good.
    pub(super) left: Duration,
}

/// Reads a token whose size is bounded; none if it is not one of a ServiceAccount for us, or has
/// ended.
pub(super) fn read(token: &str, now: SystemTime) -> Option<Claims> {
    let mut parts = token.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || header.is_empty() || signature.is_empty() {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let said: Said = serde_json::from_slice(&json).ok()?;
    let for_us = match &said.aud {
        Audience::One(one) => one == AUDIENCE,
        Audience::Some(some) => some.iter().any(|one| one == AUDIENCE),
    };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = Duration::from_secs(said.exp);
    let good = end.saturating_add(SKEW) > now;
    let account = service_account(&said.sub).filter(|_| for_us && good)?;
    Some(Claims { account, left: end.saturating_sub(now) })
}

/// The ServiceAccount that a user is.
pub(super) fn service_account(username: &str) -> Option<NamespacedName> {
    let (namespace, name) = username.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let fits = namespace.len() <= NAMESPACE_BYTES_MAX && name.len() <= NAME_BYTES_MAX;
    fits.then(|| NamespacedName::new(namespace, name))
}

#[derive(Deserialize)]
struct Said {
    sub: String,
    aud: Audience,
    exp: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Some(Vec<String>),
}

/// The API server decides by its own clock, which may be a little behind.
const SKEW: Duration = Duration::from_secs(60);
/// A label of DNS.
const NAMESPACE_BYTES_MAX: usize = 63;
/// A name in DNS.
const NAME_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn token(claims: &str) -> String {
        format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims))
    }

    fn told(token: &str) -> Option<(String, u64)> {
        let claims = read(token, UNIX_EPOCH + Duration::from_secs(NOW))?;
        Some((claims.account.to_string(), claims.left.as_secs()))
    }

    #[test]
    fn a_token_says_itself_whose_it_is_and_when_it_ends() {
        let sub = r#""sub":"system:serviceaccount:edge:public-portcullis""#;
        for (aud, exp, left) in [
            (r#"["portcullis.dev/proxy"]"#, NOW + 3600, Some(3600)),
            (r#""portcullis.dev/proxy""#, NOW + 3600, Some(3600)),
            (r#"["x","portcullis.dev/proxy"]"#, NOW + 1, Some(1)),
            (r#"["portcullis.dev/proxy"]"#, u64::MAX, Some(u64::MAX - NOW)),
            (r#"["portcullis.dev/proxy"]"#, NOW - 59, Some(0)),
            (r#"["portcullis.dev/proxy"]"#, NOW - 60, None),
            (r#"["https://kubernetes.default.svc"]"#, NOW + 3600, None),
            ("[]", NOW + 3600, None),
        ] {
            let claims = format!(r#"{{"aud":{aud},"exp":{exp},{sub},"iss":{{"any":[1]}}}}"#);
            let expected = left.map(|left| ("edge/public-portcullis".to_owned(), left));
            assert_eq!(told(&token(&claims)), expected, "{claims}");
        }
    }

    #[test]
    fn what_is_no_token_of_a_service_account_is_none() {
        let of = |sub: &str| {
            token(&format!(r#"{{"aud":"{AUDIENCE}","exp":{},"sub":"{sub}"}}"#, NOW + 9))
        };
        let good = of("system:serviceaccount:a:b");
        assert!(told(&good).is_some());
        let deep = format!(r#"{{"aud":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        let long = of(&format!("system:serviceaccount:a:{}", "b".repeat(254)));
        for junk in [
            "",
            "forged",
            "..",
            "a.b",
            "a.b.c",
            "e30.e30.x",
            &format!("{good}.more"),
            good.trim_end_matches("signature"),
            &good.replacen("e30", "", 1),
            &token("[]"),
            &token(&deep),
            &of("system:node:edge"),
            &of("system:serviceaccount:edge"),
            &of("jane"),
            &long,
        ] {
            assert_eq!(told(junk), None, "{junk:.60}");
        }
    }
}
