//! The authority that proxies trust, and this replica's own certificate.
//!
//! The authority lies in a Secret that the leader keeps; every replica reads it and signs a
//! short-lived certificate for itself, in memory. A new authority is published long before it
//! signs,
//! and an old one trusted long after, so that no connection has to fail and none has to end. What
//! the Secret holds is in `keyring`; how proxies come by the bundle is `provision`'s.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::PostParams,
    runtime::{WatchStreamExt as _, watcher},
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::TLS13,
};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use self::{
    issue::Leaf,
    keyring::{Keyring, KeyringError},
};
use crate::{
    lead::Lead,
    report::events::{self, Notice, Notices},
};

mod issue;
mod keyring;

/// Where the authority lies, and for whom it speaks.
#[derive(Clone, Debug)]
pub struct Place {
    /// The controller's namespace.
    pub namespace: String,
    /// The name of the Secret.
    pub secret: String,
    /// The Service by which proxies find the controller.
    pub service: String,
    /// For instance `cluster.local`.
    pub cluster_domain: String,
}

/// The authority at work. It ends when dropped.
pub struct Authority {
    bundle: watch::Receiver<Arc<str>>,
    tls: Arc<ServerConfig>,
    task: JoinHandle<()>,
}

impl Authority {
    /// Starts on the runtime of the caller.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub fn start(
        client: Client,
        place: Place,
        lead: watch::Receiver<Lead>,
        notices: Notices,
    ) -> Result<Self, rustls::Error> {
        let presented = Arc::new(Presented(ArcSwapOption::empty()));
        let tls = Arc::new(tls(presented.clone())?);
        let (told, bundle) = watch::channel(Arc::from(""));
        let keeper = Keeper {
            api: Api::namespaced(client, &place.namespace),
            place,
            lead,
            notices,
            told,
            presented,
            seen: None,
            keyring: None,
            leaf: None,
            wake: Instant::now() + LOOK,
        };
        Ok(Self { bundle, tls, task: tokio::spawn(keeper.run()) })
    }

    /// What proxies must trust, as PEM; empty until there is an authority.
    pub fn bundle(&self) -> watch::Receiver<Arc<str>> {
        self.bundle.clone()
    }

    /// How to answer proxies: each handshake with the newest certificate. None succeeds before
    /// there is an authority.
    pub fn tls(&self) -> Arc<ServerConfig> {
        self.tls.clone()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Only what both ends of ours speak; nothing is resumed, so that trust is looked at every time.
fn tls(presented: Arc<Presented>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let mut config = builder
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(presented);
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The certificate of the next handshake.
struct Presented(ArcSwapOption<CertifiedKey>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented")
    }
}

struct Keeper {
    api: Api<Secret>,
    place: Place,
    lead: watch::Receiver<Lead>,
    /// For what an operator has to know.
    notices: Notices,
    told: watch::Sender<Arc<str>>,
    presented: Arc<Presented>,
    /// The Secret as it was seen last; none before that.
    seen: Option<Option<Secret>>,
    keyring: Option<Keyring>,
    leaf: Option<Leaf>,
    wake: Instant,
}

impl Keeper {
    async fn run(mut self) {
        let sights = watcher::watch_object(self.api.clone(), &self.place.secret);
        let mut sights = pin!(sights.default_backoff());
        loop {
            tokio::select! {
                Some(sight) = sights.next() => match sight {
                    Ok(secret) => self.seen = Some(secret),
                    Err(error) => {
                        tracing::warn!(%error, "the Secret of the authority cannot be watched");
                        let secret = &self.place.secret;
                        self.warn(format!("Secret {secret} cannot be watched: {error}"));
                        continue;
                    }
                },
                changed = self.lead.changed() => if changed.is_err() {
                    return;
                },
                () = tokio::time::sleep_until(self.wake) => {}
            }
            self.wake = Instant::now() + LOOK.mul_f64(0.5 + fastrand::f64());
            self.settle(Timestamp::now()).await;
        }
    }

    /// Brings the Secret, the bundle and the certificate in line with each other and with the time.
    async fn settle(&mut self, now: Timestamp) {
        let Some(seen) = &self.seen else { return };
        let mut trouble = None;
        let found = match seen.as_ref().map(|secret| Keyring::read(secret, now)) {
            Some(Ok(keyring)) => Some(keyring),
            Some(Err(error)) => {
                tracing::error!(%error, secret = %self.place.secret, "the authority is spoilt");
                trouble = Some(format!("Secret {} is spoilt: {error}", self.place.secret));
                None
            }
            None => None,
        };
        if self.lead.borrow().is_leader() {
            if let Err(error) = self.keep(found, now).await {
                self.wake = Instant::now() + RETRY.mul_f64(0.5 + fastrand::f64());
                tracing::warn!(%error, "the authority cannot be kept");
                let text = format!("Secret {} cannot be written: {error}", self.place.secret);
                trouble.get_or_insert(text);
            }
        } else if let Some(keyring) = found {
            self.adopt(keyring);
        }
        if let Err(error) = self.present(now) {
            tracing::error!(%error, "no certificate can be made for this replica");
            trouble.get_or_insert(format!("no certificate can be made: {error}"));
        }
        match trouble {
            None => events::clear_own(&self.notices, UNUSABLE),
            Some(text) => self.warn(text),
        }
    }

    fn warn(&self, text: String) {
        let notice = Notice::warning(UNUSABLE, "KeepAuthority", text);
        events::raise_own(&self.notices, Notice { patience: TROUBLE_PATIENCE, ..notice });
    }

    /// What the leader does: the Secret becomes what it must be by now. One that was deleted or
    /// spoilt is restored as this replica knew it, for that is what proxies trust.
    async fn keep(&mut self, found: Option<Keyring>, now: Timestamp) -> Result<(), KeepError> {
        let known = found.or_else(|| self.keyring.clone());
        let keyring = match known {
            Some(keyring) => keyring.due(now)?,
            None => Keyring::new(now)?,
        };
        let before = self.seen.clone().flatten();
        let secret = keyring.write(before.as_ref(), &self.place.secret);
        if before.as_ref() != Some(&secret) {
            let params = PostParams::default();
            let write = async {
                match before {
                    Some(_) => self.api.replace(&self.place.secret, &params, &secret).await,
                    None => self.api.create(&params, &secret).await,
                }
            };
            let written =
                tokio::time::timeout(REQUEST, write).await.map_err(|_| KeepError::Slow)?;
            tracing::info!(secret = %self.place.secret, "the authority was written");
            self.seen = Some(Some(written?));
        }
        self.adopt(keyring);
        Ok(())
    }

    fn adopt(&mut self, keyring: Keyring) {
        let bundle: Arc<str> = keyring.bundle().into();
        self.told.send_if_modified(|told| std::mem::replace(told, bundle.clone()) != bundle);
        self.keyring = Some(keyring);
    }

    /// Sees to it that the next handshake gets a certificate that is good for a while.
    fn present(&mut self, now: Timestamp) -> Result<(), issue::IssueError> {
        let Some(keyring) = &self.keyring else { return Ok(()) };
        let signer = keyring.signing();
        if self.leaf.as_ref().is_some_and(|leaf| leaf.is_good(signer, now)) {
            return Ok(());
        }
        let leaf = signer.issue(&self.place.names(), now)?;
        self.presented.0.store(Some(leaf.certified_key()));
        self.leaf = Some(leaf);
        Ok(())
    }
}

impl Place {
    /// Every name by which a proxy may call the Service.
    fn names(&self) -> Vec<String> {
        let Self { service, namespace, cluster_domain, .. } = self;
        vec![
            service.clone(),
            format!("{service}.{namespace}"),
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.{cluster_domain}"),
        ]
    }
}

#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("the API server does not answer")]
    Slow,
    #[error(transparent)]
    Write(#[from] kube::Error),
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// How often it is looked whether something is due, at the latest.
const LOOK: Duration = Duration::from_secs(60);
/// The longest wait for one answer.
const REQUEST: Duration = Duration::from_secs(10);
/// The notice about an authority that proxies cannot rely on,
const UNUSABLE: &str = "AuthorityUnusable";
/// and how long it may be so: a Secret that was deleted is restored at once.
const TROUBLE_PATIENCE: Duration = Duration::from_secs(10);
/// After a failure.
const RETRY: Duration = Duration::from_secs(2);
