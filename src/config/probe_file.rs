//! Reads the probes of a hotline file.

use super::hotline::{Callback, IfHuman, Limits, Probe, When};
use super::node::Node;
use super::reader::{Reader, present};
use super::schedule_file::Rates;
use super::steps::{HEAR_WITHIN, Step};
use super::{expect_file, mapping_file, persona_file, schedule_file, span, step_file};
use crate::vocabulary::limits;
use crate::vocabulary::plan::CONTROL_PROBE;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const KEYS: [&str; 19] = [
    "name",
    "schedule",
    "after_failure",
    "confirm",
    "steps",
    "expect",
    "when",
    "ring_limit",
    "call_limit",
    "if_human",
    "dtmf",
    "follow_refer",
    "callback",
    "map",
    "tape",
    "caller_id",
    "caller_name",
    "asserted_identity",
    "anonymous",
];

/// What the probes of a file are checked against.
pub(super) struct Around<'a> {
    pub hotline: &'a Limits,
    pub has_hours: bool,
    /// Names of the user's own calendars, when they are known.
    pub calendars: Option<&'a BTreeSet<String>>,
    pub exists: &'a dyn Fn(&str) -> bool,
    /// By which trunk the hotline is called; `None`: that is not known.
    pub trunk: Option<Option<&'a str>>,
    pub takes_calls: &'a dyn Fn(&str) -> bool,
}

pub(super) fn read(reader: &Reader, list: &Node, around: &Around) -> Option<Vec<Probe>> {
    let items = reader.items(list, "probes", "a list like - name: daytime")?;
    if let Some(beyond) = items.get(limits::PROBES_MAX) {
        let what = format!("{} probes; the hard ceiling is {}", items.len(), limits::PROBES_MAX);
        reader.complain(beyond, what, "write several hotline files");
        return None;
    }
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut probes = Vec::new();
    for item in items {
        let Some((name_at, probe)) = probe(reader, item, around) else {
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
    let probes: Vec<Probe> = probes.into_iter().collect::<Option<_>>()?;
    together(reader, items, &probes, around).then_some(probes)
}

/// Each schedule alone may be within the limits, and all together not.
fn together(reader: &Reader, items: &[Node], probes: &[Probe], around: &Around) -> bool {
    let Some(allowed) = around.hotline.budgets.hour.calls else { return true };
    let mut sums = Rates::default();
    for (item, probe) in items.iter().zip(probes) {
        let rates = schedule_file::rates(&probe.schedule, &probe.when);
        for (sum, add) in sums.iter_mut().flatten().zip(rates.iter().flatten()) {
            *sum += add;
        }
        let Some((at, most)) = sums.iter().flatten().enumerate().max_by_key(|(at, most)| (**most, 72 - at)) else {
            continue;
        };
        if *most > allowed {
            let what = format!(
                "with this probe the hotline is called {most} times in the hour from {}:00, and limits allow {allowed} \
                 calls_per_hour",
                at % 24
            );
            let more =
                if *most > limits::CALLS_PER_HOUR_MAX { String::new() } else { format!(", or calls_per_hour: {most}") };
            reader.complain(item, what, format!("write rarer schedules{more}"));
            return false;
        }
    }
    true
}

/// The name with its place (even when the rest is wrong), and the probe.
type Named<'n> = Option<(String, &'n Node)>;

fn probe<'n>(reader: &Reader, item: &'n Node, around: &Around) -> Option<(Named<'n>, Option<Probe>)> {
    let fields = reader.fields(item, "a probe", &KEYS)?;
    let get = |key: &str| present(fields.get(key));
    let (hotline, exists) = (around.hotline, around.exists);
    let name_at = reader.required(&fields, "a probe", "name", "daytime");
    let name = name_at.and_then(|node| name(reader, node));
    let ring_limit =
        get("ring_limit").map_or(Some(hotline.ring_limit), |node| reader.span(node, "ring_limit", limits::RING_MAX));
    let call_limit =
        get("call_limit").map_or(Some(hotline.call_limit), |node| reader.span(node, "call_limit", limits::CALL_MAX));
    let clocks = schedule_file::Around { limits: hotline, has_hours: around.has_hours };
    let schedule = get("schedule").map_or(Some(Vec::new()), |node| schedule_file::read(reader, node, clocks));
    let after_failure = get("after_failure").map(|node| schedule_file::after_failure(reader, node, clocks));
    let confirm = get("confirm").map(|node| schedule_file::confirm(reader, node));
    let steps = match get("steps") {
        None => Some(vec![Step::Hear { texts: Vec::new(), anything: true, within: HEAR_WITHIN }]),
        Some(node) => step_file::read(reader, node, exists)
            .filter(|steps| fits(reader, node, steps, call_limit.unwrap_or(limits::CALL_MAX))),
    };
    let expect = get("expect").map_or(Some(Vec::new()), |node| expect_file::read(reader, node, around.calendars));
    let when = get("when").map_or(Some(When::default()), |node| expect_file::when(reader, node, around.calendars));
    let if_human = get("if_human").map_or(Some(IfHuman::HangUp), |node| {
        let word = reader.word(node, "if_human", &["hang_up", "go_on"])?;
        Some(if word == "go_on" { IfHuman::GoOn } else { IfHuman::HangUp })
    });
    let dtmf = get("dtmf").map(|node| reader.keys(node));
    let tape = get("tape").map(|node| reader.taping(node));
    let persona = persona_file::read(reader, &fields);
    let follow_refer = get("follow_refer").map_or(Some(false), |node| reader.truth(node, "follow_refer"));
    let callback = get("callback").map(|node| callback(reader, node));
    let map = get("map").map(|node| mapping_file::read(reader, node, &fields, hotline));
    if let Some(key) = fields.key("callback") {
        comes_in(reader, key, around);
    }
    let named = name.clone().zip(name_at);
    let whole = || {
        Some(Probe {
            name: name?,
            // Present and wrong is no probe; absent is fine.
            schedule: schedule?,
            after_failure: after_failure.map_or(Some(None), |read| read.map(Some))?,
            confirm: confirm.map_or(Some(None), |read| read.map(Some))?,
            steps: steps?,
            expect: expect?,
            when: when?,
            ring_limit: ring_limit?,
            call_limit: call_limit?,
            if_human: if_human?,
            dtmf: dtmf.map_or(Some(None), |read| read.map(Some))?,
            tape: tape.map_or(Some(None), |read| read.map(Some))?,
            persona: persona?,
            follow_refer: follow_refer?,
            callback: callback.map_or(Some(None), |read| read.map(Some))?,
            map: map.map_or(Some(None), |read| read.map(Some))?,
        })
    };
    Some((named, whole()))
}

