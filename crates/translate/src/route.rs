//! An HTTPRoute: where it is attached, its rules, and what it is told.
//!
//! The second of the two memoisable steps.

use std::{collections::BTreeSet, sync::Arc};

use api::{
    condition::Reason, http_route::HTTPRoute, kind::Kind, meta::NamespacedName, route::RouteStatus,
};
use ir::{Hostname, Id, Resource};

use crate::{
    attach::{self, Attachment, Wish},
    backend::BackendKey,
    diagnostics::{Diagnostic, Diagnostics},
    finding::Fault,
    order,
    reader::Reader,
    rule::{self, Notes},
    sorted::Sorted,
    status,
};

/// What the step gives.
#[derive(Default)]
pub(crate) struct RouteStep {
    pub(crate) ir: Vec<(Arc<str>, Resource)>,
    /// None when no parent is ours.
    pub(crate) status: Option<RouteStatus>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) trace: RouteTrace,
}

/// What aggregates over routes count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteTrace {
    /// Listeners that count the route, by Gateway and name.
    pub(crate) attached: Sorted<(NamespacedName, Arc<str>)>,
    /// Backends that must be there.
    pub(crate) backends: Sorted<BackendKey>,
    /// Services that are named, also in vain.
    pub(crate) services: Sorted<NamespacedName>,
    /// Gateways through which they are used.
    pub(crate) gateways: Sorted<NamespacedName>,
}

/// Translates one HTTPRoute.
pub(crate) fn route(reader: &mut Reader<'_>, name: &NamespacedName) -> RouteStep {
    let Some(object) = reader.object(|resources| &resources.http_routes, name) else {
        return RouteStep::default();
    };
    let mut diagnostics = Diagnostics::of(Kind::HTTPRoute, name);
    let spec = &object.spec;
    let hostnames = hostnames(&spec.hostnames);
    let wish = Wish {
        kind: Kind::HTTPRoute,
        namespace: &name.namespace,
        parents: &spec.parent_refs,
        default_gateways: Wish::defaults(spec.use_default_gateways.as_ref()),
        hostnames: hostnames.as_deref().unwrap_or_default(),
    };
    if spec.parent_refs.is_empty() && !wish.default_gateways {
        let message = "the route names no parent and is served nowhere: name a Gateway";
        diagnostics.warning("spec.parentRefs", Reason::NoMatchingParent, message);
    }
    let attachments = attach::attach(reader, &wish, &mut diagnostics);
    if attachments.is_empty() {
        return RouteStep { diagnostics: diagnostics.into_list(), ..RouteStep::default() };
    }
    let mut notes = Notes::default();
    if let Err(fault) = &hostnames {
        notes.whole = Some(fault.clone());
    }
    let route = Id::<ir::Route>::new(format!("HTTPRoute/{name}"));
    let rules = rule::rules(reader, object, &route, &mut notes);
    notes.report(&mut diagnostics);
    let verdict = status::route::verdict(&notes);
    let status =
        status::route::status(object, &attachments, &verdict, &reader.settings.controller_name);
    let trace = trace(&attachments, &notes, verdict.accepted.is_none());
    let listeners = listeners(&attachments);
    let mut ir = Vec::new();
    // Rules that answer 500 stand in the proxy also where the route is not accepted: without them,
    // a less specific route could let in whom they keep out.
    if let (Ok(hostnames), false) = (hostnames, listeners.is_empty()) {
        ir.push((route.key().name, whole(object, hostnames, listeners)));
        ir.extend(rules);
    }
    let trace =
        if ir.is_empty() { RouteTrace { backends: Sorted::default(), ..trace } } else { trace };
    RouteStep { ir, status: Some(status), diagnostics: diagnostics.into_list(), trace }
}

/// The hostnames that the route asks for.
///
/// # Errors
/// One that is none: leaving it out could make the route serve more than it should, or all.
fn hostnames(texts: &[String]) -> Result<Vec<Hostname>, Fault> {
    let one = |(index, text): (usize, &String)| {
        let error = match Hostname::parse(text) {
            Ok(hostname) if hostname != Hostname::Any => return Ok(hostname),
            Ok(_) => format!("{text:?} is no hostname"),
            Err(error) => error.to_string(),
        };
        let field = format!("spec.hostnames[{index}]");
        Err(Fault { reason: Reason::UnsupportedValue, field, message: error })
    };
    texts.iter().enumerate().map(one).collect()
}

/// The listeners in the proxy that serve the route, sorted.
fn listeners(attachments: &[Attachment<'_>]) -> Vec<Id<ir::Listener>> {
    let accepted = attachments.iter().filter_map(|attachment| attachment.outcome.as_ref().ok());
    let served = accepted.flatten().flat_map(|point| point.served.iter().cloned());
    served.collect::<BTreeSet<_>>().into_iter().collect()
}

fn whole(
    object: &HTTPRoute,
    hostnames: Vec<Hostname>,
    listeners: Vec<Id<ir::Listener>>,
) -> Resource {
    Resource::Route(Arc::new(ir::Route {
        listeners,
        hostnames,
        created: order::created(&object.metadata),
        namespace: object.metadata.namespace.clone(),
        name: object.metadata.name.clone(),
    }))
}

fn trace(attachments: &[Attachment<'_>], notes: &Notes, accepted: bool) -> RouteTrace {
    let taken = || {
        let taken = attachments.iter().filter(|attachment| attachment.outcome.is_ok());
        taken.map(|attachment| (&attachment.gateway, attachment.outcome.iter().flatten()))
    };
    let counted = taken().filter(|_| accepted);
    RouteTrace {
        attached: counted
            .flat_map(|(gateway, points)| {
                points.map(|point| (gateway.clone(), point.listener.clone()))
            })
            .collect(),
        backends: notes.backends.iter().cloned().collect(),
        services: notes.services.iter().cloned().collect(),
        gateways: taken().map(|(gateway, _)| gateway.clone()).collect(),
    }
}
