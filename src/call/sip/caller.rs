//! The calling end of one call: a UAC that INVITEs once and sees the call through to its end.

mod dialling;
mod ending;
mod redirected;

use super::admission::{Refusal, answer_outside, stateless};
use super::dialog::Dialog;
use super::digest::{Authenticator, Credentials, Met};
use super::leg::{Identity, Leg, LegEvent, LegOutput, LegState, Refer, SESSION_USUAL};
use super::locate::Place;
use super::message::{Message, read};
use super::transaction::{ClientInput, InviteClient, NonInviteClient, T1, answers, earliest};
use crate::vocabulary::limits::{CALL_MAX, RING_MAX, SIP_FORKS_MAX};
use crate::vocabulary::{Moment, Seed, Transport, trace::EndedBy};
use redirected::Redirection;
use std::net::SocketAddr;
use std::time::Duration;

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
    pub way: Way,
}

/// By which way a caller's messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    pub transport: Transport,
    /// Route values of the INVITE, the first hop first: an outbound proxy, a registrar's Service-Route (RFC 3608).
    pub routes: Vec<String>,
    /// Where the INVITE may go, the first first (RFC 3263 §4.3); empty: to `CallerSettings::remote` alone.
    pub places: Vec<Place>,
    /// Our address as a registrar or proxy sees it; it stands in Contact until a response shows another.
    pub seen_as: Option<SocketAddr>,
    /// User of P-Asserted-Identity (RFC 3325 §9.1): what we say to a trunk that believes us.
    pub asserted: Option<String>,
    /// Nobody behind the trunk is to see who calls (RFC 3323 §4.1).
    pub anonymous: bool,
    /// Where a 3xx says that somebody else should be called, it is asked for leave to do so.
    pub redirects: bool,
    /// A REFER may be followed, and is named in Allow.
    pub refers: bool,
    /// The dialog that this call takes the place of (RFC 3891), and who asked for it (RFC 3892).
    pub replaces: Option<String>,
    pub referred_by: Option<String>,
}

/// What can happen to a caller.
#[derive(Clone, Debug, PartialEq)]
pub enum CallerInput {
    /// Send the INVITE, with this session description.
    Dial { offer: Vec<u8> },
    /// A message came in: a datagram, or one cut from a stream.
    Wire { from: SocketAddr, bytes: Vec<u8> },
    /// The network says that the far end cannot be reached: ICMP, or a connection that did not come to be.
    Unreachable { detail: String },
    /// The connection to or from there is gone.
    Lost { peer: SocketAddr, detail: String },
    /// End it: nothing, CANCEL or BYE, as the state wants.
    HangUp,
    /// Our answer to `CallerEvent::FarOffer`. An empty one refuses it with 488.
    Answer { offer_id: u32, sdp: Vec<u8> },
    /// Send INFO within the call.
    SendInfo { content_type: String, body: Vec<u8> },
    /// Our answer to `CallerOutput::Permit`.
    Permit { target: String, granted: Result<Granted, String> },
    /// Our answer to `CallerEvent::FarRefer`.
    AnswerRefer { accept: bool },
    /// What came of the call that a REFER asked for (RFC 3515 §2.4.4); a final status is the last.
    Notify { status: u16, reason: String },
    /// A deadline has come.
    Tick,
}

/// What a caller wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum CallerOutput {
    /// Send this message, by what its top Via says: as a datagram, or over the connection to there, opened when there is
    /// none.
    Send { to: SocketAddr, bytes: Vec<u8> },
    /// A 3xx names this target. May it be called, and where is it? Reply with `CallerInput::Permit`.
    Permit { target: String },
    /// Something happened.
    Event(CallerEvent),
}

/// Leave to call another target.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Granted {
    /// Its Request-URI.
    pub uri: String,
    /// Where it is; empty: by the way of this call.
    pub places: Vec<Place>,
}

