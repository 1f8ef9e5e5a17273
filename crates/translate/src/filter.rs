//! Filters of rules and of their backends. A filter that cannot be done as written fails closed.

use api::{
    condition::Reason,
    filter::{HTTPHeader, HTTPHeaderFilter, HTTPRequestMirrorFilter},
    http_route::{
        HTTPCORSFilter, HTTPPathModifier, HTTPPathModifierType, HTTPRequestRedirectFilter,
        HTTPRouteFilter, HTTPRouteFilterType, HTTPRouteMatch, HTTPURLRewriteFilter, PathMatchType,
    },
};
use ir::{
    Cors, CorsList, Failure, Filter, Fraction, HeaderEdits, HeaderField, HeaderName, HeaderValue,
    Hostname, Mirror, OriginPattern, PathEdit, Redirect, Rewrite, Scheme,
};

use crate::rule::{Effect, Scope};

/// Whose filters they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Rule,
    Backend,
}

/// Why a filter cannot be done.
struct Refusal {
    failure: Failure,
    reason: Reason,
    /// Below the filter.
    field: String,
    message: String,
}

/// Translates filters in their order. If one cannot be done, that is all that is left of them: the
/// answer is 500, and the others must not have effects before it.
pub(crate) fn filters(
    scope: &mut Scope<'_, '_>,
    place: Place,
    filters: &[HTTPRouteFilter],
    matches: &[HTTPRouteMatch],
    field: &str,
) -> Vec<Filter> {
    let mut done = Vec::new();
    let mut failure = None;
    for (index, filter) in filters.iter().enumerate() {
        let field = format!("{field}[{index}]");
        match one(scope, filter, matches, &field) {
            Ok(filter) => done.push(filter),
            Err(refusal) => {
                failure.get_or_insert(refusal.failure);
                refuse(scope, place, field, refusal);
            }
        }
    }
    if let Some(index) = incompatible(filters) {
        failure.get_or_insert(Failure::InvalidValue);
        let refusal = Refusal {
            failure: Failure::InvalidValue,
            reason: Reason::IncompatibleFilters,
            field: "type".to_owned(),
            message: "a request is either redirected or rewritten: remove one of the filters"
                .to_owned(),
        };
        refuse(scope, place, format!("{field}[{index}]"), refusal);
    }
    match failure {
        None => done,
        Some(failure) => vec![Filter::Fail(failure)],
    }
}

fn refuse(scope: &mut Scope<'_, '_>, place: Place, field: String, refusal: Refusal) {
    let Refusal { failure, reason, field: member, message } = refusal;
    let field = format!("{field}.{member}");
    if failure == Failure::UnresolvedExtension {
        scope.unresolved(reason, field, message);
        return;
    }
    let effect = match place {
        Place::Rule => Effect::Fails,
        Place::Backend => Effect::ShareFails,
    };
    scope.issue(effect, reason, field, message);
}

/// The first rewrite beside a redirect.
fn incompatible(filters: &[HTTPRouteFilter]) -> Option<usize> {
    let of = |type_: HTTPRouteFilterType| filters.iter().position(move |f| f.type_ == type_);
    of(HTTPRouteFilterType::RequestRedirect)?;
    of(HTTPRouteFilterType::URLRewrite)
}

fn one(
    scope: &mut Scope<'_, '_>,
    filter: &HTTPRouteFilter,
    matches: &[HTTPRouteMatch],
    field: &str,
) -> Result<Filter, Refusal> {
    let missing = |member: &str| invalid(member, "the filter's type asks for it".to_owned());
    match &filter.type_ {
        HTTPRouteFilterType::RequestHeaderModifier => {
            let member = "requestHeaderModifier";
            let wanted = filter.request_header_modifier.as_ref().ok_or_else(|| missing(member))?;
            headers(scope, wanted, member, field).map(Filter::RequestHeaders)
        }
        HTTPRouteFilterType::ResponseHeaderModifier => {
            let member = "responseHeaderModifier";
            let wanted = filter.response_header_modifier.as_ref().ok_or_else(|| missing(member))?;
            headers(scope, wanted, member, field).map(Filter::ResponseHeaders)
        }
        HTTPRouteFilterType::RequestMirror => {
            let wanted = filter.request_mirror.as_ref();
            let wanted = wanted.ok_or_else(|| missing("requestMirror"))?;
            mirror(scope, wanted, field).map(Filter::Mirror)
        }
        HTTPRouteFilterType::RequestRedirect => {
            let wanted = filter.request_redirect.as_ref();
            let wanted = wanted.ok_or_else(|| missing("requestRedirect"))?;
            redirect(wanted, matches).map(Filter::Redirect)
        }
        HTTPRouteFilterType::URLRewrite => {
            let wanted = filter.url_rewrite.as_ref().ok_or_else(|| missing("urlRewrite"))?;
            rewrite(wanted, matches).map(Filter::Rewrite)
        }
        HTTPRouteFilterType::CORS => {
            let wanted = filter.cors.as_ref().ok_or_else(|| missing("cors"))?;
            cors(wanted).map(Filter::Cors)
        }
        HTTPRouteFilterType::ExtensionRef => {
            let kind = filter.extension_ref.as_ref().map_or("", |reference| &reference.kind);
            Err(Refusal {
                failure: Failure::UnresolvedExtension,
                reason: Reason::InvalidKind,
                field: "extensionRef".to_owned(),
                message: format!(
                    "filters of kind {kind:?} are not served, so these requests get 500: remove it"
                ),
            })
        }
        HTTPRouteFilterType::ExternalAuth => Err(not_built("ExternalAuth")),
        HTTPRouteFilterType::Other(type_) => Err(not_built(type_)),
    }
}

