//! The called end of one call: a UAS made from a received INVITE.

use super::admission::is_sound;
use super::dialog::Dialog;
use super::digest::Authenticator;
use super::leg::{ALLOW, Identity, Leg, LegEvent, LegOutput, came_reliably, contact};
use super::message::{Message, read};
use super::reason::{q850_header, status_of_q850};
use super::transaction::{T1, earliest};
use super::uri::Uri;
use crate::vocabulary::limits::CALL_MAX;
use crate::vocabulary::{Moment, Seed, Transport, trace::EndedBy};
use std::net::SocketAddr;
use std::time::Duration;

/// What can happen to a called end.
#[derive(Clone, Debug, PartialEq)]
pub enum CalledInput {
    /// A message that `Called::wants`.
    Wire { from: SocketAddr, bytes: Vec<u8> },
    /// The connection to or from there is gone.
    Lost { peer: SocketAddr },
    /// Send a provisional response (101–199 with our tag, 100 without).
    Provisional { status: u16, reason: String, sdp: Option<Vec<u8>> },
    /// The same, repeated until its PRACK comes (RFC 3262), where the caller knows of that.
    Reliably { status: u16, reason: String, sdp: Option<Vec<u8>> },
    /// Answer the INVITE with 200.
    Answer { sdp: Vec<u8> },
    /// Refuse the INVITE with a final response 300–699.
    Reject { status: u16, reason: String, headers: Vec<(String, String)> },
    /// End it: BYE when answered, else 480 (or what `q850` means as a status).
    HangUp { q850: Option<u16> },
    /// Offer a new session within the call.
    Reinvite { sdp: Vec<u8> },
    /// Our answer to `CalledEvent::FarOffer`. An empty one refuses it with 488.
    AnswerOffer { offer_id: u32, sdp: Vec<u8> },
    /// Send INFO within the call.
    SendInfo { content_type: String, body: Vec<u8> },
    /// Ask the caller to call somebody else (RFC 3515).
    Refer { to: String },
    /// A deadline has come.
    Tick,
}

/// What a called end wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum CalledOutput {
    /// Send this datagram.
    Send { to: SocketAddr, bytes: Vec<u8> },
    /// Something happened.
    Event(CalledEvent),
}

/// What happened in the call.
#[derive(Clone, Debug, PartialEq)]
pub enum CalledEvent {
    /// The ACK of our 200 came; with SDP when the INVITE had none.
    Acked { sdp: Option<Vec<u8>> },
    /// The caller sent CANCEL; 487 has left.
    Cancelled { q850: Option<u16> },
    /// A re-INVITE or UPDATE offers (or, without SDP, asks for) a session: reply with `CalledInput::AnswerOffer`.
    FarOffer { offer_id: u32, sdp: Option<Vec<u8>> },
    /// An INFO came; it was answered with 200.
    Info { content_type: String, body: Vec<u8> },
    /// The final answer to our INFO; `None` when none came.
    InfoAnswered { status: Option<u16> },
    /// REFER: they want us to call somebody else. It was declined.
    Referred { to: String },
    /// The final answer to our REFER; `None` when none came.
    ReferAnswered { status: Option<u16> },
    /// What came of the call that our REFER asked for, so far.
    Notified { said: String },
    /// The final answer to our re-INVITE.
    ReinviteAnswered { status: u16, sdp: Option<Vec<u8>> },
    /// See `CallerEvent::SessionExpired`.
    SessionExpired,
    /// The call is over: a BYE from either side, or our 200 was never acknowledged (`by: Us`, no status).
    Ended { by: EndedBy, status: Option<u16>, reason: Option<String>, q850: Option<u16> },
    /// Everything that matters is done; see `CallerEvent::Settled`.
    Settled,
    /// Nothing more will be sent; the leg can be dropped. Always comes, always last, once.
    Closed,
}

/// See `Caller`: time for the far side to repeat what it has not heard answered.
const LINGER: Duration = T1.saturating_mul(2);

/// The called end of one call.
#[derive(Clone, Debug)]
pub struct Called {
    call_id: String,
    invite: Message,
    from: SocketAddr,
    leg: Leg,
    stage: Stage,
    /// Every leg has an end, even one that rings for ever.
    until: Option<Moment>,
    linger_until: Option<Moment>,
    settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not stepped yet: the INVITE waits for the time.
    New,
    Ringing,
    Answered,
    Over,
    Closed,
}

