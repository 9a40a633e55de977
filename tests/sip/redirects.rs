//! 3xx (RFC 3261 §8.1.3.4): whom they name is called in the order of their q, once, after leave was given, and not for ever.

use super::peers::{called_address, ms, settings};
use nightbell::call::sip::{
    Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings, Granted, Message, Place, Way, read, write,
};
use nightbell::vocabulary::limits::{PERMIT_TIME_MAX, SIP_REDIRECTS_MAX};
use nightbell::vocabulary::{Moment, Seed};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What each user part answers: a status and its Contacts.
type Answers<'a> = BTreeMap<&'a str, (u16, &'a str)>;

struct World<'a> {
    caller: Caller,
    now: Moment,
    answers: Answers<'a>,
    /// Whom leave is given for; of others it is refused. None: nobody answers.
    leave: Option<Vec<&'a str>>,
    places: BTreeMap<&'a str, SocketAddr>,
    sent: Vec<(SocketAddr, Message)>,
    told: Vec<CallerEvent>,
    asked: Vec<String>,
}

fn user(message: &Message) -> String {
    let uri = message.request_uri().unwrap_or_default();
    uri.trim_start_matches("sip:").split('@').next().unwrap_or_default().to_string()
}

impl<'a> World<'a> {
    fn new(answers: &[(&'a str, u16, &'a str)], leave: Option<&[&'a str]>) -> World<'a> {
        let way = Way { redirects: true, ..Way::default() };
        let caller = Caller::new(CallerSettings { way, ..settings() }, Seed::new(8));
        World {
            caller,
            now: Moment::START,
            answers: answers.iter().map(|(user, status, contacts)| (*user, (*status, *contacts))).collect(),
            leave: leave.map(<[&str]>::to_vec),
            places: BTreeMap::new(),
            sent: Vec::new(),
            told: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn step(&mut self, input: CallerInput) {
        let mut out = Vec::new();
        self.caller.step(self.now, input, &mut out);
        let mut next = Vec::new();
        for one in out {
            match one {
                CallerOutput::Event(event) => self.told.push(event),
                CallerOutput::Permit { target } => {
                    self.asked.push(target.clone());
                    let Some(leave) = &self.leave else { continue };
                    let user = target.trim_start_matches("sip:").split('@').next().unwrap_or_default().to_string();
                    let granted = match leave.contains(&user.as_str()) {
                        true => {
                            let places = self
                                .places
                                .get(user.as_str())
                                .map(|address| Place { address: *address, found: "as it is written".to_string() });
                            Ok(Granted { uri: target.clone(), places: places.into_iter().collect() })
                        }
                        false => Err("it is not on the allow list".to_string()),
                    };
                    next.push(CallerInput::Permit { target, granted });
                }
                CallerOutput::Send { to, bytes } => {
                    let message = read(&bytes).expect("we write what we can read");
                    self.sent.push((to, message.clone()));
                    if message.method() != Some("INVITE") {
                        continue;
                    }
                    let (status, contacts) = self.answers.get(user(&message).as_str()).copied().unwrap_or((404, ""));
                    let mut response = Message::respond(&message, status, "Said", Some("t"));
                    if !contacts.is_empty() {
                        response.push("Contact", contacts);
                    }
                    next.push(CallerInput::Wire { from: to, bytes: write(&response) });
                }
            }
        }
        next.into_iter().for_each(|input| self.step(input));
    }

    fn dialled(mut self) -> World<'a> {
        self.step(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
        while let Some(at) = self.caller.deadline() {
            assert!(at < ms(400_000), "{:#?}", self.told);
            self.now = self.now.max(at);
            self.step(CallerInput::Tick);
        }
        assert_eq!(self.told.last(), Some(&CallerEvent::Closed));
        self
    }

    fn called(&self) -> Vec<String> {
        self.sent.iter().filter(|(_, m)| m.method() == Some("INVITE")).map(|(_, m)| user(m)).collect()
    }

    fn refused(&self) -> Vec<String> {
        let refused = self.told.iter().filter_map(|event| match event {
            CallerEvent::Redirected { to, refused: Some(why), .. } => Some(format!("{to}: {why}")),
            _ => None,
        });
        refused.collect()
    }

    fn outcome(&self) -> String {
        let outcome = self.told.iter().find_map(|event| match event {
            CallerEvent::Answered { .. } => Some("answered".to_string()),
            CallerEvent::Rejected { status, .. } => Some(format!("rejected {status}")),
            CallerEvent::Ended { .. } => Some("ended".to_string()),
            _ => None,
        });
        outcome.unwrap_or_default()
    }
}

#[test]
fn whom_they_name_is_called_in_the_order_of_q() {
    let contacts = "<sip:low@h.example>;q=0.1, <sip:high@h.example>;q=0.9, <sip:usual@h.example>";
    let answers = [("4001", 302, contacts), ("usual", 486, ""), ("high", 480, ""), ("low", 603, "")];
    let world = World::new(&answers, Some(&["low", "high", "usual"])).dialled();
    assert_eq!(world.called(), ["4001", "usual", "high", "low"]);
    assert_eq!(world.outcome(), "rejected 603", "what the last one said");
    let invites: Vec<&Message> = world.sent.iter().map(|(_, m)| m).filter(|m| m.method() == Some("INVITE")).collect();
    for name in ["From", "To", "Call-ID"] {
        assert_eq!(invites[0].header(name), invites[1].header(name), "{name} (RFC 3261 §8.1.3.4)");
    }
    let numbers: Vec<u32> = invites.iter().map(|invite| invite.cseq().unwrap().0).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert_eq!(world.sent.iter().filter(|(_, m)| m.method() == Some("ACK")).count(), 4, "each refusal is acknowledged");
}

#[test]
fn a_refusal_by_everybody_there_ends_it() {
    let answers = [("4001", 300, "<sip:a@h.example>, <sip:b@h.example>"), ("a", 600, "")];
    let world = World::new(&answers, Some(&["a", "b"])).dialled();
    assert_eq!((world.called(), world.outcome()), (vec!["4001".into(), "a".into()], "rejected 600".into()));
}

#[test]
fn nobody_is_called_without_leave_and_no_emergency_or_premium_number_is_even_asked_for() {
    let contacts = "<sip:stranger@h.example>, <sip:110@h.example>, <tel:+8610110>, <sip:911@h.example>, \
                    <tel:+19005551234>, <sips:sos@h.example>, <mailto:a@b>, <sip:friend@h.example>";
    let answers = [("4001", 302, contacts), ("friend", 486, "")];
    let world = World::new(&answers, Some(&["friend"])).dialled();
    assert_eq!(world.called(), ["4001", "friend"]);
    assert_eq!(world.asked, ["sip:stranger@h.example", "sip:friend@h.example"]);
    let refused = world.refused().join("\n");
    for (to, why) in [
        ("sip:110@h.example", "emergency"),
        ("tel:+8610110", "emergency"),
        ("sip:911@h.example", "emergency"),
        ("tel:+19005551234", "premium"),
        ("sips:sos@h.example", "emergency"),
        ("sip:stranger@h.example", "not on the allow list"),
    ] {
        assert!(refused.lines().any(|line| line.starts_with(to) && line.contains(why)), "{to}: {refused}");
    }
    let answers = [("4001", 302, "<sip:stranger@h.example>")];
    let world = World::new(&answers, Some(&[])).dialled();
    assert_eq!((world.called(), world.outcome()), (vec!["4001".into()], "rejected 302".into()));
}

#[test]
fn a_loop_is_refused_and_there_is_an_end() {
    let answers = [("4001", 302, "<sip:a@h.example>"), ("a", 302, "<sip:4001@127.0.0.1>, <sip:a@H.example>")];
    let world = World::new(&answers, Some(&["a", "4001"])).dialled();
    assert_eq!((world.called(), world.outcome()), (vec!["4001".into(), "a".into()], "rejected 302".into()));
    assert_eq!(world.refused().iter().filter(|why| why.contains("already")).count(), 2, "{:?}", world.refused());
    let names: Vec<String> = (0..40).map(|n| format!("u{n}")).collect();
    let contacts: Vec<String> = (1..41).map(|n| format!("<sip:u{n}@h.example>")).collect();
    let mut answers: Vec<(&str, u16, &str)> = (0..40).map(|n| (names[n].as_str(), 301, contacts[n].as_str())).collect();
    answers.push(("4001", 301, "<sip:u0@h.example>"));
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = World::new(&answers, Some(&all)).dialled();
    assert_eq!(world.called().len(), 1 + SIP_REDIRECTS_MAX);
    assert_eq!(world.outcome(), "rejected 301");
}

#[test]
fn what_names_nobody_is_a_refusal_as_it_stands() {
    for (status, contacts) in [(302, ""), (305, "<sip:proxy@h.example>"), (380, "<sip:other@h.example>")] {
        let answers = [("4001", status, contacts)];
        let world = World::new(&answers, Some(&["proxy", "other"])).dialled();
        assert_eq!((world.called().len(), world.outcome()), (1, format!("rejected {status}")));
    }
}

#[test]
fn leave_that_never_comes_is_none_and_a_caller_that_hangs_up_meanwhile_is_done() {
    let answers = [("4001", 302, "<sip:a@h.example>")];
    let world = World::new(&answers, None).dialled();
    assert_eq!(world.outcome(), "rejected 302");
    assert!(world.refused()[0].contains(&format!("{} s", PERMIT_TIME_MAX.as_secs())), "{:?}", world.refused());
    let mut world = World::new(&answers, None);
    world.step(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
    world.step(CallerInput::HangUp);
    assert_eq!(world.outcome(), "ended");
    let granted = Ok(Granted { uri: "sip:a@h.example".into(), places: Vec::new() });
    world.step(CallerInput::Permit { target: "sip:a@h.example".into(), granted });
    assert_eq!(world.called(), ["4001"], "too late");
}

#[test]
fn a_target_of_another_place_is_called_there() {
    let there: SocketAddr = "192.0.2.77:5062".parse().unwrap();
    let mut world = World::new(&[("4001", 302, "<sip:a@192.0.2.77:5062>"), ("a", 486, "")], Some(&["a"]));
    world.places.insert("a", there);
    let world = world.dialled();
    let sent: Vec<(SocketAddr, &str)> = world.sent.iter().map(|(to, m)| (*to, m.method().unwrap())).collect();
    let here = called_address();
    assert_eq!(sent, [(here, "INVITE"), (here, "ACK"), (there, "INVITE"), (there, "ACK")]);
}
