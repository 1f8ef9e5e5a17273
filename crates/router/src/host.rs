//! Values by hostname, found from the most specific name to the least.
//!
//! Used for the listeners of a bind (the first one found is the only one asked) and for the routes
//! of a listener (the next one is asked when nothing of the first matches). A look-up costs one
//! hash per label of the host, however many names there are.

use std::sync::Arc;

use ir::Hostname;

use crate::shards::Shards;

/// Values by hostname.
#[derive(Clone)]
pub(crate) struct ByHost<V> {
    exact: Shards<Arc<[u8]>, V>,
    /// By what follows `*.`.
    wildcard: Shards<Arc<[u8]>, V>,
    any: Option<V>,
}

impl<V> Default for ByHost<V> {
    fn default() -> Self {
        Self { exact: Shards::default(), wildcard: Shards::default(), any: None }
    }
}

impl<V: Clone> ByHost<V> {
    /// The values whose hostnames cover `host`: exact, then longer wildcards, shorter ones, any.
    pub(crate) fn covering<'a>(&'a self, host: &[u8]) -> impl Iterator<Item = &'a V> {
        let exact = self.exact.get(host);
        // Longer than a DNS name can be: no wildcard is worth the walk.
        let walk = !self.wildcard.is_empty() && host.len() <= HOST_BYTES_MAX;
        let mut rest = if walk { host } else { &[] };
        let mut start = true;
        let wildcards = std::iter::from_fn(move || {
            loop {
                let dot = rest.iter().position(|byte| *byte == b'.')?;
                // A wildcard stands for at least one character (`ir::Hostname::covers`).
                let label = !(start && dot == 0);
                start = false;
                rest = &rest[dot + 1..];
                if label && let Some(value) = self.wildcard.get(rest) {
                    return Some(value);
                }
            }
        });
        exact.into_iter().chain(wildcards).chain(&self.any)
    }

    pub(crate) fn get(&self, hostname: &Hostname) -> Option<&V> {
        match hostname {
            Hostname::Exact(name) => self.exact.get(name.as_bytes()),
            Hostname::Wildcard(name) => self.wildcard.get(name.as_bytes()),
            Hostname::Any => self.any.as_ref(),
        }
    }

    pub(crate) fn insert(&mut self, hostname: &Hostname, value: V) {
        match hostname {
            Hostname::Exact(name) => self.exact.insert(name.as_bytes().into(), value),
            Hostname::Wildcard(name) => self.wildcard.insert(name.as_bytes().into(), value),
            Hostname::Any => self.any = Some(value),
        }
    }

    pub(crate) fn remove(&mut self, hostname: &Hostname) {
        match hostname {
            Hostname::Exact(name) => self.exact.remove(name.as_bytes()),
            Hostname::Wildcard(name) => self.wildcard.remove(name.as_bytes()),
            Hostname::Any => self.any = None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.any.is_none() && self.exact.is_empty() && self.wildcard.is_empty()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        let exact = self.exact.iter().map(|(_, value)| value);
        let wildcard = self.wildcard.iter().map(|(_, value)| value);
        exact.chain(wildcard).chain(&self.any)
    }
}

/// RFC 1035 §2.3.4, with room for a dot at the end.
pub(crate) const HOST_BYTES_MAX: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> ByHost<String> {
        let mut hosts = ByHost::default();
        for name in names {
            hosts.insert(&Hostname::parse(name).unwrap(), (*name).to_owned());
        }
        hosts
    }

    #[test]
    fn names_are_found_from_the_most_specific_to_the_least() {
        let hosts = hosts(&["*", "*.com", "*.a.com", "x.a.com", "a.com", "*.x.a.com"]);
        for (host, expected) in [
            ("x.a.com", &["x.a.com", "*.a.com", "*.com", "*"][..]),
            ("a.com", &["a.com", "*.com", "*"]),
            ("y.x.a.com", &["*.x.a.com", "*.a.com", "*.com", "*"]),
            ("com", &["*"]),
            (".com", &["*"]),
            (".a.com", &["*.com", "*"]),
            ("", &["*"]),
        ] {
            let found: Vec<_> = hosts.covering(host.as_bytes()).collect();
            assert_eq!(found, expected, "{host}");
        }
    }

    #[test]
    fn what_is_found_is_what_the_hostname_covers() {
        let names = ["*", "*.com", "*.a.com", "a.com", "*.b", "b"];
        let hosts = hosts(&names);
        for host in ["a.com", "b.a.com", ".a.com", "..com", "a..com", "b", "a.b", "a.b.", "", "."] {
            let mut covering: Vec<_> =
                names.iter().filter(|name| Hostname::parse(name).unwrap().covers(host)).collect();
            let mut found: Vec<_> = hosts.covering(host.as_bytes()).collect();
            covering.sort_unstable();
            found.sort_unstable();
            assert!(found.iter().eq(&covering), "{host:?}: {found:?} {covering:?}");
        }
    }
}
