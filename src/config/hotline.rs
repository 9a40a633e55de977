//! One hotline: whom to call, when it is open, and its probes.

use super::{Problem, Step};
use crate::vocabulary::{Lang, Outcome, Target};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Hotline {
    /// `a-z 0-9 -`
    pub name: String,
    /// The file it was read from, as shown to people.
    pub file: String,
    pub target: Target,
    /// Name of a trunk that is there; a `tel:` target always has one.
    pub trunk: Option<String>,
    /// Never empty; the first is the one expected first.
    pub languages: Vec<Lang>,
    pub timezone: Tz,
    pub hours: Option<Hours>,
    /// Country of holidays and of call-progress tones, e.g. `CN`.
    pub calendar: Option<String>,
    pub consent: Option<Consent>,
    pub limits: Limits,
    /// At least one; names are unique.
    pub probes: Vec<Probe>,
    /// Texts with the reading they should have, judged by `nightbell check`.
    pub tests: Vec<Case>,
}

/// Opening hours in OpenStreetMap syntax, known to be readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub owner: String,
    pub until: NaiveDate,
}

/// What may be asked of a hotline; never above the ceilings of `vocabulary::limits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub calls_per_hour: u32,
    pub minutes_per_day: u32,
    pub concurrent: u32,
    /// Longest ringing.
    pub ring_limit: Duration,
    /// Longest call, ringing included.
    pub call_limit: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            calls_per_hour: 6,
            minutes_per_day: 60,
            concurrent: 1,
            ring_limit: Duration::from_secs(60),
            call_limit: Duration::from_secs(180),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub name: String,
    pub schedule: Option<Schedule>,
    pub steps: Vec<Step>,
    /// `None`: passes when answered, every step succeeded and nothing found says otherwise.
    pub expect: Option<Expectation>,
    pub when: When,
    /// The hotline's, unless the probe says otherwise.
    pub ring_limit: Duration,
    pub call_limit: Duration,
    pub if_human: IfHuman,
}

/// What a caller does when a person answers whom no `human` step waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfHuman {
    /// Ends the call politely (`if_human: hang_up`).
    #[default]
    HangUp,
    /// Goes on with the steps (`if_human: go_on`).
    GoOn,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub cron: Cron,
    /// The call is made at a random moment this long after the cron moment.
    pub window: Duration,
}

/// Five fields of Unix cron, known to be readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron(pub String);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    pub connect: Option<Duration>,
    pub human: Option<Duration>,
    pub outcome: Option<Outcome>,
}

/// Kinds of day on which a probe runs; all of them by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    pub days: Vec<DayKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayKind {
    Workday,
    Weekend,
    Holiday,
}

impl Default for When {
    fn default() -> When {
        When { days: vec![DayKind::Workday, DayKind::Weekend, DayKind::Holiday] }
    }
}

/// A text with the reading it should have.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub text: String,
    pub lang: Option<Lang>,
    /// The date and the time of day on which it is heard.
    pub on: Option<NaiveDate>,
    pub at: Option<NaiveTime>,
    /// One of the contract's closed kinds.
    pub kind: Option<String>,
    /// key → label, exactly these when given.
    pub options: Option<std::collections::BTreeMap<String, String>>,
    /// `stale`, `not_stale` or `cannot_tell`.
    pub stale: Option<String>,
    /// A complaint at its place, without words yet.
    pub(super) place: Problem,
}

impl Case {
    /// A complaint about this test.
    pub fn complaint(&self, file: &str, what: impl Into<String>, write: impl Into<String>) -> Problem {
        let mut problem = self.place.clone();
        (problem.file, problem.what, problem.write) = (file.to_string(), what.into(), write.into());
        problem
    }
}
