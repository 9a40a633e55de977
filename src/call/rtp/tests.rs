//! Two sessions over a pretend network that loses, delays and repeats, at simulated time.

mod streams;

use super::g711::Law;
use super::*;
use crate::vocabulary::{FRAME_SAMPLES, Frame, Key, Moment, Seed};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A network between two sessions, one way.
#[derive(Clone, Debug)]
struct Weather {
    loss: f64,
    delay_ms: f64,
    jitter_ms: f64,
    duplicate: f64,
}

const CLEAR: Weather = Weather { loss: 0.0, delay_ms: 5.0, jitter_ms: 0.0, duplicate: 0.0 };

fn address(side: usize) -> SocketAddr {
    ["192.0.2.1:4000".parse().unwrap(), "192.0.2.9:6000".parse().unwrap()][side]
}

fn agreement(side: usize, codec: Codec, keys: Option<u8>) -> Agreement {
    let remote = address(1 - side);
    Agreement {
        remote: Some(remote),
        remote_rtcp: Some(SocketAddr::new(remote.ip(), remote.port() + 1)),
        codec,
        payload_type: codec.static_payload_type().unwrap_or(107),
        expected: vec![(codec.static_payload_type().unwrap_or(107), codec)],
        key_payload_type: keys,
        key_clock: codec.clock(),
        key_events: u16::MAX,
        key_expected: keys.map(|number| (number, codec.clock())).into_iter().collect(),
        sends: true,
        receives: true,
        srtp: None,
    }
}

fn session(name: &str, seed: u64) -> MediaSession {
    let settings = MediaSettings { cname: format!("{name}@example"), key_expected: Some(101), expected: Vec::new() };
    MediaSession::new(settings, Seed::new(seed))
}

/// What happened on one side.
#[derive(Default)]
struct Seen {
    heard: Vec<(Moment, Frame)>,
    said: Vec<(Moment, Frame)>,
    events: Vec<(Moment, MediaEvent)>,
    packets: Vec<(Moment, Vec<u8>)>,
    rtcp: Vec<Vec<u8>>,
    /// How long after its moment each frame was handed out.
    waited: Vec<Duration>,
}

impl Seen {
    fn report(&self) -> crate::vocabulary::trace::MediaReport {
        let found = self.events.iter().find_map(|(_, event)| match event {
            MediaEvent::Report(report) => Some(report.clone()),
            _ => None,
        });
        found.expect("a report at the end")
    }

    fn far_keys(&self) -> String {
        let keys = self.events.iter().filter_map(|(_, event)| match event {
            MediaEvent::FarKey { key } => Some(key.symbol()),
            _ => None,
        });
        keys.collect()
    }
}

/// Runs both sides for `length` with inputs at their moments; side 1's clock may run fast by `ppm`.
fn converse(
    seed: u64,
    weather: &Weather,
    length: Duration,
    ppm: i64,
    inputs: Vec<(u64, usize, MediaInput)>,
) -> [Seen; 2] {
    let mut dice = Seed::new(seed).fork("weather");
    let mut sessions = [session("a", seed), session("b", seed + 1)];
    let mut seen = [Seen::default(), Seen::default()];
    // Everything on its way: (arrival, order of sending) → (side, RTCP?, bytes).
    let mut flying: BTreeMap<(Moment, u64), (usize, bool, Vec<u8>)> = BTreeMap::new();
    let mut sent = 0u64;
    let mut inputs: std::collections::VecDeque<_> = inputs.into();
    let local = |side: usize, now: Moment| match side {
        0 => now,
        _ => Moment((now.micros() as i64 + now.micros() as i64 * ppm / 1_000_000) as u64),
    };
    let global = |side: usize, at: Moment| match side {
        0 => at,
        // The first moment at which the local clock shows `at` or more.
        _ => Moment((at.micros() as i128 * 1_000_000 / (1_000_000 + ppm as i128)) as u64 + 1),
    };
    let mut now = Moment::START;
    loop {
        let next_input = inputs.front().map(|(at, ..)| Moment::from_millis(*at));
        let next_packet = flying.keys().next().map(|(at, _)| *at);
        let ticks = [0, 1].map(|side| sessions[side].deadline().map(|at| global(side, at)));
        let next = [next_input, next_packet, ticks[0], ticks[1]].into_iter().flatten().min();
        let over = Moment::START + length;
        let Some(next) = next.filter(|&at| at < over) else { break };
        now = now.max(next);
        let (side, input) = if next_input == Some(next) {
            let (_, side, input) = inputs.pop_front().unwrap();
            (side, input)
        } else if next_packet == Some(next) {
            let (_, (side, rtcp, bytes)) = flying.pop_first().unwrap();
            let from = address(1 - side);
            (side, if rtcp { MediaInput::Rtcp { from, bytes } } else { MediaInput::Rtp { from, bytes } })
        } else {
            (if ticks[0] == Some(next) { 0 } else { 1 }, MediaInput::Tick)
        };
        let mut out = Vec::new();
        sessions[side].step(local(side, now), input, &mut out);
        note(&mut seen[side], now, out, |rtcp, bytes| {
            let copies = if dice.unit() < weather.duplicate { 2 } else { 1 };
            for _ in 0..copies {
                if dice.unit() >= weather.loss {
                    let late = weather.delay_ms + weather.jitter_ms * dice.unit();
                    sent += 1;
                    let at = now + Duration::from_micros((late * 1000.0) as u64);
                    flying.insert((at, sent), (1 - side, rtcp, bytes.to_vec()));
                }
            }
        });
    }
    for side in [0, 1] {
        let mut out = Vec::new();
        sessions[side].step(local(side, Moment::START + length), MediaInput::Close, &mut out);
        note(&mut seen[side], Moment::START + length, out, |_, _| {});
        assert_eq!(sessions[side].deadline(), None, "a closed session wants nothing more");
    }
    seen
}

