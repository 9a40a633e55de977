//! Reads `_watch.yaml`.

use super::budget_file;
use super::hotline::DayKind;
use super::keeping::{self, Redaction, Retention};
use super::node::{Kind, Node};
use super::problem::Problem;
use super::reader::{Reader, present};
use super::reporting::{self, Reporting};
use super::watch::{AlertRule, Alerts, Calendar, Days, KillSwitch, Shared, Watch};
use crate::vocabulary::{Taping, limits};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

const KEYS: [&str; 9] =
    ["timezone", "limits", "calendars", "kill_switch", "alerts", "retention", "redaction", "report", "tape"];

/// What is known of the file, even when it has mistakes.
#[derive(Default)]
pub(super) struct Read {
    pub watch: Option<Watch>,
    /// Names of the user's own calendars, broken ones too.
    pub calendars: BTreeSet<String>,
    /// Hotlines and probes that alerts name, with a complaint for those that are not there.
    pub called: Vec<(String, Option<String>, Problem)>,
    /// A complaint for budgets of money where no trunk has a price.
    pub money: Option<Problem>,
}

pub(super) fn read(reader: &Reader) -> Read {
    let root = &reader.document.root;
    let mut read = Read::default();
    if root.is_null() {
        read.watch = Some(Watch::default());
        return read;
    }
    let Some(fields) = reader.fields(root, "the file of the watch", &KEYS) else { return read };
    let get = |key: &str| present(fields.get(key));
    let standard = Watch::default();
    let timezone = get("timezone").map_or(Some(standard.timezone), |node| super::hotline_file::timezone(reader, node));
    let limits = get("limits").map_or(Some(Shared::default()), |node| shared(reader, node, &mut read));
    let calendars = get("calendars").map_or(Some(BTreeMap::new()), |node| calendars(reader, node, &mut read));
    let kill_switch = get("kill_switch").map_or(Some(KillSwitch::default()), |node| kill_switch(reader, node));
    let alerts = get("alerts").map_or(Some(Alerts::default()), |node| alerts(reader, node, &mut read));
    let retention = get("retention").map_or(Some(Default::default()), |node| keeping::retention(reader, node));
    let redaction = get("redaction").map_or(Some(Default::default()), |node| keeping::redaction(reader, node));
    let tape = get("tape").map_or(Some(Taping::default()), |node| reader.taping(node));
    let report = get("report").map_or(Some(Reporting::default()), |node| reporting::read(reader, node));
    if let (Some(timezone), Some(limits), Some(calendars), Some(kill_switch), Some(alerts)) =
        (timezone, limits, calendars, kill_switch, alerts)
        && let (Some(retention), Some(redaction), Some(report), Some(tape)) = (retention, redaction, report, tape)
    {
        let (retention, redaction) = (retention.over(&Retention::default()), redaction.over(&Redaction::default()));
        read.watch =
            Some(Watch { timezone, limits, calendars, kill_switch, alerts, retention, redaction, report, tape });
    }
    read
}

/// `limits: { concurrent: 20, calls_per_day: 5000, money_per_month: 300 }`
fn shared(reader: &Reader, node: &Node, read: &mut Read) -> Option<Shared> {
    let mut known = vec!["concurrent"];
    known.extend(budget_file::KEYS);
    let fields = reader.fields(node, "limits", &known)?;
    let concurrent = present(fields.get("concurrent"))
        .map_or(Some(None), |node| reader.count(node, "concurrent", limits::TRUNK_CALLS_MAX).map(Some));
    let budgets = budget_file::read(reader, &fields, &budget_file::SHARED, Default::default());
    read.money = budget_file::money_key(&fields).map(|key| {
        let what = "a budget of money needs prices, and no trunk has one";
        place(reader, key, what, "write price: 0.12 (a minute) for the trunks in _trunks.yaml")
    });
    Some(Shared { concurrent: concurrent?, budgets: budgets? })
}

