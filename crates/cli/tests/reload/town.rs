//! What is served during the minute, as files that change.

use std::{cell::RefCell, fmt::Write as _};

use crate::stage::{
    answer::Broken,
    backend::Backend,
    certificate::Certificate,
    http1::Http1,
    manifests,
    ports::Port,
    process::{Folder, Running},
    tls::Secured,
};

/// Host of the route that everybody uses and every edit changes.
pub(crate) const STEADY: &str = "steady.example.com";
/// Host of the route for gRPC.
pub(crate) const CALLS: &str = "calls.example.com";

/// The process with its files and backends.
pub(crate) struct Town {
    pub(crate) running: Running,
    pub(crate) http: Port,
    pub(crate) https: Port,
    pub(crate) folder: Folder,
    /// Lines of YAML by name.
    listeners: RefCell<Vec<(String, String)>>,
    made: usize,
    _backends: [Backend; 2],
}

/// A listener that comes and goes.
pub(crate) struct Extra {
    pub(crate) name: String,
    pub(crate) host: String,
    /// Its own port; none at the loaded one.
    pub(crate) port: Option<Port>,
}

impl Town {
    pub(crate) const GATEWAY: &str = "default/gateway";

    pub(crate) async fn open() -> Self {
        let folder = Folder::new();
        let (http, https) = (Port::free(), Port::free());
        let backends = [Backend::named("steady").await, Backend::named("calls").await];
        let services = manifests::service("steady", backends[0].address)
            + &manifests::service_speaking("calls", backends[1].address, Some("kubernetes.io/h2c"));
        folder.write("services.yaml", &services);
        let calls = manifests::route("calls", Self::GATEWAY, CALLS, "/", "calls");
        folder.write("calls.yaml", &calls);
        folder.write("steady.yaml", &route("steady", STEADY, None, "0"));
        folder.write("secret.yaml", &manifests::secret("web", &Certificate::of(&[STEADY])));
        let listeners = vec![
            ("http".to_owned(), manifests::http("http", http.number)),
            ("https".to_owned(), manifests::https("https", https.number, "web")),
        ];
        folder.write("gateway.yaml", &gateway(&listeners));
        let flags = ["--drain-min", "1", "--drain-max", "30"];
        let running = Running::start(&[folder.path()], &flags).await;
        running.admin.programmed(Self::GATEWAY).await;
        Self {
            running,
            http,
            https,
            folder,
            listeners: RefCell::new(listeners),
            made: 0,
            _backends: backends,
        }
    }

    pub(crate) async fn plain(&self) -> Result<Http1, Broken> {
        Http1::connect(self.http.address()).await
    }

    pub(crate) async fn secured(&self) -> Result<Http1, Broken> {
        let secured = Secured::connect(self.https.address(), STEADY, &["http/1.1"]).await?;
        Ok(secured.http1())
    }

    /// Makes one edit. Gives the host to look at, and the value of `x-edit` that shows the edit;
    /// none if that host is now unknown.
    pub(crate) fn edit(&self, number: usize) -> (String, Option<String>) {
        let value = number.to_string();
        let steady = route("steady", STEADY, None, &value);
        let newcomer = "newcomer.example.com";
        let (host, expected) = match number % 4 {
            0 => {
                self.folder.write("steady.yaml", &steady);
                (STEADY, Some(value))
            }
            1 => {
                self.folder.replace("steady.yaml", &steady);
                (STEADY, Some(value))
            }
            2 => {
                self.folder.write("newcomer.yaml", &route("newcomer", newcomer, None, &value));
                (newcomer, Some(value))
            }
            _ => {
                self.folder.remove("newcomer.yaml");
                (newcomer, None)
            }
        };
        (host.to_owned(), expected)
    }

    pub(crate) fn rotate(&self, next: &Certificate) {
        self.folder.replace("secret.yaml", &manifests::secret("web", next));
    }

    /// A listener that is not there yet.
    pub(crate) fn extra(&mut self, at_loaded_port: bool) -> Extra {
        self.made += 1;
        let name = format!("extra-{}", self.made);
        let host = format!("{name}.example.com");
        Extra { name, host, port: (!at_loaded_port).then(Port::free) }
    }

    /// Adds a listener and a route that only it has.
    pub(crate) fn add(&self, extra: &Extra) {
        let Extra { name, host, port } = extra;
        let port = port.as_ref().map_or(self.http.number, |port| port.number);
        let line = format!("{{name: {name}, port: {port}, protocol: HTTP, hostname: {host}}}");
        self.listeners.borrow_mut().push((name.clone(), line));
        self.folder.replace(&format!("{name}.yaml"), &route(name, host, Some(name), "1"));
        self.folder.replace("gateway.yaml", &gateway(&self.listeners.borrow()));
    }

    /// Removes both again.
    pub(crate) fn remove(&self, extra: &Extra) {
        self.listeners.borrow_mut().retain(|(name, _)| *name != extra.name);
        self.folder.replace("gateway.yaml", &gateway(&self.listeners.borrow()));
        self.folder.remove(&format!("{}.yaml", extra.name));
    }
}

fn gateway(listeners: &[(String, String)]) -> String {
    let lines: Vec<String> = listeners.iter().map(|(_, line)| line.clone()).collect();
    manifests::gateway(Town::GATEWAY, &lines)
}

/// A route that marks its answers with the number of the edit.
fn route(name: &str, host: &str, section: Option<&str>, edit: &str) -> String {
    let mut text = manifests::route(name, Town::GATEWAY, host, "/", "steady");
    if let Some(section) = section {
        text =
            text.replace("{name: gateway}", &format!("{{name: gateway, sectionName: {section}}}"));
    }
    let mut filter = String::new();
    let _ = write!(
        filter,
        "      filters:
        - type: ResponseHeaderModifier
          responseHeaderModifier: {{set: [{{name: X-Edit, value: \"{edit}\"}}]}}
      backendRefs"
    );
    text.replace("      backendRefs", &filter)
}
