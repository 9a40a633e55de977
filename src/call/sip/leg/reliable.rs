//! Provisional responses that must not be lost (RFC 3262): acknowledged with PRACK where we call, repeated until they are
//! where we are called.

use super::*;
use crate::call::sip::message::Message;

/// What a provisional response to our INVITE is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call::sip) enum Reliability {
    /// An ordinary one.
    None,
    /// Reliable and new: its PRACK has left.
    Acknowledged,
    /// Reliable and come again, or before its turn (RFC 3262 §4): not to be looked at.
    Ignored,
}

/// Who acknowledges what: the part of a leg that does one or the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Reliable {
    /// RSeq of the last one of theirs that was acknowledged.
    acknowledged: Option<u32>,
    /// RSeq of the last one of ours.
    sent: Option<u32>,
    /// Ours that waits for its PRACK, and those behind it.
    waiting: Option<Waiting>,
    queue: Vec<Message>,
    /// RSeq of ours whose PRACK had not come when the final response left.
    outstanding: Option<u32>,
}

#[derive(Clone, Debug)]
struct Waiting {
    response: Message,
    number: u32,
    with_answer: bool,
    again: Backoff,
    give_up: Moment,
}

impl Reliable {
    pub fn deadline(&self) -> Option<Moment> {
        self.waiting.as_ref().map(|waiting| waiting.again.at.min(waiting.give_up))
    }

    /// RFC 3262 §3: a 2xx waits for the PRACK of a provisional response that carried our answer.
    pub fn holds_answer(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.with_answer)
    }

    /// RFC 3262 §3: after a final response nothing provisional is repeated, though its PRACK may still come.
    pub fn forget(&mut self) {
        self.outstanding = self.waiting.take().map(|waiting| waiting.number).or(self.outstanding);
        self.queue.clear();
    }
}

/// True when `tag` stands in Supported or Require.
pub(super) fn speaks(message: &Message, tag: &str) -> bool {
    message.list("Supported").chain(message.list("Require")).any(|known| known.eq_ignore_ascii_case(tag))
}

fn requires(message: &Message, tag: &str) -> bool {
    message.list("Require").any(|required| required.eq_ignore_ascii_case(tag))
}

impl Leg {
    /// A provisional response to our INVITE, which made this early dialog.
    pub fn hear_provisional(
        &mut self,
        now: Moment,
        invite: &Message,
        response: &Message,
        out: &mut Vec<LegOutput>,
    ) -> Reliability {
        let number = response.header("RSeq").and_then(|text| text.trim().parse::<u32>().ok());
        let (Some(number), true) = (number, requires(response, "100rel")) else { return Reliability::None };
        if self.state != LegState::Early || self.clients.len() >= SIP_TRANSACTIONS_MAX {
            return Reliability::Ignored;
        }
        // RFC 3262 §4: each is one more than the one before.
        if self.reliable.acknowledged.is_some_and(|last| last.checked_add(1) != Some(number)) {
            return Reliability::Ignored;
        }
        self.reliable.acknowledged = Some(number);
        self.dialog.confirm(invite, response);
        self.note_far_side(response);
        self.settled_early |= response.sdp().is_some();
        let mut prack = self.dialog.request("PRACK");
        let about = response.header("CSeq").unwrap_or_default();
        prack.push("RAck", &format!("{number} {about}"));
        self.send(now, prack, Met::default(), out);
        Reliability::Acknowledged
    }

    /// True when the INVITE that we were called with takes reliable provisional responses.
    fn takes_reliable(&self) -> bool {
        self.invites.iter().find(|i| i.initial).is_some_and(|i| speaks(&i.request, "100rel"))
    }

    pub(super) fn must_be_reliable(&self) -> bool {
        self.invites.iter().find(|i| i.initial).is_some_and(|i| requires(&i.request, "100rel"))
    }

