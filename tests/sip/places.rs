//! One call, several places (RFC 3263 §4.3): which failures lead to the next, which do not, and that it stays one call.

use super::peers::{ms, settings};
use nightbell::call::sip::{
    Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings, Message, Place, Way, read, write,
};
use nightbell::vocabulary::limits::SIP_PLACES_MAX;
use nightbell::vocabulary::{Moment, Seed, Transport};
use std::net::SocketAddr;

/// What a place does with an INVITE.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Statuses, one after the other.
    Answers(&'static [u16]),
    Refuses,
    Nothing,
}
use Does::*;

/// A caller among places; what left, and what was told.
struct World {
    caller: Caller,
    now: Moment,
    does: Vec<Does>,
    sent: Vec<(u64, usize, Message)>,
    told: Vec<(u64, CallerEvent)>,
}

fn place(number: usize) -> Place {
    let address = SocketAddr::from(([192, 0, 2, number as u8 + 1], 5060));
    Place { address, found: format!("SRV _sip._udp.example: s{number}.example") }
}

impl World {
    fn new(does: &[Does], transport: Transport) -> World {
        let places: Vec<Place> = (0..does.len()).map(place).collect();
        let remote = places[0].address;
        let way = Way { places, transport, ..Way::default() };
        let caller = Caller::new(CallerSettings { remote, way, ..settings() }, Seed::new(5));
        World { caller, now: Moment::START, does: does.to_vec(), sent: Vec::new(), told: Vec::new() }
    }

    fn step(&mut self, input: CallerInput) {
        let mut out = Vec::new();
        self.caller.step(self.now, input, &mut out);
        let mut next = Vec::new();
        for one in out {
            match one {
                CallerOutput::Permit { target } => panic!("nobody is to be called instead: {target}"),
                CallerOutput::Event(event) => self.told.push((self.now.millis(), event)),
                CallerOutput::Send { to, bytes } => {
                    let message = read(&bytes).expect("we write what we can read");
                    let number = (0..self.does.len()).find(|n| place(*n).address == to).expect("a place of the list");
                    self.sent.push((self.now.millis(), number, message.clone()));
                    let respond = |status: u16| {
                        let tag = (status > 100).then(|| format!("t{number}"));
                        let mut response = Message::respond(&message, status, "Said", tag.as_deref());
                        response.push("Contact", &format!("<sip:x@{to}>"));
                        CallerInput::Wire { from: to, bytes: write(&response) }
                    };
                    match (message.method(), self.does[number]) {
                        (Some("INVITE"), Answers(statuses)) => next.extend(statuses.iter().map(|s| respond(*s))),
                        (Some("INVITE"), Refuses) => next.push(CallerInput::Unreachable { detail: "refused".into() }),
                        (Some("BYE" | "CANCEL"), _) => next.push(respond(200)),
                        _ => {}
                    }
                }
            }
        }
        next.into_iter().for_each(|input| self.step(input));
    }

    /// Dials and waits for `seconds`.
    fn wait(&mut self, seconds: u64) {
        let until = ms(self.now.millis() + seconds * 1_000);
        while let Some(at) = self.caller.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.step(CallerInput::Tick);
        }
        self.now = until;
    }

    fn dialled(does: &[Does], transport: Transport) -> World {
        let mut world = World::new(does, transport);
        world.step(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
        world.wait(400);
        world
    }

    /// The places to which an INVITE left, in order, without repetitions.
    fn tried(&self) -> Vec<usize> {
        let mut tried: Vec<usize> =
            self.sent.iter().filter(|(.., m)| m.method() == Some("INVITE")).map(|(_, number, _)| *number).collect();
        tried.dedup();
        tried
    }

    fn left(&self) -> Vec<(u64, &str)> {
        let left = self.told.iter().filter_map(|(at, event)| match event {
            CallerEvent::NextPlace { left, .. } => Some((*at, left.as_str())),
            _ => None,
        });
        left.collect()
    }

    fn outcome(&self) -> String {
        let outcome = self.told.iter().find_map(|(_, event)| match event {
            CallerEvent::Answered { status, .. } => Some(format!("answered {status}")),
            CallerEvent::Rejected { status, .. } => Some(format!("rejected {status}")),
            CallerEvent::NoResponse => Some("no response".to_string()),
            CallerEvent::TransportFailed { .. } => Some("unreachable".to_string()),
            CallerEvent::Ended { .. } => Some("ended".to_string()),
            _ => None,
        });
        outcome.unwrap_or_default()
    }
}

