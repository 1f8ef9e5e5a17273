//! What is served, and what is wrong, as tables.

use std::{fmt::Write as _, net::IpAddr, sync::Arc};

use api::{
    condition::{Condition, ConditionStatus, ConditionType},
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
};
use controller::Report;
use translate::ObjectStatus;

use super::{
    BAD, DIM, GOOD, HEAD, WARN, count,
    table::{Cell, Table},
};

/// Which listener is served where, and which is not, and why.
pub(crate) fn serving(report: &Report, port_offset: u16) -> String {
    let mut table = Table::new(&["GATEWAY", "LISTENER", "HOST", "SOCKET", "ROUTES", "STATE"]);
    for (name, gateway) in report.resources.gateways.iter() {
        let key = ObjectKey { kind: Kind::Gateway, name: name.clone() };
        let Some(ObjectStatus::Gateway(status)) = report.output.status.get(&key) else { continue };
        for listener in &gateway.spec.listeners {
            let Some(found) = status.listeners.iter().find(|s| s.name == listener.name) else {
                continue;
            };
            let sockets = sockets(&report.output.ir, name, &listener.name, port_offset);
            let socket = match sockets.is_empty() {
                true => "-".to_owned(),
                false => format!("{} {}", listener.protocol, sockets.join(", ")),
            };
            table.row([
                name.to_string().into(),
                listener.name.as_str().into(),
                Cell::from(listener.hostname.as_deref().unwrap_or("*")),
                socket.into(),
                found.attached_routes.to_string().into(),
                state(&found.conditions, &status.conditions),
            ]);
        }
    }
    let mut text = match (table.is_empty(), report.resources.gateways.is_empty()) {
        (false, _) => table.to_string(),
        (true, true) => format!("{WARN}no Gateway is served{WARN:#}: the files hold none\n"),
        (true, false) => {
            format!("{WARN}no Gateway is served{WARN:#}: the files hold none of a class of ours\n")
        }
    };
    text += &ignored(report);
    let (errors, warnings) = tally(report);
    if errors + warnings > 0 {
        let _ = writeln!(
            text,
            "{WARN}{}, {}{WARN:#}: the log names them",
            count(errors, "error"),
            count(warnings, "warning")
        );
    }
    text
}

/// Where a listener stands: once for each address of its Gateway that it could have.
fn sockets(
    snapshot: &ir::Snapshot,
    gateway: &NamespacedName,
    listener: &str,
    port_offset: u16,
) -> Vec<String> {
    let plain = format!("{gateway}/{listener}");
    let stands = |id: &ir::Id<ir::Listener>| {
        let rest = id.as_str().strip_prefix(&plain);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    };
    let own = snapshot.listeners.iter().filter(|(id, _)| stands(id));
    let binds = own.filter_map(|(_, listener)| snapshot.binds.get(&listener.bind));
    let socket = |bind: &Arc<ir::Bind>| {
        let port = u32::from(bind.port) + u32::from(port_offset);
        match bind.address {
            None => format!("*:{port}"),
            Some(IpAddr::V4(address)) => format!("{address}:{port}"),
            Some(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        }
    };
    binds.map(socket).collect()
}

/// Every problem, and a last line that says how many.
pub(crate) fn check(report: &Report) -> String {
    let mut table = Table::new(&["PLACE", "", "OBJECT", "FIELD", "WHAT"]);
    for problem in &report.problems {
        let style = if problem.is_error() { BAD } else { WARN };
        table.row([
            problem.place.as_deref().unwrap_or("-").into(),
            Cell::styled(problem.severity, style),
            problem.object.as_deref().unwrap_or("-").into(),
            problem.field.as_str().into(),
            problem.message.as_str().into(),
        ]);
    }
    let mut text = if table.is_empty() { String::new() } else { format!("{table}\n") };
    text += &ignored(report);
    let objects = report.resources.objects().count();
    if objects == 0 && report.problems.is_empty() && report.ignored.is_empty() {
        let _ =
            writeln!(text, "{WARN}nothing to check{WARN:#}: no .yaml, .yml or .json file is there");
    }
    let (errors, warnings) = tally(report);
    let (style, word) = if errors == 0 { (GOOD, "ok") } else { (BAD, "failed") };
    let _ = writeln!(
        text,
        "{style}{word}{style:#}: {}, {}, {}",
        count(objects, "object"),
        count(errors, "error"),
        count(warnings, "warning")
    );
    text
}

fn ignored(report: &Report) -> String {
    if report.ignored.is_empty() {
        return String::new();
    }
    let mut text = format!("{HEAD}Kinds that are not read:{HEAD:#}\n");
    for ignored in &report.ignored {
        let _ = writeln!(text, "  {} {DIM}{}{DIM:#}", ignored.object, ignored.source);
    }
    text
}

fn tally(report: &Report) -> (usize, usize) {
    let errors = report.problems.iter().filter(|problem| problem.is_error()).count();
    (errors, report.problems.len() - errors)
}

/// One word, or what stands in the way: the listener's own mistake, else that of the whole Gateway,
/// else what the proxy says.
fn state(listener: &[Condition], gateway: &[Condition]) -> Cell {
    let fault = |conditions: &[Condition], type_: ConditionType| {
        let of = conditions.iter().find(|of| of.type_ == type_.as_str());
        of.filter(|of| of.status != ConditionStatus::True)
            .map(|of| format!("{}: {}", of.reason, of.message))
    };
    let why = fault(listener, ConditionType::Accepted)
        .or_else(|| fault(listener, ConditionType::ResolvedRefs))
        .or_else(|| fault(gateway, ConditionType::Accepted))
        .or_else(|| fault(listener, ConditionType::Programmed));
    match why {
        Some(why) => Cell::styled(why, BAD),
        None => Cell::styled("ready", GOOD),
    }
}

#[cfg(test)]
mod tests {
    use translate::Settings;

    use super::*;

    fn serve(manifests: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.yaml"), manifests).unwrap();
        let report = controller::load(&[dir.path().to_owned()], &Settings::default());
        anstream::adapter::strip_str(&serving(&report, 1000)).to_string()
    }

    #[test]
    fn each_listener_has_a_row_with_all_its_sockets_and_its_own_state() {
        let text = serve(
            "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: portcullis
  addresses: [{value: 127.0.0.2}, {value: '::1'}]
  listeners: [{name: http, port: 80, protocol: HTTP}, {name: bare, port: 443, protocol: HTTPS}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: odd}
spec:
  gatewayClassName: portcullis
  infrastructure: {parametersRef: {group: a.example, kind: Odd, name: x}}
  listeners: [{name: http, port: 80, protocol: HTTP}]
",
        );
        let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_default();
        let http = row("default/gw    http");
        assert!(http.contains("HTTP 127.0.0.2:1080, [::1]:1080"), "{text}");
        assert!(http.ends_with("ready"), "{text}");
        assert!(row("bare").contains("tls.certificateRefs is missing"), "{text}");
        assert!(row("default/odd").contains("parameters of kind Odd"), "{text}");
    }

    #[test]
    fn nothing_served_is_said() {
        assert!(serve("").contains("no Gateway is served: the files hold none\n"));
        let foreign = serve(
            "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: x}, \
             spec: {controllerName: example.com/other}}\n---\n\
             {apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw}, \
             spec: {gatewayClassName: x, listeners: [{name: http, port: 80, protocol: HTTP}]}}",
        );
        assert!(foreign.contains("none of a class of ours"), "{foreign}");
    }
}
