//! Whether a trunk is still there: OPTIONS now and then (RFC 3261 §11). Any answer will do, a refusal too: somebody is
//! there who speaks SIP. Silence is told, and asked again sooner.

use super::leg::{put_via_first, via};
use super::message::Message;
use super::transaction::{ClientInput, ClientOutput, NonInviteClient, answers, earliest};
use super::via::MAGIC_COOKIE;
use crate::vocabulary::{Moment, Seed, Transport};
use std::net::SocketAddr;
use std::time::Duration;

/// An OPTIONS that nobody answers has left five times by then over datagrams, and the far side counts as gone.
const PATIENCE: Duration = Duration::from_secs(8);
/// One that is gone is asked again after this, or sooner where it is asked more often anyway.
const AGAIN: Duration = Duration::from_secs(15);

/// Who asks whom.
#[derive(Clone, Debug)]
pub struct KeepAliveSettings {
    pub every: Duration,
    /// Request-URI and To: the trunk's server.
    pub server: String,
    /// Our address there: `sip:line@sbc.example`.
    pub from: String,
    /// The Contact value.
    pub contact: String,
    /// Where it may go, the first first (RFC 3263 §4.3). Never empty.
    pub places: Vec<SocketAddr>,
    pub local: SocketAddr,
    pub transport: Transport,
    pub routes: Vec<String>,
    pub user_agent: String,
    /// What is asked about is the place where we are registered, and no other.
    pub registered: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum KeepAliveInput {
    /// A response that `KeepAlive::wants`.
    Response(Box<Message>),
    Unreachable {
        detail: String,
    },
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum KeepAliveOutput {
    Send {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// It answered; told each time.
    There,
    /// It did not; told each time.
    Gone {
        detail: String,
    },
}

#[derive(Clone, Debug)]
struct Asking {
    tx: NonInviteClient,
    branch: String,
    until: Moment,
}

/// The asking of one trunk. The first question leaves with the first step.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    settings: KeepAliveSettings,
    call_id: String,
    tag: String,
    seed: Seed,
    number: u32,
    /// Which of the places is asked, and how many did not answer since one did.
    at: usize,
    silent: usize,
    asking: Option<Asking>,
    next: Moment,
}

impl KeepAlive {
    pub fn new(settings: KeepAliveSettings, seed: Seed) -> KeepAlive {
        KeepAlive {
            settings,
            call_id: seed.fork("call-id").hex(24),
            tag: seed.fork("from-tag").hex(12),
            seed: seed.fork("branch"),
            number: 0,
            at: 0,
            silent: 0,
            asking: None,
            next: Moment::START,
        }
    }

    /// From here on this place is asked: it is where we are registered.
    pub fn ask_at(&mut self, place: SocketAddr) {
        if let Some(at) = self.settings.places.iter().position(|known| *known == place) {
            (self.at, self.silent) = (at, 0);
        }
    }

    fn remote(&self) -> SocketAddr {
        self.settings.places[self.at % self.settings.places.len()]
    }

    /// True when this response answers our question.
    pub fn wants(&self, response: &Message) -> bool {
        response.call_id() == Some(self.call_id.as_str())
            && self.asking.as_ref().is_some_and(|asking| answers(response, &asking.branch, "OPTIONS"))
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        match &self.asking {
            Some(asking) => earliest([asking.tx.deadline(), Some(asking.until)]),
            None => Some(self.next),
        }
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: KeepAliveInput, out: &mut Vec<KeepAliveOutput>) {
        match input {
            KeepAliveInput::Response(response) => {
                // A provisional response says as much as a final one.
                if self.wants(&response) && response.faults().is_empty() {
                    self.asking = None;
                    self.silent = 0;
                    // Many trunks of one server are not asked at one moment.
                    let every = self.settings.every;
                    let early = Duration::from_millis(self.seed.below(1 + every.as_millis() as u64 / 10));
                    self.next = now + every.saturating_sub(early);
                    out.push(KeepAliveOutput::There);
                }
            }
            KeepAliveInput::Unreachable { detail } => self.gone(now, detail, out),
            KeepAliveInput::Tick => {
                if self.asking.is_none() && self.next <= now {
                    self.ask(now, out);
                } else if self.asking.as_ref().is_some_and(|asking| asking.until <= now) {
                    self.gone(now, format!("no answer to OPTIONS in {} s", PATIENCE.as_secs()), out);
                } else if let Some(asking) = &mut self.asking {
                    let mut told = Vec::new();
                    asking.tx.step(now, ClientInput::Tick, &mut told);
                    self.send(told, out);
                }
            }
        }
    }

    fn ask(&mut self, now: Moment, out: &mut Vec<KeepAliveOutput>) {
        let settings = &self.settings;
        let branch = format!("{MAGIC_COOKIE}{}", self.seed.hex(20));
        self.number += 1;
        let mut options = Message::request("OPTIONS", &settings.server);
        options.push("Max-Forwards", "70");
        settings.routes.iter().for_each(|route| options.push("Route", route));
        options.push("From", &format!("<{}>;tag={}", settings.from, self.tag));
        options.push("To", &format!("<{}>", settings.server));
        options.push("Call-ID", &self.call_id);
        options.push("CSeq", &format!("{} OPTIONS", self.number));
        options.push("Contact", &settings.contact);
        options.push("Accept", "application/sdp");
        options.push("User-Agent", &settings.user_agent);
        put_via_first(&mut options, &via(settings.local, settings.transport, &branch));
        let mut tx = NonInviteClient::new(options, settings.transport.is_reliable());
        let mut told = Vec::new();
        tx.step(now, ClientInput::Start, &mut told);
        self.asking = Some(Asking { tx, branch, until: now + PATIENCE });
        self.send(told, out);
    }

    fn send(&self, told: Vec<ClientOutput>, out: &mut Vec<KeepAliveOutput>) {
        for one in told {
            if let ClientOutput::Send(bytes) = one {
                out.push(KeepAliveOutput::Send { to: self.remote(), bytes });
            }
        }
    }

    fn gone(&mut self, now: Moment, detail: String, out: &mut Vec<KeepAliveOutput>) {
        if self.asking.take().is_some() {
            self.silent += 1;
            // Somebody who is registered is told at once, and registers elsewhere; else the next place will do.
            if !self.settings.registered && self.silent < self.settings.places.len() {
                self.at += 1;
                return self.ask(now, out);
            }
            self.silent = 0;
            self.next = now + self.settings.every.min(AGAIN);
            out.push(KeepAliveOutput::Gone { detail });
        }
    }
}
