//! What the schedule is told, and what it tells.

use crate::config::Config;
use crate::vocabulary::{AttributableTo, NotCalled, Outcome, PlanId, Planned, Standing, Verdict};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// Something happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A placed call is over.
    Ended(Ended),
    /// A placed call was not made after all: nothing was sent.
    NotMade { plan: PlanId, detail: String },
    /// The files were read anew, and are good.
    Reload(Arc<Config>),
    /// An alert asks for a call.
    Alert(AlertIn),
    /// A mapping of the menus wants its next call.
    MapOn(MapOn),
    /// Somebody waits for a call that no probe plans: may it be made, now or not at all?
    Check(Check),
    /// The kill switch's file came or went. (`kill_switch: { on: true }` in the files comes with `Reload`.)
    Kill { on: bool, detail: String },
    /// No more calls; those under way end by themselves or are ended by the edge.
    Stopping,
}

/// A further call of a mapping: it waits for the line and for the budgets like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapOn {
    /// The mapping's first call.
    pub of: PlanId,
    pub hotline: String,
    pub probe: String,
    /// Which call of the mapping it is, from 1.
    pub number: u32,
    /// Not placed by then, it is passed.
    pub latest: DateTime<Utc>,
}

/// A call outside of the schedule (`/probe`), and within its budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// For `Input::Ended`.
    pub plan: PlanId,
    /// Whose line it is, when it is one of the files'.
    pub hotline: Option<String>,
    pub trunk: Option<String>,
    /// What it takes at most.
    pub longest: Duration,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub plan: PlanId,
    pub verdict: Verdict,
    pub outcome: Outcome,
    pub attributable_to: AttributableTo,
    /// From the INVITE to the end: what the budgets are charged.
    pub seconds: f64,
    /// How many calls it came to be: whom a REFER named was called, too.
    pub calls: u32,
}

/// One firing alert that is mapped to a hotline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertIn {
    pub hotline: String,
    /// The hotline's first probe, when it names none.
    pub probe: Option<String>,
    pub name: String,
    pub fingerprint: String,
    /// `startsAt`: the alert is called for once, however often Alertmanager repeats it.
    pub since: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Make this call now. Its budget is reserved; write it down before the INVITE.
    Place(Planned),
    /// A check may be made: its budget is reserved until `Input::Ended`. Or why not.
    Checked { plan: PlanId, refused: Option<NotCalled> },
    /// This call was planned and is not made.
    Passed { planned: Planned, why: NotCalled },
    /// Calls of one probe that were missed beside those told one by one (the process was down for long).
    PassedMany { hotline: String, probe: String, from: DateTime<Utc>, to: DateTime<Utc>, count: u64, why: NotCalled },
    /// What is held of a probe after a call. `counted` is the verdict that counts, `None` while a second opinion or a
    /// control call is outstanding; `plan` is the call it is about.
    Standing { hotline: String, probe: String, standing: Standing, counted: Option<Verdict>, plan: PlanId },
}
