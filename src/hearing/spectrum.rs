//! Power spectra of the last 32 and 64 ms of sound.
//!
//! The transform is our own forty lines and not a library's: libraries choose their arithmetic by the processor they
//! run on, and a tape must replay to the same bit on every machine.

use crate::vocabulary::{FRAME_SAMPLES, SAMPLE_RATE};
use std::f64::consts::TAU;

/// Samples of the short window: 32 ms, bins of 31.25 Hz. Follows speech.
pub const SHORT: usize = 256;
/// Samples of the long window: 64 ms, bins of 15.6 Hz. Tells 440 from 480 Hz.
pub const LONG: usize = 512;

/// A power spectrum of real samples, Hann-windowed, scaled so that a sine of peak `a` has its power `a²/2` spread over
/// the bins of its main lobe.
pub struct Spectrum {
    size: usize,
    window: Vec<f32>,
    /// e^(−2πik/size), k in 0..size/2.
    turns: Vec<(f32, f32)>,
    reversed: Vec<u16>,
    work: Vec<(f32, f32)>,
    scale: f32,
}

impl Spectrum {
    pub fn new(size: usize) -> Spectrum {
        assert!(size.is_power_of_two() && (8..=4_096).contains(&size));
        let half = size / 2;
        let bits = half.trailing_zeros();
        let window: Vec<f32> =
            (0..size).map(|n| (0.5 - 0.5 * (TAU * (n as f64 + 0.5) / size as f64).cos()) as f32).collect();
        let energy: f32 = window.iter().map(|w| w * w).sum();
        Spectrum {
            size,
            window,
            turns: (0..half)
                .map(|k| {
                    let angle = -TAU * k as f64 / size as f64;
                    (angle.cos() as f32, angle.sin() as f32)
                })
                .collect(),
            reversed: (0..half as u16).map(|n| n.reverse_bits() >> (16 - bits)).collect(),
            work: vec![(0.0, 0.0); half],
            scale: 2.0 / (energy * size as f32),
        }
    }

    pub fn bins(&self) -> usize {
        self.size / 2 + 1
    }

    pub fn hz_per_bin(&self) -> f32 {
        SAMPLE_RATE as f32 / self.size as f32
    }

    /// `samples.len()` is the window's size, `power.len()` is `bins()`.
    pub fn power(&mut self, samples: &[f32], power: &mut [f32]) {
        for ((pair, window), &at) in samples.chunks_exact(2).zip(self.window.chunks_exact(2)).zip(&self.reversed) {
            self.work[usize::from(at)] = (pair[0] * window[0], pair[1] * window[1]);
        }
        self.transform();
        let half = self.size / 2;
        // Two real halves packed as one complex signal are taken apart again.
        for (k, power) in power.iter_mut().enumerate().take(half + 1) {
            let (ar, ai) = self.work[k % half];
            let (br, bi) = self.work[(half - k) % half];
            let (er, ei) = (0.5 * (ar + br), 0.5 * (ai - bi));
            let (or, oi) = (0.5 * (ai + bi), -0.5 * (ar - br));
            let (tr, ti) = if k < half { self.turns[k] } else { (-1.0, 0.0) };
            let (re, im) = (er + tr * or - ti * oi, ei + tr * oi + ti * or);
            *power = (re * re + im * im) * self.scale;
        }
        power[0] *= 0.5;
        power[half] *= 0.5;
    }

    /// Radix 2, in place, input already in bit-reversed order.
    fn transform(&mut self) {
        let n = self.work.len();
        let mut span = 1;
        while span < n {
            let stride = self.size / (2 * span);
            for block in self.work.chunks_exact_mut(2 * span) {
                let (low, high) = block.split_at_mut(span);
                for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let (tr, ti) = self.turns[k * stride];
                    let (xr, xi) = (b.0 * tr - b.1 * ti, b.0 * ti + b.1 * tr);
                    *b = (a.0 - xr, a.1 - xi);
                    *a = (a.0 + xr, a.1 + xi);
                }
            }
            span *= 2;
        }
    }
}

/// The last `LONG` samples, as −1…1.
pub struct Recent {
    samples: [f32; LONG],
}

impl Default for Recent {
    fn default() -> Recent {
        Recent::new()
    }
}

impl Recent {
    pub fn new() -> Recent {
        Recent { samples: [0.0; LONG] }
    }

    pub fn push(&mut self, frame: &[i16; FRAME_SAMPLES]) {
        self.samples.copy_within(FRAME_SAMPLES.., 0);
        for (to, &from) in self.samples[LONG - FRAME_SAMPLES..].iter_mut().zip(frame) {
            *to = f32::from(from) / 32_768.0;
        }
    }

    pub fn last(&self, count: usize) -> &[f32] {
        &self.samples[LONG - count..]
    }
}

/// Decibels of a power; the floor stands for nothing at all.
pub fn db(power: f32) -> f32 {
    3.010_3 * log2(power.max(1e-12))
}

/// Base-2 logarithm by bits and a polynomial (error < 1e-4): the same on every machine, and fast.
pub fn log2(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = ((bits >> 23) as i32 - 127) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000);
    let p = -2.794_154 + m * (5.069_756 + m * (-3.520_219 + m * (1.610_178 + m * (-0.409_476 + m * 0.043_929))));
    exponent + p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_its_power_at_its_frequency() {
        for size in [SHORT, LONG] {
            let mut spectrum = Spectrum::new(size);
            for hz in [350.0f32, 440.0, 1_000.0, 2_100.0, 3_300.0] {
                let sine: Vec<f32> =
                    (0..size).map(|n| 0.5 * (std::f32::consts::TAU * hz * n as f32 / 8_000.0).sin()).collect();
                let mut power = vec![0.0; spectrum.bins()];
                spectrum.power(&sine, &mut power);
                let total: f32 = power.iter().sum();
                let top = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b])).unwrap();
                assert!((db(total) - db(0.125)).abs() < 0.3, "{hz}: {}", db(total));
                assert!((top as f32 * spectrum.hz_per_bin() - hz).abs() <= spectrum.hz_per_bin() * 0.51, "{hz}");
            }
        }
    }

    #[test]
    fn the_logarithm_is_that_of_the_library() {
        for x in [1e-12f32, 1e-6, 0.1, 0.5, 0.999, 1.0, 1.5, 2.0, 3.7, 1e6] {
            assert!((log2(x) - x.log2()).abs() < 2e-4, "{x}: {} {}", log2(x), x.log2());
        }
    }
}
