//! Power spectra of the last 32 and 64 ms of sound.
//!
//! The transform is our own and not a library's: libraries choose their arithmetic by the processor they
//! run on, and a tape must replay to the same bit on every machine.

use crate::vocabulary::{FRAME_SAMPLES, SAMPLE_RATE};
use std::array::from_fn;
use std::f64::consts::TAU;
use std::sync::OnceLock;

/// Samples of the short window: 32 ms, bins of 31.25 Hz. Follows speech.
pub const SHORT: usize = 256;
/// Samples of the long window: 64 ms, bins of 15.6 Hz. Tells 440 from 480 Hz.
pub const LONG: usize = 512;

/// Samples of the widest window there may be: what prompts are known by.
pub const WIDEST: usize = 4_096;

/// Butterflies done at once. Real and imaginary parts lie apart, so that a compiler makes one instruction of four.
const LANES: usize = 4;

/// A power spectrum of real samples, Hann-windowed, scaled so that a sine of peak `a` has its power `a²/2` spread over
/// the bins of its main lobe.
pub struct Spectrum(&'static Tables);

/// What all spectra of one size share: a thousand callers with tables of their own would read them from memory, not from
/// the processor's cache.
struct Tables {
    size: usize,
    window: Vec<f32>,
    /// Where each pair of samples goes: its number's bits the other way round.
    reversed: Vec<u16>,
    /// e^(−2πik/2s), k in 0..s, for the passes of span s = 1, 2, 4 … size/2 one after the other.
    turns_re: Vec<f32>,
    turns_im: Vec<f32>,
    scale: f32,
}

/// By the size's power of two.
static TABLES: [OnceLock<Tables>; WIDEST.trailing_zeros() as usize + 1] =
    [const { OnceLock::new() }; WIDEST.trailing_zeros() as usize + 1];

impl Spectrum {
    pub fn new(size: usize) -> Spectrum {
        assert!(size.is_power_of_two() && (8..=WIDEST).contains(&size));
        Spectrum(TABLES[size.trailing_zeros() as usize].get_or_init(|| Tables::new(size)))
    }

    pub fn bins(&self) -> usize {
        self.0.size / 2 + 1
    }

    pub fn hz_per_bin(&self) -> f32 {
        SAMPLE_RATE as f32 / self.0.size as f32
    }

    /// `samples.len()` is the window's size, `power.len()` is `bins()`.
    pub fn power(&self, samples: &[f32], power: &mut [f32]) {
        if self.0.size <= LONG {
            self.power_within::<{ LONG / 2 }>(samples, power)
        } else {
            self.power_within::<{ WIDEST / 2 }>(samples, power)
        }
    }

    /// With room on the stack that fits: most windows are short, and every frame has some.
    fn power_within<const ROOM: usize>(&self, samples: &[f32], power: &mut [f32]) {
        let (mut re, mut im) = ([0.0; ROOM], [0.0; ROOM]);
        let half = self.0.size / 2;
        self.0.power(samples, power, &mut re[..half], &mut im[..half]);
    }
}

impl Tables {
    fn new(size: usize) -> Tables {
        let half = size / 2;
        let bits = half.trailing_zeros();
        let window: Vec<f32> =
            (0..size).map(|n| (0.5 - 0.5 * (TAU * (n as f64 + 0.5) / size as f64).cos()) as f32).collect();
        let energy: f32 = window.iter().map(|w| w * w).sum();
        let spans = (0..=bits).map(|n| 1 << n);
        let angles: Vec<f64> =
            spans.flat_map(|span| (0..span).map(move |k| -TAU * (k * half / span) as f64 / size as f64)).collect();
        Tables {
            size,
            window,
            reversed: (0..half as u16).map(|n| n.reverse_bits() >> (16 - bits)).collect(),
            turns_re: angles.iter().map(|angle| angle.cos() as f32).collect(),
            turns_im: angles.iter().map(|angle| angle.sin() as f32).collect(),
            scale: 2.0 / (energy * size as f32),
        }
    }

    fn power(&self, samples: &[f32], power: &mut [f32], re: &mut [f32], im: &mut [f32]) {
        for ((pair, window), &at) in samples.chunks_exact(2).zip(self.window.chunks_exact(2)).zip(&self.reversed) {
            re[usize::from(at)] = pair[0] * window[0];
            im[usize::from(at)] = pair[1] * window[1];
        }
        self.transform(re, im);
        // Two real halves packed as one complex signal are taken apart again: bin k needs places k and half − k.
        let (half, scale) = (self.size / 2, self.scale);
        let bin = |(ar, ai): (f32, f32), (br, bi): (f32, f32), (tr, ti): (f32, f32)| {
            let (er, ei) = (0.5 * (ar + br), 0.5 * (ai - bi));
            let (or, oi) = (0.5 * (ai + bi), -0.5 * (ar - br));
            let (re, im) = (er + tr * or - ti * oi, ei + tr * oi + ti * or);
            (re * re + im * im) * scale
        };
        let (re, im) = (&re[..half], &im[..half]);
        let (first, turns) = ((re[0], im[0]), half - 1);
        power[0] = bin(first, first, (1.0, 0.0)) * 0.5;
        power[half] = bin(first, first, (-1.0, 0.0)) * 0.5;
        let ahead = re[1..].iter().zip(&im[1..]);
        let back = re[1..].iter().rev().zip(im[1..].iter().rev());
        let turns = self.turns_re[turns + 1..].iter().zip(&self.turns_im[turns + 1..]);
        for (((power, a), b), turn) in power[1..half].iter_mut().zip(ahead).zip(back).zip(turns) {
            *power = bin((*a.0, *a.1), (*b.0, *b.1), (*turn.0, *turn.1));
        }
    }

    /// Radix 2, in place, input already in bit-reversed order.
    fn transform(&self, all_re: &mut [f32], all_im: &mut [f32]) {
        self.first_passes(all_re, all_im);
        let mut span = LANES;
        while span < all_re.len() {
            let turns_re = self.turns_re[span - 1..][..span].as_chunks::<LANES>().0;
            let turns_im = self.turns_im[span - 1..][..span].as_chunks::<LANES>().0;
            for (re, im) in all_re.chunks_exact_mut(2 * span).zip(all_im.chunks_exact_mut(2 * span)) {
                let ((ar, br), (ai, bi)) = (re.split_at_mut(span), im.split_at_mut(span));
                let a = ar.as_chunks_mut::<LANES>().0.iter_mut().zip(ai.as_chunks_mut::<LANES>().0);
                let b = br.as_chunks_mut::<LANES>().0.iter_mut().zip(bi.as_chunks_mut::<LANES>().0);
                for (((ar, ai), (br, bi)), (tr, ti)) in a.zip(b).zip(turns_re.iter().zip(turns_im)) {
                    let xr: [f32; LANES] = from_fn(|k| br[k] * tr[k] - bi[k] * ti[k]);
                    let xi: [f32; LANES] = from_fn(|k| br[k] * ti[k] + bi[k] * tr[k]);
                    let (re, im) = (*ar, *ai);
                    *ar = from_fn(|k| re[k] + xr[k]);
                    *ai = from_fn(|k| im[k] + xi[k]);
                    *br = from_fn(|k| re[k] - xr[k]);
                    *bi = from_fn(|k| im[k] - xi[k]);
                }
            }
            span *= 2;
        }
    }

    /// The passes of span 1 and 2, in which no four butterflies lie side by side: both at once, four places at a time.
    fn first_passes(&self, re: &mut [f32], im: &mut [f32]) {
        let turn: [(f32, f32); 3] = from_fn(|n| (self.turns_re[n], self.turns_im[n]));
        let cross = |a: (f32, f32), b: (f32, f32), (tr, ti): (f32, f32)| {
            let (xr, xi) = (b.0 * tr - b.1 * ti, b.0 * ti + b.1 * tr);
            ((a.0 + xr, a.1 + xi), (a.0 - xr, a.1 - xi))
        };
        for (re, im) in re.as_chunks_mut::<4>().0.iter_mut().zip(im.as_chunks_mut::<4>().0) {
            let (a, b) = cross((re[0], im[0]), (re[1], im[1]), turn[0]);
            let (c, d) = cross((re[2], im[2]), (re[3], im[3]), turn[0]);
            let (a, c) = cross(a, c, turn[1]);
            let (b, d) = cross(b, d, turn[2]);
            *re = [a.0, b.0, c.0, d.0];
            *im = [a.1, b.1, c.1, d.1];
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
            let spectrum = Spectrum::new(size);
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