fn not_built(type_: &str) -> Refusal {
    Refusal {
        failure: Failure::FilterNotBuilt,
        reason: Reason::UnsupportedValue,
        field: "type".to_owned(),
        message: format!("filters of type {type_} are not served yet, so these requests get 500"),
    }
}

fn invalid(field: &str, message: String) -> Refusal {
    Refusal {
        failure: Failure::InvalidValue,
        reason: Reason::UnsupportedValue,
        field: field.to_owned(),
        message,
    }
}

fn headers(
    scope: &mut Scope<'_, '_>,
    wanted: &HTTPHeaderFilter,
    member: &str,
    field: &str,
) -> Result<HeaderEdits, Refusal> {
    let name = |text: &str, at: &str| {
        HeaderName::parse(text)
            .map_err(|error| invalid(&format!("{member}.{at}"), error.to_string()))
    };
    let list = |headers: &[HTTPHeader], what: &str| {
        let field = |(index, header): (usize, &HTTPHeader)| {
            let at = format!("{what}[{index}]");
            let value = HeaderValue::parse(&header.value);
            Ok(HeaderField {
                name: name(&header.name, &format!("{at}.name"))?,
                value: value
                    .map_err(|error| invalid(&format!("{member}.{at}.value"), error.to_string()))?,
            })
        };
        headers.iter().enumerate().map(field).collect::<Result<Vec<_>, _>>()
    };
    let remove = wanted.remove.iter().enumerate();
    let edits = HeaderEdits {
        set: list(&wanted.set, "set")?,
        add: list(&wanted.add, "add")?,
        remove: remove
            .map(|(index, text)| name(text, &format!("remove[{index}]")))
            .collect::<Result<_, _>>()?,
    };
    let set = edits.set.iter().map(|field| &field.name);
    let names = set.chain(edits.add.iter().map(|field| &field.name)).chain(&edits.remove);
    for name in names {
        if FIXED.iter().any(|fixed| name.as_str().eq_ignore_ascii_case(fixed)) {
            let field = format!("{field}.{member}");
            let message = match name.as_str().eq_ignore_ascii_case("host") {
                true => "Host cannot be edited here: use a URLRewrite filter".to_owned(),
                false => format!("{name} is not the user's to edit: the edit has no effect"),
            };
            scope.issue(Effect::Ignored, Reason::UnsupportedValue, field, message);
        }
    }
    Ok(edits)
}

fn mirror(
    scope: &mut Scope<'_, '_>,
    wanted: &HTTPRequestMirrorFilter,
    field: &str,
) -> Result<Mirror, Refusal> {
    let share = match (wanted.fraction, wanted.percent) {
        (Some(fraction), _) if fraction.denominator == 0 => {
            let message = "the denominator must not be 0".to_owned();
            return Err(invalid("requestMirror.fraction.denominator", message));
        }
        (Some(fraction), _) => {
            Fraction { numerator: fraction.numerator, denominator: fraction.denominator }
        }
        (None, Some(percent)) => Fraction { numerator: percent, denominator: 100 },
        (None, None) => Fraction { numerator: 1, denominator: 1 },
    };
    let field = format!("{field}.requestMirror.backendRef");
    Ok(Mirror { backend: scope.backend(&wanted.backend_ref, field), share })
}

fn redirect(
    wanted: &HTTPRequestRedirectFilter,
    matches: &[HTTPRouteMatch],
) -> Result<Redirect, Refusal> {
    let member = |name: &str| format!("requestRedirect.{name}");
    let scheme = match wanted.scheme.as_deref() {
        None => None,
        Some("http") => Some(Scheme::Http),
        Some("https") => Some(Scheme::Https),
        Some(other) => {
            let message = format!("scheme {other:?} is not known: use http or https");
            return Err(invalid(&member("scheme"), message));
        }
    };
    if !matches!(wanted.status_code, 301 | 302 | 303 | 307 | 308) {
        let message = format!("{} is no status of a redirect", wanted.status_code);
        return Err(invalid(&member("statusCode"), message));
    }
    Ok(Redirect {
        status: wanted.status_code,
        scheme,
        hostname: hostname(wanted.hostname.as_deref(), &member("hostname"))?,
        path: path(wanted.path.as_ref(), matches, &member("path"))?,
        port: wanted.port,
    })
}

fn rewrite(wanted: &HTTPURLRewriteFilter, matches: &[HTTPRouteMatch]) -> Result<Rewrite, Refusal> {
    Ok(Rewrite {
        hostname: hostname(wanted.hostname.as_deref(), "urlRewrite.hostname")?,
        path: path(wanted.path.as_ref(), matches, "urlRewrite.path")?,
    })
}

