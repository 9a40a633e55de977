//! Power spectra of the last 32 and 64 ms of sound.
//!
//! The transform is our own and not a library's: libraries choose their arithmetic by the processor they
//! run on, and a tape must replay to the same bit on every machine.

use super::wide::wide;
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
/// And of the narrowest: the first passes take four places from each quarter.
const NARROWEST: usize = 32;

/// A power spectrum of real samples, Hann-windowed, scaled so that a sine of peak `a` has its power `a²/2` spread over
/// the bins of its main lobe.
pub struct Spectrum(&'static Tables);

/// What all spectra of one size share: a thousand callers with tables of their own would read them from memory, not from
/// the processor's cache.
struct Tables {
    size: usize,
    window: Vec<f32>,
    /// Where each four of the first pass go: the number's bits the other way round.
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
        assert!(size.is_power_of_two() && (NARROWEST..=WIDEST).contains(&size));
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
        // Room on the stack that fits: most windows are short, and every frame has some.
        const MIDDLE: usize = LONG + 1;
        match self.0.size {
            ..=LONG => self.power_within::<{ LONG / 2 }>(samples, power),
            MIDDLE..=2_048 => self.power_within::<1_024>(samples, power),
            _ => self.power_within::<{ WIDEST / 2 }>(samples, power),
        }
    }

    fn power_within<const ROOM: usize>(&self, samples: &[f32], power: &mut [f32]) {
        let half = self.0.size / 2;
        let (mut windowed, mut turned) = (([0.0; ROOM], [0.0; ROOM]), ([0.0; ROOM], [0.0; ROOM]));
        let windowed = (&mut windowed.0[..half], &mut windowed.1[..half]);
        power_of(self.0, samples, windowed, (&mut turned.0[..half], &mut turned.1[..half]), power);
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
            reversed: (0..half as u16 / 4).map(|n| n.reverse_bits() >> (18 - bits)).collect(),
            turns_re: angles.iter().map(|angle| angle.cos() as f32).collect(),
            turns_im: angles.iter().map(|angle| angle.sin() as f32).collect(),
            scale: 2.0 / (energy * size as f32),
        }
    }

    /// The turns of the pass of this span.
    #[inline(always)]
    fn turns(&self, span: usize) -> (&[f32], &[f32]) {
        (&self.turns_re[span - 1..][..span], &self.turns_im[span - 1..][..span])
    }
}

/// Complex numbers side by side, their real and imaginary parts apart, so that one instruction takes all of them.
type Many<const N: usize> = ([f32; N], [f32; N]);

/// A butterfly: `b` turned, added to `a` and taken from it.
#[inline(always)]
fn cross<const N: usize>((ar, ai): Many<N>, (br, bi): Many<N>, (tr, ti): Many<N>) -> (Many<N>, Many<N>) {
    let xr: [f32; N] = from_fn(|k| br[k] * tr[k] - bi[k] * ti[k]);
    let xi: [f32; N] = from_fn(|k| br[k] * ti[k] + bi[k] * tr[k]);
    let sum = (from_fn(|k| ar[k] + xr[k]), from_fn(|k| ai[k] + xi[k]));
    (sum, (from_fn(|k| ar[k] - xr[k]), from_fn(|k| ai[k] - xi[k])))
}

#[inline(always)]
fn many<const N: usize>(re: &[f32], im: &[f32], at: usize) -> Many<N> {
    let (re, im) = (&re[at..at + N], &im[at..at + N]);
    (from_fn(|k| re[k]), from_fn(|k| im[k]))
}

#[inline(always)]
fn put<const N: usize>(re: &mut [f32], im: &mut [f32], at: usize, many: Many<N>) {
    re[at..at + N].copy_from_slice(&many.0);
    im[at..at + N].copy_from_slice(&many.1);
}

/// Real and imaginary parts of a whole signal.
type Parts<'r> = (&'r mut [f32], &'r mut [f32]);

wide! {
    /// The spectrum of two real halves packed as one complex signal: pairs of samples are complex numbers.
    fn power_of(tables: &Tables, samples: &[f32], windowed: Parts, turned: Parts, power: &mut [f32]) {
        let (wre, wim) = windowed;
        let (re, im) = turned;
        let parts = wre.iter_mut().zip(wim.iter_mut());
        for ((re, im), (pair, window)) in parts.zip(samples.chunks_exact(2).zip(tables.window.chunks_exact(2))) {
            (*re, *im) = (pair[0] * window[0], pair[1] * window[1]);
        }
        first_passes(tables, (wre, wim), re, im);
        // Passes two by two, so that each number is read and written half as often.
        let mut span = 4;
        if (re.len() / span).trailing_zeros() % 2 == 1 {
            one_pass(tables, span, re, im);
            span *= 2;
        }
        while span < re.len() {
            match span {
                4 => two_passes::<4>(tables, span, re, im),
                _ => two_passes::<8>(tables, span, re, im),
            }
            span *= 4;
        }
        take_apart(tables, power, re, im);
    }
}

