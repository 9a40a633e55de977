//! One call as the figures see it: small, so that a month of a hundred thousand stays in memory.

use super::survival::Wait;
use crate::publish::reading;
use crate::record::call::CallRecord;
use crate::understanding::Waiting;
use crate::vocabulary::trace::EndedBy;
use crate::vocabulary::{AttributableTo, Cause, Layer, Outcome, PlanId, Planned, Verdict};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

/// One call of the month, as the store has it.
pub struct Seen<'a> {
    pub plan: &'a Planned,
    /// Its id; `None` never happens for a call that was made.
    pub call: &'a str,
    pub verdict: Option<Verdict>,
    pub outcome: Option<Outcome>,
    /// The verdict that counts, where it is known.
    pub counted: Option<Verdict>,
    /// `None`: still under way, or its time of keeping was over.
    pub record: Option<&'a CallRecord>,
    /// Why the ledger does not vouch for the record.
    pub refused: Option<&'a str>,
    /// Recording and tape by their place in the vault, where they are still kept.
    pub wav: Option<&'a str>,
    pub tape: Option<&'a str>,
}

/// What a call is to the estimates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Sampled, and all as it should be.
    Success,
    /// Sampled, and the hotline fell short.
    Failure,
    /// Sampled and failed, but by the carrier, or nobody knows by whom: not held against the hotline.
    NotAttributable,
    /// Sampled, and could not be judged: ours.
    Inconclusive,
    /// Made for another reason than to sample (after a failure, as a second opinion, by an alert, by hand).
    Extra,
    /// A control call to a line known to be good.
    Control,
    /// Its record is not the one the ledger knows: nothing in it is used.
    Refused,
    /// Still under way when the report was made.
    UnderWay,
}

impl Use {
    pub fn word(self) -> &'static str {
        match self {
            Use::Success => "success",
            Use::Failure => "failure",
            Use::NotAttributable => "not_attributable",
            Use::Inconclusive => "inconclusive",
            Use::Extra => "extra",
            Use::Control => "control",
            Use::Refused => "refused",
            Use::UnderWay => "under_way",
        }
    }

    /// Among those that availability is computed from.
    pub fn is_judged(self) -> bool {
        matches!(self, Use::Success | Use::Failure)
    }

    pub fn is_sampled(self) -> bool {
        matches!(self, Use::Success | Use::Failure | Use::NotAttributable | Use::Inconclusive)
    }
}

/// A row of the list of calls, which every number of the report can be counted from again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    pub id: String,
    pub hotline: String,
    pub probe: String,
    pub plan: PlanId,
    pub due: DateTime<Utc>,
    /// Weekday (0 is Monday) and hour at the hotline's place, and the day of the month.
    pub weekday: u8,
    pub hour: u8,
    pub day: u8,
    pub cause: &'static str,
    #[serde(skip)]
    pub of: Option<PlanId>,
    pub verdict: Option<Verdict>,
    pub counted: Option<Verdict>,
    pub outcome: Option<Outcome>,
    pub layer: Option<Layer>,
    pub attributable_to: Option<AttributableTo>,
    #[serde(rename = "use")]
    pub used: Use,
    /// A failure that its second opinion did not confirm.
    pub unconfirmed: bool,
    pub because: String,
    pub late_s: Option<f64>,
    pub connect_s: Option<f64>,
    pub first_prompt_s: Option<f64>,
    pub human_s: Option<f64>,
    /// From the end of the choice (or the queue's first word) to a person.
    pub queue_s: Option<f64>,
    pub duration_s: Option<f64>,
    pub mos: Option<f64>,
    pub loss: Option<f64>,
    pub announced_ahead: Option<u32>,
    pub announced_s: Option<f64>,
    pub findings: u32,
    pub dead_ends: u32,
    pub stale: u32,
    pub wav: Option<String>,
    pub tape: Option<String>,
    #[serde(skip)]
    pub ended_by_us: bool,
}

/// Whether a call is part of the sample: its moment was chosen before anything was known of the hotline.
fn samples(cause: &Cause) -> bool {
    crate::vocabulary::plan::SAMPLES.contains(&cause.word())
}

