//! Text for people: tables and colours on a terminal, plain text in a pipe.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

pub(crate) mod curl;
pub(crate) mod explanation;
mod filter;
pub(crate) mod overview;
pub(crate) mod status;
pub(crate) mod table;

/// Prints to standard output; colours are cut off where nobody sees them.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints an error and its causes to standard error.
pub(crate) fn error(error: &anyhow::Error) {
    // There is nowhere else to say that standard error is closed.
    let _ = writeln!(anstream::stderr(), "{BAD}error:{BAD:#} {error:#}");
}

/// Prints a note to standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A count with its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// What is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// Headings.
pub(crate) const HEAD: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
