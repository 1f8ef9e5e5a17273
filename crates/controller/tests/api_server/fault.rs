//! What a test lets go wrong.

use std::time::Duration;

use tokio::sync::watch;

use super::journal::Call;

/// Something that happens to requests in place of, or before, their answer.
#[derive(Clone)]
pub(crate) struct Fault {
    verb: Option<&'static str>,
    resource: Option<&'static str>,
    name: Option<String>,
    times: Option<u32>,
    pub(super) effect: Effect,
}

#[derive(Clone)]
pub(super) enum Effect {
    Refuse {
        code: u16,
        reason: &'static str,
        retry_after: Option<u32>,
    },
    Delay(Duration),
    Hold(watch::Receiver<bool>),
    /// The connection ends before anything is done.
    Cut,
    /// It is done, then the connection ends.
    LoseAnswer,
}

/// Keeps requests waiting until it is released or dropped.
pub(crate) struct Hold(watch::Sender<bool>);

impl Hold {
    /// Lets them go on.
    pub(crate) fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl Fault {
    /// 403, as RBAC answers.
    pub(crate) fn forbidden() -> Self {
        Self::refuse(403, "Forbidden")
    }

    /// 429 with `Retry-After` in seconds.
    pub(crate) fn too_many(retry_after: u32) -> Self {
        Self::of(Effect::Refuse {
            code: 429,
            reason: "TooManyRequests",
            retry_after: Some(retry_after),
        })
    }

    /// 500.
    pub(crate) fn internal() -> Self {
        Self::refuse(500, "InternalError")
    }

    /// Any refusal.
    pub(crate) fn refuse(code: u16, reason: &'static str) -> Self {
        Self::of(Effect::Refuse { code, reason, retry_after: None })
    }

    /// An answer that takes its time.
    pub(crate) fn delay(delay: Duration) -> Self {
        Self::of(Effect::Delay(delay))
    }

    /// Requests that wait for the test. Those that match are in no journal until then.
    pub(crate) fn hold() -> (Self, Hold) {
        let (release, released) = watch::channel(false);
        (Self::of(Effect::Hold(released)), Hold(release))
    }

    /// The connection ends, and nothing is done.
    pub(crate) fn cut() -> Self {
        Self::of(Effect::Cut)
    }

    /// It is done, but nobody hears of it.
    pub(crate) fn lose_answer() -> Self {
        Self::of(Effect::LoseAnswer)
    }

    /// Only for `get`, `list`, `watch`, `create`, `update`, `patch` or `delete`.
    pub(crate) fn verb(self, verb: &'static str) -> Self {
        Self { verb: Some(verb), ..self }
    }

    /// Only for a resource, by its plural, or by `plural/subresource`.
    pub(crate) fn on(self, resource: &'static str) -> Self {
        Self { resource: Some(resource), ..self }
    }

    /// Only for objects of this name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// Only so often.
    pub(crate) fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    pub(super) fn forbids(&self) -> bool {
        matches!(self.effect, Effect::Refuse { code: 403, .. })
    }

    fn of(effect: Effect) -> Self {
        Self { verb: None, resource: None, name: None, times: None, effect }
    }

    /// Whether it concerns this call; counts it if so.
    pub(super) fn strikes(&mut self, call: &Call) -> bool {
        let on = |resource: &str| match resource.split_once('/') {
            Some((plural, sub)) => plural == call.resource && sub == call.subresource,
            None => resource == call.resource,
        };
        let meant = self.verb.is_none_or(|verb| verb == call.verb)
            && self.resource.is_none_or(on)
            && self.name.as_ref().is_none_or(|name| *name == call.name)
            && self.times != Some(0);
        if meant {
            self.times = self.times.map(|times| times - 1);
        }
        meant
    }
}