impl Call {
    pub(super) fn of(seen: &Seen, zone: Tz, understood: &mut reading::Understood) -> Call {
        use chrono::{Datelike, Timelike};
        let local = seen.plan.due.with_timezone(&zone);
        let record = seen.record.filter(|_| seen.refused.is_none());
        let waiting = record.map_or_else(Waiting::default, |record| reading::waiting(record, understood));
        let times = record.map(|record| record.times.clone()).unwrap_or_default();
        let of = match &seen.plan.cause {
            Cause::Confirmation { of } | Cause::Control { of, .. } | Cause::Callback { of } => Some(of.clone()),
            _ => None,
        };
        let late_s = record.and_then(|record| {
            let began = DateTime::parse_from_rfc3339(&record.started).ok()?;
            Some((began.with_timezone(&Utc) - seen.plan.due).num_milliseconds() as f64 / 1e3)
        });
        let findings = record.map_or(&[][..], |record| &record.findings);
        let count = |wanted: fn(&crate::record::call::FindingLine) -> bool| {
            findings.iter().filter(|finding| wanted(finding)).count() as u32
        };
        let verdict = record.map(|record| record.verdict).or(seen.verdict);
        Call {
            id: seen.call.to_string(),
            hotline: seen.plan.hotline.clone(),
            probe: seen.plan.probe.clone(),
            plan: seen.plan.id.clone(),
            due: seen.plan.due,
            weekday: local.weekday().num_days_from_monday() as u8,
            hour: local.hour() as u8,
            day: local.day() as u8,
            cause: seen.plan.cause.word(),
            of,
            verdict,
            counted: seen.counted,
            outcome: record.map(|record| record.outcome).or(seen.outcome),
            layer: record.map(|record| record.layer),
            attributable_to: record.map(|record| record.attributable_to),
            used: match &seen.plan.cause {
                _ if seen.refused.is_some() => Use::Refused,
                Cause::Control { .. } => Use::Control,
                _ if verdict.is_none() => Use::UnderWay,
                cause if !samples(cause) => Use::Extra,
                _ => used(verdict, record.map(|record| record.attributable_to)),
            },
            unconfirmed: false,
            because: match (seen.refused, record) {
                (Some(why), _) => why.to_string(),
                (None, Some(record)) => record.because.clone(),
                (None, None) => String::new(),
            },
            late_s,
            connect_s: times.connect_s,
            first_prompt_s: times.first_prompt_s,
            human_s: times.human_s,
            queue_s: record.and_then(|record| reading::queue_s(record, understood)),
            duration_s: times.duration_s,
            mos: record.and_then(|record| record.media.as_ref()?.mos_lq),
            loss: record.and_then(|record| reading::loss_ratio(record.media.as_ref()?)),
            announced_ahead: waiting.ahead,
            announced_s: waiting.seconds.map(f64::from),
            findings: findings.len() as u32,
            dead_ends: count(|finding| finding.dead_end.is_some()),
            stale: count(|finding| finding.kind == crate::vocabulary::FindingKind::StalePrompt),
            wav: seen.wav.map(String::from),
            tape: seen.tape.map(String::from),
            ended_by_us: record.is_some_and(|record| record.sip.ended_by == Some(EndedBy::Us)),
        }
    }

    /// What a sampled call came to, once its second opinion is known.
    pub fn settle(&mut self, counted: Verdict) {
        if self.used.is_sampled() {
            self.unconfirmed = self.verdict == Some(Verdict::Fail) && counted == Verdict::Pass;
            self.used = used(Some(counted), self.attributable_to);
        }
    }

    /// The wait until somebody, or something, answers.
    pub fn wait_for_answer(&self) -> Option<Wait> {
        match (self.connect_s, self.duration_s, self.outcome) {
            _ if !self.used.is_judged() => None,
            (Some(s), ..) => Some(Wait::Served(s)),
            (None, Some(s), Some(Outcome::NoAnswer)) => Some(Wait::GaveUp(s)),
            _ => Some(Wait::Never),
        }
    }

    /// The wait for a person, from the INVITE on: what a caller feels.
    pub fn wait_for_person(&self) -> Option<Wait> {
        match (self.human_s, self.duration_s) {
            _ if !self.used.is_judged() => None,
            (Some(s), _) => Some(Wait::Served(s)),
            (None, Some(s)) if self.ended_by_us || self.outcome == Some(Outcome::NoAnswer) => Some(Wait::GaveUp(s)),
            _ => Some(Wait::Never),
        }
    }
}

fn used(verdict: Option<Verdict>, whose: Option<AttributableTo>) -> Use {
    match (verdict, whose) {
        (Some(Verdict::Pass), _) => Use::Success,
        (Some(Verdict::Fail), Some(AttributableTo::Hotline)) => Use::Failure,
        (Some(Verdict::Fail), Some(AttributableTo::Probe)) => Use::Inconclusive,
        (Some(Verdict::Fail), _) => Use::NotAttributable,
        _ => Use::Inconclusive,
    }
}