    /// Sends a provisional response that is repeated until its PRACK comes; an ordinary one where the caller knows no
    /// other.
    pub fn ring_reliably(
        &mut self,
        now: Moment,
        status: u16,
        reason: &str,
        sdp: Option<Vec<u8>>,
        out: &mut Vec<LegOutput>,
    ) {
        if status == 100 || !self.takes_reliable() {
            return self.ring_plainly(now, status, reason, sdp, out);
        }
        let Some(mut response) = self.provisional(status, reason, sdp) else { return };
        // RFC 3262 §3: the first number is any below 2^31.
        let number = self.reliable.sent.map_or_else(|| 1 + (self.seed.next_u32() >> 2), |last| last + 1);
        self.reliable.sent = Some(number);
        response.push("Require", "100rel");
        response.push("RSeq", &number.to_string());
        // §3: one at a time.
        if self.reliable.waiting.is_some() {
            if self.reliable.queue.len() < SIP_TRANSACTIONS_MAX {
                self.reliable.queue.push(response);
            }
            return;
        }
        self.send_reliably(now, response, out);
    }

    /// Our 200 has not left yet.
    pub fn waits_for_prack(&self) -> bool {
        self.accept_after_prack.is_some()
    }

    fn send_reliably(&mut self, now: Moment, response: Message, out: &mut Vec<LegOutput>) {
        let Some(index) = self.invites.iter().position(|i| i.initial && i.tx.is_proceeding()) else { return };
        let number = response.header("RSeq").and_then(|text| text.parse().ok()).unwrap_or_default();
        self.reliable.waiting = Some(Waiting {
            number,
            with_answer: response.sdp().is_some(),
            // §3: doubled without the ceiling of T2, and given up after 64·T1.
            again: Backoff::new(now, T1, GIVE_UP),
            give_up: now + GIVE_UP,
            response: response.clone(),
        });
        self.step_invite(now, index, response, out);
    }

    /// A PRACK: 200 when it is about what we wait for, else 481 (RFC 3262 §3).
    pub(super) fn receive_prack(&mut self, now: Moment, key: &ServerKey, prack: &Message, out: &mut Vec<LegOutput>) {
        let mut about = prack.header("RAck").unwrap_or_default().split_whitespace();
        let number = about.next().and_then(|text| text.parse::<u32>().ok());
        let cseq = about.next().and_then(|text| text.parse::<u32>().ok());
        let invite = self.invites.iter().find(|i| i.initial).and_then(|i| i.request.cseq()).map(|(number, _)| number);
        let ours = self.reliable.waiting.as_ref().map(|waiting| waiting.number).or(self.reliable.outstanding);
        let matched = number.is_some() && ours == number && cseq == invite && about.next() == Some("INVITE");
        if !matched {
            return self.reply(now, key, prack, (481, "Call/Transaction Does Not Exist"), &[], out);
        }
        self.reliable.outstanding = None;
        if !prack.body().is_empty() {
            // An offer in a PRACK is for those who have something to change so early; it is not understood here, and says so.
            let refusal =
                if prack.sdp().is_some() { (488, "Not Acceptable Here") } else { (415, "Unsupported Media Type") };
            self.settle_provisional(now, out);
            return self.reply(now, key, prack, refusal, &[], out);
        }
        self.reply(now, key, prack, (200, "OK"), &[], out);
        self.settle_provisional(now, out);
    }

    fn settle_provisional(&mut self, now: Moment, out: &mut Vec<LegOutput>) {
        if let Some(waited) = self.reliable.waiting.take() {
            self.settled_early |= waited.with_answer;
        }
        if let Some(sdp) = self.accept_after_prack.take() {
            self.reliable.forget();
            self.accept(now, sdp, out);
        } else if !self.reliable.queue.is_empty() {
            let next = self.reliable.queue.remove(0);
            self.send_reliably(now, next, out);
        }
    }

    /// Repeats what waits for its PRACK. RFC 3262 §3: one that never comes refuses the call with a 5xx.
    pub(super) fn tick_reliable(&mut self, now: Moment, out: &mut Vec<LegOutput>) {
        let Some(index) = self.invites.iter().position(|i| i.initial && i.tx.is_proceeding()) else {
            return self.reliable.forget();
        };
        let Some(waiting) = &mut self.reliable.waiting else { return };
        if waiting.give_up <= now {
            self.reliable.forget();
            self.accept_after_prack = None;
            self.refuse(now, 504, "Server Time-out", &[], out);
            out.push(LegOutput::Event(LegEvent::NeverAcknowledged));
        } else if waiting.again.due(now) {
            waiting.again.advance(now);
            let response = waiting.response.clone();
            self.step_invite(now, index, response, out);
        }
    }
}
