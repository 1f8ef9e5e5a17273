//! A controller in a cluster: everything that it consists of, joined, and how that ends.
//!
//! Every replica reads and translates, so that each could lead at once. The leader alone writes to
//! the cluster and streams to proxies. No decision is made here.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use api::meta::NamespacedName;
use kube::Client;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
};
use translate::Settings;

use crate::{
    EVENTS_MAX, Event,
    event_loop::{EventLoop, Outlets, Progress, Surroundings},
    lead::{Candidate, Election, Lead},
    listen,
    metrics::{Figure, Metrics},
    probes::{self, Pages},
    provider::kubernetes::{self, Pace},
    provision::{Inlets, Install, Provision},
    publish::{
        admission::{AUDIENCE, Admission},
        authority::{Authority, Place},
        hub::Hub,
        server::{Figures, Limits, Server},
    },
    report::{
        events::{EventWriter, Notices},
        status::StatusWriter,
    },
};

/// What a controller in a cluster is told.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// How to translate.
    pub settings: Settings,
    /// The pod of this replica,
    pub pod: NamespacedName,
    /// and its uid, if it is known.
    pub pod_uid: Option<String>,
    /// Where other pods reach it.
    pub ip: IpAddr,
    /// The Service in front of all replicas, in the namespace of the pod.
    pub service: String,
    /// Where proxies are streamed to. The Service has the same port.
    pub stream: SocketAddr,
    /// Where probes and metrics are answered.
    pub probes: SocketAddr,
    /// The image of the proxies,
    pub image: String,
    /// and when nodes pull it.
    pub pull_policy: String,
}

/// Why a controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The TLS library cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A controller that runs. Dropping it is a crash; [`Cluster::stop`] is the polite end.
pub struct Cluster {
    probes: SocketAddr,
    stream: SocketAddr,
    election: Election,
    /// What only ends by itself when something is wrong.
    vital: JoinSet<&'static str>,
    /// What writes to the cluster.
    writers: JoinSet<&'static str>,
    server: JoinHandle<()>,
    stop_server: oneshot::Sender<()>,
    hub: Hub,
    stopping: watch::Sender<bool>,
    /// Ends with this value.
    _authority: Authority,
}

impl Cluster {
    /// Starts everything, on the runtime of the caller.
    ///
    /// # Errors
    /// An address is taken, or TLS cannot be set up. That the API server does not answer is no
    /// error: it is waited for.
    pub async fn start(options: ClusterOptions, client: Client) -> Result<Self, StartError> {
        let probes = listen(options.probes)?;
        let socket = listen(options.stream)?;
        let at = |socket: &TcpListener, asked| socket.local_addr().unwrap_or(asked);
        let (probes_at, stream_at) = (at(&probes, options.probes), at(&socket, options.stream));
        let namespace = options.pod.namespace.to_string();
        let notices = Notices::default();
        let candidate = candidate(&options, stream_at.port());
        let election = Election::start(client.clone(), candidate, notices.clone());
        let writing = election.fenced(&client);
        let authority = Authority::start(
            writing.clone(),
            Place {
                namespace,
                secret: format!("{}-authority", options.service),
                service: options.service.clone(),
                cluster_domain: options.settings.cluster_domain.clone(),
            },
            election.lead(),
            notices.clone(),
        )?;
        let (events, incoming) = mpsc::channel(EVENTS_MAX);
        let (wanted, wanting) = watch::channel(Default::default());
        let live = kubernetes::start(client.clone(), Pace::default(), wanting, events.clone());
        let outlets = Outlets { notices, ..Outlets::new(wanted, live) };
        let (hub, answers) = Hub::new();
        let metrics = Arc::new(Metrics::default());
        let around = Surroundings {
            hub: hub.clone(),
            answers,
            progress: watch::Sender::new(Progress::default()),
            metrics: metrics.clone(),
            echo: None,
            outlets: Some(outlets.clone()),
        };
        let figures = Arc::new(Figures::default());
        let stopping = watch::Sender::new(false);
        let mut vital = JoinSet::new();
        let event_loop = EventLoop::new(options.settings.clone(), around);
        vital.spawn(named("the event loop", event_loop.run(incoming)));
        vital.spawn(named("the election", tell(election.lead(), events.clone())));
        let wanted = outlets.wanted.clone();
        // Nobody else asks what is looked up.
        vital.spawn(named("the provider", async move { wanted.closed().await }));
        let pages = House {
            complete: outlets.complete.subscribe(),
            bundle: authority.bundle(),
            lead: election.lead(),
            stopping: stopping.subscribe(),
            events: events.clone(),
            metrics: metrics.clone(),
            figures: figures.clone(),
        };
        vital.spawn(named("the probes", probes::serve(probes, Arc::new(pages))));
        let (stop_server, stopped) = oneshot::channel();
        let server = Server {
            hub: hub.clone(),
            admission: Admission::new(client.clone(), outlets.accounts.subscribe()),
            lead: election.lead(),
            synced: outlets.complete.subscribe(),
            limits: Limits::default(),
            figures,
        };
        let server = tokio::spawn(server.serve(socket, authority.tls(), async {
            // That the other end is gone is an end as well.
            let _ = stopped.await;
        }));
        let inside = Inside {
            own: &client,
            outlets: &outlets,
            authority: &authority,
            metrics: &metrics,
            events,
        };
        let writers = writers(&options, &writing, election.lead(), inside, stream_at.port());
        Ok(Self {
            probes: probes_at,
            stream: stream_at,
            election,
            vital,
            writers,
            server,
            stop_server,
            hub,
            stopping,
            _authority: authority,
        })
    }

