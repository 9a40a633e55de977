//! What the store remembers for the schedule over a restart.

use crate::vocabulary::{PlanId, Standing};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// Everything a restart needs to go on as if nothing had happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// `Schedule::through` as it was last written: everything due before is settled. `None`: the very first start.
    pub through: Option<DateTime<Utc>>,
    /// The ids of all calls placed or passed that were due at `through` or later. Alerts: of the last 8 days.
    pub settled: BTreeSet<PlanId>,
    /// Calls since the first of the last month, as the budgets count them: one by one for the last two hours; before,
    /// they may be summed up by hotline, trunk and quarter of an hour.
    pub used: Vec<Used>,
    pub standings: Vec<Remembered>,
}

/// Calls that were made.
#[derive(Clone, Debug, PartialEq)]
pub struct Used {
    pub hotline: String,
    pub trunk: Option<String>,
    pub at: DateTime<Utc>,
    pub calls: u32,
    pub seconds: f64,
    /// A control call: it counts for the trunk and for all, not for the hotline.
    pub control: bool,
}

/// What is held of one probe: `Schedule::remembered` as it was last written.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Remembered {
    pub hotline: String,
    pub probe: String,
    pub standing: Standing,
    /// Failing calls in a row, and calls that passed in a row.
    pub failures: u32,
    pub passes: u32,
    /// Since when the probe calls at the faster rate.
    pub faster_since: Option<DateTime<Utc>>,
    /// Its last call: which, when placed, when over.
    pub last: Option<LastCall>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LastCall {
    pub plan: PlanId,
    pub placed: DateTime<Utc>,
    pub ended: DateTime<Utc>,
}
