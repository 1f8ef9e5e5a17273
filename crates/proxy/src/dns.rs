//! Backends that are known by name: each name is looked up again when its answer has had its time.
//!
//! The hosts file and `localhost` count as they do elsewhere on the machine. A failure keeps the
//! addresses of before; an answer that there are none removes them. IPv6 addresses are used where
//! there are no IPv4 ones. Nothing here is on the way of a request.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::AbortHandle,
    time::{sleep, timeout},
};

use crate::limits;

/// The names that are followed, and their addresses.
pub(crate) struct Names {
    search: Arc<Search>,
    followed: HashMap<Arc<str>, Name>,
}

/// What came of looking a name up.
pub(crate) struct Lookup {
    host: Arc<str>,
    /// Sorted, without repetition.
    addresses: Arc<[IpAddr]>,
}

struct Name {
    addresses: Arc<[IpAddr]>,
    task: AbortHandle,
}

struct Search {
    resolver: TokioResolver,
    /// Whether a name may mean this machine itself.
    local: bool,
    /// So that a large configuration does not ask for everything at once.
    turns: Semaphore,
    lookups: mpsc::Sender<Lookup>,
}

impl Names {
    /// No names. Asks `server`, or those of the machine; to be called within a runtime. Unless
    /// `local`, addresses that mean this machine itself are left out of answers.
    ///
    /// # Errors
    /// The resolver cannot be set up.
    pub(crate) fn new(
        server: Option<SocketAddr>,
        local: bool,
        lookups: mpsc::Sender<Lookup>,
    ) -> Result<Self, NetError> {
        let turns = Semaphore::new(limits::DNS_PARALLEL_MAX);
        let search = Arc::new(Search { resolver: resolver(server)?, local, turns, lookups });
        Ok(Self { search, followed: HashMap::new() })
    }

    /// Follows a name from now on, unless it does so already.
    pub(crate) fn follow(&mut self, host: &Arc<str>) {
        if !self.followed.contains_key(host) {
            let task = tokio::spawn(follow(self.search.clone(), host.clone())).abort_handle();
            self.followed.insert(host.clone(), Name { addresses: Arc::default(), task });
        }
    }

    /// Follows a name no longer.
    pub(crate) fn forget(&mut self, host: &str) {
        self.followed.remove(host);
    }

    /// Takes an answer in. Gives the name if that says anything new.
    pub(crate) fn take(&mut self, lookup: Lookup) -> Option<Arc<str>> {
        let name = self.followed.get_mut(&lookup.host)?;
        if name.addresses == lookup.addresses {
            return None;
        }
        name.addresses = lookup.addresses;
        Some(lookup.host)
    }

    /// The addresses of a name; none before the first answer.
    pub(crate) fn addresses(&self, host: &str) -> &[IpAddr] {
        self.followed.get(host).map_or(&[], |name| &name.addresses)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let provider = TokioRuntimeProvider::default();
    let mut builder = match server {
        Some(server) => {
            let config = ResolverConfig::from_name_servers(vec![name_server(server)]);
            TokioResolver::builder_with_config(config, provider)
        }
        // A machine without a resolver configuration still has a hosts file.
        None => TokioResolver::builder_tokio().unwrap_or_else(|_| {
            TokioResolver::builder_with_config(ResolverConfig::default(), provider)
        }),
    };
    bound(builder.options_mut());
    builder.build()
}

fn name_server(at: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = at.port();
        connection
    });
    NameServerConfig::new(at.ip(), true, connections.into())
}

fn bound(options: &mut ResolverOpts) {
    // What is believed for how long is decided below, once.
    options.cache_size = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    // A name with a dot is asked for as it is before search domains are tried.
    options.ndots = 1;
    options.timeout = options.timeout.min(limits::DNS_TIME_MAX / 2);
}

/// Looks a name up again and again.
async fn follow(search: Arc<Search>, host: Arc<str>) {
    let mut pause = limits::DNS_RETRY_MIN;
    loop {
        let found = look_up(&search, &host).await;
        let wait = match &found {
            Ok((_, ttl)) => {
                pause = limits::DNS_RETRY_MIN;
                *ttl
            }
            Err(error) => {
                tracing::warn!(%host, %error, "a backend's name cannot be looked up");
                let wait = pause;
                pause = (pause * 2).min(limits::DNS_RETRY_MAX);
                wait
            }
        };
        let addresses = match found {
            Ok((addresses, _)) => Some(addresses),
            Err(Unknown::NoSuchName) => Some(Arc::default()),
            Err(Unknown::Failed(_) | Unknown::TooSlow) => None,
        };
        if let Some(addresses) = addresses {
            let lookup = Lookup { host: host.clone(), addresses };
            if search.lookups.send(lookup).await.is_err() {
                return;
            }
        }
        // Names of one moment are not asked for in one moment for ever.
        sleep(wait.mul_f64(1.0 + fastrand::f64() / 10.0)).await;
    }
}

/// The addresses of a name now, for a caller that asks seldom. Asks `server`, or those of the
/// machine.
pub(crate) async fn once(server: Option<SocketAddr>, host: &str) -> Result<Arc<[IpAddr]>, Unknown> {
    let resolver = resolver(server).map_err(Unknown::Failed)?;
    ask(&resolver, host).await.map(|(addresses, _)| addresses)
}

async fn look_up(search: &Search, host: &str) -> Result<(Arc<[IpAddr]>, Duration), Unknown> {
    let _turn = search.turns.acquire().await;
    let (addresses, ttl) = ask(&search.resolver, host).await?;
    if search.local || !addresses.iter().any(|address| ir::is_local(*address)) {
        return Ok((addresses, ttl));
    }
    tracing::warn!(%host, "a backend's name means this pod or its node: nothing is sent there");
    let elsewhere = addresses.iter().copied().filter(|address| !ir::is_local(*address));
    Ok((elsewhere.collect(), ttl))
}

async fn ask(resolver: &TokioResolver, host: &str) -> Result<(Arc<[IpAddr]>, Duration), Unknown> {
    let answer = timeout(limits::DNS_TIME_MAX, resolver.lookup_ip(host)).await;
    let answer = answer.map_err(|_| Unknown::TooSlow)?.map_err(|error| {
        if error.is_no_records_found() { Unknown::NoSuchName } else { Unknown::Failed(error) }
    })?;
    let addresses: BTreeSet<IpAddr> = answer.iter().take(limits::DNS_ADDRESSES_MAX).collect();
    let ttl = answer.valid_until().saturating_duration_since(Instant::now());
    let ttl = ttl.clamp(limits::DNS_TTL_MIN, limits::DNS_TTL_MAX);
    Ok((addresses.into_iter().collect(), ttl))
}

/// Why there is no answer with addresses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unknown {
    /// The answer is that there is nothing.
    #[error("there is no such name, or it has no address")]
    NoSuchName,
    /// There is no answer.
    #[error("{0}")]
    Failed(NetError),
    /// There is no answer yet.
    #[error("no answer in time")]
    TooSlow,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_hosts_file_says_of_this_machine_counts_only_where_it_may() {
        for (local, expected) in [(true, &[IpAddr::from([127, 0, 0, 1])][..]), (false, &[])] {
            let (lookups, mut answers) = mpsc::channel(1);
            let mut names = Names::new(None, local, lookups).unwrap();
            names.follow(&"localhost".into());
            let lookup = timeout(limits::DNS_TIME_MAX, answers.recv()).await.unwrap().unwrap();
            assert_eq!(&*lookup.addresses, expected);
        }
    }
}