fn note(seen: &mut Seen, now: Moment, out: Vec<MediaOutput>, mut fly: impl FnMut(bool, &[u8])) {
    for output in out {
        match output {
            MediaOutput::Heard { at, frame } => {
                seen.heard.push((at, frame));
                seen.waited.push(now.since(at));
            }
            MediaOutput::Said { at, frame } => seen.said.push((at, frame)),
            MediaOutput::Event(event) => seen.events.push((now, event)),
            MediaOutput::SendRtp { bytes, .. } => {
                fly(false, &bytes);
                seen.packets.push((now, bytes));
            }
            MediaOutput::SendRtcp { bytes, .. } => {
                fly(true, &bytes);
                seen.rtcp.push(bytes);
            }
        }
    }
}

fn both_agree(codec: Codec, keys: Option<u8>) -> Vec<(u64, usize, MediaInput)> {
    vec![(0, 0, MediaInput::Agreed(agreement(0, codec, keys))), (0, 1, MediaInput::Agreed(agreement(1, codec, keys)))]
}

/// A sound in which every 20 ms can be told from every other: a slow sweep.
fn sweep(seconds: usize) -> Arc<[i16]> {
    let mut phase = 0f64;
    (0..seconds * 8000)
        .map(|n| {
            phase += (300.0 + n as f64 * 0.02) / 8000.0 * std::f64::consts::TAU;
            (6000.0 * phase.sin()) as i16
        })
        .collect()
}

fn every_20_ms(frames: &[(Moment, Frame)]) {
    for pair in frames.windows(2) {
        assert_eq!(pair[1].0.since(pair[0].0), Duration::from_millis(20), "at {}", pair[0].0);
    }
}

/// The frames of `said` that stand unharmed, in order, in `heard`.
fn found_in_order(said: &[i16], heard: &[(Moment, Frame)], codec: Codec) -> usize {
    let law = if codec == Codec::Pcma { Law::A } else { Law::Mu };
    let coded: Vec<i16> = said.iter().map(|&s| law.decode(law.encode(s))).collect();
    let mut found = 0;
    let mut from = 0;
    for frame in coded.chunks_exact(FRAME_SAMPLES) {
        // The first samples after a hole are joined to what filled it.
        if let Some(at) = heard[from..].iter().position(|(_, h)| !h.lost && h.samples[32..] == frame[32..]) {
            found += 1;
            from += at + 1;
        }
    }
    found
}

