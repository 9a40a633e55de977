//! Promise: however the far side behaves, every call comes to an end and leaves nothing behind. A far side made up from a seed
//! loses, doubles, reorders and garbles messages, falls silent, forks, redirects, refers, offers anew, hangs up early and
//! says what makes no sense, at simulated time. `NIGHTBELL_BEHAVIOURS=100000` plays so many of them, `NIGHTBELL_SEED` one again.

use nightbell::call::line::{Line, LineEvent, LineInput, LineOutput, LineSettings};
use nightbell::call::sip::{
    Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings, Credentials, Granted, Message, Place, Way, read,
    write,
};
use nightbell::vocabulary::limits::{CALL_MAX, PERMIT_TIME_MAX, RING_MAX};
use nightbell::vocabulary::trace::KeyChoice;
use nightbell::vocabulary::{Codec, Key, Moment, Seed, Srtp, Transport};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SDP: &[u8] =
    b"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\n\
                     a=rtpmap:101 telephone-event/8000\r\n";
/// A bare signalling end, or a line with its sound, which is hung up soon: its sound costs a step every 20 ms.
const LINE_CALL_LIMIT: Duration = Duration::from_secs(6);
/// After everything that may last has lasted: a call, its farewell, the repetitions after it.
const LONGEST: Duration = Duration::from_secs(CALL_MAX.as_secs() + RING_MAX.as_secs() + 200);

fn us() -> SocketAddr {
    "127.0.0.1:5070".parse().unwrap()
}

fn place(number: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + number as u8], 5060))
}

enum End {
    Caller(Box<Caller>),
    Line(Box<Line>),
}

/// A dialog as the far side has it.
#[derive(Clone)]
struct Leg {
    invite: Message,
    tag: String,
    number: u32,
}

struct World {
    seed: Seed,
    end: End,
    now: Moment,
    coming: BTreeMap<(Moment, u64), Coming>,
    next: u64,
    legs: Vec<Leg>,
    /// What came from us, to be answered again or garbled.
    heard: Vec<(SocketAddr, Message)>,
    /// The far side says so many more words and is silent for ever.
    words_left: u64,
    loss: f64,
    log: Vec<String>,
    outcomes: Vec<String>,
    /// We are called, and do not call.
    called: bool,
    settled: u32,
    closed: bool,
}

enum Coming {
    Bytes(SocketAddr, Vec<u8>),
    Far,
    Us,
    Answer(u32),
    Permit(Option<LineInput>, Option<CallerInput>),
    Refer(bool),
    Notify,
    Unreachable,
    Lost,
}

impl World {
    fn new(number: u64) -> World {
        let mut seed = Seed::new(number);
        let places = (0..seed.below(3)).map(|n| Place { address: place(n), found: "made up".into() }).collect();
        let transport = [Transport::Udp, Transport::Udp, Transport::Tcp][seed.below(3) as usize];
        let credentials = (seed.below(2) == 0).then(|| Credentials { username: "a".into(), password: "b".into() });
        let caller = CallerSettings {
            target_uri: "sip:4001@example.test".into(),
            remote: place(0),
            local_sip: us(),
            from_user: "probe".into(),
            from_display: None,
            credentials,
            user_agent: "nightbell/test".into(),
            way: Way { places, transport, redirects: seed.below(4) > 0, ..Way::default() },
        };
        let kind = seed.below(4);
        let called = kind == 1 && seed.below(2) == 0;
        let end = match kind {
            0..=1 => End::Line(Box::new(Line::new(
                LineSettings {
                    caller,
                    local_rtp: "127.0.0.1:4002".parse().unwrap(),
                    codecs: vec![Codec::Pcma],
                    keys: KeyChoice::Auto,
                    srtp: Srtp::Off,
                    follow_refer: true,
                    called,
                    ring_limit: Duration::from_secs(5 + seed.below(90)),
                    call_limit: LINE_CALL_LIMIT + Duration::from_secs(seed.below(2) * 40),
                },
                seed.fork("line"),
            ))),
            _ => End::Caller(Box::new(Caller::new(caller, seed.fork("caller")))),
        };
        let words_left = if seed.below(3) == 0 { seed.below(12) } else { 400 };
        let loss = [0.0, 0.0, 0.1, 0.4][seed.below(4) as usize];
        World {
            end,
            now: Moment::START,
            coming: BTreeMap::new(),
            next: 0,
            legs: Vec::new(),
            heard: Vec::new(),
            words_left,
            loss,
            log: Vec::new(),
            outcomes: Vec::new(),
            called,
            settled: 0,
            closed: false,
            seed,
        }
    }

