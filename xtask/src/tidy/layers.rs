//! The layer table: who may import whom, and what must never be inside.
//!
//! The pure crates are what golden and decision tests rest on, so neither they nor anything they
//! pull in may open a socket or start a task. A new arrow needs a decision record first. Arrows for
//! tests count as arrows: a test that needs two workshops belongs to the rooms that see all.

use std::collections::BTreeSet;

use super::Finding;
use crate::graph::{Graph, Ours};

pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &graph.ours {
        match ROOMS.iter().find(|room| room.name == package.room) {
            Some(room) => hold(room, package, graph, &mut findings),
            None => {
                let message = "not in the layer table: a new crate needs a decision record and a \
                               row in `xtask/src/tidy/layers.rs`";
                findings.push(Finding::file(&package.manifest, message));
            }
        }
    }
    for package in &graph.built {
        if let Some((_, reason)) = NOWHERE.iter().find(|(name, _)| *name == package.name) {
            let message = format!(
                "`{}` is part of the build: {reason}; `cargo tree -i {}` says who brings it",
                package.name, package.name
            );
            findings.push(Finding::file("Cargo.lock", message));
        }
    }
    findings
}

/// One row of the table.
struct Room {
    name: &'static str,
    imports: Imports,
    /// No I/O, no tasks, no clock, no chance, here or in anything it contains.
    pure: bool,
    /// Other packages that it must not contain.
    without: &'static [&'static str],
}

enum Imports {
    Only(&'static [&'static str]),
    All,
}

const ROOMS: &[Room] = &[
    Room { name: "api", imports: Imports::Only(&[]), pure: true, without: &[] },
    Room { name: "ir", imports: Imports::Only(&[]), pure: true, without: KUBERNETES },
    Room { name: "translate", imports: Imports::Only(&["api", "ir"]), pure: true, without: &[] },
    Room { name: "router", imports: Imports::Only(&["ir"]), pure: true, without: KUBERNETES },
    Room { name: "migrate", imports: Imports::Only(&["api"]), pure: true, without: &[] },
    Room {
        name: "proxy",
        imports: Imports::Only(&["ir", "router"]),
        pure: false,
        without: KUBERNETES,
    },
    Room {
        name: "controller",
        imports: Imports::Only(&["api", "ir", "translate", "migrate"]),
        pure: false,
        without: &[],
    },
    Room { name: "cli", imports: Imports::All, pure: false, without: &[] },
    Room { name: "tests", imports: Imports::All, pure: false, without: &[] },
    Room { name: "fuzz", imports: Imports::All, pure: false, without: &[] },
    Room { name: "bench", imports: Imports::All, pure: false, without: &[] },
    Room { name: "xtask", imports: Imports::Only(&[]), pure: false, without: &[] },
];

/// What a pure crate must not contain: sockets, tasks, files, locks, chance.
const IMPURE: &[&str] = &[
    "arc-swap",
    "async-std",
    "fastrand",
    "futures-executor",
    "getrandom",
    "h2",
    "hickory-resolver",
    "hyper",
    "hyper-util",
    "kube",
    "kube-client",
    "mio",
    "notify",
    "parking_lot",
    "rand",
    "reqwest",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-rustls",
    "tonic",
    "tracing-subscriber",
    "ureq",
];

const KUBERNETES: &[&str] = &["k8s-openapi", "kube", "kube-client", "kube-core"];

/// Banned from the whole build.
const NOWHERE: &[(&str, &str)] = &[
    ("native-tls", "TLS is rustls with aws-lc-rs"),
    ("openssl", "TLS is rustls with aws-lc-rs"),
    ("openssl-sys", "TLS is rustls with aws-lc-rs"),
    ("ring", "the one crypto provider is aws-lc-rs"),
    ("async-std", "the one runtime is tokio"),
    ("pingora", "the proxy is ours"),
    ("serde_yaml", "the one YAML reader is serde-saphyr"),
];

/// Who may erase the type of an error. Elsewhere a caller has to be able to tell errors apart.
const MAY_USE_ANYHOW: &[&str] = &["bench", "cli", "xtask"];

