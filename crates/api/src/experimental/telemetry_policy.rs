//! XTelemetryPolicy: tracing of Gateways.

use serde::{Deserialize, Serialize};

use crate::filter::{Fraction, HTTPHeader};
use crate::meta::ObjectMeta;
use crate::policy::PolicyStatus;
use crate::reference::{BackendObjectReference, LocalObjectReference};

/// What Gateways tell about requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XTelemetryPolicy {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: TelemetryPolicySpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PolicyStatus>,
}

/// What an [`XTelemetryPolicy`] wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelemetryPolicySpec {
    /// The Gateways.
    pub target_refs: Vec<LocalObjectReference>,
    /// Distributed tracing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing: Option<TracingConfig>,
}

/// Distributed tracing. Everything but `mode` belongs to mode `Enabled`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TracingConfig {
    /// Added to every span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<Attribute>>,
    /// Whether spans are written.
    pub mode: TelemetryMode,
    /// Whether the caller's sampling decision counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_based_sampling: Option<ParentBasedSampling>,
    /// Who takes the spans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<TracingProvider>,
    /// Share of new traces that are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling_rate: Option<Fraction>,
    /// The resource's `service.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Name of the spans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_name: Option<String>,
}

/// Whether something is done. It serves as the Go API's `TracingMode` and
/// `ParentBasedSamplingMode`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TelemetryMode {
    /// Yes.
    Enabled,
    /// No.
    Disabled,
    /// As the implementation likes.
    #[default]
    ImplementationDefault,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Who takes the spans, over OTLP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TracingProvider {
    /// The collector.
    pub backend_ref: BackendObjectReference,
    /// Headers of the export requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HTTPHeader>,
}

/// Whether the caller's sampling decision counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParentBasedSampling {
    /// Whether it does.
    pub mode: TelemetryMode,
    /// Share of the callers' traces that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling_rate: Option<Fraction>,
}

/// A tag on every span. Exactly the member that `source_type` names is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// A standard OpenTelemetry attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_key: Option<String>,
    /// A header of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_name: Option<String>,
    /// A fixed value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal_value: Option<String>,
    /// Name of the tag.
    pub name: String,
    /// Which of the members counts.
    pub source_type: AttributeSourceType,
}

/// The kinds of [`Attribute`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeSourceType {
    /// `headerName`
    Header,
    /// `literalValue`
    Literal,
    /// `attributeKey`
    Attribute,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}
