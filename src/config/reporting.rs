//! What the monthly report compares with: `report:` of `_watch.yaml`.

use super::node::{Kind, Node};
use super::reader::{Reader, present};
use crate::vocabulary::limits;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq)]
pub struct Reporting {
    /// Share of calls that should be as expected; the error budget is what is left.
    pub objective: f64,
    pub norms: Vec<Norm>,
}

impl Default for Reporting {
    /// The objective is that of the alert rules in `dashboards/`.
    fn default() -> Reporting {
        Reporting { objective: 0.99, norms: Vec::new() }
    }
}

/// "95 % answered within 15 s", with the name people know it by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Norm {
    pub name: String,
    pub measure: Measure,
    pub within_s: f64,
    pub share: f64,
}

/// What is counted within the norm's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// SIP 200, from the INVITE.
    Answer,
    /// The first speech, from the answer.
    Prompt,
    /// A person, from the INVITE.
    Person,
    /// A person, from the choice: most norms begin behind the menu.
    PersonAfterChoice,
}

const MEASURES: [(&str, Measure); 4] = [
    ("answer", Measure::Answer),
    ("prompt", Measure::Prompt),
    ("human", Measure::Person),
    ("human_after_choice", Measure::PersonAfterChoice),
];

/// `report: { objective: 99%, norms: [{ name: "GB/T 33358-2016", answer: 15s, share: 95% }] }`
pub(super) fn read(reader: &Reader, node: &Node) -> Option<Reporting> {
    let fields = reader.fields(node, "report", &["objective", "norms"])?;
    let standard = Reporting::default();
    let objective = present(fields.get("objective")).map_or(Some(standard.objective), |node| {
        let share = share(reader, node, "objective")?;
        if share >= 1.0 {
            reader.complain(
                node,
                "an objective of 100 % leaves no room for a single failure",
                "write less, like 99.9%",
            );
            return None;
        }
        Some(share)
    });
    let norms = present(fields.get("norms")).map_or(Some(Vec::new()), |node| {
        let items = reader.items(node, "norms", r#"[{ name: "80/20", human_after_choice: 20s, share: 80% }]"#)?;
        if let Some(beyond) = items.get(limits::NORMS_MAX) {
            let what = format!("{} norms; the hard ceiling is {}", items.len(), limits::NORMS_MAX);
            reader.complain(beyond, what, "write those that somebody reads");
            return None;
        }
        let norms: Vec<Option<Norm>> = items.iter().map(|item| norm(reader, item)).collect();
        norms.into_iter().collect()
    });
    Some(Reporting { objective: objective?, norms: norms? })
}

fn norm(reader: &Reader, node: &Node) -> Option<Norm> {
    let mut known = vec!["name", "share"];
    known.extend(MEASURES.map(|(word, _)| word));
    let fields = reader.fields(node, "a norm", &known)?;
    let name = reader.required(&fields, "a norm", "name", "80/20").and_then(|node| reader.text(node, "name"));
    let wanted = reader.required(&fields, "a norm", "share", "80%").and_then(|node| share(reader, node, "share"));
    let given: Vec<_> =
        MEASURES.into_iter().filter_map(|(word, measure)| Some((word, measure, present(fields.get(word))?))).collect();
    let [(word, measure, length)] = given[..] else {
        let what = if given.is_empty() { "a norm says within what time" } else { "a norm has one time" };
        reader.complain(node, what, "write one of answer, prompt, human, human_after_choice, like human: 30s");
        return None;
    };
    let within = reader.span(length, word, limits::CALL_MAX)?;
    Some(Norm { name: name?, measure, within_s: within.as_secs_f64(), share: wanted? })
}

/// `95%` or `0.95`.
fn share(reader: &Reader, node: &Node, name: &str) -> Option<f64> {
    let raw = match &node.kind {
        Kind::Text(text) => text.trim().to_string(),
        _ => reader.document.raw(node).to_string(),
    };
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = match raw.strip_suffix(['%', '%']) {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(&raw),
    };
    match share.filter(|share| *share > 0.0 && *share <= 1.0) {
        Some(share) => Some((share * 1e9).round() / 1e9),
        None => {
            reader.complain(node, format!("{name} is a share of calls, and '{raw}' is none"), "write it like 95%");
            None
        }
    }
}
