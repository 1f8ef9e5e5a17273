//! Who may see what: a proxy shows the token of its pod, the API server says whose it is, and the
//! ServiceAccount decides which Gateway's resources are streamed. A token that does not claim to be
//! one of a proxy is refused without a question to the API server, so that junk takes nobody's
//! turn.
//!
//! Tokens are never logged, kept or compared here. What a stream carries once it is admitted is the
//! server's.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use api::meta::NamespacedName;
use k8s_openapi::api::authentication::v1::{
    TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo,
};
use kube::{Api, Client, api::PostParams};
use thiserror::Error;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};
use tonic::{Code, Status};

use self::claims::service_account;

mod claims;

/// The Gateway of each ServiceAccount that was made for one.
pub type Accounts = BTreeMap<NamespacedName, NamespacedName>;

/// What a proxy's token must have been made for.
pub const AUDIENCE: &str = "portcullis.dev/proxy";

/// Asks the API server about tokens, a bounded number at a time.
pub struct Admission {
    reviews: Api<TokenReview>,
    accounts: watch::Receiver<Arc<Accounts>>,
    places: Semaphore,
}

/// A proxy that has proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its ServiceAccount.
    pub account: NamespacedName,
    /// What it may see.
    pub gateway: NamespacedName,
    /// The name of its pod.
    pub pod: Arc<str>,
    /// When its token is worth nothing any more.
    pub expires: Instant,
}

/// Why a proxy is not admitted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing to look at.
    #[error("no token was sent: authorization must be `Bearer TOKEN`")]
    NoToken,
    /// By what it says itself.
    #[error("the token is none of a ServiceAccount for audience {AUDIENCE}, or has expired")]
    Junk,
    /// Forged, expired, or not made for us.
    #[error("the API server does not accept the token for audience {AUDIENCE}")]
    Token,
    /// A real token, but not of a pod's ServiceAccount.
    #[error("the token is not bound to a pod's ServiceAccount")]
    NoPod,
    /// Somebody else's pod, or somebody who says so.
    #[error("ServiceAccount {0} was made for no Gateway of this controller")]
    Stranger(NamespacedName),
    /// Too many at a time.
    #[error("too many proxies ask at once")]
    Busy,
    /// The API server does not answer, or not us.
    #[error("the API server cannot review tokens now")]
    Review,
}

/// How often each reason was given.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Refusal::REASONS.len()]);

impl Admission {
    /// With the accounts as they are at each moment.
    pub fn new(client: Client, accounts: watch::Receiver<Arc<Accounts>>) -> Self {
        Self { reviews: Api::all(client), accounts, places: Semaphore::new(REVIEWS_MAX) }
    }

    /// Looks at what a proxy sent as `authorization`.
    ///
    /// # Errors
    /// Why it may not come in; said in the log as well.
    pub async fn admit(&self, authorization: Option<&str>) -> Result<Admitted, Refusal> {
        let admitted = self.look(authorization).await;
        if let Err(refusal) = &admitted {
            match refusal {
                Refusal::Review => tracing::warn!(%refusal, "a proxy was refused"),
                // Any pod of the cluster can send that as often as it likes.
                _ => tracing::debug!(%refusal, "a proxy was refused"),
            }
        }
        admitted
    }

    /// Whether an account is still for the Gateway that it was admitted for.
    pub fn still_admits(&self, admitted: &Admitted) -> bool {
        self.accounts.borrow().get(&admitted.account) == Some(&admitted.gateway)
    }

    /// The accounts, to wait for a change.
    pub fn accounts(&self) -> watch::Receiver<Arc<Accounts>> {
        self.accounts.clone()
    }

    async fn look(&self, authorization: Option<&str>) -> Result<Admitted, Refusal> {
        let token = authorization.and_then(bearer).ok_or(Refusal::NoToken)?;
        let claims = claims::read(token, SystemTime::now()).ok_or(Refusal::Junk)?;
        self.gateway(&claims.account)?;
        let status = self.review(token).await?;
        let ours = status.audiences.iter().flatten().any(|audience| audience == AUDIENCE);
        if status.authenticated != Some(true) || !ours {
            return Err(Refusal::Token);
        }
        let user = status.user.unwrap_or_default();
        let account = user.username.as_deref().and_then(service_account).ok_or(Refusal::NoPod)?;
        let pod = pod(&user).ok_or(Refusal::NoPod)?;
        let gateway = self.gateway(&account)?;
        // A review does not say until when.
        let expires = Instant::now() + claims.left.min(LEFT_MAX);
        Ok(Admitted { account, gateway, pod, expires })
    }

    fn gateway(&self, account: &NamespacedName) -> Result<NamespacedName, Refusal> {
        let gateway = self.accounts.borrow().get(account).cloned();
        gateway.ok_or_else(|| Refusal::Stranger(account.clone()))
    }

    async fn review(&self, token: &str) -> Result<TokenReviewStatus, Refusal> {
        let place = timeout(QUEUE, self.places.acquire()).await;
        let (Ok(Ok(_place)),) = (place,) else { return Err(Refusal::Busy) };
        let review = TokenReview {
            spec: TokenReviewSpec {
                audiences: Some(vec![AUDIENCE.to_owned()]),
                token: token.to_owned(),
            },
            ..TokenReview::default()
        };
        match timeout(REVIEW, self.reviews.create(&PostParams::default(), &review)).await {
            Ok(Ok(review)) => Ok(review.status.unwrap_or_default()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "tokens cannot be reviewed");
                Err(Refusal::Review)
            }
            Err(_) => Err(Refusal::Review),
        }
    }
}

impl Refusal {
    /// Words for machines.
    const REASONS: [&'static str; 7] =
        ["no_token", "junk", "token", "no_pod", "stranger", "busy", "review"];

    fn index(&self) -> usize {
        match self {
            Self::NoToken => 0,
            Self::Junk => 1,
            Self::Token => 2,
            Self::NoPod => 3,
            Self::Stranger(_) => 4,
            Self::Busy => 5,
            Self::Review => 6,
        }
    }
}

impl From<&Refusal> for Status {
    fn from(refusal: &Refusal) -> Self {
        let code = match refusal {
            // A stranger has not proved to be even that.
            Refusal::NoToken
            | Refusal::Junk
            | Refusal::Token
            | Refusal::NoPod
            | Refusal::Stranger(_) => Code::Unauthenticated,
            Refusal::Busy => Code::ResourceExhausted,
            Refusal::Review => Code::Unavailable,
        };
        Self::new(code, refusal.to_string())
    }
}

impl Refusals {
    /// Reason and number, for every reason.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Refusal::REASONS.into_iter().zip(counts)
    }

    pub(super) fn count(&self, refusal: &Refusal) {
        if let Some(count) = self.0.get(refusal.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    let fits = !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
    (scheme.eq_ignore_ascii_case("bearer") && fits).then_some(token)
}

fn pod(user: &UserInfo) -> Option<Arc<str>> {
    let pod = user.extra.as_ref()?.get("authentication.kubernetes.io/pod-name")?.first()?;
    Some(pod.as_str().into())
}

/// Reviews under way at once: what the API server has to bear when all proxies come at once.
const REVIEWS_MAX: usize = 16;
/// How long a proxy waits for its turn.
const QUEUE: Duration = Duration::from_secs(15);
/// How long one review may take.
const REVIEW: Duration = Duration::from_secs(5);
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// A proxy shows a new token at least that often.
const LEFT_MAX: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests;