#[test]
fn wide_codecs_carry_sound_keys_and_time_as_the_narrow_ones_do() {
    for codec in [Codec::G722, Codec::Opus] {
        let mut inputs = both_agree(codec, Some(101));
        let tone: Arc<[i16]> =
            (0..16_000).map(|n| (9_000.0 * (f64::from(n) * 0.1 * std::f64::consts::TAU).sin()) as i16).collect();
        inputs.push((500, 0, MediaInput::Say { samples: tone }));
        inputs.extend(keys_pressed("15#", 3_000, 0));
        let weather = Weather { loss: 0.02, ..CLEAR };
        for (weather, lost) in [(CLEAR, false), (weather, true)] {
            let [a, b] = converse(1, &weather, Duration::from_secs(6), 0, inputs.clone());
            every_20_ms(&b.heard);
            let loud = |frames: &[(Moment, Frame)]| {
                frames.iter().filter(|(_, f)| f.samples.iter().any(|s| s.abs() > 4_000)).count()
            };
            let (said, heard) = (loud(&a.said[..140]), loud(&b.heard[..140]));
            assert!(heard.abs_diff(said) <= if lost { 8 } else { 3 }, "{codec}: {heard} of {said} frames");
            let keys: String = b
                .events
                .iter()
                .filter_map(|(_, event)| if let MediaEvent::FarKey { key } = event { Some(key.symbol()) } else { None })
                .collect();
            assert_eq!(keys, "15#", "{codec}");
            let report = b.report();
            assert_eq!((report.codec.as_str(), report.discarded_late), (codec.name(), 0));
            assert!((report.lost > 0) == lost && report.jitter_ms < 0.1, "{report:?}");
            let published = codec == Codec::G722 && !lost;
            assert_eq!(report.mos_lq.is_some(), published, "{codec}, lost: {lost}: {report:?}");
        }
    }
}

#[test]
fn what_one_side_says_the_other_hears_sample_by_sample() {
    for codec in [Codec::Pcma, Codec::Pcmu] {
        let mut inputs = both_agree(codec, Some(101));
        let sound = sweep(3);
        inputs.push((500, 0, MediaInput::Say { samples: sound.clone() }));
        let [a, b] = converse(1, &CLEAR, Duration::from_secs(5), 0, inputs);
        every_20_ms(&b.heard);
        every_20_ms(&a.said);
        assert_eq!(found_in_order(&sound, &b.heard, codec), 150, "{codec}");
        let said = a.events.iter().find(|(_, event)| *event == MediaEvent::SaidAll).unwrap().0;
        assert_eq!(said.millis(), 3_500, "150 frames from the tick after the request on");
        // 5 ms of network: a frame's moment is when its packet came, not when the buffer let it go.
        assert_eq!(b.heard[0].0.millis(), 5);
        let first_loud = |frames: &[(Moment, Frame)]| {
            frames.iter().find(|(_, f)| f.samples.iter().any(|s| s.abs() > 1000)).unwrap().0.millis()
        };
        assert_eq!(first_loud(&b.heard) - first_loud(&a.said), 5);
        assert_eq!(b.events.iter().filter(|(_, e)| *e == MediaEvent::FirstPacket).count(), 1);
        let report = b.report();
        assert_eq!((report.lost, report.discarded_late, report.duplicates), (0, 0, 0));
        assert_eq!(report.rtp_received, a.report().rtp_sent - 1, "all but the one that was on its way");
        assert!(report.mos_lq.unwrap() > 4.4 && !report.one_way && report.jitter_ms < 0.1, "{report:?}");
        assert!(!b.report().one_way && !a.report().one_way, "five seconds of faint sound are not over yet");
    }
}

#[test]
fn silence_is_sent_every_20_ms_by_an_absolute_clock() {
    let [a, _] = converse(1, &CLEAR, Duration::from_secs(60), 0, both_agree(Codec::Pcma, None));
    assert_eq!(a.packets.len(), 3001);
    for (i, (at, bytes)) in a.packets.iter().enumerate() {
        assert_eq!(at.millis(), i as u64 * 20, "packet {i}");
        let packet = rtp_rs::RtpReader::new(bytes).unwrap();
        assert_eq!(packet.mark(), i == 0);
        assert_eq!(packet.payload(), [0xD5; 160]);
    }
}

