//! How good the sound was: the E-model (ITU-T G.107) for what was lost, where losses stood together, how loud it was, and
//! whether there was sound at all.

use crate::vocabulary::trace::Bursts;
use crate::vocabulary::{Codec, FRAME_MS, Frame};

/// R of a narrowband call with nothing wrong: all of G.107's defaults.
const R_BEST: f64 = 93.2;
/// The same on the wideband scale of G.107.1; MOS is read from it after division by 1.29.
const R_BEST_WIDE: f64 = 129.0;
const WIDE_SCALE: f64 = 1.29;
/// Below this level nobody can be heard: −55 dBov as mean square.
const FAINT_POWER: f64 = 32_768.0 * 32_768.0 * 3.162_277_66e-6;
/// So much faint sound makes a call one-way.
const FAINT_MS: u64 = 5_000;

/// Equipment impairment and robustness against loss of a codec (ITU-T G.113 appendix I).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    pub ie: f64,
    pub bpl: f64,
}

impl Impairment {
    /// G.711 with concealment, which the playout does.
    pub const G711_CONCEALED: Impairment = Impairment { ie: 0.0, bpl: 25.1 };
    pub const G711_BARE: Impairment = Impairment { ie: 0.0, bpl: 4.3 };
    pub const G729A: Impairment = Impairment { ie: 11.0, bpl: 19.0 };
}

/// G.722 at 64 kbit/s on the wideband scale (G.113). For its loss no figure is published.
const G722_IE_WIDE: f64 = 13.0;

/// `Ie,eff` of G.107 (7-29): loss in percent, discards of the jitter buffer included.
pub fn effective_impairment(codec: Impairment, loss_percent: f64, burst_ratio: f64) -> f64 {
    let burst_ratio = burst_ratio.max(1.0);
    codec.ie + (95.0 - codec.ie) * loss_percent / (loss_percent / burst_ratio + codec.bpl)
}

/// The rating R for listening (no delay), or with the delay impairment `id` for conversing.
pub fn rating(ie_effective: f64, id: f64) -> f64 {
    R_BEST - id - ie_effective
}

