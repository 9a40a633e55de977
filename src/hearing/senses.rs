//! What is measured of every frame, once: level, spectra, and the features the voice gate judges by.

use super::spectrum::{LONG, Recent, SHORT, Spectrum, db};
use super::wide::{product, sum, wide};
use crate::vocabulary::{FRAME_SAMPLES, Frame};
use std::ops::Range;
use std::sync::LazyLock;

/// Bands of the short spectrum, about equal to the ear between 120 and 3,800 Hz.
pub const BANDS: usize = 22;
pub const FEATURES: usize = BANDS + 8;
pub const LONG_BINS: usize = LONG / 2 + 1;
const SHORT_BINS: usize = SHORT / 2 + 1;

/// The part of the long spectrum in which notes and harmonics are followed: 94–2,094 Hz.
const LINES: usize = 128;
const LINES_FROM: usize = 6;
/// How many frames back the lines are compared: 80, 200 and 400 ms. A note stands still, a voice does not.
const BACK: [usize; 3] = [4, 10, 20];
const HISTORY: usize = 21;

/// One frame, measured.
pub struct Sensed {
    /// Mean power of the frame itself, dBov (a full-scale sine is −3).
    pub level_dbov: f32,
    /// Mean power of each 5 ms of the frame.
    pub envelope: [f32; 4],
    /// Power spectrum of the last 64 ms.
    pub long: [f32; LONG_BINS],
    pub features: [f32; FEATURES],
    /// All 160 samples equal to each other and to the last of the frame before.
    pub frozen: bool,
}

impl Sensed {
    const NOTHING: Sensed = Sensed {
        level_dbov: -120.0,
        envelope: [0.0; 4],
        long: [0.0; LONG_BINS],
        features: [0.0; FEATURES],
        frozen: false,
    };
}

/// What lasts longer than a frame. All else lies on the stack, where the processor's cache has it: of a thousand callers
/// it has nothing.
pub struct Senses {
    recent: Recent,
    short: Spectrum,
    wide: Spectrum,
    comb: Spectrum,
    bands: &'static [Band],
    history: Box<[[f32; LINES]; HISTORY]>,
    newest: usize,
    last_sample: i16,
    frozen: bool,
}

struct Band {
    from: usize,
    weights: Vec<f32>,
}

impl Default for Senses {
    fn default() -> Senses {
        Senses::new()
    }
}

impl Senses {
    pub fn new() -> Senses {
        Senses {
            recent: Recent::new(),
            short: Spectrum::new(SHORT),
            wide: Spectrum::new(LONG),
            comb: Spectrum::new(LINES),
            bands: &BANDS_OF_SHORT,
            history: Box::new([[0.0; LINES]; HISTORY]),
            newest: 0,
            last_sample: 0,
            frozen: false,
        }
    }

    /// Whether the newest frame stood still.
    pub fn frozen(&self) -> bool {
        self.frozen
    }

    /// Measures one frame that was really received.
    pub fn measure(&mut self, frame: &Frame) -> Sensed {
        let mut sensed = Sensed::NOTHING;
        measure(self, frame, &mut sensed);
        self.frozen = sensed.frozen;
        sensed
    }
}

