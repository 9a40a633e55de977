//! One registration (RFC 3261 §10): made, refreshed before it runs out, made anew when its connection is lost, undone at
//! the end. What fails is tried again at growing intervals (RFC 5626 §4.5), so that a registrar that comes back meets no
//! storm and a wrong password no lock.

use super::digest::{AuthProblem, Authenticator, Credentials, Met};
use super::leg::{ALLOW, contact, put_via_first};
use super::message::Message;
use super::reason::retry_after;
use super::transaction::{ClientInput, ClientOutput, NonInviteClient, answers, earliest};
use super::via::MAGIC_COOKIE;
use crate::vocabulary::target::percent_encoded;
use crate::vocabulary::{Moment, Seed, Transport};
use std::net::SocketAddr;
use std::time::Duration;

/// What is asked for when nothing else is said.
pub const EXPIRES_USUAL: Duration = Duration::from_secs(300);
/// A registrar that wants longer intervals than this (423) is not followed.
const EXPIRES_MAX: Duration = Duration::from_secs(86_400);
/// RFC 5626 §4.5: the first wait after a failure, and the longest.
const WAIT_FIRST: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_secs(1_800);
/// A connection that was lost is made anew after this, the first time.
const WAIT_LOST: Duration = Duration::from_secs(1);
/// At the end nobody is waited for longer.
const LEAVING_TIME: Duration = Duration::from_secs(4);
/// Times in a row that a response may make us ask again at once (423, another address of ours).
const AGAIN_MAX: u32 = 3;

