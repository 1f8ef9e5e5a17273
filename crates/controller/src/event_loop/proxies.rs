//! What the proxies of each Gateway serve, found from their answers.
//!
//! A Gateway counts as served as far as every proxy of it is that has answered; one that is
//! silent for [`SILENCE`] with something under way is left out until it answers again. Times are
//! given by the caller.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use api::meta::NamespacedName;
use ir::{Ack, Rejection};
use tokio::time::Instant;
use translate::{Observations, Published, Served};

use crate::publish::hub::{ProxyAnswer, Publication};

/// All proxies.
#[derive(Default)]
pub(super) struct Proxies {
    revision: u64,
    gateways: BTreeMap<NamespacedName, Gateway>,
    /// Those that serve all Gateways.
    everywhere: BTreeMap<u64, Proxy>,
    /// Gateways of which something may be other than was observed.
    dirty: BTreeSet<NamespacedName>,
    /// Proxies that fell silent or spoke again, with their Gateway; not yet told.
    notices: BTreeMap<(NamespacedName, Arc<str>), bool>,
}

#[derive(Default)]
struct Gateway {
    /// The last revision that changed something for its proxies.
    touched: u64,
    /// What it was published with, and which revision a proxy must have for that. Oldest first.
    contents: VecDeque<(u64, Served)>,
    proxies: BTreeMap<u64, Proxy>,
    /// What was observed last.
    served: Option<Served>,
    /// How long that stands while no proxy is there to confirm it.
    stands: Option<Instant>,
}

struct Proxy {
    pod: Arc<str>,
    ack: Ack,
    /// Whether it has ever had what its Gateway counts as served with: a newcomer takes nothing
    /// back.
    counts: bool,
    /// Since when something has been under way to it without an answer.
    waiting: Option<Instant>,
    silent: bool,
}

impl Proxies {
    /// Takes in what was published, with the Gateways that may have other contents.
    pub(super) fn published(
        &mut self,
        publication: &Publication,
        published: &Published,
        others: impl Iterator<Item = NamespacedName>,
        now: Instant,
    ) {
        if publication.revision > self.revision {
            self.revision = publication.revision;
            self.everywhere.values_mut().for_each(|proxy| proxy.wait(now));
        }
        let touched = publication.gateways.iter().filter_map(|name| {
            let (namespace, name) = name.split_once('/')?;
            Some(NamespacedName::new(namespace, name))
        });
        let touched: BTreeSet<NamespacedName> = touched.collect();
        for name in &touched {
            let gateway = self.gateways.entry(name.clone()).or_default();
            gateway.touched = publication.revision;
            gateway.proxies.values_mut().for_each(|proxy| proxy.wait(now));
        }
        for name in others.chain(touched) {
            let gateway = self.gateways.entry(name.clone()).or_default();
            match published.served(&name) {
                None => gateway.contents.clear(),
                Some(served)
                    if gateway.contents.back().is_some_and(|(_, last)| *last == served) => {}
                Some(served) => gateway.contents.push_back((gateway.touched, served)),
            }
            self.dirty.insert(name);
        }
    }

    /// Takes an answer in; gives what is refused now and was not before.
    pub(super) fn answered(
        &mut self,
        id: u64,
        answer: ProxyAnswer,
        now: Instant,
    ) -> Vec<Rejection> {
        let ProxyAnswer { subscriber, ack } = answer;
        let (proxies, latest) = match &subscriber.gateway {
            Some(name) => {
                self.dirty.insert(name.clone());
                let gateway = self.gateways.entry(name.clone()).or_default();
                (&mut gateway.proxies, gateway.touched)
            }
            None => {
                self.dirty.extend(self.gateways.keys().cloned());
                (&mut self.everywhere, self.revision)
            }
        };
        let Some(ack) = ack else {
            if proxies.remove(&id).is_some() {
                self.left(subscriber.gateway.as_ref(), now);
            }
            return Vec::new();
        };
        let before = proxies.remove(&id);
        if let (Some(name), true) = (&subscriber.gateway, before.as_ref().is_some_and(|p| p.silent))
        {
            self.notices.insert((name.clone(), subscriber.pod.clone()), false);
        }
        let known = before.as_ref().map(|proxy| &*proxy.ack.rejected).unwrap_or_default();
        let known: BTreeSet<&Rejection> = known.iter().collect();
        let refused = ack.rejected.iter().filter(|rejection| !known.contains(rejection));
        let refused = refused.cloned().collect();
        let waiting = (ack.revision < latest).then_some(now);
        let counts = before.is_some_and(|proxy| proxy.counts) || subscriber.gateway.is_none();
        proxies.insert(id, Proxy { pod: subscriber.pod, ack, counts, waiting, silent: false });
        refused
    }

    /// Counts a Gateway as served as it is published now, until its proxies say otherwise or have
    /// had time to: somebody has seen that they serve it.
    pub(super) fn trust(&mut self, name: &NamespacedName, now: Instant) {
        let Some(gateway) = self.gateways.get_mut(name) else { return };
        if self.everywhere.is_empty() && gateway.counted().next().is_none() {
            gateway.served = gateway.contents.back().map(|(_, served)| served.clone());
            gateway.stands = Some(now + GRACE);
            self.dirty.insert(name.clone());
        }
    }