#[test]
fn stepped_late_the_sender_catches_up_in_a_short_burst_and_stays_on_its_clock() {
    let mut session = session("a", 1);
    let mut out = Vec::new();
    session.step(Moment::START, MediaInput::Agreed(agreement(0, Codec::Pcma, None)), &mut out);
    // Half a second asleep.
    session.step(Moment::from_millis(507), MediaInput::Tick, &mut out);
    assert_eq!(session.deadline(), Some(Moment::from_millis(520)));
    let mut stamps = Vec::new();
    let mut said = Vec::new();
    for output in &out {
        match output {
            MediaOutput::SendRtp { bytes, .. } => stamps.push(rtp_rs::RtpReader::new(bytes).unwrap().timestamp()),
            MediaOutput::Said { at, .. } => said.push(at.millis()),
            _ => {}
        }
    }
    let base = stamps[0];
    let stamps: Vec<u32> = stamps.iter().map(|stamp| stamp.wrapping_sub(base) / 160).collect();
    assert_eq!(stamps, [0, 21, 22, 23, 24, 25], "five at once; the others are left out, and time goes on over them");
    assert_eq!(said, (0..26).map(|n| n * 20).collect::<Vec<_>>(), "the recording has no hole");
}

fn keys_pressed(symbols: &str, at: u64, side: usize) -> Vec<(u64, usize, MediaInput)> {
    symbols
        .chars()
        .map(|symbol| (at, side, MediaInput::Press { key: Key::new(symbol).unwrap(), method: None }))
        .collect()
}

#[test]
fn keys_leave_as_rfc_4733_wants_packet_by_packet() {
    let mut inputs = both_agree(Codec::Pcma, Some(96));
    inputs.extend(keys_pressed("5#", 210, 0));
    let [a, b] = converse(3, &CLEAR, Duration::from_secs(2), 0, inputs);
    assert_eq!(b.far_keys(), "5#");
    let packets: Vec<_> = a.packets.iter().map(|(at, bytes)| (*at, rtp_rs::RtpReader::new(bytes).unwrap())).collect();
    for pair in packets.windows(2) {
        assert!(pair[0].1.sequence_number().precedes(pair[1].1.sequence_number()), "one more in every packet");
        assert_eq!(pair[0].1.ssrc(), pair[1].1.ssrc());
        assert_eq!(pair[1].0.since(pair[0].0), Duration::from_millis(20), "one packet each 20 ms");
    }
    let base = packets[0].1.timestamp();
    let events: Vec<_> = packets.iter().filter(|(_, p)| p.payload_type() == 96).collect();
    let lines: Vec<String> = events
        .iter()
        .map(|(at, p)| {
            let [event, flags, high, low] = p.payload() else { panic!("{:?}", p.payload()) };
            let duration = u16::from_be_bytes([*high, *low]);
            let stamp = p.timestamp().wrapping_sub(base) / 8;
            let (mark, end) = (if p.mark() { "M" } else { "-" }, if flags & 0x80 != 0 { "E" } else { "-" });
            format!("{} ts+{stamp} {event} {mark}{end} {duration}", at.millis())
        })
        .collect();
    let wanted = [
        "220 ts+220 5 M- 160",
        "240 ts+220 5 -- 320",
        "260 ts+220 5 -- 480",
        "280 ts+220 5 -- 640",
        "300 ts+220 5 -- 800",
        "320 ts+220 5 -E 960",
        "340 ts+220 5 -E 960",
        "360 ts+220 5 -E 960",
        // 340 is the end of the first key; 100 ms later:
        "440 ts+440 11 M- 160",
        "460 ts+440 11 -- 320",
        "480 ts+440 11 -- 480",
        "500 ts+440 11 -- 640",
        "520 ts+440 11 -- 800",
        "540 ts+440 11 -E 960",
        "560 ts+440 11 -E 960",
        "580 ts+440 11 -E 960",
    ];
    assert_eq!(lines, wanted);
    // Sound goes on at the time it has, by the same base.
    for (at, packet) in packets.iter().filter(|(_, p)| p.payload_type() == 8) {
        assert_eq!(u64::from(packet.timestamp().wrapping_sub(base) / 8), at.millis());
    }
    let sent: Vec<_> = a.events.iter().filter(|(_, e)| matches!(e, MediaEvent::KeySent { .. })).collect();
    let MediaEvent::KeySent { method, from, to, .. } = &sent[0].1 else { unreachable!() };
    assert_eq!((*method, from.millis(), to.millis()), (crate::vocabulary::trace::KeyMethod::Rfc4733, 220, 340));
    // The far side's frames during a key are its pause, not a loss.
    assert!(b.heard.iter().all(|(_, frame)| !frame.lost));
}

