//! What is found out about a request, as a page to read from top to bottom.

use std::fmt::Write as _;

use ir::{Match, PathMatch, ValueMatch};
use router::explain::{Candidate, Explanation, ShareOf, Winner};

use super::{BAD, DIM, GOOD, HEAD, WARN, filter};
use crate::cmd::Found;

/// The page.
pub(crate) fn text(found: &Found) -> String {
    let mut text = String::new();
    line(&mut text, "request", &found.request);
    if let Some(explanation) = &found.explanation {
        line(&mut text, "matched as", &format!("{}{}", explanation.host, explanation.path));
        match &explanation.listener {
            Some(won) => line(&mut text, "listener", &format!("{} ({})", won.id, won.hostname)),
            None => line(&mut text, "listener", &bad("none answers for this host")),
        }
        match &explanation.winner {
            Some(winner) => won(&mut text, winner),
            None => line(&mut text, "rule", &bad("none matches")),
        }
    }
    if let Some(refused) = &found.refused {
        line(&mut text, "refused", &bad(refused));
    }
    if let Some(forwarded) = &found.forwarded {
        line(&mut text, "forwarded as", forwarded);
    }
    match (found.status, &found.location) {
        (Some(status), Some(location)) => {
            line(&mut text, "answer", &format!("{WARN}{status}{WARN:#} to {location}"));
        }
        (Some(status), None) => line(&mut text, "answer", &bad(&status.to_string())),
        (None, _) => {}
    }
    if let Some(explanation) = &found.explanation {
        lost(&mut text, explanation);
    }
    text
}

fn won(text: &mut String, winner: &Winner) {
    let rule = &winner.candidate.rule;
    let name = winner.candidate.name.as_deref().map(|name| format!(" ({name})"));
    let name = name.unwrap_or_default();
    line(text, "rule", &format!("{GOOD}{rule}{GOOD:#}{name}"));
    line(text, "by match", &candidate(&winner.candidate));
    for filter in &winner.filters {
        line(text, "filter", &filter::sentence(filter));
    }
    if let Some(failure) = &winner.failure {
        line(text, "fails", &bad(filter::cause(*failure)));
    }
    for share in &winner.backends {
        line(text, "backend", &share_of(share));
    }
}

fn share_of(share: &ShareOf) -> String {
    let ShareOf { backend, invalid, requests, of, filters } = share;
    let who = match (backend, invalid) {
        (Some(backend), _) => backend.to_string(),
        (None, Some(invalid)) => bad(&format!("{invalid:?}: answers 500")),
        (None, None) => bad("no one: answers 500"),
    };
    let filters =
        filters.iter().fold(String::new(), |all, one| format!("{all}; {}", filter::sentence(one)));
    format!("{who} {DIM}{requests} of {of}{DIM:#}{filters}")
}

fn lost(text: &mut String, explanation: &Explanation) {
    if explanation.near_misses.is_empty() {
        return;
    }
    let _ = writeln!(text, "{HEAD}near misses{HEAD:#}");
    for miss in &explanation.near_misses {
        let of = candidate(&miss.candidate);
        let _ = writeln!(text, "  {} {DIM}{of}{DIM:#}: {}", miss.candidate.rule, miss.lost);
    }
    if explanation.others > 0 {
        let _ = writeln!(text, "  {DIM}and {} more{DIM:#}", explanation.others);
    }
}

/// Hostname and match in one line.
fn candidate(candidate: &Candidate) -> String {
    format!("{} {}", candidate.hostname, condition(&candidate.wanted))
}

fn condition(wanted: &Match) -> String {
    let mut text = match &wanted.path {
        PathMatch::Exact(path) => format!("Exact {path}"),
        PathMatch::Prefix(path) => format!("PathPrefix {path}"),
        PathMatch::Regex(regex) => format!("RegularExpression {}", regex.as_str()),
    };
    if let Some(method) = &wanted.method {
        let _ = write!(text, ", {method}");
    }
    for header in &wanted.headers {
        let _ = write!(text, ", {}: {}", header.name, value(&header.value));
    }
    for parameter in &wanted.query {
        let _ = write!(text, ", ?{}={}", parameter.name, value(&parameter.value));
    }
    text
}

fn value(wanted: &ValueMatch) -> String {
    match wanted {
        ValueMatch::Exact(text) => text.to_string(),
        ValueMatch::Regex(regex) => format!("~{}", regex.as_str()),
    }
}

fn bad(what: &str) -> String {
    format!("{BAD}{what}{BAD:#}")
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{HEAD}{name:<13}{HEAD:#}{value}");
}
