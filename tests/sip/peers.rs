//! Two peers and the network between them: `step` jumps to the next moment at which anything happens.

use super::pipe::{Came, Pipe};
use nightbell::call::sip::{
    Called, CalledEvent, CalledInput, CalledOutput, Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings,
    Credentials, Message, answer_outside, digest, read,
};
use nightbell::vocabulary::{Moment, Seed};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What the network does to a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub loss: f64,
    pub duplication: f64,
    /// Each copy takes between `delay_ms.0` and `delay_ms.1`: a wide span reorders.
    pub delay_ms: (u64, u64),
}

pub const FAIR: Weather = Weather { loss: 0.0, duplication: 0.0, delay_ms: (5, 5) };

/// What somebody does at a moment.
#[derive(Clone, Debug)]
pub enum Act {
    Caller(CallerInput),
    Called(CalledInput),
}

/// What was seen, in order: `caller`, `called` events and messages on the wire, in short.
pub type Log = Vec<(u64, String)>;

pub struct Peers {
    pub now: Moment,
    pub caller: Caller,
    pub called: Vec<Called>,
    pub caller_events: Vec<(Moment, CallerEvent)>,
    pub called_events: Vec<(Moment, CalledEvent)>,
    /// Messages as they left, `>` from the caller, `<` from the called side.
    pub wire: Vec<(Moment, bool, Message)>,
    /// The called side asks for this password.
    pub password: Option<Credentials>,
    pub weather: Weather,
    /// Datagrams of which neither this loses: (from the caller, its number on that side).
    pub lost: Vec<(bool, usize)>,
    network: BTreeMap<(Moment, u64), (bool, Vec<u8>)>,
    plan: Vec<(Moment, Act)>,
    chance: Seed,
    sequence: u64,
    sent: [usize; 2],
    /// Set: messages go over a stream.
    pub pipe: Option<Pipe>,
}

pub fn caller_address() -> SocketAddr {
    "127.0.0.1:5070".parse().unwrap()
}

pub fn called_address() -> SocketAddr {
    "127.0.0.1:5060".parse().unwrap()
}

pub fn settings() -> CallerSettings {
    CallerSettings {
        target_uri: "sip:4001@127.0.0.1".into(),
        remote: called_address(),
        local_sip: caller_address(),
        from_user: "probe".into(),
        from_display: Some("Night \"bell\"".into()),
        credentials: None,
        user_agent: "nightbell/test".into(),
        way: Default::default(),
    }
}

