//! Promise: a hotline that says it will call back is held to it. The call back is answered, taped and judged as a call of its
//! own that names the one which asked for it; one that never comes is a finding; nobody else gets an answer.

mod daemon;
#[expect(dead_code, reason = "tests/asterisk.rs asks the switch for more")]
mod pbx;

use daemon::{Daemon, Home};
use nightbell::call::sip::expected::MatchedBy;
use nightbell::call::sip::{Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings, Message, read, write};
use nightbell::config::Callback;
use nightbell::journey::callback::{Back, Called, Wanted};
use nightbell::journey::{Input, Journey, Output, Settings};
use nightbell::rehearsal::stage;
use nightbell::vocabulary::{FindingKind, Judgement, Key, Moment, Seed, Srtp, Trace, Verdict, What};
use pbx::Pbx;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\n\
                       a=rtpmap:101 telephone-event/8000\r\n";

fn hotline_address() -> SocketAddr {
    "192.0.2.9:5060".parse().unwrap()
}

fn our_address() -> SocketAddr {
    "127.0.0.1:40000".parse().unwrap()
}

/// Settings of a probe that nothing but a wait is asked of.
fn settings(call: &str) -> Settings {
    let text = format!(
        "hotline: back\ntarget: sip:4001@127.0.0.1:5070\nprobes:\n  - name: look\n    steps: [{{ wait: {call} }}, hang_up]\n"
    );
    let files = [("_trunks.yaml", "allow: [\"sip:*@127.0.0.1\"]\n"), ("a.yaml", text.as_str())];
    let files = files.map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
    let now = chrono::DateTime::UNIX_EPOCH;
    let sources = nightbell::config::Sources { files: files.to_vec(), now, exists: &|_| true };
    let config = nightbell::config::load(&sources).unwrap_or_else(|problems| panic!("{problems:?}"));
    let hotline = &config.hotlines[0];
    let wall = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_hms_opt(10, 0, 0).unwrap();
    Settings { deaf: true, ..stage::settings(hotline, &hotline.probes[0], wall) }
}

/// A call that is played to its end at simulated time: a far side that answers and hangs up, and what is told of calls back.
struct Play {
    journey: Journey,
    now: Moment,
    judgement: Option<Judgement>,
}

impl Play {
    fn new(settings: Settings) -> Play {
        let journey = Journey::new(settings, None, BTreeMap::new(), &Seed::new(3)).unwrap();
        Play { journey, now: Moment::START, judgement: None }
    }

    fn step(&mut self, input: Input) -> Vec<(SocketAddr, Message)> {
        let mut out = Vec::new();
        self.journey.step(self.now, input, &mut out);
        let mut sent = Vec::new();
        for one in out {
            match one {
                Output::SendSip { to, bytes } => sent.push((to, read(&bytes).unwrap())),
                Output::Done(judgement) => self.judgement = Some(*judgement),
                _ => {}
            }
        }
        sent
    }

    /// The asking call: answered at once, hung up by us after its second; the far side does what is polite.
    fn asks(callback: Callback) -> Play {
        let mut play = Play::new(Settings { callback: Some(Wanted::from(&callback)), ..settings("1s") });
        let sent = play.step(Input::Dial);
        let invite = sent[0].1.clone();
        let mut ok = Message::respond(&invite, 200, "OK", Some("t"));
        ok.push("Contact", "<sip:x@127.0.0.1:5070>");
        ok.set_body("application/sdp", OFFER.to_vec());
        play.now = Moment::from_millis(10);
        play.step(Input::Sip { from: stage::HOTLINE_SIP, bytes: write(&ok) });
        play.run_until(Moment::from_millis(60_000));
        play
    }

    fn run_until(&mut self, until: Moment) {
        for _ in 0..200_000 {
            let Some(at) = self.journey.deadline().filter(|at| *at <= until && self.judgement.is_none()) else { break };
            self.now = self.now.max(at);
            for (to, request) in self.step(Input::Tick) {
                if request.method() == Some("BYE") {
                    let bytes = write(&Message::respond(&request, 200, "OK", None));
                    self.step(Input::Sip { from: to, bytes });
                }
            }
        }
        self.now = self.now.max(until);
    }

    fn trace(&self) -> &Trace {
        self.journey.trace()
    }
}