/// The passes of span 1 and 2, which only add and swap: four places of the result at a time, which are taken from the four
/// quarters of the signal, and so many of them at once.
#[inline(always)]
fn first_passes(tables: &Tables, (wre, wim): (&[f32], &[f32]), re: &mut [f32], im: &mut [f32]) {
    const AT_ONCE: usize = 4;
    let quarter = re.len() / 4;
    for (first, places) in tables.reversed.as_chunks::<AT_ONCE>().0.iter().enumerate() {
        let at = first * AT_ONCE;
        // By the reversed bits of their numbers, the third quarter comes second.
        let (pr, pi) = many::<AT_ONCE>(wre, wim, at);
        let (qr, qi) = many::<AT_ONCE>(wre, wim, at + 2 * quarter);
        let (rr, ri) = many::<AT_ONCE>(wre, wim, at + quarter);
        let (sr, si) = many::<AT_ONCE>(wre, wim, at + 3 * quarter);
        let (ar, ai) = (plus(pr, qr), plus(pi, qi));
        let (br, bi) = (minus(pr, qr), minus(pi, qi));
        let (cr, ci) = (plus(rr, sr), plus(ri, si));
        let (dr, di) = (minus(rr, sr), minus(ri, si));
        let real = [plus(ar, cr), plus(br, di), minus(ar, cr), minus(br, di)];
        let imaginary = [plus(ai, ci), minus(bi, dr), minus(ai, ci), plus(bi, dr)];
        for (k, &place) in places.iter().enumerate() {
            let four = (from_fn(|n| real[n][k]), from_fn(|n| imaginary[n][k]));
            put::<4>(re, im, 4 * usize::from(place), four);
        }
    }
}

#[inline(always)]
fn plus<const N: usize>(a: [f32; N], b: [f32; N]) -> [f32; N] {
    from_fn(|k| a[k] + b[k])
}

#[inline(always)]
fn minus<const N: usize>(a: [f32; N], b: [f32; N]) -> [f32; N] {
    from_fn(|k| a[k] - b[k])
}

/// The pass of span 4, where it has none to go with.
#[inline(always)]
fn one_pass(tables: &Tables, span: usize, re: &mut [f32], im: &mut [f32]) {
    let (turns_re, turns_im) = tables.turns(span);
    let turn = many::<4>(turns_re, turns_im, 0);
    for (re, im) in re.chunks_exact_mut(2 * span).zip(im.chunks_exact_mut(2 * span)) {
        let (a, b) = cross(many(re, im, 0), many(re, im, span), turn);
        put(re, im, 0, a);
        put(re, im, span, b);
    }
}

/// The passes of this span and of twice this span, `N` butterflies at once.
#[inline(always)]
fn two_passes<const N: usize>(tables: &Tables, span: usize, re: &mut [f32], im: &mut [f32]) {
    let (near_re, near_im) = tables.turns(span);
    let (far_re, far_im) = tables.turns(2 * span);
    for (re, im) in re.chunks_exact_mut(4 * span).zip(im.chunks_exact_mut(4 * span)) {
        for at in (0..span).step_by(N) {
            let near = many::<N>(near_re, near_im, at);
            let (a, b) = cross(many(re, im, at), many(re, im, at + span), near);
            let (c, d) = cross(many(re, im, at + 2 * span), many(re, im, at + 3 * span), near);
            let (a, c) = cross(a, c, many(far_re, far_im, at));
            let (b, d) = cross(b, d, many(far_re, far_im, at + span));
            put(re, im, at, a);
            put(re, im, at + span, b);
            put(re, im, at + 2 * span, c);
            put(re, im, at + 3 * span, d);
        }
    }
}

/// Two real halves packed as one complex signal are taken apart again: bin k needs places k and half − k.
#[inline(always)]
fn take_apart(tables: &Tables, power: &mut [f32], re: &[f32], im: &[f32]) {
    const AT_ONCE: usize = 8;
    let half = re.len();
    let power = &mut power[..half + 1];
    let (turns_re, turns_im) = tables.turns(half);
    power[0] = bins(([re[0]], [im[0]]), ([re[0]], [im[0]]), ([1.0], [0.0]), tables.scale)[0] * 0.5;
    power[half] = bins(([re[0]], [im[0]]), ([re[0]], [im[0]]), ([-1.0], [0.0]), tables.scale)[0] * 0.5;
    let mut k = 1;
    while k + AT_ONCE <= half {
        let back = many::<AT_ONCE>(re, im, half + 1 - k - AT_ONCE);
        let back = (from_fn(|n| back.0[AT_ONCE - 1 - n]), from_fn(|n| back.1[AT_ONCE - 1 - n]));
        let found = bins(many::<AT_ONCE>(re, im, k), back, many(turns_re, turns_im, k), tables.scale);
        power[k..k + AT_ONCE].copy_from_slice(&found);
        k += AT_ONCE;
    }
    for (k, power) in power.iter_mut().enumerate().take(half).skip(k) {
        *power = bins(many::<1>(re, im, k), many(re, im, half - k), many(turns_re, turns_im, k), tables.scale)[0];
    }
}

