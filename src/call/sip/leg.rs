//! What both ends of an answered call do alike: requests within the dialog, ours and theirs.
//!
//! A leg owns its dialog and every transaction in it. `Caller` has one per fork of its INVITE, `Called` has one; the
//! called side's first INVITE lives in its leg, too, since repeating a 2xx until the ACK is the same for it and for a
//! re-INVITE. The answers to their requests are in `leg/received.rs`, our requests in `leg/sent.rs`, RFC 3262 in
//! `leg/reliable.rs`, RFC 3515 in `leg/referred.rs`, RFC 4028 in `leg/session.rs`.

mod received;
mod referred;
mod reliable;
mod sent;
mod session;

pub(super) use received::{CAPABILITIES, MIN_SE, refusal_of_method, unsupported_extensions};
pub(super) use reliable::Reliability;
pub(super) use sent::put_via_first;
pub(super) use session::{SESSION_USUAL, least_of_422};

use self::reliable::Reliable;
use self::session::SessionTimer;
use super::dialog::Dialog;
use super::digest::{Authenticator, Met};
use super::message::{Message, write};
use super::transaction::{
    Backoff, ClientOutput, GIVE_UP, InviteClient, InviteServer, NonInviteClient, NonInviteServer, ServerInput,
    ServerKey, ServerOutput, T1, T2, answers, earliest,
};
use super::uri::bracketed;
use crate::vocabulary::limits::{SIP_DATAGRAM_BYTES_MAX, SIP_TRANSACTIONS_MAX};
use crate::vocabulary::{Moment, Seed, Transport};
use std::net::SocketAddr;
use std::time::Duration;

/// What we take requests for; everything else gets 405 or 501.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK";
/// The same where a REFER may be followed: many a switch sends none to who does not name it (RFC 3261 §20.5).
pub(super) const ALLOW_REFER: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER";
/// The extensions we speak (RFC 3262, RFC 4028).
pub(super) const SUPPORTED: &str = "100rel, timer";

/// Our answer to an offer must come within this time, or the offer is refused with 500.
const OFFER_WAITS_MAX: Duration = Duration::from_secs(20);

/// Who we are on the wire.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// Via's sent-by.
    pub local: SocketAddr,
    /// What carried the INVITE.
    pub transport: Transport,
    /// The Contact value.
    pub contact: String,
    pub user_agent: String,
    /// What we take requests for.
    pub allow: &'static str,
}

/// What a leg wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LegOutput {
    Send { to: SocketAddr, bytes: Vec<u8> },
    Event(LegEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum LegEvent {
    FarOffer {
        offer_id: u32,
        sdp: Option<Vec<u8>>,
    },
    FarInfo {
        content_type: String,
        body: Vec<u8>,
    },
    InfoAnswered {
        status: Option<u16>,
    },
    /// The final answer to our REFER.
    ReferAnswered {
        status: Option<u16>,
    },
    /// A NOTIFY about our REFER came: the first line of what it holds.
    Notified {
        said: String,
    },
    /// A BYE came and was answered.
    FarBye {
        status: Option<u16>,
        reason: Option<String>,
        q850: Option<u16>,
    },
    /// Our BYE had its final response, or none.
    ByeDone {
        status: Option<u16>,
        reason: Option<String>,
        q850: Option<u16>,
    },
    /// The far side does not know the dialog any more (481).
    Gone {
        status: u16,
        reason: String,
    },
    /// The session was not refreshed in time (RFC 4028 §10): our BYE has left.
    SessionExpired,
    /// They want us to call somebody else (RFC 3515): `answer_refer` must follow.
    FarRefer(Refer),
    /// A reliable provisional response of ours was never acknowledged: the INVITE is refused.
    NeverAcknowledged,
    /// The ACK of a 2xx of ours.
    Acked {
        initial: bool,
        offer_id: Option<u32>,
        sdp: Option<Vec<u8>>,
    },
    /// A CANCEL came for an INVITE that had no final response; 487 has left.
    FarCancelled {
        initial: bool,
        q850: Option<u16>,
    },
    /// Our refusal of the first INVITE was acknowledged, or never will be.
    RefusalDone,
    ReinviteAnswered {
        status: u16,
        sdp: Option<Vec<u8>>,
    },
}

/// Whom they want us to call (RFC 3515), and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refer {
    /// The URI of Refer-To without its headers.
    pub to: String,
    /// The dialog that the new call is to take the place of (RFC 3891), as a Replaces value.
    pub replaces: Option<String>,
    /// Referred-By (RFC 3892), to be handed on.
    pub referred_by: Option<String>,
}

