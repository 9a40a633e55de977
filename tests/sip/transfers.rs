//! Being transferred, at simulated time: RFC 5359 §2.4 and §2.5 as the one who is transferred sees them, message by message.

use nightbell::call::line::{Asked, Line, LineEvent, LineInput, LineOutput, LineSettings};
use nightbell::call::sip::{
    Called, CalledEvent, CalledInput, CalledOutput, CallerSettings, Granted, Message, Place, read,
};
use nightbell::vocabulary::trace::{EndedBy, KeyChoice, TransferState};
use nightbell::vocabulary::{Codec, Moment, Seed, Srtp};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

fn us() -> SocketAddr {
    "127.0.0.1:5070".parse().unwrap()
}

/// Bob transfers us, Carol is whom to.
fn address(party: &str) -> SocketAddr {
    if party == "bob" { "192.0.2.1:5060" } else { "192.0.2.2:5060" }.parse().unwrap()
}

#[derive(Clone, Debug)]
enum Do {
    Bob(CalledInput),
    Carol(CalledInput),
    We(fn() -> LineInput),
}

struct World {
    line: Line,
    parties: BTreeMap<&'static str, Called>,
    now: Moment,
    flying: BTreeMap<(Moment, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    number: u64,
    ladder: Vec<String>,
    wire: Vec<Message>,
    told: Vec<(u64, LineEvent)>,
    notified: Vec<String>,
    leave: Option<Result<(), String>>,
}

fn refer(to: &str) -> CalledInput {
    CalledInput::Refer { to: to.to_string() }
}

fn answer() -> CalledInput {
    CalledInput::Answer { sdp: SDP.to_vec() }
}

fn reject(status: u16, reason: &str) -> CalledInput {
    CalledInput::Reject { status, reason: reason.to_string(), headers: Vec::new() }
}

impl World {
    fn new(follow_refer: bool, leave: Option<Result<(), String>>) -> World {
        let caller = CallerSettings {
            target_uri: "sip:bob@192.0.2.1".into(),
            remote: address("bob"),
            local_sip: us(),
            from_user: "probe".into(),
            from_display: None,
            credentials: None,
            user_agent: "nightbell/test".into(),
            way: Default::default(),
        };
        let settings = LineSettings {
            caller,
            local_rtp: "127.0.0.1:4000".parse().unwrap(),
            codecs: vec![Codec::Pcma],
            keys: KeyChoice::Auto,
            srtp: Srtp::Off,
            follow_refer,
            called: false,
            ring_limit: Duration::from_secs(60),
            call_limit: Duration::from_secs(120),
        };
        World {
            line: Line::new(settings, Seed::new(4)),
            parties: BTreeMap::new(),
            now: Moment::START,
            flying: BTreeMap::new(),
            number: 0,
            ladder: Vec::new(),
            wire: Vec::new(),
            told: Vec::new(),
            notified: Vec::new(),
            leave,
        }
    }

    fn run(mut self, plan: Vec<(u64, Do)>) -> World {
        let mut plan: Vec<(Moment, Do)> = plan.into_iter().map(|(at, act)| (Moment::from_millis(at), act)).collect();
        self.tell_line(LineInput::Dial);
        for _ in 0..100_000 {
            let flying = self.flying.keys().next().map(|(at, _)| *at);
            let act = plan.first().map(|(at, _)| *at);
            let line = self.line.deadline();
            let party = self.parties.values().filter_map(Called::deadline).min();
            let Some(next) = [flying, act, line, party].into_iter().flatten().min() else { return self };
            self.now = self.now.max(next);
            if flying == Some(next) {
                let (_, (from, to, bytes)) = self.flying.pop_first().unwrap();
                self.arrive(from, to, bytes);
            } else if act == Some(next) {
                match plan.remove(0).1 {
                    Do::Bob(input) => self.tell_party("bob", input),
                    Do::Carol(input) => self.tell_party("carol", input),
                    Do::We(input) => self.tell_line(input()),
                }
            } else if line == Some(next) {
                self.tell_line(LineInput::Tick);
            } else {
                for party in ["bob", "carol"] {
                    if self.parties.get(party).and_then(Called::deadline) == Some(next) {
                        self.tell_party(party, CalledInput::Tick);
                    }
                }
            }
        }
        panic!("it never rests: {:#?}", self.ladder);
    }

