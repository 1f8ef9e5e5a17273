//! The pods of a Gateway: one container that serves, with the least that it needs.

use std::time::Duration;

use api::{
    core::service::IntOrString,
    envoy_proxy::kubernetes::{KubernetesContainerSpec, KubernetesPodSpec},
};
use serde_json::{Map, Value, json};

use super::{CA_KEY, LABEL_MANAGED_BY, Maker, RenderError};
use crate::provision::{Install, defaults, merge};

/// What a Deployment and a DaemonSet say alike about their pods.
pub(super) struct Shape<'a> {
    pub(super) pod: Option<&'a KubernetesPodSpec>,
    pub(super) container: Option<&'a KubernetesContainerSpec>,
    pub(super) init_containers: &'a [Value],
}

impl Maker<'_> {
    /// The Deployment, or the DaemonSet where one is asked for.
    pub(super) fn workload(&self) -> Result<Value, RenderError> {
        if let Some(daemons) = &self.kubernetes.envoy_daemon_set {
            let shape = Shape {
                pod: daemons.pod.as_ref(),
                container: daemons.container.as_ref(),
                init_containers: &daemons.init_containers,
            };
            let spec = json!({ "spec": {
                "selector": { "matchLabels": self.selector() },
                "updateStrategy": daemons.strategy.clone().unwrap_or_else(one_more),
                "template": self.template(&shape)?,
            }});
            let name = daemons.name.as_deref().unwrap_or(&self.name);
            let object = self.made("apps/v1", "DaemonSet", name, spec);
            return self.patched("DaemonSet", object, daemons.patch.as_ref());
        }
        let deployment = self.kubernetes.envoy_deployment.clone().unwrap_or_default();
        let shape = Shape {
            pod: deployment.pod.as_ref(),
            container: deployment.container.as_ref(),
            init_containers: &deployment.init_containers,
        };
        let mut spec = json!({ "spec": {
            "selector": { "matchLabels": self.selector() },
            "strategy": deployment.strategy.clone().unwrap_or_else(one_more),
            "template": self.template(&shape)?,
        }});
        // Without a wish the number is nobody's: one at first, then what somebody scales it to.
        if let Some(replicas) = deployment.replicas
            && self.kubernetes.envoy_hpa.is_none()
        {
            spec["spec"]["replicas"] = replicas.into();
        }
        let object = self.made("apps/v1", "Deployment", self.deployment_name(), spec);
        self.patched("Deployment", object, deployment.patch.as_ref())
    }

    pub(super) fn deployment_name(&self) -> &str {
        let deployment = self.kubernetes.envoy_deployment.as_ref();
        deployment.and_then(|d| d.name.as_deref()).unwrap_or(&self.name)
    }

    fn template(&self, shape: &Shape<'_>) -> Result<Value, RenderError> {
        let wishes = shape.pod.cloned().unwrap_or_default();
        let drain = Drain::of(self)?;
        let mut annotations = self.infra.annotations.clone();
        annotations.extend(wishes.annotations);
        let mut labels = self.labels(&wishes.labels);
        // The workload is managed by us, its pods by the workload.
        labels.remove(LABEL_MANAGED_BY);
        let mut spec = json!({
            "serviceAccountName": self.name,
            // The one token that it needs is asked for below, for an audience of its own.
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": drain.grace().as_secs(),
            "securityContext": restricted(wishes.security_context.as_ref()),
            "containers": [self.container(shape.container, &drain)],
            "volumes": self.volumes(&wishes.volumes),
        });
        let optional = [
            ("affinity", wishes.affinity.unwrap_or_default()),
            ("imagePullSecrets", wishes.image_pull_secrets.into()),
            ("initContainers", shape.init_containers.into()),
            ("nodeSelector", json!(wishes.node_selector)),
            ("priorityClassName", json!(wishes.priority_class_name)),
            ("tolerations", wishes.tolerations.into()),
            ("topologySpreadConstraints", wishes.topology_spread_constraints.into()),
        ];
        for (key, value) in optional {
            if !is_empty(&value) {
                spec[key] = value;
            }
        }
        Ok(json!({ "metadata": { "labels": labels, "annotations": annotations }, "spec": spec }))
    }

    fn container(&self, wishes: Option<&KubernetesContainerSpec>, drain: &Drain) -> Value {
        let wishes = wishes.cloned().unwrap_or_default();
        let mut mounts = vec![
            json!({ "name": CA_VOLUME, "mountPath": CA_FOLDER, "readOnly": true }),
            json!({ "name": TOKEN_VOLUME, "mountPath": TOKEN_FOLDER, "readOnly": true }),
            json!({ "name": STATE_VOLUME, "mountPath": STATE_FOLDER }),
        ];
        mounts.extend(wishes.volume_mounts);
        let mut env = vec![json!({ "name": "PORTCULLIS_LOG", "value": self.log_level() })];
        env.extend(wishes.env);
        json!({
            "name": "proxy",
            "image": image(self.install, wishes.image, wishes.image_repository),
            "imagePullPolicy": self.install.pull_policy,
            "args": self.arguments(drain),
            "env": env,
            "ports": [{ "name": "probes", "containerPort": PROBE_PORT, "protocol": "TCP" }],
            // Each second, so that a new proxy is used as soon as it is ready.
            "readinessProbe": {
                "httpGet": { "path": "/ready", "port": "probes" },
                "periodSeconds": 1,
            },
            "livenessProbe": {
                "httpGet": { "path": "/live", "port": "probes" },
                "periodSeconds": 10,
                "timeoutSeconds": 5,
                "failureThreshold": 3,
            },
            "resources": wishes.resources.unwrap_or_else(defaults::proxy_resources),
            "securityContext": merge::strategic(
                json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                }),
                wishes.security_context.unwrap_or_default(),
            ),
            "volumeMounts": mounts,
        })
    }

    fn arguments(&self, drain: &Drain) -> Vec<String> {
        let mut arguments = vec![
            "proxy".to_owned(),
            format!("--controller={}", self.install.stream),
            format!("--ca={CA_FOLDER}/{CA_KEY}"),
            format!("--token={TOKEN_FOLDER}/{TOKEN_FILE}"),
            format!("--state-dir={STATE_FOLDER}"),
            format!("--probe-address=[::]:{PROBE_PORT}"),
            format!("--admin=127.0.0.1:{ADMIN_PORT}"),
            format!("--drain-min={}", drain.min.as_secs_f64()),
            format!("--drain-max={}", drain.max.as_secs_f64()),
        ];
        let parameters = self.infra.parameters.as_deref();
        let telemetry = parameters.and_then(|spec| spec.telemetry.as_ref());
        let disabled = telemetry.and_then(|telemetry| telemetry.pointer("/accessLog/disable"));
        let log = if disabled == Some(&Value::Bool(true)) { "off" } else { "stdout" };
        arguments.push(format!("--access-log={log}"));
        if let Some(workers) = parameters.and_then(|spec| spec.concurrency) {
            arguments.push(format!("--workers={workers}"));
        }
        arguments
    }

    fn log_level(&self) -> &str {
        let logging = self.infra.parameters.as_deref().and_then(|spec| spec.logging.as_ref());
        let level = logging.and_then(|logging| logging.level.get("default"));
        level.map_or(defaults::PROXY_LOG_LEVEL, String::as_str)
    }

    fn volumes(&self, asked: &[Value]) -> Vec<Value> {
        let mut volumes = vec![
            json!({ "name": CA_VOLUME, "configMap": {
                "name": self.name,
                "items": [{ "key": CA_KEY, "path": CA_KEY }],
            }}),
            json!({ "name": TOKEN_VOLUME, "projected": { "sources": [{
                "serviceAccountToken": {
                    "audience": self.install.audience,
                    "expirationSeconds": 3600,
                    "path": TOKEN_FILE,
                },
            }]}}),
            // The last good state, for a container that starts again; private keys are in it.
            json!({ "name": STATE_VOLUME, "emptyDir": {
                "medium": "Memory",
                "sizeLimit": defaults::STATE_SIZE_MAX,
            }}),
        ];
        volumes.extend(asked.iter().cloned());
        volumes
    }
}