/// A call back needs a way to us.
fn comes_in(reader: &Reader, key: &Node, around: &Around) {
    let (what, write) = match around.trunk {
        // It is wrong, or calls come in by it.
        None => return,
        Some(Some(name)) if (around.takes_calls)(name) => return,
        Some(Some(name)) => (
            format!("a call back comes in by a trunk that registers or listens, and {name} does neither"),
            "write register: true, or listen: 5070, at that trunk in _trunks.yaml",
        ),
        Some(None) => (
            "a call back comes in by a trunk, and this hotline is called without one".to_string(),
            "write trunk: NAME, of a trunk that registers or listens",
        ),
    };
    reader.complain(key, what, write);
}

/// `{ within: 10m, from: ["+864008001234"], code: "4711" }`.
fn callback(reader: &Reader, node: &Node) -> Option<Callback> {
    let fields = reader.fields(node, "callback", &["within", "from", "code"])?;
    let within = reader.required(&fields, "callback", "within", "10m")?;
    let within = reader.span(within, "within", limits::CALLBACK_WITHIN_MAX);
    let from = match present(fields.get("from")) {
        None => Some(Vec::new()),
        Some(node) => callback_numbers(reader, node),
    };
    let code = present(fields.get("code")).map(|node| {
        let code = reader.text(node, "code")?;
        if (2..=12).contains(&code.len()) && code.bytes().all(|digit| digit.is_ascii_digit()) {
            return Some(code);
        }
        reader.complain(node, "a code is two to twelve digits", "write code: \"4711\"");
        None
    });
    Some(Callback { within: within?, from: from?, code: code.map_or(Some(None), |read| read.map(Some))? })
}

fn callback_numbers(reader: &Reader, node: &Node) -> Option<Vec<String>> {
    let items: &[Node] = match &node.kind {
        super::node::Kind::List(_) => reader.items(node, "from", "[\"+864008001234\"]")?,
        _ => std::slice::from_ref(node),
    };
    if let Some(beyond) = items.get(limits::CALLBACK_NUMBERS_MAX) {
        let most = limits::CALLBACK_NUMBERS_MAX;
        reader.complain(beyond, format!("more than {most} numbers"), "leave this one out");
        return None;
    }
    let numbers = items.iter().map(|item| {
        let number = reader.text(item, "a number")?;
        if number.chars().any(char::is_alphanumeric) && !number.contains(['@', ':', '<']) {
            return Some(number);
        }
        reader.complain(item, "from is the number that calls, and no address", "write from: \"+864008001234\"");
        None
    });
    numbers.collect()
}

fn name(reader: &Reader, node: &Node) -> Option<String> {
    let name = reader.text(node, "name")?;
    if name == CONTROL_PROBE {
        let what = format!("the name '{name}' is kept for calls to a trunk's control line");
        reader.complain(node, what, "write another name");
        return None;
    }
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
