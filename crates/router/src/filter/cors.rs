//! Cross-origin resource sharing: preflights are answered here, responses are marked for browsers.
//!
//! The gateway decides what a browser may read, not who may ask: a request from an origin that is
//! not listed still goes to the backend, and its response simply carries no permission (Fetch
//! standard, "CORS protocol"; Gateway API, `HTTPCORSFilter`).

use ir::{Cors, CorsList, OriginPattern};

use crate::{Answer, Cause, Head, head::Known};

/// The method that a preflight asks for; none where the request is no preflight.
pub(crate) fn preflight(head: &Head) -> Option<&[u8]> {
    if head.bytes(head.method) != b"OPTIONS" {
        return None;
    }
    head.known(Known::Origin)?;
    head.values(b"access-control-request-method").next()
}

/// The answer to a preflight: 200, or 403 for an origin that may not ask.
pub(super) fn answer(cors: &Cors, method: &[u8], head: &Head) -> Answer {
    let mut headers = Vec::with_capacity(8);
    let mut put = |name, value: &[u8]| headers.push((name, value.to_vec()));
    let origin = head.known(Known::Origin).unwrap_or_default();
    let allowed = allowed(cors, origin);
    if let Some(allowed) = allowed {
        put(ALLOW_ORIGIN, allowed);
        if cors.allow_credentials {
            put(ALLOW_CREDENTIALS, b"true");
        }
        // With credentials `*` is no wildcard for a browser, so what was asked is allowed by name.
        let asked = head.values(b"access-control-request-headers").next();
        for (name, list, asked) in [
            ("access-control-allow-methods", &cors.allow_methods, Some(method)),
            ("access-control-allow-headers", &cors.allow_headers, asked),
            (EXPOSE_HEADERS, &cors.expose_headers, None),
        ] {
            match list {
                CorsList::Only(names) if names.is_empty() => {}
                CorsList::Only(names) => put(name, names.join(", ").as_bytes()),
                CorsList::All if !cors.allow_credentials => put(name, b"*"),
                CorsList::All => asked.into_iter().for_each(|asked| put(name, asked)),
            }
        }
        put("access-control-max-age", cors.max_age_seconds.to_string().as_bytes());
    }
    put(VARY, b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    let status = if allowed.is_some() { 200 } else { 403 };
    Answer { status, headers, cause: Cause::Preflight }
}

/// Marks the response to a request that came from `origin`.
pub(super) fn mark(cors: &Cors, origin: Option<&[u8]>, head: &mut Head) {
    vary_by_origin(head);
    let Some(allowed) = origin.and_then(|origin| allowed(cors, origin)) else { return };
    head.set(ALLOW_ORIGIN.as_bytes(), allowed);
    if cors.allow_credentials {
        head.set(ALLOW_CREDENTIALS.as_bytes(), b"true");
    } else {
        head.remove(ALLOW_CREDENTIALS.as_bytes());
    }
    match &cors.expose_headers {
        CorsList::Only(names) if names.is_empty() => {}
        CorsList::Only(names) => head.set(EXPOSE_HEADERS.as_bytes(), names.join(", ").as_bytes()),
        CorsList::All if !cors.allow_credentials => head.set(EXPOSE_HEADERS.as_bytes(), b"*"),
        CorsList::All => {
            let names: Vec<_> = head.fields().map(|(name, _)| name).collect();
            let names = names.join(&b", "[..]);
            head.set(EXPOSE_HEADERS.as_bytes(), &names);
        }
    }
}

/// What `Access-Control-Allow-Origin` says to an origin, by name even where all may ask; none where
/// it may not.
fn allowed<'o>(cors: &Cors, origin: &'o [u8]) -> Option<&'o [u8]> {
    cors.allow_origins.iter().any(|pattern| covers(pattern, origin)).then_some(origin)
}

fn covers(pattern: &OriginPattern, origin: &[u8]) -> bool {
    match pattern {
        OriginPattern::Any => true,
        OriginPattern::Exact(text) => origin.eq_ignore_ascii_case(text.as_bytes()),
        OriginPattern::Wildcard { prefix, suffix } => {
            let Some(labels) = origin.len().checked_sub(prefix.len() + suffix.len()) else {
                return false;
            };
            let (front, rest) = origin.split_at(prefix.len());
            let (middle, back) = rest.split_at(labels);
            let label = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            front.eq_ignore_ascii_case(prefix.as_bytes())
                && back.eq_ignore_ascii_case(suffix.as_bytes())
                && !middle.is_empty()
                && !middle.starts_with(b".")
                && middle.iter().all(label)
        }
    }
}

fn vary_by_origin(head: &mut Head) {
    let named = head
        .values(VARY.as_bytes())
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|name| {
            matches!(name.trim_ascii(), b"*") || name.trim_ascii().eq_ignore_ascii_case(b"origin")
        });
    if !named {
        head.append(VARY.as_bytes(), b"Origin");
    }
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";
const VARY: &str = "vary";

#[cfg(test)]
mod tests;