fn hold(room: &Room, package: &Ours, graph: &Graph, findings: &mut Vec<Finding>) {
    let mut refuse = |message: String| findings.push(Finding::file(&package.manifest, message));
    for need in &package.needs {
        if let (Some(other), Imports::Only(allowed)) = (&need.room, &room.imports)
            && !allowed.contains(&other.as_str())
        {
            let what = if need.for_tests { "tests" } else { "code" };
            let allowed =
                if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
            refuse(format!(
                "{what} of `{}` may import {allowed}, not `{other}`: move what is shared down a \
                 layer, or write a decision record",
                room.name
            ));
        }
        if need.name == "anyhow" && !MAY_USE_ANYHOW.contains(&room.name) {
            refuse("`anyhow` hides what failed: write an error enum with thiserror".to_owned());
        }
    }
    let nothing = BTreeSet::new();
    let inside = graph.contains.get(room.name).unwrap_or(&nothing);
    let impure = if room.pure { IMPURE } else { &[] };
    let banned: BTreeSet<&str> = impure.iter().chain(room.without).copied().collect();
    for name in banned.into_iter().filter(|name| inside.contains(*name)) {
        refuse(format!(
            "`{}` must not contain `{name}`: it belongs to a layer above; `cargo tree -p {} -i \
             {name}` says who brings it",
            room.name, package.package
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages about a workspace in which each room has what `needs` and `contains` say.
    fn messages(rooms: &[(&str, &[&str], &[&str])]) -> Vec<String> {
        let findings = check(&Graph::sample(rooms));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_as_it_should_be_is_silent() {
        let rooms: &[(&str, &[&str], &[&str])] = &[
            ("api", &["serde"], &["serde"]),
            ("ir", &["serde"], &["serde"]),
            ("translate", &["api", "ir"], &["serde"]),
            ("router", &["ir"], &["regex-automata"]),
            ("migrate", &["api"], &[]),
            ("proxy", &["ir", "router", "tokio"], &["tokio", "rustls", "h2"]),
            ("controller", &["api", "ir", "translate", "migrate"], &["tokio", "kube"]),
            ("cli", &["proxy", "controller", "api", "anyhow"], &["tokio", "kube"]),
            ("xtask", &["anyhow"], &["anyhow"]),
        ];
        assert_eq!(messages(rooms), [""; 0]);
    }

    #[test]
    fn each_forbidden_arrow_is_named() {
        let forbidden = [
            ("api", "ir"),
            ("ir", "api"),
            ("translate", "router"),
            ("router", "api"),
            ("migrate", "ir"),
            ("proxy", "api"),
            ("proxy", "translate"),
            ("proxy", "controller"),
            ("controller", "proxy"),
            ("controller", "router"),
            ("xtask", "api"),
        ];
        for (from, to) in forbidden {
            let found = messages(&[(from, &[to], &[]), (to, &[], &[])]);
            assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
            assert!(found[0].contains(&format!("not `{to}`")), "{found:?}");
        }
    }

    #[test]
    fn what_a_room_must_not_contain_is_named() {
        let cases: [(&str, &[&str], &[&str], &str); 5] = [
            ("api", &[], &["tokio"], "must not contain `tokio`"),
            ("router", &[], &["parking_lot"], "must not contain `parking_lot`"),
            ("proxy", &[], &["kube"], "must not contain `kube`"),
            ("proxy", &["anyhow"], &[], "`anyhow` hides"),
            ("workshop", &[], &[], "not in the layer table"),
        ];
        for (room, needs, contains, expected) in cases {
            let found = messages(&[(room, needs, contains)]);
            assert!(found.len() == 1 && found[0].contains(expected), "{room}: {found:?}");
        }
    }

    #[test]
    fn a_second_crypto_provider_is_refused() {
        let graph = Graph::of_built(&[("ring", "0.17.0", "ISC"), ("aws-lc-rs", "1.0.0", "ISC")]);
        let findings = check(&graph);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("`ring`"));
    }
}
