//! Many pretend hotlines behind one SIP address, and many calls at once.

use super::hotline::Hotline;
use super::library::Library;
use super::network::{Traffic, Way};
use super::pretend_call::{Arrival, CallEvent, Departure, PretendCall};
use super::switch_record::SwitchRecord;
use crate::call::sip::{self, Message};
use crate::vocabulary::{Moment, Seed};
use chrono::NaiveDateTime;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

const USER_AGENT: &str = concat!("nightbell-rehearsal/", env!("CARGO_PKG_VERSION"));

#[derive(Clone, Debug)]
pub struct ExchangeSettings {
    /// Where calls come in.
    pub sip: SocketAddr,
    /// One for each call that may go on at a time; RTCP is one port above each.
    pub rtp: Vec<SocketAddr>,
    /// The wall clock at `Moment::START`: for hotlines that open and close.
    pub wall: NaiveDateTime,
    pub seed: Seed,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExchangeInput {
    Sip {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// `at` is our own address it came in on.
    Rtp {
        at: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// `at` is the address of the RTP beside it, one port below.
    Rtcp {
        at: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// From now on calls of this number get this version.
    Switch {
        number: String,
        version: String,
    },
    /// Every call is ended.
    Stop,
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExchangeOutput {
    SendSip {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// `from` is the RTP address of the call.
    SendRtp {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    SendRtcp {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    Event {
        call: u64,
        number: String,
        event: CallEvent,
    },
    /// The last word on a call.
    Ended {
        call: u64,
        record: Box<SwitchRecord>,
    },
    /// Somebody called a number that is not there (404) or no port was free (503).
    TurnedAway {
        number: String,
        status: u16,
    },
}

/// The exchange: steps every call and finds the right one for what comes in.
pub struct Exchange {
    settings: ExchangeSettings,
    library: Arc<Library>,
    /// By number.
    hotlines: BTreeMap<String, Arc<Hotline>>,
    versions: BTreeMap<String, String>,
    calls: BTreeMap<u64, PretendCall>,
    next_call: u64,
    /// The one that is free for longest is taken next: what comes late for its last call finds nobody.
    free_ports: VecDeque<SocketAddr>,
    /// Calls by their port, as long as they have sound. A call that is over may still repeat its last word.
    sounding: BTreeMap<SocketAddr, u64>,
    /// Packets that a call's network holds back, by when they are due.
    held: BTreeMap<(Moment, u64), Held>,
    next_held: u64,
    told: BTreeSet<u64>,
}

enum Held {
    Leaving { call: u64, departure: Departure },
    Arriving { call: u64, traffic: Traffic, from: SocketAddr, bytes: Vec<u8> },
}

impl Exchange {
    pub fn new(settings: ExchangeSettings, hotlines: Vec<Arc<Hotline>>, library: Arc<Library>) -> Exchange {
        let free_ports = settings.rtp.iter().copied().collect();
        Exchange {
            settings,
            library,
            hotlines: hotlines.into_iter().map(|hotline| (hotline.number.clone(), hotline)).collect(),
            versions: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: 1,
            free_ports,
            sounding: BTreeMap::new(),
            held: BTreeMap::new(),
            next_held: 0,
            told: BTreeSet::new(),
        }
    }

    /// Calls that have not ended.
    pub fn calls_going_on(&self) -> usize {
        self.calls.values().filter(|call| call.record().ended.is_none()).count()
    }

    /// Whether some call still has something to say to its caller: a BYE that is not answered yet.
    pub fn calls_leaving(&self) -> bool {
        self.calls.values().any(|call| !call.is_settled())
    }

    /// What is known so far of every call that is not closed, for an oracle.
    pub fn records(&self) -> impl Iterator<Item = &SwitchRecord> {
        self.calls.values().map(PretendCall::record)
    }

    pub fn deadline(&self) -> Option<Moment> {
        let held = self.held.first_key_value().map(|((at, _), _)| *at);
        self.calls.values().filter_map(PretendCall::deadline).chain(held).min()
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: ExchangeInput, out: &mut Vec<ExchangeOutput>) {
        match input {
            ExchangeInput::Sip { from, bytes } => self.sip(now, from, bytes, out),
            ExchangeInput::Rtp { at, from, bytes } => self.media(now, at, Traffic::Rtp, from, bytes, out),
            ExchangeInput::Rtcp { at, from, bytes } => self.media(now, at, Traffic::Rtcp, from, bytes, out),
            ExchangeInput::Switch { number, version } => {
                self.versions.insert(number, version);
            }
            ExchangeInput::Stop => {
                for id in self.ids() {
                    self.with(now, id, out, |call, departures| call.stop(now, departures));
                }
            }
            ExchangeInput::Tick => self.tick(now, out),
        }
        self.sweep(now);
    }

    fn ids(&self) -> Vec<u64> {
        self.calls.keys().copied().collect()
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<ExchangeOutput>) {
        while let Some(entry) = self.held.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Held::Leaving { call, departure } => self.send(call, departure, out),
                Held::Arriving { call, traffic, from, bytes } => self.deliver(now, call, traffic, from, bytes, out),
            }
        }
        for id in self.ids() {
            if self.calls.get(&id).and_then(PretendCall::deadline).is_some_and(|at| at <= now) {
                self.with(now, id, out, |call, departures| call.tick(now, departures));
            }
        }
    }

    fn sip(&mut self, now: Moment, from: SocketAddr, bytes: Vec<u8>, out: &mut Vec<ExchangeOutput>) {
        let Ok(message) = sip::read(&bytes) else { return };
        let owner = self.calls.iter().find(|(_, call)| call.wants(&message)).map(|(&id, _)| id);
        match owner {
            Some(id) => self.arrive(now, id, Traffic::Sip, from, bytes, out),
            None => {
                let seed = self.settings.seed.fork("outside");
                match sip::answer_outside(&message, from, USER_AGENT, &seed) {
                    Some((to, bytes)) => out.push(ExchangeOutput::SendSip { to, bytes }),
                    None if message.method() == Some("INVITE") => self.invited(now, from, &message, out),
                    None => {}
                }
            }
        }
    }

    fn invited(&mut self, now: Moment, from: SocketAddr, invite: &Message, out: &mut Vec<ExchangeOutput>) {
        let number = invite.request_uri().map(dialled_number).unwrap_or_default();
        let Some(hotline) = self.hotlines.get(&number).cloned() else {
            return self.turn_away(from, invite, number, 404, "Not Found", out);
        };
        let Some(rtp) = self.free_ports.pop_front() else {
            return self.turn_away(from, invite, number, 503, "Service Unavailable", out);
        };
        let id = self.next_call;
        self.next_call += 1;
        let seed = self.settings.seed.fork(&format!("call {id}"));
        let version = self.versions.get(&number).cloned();
        let arrival = Arrival { from, local_sip: self.settings.sip, rtp, invite };
        let (library, wall) = (self.library.clone(), self.settings.wall);
        let call = PretendCall::new(now, hotline, library, version.as_deref(), wall, &arrival, seed);
        self.sounding.insert(call.rtp_address(), id);
        self.calls.insert(id, call);
        self.with(now, id, out, |call, departures| call.begin(now, departures));
    }

    /// Stateless: an INVITE sent again gets the same answer.
    fn turn_away(
        &mut self,
        from: SocketAddr,
        invite: &Message,
        number: String,
        status: u16,
        reason: &str,
        out: &mut Vec<ExchangeOutput>,
    ) {
        let tag = Seed::new(u64::from(status)).fork(invite.call_id().unwrap_or_default()).hex(10);
        let response = Message::respond(invite, status, reason, Some(&tag));
        out.push(ExchangeOutput::SendSip { to: from, bytes: sip::write(&response) });
        out.push(ExchangeOutput::TurnedAway { number, status });
    }

    fn media(
        &mut self,
        now: Moment,
        at: SocketAddr,
        traffic: Traffic,
        from: SocketAddr,
        bytes: Vec<u8>,
        out: &mut Vec<ExchangeOutput>,
    ) {
        if let Some(&id) = self.sounding.get(&at) {
            self.arrive(now, id, traffic, from, bytes, out);
        }
    }

    /// Something came in for a call: through its network first.
    fn arrive(
        &mut self,
        now: Moment,
        id: u64,
        traffic: Traffic,
        from: SocketAddr,
        bytes: Vec<u8>,
        out: &mut Vec<ExchangeOutput>,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        for delay in call.carry(now, Way::ToHotline, traffic) {
            if delay.is_zero() {
                self.deliver(now, id, traffic, from, bytes.clone(), out);
            } else {
                self.hold(now + delay, Held::Arriving { call: id, traffic, from, bytes: bytes.clone() });
            }
        }
    }

    fn deliver(
        &mut self,
        now: Moment,
        id: u64,
        traffic: Traffic,
        from: SocketAddr,
        bytes: Vec<u8>,
        out: &mut Vec<ExchangeOutput>,
    ) {
        self.with(now, id, out, |call, departures| match traffic {
            Traffic::Sip => call.sip(now, from, bytes, departures),
            Traffic::Rtp => call.rtp(now, from, bytes, departures),
            Traffic::Rtcp => call.rtcp(now, from, bytes, departures),
        });
    }

    /// Steps one call, sends what it wants sent and tells what it tells.
    fn with(
        &mut self,
        now: Moment,
        id: u64,
        out: &mut Vec<ExchangeOutput>,
        step: impl FnOnce(&mut PretendCall, &mut Vec<Departure>),
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let mut departures = Vec::new();
        step(call, &mut departures);
        let events = call.take_events();
        let number = call.record().number.clone();
        for departure in departures {
            if departure.at <= now {
                self.send(id, departure, out);
            } else {
                self.hold(departure.at, Held::Leaving { call: id, departure });
            }
        }
        for event in events {
            let ended = event == CallEvent::Ended;
            out.push(ExchangeOutput::Event { call: id, number: number.clone(), event });
            if ended && self.told.insert(id) {
                let record = Box::new(self.calls[&id].record().clone());
                out.push(ExchangeOutput::Ended { call: id, record });
            }
        }
    }

    fn hold(&mut self, until: Moment, held: Held) {
        self.held.insert((until, self.next_held), held);
        self.next_held += 1;
    }

    fn send(&mut self, id: u64, departure: Departure, out: &mut Vec<ExchangeOutput>) {
        let Some(call) = self.calls.get(&id) else { return };
        let from = call.rtp_address();
        let Departure { traffic, to, bytes, .. } = departure;
        out.push(match traffic {
            Traffic::Sip => ExchangeOutput::SendSip { to, bytes },
            Traffic::Rtp => ExchangeOutput::SendRtp { from, to, bytes },
            Traffic::Rtcp => ExchangeOutput::SendRtcp { from, to, bytes },
        });
    }

    /// Lets go of the ports of calls that are over, and of calls that are closed.
    fn sweep(&mut self, now: Moment) {
        let is_over =
            |id: &u64| self.calls.get(id).is_none_or(|call| call.record().ended.is_some() || call.is_settled());
        let over: Vec<SocketAddr> = self.sounding.iter().filter(|(_, id)| is_over(id)).map(|(&at, _)| at).collect();
        for port in over {
            self.sounding.remove(&port);
            self.free_ports.push_back(port);
        }
        let closed: Vec<u64> = self.calls.iter().filter(|(_, call)| call.is_closed(now)).map(|(&id, _)| id).collect();
        for id in closed {
            if self.calls.remove(&id).is_some() {
                self.told.remove(&id);
            }
        }
    }
}

/// The user part of a Request-URI: `4001` of `sip:4001@127.0.0.1:5070;transport=udp` and of `tel:4001`.
fn dialled_number(uri: &str) -> String {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let user = rest.split('@').next().unwrap_or(rest);
    user.split([';', ':', '?']).next().unwrap_or(user).to_string()
}
