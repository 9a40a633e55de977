//! Reads what a pretend hotline does: `ring: 2s`, `answer`, `say: welcome`, `refuse: 486`, …

use super::hotline::{Action, Hours, Next, Refusal, SitCode};
use super::reading::{SPAN_MAX, known_recording};
use crate::config::node::{Kind, Node as Yaml};
use crate::config::reader::{Reader, closest, present};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Places that are no nodes.
pub(super) const NEXT_WORDS: [&str; 4] = ["again", "silence", "hang_up", "ignore"];

const ACTIONS: [&str; 21] = [
    "say",
    "music",
    "silence",
    "ringback",
    "busy",
    "congestion",
    "sit",
    "beep",
    "fax",
    "record",
    "wait",
    "ring",
    "answer",
    "refuse",
    "play_dead",
    "hang_up",
    "go",
    "by_time",
    "by_version",
    "human",
    "queue",
];

/// What names may be used, and which were.
pub(super) struct Names<'a> {
    pub nodes: Vec<String>,
    pub prompts: BTreeSet<String>,
    pub recordings: &'a BTreeMap<String, String>,
    /// Recordings named where a prompt could stand.
    pub used: RefCell<BTreeSet<String>>,
    pub versions: RefCell<BTreeSet<String>>,
}

impl Names<'_> {
    /// One prompt or a list of them; a recording may stand in its place.
    pub fn prompts(&self, reader: &Reader, node: &Yaml) -> Vec<String> {
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        items.iter().filter_map(|item| self.prompt(reader, item, None)).collect()
    }

    fn prompt(&self, reader: &Reader, node: &Yaml, position: Option<u32>) -> Option<String> {
        let mut name = reader.text(node, "a prompt")?;
        if let Some(position) = position {
            name = name.replace("{position}", &position.to_string());
        }
        if self.prompts.contains(&name) {
            return Some(name);
        }
        if !name.contains('/') {
            let known: Vec<&str> = self.prompts.iter().map(String::as_str).collect();
            let write = match closest(&name, &known) {
                Some(near) => format!("write {near}"),
                None => format!("write it under prompts:, or name a recording, like en/{name}"),
            };
            reader.complain(node, format!("no prompt '{name}' is known"), write);
            return None;
        }
        known_recording(reader, node, &name, self.recordings).then(|| {
            self.used.borrow_mut().insert(name.clone());
            name
        })
    }
}

/// 180 at once, two seconds of ringing, answered.
pub(super) fn usual_pickup() -> Vec<Action> {
    vec![Action::Ring(Some(Duration::from_secs(2))), Action::Answer]
}

/// The list before the answer: it ends in an answer or in something instead of one.
pub(super) fn pickup(reader: &Reader, names: &Names, node: &Yaml) -> Vec<Action> {
    let actions = actions(reader, names, node, true);
    let ends = |action: &Action| {
        matches!(
            action,
            Action::Answer
                | Action::Refuse(_)
                | Action::PlayDead
                | Action::HangUp { .. }
                | Action::Ring(None)
                | Action::Ringback(None)
                | Action::Silence(None)
                | Action::Music(None)
                | Action::Busy(None)
                | Action::Congestion(None)
        )
    };
    match actions.iter().position(ends) {
        Some(at) if at + 1 < actions.len() => {
            reader.complain(
                node,
                "nothing can follow the end of a pick-up",
                "write answer, refuse or an endless sound last",
            );
        }
        None if reader.is_clean() => {
            let write = "write answer, refuse: 486, play_dead or ring (without a time: for ever) last";
            reader.complain(node, "this pick-up comes to no end", write);
        }
        _ => {}
    }
    actions
}

pub(super) fn actions(reader: &Reader, names: &Names, node: &Yaml, before_answer: bool) -> Vec<Action> {
    let items = match &node.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut all = Vec::new();
    for item in items {
        let Some((word, at, value)) = word_of(reader, item) else { continue };
        let only_before = ["ring", "answer", "refuse", "play_dead"].contains(&word);
        if only_before && !before_answer {
            reader.complain(at, format!("{word} is for the time before the answer"), "write it under pickup:");
            continue;
        }
        if !before_answer || !["go", "by_time", "by_version", "record", "queue", "human"].contains(&word) {
            action(reader, names, word, at, value, &mut all);
        } else {
            reader.complain(at, format!("{word} is for the time after the answer"), "write it under menu:");
        }
    }
    all
}