    /// Where probes and metrics are answered, with the port that was found for port 0.
    pub fn probes_address(&self) -> SocketAddr {
        self.probes
    }

    /// Where proxies are streamed to.
    pub fn stream_address(&self) -> SocketAddr {
        self.stream
    }

    /// Waits until a part of it ends that never should; which one.
    pub async fn broken(&mut self) -> &'static str {
        tokio::select! {
            Some(ended) = self.vital.join_next() => ended.unwrap_or("a task that panicked"),
            Some(ended) = self.writers.join_next() => ended.unwrap_or("a writer that panicked"),
            _ = &mut self.server => "the server of proxies",
        }
    }

    /// Ends politely: nothing is written any more, another replica leads, and the proxies are sent
    /// there.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        self.writers.shutdown().await;
        self.election.resign().await;
        // A server that has ended needs no word.
        let _ = self.stop_server.send(());
        if !self.server.is_finished() {
            let _ = self.server.await;
        }
        self.hub.close();
        self.vital.shutdown().await;
    }
}

/// This replica as it stands for election.
fn candidate(options: &ClusterOptions, port: u16) -> Candidate {
    Candidate {
        namespace: options.pod.namespace.to_string(),
        lease: options.service.clone(),
        address: SocketAddr::new(options.ip, port),
        pod: options.pod.name.to_string(),
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    listen::open(address).map_err(|source| StartError::Listen { address, source })
}

/// What writers get from the rest, and give back to it.
struct Inside<'c> {
    /// For what a replica that does not lead writes too.
    own: &'c Client,
    outlets: &'c Outlets,
    authority: &'c Authority,
    metrics: &'c Arc<Metrics>,
    events: mpsc::Sender<Event>,
}

/// The tasks that write to the cluster, while this replica leads.
fn writers(
    options: &ClusterOptions,
    client: &Client,
    lead: watch::Receiver<Lead>,
    inside: Inside<'_>,
    port: u16,
) -> JoinSet<&'static str> {
    let Inside { own, outlets, authority, metrics, events } = inside;
    let mut writers = JoinSet::new();
    let notices = outlets.notices.clone();
    let controller_name = options.settings.controller_name.clone();
    let status = StatusWriter {
        client: client.clone(),
        controller_name: controller_name.clone(),
        live: outlets.live.clone(),
        wanted: outlets.status.clone(),
        lead: outlets.lead.subscribe(),
        complete: outlets.complete.subscribe(),
        notices: notices.clone(),
        metrics: metrics.clone(),
    };
    writers.spawn(named("the writer of statuses", status.run()));
    let told = EventWriter {
        client: client.clone(),
        own: own.clone(),
        controller_name,
        pod: options.pod.clone(),
        pod_uid: options.pod_uid.clone(),
        live: outlets.live.clone(),
        notices,
        silences: outlets.silent.clone(),
        // That the cluster cannot be read is to be told as long as nothing else is.
        lead,
    };
    writers.spawn(named("the writer of Events", told.run()));
    let (service, namespace) = (&options.service, &options.pod.namespace);
    let install = Install {
        image: options.image.clone(),
        pull_policy: options.pull_policy.clone(),
        stream: format!("{service}.{namespace}.svc.{}:{port}", options.settings.cluster_domain),
        audience: AUDIENCE.to_owned(),
        installation: namespace.to_string(),
        ca: authority.bundle().borrow().clone(),
    };
    let inlets = Inlets {
        infra: outlets.infra.clone(),
        lead: outlets.lead.subscribe(),
        ca: authority.bundle(),
    };
    let provision = Provision::new(client.clone(), install, inlets, events);
    writers.spawn(named("provision", provision.run()));
    writers
}

/// A task that says which one it was.
async fn named(name: &'static str, task: impl Future<Output = ()>) -> &'static str {
    task.await;
    name
}

/// Tells the event loop who leads.
async fn tell(mut lead: watch::Receiver<Lead>, events: mpsc::Sender<Event>) {
    loop {
        let now = *lead.borrow_and_update();
        if events.send(Event::Lead(now)).await.is_err() || lead.changed().await.is_err() {
            return;
        }
    }
}

/// What the probes look at.
struct House {
    complete: watch::Receiver<bool>,
    bundle: watch::Receiver<Arc<str>>,
    lead: watch::Receiver<Lead>,
    stopping: watch::Receiver<bool>,
    events: mpsc::Sender<Event>,
    metrics: Arc<Metrics>,
    figures: Arc<Figures>,
}

impl Pages for House {
    /// Leader or not: it has read all there is, so that it could lead at once.
    fn ready(&self) -> Result<(), &'static str> {
        match () {
            () if *self.stopping.borrow() => Err("it is about to end"),
            () if !*self.complete.borrow() => Err("the cluster was not read yet"),
            () if self.bundle.borrow().is_empty() => Err("there is no authority for proxies yet"),
            () => Ok(()),
        }
    }

    fn live(&self) -> Result<(), &'static str> {
        match self.events.is_closed() {
            true => Err("the event loop has ended"),
            false => Ok(()),
        }
    }

    fn metrics(&self) -> String {
        let leads = Figure {
            name: "portcullis_leader",
            kind: "gauge",
            help: "Whether this replica leads.",
            value: f64::from(u8::from(self.lead.borrow().is_leader())),
        };
        let read = Figure {
            name: "portcullis_cluster_read",
            kind: "gauge",
            help: "Whether all of the cluster was read, so that this replica publishes.",
            value: f64::from(u8::from(*self.complete.borrow())),
        };
        self.metrics.page(&[leads, read]) + &self.figures.exposition()
    }
}

#[cfg(test)]
mod tests;
