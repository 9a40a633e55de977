//! The ears as a whole, on sounds made by rule. Limits of the procedures stand at the top.

use super::plans::{self, Signal};
use super::synth::{Law, noise, through, tones, voice};
use super::tones::{ToneSource, render};
use super::wide::NARROW;
use super::*;
use crate::vocabulary::{Clip, FRAME_SAMPLES, Frame, HeardKind, Hearing, Key, Moment, Sit, heard::SoundDetail};

const LEVELS_DBM0: [f32; 3] = [-5.0, -20.0, -40.0];
const SNR_DB: f32 = 15.0;
const CADENCE_OFF: f64 = 0.09;
const PITCH_OFF_HZ: f64 = 13.0;

#[derive(Debug)]
struct Heard {
    /// (known at, from, to, kind, ended, detail)
    sounds: Vec<(f64, f64, f64, HeardKind, bool, SoundDetail)>,
    onsets: Vec<(f64, f64, HeardKind)>,
    clips: Vec<Clip>,
}

impl Heard {
    fn kinds(&self) -> Vec<HeardKind> {
        self.sounds.iter().filter(|s| s.4).map(|s| s.3).collect()
    }

    fn first(&self, kind: HeardKind) -> Option<&(f64, f64, f64, HeardKind, bool, SoundDetail)> {
        self.sounds.iter().find(|s| s.3 == kind)
    }

    fn onset(&self, kind: HeardKind) -> Option<(f64, f64)> {
        self.onsets.iter().find(|o| o.2 == kind).map(|o| (o.0, o.1))
    }
}

fn hear_frames(plan: Option<&str>, frames: impl Iterator<Item = Frame>) -> Heard {
    let mut ears = Ears::new(plan);
    let mut heard = Heard { sounds: Vec::new(), onsets: Vec::new(), clips: Vec::new() };
    let mut out = Vec::new();
    let mut at = Moment::from_millis(5_000);
    let sort = |at: Moment, out: &mut Vec<Hearing>, heard: &mut Heard| {
        let s = |m: Moment| m.seconds() - 5.0;
        for hearing in out.drain(..) {
            match hearing {
                Hearing::Onset { at: from, kind } => heard.onsets.push((s(at), s(from), kind)),
                Hearing::Sound { from, to, kind, ended, detail } => {
                    heard.sounds.push((s(at), s(from), s(to), kind, ended, detail));
                }
                Hearing::Clip(clip) => heard.clips.push(clip),
                // What is known of prompts has tests of its own.
                Hearing::Print { .. } | Hearing::Recall { .. } | Hearing::Recognised { .. } => {}
            }
        }
    };
    for frame in frames {
        ears.frame(at, &frame, &mut out);
        at += std::time::Duration::from_millis(20);
        sort(at, &mut out, &mut heard);
    }
    ears.finish(at, &mut out);
    sort(at, &mut out, &mut heard);
    heard
}

fn hear(plan: Option<&str>, samples: &[i16]) -> Heard {
    hear_frames(plan, frames(samples))
}

fn frames(samples: &[i16]) -> impl Iterator<Item = Frame> {
    samples.chunks_exact(FRAME_SAMPLES).map(|chunk| Frame { samples: chunk.try_into().unwrap(), lost: false })
}

/// A plan's tone for `seconds`, its times and pitch off by so much, with noise `snr_db` below.
fn line(hz: &[f32], cadence: &[u32], level: f32, off: (f64, f64), seconds: u32, snr_db: Option<f32>) -> Vec<i16> {
    let pitch: Vec<String> = hz.iter().map(|hz| (f64::from(*hz) + off.1).to_string()).collect();
    let times: Vec<String> =
        cadence.iter().map(|ms| ((f64::from(*ms) * (1.0 + off.0)).round() as u32).to_string()).collect();
    let spec = if times.is_empty() { pitch.join("+") } else { format!("{}/{}", pitch.join("+"), times.join(",")) };
    let mut samples = vec![0i16; 8_000 * seconds as usize];
    ToneSource::new(&spec, level).unwrap().fill(&mut samples);
    if let Some(snr) = snr_db {
        for (s, n) in samples.iter_mut().zip(noise(level - snr, 8_000 * seconds as usize, 3)) {
            *s = s.saturating_add(n);
        }
    }
    samples
}

fn kind_of(signal: Signal) -> HeardKind {
    match signal {
        Signal::Dial => HeardKind::Dial,
        Signal::Ringback => HeardKind::Ringback,
        Signal::Busy => HeardKind::Busy,
        Signal::Congestion => HeardKind::Congestion,
        Signal::CallWaiting => HeardKind::Beep,
        Signal::Special | Signal::Unobtainable => HeardKind::Sit,
    }
}

