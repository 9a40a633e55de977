//! The calling end of one call: a UAC that INVITEs once and sees the call through to its end.

use crate::vocabulary::{Moment, Seed, trace::EndedBy};
use std::net::SocketAddr;

/// What a caller is and whom it calls.
#[derive(Clone, Debug)]
pub struct CallerSettings {
    /// The Request-URI and To: `sip:4001@pbx.example`.
    pub target_uri: String,
    /// Where the INVITE goes: the edge has resolved it.
    pub remote: SocketAddr,
    /// The address our socket is bound to; it stands in Via and Contact.
    pub local_sip: SocketAddr,
    pub from_user: String,
    pub from_display: Option<String>,
    pub credentials: Option<Credentials>,
    pub user_agent: String,
}

/// A user name and its password; `Debug` never shows the password.
#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What can happen to a caller.
#[derive(Clone, Debug, PartialEq)]
pub enum CallerInput {
    /// Send the INVITE, with this session description.
    Dial { offer: Vec<u8> },
    /// A datagram came in on the SIP socket.
    Wire { from: SocketAddr, bytes: Vec<u8> },
    /// The network says that the far end cannot be reached (ICMP).
    Unreachable { detail: String },
    /// End it: nothing, CANCEL or BYE, as the state wants.
    HangUp,
    /// Our answer to `CallerEvent::FarOffer`. An empty one refuses it with 488.
    Answer { offer_id: u32, sdp: Vec<u8> },
    /// Send INFO within the call.
    SendInfo { content_type: String, body: Vec<u8> },
    /// A deadline has come.
    Tick,
}

/// What a caller wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum CallerOutput {
    /// Send this datagram.
    Send { to: SocketAddr, bytes: Vec<u8> },
    /// Something happened.
    Event(CallerEvent),
}

/// What happened in the call. After `Settled` nothing of interest comes; after `Closed` nothing at all.
#[derive(Clone, Debug, PartialEq)]
pub enum CallerEvent {
    /// The first response came, whatever it was: somebody is there.
    Trying,
    /// A provisional response above 100; one that only repeats the last one is not told again.
    Provisional { status: u16, reason: String, to_tag: Option<String>, sdp: Option<Vec<u8>> },
    /// A 401/407 came and the INVITE left again with credentials.
    Challenged { status: u16 },
    /// A 2xx came; the ACK has left.
    Answered { status: u16, reason: String, to_tag: Option<String>, sdp: Option<Vec<u8>> },
    /// A re-INVITE or UPDATE offers (or, without SDP, asks for) a session: reply with `CallerInput::Answer`.
    FarOffer { offer_id: u32, sdp: Option<Vec<u8>> },
    /// An INFO came; it was answered with 200.
    FarInfo { content_type: String, body: Vec<u8> },
    /// The final answer to our INFO; `None` when none came.
    InfoAnswered { status: Option<u16> },
    /// The final response was 3xx–6xx (never one that only confirms our own CANCEL).
    Rejected { status: u16, reason: String, q850: Option<u16>, retry_after: Option<u32> },
    /// A challenge that we cannot meet: no credentials, wrong ones, or a scheme we do not know.
    AuthFailed { status: u16, reason: String },
    /// Timer B: not one byte came back.
    NoResponse,
    /// The network refused the INVITE.
    TransportFailed { detail: String },
    /// The call, or the attempt, is over. By us: status and reason are those of the final response to our BYE (none when
    /// nobody answered it) or, after our CANCEL, to the INVITE. By them: those of the Reason header of their BYE.
    Ended { by: EndedBy, status: Option<u16>, reason: Option<String>, q850: Option<u16> },
    /// Everything that matters is done. Only retransmissions of the far side are still answered, until `Closed`
    /// (at most 32 s later): who is in a hurry may drop the caller now.
    Settled,
    /// Nothing more will be sent; the caller can be dropped. Always comes, always last, once.
    Closed,
}

/// The calling end of one call.
#[derive(Clone, Debug)]
pub struct Caller {
    call_id: String,
}

impl Caller {
    /// A caller that has not dialled yet.
    pub fn new(_settings: CallerSettings, seed: Seed) -> Caller {
        Caller { call_id: seed.fork("call-id").hex(24) }
    }

    /// The Call-ID of this call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// When to step with `CallerInput::Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        None
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, _now: Moment, _input: CallerInput, _out: &mut Vec<CallerOutput>) {}
}
