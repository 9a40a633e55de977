//! Reads what must be so on which day and at which time: `expect` and `when`.

use super::hotline::{DayKind, Expectation, Expected, TimeRange, When};
use super::node::{Kind, Node};
use super::reader::{Reader, present};
use super::steps;
use crate::vocabulary::{Outcome, limits};
use chrono::{NaiveTime, Timelike};
use std::collections::BTreeSet;

/// Outcomes that are a failure of ours: nobody expects them of a hotline.
const OURS: [Outcome; 6] = [
    Outcome::DnsFailed,
    Outcome::TransportFailed,
    Outcome::AuthFailed,
    Outcome::NoResponse,
    Outcome::MediaUnusable,
    Outcome::Aborted,
];

/// One expectation, or a list of cases.
pub(super) fn read(reader: &Reader, node: &Node, calendars: Option<&BTreeSet<String>>) -> Option<Vec<Expected>> {
    let Kind::List(_) = &node.kind else {
        return Some(vec![case(reader, node, calendars)?]);
    };
    let items = reader.items(node, "expect", "{ connect: 5s, human: 60s }")?;
    if let Some(beyond) = items.get(limits::CASES_MAX) {
        let what = format!("{} cases; the hard ceiling is {}", items.len(), limits::CASES_MAX);
        reader.complain(beyond, what, "write several probes");
        return None;
    }
    let cases: Vec<Option<Expected>> = items.iter().map(|item| case(reader, item, calendars)).collect();
    for (index, case) in cases.iter().enumerate() {
        let always = case.as_ref().is_some_and(|case| case.when == When::default());
        if let Some(next) = items.get(index + 1).filter(|_| always) {
            let what = "this case is never reached: the one before it has no when and holds always";
            reader.complain(next, what, "write the case without when last");
            return None;
        }
    }
    cases.into_iter().collect()
}

fn case(reader: &Reader, node: &Node, calendars: Option<&BTreeSet<String>>) -> Option<Expected> {
    let known = ["connect", "human", "outcome", "heard", "not_heard", "when"];
    let fields = reader.fields(node, "expect", &known)?;
    let span = |key: &str| present(fields.get(key)).map(|node| reader.span(node, key, limits::CALL_MAX));
    let (connect, human) = (span("connect"), span("human"));
    let outcome = present(fields.get("outcome")).map(|node| outcome(reader, node));
    let heard = present(fields.get("heard")).map_or(Some(Vec::new()), |node| heard(reader, node));
    let not_heard = present(fields.get("not_heard")).map_or(Some(Vec::new()), |node| texts(reader, node, "not_heard"));
    let when = present(fields.get("when")).map_or(Some(When::default()), |node| self::when(reader, node, calendars));
    let expectation = Expectation {
        connect: flip(connect)?,
        human: flip(human)?,
        outcome: flip(outcome)?,
        heard: heard?,
        not_heard: not_heard?,
    };
    Some(Expected { when: when?, expectation })
}

fn outcome(reader: &Reader, node: &Node) -> Option<Outcome> {
    let words: Vec<&str> = Outcome::ALL.iter().filter(|o| !OURS.contains(o)).map(|o| o.word()).collect();
    if let Kind::Text(word) = &node.kind
        && OURS.iter().any(|ours| ours.word() == word)
    {
        let what = format!("outcome '{word}' is a failure of ours, and no hotline can be expected to have it");
        reader.complain(node, what, format!("write one of {}", words.join(", ")));
        return None;
    }
    let word = reader.word(node, "outcome", &words)?;
    Outcome::ALL.iter().find(|outcome| outcome.word() == word).copied()
}

/// `heard: 欢迎致电`, `heard: [欢迎致电, 人工服务]` (all of them), `heard: [[欢迎致电, welcome], 人工服务]` (one of the inner).
fn heard(reader: &Reader, node: &Node) -> Option<Vec<Vec<String>>> {
    let Kind::List(_) = &node.kind else { return Some(vec![vec![words(reader, node, "heard")?]]) };
    let items = reader.items(node, "heard", "[欢迎致电, 人工服务]")?;
    let all: Vec<Option<Vec<String>>> = items.iter().map(|item| texts(reader, item, "heard")).collect();
    all.into_iter().collect()
}