#[test]
fn every_tone_of_every_plan_is_heard_as_what_it_is_at_the_edges_of_its_tolerance() {
    for tone in plans::all() {
        if tone.signal == Signal::CallWaiting {
            continue;
        }
        let mut failures = Vec::new();
        let [loud, middle, quiet] = LEVELS_DBM0;
        for (level, off, snr, law) in [
            (loud, (0.0, 0.0), None, Law::A),
            (quiet, (0.0, 0.0), None, Law::Mu),
            (middle, (CADENCE_OFF, PITCH_OFF_HZ), Some(SNR_DB), Law::Mu),
            (quiet, (-CADENCE_OFF, -PITCH_OFF_HZ), Some(SNR_DB), Law::A),
            (loud, (-CADENCE_OFF, PITCH_OFF_HZ), Some(SNR_DB), Law::A),
            (quiet, (CADENCE_OFF, -PITCH_OFF_HZ), None, Law::A),
        ] {
            let samples = through(law, &line(&tone.hz, &tone.cadence, level, off, 12, snr));
            let heard = hear(Some(tone.plan), &samples);
            let wanted = kind_of(tone.signal);
            let others = heard.onsets.iter().filter(|o| o.2 != wanted && o.2 != HeardKind::Silence).count();
            let good = heard.onset(wanted).is_some_and(|(_, from)| from.abs() < 0.08) && others == 0;
            if !good || !heard.clips.is_empty() {
                failures.push(format!("{level} dBm0, off {off:?}, {law:?}: {:?}", heard.onsets));
            }
        }
        assert!(failures.is_empty(), "{} {:?}:\n{}", tone.plan, tone.signal, failures.join("\n"));
    }
}

#[test]
fn without_a_plan_the_kind_is_told_and_all_plans_that_fit_are_named() {
    for (spec, kind, plans) in [
        ("440+480/2000,4000", HeardKind::Ringback, &["US"][..]),
        ("450/1000,4000", HeardKind::Ringback, &["CN"]),
        ("425/1000,4000", HeardKind::Ringback, &["DE"]),
        ("400+450/400,200,400,2000", HeardKind::Ringback, &["UK"]),
        ("400*16/1000,2000", HeardKind::Ringback, &["JP"]),
        ("432/490,490", HeardKind::Busy, &["DE", "FR"]),
        ("450/350,350", HeardKind::Busy, &["CN"]),
        ("400/500,500", HeardKind::Busy, &["JP"]),
        ("480+620/250,250", HeardKind::Congestion, &["US"]),
        ("450/700,700", HeardKind::Congestion, &["CN"]),
        // Of no plan we have: by the envelopes that all countries share (India, Brazil).
        ("350/750,750", HeardKind::Noise, &[]),
        ("520/1000,4000", HeardKind::Ringback, &[]),
        ("600/500,500", HeardKind::Busy, &[]),
    ] {
        let mut samples = vec![0; 8_000 * 13];
        ToneSource::new(spec, -15.0).unwrap().fill(&mut samples);
        let heard = hear(None, &through(Law::A, &samples));
        if kind == HeardKind::Noise {
            assert!(heard.onset(HeardKind::Busy).is_none() && heard.clips.is_empty(), "{spec}: {:?}", heard.onsets);
            continue;
        }
        let sound = heard.first(kind).unwrap_or_else(|| panic!("{spec}: {:?}", heard.onsets));
        assert_eq!(sound.5.plans, plans, "{spec}");
        assert!(heard.clips.is_empty(), "{spec}");
    }
}

#[test]
fn ringback_is_told_as_soon_as_it_is_sure_and_busy_after_two_periods() {
    for (plan, spec, kind, within) in [
        (Some("US"), "440+480/2000,4000", HeardKind::Ringback, 0.55),
        (Some("UK"), "400+450/400,200,400,2000", HeardKind::Ringback, 0.55),
        // One tone for ringing and dialling: sure when it stops after a second.
        (Some("CN"), "450/1000,4000", HeardKind::Ringback, 1.15),
        (None, "450/1000,4000", HeardKind::Ringback, 1.15),
        (Some("CN"), "450/350,350", HeardKind::Busy, 1.55),
        (Some("US"), "480+620/500,500", HeardKind::Busy, 2.15),
        (Some("US"), "480+620/250,250", HeardKind::Congestion, 1.15),
    ] {
        let mut samples = vec![0; 8_000 * 8];
        ToneSource::new(spec, -20.0).unwrap().fill(&mut samples);
        let heard = hear(plan, &through(Law::Mu, &samples));
        let (known, from) = heard.onset(kind).unwrap_or_else(|| panic!("{spec}: {:?}", heard.onsets));
        assert!(known <= within && from.abs() < 0.03, "{plan:?} {spec}: known {known}, from {from}");
    }
}

