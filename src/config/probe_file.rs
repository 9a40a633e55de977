//! Reads the probes of a hotline file.

use super::hotline::{Cron, DayKind, Expectation, IfHuman, Limits, Probe, Schedule, When};
use super::node::Node;
use super::reader::{Reader, present};
use super::steps::{HEAR_WITHIN, Step};
use super::{cron, span, step_file};
use crate::vocabulary::{Outcome, limits};
use std::collections::BTreeMap;
use std::time::Duration;

const KEYS: [&str; 8] = ["name", "schedule", "steps", "expect", "when", "ring_limit", "call_limit", "if_human"];

/// Outcomes that are a failure of ours: nobody expects them of a hotline.
const OURS: [Outcome; 6] = [
    Outcome::DnsFailed,
    Outcome::TransportFailed,
    Outcome::AuthFailed,
    Outcome::NoResponse,
    Outcome::MediaUnusable,
    Outcome::Aborted,
];

pub(super) fn read(
    reader: &Reader,
    list: &Node,
    hotline: &Limits,
    exists: &dyn Fn(&str) -> bool,
) -> Option<Vec<Probe>> {
    let items = reader.items(list, "probes", "a list like - name: daytime")?;
    if let Some(beyond) = items.get(limits::PROBES_MAX) {
        let what = format!("{} probes; the hard ceiling is {}", items.len(), limits::PROBES_MAX);
        reader.complain(beyond, what, "write several hotline files");
        return None;
    }
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut probes = Vec::new();
    for item in items {
        let Some((name_at, probe)) = probe(reader, item, hotline, exists) else {
            probes.push(None);
            continue;
        };
        if let Some((name, node)) = name_at {
            let (line, _) = reader.document.place(node);
            if let Some(first) = lines.get(&name) {
                reader.complain(node, format!("a probe '{name}' stands on line {first} already"), "write another name");
            } else {
                lines.insert(name, line);
            }
        }
        probes.push(probe);
    }
    probes.into_iter().collect()
}

/// The name with its place (even when the rest is wrong), and the probe.
type Named<'n> = Option<(String, &'n Node)>;

fn probe<'n>(
    reader: &Reader,
    item: &'n Node,
    hotline: &Limits,
    exists: &dyn Fn(&str) -> bool,
) -> Option<(Named<'n>, Option<Probe>)> {
    let fields = reader.fields(item, "a probe", &KEYS)?;
    let get = |key: &str| present(fields.get(key));
    let name_at = reader.required(&fields, "a probe", "name", "daytime");
    let name = name_at.and_then(|node| name(reader, node));
    let ring_limit =
        get("ring_limit").map_or(Some(hotline.ring_limit), |node| reader.span(node, "ring_limit", limits::RING_MAX));
    let call_limit =
        get("call_limit").map_or(Some(hotline.call_limit), |node| reader.span(node, "call_limit", limits::CALL_MAX));
    let schedule = get("schedule").map(|node| schedule(reader, node, hotline));
    let steps = match get("steps") {
        None => Some(vec![Step::Hear { texts: Vec::new(), anything: true, within: HEAR_WITHIN }]),
        Some(node) => step_file::read(reader, node, exists)
            .filter(|steps| fits(reader, node, steps, call_limit.unwrap_or(limits::CALL_MAX))),
    };
    let expect = get("expect").map(|node| expect(reader, node));
    let when = get("when").map_or(Some(When::default()), |node| when(reader, node));
    let if_human = get("if_human").map_or(Some(IfHuman::HangUp), |node| {
        let word = reader.word(node, "if_human", &["hang_up", "go_on"])?;
        Some(if word == "go_on" { IfHuman::GoOn } else { IfHuman::HangUp })
    });
    let named = name.clone().zip(name_at);
    let whole = || {
        Some(Probe {
            name: name?,
            // Present and wrong is no probe; absent is fine.
            schedule: schedule.map_or(Some(None), |read| read.map(Some))?,
            steps: steps?,
            expect: expect.map_or(Some(None), |read| read.map(Some))?,
            when: when?,
            ring_limit: ring_limit?,
            call_limit: call_limit?,
            if_human: if_human?,
        })
    };
    Some((named, whole()))
}