#[test]
fn keys_arrive_once_each_through_any_weather() {
    for seed in 0..40 {
        let weather = Weather { loss: 0.15, delay_ms: 20.0, jitter_ms: 60.0, duplicate: 0.1 };
        let mut inputs = both_agree(Codec::Pcmu, Some(101));
        inputs.extend(keys_pressed("1234567890*#ABCD1122", 100, 0));
        let [_, b] = converse(seed, &weather, Duration::from_secs(8), 0, inputs);
        assert_eq!(b.far_keys(), "1234567890*#ABCD1122", "seed {seed}");
    }
}

#[test]
fn keys_without_telephone_event_go_as_tones_in_the_sound() {
    let mut inputs = both_agree(Codec::Pcma, None);
    inputs.extend(keys_pressed("7", 200, 0));
    let [a, b] = converse(4, &CLEAR, Duration::from_secs(1), 0, inputs);
    let loud: Vec<_> = b.heard.iter().filter(|(_, f)| f.samples.iter().any(|s| s.abs() > 3000)).collect();
    assert_eq!(loud.len(), 6, "120 ms");
    let mut tone = [0i16; 960];
    tone::render(Key::new('7').unwrap(), 960, 0, &mut tone);
    assert_eq!(found_in_order(&tone, &b.heard, Codec::Pcma), 6);
    assert!(a.events.iter().any(|(_, event)| matches!(
        event,
        MediaEvent::KeySent { method: crate::vocabulary::trace::KeyMethod::Inband, .. }
    )));
    // An answer that takes only some events (RFC 4733 §2.4.1) gets the others as tones, never both.
    let mut limited = agreement(0, Codec::Pcma, Some(101));
    limited.key_events = 0x0FFF;
    let mut inputs =
        vec![(0, 0, MediaInput::Agreed(limited)), (0, 1, MediaInput::Agreed(agreement(1, Codec::Pcma, Some(101))))];
    inputs.extend(keys_pressed("1A", 200, 0));
    let [a, b] = converse(4, &CLEAR, Duration::from_secs(1), 0, inputs);
    assert_eq!(b.far_keys(), "1");
    assert_eq!(b.heard.iter().filter(|(_, f)| f.samples.iter().any(|s| s.abs() > 3000)).count(), 6);
    assert_eq!(a.events.iter().filter(|(_, e)| matches!(e, MediaEvent::KeySent { .. })).count(), 2);
}

#[test]
fn lost_packets_are_marked_and_nothing_else_is() {
    for (seed, loss) in [(1, 0.02), (2, 0.1), (3, 0.3)] {
        let weather = Weather { loss, delay_ms: 30.0, jitter_ms: 10.0, duplicate: 0.05 };
        let mut inputs = both_agree(Codec::Pcma, None);
        let sound = sweep(18);
        inputs.push((500, 0, MediaInput::Say { samples: sound.clone() }));
        let [_, b] = converse(seed, &weather, Duration::from_secs(20), 0, inputs);
        every_20_ms(&b.heard);
        let report = b.report();
        let marked = b.heard.iter().filter(|(_, frame)| frame.lost).count() as i64;
        assert!((marked - report.lost as i64).abs() <= 2, "seed {seed}: {marked} frames, {report:?}");
        assert_eq!(report.discarded_late, 0, "seed {seed}: jitter of 10 ms is no reason");
        let share = report.lost as f64 / (report.lost + report.rtp_received) as f64;
        assert!((share - loss).abs() < 0.04, "seed {seed}: {share}");
        let found = found_in_order(&sound, &b.heard, Codec::Pcma) as f64 / 900.0;
        assert!((found - (1.0 - loss)).abs() < 0.05, "seed {seed}: {found} of the frames came through");
        assert!(report.mos_lq.unwrap() < 4.35, "seed {seed}: {report:?}");
    }
}

