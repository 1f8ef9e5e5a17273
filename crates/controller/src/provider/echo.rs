//! Stands in for Services that have no address (`run --echo`): one socket on loopback for each,
//! given to the store as an EndpointSlice, as if somebody had deployed the application.
//!
//! It gives nothing for a Service that has addresses of its own. What it says is in `answer`.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use api::{
    core::{
        endpoint_slice::{
            Endpoint, EndpointAddressType, EndpointConditions, EndpointPort, EndpointSlice,
        },
        service::Service,
    },
    meta::{NamespacedName, ObjectMeta},
    names::LABEL_SERVICE_NAME,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
};

use crate::event_loop::Event;

mod answer;

/// Services that nobody stands behind.
pub type Lonely = BTreeMap<NamespacedName, Arc<Service>>;

/// Serves as long as `lonely` has a sender: opens a socket for each new Service in it, closes those
/// of Services that left it, and sends the slices of all that are open.
pub async fn serve(mut lonely: watch::Receiver<Lonely>, events: mpsc::Sender<Event>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open: BTreeMap<NamespacedName, Stand> = BTreeMap::new();
    while lonely.changed().await.is_ok() {
        let wanted = lonely.borrow_and_update().clone();
        open.retain(|name, _| wanted.contains_key(name));
        for name in wanted.keys() {
            if open.contains_key(name) || open.len() >= SERVICES_MAX {
                continue;
            }
            match Stand::open(name, &connections).await {
                Ok(stand) => drop(open.insert(name.clone(), stand)),
                Err(error) => tracing::warn!(service = %name, %error, "no echo for this Service"),
            }
        }
        let slices = open
            .iter()
            .filter_map(|(name, stand)| Some(slice(wanted.get(name)?, stand.port)))
            .collect();
        if events.send(Event::Echo(slices)).await.is_err() {
            return;
        }
    }
}

/// One socket; closed when dropped.
struct Stand {
    port: u16,
    task: JoinHandle<()>,
}

impl Stand {
    async fn open(name: &NamespacedName, connections: &Arc<Semaphore>) -> io::Result<Self> {
        let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let port = socket.local_addr()?.port();
        let (name, connections) = (name.clone(), connections.clone());
        Ok(Self { port, task: tokio::spawn(accept(socket, name, connections)) })
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: TcpListener, service: NamespacedName, connections: Arc<Semaphore>) {
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, _)) => {
                let service = service.clone();
                tokio::spawn(async move {
                    converse(stream, service).await;
                    drop(permit);
                });
            }
            // Out of file descriptors: wait for some to be given back.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, service: NamespacedName) {
    // Delay matters more than packets to somebody who tries things out.
    let _ = stream.set_nodelay(true);
    let service =
        hyper::service::service_fn(move |request| answer::answer(service.clone(), request));
    let connection = auto::Builder::new(TokioExecutor::new());
    // What goes wrong here is the client's connection, and the client sees it.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

fn slice(service: &Service, port: u16) -> EndpointSlice {
    let metadata = &service.metadata;
    let labels = [(LABEL_SERVICE_NAME.to_owned(), metadata.name.to_string())];
    EndpointSlice {
        address_type: EndpointAddressType::IPv4,
        metadata: ObjectMeta {
            namespace: metadata.namespace.clone(),
            name: format!("{}-echo", metadata.name).into(),
            labels: labels.into_iter().collect(),
            ..ObjectMeta::default()
        },
        endpoints: vec![Endpoint {
            addresses: vec![Ipv4Addr::LOCALHOST.to_string()],
            conditions: EndpointConditions::default(),
            deprecated_topology: Default::default(),
            hints: Default::default(),
            hostname: None,
            node_name: None,
            target_ref: Default::default(),
            zone: None,
        }],
        ports: service
            .spec
            .ports
            .iter()
            .map(|of| EndpointPort {
                name: of.name.clone(),
                port: Some(port),
                ..EndpointPort::default()
            })
            .collect(),
    }
}

/// Sockets that are opened; more Services than this are not tried out by hand.
const SERVICES_MAX: usize = 1024;
/// Connections to all echoes together.
const CONNECTIONS_MAX: usize = 4096;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