fn ten_minutes() -> Callback {
    Callback { within: Duration::from_secs(600), from: vec!["4001".into()], code: None }
}

#[test]
fn a_call_back_that_never_comes_fails_the_call_that_asked_with_its_evidence() {
    let mut play = Play::asks(ten_minutes());
    assert_eq!(play.judgement, None, "it waits");
    let awaited = play.trace().events.iter().find_map(|e| match e.what {
        What::AwaitingCall { until } => Some((e.at, until)),
        _ => None,
    });
    let (closed, until) = awaited.expect("it says that it waits");
    assert_eq!(until.since(closed), Duration::from_secs(600));
    play.run_until(Moment::from_millis(620_000));
    let judgement = play.judgement.expect("it is over");
    assert_eq!(judgement.verdict, Verdict::Fail, "{judgement:?}");
    let finding = judgement.findings.iter().find(|f| f.kind == FindingKind::NoCallback).expect("a finding");
    assert_eq!((finding.from, finding.to), (closed, until));
    assert_eq!(finding.detail, "no call back from 4001 within 10.0 min");
}

#[test]
fn a_call_back_that_comes_is_named_and_nothing_is_wrong() {
    let mut play = Play::asks(ten_minutes());
    play.now = Moment::from_millis(300_000);
    play.step(Input::CalledBack(Back::Coming));
    // It lasts longer than the time in which it had to come.
    play.run_until(Moment::from_millis(700_000));
    assert_eq!(play.judgement, None, "it is being answered");
    play.step(Input::CalledBack(Back::Came { call: "01BACK".into(), from: "4001".into() }));
    let judgement = play.judgement.clone().expect("it is over");
    assert!(judgement.findings.iter().all(|f| f.kind != FindingKind::NoCallback), "{judgement:?}");
    assert!(play.trace().events.iter().any(|e| matches!(&e.what, What::CalledBack { call, .. } if call == "01BACK")));
}

#[test]
fn somebody_elses_call_does_not_end_the_waiting() {
    let mut play = Play::asks(ten_minutes());
    play.now = Moment::from_millis(300_000);
    play.step(Input::CalledBack(Back::Coming));
    play.step(Input::CalledBack(Back::NotForUs));
    play.run_until(Moment::from_millis(700_000));
    let judgement = play.judgement.expect("it is over");
    assert!(judgement.findings.iter().any(|f| f.kind == FindingKind::NoCallback));
}

#[test]
fn a_call_that_did_not_get_as_far_waits_for_nothing() {
    let callback = Some(Wanted::from(&ten_minutes()));
    let mut play = Play::new(Settings { callback, ..settings("1s") });
    let sent = play.step(Input::Dial);
    let busy = Message::respond(&sent[0].1, 486, "Busy Here", Some("t"));
    play.step(Input::Sip { from: stage::HOTLINE_SIP, bytes: write(&busy) });
    play.run_until(Moment::from_millis(5_000));
    let judgement = play.judgement.expect("it is over at once");
    assert!(judgement.findings.iter().all(|f| f.kind != FindingKind::NoCallback), "{judgement:?}");
}

/// A pretend hotline calls back: its caller and our answering journey, 5 ms apart.
fn called_back(called: Called, keys: &str, offer: &[u8]) -> (Play, Vec<CallerEvent>, Vec<String>) {
    called_back_with(Srtp::Off, called, keys, offer)
}

