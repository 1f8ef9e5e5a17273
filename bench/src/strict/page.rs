//! The results as text: a table for the terminal, and the generated part of a page.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;

use super::{
    Column, Verdict,
    wire::{RequestEntry, RequestExpect},
};

/// Every entry, and what each proxy did.
pub(super) fn table(entries: &[RequestEntry], columns: &[Column]) -> String {
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
    let mut text = format!("{:width$}", "");
    for column in columns {
        text.push_str(&format!("  {:<10}", column.peer.to_string()));
    }
    text.push('\n');
    for (place, entry) in entries.iter().enumerate() {
        text.push_str(&format!("{:width$}", entry.name));
        for column in columns {
            text.push_str(&format!("  {:<10}", column.verdicts[place].as_str()));
        }
        text.push_str(&format!("  {}\n", entry.rule));
    }
    text
}

/// How often each proxy did what.
pub(super) fn totals(entries: &[RequestEntry], columns: &[Column]) -> String {
    let malformed = entries.iter().filter(|entry| is_malformed(entry)).count();
    let legal = entries.len() - malformed;
    let mut text = format!("| of {malformed} requests that should be refused |");
    columns.iter().for_each(|column| text.push_str(&format!(" {} |", column.peer)));
    text.push_str(&format!("\n|---|{}\n", "---|".repeat(columns.len())));
    let mut row = |what: &str, verdict: Verdict| {
        text.push_str(&format!("| {what} |"));
        for column in columns {
            let count = column.verdicts.iter().filter(|found| **found == verdict).count();
            text.push_str(&format!(" {count} |"));
        }
        text.push('\n');
    };
    row("refused", Verdict::Refused);
    row("forwarded", Verdict::Forwarded);
    row("forwarded, and what follows is read otherwise than it was sent", Verdict::Shifted);
    row("forwarded as something that a strict backend refuses", Verdict::Garbled);
    row(&format!("of {legal} legal ones: served as they should be"), Verdict::Served);
    row("served otherwise", Verdict::Altered);
    row("refused all the same", Verdict::Declined);
    text
}

/// Writes the part of a page that is this program's.
pub(super) fn write(
    page: &Path,
    entries: &[RequestEntry],
    columns: &[Column],
) -> anyhow::Result<()> {
    replace(page, "strict", &part(entries, columns))
}

/// Replaces what stands between the marks of a page.
pub(crate) fn replace(page: &Path, mark: &str, part: &str) -> anyhow::Result<()> {
    let (begin, end) = (format!("<!-- generated: {mark} -->"), format!("<!-- end: {mark} -->"));
    let old = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let inside = old
        .split_once(&begin)
        .and_then(|(before, rest)| rest.split_once(&end).map(|(_, after)| (before, after)));
    let (before, after) = inside.with_context(|| format!("no marks in {}", page.display()))?;
    fs::write(page, format!("{before}{begin}\n{part}{end}{after}"))?;
    println!("written: {}", page.display());
    Ok(())
}

fn part(entries: &[RequestEntry], columns: &[Column]) -> String {
    let today = jiff::Timestamp::now().strftime("%-d %B %Y");
    let mut text = format!("Written by `cargo xtask strict --peers` on {today}:");
    for column in columns {
        text.push_str(&format!(" {} {};", column.peer, column.version));
    }
    text.pop();
    text.push_str(".\n\n");
    text.push_str(&totals(entries, columns));
    text.push_str("\nThose of the first kind that a proxy lets through, by who does:\n\n");
    let mut by_who: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| is_malformed(entry)) {
        let let_through = columns.iter().filter(|column| !column.verdicts[place].is_right());
        let names: Vec<String> = let_through.map(|column| column.peer.to_string()).collect();
        if !names.is_empty() {
            by_who.entry(names.join(", ")).or_default().push(&entry.name);
        }
    }
    text.push_str("| who | which |\n|---|---|\n");
    for (who, names) in by_who {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!("| {who} | {} |\n", names.join(", ")));
    }
    text
}

fn is_malformed(entry: &RequestEntry) -> bool {
    !matches!(entry.expect, RequestExpect::Served(_))
}
