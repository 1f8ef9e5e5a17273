//! The door for proxies: TLS sockets, and one stream of deltas to each proxy.
//!
//! Every connection carries one stream, every stream has its own task and its own position in the
//! hub, so that a slow proxy holds up nobody. What a stream says is in `session`, who may have one
//! in [`super::admission`], what it carries in [`super::hub`].

use std::{future::Future, sync::Arc};

use ir::wire::METHOD;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
};

use self::roll::Roll;
use super::{admission::Admission, hub::Hub};
use crate::lead::Lead;

pub use self::{figures::Figures, limits::Limits};

mod connection;
mod descriptors;
mod figures;
mod limits;
mod roll;
mod session;

/// What the streams need of the rest of the controller.
pub struct Server {
    /// What proxies are told.
    pub hub: Hub,
    /// Who they are.
    pub admission: Admission,
    /// Whether it is this replica that tells them.
    pub lead: watch::Receiver<Lead>,
    /// Whether everything was read that a proxy must know.
    pub synced: watch::Receiver<bool>,
    /// How much of everything.
    pub limits: Limits,
    /// What is counted.
    pub figures: Arc<Figures>,
}

impl Server {
    /// Serves until `stop`, then ends all streams so that proxies turn to another replica, and
    /// waits until they are gone.
    pub async fn serve(
        self,
        socket: TcpListener,
        tls: Arc<ServerConfig>,
        stop: impl Future<Output = ()>,
    ) {
        let (ending, ended) = watch::channel(false);
        let (present, mut gone) = mpsc::channel(1);
        let limits = self.limits;
        let places = descriptors::make_room(limits.connections_max);
        let places = Arc::new(Semaphore::new(places));
        let house = Arc::new(House {
            hub: self.hub,
            admission: self.admission,
            lead: self.lead,
            synced: self.synced,
            limits,
            figures: self.figures,
            roll: Roll::default(),
            ended,
            present,
        });
        tokio::select! {
            () = accept(socket, &house, &tls, &places) => {}
            () = stop => {}
        }
        ending.send_replace(true);
        // Whoever is still there holds the other end of this channel.
        drop(house);
        let _ = tokio::time::timeout(limits.farewell, gone.recv()).await;
    }
}

/// What all connections share.
struct House {
    hub: Hub,
    admission: Admission,
    lead: watch::Receiver<Lead>,
    synced: watch::Receiver<bool>,
    limits: Limits,
    figures: Arc<Figures>,
    roll: Roll,
    /// Whether the server is about to end.
    ended: watch::Receiver<bool>,
    /// Held by every connection.
    present: mpsc::Sender<()>,
}

async fn accept(
    socket: TcpListener,
    house: &Arc<House>,
    tls: &Arc<ServerConfig>,
    places: &Arc<Semaphore>,
) {
    loop {
        let stream: TcpStream = match socket.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors: wait for some to be given back.
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(house.limits.accept_pause).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            house.figures.turned_away.count();
            continue;
        };
        let (house, tls) = (house.clone(), tls.clone());
        tokio::spawn(async move {
            connection::serve(stream, tls, &house).await;
            drop(place);
        });
    }
}
