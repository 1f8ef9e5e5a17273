//! Secrets and ConfigMaps, of which a cluster has many and we read few: of all of them only the
//! metadata pass by, unkept; those that the translation looks up by name are fetched whole, and
//! fetched again when their metadata say that they changed.
//!
//! A watch for each name would need a connection for each certificate, and a watch of everything
//! would hold every Secret of the cluster in memory for a moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::{
    kind::{Kind, ObjectKey},
    manifest::{self, Received},
    meta::NamespacedName,
};
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    Closed, Outlet,
    fault::{Backoff, Fault},
    follow::{Follower, News},
    problems::{self, Cost, Subject},
    request::{Seen, Server, Target, Told},
};
use crate::event_loop::Change;

/// The names that are wanted of all such kinds, counted.
#[derive(Clone, Default)]
pub(crate) struct Wishes {
    /// Grows with each change.
    pub(crate) round: u64,
    pub(crate) keys: Arc<BTreeSet<ObjectKey>>,
}

/// What a kind has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Its metadata were listed, or never will be.
    Listed(Kind),
    /// The server has answered for every name of this round.
    Fetched(Kind, u64),
}

/// A name that is wanted.
struct Wanted {
    /// What was last fetched: none if the server never answered, none within if it is not there.
    version: Option<Option<Box<str>>>,
    /// Whether it is to be fetched, again or at last.
    due: bool,
    fetching: bool,
    /// When the loop is told that it is not there, though nobody knows; none once it was told.
    answer_by: Option<Instant>,
    /// Whether the last list named it.
    listed: bool,
    /// Whether it may not be read.
    refused: bool,
}

impl Wanted {
    /// Whether the server has answered for it. `read`: one that may not be read is an answer.
    fn is_answered(&self, read: bool) -> bool {
        self.version.is_some() || read && self.refused
    }
}

type Fetched = (NamespacedName, Result<Option<Seen>, Fault>);

struct Named {
    server: Server,
    target: Target,
    outlet: Outlet,
    wanted: BTreeMap<NamespacedName, Wanted>,
    round: u64,
    fetches: FuturesUnordered<BoxFuture<'static, Fetched>>,
    backoff: Backoff,
    /// When to fetch again what failed.
    again: Option<Instant>,
    /// When to ask again for what may not be read.
    plead: Option<Instant>,
    changes: Vec<Change>,
    reached: mpsc::Sender<Reached>,
    /// The last round that was told to be fetched.
    told: Option<u64>,
    listed: bool,
    /// Whether some name was read. Where none may be, roles are wrong rather than narrow, and a
    /// controller that starts must not take every certificate for missing.
    read: bool,
}

/// Follows the wanted objects of a kind for ever.
pub(crate) async fn follow_named(
    server: Server,
    target: Target,
    mut wishes: watch::Receiver<Wishes>,
    outlet: Outlet,
    reached: mpsc::Sender<Reached>,
) {
    let mut follower = Follower::start(server.clone(), target);
    let backoff = Backoff::new(server.pace);
    let mut named = Named {
        server,
        target,
        outlet,
        wanted: BTreeMap::new(),
        round: 0,
        fetches: FuturesUnordered::new(),
        backoff,
        again: None,
        plead: None,
        changes: Vec::new(),
        reached,
        told: None,
        listed: false,
        read: false,
    };
    loop {
        let soon = named.next_time();
        tokio::select! {
            news = follower.next() => match news {
                Some(news) => named.take(news),
                None => return,
            },
            changed = wishes.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = wishes.borrow_and_update().clone();
                named.wish(now);
            }
            Some((name, outcome)) = named.fetches.next(), if !named.fetches.is_empty() => {
                named.fetched(name, outcome);
            }
            () = sleep_until(soon.unwrap_or_else(Instant::now)), if soon.is_some() => {
                named.on_time();
            }
        }
        named.fetch();
        if named.tell().await.is_err() {
            return;
        }
    }
}

impl Named {
    /// Names come and go; those that go are forgotten.
    fn wish(&mut self, wishes: Wishes) {
        self.round = wishes.round;
        let kind = self.target.kind;
        let gone = self.wanted.extract_if(.., |name, _| {
            !wishes.keys.contains(&ObjectKey { kind, name: name.clone() })
        });
        for (name, _) in gone {
            let key = ObjectKey { kind, name };
            self.outlet.problems.clear(Subject::Object(key.clone()));
            self.changes.push(Change { key, object: None });
        }
        let answer_by = Some(Instant::now() + self.server.pace.name);
        for key in wishes.keys.iter().filter(|key| key.kind == kind) {
            self.wanted.entry(key.name.clone()).or_insert_with(|| Wanted {
                version: None,
                due: true,
                fetching: false,
                answer_by,
                listed: true,
                refused: false,
            });
        }
    }

