//! What a step may look at. Every look is recorded, also one that finds nothing, so that the step
//! is rerun when, and only when, something that it saw changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::{
    core::{
        config_map::ConfigMap, endpoint_slice::EndpointSlice, secret::Secret, service::Service,
    },
    kind::{Kind, ObjectKey},
    meta::{NamespacedName, StringMap},
    names::LABEL_NAMESPACE_NAME,
    object::Resource as ApiResource,
    reference_grant::ReferenceGrant,
    resources::{Resources, Store},
};

use crate::{
    Installed, Settings,
    address::Placement,
    attach::Offer,
    certificates::Parsed,
    class::{Claim, Classes},
};

/// Something that a step saw, or saw to be absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lookup {
    /// One object.
    Object(ObjectKey),
    /// All ReferenceGrants of a namespace.
    Grants(Arc<str>),
    /// All EndpointSlices of a Service.
    Slices(NamespacedName),
    /// What BackendTLSPolicies say about a Service.
    TlsWanted(NamespacedName),
    /// All GatewayClasses.
    Classes,
    /// The release of the Gateway API.
    Installed,
    /// The addresses of a Gateway.
    Placement(NamespacedName),
    /// Whether another Gateway has the names that one's objects would have.
    Rival(NamespacedName),
    /// What a Gateway offers to routes.
    Offer(NamespacedName),
    /// The Gateways that take routes without parents.
    DefaultGateways,
    /// The Gateways whose routes use a Service.
    Users(NamespacedName),
}

/// What earlier steps, or aggregates over many objects, found.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) classes: Classes,
    pub(crate) installed: Option<Installed>,
    pub(crate) placements: BTreeMap<NamespacedName, Arc<Placement>>,
    /// Gateways whose objects would be named as those of another one, with that one.
    pub(crate) rivals: BTreeMap<NamespacedName, NamespacedName>,
    pub(crate) offers: BTreeMap<NamespacedName, Arc<Offer>>,
    pub(crate) default_gateways: Vec<NamespacedName>,
    /// Services and their ports (all ports: none) to which a BackendTLSPolicy wants TLS.
    pub(crate) tls_wanted: BTreeMap<NamespacedName, BTreeSet<Option<String>>>,
    /// How many routes of a Gateway use a Service.
    pub(crate) users: BTreeMap<NamespacedName, BTreeMap<NamespacedName, u32>>,
}

/// The eyes of one step.
pub(crate) struct Reader<'a> {
    pub(crate) settings: &'a Settings,
    resources: &'a Resources,
    facts: &'a Facts,
    parsed: &'a mut Parsed,
    seen: BTreeSet<Lookup>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        resources: &'a Resources,
        facts: &'a Facts,
        parsed: &'a mut Parsed,
    ) -> Self {
        Self { settings, resources, facts, parsed, seen: BTreeSet::new() }
    }

    pub(crate) fn into_seen(self) -> BTreeSet<Lookup> {
        self.seen
    }

    /// An object from its map, which `of` picks.
    pub(crate) fn object<T: ApiResource>(
        &mut self,
        of: impl FnOnce(&'a Resources) -> &'a Store<T>,
        name: &NamespacedName,
    ) -> Option<&'a Arc<T>> {
        self.saw(T::KIND, name);
        of(self.resources).get(name)
    }

    pub(crate) fn service(&mut self, name: &NamespacedName) -> Option<&'a Arc<Service>> {
        self.object(|resources| &resources.services, name)
    }

    pub(crate) fn secret(&mut self, name: &NamespacedName) -> Option<&'a Arc<Secret>> {
        self.object(|resources| &resources.secrets, name)
    }

    pub(crate) fn config_map(&mut self, name: &NamespacedName) -> Option<&'a Arc<ConfigMap>> {
        self.object(|resources| &resources.config_maps, name)
    }

    /// The labels of a namespace. Every namespace exists, with its own name as a label (DESIGN §7).
    pub(crate) fn namespace_labels(&mut self, namespace: &str) -> StringMap {
        let name = NamespacedName::new("", namespace);
        let object = self.object(|resources| &resources.namespaces, &name);
        let mut labels = object.map(|object| object.metadata.labels.clone()).unwrap_or_default();
        labels.insert(LABEL_NAMESPACE_NAME.to_owned(), namespace.to_owned());
        labels
    }

    pub(crate) fn grants(&mut self, namespace: &str) -> Vec<&'a Arc<ReferenceGrant>> {
        self.seen.insert(Lookup::Grants(namespace.into()));
        self.resources.reference_grants.in_namespace(namespace).collect()
    }

    pub(crate) fn slices(&mut self, service: &NamespacedName) -> Vec<&'a Arc<EndpointSlice>> {
        self.seen.insert(Lookup::Slices(service.clone()));
        self.resources.endpoint_slices.of_service(service).collect()
    }

    /// Whether a BackendTLSPolicy wants TLS to the port of that name.
    pub(crate) fn tls_wanted(&mut self, service: &NamespacedName, port: Option<&str>) -> bool {
        self.seen.insert(Lookup::TlsWanted(service.clone()));
        let wanted = self.facts.tls_wanted.get(service);
        wanted.is_some_and(|sections| {
            sections.iter().any(|section| section.is_none() || section.as_deref() == port)
        })
    }

    pub(crate) fn claim(&mut self, class: &str) -> Claim<'a> {
        self.seen.insert(Lookup::Classes);
        self.facts.classes.claim(class, &self.settings.mode)
    }

    pub(crate) fn installed(&mut self) -> Option<&'a Installed> {
        self.seen.insert(Lookup::Installed);
        self.facts.installed.as_ref()
    }

    pub(crate) fn placement(&mut self, gateway: &NamespacedName) -> Option<&'a Arc<Placement>> {
        self.seen.insert(Lookup::Placement(gateway.clone()));
        self.facts.placements.get(gateway)
    }

    /// The Gateway that has the names which the objects of this one would have.
    pub(crate) fn rival(&mut self, gateway: &NamespacedName) -> Option<&'a NamespacedName> {
        self.seen.insert(Lookup::Rival(gateway.clone()));
        self.facts.rivals.get(gateway)
    }

    /// What a Gateway offers, if it is ours.
    pub(crate) fn offer(&mut self, gateway: &NamespacedName) -> Option<&'a Arc<Offer>> {
        self.seen.insert(Lookup::Offer(gateway.clone()));
        self.facts.offers.get(gateway)
    }

    pub(crate) fn default_gateways(&mut self) -> &'a [NamespacedName] {
        self.seen.insert(Lookup::DefaultGateways);
        &self.facts.default_gateways
    }

    pub(crate) fn users(
        &mut self,
        service: &NamespacedName,
    ) -> impl Iterator<Item = &'a NamespacedName> + use<'a> {
        self.seen.insert(Lookup::Users(service.clone()));
        self.facts.users.get(service).into_iter().flat_map(BTreeMap::keys)
    }

    /// What was parsed before, for objects whose parsing costs.
    pub(crate) fn parsed(&mut self) -> &mut Parsed {
        self.parsed
    }

    fn saw(&mut self, kind: Kind, name: &NamespacedName) {
        self.seen.insert(Lookup::Object(ObjectKey { kind, name: name.clone() }));
    }
}
