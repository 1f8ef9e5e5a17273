//! Whose Gateways are ours: by the controller name of their class.

use std::collections::BTreeMap;

use api::{
    condition::{ConditionType, Reason},
    gateway_class::{GatewayClass, GatewayClassStatus, SupportedFeature},
    kind::Kind,
    meta::NamespacedName,
};

use crate::{
    Mode,
    diagnostics::{Diagnostic, Diagnostics},
    finding::Finding,
    parameters::{self, Parameters},
    reader::Reader,
};

/// All classes, as far as Gateways depend on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(BTreeMap<NamespacedName, Class>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Ours; with its parameters, or the reason why it is refused.
    Ours(Result<Option<Parameters>, String>),
    /// Of that controller.
    Foreign(String),
}

/// What a class name says about a Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim<'a> {
    /// It is ours. The class may be refused, and why.
    Ours(Result<Option<&'a Parameters>, &'a str>),
    /// It is another controller's.
    Foreign(&'a str),
    /// There is no such class.
    Missing,
}

impl Classes {
    /// Puts a class in the place of an earlier one; none takes it out. Whether anything changed.
    pub(crate) fn put(&mut self, name: NamespacedName, class: Option<Class>) -> bool {
        let changed = self.0.get(&name) != class.as_ref();
        match class {
            Some(class) => drop(self.0.insert(name, class)),
            None => drop(self.0.remove(&name)),
        }
        changed
    }

    /// On a machine, every Gateway is ours while there is no class: files rarely hold one
    /// (DESIGN §7). In a cluster none is, since others may serve Gateways there too.
    pub(crate) fn claim(&self, name: &str, mode: &Mode) -> Claim<'_> {
        match self.0.get(&NamespacedName::new("", name)) {
            None if self.0.is_empty() && *mode != Mode::Cluster => Claim::Ours(Ok(None)),
            None => Claim::Missing,
            Some(Class::Foreign(controller)) => Claim::Foreign(controller),
            Some(Class::Ours(accepted)) => {
                Claim::Ours(accepted.as_ref().map(Option::as_ref).map_err(String::as_str))
            }
        }
    }
}

/// What the step gives.
#[derive(Default)]
pub(crate) struct ClassStep {
    /// None when there is no such class.
    pub(crate) class: Option<Class>,
    /// None when it is not ours.
    pub(crate) status: Option<GatewayClassStatus>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Looks at one class.
pub(crate) fn class(reader: &mut Reader<'_>, name: &NamespacedName) -> ClassStep {
    let Some(object) = reader.object(|resources| &resources.gateway_classes, name) else {
        return ClassStep::default();
    };
    if object.spec.controller_name != reader.settings.controller_name {
        let class = Some(Class::Foreign(object.spec.controller_name.clone()));
        return ClassStep { class, ..ClassStep::default() };
    }
    let mut diagnostics = Diagnostics::of(Kind::GatewayClass, name);
    let found = find(reader, object);
    let status = status(object, &found, &reader.settings.mode, &mut diagnostics);
    let found = found.map_err(|message| format!("{PARAMETERS}: {message}"));
    let class = Some(Class::Ours(found));
    ClassStep { class, status: Some(status), diagnostics: diagnostics.into_list() }
}

fn find(reader: &mut Reader<'_>, class: &GatewayClass) -> Result<Option<Parameters>, String> {
    let Some(reference) = &class.spec.parameters_ref else { return Ok(None) };
    let reference = parameters::Reference {
        group: &reference.group,
        kind: &reference.kind,
        namespace: reference.namespace.as_deref(),
        name: &reference.name,
    };
    let found = parameters::resolve(reader, &reference);
    found.map(Some)
}

fn status(
    class: &GatewayClass,
    found: &Result<Option<Parameters>, String>,
    mode: &Mode,
    diagnostics: &mut Diagnostics,
) -> GatewayClassStatus {
    let generation = class.metadata.generation();
    let accepted = match found {
        Ok(parameters) => {
            let mut message = "Gateways of this class are served".to_owned();
            if let Some(idle) = parameters.as_ref().and_then(|found| found.idle.as_ref()) {
                diagnostics.warning(PARAMETERS, Reason::UnsupportedValue, idle.as_str());
                message = format!("{message}; {idle}");
            }
            Finding::yes(Reason::Accepted, message)
        }
        Err(message) => {
            diagnostics.error(PARAMETERS, Reason::InvalidParameters, message.as_str());
            Finding::no(Reason::InvalidParameters, format!("{PARAMETERS}: {message}"))
        }
    };
    let served = FEATURES
        .iter()
        .filter(|name| accepted.holds() && (*mode == Mode::Cluster || !OF_CLUSTERS.contains(name)));
    let supported_features = served.map(|name| SupportedFeature { name: (*name).into() }).collect();
    let known = Finding::yes(Reason::SupportedVersion, "Gateway API v1.7.0 is understood");
    GatewayClassStatus {
        conditions: vec![
            accepted.condition(ConditionType::Accepted, generation),
            known.condition(ConditionType::SupportedVersion, generation),
        ],
        supported_features,
    }
}

/// What is served, by the names of the conformance suite, in alphabetical order.
const FEATURES: [&str; 38] = [
    "Gateway",
    "GatewayAddressEmpty",
    "GatewayFrontendClientCertificateValidation",
    "GatewayFrontendClientCertificateValidationInsecureFallback",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayInfrastructure",
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

const PARAMETERS: &str = "spec.parametersRef";
/// Those of them that need a cluster: on a machine nothing is generated.
const OF_CLUSTERS: [&str; 1] = ["GatewayInfrastructure"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_sorted_and_fit_into_the_status() {
        assert!(FEATURES.is_sorted());
        assert!(FEATURES.len() <= 64);
    }
}