fn hostname(text: Option<&str>, field: &str) -> Result<Option<std::sync::Arc<str>>, Refusal> {
    match text.map(Hostname::parse) {
        None => Ok(None),
        Some(Ok(Hostname::Exact(name))) => Ok(Some(name)),
        Some(Ok(_)) => Err(invalid(field, "a wildcard is no host to go to".to_owned())),
        Some(Err(error)) => Err(invalid(field, error.to_string())),
    }
}

fn path(
    wanted: Option<&HTTPPathModifier>,
    matches: &[HTTPRouteMatch],
    field: &str,
) -> Result<Option<PathEdit>, Refusal> {
    let Some(wanted) = wanted else { return Ok(None) };
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    match &wanted.type_ {
        HTTPPathModifierType::ReplaceFullPath => {
            Ok(Some(PathEdit::Full(text(&wanted.replace_full_path))))
        }
        HTTPPathModifierType::ReplacePrefixMatch => {
            let prefix = |wanted: &HTTPRouteMatch| wanted.path.type_ == PathMatchType::PathPrefix;
            if !matches.iter().all(prefix) {
                let message = "there is a prefix to replace only where every match of the rule is \
                               of type PathPrefix"
                    .to_owned();
                return Err(invalid(&format!("{field}.type"), message));
            }
            Ok(Some(PathEdit::Prefix(text(&wanted.replace_prefix_match))))
        }
        HTTPPathModifierType::Other(type_) => {
            Err(invalid(&format!("{field}.type"), format!("{type_:?} is not known")))
        }
    }
}

fn cors(wanted: &HTTPCORSFilter) -> Result<Cors, Refusal> {
    let origins = wanted.allow_origins.iter().enumerate();
    let allow_origins = origins
        .map(|(index, text)| {
            origin(text).ok_or_else(|| {
                let message = format!("{text:?} is no origin: write scheme://host[:port], or *");
                invalid(&format!("cors.allowOrigins[{index}]"), message)
            })
        })
        .collect::<Result<_, _>>()?;
    let names = |list: &[String], member: &str| match list.iter().any(|name| name == "*") {
        true => Ok(CorsList::All),
        false => list
            .iter()
            .enumerate()
            .map(|(index, name)| match HeaderName::parse(name) {
                Ok(_) => Ok(name.as_str().into()),
                Err(_) => {
                    let message = format!("{name:?} is no name of a method or header");
                    Err(invalid(&format!("cors.{member}[{index}]"), message))
                }
            })
            .collect::<Result<_, _>>()
            .map(CorsList::Only),
    };
    Ok(Cors {
        allow_origins,
        allow_methods: names(&wanted.allow_methods, "allowMethods")?,
        allow_headers: names(&wanted.allow_headers, "allowHeaders")?,
        expose_headers: names(&wanted.expose_headers, "exposeHeaders")?,
        max_age_seconds: wanted.max_age,
        allow_credentials: wanted.allow_credentials.unwrap_or(false),
    })
}

/// `*`, `scheme://host[:port]`, or `scheme://*.suffix[:port]`, in any case.
fn origin(text: &str) -> Option<OriginPattern> {
    if text == "*" {
        return Some(OriginPattern::Any);
    }
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !b"/?#*@,".contains(&b));
    let rest = authority.strip_prefix('*').unwrap_or(authority);
    if scheme.is_empty() || authority.is_empty() || !plain(scheme) || !plain(rest) {
        return None;
    }
    Some(match authority.strip_prefix('*') {
        Some(suffix) if suffix.is_empty() || suffix.starts_with(['.', ':']) => {
            OriginPattern::Wildcard { prefix: format!("{scheme}://").into(), suffix: suffix.into() }
        }
        Some(_) => return None,
        None => OriginPattern::Exact(text.into()),
    })
}

/// Headers that frame a message or name its target; the router leaves edits of them undone.
const FIXED: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "http2-settings",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_the_specification_writes_them() {
        let exact = |text: &str| Some(OriginPattern::Exact(text.into()));
        let wildcard = |prefix: &str, suffix: &str| {
            Some(OriginPattern::Wildcard { prefix: prefix.into(), suffix: suffix.into() })
        };
        for (text, expected) in [
            ("*", Some(OriginPattern::Any)),
            ("https://Foo.example", exact("https://foo.example")),
            ("http://foo.example:8080", exact("http://foo.example:8080")),
            ("https://*.bar.com", wildcard("https://", ".bar.com")),
            ("https://*.bar.com:8443", wildcard("https://", ".bar.com:8443")),
            ("https://*", wildcard("https://", "")),
            ("https://*:8443", wildcard("https://", ":8443")),
            ("https://*bar.com", None),
            ("https://a.*.com", None),
            ("https://a.com/path", None),
            ("a.com", None),
            ("://a.com", None),
            ("https://", None),
        ] {
            assert_eq!(origin(text), expected, "{text}");
        }
    }
}
