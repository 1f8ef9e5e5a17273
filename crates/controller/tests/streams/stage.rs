//! One controller's door, with everything around it played by the test.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use api::meta::NamespacedName;
use ir::wire::Hello;
use portcullis_controller::{
    lead::Lead,
    mailbox::Mailbox,
    publish::{
        admission::{AUDIENCE, Accounts, Admission},
        authority::{Authority, Place},
        hub::{Hub, ProxyAnswer},
        server::{Figures, Limits, Server},
    },
    report::events::Notices,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tonic::Status;

use crate::{
    api_server::{ApiServer, LONG, TokenUser},
    proxy::{PATIENCE, Proxy, Target, hello, trusting},
    world::{World, account, gateway},
};

/// The controller's namespace.
pub(crate) const NAMESPACE: &str = "portcullis-system";
/// The Secret with the authority.
pub(crate) const SECRET: &str = "portcullis-authority";

pub(crate) struct Stage {
    pub(crate) api: ApiServer,
    pub(crate) world: World,
    pub(crate) hub: Hub,
    pub(crate) answers: Mailbox<u64, ProxyAnswer>,
    pub(crate) lead: watch::Sender<Lead>,
    pub(crate) synced: watch::Sender<bool>,
    pub(crate) accounts: watch::Sender<Arc<Accounts>>,
    pub(crate) authority: Authority,
    pub(crate) figures: Arc<Figures>,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Stage {
    /// With two Gateways of some routes each.
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let api = cluster().await;
        for index in 0..2 {
            for pod in ["a", "b", "c"] {
                api.issue(user(index, pod));
            }
        }
        let (hub, answers) = Hub::new();
        let mut world = World::new(hub.clone());
        world.build(2, ROUTES);
        let known = (0..2).map(|index| (account(index), gateway(index))).collect();
        let accounts = watch::Sender::new(Arc::new(known));
        let (lead, synced) = (watch::Sender::new(Lead::Leader), watch::Sender::new(true));
        let authority = authority(&api, lead.subscribe());
        // Before that nobody could come in.
        let mut bundle = authority.bundle();
        let found = bundle.wait_for(|bundle| !bundle.is_empty());
        drop(tokio::time::timeout(PATIENCE, found).await.expect("an authority").unwrap());
        let figures = Arc::<Figures>::default();
        let server = Server {
            hub: hub.clone(),
            admission: Admission::new(api.client(), accounts.subscribe()),
            lead: lead.subscribe(),
            synced: synced.subscribe(),
            limits,
            figures: figures.clone(),
        };
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let tls = authority.tls();
        let stopped = async move { drop(stopped.await) };
        let serving = tokio::spawn(async move { server.serve(socket, tls, stopped).await });
        Self {
            api,
            world,
            hub,
            answers,
            lead,
            synced,
            accounts,
            authority,
            figures,
            address,
            stop: Some(stop),
            serving,
        }
    }

    pub(crate) fn target(&self) -> Target {
        let tls = trusting(&self.authority.bundle().borrow());
        Target { address: self.address, tls, narrow: false }
    }

    /// A proxy of a Gateway that has everything.
    pub(crate) async fn proxy(&self, index: usize, pod: &str) -> Proxy {
        let mut proxy = self.greet(index, pod, hello()).await.unwrap();
        let step = proxy.step().await.unwrap();
        proxy.answer(step.revision).await;
        assert_eq!(proxy.keys(), World::keys(index, ROUTES));
        proxy
    }

    pub(crate) async fn greet(
        &self,
        index: usize,
        pod: &str,
        hello: Hello,
    ) -> Result<Proxy, Status> {
        self.target().greet(&token(index, pod), hello).await
    }

    /// What the hub was told last, for each subscription; waits until it holds.
    pub(crate) async fn answers(&self, wanted: impl Fn(&BTreeMap<u64, ProxyAnswer>) -> bool) {
        let mut all = BTreeMap::new();
        while !wanted(&all) {
            let news = tokio::time::timeout(PATIENCE, self.answers.take()).await;
            all.extend(news.expect("another answer"));
        }
    }

    /// What the API server was asked about tokens.
    pub(crate) fn reviews(&self) -> Vec<Value> {
        let calls = self.api.journal().into_iter();
        calls.filter(|call| call.resource == "tokenreviews").map(|call| call.body).collect()
    }

    pub(crate) fn forget_account(&self, account: &NamespacedName) {
        self.accounts.send_modify(|accounts| {
            let mut known = (**accounts).clone();
            known.remove(account);
            *accounts = Arc::new(known);
        });
    }

    /// Ends the server, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        let end = tokio::time::timeout(PATIENCE, &mut self.serving).await;
        end.expect("an end").unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An API server with the controller's namespace.
pub(crate) async fn cluster() -> ApiServer {
    let api = ApiServer::start().await;
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}));
    api
}

/// Another replica's.
pub(crate) fn authority(api: &ApiServer, lead: watch::Receiver<Lead>) -> Authority {
    let place = Place {
        namespace: NAMESPACE.into(),
        secret: SECRET.into(),
        service: "portcullis".into(),
        cluster_domain: "cluster.local".into(),
    };
    Authority::start(api.client(), place, lead, Notices::default()).unwrap()
}

/// A proxy of the n-th Gateway.
pub(crate) fn user(index: usize, pod: &str) -> TokenUser {
    TokenUser::service_account("edge", &account(index).name, AUDIENCE).of_pod(pod)
}

/// What it shows.
pub(crate) fn token(index: usize, pod: &str) -> String {
    user(index, pod).token(LONG)
}

/// Routes of each Gateway.
pub(crate) const ROUTES: usize = 5;
