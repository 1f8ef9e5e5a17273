//! `requests.yaml` as values. A key that is not known is an error.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::Deserialize;

/// Header fields: a value, or several, for each name.
pub(crate) type Headers = BTreeMap<String, Values>;

/// Lists of values by name of the field.
pub(crate) type Lists = BTreeMap<String, Vec<String>>;

/// One request and the decision that it gets.
pub(crate) struct Request {
    pub(crate) step: usize,
    pub(crate) note: Option<String>,
    pub(crate) gateway: String,
    pub(crate) port: u16,
    pub(crate) address: Option<IpAddr>,
    pub(crate) sni: Option<String>,
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) headers: Headers,
    pub(crate) expect: Expect,
}

/// The decision.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) to: Option<To>,
    pub(crate) status: Option<Statuses>,
    pub(crate) refused: bool,
    pub(crate) listener: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) rule_name: Option<String>,
    pub(crate) certificates: Option<Vec<String>>,
    pub(crate) client_validation: Option<ClientValidation>,
    pub(crate) headers: Headers,
    pub(crate) lists: Lists,
    pub(crate) any_of: Lists,
    pub(crate) absent: Vec<String>,
    pub(crate) forwarded: Option<Message>,
    pub(crate) forwarded_to: BTreeMap<String, Message>,
    pub(crate) protocol: Option<String>,
    pub(crate) endpoints: Option<Vec<String>>,
    pub(crate) mirrors: BTreeMap<String, String>,
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) retry: Option<Retry>,
    pub(crate) response: Option<Response>,
}

/// Where a request goes.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum To {
    All(String),
    Shares(BTreeMap<String, u64>),
}

/// Which status an answer may have.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Statuses {
    One(u16),
    AnyOf(Vec<u16>),
}

/// The values of one field.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Values {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientValidation {
    pub(crate) mode: String,
    pub(crate) trust: Vec<String>,
}

/// A request as a backend gets it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Message {
    pub(crate) path: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) absent: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Timeouts {
    pub(crate) request: Option<String>,
    pub(crate) backend_request: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    pub(crate) attempts: u32,
    pub(crate) codes: Vec<u16>,
    #[serde(default)]
    pub(crate) backoff: Option<String>,
}

/// What a backend answers, and what the client gets of it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) given: Headers,
    pub(crate) headers: Headers,
    pub(crate) lists: Lists,
    pub(crate) any_of: Lists,
    pub(crate) absent: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    gateway: Option<String>,
    port: Option<u16>,
    host: Option<String>,
    cases: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    step: Option<usize>,
    note: Option<String>,
    gateway: Option<String>,
    port: Option<u16>,
    address: Option<IpAddr>,
    sni: Option<String>,
    method: Option<String>,
    host: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: Headers,
    expect: Expect,
}

/// Reads the table and fills in what its head says for all cases.
pub(crate) fn parse(text: &str) -> Result<Vec<Request>, String> {
    let document: Document = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let Document { gateway, port, host, cases } = document;
    let request = |(at, row): (usize, Row)| {
        let missing = |what: &str| format!("case {}: no {what}", at + 1);
        let outcomes = [row.expect.to.is_some(), row.expect.status.is_some(), row.expect.refused];
        if outcomes.iter().filter(|there| **there).count() != 1 {
            return Err(missing("outcome, or several: `to`, `status` or `refused`"));
        }
        if row.step == Some(0) {
            return Err(missing("step 0: they count from 1"));
        }
        Ok(Request {
            step: row.step.unwrap_or(1),
            note: row.note,
            gateway: row.gateway.or_else(|| gateway.clone()).ok_or_else(|| missing("gateway"))?,
            port: row.port.or(port).ok_or_else(|| missing("port"))?,
            address: row.address,
            sni: row.sni,
            method: row.method.unwrap_or_else(|| "GET".to_owned()),
            host: row.host.or_else(|| host.clone()).unwrap_or_else(|| "any.example".to_owned()),
            path: row.path.unwrap_or_else(|| "/".to_owned()),
            headers: row.headers,
            expect: row.expect,
        })
    };
    cases.into_iter().enumerate().map(request).collect()
}

impl Values {
    /// Each of them.
    pub(crate) fn each(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }
}

impl Statuses {
    pub(crate) fn allow(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::AnyOf(several) => several.contains(&status),
        }
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(one) => write!(f, "{one}"),
            Self::AnyOf(several) => write!(f, "one of {several:?}"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, host, path, gateway, port, .. } = self;
        write!(f, "{method} {path:?} of {host:?} at {gateway} port {port}")?;
        if let Some(sni) = &self.sni {
            write!(f, ", SNI {sni:?}")?;
        }
        for (name, values) in &self.headers {
            write!(f, ", {name}: {:?}", values.each().join(", "))?;
        }
        if self.step > 1 {
            write!(f, ", step {}", self.step)?;
        }
        self.note.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}
