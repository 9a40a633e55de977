//! Sounds made by rule, for the tests of the ears: tones, noise, laws of G.711, something like a voice.

use super::tones::PEAK_AT_0_DBM0;
use std::f64::consts::TAU;

/// Companding of G.711.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    A,
    Mu,
}

/// Sines added, each at its own level in dBm0.
pub fn tones(parts: &[(f64, f32)], ms: u32) -> Vec<i16> {
    (0..ms * 8)
        .map(|n| {
            let t = f64::from(n) / 8_000.0;
            let sum: f64 = parts
                .iter()
                .map(|(hz, level)| PEAK_AT_0_DBM0 * 10f64.powf(f64::from(*level) / 20.0) * (TAU * hz * t).sin())
                .sum();
            clip(sum)
        })
        .collect()
}

/// White noise of a level in dBm0, the same for the same seed.
pub fn noise(level_dbm0: f32, samples: usize, seed: u64) -> Vec<i16> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let rms = PEAK_AT_0_DBM0 / 2f64.sqrt() * 10f64.powf(f64::from(level_dbm0) / 20.0);
    // Uniform noise has an rms of 1/√3 of its peak.
    (0..samples).map(|_| clip(uniform(&mut state) * rms * 3f64.sqrt())).collect()
}

/// Something with the rhythm and the harmonics of a voice: syllables of gliding pitch and changing vowels, pauses
/// between phrases. Deterministic.
pub fn voice(level_dbm0: f32, ms: u32, seed: u64) -> Vec<i16> {
    const VOWELS: [[f64; 3]; 5] = [
        [730.0, 1_090.0, 2_440.0],
        [270.0, 2_290.0, 3_010.0],
        [300.0, 870.0, 2_240.0],
        [530.0, 1_840.0, 2_480.0],
        [570.0, 840.0, 2_410.0],
    ];
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut samples: Vec<f64> = Vec::new();
    let wanted = ms as usize * 8;
    let mut pitch = 120.0;
    while samples.len() < wanted {
        let vowel = VOWELS[(uniform(&mut state).abs() * 4.999) as usize];
        let next = VOWELS[(uniform(&mut state).abs() * 4.999) as usize];
        let length = (960.0 + 900.0 * uniform(&mut state).abs()) as usize;
        let glide = 1.0 + 0.25 * uniform(&mut state);
        // A hissing consonant, then a gliding vowel.
        let hiss = 240 + (uniform(&mut state).abs() * 400.0) as usize;
        let mut before = 0.0;
        for n in 0..hiss {
            let white = uniform(&mut state);
            samples.push(0.22 * (white - before) * (n as f64 / hiss as f64).min(1.0));
            before = white;
        }
        let mut phase = 0.0;
        for n in 0..length {
            let x = n as f64 / length as f64;
            let f0 = pitch * (1.0 + (glide - 1.0) * x) * (1.0 + 0.01 * uniform(&mut state));
            phase += TAU * f0 / 8_000.0;
            let envelope = (x * 8.0).min(1.0) * ((1.0 - x) * 5.0).min(1.0);
            let mut sum = 0.0;
            let mut h = 1.0;
            while h * f0 < 3_600.0 {
                let hz = h * f0;
                let gain: f64 = (0..3)
                    .map(|k| {
                        let formant = vowel[k] + (next[k] - vowel[k]) * x;
                        [1.0, 0.5, 0.25][k] * (-((hz - formant) / [90.0, 120.0, 160.0][k]).powi(2)).exp()
                    })
                    .sum::<f64>()
                    + 0.02;
                sum += gain * (phase * h).sin();
                h += 1.0;
            }
            samples.push(sum * envelope);
        }
        pitch = (pitch * glide).clamp(95.0, 190.0);
        if uniform(&mut state) > 0.6 {
            samples.extend(std::iter::repeat_n(0.0, 800 + (uniform(&mut state).abs() * 1_600.0) as usize));
        }
    }
    samples.truncate(wanted);
    let rms = (samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64).sqrt();
    let scale = PEAK_AT_0_DBM0 / 2f64.sqrt() * 10f64.powf(f64::from(level_dbm0) / 20.0) / rms;
    samples.iter().map(|s| clip(s * scale)).collect()
}

/// Samples as they come out of a G.711 line.
pub fn through(law: Law, samples: &[i16]) -> Vec<i16> {
    samples
        .iter()
        .map(|&s| match law {
            Law::A => a_law(s),
            Law::Mu => mu_law(s),
        })
        .collect()
}

/// Sixteen segments of A-law, quantised and back (ITU-T G.711 table 1).
fn a_law(sample: i16) -> i16 {
    let magnitude = i32::from(sample).abs().min(32_767) >> 4;
    let exponent = (magnitude >> 5).checked_ilog2().map_or(0, |e| e + 1);
    let step = if exponent <= 1 { 1 } else { exponent - 1 };
    let value = ((magnitude >> step << step) + (1 << step >> 1)) << 4;
    if sample < 0 { -value as i16 } else { value as i16 }
}

fn mu_law(sample: i16) -> i16 {
    let magnitude = (i32::from(sample).abs() >> 2).min(8_158) + 33;
    let exponent = (magnitude >> 6).checked_ilog2().map_or(0, |e| e + 1);
    let step = exponent + 1;
    let value = (((magnitude >> step << step) + (1 << step >> 1)) - 33) << 2;
    let value = value.min(32_124);
    if sample < 0 { -value as i16 } else { value as i16 }
}

fn uniform(state: &mut u64) -> f64 {
    // SplitMix64: enough for noise, and the same everywhere.
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn clip(value: f64) -> i16 {
    value.round().clamp(-32_768.0, 32_767.0) as i16
}
