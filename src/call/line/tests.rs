//! Whole calls at simulated time: a `Line` against a `sip::Called` with a `MediaSession`, 5 ms of network between.

use super::*;
use crate::call::rtp::Codec;
use crate::call::sip::{self, Called, CalledEvent, CalledInput, CalledOutput, CallerSettings};
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Frame, Key, Srtp};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const OUR_SIP: &str = "192.0.2.1:5060";
const OUR_RTP: &str = "192.0.2.1:4000";
const FAR_SIP: &str = "192.0.2.9:5060";
const FAR_RTP: &str = "192.0.2.9:6000";
const NETWORK: Duration = Duration::from_millis(5);

/// What the far side does, so many ms after the INVITE came.
#[derive(Clone)]
enum Do {
    /// 180, or whatever, without SDP.
    Ring(u16),
    /// 183 with a description in this direction.
    Early(&'static str),
    Answer,
    /// 200 with this body.
    AnswerWith(&'static str),
    Reject(u16, &'static str),
    HangUp,
    /// A re-INVITE with our answer's lines replaced.
    Reinvite(&'static [(&'static str, &'static str)]),
    Say(u64),
    Press(char),
    /// Not one byte more from the far side.
    Die,
}

/// What we do, at so many ms.
type Ours = Vec<(u64, LineInput)>;

struct Far {
    called: Called,
    media: MediaSession,
    local: LocalMedia,
    offer: Vec<u8>,
}

/// What came of a call.
#[derive(Default)]
struct Call {
    /// `12.345 answered …`, one line an event.
    events: Vec<(Moment, LineEvent)>,
    heard: Vec<(Moment, Frame)>,
    said: Vec<(Moment, Frame)>,
    rtp: Vec<(Moment, Vec<u8>)>,
    requests: Vec<(Moment, String)>,
    far_events: Vec<CalledEvent>,
    far_keys: String,
    far_heard: Vec<Frame>,
    rtcp_byes: usize,
}

impl Call {
    fn story(&self) -> Vec<String> {
        let tell = |event: &LineEvent| match event {
            LineEvent::Provisional { status, early_media_offered: true, .. } => format!("{status} early"),
            LineEvent::Provisional { status, .. } => format!("{status}"),
            LineEvent::Answered { status, codec, telephone_event, .. } => {
                format!("answered {status} {} {telephone_event:?}", codec.map_or("none", Codec::name))
            }
            LineEvent::Rejected { status, reason, .. } => format!("rejected {status} {reason}"),
            LineEvent::Ended { by, status, .. } => format!("ended by {by:?} {status:?}"),
            LineEvent::KeySent { key, method, .. } => format!("key {key} {method:?}"),
            LineEvent::Media(report) => format!("media {}", report.codec),
            LineEvent::HangingUp { why } => format!("hanging up {why:?}"),
            LineEvent::FarKey { key } => format!("far key {key}"),
            LineEvent::MediaFailed { detail } => format!("media failed: {detail}"),
            other => format!("{other:?}"),
        };
        self.events.iter().map(|(_, event)| tell(event)).collect()
    }

    fn at(&self, wanted: &str) -> Moment {
        let story = self.story();
        let at = story.iter().position(|line| line.starts_with(wanted));
        self.events[at.unwrap_or_else(|| panic!("no '{wanted}' in {story:#?}"))].0
    }
}

fn settings() -> LineSettings {
    LineSettings {
        caller: CallerSettings {
            target_uri: "sip:100@192.0.2.9".into(),
            remote: FAR_SIP.parse().unwrap(),
            local_sip: OUR_SIP.parse().unwrap(),
            from_user: "probe".into(),
            from_display: None,
            credentials: None,
            user_agent: "nightbell".into(),
            way: Default::default(),
        },
        local_rtp: OUR_RTP.parse().unwrap(),
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        keys: KeyChoice::Auto,
        srtp: Srtp::Off,
        follow_refer: false,
        called: false,
        ring_limit: Duration::from_secs(20),
        call_limit: Duration::from_secs(60),
    }
}

fn call(theirs: Vec<(u64, Do)>, ours: Ours) -> Call {
    call_with(settings(), theirs, ours)
}

/// Runs a call to its end. Every line must close; every frame stand 20 ms after the one before.
fn call_with(settings: LineSettings, theirs: Vec<(u64, Do)>, ours: Ours) -> Call {
    let mut line = Line::new(settings, Seed::new(11));
    let mut far: Option<Far> = None;
    let mut dead = false;
    let mut call = Call::default();
    let mut flying: BTreeMap<(Moment, u64), (SocketAddr, SocketAddr, Vec<u8>)> = BTreeMap::new();
    let mut sent = 0u64;
    let mut ours: std::collections::VecDeque<_> = ours.into();
    let mut theirs: std::collections::VecDeque<_> = theirs.into();
    ours.push_front((0, LineInput::Dial));
    let mut invited: Option<Moment> = None;
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let mut closed = false;
    while !closed {
        let input_at = ours.front().map(|(at, _)| Moment::from_millis(*at));
        let packet_at = flying.keys().next().map(|(at, _)| *at);
        let action_at = invited.and_then(|at| Some(at + Duration::from_millis(theirs.front()?.0)));
        let far_at = far
            .as_ref()
            .filter(|_| !dead)
            .and_then(|far| [far.called.deadline(), far.media.deadline()].into_iter().flatten().min());
        let next = [input_at, packet_at, action_at, line.deadline(), far_at].into_iter().flatten().min();
        let now = next.unwrap_or_else(|| panic!("the line waits for nothing and is not closed: {:#?}", call.story()));
        assert!(now < Moment::from_millis(600_000), "the call does not end: {:#?}", call.story());
        let mut out = Vec::new();
        let mut far_out = (Vec::new(), Vec::new());
        if packet_at == Some(now) {
            let (_, (from, to, bytes)) = flying.pop_first().unwrap();
            match to.to_string().as_str() {
                OUR_SIP => line.step(now, LineInput::Sip { from, bytes }, &mut out),
                OUR_RTP => line.step(now, LineInput::Rtp { from, bytes }, &mut out),
                "192.0.2.1:4001" => line.step(now, LineInput::Rtcp { from, bytes }, &mut out),
                _ if dead => {}
                FAR_SIP => {
                    let message = sip::read(&bytes).unwrap();
                    let far = far.get_or_insert_with(|| {
                        invited = Some(now);
                        Far {
                            called: Called::new(to, from, &message, Seed::new(5)),
                            media: MediaSession::new(
                                MediaSettings {
                                    cname: "far@192.0.2.9".into(),
                                    key_expected: None,
                                    expected: Vec::new(),
                                },
                                Seed::new(6),
                            ),
                            local: LocalMedia {
                                rtp: address(FAR_RTP),
                                codecs: vec![Codec::Pcma, Codec::Pcmu],
                                key_payload_type: Some(101),
                                session_id: 9,
                                version: 1,
                                srtp: Srtp::Off,
                            },
                            offer: message.body().to_vec(),
                        }
                    });
                    far.called.step(now, CalledInput::Wire { from, bytes }, &mut far_out.0);
                }
                FAR_RTP => far.as_mut().unwrap().media.step(now, MediaInput::Rtp { from, bytes }, &mut far_out.1),
                _ => far.as_mut().unwrap().media.step(now, MediaInput::Rtcp { from, bytes }, &mut far_out.1),
            }
        } else if input_at == Some(now) {
            line.step(now, ours.pop_front().unwrap().1, &mut out);
        } else if action_at == Some(now) {
            let (_, action) = theirs.pop_front().unwrap();
            dead |= matches!(action, Do::Die);
            act(far.as_mut().unwrap(), now, action, &mut far_out);
        } else if line.deadline() == Some(now) {
            line.step(now, LineInput::Tick, &mut out);
        } else {
            let far = far.as_mut().unwrap();
            far.called.step(now, CalledInput::Tick, &mut far_out.0);
            far.media.step(now, MediaInput::Tick, &mut far_out.1);
        }
        let mut fly = |from: &str, to: SocketAddr, bytes: Vec<u8>| {
            sent += 1;
            flying.insert((now + NETWORK, sent), (from.parse().unwrap(), to, bytes));
        };
        for output in out {
            assert!(!closed, "nothing after Closed: {output:?}");
            match output {
                LineOutput::SendSip { to, bytes } => {
                    if let Some(method) = sip::read(&bytes).unwrap().method() {
                        call.requests.push((now, method.to_string()));
                    }
                    fly(OUR_SIP, to, bytes);
                }
                LineOutput::SendRtp { to, bytes } => {
                    call.rtp.push((now, bytes.clone()));
                    fly(OUR_RTP, to, bytes);
                }
                LineOutput::SendRtcp { to, bytes } => {
                    let packets = rtcp_types::Compound::parse(&bytes).unwrap();
                    call.rtcp_byes += packets.filter(|p| matches!(p, Ok(rtcp_types::Packet::Bye(_)))).count();
                    fly("192.0.2.1:4001", to, bytes);
                }
                LineOutput::Permit { .. } => panic!("nobody is to be called instead"),
                LineOutput::Heard { at, frame } => call.heard.push((at, frame)),
                LineOutput::Said { at, frame } => call.said.push((at, frame)),
                LineOutput::Event(event) => {
                    closed |= event == LineEvent::Closed;
                    call.events.push((now, event));
                }
            }
        }
        for output in far_out.0 {
            match output {
                CalledOutput::Send { to, bytes } => fly(FAR_SIP, to, bytes),
                CalledOutput::Event(event) => {
                    let far = far.as_mut().unwrap();
                    if let CalledEvent::Ended { .. } | CalledEvent::Cancelled { .. } = event {
                        far.media.step(now, MediaInput::Close, &mut far_out.1);
                    }
                    if let CalledEvent::ReinviteAnswered { sdp: Some(sdp), .. } = &event
                        && let Ok(agreement) = sdp::read_answer(&far.local, sdp)
                    {
                        far.media.step(now, MediaInput::Agreed(agreement), &mut far_out.1);
                    }
                    call.far_events.push(event);
                }
            }
        }
        for output in far_out.1 {
            match output {
                MediaOutput::SendRtp { to, bytes } => fly(FAR_RTP, to, bytes),
                MediaOutput::SendRtcp { to, bytes } => fly("192.0.2.9:6001", to, bytes),
                MediaOutput::Heard { frame, .. } => call.far_heard.push(frame),
                MediaOutput::Event(MediaEvent::FarKey { key }) => call.far_keys.push(key.symbol()),
                _ => {}
            }
        }
    }
    for frames in [&call.heard, &call.said] {
        for pair in frames.windows(2) {
            assert_eq!(pair[1].0.since(pair[0].0), Duration::from_millis(20), "at {}", pair[0].0);
        }
    }
    call
}

fn act(far: &mut Far, now: Moment, action: Do, out: &mut (Vec<CalledOutput>, Vec<MediaOutput>)) {
    let mut described = |far: &mut Far, direction: Option<&str>| {
        let (answer, mut agreement) = sdp::answer(&far.local, &far.offer).unwrap();
        let text = String::from_utf8(answer).unwrap();
        let text = text.replace("sendrecv", direction.unwrap_or("sendrecv"));
        agreement.sends = !matches!(direction, Some("recvonly" | "inactive"));
        far.media.step(now, MediaInput::Agreed(agreement), &mut out.1);
        text.into_bytes()
    };
    let input = match action {
        Do::Ring(status) => CalledInput::Provisional { status, reason: "Ringing".into(), sdp: None },
        Do::Early(direction) => {
            let sdp = Some(described(far, Some(direction)));
            CalledInput::Provisional { status: 183, reason: "Session Progress".into(), sdp }
        }
        Do::Answer => CalledInput::Answer { sdp: described(far, None) },
        Do::AnswerWith(body) => CalledInput::Answer { sdp: body.as_bytes().to_vec() },
        Do::Reject(status, reason) => {
            far.media.step(now, MediaInput::Close, &mut out.1);
            CalledInput::Reject { status, reason: reason.into(), headers: Vec::new() }
        }
        Do::HangUp => {
            far.media.step(now, MediaInput::Close, &mut out.1);
            CalledInput::HangUp { q850: None }
        }
        Do::Reinvite(changes) => {
            far.local.version += 1;
            let mut text = String::from_utf8(sdp::offer(&far.local)).unwrap();
            for (from, to) in changes {
                assert!(text.contains(from), "{from} in {text}");
                text = text.replace(from, to);
            }
            CalledInput::Reinvite { sdp: text.into_bytes() }
        }
        Do::Say(ms) => {
            let samples = (0..ms * 8).map(|n| if n % 16 < 8 { 5000 } else { -5000 }).collect();
            return far.media.step(now, MediaInput::Say { samples }, &mut out.1);
        }
        Do::Press(symbol) => {
            return far.media.step(now, MediaInput::Press { key: Key::new(symbol).unwrap(), method: None }, &mut out.1);
        }
        Do::Die => return,
    };
    far.called.step(now, input, &mut out.0);
}

fn press(at: u64, symbol: char) -> (u64, LineInput) {
    (at, LineInput::Press { key: Key::new(symbol).unwrap(), method: None })
}

/// How many of our frames had sound in them.
fn loud(frames: &[(Moment, Frame)]) -> Vec<u64> {
    frames.iter().filter(|(_, f)| f.samples.iter().any(|s| s.abs() > 1000)).map(|(at, _)| at.millis()).collect()
}

#[test]
fn an_answered_call_is_heard_steered_and_hung_up() {
    let call = call(
        vec![(100, Do::Ring(180)), (2000, Do::Answer), (3000, Do::Say(1000)), (6000, Do::Press('9'))],
        vec![press(5000, '1'), press(5000, '#'), (9000, LineInput::HangUp)],
    );
    let story = call.story();
    assert_eq!(
        story,
        [
            "Trying",
            "180",
            "answered 200 PCMA Some(101)",
            "FirstMedia",
            "key 1 Rfc4733",
            "key # Rfc4733",
            "far key 9",
            "media PCMA",
            "ended by Us Some(200)",
            "Settled",
            "Closed"
        ]
    );
    assert_eq!(call.far_keys, "1#");
    assert_eq!(call.at("answered").millis(), 2010);
    assert_eq!(call.at("FirstMedia").millis(), 2010, "their first packet travels with their 200");
    // Frames from the first packet to the hang-up, one for each 20 ms.
    assert_eq!(call.heard.len(), (9000 - 2010) / 20);
    let sound = loud(&call.heard);
    assert_eq!((sound.len(), sound[0]), (50, 3030), "said at 3005 + up to 20, 5 ms on its way");
    // We send from the answer to the end without a break.
    assert_eq!(call.rtp.len(), call.said.len());
    assert_eq!((call.rtp[0].0.millis(), call.rtp.len()), (2010, (9000 - 2010) / 20 + 1));
    assert_eq!(call.rtcp_byes, 1);
    let LineEvent::Media(report) = &call.events[7].1 else { panic!("{story:?}") };
    assert_eq!((report.lost, report.one_way), (0, false));
    let methods: Vec<&str> = call.requests.iter().map(|(_, method)| method.as_str()).collect();
    assert_eq!(methods, ["INVITE", "ACK", "BYE"]);
}

#[test]
fn early_media_is_heard_in_full_and_a_503_after_it_ends_the_call() {
    let call =
        call(vec![(100, Do::Early("sendonly")), (500, Do::Say(2000)), (4000, Do::Reject(503, "Busy Here"))], vec![]);
    assert_eq!(
        call.story(),
        ["Trying", "183 early", "EarlyMedia", "rejected 503 Busy Here", "media PCMA", "Settled", "Closed"]
    );
    assert_eq!(loud(&call.heard).len(), 100);
    assert!(call.rtp.is_empty(), "what is sendonly is not talked back to");
    assert_eq!(call.heard.len(), (4010 - 110) / 20, "from the first packet to the 503");
}

#[test]
fn keys_in_one_way_early_media_wait_for_the_answer_and_in_two_way_they_do_not() {
    let one_way =
        call(vec![(100, Do::Early("sendonly")), (3000, Do::Answer)], vec![press(1000, '5'), (5000, LineInput::HangUp)]);
    assert_eq!(one_way.far_keys, "5");
    assert!(one_way.at("key 5") > one_way.at("answered"));
    let two_way =
        call(vec![(100, Do::Early("sendrecv")), (3000, Do::Answer)], vec![press(1000, '5'), (5000, LineInput::HangUp)]);
    assert_eq!(two_way.at("key 5").millis(), 1010 + 120 - 20);
    assert_eq!(two_way.far_keys, "5");
    // Media before and after the answer is one stream of frames.
    assert_eq!(two_way.heard.len(), (5000 - 110) / 20);
    assert_eq!(two_way.story().iter().filter(|line| *line == "EarlyMedia" || *line == "FirstMedia").count(), 2);
}

#[test]
fn refusals_end_the_call_without_a_report_of_media_that_never_was() {
    for (status, reason) in [(404, "Not Found"), (486, "Busy Here"), (488, "Not Acceptable Here"), (603, "Decline")] {
        let call = call(vec![(200, Do::Reject(status, reason))], vec![]);
        assert_eq!(
            call.story(),
            ["Trying".to_string(), format!("rejected {status} {reason}"), "Settled".into(), "Closed".into()]
        );
        assert!(call.heard.is_empty() && call.rtp.is_empty());
    }
}

#[test]
fn early_media_that_was_offered_and_never_came_is_no_media_at_all() {
    let call = call(vec![(100, Do::Early("inactive")), (4000, Do::Reject(486, "Busy Here"))], vec![]);
    assert_eq!(call.story(), ["Trying", "183", "rejected 486 Busy Here", "Settled", "Closed"]);
}

#[test]
fn a_call_nobody_answers_is_cancelled_at_the_ring_limit() {
    let call = call(vec![(100, Do::Ring(180))], vec![]);
    assert_eq!(call.at("hanging up RingLimit").millis(), 20_000);
    assert!(
        call.requests.iter().any(|(at, method)| method == "CANCEL" && at.millis() == 20_000),
        "{:?}",
        call.requests
    );
    assert!(call.story().iter().any(|line| line.starts_with("ended by Us")), "{:#?}", call.story());
}

#[test]
fn a_call_that_never_ends_is_hung_up_at_the_call_limit() {
    let call = call(vec![(1000, Do::Answer)], vec![]);
    assert_eq!(call.at("hanging up CallLimit").millis(), 60_000);
    assert!(call.requests.iter().any(|(_, method)| method == "BYE"));
    assert_eq!(call.story().last().unwrap(), "Closed");
}

#[test]
fn the_far_side_may_hang_up_at_any_time() {
    let call = call(vec![(1000, Do::Answer), (4000, Do::HangUp)], vec![press(3930, '3')]);
    let story = call.story();
    assert_eq!(story[2..], ["FirstMedia", "ended by Them None", "media PCMA", "Settled", "Closed"], "{story:?}");
    assert_eq!(call.heard.len(), (4010 - 1010) / 20);
    assert_eq!(call.rtcp_byes, 1);
    assert!(!story.iter().any(|line| line.starts_with("key")), "a key cut off is not said to be sent");
}

#[test]
fn a_far_side_that_dies_does_not_hold_the_line() {
    // Before the answer, after it, and without a word at all.
    for (theirs, last) in [
        (vec![(100, Do::Ring(180)), (200, Do::Die)], "ended by Us None"),
        (vec![(100, Do::Answer), (1000, Do::Die)], "ended by Us None"),
        (vec![(0, Do::Die)], "ended by Us"),
    ] {
        let call = call(theirs, vec![(5000, LineInput::HangUp)]);
        let story = call.story();
        assert!(story.iter().any(|line| line.starts_with(last)), "{last}: {story:#?}");
        assert!(call.at("Closed").millis() < 5000 + 75_000, "{story:#?}");
    }
    let silent =
        call_with(LineSettings { ring_limit: Duration::from_secs(60), ..settings() }, vec![(0, Do::Die)], vec![]);
    assert!(!silent.story().is_empty(), "{:#?}", silent.story());
}

#[test]
fn hold_is_obeyed_and_taken_back() {
    let call = call(
        vec![
            (1000, Do::Answer),
            (3000, Do::Reinvite(&[("a=sendrecv", "a=sendonly")])),
            (5000, Do::Reinvite(&[])),
            (7000, Do::Reinvite(&[("c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0")])),
            (8000, Do::Reinvite(&[])),
        ],
        vec![press(4000, '1'), (9000, LineInput::HangUp)],
    );
    let answered = call.far_events.iter().filter(|e| matches!(e, CalledEvent::ReinviteAnswered { status: 200, .. }));
    assert_eq!(answered.count(), 4, "{:?}", call.far_events);
    let sent_in = |from: u64, to: u64| call.rtp.iter().filter(|(at, _)| (from..to).contains(&at.millis())).count();
    assert_eq!(sent_in(3020, 5000), 0, "nothing is sent to who does not listen");
    assert_eq!(sent_in(7020, 8000), 0);
    assert!(sent_in(5020, 7000) >= 98 && sent_in(8020, 9000) >= 48);
    // A key pressed on hold is sent after it.
    assert!(call.at("key 1").millis() > 5010 && call.far_keys == "1");
    assert_eq!(call.said.len(), (9000 - 1010) / 20 + 1, "the recording goes on through it");
}

#[test]
fn the_codec_and_the_address_may_change_in_the_call() {
    let call = call(
        vec![
            (1000, Do::Answer),
            (
                3000,
                Do::Reinvite(&[("RTP/AVP 8 0 101", "RTP/AVP 0 96"), ("a=rtpmap:8 PCMA/8000\r\n", ""), ("101", "96")]),
            ),
            (4000, Do::Say(500)),
        ],
        vec![press(3500, '4'), (6000, LineInput::HangUp)],
    );
    let types = |from: u64, to: u64| -> Vec<u8> {
        let in_time = call.rtp.iter().filter(|(at, _)| (from..to).contains(&at.millis()));
        let mut types: Vec<u8> = in_time.map(|(_, bytes)| bytes[1] & 0x7F).collect();
        types.sort_unstable();
        types.dedup();
        types
    };
    assert_eq!(types(1010, 3000), [8]);
    assert_eq!(types(3020, 6000), [0, 96], "their numbers, for sound and for keys");
    assert_eq!(loud(&call.heard).len(), 25);
}

#[test]
fn an_offer_we_cannot_meet_is_refused_and_the_call_goes_on() {
    let call = call(
        vec![
            (1000, Do::Answer),
            (2000, Do::Reinvite(&[("RTP/AVP 8 0 101", "RTP/AVP 18 101"), ("a=rtpmap:8 PCMA", "a=rtpmap:18 G729")])),
            (3000, Do::Say(500)),
        ],
        vec![(5000, LineInput::HangUp)],
    );
    let refused = |e: &CalledEvent| matches!(e, CalledEvent::ReinviteAnswered { status: 488, .. });
    assert!(call.far_events.iter().any(refused), "{:?}", call.far_events);
    assert_eq!(loud(&call.heard).len(), 25);
    assert_eq!(call.at("ended by Us").millis(), 5010);
}

#[test]
fn an_answer_that_cannot_be_used_is_said_and_hung_up_on() {
    for (body, said) in [
        (
            "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 18\r\n",
            "media failed: no codec in common; they have payload type 18",
        ),
        ("v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 0 RTP/AVP 8\r\n", "media failed: the audio stream was refused (port 0)"),
        ("hello", "media failed: no SDP could be read: no line of SDP in it"),
    ] {
        let call = call(vec![(1000, Do::AnswerWith(body))], vec![]);
        let story = call.story();
        assert_eq!(story[1..3], ["answered 200 none None".to_string(), said.to_string()], "{story:#?}");
        assert!(call.requests.iter().any(|(_, method)| method == "BYE"), "{:?}", call.requests);
        assert_eq!(story.last().unwrap(), "Closed");
    }
}

#[test]
fn an_answer_that_is_not_in_the_200_is_taken_from_what_came_before_it() {
    let call = call(
        vec![(100, Do::Early("sendrecv")), (1000, Do::AnswerWith("")), (2000, Do::Say(500))],
        vec![(4000, LineInput::HangUp)],
    );
    assert!(call.story().contains(&"answered 200 PCMA Some(101)".to_string()), "{:#?}", call.story());
    assert_eq!(loud(&call.heard).len(), 25);
}

#[test]
fn a_hang_up_while_it_rings_and_one_before_the_dial_close_the_line() {
    let ringing = call(vec![(100, Do::Ring(180))], vec![(1000, LineInput::HangUp)]);
    assert!(ringing.requests.iter().any(|(_, method)| method == "CANCEL"));
    assert_eq!(ringing.story().last().unwrap(), "Closed");
    let mut line = Line::new(settings(), Seed::new(1));
    let mut out = Vec::new();
    line.step(Moment::START, LineInput::HangUp, &mut out);
    assert_eq!(out, [LineOutput::Event(LineEvent::Closed)]);
    out.clear();
    line.step(Moment::START, LineInput::Dial, &mut out);
    assert!(out.is_empty() && line.deadline().is_none(), "a closed line does nothing more");
}

#[test]
fn an_answer_at_the_very_moment_of_the_cancel_is_acknowledged_and_hung_up() {
    // The 200 leaves before our CANCEL comes, and comes after it left.
    let call = call(vec![(100, Do::Ring(180)), (1000, Do::Answer)], vec![(1007, LineInput::HangUp)]);
    let methods: Vec<&str> = call.requests.iter().map(|(_, method)| method.as_str()).collect();
    assert!(methods.contains(&"CANCEL") && methods.contains(&"ACK") && methods.contains(&"BYE"), "{methods:?}");
    assert_eq!(call.story().last().unwrap(), "Closed");
}

#[test]
fn the_same_call_again_is_the_same_to_the_last_byte() {
    let run = || {
        call(
            vec![(100, Do::Early("sendrecv")), (2000, Do::Answer), (3000, Do::Say(1000))],
            vec![press(5000, '1'), (9000, LineInput::HangUp)],
        )
    };
    let (first, second) = (run(), run());
    assert_eq!(first.rtp, second.rtp);
    assert_eq!(first.events, second.events);
    assert_eq!(first.heard, second.heard);
}

/// A line in the middle of a call is fed what strangers, broken PBXs and bit errors could send.
#[test]
fn whatever_comes_in_the_line_neither_panics_nor_stays_open() {
    for seed in 0..60 {
        let mut dice = Seed::new(seed);
        let mut line = Line::new(settings(), Seed::new(seed));
        let mut out = Vec::new();
        line.step(Moment::START, LineInput::Dial, &mut out);
        let mut now = Moment::START;
        let mut invite = Vec::new();
        for output in out.drain(..) {
            if let LineOutput::SendSip { bytes, .. } = output {
                invite = bytes;
            }
        }
        let request = sip::read(&invite).unwrap();
        let body = b"v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        for _ in 0..400 {
            now += Duration::from_millis(dice.below(60));
            let (from, far_rtp) = (FAR_SIP.parse().unwrap(), FAR_RTP.parse().unwrap());
            let mut bytes = match dice.below(6) {
                0 => {
                    let status = [100, 180, 183, 200, 302, 401, 404, 487, 500, 603][dice.below(10) as usize];
                    let mut response = sip::Message::respond(&request, status, "Whatever", Some("far"));
                    response.set("Contact", "<sip:far@192.0.2.9>");
                    if dice.below(2) == 0 {
                        response.set_body("application/sdp", body.to_vec());
                    }
                    sip::write(&response)
                }
                1 => invite.clone(),
                2 => [&[0x80u8, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1][..], &[0xD5; 160]].concat(),
                _ => (0..dice.below(300)).map(|_| dice.next_u32() as u8).collect(),
            };
            for _ in 0..dice.below(3) {
                let at = dice.below(bytes.len() as u64 + 1) as usize;
                bytes.iter_mut().skip(at).take(1).for_each(|b| *b = dice.next_u32() as u8);
            }
            let input = match dice.below(8) {
                0..=3 => LineInput::Sip { from, bytes },
                4 | 5 => LineInput::Rtp { from: far_rtp, bytes },
                6 => LineInput::Rtcp { from: far_rtp, bytes },
                _ => LineInput::Press { key: Key::new('1').unwrap(), method: None },
            };
            line.step(now, input, &mut out);
        }
        let mut ticks = 0;
        while let Some(due) = line.deadline() {
            now = now.max(due);
            line.step(now, LineInput::Tick, &mut out);
            ticks += 1;
            assert!(ticks < 30_000, "seed {seed}: the line is still open at {now}");
        }
        let closed = out.iter().filter(|output| **output == LineOutput::Event(LineEvent::Closed)).count();
        let ended = out
            .iter()
            .filter(|o| matches!(o, LineOutput::Event(LineEvent::Ended { .. } | LineEvent::Rejected { .. })))
            .count();
        assert!(closed == 1 && ended <= 1, "seed {seed}: closed {closed} times, ended {ended} times");
        assert!(now.millis() < 140_000, "seed {seed}: closed at {now}");
    }
}

/// A line that has dialled, and its INVITE.
fn dialled() -> (Line, sip::Message) {
    let (mut line, mut out) = (Line::new(settings(), Seed::new(3)), Vec::new());
    line.step(Moment::START, LineInput::Dial, &mut out);
    let invite = out.iter().find_map(|output| match output {
        LineOutput::SendSip { bytes, .. } => Some(sip::read(bytes).unwrap()),
        _ => None,
    });
    (line, invite.unwrap())
}

/// Two early dialogs with sound and an answer from a third without a word about it: what is heard already goes on.
#[test]
fn an_answer_without_sdp_from_nowhere_goes_by_what_is_heard_already() {
    let (mut line, invite) = dialled();
    let (mut now, mut out, from) = (Moment::START, Vec::new(), FAR_SIP.parse().unwrap());
    for (status, tag, port) in [(183, "a", Some(6000)), (183, "b", Some(6002)), (200, "c", None)] {
        let mut response = sip::Message::respond(&invite, status, "x", Some(tag));
        response.push("Contact", "<sip:far@192.0.2.9>");
        if let Some(port) = port {
            let sdp = format!("v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio {port} RTP/AVP 8\r\n");
            response.set_body("application/sdp", sdp.into_bytes());
        }
        now += Duration::from_millis(10);
        line.step(now, LineInput::Sip { from, bytes: sip::write(&response) }, &mut out);
    }
    let answered =
        |output: &LineOutput| matches!(output, LineOutput::Event(LineEvent::Answered { codec: Some(_), .. }));
    assert!(out.iter().any(answered), "{out:?}");
    out.clear();
    now += Duration::from_millis(40);
    line.step(now, LineInput::Tick, &mut out);
    let ports: Vec<u16> = out
        .iter()
        .filter_map(|output| match output {
            LineOutput::SendRtp { to, .. } => Some(to.port()),
            _ => None,
        })
        .collect();
    assert!(!ports.is_empty() && ports.iter().all(|port| *port == 6002), "{ports:?}");
}

/// Packets of 10 to 60 ms, as gateways like them, whatever `ptime` we wrote: heard without a gap, and none counted as lost.
#[test]
fn packets_of_any_length_are_heard_whole() {
    for packet_ms in [10u64, 30, 40, 60] {
        let (mut line, invite) = dialled();
        let (mut now, mut out) = (Moment::START, Vec::new());
        let mut ok = sip::Message::respond(&invite, 200, "OK", Some("a"));
        ok.push("Contact", "<sip:far@192.0.2.9>");
        let sdp = format!("v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 8\r\na=ptime:{packet_ms}\r\n");
        ok.set_body("application/sdp", sdp.into_bytes());
        now += Duration::from_millis(10);
        line.step(now, LineInput::Sip { from: FAR_SIP.parse().unwrap(), bytes: sip::write(&ok) }, &mut out);
        let samples = packet_ms * 8;
        for number in 0..2_400 / packet_ms {
            let due = Moment::from_millis(20 + number * packet_ms);
            while let Some(at) = line.deadline().filter(|at| *at < due) {
                now = now.max(at);
                line.step(now, LineInput::Tick, &mut out);
            }
            now = due;
            let mut packet = vec![0x80, 8];
            packet.extend((number as u16).to_be_bytes());
            packet.extend(((number * samples) as u32).to_be_bytes());
            packet.extend([0, 0, 0, 7]);
            packet.extend((0..samples).map(|n| if n % 8 < 4 { 0xB5 } else { 0x35 }));
            line.step(now, LineInput::Rtp { from: FAR_RTP.parse().unwrap(), bytes: packet }, &mut out);
        }
        let heard: Vec<&Frame> = out
            .iter()
            .filter_map(|output| match output {
                LineOutput::Heard { frame, .. } => Some(frame),
                _ => None,
            })
            .collect();
        let whole = heard.iter().filter(|frame| !frame.lost && frame.samples.iter().all(|s| *s != 0)).count();
        assert!(heard.len() >= 100 && whole >= heard.len() - 1, "{packet_ms} ms: {whole} of {}", heard.len());
        line.step(now, LineInput::HangUp, &mut out);
        let report = out.iter().find_map(|output| match output {
            LineOutput::Event(LineEvent::Media(report)) => Some(report.clone()),
            _ => None,
        });
        let report = report.expect("a report");
        assert_eq!((report.lost, report.discarded_late, report.duplicates), (0, 0, 0), "{packet_ms} ms: {report:?}");
    }
}
