//! The figures as text: tables with ratios, the gates, and under which conditions it all was found.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, ensure};

use crate::{
    gates::Verdict,
    peer::Peer,
    series::{Series, What},
    traffic::Conditions,
};

/// A whole run.
pub(crate) struct Report {
    /// What runs, what it runs on, and when.
    pub(crate) machine: String,
    pub(crate) versions: Vec<(Peer, String)>,
    pub(crate) rounds: u8,
    pub(crate) conditions: Vec<Conditions>,
    pub(crate) series: Vec<Series>,
    pub(crate) verdicts: Vec<Verdict>,
}

impl Report {
    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n\n| proxy | version |\n|---|---|\n", self.machine);
        for (peer, version) in &self.versions {
            text += &format!("| {peer} | {version} |\n");
        }
        self.write_conditions(&mut text);
        for (title, belongs) in SECTIONS {
            let mut rows = self.series.iter().filter(|series| belongs(series.what)).peekable();
            if rows.peek().is_some() {
                let _ = write!(text, "\n### {title}\n\n");
                self.write_table(&mut text, rows);
            }
        }
        self.write_gates(&mut text);
        text
    }

    fn write_conditions(&self, text: &mut String) {
        if self.conditions.is_empty() {
            return;
        }
        *text += "\n| protocol | requests/s, for all | of what the generator can do | \
                  others on the proxies' core, at worst |\n|---|---|---|---|\n";
        for one in &self.conditions {
            let Conditions { protocol, rate, foreign, .. } = one;
            let share = 100.0 * one.of_generator;
            let _ = writeln!(text, "| {protocol} | {rate:.0} | {share:.0} % | {foreign:.0} % |");
        }
    }

    fn write_table<'a>(&self, text: &mut String, rows: impl Iterator<Item = &'a Series>) {
        let peers = self.versions.iter().map(|(peer, _)| *peer);
        let others: Vec<Peer> = peers.clone().filter(|peer| *peer != Peer::Portcullis).collect();
        *text += "| |";
        for peer in peers.clone() {
            let _ = write!(text, " {peer} |");
        }
        for peer in &others {
            let _ = write!(text, " ours / {peer} |");
        }
        let columns = 1 + self.versions.len() + others.len();
        let _ = write!(text, "\n|{}\n", "---|".repeat(columns));
        for series in rows {
            let _ = write!(text, "| {}, {} |", series.what.label(), series.what.unit());
            for peer in peers.clone() {
                match series.of(peer) {
                    None => *text += " – |",
                    Some(figure) if self.rounds == 1 || figure.most == figure.least => {
                        let _ = write!(text, " {} |", number(figure.median));
                    }
                    Some(figure) => {
                        let (median, spread) = (number(figure.median), figure.spread());
                        let _ = write!(text, " {median} ±{spread:.0} % |");
                    }
                }
            }
            for peer in &others {
                match series.ratio(*peer) {
                    None => *text += " – |",
                    Some(ratio) => {
                        let _ = write!(text, " {ratio:.2} |");
                    }
                }
            }
            *text += "\n";
        }
    }

    fn write_gates(&self, text: &mut String) {
        if self.verdicts.is_empty() {
            return;
        }
        *text += "\n### Gates\n\n| what | beside | at most | found | |\n|---|---|---|---|---|\n";
        for verdict in &self.verdicts {
            let beside = verdict.peer.map_or("the best".to_owned(), |peer| peer.to_string());
            let held = if verdict.holds() { "holds" } else { "**does not hold**" };
            let _ = writeln!(
                text,
                "| {} | {beside} | {:.2} | {:.2} | {held} |",
                verdict.what.label(),
                verdict.limit,
                verdict.ratio
            );
        }
    }
}

type Section = (&'static str, fn(What) -> bool);

const SECTIONS: &[Section] = &[
    ("CPU for each request", |what| {
        matches!(what, What::Cpu(_) | What::User(_) | What::CpuSaturated(_))
    }),
    ("Requests per second on one core", |what| matches!(what, What::Saturation(_))),
    ("Latency at the fixed rate", |what| matches!(what, What::P50(_) | What::P99(_))),
    ("CPU for each TLS handshake", |what| matches!(what, What::Handshake { .. })),
    ("CPU for each large body", |what| matches!(what, What::Body { .. })),
    ("Memory", |what| matches!(what, What::Rest | What::Connection)),
];

/// Three digits that count.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// Puts the text between the markers of a document; what stands around them stays.
pub(crate) fn replace(document: &Path, text: &str) -> anyhow::Result<()> {
    let before = fs::read_to_string(document)
        .with_context(|| format!("cannot read {}", document.display()))?;
    let after = between(&before, text)
        .with_context(|| format!("{} lacks the lines {BEGIN} and {END}", document.display()))?;
    Ok(fs::write(document, after)?)
}

fn between(document: &str, text: &str) -> Option<String> {
    let (head, rest) = document.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n\n{}\n\n{END}{tail}", text.trim()))
}

const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// The kind of machine and the day.
pub(crate) fn machine() -> anyhow::Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map_or("?", |(_, model)| model);
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    ensure!(cores > 0, "/proc/cpuinfo names no processor");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    Ok(format!("{day}, {cores} cores ({model}), Linux {kernel}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let document = format!("# A\n\nprose\n\n{BEGIN}\nold\n{END}\n\nmore\n");
        let expected = format!("# A\n\nprose\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore\n");
        let once = between(&document, "new\n").unwrap();
        assert_eq!(once, expected);
        assert_eq!(between(&once, "new\n"), Some(expected));
        assert_eq!(between("# A\n", "new"), None);
    }

    #[test]
    fn numbers_keep_three_digits() {
        for (value, expected) in [(1.234, "1.23"), (12.34, "12.3"), (45678.9, "45679")] {
            assert_eq!(number(value), expected);
        }
    }
}
