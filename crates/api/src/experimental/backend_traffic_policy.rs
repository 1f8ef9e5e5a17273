//! XBackendTrafficPolicy: retry budgets and session persistence of Services.

use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::meta::ObjectMeta;
use crate::policy::PolicyStatus;
use crate::reference::LocalObjectReference;
use crate::route::SessionPersistence;

/// Settings of the traffic to its targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XBackendTrafficPolicy {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: BackendTrafficPolicySpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PolicyStatus>,
}

/// What an [`XBackendTrafficPolicy`] wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTrafficPolicySpec {
    /// How many retries may be under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_constraint: Option<RetryConstraint>,
    /// How clients are kept on one endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
    /// The Services.
    pub target_refs: Vec<LocalObjectReference>,
}

/// Bounds retries in relation to all requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryConstraint {
    /// The share that retries may have.
    pub budget: BudgetDetails,
    /// What is allowed in any case.
    pub min_retry_rate: RequestRate,
}

/// The share of requests that may be retries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetDetails {
    /// Counted over this time.
    pub interval: Duration,
    /// Of a hundred.
    pub percent: u32,
}

impl Default for BudgetDetails {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10), percent: 20 }
    }
}

/// So many requests per time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRate {
    /// So many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Per this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

impl Default for RequestRate {
    fn default() -> Self {
        Self { count: Some(10), interval: Some(Duration::from_secs(1)) }
    }
}
