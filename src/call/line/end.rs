//! The signalling of a line: of a call we make, or of one that is made to us. Both take and tell the same.

use crate::call::sip::{
    Called, CalledEvent, CalledInput, CalledOutput, Caller, CallerEvent, CallerInput, CallerOutput, Message,
};
use crate::vocabulary::trace::EndedBy;
use crate::vocabulary::{Moment, Seed};
use std::net::SocketAddr;

pub(super) enum End {
    Calls(Box<Caller>),
    IsCalled(Box<Answering>),
}

/// The called end of a call whose INVITE may not have come yet.
pub(super) struct Answering {
    local: SocketAddr,
    user_agent: String,
    seed: Seed,
    called: Option<Called>,
    over: bool,
}

impl Answering {
    pub fn new(local: SocketAddr, user_agent: String, seed: Seed) -> Answering {
        Answering { local, user_agent, seed, called: None, over: false }
    }

    /// The INVITE came: it rings, and is answered with this description, or refused when there is none to give.
    pub fn answer(
        &mut self,
        now: Moment,
        from: SocketAddr,
        invite: &Message,
        sdp: Option<Vec<u8>>,
        out: &mut Vec<CallerOutput>,
    ) {
        let called = Called::new(self.local, from, invite, self.seed.clone()).speaking_as(&self.user_agent);
        self.called = Some(called);
        self.step(now, CalledInput::Tick, out);
        let ringing = CalledInput::Provisional { status: 180, reason: "Ringing".to_string(), sdp: None };
        match sdp {
            Some(sdp) => {
                self.step(now, ringing, out);
                self.step(now, CalledInput::Answer { sdp }, out);
            }
            None => {
                let (status, reason) = (488, "Not Acceptable Here".to_string());
                self.step(now, CalledInput::Reject { status, reason, headers: Vec::new() }, out);
            }
        }
    }

    /// No INVITE has come yet.
    pub fn waits(&self) -> bool {
        self.called.is_none() && !self.over
    }

    fn step(&mut self, now: Moment, input: CalledInput, out: &mut Vec<CallerOutput>) {
        let Some(called) = &mut self.called else { return };
        let mut told = Vec::new();
        called.step(now, input, &mut told);
        for one in told {
            match one {
                CalledOutput::Send { to, bytes } => out.push(CallerOutput::Send { to, bytes }),
                CalledOutput::Event(event) => out.extend(as_callers(event).map(CallerOutput::Event)),
            }
        }
    }

    /// Nobody has called: there is nothing to end.
    fn give_up(&mut self, out: &mut Vec<CallerOutput>) {
        self.over = true;
        let (by, status, reason, q850) = (EndedBy::Us, None, None, None);
        let events = [CallerEvent::Ended { by, status, reason, q850 }, CallerEvent::Settled, CallerEvent::Closed];
        out.extend(events.map(CallerOutput::Event));
    }
}

impl End {
    pub fn call_id(&self) -> &str {
        match self {
            End::Calls(caller) => caller.call_id(),
            End::IsCalled(answering) => answering.called.as_ref().map_or("", Called::call_id),
        }
    }

    pub fn deadline(&self) -> Option<Moment> {
        match self {
            End::Calls(caller) => caller.deadline(),
            End::IsCalled(answering) => answering.called.as_ref().and_then(Called::deadline),
        }
    }

    pub fn step(&mut self, now: Moment, input: CallerInput, out: &mut Vec<CallerOutput>) {
        let answering = match self {
            End::Calls(caller) => return caller.step(now, input, out),
            End::IsCalled(answering) => answering,
        };
        let input = match input {
            CallerInput::Wire { from, bytes } => CalledInput::Wire { from, bytes },
            CallerInput::Lost { peer, .. } => CalledInput::Lost { peer },
            CallerInput::HangUp if answering.waits() => return answering.give_up(out),
            CallerInput::HangUp => CalledInput::HangUp { q850: None },
            CallerInput::Answer { offer_id, sdp } => CalledInput::AnswerOffer { offer_id, sdp },
            CallerInput::SendInfo { content_type, body } => CalledInput::SendInfo { content_type, body },
            CallerInput::Tick => CalledInput::Tick,
            // Nothing is dialled, sent on or transferred here: `Called` declines a REFER by itself.
            CallerInput::Dial { .. }
            | CallerInput::Unreachable { .. }
            | CallerInput::Permit { .. }
            | CallerInput::AnswerRefer { .. }
            | CallerInput::Notify { .. } => return,
        };
        answering.step(now, input, out);
    }
}

/// What a called end tells, in a caller's words.
fn as_callers(event: CalledEvent) -> Option<CallerEvent> {
    Some(match event {
        CalledEvent::Acked { sdp } => CallerEvent::FarAnswer { sdp: sdp? },
        CalledEvent::Cancelled { q850 } => {
            CallerEvent::Ended { by: EndedBy::Them, status: Some(487), reason: None, q850 }
        }
        CalledEvent::FarOffer { offer_id, sdp } => CallerEvent::FarOffer { offer_id, to_tag: String::new(), sdp },
        CalledEvent::Info { content_type, body } => CallerEvent::FarInfo { content_type, body },
        CalledEvent::InfoAnswered { status } => CallerEvent::InfoAnswered { status },
        CalledEvent::Ended { by, status, reason, q850 } => CallerEvent::Ended { by, status, reason, q850 },
        CalledEvent::SessionExpired => CallerEvent::SessionExpired,
        CalledEvent::Settled => CallerEvent::Settled,
        CalledEvent::Closed => CallerEvent::Closed,
        CalledEvent::Referred { .. }
        | CalledEvent::ReferAnswered { .. }
        | CalledEvent::Notified { .. }
        | CalledEvent::ReinviteAnswered { .. } => return None,
    })
}
