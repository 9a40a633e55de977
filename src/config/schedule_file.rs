//! Reads when a probe calls: its schedule, the faster rate after a failure, the second opinion.

use super::hotline::{AfterFailure, Confirm, Cron, DayKind, Hours, Limits, Schedule, When, Within};
use super::node::{Kind, Node};
use super::reader::{Fields, Reader, present};
use super::{cron, hours, span};
use crate::vocabulary::limits;
use chrono::NaiveTime;
use std::time::Duration;

/// What a schedule is checked against.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub limits: &'a Limits,
    /// Whether the hotline has `hours`, right or wrong.
    pub has_hours: bool,
}

const RULES: [&str; 4] = ["cron", "every", "poisson", "shift_changes"];
const EXAMPLE: &str = "{ cron: \"0 2 * * *\", window: 45m }";

/// One rule, or a list of them.
pub(super) fn read(reader: &Reader, node: &Node, around: Around) -> Option<Vec<Schedule>> {
    let items = match &node.kind {
        Kind::List(_) => reader.items(node, "schedule", EXAMPLE)?,
        _ => std::slice::from_ref(node),
    };
    if let Some(beyond) = items.get(limits::RULES_MAX) {
        let what = format!("{} rules in one schedule; the hard ceiling is {}", items.len(), limits::RULES_MAX);
        reader.complain(beyond, what, "write several probes");
        return None;
    }
    let rules: Vec<Option<Schedule>> = items.iter().map(|item| rule(reader, item, around)).collect();
    rules.into_iter().collect()
}

fn rule(reader: &Reader, node: &Node, around: Around) -> Option<Schedule> {
    let fields = reader.fields(node, "schedule", &["cron", "window", "every", "poisson", "shift_changes", "hours"])?;
    let there: Vec<&str> = RULES.into_iter().filter(|rule| fields.key(rule).is_some()).collect();
    let rule = match there.as_slice() {
        [rule] => *rule,
        [] => {
            // A misspelt one was complained about.
            if !RULES.iter().any(|rule| fields.means(rule)) {
                let what = format!("a schedule has one of {}, and here is none", RULES.join(", "));
                reader.complain(node, what, "write cron: \"0 2 * * *\"");
            }
            return None;
        }
        [first, second, ..] => {
            let key = fields.key(second).expect("it is there");
            let what = format!("one rule of a schedule has {first} or {second}, not both");
            reader.complain(key, what, format!("write a list: schedule: [{{ {first}: … }}, {{ {second}: … }}]"));
            return None;
        }
    };
    for (key, fits) in [("window", rule == "cron"), ("hours", matches!(rule, "every" | "poisson"))] {
        if let Some(node) = fields.key(key).filter(|_| !fits) {
            let write = match key {
                "window" => format!("leave it out; {rule} is spread by itself"),
                _ => "write when: { times: [\"09:00-18:00\"] } beside the schedule".to_string(),
            };
            reader.complain(node, format!("{key} does not go with {rule}"), write);
            return None;
        }
    }
    let value = present(fields.get(rule))?;
    match rule {
        "cron" => read_cron(reader, value, &fields, around),
        "every" => {
            let every = every(reader, value, "every", around);
            let within = within(reader, &fields, around);
            Some(Schedule::Every { every: every?, within: within? })
        }
        "poisson" => poisson(reader, value, &fields, around),
        _ => shift_changes(reader, value, around),
    }
}

