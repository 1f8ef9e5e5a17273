//! What happens to a request of one rule: its filters, its shares, its mirrors, its bounds in time.

use std::sync::Arc;

use ir::{
    BackendChoice, Failure, Filter, Id, InvalidBackend, Match, Mirror, Retry, Route, Rule, Scheme,
    Timeouts,
};

use crate::{
    BackendSlot, Backends, Head, Step,
    filter::Filters,
    head::{Known, Span},
    pattern,
    split::{Part, Split},
};

/// A rule, compiled. One value serves all hosts and listeners that its route is attached to.
#[derive(Debug)]
pub struct Plan {
    /// Whose plan it is.
    pub rule: Id<Rule>,
    /// The route of the rule, as metrics and logs name it.
    pub route: Id<Route>,
    /// The user's name for the rule.
    pub name: Option<Arc<str>>,
    /// Bounds in time.
    pub timeouts: Timeouts,
    /// When a failed try is repeated; none means the proxy's default.
    pub retry: Option<Retry>,
    /// Who gets copies of every request.
    pub mirrors: Vec<MirrorPlan>,
    /// Where the request goes; see [`Plan::pick`].
    pub backends: Vec<Share>,
    /// The rule's matches with their paths in canonical form, where they are written otherwise.
    rewritten: Option<Box<[Match]>>,
    /// The place in the route.
    pub(crate) index: u32,
    /// The value that was compiled.
    pub(crate) source: Arc<Rule>,
    filters: Filters,
    split: Split,
}

/// A share of a rule's traffic.
#[derive(Debug)]
pub struct Share {
    /// Who gets it; an invalid reference answers 500.
    pub backend: Result<BackendSlot, InvalidBackend>,
    /// Who gets copies of the requests of this share.
    pub mirrors: Vec<MirrorPlan>,
    filters: Filters,
}

/// A mirror.
#[derive(Debug)]
pub struct MirrorPlan {
    /// Who gets the copies; none for an invalid reference.
    pub backend: Option<BackendSlot>,
    part: Part,
}

/// What filters need to know about a request beyond its head.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext {
    /// What the client spoke.
    pub scheme: Scheme,
    /// The listener's port, as the user wrote it.
    pub port: u16,
}

/// How much of the path the matched prefix covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(Option<u32>);

impl Plan {
    pub(crate) fn compile(id: &Id<Rule>, rule: &Arc<Rule>, backends: &mut Backends) -> Self {
        let shares = rule.backends.iter().map(|share| Share {
            backend: match &share.backend {
                BackendChoice::Valid(id) => Ok(backends.acquire(id)),
                BackendChoice::Invalid(reason) => Err(*reason),
            },
            mirrors: mirrors(&share.filters, backends),
            filters: Filters::compile(&share.filters),
        });
        let shares = shares.collect();
        let weights: Vec<u32> = rule.backends.iter().map(|share| share.weight).collect();
        let canonical: Box<[Match]> = rule.matches.iter().map(pattern::canonical).collect();
        Self {
            rule: id.clone(),
            route: rule.route.clone(),
            name: rule.name.clone(),
            timeouts: rule.timeouts,
            retry: rule.retry.clone(),
            mirrors: mirrors(&rule.filters, backends),
            backends: shares,
            rewritten: (*canonical != *rule.matches).then_some(canonical),
            index: rule.index,
            source: rule.clone(),
            filters: Filters::compile(&rule.filters),
            split: Split::new(&weights),
        }
    }

    /// The rule's matches with their paths in canonical form.
    pub(crate) fn matches(&self) -> &[Match] {
        self.rewritten.as_deref().unwrap_or(&self.source.matches)
    }

    /// The backends that it names, as often as it names them.
    pub(crate) fn slots(&self) -> impl Iterator<Item = BackendSlot> {
        let shares = self.backends.iter();
        let mirrors = shares.clone().flat_map(|share| &share.mirrors).chain(&self.mirrors);
        let mirrors = mirrors.filter_map(|mirror| mirror.backend);
        shares.filter_map(|share| share.backend.ok()).chain(mirrors)
    }

    /// The share whose turn it is, as an index into `backends`; none when no one has a weight: 500.
    ///
    /// `cursor` is a counter of the caller's, one step for each request. Over any window of as many
    /// steps as the weights sum up to, each share comes exactly as often as its weight says.
    pub fn pick(&self, cursor: u64) -> Option<usize> {
        self.split.pick(cursor)
    }

    /// Does the rule's request filters. They run before a backend is picked.
    pub fn on_request(
        &self,
        prefix: &mut Prefix,
        head: &mut Head,
        context: &RequestContext,
    ) -> Step {
        self.filters.on_request(prefix, head, context)
    }

    /// Does the request filters of the share that was picked, behind the rule's own.
    pub fn on_backend_request(
        &self,
        share: usize,
        prefix: &mut Prefix,
        head: &mut Head,
        context: &RequestContext,
    ) -> Step {
        match self.backends.get(share) {
            Some(share) => share.filters.on_request(prefix, head, context),
            None => Step::Continue,
        }
    }

    /// Does the response filters: those of the share, if one was picked, then the rule's own.
    ///
    /// `origin` is the request's `Origin` as it came in ([`origin`]).
    pub fn on_response(&self, share: Option<usize>, origin: Option<&[u8]>, head: &mut Head) {
        if let Some(share) = share.and_then(|share| self.backends.get(share)) {
            share.filters.on_response(origin, head);
        }
        self.filters.on_response(origin, head);
    }

    /// Whether preflights of this rule are answered by it.
    pub(crate) fn cors(&self) -> bool {
        self.filters.cors()
    }

    /// The filter that cannot be done, if there is one.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.filters.failure()
    }

    /// How many of how many requests a share gets.
    pub(crate) fn share(&self, at: usize) -> (u64, u64) {
        self.split.share(at)
    }
}

impl MirrorPlan {
    /// Whether the request whose turn it is gets copied; `cursor` as in [`Plan::pick`].
    pub fn takes(&self, cursor: u64) -> bool {
        self.part.takes(cursor)
    }
}

impl Prefix {
    /// A prefix of so many bytes; the root `/` has none.
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Some(bytes as u32))
    }

    /// The match was no prefix.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// How many bytes of the path it covers, without a slash at its end; none where the match was
    /// no prefix.
    pub fn bytes(self) -> Option<usize> {
        self.0.map(|bytes| bytes as usize)
    }

    /// The same prefix after `text` took its place.
    pub(crate) fn replaced_by(self, text: &[u8]) -> Self {
        let slashes = text.iter().rev().take_while(|byte| **byte == b'/').count();
        Self(self.0.map(|_| (text.len() - slashes) as u32))
    }
}

/// Where the request's `Origin` stands, to be kept from before the filters edit the head.
pub fn origin(head: &Head) -> Option<Span> {
    head.field_spans().iter().find(|field| field.known == Known::Origin).map(|field| field.value)
}

fn mirrors(filters: &[Filter], backends: &mut Backends) -> Vec<MirrorPlan> {
    let plan = |(nth, mirror): (usize, &Mirror)| MirrorPlan {
        backend: match &mirror.backend {
            BackendChoice::Valid(id) => Some(backends.acquire(id)),
            BackendChoice::Invalid(_) => None,
        },
        part: Part::new(mirror.share, nth),
    };
    let mirrors = filters.iter().filter_map(|filter| match filter {
        Filter::Mirror(mirror) => Some(mirror),
        _ => None,
    });
    mirrors.enumerate().map(plan).collect()
}

#[cfg(test)]
mod tests;