    fn after(&mut self, most_ms: u64, what: Coming) {
        let at = self.now + Duration::from_millis(1 + self.seed.below(most_ms));
        self.next += 1;
        self.coming.insert((at, self.next), what);
    }

    fn play(&mut self) -> Result<(), String> {
        match &mut self.end {
            End::Caller(_) => self.tell(LineInput::Dial, Some(CallerInput::Dial { offer: SDP.to_vec() })),
            End::Line(_) => self.tell(LineInput::Dial, None),
        }
        for _ in 0..self.seed.below(14) {
            self.after(60_000, Coming::Far);
        }
        for _ in 0..1 + self.seed.below(4) {
            self.after(90_000, Coming::Us);
        }
        for _ in 0..self.seed.below(3) {
            let what = if self.seed.below(2) == 0 { Coming::Unreachable } else { Coming::Lost };
            self.after(40_000, what);
        }
        for _ in 0..60_000 {
            let deadline = match &self.end {
                End::Caller(caller) => caller.deadline(),
                End::Line(line) => line.deadline(),
            };
            let coming = self.coming.keys().next().map(|(at, _)| *at);
            if self.closed {
                // Whatever comes now is nobody's any more.
                let Some((_, what)) = self.coming.pop_first() else { return self.judged() };
                let before = self.log.len();
                if let Coming::Bytes(from, bytes) = what {
                    self.hand(from, bytes);
                }
                if self.log.len() != before || deadline.is_some() {
                    return Err("it does something after its end".into());
                }
                continue;
            }
            let Some(next) = [deadline, coming].into_iter().flatten().min() else {
                return Err("it waits for nothing and is not over".into());
            };
            self.now = self.now.max(next);
            if self.now.since(Moment::START) > LONGEST {
                return Err("it goes on for ever".into());
            }
            if coming != Some(next) {
                self.tell(LineInput::Tick, Some(CallerInput::Tick));
                continue;
            }
            match self.coming.pop_first().unwrap().1 {
                Coming::Bytes(from, bytes) => self.hand(from, bytes),
                Coming::Far => self.far_acts(),
                Coming::Us => self.we_act(),
                Coming::Answer(offer_id) => {
                    let sdp = if self.seed.below(4) == 0 { Vec::new() } else { SDP.to_vec() };
                    self.tell(LineInput::Tick, Some(CallerInput::Answer { offer_id, sdp }));
                }
                Coming::Permit(line, caller) => self.tell(line.unwrap_or(LineInput::Tick), caller),
                Coming::Refer(accept) => {
                    self.tell(LineInput::Tick, Some(CallerInput::AnswerRefer { accept }));
                    if accept {
                        self.after(20_000, Coming::Notify);
                    }
                }
                Coming::Notify => {
                    let notify = CallerInput::Notify { status: 200, reason: "OK".into() };
                    self.tell(LineInput::Tick, Some(notify));
                }
                Coming::Unreachable => {
                    let detail = "made up".to_string();
                    let input = CallerInput::Unreachable { detail: detail.clone() };
                    self.tell(LineInput::Unreachable { detail }, Some(input));
                }
                Coming::Lost => {
                    let (peer, detail) = (place(self.seed.below(2)), "made up".to_string());
                    let input = CallerInput::Lost { peer, detail: detail.clone() };
                    self.tell(LineInput::Lost { peer, detail }, Some(input));
                }
            }
        }
        Err("it never rests".into())
    }

    fn judged(&self) -> Result<(), String> {
        match (self.outcomes.len(), self.settled) {
            (1, 0 | 1) => Ok(()),
            (0, _) => Err("nobody was told how it ended".into()),
            (1, _) => Err("it settled more than once".into()),
            _ => Err(format!("it ended in several ways: {:?}", self.outcomes)),
        }
    }

