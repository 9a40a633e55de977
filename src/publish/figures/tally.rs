//! Counts of a month: what was due and what came of it, outcomes, the week by hours, days, outages, announcements.

use super::call::{Call, Use};
use super::proportion::Share;
use super::quantile::Quantiles;
use crate::vocabulary::{AttributableTo, Layer, Outcome, Verdict};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was due.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Due {
    /// By schedule or asked for; control calls are not among them.
    pub planned: u64,
    pub made: u64,
    pub under_way: u64,
    pub not_made: u64,
    /// Why not, in the words of `NotCalled`.
    pub reasons: BTreeMap<String, u64>,
    /// What made the calls that were made due.
    pub causes: BTreeMap<String, u64>,
    pub used: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeRow {
    pub verdict: Option<Verdict>,
    pub outcome: Option<Outcome>,
    pub layer: Option<Layer>,
    pub attributable_to: Option<AttributableTo>,
    pub calls: u64,
}

/// One hour of one weekday.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    pub judged: u64,
    pub failed: u64,
    pub inconclusive: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    pub day: u8,
    pub made: u64,
    pub judged: u64,
    pub failed: u64,
    pub inconclusive: u64,
    pub connect_median_s: Option<f64>,
}

/// Failures of one hotline in a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outage {
    pub from: DateTime<Utc>,
    /// The first success after it; `None`: the month ended before one.
    pub until: Option<DateTime<Utc>>,
    pub calls: Vec<String>,
}

/// What the queue said against what came.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Announced {
    /// Calls that were told a time.
    pub told: u64,
    /// Of these, calls that then reached a person.
    pub reached: u64,
    /// Of these, calls that waited longer than they were told.
    pub longer: Option<Share>,
    /// Gave up, or were cut off, after less than the announced time: nothing can be said of them.
    pub unknown: u64,
    /// Real minus announced, in seconds.
    pub difference_s: Quantiles,
    pub ahead: Quantiles,
    pub pairs: Vec<Pair>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    pub call: String,
    pub announced_s: f64,
    pub waited_s: f64,
}

/// Pairs that are kept for a drawing; the list of calls has all.
const PAIRS_MAX: usize = 400;

pub(super) fn due(calls: &[&Call], not_made: &BTreeMap<String, u64>) -> Due {
    let mut due = Due { reasons: not_made.clone(), not_made: not_made.values().sum(), ..Due::default() };
    for call in calls.iter().filter(|call| call.used != Use::Control) {
        if call.used == Use::UnderWay {
            due.under_way += 1;
        } else {
            due.made += 1;
        }
        *due.causes.entry(call.cause.to_string()).or_default() += 1;
        *due.used.entry(call.used.word().to_string()).or_default() += 1;
    }
    due.planned = due.made + due.under_way + due.not_made;
    due
}

pub(super) fn outcomes(calls: &[&Call]) -> Vec<OutcomeRow> {
    let mut rows = BTreeMap::new();
    let known = |call: &&&Call| !matches!(call.used, Use::Control | Use::Refused | Use::UnderWay);
    for call in calls.iter().filter(known) {
        *rows.entry((call.verdict, call.layer, call.outcome, call.attributable_to)).or_insert(0) += 1;
    }
    let row = |((verdict, layer, outcome, attributable_to), calls)| OutcomeRow {
        verdict,
        outcome,
        layer,
        attributable_to,
        calls,
    };
    let mut rows: Vec<OutcomeRow> = rows.into_iter().map(row).collect();
    rows.sort_by_key(|row| (row.verdict, std::cmp::Reverse(row.calls)));
    rows
}

/// `[weekday][hour]`, Monday first, of sampled calls.
pub(super) fn heat(calls: &[&Call]) -> Vec<Vec<Cell>> {
    let mut heat = vec![vec![Cell::default(); 24]; 7];
    for call in calls.iter().filter(|call| call.used.is_sampled()) {
        let cell = &mut heat[usize::from(call.weekday)][usize::from(call.hour)];
        cell.judged += u64::from(call.used.is_judged());
        cell.failed += u64::from(call.used == Use::Failure);
        cell.inconclusive += u64::from(call.used == Use::Inconclusive);
    }
    heat
}

