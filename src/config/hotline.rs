//! One hotline: whom to call, when it is open, and its probes.

use super::keeping::{OwnRedaction, OwnRetention};
use super::persona::Persona;
use super::watch::Budgets;
use super::{Problem, Step};
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Lang, Outcome, Taping, Target};
use chrono::{NaiveDate, NaiveTime, Timelike};
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
    /// Where it differs from what holds for all.
    pub retention: OwnRetention,
    pub redaction: OwnRedaction,
    /// At least one; names are unique.
    pub probes: Vec<Probe>,
    /// Texts with the reading they should have, judged by `nightbell check`.
    pub tests: Vec<Case>,
    /// What its menus should be like; the first that fits the day and the time holds.
    pub maps: Vec<ExpectedMap>,
}

/// A map saved by `nightbell map --save`, and on which days and at which times the hotline should be like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedMap {
    /// Its path, joined to the folder of the hotline's file.
    pub file: String,
    pub when: When,
}

/// A probe that maps the menus instead of following steps: call after call, each within the hotline's limits, until the
/// tree is known or one of these is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub calls: u32,
    /// Keys in all calls together.
    pub keys: u32,
    /// On the line, in all calls together.
    pub time: Duration,
    /// Calls that may reach a person.
    pub people: u32,
    /// Longest wait in one queue.
    pub queue: Duration,
    /// Calls at once; never more than the hotline's `concurrent`.
    pub lines: u32,
    /// No call is begun later than this after the first.
    pub within: Duration,
    /// Every dead end is looked at by a second call, however many that takes.
    pub confirm: bool,
}

/// A call that a probe's call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// From the end of the call that asked.
    pub within: Duration,
    /// Numbers it may come from; empty: any.
    pub from: Vec<String>,
    /// Digits that are keyed or said in it.
    pub code: Option<String>,
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
    /// Six calls in any hour and sixty minutes a day, unless the file says otherwise.
    pub budgets: Budgets,
    pub concurrent: u32,
    /// Shortest time from the end of one call to the beginning of the next.
    pub min_gap: Duration,
    /// Longest time a call that is due waits for the line; behind a window, to the window's end.
    pub wait: Duration,
    /// No call begins then, at the hotline's own time.
    pub quiet_hours: Vec<TimeRange>,
    /// Longest ringing.
    pub ring_limit: Duration,
    /// Longest call, ringing included.
    pub call_limit: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        let mut budgets = Budgets::default();
        budgets.hour.calls = Some(6);
        budgets.day.minutes = Some(60);
        Limits {
            budgets,
            concurrent: 1,
            min_gap: Duration::ZERO,
            wait: Duration::from_secs(600),
            quiet_hours: Vec::new(),
            ring_limit: Duration::from_secs(60),
            call_limit: Duration::from_secs(180),
        }
    }
}

/// A stretch of the day, in minutes since midnight; it may run over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeRange {
    pub from: u32,
    /// Not included; 1440 is the end of the day.
    pub to: u32,
}

impl TimeRange {
    pub fn contains(&self, time: NaiveTime) -> bool {
        let minute = time.hour() * 60 + time.minute();
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub name: String,
    /// Empty: called by hand and by alerts only.
    pub schedule: Vec<Schedule>,
    pub after_failure: Option<AfterFailure>,
    pub confirm: Option<Confirm>,
    pub steps: Vec<Step>,
    /// The first that fits the day and the time holds. None: passes when answered, every step succeeded and nothing
    /// found says otherwise.
    pub expect: Vec<Expected>,
    pub when: When,
    /// The hotline's, unless the probe says otherwise.
    pub ring_limit: Duration,
    pub call_limit: Duration,
    pub if_human: IfHuman,
    /// By which method keys leave; None: as the trunk or the answer says.
    pub dtmf: Option<KeyChoice>,
    /// What of its calls is kept; None: as the watch says.
    pub tape: Option<Taping>,
    /// Who calls; what it does not say is as the trunk says.
    pub persona: Persona,
    /// Whom a REFER names is called, where the allow list has it: a second call to every budget.
    pub follow_refer: bool,
    /// The hotline calls back, and that call is waited for.
    pub callback: Option<Callback>,
    /// It maps the menus; then it has no steps.
    pub map: Option<Mapping>,
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

/// Moments at which a probe is due. All are in the hotline's time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    Cron {
        cron: Cron,
        /// The call is made at a random moment this long after the cron moment.
        window: Duration,
    },
    /// A fixed rate. When in it is each probe's own: ten thousand probes are not due at once.
    Every { every: Duration, within: Option<Within> },
    /// Random moments at a mean rate: nobody can prepare for them.
    Poisson { mean: Duration, within: Option<Within> },
    /// Dense probing around the times at which shifts change.
    ShiftChanges {
        /// `None`: whenever the hotline opens or closes.
        at: Option<Vec<NaiveTime>>,
        before: Duration,
        after: Duration,
        every: Duration,
    },
}

/// The hours a schedule is kept to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// While the hotline's own `hours` say open, or closed.
    Open,
    Closed,
    Hours(Hours),
}

/// A faster rate after a failure, until calls pass again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterFailure {
    pub every: Duration,
    /// So many calls must pass in a row.
    pub passes: u32,
    /// And no longer than this, even when none does.
    pub at_most: Duration,
}

/// A bad verdict counts once so many further calls failed as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// From the end of the failing call to the confirming one.
    pub after: Duration,
    pub calls: u32,
}

/// Five fields of Unix cron, known to be readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron(pub String);

/// What must be so, and on which days and at which times it must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub when: When,
    pub expectation: Expectation,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    pub connect: Option<Duration>,
    pub human: Option<Duration>,
    pub outcome: Option<Outcome>,
    /// All of these must be heard; of each, one wording is enough.
    pub heard: Vec<Vec<String>>,
    /// None of these may be heard.
    pub not_heard: Vec<String>,
}

/// Days and times at the hotline's place; all of them by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Empty: every day.
    pub days: Vec<DayKind>,
    /// Empty: all day.
    pub times: Vec<TimeRange>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayKind {
    /// A make-up workday is one, too.
    Workday,
    Weekend,
    Holiday,
    /// A day that looks like a day off and is worked (调休).
    MakeupWorkday,
    /// The last day before a holiday.
    Eve,
    /// A day of a calendar in `_watch.yaml`.
    Named(String),
}

impl DayKind {
    pub const WORDS: [&str; 5] = ["workday", "weekend", "holiday", "makeup_workday", "eve"];

    pub fn new(word: &str) -> DayKind {
        match word {
            "workday" => DayKind::Workday,
            "weekend" => DayKind::Weekend,
            "holiday" => DayKind::Holiday,
            "makeup_workday" => DayKind::MakeupWorkday,
            "eve" => DayKind::Eve,
            name => DayKind::Named(name.to_string()),
        }
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