/// `beep` or `{ say: welcome }`.
fn word_of<'n>(reader: &Reader, item: &'n Yaml) -> Option<(&'static str, &'n Yaml, Option<&'n Yaml>)> {
    match &item.kind {
        Kind::Map(pairs) if pairs.len() == 1 => {
            let (key, value) = &pairs[0];
            let word = reader.word(key, "what a hotline does", &ACTIONS)?;
            Some((ACTIONS.iter().find(|known| **known == word)?, key, present(Some(value))))
        }
        Kind::Map(_) => {
            reader.complain(item, "one thing to do has one key", "write each on a line of its own, with - in front");
            None
        }
        _ => {
            let word = reader.word(item, "what a hotline does", &ACTIONS)?;
            Some((ACTIONS.iter().find(|known| **known == word)?, item, None))
        }
    }
}

fn action(reader: &Reader, names: &Names, word: &'static str, at: &Yaml, value: Option<&Yaml>, all: &mut Vec<Action>) {
    // Without a time: for ever.
    let span = || value.map_or(Some(None), |node| reader.span(node, word, SPAN_MAX).map(Some));
    let needed = |example: &str| {
        if value.is_none() {
            reader.complain(at, format!("{word} says nothing more"), format!("write {word}: {example}"));
        }
        value
    };
    let read = match word {
        "say" => needed("welcome").map(|node| Action::Say(names.prompts(reader, node))),
        "music" => span().map(Action::Music),
        "silence" => span().map(Action::Silence),
        "ringback" => span().map(Action::Ringback),
        "busy" => span().map(Action::Busy),
        "congestion" => span().map(Action::Congestion),
        "ring" => span().map(Action::Ring),
        "sit" => needed("VC").and_then(|node| reader.word(node, "sit", &["VC", "IC", "RO", "NC"])).map(|code| {
            Action::Sit(match code {
                "VC" => SitCode::VacantCode,
                "IC" => SitCode::Intercept,
                "RO" => SitCode::Reorder,
                _ => SitCode::NoCircuit,
            })
        }),
        "beep" => Some(Action::Beep),
        "fax" => Some(Action::Fax),
        "answer" => Some(Action::Answer),
        "play_dead" => Some(Action::PlayDead),
        "record" => needed("20s").and_then(|node| reader.span(node, word, SPAN_MAX)).map(Action::Record),
        "wait" => needed("2s").and_then(|node| reader.span(node, word, SPAN_MAX)).map(Action::Wait),
        "refuse" => needed("486").and_then(|node| refusal(reader, node)).map(Action::Refuse),
        "hang_up" => hang_up(reader, value),
        "go" => needed("main").and_then(|node| next(reader, names, node)).map(Action::GoTo),
        "by_time" => needed("{ \"09:00-18:00\": day, otherwise: night }").and_then(|node| by_time(reader, names, node)),
        "by_version" => needed("{ a: menu-a, b: menu-b }").and_then(|node| by_version(reader, names, node)),
        "human" => needed("en/hello").and_then(|node| human(reader, names, node)),
        "queue" => return queue(reader, names, needed("{ says: en/queue-thankyou, from: 3 }"), all),
        _ => None,
    };
    all.extend(read);
}

/// A place, or one of the words.
pub(super) fn next(reader: &Reader, names: &Names, node: &Yaml) -> Option<Next> {
    let name = reader.text(node, "a place")?;
    match name.as_str() {
        "again" => Some(Next::Again),
        "silence" => Some(Next::Silence),
        "hang_up" => Some(Next::HangUp),
        "ignore" => Some(Next::Ignore),
        _ if names.nodes.contains(&name) => Some(Next::Node(name)),
        _ => {
            let known: Vec<&str> = names.nodes.iter().map(String::as_str).chain(NEXT_WORDS).collect();
            let write = match closest(&name, &known) {
                Some(near) => format!("write {near}"),
                None => format!("write '{name}:' under menu:, or one of {}", NEXT_WORDS.join(", ")),
            };
            reader.complain(node, format!("no place '{name}' is in the menu"), write);
            None
        }
    }
}

fn refusal(reader: &Reader, node: &Yaml) -> Option<Refusal> {
    let (status_at, fields) = match &node.kind {
        Kind::Map(_) => {
            let fields = reader.fields(node, "a refusal", &["status", "reason", "cause", "retry_after"])?;
            (reader.required(&fields, "a refusal", "status", "486")?, Some(fields))
        }
        _ => (node, None),
    };
    let status = match status_at.kind {
        Kind::Number(number) if number.fract() == 0.0 && (300.0..700.0).contains(&number) => number as u16,
        _ => {
            reader.complain(status_at, "a refusal is a SIP status from 300 to 699", "write 486 for busy, 404, 503, …");
            return None;
        }
    };
    let field = |key: &str| fields.as_ref().and_then(|fields| present(fields.get(key)));
    Some(Refusal {
        status,
        reason: match field("reason") {
            Some(node) => reader.text(node, "reason")?,
            None => reason_phrase(status).to_string(),
        },
        q850: match field("cause") {
            Some(node) => Some(reader.count(node, "cause", 127)? as u16),
            None => None,
        },
        retry_after: match field("retry_after") {
            Some(node) => Some(reader.span(node, "retry_after", SPAN_MAX)?.as_secs() as u32),
            None => None,
        },
    })
}

