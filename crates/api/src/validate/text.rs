//! The forms of text that schemas demand, each beside the pattern it stands for. The functions are
//! written out because they run for every name in every manifest; a test holds them equal to the
//! patterns.

/// A form of text: its length in characters, and its pattern.
pub(super) struct Form {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) pattern: &'static str,
    pub(super) matches: fn(&str) -> bool,
}

/// `Group`
pub(super) const GROUP: Form = Form {
    min: 0,
    max: 253,
    pattern: r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    matches: |text| text.is_empty() || is_subdomain(text),
};
/// `Kind`
pub(super) const KIND: Form = Form {
    min: 1,
    max: 63,
    pattern: "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
    matches: |text| text.starts_with(|c: char| c.is_ascii_alphabetic()) && is_dashed(text),
};
/// `ObjectName`
pub(super) const OBJECT_NAME: Form = any(1, 253);
/// `Namespace`
pub(super) const NAMESPACE: Form =
    Form { min: 1, max: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", matches: is_label };
/// `SectionName`
pub(super) const SECTION_NAME: Form = Form {
    min: 1,
    max: 253,
    pattern: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    matches: is_subdomain,
};
/// `PreciseHostname`
pub(super) const PRECISE_HOSTNAME: Form = SECTION_NAME;
/// `Hostname`
pub(super) const HOSTNAME: Form = Form {
    min: 1,
    max: 253,
    pattern: r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    matches: is_hostname,
};
/// `GatewayController`
pub(super) const CONTROLLER: Form = Form {
    min: 1,
    max: 253,
    pattern: concat!(
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        r"\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$"
    ),
    matches: |text| {
        let parts = text.split_once('/');
        parts.is_some_and(|(domain, path)| is_subdomain(domain) && is_domain_path(path))
    },
};
/// `AddressType`. The pattern binds its ends to single alternatives, so that it accepts more than
/// it seems to.
pub(super) const ADDRESS_TYPE: Form = Form {
    min: 1,
    max: 253,
    pattern: concat!(
        "^Hostname|IPAddress|NamedAddress|",
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        r"\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$"
    ),
    matches: |text| {
        text.starts_with("Hostname")
            || text.contains("IPAddress")
            || text.contains("NamedAddress")
            || ends_with_domain_and(text, is_domain_path)
    },
};
/// `ProtocolType`, with ends like [`ADDRESS_TYPE`]'s.
pub(super) const PROTOCOL: Form = Form {
    min: 1,
    max: 255,
    pattern: concat!(
        "^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|",
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        r"\/[A-Za-z0-9]+$"
    ),
    matches: |text| {
        let alphanumeric: fn(&str) -> bool =
            |rest| !rest.is_empty() && all(rest, |b| b.is_ascii_alphanumeric());
        is_dashed(text) || ends_with_domain_and(text, alphanumeric)
    },
};
/// `HTTPHeaderName`: an RFC 9110 token.
pub(super) const HEADER_NAME: Form =
    Form { min: 1, max: 256, pattern: r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$", matches: is_token };
/// `HTTPHeaderValue`
pub(super) const HEADER_VALUE: Form = Form {
    min: 1,
    max: 4096,
    pattern: r"^[!-~]+([\t ]?[!-~]+)*$",
    matches: |text| text.split(['\t', ' ']).all(|word| !word.is_empty() && all(word, is_visible)),
};
/// Value of a gRPC header match.
pub(super) const GRPC_HEADER_VALUE: Form = any(1, 4096);
/// Value of a query parameter match.
pub(super) const QUERY_VALUE: Form = any(1, 1024);
/// Value of a path match, and what replaces a path.
pub(super) const PATH_VALUE: Form = any(0, 1024);
/// Path of an authorisation service, and of an exact or prefix path match.
pub(super) const PATH: Form = Form {
    min: 0,
    max: 1024,
    pattern: r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$",
    matches: is_path,
};
/// A gRPC service.
pub(super) const GRPC_SERVICE: Form = Form {
    min: 0,
    max: 1024,
    pattern: r"^(?i)\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$",
    matches: |text| text.strip_prefix('.').unwrap_or(text).split('.').all(is_identifier),
};
/// A gRPC method.
pub(super) const GRPC_METHOD: Form =
    Form { min: 0, max: 1024, pattern: "^[A-Za-z_][A-Za-z_0-9]*$", matches: is_identifier };
/// A service or a method of a gRPC match by regular expression.
pub(super) const GRPC_EXPRESSION: Form = any(0, 1024);
/// `CORSOrigin`
pub(super) const ORIGIN: Form = Form {
    min: 1,
    max: 253,
    pattern: concat!(
        r"(^\*$)|",
        r"(^(http(s)?):\/\/(((\*\.)?([a-zA-Z0-9\-]+\.)*[a-zA-Z0-9-]+|\*)(:([0-9]{1,5}))?)$)"
    ),
    matches: is_origin,
};
/// Value of an annotation, and of a TLS option.
pub(super) const ANNOTATION_VALUE: Form = any(0, 4096);
/// `LabelValue`
pub(super) const LABEL_VALUE: Form = Form {
    min: 0,
    max: 63,
    pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
    matches: |text| text.is_empty() || is_name_part(text),
};
/// Description of a class.
pub(super) const DESCRIPTION: Form = any(0, 64);
/// `WellKnownCACertificatesType`
pub(super) const WELL_KNOWN_CA: Form = Form {
    min: 1,
    max: 253,
    pattern: concat!(
        r"^(System|([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        "/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$"
    ),
    matches: |text| {
        let parts = text.split_once('/');
        let prefixed = |(domain, name): (&str, &str)| {
            is_subdomain(domain) && name.len() <= 63 && is_name_part(name)
        };
        text == "System" || parts.is_some_and(prefixed)
    },
};
/// `AbsoluteURI`
pub(super) const URI: Form = Form {
    min: 1,
    max: 253,
    pattern: r"^(([^:/?#]+):)(//([^/?#]*))([^?#]*)(\?([^#]*))?(#(.*))?",
    matches: |text| {
        let parts = text.split_once("://");
        parts
            .is_some_and(|(scheme, _)| !scheme.is_empty() && !scheme.contains([':', '/', '?', '#']))
    },
};
/// Name of a span attribute.
pub(super) const ATTRIBUTE_NAME: Form =
    Form { min: 1, max: 256, pattern: "^[a-zA-Z0-9_.:/-]+$", matches: is_telemetry_name };
/// Key of a standard span attribute.
pub(super) const ATTRIBUTE_KEY: Form = Form {
    min: 1,
    max: 256,
    pattern: "^[a-z0-9_.-]+$",
    matches: |text| {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-');
        !text.is_empty() && all(text, allowed)
    },
};
/// Fixed value of a span attribute.
pub(super) const LITERAL_VALUE: Form = any(1, 1024);
/// `service.name`
pub(super) const SERVICE_NAME: Form = Form { max: 253, ..ATTRIBUTE_NAME };
/// Name of a span.
pub(super) const SPAN_NAME: Form = Form {
    min: 1,
    max: 256,
    pattern: "^[a-zA-Z0-9_.:/-]+( [a-zA-Z0-9_.:/-]+)*$",
    matches: |text| text.split(' ').all(is_telemetry_name),
};

const fn any(min: usize, max: usize) -> Form {
    Form { min, max, pattern: "", matches: |_| true }
}

/// A DNS label in lower case; its length is the caller's.
pub(super) fn is_label(text: &str) -> bool {
    is_dashed(text) && !text.bytes().any(|b| b.is_ascii_uppercase())
}

/// Labels with dots between them.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// A subdomain, perhaps with a leading wildcard label.
pub(super) fn is_hostname(text: &str) -> bool {
    is_subdomain(text.strip_prefix("*.").unwrap_or(text))
}

/// An optional subdomain with a slash, then a name: the form of label and annotation keys.
pub(super) fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').unwrap_or(("a", text));
    prefix.len() <= 253 && is_subdomain(prefix) && name.len() <= 63 && is_name_part(name)
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_name_part(text: &str) -> bool {
    bounded(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Letters, digits and dashes, with a letter or digit at both ends.
fn is_dashed(text: &str) -> bool {
    bounded(text, |b| b.is_ascii_alphanumeric() || b == b'-')
}

pub(super) fn is_token(text: &str) -> bool {
    let special = |b: u8| b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && all(text, |b| b.is_ascii_alphanumeric() || special(b))
}

fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        place += match byte {
            b'%' if hex_at(bytes, place + 1) && hex_at(bytes, place + 2) => 3,
            byte if byte.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(byte) => 1,
            _ => return false,
        };
    }
    !bytes.is_empty()
}

fn hex_at(bytes: &[u8], place: usize) -> bool {
    bytes.get(place).is_some_and(u8::is_ascii_hexdigit)
}

fn is_identifier(text: &str) -> bool {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    text.bytes().next().is_some_and(first) && all(text, |b| first(b) || b.is_ascii_digit())
}

fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else { return text == "*" };
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let port_fits =
        port.is_none_or(|port| (1..=5).contains(&port.len()) && all(port, |b| b.is_ascii_digit()));
    let word =
        |word: &str| !word.is_empty() && all(word, |b| b.is_ascii_alphanumeric() || b == b'-');
    port_fits && (host == "*" || host.strip_prefix("*.").unwrap_or(host).split('.').all(word))
}

fn is_telemetry_name(text: &str) -> bool {
    !text.is_empty() && all(text, |b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b))
}

/// What may follow the domain of a domain-prefixed path.
fn is_domain_path(text: &str) -> bool {
    !text.is_empty()
        && all(text, |b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b))
}

/// Whether some end of the text is a subdomain, a slash, and this. A subdomain may be one letter.
fn ends_with_domain_and(text: &str, rest_fits: fn(&str) -> bool) -> bool {
    text.match_indices('/').any(|(place, _)| {
        let before = text[..place].bytes().next_back();
        before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && rest_fits(&text[place + 1..])
    })
}

fn bounded(text: &str, inner: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    end(bytes.first()) && end(bytes.last()) && all(text, inner)
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(allowed)
}

fn is_visible(byte: u8) -> bool {
    (b'!'..=b'~').contains(&byte)
}

#[cfg(test)]
mod tests;
