//! `explain`: where a request goes, and why not elsewhere.

use std::{net::IpAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use controller::Report;
use ir::{Bind, HeaderName, HeaderValue, Id, Protocol, Scheme};
use router::{
    Answer, BindTable, Head, ListenerTable, RequestContext, Step, Table,
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
    /// Why no rule is looked at: the connection or the request itself is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
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
    ensure!(
        paths.is_empty() == args.view.cluster,
        "expected PATH… METHOD URL, or --cluster METHOD URL"
    );
    let report = super::load(&paths, &args.view, args.address_pool)?;
    let url = Url::parse(url)?;
    let bind = bind(&report, &url, args.gateway.as_deref())?;
    let table = Table::compile(&report.output.ir, &Table::default(), None);
    // Typed in lower case, it means the registered method, all of which are in upper case.
    let method = method.to_ascii_uppercase();
    let mut head = head(&method, &url, &args.headers)?;
    let found = decide(&table, &bind, &mut head, &url, format!("{method} {}", url.text))?;
    match args.output {
        Output::Table => render::text(&explanation::text(&found))?,
        Output::Json => render::text(&(serde_json::to_string_pretty(&found)? + "\n"))?,
    }
    let won = found.explanation.is_some_and(|explanation| explanation.winner.is_some());
    Ok(if won { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn decide(
    table: &Table,
    bind: &Id<Bind>,
    head: &mut Head,
    url: &Url,
    request: String,
) -> anyhow::Result<Found> {
    let mut found = Found {
        request,
        refused: None,
        status: None,
        location: None,
        forwarded: None,
        explanation: None,
    };
    let listeners = table.bind(bind).context("nothing is served there")?;
    let connection = match connect(listeners, url)? {
        Ok(connection) => connection,
        Err(refusal) => {
            found.refused = Some(refusal);
            return Ok(found);
        }
    };
    let answered = |answer: &Answer| {
        let location = answer.header("location");
        let location = location.map(|value| String::from_utf8_lossy(value).into_owned());
        (Some(answer.status), location)
    };
    if head.bytes(head.method) == b"CONNECT" {
        (found.status, found.refused) = (Some(405), Some("CONNECT is never served".to_owned()));
        return Ok(found);
    }
    match path::normalise(head) {
        Err(fault) => {
            (found.status, found.refused) = (Some(400), Some(fault.to_string()));
            return Ok(found);
        }
        Ok(Step::Answer(answer)) => {
            (found.status, found.location) = answered(&answer);
            return Ok(found);
        }
        Ok(Step::Continue) => {}
    }
    let listener = listeners.listener(head.bytes(head.host));
    let other = |own: &&Arc<ListenerTable>| listener.is_none_or(|found| found.id != own.id);
    if let Some(own) = connection.filter(other) {
        let why = format!("its connection was opened for listener {}, which is another", own.id);
        (found.status, found.refused) = (Some(421), Some(why));
        return Ok(found);
    }
    found.explanation = Some(look(table, bind, head, NEAR_MAX));
    let Some(matched) = listener.and_then(|listener| listener.route(head)) else {
        found.status = Some(404);
        return Ok(found);
    };
    let context = RequestContext { scheme: url.scheme, port: listeners.port() };
    match matched.plan.on_request(&mut matched.prefix.clone(), head, &context) {
        Step::Answer(answer) => (found.status, found.location) = answered(&answer),
        Step::Continue if matched.plan.backends.iter().all(|share| share.backend.is_err()) => {
            found.status = Some(500);
        }
        Step::Continue if matched.plan.pick(0).is_none() => found.status = Some(500),
        Step::Continue => found.forwarded = Some(forwarded(head)),
    }
    Ok(found)
}

/// Host and target as the backend gets them.
fn forwarded(head: &Head) -> String {
    let query = if head.has_query { "?" } else { "" };
    let text = |span| String::from_utf8_lossy(head.bytes(span)).into_owned();
    format!("{}{}{query}{}", text(head.authority), text(head.path), text(head.query))
}

/// The listener that the connection is for, where TLS decides that; or why there is none.
///
/// # Errors
/// The URL's scheme is not what is spoken on the port.
fn connect<'t>(
    bind: &'t BindTable,
    url: &Url,
) -> anyhow::Result<Result<Option<&'t Arc<ListenerTable>>, String>> {
    let ends_tls =
        |listener: &Arc<ListenerTable>| matches!(listener.protocol(), Protocol::Https(_));
    let (port, tls) = (bind.port(), bind.listeners().any(ends_tls));
    match url.scheme {
        Scheme::Http if tls => bail!("port {port} speaks TLS only: ask for https://"),
        Scheme::Https if !tls => bail!("port {port} speaks no TLS: ask for http://"),
        Scheme::Http => return Ok(Ok(None)),
        Scheme::Https => {}
    }
    // An address is never sent as a server name (RFC 6066 §3).
    let name = if url.address().is_some() { "" } else { url.host() };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let Some(listener) = bind.listener(name.as_bytes()) else {
        let name = if name.is_empty() { "a client without a server name" } else { &name };
        return Ok(Err(format!("no listener takes {name}: the TLS handshake fails")));
    };
    Ok(match listener.protocol() {
        Protocol::Https(tls) if tls.certificates.is_empty() => Err(format!(
            "listener {} has no certificate that can be used: the TLS handshake fails",
            listener.id
        )),
        _ => Ok(Some(listener)),
    })
}

/// The bind that a request to this URL reaches.
fn bind(report: &Report, url: &Url, gateway: Option<&str>) -> anyhow::Result<Id<Bind>> {
    let (binds, port) = (&report.output.ir.binds, url.port);
    let all = || binds.iter().filter(|(_, bind)| gateway.is_none_or(|name| *bind.gateway == *name));
    let on_port: Vec<_> = all().filter(|(_, bind)| bind.port == port).collect();
    let address = url.address();
    let addressed = on_port.iter().find(|(_, bind)| address.is_some() && bind.address == address);
    let Some((first, bind)) = addressed.or(on_port.first()) else {
        let ports: Vec<String> = all().map(|(_, b)| format!("{} {}", b.gateway, b.port)).collect();
        let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
        let who = gateway.map_or("no Gateway listens".to_owned(), |name| {
            format!("Gateway {name} is not there, or does not listen")
        });
        bail!("{who} on port {port}; open are: {ports}")
    };
    // All addresses of one Gateway have the same listeners.
    if addressed.is_none() && on_port.iter().any(|(_, other)| other.gateway != bind.gateway) {
        let mut names: Vec<&str> = on_port.iter().map(|(_, bind)| &*bind.gateway).collect();
        names.dedup();
        bail!("several Gateways have port {port}: choose one by --gateway {}", names.join("|"))
    }
    Ok((*first).clone())
}

fn head(method: &str, url: &Url, headers: &[String]) -> anyhow::Result<Head> {
    // A method is a token, as a header's name is (RFC 9110 §9.1).
    ensure!(HeaderName::parse(method).is_ok(), "{method:?} is no method");
    let mut head = Head::default();
    head.method = head.store(method.as_bytes());
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
        // A fragment is the client's own and never sent.
        let rest = rest.split_once('#').map_or(rest, |(sent, _)| sent);
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

    /// The authority without its port.
    fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => &self.authority,
        }
    }

    /// The host, where it is an address.
    fn address(&self) -> Option<IpAddr> {
        let host = self.host();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
    }
}

/// Matches that lost, at most.
const NEAR_MAX: usize = 5;

#[cfg(test)]
mod tests;
