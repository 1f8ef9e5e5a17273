//! Listeners of one Gateway that cannot stand side by side: there is no winner among them.
//!
//! On one port, HTTP listeners are told apart by hostname, and so are HTTPS and TLS ones; TCP
//! shares a port with nothing. UDP ports are others than TCP ports. Of a protocol that we do not
//! know it is unknown which ports it takes, so it contradicts only itself (Gateway API,
//! `Gateway.listeners`).

use api::{condition::Reason, gateway::Listener, listener::ProtocolType};
use ir::Hostname;

/// What a listener wants for itself.
pub(super) struct Claim<'a> {
    name: &'a str,
    port: u16,
    protocol: &'a ProtocolType,
    /// None when it cannot be read.
    hostname: Option<&'a Hostname>,
}

/// Why a listener cannot stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl<'a> Claim<'a> {
    pub(super) fn new(listener: &'a Listener, hostname: Option<&'a Hostname>) -> Self {
        let Listener { name, port, protocol, .. } = listener;
        Self { name, port: *port, protocol, hostname }
    }
}

/// For each listener, its conflict.
pub(super) fn find(claims: &[Claim<'_>]) -> Vec<Option<Conflict>> {
    let one = |(index, claim): (usize, &Claim<'_>)| {
        let others = claims.iter().enumerate().filter(|(other, _)| *other != index);
        let clashes: Vec<(Reason, &str)> =
            others.filter_map(|(_, other)| Some((clash(claim, other)?, other.name))).collect();
        // The wrong protocol is the graver mistake: a new hostname would not help.
        let reason = match clashes.iter().any(|(reason, _)| *reason == Reason::ProtocolConflict) {
            true => Reason::ProtocolConflict,
            false => clashes.first()?.0,
        };
        let names: Vec<&str> =
            clashes.iter().filter(|(other, _)| *other == reason).map(|(_, name)| *name).collect();
        let what = match reason {
            Reason::HostnameConflict => "port and hostname",
            _ => "the port, with a protocol that cannot share it,",
        };
        let message = format!(
            "listeners {} have {what} as well: change one side, since none of them is served",
            names.join(", ")
        );
        Some(Conflict { reason, message })
    };
    claims.iter().enumerate().map(one).collect()
}

fn clash(a: &Claim<'_>, b: &Claim<'_>) -> Option<Reason> {
    use ProtocolType::{HTTP, HTTPS, Other, TLS, UDP};
    if a.port != b.port {
        return None;
    }
    match (a.protocol, b.protocol) {
        (HTTP, HTTP) | (HTTPS | TLS, HTTPS | TLS) => {
            (a.hostname? == b.hostname?).then_some(Reason::HostnameConflict)
        }
        (Other(one), Other(two)) if one == two => {
            (a.hostname? == b.hostname?).then_some(Reason::HostnameConflict)
        }
        (Other(_), _) | (_, Other(_)) => None,
        (UDP, UDP) => Some(Reason::ProtocolConflict),
        (UDP, _) | (_, UDP) => None,
        _ => Some(Reason::ProtocolConflict),
    }
}

/// For each HTTPS listener without conflict, the others on its port whose hostnames overlap with
/// its own, so that a connection re-used for another name may be misdirected (GEP-3567).
pub(super) fn overlaps(
    claims: &[Claim<'_>],
    conflicts: &[Option<Conflict>],
) -> Vec<Option<String>> {
    let counts =
        |index: usize| conflicts[index].is_none() && *claims[index].protocol == ProtocolType::HTTPS;
    let one = |index: usize| {
        let own = claims[index].hostname.filter(|_| counts(index))?;
        let names: Vec<&str> = (0..claims.len())
            .filter(|other| *other != index && counts(*other))
            .filter(|other| claims[*other].port == claims[index].port)
            .filter(|other| claims[*other].hostname.is_some_and(|name| name.intersects(own)))
            .map(|other| claims[other].name)
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    (0..claims.len()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listeners: &[(ProtocolType, u16, &str)]) -> String {
        let hostnames: Vec<Hostname> =
            listeners.iter().map(|(_, _, name)| Hostname::parse(name).unwrap()).collect();
        let claims: Vec<Claim<'_>> = listeners
            .iter()
            .zip(&hostnames)
            .map(|((protocol, port, _), hostname)| Claim {
                name: "x",
                port: *port,
                protocol,
                hostname: Some(hostname),
            })
            .collect();
        let letter = |conflict: &Option<Conflict>| match conflict.as_ref().map(|c| c.reason) {
            None => '-',
            Some(Reason::HostnameConflict) => 'h',
            Some(_) => 'p',
        };
        find(&claims).iter().map(letter).collect()
    }

    #[test]
    fn who_can_share_a_port() {
        use ProtocolType::{HTTP, HTTPS, Other, TCP, TLS, UDP};
        let odd = || Other("INVALID".into());
        for (listeners, expected) in [
            (vec![(HTTP, 80, ""), (HTTP, 80, "a.com"), (HTTP, 80, "*.a.com")], "---"),
            (vec![(HTTP, 80, "a.com"), (HTTP, 80, "a.com"), (HTTP, 80, "b.com")], "hh-"),
            (vec![(HTTP, 80, "A.com"), (HTTP, 80, "a.com")], "hh"),
            (vec![(HTTP, 80, "a.com"), (HTTPS, 80, "b.com"), (HTTP, 81, "a.com")], "pp-"),
            (vec![(HTTP, 80, ""), (HTTP, 80, ""), (HTTPS, 80, "")], "ppp"),
            (vec![(HTTPS, 443, "a.com"), (TLS, 443, "b.com")], "--"),
            (vec![(HTTPS, 443, "a.com"), (TLS, 443, "a.com")], "hh"),
            (vec![(TCP, 80, ""), (HTTP, 80, "a.com")], "pp"),
            (vec![(TCP, 80, ""), (TCP, 80, "")], "pp"),
            (vec![(UDP, 80, ""), (TCP, 80, ""), (UDP, 81, "")], "---"),
            (vec![(UDP, 80, ""), (UDP, 80, "")], "pp"),
            (vec![(odd(), 80, ""), (HTTP, 80, "")], "--"),
            (vec![(odd(), 80, ""), (odd(), 80, "")], "hh"),
        ] {
            assert_eq!(check(&listeners), expected, "{listeners:?}");
        }
    }
}
