//! What holds for the whole watch: budgets over all hotlines, calendars, the kill switch, which alerts ask for which call.

use super::keeping::{Redaction, Retention};
use super::reporting::Reporting;
use crate::vocabulary::Taping;
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// `_watch.yaml`; a folder without one has the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Where the days and months of the budgets of trunks and of all begin.
    pub timezone: Tz,
    /// Over all hotlines together.
    pub limits: Shared,
    /// By country (`CN`) or by a name of the user's.
    pub calendars: BTreeMap<String, Calendar>,
    pub kill_switch: KillSwitch,
    pub alerts: Alerts,
    /// How long what is kept is kept.
    pub retention: Retention,
    /// What is taken out of it.
    pub redaction: Redaction,
    /// What the monthly report compares with.
    pub report: Reporting,
    /// What of calls is kept where a probe does not say.
    pub tape: Taping,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            timezone: Tz::UTC,
            limits: Shared::default(),
            calendars: BTreeMap::new(),
            kill_switch: KillSwitch::default(),
            alerts: Alerts::default(),
            retention: Retention::default(),
            redaction: Redaction::default(),
            report: Reporting::default(),
            tape: Taping::default(),
        }
    }
}

/// Limits that several hotlines share: those of a trunk, and those over all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Most calls at once; of a trunk it is `max_calls`.
    pub concurrent: Option<u32>,
    pub budgets: Budgets,
}

/// What may be used: in any 60 minutes, on a calendar day, in a calendar month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    pub hour: Budget,
    pub day: Budget,
    pub month: Budget,
}

/// `None`: as much as is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    pub calls: Option<u32>,
    pub minutes: Option<u32>,
    pub money: Option<Money>,
}

/// In the currency the user thinks in, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub i64);

/// What calls on a trunk cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    pub per_minute: Money,
    pub per_call: Money,
    /// Every begun stretch of this many seconds is paid in full.
    pub rounded_s: u32,
}

/// Days of a user's own. Of a country they stand above what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Days off of a country.
    pub off: Vec<Days>,
    /// Days of a country that are worked though they look like days off (调休).
    pub work: Vec<Days>,
    /// The days of a calendar with a name of its own, which `days:` of a probe may name.
    pub days: Vec<Days>,
}

/// First and last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl Days {
    pub fn contains(&self, day: NaiveDate) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

/// While it is on, no call is placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillSwitch {
    /// On by the files themselves.
    pub on: bool,
    /// On while this file exists.
    pub file: Option<String>,
}

/// Which call an alert of Alertmanager's asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    /// The label that names the hotline, and the one that names the probe.
    pub hotline_label: String,
    pub probe_label: String,
    /// For alerts that name none; all that fit are called.
    pub map: Vec<AlertRule>,
}

impl Default for Alerts {
    fn default() -> Alerts {
        Alerts { hotline_label: "hotline".into(), probe_label: "probe".into(), map: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRule {
    /// Labels an alert must have, with their values.
    pub labels: BTreeMap<String, String>,
    pub hotline: String,
    pub probe: Option<String>,
}

impl Alerts {
    /// The hotlines an alert with these labels asks to call, each with its probe if one is named.
    pub fn calls(&self, labels: &BTreeMap<String, String>) -> Vec<(String, Option<String>)> {
        if let Some(hotline) = labels.get(&self.hotline_label) {
            return vec![(hotline.clone(), labels.get(&self.probe_label).cloned())];
        }
        let fits = |rule: &&AlertRule| rule.labels.iter().all(|(name, value)| labels.get(name) == Some(value));
        let mut calls: Vec<_> =
            self.map.iter().filter(fits).map(|rule| (rule.hotline.clone(), rule.probe.clone())).collect();
        calls.sort();
        calls.dedup();
        calls
    }
}