fn place(reader: &Reader, node: &Node, what: impl Into<String>, write: impl Into<String>) -> Problem {
    let width = reader.document.raw(node).chars().count();
    reader.source.problem(reader.document.place(node), width, what.into(), write.into())
}

/// `CN: { off: [2027-01-01..2027-01-03], work: [2027-02-20] }` or `promotion: [2026-11-11]`.
fn calendars(reader: &Reader, node: &Node, read: &mut Read) -> Option<BTreeMap<String, Calendar>> {
    let Kind::Map(entries) = &node.kind else {
        let what = format!("calendars are names with their days, and here stands {}", node.sort());
        reader.complain(node, what, "write calendars: { promotion: [2026-11-11] }");
        return None;
    };
    let mut calendars = BTreeMap::new();
    let mut fine = true;
    for (key, value) in entries {
        // `NO` is Norway to people and false to old YAML.
        let name = match &key.kind {
            Kind::Text(name) => name.clone(),
            _ => reader.document.raw(key).to_string(),
        };
        let country = name.len() == 2 && name.chars().all(|c| c.is_ascii_uppercase());
        let own = |c: char| {
            c.is_lowercase() || c.is_alphabetic() && !c.is_uppercase() || c.is_ascii_digit() || "_-".contains(c)
        };
        // Broken ones too: a probe that names one is not to blame.
        if !country {
            read.calendars.insert(name.clone());
        }
        if !country && (DayKind::WORDS.contains(&name.as_str()) || !name.chars().all(own)) {
            let what = format!("'{name}' is no name for a calendar of your own, and no country's two letters");
            reader.complain(key, what, "write a name like promotion, or CN to add to a country's days");
            fine = false;
            continue;
        }
        if calendars.contains_key(&name) {
            reader.complain(key, format!("the calendar '{name}' stands twice"), "write it once");
            fine = false;
            continue;
        }
        match calendar(reader, value, &name, country) {
            Some(calendar) => drop(calendars.insert(name, calendar)),
            None => fine = false,
        }
    }
    fine.then_some(calendars)
}

fn calendar(reader: &Reader, node: &Node, name: &str, country: bool) -> Option<Calendar> {
    if !country {
        return Some(Calendar { days: days(reader, node, name)?, ..Calendar::default() });
    }
    let fields = reader.fields(node, "the calendar of a country", &["off", "work"])?;
    let list = |key: &str| present(fields.get(key)).map_or(Some(Vec::new()), |node| days(reader, node, key));
    let (off, work) = (list("off"), list("work"));
    Some(Calendar { off: off?, work: work?, days: Vec::new() })
}

/// Dates, and stretches of them: `2026-10-01`, `2026-10-01..2026-10-07`.
fn days(reader: &Reader, node: &Node, name: &str) -> Option<Vec<Days>> {
    let items = match &node.kind {
        Kind::Text(_) => std::slice::from_ref(node),
        _ => reader.items(node, name, "[2026-10-01..2026-10-07]")?,
    };
    if let Some(beyond) = items.get(limits::CALENDAR_DAYS_MAX) {
        let what = format!("{} entries; the hard ceiling is {}", items.len(), limits::CALENDAR_DAYS_MAX);
        reader.complain(beyond, what, "write stretches, like 2026-10-01..2026-10-07");
        return None;
    }
    let days: Vec<Option<Days>> = items.iter().map(|item| stretch(reader, item)).collect();
    let mut days: Vec<Days> = days.into_iter().collect::<Option<_>>()?;
    days.sort();
    Some(days)
}