#[inline(always)]
fn bins<const N: usize>((ar, ai): Many<N>, (br, bi): Many<N>, (tr, ti): Many<N>, scale: f32) -> [f32; N] {
    from_fn(|k| {
        let (er, ei) = (0.5 * (ar[k] + br[k]), 0.5 * (ai[k] - bi[k]));
        let (or, oi) = (0.5 * (ai[k] + bi[k]), -0.5 * (ar[k] - br[k]));
        let (re, im) = (er + tr[k] * or - ti[k] * oi, ei + tr[k] * oi + ti[k] * or);
        (re * re + im * im) * scale
    })
}

/// The last `LONG` samples, in the midst of some that are older: they are moved when there is no more room, and not with
/// every frame.
pub struct Recent {
    samples: Box<[i16; ROOM]>,
    end: usize,
}

const ROOM: usize = LONG + 16 * FRAME_SAMPLES;

impl Default for Recent {
    fn default() -> Recent {
        Recent::new()
    }
}

impl Recent {
    pub fn new() -> Recent {
        Recent { samples: Box::new([0; ROOM]), end: LONG }
    }

    pub fn push(&mut self, frame: &[i16; FRAME_SAMPLES]) {
        if self.end + FRAME_SAMPLES > ROOM {
            self.samples.copy_within(self.end - LONG..self.end, 0);
            self.end = LONG;
        }
        self.samples[self.end..self.end + FRAME_SAMPLES].copy_from_slice(frame);
        self.end += FRAME_SAMPLES;
    }

    /// As −1…1.
    #[inline(always)]
    pub fn samples(&self) -> [f32; LONG] {
        let mut samples = [0.0; LONG];
        in_unity(&self.samples[self.end - LONG..self.end], &mut samples);
        samples
    }
}

/// 16-bit samples as −1…1.
#[inline(always)]
pub fn in_unity(samples: &[i16], unity: &mut [f32]) {
    for (to, &from) in unity.iter_mut().zip(samples) {
        *to = f32::from(from) / 32_768.0;
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
    use super::super::wide::NARROW;
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

    /// Samples of every kind: noise, a tone, silence with one click.
    fn sounds(size: usize) -> [Vec<f32>; 3] {
        let mut state = 7u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 as f32 / 32_768.0
        };
        let noise = (0..size).map(|_| random()).collect();
        let tone = (0..size).map(|n| 0.3 * (0.7 * n as f32).sin()).collect();
        let click = (0..size).map(|n| if n == size / 3 { -1.0 } else { 0.0 }).collect();
        [noise, tone, click]
    }

    fn sizes() -> impl Iterator<Item = usize> {
        (NARROWEST.trailing_zeros()..=WIDEST.trailing_zeros()).map(|bits| 1 << bits)
    }

    #[test]
    fn a_spectrum_is_that_of_the_plain_definition() {
        for size in sizes() {
            let spectrum = Spectrum::new(size);
            for samples in sounds(size) {
                let mut power = vec![0.0; spectrum.bins()];
                spectrum.power(&samples, &mut power);
                let window = |n: usize| 0.5 - 0.5 * (TAU * (n as f64 + 0.5) / size as f64).cos();
                let energy: f64 = (0..size).map(|n| window(n).powi(2)).sum();
                let scale = 2.0 / (energy * size as f64);
                let loudest = power.iter().fold(0.0f32, |top, &p| top.max(p));
                // Some bins of the large ones: the definition takes its time.
                for k in (0..=size / 2).step_by((size / 64).max(1)) {
                    let (mut re, mut im) = (0.0, 0.0);
                    for (n, &sample) in samples.iter().enumerate() {
                        let angle = -TAU * ((k * n) % size) as f64 / size as f64;
                        re += window(n) * f64::from(sample) * angle.cos();
                        im += window(n) * f64::from(sample) * angle.sin();
                    }
                    let whole = if k == 0 || k == size / 2 { 0.5 } else { 1.0 };
                    let wanted = ((re * re + im * im) * scale * whole) as f32;
                    assert!((power[k] - wanted).abs() <= 2e-5 * loudest, "bin {k} of {size}: {} {wanted}", power[k]);
                }
            }
        }
    }

    #[test]
    fn wide_and_narrow_registers_say_the_same_to_the_bit() {
        for size in sizes() {
            let spectrum = Spectrum::new(size);
            for samples in sounds(size) {
                let [wide, narrow] = [false, true].map(|narrow| {
                    NARROW.set(narrow);
                    let mut power = vec![0.0; spectrum.bins()];
                    spectrum.power(&samples, &mut power);
                    NARROW.set(false);
                    power.into_iter().map(f32::to_bits).collect::<Vec<u32>>()
                });
                assert!(wide == narrow, "{size}");
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