/// A REFER of theirs: first it waits for our answer, then for what comes of the call (RFC 3515 §2.4.4).
#[derive(Clone, Debug)]
struct Referred {
    request: Message,
    key: ServerKey,
    /// Set: it is not answered yet.
    give_up: Option<Moment>,
    /// The Event of its NOTIFYs.
    event: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegState {
    /// No 2xx yet.
    Early,
    Confirmed,
    /// A BYE went either way, or the INVITE failed.
    Ended,
}

/// A non-INVITE request of ours.
#[derive(Clone, Debug)]
struct Outgoing {
    tx: NonInviteClient,
    branch: String,
    to: SocketAddr,
    by: Transport,
    met: Met,
    /// It has left a second time, since the connection it left by was lost.
    again: bool,
}

/// A re-INVITE of ours.
#[derive(Clone, Debug)]
struct OutgoingInvite {
    tx: InviteClient,
    branch: String,
    to: SocketAddr,
    by: Transport,
    number: u32,
    met: Met,
    told: bool,
    again: bool,
    /// One that had a provisional response and never a final one is given up then: "Proceeding" has no timer of its own.
    give_up: Moment,
}

/// A non-INVITE request of theirs.
#[derive(Clone, Debug)]
struct Incoming {
    key: ServerKey,
    tx: NonInviteServer,
    to: SocketAddr,
}

/// An INVITE of theirs: the first one of a called leg, or a re-INVITE.
#[derive(Clone, Debug)]
struct IncomingInvite {
    key: ServerKey,
    request: Message,
    tx: InviteServer,
    to: SocketAddr,
    initial: bool,
    offer_id: Option<u32>,
    /// A 2xx of ours that is not acknowledged yet (RFC 3261 §13.3.1.4).
    unacked: Option<Unacked>,
}

#[derive(Clone, Debug)]
struct Unacked {
    ok: Message,
    again: Backoff,
    give_up: Moment,
}

/// A re-INVITE or UPDATE that waits for our answer.
#[derive(Clone, Debug)]
struct PendingOffer {
    offer_id: u32,
    key: ServerKey,
    /// An UPDATE is kept here; a re-INVITE in `invites`.
    update: Option<Message>,
    give_up: Moment,
}

#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub dialog: Dialog,
    pub state: LegState,
    /// Of an INVITE before the one that is out: no response makes it a call any more, whatever tag it has.
    pub past: bool,
    identity: Identity,
    /// Where the dialog's messages came from.
    peer: SocketAddr,
    /// Another transport than the dialog's was tried and does not work here.
    keeps_transport: bool,
    seed: Seed,
    auth: Authenticator,
    clients: Vec<Outgoing>,
    reinvites: Vec<OutgoingInvite>,
    servers: Vec<Incoming>,
    invites: Vec<IncomingInvite>,
    /// ACKs of 2xx by the number of their INVITE, to be repeated with every repeated 2xx.
    acks: Vec<(u32, Transport, SocketAddr, Vec<u8>)>,
    pending: Option<PendingOffer>,
    referred: Option<Referred>,
    /// REFERs of theirs so far.
    refers: u32,
    /// A REFER of ours is out, and its subscription not over.
    subscribed: bool,
    offers: u32,
    /// A BYE that must wait for the ACK of our 2xx (RFC 3261 §15).
    bye_after_ack: Option<Option<u16>>,
    reliable: Reliable,
    /// Our 200 that must wait for a PRACK.
    accept_after_prack: Option<Vec<u8>>,
    /// Offer and answer have passed before the 2xx, reliably: further offers may come (RFC 3261 §13.2.1, RFC 3311 §5.1).
    settled_early: bool,
    far_takes_update: bool,
    session: Option<SessionTimer>,
    /// The Min-SE of a 422 to a refresh of ours.
    session_least: u32,
    /// Our session description as it stands.
    pub described: Vec<u8>,
}