/// The same on a trunk with this rule for SRTP.
fn called_back_with(srtp: Srtp, called: Called, keys: &str, offer: &[u8]) -> (Play, Vec<CallerEvent>, Vec<String>) {
    let mut play = Play::new(Settings { called: Some(called), srtp, ..settings("30s") });
    play.step(Input::Dial);
    let mut hotline = Caller::new(
        CallerSettings {
            target_uri: "sip:line@127.0.0.1:40000".into(),
            remote: our_address(),
            local_sip: hotline_address(),
            from_user: "4001".into(),
            from_display: None,
            credentials: None,
            user_agent: "hotline".into(),
            way: Default::default(),
        },
        Seed::new(6),
    );
    let (mut told, mut ladder) = (Vec::new(), Vec::new());
    let mut inputs = vec![CallerInput::Dial { offer: offer.to_vec() }];
    let mut keys: Vec<Key> = keys.chars().filter_map(Key::new).collect();
    keys.reverse();
    for turn in 0..2_000 {
        let mut to_us = Vec::new();
        for input in std::mem::take(&mut inputs) {
            let mut out = Vec::new();
            hotline.step(play.now, input, &mut out);
            for one in out {
                match one {
                    CallerOutput::Send { bytes, .. } => to_us.push(bytes),
                    CallerOutput::Event(event) => told.push(event),
                    CallerOutput::Permit { .. } => {}
                }
            }
        }
        let mut sent = Vec::new();
        for bytes in to_us {
            let message = read(&bytes).unwrap();
            ladder.push(format!("> {}", shown(&message)));
            sent.extend(play.step(Input::Sip { from: hotline_address(), bytes }));
        }
        play.now += Duration::from_millis(20);
        sent.extend(play.step(Input::Tick));
        for (to, message) in sent {
            assert_eq!(to, hotline_address());
            ladder.push(format!("< {}", shown(&message)));
            inputs.push(CallerInput::Wire { from: our_address(), bytes: write(&message) });
        }
        inputs.push(CallerInput::Tick);
        if turn == 100 && !told.iter().any(|e| matches!(e, CallerEvent::Rejected { .. })) {
            while let Some(key) = keys.pop() {
                let body = format!("Signal={key}\r\nDuration=160\r\n").into_bytes();
                inputs.push(CallerInput::SendInfo { content_type: "application/dtmf-relay".into(), body });
            }
        }
        if turn == 300 {
            inputs.push(CallerInput::HangUp);
        }
        if play.judgement.is_some() {
            break;
        }
    }
    (play, told, ladder)
}

fn shown(message: &Message) -> String {
    match message.method() {
        Some(method) => method.to_string(),
        None => format!("{} {}", message.status().unwrap(), message.cseq().unwrap().1),
    }
}

fn from_4001(codes: &[(&str, &str)], asked_by: Option<&str>) -> Called {
    Called {
        from: "4001".into(),
        asked_by: asked_by.map(str::to_string),
        by: MatchedBy::Number,
        codes: codes.iter().map(|(code, call)| (code.to_string(), call.to_string())).collect(),
    }
}

#[test]
fn a_call_back_is_answered_heard_and_judged() {
    let (play, told, ladder) = called_back(from_4001(&[], Some("01ASKED")), "", OFFER);
    assert_eq!(ladder.join(", "), "> INVITE, < 180 INVITE, < 200 INVITE, > ACK, > BYE, < 200 BYE", "{told:?}");
    let judgement = play.judgement.clone().expect("it is judged");
    assert_ne!(judgement.verdict, Verdict::Pass, "nothing was said in it, and it was to be heard");
    let told: Vec<&What> = play.trace().events.iter().map(|e| &e.what).collect();
    assert!(matches!(told[0], What::CalledBy { from } if from == "4001"), "{told:?}");
    assert!(told.iter().any(|what| matches!(what, What::Answered { codec, .. } if codec == "PCMA")));
    assert!(told.iter().any(|what| matches!(what, What::Ended { .. })));
}

#[test]
fn a_code_tells_for_whom_a_call_is() {
    let (play, ..) = called_back(from_4001(&[("11", "01FIRST"), ("4711", "01SECOND")], None), "4711", OFFER);
    let given: Vec<&What> =
        play.trace().events.iter().map(|e| &e.what).filter(|w| matches!(w, What::CodeGiven { .. })).collect();
    assert_eq!(given.len(), 1);
    // "4711" has the other code in it, too: the longer one was meant.
    assert!(matches!(given[0], What::CodeGiven { for_call } if for_call == "01SECOND"), "{given:?}");
    let (play, ..) = called_back(from_4001(&[("22", "01FIRST")], None), "4711", OFFER);
    assert!(!play.trace().events.iter().any(|e| matches!(e.what, What::CodeGiven { .. })));
}

#[test]
fn a_call_that_offers_no_codec_of_ours_is_refused_with_488() {
    let offer = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 4\r\n";
    let (play, told, _) = called_back(from_4001(&[], None), "", offer);
    assert!(told.iter().any(|e| matches!(e, CallerEvent::Rejected { status: 488, .. })), "{told:?}");
    assert!(play.judgement.is_some());
}

