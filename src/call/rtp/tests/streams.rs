//! One session fed with packets made by hand: every odd thing a sender does.

use super::*;

/// Feeds one side with packets made by hand: (arrival ms, sequence, timestamp in ms, payload type, marker, length ms).
struct Feeder {
    session: MediaSession,
    out: Vec<MediaOutput>,
    clock: Moment,
}

impl Feeder {
    fn new(seed: u64) -> Feeder {
        Feeder { session: session("b", seed), out: Vec::new(), clock: Moment::START }
    }

    /// Time passes: every deadline is kept.
    fn pass(&mut self, until: Moment) {
        while let Some(due) = self.session.deadline().filter(|&due| due < until) {
            self.session.step(due, MediaInput::Tick, &mut self.out);
        }
        self.clock = until;
    }

    #[allow(clippy::too_many_arguments)]
    fn packet(
        &mut self,
        at_ms: u64,
        ssrc: u32,
        number: u16,
        stamp: u32,
        payload_type: u8,
        marker: bool,
        payload: &[u8],
    ) {
        self.packet_from(address(0), at_ms, ssrc, number, stamp, payload_type, marker, payload);
    }

    #[allow(clippy::too_many_arguments)]
    fn packet_from(
        &mut self,
        from: SocketAddr,
        at_ms: u64,
        ssrc: u32,
        number: u16,
        stamp: u32,
        payload_type: u8,
        marker: bool,
        payload: &[u8],
    ) {
        let at = Moment::from_millis(at_ms);
        self.pass(at);
        let bytes = rtp_rs::RtpPacketBuilder::new()
            .payload_type(payload_type)
            .marked(marker)
            .sequence(number.into())
            .timestamp(stamp)
            .ssrc(ssrc)
            .payload(payload)
            .build()
            .unwrap();
        self.session.step(at, MediaInput::Rtp { from, bytes }, &mut self.out);
    }

    /// One 20 ms packet of a steady level that names it.
    fn level(&mut self, at_ms: u64, ssrc: u32, number: u16, stamp: u32, level: i16) {
        self.packet(at_ms, ssrc, number, stamp, 8, false, &[Law::A.encode(level); 160]);
    }

    fn finish(&mut self, at_ms: u64) -> (Vec<(Moment, Frame)>, crate::vocabulary::trace::MediaReport) {
        self.pass(Moment::from_millis(at_ms));
        self.session.step(Moment::from_millis(at_ms), MediaInput::Close, &mut self.out);
        let mut seen = Seen::default();
        note(&mut seen, self.clock, std::mem::take(&mut self.out), |_, _| {});
        every_20_ms(&seen.heard);
        let report = seen.report();
        (seen.heard, report)
    }
}

/// Frames as text: `x` sound, `.` silence, `?` lost.
fn drawn(heard: &[(Moment, Frame)]) -> String {
    let draw = |frame: &Frame| match frame {
        frame if frame.lost => '?',
        frame if frame.samples.iter().all(|s| s.abs() < 100) => '.',
        _ => 'x',
    };
    heard.iter().map(|(_, frame)| draw(frame)).collect()
}

#[test]
fn every_packet_length_fills_the_same_frames() {
    for ms in [10u64, 20, 30, 40, 60] {
        let mut feeder = Feeder::new(1);
        let samples = (ms * 8) as usize;
        for i in 0..(1200 / ms) {
            let payload = vec![Law::Mu.encode(5000); samples];
            // A packet leaves when its sound is complete.
            feeder.packet(100 + i * ms, 1, i as u16, (i * ms * 8) as u32, 0, i == 0, &payload);
        }
        let (heard, report) = feeder.finish(100 + 1200);
        assert_eq!(drawn(&heard), "x".repeat(60), "{ms} ms");
        assert_eq!((report.lost, report.discarded_late, heard[0].0.millis()), (0, 0, 100), "{ms} ms");
    }
}

#[test]
fn a_lost_packet_of_any_length_marks_its_own_frames_alone() {
    for (ms, wanted) in [(10, "xxxxxx"), (20, "xxx?xx"), (40, "xxxx??xxxx"), (60, "xxxxxx???xxxxxx")] {
        let mut feeder = Feeder::new(1);
        let count = (wanted.len() as u64 * 20).div_ceil(ms);
        let lost = if ms >= 40 { 2 } else { 3 };
        for i in (0..count).filter(|&i| i != lost) {
            let payload = vec![Law::Mu.encode(5000); (ms * 8) as usize];
            feeder.packet(100 + i * ms, 1, i as u16, (i * ms * 8) as u32, 0, false, &payload);
        }
        let (heard, report) = feeder.finish(100 + wanted.len() as u64 * 20);
        // Half a frame lost is a lost frame.
        let wanted = if ms == 10 { "x?xxxx" } else { wanted };
        assert_eq!((drawn(&heard).as_str(), report.lost), (wanted, 1), "{ms} ms");
    }
}

