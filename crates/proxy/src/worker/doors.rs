//! Where connections come in on one worker: it accepts or gets them from another worker, and tells
//! the connections of a bind that is removed to go. Opening sockets is `bind.rs`; which worker a
//! connection goes to, `roster.rs`.

use std::{
    cell::RefCell,
    collections::{BTreeMap, btree_map::Entry},
    io,
    net::SocketAddr,
    rc::Rc,
    task::Poll,
};

use ir::{Bind, Id};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time,
};

use crate::{
    accept,
    bind::{Address, Door},
    closing::{Closing, Stage},
    limits,
    local::Local,
    roster::Newcomer,
    telemetry::Refusal,
};

/// The open doors of this worker.
pub(super) struct Doors {
    local: Rc<Local>,
    open: BTreeMap<Address, Open>,
    /// What connections of binds that are gone still listen to.
    old: Vec<Rc<Closing>>,
    /// How far the drain of the whole proxy has come.
    stage: Stage,
}

struct Open {
    guests: Rc<Guests>,
    stop: Rc<Notify>,
    task: JoinHandle<()>,
}

/// For whom a door takes connections. Changes when the address is given over to another bind.
struct Guests {
    address: Address,
    bind: RefCell<Id<Bind>>,
    closing: RefCell<Rc<Closing>>,
}

impl Doors {
    pub(super) fn new(local: Rc<Local>) -> Self {
        Self { local, open: BTreeMap::new(), old: Vec::new(), stage: Stage::Open }
    }

    /// Opens new doors, closes those that are gone, and passes on how far their end has come.
    pub(super) async fn reconcile(&mut self, doors: &[Door], stage: Stage) {
        self.stage = stage;
        self.old.retain(|closing| Rc::strong_count(closing) > 1);
        let doors = if stage >= Stage::Close { &[] } else { doors };
        let gone = |address: &Address| !doors.iter().any(|door| door.address == *address);
        for (_, open) in self.open.extract_if(.., |address, _| gone(address)) {
            self.old.push(open.guests.closing.borrow().clone());
            open.stop.notify_one();
            let _ = open.task.await;
        }
        for door in doors {
            self.admit(door);
        }
        let current = self.open.values().map(|open| open.guests.closing.borrow().clone());
        current.chain(self.old.iter().cloned()).for_each(|closing| closing.advance(stage));
    }

    /// Takes in a connection that another worker accepted, as if it had come in here and now.
    pub(super) fn welcome(&mut self, newcomer: Newcomer) {
        let Newcomer { stream, remote, address, bind, admission } = newcomer;
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection that was handed over cannot be watched");
                return;
            }
        };
        let (bind, closing) = match self.open.get(&address) {
            Some(open) => open.guests.now(),
            // It was closed in the meantime; whoever came last is sent away like those before.
            None => (bind, self.leaving()),
        };
        accept::enter(&self.local, admission, bind, &closing, stream, remote);
    }

    /// For a connection of a bind that is gone.
    fn leaving(&mut self) -> Rc<Closing> {
        let closing = Rc::default();
        leave(&self.local, &closing);
        closing.advance(self.stage);
        self.old.push(closing.clone());
        closing
    }

    fn admit(&mut self, door: &Door) {
        let place = match self.open.entry(door.address) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => match Open::start(&self.local, door) {
                Some(open) => place.insert(open),
                None => return,
            },
        };
        let guests = &place.guests;
        let closing = guests.closing.borrow().clone();
        let left = *guests.bind.borrow() != door.bind || door.closing;
        if left && closing.stage() == Stage::Open {
            leave(&self.local, &closing);
        }
        if !door.closing && closing.stage() > Stage::Open {
            guests.bind.replace(door.bind.clone());
            guests.closing.replace(Rc::default());
            self.old.push(closing);
        }
    }
}

impl Guests {
    fn now(&self) -> (Id<Bind>, Rc<Closing>) {
        (self.bind.borrow().clone(), self.closing.borrow().clone())
    }
}

impl Open {
    fn start(local: &Rc<Local>, door: &Door) -> Option<Self> {
        let socket = door.shares.get(local.worker)?.lock().take()?;
        let socket = match TcpListener::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, bind = %door.bind, "a socket cannot be watched");
                return None;
            }
        };
        let (address, bind) = (door.address, RefCell::new(door.bind.clone()));
        let guests = Rc::new(Guests { address, bind, closing: RefCell::default() });
        let stop = Rc::new(Notify::new());
        let task = run(local.clone(), socket, guests.clone(), stop.clone());
        Some(Self { guests, stop, task: tokio::task::spawn_local(task) })
    }
}

/// Accepts until it is stopped; what waits in the socket then is taken as well, because closing it
/// would reset those connections.
async fn run(local: Rc<Local>, socket: TcpListener, guests: Rc<Guests>, stop: Rc<Notify>) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.notified() => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => enter(&local, &guests, stream, remote),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted for now");
                time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
    let mut left = limits::BACKLOG;
    std::future::poll_fn(|cx| {
        while left > 0
            && let Poll::Ready(Ok((stream, remote))) = socket.poll_accept(cx)
        {
            enter(&local, &guests, stream, remote);
            left -= 1;
        }
        Poll::Ready(())
    })
    .await;
}

/// Takes a connection in if the proxy has room for it, or hands it over to a worker with fewer.
fn enter(local: &Rc<Local>, guests: &Guests, stream: TcpStream, remote: SocketAddr) {
    let roster = &local.shared.roster;
    let Some(admission) = roster.admit(local.worker) else {
        local.telemetry.connection_refused(Refusal::Limit);
        return;
    };
    let (bind, closing) = guests.now();
    // Whoever comes to the end of a bind is served here: elsewhere it may be over already.
    let may_go = closing.stage() == Stage::Open;
    let Some(relief) = may_go.then(|| roster.relief(&admission)).flatten() else {
        return accept::enter(local, admission, bind, &closing, stream, remote);
    };
    match stream.into_std() {
        Ok(stream) => {
            let address = guests.address;
            relief.take(Newcomer { stream, remote, address, bind, admission });
            local.telemetry.connection_handed_over();
        }
        Err(error) => tracing::debug!(%error, "a connection cannot be handed over"),
    }
}

/// Asks the connections of a removed bind to go: politely now, firmly after the minimum drain.
fn leave(local: &Rc<Local>, closing: &Rc<Closing>) {
    closing.advance(Stage::Announce);
    let (closing, options) = (closing.clone(), &local.shared.options);
    let first = options.drain_min.max(limits::DRAIN_NOTICE_TIME);
    let last = options.drain_max;
    local.spawn_background(async move {
        time::sleep(first).await;
        closing.advance(Stage::Close);
        time::sleep(last).await;
        closing.advance(Stage::Cut);
    });
}

/// Errors that accept(2) passes on from a connection that broke while it waited.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