#[test]
fn srtp_is_answered_as_the_trunk_has_it_and_refused_with_488() {
    const KEY: &str = "inline:KeyWithheldKeyWithheldKeyWithheldKeyWith";
    let offer = |media: &str, attributes: &str| {
        let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n";
        format!("{head}m=audio 4000 {media} 8\r\n{attributes}").into_bytes()
    };
    let crypto = |tag: u8, suite: &str| format!("a=crypto:{tag} {suite} {KEY}\r\n");
    let (strong, weak) = (crypto(1, "AES_CM_128_HMAC_SHA1_80"), crypto(7, "AES_CM_128_HMAC_SHA1_32"));
    let plain = offer("RTP/AVP", "");
    let safe = offer("RTP/SAVP", &format!("{}{strong}{weak}", crypto(3, "F8_128_HMAC_SHA1_80")));
    let only_weak = offer("RTP/SAVP", &weak);
    let unknown = offer("RTP/SAVP", &crypto(3, "F8_128_HMAC_SHA1_80"));
    let (answers, refused) = (Some(None), None);
    let by = |crypto: &str| Some(Some(crypto.trim_end().to_string()));
    for (rule, offer, expected) in [
        (Srtp::Off, &plain, answers.clone()),
        (Srtp::Off, &safe, refused.clone()),
        (Srtp::Optional, &plain, answers.clone()),
        (Srtp::Optional, &safe, by(&strong)),
        (Srtp::Optional, &unknown, refused.clone()),
        (Srtp::Required, &plain, refused.clone()),
        (Srtp::Required, &safe, by(&strong)),
        (Srtp::Required, &only_weak, by(&weak)),
        (Srtp::Required, &unknown, refused),
    ] {
        let (play, told, _) = called_back_with(rule, from_4001(&[], None), "", offer);
        let said = || format!("{rule:?}, {}: {told:?}", String::from_utf8_lossy(offer));
        let answer = told.iter().find_map(|event| match event {
            CallerEvent::Answered { sdp, .. } => Some(String::from_utf8(sdp.clone().unwrap_or_default()).unwrap()),
            _ => None,
        });
        let found = answer.as_ref().map(|sdp| {
            let cryptos: Vec<&str> = sdp.lines().filter(|line| line.starts_with("a=crypto:")).collect();
            assert!(cryptos.len() <= 1, "RFC 4568 §5.1.2: {}", said());
            let media = if cryptos.is_empty() { "RTP/AVP" } else { "RTP/SAVP" };
            assert!(sdp.contains(&format!(" {media} 8\r\n")), "{}", said());
            cryptos.first().map(|line| line.to_string())
        });
        assert_eq!(found, expected, "{}", said());
        assert_eq!(
            told.iter().any(|event| matches!(event, CallerEvent::Rejected { status: 488, .. })),
            expected.is_none(),
            "{}",
            said()
        );
        let suite = play.trace().events.iter().any(|event| matches!(event.what, What::Secured { .. }));
        assert_eq!(suite, expected.is_some_and(|crypto| crypto.is_some()), "{}", said());
    }
}

/// What a real switch is asked by, and where: the trunk's lines, the number that calls back, and probes with what they expect.
fn asks(home: &Path, trunk: &str, target: &str, probes: &[(&str, &str)]) {
    let write = |name: &str, text: String| std::fs::write(home.join(name), text).unwrap();
    write("_trunks.yaml", format!("allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  main: {{ {trunk} }}\n"));
    let probe = |(name, callback): &(&str, &str)| {
        format!("  - name: {name}\n    steps: [{{ wait: 5s }}, hang_up]\n    callback: {callback}\n")
    };
    let probes: String = probes.iter().map(probe).collect();
    write("back.yaml", format!("hotline: back\ntarget: {target}\ntrunk: main\nprobes:\n{probes}"));
}

