//! How many proxies there are, and how many may be away at once.

use serde_json::{Value, json};

use super::{Maker, RenderError, pods::int_or_string};

impl Maker<'_> {
    /// By default one may be away. So a node with the only proxy can still be drained, and of
    /// several the others stay.
    pub(super) fn budget(&self) -> Result<Option<Value>, RenderError> {
        let asked = self.kubernetes.envoy_pdb.clone();
        // Kubernetes counts no DaemonSet, so that only a plain number of those that stay can hold.
        let counted = self.kubernetes.envoy_daemon_set.is_none();
        if asked.is_none() && !counted {
            return Ok(None);
        }
        let wishes = asked.unwrap_or_default();
        let mut spec = json!({
            "selector": { "matchLabels": self.selector() },
            // A proxy that is not ready is no loss, and must not hold a drain up.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        });
        match (&wishes.min_available, &wishes.max_unavailable) {
            (Some(min), _) => spec["minAvailable"] = int_or_string(min),
            (None, Some(max)) => spec["maxUnavailable"] = int_or_string(max),
            (None, None) => spec["maxUnavailable"] = 1.into(),
        }
        let name = wishes.name.as_deref().unwrap_or(&self.name);
        let rest = json!({ "spec": spec });
        let object = self.made("policy/v1", "PodDisruptionBudget", name, rest);
        self.patched("PodDisruptionBudget", object, wishes.patch.as_ref()).map(Some)
    }

    pub(super) fn autoscaler(&self) -> Result<Option<Value>, RenderError> {
        let Some(wishes) = &self.kubernetes.envoy_hpa else { return Ok(None) };
        let mut spec = json!({
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": self.deployment_name(),
            },
            "maxReplicas": wishes.max_replicas,
            "metrics": wishes.metrics,
        });
        if wishes.metrics.is_empty() {
            spec["metrics"] = json!([{ "type": "Resource", "resource": {
                "name": "cpu",
                "target": { "type": "Utilization", "averageUtilization": 80 },
            }}]);
        }
        if let Some(min) = wishes.min_replicas {
            spec["minReplicas"] = min.into();
        }
        if let Some(behavior) = &wishes.behavior {
            spec["behavior"] = behavior.clone();
        }
        let name = wishes.name.as_deref().unwrap_or(&self.name);
        let rest = json!({ "spec": spec });
        let object = self.made("autoscaling/v2", "HorizontalPodAutoscaler", name, rest);
        self.patched("HorizontalPodAutoscaler", object, wishes.patch.as_ref()).map(Some)
    }
}