#[test]
fn a_ringback_ends_where_the_answer_begins_and_is_told_as_it_grows() {
    let mut samples = vec![0; 8_000 * 11];
    ToneSource::new("450/1000,4000", -15.0).unwrap().fill(&mut samples);
    samples.truncate(8_000 * 107 / 10);
    samples.extend(voice(-18.0, 4_000, 4));
    samples.extend(vec![0; 8_000 * 2]);
    let heard = hear(Some("CN"), &through(Law::A, &samples));
    let growing = heard.sounds.iter().filter(|s| s.3 == HeardKind::Ringback && !s.4).count();
    assert!(growing >= 3, "{:?}", heard.sounds);
    let ended = heard.sounds.iter().find(|s| s.3 == HeardKind::Ringback && s.4).unwrap();
    assert!(ended.1.abs() < 0.03 && (10.5..10.9).contains(&ended.2), "{ended:?}");
}

#[test]
fn busy_after_ringback_on_the_same_pitch_is_told_apart() {
    let mut samples = Vec::new();
    for _ in 0..2 {
        samples.extend(render("450/1000,4000", -15.0).unwrap());
    }
    for _ in 0..6 {
        samples.extend(render("450/350,350", -15.0).unwrap());
    }
    let heard = hear(Some("CN"), &samples);
    let kinds: Vec<HeardKind> = heard.onsets.iter().map(|o| o.2).collect();
    assert_eq!(kinds, [HeardKind::Ringback, HeardKind::Busy], "{:?}", heard.onsets);
    assert!((heard.onset(HeardKind::Busy).unwrap().1 - 10.0).abs() < 0.05, "{:?}", heard.onsets);
}

#[test]
fn lost_packets_are_no_pauses_and_no_edges() {
    for (plan, spec, kind) in [
        ("US", "440+480/2000,4000", HeardKind::Ringback),
        ("CN", "450/1000,4000", HeardKind::Ringback),
        ("US", "480+620/500,500", HeardKind::Busy),
        ("DE", "425/480,480", HeardKind::Busy),
        ("CN", "450/350,350", HeardKind::Busy),
    ] {
        let mut samples = vec![0; 8_000 * 13];
        ToneSource::new(spec, -15.0).unwrap().fill(&mut samples);
        // 3 % lost, singly and in pairs, zero-filled.
        let heard = hear_frames(
            Some(plan),
            frames(&samples).enumerate().map(|(n, frame)| if n % 67 < 2 && n > 5 { Frame::LOST } else { frame }),
        );
        let (_, from) = heard.onset(kind).unwrap_or_else(|| panic!("{spec}: {:?}", heard.onsets));
        assert!(from < 2.3, "{spec}: {:?}", heard.onsets);
        let kinds: Vec<HeardKind> = heard.onsets.iter().map(|o| o.2).filter(|k| *k != kind).collect();
        assert!(kinds.is_empty() && heard.clips.is_empty(), "{spec}: {:?}", heard.onsets);
    }
    // Silence out of nothing but losses is not silence.
    let heard = hear_frames(None, std::iter::repeat_n(Frame::LOST, 400));
    assert!(heard.sounds.is_empty() && heard.onsets.is_empty(), "{:?}", heard.sounds);
}

#[test]
fn special_information_tones_are_read_by_their_code() {
    for (first, second, code) in [
        ((913.8, 274), (1_370.6, 274), Sit::Intercept),
        ((985.2, 380), (1_370.6, 274), Sit::VacantCode),
        ((913.8, 274), (1_428.5, 380), Sit::ReorderLocal),
        ((985.2, 274), (1_370.6, 380), Sit::ReorderInterCarrier),
        ((985.2, 380), (1_428.5, 380), Sit::NoCircuitLocal),
        ((913.8, 380), (1_370.6, 380), Sit::NoCircuitInterCarrier),
        ((913.8, 380), (1_428.5, 274), Sit::Reserved1),
        ((985.2, 274), (1_428.5, 274), Sit::Reserved2),
        // ITU: 950, 1400, 1800 Hz, 330 ms each.
        ((950.0, 330), (1_400.0, 330), Sit::Unknown),
    ] {
        let itu = code == Sit::Unknown;
        // The whole line off pitch by a percent: the third tone is the reference.
        for (gap, off, level, law) in
            [(0, 1.0, -24.0, Law::A), (30, 1.0, -12.0, Law::Mu), (10, 1.01, -35.0, Law::A), (0, 0.99, -20.0, Law::Mu)]
        {
            let third = if itu { (1_800.0, 330) } else { (1_776.7, 380) };
            let mut samples = vec![0i16; 4_000];
            for (hz, ms) in [first, second, third] {
                samples.extend(tones(&[(hz * off, level)], ms));
                samples.extend(vec![0; gap * 8]);
            }
            samples.extend(vec![0; 8_000]);
            let heard = hear(Some("US"), &through(law, &samples));
            let sound = heard.first(HeardKind::Sit).unwrap_or_else(|| panic!("{code:?} {gap} {off}: {heard:?}"));
            assert_eq!(sound.5.sit, Some(code), "gap {gap}, off {off}");
            assert!((sound.1 - 0.5).abs() < 0.03, "{sound:?}");
            assert_eq!(heard.clips.len(), 0);
        }
    }
}

