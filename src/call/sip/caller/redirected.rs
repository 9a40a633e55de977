//! 3xx (RFC 3261 §8.1.3.4): whom the far side says to call instead. Each is asked for leave first, none is called twice, and
//! there is an end to it. Where nobody else is left to call, the call came to what the last one came to.

use super::*;
use crate::call::sip::address::NameAddr;
use crate::vocabulary::Target;
use crate::vocabulary::limits::{PERMIT_TIME_MAX, SIP_REDIRECTS_MAX};
use std::collections::BTreeSet;

/// Contacts of one response that are looked at.
const CONTACTS_MAX: usize = 16;

/// Whom else to call, and who was.
#[derive(Clone, Debug, Default)]
pub(super) struct Redirection {
    /// By their q, the most wanted first.
    waiting: Vec<(u16, u16, Target)>,
    /// In one spelling.
    seen: BTreeSet<String>,
    followed: usize,
    /// Leave was asked to call this one, which a 3xx of this status named; by then it must have come.
    asking: Option<(Target, u16, Moment)>,
    /// What the call comes to if nobody else is called.
    otherwise: Option<CallerEvent>,
}

impl Redirection {
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    pub fn deadline(&self) -> Option<Moment> {
        self.asking.as_ref().map(|(.., until)| *until)
    }
}

impl Caller {
    /// The Contacts of a 3xx. 305 and 380 name nobody to call (RFC 3261 §21.3.4, §21.3.5).
    pub(super) fn note_contacts(&mut self, status: u16, response: &Message, out: &mut Vec<CallerOutput>) {
        if !self.settings.way.redirects || !matches!(status, 300..=302) {
            return;
        }
        if let Ok(first) = self.settings.target_uri.parse::<Target>() {
            self.redirection.seen.insert(spelling(&first));
        }
        for value in response.list("Contact").take(CONTACTS_MAX) {
            let Some(contact) = NameAddr::parse(value) else { continue };
            let mut refuse = |refused: String| {
                let to = contact.uri.clone();
                out.push(CallerOutput::Event(CallerEvent::Redirected { status, to, refused: Some(refused) }));
            };
            // The guard first: there is no value that holds an emergency number.
            let target = match contact.uri.parse::<Target>() {
                Ok(target) => target,
                Err(why) => {
                    refuse(why.to_string());
                    continue;
                }
            };
            if !self.redirection.seen.insert(spelling(&target)) {
                refuse("it was called in this call already".to_string());
                continue;
            }
            self.redirection.waiting.push((thousandths(contact.params.get("q")), status, target));
        }
        // Stable: among equals as they stand.
        self.redirection.waiting.sort_by_key(|(q, ..)| std::cmp::Reverse(*q));
    }

    /// It came to nothing there: somebody else is called, or this is the end.
    pub(super) fn fail(&mut self, event: CallerEvent, now: Moment, out: &mut Vec<CallerOutput>) {
        if self.redirection.waiting.is_empty() || self.hanging_up {
            return self.conclude(event, out);
        }
        self.redirection.otherwise = Some(event);
        self.ask_for_next(now, out);
    }

    fn ask_for_next(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        while !self.redirection.waiting.is_empty() {
            let (_, status, target) = self.redirection.waiting.remove(0);
            if self.redirection.followed < SIP_REDIRECTS_MAX {
                out.push(CallerOutput::Permit { target: target.to_string() });
                self.redirection.asking = Some((target, status, now + PERMIT_TIME_MAX));
                return;
            }
            let refused = Some(format!("a call is sent on {SIP_REDIRECTS_MAX} times at most"));
            out.push(CallerOutput::Event(CallerEvent::Redirected { status, to: target.to_string(), refused }));
        }
        if let Some(event) = self.redirection.otherwise.take() {
            self.conclude(event, out);
        }
    }

    pub(super) fn permitted(
        &mut self,
        now: Moment,
        target: String,
        granted: Result<Granted, String>,
        out: &mut Vec<CallerOutput>,
    ) {
        let asked = self.redirection.asking.take_if(|(asked, ..)| asked.to_string() == target);
        let Some((_, status, _)) = asked.filter(|_| self.phase == Phase::Inviting) else { return };
        let refused = granted.as_ref().err().cloned();
        out.push(CallerOutput::Event(CallerEvent::Redirected { status, to: target, refused }));
        let Ok(Granted { uri, places }) = granted else { return self.ask_for_next(now, out) };
        self.redirection.followed += 1;
        self.redirection.otherwise = None;
        self.request_uri = uri;
        if let Some(first) = places.first() {
            self.settings.way.places.clone_from(&places);
            (self.remote, self.place) = (first.address, 0);
        }
        // A new request to somebody else (RFC 3261 §8.1.3.4): the same call, the same caller, the next number.
        (self.rang, self.met, self.datagrams_only) = (false, Met::default(), false);
        // What the one before insisted on, this one may not know.
        self.required = None;
        self.linger_until = None;
        self.let_legs_go();
        self.provisionals.clear();
        self.invite(now, out);
    }

    pub(super) fn tick_redirection(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        if let Some((target, ..)) = self.redirection.asking.clone().filter(|(.., until)| *until <= now) {
            let why = format!("no leave to call it within {} s", PERMIT_TIME_MAX.as_secs());
            self.permitted(now, target.to_string(), Err(why), out);
        }
    }
}

/// One spelling of what is the same to whoever is called (RFC 3261 §19.1.4, roughly: parameters count but their order).
fn spelling(target: &Target) -> String {
    let text = target.to_string();
    let mut parts: Vec<&str> = text.split(';').collect();
    parts[1..].sort_unstable();
    let (user, place) = parts[0].rsplit_once('@').unwrap_or((parts[0], ""));
    format!("{user}@{};{}", place.to_ascii_lowercase(), parts[1..].join(";").to_ascii_lowercase())
}

/// q (RFC 3261 §20.10): 1 where it is not said.
fn thousandths(q: Option<String>) -> u16 {
    let said = q.and_then(|q| q.parse::<f64>().ok()).filter(|q| (0.0..=1.0).contains(q));
    (said.unwrap_or(1.0) * 1_000.0) as u16
}
