//! What the terminal can show: colours, columns, the reader's language.

use crate::record::timeline::{Style, Tongue};
use std::io::{IsTerminal, stderr, stdout};

/// How a timeline is drawn on standard output.
pub fn style() -> Style {
    drawn_on(stdout().is_terminal())
}

/// How a timeline is drawn on standard error (under `--json`).
pub fn style_of_errors() -> Style {
    drawn_on(stderr().is_terminal())
}

fn drawn_on(terminal: bool) -> Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    // no-color.org: whatever its value, when it is not empty.
    let colour = terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)).filter(|_| terminal);
    // A line across a very wide screen is hard to follow.
    let width = measured.or(columns).unwrap_or(100).min(120);
    Style { colour, width, tongue: tongue() }
}

/// Chinese labels under a Chinese locale.
pub fn tongue() -> Tongue {
    let locale =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    if locale.is_some_and(|locale| locale.starts_with("zh")) { Tongue::Chinese } else { Tongue::English }
}
