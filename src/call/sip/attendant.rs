//! Who attends to a trunk between calls: keeps it registered where it wants that, asks whether it is still there, and
//! answers what comes in meanwhile. One that comes back after a silence is registered anew at once: a registrar that was
//! started again knows nobody.

use super::admission::{Refusal, answer_outside, stateless};
use super::keep_alive::{KeepAlive, KeepAliveInput, KeepAliveOutput, KeepAliveSettings};
use super::message::{Message, read};
use super::registration::{
    Registration, RegistrationEvent, RegistrationInput, RegistrationOutput, RegistrationSettings,
};
use super::transaction::earliest;
use crate::vocabulary::{Moment, Seed};
use std::net::SocketAddr;

/// What is attended to. At least one of the two is there, or there is nothing to do.
#[derive(Clone, Debug)]
pub struct AttendantSettings {
    pub registration: Option<RegistrationSettings>,
    pub keep_alive: Option<KeepAliveSettings>,
    pub user_agent: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AttendantInput {
    Start,
    Wire {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Unreachable {
        detail: String,
    },
    Lost {
        peer: SocketAddr,
        detail: String,
    },
    /// Take the registration back and be done.
    Stop,
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AttendantOutput {
    Send { to: SocketAddr, bytes: Vec<u8> },
    Event(AttendantEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum AttendantEvent {
    /// Calls can leave by it; with the routes they take (RFC 3608) and, where we are registered, the place that knows us.
    /// Told when it is news.
    Up { service_route: Vec<String>, at: Option<SocketAddr> },
    /// It is not registered, or does not answer. Told when it is news, or the reason is another.
    Down { detail: String },
    /// The registration was not refreshed; the one before holds for a while yet.
    Shaky { detail: String },
    /// Nothing more is sent. Always the last.
    Closed,
}

/// What a trunk without a word from it counts as.
const UNKNOWN: &str = "it has not answered yet";

#[derive(Clone, Debug)]
pub struct Attendant {
    registration: Option<Registration>,
    keep_alive: Option<KeepAlive>,
    user_agent: String,
    seed: Seed,
    service_route: Vec<String>,
    /// Where it is registered.
    at: Option<SocketAddr>,
    /// Why it is not registered.
    unregistered: Option<String>,
    /// Why it does not answer.
    gone: Option<String>,
    told: Option<AttendantEvent>,
    closed: bool,
}

impl Attendant {
    pub fn new(settings: AttendantSettings, seed: Seed) -> Attendant {
        let unknown = || UNKNOWN.to_string();
        let gone = settings.keep_alive.as_ref().filter(|_| settings.registration.is_none()).map(|_| unknown());
        Attendant {
            unregistered: settings.registration.as_ref().map(|_| unknown()),
            gone,
            registration: settings.registration.map(|settings| Registration::new(settings, seed.fork("register"))),
            keep_alive: settings.keep_alive.map(|settings| KeepAlive::new(settings, seed.fork("options"))),
            user_agent: settings.user_agent,
            seed,
            service_route: Vec::new(),
            at: None,
            told: None,
            closed: false,
        }
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        if self.closed {
            return None;
        }
        let registration = self.registration.as_ref().and_then(Registration::deadline);
        earliest([registration, self.keep_alive.as_ref().and_then(KeepAlive::deadline)])
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: AttendantInput, out: &mut Vec<AttendantOutput>) {
        if self.closed {
            return;
        }
        match input {
            AttendantInput::Start => {
                self.register(now, RegistrationInput::Start, out);
                self.ask(now, KeepAliveInput::Tick, out);
            }
            AttendantInput::Wire { from, bytes } => match read(&bytes) {
                Ok(message) if message.is_request() => self.receive(&message, from, out),
                Ok(message) => {
                    let message = Box::new(message);
                    if self.keep_alive.as_ref().is_some_and(|k| k.wants(&message)) {
                        self.ask(now, KeepAliveInput::Response(message), out);
                    } else {
                        self.register(now, RegistrationInput::Response(message), out);
                    }
                }
                Err(_) => {}
            },
            AttendantInput::Unreachable { detail } => {
                self.ask(now, KeepAliveInput::Unreachable { detail: detail.clone() }, out);
                self.register(now, RegistrationInput::Unreachable { detail }, out);
            }
            AttendantInput::Lost { peer, detail } => {
                // Whether it is there shows with the next question, over a connection of its own.
                self.register(now, RegistrationInput::Lost { peer, detail }, out);
            }
            AttendantInput::Stop => {
                self.keep_alive = None;
                match self.registration {
                    Some(_) => self.register(now, RegistrationInput::Stop, out),
                    None => self.close(out),
                }
            }
            AttendantInput::Tick => {
                if self.keep_alive.as_ref().and_then(KeepAlive::deadline).is_some_and(|due| due <= now) {
                    self.ask(now, KeepAliveInput::Tick, out);
                }
                if self.registration.as_ref().and_then(Registration::deadline).is_some_and(|due| due <= now) {
                    self.register(now, RegistrationInput::Tick, out);
                }
            }
        }
        self.tell(out);
    }

    fn register(&mut self, now: Moment, input: RegistrationInput, out: &mut Vec<AttendantOutput>) {
        let Some(registration) = &mut self.registration else { return };
        let mut told = Vec::new();
        registration.step(now, input, &mut told);
        for one in told {
            match one {
                RegistrationOutput::Send { to, bytes } => out.push(AttendantOutput::Send { to, bytes }),
                RegistrationOutput::Event(event) => self.registration_says(event, out),
            }
        }
    }

    fn registration_says(&mut self, event: RegistrationEvent, out: &mut Vec<AttendantOutput>) {
        match event {
            RegistrationEvent::Registered { service_route, at, .. } => {
                self.service_route = service_route;
                self.at = Some(at);
                if let Some(keep_alive) = &mut self.keep_alive {
                    keep_alive.ask_at(at);
                }
                // Who registers us is there, whatever it made of our last question.
                (self.unregistered, self.gone) = (None, None);
            }
            RegistrationEvent::Failed { detail, still_holds: true, .. } => {
                out.push(AttendantOutput::Event(AttendantEvent::Shaky { detail }));
            }
            RegistrationEvent::Failed { detail, still_holds: false, .. } => self.unregistered = Some(detail),
            RegistrationEvent::RanOut => {
                self.unregistered = Some("the registration ran out and was not refreshed".to_string());
            }
            RegistrationEvent::Closed => self.close(out),
        }
    }

    fn ask(&mut self, now: Moment, input: KeepAliveInput, out: &mut Vec<AttendantOutput>) {
        let Some(keep_alive) = &mut self.keep_alive else { return };
        let mut told = Vec::new();
        keep_alive.step(now, input, &mut told);
        for one in told {
            match one {
                KeepAliveOutput::Send { to, bytes } => out.push(AttendantOutput::Send { to, bytes }),
                KeepAliveOutput::There => {
                    if self.gone.take().is_some() {
                        self.register(now, RegistrationInput::Refresh, out);
                    }
                }
                KeepAliveOutput::Gone { detail } => {
                    self.gone = Some(detail);
                    self.register(now, RegistrationInput::Elsewhere, out);
                }
            }
        }
    }

    /// A request that belongs to no call. Calls are not taken here (RFC 3261 §21.4.18).
    fn receive(&mut self, request: &Message, from: SocketAddr, out: &mut Vec<AttendantOutput>) {
        let reply = answer_outside(request, from, &self.user_agent, &self.seed).or_else(|| {
            let away = Refusal { status: 480, reason: "Temporarily Unavailable".into(), headers: Vec::new() };
            (request.method() == Some("INVITE")).then(|| stateless(request, from, &self.user_agent, &self.seed, &away))
        });
        out.extend(reply.map(|(to, bytes)| AttendantOutput::Send { to, bytes }));
    }

    fn tell(&mut self, out: &mut Vec<AttendantOutput>) {
        if self.closed {
            return;
        }
        let unknown = |why: &Option<String>| why.as_deref() == Some(UNKNOWN);
        let why = self.gone.as_ref().or(self.unregistered.as_ref());
        let event = match why {
            Some(_) if unknown(&self.unregistered) && self.gone.is_none() || unknown(&self.gone) => return,
            Some(detail) => AttendantEvent::Down { detail: detail.clone() },
            None => AttendantEvent::Up { service_route: self.service_route.clone(), at: self.at },
        };
        if self.told.as_ref() != Some(&event) {
            self.told = Some(event.clone());
            out.push(AttendantOutput::Event(event));
        }
    }

    fn close(&mut self, out: &mut Vec<AttendantOutput>) {
        if !std::mem::replace(&mut self.closed, true) {
            out.push(AttendantOutput::Event(AttendantEvent::Closed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::sip::Credentials;
    use crate::call::sip::registration::EXPIRES_USUAL;
    use crate::vocabulary::Transport;
    use std::time::Duration;

    fn settings(registers: bool, asks: bool) -> AttendantSettings {
        let remote: SocketAddr = "192.0.2.9:5060".parse().unwrap();
        let local: SocketAddr = "10.0.0.4:5070".parse().unwrap();
        let registration = RegistrationSettings {
            registrar: "sip:pbx.example".into(),
            address_of_record: "sip:line@pbx.example".into(),
            user: "line".into(),
            places: vec![remote],
            local,
            transport: Transport::Udp,
            routes: Vec::new(),
            credentials: Credentials { username: "line".into(), password: "right".into() },
            user_agent: "nightbell/test".into(),
            expires: EXPIRES_USUAL,
        };
        let keep_alive = KeepAliveSettings {
            every: Duration::from_secs(30),
            server: "sip:pbx.example".into(),
            from: "sip:line@pbx.example".into(),
            contact: "<sip:line@10.0.0.4:5070>".into(),
            places: vec![remote],
            local,
            transport: Transport::Udp,
            routes: Vec::new(),
            user_agent: "nightbell/test".into(),
            registered: registers,
        };
        AttendantSettings {
            registration: registers.then_some(registration),
            keep_alive: asks.then_some(keep_alive),
            user_agent: "nightbell/test".into(),
        }
    }

    /// A trunk that answers REGISTER and OPTIONS with these statuses, or not at all.
    struct Trunk {
        attendant: Attendant,
        now: Moment,
        register: Option<u16>,
        options: Option<u16>,
        told: Vec<(u64, AttendantEvent)>,
        sent: Vec<(u64, String)>,
    }

    impl Trunk {
        fn started(settings: AttendantSettings, register: Option<u16>, options: Option<u16>) -> Trunk {
            let attendant = Attendant::new(settings, Seed::new(3));
            let (told, sent) = (Vec::new(), Vec::new());
            let mut trunk = Trunk { attendant, now: Moment::START, register, options, told, sent };
            trunk.step(AttendantInput::Start);
            trunk
        }

        fn step(&mut self, input: AttendantInput) {
            let mut out = Vec::new();
            self.attendant.step(self.now, input, &mut out);
            for one in out {
                match one {
                    AttendantOutput::Event(event) => self.told.push((self.now.since(Moment::START).as_secs(), event)),
                    AttendantOutput::Send { to, bytes } => {
                        let request = read(&bytes).expect("we write what we can read");
                        let Some(method) = request.method().map(str::to_string) else {
                            self.sent.push((self.now.millis(), request.status().unwrap().to_string()));
                            continue;
                        };
                        self.sent.push((self.now.millis(), method.clone()));
                        let status = if method == "REGISTER" { self.register } else { self.options };
                        if let Some(status) = status {
                            let response = Message::respond(&request, status, "x", Some("t"));
                            let bytes = crate::call::sip::write(&response);
                            self.step(AttendantInput::Wire { from: to, bytes });
                        }
                    }
                }
            }
        }

        fn wait(&mut self, seconds: u64) {
            let until = self.now + Duration::from_secs(seconds);
            while let Some(at) = self.attendant.deadline().filter(|at| *at <= until) {
                self.now = self.now.max(at);
                self.step(AttendantInput::Tick);
            }
            self.now = until;
        }

        fn count(&self, method: &str) -> usize {
            self.sent.iter().filter(|(_, sent)| sent == method).count()
        }

        /// Up or down, and since which second.
        fn states(&self) -> Vec<(u64, bool)> {
            let states = self.told.iter().filter_map(|(at, event)| match event {
                AttendantEvent::Up { .. } => Some((*at, true)),
                AttendantEvent::Down { .. } => Some((*at, false)),
                AttendantEvent::Shaky { .. } | AttendantEvent::Closed => None,
            });
            states.collect()
        }
    }

    #[test]
    fn a_trunk_that_answers_is_up_whatever_it_answers() {
        for status in [200, 404, 405, 503, 100] {
            let mut trunk = Trunk::started(settings(false, true), None, Some(status));
            trunk.wait(300);
            assert_eq!(trunk.states(), [(0, true)], "{status}");
            assert!((10..=12).contains(&trunk.count("OPTIONS")), "{status}: every half minute");
        }
    }

    #[test]
    fn one_that_vanishes_is_told_and_one_that_comes_back_is_registered_anew_at_once() {
        let mut trunk = Trunk::started(settings(true, true), Some(200), Some(200));
        trunk.wait(100);
        assert_eq!(trunk.states(), [(0, true)]);
        (trunk.register, trunk.options) = (None, None);
        trunk.wait(60);
        let [_, (gone, false)] = trunk.states()[..] else { panic!("{:?}", trunk.told) };
        assert!((100..=140).contains(&gone), "{gone}");
        (trunk.register, trunk.options) = (Some(200), Some(200));
        let registers = trunk.count("REGISTER");
        trunk.wait(20);
        assert_eq!(trunk.count("REGISTER"), registers + 1, "{:?}", trunk.sent);
        assert!(trunk.states().last().unwrap().1);
    }

    #[test]
    fn a_registrar_that_refuses_is_told_with_its_words_and_once() {
        let mut trunk = Trunk::started(settings(true, false), Some(403), None);
        trunk.wait(200);
        assert!(trunk.count("REGISTER") > 2);
        assert_eq!(trunk.told, [(0, AttendantEvent::Down { detail: "403 x".into() })]);
    }

    #[test]
    fn a_refresh_that_fails_is_told_and_the_line_stays_up_until_it_runs_out() {
        let mut trunk = Trunk::started(settings(true, false), Some(200), None);
        trunk.register = Some(500);
        trunk.wait(260);
        assert_eq!(trunk.states(), [(0, true)]);
        assert!(trunk.told.iter().any(|(_, event)| matches!(event, AttendantEvent::Shaky { .. })), "{:?}", trunk.told);
        trunk.wait(60);
        assert!(trunk.states().contains(&(300, false)), "{:?}", trunk.told);
    }

    #[test]
    fn what_comes_in_meanwhile_is_answered_and_calls_are_not_taken() {
        let mut trunk = Trunk::started(settings(true, false), Some(200), None);
        for (method, status) in [("OPTIONS", "200"), ("INVITE", "480"), ("BYE", "481"), ("PUBLISH", "405")] {
            let mut request = Message::request(method, "sip:line@10.0.0.4:5070");
            request.push("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa");
            request.push("From", "<sip:a@b>;tag=1");
            request.push("To", "<sip:line@10.0.0.4>");
            request.push("Call-ID", method);
            request.push("CSeq", &format!("1 {method}"));
            request.push("Contact", "<sip:a@192.0.2.9>");
            let from = "192.0.2.9:5060".parse().unwrap();
            trunk.step(AttendantInput::Wire { from, bytes: crate::call::sip::write(&request) });
            assert_eq!(trunk.sent.last().unwrap().1, status, "{method}");
        }
    }

    #[test]
    fn at_the_end_the_registration_is_taken_back() {
        let mut trunk = Trunk::started(settings(true, true), Some(200), Some(200));
        trunk.step(AttendantInput::Stop);
        assert_eq!(trunk.count("REGISTER"), 2);
        assert_eq!(trunk.told.last().unwrap().1, AttendantEvent::Closed);
        assert_eq!(trunk.attendant.deadline(), None);
        let mut asked = Trunk::started(settings(false, true), None, None);
        asked.step(AttendantInput::Stop);
        assert_eq!(asked.told, [(0, AttendantEvent::Closed)]);
    }
}
