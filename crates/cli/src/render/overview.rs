//! What is served, and what is wrong, as tables.

use std::fmt::Write as _;

use api::{
    condition::{Condition, ConditionStatus, ConditionType},
    kind::{Kind, ObjectKey},
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
            let id = ir::Id::new(format!("{name}/{}", listener.name));
            let bind = report
                .output
                .ir
                .listeners
                .get(&id)
                .and_then(|listener| report.output.ir.binds.get(&listener.bind));
            let socket = bind.map_or("-".to_owned(), |bind| {
                let address = bind.address.map_or("*".to_owned(), |a| a.to_string());
                let port = u32::from(bind.port) + u32::from(port_offset);
                format!("{} {address}:{port}", listener.protocol)
            });
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
    let mut text = if table.is_empty() {
        format!("{WARN}no Gateway is served{WARN:#}: the files hold none of a class of ours\n")
    } else {
        table.to_string()
    };
    text += &ignored(report);
    let (errors, warnings) = tally(report);
    if errors + warnings > 0 {
        let _ = writeln!(
            text,
            "{WARN}{}, {}{WARN:#}: `portcullis check` lists them",
            count(errors, "error"),
            count(warnings, "warning")
        );
    }
    text
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

/// One word, and the sentence of the condition that stands in the way.
fn state(listener: &[Condition], gateway: &[Condition]) -> Cell {
    let bad = |conditions: &[Condition]| {
        conditions
            .iter()
            .find(|condition| {
                let wanted = [
                    ConditionType::Accepted,
                    ConditionType::ResolvedRefs,
                    ConditionType::Programmed,
                ];
                wanted.iter().any(|of| of.as_str() == condition.type_)
                    && condition.status != ConditionStatus::True
            })
            .map(|condition| format!("{}: {}", condition.reason, condition.message))
    };
    match bad(listener).or_else(|| bad(gateway)) {
        Some(why) => Cell::styled(why, BAD),
        None => Cell::styled("ready", GOOD),
    }
}