fn texts(reader: &Reader, node: &Node, name: &str) -> Option<Vec<String>> {
    let items = match &node.kind {
        Kind::List(_) => reader.items(node, name, "[系统维护]")?,
        _ => std::slice::from_ref(node),
    };
    let texts: Vec<Option<String>> = items.iter().map(|item| words(reader, item, name)).collect();
    texts.into_iter().collect()
}

fn words(reader: &Reader, node: &Node, name: &str) -> Option<String> {
    let text = reader.text(node, name)?;
    match steps::read_words(&text, name) {
        Ok(words) => Some(words),
        Err((at, what, write)) => {
            let write = if write.contains("option") { "write words, like 欢迎致电".to_string() } else { write };
            reader.complain_within(node, at, what, write);
            None
        }
    }
}

fn flip<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |read| read.map(Some))
}

/// `when: { days: [workday, eve], times: ["09:00-18:00"] }`. `calendars`: names of the user's own, when they are known.
pub(super) fn when(reader: &Reader, node: &Node, calendars: Option<&BTreeSet<String>>) -> Option<When> {
    let fields = reader.fields(node, "when", &["days", "times"])?;
    if fields.key("days").is_none() && fields.key("times").is_none() {
        reader.required(&fields, "when", "days", "[workday, holiday]");
        return None;
    }
    let days = present(fields.get("days")).map_or(Some(Vec::new()), |node| days(reader, node, calendars));
    let times = present(fields.get("times")).map_or(Some(Vec::new()), |node| time_ranges(reader, node, "times"));
    Some(When { days: days?, times: times? })
}

fn days(reader: &Reader, node: &Node, calendars: Option<&BTreeSet<String>>) -> Option<Vec<DayKind>> {
    let items = match &node.kind {
        Kind::Text(_) => std::slice::from_ref(node),
        _ => reader.items(node, "days", "[workday, holiday]")?,
    };
    let mut known: Vec<&str> = DayKind::WORDS.to_vec();
    known.extend(calendars.into_iter().flatten().map(String::as_str));
    let day = |item: &Node| match (&item.kind, calendars) {
        // The file of calendars could not be read: any name may stand in it.
        (Kind::Text(name), None) => Some(DayKind::new(name)),
        _ => reader.word(item, "day", &known).map(DayKind::new),
    };
    let days: Vec<Option<DayKind>> = items.iter().map(day).collect();
    let mut days: Vec<DayKind> = days.into_iter().collect::<Option<_>>()?;
    days.sort();
    days.dedup();
    Some(days)
}

/// `"09:00-18:00"`, or a list of such; over midnight as well.
pub(super) fn time_ranges(reader: &Reader, node: &Node, name: &str) -> Option<Vec<TimeRange>> {
    let items = match &node.kind {
        Kind::List(_) => reader.items(node, name, "[\"09:00-18:00\"]")?,
        _ => std::slice::from_ref(node),
    };
    let ranges: Vec<Option<TimeRange>> = items.iter().map(|item| time_range(reader, item, name)).collect();
    ranges.into_iter().collect()
}

fn time_range(reader: &Reader, node: &Node, name: &str) -> Option<TimeRange> {
    let text = reader.text(node, name)?;
    let minute = |text: &str| match text.trim() {
        "24:00" => Some(1440),
        text => NaiveTime::parse_from_str(text, "%H:%M").ok().map(|time| time.hour() * 60 + time.minute()),
    };
    let ends = text.split_once(['-', '–', '~']);
    match ends.and_then(|(from, to)| minute(from).zip(minute(to))) {
        Some((from, to)) if from != to && from < 1440 => {
            // 22:00-24:00 ends where the day does.
            Some(TimeRange { from, to: if to == 0 { 1440 } else { to } })
        }
        _ => {
            let what = format!("{name} '{text}' is not a stretch of the day");
            reader.complain(node, what, "write two times of day, like \"22:00-07:00\"");
            None
        }
    }
}