#[test]
fn reordering_and_jitter_within_the_bound_lose_nothing_and_cost_no_more_delay_than_they_must() {
    for (seed, jitter, released_within) in [(1, 0.0, 66), (2, 30.0, 66), (3, 60.0, 95), (4, 120.0, 165)] {
        let weather = Weather { loss: 0.0, delay_ms: 10.0, jitter_ms: jitter, duplicate: 0.0 };
        let mut inputs = both_agree(Codec::Pcma, None);
        let sound = sweep(28);
        inputs.push((500, 0, MediaInput::Say { samples: sound.clone() }));
        let [_, b] = converse(seed, &weather, Duration::from_secs(30), 0, inputs);
        every_20_ms(&b.heard);
        let report = b.report();
        assert!(
            report.lost <= 1 && report.duplicates == 0,
            "jitter {jitter}: at most what the end overtook, {report:?}"
        );
        assert!(report.discarded_late <= if jitter > 50.0 { 12 } else { 0 }, "jitter {jitter}: {report:?}");
        let found = found_in_order(&sound, &b.heard, Codec::Pcma);
        assert!(found >= 1400 - 3 * report.discarded_late as usize - 8, "jitter {jitter}: {found} of 1400");
        assert!((jitter / 8.0..=jitter + 0.1).contains(&report.jitter_ms), "jitter {jitter}: {report:?}");
        let waited = b.waited[500..1450].iter().max().unwrap().as_millis();
        assert!(waited <= released_within, "jitter {jitter}: a frame was handed out {waited} ms after its moment");
    }
}

#[test]
fn clocks_that_drift_neither_lose_sound_nor_pile_up_delay() {
    for ppm in [-400i64, -50, 50, 400] {
        let weather = Weather { loss: 0.0, delay_ms: 10.0, jitter_ms: 8.0, duplicate: 0.0 };
        let mut inputs = both_agree(Codec::Pcma, None);
        // Side 1's clock runs fast by so much; it speaks in stretches with silence between, as people do.
        for at in (1..600).step_by(3) {
            inputs.push((at * 1000, 1, MediaInput::Say { samples: sweep(2) }));
        }
        let [a, _] = converse(9, &weather, Duration::from_secs(600), ppm, inputs);
        every_20_ms(&a.heard);
        let report = a.report();
        assert_eq!((report.lost, report.discarded_late, report.duplicates), (0, 0, 0), "{ppm} ppm: {report:?}");
        let waited = a.waited[a.waited.len() / 2..].iter().max().unwrap().as_millis();
        assert!(waited <= 80, "{ppm} ppm: {waited} ms at the end");
        assert!(a.heard.iter().all(|(_, frame)| !frame.lost), "{ppm} ppm: corrected in silence");
        // A frame's moment stays true: ten minutes on, sound is still told within a frame or two of its arrival.
        let onset = |frames: &[(Moment, Frame)], after: u64| {
            let loud = |f: &Frame| f.samples.iter().any(|s| s.abs() > 1000);
            frames.iter().find(|(at, f)| at.millis() > after && loud(f)).unwrap().0.millis() as i64
        };
        let heard = onset(&a.heard, 597_500);
        // Said at 598 s or up to one packet later, 10–18 ms on its way.
        assert!((598_000..598_060).contains(&heard), "{ppm} ppm: heard at {heard}");
    }
}

#[test]
fn both_sides_report_to_each_other_and_learn_the_round_trip() {
    let weather = Weather { loss: 0.05, delay_ms: 40.0, jitter_ms: 4.0, duplicate: 0.0 };
    let [a, b] = converse(5, &weather, Duration::from_secs(60), 0, both_agree(Codec::Pcma, None));
    for side in [&a, &b] {
        let report = side.report();
        let trip = report.round_trip_ms.unwrap();
        assert!((80.0..90.0).contains(&trip), "{trip}");
        assert!((8..=20).contains(&side.rtcp.len()), "{} reports in a minute", side.rtcp.len());
        let last = side.rtcp.last().unwrap();
        assert!(rtcp_types::Compound::parse(last).unwrap().any(|p| matches!(p, Ok(rtcp_types::Packet::Bye(_)))));
    }
}

#[test]
fn a_call_without_sound_is_one_way() {
    let [a, _] = converse(5, &CLEAR, Duration::from_secs(10), 0, both_agree(Codec::Pcma, None));
    assert!(a.report().one_way, "digital silence for ten seconds");
    let dead = Weather { loss: 1.0, ..CLEAR };
    let [a, _] = converse(5, &dead, Duration::from_secs(10), 0, both_agree(Codec::Pcma, None));
    let report = a.report();
    assert!(report.one_way && report.rtp_received == 0 && report.mos_lq.is_none() && a.heard.is_empty(), "{report:?}");
}
