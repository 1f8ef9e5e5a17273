//! The life of a client's connection: streams in, each in a task of its own; GOAWAY when the
//! connection shall end; an end for peers that abuse it.

use std::{cell::RefCell, future::poll_fn, io, rc::Rc};

use tokio::{io::AsyncReadExt, time::timeout};

use crate::{
    accept::Connection,
    h2::{
        Flow, ServerStream,
        driver::{Driver, End},
        frame::{PREFACE, Reason},
        mux::{Mux, Opened},
    },
    http::{
        Client, Down,
        request::{exchange, refuse},
        timer::Timer,
    },
    io::Io,
    limits,
    local::Local,
    telemetry::Misconduct,
};

/// Serves a client until its connection ends.
pub(crate) async fn serve(local: Rc<Local>, connection: Connection) {
    let (mut io, client) = Client::of(connection);
    match timeout(local.patience().preamble, preface(&mut io)).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            local.telemetry.connection_ended(Misconduct::Protocol);
            return tracing::debug!("a client does not speak HTTP/2");
        }
        Ok(Err(error)) => return tracing::debug!(%error, "a client's connection broke"),
        Err(_) => return tracing::debug!("a client did not begin to speak HTTP/2"),
    }
    let mux = Mux::server();
    let mut driver = Driver::new(io, mux.clone(), Some(local.patience().idle));
    let worker = local.clone();
    let server = Server { local, client, mux, timers: RefCell::default() };
    let server = Rc::new(server);
    let end = poll_fn(|cx| {
        if server.client.ends() {
            server.mux.announce();
        }
        driver.poll(cx, |request| server.start(request))
    });
    let misconduct = match end.await {
        End::Closed => None,
        End::Broken(error) => {
            tracing::debug!(%error, "a client's connection broke");
            None
        }
        End::Unresponsive => Some(Misconduct::Unresponsive),
        End::Fault(Reason::ENHANCE_YOUR_CALM) => {
            tracing::debug!("a client floods us with resets, or with frames for nothing");
            Some(Misconduct::Flood)
        }
        End::Fault(reason) => {
            tracing::debug!(?reason, "a client breaks the rules of HTTP/2");
            Some(Misconduct::Protocol)
        }
    };
    if let Some(misconduct) = misconduct {
        worker.telemetry.connection_ended(misconduct);
    }
    driver.finish().await;
}

/// Reads the preface: whether it is that of HTTP/2 (RFC 9113 §3.4).
async fn preface(io: &mut Io) -> io::Result<bool> {
    let mut bytes = [0; PREFACE.len()];
    io.read_exact(&mut bytes).await?;
    Ok(bytes == *PREFACE)
}

/// What the streams of one connection share.
struct Server {
    local: Rc<Local>,
    client: Client,
    mux: Rc<Mux>,
    timers: RefCell<Vec<Timer>>,
}

impl Server {
    /// Serves a request in a task of its own.
    fn start(self: &Rc<Self>, request: Opened) {
        let server = self.clone();
        self.local.spawn(async move {
            let Opened { key, mut lent, read, ended } = request;
            let heads = lent.heads();
            let flow = Flow::new(server.mux.clone(), key);
            let mut stream = ServerStream::new(flow, &heads.request, ended);
            if server.mux.is_gone(key) {
                // Taken back before we have looked at it.
                return;
            }
            let (mut down, mut timer) = (Down::H2(&mut stream), server.timer());
            match read {
                Ok(()) => {
                    exchange(&server.local, &server.client, &mut down, heads, &mut timer).await
                }
                Err(violation) => {
                    server.mux.note_refused();
                    let failure = violation.of_request();
                    refuse(&server.local, &server.client, &mut down, heads, &mut timer, failure);
                }
            }
            server.give_back(timer);
        });
    }

    fn timer(&self) -> Timer {
        self.timers.borrow_mut().pop().unwrap_or_default()
    }

    fn give_back(&self, timer: Timer) {
        let mut spare = self.timers.borrow_mut();
        if spare.len() < limits::H2_SPARE_TIMERS_MAX {
            spare.push(timer);
        }
    }
}