impl Leg {
    pub fn new(dialog: Dialog, identity: Identity, peer: SocketAddr, seed: Seed, auth: Authenticator) -> Leg {
        Leg {
            dialog,
            state: LegState::Early,
            past: false,
            identity,
            peer,
            keeps_transport: false,
            seed,
            auth,
            clients: Vec::new(),
            reinvites: Vec::new(),
            servers: Vec::new(),
            invites: Vec::new(),
            acks: Vec::new(),
            pending: None,
            referred: None,
            refers: 0,
            subscribed: false,
            offers: 0,
            bye_after_ack: None,
            reliable: Reliable::default(),
            accept_after_prack: None,
            settled_early: false,
            far_takes_update: false,
            session: None,
            session_least: 0,
            described: Vec::new(),
        }
    }

    pub fn set_user_agent(&mut self, user_agent: &str) {
        self.identity.user_agent = user_agent.to_string();
    }

    /// Legs of one call number their offers apart.
    pub fn number_offers_from(&mut self, first: u32) {
        self.offers = first;
    }

    /// No transaction is left: nothing will be sent unless somebody asks.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.reinvites.is_empty() && self.servers.is_empty() && self.invites.is_empty()
    }

    /// Nothing of ours waits for a response, and no 2xx or refusal of ours for its ACK.
    pub fn is_quiet(&self) -> bool {
        !self.clients.iter().any(|c| c.tx.is_waiting())
            && !self.invites.iter().any(|i| i.unacked.is_some() || i.tx.is_proceeding() || i.tx.is_completed())
            && self.bye_after_ack.is_none()
    }

    /// When to tick.
    pub fn deadline(&self) -> Option<Moment> {
        let clients = self.clients.iter().map(|c| c.tx.deadline());
        let reinvites = self.reinvites.iter().map(|r| earliest([r.tx.deadline(), Some(r.give_up)]));
        let servers = self.servers.iter().map(|s| s.tx.deadline());
        let invites = self.invites.iter().map(|i| {
            let unacked = i.unacked.as_ref().map(|u| u.again.at.min(u.give_up));
            earliest([i.tx.deadline(), unacked])
        });
        let pending = self.pending.as_ref().map(|p| p.give_up);
        let session = self.session.as_ref().filter(|_| self.state == LegState::Confirmed).map(|session| session.at);
        let referred = self.referred.as_ref().and_then(|r| r.give_up);
        let ours = [pending, session, referred, self.reliable.deadline()];
        earliest(clients.chain(reinvites).chain(servers).chain(invites).chain(ours))
    }

    /// REFER to somebody else.
    pub fn send_refer(&mut self, now: Moment, to: &str, out: &mut Vec<LegOutput>) {
        if self.state != LegState::Confirmed || self.clients.len() >= SIP_TRANSACTIONS_MAX {
            return out.push(LegOutput::Event(LegEvent::ReferAnswered { status: None }));
        }
        let mut refer = self.dialog.request("REFER");
        refer.push("Contact", &self.identity.contact);
        refer.push("Refer-To", &format!("<{to}>"));
        self.subscribed = true;
        self.send(now, refer, Met::default(), out);
    }

    /// True when a request belongs to a transaction or to the dialog.
    pub fn wants_request(&self, request: &Message) -> bool {
        let keys = [ServerKey::of(request), ServerKey::of_invite(request)];
        let about_invite = matches!(request.method(), Some("ACK" | "CANCEL" | "INVITE"));
        self.servers.iter().any(|s| keys[0].as_ref() == Some(&s.key))
            || (about_invite && self.invites.iter().any(|i| keys[1].as_ref() == Some(&i.key)))
            || self.dialog.concerns(request)
    }

    /// True when a response answers a request of this leg.
    pub fn wants_response(&self, response: &Message) -> bool {
        self.clients.iter().any(|c| answers(response, &c.branch, c.tx.request().method().unwrap_or_default()))
            || self.reinvites.iter().any(|r| answers(response, &r.branch, "INVITE"))
    }

    /// Every timer that is due.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<LegOutput>) {
        self.tick_sent(now, out);
        for server in &mut self.servers {
            server.tx.step(now, ServerInput::Tick, &mut Vec::new());
        }
        let mut never_acked = false;
        let mut refused_in_vain = false;
        for invite in &mut self.invites {
            let mut told = Vec::new();
            if invite.tx.deadline().is_some_and(|at| at <= now) {
                invite.tx.step(now, ServerInput::Tick, &mut told);
            }
            if let Some(unacked) = &mut invite.unacked {
                if unacked.give_up <= now {
                    invite.unacked = None;
                    never_acked = true;
                } else if unacked.again.due(now) {
                    unacked.again.advance(now);
                    let ok = ServerInput::Respond(Box::new(unacked.ok.clone()));
                    invite.tx.step(now, ok, &mut told);
                }
            }
            refused_in_vain |= invite.initial && told.contains(&ServerOutput::TimedOut);
            pass_server(invite.to, told, out);
        }
        self.forget_terminated();
        if refused_in_vain {
            out.push(LegOutput::Event(LegEvent::RefusalDone));
        }
        // RFC 3261 §13.3.1.4, §14.2: a 2xx that is never acknowledged ends the dialog.
        if never_acked {
            let q850 = self.bye_after_ack.take().flatten();
            if self.state != LegState::Ended {
                self.send_bye(now, q850, out);
            }
        }
        self.tick_reliable(now, out);
        self.tick_session(now, out);
        if self.pending.as_ref().is_some_and(|p| p.give_up <= now) {
            self.refuse_pending(now, 500, "Server Internal Error", out);
        }
        if self.referred.as_ref().and_then(|r| r.give_up).is_some_and(|at| at <= now) {
            self.answer_refer(now, false, out);
        }
    }

    fn forget_terminated(&mut self) {
        self.clients.retain(|c| !c.tx.is_terminated());
        self.reinvites.retain(|r| !r.tx.is_terminated());
        self.servers.retain(|s| !s.tx.is_terminated());
        self.invites.retain(|i| !i.tx.is_terminated());
    }

    /// Ends the call from our side. True when it will come to a `ByeDone`.
    pub fn hang_up(&mut self, now: Moment, q850: Option<u16>, out: &mut Vec<LegOutput>) -> bool {
        if self.state != LegState::Confirmed {
            return false;
        }
        // RFC 3261 §15: the called side may not send BYE before the ACK of its 2xx.
        if self.invites.iter().any(|i| i.initial && i.unacked.is_some()) {
            self.bye_after_ack = Some(q850);
        } else {
            self.send_bye(now, q850, out);
        }
        true
    }
}

