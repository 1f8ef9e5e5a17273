//! One replica's time at the head, as it is written into the Lease.
//!
//! When a term began tells it from every other one, so that a replica knows its own writing. What
//! to do with a Lease is decided by the voter.

use std::time::{Duration, SystemTime};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::{Timestamp, Unit},
};
use kube::{Api, api::PostParams};

use super::{Candidate, LEASE};

/// A term that was asked for.
#[derive(Clone)]
pub(super) struct Term {
    name: String,
    identity: String,
    began: MicroTime,
}

/// What became of a write.
pub(super) enum Write {
    /// The Lease is as it was written.
    Done(Box<Lease>),
    /// It is not as it was when the writer saw it.
    Conflict,
    /// Nobody knows.
    Failed(String),
}

impl Term {
    pub(super) fn new(candidate: &Candidate, now: SystemTime) -> Self {
        Self { name: candidate.lease.clone(), identity: candidate.identity(), began: time(now) }
    }

    /// Whether a Lease was written in this term.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        let spec = lease.spec.as_ref();
        holder(lease) == Some(&self.identity)
            && spec.and_then(|spec| spec.acquire_time.as_ref()) == Some(&self.began)
    }

    /// The Lease of somebody whose time is over, or a new one, as this term's.
    pub(super) fn begin(&self, before: Option<&Lease>) -> Lease {
        let mut lease = before.cloned().unwrap_or_else(|| Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            spec: None,
        });
        let earlier = lease.spec.as_ref();
        let changes = match (earlier.and_then(|spec| spec.lease_transitions), earlier) {
            (Some(changes), _) => changes.saturating_add(1),
            (None, Some(_)) => 1,
            (None, None) => 0,
        };
        lease.spec = Some(LeaseSpec {
            acquire_time: Some(self.began.clone()),
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            lease_transitions: Some(changes),
            renew_time: Some(self.began.clone()),
            ..LeaseSpec::default()
        });
        lease
    }

    /// The same a while later.
    pub(super) fn renew(&self, lease: &Lease, now: SystemTime) -> Lease {
        let mut lease = lease.clone();
        if let Some(spec) = &mut lease.spec {
            spec.renew_time = Some(time(now));
        }
        lease
    }

    /// Given back: nobody has to wait.
    pub(super) fn end(&self, lease: &Lease, now: SystemTime) -> Lease {
        let mut lease = self.renew(lease, now);
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
        }
        lease
    }
}

/// Writes a Lease over the version that it was made from, or as a new one.
pub(super) async fn write(api: &Api<Lease>, lease: &Lease, patience: Duration) -> Write {
    let params = PostParams::default();
    let name = lease.metadata.name.as_deref().unwrap_or_default();
    let write = async {
        match lease.metadata.resource_version {
            Some(_) => api.replace(name, &params, lease).await,
            None => api.create(&params, lease).await,
        }
    };
    match tokio::time::timeout(patience, write).await {
        Ok(Ok(lease)) => Write::Done(Box::new(lease)),
        // Not found, conflict or already there: somebody wrote it in the meantime.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Write::Conflict,
        Ok(Err(error)) => Write::Failed(error.to_string()),
        Err(_) => Write::Failed("the API server does not answer".to_owned()),
    }
}

/// Who is written down as its holder.
pub(super) fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// Whether anybody is.
pub(super) fn is_held(lease: Option<&Lease>) -> bool {
    lease.is_some_and(|lease| holder(lease).is_some())
}

/// How long its holder may be silent; the word of the holder, within reason.
pub(super) fn duration(lease: &Lease) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    seconds.map_or(LEASE, |seconds| Duration::from_secs(seconds.clamp(1, DURATION_SECONDS_MAX)))
}

/// As the API server keeps it: microseconds.
fn time(now: SystemTime) -> MicroTime {
    let now = Timestamp::try_from(now).unwrap_or_default();
    MicroTime(now.round(Unit::Microsecond).unwrap_or(now))
}

/// A slip of the pen must not leave the cluster without a leader for good.
const DURATION_SECONDS_MAX: u64 = 60;
