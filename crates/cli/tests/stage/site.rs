//! A small site that most tests start from: one Gateway with one HTTP listener, and one route to
//! one backend, which must go on being served whatever else happens.

use super::{
    answer::Answer,
    backend::Backend,
    http1::{Http1, once},
    manifests,
    ports::Port,
    process::{Folder, Running},
};

/// The site, running.
pub(crate) struct Site {
    pub(crate) running: Running,
    pub(crate) folder: Folder,
    pub(crate) port: Port,
    pub(crate) backend: Backend,
}

/// Name of the Gateway.
pub(crate) const GATEWAY: &str = "default/gateway";
/// Host of the route that is always there.
pub(crate) const HOST: &str = "steady.example.com";

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with(&[], |_| {}).await
    }

    /// With flags, and with files beside its own from the start.
    pub(crate) async fn with(flags: &[&str], prepare: impl FnOnce(&Folder)) -> Self {
        let folder = Folder::new();
        let (port, backend) = Self::furnish(&folder).await;
        prepare(&folder);
        let running = Running::start(&[folder.path()], flags).await;
        running.admin.programmed(GATEWAY).await;
        Self { running, folder, port, backend }
    }

    /// Writes the files of the site into a folder.
    pub(crate) async fn furnish(folder: &Folder) -> (Port, Backend) {
        let port = Port::free();
        let backend = Backend::named("steady").await;
        let listener = manifests::http("http", port.number);
        folder.write("gateway.yaml", &manifests::gateway(GATEWAY, &[listener]));
        let route = manifests::route("steady", GATEWAY, HOST, "/", "steady");
        folder.write("steady.yaml", &(route + &manifests::service("steady", backend.address)));
        (port, backend)
    }

    /// A new connection.
    pub(crate) async fn client(&self) -> Http1 {
        Http1::connect(self.port.address()).await.expect("the listener is open")
    }

    /// One request on a connection of its own.
    pub(crate) async fn get(&self, host: &str, target: &str) -> Answer {
        once(self.port.address(), host, target).await.expect("an answer")
    }

    /// A route and its Service, as one file.
    pub(crate) fn route(name: &str, backend: &Backend) -> String {
        let host = format!("{name}.example.com");
        let route = manifests::route(name, GATEWAY, &host, "/", name);
        route + &manifests::service(name, backend.address)
    }

    /// Makes sure that the route that is always there is there.
    pub(crate) async fn assert_steady(&self, client: &mut Http1) {
        let answer = client.get(HOST, "/").await.expect("the neighbour is answered");
        assert_eq!(answer.echo().backend, "steady");
    }
}