fn pass_server(to: SocketAddr, told: Vec<ServerOutput>, out: &mut Vec<LegOutput>) {
    for one in told {
        if let ServerOutput::Send(bytes) = one {
            out.push(LegOutput::Send { to, bytes });
        }
    }
}

impl Identity {
    /// A new Via for a request of ours.
    pub fn via(&self, by: Transport, branch: &str) -> String {
        via(self.local, by, branch)
    }
}

/// A Via of ours. RFC 3581: `rport`, so that we learn our address and hear the response.
pub(super) fn via(local: SocketAddr, by: Transport, branch: &str) -> String {
    let (ip, port) = (bracketed(local.ip()), local.port());
    format!("SIP/2.0/{} {ip}:{port};rport;branch={branch}", by.in_via())
}

/// RFC 3261 §18.1.1: by what a request goes that is ready but for its Via. Beyond 1300 bytes a datagram may be cut up on
/// its way, and pieces are what firewalls drop.
pub(super) fn carrier_of(request: &Message, by: Transport) -> Transport {
    let whole = write(request).len();
    if by == Transport::Udp && whole > SIP_DATAGRAM_BYTES_MAX { Transport::Tcp } else { by }
}

/// The Contact of an end that is reached there. A stream says so: a URI without a transport means datagrams.
pub fn contact(scheme: &str, user: &str, place: SocketAddr, by: Transport) -> String {
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    let carrier = match by {
        Transport::Udp => String::new(),
        // `sips:` is TLS by itself, and its transport is what TLS runs over (RFC 3261 §26.2.2).
        Transport::Tls if scheme == "sips" => ";transport=tcp".to_string(),
        by => format!(";transport={by}"),
    };
    format!("<{scheme}:{user}{}:{}{carrier}>", bracketed(place.ip()), place.port())
}

/// True when what carried this request loses nothing.
pub(super) fn came_reliably(request: &Message) -> bool {
    request.top_via().is_some_and(|via| via.carrier().is_reliable())
}
