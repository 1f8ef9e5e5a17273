//! Classes, Gateways and routes of a cluster, as tables.

use std::fmt::Write as _;

use super::{
    BAD, DIM, GOOD, WARN,
    table::{Cell, Table},
};
use crate::cmd::status::{GatewayLine, Overview, ParentLine, RouteLine, State};

/// Three tables, and what is wrong with the rest.
pub(crate) fn text(overview: &Overview) -> String {
    let Overview { classes, gateways, routes, problems } = overview;
    let mut table = Table::new(&["CLASS", "CONTROLLER", "STATE"]);
    for class in classes {
        table.row([(&*class.name).into(), (&*class.controller).into(), cell(&class.state)]);
    }
    let mut text = section(&table, "no GatewayClass");
    let mut table =
        Table::new(&["GATEWAY", "CLASS", "ADDRESS", "LISTENER", "HOST", "ROUTES", "STATE"]);
    gateways.iter().for_each(|gateway| gateway_rows(gateway, &mut table));
    text += &section(&table, "no Gateway");
    let mut table = Table::new(&["ROUTE", "HOSTS", "PARENT", "STATE"]);
    routes.iter().for_each(|route| route_rows(route, &mut table));
    text += &section(&table, "no route");
    for problem in problems {
        let style = if problem.is_error() { BAD } else { WARN };
        let _ = writeln!(text, "{style}{}{style:#}: {problem}", problem.severity);
    }
    text
}

fn section(table: &Table, none: &str) -> String {
    match table.is_empty() {
        true => format!("{DIM}{none}{DIM:#}\n\n"),
        false => format!("{table}\n"),
    }
}

/// A row for each listener; what is the Gateway's own stands in the first.
fn gateway_rows(gateway: &GatewayLine, table: &mut Table) {
    let addresses = match gateway.addresses.is_empty() {
        true => "-".to_owned(),
        false => gateway.addresses.join(", "),
    };
    let head = [gateway.name.to_string(), gateway.class.clone(), addresses];
    for (number, listener) in gateway.listeners.iter().enumerate() {
        let [name, class, addresses] = match number {
            0 => head.clone(),
            _ => Default::default(),
        };
        // What stops a listener is its own mistake first, else that of the whole Gateway.
        let state = if listener.state.ready { &gateway.state } else { &listener.state };
        table.row([
            name.into(),
            class.into(),
            addresses.into(),
            format!("{} {}:{}", listener.name, listener.protocol, listener.port).into(),
            (&*listener.hostname).into(),
            listener.attached_routes.to_string().into(),
            cell(state),
        ]);
    }
    if gateway.listeners.is_empty() {
        let [name, class, addresses] = head;
        let none = || Cell::from("-");
        let cells = [name.into(), class.into(), addresses.into(), none(), none(), none()];
        table.row(cells.into_iter().chain([cell(&gateway.state)]));
    }
}

/// A row for each parent.
fn route_rows(route: &RouteLine, table: &mut Table) {
    let hosts =
        if route.hostnames.is_empty() { "*".to_owned() } else { route.hostnames.join(", ") };
    let head = [format!("{} {}", route.kind, route.name), hosts];
    for (number, ParentLine { parent, state, .. }) in route.parents.iter().enumerate() {
        let [name, hosts] = if number == 0 { head.clone() } else { Default::default() };
        table.row([name.into(), hosts.into(), (&**parent).into(), cell(state)]);
    }
    if route.parents.is_empty() {
        let [name, hosts] = head;
        let why = Cell::styled("it names no parent", WARN);
        table.row([name.into(), hosts.into(), "-".into(), why]);
    }
}

fn cell(state: &State) -> Cell {
    match state.ready {
        true => Cell::styled("ready", GOOD),
        false => Cell::styled(format!("{}: {}", state.reason, state.message), BAD),
    }
}