#[test]
fn a_pause_of_the_sender_is_silence_and_a_loss_is_not() {
    // Sequence numbers go on over the pause, time stamps show it: the frames of it are silence, but for the first ones,
    // of which nobody could know.
    let mut feeder = Feeder::new(1);
    for i in 0..10u64 {
        feeder.level(i * 20, 1, i as u16, i as u32 * 160, 5000);
    }
    for i in 0..10u64 {
        feeder.packet(1000 + i * 20, 1, 10 + i as u16, 8000 + i as u32 * 160, 8, i == 0, &[Law::A.encode(5000); 160]);
    }
    for i in 0..10u64 {
        feeder.packet(2000 + i * 20, 1, 20 + i as u16, 16000 + i as u32 * 160, 8, i == 0, &[Law::A.encode(5000); 160]);
    }
    let (heard, report) = feeder.finish(2200);
    let picture = drawn(&heard);
    let sound = "x".repeat(10);
    assert!(picture.starts_with(&sound) && picture.ends_with(&sound) && picture.len() == 110, "{picture}");
    assert_eq!(&picture[50..60], sound, "{picture}");
    let unsure = |from: usize| picture[from..from + 40].matches('?').count();
    assert!(unsure(10) <= 8 && unsure(60) <= 2, "a sender known to pause is believed sooner: {picture}");
    assert_eq!((report.lost, report.discarded_late), (0, 0));
    // The same hole with numbers missing is a loss.
    let mut feeder = Feeder::new(1);
    for i in (0..5u64).chain(8..20) {
        feeder.level(i * 20, 1, i as u16, i as u32 * 160, 5000);
    }
    let (heard, report) = feeder.finish(400);
    assert_eq!((drawn(&heard).as_str(), report.lost), ("xxxxx???xxxxxxxxxxxx", 3));
}

#[test]
fn a_sender_whose_time_stands_still_in_pauses_is_heard_when_it_comes_back() {
    for marker in [true, false] {
        let mut feeder = Feeder::new(1);
        for i in 0..10u64 {
            feeder.level(i * 20, 1, i as u16, i as u32 * 160, 5000);
        }
        for i in 10..20u64 {
            let payload = [Law::A.encode(5000); 160];
            feeder.packet(1800 + i * 20, 1, i as u16, i as u32 * 160, 8, marker && i == 10, &payload);
        }
        let (heard, report) = feeder.finish(2200);
        let picture = drawn(&heard);
        assert_eq!((&picture[..10], &picture[100..]), ("xxxxxxxxxx", "xxxxxxxxxx"), "{picture}");
        assert_eq!((report.lost, report.discarded_late), (0, 0));
    }
}

#[test]
fn the_numbers_and_the_time_may_wrap_jump_and_begin_anew() {
    let check = |what: &str, packet: fn(u64) -> (u32, u16, u32), lost_frames: usize| {
        let mut feeder = Feeder::new(1);
        for i in 0..100u64 {
            let (ssrc, number, stamp) = packet(i);
            feeder.level(i * 20, ssrc, number, stamp, 5000);
        }
        let (heard, report) = feeder.finish(2000);
        let picture = drawn(&heard);
        assert!(picture.len() == 100 && picture.matches('x').count() + lost_frames >= 100, "{what}: {picture}");
        assert_eq!((report.lost, report.duplicates), (0, 0), "{what}: {report:?}");
    };
    check("sequence wraps", |i| (1, 65_500u16.wrapping_add(i as u16), i as u32 * 160), 0);
    check("time wraps", |i| (1, i as u16, (u32::MAX - 8000).wrapping_add(i as u32 * 160)), 0);
    check(
        "another source",
        |i| if i < 50 { (1, i as u16, i as u32 * 160) } else { (2, 9_000 + i as u16, i as u32 * 160 + 77_777) },
        2,
    );
    check("time jumps ahead", |i| (1, i as u16, i as u32 * 160 + if i < 50 { 0 } else { 1_000_000 }), 1);
    check("time jumps back", |i| (1, i as u16, i as u32 * 160 + if i < 50 { 1_000_000 } else { 0 }), 1);
    check("numbers begin anew", |i| (1, if i < 50 { i as u16 } else { 30_000 + i as u16 }, i as u32 * 160), 2);
}

#[test]
fn one_stray_packet_of_another_source_changes_nothing() {
    let mut feeder = Feeder::new(1);
    for i in 0..50u64 {
        feeder.level(i * 20, 1, i as u16, i as u32 * 160, 5000);
        if i % 10 == 5 {
            feeder.level(i * 20 + 3, 99, 7_000 + i as u16, 12_345, -9000);
        }
    }
    let (heard, report) = feeder.finish(1000);
    assert_eq!((drawn(&heard), report.rtp_received, report.lost), ("x".repeat(50), 50, 0));
    assert!(heard.iter().all(|(_, frame)| frame.samples.iter().all(|&s| s > 0)));
}

