//! The picture: one bar for each proxy and figure, in the order of the tables. Every group has its
//! own scale, so that ratios are what the eye compares.

use std::fmt::Write as _;

use crate::{
    peer::Peer,
    series::{Series, What},
};

/// An SVG of CPU by protocol, handshake, and memory of a connection; readable on any background.
pub(crate) fn draw(series: &[Series]) -> String {
    let shown: Vec<&Series> = series.iter().filter(|series| shows(series.what)).collect();
    let mut body = String::new();
    let mut y = TOP;
    for series in shown {
        let what = format!("{}, {}", series.what.label(), series.what.unit());
        let _ = writeln!(body, r#"<text class="what" x="{LEFT}" y="{}">{what}</text>"#, y + 12);
        y += 20;
        let most = series.figures.iter().map(|(_, figure)| figure.median).fold(0.0, f64::max);
        for (peer, figure) in &series.figures {
            let width = f64::from(WIDTH) * figure.median / most.max(f64::MIN_POSITIVE);
            let (middle, end) = (y + 12, f64::from(BARS) + width + 6.0);
            let class = if *peer == Peer::Portcullis { "ours" } else { "theirs" };
            let label = BARS - 8;
            let _ = writeln!(
                body,
                r#"<text class="who" x="{label}" y="{middle}">{peer}</text>
<rect class="{class}" x="{BARS}" y="{y}" width="{width:.1}" height="{BAR}"/>
<text x="{end:.1}" y="{middle}">{:.1}</text>"#,
                figure.median
            );
            y += BAR + 3;
        }
        y += 14;
    }
    let width = BARS + WIDTH + 60;
    let size = format!(r#"viewBox="0 0 {width} {y}" width="{width}" height="{y}""#);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" {size}>
<title>What each proxy costs; shorter is better</title>
<style>{STYLE}</style>
{body}</svg>
"#
    )
}

fn shows(what: What) -> bool {
    matches!(what, What::Cpu(_) | What::Handshake { .. } | What::Connection)
}

const STYLE: &str = "text{font:12px sans-serif;fill:#57606a}.what{font-weight:bold}\
    .who{text-anchor:end}.ours{fill:#2f81f7}.theirs{fill:#8b949e}";
const TOP: u32 = 10;
const LEFT: u32 = 10;
const BARS: u32 = 100;
const WIDTH: u32 = 480;
const BAR: u32 = 16;