/// RFC 3261 §21.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        302 => "Moved Temporarily",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        410 => "Gone",
        480 => "Temporarily Unavailable",
        484 => "Address Incomplete",
        486 => "Busy Here",
        488 => "Not Acceptable Here",
        500 => "Server Internal Error",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        _ => "Refused",
    }
}

fn hang_up(reader: &Reader, value: Option<&Yaml>) -> Option<Action> {
    let Some(node) = value else { return Some(Action::HangUp { q850: None }) };
    let fields = reader.fields(node, "hang_up", &["cause"])?;
    let cause = reader.required(&fields, "hang_up", "cause", "16")?;
    Some(Action::HangUp { q850: Some(reader.count(cause, "cause", 127)? as u16) })
}

fn by_time(reader: &Reader, names: &Names, node: &Yaml) -> Option<Action> {
    let Kind::Map(pairs) = &node.kind else {
        reader.complain(
            node,
            "by_time is a group of hours and places",
            "write { \"09:00-18:00\": day, otherwise: night }",
        );
        return None;
    };
    let (mut ranges, mut otherwise) = (Vec::new(), None);
    for (key, value) in pairs {
        let text = reader.text(key, "hours")?;
        let next = next(reader, names, value)?;
        if text == "otherwise" {
            otherwise = Some(next);
        } else {
            match hours(&text) {
                Some(hours) => ranges.push((hours, next)),
                None => reader.complain(
                    key,
                    format!("'{text}' are no hours"),
                    "write them like \"09:00-18:00\", or otherwise",
                ),
            }
        }
    }
    if otherwise.is_none() {
        reader.complain(node, "by_time does not say what comes outside these hours", "write otherwise: PLACE");
    }
    Some(Action::ByTime { ranges, otherwise: otherwise? })
}

fn hours(text: &str) -> Option<Hours> {
    let minute = |clock: &str| {
        let (hour, minute) = clock.trim().split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let (from, to) = text.split_once('-')?;
    Some(Hours { from: minute(from)?, to: minute(to)? })
}

fn by_version(reader: &Reader, names: &Names, node: &Yaml) -> Option<Action> {
    let Kind::Map(pairs) = &node.kind else {
        reader.complain(node, "by_version is a group of versions and places", "write { a: menu-a, b: menu-b }");
        return None;
    };
    let mut by = BTreeMap::new();
    for (key, value) in pairs {
        let version = reader.text(key, "a version")?;
        names.versions.borrow_mut().insert(version.clone());
        by.insert(version, next(reader, names, value)?);
    }
    Some(Action::ByVersion(by))
}

fn human(reader: &Reader, names: &Names, node: &Yaml) -> Option<Action> {
    let stays = Duration::from_secs(20);
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(Action::Human { greets: names.prompts(reader, node), stays });
    }
    let fields = reader.fields(node, "a human", &["greets", "stays"])?;
    let greets = reader.required(&fields, "a human", "greets", "en/hello")?;
    let greets = names.prompts(reader, greets);
    let stays = present(fields.get("stays")).map_or(Some(stays), |node| reader.span(node, "stays", SPAN_MAX))?;
    Some(Action::Human { greets, stays })
}

/// Position announcements that fall, with music between them: `{ says: zh/queue-position-{position}, from: 3, every: 6s }`.
fn queue(reader: &Reader, names: &Names, value: Option<&Yaml>, all: &mut Vec<Action>) {
    let Some(fields) = value.and_then(|node| reader.fields(node, "a queue", &["says", "from", "every"])) else {
        return;
    };
    let Some(says) = reader.required(&fields, "a queue", "says", "\"zh/queue-position-{position}\"") else { return };
    let from = present(fields.get("from")).map_or(Some(1), |node| reader.count(node, "from", 20));
    let every =
        present(fields.get("every")).map_or(Some(Duration::from_secs(8)), |node| reader.span(node, "every", SPAN_MAX));
    let (Some(from), Some(every)) = (from, every) else { return };
    let items = match &says.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(says),
    };
    for position in (1..=from).rev() {
        let said: Vec<String> = items.iter().filter_map(|item| names.prompt(reader, item, Some(position))).collect();
        if said.len() < items.len() {
            return;
        }
        all.push(Action::Say(said));
        all.push(Action::Music(Some(every)));
    }
}