#[test]
fn fax_tones_are_heard() {
    let mut samples = vec![0; 4_000];
    samples.extend(tones(&[(2_100.0, -15.0)], 3_300));
    samples.extend(vec![0; 8_000]);
    let heard = hear(None, &through(Law::A, &samples));
    let ced = heard.sounds.iter().find(|s| s.3 == HeardKind::Fax && s.4).expect("CED");
    assert!((ced.1 - 0.5).abs() < 0.03 && (ced.2 - 3.8).abs() < 0.05, "{ced:?}");

    let mut samples = vec![0; 8_000 * 9];
    ToneSource::new("1100/500,3000", -15.0).unwrap().fill(&mut samples);
    assert!(hear(None, &through(Law::A, &samples)).first(HeardKind::Fax).is_some(), "CNG");
}

#[test]
fn a_beep_is_a_single_tone_that_is_not_part_of_a_rhythm() {
    for (hz, ms) in
        [(400.0, 300), (440.0, 200), (500.0, 500), (1_000.0, 200), (1_000.0, 1_000), (1_400.0, 500), (2_000.0, 600)]
    {
        for level in [-8.0, -30.0] {
            let mut samples = through(Law::Mu, &voice(-18.0, 2_000, 9));
            samples.extend(vec![0; 2_400]);
            let began = samples.len() as f64 / 8_000.0;
            samples.extend(tones(&[(hz, level)], ms));
            samples.extend(vec![0; 8_000 * 2]);
            let heard = hear(Some("US"), &samples);
            let beep = heard.first(HeardKind::Beep).unwrap_or_else(|| panic!("{hz} {ms} {level}: {:?}", heard.onsets));
            assert!((beep.1 - began).abs() < 0.04 && (beep.2 - began - f64::from(ms) / 1e3).abs() < 0.04, "{beep:?}");
            assert_eq!(heard.kinds().iter().filter(|k| **k == HeardKind::Beep).count(), 1);
        }
    }
    // Bursts of busy are no beeps.
    let mut samples = vec![0; 8_000 * 10];
    ToneSource::new("480/500,500", -15.0).unwrap().fill(&mut samples);
    assert!(hear(Some("US"), &samples).first(HeardKind::Beep).is_none());
}

#[test]
fn keys_from_the_far_side_are_heard_in_order() {
    let mut samples = vec![0; 1_600];
    for (low, high) in [(697.0, 1_209.0), (852.0, 1_336.0), (941.0, 1_477.0)] {
        samples.extend(tones(&[(low, -10.0), (high, -8.0)], 100));
        samples.extend(vec![0; 800]);
    }
    let heard = hear(None, &through(Law::A, &samples));
    let keys: Vec<Key> = heard.sounds.iter().filter_map(|s| s.5.key).collect();
    assert_eq!(keys, ["1", "8", "#"].map(|k| k.parse::<Key>().unwrap()));
    assert!(heard.clips.is_empty());
}

#[test]
fn silence_comfort_noise_and_digital_silence_are_silence_and_line_noise_is_not() {
    let quiet = hear(None, &vec![8i16; 8_000 * 5]);
    let sound = quiet.sounds.iter().find(|s| s.4).unwrap();
    assert!(sound.3 == HeardKind::Silence && sound.5.digital_silence && sound.1 < 0.05 && sound.2 > 4.9, "{sound:?}");

    let comfort = hear(None, &through(Law::A, &noise(-58.0, 8_000 * 5, 1)));
    let sound = comfort.sounds.iter().find(|s| s.4).unwrap();
    assert!(sound.3 == HeardKind::Silence && !sound.5.digital_silence, "{sound:?}");

    let loud = hear(None, &through(Law::A, &noise(-25.0, 8_000 * 5, 1)));
    assert_eq!(loud.kinds(), [HeardKind::Noise]);

    for heard in [quiet, comfort, loud] {
        assert!(heard.clips.is_empty());
    }
}