fn stretch(reader: &Reader, node: &Node) -> Option<Days> {
    let raw = match &node.kind {
        Kind::Text(text) => text.trim().to_string(),
        _ => reader.document.raw(node).to_string(),
    };
    let Some((from, to)) = raw.split_once("..") else {
        return reader.date(node, "day").map(|day| Days { from: day, to: day });
    };
    let date = |text: &str| text.trim().parse::<NaiveDate>().ok();
    match date(from).zip(date(to)) {
        Some((from, to)) if from <= to && (to - from).num_days() <= 366 => Some(Days { from, to }),
        Some((from, to)) if from > to => {
            reader.complain(node, format!("'{raw}' runs backwards"), format!("write {to}..{from}"));
            None
        }
        _ => {
            let what = format!("'{raw}' is not a stretch of days within a year");
            reader.complain(node, what, "write first and last day, like 2026-10-01..2026-10-07");
            None
        }
    }
}

/// `kill_switch: { on: false, file: /etc/nightbell/stop }`
fn kill_switch(reader: &Reader, node: &Node) -> Option<KillSwitch> {
    let fields = reader.fields(node, "kill_switch", &["on", "file"])?;
    let on = present(fields.get("on")).map_or(Some(false), |node| reader.truth(node, "on"));
    let file = match present(fields.get("file")) {
        None => Some(None),
        Some(node) => reader.text(node, "file").map(Some),
    };
    Some(KillSwitch { on: on?, file: file? })
}

/// `alerts: { hotline_label: hotline, probe_label: probe, map: [{ labels: { job: crm }, hotline: order-line }] }`
fn alerts(reader: &Reader, node: &Node, read: &mut Read) -> Option<Alerts> {
    let fields = reader.fields(node, "alerts", &["hotline_label", "probe_label", "map"])?;
    let standard = Alerts::default();
    let label = |key: &str, standard: String| {
        present(fields.get(key)).map_or(Some(standard), |node| {
            let name = reader.text(node, key)?;
            label_name(reader, node, &name).then_some(name)
        })
    };
    let hotline_label = label("hotline_label", standard.hotline_label);
    let probe_label = label("probe_label", standard.probe_label);
    let map = match present(fields.get("map")) {
        None => Some(Vec::new()),
        Some(node) => reader.items(node, "map", "[{ labels: { job: crm }, hotline: order-line }]").and_then(|items| {
            let rules: Vec<Option<AlertRule>> = items.iter().map(|item| alert_rule(reader, item, read)).collect();
            rules.into_iter().collect()
        }),
    };
    Some(Alerts { hotline_label: hotline_label?, probe_label: probe_label?, map: map? })
}

/// A label's name as Prometheus has it: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn label_name(reader: &Reader, node: &Node, name: &str) -> bool {
    let fine =
        !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fine {
        reader.complain(node, format!("'{name}' is no name of a label"), "write letters, digits and _, like severity");
    }
    fine
}

fn alert_rule(reader: &Reader, node: &Node, read: &mut Read) -> Option<AlertRule> {
    let fields = reader.fields(node, "an entry of map", &["labels", "hotline", "probe"])?;
    let labels = reader.required(&fields, "an entry of map", "labels", "{ job: crm }");
    let labels = labels.and_then(|node| match &node.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            let mut labels = BTreeMap::new();
            for (key, value) in entries {
                let name = reader.text(key, "a label")?;
                let value = reader.text(value, "the value of a label")?;
                if !label_name(reader, key, &name) {
                    return None;
                }
                labels.insert(name, value);
            }
            Some(labels)
        }
        _ => {
            reader.complain(node, "labels are names with values", "write { alertname: CrmDown, severity: page }");
            None
        }
    });
    let hotline_at = reader.required(&fields, "an entry of map", "hotline", "order-line");
    let hotline = hotline_at.and_then(|node| reader.text(node, "hotline"));
    let probe_at = present(fields.get("probe"));
    let probe = probe_at.map_or(Some(None), |node| reader.text(node, "probe").map(Some));
    if let (Some(name), Some(node), Some(probe)) = (&hotline, hotline_at, &probe) {
        let complaint = place(reader, probe_at.unwrap_or(node), "", "");
        read.called.push((name.clone(), probe.clone(), complaint));
    }
    Some(AlertRule { labels: labels?, hotline: hotline?, probe: probe? })
}