/// The records of a probe, and what was said beside them.
fn run(home: &Path, probe: &str) -> (Vec<Value>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .args(["run", probe, "--config", ".", "--out", "kept", "--json", "-"])
        .env("LAB_PASSWORD", "bell-at-night")
        .env("NIGHTBELL_CACHE", home)
        .env("LANG", "C.UTF-8")
        .current_dir(home)
        .output()
        .expect("nightbell runs");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let records = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (records, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Two records: of the call that asked, and of the one from this number that came and was heard. Both replay.
fn was_called_back(home: &Path, (records, said): &(Vec<Value>, String), from: &str) {
    assert_eq!(records.len(), 2, "{records:?}\n{said}");
    let (asked, back) = (&records[0], &records[1]);
    assert_eq!((&asked["called_back"], &back["asked_by"]), (&back["id"], &asked["id"]), "{said}");
    assert_eq!((&back["called_by"], &back["sip"]["status"]), (&from.into(), &200.into()), "{back}");
    assert!(back["media"]["rtp_received"].as_u64().is_some_and(|packets| packets > 50), "it was heard: {back}");
    assert!(asked["findings"].as_array().is_some_and(|all| all.iter().all(|f| f["kind"] != "no_callback")), "{asked}");
    for record in [asked, back] {
        let tape = record["evidence"]["tape"].as_str().expect("a tape");
        let again = Command::new(env!("CARGO_BIN_EXE_nightbell"))
            .args(["replay", tape, "--json"])
            .env("NIGHTBELL_CACHE", home)
            .current_dir(home)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(!told.contains("differs"), "{told}");
        let again: Value = serde_json::from_slice(&again.stdout).unwrap();
        for field in ["verdict", "sip", "media", "asked_by", "called_by", "called_back"] {
            assert_eq!(again[field], record[field], "{field}: {told}");
        }
    }
}

/// A real switch that calls the registered account back, three seconds after it hung up.
#[test]
fn a_real_switch_calls_back_over_a_registered_trunk() {
    let pbx = Pbx::start().unwrap_or_else(|why| panic!("{why}"));
    let home = tempfile::tempdir().unwrap();
    let account = "username: line, password: { env: LAB_PASSWORD }, register: true";
    let trunk = format!("server: \"sip:127.0.0.1:{}\", {account}", pbx.port);
    let target = format!("sip:4050@127.0.0.1:{}", pbx.port);
    let promised = ("promised", "{ within: 30s, from: \"4050\", code: \"4711\" }");
    let elsewhere = ("elsewhere", "{ within: 6s, from: \"4051\" }");
    asks(home.path(), &trunk, &target, &[promised, elsewhere]);
    was_called_back(home.path(), &run(home.path(), "back/promised"), "4050");

    // The switch calls from 4050, and somebody else was to call: it is refused, and the promise is not kept.
    let (records, said) = run(home.path(), "back/elsewhere");
    assert_eq!(records.len(), 1, "{records:?}\n{said}");
    let findings = records[0]["findings"].as_array().cloned().unwrap_or_default();
    assert!(findings.iter().any(|f| f["kind"] == "no_callback"), "{}", records[0]);
    assert_eq!(records[0]["verdict"], "fail");
}

/// The same by the TLS connection that we keep to the switch: nobody else could reach us by it. With SRTP, without which the
/// switch neither calls nor is called.
#[test]
fn a_real_switch_calls_back_over_the_tls_connection_that_we_keep_to_it() {
    let certificates = tempfile::tempdir().unwrap();
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 30 \
                 -subj /CN=pbx.test";
    let made = Command::new("openssl").args(words.split_whitespace()).current_dir(certificates.path()).output();
    assert!(made.is_ok_and(|made| made.status.success()), "openssl makes a certificate");
    let pbx = Pbx::start_with(&["--tls", &certificates.path().display().to_string()]).unwrap_or_else(|w| panic!("{w}"));
    let home = tempfile::tempdir().unwrap();
    let account = "username: safe, password: { env: LAB_PASSWORD }, register: true, srtp: required";
    let server = format!("server: \"sip:127.0.0.1:{};transport=tls\", tls: {{ verify: false }}", pbx.port + 1);
    let target = format!("sip:4057@127.0.0.1:{}", pbx.port + 1);
    let promised = ("promised", "{ within: 30s, from: \"4057\", code: \"4711\" }");
    asks(home.path(), &format!("{server}, {account}"), &target, &[promised]);
    let ran = run(home.path(), "back/promised");
    was_called_back(home.path(), &ran, "4057");
    for record in &ran.0 {
        assert_eq!(record["media"]["srtp"], "AES_CM_128_HMAC_SHA1_80", "{record}");
    }
}

/// A stranger's INVITE.
fn an_invite(here: SocketAddr, by: &str, port: u16, number: usize, user: &str, from: &str) -> Vec<u8> {
    let mut invite = Message::request("INVITE", &format!("sip:{user}@127.0.0.1:{port}"));
    invite.push("Via", &format!("SIP/2.0/{by} {here};branch=z9hG4bKknock{number}"));
    invite.push("Max-Forwards", "70");
    invite.push("From", &format!("<sip:{from}@127.0.0.1>;tag=k{number}"));
    invite.push("To", &format!("<sip:{user}@127.0.0.1>"));
    invite.push("Call-ID", &format!("knock-{number}"));
    invite.push("CSeq", "1 INVITE");
    invite.push("Contact", &format!("<sip:{from}@{here}>"));
    invite.set_body("application/sdp", OFFER.to_vec());
    write(&invite)
}

/// What it is answered with.
fn knock(socket: &UdpSocket, port: u16, number: usize, user: &str, from: &str) -> Option<u16> {
    let invite = an_invite(socket.local_addr().unwrap(), "UDP", port, number, user, from);
    socket.send_to(&invite, ("127.0.0.1", port)).unwrap();
    let mut bytes = [0; 4096];
    loop {
        let count = socket.recv(&mut bytes).ok()?;
        let Ok(response) = read(&bytes[..count]) else { continue };
        if response.call_id() == Some(&format!("knock-{number}")) && response.status() > Some(199) {
            return response.status();
        }
    }
}

#[test]
fn strangers_are_refused_at_once_counted_and_flood_nothing() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    let home = Home::new();
    home.write(
        "_trunks.yaml",
        &format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  static: {{ server: \"sip:127.0.0.1:{}\", listen: {port}, caller_id: \"4000\" }}\n",
            far.local_addr().unwrap().port()
        ),
    );
    let mut daemon = Daemon::start(&home);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while knock(&socket, port, 0, "4000", "4711").is_none() && Instant::now() < until {}
    assert_eq!(knock(&socket, port, 1, "4000", "4711"), Some(480), "nothing is expected");
    assert_eq!(knock(&socket, port, 2, "nobody", "4711"), Some(404), "we are not called that");
    for number in 10..310 {
        assert_eq!(knock(&socket, port, number, "4000", "4711"), Some(480), "{number}");
    }
    daemon.wait_for_metric("nightbell_inbound_calls_total{result=\"unexpected\",trunk=\"static\"}", |count| {
        count.is_some_and(|count| count >= 301.0)
    });
    daemon.wait_for_metric("nightbell_inbound_calls_total{result=\"unknown_number\",trunk=\"static\"}", |count| {
        count == Some(1.0)
    });
    // Everything that was written by then.
    daemon.signal("HUP");
    daemon.wait_for("read the files again");
    let refused = daemon.log.iter().filter(|line| daemon::says(line, "a call to us was refused")).count();
    assert!((1..=10).contains(&refused), "{refused} lines of the log for 302 calls");
}

#[test]
fn a_port_of_ours_takes_calls_from_the_trunk_and_its_sources_alone() {
    let ports = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let home = Home::new();
    let trunk = |name: &str, port: u16, more: &str| {
        format!("  {name}: {{ server: \"sip:127.0.0.9:9\", listen: {port}, caller_id: \"4000\"{more} }}\n")
    };
    home.write(
        "_trunks.yaml",
        &format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n{}{}",
            trunk("alone", ports[0], ""),
            trunk("more", ports[1], ", sources: [\"127.0.0.0/29\"]"),
        ),
    );
    let mut daemon = Daemon::start(&home);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while knock(&socket, ports[0], 0, "4000", "4711").is_none() && Instant::now() < until {}
    assert_eq!(knock(&socket, ports[0], 1, "4000", "4711"), Some(403), "another address than the trunk's");
    assert_eq!(
        knock(&socket, ports[1], 2, "4000", "4711"),
        Some(480),
        "one that the trunk names, and nothing is expected"
    );
    let trunks_own = UdpSocket::bind("127.0.0.9:0").unwrap();
    trunks_own.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(knock(&trunks_own, ports[0], 3, "4000", "4711"), Some(480), "the trunk's own");
    daemon.wait_for_metric("nightbell_inbound_calls_total{result=\"refused\",trunk=\"alone\"}", |count| {
        count.is_some_and(|count| count >= 1.0)
    });
    daemon.stop();
}

/// By TCP from this address: what an INVITE is answered with, and the connection.
async fn knock_by_tcp(from: &str, port: u16, number: usize) -> Option<(u16, tokio::net::TcpStream)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(format!("127.0.0.1:{port}").parse().unwrap()).await.ok()?;
    let invite = an_invite(stream.local_addr().unwrap(), "TCP", port, number, "4000", "4711");
    stream.write_all(&invite).await.ok()?;
    let mut bytes = vec![0; 4096];
    let reading = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut bytes));
    let count = reading.await.ok()?.ok().filter(|count| *count > 0)?;
    let status = read(&bytes[..count]).ok()?.status()?;
    Some((status, stream))
}