    /// The input for the kind of end there is.
    fn tell(&mut self, line_input: LineInput, caller_input: Option<CallerInput>) {
        match &mut self.end {
            End::Line(line) => {
                let mut out = Vec::new();
                line.step(self.now, line_input, &mut out);
                out.into_iter().for_each(|one| self.line_did(one));
            }
            End::Caller(caller) => {
                let mut out = Vec::new();
                caller.step(self.now, caller_input.unwrap_or(CallerInput::Tick), &mut out);
                out.into_iter().for_each(|one| self.caller_did(one));
            }
        }
    }

    fn hand(&mut self, from: SocketAddr, bytes: Vec<u8>) {
        let input = CallerInput::Wire { from, bytes: bytes.clone() };
        self.tell(LineInput::Sip { from, bytes }, Some(input));
    }

    fn note(&mut self, what: String) {
        self.log.push(format!("{} {what}", self.now));
    }

    fn line_did(&mut self, output: LineOutput) {
        match output {
            LineOutput::SendSip { to, bytes } => self.sent(to, bytes),
            LineOutput::Permit { asked, target } => {
                let granted = self.leave(&target);
                let Some(granted) = granted else { return };
                let input = LineInput::Permit { asked, target, granted };
                self.after(PERMIT_TIME_MAX.as_millis() as u64, Coming::Permit(Some(input), None));
            }
            LineOutput::Event(event) => {
                let shown = format!("{event:?}");
                self.note(shown.clone());
                match event {
                    LineEvent::Ended { .. }
                    | LineEvent::Rejected { .. }
                    | LineEvent::AuthFailed { .. }
                    | LineEvent::NoResponse
                    | LineEvent::TransportFailed { .. } => self.outcomes.push(shown),
                    // An offer that could not be met was refused: that is how it ended.
                    LineEvent::MediaFailed { .. } if self.called => self.outcomes.push(shown),
                    LineEvent::Settled => self.settled += 1,
                    LineEvent::Closed => self.closed = true,
                    _ => {}
                }
            }
            LineOutput::SendRtp { .. } | LineOutput::SendRtcp { .. } => {}
            LineOutput::Heard { .. } | LineOutput::Said { .. } => {}
        }
    }

    fn caller_did(&mut self, output: CallerOutput) {
        match output {
            CallerOutput::Send { to, bytes } => self.sent(to, bytes),
            CallerOutput::Permit { target } => {
                let granted = self.leave(&target);
                let Some(granted) = granted else { return };
                let input = CallerInput::Permit { target, granted };
                self.after(PERMIT_TIME_MAX.as_millis() as u64, Coming::Permit(None, Some(input)));
            }
            CallerOutput::Event(event) => {
                let shown = format!("{event:?}");
                self.note(shown.clone());
                match event {
                    CallerEvent::Ended { .. }
                    | CallerEvent::Rejected { .. }
                    | CallerEvent::AuthFailed { .. }
                    | CallerEvent::NoResponse
                    | CallerEvent::TransportFailed { .. } => self.outcomes.push(shown),
                    CallerEvent::FarOffer { offer_id, .. } if self.seed.below(5) > 0 => {
                        self.after(3_000, Coming::Answer(offer_id));
                    }
                    CallerEvent::FarRefer(_) if self.seed.below(5) > 0 => {
                        let accept = self.seed.below(2) == 0;
                        self.after(3_000, Coming::Refer(accept));
                    }
                    CallerEvent::Settled => self.settled += 1,
                    CallerEvent::Closed => self.closed = true,
                    _ => {}
                }
            }
        }
    }

    /// Whether somebody else may be called: yes, no, or never a word.
    fn leave(&mut self, target: &str) -> Option<Result<Granted, String>> {
        let places: Vec<Place> =
            (0..self.seed.below(2)).map(|n| Place { address: place(n), found: "made up".into() }).collect();
        match self.seed.below(6) {
            0 => None,
            1 => Some(Err("made up".into())),
            _ => Some(Ok(Granted { uri: target.to_string(), places })),
        }
    }

    fn sent(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        let Ok(message) = read(&bytes) else { panic!("we write what we cannot read: {bytes:?}") };
        let what = message.method().map_or_else(|| message.status().unwrap_or(0).to_string(), str::to_string);
        self.note(format!("> {what}"));
        if self.seed.unit() < self.loss {
            return;
        }
        if self.heard.len() < 64 {
            self.heard.push((to, message.clone()));
        }
        if !message.is_request() || message.method() == Some("ACK") {
            return;
        }
        // Once, twice or not at all, each in its own way.
        for _ in 0..[0, 1, 1, 1, 1, 2, 3][self.seed.below(7) as usize] {
            self.respond(to, &message);
        }
    }