    fn tell_line(&mut self, input: LineInput) {
        let mut out = Vec::new();
        self.line.step(self.now, input, &mut out);
        for one in out {
            match one {
                LineOutput::SendSip { to, bytes } => self.fly(us(), to, bytes),
                LineOutput::Event(event) => {
                    assert!(!matches!(self.told.last(), Some((_, LineEvent::Closed))), "after Closed: {event:?}");
                    self.told.push((self.now.millis(), event));
                }
                LineOutput::Permit { asked, target } => {
                    assert_eq!(asked, Asked::Refer);
                    let Some(leave) = self.leave.clone() else { continue };
                    let place = Place { address: address("carol"), found: "as it is written".to_string() };
                    let granted = leave.map(|()| Granted { uri: target.clone(), places: vec![place] });
                    self.tell_line(LineInput::Permit { asked, target, granted });
                }
                _ => {}
            }
        }
    }

    fn tell_party(&mut self, party: &'static str, input: CalledInput) {
        let Some(called) = self.parties.get_mut(party) else { return };
        let mut out = Vec::new();
        called.step(self.now, input, &mut out);
        for one in out {
            match one {
                CalledOutput::Send { to, bytes } => self.fly(address(party), to, bytes),
                CalledOutput::Event(CalledEvent::Notified { said }) => self.notified.push(said),
                CalledOutput::Event(_) => {}
            }
        }
    }

    fn fly(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let message = read(&bytes).expect("we write what we can read");
        let what = match message.method() {
            Some(method) => method.to_string(),
            None => format!("{} {}", message.status().unwrap(), message.cseq().unwrap().1),
        };
        let party = if [from, to].contains(&address("bob")) { "bob" } else { "carol" };
        self.ladder.push(if from == us() { format!("> {party} {what}") } else { format!("< {party} {what}") });
        self.wire.push(message);
        self.number += 1;
        self.flying.insert((self.now + Duration::from_millis(5), self.number), (from, to, bytes));
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if to == us() {
            return self.tell_line(LineInput::Sip { from, bytes });
        }
        let party = if to == address("bob") { "bob" } else { "carol" };
        let message = read(&bytes).unwrap();
        if message.method() == Some("INVITE") && !self.parties.get(party).is_some_and(|called| called.wants(&message)) {
            let called = Called::new(to, from, &message, Seed::new(70).fork(party));
            self.parties.insert(party, called);
            return self.tell_party(party, CalledInput::Tick);
        }
        self.tell_party(party, CalledInput::Wire { from, bytes });
    }

    fn ladder(&self) -> String {
        self.ladder.join(", ")
    }

    fn states(&self) -> Vec<TransferState> {
        let states = self.told.iter().filter_map(|(_, event)| match event {
            LineEvent::Transfer { state, .. } => Some(state.clone()),
            _ => None,
        });
        states.collect()
    }

