//! `explain`: where a request goes, and why not elsewhere.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail, ensure};
use controller::Report;
use ir::{Bind, HeaderName, HeaderValue, Id, Scheme};
use router::{
    Answer, Head, RequestContext, Step, Table,
    explain::{Explanation, explain as look},
    path,
};
use serde::Serialize;

use crate::{
    args::{Explain, Output},
    render::{self, explanation},
};

/// What is found out about a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Found {
    /// The request as it was asked.
    pub(crate) request: String,
    /// The answer that the gateway gives itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Where a redirect leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    /// What is forwarded otherwise: host and target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forwarded: Option<String>,
    /// Which rule wins, and why others do not.
    #[serde(flatten)]
    pub(crate) explanation: Option<Explanation>,
}

/// Explains one request; 1 if no route takes it.
pub(super) fn explain(args: &Explain) -> anyhow::Result<ExitCode> {
    let [paths @ .., method, url] = args.words.as_slice() else {
        bail!("expected PATH… METHOD URL")
    };
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let report = controller::load(&paths, &super::settings(None));
    let url = Url::parse(url)?;
    let bind = bind(&report, url.port, args.gateway.as_deref())?;
    let table = Table::compile(&report.output.ir, &Table::default(), None);
    let mut head = head(method, &url, &args.headers)?;
    let found = decide(&table, &bind, &mut head, &url, format!("{method} {}", url.text));
    match args.output {
        Output::Table => render::text(&explanation::text(&found))?,
        Output::Json => render::text(&(serde_json::to_string_pretty(&found)? + "\n"))?,
    }
    let won = found.explanation.is_some_and(|explanation| explanation.winner.is_some());
    Ok(if won { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn decide(table: &Table, bind: &Id<Bind>, head: &mut Head, url: &Url, request: String) -> Found {
    let mut found =
        Found { request, status: None, location: None, forwarded: None, explanation: None };
    let answered = |answer: &Answer| {
        let location = answer.header("location");
        let location = location.map(|value| String::from_utf8_lossy(value).into_owned());
        (Some(answer.status), location)
    };
    match path::normalise(head) {
        Err(_) => {
            found.status = Some(400);
            return found;
        }
        Ok(Step::Answer(answer)) => {
            (found.status, found.location) = answered(&answer);
            return found;
        }
        Ok(Step::Continue) => {}
    }
    found.explanation = Some(look(table, bind, head, NEAR_MAX));
    let listener = table.bind(bind).and_then(|bind| bind.listener(head.bytes(head.host)));
    let Some(matched) = listener.and_then(|listener| listener.route(head)) else {
        found.status = Some(404);
        return found;
    };
    let context = RequestContext { scheme: url.scheme, port: url.port };
    match matched.plan.on_request(&mut matched.prefix.clone(), head, &context) {
        Step::Answer(answer) => (found.status, found.location) = answered(&answer),
        Step::Continue => {
            let query = if head.has_query { "?" } else { "" };
            let text = |span| String::from_utf8_lossy(head.bytes(span)).into_owned();
            found.forwarded = Some(format!(
                "{}{}{query}{}",
                text(head.authority),
                text(head.path),
                text(head.query)
            ));
            if matched.plan.pick(0).is_none() {
                found.status = Some(500);
            }
        }
    }
    found
}

/// The bind that a request to this port reaches.
fn bind(report: &Report, port: u16, gateway: Option<&str>) -> anyhow::Result<Id<Bind>> {
    let binds = &report.output.ir.binds;
    let on_port: Vec<_> = binds
        .iter()
        .filter(|(_, bind)| bind.port == port)
        .filter(|(_, bind)| gateway.is_none_or(|gateway| *bind.gateway == *gateway))
        .collect();
    match on_port.as_slice() {
        [(id, _)] => Ok((*id).clone()),
        [] => {
            let ports: Vec<String> =
                binds.values().map(|b| format!("{} {}", b.gateway, b.port)).collect();
            let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
            bail!("no Gateway listens on port {port}; open are: {ports}")
        }
        several => {
            let names: Vec<&str> = several.iter().map(|(_, bind)| &*bind.gateway).collect();
            bail!("several Gateways have port {port}: choose one by --gateway {}", names.join("|"))
        }
    }
}

fn head(method: &str, url: &Url, headers: &[String]) -> anyhow::Result<Head> {
    let mut head = Head::default();
    head.method = head.store(method.to_ascii_uppercase().as_bytes());
    head.path = head.store(url.target.as_bytes());
    head.authority = head.store(url.authority.as_bytes());
    let mut host = url.authority.clone();
    for header in headers {
        let (name, value) = header.split_once(':').context("a header is `Name: value`")?;
        let (name, value) = (HeaderName::parse(name.trim())?, HeaderValue::parse(value)?);
        if name.as_str().eq_ignore_ascii_case("host") {
            host = value.as_str().to_owned();
            head.authority = head.store(host.as_bytes());
        } else {
            head.append(name.as_str().as_bytes(), value.as_str().as_bytes());
        }
    }
    head.append(b"host", host.as_bytes());
    Ok(head)
}

/// A URL as far as a request has parts of it.
struct Url {
    text: String,
    scheme: Scheme,
    authority: String,
    port: u16,
    /// Path and query, as they stand there.
    target: String,
}

impl Url {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => bail!("{text:?} is no URL that begins with http:// or https://"),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        ensure!(!authority.is_empty(), "{text:?} names no host");
        let port = match authority.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => {
                port.parse().with_context(|| format!("{port:?} is no port"))?
            }
            _ => scheme.default_port(),
        };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { text: text.to_owned(), scheme, authority: authority.to_owned(), port, target })
    }
}

/// Matches that lost, at most.
const NEAR_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_apart_as_a_client_would_take_it() {
        for (text, authority, port, target) in [
            ("http://a.b/x?y", "a.b", 80, "/x?y"),
            ("https://a.b", "a.b", 443, "/"),
            ("http://a.b:8080/", "a.b:8080", 8080, "/"),
            ("http://a?q", "a", 80, "/?q"),
            ("http://[::1]/x", "[::1]", 80, "/x"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((&*url.authority, url.port, &*url.target), (authority, port, target));
        }
        for bad in ["a.b/x", "ftp://a", "http://", "http://a:b/"] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
