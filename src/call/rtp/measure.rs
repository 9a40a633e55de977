//! How good the sound was: the E-model (ITU-T G.107) for what was lost, and whether there was sound at all.

use super::g711::Codec;
use crate::vocabulary::{FRAME_MS, Frame};

/// R of a narrowband call with nothing wrong: all of G.107's defaults.
const R_BEST: f64 = 93.2;
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

    pub fn of(codec: Codec) -> Impairment {
        match codec {
            Codec::Pcma | Codec::Pcmu => Impairment::G711_CONCEALED,
        }
    }
}

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

/// Listening quality from counted packets.
pub fn listening_quality(codec: Codec, expected: u64, missed: u64, mean_burst: f64) -> Option<f64> {
    if expected == 0 {
        return None;
    }
    let ratio = missed.min(expected) as f64 / expected as f64;
    // BurstR of G.107: how much longer the runs are than chance would make them.
    let burst_ratio = mean_burst * (1.0 - ratio);
    Some(mos(rating(effective_impairment(Impairment::of(codec), ratio * 100.0, burst_ratio), 0.0)))
}

/// Watches whether anybody could be heard.
#[derive(Clone, Debug, Default)]
pub struct Loudness {
    heard_ms: u64,
    audible: bool,
}

impl Loudness {
    pub fn frame(&mut self, frame: &Frame) {
        if !frame.lost {
            self.heard_ms += FRAME_MS;
            let power: f64 = frame.samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
            self.audible |= power > FAINT_POWER * frame.samples.len() as f64;
        }
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
        let quality = |missed, burst| listening_quality(Codec::Pcma, 1000, missed, burst).unwrap();
        assert!((quality(0, 1.0) - 4.409).abs() < 0.001);
        assert!(quality(50, 5.0) < quality(50, 1.0));
        assert_eq!(listening_quality(Codec::Pcma, 0, 0, 1.0), None);
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
