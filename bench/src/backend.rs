//! The backends of all proxies: answers made beforehand, so that they cost the generator's core as
//! little as can be. They read what a proxy of this run sends, and refuse what else there is.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{net::TcpListener, net::TcpStream, task::spawn_local};

mod h1;
mod h2;

/// Where they listen. They run until the runtime ends.
pub(crate) struct Backends {
    pub(crate) h1: SocketAddr,
    pub(crate) h2: SocketAddr,
}

impl Backends {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (h1, h2) = (listen()?, listen()?);
        let backends = Self { h1: h1.local_addr()?, h2: h2.local_addr()? };
        spawn_local(accept(h1, |stream| {
            spawn_local(async { report("HTTP/1.1", h1::serve(stream).await) });
        }));
        spawn_local(accept(h2, |stream| {
            spawn_local(async { report("HTTP/2", h2::serve(stream).await) });
        }));
        Ok(backends)
    }
}

fn listen() -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept(listener: TcpListener, serve: impl Fn(TcpStream)) {
    // An error here is one connection's, and its client will say so.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            serve(stream);
        }
    }
}

/// A connection that breaks is what proxies do when they end; one that we do not understand is a
/// fault of this program, or of the configuration of a proxy.
fn report(what: &str, served: Result<(), Refusal>) {
    if let Err(Refusal::Strange(why)) = served {
        eprintln!("bench: the {what} backend closes a connection: {why}");
    }
}

/// Why a connection ended early.
enum Refusal {
    Broken,
    Strange(String),
}

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::Broken
    }
}
