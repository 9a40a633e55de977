//! Calls that are planned, and calls that were planned and not made.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one planned call for good: a restart plans the same ids. `order-line/midnight@2026-11-21T18:00:00Z`, and after
/// it `/confirm@…`, `/control@…` or `/map@…` for a call that another one asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub String);

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What made a call due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
pub enum Cause {
    /// A cron line, with its random window.
    Cron,
    /// A fixed rate (`every: 30m`).
    Every,
    /// A random moment at a mean rate.
    Poisson,
    /// Dense probing around a change of shift.
    ShiftChange,
    /// The faster rate after a failure.
    AfterFailure,
    /// The second opinion on a bad verdict.
    Confirmation { of: PlanId },
    /// A call to a number known to be good: is it the hotline, or our own trunk?
    Control { of: PlanId, trunk: String },
    /// An alert of Alertmanager's.
    Alert { name: String, fingerprint: String, since: DateTime<Utc> },
    /// The hotline called back, as a call of ours asked it to.
    Callback { of: PlanId },
    /// A further call of a mapping of the menus that `of` began.
    Mapping { of: PlanId },
    /// Asked for by a person.
    ByHand,
}

/// Causes whose calls stand for the hotline at any time; others are made because something happened.
pub const SAMPLES: [&str; 3] = ["cron", "every", "poisson"];

impl Cause {
    /// One word, as it stands in files and labels.
    pub fn word(&self) -> &'static str {
        match self {
            Cause::Cron => "cron",
            Cause::Every => "every",
            Cause::Poisson => "poisson",
            Cause::ShiftChange => "shift_change",
            Cause::AfterFailure => "after_failure",
            Cause::Confirmation { .. } => "confirmation",
            Cause::Control { .. } => "control",
            Cause::Alert { .. } => "alert",
            Cause::Callback { .. } => "callback",
            Cause::Mapping { .. } => "mapping",
            Cause::ByHand => "by_hand",
        }
    }
}

/// The probe of a control call: it has no file of its own.
pub const CONTROL_PROBE: &str = "control";

/// A call that should be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub id: PlanId,
    /// Of a control call, the hotline whose verdict hangs on it.
    pub hotline: String,
    /// `control` for control calls.
    pub probe: String,
    pub due: DateTime<Utc>,
    #[serde(flatten)]
    pub cause: Cause,
}

/// Why a planned call was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum NotCalled {
    /// `which` names the limit as files do: `calls_per_hour of order-line`.
    Budget {
        which: String,
        used: String,
        allowed: String,
    },
    /// Another call kept the line (of the hotline, of the trunk, of all) until it was too late for this one.
    AlreadyCalling,
    QuietHours,
    ConsentEnded {
        on: NaiveDate,
    },
    KillSwitch {
        detail: String,
    },
    /// The process was down, or the clock jumped.
    Missed {
        late_s: u64,
    },
    /// Asked for on a day on which the probe does not run.
    NotThisDay,
    /// A reload took its probe away.
    Removed,
    Stopping,
    /// It was tried, and nothing was sent.
    NotMade {
        detail: String,
    },
}

impl NotCalled {
    /// One word, as it stands in files and labels.
    pub fn word(&self) -> &'static str {
        match self {
            NotCalled::Budget { .. } => "budget",
            NotCalled::AlreadyCalling => "already_calling",
            NotCalled::QuietHours => "quiet_hours",
            NotCalled::ConsentEnded { .. } => "consent_ended",
            NotCalled::KillSwitch { .. } => "kill_switch",
            NotCalled::Missed { .. } => "missed",
            NotCalled::NotThisDay => "not_this_day",
            NotCalled::Removed => "removed",
            NotCalled::Stopping => "stopping",
            NotCalled::NotMade { .. } => "not_made",
        }
    }
}

impl fmt::Display for NotCalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotCalled::Budget { which, used, allowed } => {
                write!(f, "{which} is used up: {used} of {allowed}")
            }
            NotCalled::AlreadyCalling => f.write_str("other calls kept the line until it was too late"),
            NotCalled::QuietHours => f.write_str("quiet hours"),
            NotCalled::ConsentEnded { on } => write!(f, "the owner's consent ended on {on}"),
            NotCalled::KillSwitch { detail } => write!(f, "the kill switch is on: {detail}"),
            NotCalled::Missed { late_s } => {
                write!(f, "missed by {late_s} s: nightbell was not running, or the clock jumped")
            }
            NotCalled::NotThisDay => f.write_str("the probe does not run on this kind of day"),
            NotCalled::Removed => f.write_str("its probe was taken away"),
            NotCalled::Stopping => f.write_str("nightbell was stopping"),
            NotCalled::NotMade { detail } => write!(f, "the call could not be made: {detail}"),
        }
    }
}

/// What is held of a probe's hotline after its calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has called yet, or nobody could judge.
    #[default]
    Unknown,
    Good,
    /// A call failed; the second opinion is outstanding.
    Suspect,
    Bad,
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Standing::Unknown => "unknown",
            Standing::Good => "good",
            Standing::Suspect => "suspect",
            Standing::Bad => "bad",
        }
    }
}