fn read_cron(reader: &Reader, node: &Node, fields: &Fields, around: Around) -> Option<Schedule> {
    let cron = reader.text(node, "cron").and_then(|text| match cron::check(&text) {
        Ok(pace) => {
            let fine = allowed(reader, node, pace.an_hour, around, "a rarer cron");
            fine.then(|| Cron(text.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
        Err(wrongs) => {
            for wrong in wrongs {
                reader.complain_within(node, wrong.at, wrong.what, wrong.write);
            }
            None
        }
    });
    let window = match present(fields.get("window")) {
        Some(node) => reader.span(node, "window", limits::WINDOW_MAX),
        None => Some(Duration::ZERO),
    };
    Some(Schedule::Cron { cron: cron?, window: window? })
}

/// `poisson: 30m`, or `poisson: { mean: 30m, hours: … }`.
fn poisson(reader: &Reader, node: &Node, outer: &Fields, around: Around) -> Option<Schedule> {
    if !matches!(node.kind, Kind::Map(_)) {
        let mean = every(reader, node, "poisson", around);
        let within = within(reader, outer, around);
        return Some(Schedule::Poisson { mean: mean?, within: within? });
    }
    let fields = reader.fields(node, "poisson", &["mean", "hours"])?;
    let mean = reader.required(&fields, "poisson", "mean", "30m").and_then(|node| every(reader, node, "mean", around));
    let here = if fields.key("hours").is_some() { &fields } else { outer };
    let within = within(reader, here, around);
    Some(Schedule::Poisson { mean: mean?, within: within? })
}

/// `shift_changes: ["09:00", "18:00"]`, or `{ at: …, before: 10m, after: 20m, every: 5m }`.
fn shift_changes(reader: &Reader, node: &Node, around: Around) -> Option<Schedule> {
    let (before, after) = (Duration::from_secs(600), Duration::from_secs(1200));
    let usual = Duration::from_secs(600);
    if let Kind::List(_) | Kind::Text(_) = node.kind {
        let at = times(reader, node)?;
        return Some(Schedule::ShiftChanges { at: Some(at), before, after, every: usual });
    }
    let fields = reader.fields(node, "shift_changes", &["at", "before", "after", "every"])?;
    let stretch = |key: &str, standard: Duration| {
        present(fields.get(key)).map_or(Some(standard), |node| reader.span(node, key, limits::SHIFT_STRETCH_MAX))
    };
    let at = match present(fields.get("at")) {
        Some(node) => times(reader, node).map(Some),
        None if around.has_hours => Some(None),
        None => {
            reader.complain(
                node,
                "shifts change when the hotline opens and closes, and it has no hours",
                "write at: [\"09:00\", \"18:00\"], or hours: for the hotline",
            );
            None
        }
    };
    let (before, after) = (stretch("before", before), stretch("after", after));
    let every = present(fields.get("every")).map_or(Some(usual), |node| every(reader, node, "every", around));
    Some(Schedule::ShiftChanges { at: at?, before: before?, after: after?, every: every? })
}

fn times(reader: &Reader, node: &Node) -> Option<Vec<NaiveTime>> {
    let items = match &node.kind {
        Kind::List(_) => reader.items(node, "at", "[\"09:00\", \"18:00\"]")?,
        _ => std::slice::from_ref(node),
    };
    let times: Vec<Option<NaiveTime>> = items.iter().map(|item| reader.time(item, "a change of shift")).collect();
    let mut times: Vec<NaiveTime> = times.into_iter().collect::<Option<_>>()?;
    if let Some(beyond) = items.get(limits::RULES_MAX) {
        let what = format!("{} changes of shift; the hard ceiling is {}", times.len(), limits::RULES_MAX);
        reader.complain(beyond, what, "write fewer");
        return None;
    }
    times.sort();
    times.dedup();
    Some(times)
}

/// `hours: open`, `hours: closed`, or hours in OpenStreetMap's form.
fn within(reader: &Reader, fields: &Fields, around: Around) -> Option<Option<Within>> {
    let Some(node) = present(fields.get("hours")) else { return Some(None) };
    let text = reader.text(node, "hours")?;
    let whose = match text.trim() {
        "open" => Within::Open,
        "closed" => Within::Closed,
        text => {
            return match hours::check(text) {
                Ok(()) => Some(Some(Within::Hours(Hours(text.to_string())))),
                Err((offset, what, write)) => {
                    let width = text.chars().count().saturating_sub(offset);
                    reader.complain_within(node, (offset, width), what, write);
                    None
                }
            };
        }
    };
    if !around.has_hours {
        let what = format!("'{}' goes by the hours of the hotline, and it has none", text.trim());
        reader.complain(node, what, "write hours: for the hotline, or \"Mo-Fr 09:00-18:00\" here");
        return None;
    }
    Some(Some(whose))
}

/// A rate that the hotline's limits can bear.
fn every(reader: &Reader, node: &Node, name: &str, around: Around) -> Option<Duration> {
    let every = reader.span(node, name, limits::EVERY_MAX)?;
    if every < limits::EVERY_MIN {
        let (is, floor) = (span::show(every), span::show(limits::EVERY_MIN));
        reader.complain(node, format!("{name} {is} is more often than {floor}"), format!("write {floor} or more"));
        return None;
    }
    allowed(reader, node, an_hour(every), around, "a longer time").then_some(every)
}

fn an_hour(every: Duration) -> u32 {
    3_600_000_u128.div_ceil(every.as_millis().max(1)) as u32
}

fn allowed(reader: &Reader, node: &Node, an_hour: u32, around: Around, rarer: &str) -> bool {
    let Some(allowed) = around.limits.budgets.hour.calls.filter(|allowed| an_hour > *allowed) else { return true };
    let what = format!("this comes {an_hour} times an hour, and limits allow {allowed} calls_per_hour");
    let write = if an_hour > limits::CALLS_PER_HOUR_MAX {
        format!("write {rarer}")
    } else {
        format!("write {rarer}, or calls_per_hour: {an_hour}")
    };
    reader.complain(node, what, write);
    false
}

/// `after_failure: 5m`, or `{ every: 5m, in_a_row: 1, at_most: 2h }`.
pub(super) fn after_failure(reader: &Reader, node: &Node, around: Around) -> Option<AfterFailure> {
    let usual = |every| AfterFailure { every, passes: 1, at_most: Duration::from_secs(2 * 3600) };
    if !matches!(node.kind, Kind::Map(_)) {
        return every(reader, node, "after_failure", around).map(usual);
    }
    let fields = reader.fields(node, "after_failure", &["every", "in_a_row", "at_most"])?;
    let every =
        reader.required(&fields, "after_failure", "every", "5m").and_then(|node| every(reader, node, "every", around));
    let passes = present(fields.get("in_a_row")).map_or(Some(1), |node| reader.count(node, "in_a_row", 20));
    let at_most = present(fields.get("at_most"))
        .map_or(Some(Duration::from_secs(2 * 3600)), |node| reader.span(node, "at_most", limits::FASTER_MAX));
    Some(AfterFailure { every: every?, passes: passes?, at_most: at_most? })
}

/// `confirm: 90s`, or `{ after: 90s, calls: 1 }`.
pub(super) fn confirm(reader: &Reader, node: &Node) -> Option<Confirm> {
    if !matches!(node.kind, Kind::Map(_)) {
        let after = reader.span(node, "confirm", limits::CONFIRM_AFTER_MAX)?;
        return Some(Confirm { after, calls: 1 });
    }
    let fields = reader.fields(node, "confirm", &["after", "calls"])?;
    let after = reader.required(&fields, "confirm", "after", "90s");
    let after = after.and_then(|node| reader.span(node, "after", limits::CONFIRM_AFTER_MAX));
    let calls =
        present(fields.get("calls")).map_or(Some(1), |node| reader.count(node, "calls", limits::CONFIRM_CALLS_MAX));
    Some(Confirm { after: after?, calls: calls? })
}

/// Calls in each hour of the day, as far as rules alone tell; on workdays, weekend days and holidays.
pub(super) type Rates = [[u32; 24]; 3];

/// What the rules of one probe come to at most. Rules that rarely meet others (single days of the month, eves, changes
/// of shift) are left out: a complaint must be right.
pub(super) fn rates(rules: &[Schedule], when: &When) -> Rates {
    let mut rates = Rates::default();
    let kinds = [DayKind::Workday, DayKind::Weekend, DayKind::Holiday];
    for rule in rules {
        let (days, hours, count) = match rule {
            Schedule::Cron { cron, .. } => match cron::check(&cron.0) {
                Ok(pace) if pace.every_month => ([pace.workdays, pace.weekends, false], pace.hours, pace.an_hour),
                _ => continue,
            },
            // What is kept to hours may fall on any of them.
            Schedule::Every { every, within: None } => ([true; 3], u32::MAX, an_hour(*every)),
            Schedule::Poisson { mean, within: None } => ([true; 3], u32::MAX, an_hour(*mean)),
            _ => continue,
        };
        for (kind, row) in rates.iter_mut().enumerate() {
            let called = days[kind] && (when.days.is_empty() || when.days.contains(&kinds[kind]));
            for (hour, cell) in row.iter_mut().enumerate().filter(|(hour, _)| called && hours & (1 << hour) != 0) {
                let at = |minute| NaiveTime::from_hms_opt(hour as u32, minute, 0).unwrap_or_default();
                if when.times.is_empty() || when.times.iter().any(|range| (0..60).all(|m| range.contains(at(m)))) {
                    *cell += count;
                }
            }
        }
    }
    rates
}