/// Who registers, and where.
#[derive(Clone, Debug)]
pub struct RegistrationSettings {
    /// Request-URI: the registrar's domain.
    pub registrar: String,
    /// `sip:line@sbc.example`.
    pub address_of_record: String,
    /// The user part of Contact.
    pub user: String,
    /// Where it may go, the first first (RFC 3263 §4.3). Never empty.
    pub places: Vec<SocketAddr>,
    pub local: SocketAddr,
    pub transport: Transport,
    /// Route values, for an outbound proxy.
    pub routes: Vec<String>,
    pub credentials: Credentials,
    pub user_agent: String,
    pub expires: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RegistrationInput {
    Start,
    /// A response that `Registration::wants`.
    Response(Box<Message>),
    Unreachable {
        detail: String,
    },
    /// The connection to or from there is gone.
    Lost {
        peer: SocketAddr,
        detail: String,
    },
    /// There is reason to think that the registrar has forgotten us.
    Refresh,
    /// The place that knows us is gone: another is asked, if there is one.
    Elsewhere,
    /// Take the binding back.
    Stop,
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RegistrationOutput {
    Send { to: SocketAddr, bytes: Vec<u8> },
    Event(RegistrationEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum RegistrationEvent {
    /// Made or refreshed.
    Registered {
        /// The place that knows us.
        at: SocketAddr,
        expires: Duration,
        /// The routes that requests from here on take (RFC 3608).
        service_route: Vec<String>,
        /// What the registrar put between itself and us (RFC 3327).
        path: Vec<String>,
        /// Our address as the registrar sees it, where it is not the one we know.
        seen_as: Option<SocketAddr>,
    },
    /// It did not work, and is tried again after `again_in`. An earlier one may still hold.
    Failed { status: Option<u16>, detail: String, again_in: Duration, still_holds: bool },
    /// An earlier one has run out.
    RanOut,
    /// Nothing more is sent. Always the last.
    Closed,
}

#[derive(Clone, Debug)]
struct Asking {
    tx: NonInviteClient,
    branch: String,
    met: Met,
}

/// One registration.
#[derive(Clone, Debug)]
pub struct Registration {
    settings: RegistrationSettings,
    call_id: String,
    tag: String,
    seed: Seed,
    auth: Authenticator,
    number: u32,
    expires: Duration,
    /// Which of the places is asked, and how many have failed since one did not.
    at: usize,
    tried: usize,
    /// What stands in Contact.
    place: SocketAddr,
    /// A binding of ours at another place, to be taken back with the next request.
    stale: Option<SocketAddr>,
    asking: Option<Asking>,
    /// When to ask next: a refresh or another try.
    next: Option<Moment>,
    /// The binding holds until then.
    until: Option<Moment>,
    failures: u32,
    again: u32,
    leaving: Option<Moment>,
    closed: bool,
}

impl Registration {
    pub fn new(settings: RegistrationSettings, seed: Seed) -> Registration {
        Registration {
            call_id: seed.fork("call-id").hex(24),
            tag: seed.fork("from-tag").hex(12),
            auth: Authenticator::new(Some(settings.credentials.clone()), seed.fork("cnonce")),
            number: 1 + (seed.fork("cseq").next_u32() >> 8),
            seed: seed.fork("branch"),
            expires: settings.expires,
            at: 0,
            tried: 0,
            place: settings.local,
            stale: None,
            asking: None,
            next: None,
            until: None,
            failures: 0,
            again: 0,
            leaving: None,
            closed: false,
            settings,
        }
    }

    /// True while the registrar knows where we are.
    pub fn holds(&self) -> bool {
        self.until.is_some() && self.leaving.is_none()
    }

    /// Where requests go now.
    fn remote(&self) -> SocketAddr {
        self.settings.places[self.at % self.settings.places.len()]
    }

    /// True when this response answers a request of ours.
    pub fn wants(&self, response: &Message) -> bool {
        response.call_id() == Some(self.call_id.as_str())
            && self.asking.as_ref().is_some_and(|asking| answers(response, &asking.branch, "REGISTER"))
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        if self.closed {
            return None;
        }
        let asking = self.asking.as_ref().and_then(|asking| asking.tx.deadline());
        earliest([asking, self.next, self.until, self.leaving])
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: RegistrationInput, out: &mut Vec<RegistrationOutput>) {
        if self.closed {
            return;
        }
        match input {
            RegistrationInput::Start => {
                if self.asking.is_none() && self.leaving.is_none() {
                    self.ask(now, Met::default(), out);
                }
            }
            RegistrationInput::Response(response) => {
                // RFC 3261 §18.3: a response that is cut or malformed is discarded.
                if self.wants(&response) && response.faults().is_empty() {
                    self.step_transaction(now, ClientInput::Response(response), out);
                }
            }
            RegistrationInput::Unreachable { detail } => self.fail_transport(now, &detail, out),
            RegistrationInput::Lost { peer, detail } => {
                if peer == self.remote() && self.settings.transport.is_reliable() {
                    if self.asking.is_some() {
                        self.fail_transport(now, &detail, out);
                    } else if self.until.is_some() && self.leaving.is_none() {
                        // The registrar would send calls into a connection that is gone (RFC 5626 §4.5).
                        self.next = Some(self.next.map_or(now + WAIT_LOST, |next| next.min(now + WAIT_LOST)));
                    }
                }
            }
            RegistrationInput::Refresh => {
                if self.asking.is_none() && self.leaving.is_none() && self.next.is_some() {
                    self.ask(now, Met::default(), out);
                }
            }
            RegistrationInput::Elsewhere => {
                if self.asking.is_none() && self.leaving.is_none() && self.settings.places.len() > 1 {
                    self.at += 1;
                    self.ask(now, Met::default(), out);
                }
            }
            RegistrationInput::Stop => self.leave(now, out),
            RegistrationInput::Tick => self.tick(now, out),
        }
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<RegistrationOutput>) {
        if self.leaving.is_some_and(|until| until <= now) {
            return self.close(out);
        }
        if self.asking.as_ref().and_then(|asking| asking.tx.deadline()).is_some_and(|at| at <= now) {
            self.step_transaction(now, ClientInput::Tick, out);
        }
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            if self.leaving.is_none() {
                out.push(RegistrationOutput::Event(RegistrationEvent::RanOut));
            }
        }
        if self.next.is_some_and(|next| next <= now) && self.asking.is_none() && self.leaving.is_none() {
            self.ask(now, Met::default(), out);
        }
    }

    /// Sends a REGISTER: for a binding, or with no time at all at the end.
    fn ask(&mut self, now: Moment, met: Met, out: &mut Vec<RegistrationOutput>) {
        self.next = None;
        let expires = if self.leaving.is_some() { 0 } else { self.expires.as_secs() };
        let branch = format!("{MAGIC_COOKIE}{}", self.seed.hex(20));
        let settings = &self.settings;
        let mut register = Message::request("REGISTER", &settings.registrar);
        register.push("Max-Forwards", "70");
        settings.routes.iter().for_each(|route| register.push("Route", route));
        register.push("From", &format!("<{}>;tag={}", settings.address_of_record, self.tag));
        register.push("To", &format!("<{}>", settings.address_of_record));
        register.push("Call-ID", &self.call_id);
        register.push("CSeq", &format!("{} REGISTER", self.number));
        register.push("Contact", &format!("{};expires={expires}", self.contact(self.place)));
        if let Some(stale) = self.stale.filter(|stale| *stale != self.place) {
            register.push("Contact", &format!("{};expires=0", self.contact(stale)));
        }
        register.push("Expires", &expires.to_string());
        // RFC 3327 §5.1: without it a registrar may refuse what came through a proxy that adds itself.
        register.push("Supported", "path");
        register.push("Allow", ALLOW);
        register.push("User-Agent", &settings.user_agent);
        self.auth.authorize(&mut register);
        self.number += 1;
        let (local, by) = (settings.local, settings.transport);
        put_via_first(&mut register, &super::leg::via(local, by, &branch));
        let mut tx = NonInviteClient::new(register, by.is_reliable());
        let mut told = Vec::new();
        tx.step(now, ClientInput::Start, &mut told);
        self.asking = Some(Asking { tx, branch, met });
        self.pass(now, told, out);
    }

    fn contact(&self, place: SocketAddr) -> String {
        let user = percent_encoded(self.settings.user.split('@').next().unwrap_or_default());
        contact("sip", &user, place, self.settings.transport)
    }

    fn step_transaction(&mut self, now: Moment, input: ClientInput, out: &mut Vec<RegistrationOutput>) {
        let Some(asking) = &mut self.asking else { return };
        let mut told = Vec::new();
        asking.tx.step(now, input, &mut told);
        self.pass(now, told, out);
    }

    fn pass(&mut self, now: Moment, told: Vec<ClientOutput>, out: &mut Vec<RegistrationOutput>) {
        for one in told {
            match one {
                ClientOutput::Send(bytes) => out.push(RegistrationOutput::Send { to: self.remote(), bytes }),
                ClientOutput::Pass(response) if response.status().is_some_and(|status| status >= 200) => {
                    let met = self.asking.take().map(|asking| asking.met).unwrap_or_default();
                    // What comes of the transaction now is of no interest: it waits for repetitions alone.
                    return self.answered(now, &response, met, out);
                }
                ClientOutput::TimedOut => {
                    self.asking = None;
                    return self.failed(now, None, "no answer from the registrar".to_string(), None, out);
                }
                ClientOutput::Pass(_) | ClientOutput::TransportFailed | ClientOutput::Terminated => {}
            }
        }
    }

    fn answered(&mut self, now: Moment, response: &Message, mut met: Met, out: &mut Vec<RegistrationOutput>) {
        let status = response.status().unwrap_or_default();
        let said = format!("{status} {}", response.reason().unwrap_or_default());
        if self.leaving.is_some() && !matches!(status, 401 | 407) {
            return self.close(out);
        }
        match status {
            200..300 => self.registered(now, response, out),
            401 | 407 => match self.auth.meet(response, &mut met) {
                Ok(()) => self.ask(now, met, out),
                Err(_) if self.leaving.is_some() => self.close(out),
                Err(AuthProblem::Refused) => {
                    let detail =
                        format!("the registrar refuses the password of {}", self.settings.credentials.username);
                    self.failed(now, Some(status), detail, None, out);
                }
                Err(problem) => self.failed(now, Some(status), format!("{said}: {problem}"), None, out),
            },
            // RFC 3261 §10.2.8.
            423 => {
                let least = response.header("Min-Expires").and_then(|text| text.trim().parse().ok());
                let least = least.map(Duration::from_secs).filter(|least| *least > self.expires);
                match least.filter(|least| *least <= EXPIRES_MAX && self.again < AGAIN_MAX) {
                    Some(least) => {
                        self.again += 1;
                        self.expires = least;
                        self.ask(now, met, out);
                    }
                    None => self.failed(now, Some(status), said, None, out),
                }
            }
            _ => {
                let wait = retry_after(response).map(|seconds| Duration::from_secs(u64::from(seconds)));
                self.failed(now, Some(status), said, wait, out);
            }
        }
    }

    fn registered(&mut self, now: Moment, response: &Message, out: &mut Vec<RegistrationOutput>) {
        let seen = response.top_via().and_then(|via| via.seen_from()).unwrap_or(self.settings.local);
        if seen != self.place && self.again < AGAIN_MAX {
            // An address translator is between us: calls would go to an address that is not there (RFC 5626 §3.1).
            self.again += 1;
            self.stale = Some(std::mem::replace(&mut self.place, seen));
            return self.ask(now, Met::default(), out);
        }
        let expires = self.granted(response);
        self.stale = None;
        (self.failures, self.again, self.tried) = (0, 0, 0);
        self.until = Some(now + expires);
        // A fifth of the time, and no more than a minute, is left for a refresh that must be repeated.
        let lead = (expires / 5).min(Duration::from_secs(60));
        self.next = Some(now + expires.saturating_sub(lead).max(Duration::from_secs(1)));
        let all = |name| response.list(name).map(str::to_string).collect();
        out.push(RegistrationOutput::Event(RegistrationEvent::Registered {
            at: self.remote(),
            expires,
            service_route: all("Service-Route"),
            path: all("Path"),
            seen_as: Some(self.place).filter(|place| *place != self.settings.local),
        }));
    }

    /// RFC 3261 §10.2.4: the time of our own binding, else that of all, else what we asked for.
    fn granted(&self, response: &Message) -> Duration {
        let ours = self.contact(self.place);
        let ours = ours.trim_matches(['<', '>']);
        let contacts = || response.list("Contact").filter_map(super::address::NameAddr::parse);
        let own = contacts().find(|contact| contact.uri == ours);
        // Some write the URI in their own way; with one binding there is no doubt.
        let own = own.or_else(|| contacts().next().filter(|_| contacts().count() == 1));
        let said = own.and_then(|contact| contact.params.get("expires")).and_then(|text| text.parse().ok());
        let said = said.or_else(|| response.header("Expires").and_then(|text| text.trim().parse().ok()));
        said.map_or(self.expires, Duration::from_secs).clamp(Duration::from_secs(2), EXPIRES_MAX)
    }

    fn fail_transport(&mut self, now: Moment, detail: &str, out: &mut Vec<RegistrationOutput>) {
        if self.asking.take().is_some() {
            self.failed(now, None, detail.to_string(), None, out);
        }
    }

    fn failed(
        &mut self,
        now: Moment,
        status: Option<u16>,
        detail: String,
        wait: Option<Duration>,
        out: &mut Vec<RegistrationOutput>,
    ) {
        if self.leaving.is_some() {
            return self.close(out);
        }
        self.again = 0;
        // RFC 3263 §4.3: what did not answer, could not be reached or is not available is asked for at the next place.
        if matches!(status, None | Some(503)) && self.settings.places.len() > 1 {
            self.at += 1;
            self.tried += 1;
            if self.tried < self.settings.places.len() {
                return self.ask(now, Met::default(), out);
            }
            self.tried = 0;
        }
        let most = WAIT_FIRST.saturating_mul(1 << self.failures.min(10)).min(WAIT_MAX);
        self.failures += 1;
        // RFC 5626 §4.5: between half of it and all of it, so that many do not come at once.
        let half = (most.as_millis() / 2) as u64;
        let ours = Duration::from_millis(half + self.seed.below(half + 1));
        let again_in = wait.map_or(ours, |wait| wait.clamp(ours, EXPIRES_MAX));
        self.next = Some(now + again_in);
        let still_holds = self.until.is_some_and(|until| until > now);
        out.push(RegistrationOutput::Event(RegistrationEvent::Failed { status, detail, again_in, still_holds }));
    }

    fn leave(&mut self, now: Moment, out: &mut Vec<RegistrationOutput>) {
        if self.leaving.is_some() {
            return;
        }
        // A request under way may make a binding yet.
        if self.until.is_none() && self.asking.is_none() {
            return self.close(out);
        }
        self.leaving = Some(now + LEAVING_TIME);
        self.ask(now, Met::default(), out);
    }

    fn close(&mut self, out: &mut Vec<RegistrationOutput>) {
        self.closed = true;
        self.asking = None;
        out.push(RegistrationOutput::Event(RegistrationEvent::Closed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::sip::digest;
    use crate::call::sip::message::read;

    const MINUTE: u64 = 60_000;

    fn settings(transport: Transport) -> RegistrationSettings {
        RegistrationSettings {
            registrar: "sip:pbx.example".into(),
            address_of_record: "sip:line@pbx.example".into(),
            user: "line".into(),
            places: vec!["192.0.2.9:5060".parse().unwrap()],
            local: "10.0.0.4:5070".parse().unwrap(),
            transport,
            routes: Vec::new(),
            credentials: Credentials { username: "line".into(), password: "right".into() },
            user_agent: "nightbell/test".into(),
            expires: EXPIRES_USUAL,
        }
    }

    /// A registration and what it said; the registrar is written by hand.
    struct Desk {
        registration: Registration,
        now: Moment,
        sent: Vec<(u64, Message)>,
        told: Vec<(u64, RegistrationEvent)>,
    }

    impl Desk {
        fn started(settings: RegistrationSettings) -> Desk {
            let registration = Registration::new(settings, Seed::new(5));
            let mut desk = Desk { registration, now: Moment::START, sent: Vec::new(), told: Vec::new() };
            desk.step(RegistrationInput::Start);
            desk
        }

        fn step(&mut self, input: RegistrationInput) {
            let mut out = Vec::new();
            self.registration.step(self.now, input, &mut out);
            for one in out {
                match one {
                    RegistrationOutput::Send { bytes, .. } => {
                        self.sent.push((self.now.millis(), read(&bytes).expect("we write what we can read")));
                    }
                    RegistrationOutput::Event(event) => self.told.push((self.now.millis(), event)),
                }
            }
        }

        /// Lets time go by.
        fn wait(&mut self, millis: u64) {
            let until = self.now + Duration::from_millis(millis);
            while let Some(at) = self.registration.deadline().filter(|at| *at <= until) {
                self.now = self.now.max(at);
                self.step(RegistrationInput::Tick);
            }
            self.now = until;
        }

        /// Lets time go by until something is sent.
        fn wait_for_request(&mut self) {
            let before = self.sent.len();
            while self.sent.len() == before {
                assert!(self.registration.deadline().is_some(), "nothing is ever sent: {:?}", self.told);
                self.wait(250);
            }
        }

        fn respond(&mut self, status: u16, headers: &[(&str, &str)]) {
            let request = &self.sent.last().expect("a request was sent").1;
            let mut response = Message::respond(request, status, "x", Some("t"));
            headers.iter().for_each(|(name, value)| response.push(name, value));
            self.step(RegistrationInput::Response(Box::new(response)));
        }

        fn last(&self) -> &Message {
            &self.sent.last().unwrap().1
        }

        fn registered(&self) -> Vec<(u64, u64)> {
            let times = self.told.iter().filter_map(|(at, event)| match event {
                RegistrationEvent::Registered { expires, .. } => Some((*at, expires.as_secs())),
                _ => None,
            });
            times.collect()
        }

        fn failures(&self) -> Vec<(Option<u16>, &str, bool)> {
            let failures = self.told.iter().filter_map(|(_, event)| match event {
                RegistrationEvent::Failed { status, detail, still_holds, .. } => {
                    Some((*status, detail.as_str(), *still_holds))
                }
                _ => None,
            });
            failures.collect()
        }
    }

    #[test]
    fn a_challenge_is_met_and_the_next_refresh_needs_none() {
        for algorithm in ["MD5", "SHA-256", "SHA-512-256", "MD5-sess", "SHA-256-sess"] {
            let mut desk = Desk::started(settings(Transport::Udp));
            let challenge = format!(
                "Digest realm=\"pbx\", nonce=\"n1\", algorithm={algorithm}, qop=\"auth,auth-int\", opaque=\"o\""
            );
            desk.respond(401, &[("WWW-Authenticate", &challenge)]);
            let right = |request: &Message| {
                let account = Credentials { username: "line".into(), password: "right".into() };
                digest::is_right(request.header("Authorization").unwrap(), "REGISTER", &account, "n1", b"")
            };
            assert!(right(desk.last()), "{algorithm}");
            desk.respond(200, &[("Expires", "120")]);
            assert_eq!(desk.registered(), [(0, 120)], "{algorithm}");
            desk.wait(96_000);
            assert!(right(desk.last()) && desk.sent.len() == 3, "{algorithm}: at four fifths, with the nonce it knows");
            let numbers: Vec<u32> = desk.sent.iter().map(|(_, request)| request.cseq().unwrap().0).collect();
            assert_eq!(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2]);
            let stale = format!("{}, stale=true", challenge.replace("n1", "n2"));
            desk.respond(401, &[("WWW-Authenticate", &stale)]);
            assert!(desk.last().header("Authorization").unwrap().contains("nonce=\"n2\""), "{algorithm}");
            assert!(desk.failures().is_empty());
        }
    }

    #[test]
    fn the_time_that_was_granted_counts_and_not_the_one_that_was_asked() {
        let ours = "<sip:line@10.0.0.4:5070>";
        for (headers, granted) in [
            (vec![], 300),
            (vec![("Expires", "90".to_string())], 90),
            (vec![("Contact", format!("{ours};expires=60")), ("Expires", "90".into())], 60),
            (vec![("Contact", format!("<sip:line@192.0.2.77>;expires=3600, {ours};expires=40"))], 40),
            (vec![("Contact", "<sip:line@10.0.0.4:5070;ob>;expires=50".to_string())], 50),
            (vec![("Contact", format!("{ours};expires=0"))], 2),
        ] {
            let mut desk = Desk::started(settings(Transport::Udp));
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            desk.respond(200, &headers);
            assert_eq!(desk.registered(), [(0, granted)], "{headers:?}");
            assert!(desk.registration.holds());
            desk.wait(granted * 1_000 - 1);
            assert!(desk.sent.len() > 1, "{headers:?}: refreshed before it runs out");
        }
    }

    #[test]
    fn an_interval_too_brief_is_asked_for_anew_and_kept() {
        let mut desk =
            Desk::started(RegistrationSettings { expires: Duration::from_secs(5), ..settings(Transport::Udp) });
        assert_eq!(desk.last().header("Expires"), Some("5"));
        desk.respond(423, &[("Min-Expires", "60")]);
        assert_eq!(desk.last().header("Expires"), Some("60"));
        desk.respond(200, &[("Expires", "60")]);
        desk.wait_for_request();
        assert_eq!((desk.last().header("Expires"), desk.sent.len()), (Some("60"), 3));
        // A registrar that never has enough, or says nothing, is left alone for a while.
        for answer in [Some("100000"), None, Some("60"), Some("x")] {
            desk.respond(423, &answer.map(|least| ("Min-Expires", least)).into_iter().collect::<Vec<_>>());
            assert_eq!(desk.failures().len(), 1, "{answer:?}");
            desk.told.clear();
            desk.wait_for_request();
        }
    }

    #[test]
    fn what_fails_is_tried_again_ever_more_seldom() {
        let mut desk = Desk::started(settings(Transport::Udp));
        let challenge = ("WWW-Authenticate", "Digest realm=\"pbx\", nonce=\"n1\"");
        desk.respond(401, &[challenge]);
        desk.respond(401, &[challenge]);
        assert_eq!(desk.failures(), [(Some(401), "the registrar refuses the password of line", false)]);
        let mut waits = Vec::new();
        for _ in 0..9 {
            let at = desk.now;
            desk.wait_for_request();
            waits.push(desk.now.since(at).as_secs());
            desk.respond(403, &[]);
        }
        for (n, wait) in waits.iter().enumerate() {
            let most = (30 << n).min(1_800);
            assert!((most / 2..=most + 1).contains(wait), "{waits:?}");
        }
        desk.wait_for_request();
        desk.respond(200, &[]);
        desk.wait_for_request();
        desk.respond(503, &[("Retry-After", "3000")]);
        let sent = desk.sent.len();
        desk.wait(49 * MINUTE);
        assert_eq!(desk.sent.len(), sent, "who asks for patience gets it");
        desk.wait(2 * MINUTE);
        assert!(desk.sent.len() > sent);
    }

    #[test]
    fn silence_over_datagrams_is_repeated_and_over_streams_is_not() {
        for (transport, sent) in [(Transport::Udp, 11), (Transport::Tcp, 1), (Transport::Tls, 1)] {
            let mut desk = Desk::started(settings(transport));
            desk.wait(32_000);
            assert_eq!(desk.sent.len(), sent, "{transport}: timer E");
            assert_eq!(desk.failures(), [(None, "no answer from the registrar", false)], "{transport}: timer F");
        }
    }

    #[test]
    fn a_lost_connection_is_registered_anew_and_an_unanswered_refresh_runs_out() {
        let mut desk = Desk::started(settings(Transport::Tls));
        assert!(desk.last().header("Via").unwrap().starts_with("SIP/2.0/TLS 10.0.0.4:5070;"));
        assert_eq!(desk.last().header("Contact"), Some("<sip:line@10.0.0.4:5070;transport=tls>;expires=300"));
        desk.respond(200, &[("Service-Route", "<sip:edge.example;lr>, <sip:core.example;lr>"), ("Path", "<sip:p;lr>")]);
        let Some((_, RegistrationEvent::Registered { service_route, path, seen_as, .. })) = desk.told.last() else {
            panic!("{:?}", desk.told)
        };
        assert_eq!(service_route, &["<sip:edge.example;lr>", "<sip:core.example;lr>"]);
        assert_eq!((path.len(), seen_as), (1, &None));
        desk.wait(10_000);
        let lost = RegistrationInput::Lost { peer: "192.0.2.9:5060".parse().unwrap(), detail: "reset".into() };
        desk.step(lost.clone());
        desk.wait(1_000);
        assert_eq!(desk.sent.len(), 2);
        desk.step(RegistrationInput::Unreachable { detail: "refused".into() });
        assert_eq!(desk.failures(), [(None, "refused", true)]);
        desk.wait(400_000);
        let ran_out = desk.told.iter().find(|(_, event)| *event == RegistrationEvent::RanOut).map(|(at, _)| *at);
        assert_eq!(ran_out, Some(300_000));
        assert!(!desk.registration.holds());
    }

    #[test]
    fn behind_an_address_translator_the_contact_is_what_the_registrar_sees() {
        let mut desk = Desk::started(settings(Transport::Udp));
        let seen = |desk: &mut Desk| {
            let mut response = Message::respond(&desk.last().clone(), 200, "OK", Some("t"));
            let via = response.header("Via").unwrap().replace("rport", "received=198.51.100.7;rport=4444");
            response.set("Via", &via);
            desk.step(RegistrationInput::Response(Box::new(response)));
        };
        seen(&mut desk);
        let contacts: Vec<&str> = desk.last().all("Contact").collect();
        assert_eq!(contacts, ["<sip:line@198.51.100.7:4444>;expires=300", "<sip:line@10.0.0.4:5070>;expires=0"]);
        seen(&mut desk);
        let Some((_, RegistrationEvent::Registered { seen_as, .. })) = desk.told.last() else { panic!() };
        assert_eq!((*seen_as, desk.sent.len()), (Some("198.51.100.7:4444".parse().unwrap()), 2));
    }

    #[test]
    fn at_the_end_the_binding_is_taken_back_and_nobody_is_waited_for_long() {
        let mut desk = Desk::started(settings(Transport::Tcp));
        desk.respond(200, &[]);
        desk.step(RegistrationInput::Stop);
        assert_eq!((desk.last().header("Expires"), desk.sent.len()), (Some("0"), 2));
        assert_eq!(desk.last().header("Contact"), Some("<sip:line@10.0.0.4:5070;transport=tcp>;expires=0"));
        let mut silent = Desk::started(settings(Transport::Tcp));
        silent.step(RegistrationInput::Stop);
        desk.respond(200, &[]);
        assert_eq!(desk.told.last().unwrap().1, RegistrationEvent::Closed);
        silent.wait(5_000);
        assert_eq!(silent.told, [(4_000, RegistrationEvent::Closed)]);
        assert_eq!((silent.registration.deadline(), silent.sent.len()), (None, 2));
    }
}
