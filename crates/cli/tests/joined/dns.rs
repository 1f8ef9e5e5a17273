//! A DNS server that answers every question for an IPv4 address with the same one, or with none.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{net::UdpSocket, task::JoinHandle};

pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut question = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                let _ = socket.send_to(&reply(&question[..length]), from).await;
            }
        });
        Self { address, task }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A reply in the form of RFC 1035 §4, with a time to live of 1 s.
fn reply(question: &[u8]) -> Vec<u8> {
    let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
    let end = 12 + name + 5;
    let wants_ipv4 = question[end - 4..end - 2] == [0, 1];
    let mut reply = question[..2].to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(wants_ipv4), 0, 0, 0, 0]);
    reply.extend(&question[12..end]);
    if wants_ipv4 {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        reply.extend(Ipv4Addr::LOCALHOST.octets());
    }
    reply
}