#[test]
fn speech_is_cut_at_pauses_with_nothing_lost_at_its_ends() {
    let mut samples = vec![0; 8_000];
    samples.extend(voice(-20.0, 3_000, 1));
    samples.extend(vec![0; 8_000 * 12 / 10]);
    samples.extend(voice(-20.0, 2_000, 2));
    samples.extend(vec![0; 8_000 * 2]);
    let heard = hear(None, &through(Law::A, &samples));
    assert_eq!(heard.clips.len(), 2, "{:?}", heard.onsets);
    let (first, second) = (&heard.clips[0], &heard.clips[1]);
    assert!(first.from <= Moment::from_millis(6_000) && first.to >= Moment::from_millis(8_900), "{first:?}");
    assert!(second.from <= Moment::from_millis(10_200) && second.to >= Moment::from_millis(12_100));
    assert_eq!(first.samples.len() as u64, (first.to.millis() - first.from.millis()) * 8);
    assert!(!first.cut && !second.cut);
    // Known soon: the onset within a fifth of a second, the clip within 0.8 s of the last word.
    let (known, from) = heard.onset(HeardKind::Speech).unwrap();
    assert!(known - 1.0 < 0.2 && (from - 1.0).abs() < 0.15, "{known} {from}");
    let told = heard.sounds.iter().find(|s| s.3 == HeardKind::Speech && s.4).unwrap();
    assert!(told.0 - told.2 < 0.8, "{told:?}");
}

#[test]
fn speech_without_a_pause_is_cut_before_the_bound_and_goes_on_in_the_next_clip() {
    let mut samples = Vec::new();
    while samples.len() < 8_000 * 70 {
        // No pause longer than 100 ms.
        samples.extend(voice(-20.0, 700, samples.len() as u64));
    }
    let heard = hear(None, &samples);
    assert!(heard.clips.len() >= 3, "{}", heard.clips.len());
    for pair in heard.clips.windows(2) {
        assert!(pair[0].to <= pair[1].from, "overlap");
        assert!(pair[1].from - pair[0].to < std::time::Duration::from_millis(700));
    }
    for clip in &heard.clips {
        assert!(clip.to.millis() - clip.from.millis() <= crate::vocabulary::limits::CLIP_MS_MAX);
    }
}

/// Everything the ears say, prints of prompts and questions about them included, to the last bit.
fn told(samples: &[i16]) -> Vec<Hearing> {
    let (mut ears, mut out, mut at) = (Ears::new(Some("US")), Vec::new(), Moment::START);
    for frame in frames(samples) {
        ears.frame(at, &frame, &mut out);
        at += std::time::Duration::from_millis(20);
    }
    ears.finish(at, &mut out);
    out
}

#[test]
fn the_same_frames_are_heard_alike_by_every_processor() {
    let mut samples = voice(-20.0, 5_000, 8);
    samples.extend(vec![0; 8_000]);
    samples.extend(line(&[480.0, 620.0], &[500, 500], -20.0, (0.0, 0.0), 6, Some(SNR_DB)));
    samples.extend(render("770+1336/100,100", -10.0).expect("a key"));
    samples.extend(noise(-55.0, 16_000, 3));
    samples.extend(voice(-15.0, 3_000, 9));
    let here = told(&samples);
    assert!(here.iter().any(|hearing| matches!(hearing, Hearing::Print { print: Some(_), .. })), "{here:?}");
    assert_eq!(here, told(&samples));
    NARROW.set(true);
    let narrow = told(&samples);
    NARROW.set(false);
    assert!(here == narrow, "narrow registers hear something else");
}

/// What was read of a prompt while it was spoken is what its clip alone has.
#[test]
fn a_print_is_that_of_its_clip() {
    let mut samples = Vec::new();
    for seed in 1..5 {
        samples.extend(vec![0; 8_000]);
        samples.extend(voice(-20.0, 700 * seed as u32, seed));
    }
    samples.extend(vec![0; 8_000]);
    let told = told(&samples);
    let mut compared = 0;
    for pair in told.windows(2) {
        let [Hearing::Print { print: Some(print), .. }, Hearing::Clip(clip)] = pair else { continue };
        let lost = vec![false; clip.samples.len() / FRAME_SAMPLES];
        let alone = super::prompts::sound::print(&clip.samples, &lost, print.speech, None);
        assert!(alone == **print, "clip {:?}", clip.id);
        compared += 1;
    }
    assert!(compared >= 4, "{told:?}");
}