    fn take(&mut self, news: News) {
        let subject = Subject::Kind(self.target.kind);
        match news {
            News::Listing => self.wanted.values_mut().for_each(|wanted| wanted.listed = false),
            News::Page(page) => page.iter().for_each(|seen| self.seen(seen)),
            News::Listed => {
                // Also what is not listed is asked for by name: the server's answer to that is
                // what counts.
                for wanted in self.wanted.values_mut().filter(|wanted| !wanted.listed) {
                    wanted.due |= !matches!(wanted.version, Some(None));
                }
                self.outlet.problems.clear(subject);
                self.listed = true;
            }
            News::Told(told) => {
                for told in told {
                    match told {
                        Told::Put(seen) => self.seen(&seen),
                        Told::Gone(name) => {
                            if let Some(wanted) = self.wanted.get_mut(&name) {
                                wanted.due = true;
                            }
                        }
                        Told::Bookmark => {}
                    }
                }
            }
            News::Trouble { fault, believed } => {
                if believed {
                    // Some roles allow names and no lists; then asking again is all that is left.
                    self.wanted.values_mut().for_each(|wanted| wanted.due |= !wanted.refused);
                    self.listed = true;
                }
                let found = problems::of_fault(self.target, &fault, believed, Cost::Names);
                self.outlet.problems.set(subject, found);
            }
            News::Well => self.outlet.problems.clear(subject),
        }
    }

    fn seen(&mut self, seen: &Seen) {
        if let Some(wanted) = self.wanted.get_mut(&seen.name) {
            wanted.listed = true;
            let same = matches!(&wanted.version, Some(Some(version)) if *version == seen.version);
            wanted.due |= !same;
        }
    }

    /// Takes in the server's answer for a name.
    fn fetched(&mut self, name: NamespacedName, outcome: Result<Option<Seen>, Fault>) {
        let Some(wanted) = self.wanted.get_mut(&name) else { return };
        wanted.fetching = false;
        wanted.refused = matches!(outcome, Err(Fault::Refused(_)));
        let key = ObjectKey { kind: self.target.kind, name };
        let subject = Subject::Object(key.clone());
        match outcome {
            Ok(Some(seen)) => {
                self.read = true;
                self.backoff.reset();
                let good = matches!(wanted.version, Some(Some(_)));
                wanted.version = Some(Some(seen.version));
                match manifest::from_server(key.kind, self.target.version, &seen.json) {
                    Ok(Received { object, .. }) => {
                        self.outlet.problems.clear(subject);
                        wanted.answer_by = None;
                        self.changes.push(Change { key, object: Some(object) });
                    }
                    Err(found) => {
                        self.outlet.problems.set(subject, problems::of_object(&key, found, good));
                        if wanted.answer_by.take().is_some() {
                            self.changes.push(Change { key, object: None });
                        }
                    }
                }
            }
            Ok(None) => {
                self.read = true;
                self.backoff.reset();
                self.outlet.problems.clear(subject);
                let before = wanted.version.replace(None);
                if wanted.answer_by.take().is_some() || before != Some(None) {
                    self.changes.push(Change { key, object: None });
                }
            }
            // What was read before stays; what never could be is not there, unless none can be.
            Err(Fault::Refused(said)) => {
                let found = problems::refused_object(&key, self.target, &said);
                self.outlet.problems.set(subject, found);
                self.plead.get_or_insert_with(|| Instant::now() + self.server.pace.refused);
                if wanted.answer_by.take().is_some() {
                    self.changes.push(Change { key, object: None });
                }
            }
            Err(fault) => {
                tracing::debug!(%key, %fault, "is fetched again");
                wanted.due = true;
                let wait = self.backoff.next(&fault);
                self.again.get_or_insert_with(|| Instant::now() + wait);
            }
        }
    }

    /// Asks for what is due, some at a time.
    fn fetch(&mut self) {
        if self.again.is_some() {
            return;
        }
        let room = FETCHES_MAX.saturating_sub(self.fetches.len());
        let due = self.wanted.iter_mut().filter(|(_, wanted)| wanted.due && !wanted.fetching);
        for (name, wanted) in due.take(room) {
            (wanted.due, wanted.fetching) = (false, true);
            let (server, target, name) = (self.server.clone(), self.target, name.clone());
            self.fetches.push(Box::pin(async move {
                let outcome = server.object(target, &name).await;
                (name, outcome)
            }));
        }
    }

    /// The next moment at which something happens by itself.
    fn next_time(&self) -> Option<Instant> {
        let answers = self.wanted.values().filter_map(|wanted| wanted.answer_by);
        answers.chain(self.again).chain(self.plead).min()
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        self.again = self.again.filter(|again| *again > now);
        let plead = self.plead.take_if(|plead| *plead <= now).is_some();
        for (name, wanted) in &mut self.wanted {
            wanted.due |= plead && wanted.refused;
            if wanted.answer_by.take_if(|by| *by <= now).is_some() {
                let key = ObjectKey { kind: self.target.kind, name: name.clone() };
                self.changes.push(Change { key, object: None });
            }
        }
    }

    async fn tell(&mut self) -> Result<(), Closed> {
        let forbidden = !self.read && self.wanted.values().any(|wanted| wanted.refused);
        let found = if forbidden { problems::refused_names(self.target) } else { Vec::new() };
        self.outlet.problems.set(Subject::Names(self.target.kind), found);
        self.outlet.send(std::mem::take(&mut self.changes)).await?;
        if std::mem::take(&mut self.listed) {
            self.reach(Reached::Listed(self.target.kind)).await?;
        }
        let all = self.wanted.values().all(|wanted| wanted.is_answered(self.read));
        if all && self.told.replace(self.round) != Some(self.round) {
            self.reach(Reached::Fetched(self.target.kind, self.round)).await?;
        }
        Ok(())
    }

    async fn reach(&mut self, reached: Reached) -> Result<(), Closed> {
        self.reached.send(reached).await.map_err(|_| Closed)
    }
}

/// Requests for single objects that are under way.
const FETCHES_MAX: usize = 8;