    /// Brings observations in line with all of this. Whether that is news.
    pub(super) fn observe(&mut self, observations: &mut Observations, now: Instant) -> bool {
        self.look_at_the_clock(now);
        let mut news = false;
        for name in std::mem::take(&mut self.dirty) {
            let Some(gateway) = self.gateways.get_mut(&name) else { continue };
            gateway.served = gateway.find(&self.everywhere);
            news |= observations.gateway(name.clone(), gateway.served.clone());
            if gateway.contents.is_empty() && gateway.proxies.is_empty() {
                self.gateways.remove(&name);
            }
        }
        news
    }

    /// When to look again, if nothing happens before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let all = self.gateways.values().flat_map(|gateway| gateway.proxies.values());
        let waiting = all.chain(self.everywhere.values()).filter_map(Proxy::patience);
        let standing = self.gateways.values().filter_map(|gateway| gateway.stands);
        waiting.chain(standing).min()
    }

    /// Proxies that fell silent, or spoke again, since the last call.
    pub(super) fn notices(&mut self) -> BTreeMap<(NamespacedName, Arc<str>), bool> {
        std::mem::take(&mut self.notices)
    }

    /// The last revision that every proxy serves that counts; none if there is no such proxy.
    pub(super) fn served(&self) -> Option<u64> {
        // Whoever has the last one that concerns it has them all.
        let own = self.gateways.values().flat_map(|gateway| {
            gateway.counted().map(|proxy| match proxy.ack.revision < gateway.touched {
                true => proxy.ack.revision,
                false => self.revision,
            })
        });
        own.chain(counted(&self.everywhere).map(|proxy| proxy.ack.revision)).min()
    }

    fn left(&mut self, name: Option<&NamespacedName>, now: Instant) {
        let nobody_everywhere = self.everywhere.is_empty();
        let gateways = self.gateways.iter_mut();
        for (_, gateway) in gateways.filter(|(own, _)| name.is_none_or(|name| name == *own)) {
            if nobody_everywhere && gateway.counted().next().is_none() {
                gateway.stands = Some(now + GRACE);
            }
        }
    }

    fn look_at_the_clock(&mut self, now: Instant) {
        for (name, gateway) in &mut self.gateways {
            for proxy in gateway.proxies.values_mut() {
                if proxy.patience().is_some_and(|end| end <= now) {
                    proxy.silent = true;
                    self.notices.insert((name.clone(), proxy.pod.clone()), true);
                    self.dirty.insert(name.clone());
                }
            }
            if gateway.stands.is_some_and(|end| end <= now) {
                gateway.stands = None;
                self.dirty.insert(name.clone());
            }
        }
        for proxy in self.everywhere.values_mut() {
            if proxy.patience().is_some_and(|end| end <= now) {
                proxy.silent = true;
                self.dirty.extend(self.gateways.keys().cloned());
            }
        }
    }
}

impl Gateway {
    fn counted(&self) -> impl Iterator<Item = &Proxy> {
        counted(&self.proxies)
    }

    /// What all proxies serve. What none of them is behind any more is forgotten.
    fn find(&mut self, everywhere: &BTreeMap<u64, Proxy>) -> Option<Served> {
        let needed = self.contents.front().map_or(0, |(needed, _)| *needed);
        for proxy in self.proxies.values_mut() {
            proxy.counts |= proxy.ack.revision >= needed;
        }
        let silent = !self.proxies.is_empty() || !everywhere.is_empty();
        let least = self.counted().chain(counted(everywhere)).map(|proxy| proxy.ack.revision).min();
        let Some(least) = least else {
            let last = self.contents.pop_back();
            self.contents.clear();
            self.contents.extend(last);
            // That those who serve it do not answer is no sign that they do not serve it.
            let stands = (silent || self.stands.is_some()) && !self.contents.is_empty();
            return self.served.take().filter(|_| stands);
        };
        self.stands = None;
        let newest = self.contents.iter().rposition(|(needed, _)| *needed <= least);
        self.contents.drain(..newest.unwrap_or(0));
        while self.contents.len() > CONTENTS_MAX {
            // A proxy that gets as far as this one is said to be a little less far.
            self.contents.remove(1);
        }
        let mut served = newest.and(self.contents.front()).map(|(_, served)| served.clone())?;
        self.counted().chain(counted(everywhere)).for_each(|proxy| served.complain(&proxy.ack));
        Some(served)
    }
}

fn counted(proxies: &BTreeMap<u64, Proxy>) -> impl Iterator<Item = &Proxy> {
    proxies.values().filter(|proxy| proxy.counts && !proxy.silent)
}

impl Proxy {
    fn wait(&mut self, now: Instant) {
        self.waiting.get_or_insert(now);
    }

    /// When it is to be left out, if it says nothing until then.
    fn patience(&self) -> Option<Instant> {
        self.waiting.filter(|_| !self.silent).map(|since| since + SILENCE)
    }
}

/// A proxy that does not answer for that long holds no status up any more.
const SILENCE: Duration = Duration::from_secs(10);
/// How long proxies may take to come back before nobody serves their Gateway.
const GRACE: Duration = Duration::from_secs(10);
/// Edits of one Gateway that its slowest proxy may be behind one by one.
const CONTENTS_MAX: usize = 16;

#[cfg(test)]
mod tests;
