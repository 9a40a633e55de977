//! What is held of one probe: a bad verdict counts once a second opinion, and a control call where there is one, agree.

use super::budget::Micros;
use super::memory::{LastCall, Remembered};
use crate::config::Probe;
use crate::vocabulary::{Outcome, PlanId, Standing, Verdict};
use chrono::{DateTime, Utc};
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(super) struct Follow {
    pub standing: Standing,
    /// In a row.
    pub failures: u32,
    pub passes: u32,
    /// When the first failure asked for the faster rate; until enough calls have passed.
    pub faster_since: Option<Micros>,
    pub last: Option<Last>,
    /// The next call of the faster rate.
    pub faster_due: Option<Micros>,
    /// The second opinion: when, and on which call.
    pub confirm: Option<(Micros, PlanId)>,
    /// The failing call whose verdict hangs on a control call.
    pub awaiting: Option<Last>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Last {
    pub plan: PlanId,
    pub placed: Micros,
    pub ended: Micros,
}

/// What a verdict leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    Counts(Verdict),
    /// A further call is to confirm it.
    Confirm,
    /// The trunk is to be tried with a control call.
    Control,
}

impl Follow {
    /// Takes in the verdict of a call that is over. `control`: whether a control call could tell more.
    pub fn take(&mut self, probe: &Probe, call: Last, verdict: Verdict, control: bool, now: Micros) -> Ruling {
        self.last = Some(call.clone());
        self.confirm = None;
        let ruling = match verdict {
            Verdict::Pass => {
                (self.failures, self.passes, self.awaiting) = (0, self.passes.saturating_add(1), None);
                self.standing = Standing::Good;
                if probe.after_failure.as_ref().is_none_or(|faster| self.passes >= faster.passes) {
                    self.faster_since = None;
                }
                Ruling::Counts(Verdict::Pass)
            }
            Verdict::Inconclusive => Ruling::Counts(Verdict::Inconclusive),
            Verdict::Fail => {
                (self.failures, self.passes) = (self.failures.saturating_add(1), 0);
                if probe.after_failure.is_some() {
                    self.faster_since.get_or_insert(now);
                }
                self.failed(probe, call, control, now)
            }
        };
        self.faster_due = self.faster_at(probe, now);
        ruling
    }

    fn failed(&mut self, probe: &Probe, call: Last, control: bool, now: Micros) -> Ruling {
        let needed = probe.confirm.as_ref().map_or(0, |confirm| confirm.calls);
        if self.standing != Standing::Bad
            && self.failures <= needed
            && let Some(confirm) = &probe.confirm
        {
            self.standing = Standing::Suspect;
            self.confirm = Some((now + micros(confirm.after), call.plan));
            return Ruling::Confirm;
        }
        self.settle_failure(call, control)
    }

    /// Enough calls have failed, or no more can be made.
    pub fn settle_failure(&mut self, call: Last, control: bool) -> Ruling {
        if control {
            if self.standing != Standing::Bad {
                self.standing = Standing::Suspect;
            }
            self.awaiting = Some(call);
            return Ruling::Control;
        }
        self.awaiting = None;
        self.standing = Standing::Bad;
        Ruling::Counts(Verdict::Fail)
    }

    /// What the control call showed of the failure that waited for it.
    pub fn controlled(&mut self, trunk_is_good: bool) -> Verdict {
        self.awaiting = None;
        if trunk_is_good {
            self.standing = Standing::Bad;
            Verdict::Fail
        } else {
            // It was ours: nothing is known of the hotline.
            self.failures = 0;
            self.standing = Standing::Unknown;
            Verdict::Inconclusive
        }
    }

    /// When the faster rate asks for the next call.
    pub fn faster_at(&self, probe: &Probe, now: Micros) -> Option<Micros> {
        let faster = probe.after_failure.as_ref()?;
        let due = now + micros(faster.every);
        self.faster_since.filter(|since| due <= since + micros(faster.at_most)).map(|_| due)
    }

    /// The clock was set back.
    pub fn set_back(&mut self, probe: &Probe, now: Micros) {
        self.faster_since = self.faster_since.map(|since| since.min(now));
        for call in [&mut self.last, &mut self.awaiting].into_iter().flatten() {
            (call.placed, call.ended) = (call.placed.min(now), call.ended.min(now));
        }
        if self.faster_due.is_some() {
            self.faster_due = self.faster_at(probe, now);
        }
        if let (Some((due, _)), Some(confirm)) = (&mut self.confirm, &probe.confirm) {
            *due = (*due).min(now + micros(confirm.after));
        }
    }

    pub fn remembered(&self, hotline: &str, probe: &str) -> Remembered {
        Remembered {
            hotline: hotline.to_string(),
            probe: probe.to_string(),
            standing: self.standing,
            failures: self.failures,
            passes: self.passes,
            faster_since: self.faster_since.map(time),
            last: self.last.as_ref().map(|last| LastCall {
                plan: last.plan.clone(),
                placed: time(last.placed),
                ended: time(last.ended),
            }),
        }
    }

    /// As it was remembered; what was outstanding is outstanding again.
    pub fn restore(remembered: &Remembered, probe: &Probe, control: bool, now: Micros) -> Follow {
        let last = remembered.last.as_ref().map(|last| Last {
            plan: last.plan.clone(),
            placed: last.placed.timestamp_micros().min(now),
            ended: last.ended.timestamp_micros().min(now),
        });
        let mut follow = Follow {
            standing: remembered.standing,
            failures: remembered.failures,
            passes: remembered.passes,
            faster_since: remembered.faster_since.map(|since| since.timestamp_micros().min(now)),
            last: last.clone(),
            ..Follow::default()
        };
        let Some(last) = last else { return follow };
        if follow.standing == Standing::Suspect {
            match probe.confirm.as_ref().filter(|confirm| follow.failures <= confirm.calls) {
                Some(confirm) => {
                    follow.confirm = Some((last.ended + micros(confirm.after), last.plan.clone()));
                }
                None if control => follow.awaiting = Some(last.clone()),
                None => {}
            }
        }
        // After a long sleep everybody would be due at once.
        let due = follow.faster_at(probe, last.ended);
        follow.faster_due = due.filter(|due| *due >= now).or_else(|| due.and_then(|_| follow.faster_at(probe, now)));
        follow
    }
}

/// Failures that a broken trunk of ours looks like: nothing was ever understood.
pub(super) fn may_be_the_trunk(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::NoAnswer
            | Outcome::Busy
            | Outcome::Congestion
            | Outcome::Rejected
            | Outcome::NumberDead
            | Outcome::NetworkAnnouncement
            | Outcome::NoMedia
            | Outcome::Silence
            | Outcome::UnexpectedHangup
    )
}

pub(super) fn micros(span: Duration) -> Micros {
    span.as_micros() as Micros
}

pub(super) fn time(at: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at).unwrap_or_default()
}