/// More connections than are kept, from somebody who says nothing or calls in vain: the trunk finds its place all the same.
#[test]
fn connections_of_strangers_keep_no_place_from_the_trunk() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::new();
    let trunk = format!("server: \"sip:127.0.0.9:9;transport=tcp\", listen: {port}, caller_id: \"4000\"");
    home.write("_trunks.yaml", &format!("allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  main: {{ {trunk} }}\n"));
    let mut daemon = Daemon::start(&home);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let until = Instant::now() + Duration::from_secs(20);
        while knock_by_tcp("127.0.0.1", port, 0).await.is_none() && Instant::now() < until {}
        let mut kept = Vec::new();
        for number in 1..8 {
            let (status, stream) = knock_by_tcp("127.0.0.1", port, number).await.expect("an answer");
            assert_eq!(status, 403, "another address than the trunk's");
            kept.push(stream);
        }
        for _ in 0..40 {
            kept.extend(tokio::net::TcpStream::connect(("127.0.0.1", port)).await);
        }
        let (status, mut trunks_own) = knock_by_tcp("127.0.0.9", port, 100).await.expect("the trunk is let in");
        assert_eq!(status, 480, "it is the trunk, and nothing is expected");
        // It stays, however many come behind it.
        for _ in 0..40 {
            kept.extend(tokio::net::TcpStream::connect(("127.0.0.1", port)).await);
        }
        let (status, _) = knock_by_tcp("127.0.0.9", port, 101).await.expect("the trunk is let in a second time");
        assert_eq!(status, 480);
        use tokio::io::AsyncReadExt;
        let mut byte = [0; 1];
        let quiet = tokio::time::timeout(Duration::from_millis(200), trunks_own.read(&mut byte)).await;
        assert!(quiet.is_err(), "its first connection is still there: {quiet:?}");
    });
    daemon.stop();
}

