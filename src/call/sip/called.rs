//! The called end of one call: a UAS made from a received INVITE.

use super::message::Message;
use crate::vocabulary::{Moment, Seed, trace::EndedBy};
use std::net::SocketAddr;

/// What can happen to a called end.
#[derive(Clone, Debug, PartialEq)]
pub enum CalledInput {
    /// A datagram that `Called::wants`.
    Wire { from: SocketAddr, bytes: Vec<u8> },
    /// Send a provisional response (101–199 with our tag, 100 without).
    Provisional { status: u16, reason: String, sdp: Option<Vec<u8>> },
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
    /// The final answer to our re-INVITE.
    ReinviteAnswered { status: u16, sdp: Option<Vec<u8>> },
    /// The call is over: a BYE from either side, or our 200 was never acknowledged (`by: Us`, no status).
    Ended { by: EndedBy, status: Option<u16>, reason: Option<String>, q850: Option<u16> },
    /// Everything that matters is done; see `CallerEvent::Settled`.
    Settled,
    /// Nothing more will be sent; the leg can be dropped. Always comes, always last, once.
    Closed,
}

/// The called end of one call.
#[derive(Clone, Debug)]
pub struct Called {
    call_id: String,
}

impl Called {
    /// A leg for an INVITE received from `from` on our address `local`. Step it with `Tick` at once: nothing has been
    /// sent yet.
    pub fn new(_local: SocketAddr, _from: SocketAddr, invite: &Message, _seed: Seed) -> Called {
        Called { call_id: invite.call_id().unwrap_or_default().to_string() }
    }

    /// The Call-ID of this call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// True when this message belongs to this leg: its transaction or its dialog. An INVITE sent again with credentials
    /// has the same Call-ID and yet belongs to a new leg.
    pub fn wants(&self, _message: &Message) -> bool {
        false
    }

    /// When to step with `CalledInput::Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        None
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, _now: Moment, _input: CalledInput, _out: &mut Vec<CalledOutput>) {}
}

/// Answers a request that belongs to no call and starts none: OPTIONS 200, CANCEL and requests with a To tag 481,
/// others 405 or 501, malformed ones 400; `None` for ACK and for responses. Needs no state (RFC 3261 §8.2.7).
pub fn answer_outside(_message: &Message, _from: SocketAddr, _seed: &Seed) -> Option<(SocketAddr, Vec<u8>)> {
    None
}