    fn respond(&mut self, from: SocketAddr, request: &Message) {
        const FINAL: [u16; 22] = [
            200, 200, 200, 200, 300, 302, 302, 305, 380, 400, 401, 404, 407, 408, 422, 480, 486, 487, 491, 503, 603,
            799,
        ];
        let status = match self.seed.below(3) {
            0 => [100, 180, 181, 183, 199][self.seed.below(5) as usize],
            _ if request.method() != Some("INVITE") => [200, 200, 200, 401, 408, 481, 500][self.seed.below(7) as usize],
            _ => FINAL[self.seed.below(FINAL.len() as u64) as usize],
        };
        let tag = format!("t{}", self.seed.below(3));
        let tag = (status > 100 && self.seed.below(12) > 0).then_some(tag.as_str());
        let mut response = Message::respond(request, status, "Said", tag);
        if request.method() == Some("INVITE") && status > 100 {
            response.push("Contact", &self.contacts(status));
            if status < 200 && self.seed.below(3) == 0 {
                response.push("Require", "100rel");
                response.push("RSeq", &(1 + self.seed.below(4)).to_string());
            }
            if status < 300 && self.seed.below(5) > 0 {
                let sdp = if self.seed.below(6) == 0 { b"v=1 nonsense".to_vec() } else { SDP.to_vec() };
                response.set_body("application/sdp", sdp);
            }
            if self.seed.below(3) == 0 {
                response.push("Record-Route", &format!("<sip:{};lr>", place(self.seed.below(3))));
            }
            if status == 200 && self.seed.below(4) == 0 {
                response.push("Require", "timer");
                response.push("Session-Expires", "90;refresher=uac");
            }
            if let (Some(tag), true) = (tag, status < 300) {
                let leg = Leg { invite: request.clone(), tag: tag.to_string(), number: 1 };
                if self.legs.len() < 8 {
                    self.legs.push(leg);
                }
            }
        }
        let nonce = self.seed.below(3);
        match status {
            401 => response.push("WWW-Authenticate", &format!("Digest realm=\"r{nonce}\", nonce=\"n{nonce}\"")),
            407 => response.push("Proxy-Authenticate", &format!("Digest realm=\"p\", nonce=\"n{nonce}\", stale=true")),
            422 => response.push("Min-SE", &(90 + self.seed.below(4_000)).to_string()),
            503 => response.push("Retry-After", "1"),
            _ => {}
        }
        self.says(from, write(&response));
    }

    fn contacts(&mut self, status: u16) -> String {
        if !(300..400).contains(&status) {
            return format!("<sip:x@{}>", place(self.seed.below(3)));
        }
        let who = ["a", "b", "4001", "110", "c", "d"];
        let contacts = (0..1 + self.seed.below(4)).map(|_| {
            let user = who[self.seed.below(6) as usize];
            format!("<sip:{user}@example.test>;q=0.{}", self.seed.below(10))
        });
        contacts.collect::<Vec<_>>().join(", ")
    }

    /// What the far side says gets here or not, at once or later, whole or not.
    fn says(&mut self, from: SocketAddr, bytes: Vec<u8>) {
        let Some(left) = self.words_left.checked_sub(1) else { return };
        self.words_left = left;
        for _ in 0..1 + u64::from(self.seed.below(8) == 0) {
            if self.seed.unit() < self.loss {
                continue;
            }
            let mut bytes = bytes.clone();
            if self.seed.below(25) == 0 && !bytes.is_empty() {
                for _ in 0..1 + self.seed.below(6) {
                    let at = self.seed.below(bytes.len() as u64) as usize;
                    bytes[at] = self.seed.below(256) as u8;
                }
                bytes.truncate(1 + self.seed.below(bytes.len() as u64) as usize);
            }
            let slow = [5, 50, 800, 9_000][self.seed.below(4) as usize];
            self.after(slow, Coming::Bytes(from, bytes));
        }
    }

