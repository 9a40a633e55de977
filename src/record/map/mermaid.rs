//! A map as a Mermaid flowchart, for pages that draw it themselves.

use super::words;
use crate::understanding::tree::{Map, PlaceKind};
use crate::vocabulary::Lang;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Longer texts are cut: a flowchart is for the shape.
const TEXT_MAX: usize = 60;

pub fn draw(map: &Map) -> String {
    let lang = map.root().map_or(Lang::En, |n| n.lang);
    let names: BTreeMap<&str, String> =
        map.nodes.iter().enumerate().map(|(i, node)| (node.id.as_str(), format!("n{i}"))).collect();
    let mut out = String::from("flowchart LR\n");
    for node in &map.nodes {
        let (open, close) = match node.kind {
            PlaceKind::Menu => ("[", "]"),
            PlaceKind::Message => ("(", ")"),
            PlaceKind::Human => ("([", "])"),
            PlaceKind::Queue => ("{{", "}}"),
            PlaceKind::Voicemail => ("[(", ")]"),
            PlaceKind::End => ("((", "))"),
        };
        let mut text = cut(&node.text);
        if text.is_empty() {
            text = words::kind(node.kind, lang).to_string();
        }
        if let Some(kind) = node.dead_end {
            let _ = write!(text, "<br/>✕ {}", words::dead_end(kind, lang));
        }
        let class = if node.dead_end.is_some() { "dead" } else { node.kind.word() };
        let _ = writeln!(out, "  {}{open}\"{text}\"{close}:::{class}", names[node.id.as_str()]);
    }
    for node in &map.nodes {
        let from = &names[node.id.as_str()];
        for option in &node.options {
            let label = cut(&format!("{} {}", option.key, option.label));
            match option.to.as_deref().and_then(|to| names.get(to)) {
                Some(to) if option.dead_end.is_some() => {
                    let _ = writeln!(out, "  {from} -. \"✕ {label}\" .-> {to}");
                }
                Some(to) => {
                    let _ = writeln!(out, "  {from} -- \"{label}\" --> {to}");
                }
                None => {
                    let _ =
                        writeln!(out, "  {from} -. \"{label}\" .-> {from}x{}[\"?\"]:::open", option_name(&option.key));
                }
            }
        }
        if let Some(to) = node.then.as_deref().and_then(|to| names.get(to)) {
            let _ = writeln!(out, "  {from} ==> {to}");
        }
    }
    out.push_str("  classDef menu fill:#eff6ff,stroke:#2563eb,color:#0f172a\n");
    out.push_str("  classDef message fill:#f8fafc,stroke:#64748b,color:#0f172a\n");
    out.push_str("  classDef human fill:#ecfdf5,stroke:#15803d,color:#0f172a\n");
    out.push_str("  classDef queue fill:#fffbeb,stroke:#b45309,color:#0f172a\n");
    out.push_str("  classDef voicemail fill:#f5f3ff,stroke:#6d28d9,color:#0f172a\n");
    out.push_str("  classDef end fill:#f8fafc,stroke:#475569,color:#0f172a\n");
    out.push_str("  classDef dead fill:#fef2f2,stroke:#dc2626,stroke-width:2px,color:#7f1d1d\n");
    out.push_str("  classDef open fill:#ffffff,stroke:#94a3b8,stroke-dasharray:4 3,color:#475569\n");
    // `end` is a word of Mermaid's own.
    out.replace(":::end\n", ":::fin\n").replace("classDef end ", "classDef fin ")
}

fn option_name(key: &str) -> String {
    key.bytes().map(|b| format!("{b:x}")).collect()
}

/// Mermaid reads quotes, brackets and hashes inside texts as its own.
fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(TEXT_MAX).collect();
    if text.chars().count() > TEXT_MAX {
        short.push('…');
    }
    short.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;").replace('\n', " ")
}