    fn ended(&self) -> Vec<(u64, EndedBy)> {
        let ended = self.told.iter().filter_map(|(at, event)| match event {
            LineEvent::Ended { by, .. } => Some((*at, *by)),
            _ => None,
        });
        ended.collect()
    }
}

const CAROL: &str = "sip:carol@192.0.2.2";
const UP: &str = "> bob INVITE, < bob 200 INVITE, > bob ACK, ";

// RFC 5359 §2.4
#[test]
fn an_unattended_transfer_leads_to_whom_they_name() {
    let world = World::new(true, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(CAROL))),
        (2_100, Do::Bob(CalledInput::HangUp { q850: None })),
        (4_000, Do::Carol(CalledInput::Provisional { status: 180, reason: "Ringing".into(), sdp: None })),
        (6_000, Do::Carol(answer())),
        (9_000, Do::Carol(CalledInput::HangUp { q850: None })),
    ]);
    let flow = "< bob REFER, > bob 202 REFER, > bob NOTIFY, > carol INVITE, < bob 200 NOTIFY, < carol 100 INVITE, \
                < bob BYE, > bob 200 BYE, < carol 180 INVITE, < carol 200 INVITE, > carol ACK, > bob NOTIFY, \
                < bob 200 NOTIFY, < carol BYE, > carol 200 BYE";
    let ladder = world
        .ladder()
        .replace("< carol 100 INVITE, < bob BYE, > bob 200 BYE", "< bob BYE, > bob 200 BYE, < carol 100 INVITE");
    let flow =
        flow.replace("< carol 100 INVITE, < bob BYE, > bob 200 BYE", "< bob BYE, > bob 200 BYE, < carol 100 INVITE");
    assert_eq!(ladder, format!("{UP}{flow}"));
    assert_eq!(world.notified, ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    assert_eq!(world.states(), [TransferState::Calling, TransferState::Answered]);
    assert_eq!(world.ended(), [(9_005, EndedBy::Them)], "the call is over when Carol hangs up, and not before");
    assert!(matches!(world.told.last(), Some((_, LineEvent::Closed))));
    let notifies: Vec<&Message> = world.wire.iter().filter(|m| m.method() == Some("NOTIFY")).collect();
    let states: Vec<&str> = notifies.iter().filter_map(|m| m.header("Subscription-State")).collect();
    assert_eq!(states, ["active;expires=180", "terminated;reason=noresource"]);
    assert!(notifies.iter().all(|m| m.header("Event") == Some("refer")));
    assert!(notifies.iter().all(|m| m.content_type().unwrap_or_default().starts_with("message/sipfrag")));
    let calls: Vec<&str> =
        world.wire.iter().filter(|m| m.method() == Some("INVITE")).filter_map(|m| m.header("Call-ID")).collect();
    assert_ne!(calls[0], calls[1], "another call");
}

// RFC 5359 §2.5
#[test]
fn an_attended_transfer_takes_the_place_of_the_call_it_names() {
    let to = format!("{CAROL}?Replaces=12345%40192.0.2.1%3Bto-tag%3D12%3Bfrom-tag%3D5f&Subject=x");
    let world = World::new(true, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(&to))),
        (2_500, Do::Carol(answer())),
        (2_600, Do::Bob(CalledInput::HangUp { q850: None })),
        (9_000, Do::We(|| LineInput::HangUp)),
    ]);
    let flow = "< bob REFER, > bob 202 REFER, > bob NOTIFY, > carol INVITE, < bob 200 NOTIFY, < carol 100 INVITE, \
                < carol 200 INVITE, > carol ACK, > bob NOTIFY, < bob 200 NOTIFY, < bob BYE, > bob 200 BYE, \
                > carol BYE, < carol 200 BYE";
    assert_eq!(world.ladder(), format!("{UP}{flow}"));
    let invite = world.wire.iter().rfind(|m| m.method() == Some("INVITE")).unwrap();
    assert_eq!(invite.header("Replaces"), Some("12345@192.0.2.1;to-tag=12;from-tag=5f"));
    assert_eq!((invite.header("Require"), invite.header("Subject")), (Some("replaces"), None));
    assert_eq!(world.ended().len(), 1);
    assert_eq!(world.ended()[0].1, EndedBy::Us);
}

#[test]
fn whoever_transferred_us_and_stays_is_hung_up_on() {
    let world = World::new(true, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(CAROL))),
        (2_500, Do::Carol(answer())),
        (20_000, Do::Carol(CalledInput::HangUp { q850: None })),
    ]);
    assert!(world.ladder().contains("> bob BYE, < bob 200 BYE, < carol BYE"), "{}", world.ladder());
    assert_eq!(world.ended(), [(20_005, EndedBy::Them)]);
}