/// MOS from R (G.107 annex B), held above 1 where the cubic dips below it.
pub fn mos(r: f64) -> f64 {
    match r {
        _ if r <= 0.0 => 1.0,
        _ if r >= 100.0 => 4.5,
        _ => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

/// Quality from counted packets: of listening with no delay, of conversing with one. None: no figure is published.
pub fn quality(codec: Codec, expected: u64, missed: u64, mean_burst: f64, one_way_ms: f64) -> Option<f64> {
    if expected == 0 {
        return None;
    }
    let ratio = missed.min(expected) as f64 / expected as f64;
    // BurstR of G.107: how much longer the runs are than chance would make them.
    let burst_ratio = mean_burst * (1.0 - ratio);
    match codec {
        Codec::Pcma | Codec::Pcmu => {
            let ie = effective_impairment(Impairment::G711_CONCEALED, ratio * 100.0, burst_ratio);
            Some(mos(rating(ie, delay_impairment(one_way_ms))))
        }
        Codec::G722 if missed == 0 => {
            Some(mos((R_BEST_WIDE - G722_IE_WIDE - delay_impairment(one_way_ms)) / WIDE_SCALE))
        }
        // What nobody has published is not guessed.
        Codec::G722 | Codec::Opus => None,
    }
}

/// `Idd` of G.107 (7-27): what the delay alone costs a conversation, by its one-way time.
pub fn delay_impairment(one_way_ms: f64) -> f64 {
    if one_way_ms <= 100.0 {
        return 0.0;
    }
    let x = (one_way_ms / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

/// So many frames in a row must come for a burst to be over (RFC 3611 §4.7.2: Gmin).
const GMIN: u64 = 16;

/// Sorts missing frames into bursts and gaps, as they come.
#[derive(Clone, Debug, Default)]
pub struct BurstCounter {
    frames: u64,
    /// Since the last missing one; None: none was missing yet.
    since: Option<u64>,
    /// The cluster of missing frames under way: how many, and over how many frames from its first to its last.
    missing: u64,
    span: u64,
    bursts: u64,
    burst_frames: u64,
    burst_missing: u64,
    gap_missing: u64,
}

impl BurstCounter {
    pub fn frame(&mut self, missing: bool) {
        self.frames += 1;
        if !missing {
            self.since = self.since.map(|since| since + 1);
            return;
        }
        match self.since {
            Some(since) if since < GMIN => {
                self.missing += 1;
                self.span += since + 1;
            }
            _ => {
                self.close();
                (self.missing, self.span) = (1, 1);
            }
        }
        self.since = Some(0);
    }

    /// One frame missing alone belongs to the gap around it.
    fn close(&mut self) {
        if self.missing > 1 {
            self.bursts += 1;
            self.burst_frames += self.span;
            self.burst_missing += self.missing;
        } else {
            self.gap_missing += self.missing;
        }
        (self.missing, self.span) = (0, 0);
    }

    /// What came of it; None: nothing was missing.
    pub fn report(&self, frame_ms: u64) -> Option<Bursts> {
        let mut whole = self.clone();
        whole.close();
        if whole.burst_missing + whole.gap_missing == 0 {
            return None;
        }
        let gap_frames = whole.frames - whole.burst_frames;
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        Some(Bursts {
            count: whole.bursts,
            burst_density: ratio(whole.burst_missing, whole.burst_frames),
            gap_density: ratio(whole.gap_missing, gap_frames),
            burst_ms: ratio(whole.burst_frames, whole.bursts) * frame_ms as f64,
            // As RFC 3611 A.2 counts: the time in gaps by the bursts.
            gap_ms: ratio(gap_frames, whole.bursts.max(1)) * frame_ms as f64,
        })
    }
}

/// Watches whether anybody could be heard.
#[derive(Clone, Debug, Default)]
pub struct Loudness {
    heard_ms: u64,
    audible: bool,
    /// Frames and their power by level, in steps of 1 dB down from full scale.
    levels: Vec<(u64, f64)>,
    clipped: u64,
}

/// Of the quietest level that is looked at.
const LEVELS: usize = 90;
/// Speech is what lies within so much of its own mean (P.56: margin).
const MARGIN_DB: f64 = 15.9;
/// G.711's loudest is 32,256 by A-law and 32,124 by µ-law.
const FULL_SCALE: i16 = 32_000;
const FULL_SCALE_RUN: usize = 3;

impl Loudness {
    pub fn frame(&mut self, frame: &Frame) {
        if !frame.lost {
            self.heard_ms += FRAME_MS;
            // Whole numbers: exact, and many at a time. Two squares are less than 2³².
            let two = |&[a, b]: &[i16; 2]| (i32::from(a).pow(2) as u32) + (i32::from(b).pow(2) as u32);
            let power = frame.samples.as_chunks().0.iter().map(|pair| u64::from(two(pair))).sum::<u64>() as f64;
            self.audible |= power > FAINT_POWER * frame.samples.len() as f64;
            let mean = power / frame.samples.len() as f64 / (32_768.0 * 32_768.0);
            self.levels.resize(LEVELS, (0, 0.0));
            if let Some(level) = self.levels.get_mut((-10.0 * mean.max(1e-12).log10()).max(0.0) as usize) {
                *level = (level.0 + 1, level.1 + mean);
            }
            let mut run = 0;
            let loudest = frame.samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
            let clipped = loudest >= FULL_SCALE as u16
                && frame.samples.iter().any(|s| {
                    run = if s.unsigned_abs() >= FULL_SCALE as u16 { run + 1 } else { 0 };
                    run >= FULL_SCALE_RUN
                });
            self.clipped += u64::from(clipped);
        }
    }

    /// Frames that count as active, and their mean power: the largest set of the loudest frames whose quietest lies no
    /// further below their mean than the margin.
    fn active(&self) -> Option<(u64, f64)> {
        let (mut frames, mut power, mut found) = (0, 0.0, None);
        for (down, (count, sum)) in self.levels.iter().enumerate() {
            (frames, power) = (frames + count, power + sum);
            let mean = 10.0 * (power / frames.max(1) as f64).max(1e-12).log10();
            if frames > 0 && mean + down as f64 <= MARGIN_DB {
                found = Some((frames, power / frames as f64));
            }
        }
        found
    }

    /// Level of what was audible, in dBov.
    pub fn level_dbov(&self) -> Option<f64> {
        self.active().filter(|_| self.audible).map(|(_, power)| 10.0 * power.log10())
    }

    /// Part of the active frames that are cut off at full scale.
    pub fn clipped_ratio(&self) -> f64 {
        self.active().map_or(0.0, |(frames, _)| self.clipped as f64 / frames as f64).min(1.0)
    }

    /// Five seconds or more came, and nobody in them.
    pub fn only_faint(&self) -> bool {
        !self.audible && self.heard_ms >= FAINT_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Id for 100 ms one way is 2.4 by the usual shortcut, 0.024·d.
    fn check(codec: Impairment, loss: f64, r: f64, quality: f64) {
        let got = rating(effective_impairment(codec, loss, 1.0), 2.4);
        assert!((got - r).abs() < 0.01, "R {got} for {loss} %, wanted {r}");
        assert!((mos(got) - quality).abs() < 0.005, "MOS {} for {loss} %, wanted {quality}", mos(got));
    }

    #[test]
    fn the_published_figures_come_out() {
        for (loss, r, quality) in [(0.0, 90.80, 4.36), (1.0, 87.16, 4.26), (3.0, 80.66, 4.05), (5.0, 75.02, 3.82)] {
            check(Impairment::G711_CONCEALED, loss, r, quality);
        }
        for (loss, r, quality) in [(0.0, 79.80, 4.02), (1.0, 75.60, 3.85), (3.0, 68.35, 3.52)] {
            check(Impairment::G729A, loss, r, quality);
        }
        for (r, quality) in [(80.0, 4.024), (70.0, 3.597), (60.0, 3.100), (50.0, 2.575)] {
            assert!((mos(r) - quality).abs() < 0.001, "{r}");
        }
        assert_eq!((mos(-3.0), mos(0.0), mos(100.0), mos(3.0)), (1.0, 1.0, 4.5, 1.0));
    }

    #[test]
    fn a_perfect_call_is_4_41_and_loss_in_bursts_is_worse() {
        let quality = |missed, burst| super::quality(Codec::Pcma, 1000, missed, burst, 0.0).unwrap();
        assert!((quality(0, 1.0) - 4.409).abs() < 0.001);
        assert!(quality(50, 5.0) < quality(50, 1.0));
        assert_eq!(super::quality(Codec::Pcma, 0, 0, 1.0, 0.0), None);
    }

    #[test]
    fn what_nobody_has_published_is_not_told() {
        let check = |codec, missed, expected: Option<f64>| {
            let got = quality(codec, 1000, missed, 1.0, 0.0);
            let near = got.zip(expected).is_some_and(|(got, expected)| (got - expected).abs() < 0.01);
            assert!(near || got == expected, "{codec}, {missed} missing: {got:?}, not {expected:?}");
        };
        // R = 129 − 13 = 116; as MOS of 116 / 1.29 = 89.9.
        check(Codec::G722, 0, Some(mos(116.0 / 1.29)));
        assert!((mos(116.0 / 1.29) - 4.34).abs() < 0.01, "{}", mos(116.0 / 1.29));
        check(Codec::G722, 1, None);
        check(Codec::Opus, 0, None);
    }

    #[test]
    fn delay_costs_nothing_to_100_ms_and_then_what_the_recommendation_says() {
        for (ms, cost) in [(0.0, 0.0), (100.0, 0.0), (200.0, 3.04), (300.0, 14.76), (400.0, 24.07)] {
            assert!((delay_impairment(ms) - cost).abs() < 0.01, "{ms} ms: {}", delay_impairment(ms));
        }
    }

    #[test]
    fn bursts_are_told_from_gaps_as_in_the_example_of_rfc_3611() {
        let mut counter = BurstCounter::default();
        let pattern = "11110111111111111111111X111X1011110111111111111111111X111111111";
        // The RFC says 64 packets and prints 63: one more at the end makes its gaps of 230 and 290 ms.
        pattern.chars().chain("1".chars()).for_each(|packet| counter.frame(packet != '1'));
        let bursts = counter.report(10).unwrap();
        assert_eq!((bursts.count, bursts.burst_ms, bursts.gap_ms), (1, 120.0, 520.0));
        assert!((bursts.burst_density - 0.33).abs() < 0.005 && (bursts.gap_density - 0.04).abs() < 0.005, "{bursts:?}");
        assert_eq!(BurstCounter::default().report(20), None);
        let mut one = BurstCounter::default();
        (0..100).for_each(|n| one.frame(n == 50));
        let alone = one.report(20).unwrap();
        assert_eq!((alone.count, alone.burst_density, alone.gap_density, alone.gap_ms), (0, 0.0, 0.01, 2_000.0));
    }

    #[test]
    fn the_level_is_that_of_what_was_said_and_not_of_the_pauses() {
        let square = |amplitude: i16| {
            let mut frame = Frame::SILENT;
            frame.samples.iter_mut().enumerate().for_each(|(i, s)| *s = if i % 8 < 4 { amplitude } else { -amplitude });
            frame
        };
        let mut loudness = Loudness::default();
        // A square wave of 3,277 is −20 dBov; three quarters of the time there is all but nothing.
        for n in 0..400 {
            loudness.frame(&square(if n % 4 == 0 { 3_277 } else { 20 }));
        }
        let level = loudness.level_dbov().unwrap();
        assert!((level + 20.0).abs() < 0.1, "{level}");
        assert_eq!(loudness.clipped_ratio(), 0.0);
        loudness.frame(&square(32_124));
        assert!((loudness.clipped_ratio() - 1.0 / 101.0).abs() < 1e-6, "{}", loudness.clipped_ratio());
        assert_eq!(Loudness::default().level_dbov(), None);
        let mut faint = Loudness::default();
        (0..100).for_each(|_| faint.frame(&square(10)));
        assert_eq!(faint.level_dbov(), None, "nobody was heard");
    }

    #[test]
    fn a_faint_line_is_one_way_after_five_seconds() {
        let tone = |amplitude: i16| {
            let mut frame = Frame::SILENT;
            frame.samples.iter_mut().enumerate().for_each(|(i, s)| *s = if i % 8 < 4 { amplitude } else { -amplitude });
            frame
        };
        let check = |frames: usize, frame: &Frame, faint: bool| {
            let mut loudness = Loudness::default();
            (0..frames).for_each(|_| loudness.frame(frame));
            assert_eq!(loudness.only_faint(), faint, "{frames} frames of ±{}", frame.samples[0]);
        };
        // −55 dBov is an rms of 58.
        check(300, &tone(57), true);
        check(300, &tone(60), false);
        check(249, &tone(0), false);
        check(250, &tone(0), true);
        check(300, &Frame::LOST, false);
    }
}