wide! {
    fn measure(senses: &mut Senses, frame: &Frame, sensed: &mut Sensed) {
        sensed.frozen = frame.samples.iter().all(|&s| s == senses.last_sample);
        senses.last_sample = frame.samples[FRAME_SAMPLES - 1];
        senses.recent.push(&frame.samples);
        let samples: [f32; LONG] = senses.recent.samples();
        let mut power = 0.0;
        let newest = samples[LONG - FRAME_SAMPLES..].chunks_exact(FRAME_SAMPLES / 4);
        for (slot, part) in sensed.envelope.iter_mut().zip(newest) {
            *slot = product(part, part) / part.len() as f32;
            power += *slot / 4.0;
        }
        sensed.level_dbov = db(power);

        let mut short = [0.0; SHORT_BINS];
        senses.short.power(&samples[LONG - SHORT..], &mut short);
        senses.wide.power(&samples, &mut sensed.long);

        let features = &mut sensed.features;
        for (slot, band) in features.iter_mut().zip(senses.bands) {
            let sum: f32 = band.weights.iter().zip(&short[band.from..]).map(|(w, p)| w * p).sum();
            *slot = sum + 1e-9;
        }
        for slot in &mut features[..BANDS] {
            *slot = (db(*slot) + 65.0) / 20.0;
        }
        let rest = &mut features[BANDS..];
        rest[0] = (db(power + 1e-9) + 50.0) / 20.0;

        let mut lines = [0.0; LINES];
        let flat = peaky_lines(&sensed.long, &mut lines);
        let mut comb = [0.0; LINES / 2 + 1];
        senses.comb.power(&lines, &mut comb);
        senses.newest = (senses.newest + 1) % HISTORY;
        senses.history[senses.newest] = lines;
        for (slot, back) in rest[1..].iter_mut().zip(BACK) {
            *slot = product(&lines, &senses.history[(senses.newest + HISTORY - back) % HISTORY]);
        }
        rest[4] = two_line_share(&sensed.long);
        rest[5] = flat / 10.0;
        // A voice at f0 is a comb of lines every f0: one peak at 2,000/f0 in the spectrum of the spectrum.
        let total = sum(&comb[1..]) + 1e-9;
        let (best, peak) =
            (5..=26).map(|q| (q, comb[q])).fold((0, 0.0), |top, now| if now.1 > top.1 { now } else { top });
        rest[6] = peak / total * 3.0;
        rest[7] = best as f32 / 13.0 - 1.0;
    }
}

/// Fills `lines` with the spectrum in decibels, its slow shape taken out and its length made 1; returns how peaked it
/// is (mean of the decibels below the local mean power).
#[inline(always)]
fn peaky_lines(long: &[f32; LONG_BINS], lines: &mut [f32; LINES]) -> f32 {
    let part = &long[LINES_FROM..LINES_FROM + LINES];
    let floor = greatest(part) * 1e-5 + 1e-11;
    for (line, power) in lines.iter_mut().zip(part) {
        *line = db(power + floor);
    }
    let mean_power = sum(part) / LINES as f32;
    let mean_db = sum(lines) / LINES as f32;
    let flat = db(mean_power + floor) - mean_db;
    for block in lines.chunks_exact_mut(16) {
        let mean = sum(block) / 16.0;
        block.iter_mut().for_each(|line| *line -= mean);
    }
    let length = product(lines, lines).sqrt();
    let scale = if length > 1e-3 { 1.0 / length } else { 0.0 };
    lines.iter_mut().for_each(|line| *line *= scale);
    flat
}

/// The greatest of them, and of nothing 0; eight at once.
#[inline(always)]
fn greatest(powers: &[f32]) -> f32 {
    let (eights, rest) = powers.as_chunks::<8>();
    let mut tops = [0.0f32; 8];
    for eight in eights {
        for (top, &power) in tops.iter_mut().zip(eight) {
            *top = if power > *top { power } else { *top };
        }
    }
    tops.iter().chain(rest).fold(0.0f32, |top, &power| if power > top { power } else { top })
}

/// Share of the power that lies in the two strongest lines (each ±3 bins): near 1 for a tone or a pair of tones.
#[inline(always)]
fn two_line_share(long: &[f32; LONG_BINS]) -> f32 {
    let total = sum(&long[6..]) + 1e-10;
    const FROM: usize = 6;
    const TO: usize = LONG_BINS - 4;
    let Some(top) = strongest(long, FROM..TO) else { return 0.0 };
    let below = strongest(long, FROM..top.saturating_sub(LINE_BINS));
    let above = strongest(long, top + LINE_BINS + 1..TO);
    let second = below.into_iter().chain(above).reduce(|a, b| if long[b] > long[a] { b } else { a });
    power_of_lines(long, FROM, top, second) / total
}