impl Called {
    /// A leg for an INVITE that `answer_outside` let pass, received from `from` on our address `local`. Step it with
    /// `Tick` at once; a 100 leaves 200 ms later unless something else did.
    pub fn new(local: SocketAddr, from: SocketAddr, invite: &Message, seed: Seed) -> Called {
        let tag = seed.fork("to-tag").hex(12);
        let first_seq = 1 + (seed.fork("cseq").next_u32() >> 8);
        let called_user = Uri::parse(invite.request_uri().unwrap_or_default()).ok();
        let user = called_user.as_ref().and_then(Uri::sip).and_then(|uri| uri.user.clone());
        // RFC 3261 §12.1.1: a call to `sips:` is answered from one.
        let scheme = if called_user.as_ref().and_then(Uri::sip).is_some_and(|uri| uri.secure) { "sips" } else { "sip" };
        let transport = invite.top_via().map_or(Transport::Udp, |via| via.carrier());
        let contact = contact(scheme, &user.unwrap_or_default(), local, transport);
        let user_agent = concat!("nightbell-rehearsal/", env!("CARGO_PKG_VERSION")).to_string();
        let identity = Identity { local, transport, contact, user_agent, allow: ALLOW };
        let dialog = Dialog::of_called(invite, &tag, first_seq);
        let auth = Authenticator::new(None, seed.fork("cnonce"));
        Called {
            call_id: invite.call_id().unwrap_or_default().to_string(),
            leg: Leg::new(dialog, identity, from, seed.fork("branch"), auth),
            invite: invite.clone(),
            from,
            stage: Stage::New,
            until: None,
            linger_until: None,
            settled: false,
        }
    }

    /// The same under this name (User-Agent, Server).
    pub fn speaking_as(mut self, user_agent: &str) -> Called {
        self.leg.set_user_agent(user_agent);
        self
    }

    /// The Call-ID of this call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// True when this message belongs to this leg: its transactions, its dialog, or a second copy of its INVITE that
    /// came another way (RFC 3261 §8.2.2.2). An INVITE sent again with credentials has the same Call-ID and yet belongs
    /// to a new leg.
    pub fn wants(&self, message: &Message) -> bool {
        if !message.is_request() {
            return self.leg.wants_response(message);
        }
        let is_first = self.stage == Stage::New && message.top_via() == self.invite.top_via();
        is_first || self.leg.wants_request(message) || self.is_merged(message)
    }

    fn is_merged(&self, request: &Message) -> bool {
        request.method() == Some("INVITE")
            && request.call_id() == Some(self.call_id.as_str())
            && request.cseq() == self.invite.cseq()
            && request.header("From") == self.invite.header("From")
            && request.to().is_some_and(|to| to.tag().is_none())
    }