/// What happened in the call. After `Settled` nothing of interest comes; after `Closed` nothing at all.
#[derive(Clone, Debug, PartialEq)]
pub enum CallerEvent {
    /// The first response came, whatever it was: somebody is there.
    Trying,
    /// The INVITE is tried at another place; `left`: why no more at the one before (RFC 3263 §4.3).
    NextPlace { place: Place, left: String },
    /// A provisional response above 100; one that only repeats the last one is not told again.
    Provisional { status: u16, reason: String, to_tag: Option<String>, sdp: Option<Vec<u8>> },
    /// A 401/407 came and the INVITE left again with credentials.
    Challenged { status: u16 },
    /// A 2xx came; the ACK has left. `takes_info`: whether its Allow names INFO, None without an Allow.
    Answered { status: u16, reason: String, to_tag: Option<String>, sdp: Option<Vec<u8>>, takes_info: Option<bool> },
    /// A re-INVITE or UPDATE offers (or, without SDP, asks for) a session: reply with `CallerInput::Answer`.
    /// It may come before the answer, when one came reliably before; `to_tag` says in which dialog.
    FarOffer { offer_id: u32, to_tag: String, sdp: Option<Vec<u8>> },
    /// The far side's answer to an offer that it asked for (`FarOffer` without SDP), from the ACK; or to ours that
    /// refreshed the session.
    FarAnswer { sdp: Vec<u8> },
    /// REFER: they want us to call somebody else. Reply with `CallerInput::AnswerRefer`.
    FarRefer(Refer),
    /// A 3xx named this target; `refused`: why it is not called.
    Redirected { status: u16, to: String, refused: Option<String> },
    /// An INFO came; it was answered with 200.
    FarInfo { content_type: String, body: Vec<u8> },
    /// The final answer to our INFO; `None` when none came.
    InfoAnswered { status: Option<u16> },
    /// The final response was 3xx–6xx (never one that only confirms our own CANCEL).
    Rejected { status: u16, reason: String, q850: Option<u16>, retry_after: Option<u32> },
    /// The session was not refreshed in time (RFC 4028 §10), and we hang up: `Ended` follows.
    SessionExpired,
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

/// Time given to the far side to repeat a refusal or a BYE whose ACK or 200 was lost, before the call counts as settled:
/// two round trips as SIP estimates them.
const LINGER: Duration = T1.saturating_mul(2);

/// Offers of one leg are numbered within so many bits; above them stands how many legs there were before it.
const OFFER_BITS: u32 = 16;

/// The calling end of one call.
#[derive(Clone, Debug)]
pub struct Caller {
    settings: CallerSettings,
    call_id: String,
    local_tag: String,
    /// For branches.
    seed: Seed,
    auth: Authenticator,
    met: Met,
    offer: Vec<u8>,
    number: u32,
    session_expires: u32,
    /// What a 421 wants to stand in Require.
    required: Option<String>,
    /// Our address as a response showed it.
    seen_as: Option<SocketAddr>,
    /// Where the INVITE goes now, and how many of the places come before.
    remote: SocketAddr,
    place: usize,
    /// The Request-URI: the target, or whom a 3xx named.
    request_uri: String,
    redirection: Redirection,
    /// Somebody beyond the next hop has answered: no other place is tried any more.
    rang: bool,
    phase: Phase,
    /// The INVITE, last in the list; those before it were challenged and only repeat their ACK.
    attempts: Vec<Attempt>,
    /// A stream was tried for an INVITE too long for a datagram, and there is none.
    datagrams_only: bool,
    /// The connection was lost while it rang: so long the far side has to find us again, and what happened.
    lost: Option<(Moment, String)>,
    cancel: Option<Cancel>,
    legs: Vec<Leg>,
    /// The leg that was answered first.
    chosen: Option<usize>,
    forks: u32,
    /// What was told last of each fork, so that repetitions are not told.
    provisionals: Vec<(Option<String>, u16, Option<Vec<u8>>)>,
    hanging_up: bool,
    heard_a_byte: bool,
    ring_until: Option<Moment>,
    call_until: Option<Moment>,
    linger_until: Option<Moment>,
    settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// The INVITE is out.
    Inviting,
    Answered,
    /// The outcome has been told.
    Over,
    Closed,
}

#[derive(Clone, Debug)]
struct Attempt {
    tx: InviteClient,
    branch: String,
    to: SocketAddr,
    by: Transport,
    /// It has left a second time, since the connection it left by was lost.
    again: bool,
}

#[derive(Clone, Debug)]
struct Cancel {
    tx: NonInviteClient,
    branch: String,
    to: SocketAddr,
    /// RFC 3261 §9.1: no final response by then means that none will come.
    give_up: Moment,
}

impl Caller {
    /// A caller that has not dialled yet.
    pub fn new(settings: CallerSettings, seed: Seed) -> Caller {
        let auth = Authenticator::new(settings.credentials.clone(), seed.fork("cnonce"));
        let seen_as = settings.way.seen_as;
        Caller {
            call_id: seed.fork("call-id").hex(24),
            local_tag: seed.fork("from-tag").hex(12),
            number: 1 + (seed.fork("cseq").next_u32() >> 8),
            session_expires: SESSION_USUAL,
            required: None,
            seed: seed.fork("branch"),
            remote: settings.remote,
            place: 0,
            request_uri: settings.target_uri.clone(),
            redirection: Redirection::default(),
            rang: false,
            settings,
            auth,
            met: Met::default(),
            offer: Vec::new(),
            seen_as,
            phase: Phase::Idle,
            attempts: Vec::new(),
            datagrams_only: false,
            lost: None,
            cancel: None,
            legs: Vec::new(),
            chosen: None,
            forks: 0,
            provisionals: Vec::new(),
            hanging_up: false,
            heard_a_byte: false,
            ring_until: None,
            call_until: None,
            linger_until: None,
            settled: false,
        }
    }