/// How long a pod takes to end.
struct Drain {
    /// New connections are taken.
    min: Duration,
    /// After that: running requests may end.
    max: Duration,
}

impl Drain {
    fn of(maker: &Maker<'_>) -> Result<Self, RenderError> {
        let parameters = maker.infra.parameters.as_deref();
        let shutdown = parameters.and_then(|spec| spec.shutdown.clone()).unwrap_or_default();
        let time = |field, text: Option<String>, default| match text {
            None => Ok(default),
            Some(value) => parse_time(&value).map_err(|()| RenderError::Time { field, value }),
        };
        let total = time("drainTimeout", shutdown.drain_timeout, defaults::DRAIN)?;
        let open = time("minDrainDuration", shutdown.min_drain_duration, defaults::DRAIN_MIN)?;
        let delay = shutdown.health_check_failure_delay;
        let delay = time("healthCheckFailureDelay", delay, Duration::ZERO)?;
        Ok(Self { min: delay + open, max: total.saturating_sub(open) })
    }

    /// When a pod is ended by force. A span without an end is one of an hour.
    fn grace(&self) -> Duration {
        (self.min + self.max).min(Duration::from_secs(3600)) + Duration::from_secs(10)
    }
}

/// A span in Go's notation, or in that of the Gateway API, which is a part of it.
fn parse_time(text: &str) -> Result<Duration, ()> {
    let duration: Result<api::duration::Duration, _> = text.parse();
    duration.map(api::duration::Duration::get).map_err(|_| ())
}

/// The image asked for; where only its place is, with our tag.
fn image(install: &Install, image: Option<String>, repository: Option<String>) -> String {
    match (image, repository) {
        (Some(image), _) => image,
        (None, Some(repository)) => {
            let ours = &install.image;
            let name = ours.rfind('/').map_or(0, |at| at + 1);
            let tag = ours[name..].find(['@', ':']).map_or("", |at| &ours[name + at..]);
            format!("{repository}{tag}")
        }
        (None, None) => install.image.clone(),
    }
}

/// The *restricted* Pod Security Standard, and what is asked for laid over it.
fn restricted(asked: Option<&Value>) -> Value {
    let ours = json!({
        "runAsNonRoot": true,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": { "type": "RuntimeDefault" },
        // So a listener's port is the container's port, 80 too, without a capability.
        "sysctls": [{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }],
    });
    merge::strategic(ours, asked.cloned().unwrap_or_default())
}

/// A new pod is ready before an old one goes.
fn one_more() -> Value {
    json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } })
}

/// A number or a percentage, as Kubernetes writes either.
pub(super) fn int_or_string(value: &IntOrString) -> Value {
    json!(value)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => Map::is_empty(map),
        _ => false,
    }
}

/// Who a proxy is inside its container: nobody.
const USER: u32 = 65532;
const PROBE_PORT: u16 = 15001;
const ADMIN_PORT: u16 = 15000;
const CA_VOLUME: &str = "portcullis-ca";
const CA_FOLDER: &str = "/var/run/portcullis/ca";
const TOKEN_VOLUME: &str = "portcullis-token";
const TOKEN_FOLDER: &str = "/var/run/portcullis/token";
const TOKEN_FILE: &str = "token";
const STATE_VOLUME: &str = "portcullis-state";
const STATE_FOLDER: &str = "/var/lib/portcullis";
