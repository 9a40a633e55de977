//! RFC 3665 §3 as Alice sees it: through two proxies that record their route, message by message.

use super::peers::{ms, settings};
use nightbell::call::sip::{
    Called, CalledInput, CalledOutput, Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings, Credentials,
    Granted, Message, Place, Way, digest, read, write,
};
use nightbell::vocabulary::{Moment, Seed};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

const ALICE: usize = 0;
const BOB: usize = 3;

fn address(node: usize) -> SocketAddr {
    ["127.0.0.1:5070", "192.0.2.111:5060", "192.0.2.222:5060", "192.0.2.201:5060"][node].parse().unwrap()
}

fn node(address: SocketAddr) -> usize {
    (0..=BOB).find(|n| self::address(*n) == address).unwrap_or_else(|| panic!("nobody is at {address}"))
}

/// A proxy that stays in the route and asks for a password or not.
#[derive(Default)]
struct Proxy {
    password: Option<&'static str>,
    /// It takes nothing and says nothing.
    dead: bool,
    /// Branches that ended in a refusal: their ACKs are for this proxy.
    refused: BTreeSet<String>,
    /// INVITEs that it has sent on, by the branch they came with.
    sent_on: BTreeMap<String, Message>,
}

enum Do {
    Alice(CallerInput),
    Bob(CalledInput),
}

struct World {
    alice: Caller,
    bob: Option<Called>,
    proxies: [Proxy; 2],
    now: Moment,
    flying: BTreeMap<(Moment, u64), (usize, usize, Message)>,
    number: u64,
    ladder: Vec<String>,
    sent: Vec<Message>,
    told: Vec<CallerEvent>,
    bob_is_silent: bool,
    /// The first proxy sends callers on to Bob's own (RFC 3665 §3.6).
    redirects: bool,
}

fn account() -> Credentials {
    Credentials { username: "alice".into(), password: "wonderland".into() }
}

fn world(places: &[usize]) -> World {
    let places: Vec<Place> =
        places.iter().map(|n| Place { address: address(*n), found: format!("proxy {n}") }).collect();
    let remote = places[0].address;
    let way = Way { places, redirects: true, ..Way::default() };
    let target_uri = "sip:bob@biloxi.example.com".to_string();
    let alice = CallerSettings { target_uri, remote, way, credentials: Some(account()), ..settings() };
    World {
        alice: Caller::new(alice, Seed::new(3)),
        bob: None,
        proxies: Default::default(),
        now: Moment::START,
        flying: BTreeMap::new(),
        number: 0,
        ladder: Vec::new(),
        sent: Vec::new(),
        told: Vec::new(),
        bob_is_silent: false,
        redirects: false,
    }
}

fn branch(message: &Message) -> String {
    let via = message.header("Via").unwrap_or_default();
    via.split("branch=").nth(1).unwrap_or_default().split(';').next().unwrap_or_default().to_string()
}

fn without_first(message: &Message, name: &str) -> Message {
    let rest: Vec<String> = message.list(name).skip(1).map(str::to_string).collect();
    let mut message = message.clone();
    message.remove(name);
    rest.iter().rev().for_each(|value| message.push_first(name, value));
    message
}