/// A line of the long spectrum is so many bins wide to either side.
const LINE_BINS: usize = 3;

/// The first of the strongest bins of a range; none of an empty one.
#[inline(always)]
pub fn strongest(long: &[f32; LONG_BINS], bins: Range<usize>) -> Option<usize> {
    let searched = long.get(bins.clone())?;
    // The greatest power first, then where it stands: cheaper than to carry the place along.
    let top = greatest(searched);
    searched.iter().position(|&power| power >= top).map(|k| bins.start + k)
}

/// The power of all bins from `from` on that belong to one of two lines.
pub fn power_of_lines(long: &[f32; LONG_BINS], from: usize, first: usize, second: Option<usize>) -> f32 {
    let second = second.unwrap_or(first);
    let (low, high) = (first.min(second), first.max(second));
    let span = |line: usize| (line.saturating_sub(LINE_BINS), (line + LINE_BINS + 1).min(LONG_BINS));
    let ((low_from, low_to), (high_from, high_to)) = (span(low), span(high));
    let low_bins = low_from.max(from)..low_to;
    let high_bins = high_from.max(low_to).max(from)..high_to;
    low_bins.chain(high_bins).map(|k| long[k]).sum()
}

/// The same for every caller.
static BANDS_OF_SHORT: LazyLock<Vec<Band>> = LazyLock::new(bands);

/// Triangles, equally wide on the mel scale.
fn bands() -> Vec<Band> {
    let mel = |hz: f64| 1_127.0 * (1.0 + hz / 700.0).ln();
    let hz = |mel: f64| 700.0 * ((mel / 1_127.0).exp() - 1.0);
    let (low, high) = (mel(120.0), mel(3_800.0));
    let edge = |n: usize| hz(low + (high - low) * n as f64 / (BANDS + 1) as f64) / 31.25;
    (0..BANDS)
        .map(|n| {
            let (left, middle, right) = (edge(n), edge(n + 1), edge(n + 2));
            let from = left.ceil() as usize;
            let to = (right.floor() as usize).min(SHORT_BINS - 1);
            let weights: Vec<f32> = (from..=to)
                .map(|k| {
                    let k = k as f64;
                    (if k <= middle { (k - left) / (middle - left) } else { (right - k) / (right - middle) }).max(0.05)
                        as f32
                })
                .collect();
            Band { from, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spectra of noise, of a line or two in it, and of nothing.
    fn spectra() -> impl Iterator<Item = [f32; LONG_BINS]> {
        let mut state = 1u32;
        (0..300).map(move |n| {
            let mut random = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 16_777_216.0
            };
            let mut long: [f32; LONG_BINS] = std::array::from_fn(|_| if n % 10 == 0 { 0.0 } else { random() });
            for _ in 0..n % 3 {
                long[(random() * LONG_BINS as f32) as usize] += 50.0 * random();
            }
            long
        })
    }

    #[test]
    fn two_lines_are_found_and_hold_what_they_hold_by_the_plain_definition() {
        for (n, long) in spectra().enumerate() {
            let strongest_but = |line: usize| {
                (6..LONG_BINS - 4).filter(|k| k.abs_diff(line) > 3).fold(None, |best: Option<usize>, k| match best {
                    Some(best) if long[k] <= long[best] => Some(best),
                    _ => Some(k),
                })
            };
            let first = strongest_but(usize::MAX).unwrap();
            assert_eq!(strongest(&long, 6..LONG_BINS - 4), Some(first), "spectrum {n}");
            let second = strongest_but(first).unwrap();
            let near = |k: usize| k.abs_diff(first) <= 3 || k.abs_diff(second) <= 3;
            let held: f32 = (6..LONG_BINS).filter(|&k| near(k)).map(|k| long[k]).sum();
            assert_eq!(power_of_lines(&long, 6, first, Some(second)), held, "spectrum {n}");
            let share = held / (long[6..].iter().sum::<f32>() + 1e-10);
            assert!((two_line_share(&long) - share).abs() < 1e-5, "spectrum {n}");
        }
    }
}
