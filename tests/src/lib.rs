//! Tests of several rooms together, and the harness that reads `fixtures/` for them.
//!
//! [`decisions`] takes each request of a case through the same code that serves, but for sockets:
//! manifests, translation, table, normalised path, match, filters. [`statuses`] compares what
//! objects are told with what a case expects. The formats are those of `fixtures/README.md`. Left
//! out: what needs sockets or time.

mod compare;
mod expect;
mod fields;
mod fixture;
mod requests;
mod serve;
mod world;

pub use expect::statuses;
pub use fixture::{Case, cases};
pub use world::{World, example, worlds};

/// Compares every request of a case with its decision; what differs, one text for each.
///
/// # Errors
/// A case that cannot be read.
pub fn decisions(case: &Case, worlds: &[World]) -> Result<Vec<String>, String> {
    match case.read("requests.yaml")? {
        Some(text) => table(&case.place("requests.yaml"), &text, worlds),
        None => Ok(Vec::new()),
    }
}

/// Compares every request of a table, which lies at `place`.
///
/// # Errors
/// A table that cannot be read.
pub fn table(place: &str, text: &str, worlds: &[World]) -> Result<Vec<String>, String> {
    let requests = requests::parse(text).map_err(|error| format!("{place}: {error}"))?;
    let mut differences = Vec::new();
    for (number, request) in (1..).zip(&requests) {
        let found = worlds
            .get(request.step - 1)
            .ok_or_else(|| format!("there is no step {}", request.step))
            .and_then(|world| compare::request(world, request));
        let problems = found.unwrap_or_else(|error| vec![error]);
        if !problems.is_empty() {
            let problems = problems.join("\n    ");
            differences.push(format!("{place}: case {number}: {request}\n    {problems}"));
        }
    }
    Ok(differences)
}

#[cfg(test)]
mod tests;