#[test]
fn the_daemon_keeps_a_call_back_as_a_call_of_its_own_and_its_ledger_is_sound() {
    let pbx = Pbx::start().unwrap_or_else(|why| panic!("{why}"));
    let home = Home::new();
    let account = "username: line, password: { env: LAB_PASSWORD }, register: true";
    home.write(
        "_trunks.yaml",
        &format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  main: {{ server: \"sip:127.0.0.1:{}\", {account} }}\n",
            pbx.port
        ),
    );
    home.write(
        "back.yaml",
        &format!(
            "hotline: back\ntarget: sip:4050@127.0.0.1:{}\ntrunk: main\nprobes:\n  - name: promised\n    \
             steps: [{{ wait: 5s }}, hang_up]\n    callback: {{ within: 30s, from: \"4050\" }}\n",
            pbx.port
        ),
    );
    let mut daemon = Daemon::start_with(&home, &[("LAB_PASSWORD", "bell-at-night")], None);
    daemon.wait_for_metric("nightbell_trunk_up{trunk=\"main\"}", |up| up == Some(1.0));
    daemon.alert("back", "a1");
    let back = daemon.wait_for("over");
    assert!(back["plan"].as_str().is_some_and(|plan| plan.contains("/callback@")), "{}", daemon.shown());
    let asked = daemon.wait_for("over");
    assert!(asked["plan"].as_str().is_some_and(|plan| !plan.contains("/callback@")), "{}", daemon.shown());
    daemon.wait_for_metric("nightbell_inbound_calls_total{result=\"answered\",trunk=\"main\"}", |n| n == Some(1.0));
    daemon.stop();
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}\n{}", daemon.shown());
}