pub fn ms(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

impl Peers {
    pub fn new(seed: u64, weather: Weather) -> Peers {
        Peers::with(settings(), seed, weather)
    }

    pub fn with(settings: CallerSettings, seed: u64, weather: Weather) -> Peers {
        let seed = Seed::new(seed);
        Peers {
            now: Moment::START,
            caller: Caller::new(settings, seed.fork("caller")),
            called: Vec::new(),
            caller_events: Vec::new(),
            called_events: Vec::new(),
            wire: Vec::new(),
            password: None,
            weather,
            lost: Vec::new(),
            network: BTreeMap::new(),
            plan: Vec::new(),
            chance: seed.fork("network"),
            sequence: 0,
            sent: [0, 0],
            pipe: None,
        }
    }

    /// Dials at once, and does what the plan says at its milliseconds.
    pub fn plan(mut self, acts: Vec<(u64, Act)>) -> Peers {
        self.plan.push((Moment::START, Act::Caller(CallerInput::Dial { offer: b"v=0 offer".to_vec() })));
        self.plan.extend(acts.into_iter().map(|(at, act)| (ms(at), act)));
        self.plan.sort_by_key(|(at, _)| *at);
        self
    }

    pub fn caller_closed(&self) -> bool {
        matches!(self.caller_events.last(), Some((_, CallerEvent::Closed)))
    }

    pub fn called_closed(&self) -> bool {
        self.called.iter().all(|called| called.deadline().is_none())
    }

    /// Jumps to the next moment at which anything happens; false when nothing ever will.
    pub fn step(&mut self) -> bool {
        let datagram = self.network.keys().next().map(|(at, _)| *at);
        let act = self.plan.first().map(|(at, _)| *at);
        let called = self.called.iter().filter_map(Called::deadline).min();
        let piped = self.pipe.as_ref().and_then(Pipe::due);
        let Some(next) = [datagram, act, self.caller.deadline(), called, piped].into_iter().flatten().min() else {
            return false;
        };
        self.now = self.now.max(next);
        if piped == Some(next) {
            for came in self.pipe.as_mut().map(|pipe| pipe.step(next)).unwrap_or_default() {
                match came {
                    Came::Message { from_caller: true, bytes } => self.reach_called(bytes),
                    Came::Message { from_caller: false, bytes } => {
                        self.tell_caller(CallerInput::Wire { from: called_address(), bytes });
                    }
                    Came::Lost => {
                        let detail = "closed by the far side".to_string();
                        self.tell_caller(CallerInput::Lost { peer: called_address(), detail });
                        for index in 0..self.called.len() {
                            self.tell_called(index, CalledInput::Lost { peer: caller_address() });
                        }
                    }
                    Came::Refused => self.tell_caller(CallerInput::Unreachable { detail: "refused".into() }),
                }
            }
        } else if datagram == Some(next) {
            let ((_, _), (from_caller, bytes)) = self.network.pop_first().unwrap();
            if from_caller {
                self.reach_called(bytes)
            } else {
                self.tell_caller(CallerInput::Wire { from: called_address(), bytes })
            }
        } else if act == Some(next) {
            match self.plan.remove(0).1 {
                Act::Caller(input) => self.tell_caller(input),
                Act::Called(input) => {
                    let last = self.called.len().wrapping_sub(1);
                    if last < self.called.len() {
                        self.tell_called(last, input);
                    }
                }
            }
        } else if self.caller.deadline() == Some(next) {
            self.tell_caller(CallerInput::Tick);
        } else {
            for index in 0..self.called.len() {
                if self.called[index].deadline() == Some(next) {
                    self.tell_called(index, CalledInput::Tick);
                }
            }
        }
        true
    }

    /// Runs until nothing will ever happen again. Bounded: a machine that never rests is a bug.
    pub fn run(mut self) -> Peers {
        for _ in 0..20_000 {
            if !self.step() {
                return self;
            }
            assert!(self.now < ms(4_000_000), "something goes on for ever: {:#?}", self.log());
        }
        panic!("something never rests: {:#?}", self.log());
    }

    pub fn tell_caller(&mut self, input: CallerInput) {
        let mut out = Vec::new();
        self.caller.step(self.now, input, &mut out);
        for one in out {
            match one {
                CallerOutput::Send { to, bytes } => {
                    assert_eq!(to, called_address());
                    self.send(true, bytes);
                }
                CallerOutput::Permit { target } => panic!("nobody is to be called instead: {target}"),
                CallerOutput::Event(event) => {
                    assert!(!self.caller_closed(), "an event after Closed: {event:?}");
                    let answer = match &event {
                        CallerEvent::FarOffer { offer_id, .. } => Some(*offer_id),
                        _ => None,
                    };
                    self.caller_events.push((self.now, event));
                    if let Some(offer_id) = answer {
                        self.tell_caller(CallerInput::Answer { offer_id, sdp: b"v=0 again".to_vec() });
                    }
                }
            }
        }
    }

    pub fn tell_called(&mut self, index: usize, input: CalledInput) {
        let mut out = Vec::new();
        self.called[index].step(self.now, input, &mut out);
        for one in out {
            match one {
                CalledOutput::Send { to, bytes } => {
                    assert_eq!(to, caller_address());
                    self.send(false, bytes);
                }
                CalledOutput::Event(event) => {
                    if let CalledEvent::FarOffer { offer_id, .. } = &event {
                        let input = CalledInput::AnswerOffer { offer_id: *offer_id, sdp: b"v=0 again".to_vec() };
                        self.tell_called(index, input);
                    }
                    self.called_events.push((self.now, event));
                }
            }
        }
    }

    fn reach_called(&mut self, bytes: Vec<u8>) {
        let from = caller_address();
        let message = read(&bytes).expect("we write what we can read");
        if let Some(index) = self.called.iter().position(|called| called.wants(&message)) {
            return self.tell_called(index, CalledInput::Wire { from, bytes });
        }
        if let Some((_, bytes)) = answer_outside(&message, from, "nightbell/test", &Seed::new(9)) {
            return self.send(false, bytes);
        }
        if message.method() != Some("INVITE") {
            return;
        }
        let seed = Seed::new(77).fork(&self.called.len().to_string());
        self.called.push(Called::new(called_address(), from, &message, seed));
        let last = self.called.len() - 1;
        self.tell_called(last, CalledInput::Tick);
        if let Some(credentials) = &self.password {
            let answer = message.header("Authorization").unwrap_or_default();
            if !digest::is_right(answer, "INVITE", credentials, "nonce-1", message.body()) {
                let challenge = "Digest realm=\"lab\", nonce=\"nonce-1\", algorithm=MD5, qop=\"auth\"".to_string();
                let headers = vec![("WWW-Authenticate".to_string(), challenge)];
                self.tell_called(last, CalledInput::Reject { status: 401, reason: "Unauthorized".into(), headers });
            }
        }
    }

    /// Puts a datagram on the network, as the weather is.
    pub fn send(&mut self, from_caller: bool, bytes: Vec<u8>) {
        let side = usize::from(!from_caller);
        let number = self.sent[side];
        self.sent[side] += 1;
        self.wire.push((self.now, from_caller, read(&bytes).expect("we write what we can read")));
        if let Some(pipe) = &mut self.pipe {
            return pipe.send(self.now, from_caller, &bytes);
        }
        let copies = 1 + usize::from(self.chance.unit() < self.weather.duplication);
        for _ in 0..copies {
            let lost = self.chance.unit() < self.weather.loss || self.lost.contains(&(from_caller, number));
            let (least, most) = self.weather.delay_ms;
            let delay = Duration::from_millis(least + self.chance.below(most - least + 1));
            if !lost {
                self.sequence += 1;
                self.network.insert((self.now + delay, self.sequence), (from_caller, bytes.clone()));
            }
        }
    }

    /// Messages on the wire in short: `INVITE`, `200 INVITE`, …
    pub fn ladder(&self) -> Vec<String> {
        self.wire
            .iter()
            .map(|(_, from_caller, message)| format!("{} {}", if *from_caller { ">" } else { "<" }, short(message)))
            .collect()
    }

    /// Everything, for the message of a failure.
    pub fn log(&self) -> Log {
        let mut log: Log = Vec::new();
        log.extend(
            self.wire.iter().map(|(at, c, m)| (at.millis(), format!("{} {}", if *c { ">" } else { "<" }, short(m)))),
        );
        log.extend(self.caller_events.iter().map(|(at, e)| (at.millis(), format!("caller {e:?}"))));
        log.extend(self.called_events.iter().map(|(at, e)| (at.millis(), format!("called {e:?}"))));
        log.sort_by_key(|(at, _)| *at);
        log
    }

    pub fn caller_told(&self, wanted: impl Fn(&CallerEvent) -> bool) -> Option<Moment> {
        self.caller_events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }

    pub fn called_told(&self, wanted: impl Fn(&CalledEvent) -> bool) -> Option<Moment> {
        self.called_events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }
}

fn short(message: &Message) -> String {
    match message.method() {
        Some(method) => method.to_string(),
        None => format!("{} {}", message.status().unwrap(), message.cseq().map_or("?", |(_, method)| method)),
    }
}

pub fn ring(status: u16) -> Act {
    Act::Called(CalledInput::Provisional { status, reason: "Ringing".into(), sdp: None })
}

pub fn answer() -> Act {
    Act::Called(CalledInput::Answer { sdp: b"v=0 answer".to_vec() })
}

pub fn reject(status: u16, reason: &str) -> Act {
    Act::Called(CalledInput::Reject { status, reason: reason.into(), headers: vec![] })
}

pub fn caller_hangs_up() -> Act {
    Act::Caller(CallerInput::HangUp)
}

pub fn called_hangs_up() -> Act {
    Act::Called(CalledInput::HangUp { q850: Some(16) })
}