    /// Something of its own accord.
    fn far_acts(&mut self) {
        const METHODS: [&str; 14] = [
            "BYE", "INVITE", "INVITE", "UPDATE", "REFER", "INFO", "NOTIFY", "OPTIONS", "CANCEL", "ACK", "PRACK",
            "MESSAGE", "NONSENSE", "BYE",
        ];
        let from = place(self.seed.below(3));
        match self.seed.below(8) {
            0 => {
                let junk = (0..self.seed.below(200)).map(|_| self.seed.below(256) as u8).collect();
                self.says(from, junk);
            }
            1 | 2 if !self.heard.is_empty() => {
                let (to, message) = self.heard[self.seed.below(self.heard.len() as u64) as usize].clone();
                if message.is_request() {
                    self.respond(to, &message);
                }
            }
            _ => {
                let method = METHODS[self.seed.below(14) as usize];
                let bytes = self.request(method);
                self.says(from, bytes);
            }
        }
    }

    /// A request in a dialog that there is, or in none.
    fn request(&mut self, method: &str) -> Vec<u8> {
        let known =
            (!self.legs.is_empty() && self.seed.below(8) > 0).then(|| self.seed.below(self.legs.len() as u64) as usize);
        let mut request = Message::request(method, &format!("sip:probe@{}", us()));
        request.push("Via", &format!("SIP/2.0/UDP {};branch=z9hG4bKfar{}", place(0), self.seed.below(1 << 30)));
        request.push("Max-Forwards", "70");
        let number = match known {
            Some(index) => {
                self.legs[index].number += 1;
                let leg = self.legs[index].clone();
                let to = leg.invite.header("To").unwrap_or_default();
                request.push("From", &format!("{to};tag={}", leg.tag));
                request.push("To", leg.invite.header("From").unwrap_or_default());
                request.push("Call-ID", leg.invite.call_id().unwrap_or_default());
                leg.number
            }
            None => {
                request.push("From", "<sip:far@example.test>;tag=far");
                request.push("To", "<sip:probe@127.0.0.1>");
                request.push("Call-ID", &format!("far-{}", self.seed.below(3)));
                1
            }
        };
        request.push("CSeq", &format!("{number} {method}"));
        request.push("Contact", &format!("<sip:far@{}>", place(self.seed.below(3))));
        match method {
            "REFER" if self.seed.below(8) > 0 => {
                let to =
                    ["sip:agent@example.test", "sip:110@example.test", "sip:b@example.test?Replaces=x%3Bto-tag%3Dy"];
                request.push("Refer-To", &format!("<{}>", to[self.seed.below(3) as usize]));
            }
            "PRACK" => request.push("RAck", "1 1 INVITE"),
            "NOTIFY" => request.push("Event", "refer"),
            _ => {}
        }
        if matches!(method, "INVITE" | "UPDATE") && self.seed.below(3) > 0 {
            request.set_body("application/sdp", SDP.to_vec());
        }
        write(&request)
    }

    fn we_act(&mut self) {
        match self.seed.below(3) {
            0 => {
                let (content_type, body) = ("application/dtmf-relay".to_string(), b"Signal=1".to_vec());
                let key = Key::new('1').unwrap();
                let input = CallerInput::SendInfo { content_type, body };
                self.tell(LineInput::Press { key, method: None }, Some(input));
            }
            _ => self.tell(LineInput::HangUp, Some(CallerInput::HangUp)),
        }
    }
}

#[test]
fn however_the_far_side_behaves_every_call_ends_and_leaves_nothing_behind() {
    let set = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match set("NIGHTBELL_SEED") {
        Some(seed) => (seed, 1),
        None => (0, set("NIGHTBELL_BEHAVIOURS").unwrap_or(2_000)),
    };
    let began = Instant::now();
    let mut endings = BTreeMap::<String, u64>::new();
    for number in first..first + count {
        let mut world = World::new(number);
        if let Err(why) = world.play() {
            let shown = world.log.iter().rev().take(60).rev().cloned().collect::<Vec<_>>().join("\n");
            panic!("NIGHTBELL_SEED={number}: {why}\n{shown}");
        }
        let ending = world.outcomes[0].split([' ', '{']).next().unwrap_or_default().to_string();
        *endings.entry(ending).or_default() += 1;
    }
    println!("{count} behaviours in {:.1} s: {endings:?}", began.elapsed().as_secs_f64());
    // A storm that only ever ends in one way is none.
    assert!(count < 1_000 || endings.len() >= 4, "{endings:?}");
}
