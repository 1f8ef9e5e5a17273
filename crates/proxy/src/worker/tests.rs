//! Connections that are handed over while a worker's orders change. The test is the other worker:
//! it gives orders and hands over before this one has looked at either.

use std::{net, slice, sync::Arc};

use ir::Id;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
    sync::mpsc,
};

use super::*;
use crate::live::Live;

struct Test {
    shared: Arc<Shared>,
    orders: watch::Sender<Arc<Orders>>,
    inbox: mpsc::Sender<Newcomer>,
    reports: watch::Receiver<Report>,
    door: Door,
}

/// With a worker that has come in line with its first orders.
fn on_a_worker(test: impl AsyncFnOnce(Test)) {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let shared = Shared::of(Live::empty());
        let orders = watch::Sender::new(Arc::new(Orders::first()));
        let (inbox, received) = mpsc::channel(8);
        let (report, mut reports) = watch::channel(Report::default());
        let duty = Duty::new(0, shared.clone(), orders.subscribe(), received, report);
        let worker = tokio::task::spawn_local(duty.run());
        reports.changed().await.unwrap();
        let socket = net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let at = socket.local_addr().unwrap();
        let door = Door {
            address: (Some(at.ip()), at.port()),
            bind: Id::new("bind"),
            closing: false,
            shares: Arc::new([Mutex::new(Some(socket))]),
        };
        test(Test { shared, orders, inbox, reports, door }).await;
        worker.await.unwrap();
    });
}

impl Test {
    fn order(&self, doors: &[Door], stage: Stage) {
        let sequence = self.orders.borrow().sequence + 1;
        self.orders.send_replace(Arc::new(Orders { sequence, doors: doors.to_vec(), stage }));
    }

    /// A connection on which a request waits, from both ends.
    async fn connection(&self) -> (TcpStream, Newcomer) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: any\r\n\r\n").await.unwrap();
        let (stream, remote) = socket.accept().await.unwrap();
        let stream = stream.into_std().unwrap();
        let admission = self.shared.roster.admit(0).unwrap();
        let (address, bind) = (self.door.address, self.door.bind.clone());
        (client, Newcomer { stream, remote, address, bind, admission })
    }

    fn hand_over(&self, newcomer: Newcomer) {
        self.inbox.try_send(newcomer).ok().unwrap();
    }
}

/// Reads the answer, which is that nobody is there for the request. Whether it is the last.
async fn is_sent_away(client: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    head.contains("connection: close\r\n")
}

#[test]
fn a_door_that_only_the_giver_knows_of_is_opened_first() {
    on_a_worker(async |test| {
        let (mut client, newcomer) = test.connection().await;
        // The worker gets to run when both are there.
        test.hand_over(newcomer);
        test.order(slice::from_ref(&test.door), Stage::Open);
        assert!(!is_sent_away(&mut client).await);
    });
}

#[test]
fn a_door_that_is_closed_meanwhile_sends_its_last_guests_away() {
    on_a_worker(async |test| {
        let (mut client, newcomer) = test.connection().await;
        test.hand_over(newcomer);
        assert!(is_sent_away(&mut client).await);
    });
}

#[test]
fn a_drain_waits_for_what_was_handed_over_and_takes_no_more() {
    on_a_worker(async |mut test| {
        test.order(slice::from_ref(&test.door), Stage::Open);
        test.reports.wait_for(|report| report.sequence == 1).await.unwrap();
        let (mut clients, mut newcomers) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (client, newcomer) = test.connection().await;
            clients.push(client);
            newcomers.push(newcomer);
        }
        newcomers.into_iter().for_each(|newcomer| test.hand_over(newcomer));
        test.order(slice::from_ref(&test.door), Stage::Close);
        test.reports.wait_for(|report| report.sequence == 2).await.unwrap();
        assert!(test.inbox.is_closed());
        for client in &mut clients {
            assert!(is_sent_away(client).await);
        }
        test.reports.wait_for(|report| report.drained).await.unwrap();
    });
}
