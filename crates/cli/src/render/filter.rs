//! Filters as a user would say them.

use ir::{BackendChoice, Cors, Failure, Filter, HeaderEdits, Mirror, PathEdit, Redirect, Rewrite};

/// One filter in one line.
pub(crate) fn sentence(filter: &Filter) -> String {
    match filter {
        Filter::RequestHeaders(edits) => format!("request headers: {}", header_edits(edits)),
        Filter::ResponseHeaders(edits) => format!("response headers: {}", header_edits(edits)),
        Filter::Redirect(to) => redirect(to),
        Filter::Rewrite(to) => rewrite(to),
        Filter::Mirror(mirror) => copy(mirror),
        Filter::Cors(cors) => origins(cors),
        Filter::Fail(failure) => format!("answer 500: {}", cause(*failure)),
    }
}

/// Why a rule answers 500.
pub(crate) fn cause(failure: Failure) -> &'static str {
    match failure {
        Failure::FilterNotBuilt => "a filter of this type is not built yet",
        Failure::UnresolvedExtension => "an extensionRef leads nowhere",
        Failure::InvalidValue => "a value cannot be used",
        Failure::NotUnderstood => "this version does not know what it asks for",
    }
}

fn header_edits(edits: &HeaderEdits) -> String {
    let set = edits.set.iter().map(|f| format!("set {}: {}", f.name, f.value.as_str()));
    let add = edits.add.iter().map(|f| format!("add {}: {}", f.name, f.value.as_str()));
    let remove = edits.remove.iter().map(|name| format!("remove {name}"));
    set.chain(add).chain(remove).collect::<Vec<_>>().join(", ")
}

fn redirect(to: &Redirect) -> String {
    let mut text = format!("redirect with {}", to.status);
    if let Some(scheme) = to.scheme {
        text += &format!(" to {}", scheme.as_str());
    }
    if let Some(host) = &to.hostname {
        text += &format!(" to host {host}");
    }
    if let Some(port) = to.port {
        text += &format!(" to port {port}");
    }
    text + &path(to.path.as_ref())
}

fn rewrite(to: &Rewrite) -> String {
    let host = to.hostname.as_ref().map(|host| format!(" to host {host}"));
    format!("rewrite{}{}", host.unwrap_or_default(), path(to.path.as_ref()))
}

fn path(edit: Option<&PathEdit>) -> String {
    match edit {
        None => String::new(),
        Some(PathEdit::Full(path)) => format!(" to path {path}"),
        Some(PathEdit::Prefix(prefix)) => format!(" with {prefix:?} in place of the prefix"),
    }
}

fn copy(mirror: &Mirror) -> String {
    let share = match (mirror.share.numerator, mirror.share.denominator) {
        (part, whole) if part >= whole => "every request".to_owned(),
        (part, whole) => format!("{part} of {whole} requests"),
    };
    match &mirror.backend {
        BackendChoice::Valid(backend) => format!("mirror {share} to {backend}"),
        BackendChoice::Invalid(why) => format!("mirror to no one: {why:?}"),
    }
}

fn origins(cors: &Cors) -> String {
    let credentials = if cors.allow_credentials { ", with credentials" } else { "" };
    let count = cors.allow_origins.len();
    format!("CORS for {}{credentials}", super::count(count, "origin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewrite_reads_as_a_sentence() {
        let rewrite = Rewrite { hostname: None, path: Some(PathEdit::Prefix("/".into())) };
        assert_eq!(
            sentence(&Filter::Rewrite(rewrite)),
            "rewrite with \"/\" in place of the prefix"
        );
    }
}
