//! Whose Gateways are ours: by the controller name of their class.

use std::collections::BTreeMap;

use api::{
    condition::{ConditionType, Reason},
    gateway_class::{GatewayClass, GatewayClassStatus, SupportedFeature},
    resources::Resources,
};

use crate::{diagnostics::Diagnostics, finding::Finding};

/// All classes, as far as Gateways depend on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(BTreeMap<String, Class>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Class {
    /// Ours; with the reason why it is refused.
    Ours(Result<(), String>),
    /// Of that controller.
    Foreign(String),
}

/// What a class name says about a Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim<'a> {
    /// It is ours. The class may be refused, and why.
    Ours(Result<(), &'a str>),
    /// It is another controller's.
    Foreign(&'a str),
    /// There are classes, but not this one.
    Missing,
}

impl Classes {
    pub(crate) fn new(resources: &Resources, controller_name: &str) -> Self {
        let classes = resources.gateway_classes.iter().map(|(name, class)| {
            let class = if class.spec.controller_name == controller_name {
                Class::Ours(refusal(class).map_or(Ok(()), Err))
            } else {
                Class::Foreign(class.spec.controller_name.clone())
            };
            (name.name.to_string(), class)
        });
        Self(classes.collect())
    }

    /// Without any class, every Gateway is ours: files rarely hold one (DESIGN §7).
    pub(crate) fn claim(&self, name: &str) -> Claim<'_> {
        match self.0.get(name) {
            None if self.0.is_empty() => Claim::Ours(Ok(())),
            None => Claim::Missing,
            Some(Class::Foreign(controller)) => Claim::Foreign(controller),
            Some(Class::Ours(accepted)) => {
                Claim::Ours(accepted.as_ref().copied().map_err(String::as_str))
            }
        }
    }
}

/// What our class is told.
pub(crate) fn status(class: &GatewayClass, diagnostics: &mut Diagnostics) -> GatewayClassStatus {
    let generation = class.metadata.generation();
    let accepted = match refusal(class) {
        None => Finding::yes(Reason::Accepted, "Gateways of this class are served"),
        Some(message) => {
            diagnostics.error("spec.parametersRef", Reason::InvalidParameters, message.as_str());
            Finding::no(Reason::InvalidParameters, message)
        }
    };
    let supported_features = match accepted.holds() {
        true => FEATURES.iter().map(|name| SupportedFeature { name: (*name).into() }).collect(),
        false => Vec::new(),
    };
    let known = Finding::yes(Reason::SupportedVersion, "Gateway API v1.7.0 is understood");
    GatewayClassStatus {
        conditions: vec![
            accepted.condition(ConditionType::Accepted, generation),
            known.condition(ConditionType::SupportedVersion, generation),
        ],
        supported_features,
    }
}

/// No kind of parameters is read yet, so every reference leads nowhere.
fn refusal(class: &GatewayClass) -> Option<String> {
    let parameters = class.spec.parameters_ref.as_ref()?;
    Some(format!(
        "spec.parametersRef: parameters of kind {} are not served: remove the reference",
        parameters.kind
    ))
}

/// What is served, by the names of the conformance suite, in alphabetical order.
const FEATURES: [&str; 37] = [
    "Gateway",
    "GatewayAddressEmpty",
    "GatewayFrontendClientCertificateValidation",
    "GatewayFrontendClientCertificateValidationInsecureFallback",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayPort8080",
    "GatewayRouteHostnameIntersectionPrecedence",
    "GatewayStaticAddresses",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteBackendURLRewrite",
    "HTTPRouteCORS",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror",
    "HTTPRouteRequestMultipleMirrors",
    "HTTPRouteRequestPercentageMirror",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteRetryCodes",
    "HTTPRouteRetryConnectionError",
    "HTTPRouteSchemeRedirect",
    "ReferenceGrant",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_sorted_and_fit_into_the_status() {
        assert!(FEATURES.is_sorted());
        assert!(FEATURES.len() <= 64);
    }
}