pub(super) fn days(calls: &[&Call], days: u8) -> Vec<Day> {
    let mut connects: Vec<Vec<f64>> = vec![Vec::new(); usize::from(days)];
    let mut told: Vec<Day> = (1..=days)
        .map(|day| Day { day, made: 0, judged: 0, failed: 0, inconclusive: 0, connect_median_s: None })
        .collect();
    for call in calls.iter().filter(|call| !matches!(call.used, Use::Control | Use::UnderWay)) {
        let Some(day) = told.get_mut(usize::from(call.day).wrapping_sub(1)) else { continue };
        day.made += 1;
        day.judged += u64::from(call.used.is_judged());
        day.failed += u64::from(call.used == Use::Failure);
        day.inconclusive += u64::from(call.used == Use::Inconclusive);
        if call.used.is_judged() {
            connects[usize::from(call.day) - 1].extend(call.connect_s);
        }
    }
    for (day, connects) in told.iter_mut().zip(connects) {
        day.connect_median_s = Quantiles::of(connects, &[0.5]).at(0.5).map(|median| median.value);
    }
    told
}

/// Days as clusters for `proportion::clustered`, by hotline: a bad day of one is none of another.
pub(super) fn clusters(calls: &[&Call]) -> Vec<(u64, u64)> {
    let mut days: BTreeMap<(&str, u8), (u64, u64)> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.used.is_judged()) {
        let day = days.entry((&call.hotline, call.day)).or_default();
        day.0 += u64::from(call.used == Use::Success);
        day.1 += 1;
    }
    days.into_values().collect()
}

/// Calls of one hotline, in order.
pub(super) fn outages(calls: &[&Call]) -> Vec<Outage> {
    let mut outages: Vec<Outage> = Vec::new();
    let mut open: Option<Outage> = None;
    for call in calls {
        match (call.used, &mut open) {
            (Use::Failure, Some(outage)) => outage.calls.push(call.id.clone()),
            (Use::Failure, None) => open = Some(Outage { from: call.due, until: None, calls: vec![call.id.clone()] }),
            (Use::Success, Some(outage)) => {
                outage.until = Some(call.due);
                outages.extend(open.take());
            }
            _ => {}
        }
    }
    outages.extend(open);
    outages
}

pub(super) fn announced(calls: &[&Call]) -> Announced {
    let mut announced = Announced::default();
    let (mut differences, mut ahead) = (Vec::new(), Vec::new());
    let (mut longer, mut known) = (0, 0);
    for call in calls.iter().filter(|call| !matches!(call.used, Use::Control | Use::Refused)) {
        ahead.extend(call.announced_ahead.map(f64::from));
        let Some(told) = call.announced_s else { continue };
        announced.told += 1;
        match (call.queue_s, call.duration_s) {
            (Some(waited), _) => {
                announced.reached += 1;
                known += 1;
                longer += u64::from(waited > told);
                differences.push(waited - told);
                if announced.pairs.len() < PAIRS_MAX {
                    announced.pairs.push(Pair { call: call.id.clone(), announced_s: told, waited_s: waited });
                }
            }
            // Nobody came in the announced time, though nobody knows how long it would have been.
            (None, Some(lasted)) if call.human_s.is_none() && lasted - call.connect_s.unwrap_or(lasted) > told => {
                known += 1;
                longer += 1;
            }
            _ => announced.unknown += 1,
        }
    }
    announced.longer = (known > 0).then(|| Share::of(longer, known));
    announced.difference_s = Quantiles::of(differences, &[0.5, 0.9]);
    announced.ahead = Quantiles::of(ahead, &[0.5, 0.9]);
    announced
}
