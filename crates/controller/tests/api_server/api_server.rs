//! A Kubernetes API server inside the test: HTTP/1.1 on loopback, objects as JSON, no schemas but
//! those that a test leans on ([`schema`]).
//!
//! It does what clients of ours can tell apart: discovery, paged lists, watches with versions and
//! bookmarks, conflicts, the status subresource, generations, merge patches, server-side apply for
//! whole fields, owner references, reviews of tokens. Tests play the other users of the cluster
//! through [`ApiServer::put`], [`ApiServer::edit`] and [`ApiServer::remove`], break things through
//! [`Fault`], and read in a journal what was asked of it.
//!
//! Left out on purpose: admission, defaults, strategic merge, ownership inside of lists.
//!
//! A test program takes it in with `#[path = "api_server/api_server.rs"] mod api_server;`.

#![allow(dead_code, unused_imports, reason = "each program of tests uses a part of it")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

mod answer;
mod catalog;
mod connection;
mod discovery;
mod fault;
mod journal;
mod patch;
mod review;
mod schema;
mod select;
mod storage;
mod watching;
mod write;

pub(crate) use catalog::Resource;
pub(crate) use fault::{Fault, Hold};
pub(crate) use journal::Call;
pub(crate) use review::{LONG, TokenUser};

use catalog::Catalog;
use storage::{Part, Place, Storage};

/// A running server; it ends when the last copy is dropped.
#[derive(Clone)]
pub(crate) struct ApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    _serving: Arc<Serving>,
}

/// What the server and its connections look at.
struct Shared {
    state: Mutex<State>,
    /// Counts changes of the state, for watches and for tests that wait.
    changes: watch::Sender<u64>,
    line: watch::Sender<Line>,
}

/// Whether connections live.
#[derive(Clone, Copy, Default, PartialEq)]
struct Line {
    /// Connections made at another count are cut.
    cuts: u64,
    down: bool,
}

#[derive(Default)]
struct State {
    catalog: Catalog,
    storage: Storage,
    faults: Vec<Fault>,
    journal: Vec<Call>,
    tokens: review::Tokens,
    /// Watches that are open, by resource.
    watches: Vec<&'static str>,
}

struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ApiServer {
    /// With every resource of the catalog, and no object but the namespace `default`.
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            line: watch::Sender::new(Line::default()),
        });
        let serving = tokio::spawn(connection::serve(socket, shared.clone()));
        let server = Self { shared, address, _serving: Arc::new(Serving(serving)) };
        server.put(serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"},
        }));
        server
    }

    /// As [`ApiServer::start`], but resources of these groups or plurals are not there (yet).
    pub(crate) async fn start_without(names: &[&str]) -> Self {
        let server = Self::start().await;
        for name in names {
            server.uninstall(name);
        }
        server
    }

    /// A client that trusts it, without retries of its own.
    pub(crate) fn client(&self) -> kube::Client {
        let mut config = kube::Config::new(self.url().parse().unwrap());
        config.default_retry = false;
        kube::Client::try_from(config).unwrap()
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates an object or replaces all of it, status included; what the server fills in may be
    /// left out. Gives what is stored.
    pub(crate) fn put(&self, object: Value) -> Value {
        self.change(|state| {
            let resource = state.catalog.of_object(&object).expect("a resource of the catalog");
            let place = Place::of_object(resource, &object);
            match state.storage.get(&place) {
                Some(_) => state.storage.replace(&place, object, Part::Everything),
                None => state.storage.create(&place, object, Part::Everything),
            }
            .expect("a good object")
        })
    }

    /// As [`ApiServer::put`] for every document of a YAML text.
    pub(crate) fn put_yaml(&self, text: &str) {
        for document in serde_saphyr::from_multiple::<Value>(text).unwrap() {
            self.put(document);
        }
    }

    /// Changes an object in place, status included.
    pub(crate) fn edit(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Value),
    ) -> Value {
        self.change(|state| {
            let place = state.catalog.place(resource, namespace, name);
            let mut object = Value::clone(state.storage.get(&place).expect("the object exists"));
            edit(&mut object);
            state.storage.replace(&place, object, Part::Everything).expect("a good object")
        })
    }

    /// Deletes an object, and what it owns.
    pub(crate) fn remove(&self, resource: &str, namespace: &str, name: &str) {
        self.change(|state| {
            let place = state.catalog.place(resource, namespace, name);
            state.storage.delete(&place, &Value::Null).expect("the object exists")
        });
    }

    /// An object as it is now. `resource` is a plural, with `.group` where that is ambiguous;
    /// objects without a namespace have the empty one.
    pub(crate) fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let state = self.shared.state.lock();
        let place = state.catalog.place(resource, namespace, name);
        state.storage.get(&place).map(|object| Value::clone(object))
    }

    /// All objects of a resource, by namespace and name.
    pub(crate) fn objects(&self, resource: &str) -> Vec<Value> {
        let state = self.shared.state.lock();
        let resource = state.catalog.named(resource).expect("a resource of the catalog");
        state.storage.list(resource, None).map(|(_, object)| Value::clone(object)).collect()
    }

    /// Adds a resource, as the installation of a CRD does.
    pub(crate) fn install(&self, resource: Resource) {
        self.change(|state| state.catalog.install(resource));
    }

    /// Takes away a resource, or all of a group, with its objects.
    pub(crate) fn uninstall(&self, name: &str) {
        self.change(|state| {
            for resource in state.catalog.uninstall(name) {
                state.storage.drop_all(&resource);
            }
        });
    }

    /// Everything that was asked over HTTP so far, in order of the answers.
    pub(crate) fn journal(&self) -> Vec<Call> {
        self.shared.state.lock().journal.clone()
    }

    /// What of it could change something, reviews left out.
    pub(crate) fn writes(&self) -> Vec<Call> {
        self.shared.state.lock().journal.iter().filter(|call| call.is_write()).cloned().collect()
    }

    /// Empties the journal.
    pub(crate) fn forget(&self) {
        self.shared.state.lock().journal.clear();
    }

    /// How many watches on a resource are open.
    pub(crate) fn watches(&self, resource: &str) -> usize {
        let state = self.shared.state.lock();
        let plural = state.catalog.named(resource).map_or("", |resource| resource.plural);
        state.watches.iter().filter(|open| **open == plural).count()
    }

    /// Answers reviews of this token from now on.
    pub(crate) fn know_token(&self, token: &str, user: TokenUser) {
        self.change(|state| state.tokens.insert(token.to_owned(), user));
    }

    /// A token of this user, whose reviews are answered from now on.
    pub(crate) fn issue(&self, user: TokenUser) -> String {
        let token = user.token(LONG);
        self.know_token(&token, user);
        token
    }

    /// Lets something go wrong, until [`ApiServer::mend`] or as often as the fault says.
    pub(crate) fn fault(&self, fault: Fault) {
        self.change(|state| state.faults.push(fault));
    }

    /// Takes all faults away.
    pub(crate) fn mend(&self) {
        self.change(|state| state.faults.clear());
    }

    /// Ends every connection, as a restart does; new ones are taken.
    pub(crate) fn cut(&self) {
        self.shared.line.send_modify(|line| line.cuts += 1);
    }

    /// Ends every connection and takes no new one until `false`.
    pub(crate) fn down(&self, down: bool) {
        self.shared.line.send_modify(|line| *line = Line { cuts: line.cuts + 1, down });
    }

    /// Forgets the history of a resource: open watches end with 410, older versions are refused.
    pub(crate) fn expire(&self, resource: &str) {
        self.change(|state| {
            let resource = state.catalog.named(resource).expect("a resource of the catalog");
            state.storage.expire(resource);
        });
    }

    /// Sends a bookmark to the watches of a resource that wanted some.
    pub(crate) fn bookmark(&self, resource: &str) {
        self.change(|state| {
            let resource = state.catalog.named(resource).expect("a resource of the catalog");
            state.storage.bookmark(resource);
        });
    }

    /// Drops a field of a resource, given as a JSON pointer, from whatever is written: what a CRD
    /// of a release does that does not know the field.
    pub(crate) fn prune(&self, resource: &str, pointer: &'static str) {
        self.change(|state| {
            let resource = state.catalog.named(resource).expect("a resource of the catalog");
            state.storage.pruned.push((resource, pointer));
        });
    }

    /// Moves on with every change of the state and every answer.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Waits until `condition` holds, which is looked at after every change and every answer.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        let wait = async {
            while !condition(self) {
                changes.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("it never came that {what}; asked so far: {:#?}", self.journal());
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        self.shared.change(change)
    }
}

impl Shared {
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.changes.send_modify(|count| *count += 1);
        result
    }
}

/// How long a test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(20);