    /// The Call-ID of this call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// When to step with `CallerInput::Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        if self.phase == Phase::Closed {
            return None;
        }
        let attempts = self.attempts.iter().map(|a| a.tx.deadline());
        let legs = self.legs.iter().map(Leg::deadline);
        let cancel = self.cancel.as_ref().map(|c| earliest([c.tx.deadline(), self.cancel_gives_up()]));
        let lost = self.lost.as_ref().map(|(until, _)| *until);
        let asking = self.redirection.deadline();
        let ours = [self.ring_until, self.call_until, self.linger_until, cancel.flatten(), lost, asking];
        earliest(attempts.chain(legs).chain(ours))
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: CallerInput, out: &mut Vec<CallerOutput>) {
        if self.phase == Phase::Closed {
            return;
        }
        self.run_timers(now, out);
        match input {
            CallerInput::Dial { offer } => {
                if self.phase == Phase::Idle {
                    self.offer = offer;
                    self.phase = Phase::Inviting;
                    self.ring_until = Some(now + RING_MAX);
                    self.call_until = Some(now + CALL_MAX);
                    self.invite(now, out);
                }
            }
            CallerInput::Wire { from, bytes } => match read(&bytes) {
                Ok(message) if message.is_request() => self.receive_request(now, message, from, out),
                Ok(message) => self.receive_response(now, message, from, out),
                Err(_) => {}
            },
            CallerInput::Unreachable { detail } => self.fail_transport(now, detail, out),
            CallerInput::Lost { peer, detail } => self.lose_connection(now, peer, detail, out),
            CallerInput::HangUp => self.hang_up(now, out),
            CallerInput::Answer { offer_id, sdp } => {
                // Each leg knows its own.
                for index in 0..self.legs.len() {
                    let sdp = sdp.clone();
                    self.with_leg(index, now, out, |leg, told| leg.answer_offer(now, offer_id, sdp, told));
                }
            }
            CallerInput::SendInfo { content_type, body } => {
                let mut taken = false;
                self.with_chosen(now, out, |leg, told| {
                    taken = true;
                    leg.send_info(now, &content_type, body, told);
                });
                if !taken {
                    out.push(CallerOutput::Event(CallerEvent::InfoAnswered { status: None }));
                }
            }
            CallerInput::Permit { target, granted } => self.permitted(now, target, granted, out),
            CallerInput::AnswerRefer { accept } => {
                self.with_chosen(now, out, |leg, told| leg.answer_refer(now, accept, told));
            }
            CallerInput::Notify { status, reason } => {
                self.with_chosen(now, out, |leg, told| leg.notify(now, status, &reason, told));
            }
            CallerInput::Tick => {}
        }
        self.close_when_done(now, out);
    }

    fn run_timers(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        for index in 0..self.attempts.len() {
            if self.attempts[index].tx.deadline().is_some_and(|at| at <= now) {
                let mut told = Vec::new();
                self.attempts[index].tx.step(now, ClientInput::Tick, &mut told);
                self.pass_attempt(index, told, now, out);
            }
        }
        self.tick_cancel(now, out);
        self.tick_lost(now, out);
        self.tick_redirection(now, out);
        for index in 0..self.legs.len() {
            if self.legs[index].deadline().is_some_and(|at| at <= now) {
                self.with_leg(index, now, out, |leg, told| leg.tick(now, told));
            }
        }
        if self.ring_until.is_some_and(|at| at <= now) || self.call_until.is_some_and(|at| at <= now) {
            self.ring_until = None;
            self.call_until = self.call_until.filter(|&at| at > now);
            self.hang_up(now, out);
        }
    }

    fn with_chosen(
        &mut self,
        now: Moment,
        out: &mut Vec<CallerOutput>,
        act: impl FnOnce(&mut Leg, &mut Vec<LegOutput>),
    ) {
        if let Some(index) = self.chosen {
            self.with_leg(index, now, out, act);
        }
    }

    /// Lets a leg act, and passes on what it wants.
    fn with_leg(
        &mut self,
        index: usize,
        now: Moment,
        out: &mut Vec<CallerOutput>,
        act: impl FnOnce(&mut Leg, &mut Vec<LegOutput>),
    ) {
        let mut told = Vec::new();
        act(&mut self.legs[index], &mut told);
        for one in told {
            match one {
                LegOutput::Send { to, bytes } => out.push(CallerOutput::Send { to, bytes }),
                LegOutput::Event(event) => self.note_leg_event(index, now, event, out),
            }
        }
    }

    fn note_leg_event(&mut self, index: usize, now: Moment, event: LegEvent, out: &mut Vec<CallerOutput>) {
        let mut tell = |event| out.push(CallerOutput::Event(event));
        let is_chosen = self.chosen == Some(index);
        match event {
            LegEvent::FarBye { status, reason, q850 } => {
                self.linger(now);
                // A fork we did not choose, or one whose 2xx we never saw though the far side took the call as answered.
                let lost_answer = self.phase == Phase::Inviting && self.chosen.is_none() && self.legs.len() == 1;
                if is_chosen || lost_answer {
                    let by = if self.hanging_up { EndedBy::Us } else { EndedBy::Them };
                    self.conclude(CallerEvent::Ended { by, status, reason, q850 }, out);
                    if lost_answer {
                        self.drop_invite();
                    }
                }
            }
            LegEvent::ByeDone { status, reason, q850 } if is_chosen => {
                self.conclude(CallerEvent::Ended { by: EndedBy::Us, status, reason, q850 }, out);
            }
            LegEvent::Gone { status, reason } if is_chosen => {
                let (status, reason) = (Some(status), Some(reason));
                self.conclude(CallerEvent::Ended { by: EndedBy::Them, status, reason, q850: None }, out);
            }
            LegEvent::SessionExpired if is_chosen => {
                self.hanging_up = true;
                tell(CallerEvent::SessionExpired);
            }
            LegEvent::FarOffer { offer_id, sdp } if is_chosen || self.phase == Phase::Inviting => {
                let to_tag = self.legs[index].dialog.remote_tag().to_string();
                tell(CallerEvent::FarOffer { offer_id, to_tag, sdp });
            }
            LegEvent::Acked { offer_id: Some(_), sdp: Some(sdp), .. } if is_chosen => {
                tell(CallerEvent::FarAnswer { sdp });
            }
            LegEvent::ReinviteAnswered { status: 200..300, sdp: Some(sdp) } if is_chosen => {
                tell(CallerEvent::FarAnswer { sdp });
            }
            LegEvent::FarRefer(refer) if is_chosen && self.phase == Phase::Answered && !self.hanging_up => {
                tell(CallerEvent::FarRefer(refer));
            }
            LegEvent::FarRefer(_) => self.with_leg(index, now, out, |leg, told| leg.answer_refer(now, false, told)),
            LegEvent::FarInfo { content_type, body } => tell(CallerEvent::FarInfo { content_type, body }),
            LegEvent::InfoAnswered { status } => tell(CallerEvent::InfoAnswered { status }),
            // Offers within forks that are being hung up end with them.
            LegEvent::ByeDone { .. }
            | LegEvent::Gone { .. }
            | LegEvent::SessionExpired
            | LegEvent::FarOffer { .. }
            | LegEvent::Acked { .. }
            | LegEvent::FarCancelled { .. }
            | LegEvent::RefusalDone
            | LegEvent::NeverAcknowledged
            | LegEvent::ReferAnswered { .. }
            | LegEvent::Notified { .. }
            | LegEvent::ReinviteAnswered { .. } => {}
        }
    }

    fn receive_request(&mut self, now: Moment, request: Message, from: SocketAddr, out: &mut Vec<CallerOutput>) {
        // Of a malformed request only the refusal is worth a word; ACK is never answered.
        let sound = super::admission::is_sound(&request);
        let wanted = self.legs.iter().position(|leg| leg.wants_request(&request));
        if let (Some(index), true) = (wanted, sound) {
            let before = out.len();
            self.with_leg(index, now, out, |leg, told| leg.request(now, request, from, told));
            if self.linger_until.is_some() && out.len() > before {
                self.linger(now);
            }
            return;
        }
        let agent = self.settings.user_agent.clone();
        let reply = answer_outside(&request, from, &agent, &self.seed).or_else(|| {
            // A call for us: this line is taken.
            let busy = Refusal { status: 486, reason: "Busy Here".into(), headers: Vec::new() };
            (request.method() == Some("INVITE")).then(|| stateless(&request, from, &agent, &self.seed, &busy))
        });
        out.extend(reply.map(|(to, bytes)| CallerOutput::Send { to, bytes }));
    }
}
