//! Whose Gateways are ours: by the controller name of their class.

use std::collections::BTreeMap;

use api::{
    condition::{ConditionStatus, ConditionType, Reason},
    gateway_class::{GatewayClass, GatewayClassStatus, SupportedFeature},
    kind::Kind,
    meta::NamespacedName,
    names::ANNOTATION_BUNDLE_VERSION,
};

use crate::{
    Installed, Mode,
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
    let known = version(reader.installed());
    let status = status(object, &found, &reader.settings.mode, known, &mut diagnostics);
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
    known: Finding,
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
    GatewayClassStatus {
        conditions: vec![
            accepted.condition(ConditionType::Accepted, generation),
            known.condition(ConditionType::SupportedVersion, generation),
        ],
        supported_features,
    }
}

/// Whether we know the definitions that are installed.
fn version(installed: Option<&Installed>) -> Finding {
    let understood = format!("Gateway API {RELEASE} is understood");
    match installed {
        None => Finding::yes(Reason::SupportedVersion, understood),
        Some(Installed::Release(Some(release))) if is_supported(release) => {
            let message = format!("{understood}, and {release} is installed");
            Finding::yes(Reason::SupportedVersion, message)
        }
        Some(Installed::Release(Some(release))) => {
            let message = format!(
                "{understood}, and {release} is installed: what is new there is not served"
            );
            Finding::no(Reason::UnsupportedVersion, message)
        }
        Some(Installed::Release(None)) => {
            let message = format!(
                "{understood}; which release is installed is not known, for its definition of \
                 GatewayClass has no annotation {ANNOTATION_BUNDLE_VERSION}"
            );
            Finding::no(Reason::UnsupportedVersion, message)
        }
        Some(Installed::Unreadable) => {
            let message = format!(
                "{understood}; which release is installed is not known: give our ServiceAccount \
                 the verb get on the customresourcedefinition of GatewayClass"
            );
            Finding { status: ConditionStatus::Unknown, reason: Reason::Pending, message }
        }
    }
}

/// Every release since v1.0.0 up to ours, whatever its patches.
fn is_supported(release: &str) -> bool {
    let mut numbers = release.strip_prefix('v').unwrap_or_default().split('.');
    let mut next = || numbers.next()?.parse::<u32>().ok();
    next() == Some(1) && next().is_some_and(|minor| minor <= MINOR)
}

/// The release that our rules are from,
const RELEASE: &str = "v1.7.0";
/// and the part of it that counts.
const MINOR: u32 = 7;

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
    fn a_release_is_known_by_its_number() {
        let release = |text: &str| Installed::Release(Some(text.to_owned()));
        for (installed, status) in [
            (None, ConditionStatus::True),
            (Some(release("v1.7.0")), ConditionStatus::True),
            (Some(release("v1.7.3")), ConditionStatus::True),
            (Some(release("v1.7.0-rc.1")), ConditionStatus::True),
            (Some(release("v1.0.0")), ConditionStatus::True),
            (Some(release("v1.8.0")), ConditionStatus::False),
            (Some(release("v2.0.0")), ConditionStatus::False),
            (Some(release("v0.8.1")), ConditionStatus::False),
            (Some(release("v0.0.0-dev")), ConditionStatus::False),
            (Some(release("")), ConditionStatus::False),
            (Some(release("v1")), ConditionStatus::False),
            (Some(Installed::Release(None)), ConditionStatus::False),
            (Some(Installed::Unreadable), ConditionStatus::Unknown),
        ] {
            let found = version(installed.as_ref());
            assert_eq!(found.status, status, "{installed:?}: {}", found.message);
            assert!(found.message.starts_with("Gateway API v1.7.0 is understood"));
        }
    }

    #[test]
    fn features_are_sorted_and_fit_into_the_status() {
        assert!(FEATURES.is_sorted());
        assert!(FEATURES.len() <= 64);
    }
}
