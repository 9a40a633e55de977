//! RTP and RTCP of any bytes at any time: one frame every 20 ms comes out and never more than time has passed.
//! The input is packets: a byte of kind and pause, a byte of length, the packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightbell::call::{Agreement, Codec, MediaInput, MediaOutput, MediaSession, MediaSettings};
use nightbell::vocabulary::{Moment, Seed};

fuzz_target!(|bytes: &[u8]| {
    let from = "127.0.0.1:4002".parse().expect("an address");
    let settings = MediaSettings { cname: "fuzz@127.0.0.1".into(), key_expected: Some(101), expected: Vec::new() };
    let mut session = MediaSession::new(settings, Seed::new(7));
    let mut out = Vec::new();
    let mut now = Moment(0);
    session.step(
        now,
        MediaInput::Agreed(Agreement {
            remote: Some(from),
            remote_rtcp: None,
            codec: Codec::Pcma,
            payload_type: 8,
            expected: vec![(8, Codec::Pcma), (0, Codec::Pcmu), (9, Codec::G722), (107, Codec::Opus)],
            key_payload_type: Some(101),
            key_clock: 8_000,
            key_events: 0xffff,
            key_expected: vec![(101, 8_000), (102, 48_000)],
            srtp: None,
            sends: true,
            receives: true,
        }),
        &mut out,
    );
    let mut rest = bytes;
    let mut packets = 0;
    while let [kind, length, after @ ..] = rest {
        let (packet, later) = after.split_at((*length as usize).min(after.len()));
        rest = later;
        now = Moment(now.0 + u64::from(kind >> 1) * 1_000);
        // Timers as the edge would keep them.
        for _ in 0..64 {
            match session.deadline() {
                Some(at) if at <= now => session.step(at, MediaInput::Tick, &mut out),
                _ => break,
            }
        }
        let input = match kind & 1 {
            0 => MediaInput::Rtp { from, bytes: packet.to_vec() },
            _ => MediaInput::Rtcp { from, bytes: packet.to_vec() },
        };
        session.step(now, input, &mut out);
        packets += 1;
        if packets > 200 {
            break;
        }
    }
    session.step(now, MediaInput::Close, &mut out);
    let heard: Vec<Moment> = out
        .iter()
        .filter_map(|o| match o {
            MediaOutput::Heard { at, .. } => Some(*at),
            _ => None,
        })
        .collect();
    assert!(heard.windows(2).all(|w| w[1].0 - w[0].0 == 20_000), "frames are 20 ms apart: {heard:?}");
    assert!(heard.len() as u64 <= now.0 / 20_000 + 100, "{} frames in {} s", heard.len(), now.seconds());
});
