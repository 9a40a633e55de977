//! Two sessions over a pretend network that loses, delays and repeats, at simulated time.

use super::*;
use crate::vocabulary::{FRAME_SAMPLES, Frame, Key, Moment, Seed};
use std::collections::BTreeMap;
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
        payload_type: codec.static_payload_type(),
        expected: vec![(codec.static_payload_type(), codec)],
        key_payload_type: keys,
        key_events: u16::MAX,
        key_expected: keys.into_iter().collect(),
        sends: true,
        receives: true,
    }
}

fn session(name: &str, seed: u64) -> MediaSession {
    MediaSession::new(MediaSettings { cname: format!("{name}@example"), key_expected: Some(101) }, Seed::new(seed))
}

/// What happened on one side.
#[derive(Default)]
struct Seen {
    heard: Vec<(Moment, Frame)>,
    said: Vec<(Moment, Frame)>,
    events: Vec<(Moment, MediaEvent)>,
    packets: Vec<(Moment, Vec<u8>)>,
    rtcp: Vec<Vec<u8>>,
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
        note(&mut seen[side], now, out, |_, _| {});
        assert_eq!(sessions[side].deadline(), None, "a closed session wants nothing more");
    }
    seen
}

fn note(seen: &mut Seen, now: Moment, out: Vec<MediaOutput>, mut fly: impl FnMut(bool, &[u8])) {
    for output in out {
        match output {
            MediaOutput::Heard { at, frame } => seen.heard.push((at, frame)),
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

use std::sync::Arc;

fn every_20_ms(frames: &[(Moment, Frame)]) {
    for pair in frames.windows(2) {
        assert_eq!(pair[1].0.since(pair[0].0), Duration::from_millis(20), "at {}", pair[0].0);
    }
}

/// The frames of `said` that stand unharmed, in order, in `heard`.
fn found_in_order(said: &[i16], heard: &[(Moment, Frame)], codec: Codec) -> usize {
    let coded: Vec<i16> = said.iter().map(|&s| codec.decode(codec.encode(s))).collect();
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
fn what_one_side_says_the_other_hears_sample_by_sample() {
    for codec in Codec::ALL {
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
