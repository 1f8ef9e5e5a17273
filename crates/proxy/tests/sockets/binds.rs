//! Sockets: they come and go at run time, and nobody else's are taken.

use std::{
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ir::{Bind, BindFault, Protocol, Resource};

use crate::harness::{
    Client, Echo, Port, Rig, backend, bind, in_time, listener, plain, remove, route, until,
};

#[tokio::test]
async fn binds_come_and_go_while_others_serve() {
    let (steady, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::start();
    rig.serve(|to| {
        backend(to, "echo", &[echo.address]);
        plain(to, "steady", &steady);
        route(to, "steady-route", "steady", "echo");
    })
    .await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load = tokio::spawn(load(steady.address(), stop.clone(), done.clone()));
    for round in 0..10 {
        let (port, name) = (Port::reserve(), format!("extra-{round}"));
        rig.serve(|to| {
            plain(to, &name, &port);
            route(to, "extra-route", &name, "echo");
        })
        .await;
        // On every worker, and from the moment that it is acknowledged.
        for _ in 0..8 {
            let mut client = Client::plain(port.address()).await.unwrap();
            assert_eq!(client.get("any", "/").await.unwrap().status, 200);
        }
        let seen = done.load(Ordering::SeqCst);
        rig.serve(|to| remove(to, &name)).await;
        until("the port is closed", || async { is_refused(&port).await }).await;
        until("the load goes on", || async { done.load(Ordering::SeqCst) > seen + 10 }).await;
    }
    stop.store(true, Ordering::SeqCst);
    assert_eq!(load.await.unwrap().err().map(|error| error.to_string()), None);
}

/// One keep-alive connection and many short ones. Every failure counts.
async fn load(
    at: std::net::SocketAddr,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> io::Result<()> {
    let mut long = Client::plain(at).await?;
    while !stop.load(Ordering::SeqCst) {
        let mut short = Client::plain(at).await?;
        for client in [&mut long, &mut short] {
            let response = client.get("any", "/").await?;
            if response.status != 200 || response.closes() {
                return Err(io::Error::other(response.head));
            }
        }
        done.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

async fn is_refused(port: &Port) -> bool {
    let error = Client::plain(port.address()).await.err();
    error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[tokio::test]
async fn a_bind_that_is_removed_serves_through_the_minimum_drain_and_says_close() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::with(|options| options.drain_min = Duration::from_secs(3600));
    rig.serve(|to| {
        backend(to, "echo", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "echo");
    })
    .await;
    let mut old = Client::plain(port.address()).await.unwrap();
    assert!(!old.get("any", "/").await.unwrap().closes());
    rig.serve(|to| remove(to, "bind")).await;
    for mut client in [old, Client::plain(port.address()).await.unwrap()] {
        let response = client.get("any", "/").await.unwrap();
        assert!(response.closes(), "{}", response.head);
        assert_eq!(client.closed().await, b"");
    }
    // It comes back: the same sockets serve on, and nobody is asked to go any more.
    rig.serve(|to| plain(to, "bind", &port)).await;
    let mut client = Client::plain(port.address()).await.unwrap();
    let response = client.get("any", "/").await.unwrap();
    assert_eq!((response.status, response.closes()), (200, false));
}

#[tokio::test]
async fn idle_connections_of_a_removed_bind_are_closed_and_busy_ones_finish() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::start();
    rig.serve(|to| {
        backend(to, "echo", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "echo");
    })
    .await;
    let (mut idle, mut silent) = (
        Client::plain(port.address()).await.unwrap(),
        Client::plain(port.address()).await.unwrap(),
    );
    assert_eq!(idle.get("any", "/").await.unwrap().status, 200);
    let mut busy = Client::plain(port.address()).await.unwrap();
    busy.send(b"GET /held HTTP/1.1\r\nHost: any\r\n\r\n").await.unwrap();
    until("the request arrives", || async { echo.requests() == 2 }).await;
    rig.serve(|to| remove(to, "bind")).await;
    assert_eq!((idle.closed().await, silent.closed().await), (vec![], vec![]));
    echo.release();
    let response = busy.response().await.unwrap();
    assert_eq!((response.status, response.closes()), (200, true));
}

#[tokio::test]
async fn a_port_goes_from_one_bind_to_another_without_a_gap() {
    let port = Port::reserve();
    let (old, new) = (Echo::start("old").await, Echo::start("new").await);
    let mut rig = Rig::with(|options| options.drain_min = Duration::from_secs(3600));
    rig.serve(|to| {
        backend(to, "old-backend", &[old.address]);
        backend(to, "new-backend", &[new.address]);
        plain(to, "old", &port);
        route(to, "old-route", "old", "old-backend");
    })
    .await;
    let mut client = Client::plain(port.address()).await.unwrap();
    assert!(client.get("any", "/").await.unwrap().text().starts_with("old\n"));
    rig.serve(|to| {
        remove(to, "old");
        plain(to, "new", &port);
        route(to, "new-route", "new", "new-backend");
    })
    .await;
    assert!(client.get("any", "/").await.unwrap().closes());
    for _ in 0..8 {
        let mut client = Client::plain(port.address()).await.unwrap();
        let response = client.get("any", "/").await.unwrap();
        assert!(response.text().starts_with("new\n") && !response.closes());
    }
}

#[tokio::test]
async fn a_port_in_use_is_told_and_opened_when_it_is_free() {
    let (free, taken) = (Port::reserve(), Port::reserve());
    let other = TcpListener::bind(taken.address()).unwrap();
    let mut rig = Rig::start();
    let mut acks = rig.proxy.acks();
    let ack = rig
        .edit(|to| {
            plain(to, "free", &free);
            plain(to, "taken", &taken);
        })
        .await;
    let closed: Vec<_> = ack.closed.iter().map(|f| (f.bind.as_str(), f.fault)).collect();
    assert_eq!(closed, [("taken", BindFault::InUse)]);
    let message = &ack.closed[0].message;
    assert!(message.contains(&format!("port {} is in use", taken.number)), "{message}");
    assert!(message.contains("--port-offset"), "{message}");
    assert!(Client::plain(free.address()).await.is_ok(), "the others are open");
    drop(other);
    in_time("the port opens", acks.wait_for(|ack| ack.revision == 1 && ack.closed.is_empty()))
        .await
        .unwrap();
    assert!(Client::plain(taken.address()).await.is_ok());
}

#[tokio::test]
async fn a_second_proxy_does_not_share_the_port_of_the_first() {
    let port = Port::reserve();
    let (mut first, mut second) = (Rig::start(), Rig::start());
    first.serve(|to| plain(to, "bind", &port)).await;
    let ack = second.edit(|to| plain(to, "bind", &port)).await;
    assert_eq!(ack.closed[0].fault, BindFault::InUse);
    // Nor may two binds of one proxy.
    let ack = first.edit(|to| plain(to, "later", &port)).await;
    assert_eq!((ack.closed[0].bind.as_str(), ack.closed[0].fault), ("later", BindFault::InUse));
    assert!(ack.closed[0].message.contains("taken by bind"), "{}", ack.closed[0].message);
    let everywhere = |to: &mut ir::Snapshot| {
        remove(to, "later");
        let bind = Bind { gateway: "test/gateway".into(), address: None, port: port.number };
        to.insert("everywhere", Resource::Bind(Arc::new(bind)));
        listener(to, "everywhere", "everywhere", "*", Protocol::Http);
    };
    let ack = first.edit(everywhere).await;
    assert_eq!(ack.closed[0].fault, BindFault::InUse, "all interfaces contain this one");
}

#[tokio::test]
async fn addresses_and_ports_that_cannot_be_are_told() {
    let port = Port::reserve();
    let mut rig = Rig::with(|options| options.port_offset = 1000);
    let ack = rig
        .edit(|to| {
            // TEST-NET-1 of RFC 5737 is on no machine.
            let address = Some([192, 0, 2, 1].into());
            let there = Bind { gateway: "test/gateway".into(), address, port: port.number % 60000 };
            to.insert("there", Resource::Bind(Arc::new(there)));
            let high = Bind { gateway: "test/gateway".into(), address: None, port: 65000 };
            to.insert("high", Resource::Bind(Arc::new(high)));
        })
        .await;
    let closed: Vec<_> = ack.closed.iter().map(|f| (f.bind.as_str(), f.fault)).collect();
    assert_eq!(closed, [("high", BindFault::Other), ("there", BindFault::NoSuchAddress)]);
    assert!(ack.closed[0].message.contains("above 65535"), "{}", ack.closed[0].message);
    assert!(ack.closed[1].message.contains("192.0.2.1"), "{}", ack.closed[1].message);
}

#[tokio::test]
async fn the_port_offset_counts_at_the_socket_only() {
    let port = Port::reserve();
    let mut rig = Rig::with(|options| options.port_offset = 1024);
    rig.serve(|to| {
        bind(to, "bind", &port);
        let address = Some(port.address().ip());
        let bind = Bind { gateway: "test/gateway".into(), address, port: port.number - 1024 };
        to.insert("bind", Resource::Bind(Arc::new(bind)));
        listener(to, "bind", "bind", "*", Protocol::Http);
    })
    .await;
    assert!(Client::plain(port.address()).await.is_ok());
}

#[tokio::test]
async fn a_bind_without_an_address_takes_ipv4_and_ipv6() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::start();
    rig.serve(|to| {
        backend(to, "echo", &[echo.address]);
        plain(to, "bind", &port);
        let bind = Bind { gateway: "test/gateway".into(), address: None, port: port.number };
        to.insert("bind", Resource::Bind(Arc::new(bind)));
        route(to, "route", "bind", "echo");
    })
    .await;
    let six = std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port.number));
    // Machines without IPv6 have no such loopback.
    let has_six = std::net::UdpSocket::bind((std::net::Ipv6Addr::LOCALHOST, 0)).is_ok();
    for at in [Some(port.address()), has_six.then_some(six)].into_iter().flatten() {
        let mut client = Client::plain(at).await.unwrap();
        let text = client.get("any", "/").await.unwrap().text().to_lowercase();
        let expected = format!("x-forwarded-for: {}\r\n", at.ip());
        assert!(text.contains(&expected), "{expected} in {text}");
    }
}