fn name(reader: &Reader, node: &Node) -> Option<String> {
    let name = reader.text(node, "name")?;
    if name.chars().count() <= 63 && !name.chars().any(|c| c.is_control() || "/\\\"".contains(c)) && name.trim() == name
    {
        return Some(name);
    }
    let what = format!("the name '{name}' is too long or has a character that file names and labels cannot hold");
    reader.complain(node, what, "write up to 63 letters, digits and -, like midnight");
    None
}

/// A wait that cannot end within the call would never fail as it says.
fn fits(reader: &Reader, list: &Node, steps: &[Step], call_limit: Duration) -> bool {
    let super::node::Kind::List(items) = &list.kind else { return true };
    let mut fine = true;
    for (item, step) in items.iter().zip(steps) {
        let asked = match step {
            Step::Hear { within, .. } | Step::Choose { within, .. } | Step::Human { within } => *within,
            Step::Wait { span } => *span,
            _ => continue,
        };
        if asked > call_limit {
            let (asked, limit) = (span::show(asked), span::show(call_limit));
            let what = format!("this step may take {asked}, and the call is ended after {limit} (call_limit)");
            reader.complain(item, what, format!("write a shorter time, or call_limit: {asked} or more"));
            fine = false;
        }
    }
    fine
}

fn schedule(reader: &Reader, node: &Node, hotline: &Limits) -> Option<Schedule> {
    let fields = reader.fields(node, "schedule", &["cron", "window"])?;
    let cron_at = reader.required(&fields, "schedule", "cron", "\"0 2 * * *\"");
    let cron = cron_at.and_then(|node| {
        let text = reader.text(node, "cron")?;
        match cron::check(&text) {
            Ok(an_hour) if an_hour > hotline.calls_per_hour => {
                let allowed = hotline.calls_per_hour;
                let what = format!("this comes {an_hour} times an hour, and limits allow {allowed} calls_per_hour");
                reader.complain(node, what, format!("write a rarer cron, or calls_per_hour: {an_hour}"));
                None
            }
            Ok(_) => Some(Cron(text.split_whitespace().collect::<Vec<_>>().join(" "))),
            Err(wrongs) => {
                for wrong in wrongs {
                    reader.complain_within(node, wrong.at, wrong.what, wrong.write);
                }
                None
            }
        }
    });
    let window = match present(fields.get("window")) {
        Some(node) => reader.span(node, "window", limits::WINDOW_MAX),
        None => Some(Duration::ZERO),
    };
    Some(Schedule { cron: cron?, window: window? })
}

fn expect(reader: &Reader, node: &Node) -> Option<Expectation> {
    let fields = reader.fields(node, "expect", &["connect", "human", "outcome"])?;
    let span = |key: &str| present(fields.get(key)).map(|node| reader.span(node, key, limits::CALL_MAX));
    let (connect, human) = (span("connect"), span("human"));
    let outcome = present(fields.get("outcome")).map(|node| {
        let words: Vec<&str> = Outcome::ALL.iter().filter(|o| !OURS.contains(o)).map(|o| o.word()).collect();
        if let super::node::Kind::Text(word) = &node.kind
            && OURS.iter().any(|ours| ours.word() == word)
        {
            let what = format!("outcome '{word}' is a failure of ours, and no hotline can be expected to have it");
            reader.complain(node, what, format!("write one of {}", words.join(", ")));
            return None;
        }
        let word = reader.word(node, "outcome", &words)?;
        Outcome::ALL.iter().find(|outcome| outcome.word() == word).copied()
    });
    Some(Expectation { connect: flip(connect)?, human: flip(human)?, outcome: flip(outcome)? })
}

fn flip<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |read| read.map(Some))
}

fn when(reader: &Reader, node: &Node) -> Option<When> {
    let fields = reader.fields(node, "when", &["days"])?;
    let list = reader.required(&fields, "when", "days", "[workday, holiday]")?;
    let items = match &list.kind {
        super::node::Kind::Text(_) => std::slice::from_ref(list),
        _ => reader.items(list, "days", "[workday, holiday]")?,
    };
    let days: Vec<Option<DayKind>> = items
        .iter()
        .map(|item| match reader.word(item, "day", &["workday", "weekend", "holiday"])? {
            "workday" => Some(DayKind::Workday),
            "weekend" => Some(DayKind::Weekend),
            _ => Some(DayKind::Holiday),
        })
        .collect();
    Some(When { days: days.into_iter().collect::<Option<_>>()? })
}