impl World {
    fn run(mut self, plan: Vec<(u64, Do)>) -> World {
        let mut plan = plan;
        self.tell_alice(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
        for _ in 0..10_000 {
            let flying = self.flying.keys().next().map(|(at, _)| *at);
            let act = plan.first().map(|(at, _)| ms(*at));
            let bob = self.bob.as_ref().and_then(Called::deadline);
            let Some(next) = [flying, act, self.alice.deadline(), bob].into_iter().flatten().min() else { return self };
            self.now = self.now.max(next);
            if flying == Some(next) {
                let (_, (from, to, message)) = self.flying.pop_first().unwrap();
                self.arrive(from, to, message);
            } else if act == Some(next) {
                match plan.remove(0).1 {
                    Do::Alice(input) => self.tell_alice(input),
                    Do::Bob(input) => self.tell_bob(input),
                }
            } else if self.alice.deadline() == Some(next) {
                self.tell_alice(CallerInput::Tick);
            } else {
                self.tell_bob(CalledInput::Tick);
            }
        }
        panic!("it never rests: {:#?}", self.ladder);
    }

    fn tell_alice(&mut self, input: CallerInput) {
        let mut out = Vec::new();
        self.alice.step(self.now, input, &mut out);
        for one in out {
            match one {
                CallerOutput::Send { to, bytes } => self.fly(ALICE, node(to), read(&bytes).unwrap()),
                CallerOutput::Permit { target } => {
                    let granted = Granted { uri: target.clone(), places: Vec::new() };
                    self.tell_alice(CallerInput::Permit { target, granted: Ok(granted) });
                }
                CallerOutput::Event(event) => self.told.push(event),
            }
        }
    }

    fn tell_bob(&mut self, input: CalledInput) {
        let Some(bob) = &mut self.bob else { return };
        let mut out = Vec::new();
        bob.step(self.now, input, &mut out);
        for one in out {
            if let CalledOutput::Send { to, bytes } = one {
                self.fly(BOB, node(to), read(&bytes).unwrap());
            }
        }
    }

    fn fly(&mut self, from: usize, to: usize, message: Message) {
        let what = match message.method() {
            Some(method) => method.to_string(),
            None => format!("{} {}", message.status().unwrap(), message.cseq().unwrap().1),
        };
        if from == ALICE {
            self.ladder.push(format!("> P{to} {what}"));
            self.sent.push(message.clone());
        } else if to == ALICE {
            self.ladder.push(format!("< P{from} {what}"));
        }
        self.number += 1;
        self.flying.insert((self.now + Duration::from_millis(5), self.number), (from, to, message));
    }

    fn arrive(&mut self, from: usize, to: usize, message: Message) {
        let (source, bytes) = (address(from), write(&message));
        match to {
            ALICE => self.tell_alice(CallerInput::Wire { from: source, bytes }),
            BOB if self.bob_is_silent => {}
            BOB if message.method() == Some("INVITE") && !self.bob.as_ref().is_some_and(|b| b.wants(&message)) => {
                self.bob = Some(Called::new(address(BOB), source, &message, Seed::new(9)));
                self.tell_bob(CalledInput::Tick);
                self.tell_bob(CalledInput::Provisional { status: 180, reason: "Ringing".into(), sdp: None });
            }
            BOB => self.tell_bob(CalledInput::Wire { from: source, bytes }),
            _ if self.proxies[to - 1].dead => {}
            _ if message.is_request() => self.proxy_request(from, to, message),
            _ => self.proxy_response(to, message),
        }
    }

    fn answer(&mut self, from: usize, to: usize, request: &Message, status: u16, more: &[(&str, &str)]) {
        let tag = (status > 100).then(|| format!("p{to}"));
        let mut response = Message::respond(request, status, "Said", tag.as_deref());
        more.iter().for_each(|(name, value)| response.push(name, value));
        if status >= 300 {
            self.proxies[to - 1].refused.insert(branch(request));
        }
        self.fly(to, from, response);
    }

    fn proxy_request(&mut self, from: usize, to: usize, request: Message) {
        let (came_with, own) = (branch(&request), format!("<sip:{};lr>", address(to)));
        let method = request.method().unwrap_or_default().to_string();
        if method == "ACK" && self.proxies[to - 1].refused.contains(&came_with) {
            return;
        }
        if method == "CANCEL" {
            self.answer(from, to, &request, 200, &[]);
        }
        if method == "INVITE" && request.to().and_then(|to| to.tag()).is_none() {
            if self.redirects && to == 1 {
                return self.answer(from, to, &request, 302, &[("Contact", "<sip:bob@192.0.2.201>")]);
            }
            if let Some(nonce) = self.proxies[to - 1].password {
                let given = request.all("Proxy-Authorization").find(|value| value.contains(nonce)).unwrap_or_default();
                if !digest::is_right(given, "INVITE", &account(), nonce, request.body()) {
                    let challenge = format!("Digest realm=\"p{to}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"");
                    return self.answer(from, to, &request, 407, &[("Proxy-Authenticate", &challenge)]);
                }
            }
            self.answer(from, to, &request, 100, &[]);
        }
        let is_for_me = request.header("Route").is_some_and(|route| route.contains(&address(to).to_string()));
        let mut on = if is_for_me { without_first(&request, "Route") } else { request.clone() };
        if method == "INVITE" && request.to().and_then(|to| to.tag()).is_none() {
            on.push_first("Record-Route", &own);
            self.proxies[to - 1].sent_on.insert(came_with.clone(), request.clone());
        }
        on.push_first("Via", &format!("SIP/2.0/UDP {};branch={came_with}p{to}", address(to)));
        // The first proxy knows the second, the second Bob; within a dialog the route says it.
        let next = match on.header("Route") {
            Some(route) => (1..BOB).find(|n| route.contains(&address(*n).to_string())).unwrap_or(BOB),
            None if request.request_uri().unwrap_or_default().contains("127.0.0.1") => ALICE,
            None if request.to().and_then(|to| to.tag()).is_some() => BOB,
            None => to + 1,
        };
        self.fly(to, next, on);
    }

    fn proxy_response(&mut self, to: usize, response: Message) {
        let method = response.cseq().map(|(_, method)| method.to_string()).unwrap_or_default();
        let status = response.status().unwrap_or_default();
        if method == "CANCEL" || (method == "INVITE" && status == 100) {
            return;
        }
        let sent_with = branch(&response);
        let back = without_first(&response, "Via");
        if method == "INVITE" && status >= 300 {
            // Hop by hop (RFC 3261 §17.1.1.3): acknowledged here, and refused towards the caller.
            let came_with = sent_with.trim_end_matches(&format!("p{to}")).to_string();
            let mut ack = Message::request("ACK", "sip:bob@biloxi.example.com");
            ack.push("Via", &format!("SIP/2.0/UDP {};branch={sent_with}", address(to)));
            for name in ["From", "To", "Call-ID"] {
                ack.push(name, response.header(name).unwrap_or_default());
            }
            ack.push("CSeq", &format!("{} ACK", response.cseq().unwrap().0));
            self.fly(to, to + 1, ack);
            self.proxies[to - 1].refused.insert(came_with);
        }
        let via = back.header("Via").unwrap_or_default().to_string();
        let next = (0..=BOB).find(|n| via.contains(&address(*n).to_string())).expect("it came from one of us");
        self.fly(to, next, back);
    }

    fn ladder(&self) -> String {
        self.ladder.join(", ")
    }
}

fn bob_answers() -> Do {
    Do::Bob(CalledInput::Answer { sdp: b"v=0 answer".to_vec() })
}

fn bob_refuses(status: u16) -> Do {
    Do::Bob(CalledInput::Reject { status, reason: "Said".into(), headers: Vec::new() })
}

const PROXIES: &str = "<sip:192.0.2.111:5060;lr>, <sip:192.0.2.222:5060;lr>";

fn route_of(message: &Message) -> String {
    message.list("Route").collect::<Vec<_>>().join(", ")
}

// RFC 3665 §3.2
#[test]
fn session_establishment_through_two_proxies() {
    let mut world = world(&[1]);
    world.proxies[0].password = Some("f84f1cec41e6cbe5aea9c8e88d359");
    let world = world.run(vec![(2_000, bob_answers()), (5_000, Do::Bob(CalledInput::HangUp { q850: None }))]);
    assert_eq!(
        world.ladder(),
        "> P1 INVITE, < P1 407 INVITE, > P1 ACK, > P1 INVITE, < P1 100 INVITE, < P1 180 INVITE, < P1 200 INVITE, \
         > P1 ACK, < P1 BYE, > P1 200 BYE"
    );
    let ack = world.sent.iter().rfind(|m| m.method() == Some("ACK")).unwrap();
    assert_eq!(route_of(ack), PROXIES, "the recorded route, the nearest first (RFC 3261 §12.1.2)");
    assert_eq!(ack.request_uri(), Some("sip:bob@192.0.2.201:5060"), "Bob's own Contact");
    assert!(world.told.iter().any(|e| matches!(e, CallerEvent::Ended { .. })));
}

// RFC 3665 §3.3
#[test]
fn session_with_multiple_proxy_authentication() {
    let mut world = world(&[1]);
    world.proxies[0].password = Some("wf84f1ceczx41ae6cbe5aea9c8e88d359");
    world.proxies[1].password = Some("c1e22c41ae6cbe5ae983a9c8e88d359");
    let world = world.run(vec![(2_000, bob_answers()), (5_000, Do::Alice(CallerInput::HangUp))]);
    assert_eq!(
        world.ladder(),
        "> P1 INVITE, < P1 407 INVITE, > P1 ACK, > P1 INVITE, < P1 100 INVITE, < P1 407 INVITE, > P1 ACK, \
         > P1 INVITE, < P1 100 INVITE, < P1 180 INVITE, < P1 200 INVITE, > P1 ACK, > P1 BYE, < P1 200 BYE"
    );
    let invite = world.sent.iter().rfind(|m| m.method() == Some("INVITE")).unwrap();
    assert_eq!(invite.all("Proxy-Authorization").count(), 2, "both realms");
    let bye = world.sent.iter().rfind(|m| m.method() == Some("BYE")).unwrap();
    assert_eq!(route_of(bye), PROXIES);
}

// RFC 3665 §3.4
#[test]
fn successful_session_with_proxy_failure() {
    let mut world = world(&[1, 2]);
    world.proxies[0].dead = true;
    world.proxies[1].password = Some("c1e22c41ae6cbe5ae983a9c8e88d359");
    let world = world.run(vec![(40_000, bob_answers()), (45_000, Do::Bob(CalledInput::HangUp { q850: None }))]);
    let invites = "> P1 INVITE, ".repeat(7);
    assert_eq!(
        world.ladder(),
        format!(
            "{invites}> P2 INVITE, < P2 407 INVITE, > P2 ACK, > P2 INVITE, < P2 100 INVITE, < P2 180 INVITE, \
             < P2 200 INVITE, > P2 ACK, < P2 BYE, > P2 200 BYE"
        ),
        "timer A doubles, timer B fires, and the next proxy is tried"
    );
}

// RFC 3665 §3.6
#[test]
fn session_via_redirect_server() {
    let mut world = world(&[1]);
    world.redirects = true;
    let world = world.run(vec![(2_000, Do::Alice(CallerInput::HangUp))]);
    // The way stays the same here, and the same server sends on again: the loop is seen.
    assert_eq!(world.ladder(), "> P1 INVITE, < P1 302 INVITE, > P1 ACK, > P1 INVITE, < P1 302 INVITE, > P1 ACK");
    let invites: Vec<&Message> = world.sent.iter().filter(|m| m.method() == Some("INVITE")).collect();
    assert_eq!(invites[1].request_uri(), Some("sip:bob@192.0.2.201"));
    assert_eq!(invites[0].header("Call-ID"), invites[1].header("Call-ID"));
    assert_eq!(invites[0].cseq().unwrap().0 + 1, invites[1].cseq().unwrap().0);
}

// RFC 3665 §3.8
#[test]
fn unsuccessful_no_answer() {
    let world = world(&[1]).run(vec![(9_000, Do::Alice(CallerInput::HangUp))]);
    assert_eq!(
        world.ladder(),
        "> P1 INVITE, < P1 100 INVITE, < P1 180 INVITE, > P1 CANCEL, < P1 200 CANCEL, < P1 487 INVITE, > P1 ACK"
    );
}

// RFC 3665 §3.9
#[test]
fn unsuccessful_busy() {
    let world = world(&[1]).run(vec![(900, bob_refuses(486))]);
    assert_eq!(world.ladder(), "> P1 INVITE, < P1 100 INVITE, < P1 180 INVITE, < P1 486 INVITE, > P1 ACK");
    assert!(world.told.iter().any(|e| matches!(e, CallerEvent::Rejected { status: 486, .. })));
}

// RFC 3665 §3.10
#[test]
fn unsuccessful_no_response_from_user_agent() {
    let mut world = world(&[1]);
    world.bob_is_silent = true;
    let world = world.run(vec![(20_000, Do::Alice(CallerInput::HangUp))]);
    // The proxies say 100 and nothing more comes: the CANCEL is answered, and the INVITE is given up after its time.
    assert_eq!(world.ladder(), "> P1 INVITE, < P1 100 INVITE, > P1 CANCEL, < P1 200 CANCEL");
    assert!(world.told.iter().any(|e| matches!(e, CallerEvent::Ended { status: None, .. })));
    assert_eq!(world.told.last(), Some(&CallerEvent::Closed));
}

// RFC 3665 §3.11
#[test]
fn unsuccessful_temporarily_unavailable() {
    let world = world(&[1]).run(vec![(900, bob_refuses(480))]);
    assert_eq!(world.ladder(), "> P1 INVITE, < P1 100 INVITE, < P1 180 INVITE, < P1 480 INVITE, > P1 ACK");
    assert!(world.told.iter().any(|e| matches!(e, CallerEvent::Rejected { status: 480, .. })));
}