#[test]
fn a_transfer_that_fails_is_told_and_the_call_goes_on_or_ends_as_it_was() {
    // RFC 5359 §2.4: the transferor may still be there.
    let world = World::new(true, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(CAROL))),
        (3_000, Do::Carol(reject(486, "Busy Here"))),
        (8_000, Do::Bob(CalledInput::HangUp { q850: None })),
    ]);
    assert_eq!(world.notified, ["SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here"]);
    assert_eq!(world.states(), [TransferState::Calling, TransferState::Failed("486 Busy Here".into())]);
    assert_eq!(world.ended(), [(8_005, EndedBy::Them)]);
    // Or not.
    let world = World::new(true, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(CAROL))),
        (2_100, Do::Bob(CalledInput::HangUp { q850: Some(16) })),
        (3_000, Do::Carol(reject(404, "Not Found"))),
    ]);
    assert_eq!(world.notified, ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"]);
    assert_eq!(world.ended(), [(3_005, EndedBy::Them)]);
    assert!(matches!(world.told.last(), Some((_, LineEvent::Closed))));
    // Nobody takes it, and we hang up: nothing rings on.
    let world = World::new(true, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(CAROL))),
        (2_100, Do::Bob(CalledInput::HangUp { q850: None })),
        (3_000, Do::Carol(CalledInput::Provisional { status: 180, reason: "Ringing".into(), sdp: None })),
        (5_000, Do::We(|| LineInput::HangUp)),
    ]);
    assert!(world.ladder().contains("> carol CANCEL, < carol 200 CANCEL, < carol 487 INVITE, > carol ACK"));
    assert_eq!(world.ended().len(), 1);
}

#[test]
fn without_the_probes_word_or_leave_it_is_declined_and_says_why() {
    let world = World::new(false, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(CAROL))),
        (4_000, Do::Bob(CalledInput::HangUp { q850: None })),
    ]);
    assert_eq!(world.ladder(), format!("{UP}< bob REFER, > bob 603 REFER, < bob BYE, > bob 200 BYE"));
    assert!(world.told.iter().any(|(_, e)| *e == LineEvent::FarRefer { to: CAROL.into() }));
    let refused = |to: &str, leave: Option<Result<(), String>>| {
        let world = World::new(true, leave).run(vec![
            (100, Do::Bob(answer())),
            (2_000, Do::Bob(refer(to))),
            (40_000, Do::Bob(CalledInput::HangUp { q850: None })),
        ]);
        assert!(world.ladder().contains("> bob 603 REFER"), "{to}: {}", world.ladder());
        assert!(!world.ladder().contains("carol"), "{to}: {}", world.ladder());
        match world.states().first() {
            Some(TransferState::Declined(why)) => why.clone(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(refused(CAROL, Some(Err("it is not on the allow list".into()))), "it is not on the allow list");
    assert!(refused("sip:110@192.0.2.2", Some(Ok(()))).contains("emergency number"));
    assert!(refused("tel:+19005551234", Some(Ok(()))).contains("premium"));
    assert_eq!(refused("sip:carol@192.0.2.2;method=BYE", Some(Ok(()))), "it does not ask for a call");
    assert_eq!(refused(CAROL, None), "None", "leave that never comes: declined after its time");
}

#[test]
fn one_transfer_in_a_call_is_followed() {
    let world = World::new(true, Some(Ok(()))).run(vec![
        (100, Do::Bob(answer())),
        (2_000, Do::Bob(refer(CAROL))),
        (2_500, Do::Carol(answer())),
        (4_000, Do::Carol(refer("sip:dave@192.0.2.2"))),
        (9_000, Do::Carol(CalledInput::HangUp { q850: None })),
    ]);
    assert!(world.ladder().contains("< carol REFER, > carol 603 REFER"), "{}", world.ladder());
}

// RFC 3261 §20.5: many a switch sends a method only to who names it.
#[test]
fn allow_names_refer_where_one_is_followed_and_nowhere_else() {
    let up = || vec![(100, Do::Bob(answer())), (2_000, Do::Bob(refer(CAROL))), (2_500, Do::Carol(answer()))];
    let names = |world: &World| -> Vec<bool> {
        let invites = world.wire.iter().filter(|m| m.method() == Some("INVITE"));
        invites.map(|m| m.list("Allow").any(|method| method == "REFER")).collect()
    };
    let end = (9_000, Do::We(|| LineInput::HangUp));
    let followed = World::new(true, Some(Ok(()))).run(up().into_iter().chain([end.clone()]).collect());
    assert_eq!(names(&followed), [true, false], "whom it leads to leads nowhere else");
    let not = World::new(false, None).run(up().into_iter().chain([end]).collect());
    assert_eq!(names(&not), [false]);
}
