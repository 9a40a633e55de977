//! Calls back: the call that asks for one waits for it after its own end, and the call back knows by its code for whom it is.

use super::*;
use crate::call::sip::expected::{MatchedBy, spoken_digits};
use crate::vocabulary::{Finding, FindingKind};

/// A call back that came may last so long before it is given up: its own limits end it sooner.
const COMING_MAX: Duration = Duration::from_secs(limits::CALL_MAX.as_secs() + 300);
/// A call back that was promised and never came fails the call.
const MISSED_SCORE: u8 = 80;

/// A call back that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wanted {
    pub within_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What a call that is made to us is answered with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Called {
    pub from: String,
    /// Who asked for it, where no code says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// How that was told.
    pub by: MatchedBy,
    /// Codes, and the calls that asked for a call with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<(String, String)>,
}

/// What is told of the call back that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// It is being answered.
    Coming,
    /// It is over, and was for us.
    Came { call: String, from: String },
    /// It is over, and was for somebody else.
    NotForUs,
}

/// How the waiting stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Waiting {
    #[default]
    NotYet,
    /// Until then it may come.
    Until(Moment),
    /// Something is being answered that may be it; after that, until the moment it had.
    Coming {
        gives_up: Moment,
        until: Moment,
    },
    /// It came before this call was over.
    CameEarly,
    Over,
}

impl Journey {
    /// Something was told of a call to us.
    pub(super) fn called_back(&mut self, now: Moment, back: Back, out: &mut Vec<Output>) {
        let within = self.settings.callback.as_ref().map_or(Duration::ZERO, |c| Duration::from_millis(c.within_ms));
        let until = match self.waiting {
            Waiting::Until(until) | Waiting::Coming { until, .. } => until,
            Waiting::NotYet => now + within,
            Waiting::CameEarly | Waiting::Over => return,
        };
        match back {
            Back::Coming => self.waiting = Waiting::Coming { gives_up: now + COMING_MAX, until },
            Back::NotForUs => self.waiting = Waiting::Until(until),
            Back::Came { call, from } => {
                self.tell(now, What::CalledBack { call, from }, out);
                self.waiting = if self.closed.is_some() { Waiting::Over } else { Waiting::CameEarly };
            }
        }
    }

    /// True while a call back may still come. It is waited for only where the call got as far as asking for it.
    pub(super) fn waits_for_call(&mut self, now: Moment, out: &mut Vec<Output>) -> bool {
        let Some(wanted) = self.settings.callback.clone() else { return false };
        let since = self.closed.unwrap_or(now);
        let asked = self.answered.is_some()
            && !self.trace.events.iter().any(|event| match &event.what {
                What::StepFailed { .. } | What::OurFault { .. } => true,
                What::HangingUp { why } => matches!(why, OurReason::Interrupted | OurReason::OurFault),
                _ => false,
            });
        match self.waiting {
            Waiting::Over | Waiting::CameEarly => false,
            Waiting::NotYet if !asked => {
                self.waiting = Waiting::Over;
                false
            }
            Waiting::NotYet => {
                let until = since + Duration::from_millis(wanted.within_ms);
                self.waiting = Waiting::Until(until);
                self.tell(now, What::AwaitingCall { until }, out);
                true
            }
            Waiting::Coming { gives_up, .. } => now < gives_up,
            Waiting::Until(until) if now < until => true,
            Waiting::Until(until) => {
                self.waiting = Waiting::Over;
                let minutes = wanted.within_ms as f64 / 60_000.0;
                let whose =
                    if wanted.from.is_empty() { String::new() } else { format!(" from {}", wanted.from.join(" or ")) };
                let quote = self.trace.events.iter().rev().find_map(|event| match &event.what {
                    What::Words { transcript, .. } => Some(transcript.raw.clone()),
                    _ => None,
                });
                let finding = Finding {
                    kind: FindingKind::NoCallback,
                    dead_end: None,
                    detail: format!("no call back{whose} within {minutes:.1} min"),
                    from: since,
                    to: until,
                    quote,
                    expired_on: None,
                    score: MISSED_SCORE,
                };
                self.tell(now, What::Found(finding), out);
                false
            }
        }
    }

    /// When the waiting ends by itself.
    pub(super) fn waiting_until(&self) -> Option<Moment> {
        self.closed.and(match self.waiting {
            Waiting::Until(until) => Some(until),
            Waiting::Coming { gives_up, .. } => Some(gives_up),
            Waiting::NotYet | Waiting::CameEarly | Waiting::Over => None,
        })
    }

    /// The waiting is broken off from outside.
    pub(super) fn stop_waiting(&mut self, now: Moment, detail: &str, out: &mut Vec<Output>) {
        if matches!(self.waiting, Waiting::Until(_) | Waiting::Coming { .. }) && self.closed.is_some() {
            self.waiting = Waiting::Over;
            self.tell(now, What::OurFault { detail: format!("the call back was not waited for: {detail}") }, out);
        }
    }

    /// Digits that were keyed or said in a call to us: a code among them tells for whom the call is.
    pub(super) fn look_for_code(&mut self, now: Moment, out: &mut Vec<Output>) {
        let Some(called) = &self.settings.called else { return };
        if called.codes.is_empty() || self.trace.events.iter().any(|e| matches!(e.what, What::CodeGiven { .. })) {
            return;
        }
        let (mut keyed, mut said) = (String::new(), String::new());
        for event in &self.trace.events {
            match &event.what {
                What::FarKey { key } => keyed.push(key.symbol()),
                What::Words { transcript, .. } => said.push_str(&spoken_digits(&transcript.text)),
                _ => {}
            }
        }
        // One code may have another in it: the longer one was meant.
        let given = called.codes.iter().filter(|(code, _)| keyed.contains(code) || said.contains(code));
        let given = given.max_by_key(|(code, _)| code.len());
        if let Some((_, for_call)) = given {
            let for_call = for_call.clone();
            self.tell(now, What::CodeGiven { for_call }, out);
        }
    }
}
