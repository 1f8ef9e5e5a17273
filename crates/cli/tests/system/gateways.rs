//! Two Gateways that want the same port: no route of one ever answers on the other.

use std::net::{IpAddr, SocketAddr};

use crate::stage::{
    backend::Backend,
    certificate::Certificate,
    manifests,
    ports::Offset,
    process::{Folder, Running},
    tls::Secured,
    wait,
};

#[tokio::test]
async fn the_second_one_says_what_to_do_and_its_routes_stay_closed() {
    let town = Town::write().await;
    let offset = Offset::of(&[443]);
    let running = town.start(&["--port-offset", &offset.number.to_string()]).await;
    running.admin.programmed(PUBLIC).await;
    let refused = wait::until("Programmed=False of the second Gateway", async || {
        let programmed = running.admin.gateway(PRIVATE, "Programmed").await?;
        (programmed.status == "False").then_some(programmed)
    })
    .await;
    assert_eq!(refused.reason, "AddressNotUsable");
    for remedy in ["spec.addresses", "--address-pool"] {
        assert!(refused.message.contains(remedy), "{remedy} in {refused:?}");
    }
    let address = offset.address(443);
    assert_eq!(town.ask(address, "public.example.com").await, Answered::By("public".into()));
    assert_eq!(town.ask(address, "private.example.com").await, Answered::Not);
    assert_eq!(town.private.count(), 0);
}

#[tokio::test]
async fn a_pool_gives_each_its_address_and_both_serve() {
    let town = Town::write().await;
    let offset = Offset::of(&[443]);
    let number = offset.number.to_string();
    let flags = ["--port-offset", &number, "--address-pool", "127.77.0.0/16"];
    let running = town.start(&flags).await;
    let mut addresses = Vec::new();
    for gateway in [PUBLIC, PRIVATE] {
        running.admin.programmed(gateway).await;
        let status = running.admin.status("Gateway", gateway).await.expect("a status");
        let address = status["addresses"][0]["value"].as_str().expect("an address");
        let address: IpAddr = address.parse().expect("an IP address");
        addresses.push(SocketAddr::new(address, offset.address(443).port()));
    }
    let [public, private] = addresses[..] else { panic!("{addresses:?}") };
    assert_ne!(public, private);
    assert_eq!(town.ask(public, "public.example.com").await, Answered::By("public".into()));
    assert_eq!(town.ask(private, "private.example.com").await, Answered::By("private".into()));
    let counts = (town.public.count(), town.private.count());
    assert_eq!(town.ask(public, "private.example.com").await, Answered::Not);
    assert_eq!(town.ask(private, "public.example.com").await, Answered::Not);
    assert_eq!((town.public.count(), town.private.count()), counts);
}

/// Two Gateways on 443, each with a route and a backend of its own.
struct Town {
    folder: Folder,
    public: Backend,
    private: Backend,
}

const PUBLIC: &str = "default/a-public";
const PRIVATE: &str = "default/b-private";

#[derive(Debug, PartialEq, Eq)]
enum Answered {
    By(String),
    /// No handshake, or one that leads to no route.
    Not,
}

impl Town {
    async fn write() -> Self {
        let (folder, public, private) =
            (Folder::new(), Backend::named("public").await, Backend::named("private").await);
        for (gateway, name, backend) in
            [(PUBLIC, "public", &public), (PRIVATE, "private", &private)]
        {
            let host = format!("{name}.example.com");
            let listener = manifests::https("https", 443, name);
            let text = manifests::gateway(gateway, &[listener])
                + &manifests::secret(name, &Certificate::of(&[&host]))
                + &manifests::route(name, gateway, &host, "/", name)
                + &manifests::service(name, backend.address);
            folder.write(&format!("{name}.yaml"), &text);
        }
        Self { folder, public, private }
    }

    async fn start(&self, flags: &[&str]) -> Running {
        Running::start(&[self.folder.path()], flags).await
    }

    async fn ask(&self, address: SocketAddr, host: &str) -> Answered {
        let Ok(secured) = Secured::connect(address, host, &["http/1.1"]).await else {
            return Answered::Not;
        };
        let answer = secured.http1().get(host, "/").await.expect("an answer");
        match answer.status {
            200 => Answered::By(answer.echo().backend),
            404 => Answered::Not,
            status => panic!("{status}"),
        }
    }
}