#[test]
fn the_next_place_is_tried_when_one_is_silent_unreachable_or_unavailable() {
    for (does, tried, left, outcome) in [
        (&[Nothing, Answers(&[180, 200])][..], &[0, 1][..], &[(32_000, "no answer in 32 s")][..], "answered 200"),
        (&[Refuses, Answers(&[200])], &[0, 1], &[(0, "refused")], "answered 200"),
        (&[Answers(&[503]), Answers(&[200])], &[0, 1], &[(0, "503 Said")], "answered 200"),
        (&[Answers(&[100, 503]), Answers(&[200])], &[0, 1], &[(0, "503 Said")], "answered 200"),
        (&[Answers(&[503]), Refuses, Answers(&[486])], &[0, 1, 2], &[(0, "503 Said"), (0, "refused")], "rejected 486"),
        (&[Answers(&[503]), Answers(&[503])], &[0, 1], &[(0, "503 Said")], "rejected 503"),
        (&[Refuses, Nothing], &[0, 1], &[(0, "refused")], "no response"),
        (&[Answers(&[503]), Refuses], &[0, 1], &[(0, "503 Said")], "unreachable"),
        // Somebody beyond the next hop has been reached: another INVITE might ring twice.
        (&[Answers(&[180, 503]), Answers(&[200])], &[0], &[], "rejected 503"),
        (&[Answers(&[183, 503]), Answers(&[200])], &[0], &[], "rejected 503"),
        // The hotline's own word, and no failure of the place.
        (&[Answers(&[486]), Answers(&[200])], &[0], &[], "rejected 486"),
        (&[Answers(&[500]), Answers(&[200])], &[0], &[], "rejected 500"),
        (&[Answers(&[100]), Answers(&[200])], &[0], &[], "ended"),
    ] {
        let world = World::dialled(does, Transport::Udp);
        let seen = (world.tried(), world.left(), world.outcome());
        assert_eq!(seen, (tried.to_vec(), left.to_vec(), outcome.to_string()), "{does:?}: {:#?}", world.told);
    }
}

#[test]
fn it_is_the_same_request_with_another_branch() {
    let world = World::dialled(&[Answers(&[503]), Answers(&[180, 200])], Transport::Udp);
    let invites: Vec<&Message> =
        world.sent.iter().map(|(.., message)| message).filter(|m| m.method() == Some("INVITE")).collect();
    assert_eq!(invites.len(), 2);
    for name in ["From", "To", "Call-ID", "CSeq", "Contact"] {
        assert_eq!(invites[0].header(name), invites[1].header(name), "{name}");
    }
    assert_ne!(invites[0].header("Via"), invites[1].header("Via"));
    let acks: Vec<usize> =
        world.sent.iter().filter(|(.., m)| m.method() == Some("ACK")).map(|(_, number, _)| *number).collect();
    assert_eq!(acks, [0, 1], "each final response is acknowledged where it came from");
}

#[test]
fn a_refusal_that_is_repeated_is_acknowledged_again_at_its_place() {
    let mut world = World::dialled(&[Answers(&[503]), Answers(&[180])], Transport::Udp);
    let invite = world.sent[0].2.clone();
    world = World { now: Moment::START, ..World::new(&[Answers(&[503]), Answers(&[180])], Transport::Udp) };
    world.step(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
    let before = world.sent.len();
    let again = Message::respond(&invite, 503, "Said", Some("t0"));
    world.now = ms(500);
    world.step(CallerInput::Wire { from: place(0).address, bytes: write(&again) });
    let (_, number, message) = world.sent.last().unwrap();
    assert_eq!((world.sent.len(), *number, message.method()), (before + 1, 0, Some("ACK")));
    // And what is cancelled is the INVITE that waits.
    world.step(CallerInput::HangUp);
    let (_, number, message) = world.sent.last().unwrap();
    assert_eq!((*number, message.method()), (1, Some("CANCEL")));
}

#[test]
fn places_are_bounded_and_a_caller_that_hangs_up_tries_no_more() {
    let world = World::dialled(&[Answers(&[503]); 20], Transport::Udp);
    assert_eq!(world.tried().len(), SIP_PLACES_MAX);
    assert_eq!(world.outcome(), "rejected 503");
    let mut world = World::new(&[Nothing, Answers(&[200])], Transport::Udp);
    world.step(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
    world.wait(10);
    world.step(CallerInput::HangUp);
    world.wait(400);
    assert_eq!((world.tried(), world.outcome()), (vec![0], "ended".to_string()));
    assert!(matches!(world.told.last(), Some((_, CallerEvent::Closed))));
}

#[test]
fn a_stream_that_does_not_open_leads_to_the_next_place() {
    let world = World::dialled(&[Refuses, Answers(&[180, 200])], Transport::Tcp);
    assert_eq!((world.tried(), world.outcome()), (vec![0, 1], "answered 200".to_string()));
}
