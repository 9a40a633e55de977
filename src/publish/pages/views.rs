//! What pages show, as the edge hands it over: plain values, read from the store, the board and the files.

use crate::record::call::CallRecord;
use crate::vocabulary::{HeardKind, Outcome, Planned, Standing, Verdict};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// What the daemon knows this moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Now {
    pub version: String,
    pub started: DateTime<Utc>,
    /// What is wrong with the prober itself, a sentence each.
    pub troubles: Vec<String>,
    /// By name.
    pub hotlines: Vec<HotlineNow>,
    /// The oldest first.
    pub live: Vec<LiveCall>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HotlineNow {
    pub name: String,
    pub target: String,
    pub timezone: Tz,
    pub hours: Option<String>,
    pub probes: Vec<ProbeNow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ProbeNow {
    pub name: String,
    pub standing: Standing,
    pub next: Option<DateTime<Utc>>,
}

/// A call that is up.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveCall {
    pub call: String,
    pub hotline: String,
    pub probe: String,
    pub timezone: Tz,
    pub since: DateTime<Utc>,
    pub stage: Stage,
    /// Of the call, so far.
    pub keys: usize,
    pub hearing: Option<HeardKind>,
    /// The last prompt; nothing once a person has answered.
    pub words: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Dialling,
    Ringing,
    Answered,
    /// A person is on the line.
    Human,
    HangingUp,
}

impl HotlineNow {
    /// The worst of its probes.
    pub fn standing(&self) -> Standing {
        let rank = |standing| match standing {
            Standing::Bad => 3,
            Standing::Suspect => 2,
            Standing::Unknown => 0,
            Standing::Good => 1,
        };
        self.probes.iter().map(|probe| probe.standing).max_by_key(|standing| rank(*standing)).unwrap_or_default()
    }

    /// The soonest call of its probes.
    pub fn next(&self) -> Option<(DateTime<Utc>, &str)> {
        self.probes.iter().filter_map(|probe| Some((probe.next?, probe.name.as_str()))).min()
    }
}

/// Which calls a list shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Heard in the call, all in one text; empty: anything.
    pub words: String,
    pub hotline: Option<String>,
    pub verdict: Option<Verdict>,
    pub outcome: Option<Outcome>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// Goes on behind this call.
    pub before: Option<Cursor>,
}

/// A place in a list of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Microseconds since 1970.
    pub due: i64,
    pub call: String,
}

impl Cursor {
    pub fn from_text(text: &str) -> Option<Cursor> {
        let (due, call) = text.split_once('.')?;
        Some(Cursor { due: due.parse().ok()?, call: call.to_string() })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.due, self.call)
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The newest first.
    pub calls: Vec<ListedCall>,
    /// Where it goes on.
    pub next: Option<Cursor>,
    /// A search that looked only so far back.
    pub looked_until: Option<DateTime<Utc>>,
    /// One Latin letter or digit is in every text.
    pub too_short: bool,
}

/// A call as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedCall {
    pub call: String,
    pub hotline: String,
    pub probe: String,
    pub due: DateTime<Utc>,
    pub verdict: Option<Verdict>,
    /// The verdict that counts, once it is known.
    pub counted: Option<Verdict>,
    pub outcome: Option<Outcome>,
    pub because: String,
    /// The kind of the gravest finding.
    pub finding: Option<String>,
    pub connect_s: Option<f64>,
    pub human_s: Option<f64>,
    pub duration_s: Option<f64>,
}

/// How many calls came to what, by the verdicts that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub pass: u64,
    pub fail: u64,
    /// Nobody could judge, or a second opinion is outstanding.
    pub unclear: u64,
    pub not_made: u64,
    /// Of the calls that the schedule made, as the report counts: those that passed, and those that failed by the
    /// hotline's doing.
    pub available: u64,
    pub unavailable: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.pass += other.pass;
        self.fail += other.fail;
        self.unclear += other.unclear;
        self.not_made += other.not_made;
        self.available += other.available;
        self.unavailable += other.unavailable;
    }
}

/// One call with all that is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptCall {
    pub call: String,
    pub plan: Planned,
    pub under_way: bool,
    pub target: String,
    pub trunk: Option<String>,
    pub verdict: Option<Verdict>,
    pub counted: Option<Verdict>,
    pub outcome: Option<Outcome>,
    pub ended: Option<DateTime<Utc>>,
    /// Gone once its time is over, or on request.
    pub record: Option<CallRecord>,
    /// The record as it is kept and hashed.
    pub text: Option<String>,
    pub tape: Option<Kept>,
    pub wav: Option<Kept>,
}

/// A file of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
    /// What a person said was taken out.
    pub redacted: bool,
}