    /// When to step with `CalledInput::Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        match self.stage {
            Stage::New => Some(Moment::START),
            Stage::Closed => None,
            _ => earliest([self.leg.deadline(), self.until, self.linger_until]),
        }
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: CalledInput, out: &mut Vec<CalledOutput>) {
        match self.stage {
            Stage::Closed => return,
            Stage::New => {
                self.leg.receive_first_invite(now, self.invite.clone(), self.from);
                self.stage = Stage::Ringing;
                self.until = Some(now + CALL_MAX);
            }
            _ => {}
        }
        let mut told = Vec::new();
        self.leg.tick(now, &mut told);
        self.pass(now, told, out);
        if self.until.is_some_and(|at| at <= now) {
            self.until = None;
            self.act(now, CalledInput::HangUp { q850: None }, out);
        }
        self.act(now, input, out);
        self.close_when_done(now, out);
    }

    fn act(&mut self, now: Moment, input: CalledInput, out: &mut Vec<CalledOutput>) {
        let mut told = Vec::new();
        let leg = &mut self.leg;
        match input {
            CalledInput::Wire { from, bytes } => return self.receive(now, from, &bytes, out),
            CalledInput::Lost { peer } => leg.lose_connection(now, peer, &mut told),
            CalledInput::Provisional { status, reason, sdp } => {
                if (100..200).contains(&status) {
                    leg.ring(now, status, &reason, sdp, &mut told);
                }
            }
            CalledInput::Reliably { status, reason, sdp } => {
                if (101..200).contains(&status) {
                    leg.ring_reliably(now, status, &reason, sdp, &mut told);
                }
            }
            CalledInput::Answer { sdp } => {
                if leg.accept(now, sdp, &mut told) {
                    self.stage = Stage::Answered;
                }
            }
            CalledInput::Reject { status, reason, headers } => {
                let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                if (300..700).contains(&status) && leg.refuse(now, status, &reason, &headers, &mut told) {
                    self.stage = Stage::Over;
                }
            }
            CalledInput::HangUp { q850 } => match self.stage {
                Stage::Ringing => {
                    let (status, reason) = q850.map_or((480, "Temporarily Unavailable"), status_of_q850);
                    let value = q850.map(q850_header);
                    let headers: Vec<(&str, &str)> = value.iter().map(|v| ("Reason", v.as_str())).collect();
                    if leg.refuse(now, status, reason, &headers, &mut told) {
                        self.stage = Stage::Over;
                    }
                }
                // Not answered after all: the 200 still waits for a PRACK.
                Stage::Answered if leg.waits_for_prack() => {
                    let refused = leg.refuse(now, 480, "Temporarily Unavailable", &[], &mut told);
                    self.stage = if refused { Stage::Over } else { Stage::Answered };
                }
                Stage::Answered => _ = leg.hang_up(now, q850, &mut told),
                _ => {}
            },
            CalledInput::Reinvite { sdp } => {
                if !leg.send_reinvite(now, sdp, &mut told) {
                    told.push(LegOutput::Event(LegEvent::ReinviteAnswered { status: 491, sdp: None }));
                }
            }
            CalledInput::AnswerOffer { offer_id, sdp } => leg.answer_offer(now, offer_id, sdp, &mut told),
            CalledInput::SendInfo { content_type, body } => leg.send_info(now, &content_type, body, &mut told),
            CalledInput::Refer { to } => leg.send_refer(now, &to, &mut told),
            CalledInput::Tick => {}
        }
        self.pass(now, told, out);
    }

    fn receive(&mut self, now: Moment, from: SocketAddr, bytes: &[u8], out: &mut Vec<CalledOutput>) {
        let Ok(message) = read(bytes) else { return };
        let mut told = Vec::new();
        if !message.is_request() {
            if message.faults().is_empty() && self.leg.wants_response(&message) {
                self.leg.respond(now, message, &mut told);
            }
        } else if self.leg.wants_request(&message) && is_sound(&message) {
            self.leg.request(now, message, from, &mut told);
            if self.linger_until.is_some() && !told.is_empty() {
                self.linger(now);
            }
        } else if self.is_merged(&message) {
            self.leg.refuse_merged(&message, from, &mut told);
        }
        self.pass(now, told, out);
    }

    fn pass(&mut self, now: Moment, told: Vec<LegOutput>, out: &mut Vec<CalledOutput>) {
        for one in told {
            let event = match one {
                LegOutput::Send { to, bytes } => {
                    out.push(CalledOutput::Send { to, bytes });
                    continue;
                }
                LegOutput::Event(event) => event,
            };
            let event = match event {
                LegEvent::Acked { sdp, .. } => CalledEvent::Acked { sdp },
                LegEvent::SessionExpired => CalledEvent::SessionExpired,
                LegEvent::FarCancelled { initial: true, q850 } => {
                    self.stage = Stage::Over;
                    CalledEvent::Cancelled { q850 }
                }
                LegEvent::NeverAcknowledged => match self.end(EndedBy::Us, Some(504), None, None) {
                    Some(event) => event,
                    None => continue,
                },
                LegEvent::FarRefer(refer) => {
                    let mut told = Vec::new();
                    self.leg.answer_refer(now, false, &mut told);
                    self.pass(now, told, out);
                    CalledEvent::Referred { to: refer.to }
                }
                LegEvent::FarCancelled { .. } | LegEvent::RefusalDone => continue,
                LegEvent::FarOffer { offer_id, sdp } => CalledEvent::FarOffer { offer_id, sdp },
                LegEvent::FarInfo { content_type, body } => CalledEvent::Info { content_type, body },
                LegEvent::InfoAnswered { status } => CalledEvent::InfoAnswered { status },
                LegEvent::ReferAnswered { status } => CalledEvent::ReferAnswered { status },
                LegEvent::Notified { said } => CalledEvent::Notified { said },
                LegEvent::ReinviteAnswered { status, sdp } => CalledEvent::ReinviteAnswered { status, sdp },
                LegEvent::FarBye { status, reason, q850 } => {
                    self.linger(now);
                    match self.end(EndedBy::Them, status, reason, q850) {
                        Some(event) => event,
                        None => continue,
                    }
                }
                LegEvent::ByeDone { status, reason, q850 } => match self.end(EndedBy::Us, status, reason, q850) {
                    Some(event) => event,
                    None => continue,
                },
                LegEvent::Gone { status, reason } => match self.end(EndedBy::Them, Some(status), Some(reason), None) {
                    Some(event) => event,
                    None => continue,
                },
            };
            out.push(CalledOutput::Event(event));
        }
    }

    fn linger(&mut self, now: Moment) {
        if !came_reliably(&self.invite) {
            self.linger_until = Some(now + LINGER);
        }
    }

    fn end(
        &mut self,
        by: EndedBy,
        status: Option<u16>,
        reason: Option<String>,
        q850: Option<u16>,
    ) -> Option<CalledEvent> {
        if self.stage == Stage::Over {
            return None;
        }
        self.stage = Stage::Over;
        Some(CalledEvent::Ended { by, status, reason, q850 })
    }

    fn close_when_done(&mut self, now: Moment, out: &mut Vec<CalledOutput>) {
        self.linger_until = self.linger_until.filter(|&at| at > now);
        if self.stage != Stage::Over {
            return;
        }
        self.until = None;
        let idle = self.leg.is_idle();
        let quiet = self.linger_until.is_none() && self.leg.is_quiet();
        if (idle || quiet) && !std::mem::replace(&mut self.settled, true) {
            out.push(CalledOutput::Event(CalledEvent::Settled));
        }
        if idle {
            self.stage = Stage::Closed;
            out.push(CalledOutput::Event(CalledEvent::Closed));
        }
    }
}
