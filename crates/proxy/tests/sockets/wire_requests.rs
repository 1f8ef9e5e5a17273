//! `fixtures/wire/requests.yaml` over real sockets: nothing malformed arrives whole at the backend,
//! and the proxy and a strict backend never disagree about where a request ends.

use std::future::ready;

use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::harness::{
    Port,
    h2::before_h1,
    in_time, until,
    wire::{RequestEntry, RequestExpect, Way, table},
    witness::{Request, Witness},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backend_gets_what_a_strict_reading_says_and_nothing_else() {
    let (port, witness) = (Port::reserve(), Witness::start().await);
    let _rig = before_h1(&port, &[witness.address]).await;
    let entries: Vec<RequestEntry> = table("requests.yaml");
    let (mut refused, mut served) = (0, 0);
    for (place, entry) in entries.iter().enumerate() {
        for way in Way::all(place) {
            // A request that would be served, so that whatever is left over of the entry shows.
            let target = format!("/marker-{place}");
            let marker =
                format!("GET {target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
            let statuses =
                exchange(&port, way, &[&entry.bytes(), marker.as_bytes()].concat()).await;
            until("the backend is at rest", || ready(witness.at_rest())).await;
            let seen = witness.take();
            let told = format!("{} ({}), {way:?}: {statuses:?} {seen:?}", entry.name, entry.rule);
            let is_marker = |request: &Request| request.target == target;
            match &entry.expect {
                RequestExpect::Refused => {
                    assert!(seen.is_empty(), "{told}");
                    assert!(matches!(statuses[..], [] | [400..=499 | 501 | 505]), "{told}");
                }
                RequestExpect::Declined => {
                    assert!(matches!(statuses[..], [400..=499, 200]), "{told}");
                    assert!(matches!(&seen[..], [one] if is_marker(one)), "{told}");
                }
                RequestExpect::Served(expected) => {
                    assert_eq!(statuses, [200, 200], "{told}");
                    let [request, marker] = &seen[..] else { panic!("{told}") };
                    assert!(is_marker(marker), "{told}");
                    assert_eq!(expected.is_met_by(request), Ok(()), "{told}");
                }
            }
        }
        match entry.expect {
            RequestExpect::Served(_) => served += 1,
            RequestExpect::Refused | RequestExpect::Declined => refused += 1,
        }
    }
    assert!(witness.take().is_empty(), "something came late");
    assert!(refused >= 100, "the table has shrunk to {refused}");
    println!("{refused} malformed requests refused, {served} legal ones read as they should be");
}

/// Sends bytes and reads to the end of the connection: the statuses that came.
async fn exchange(port: &Port, way: Way, bytes: &[u8]) -> Vec<u16> {
    let mut stream = in_time("connect", TcpStream::connect(port.address())).await.unwrap();
    stream.set_nodelay(true).unwrap();
    in_time("sending", way.send(&mut stream, bytes)).await;
    let mut answers = Vec::new();
    // A reset is an end too.
    let _ = in_time("the end of the connection", stream.read_to_end(&mut answers)).await;
    let answers = String::from_utf8_lossy(&answers);
    let starts = answers.match_indices("HTTP/1.1 ");
    starts.map(|(at, start)| answers[at + start.len()..][..3].parse().unwrap()).collect()
}
