//! What routes cost by their number: to translate and compile, to match, to edit, to hold. Nobody
//! is compared with here; the budgets are our own.

use std::fmt::Write as _;

use crate::{args::Args, strict::page::replace};

mod edits;
mod ends;
mod matching;
mod memory;
mod server;
mod town;

/// Prints everything, and writes it to the document unless it is a quick run. Whether the budgets
/// hold.
pub(crate) async fn run(args: &Args) -> anyhow::Result<bool> {
    let (text, held) = measure(args).await?;
    println!("{text}");
    if !args.quick {
        replace(&args.docs.join(crate::DOCUMENT), "scale", &text)?;
    }
    Ok(held)
}

/// Everything, as Markdown.
async fn measure(args: &Args) -> anyhow::Result<(String, bool)> {
    let mut gates = Vec::new();
    let mut text = matching::measure(args.quick, &mut gates)?;
    text += &ends::measure(args, &mut gates).await?;
    text += &edits::measure(args, &mut gates)?;
    text += &memory::measure(args, &mut gates)?;
    text += "\n### Budgets of scale\n\n| what | at most | found | |\n|---|---|---|---|\n";
    for Gate { what, limit, found, unit } in &gates {
        let held = if found <= limit { "holds" } else { "**does not hold**" };
        let _ = writeln!(text, "| {what} | {limit} {unit} | {found:.2} {unit} | {held} |");
    }
    let held = gates.iter().all(|gate| gate.found <= gate.limit);
    Ok((text, held))
}

/// A budget and what was found.
struct Gate {
    what: &'static str,
    limit: f64,
    found: f64,
    unit: &'static str,
}
