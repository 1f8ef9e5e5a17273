//! The cluster at one moment, for tools that look once and go.

use std::time::Duration;

use api::{
    kind::{Kind, ObjectKey},
    manifest::{self, Received},
    resources::Resources,
};
use translate::{Observations, Settings, Translator};

use super::{
    LiveObjects, NAMED, Pace,
    discovery::Discovery,
    fault::Fault,
    problems::{self, Cost},
    request::{Seen, Server, Target},
};
use crate::report::{Problem, Report};

/// What a cluster held when it was looked at.
#[derive(Clone, Default)]
pub struct Cluster {
    /// The objects that can be used. Of Secrets and ConfigMaps there are none yet.
    pub resources: Resources,
    /// Those among them that have a status, with their status.
    pub live: LiveObjects,
    /// What could not be read, and what cannot be used.
    pub problems: Vec<Problem>,
    server: Option<Server>,
}

/// Why nothing could be read at all.
#[derive(Debug, thiserror::Error)]
#[error("the API server cannot be read: {0}")]
pub struct ReadError(String);

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

/// Reads all objects of these kinds. A kind that the server does not have, or does not show to us,
/// keeps no other from being read.
///
/// # Errors
/// The server cannot be read.
pub async fn read(client: kube::Client, kinds: &[Kind]) -> Result<Cluster, ReadError> {
    let pace = Pace { answer: PATIENCE, ..Pace::default() };
    let server = Server { client, pace };
    let mut discovery = Discovery::default();
    let served = discovery.look(&server).await?;
    let mut cluster = Cluster { server: Some(server.clone()), ..Cluster::default() };
    for kind in kinds.iter().filter(|kind| !NAMED.contains(kind)) {
        let Some(target) = served.get(kind) else { continue };
        match list(&server, *target).await {
            Ok(objects) => objects.into_iter().for_each(|seen| cluster.take(*target, seen)),
            Err(fault @ Fault::Refused(_)) => {
                cluster.problems.extend(problems::of_fault(*target, &fault, true, Cost::Kind));
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(cluster)
}

impl Cluster {
    /// Translates what was read as if proxies served everything, with the Secrets and ConfigMaps
    /// that it refers to.
    ///
    /// # Errors
    /// These cannot be read.
    pub async fn report(mut self, settings: &Settings) -> Result<Report, ReadError> {
        let observations = Observations::all_open();
        let mut translator = Translator::new(settings.clone());
        let all = self.resources.objects().map(|object| object.key()).collect();
        translator.update(&self.resources, &observations, &all);
        let wanted: Vec<ObjectKey> = NAMED
            .into_iter()
            .flat_map(|kind| {
                translator.wanted(kind).map(move |name| ObjectKey { kind, name: name.clone() })
            })
            .collect();
        for key in &wanted {
            self.fetch(key).await?;
        }
        translator.update(&self.resources, &observations, &wanted.into_iter().collect());
        let output = translator.into_output();
        let meanings = output.diagnostics.iter().map(|found| Problem::of_meaning(found, None));
        self.problems.extend(meanings);
        Ok(Report {
            resources: self.resources,
            output,
            settings: settings.clone(),
            problems: self.problems,
            ignored: Vec::new(),
        })
    }

    fn take(&mut self, target: Target, seen: Seen) {
        let key = ObjectKey { kind: target.kind, name: seen.name };
        self.live.put(&key, target.version, &seen.json);
        match manifest::from_server(target.kind, target.version, &seen.json) {
            Ok(Received { object, ignored }) => {
                self.problems.extend(problems::of_ignored(&key, ignored));
                self.resources.apply(object);
            }
            Err(found) => self.problems.extend(problems::of_object(&key, found, false)),
        }
    }

    async fn fetch(&mut self, key: &ObjectKey) -> Result<(), ReadError> {
        let Some(server) = &self.server else { return Ok(()) };
        let target = Target::new(key.kind, key.kind.versions()[0]);
        match server.object(target, &key.name).await {
            Ok(None) => {}
            Ok(Some(seen)) => self.take(target, seen),
            Err(Fault::Refused(said)) => {
                self.problems.extend(problems::refused_object(key, target, &said));
            }
            Err(fault) => return Err(fault.into()),
        }
        Ok(())
    }
}

/// Every object of a kind.
async fn list(server: &Server, target: Target) -> Result<Vec<Seen>, Fault> {
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let page = server.list(target, next.as_deref()).await?;
        all.extend(page.objects);
        next = page.next;
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// Somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(10);