#[test]
fn packets_are_taken_from_the_right_address() {
    let stranger: SocketAddr = "203.0.113.5:9999".parse().unwrap();
    let other: SocketAddr = "203.0.113.6:7000".parse().unwrap();
    let sound = [Law::A.encode(5000); 160];
    // A stranger cannot speak into a call that runs.
    let mut feeder = Feeder::new(1);
    feeder.session.step(Moment::START, MediaInput::Agreed(agreement(1, Codec::Pcma, None)), &mut feeder.out);
    for i in 0..50u64 {
        feeder.level(i * 20, 1, i as u16, i as u32 * 160, 5000);
        feeder.packet_from(
            stranger,
            i * 20 + 1,
            1,
            i as u16 + 1,
            i as u32 * 160,
            8,
            false,
            &[Law::A.encode(-9000); 160],
        );
    }
    let (heard, report) = feeder.finish(1000);
    assert_eq!((drawn(&heard), report.duplicates), ("x".repeat(50), 0));
    // Behind a NAT the first to come is taken, and answered there when what it named cannot be reached from here.
    let mut feeder = Feeder::new(1);
    let mut private = agreement(1, Codec::Pcma, None);
    private.remote = Some("10.0.0.5:4000".parse().unwrap());
    feeder.session.step(Moment::START, MediaInput::Agreed(private), &mut feeder.out);
    for i in 0..50u64 {
        feeder.packet_from(other, 100 + i * 20, 1, i as u16, i as u32 * 160, 8, false, &sound);
    }
    feeder.pass(Moment::from_millis(1100));
    let targets: Vec<String> = feeder
        .out
        .iter()
        .filter_map(|output| match output {
            MediaOutput::SendRtp { to, .. } => Some(to.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!((targets[0].as_str(), targets.last().unwrap().as_str()), ("10.0.0.5:4000", "203.0.113.6:7000"));
    assert_eq!(drawn(&feeder.finish(1100).0), "x".repeat(50));
    // The address the description names takes over from whoever came first; a media server may be changed in silence.
    let mut feeder = Feeder::new(1);
    feeder.session.step(Moment::START, MediaInput::Agreed(agreement(1, Codec::Pcma, None)), &mut feeder.out);
    for i in 0..10u64 {
        feeder.packet_from(other, i * 20, 1, i as u16, i as u32 * 160, 8, false, &sound);
    }
    for i in 0..10u64 {
        feeder.level(200 + i * 20, 2, i as u16, i as u32 * 160, 5000);
        feeder.packet_from(other, 201 + i * 20, 1, 10 + i as u16, 1600 + i as u32 * 160, 8, false, &sound);
    }
    for i in 0..10u64 {
        feeder.packet_from(stranger, 1400 + i * 20, 3, i as u16, i as u32 * 160, 8, false, &sound);
    }
    let (heard, report) = feeder.finish(1600);
    assert_eq!(report.rtp_received, 30);
    assert!(drawn(&heard).ends_with("xxxxxxxxxx"));
}

#[test]
fn comfort_noise_is_noise_of_its_level_and_no_loss() {
    let mut feeder = Feeder::new(1);
    for i in 0..10u64 {
        feeder.level(i * 20, 1, i as u16, i as u32 * 160, 5000);
    }
    feeder.packet(200, 1, 10, 1600, 13, false, &[40]);
    for i in 0..10u64 {
        feeder.level(1200 + i * 20, 1, 11 + i as u16, 9600 + i as u32 * 160, 5000);
    }
    let (heard, report) = feeder.finish(1400);
    assert_eq!(report.lost, 0);
    assert!(heard.iter().all(|(_, frame)| !frame.lost));
    let noise: Vec<f64> = heard[15..55].iter().flat_map(|(_, f)| f.samples.map(f64::from)).collect();
    let level = 10.0 * (noise.iter().map(|s| s * s).sum::<f64>() / noise.len() as f64 / 32768f64.powi(2)).log10();
    assert!((level + 40.0).abs() < 1.0, "{level} dBov");
}

#[test]
fn the_payload_type_may_change_from_packet_to_packet() {
    let mut feeder = Feeder::new(1);
    let mut agreed = agreement(1, Codec::Pcma, None);
    agreed.expected.push((107, Codec::Pcmu));
    feeder.session.step(Moment::START, MediaInput::Agreed(agreed), &mut feeder.out);
    for i in 0..30u64 {
        let (payload_type, codec) = [(8, Law::A), (0, Law::Mu), (107, Law::Mu)][i as usize % 3];
        feeder.packet(i * 20, 1, i as u16, i as u32 * 160, payload_type, false, &[codec.encode(5000); 160]);
    }
    // A type nobody agreed on says nothing we understand.
    feeder.packet(600, 1, 30, 4800, 96, false, &[1; 160]);
    let (heard, _) = feeder.finish(620);
    assert_eq!(drawn(&heard), format!("{}?", "x".repeat(30)));
    assert!(heard[..30].iter().all(|(_, frame)| frame.samples.iter().all(|s| (4700..5300).contains(s))));
}

#[test]
fn a_stall_of_the_network_costs_what_it_took_and_leaves_no_delay_behind() {
    let mut feeder = Feeder::new(1);
    // 400 ms of nothing, then all of it at once, then as before.
    for i in 0..400u64 {
        let at = if (50..70).contains(&i) { 1400 } else { i * 20 };
        feeder.level(at, 1, i as u16, i as u32 * 160, 5000);
    }
    let released = feeder.session.deadline().unwrap();
    let (heard, report) = feeder.finish(8000);
    assert_eq!(report.lost, 0);
    assert!(report.discarded_late >= 10 && report.discarded_late <= 20, "{report:?}");
    assert!(released.millis() <= 8000 + 60, "the delay is as before: {released}");
    let picture = drawn(&heard);
    assert_eq!(&picture[80..], "x".repeat(picture.len() - 80), "{picture}");
}

#[test]
fn bytes_that_are_no_media_do_no_harm() {
    let mut dice = Seed::new(77);
    let mut feeder = Feeder::new(1);
    feeder.session.step(Moment::START, MediaInput::Agreed(agreement(1, Codec::Pcma, Some(101))), &mut feeder.out);
    for i in 0..60_000u64 {
        let at = Moment::from_micros(i * 500);
        let mut bytes: Vec<u8> = match dice.below(4) {
            0 => (0..dice.below(80)).map(|_| dice.next_u32() as u8).collect(),
            1 => vec![0x80, [8, 0, 13, 101, 96, 200, 201, 203][dice.below(8) as usize]],
            _ => vec![0x80 | dice.below(64) as u8, dice.next_u32() as u8],
        };
        while bytes.len() < 12 + dice.below(200) as usize {
            bytes.push(if dice.below(3) == 0 { 0 } else { dice.next_u32() as u8 });
        }
        let from = address(dice.below(2) as usize);
        let input = match dice.below(5) {
            0 => MediaInput::Rtcp { from, bytes },
            1 => MediaInput::Tick,
            _ => MediaInput::Rtp { from, bytes },
        };
        feeder.session.step(at, input, &mut feeder.out);
        feeder.out.retain(|output| matches!(output, MediaOutput::Heard { .. }));
    }
    feeder.pass(Moment::from_millis(30_000));
    feeder.session.step(Moment::from_millis(30_000), MediaInput::Close, &mut feeder.out);
    let heard: Vec<_> = feeder
        .out
        .drain(..)
        .filter_map(|output| match output {
            MediaOutput::Heard { at, frame } => Some((at, frame)),
            _ => None,
        })
        .collect();
    every_20_ms(&heard);
}

/// As a real Asterisk does it (seen on tape): each recording ends with a packet of whatever is left, 20 ms after the one
/// before; 20 ms later the next recording begins, with a timestamp that counted the samples alone.
#[test]
fn recordings_played_one_after_another_lose_nothing_at_their_joints() {
    for seed in 0..20 {
        let mut dice = Seed::new(seed);
        let mut feeder = Feeder::new(1);
        let (mut at, mut number, mut stamp, mut samples_sent) = (100u64, 0u16, 1_000u32, 0usize);
        for _ in 0..40 {
            let mut left = 1_600 + dice.below(3_200) as usize;
            while left > 0 {
                let len = left.min(160);
                let payload = vec![Law::A.encode(5000); len];
                feeder.packet(at + dice.below(4), 1, number, stamp, 8, number == 0, &payload);
                (at, number, stamp) = (at + 20, number + 1, stamp + len as u32);
                left -= len;
                samples_sent += len;
            }
        }
        let waiting = feeder.session.deadline().unwrap();
        let (heard, report) = feeder.finish(at + 100);
        assert_eq!((report.lost, report.discarded_late), (0, 0), "seed {seed}");
        let heard_samples: usize = heard.iter().flat_map(|(_, f)| f.samples.iter()).filter(|&&s| s > 4000).count();
        // What fills the end of the last recording, before its end is known, comes on top.
        let more = heard_samples as i64 - samples_sent as i64;
        assert!((-40..=480).contains(&more), "seed {seed}: {heard_samples} of {samples_sent} samples");
        assert!(waiting.millis() < at + 70, "seed {seed}: no delay piled up, {waiting}");
    }
}
