//! The pieces pictures of maps are drawn from: colours and signs of the kinds of places.

use crate::understanding::tree::PlaceKind;

pub struct Look {
    /// Border, stripe and sign.
    pub strong: &'static str,
    /// Behind the text.
    pub soft: &'static str,
    /// Roundness of the corners: kinds are told apart without colours too.
    pub corner: f32,
}

pub fn look(kind: PlaceKind) -> Look {
    match kind {
        PlaceKind::Menu => Look { strong: "#2563eb", soft: "#ffffff", corner: 8.0 },
        PlaceKind::Message => Look { strong: "#64748b", soft: "#ffffff", corner: 8.0 },
        PlaceKind::Human => Look { strong: "#15803d", soft: "#ecfdf5", corner: 22.0 },
        PlaceKind::Queue => Look { strong: "#b45309", soft: "#fffbeb", corner: 14.0 },
        PlaceKind::Voicemail => Look { strong: "#6d28d9", soft: "#f7f5ff", corner: 14.0 },
        PlaceKind::End => Look { strong: "#475569", soft: "#f8fafc", corner: 3.0 },
    }
}

pub const DEAD: Look = Look { strong: "#dc2626", soft: "#fff5f5", corner: 3.0 };

/// Where the reader's screen is dark: (what, colour by day, colour by night). Words on coloured ground stay white.
const NIGHT: &[(&str, &str, &str)] = &[
    ("rect", "#ffffff", "#1e293b"),
    ("rect", "#f1f5f9", "#1e293b"),
    ("rect", "#f8fafc", "#1b2433"),
    ("rect", "#ecfdf5", "#06281d"),
    ("rect", "#fffbeb", "#2b2108"),
    ("rect", "#f7f5ff", "#231a42"),
    ("rect", "#fff5f5", "#331417"),
    ("text", "#0f172a", "#f1f5f9"),
    ("text", "#334155", "#cbd5e1"),
    ("text", "#64748b", "#94a3b8"),
    ("text", "#475569", "#94a3b8"),
    ("text", "#15803d", "#4ade80"),
    ("text", "#dc2626", "#f87171"),
    ("text", "#b45309", "#fbbf24"),
];
/// Lines are a little lighter by night.
const NIGHT_LINES: &[(&str, &str)] = &[
    ("#2563eb", "#3b82f6"),
    ("#64748b", "#64748b"),
    ("#15803d", "#22c55e"),
    ("#b45309", "#d97706"),
    ("#6d28d9", "#8b5cf6"),
    ("#475569", "#64748b"),
    ("#dc2626", "#ef4444"),
    ("#94a3b8", "#64748b"),
    ("#cbd5e1", "#475569"),
    ("#ffffff", "#0f172a"),
];

/// The same picture on a dark screen.
pub fn at_night() -> String {
    let mut rules = String::from("@media (prefers-color-scheme: dark){.paper{fill:#0f172a!important}");
    for (what, day, night) in NIGHT {
        rules.push_str(&format!("{what}[fill=\"{day}\"]{{fill:{night}}}"));
    }
    for (day, night) in NIGHT_LINES {
        rules.push_str(&format!("[stroke=\"{day}\"]{{stroke:{night}}}"));
    }
    rules + "}"
}

/// A sign of 16 by 16 at (x, y).
pub fn sign(kind: PlaceKind, colour: &str, x: f32, y: f32) -> String {
    let stroke = format!(
        "fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.7\" stroke-linecap=\"round\" stroke-linejoin=\"round\""
    );
    let inside = match kind {
        PlaceKind::Menu => format!(
            "<path {stroke} d=\"M5.5 3.5h8M5.5 8h8M5.5 12.5h8\"/><path fill=\"{colour}\" d=\"M1.6 2.4h2.2v2.2H1.6zM1.6 6.9h2.2v2.2H1.6zM1.6 11.4h2.2v2.2H1.6z\"/>"
        ),
        PlaceKind::Message => format!("<path {stroke} d=\"M2 2.5h12v8.5H7.5L4.5 14v-3H2z\"/>"),
        PlaceKind::Human => format!(
            "<circle cx=\"8\" cy=\"4.9\" r=\"3\" fill=\"{colour}\"/><path fill=\"{colour}\" d=\"M2 14.6c0-3.6 2.6-5.6 6-5.6s6 2 6 5.6z\"/>"
        ),
        PlaceKind::Queue => format!(
            "<path {stroke} d=\"M3.5 1.8h9M3.5 14.2h9M4.6 1.8v2.6L8 8l3.4-3.6V1.8M4.6 14.2v-2.6L8 8l3.4 3.6v2.6\"/>"
        ),
        PlaceKind::Voicemail => format!(
            "<circle cx=\"4.4\" cy=\"8\" r=\"2.9\" {stroke}/><circle cx=\"11.6\" cy=\"8\" r=\"2.9\" {stroke}/><path {stroke} d=\"M4.4 10.9h7.2\"/>"
        ),
        PlaceKind::End => format!(
            "<path {stroke} d=\"M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2l-3.4-3.4V5.2zM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8\"/>"
        ),
    };
    format!("<g transform=\"translate({x:.1} {y:.1})\">{inside}</g>")
}

/// Text that may stand in XML. Characters XML 1.0 has no place for are left out.
pub fn escaped(text: &str) -> String {
    let allowed = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    let text: String = text.chars().filter(allowed).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
