//! Sound at another sampling rate, by a windowed sinc.

/// Zero crossings on each side of the kernel: about 80 dB down beyond the pass band.
const CROSSINGS: f64 = 24.0;

/// `samples` at rate `to`. The pass band ends a little below the lower of the two Nyquist frequencies.
pub fn resampled(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to || samples.is_empty() {
        return samples.to_vec();
    }
    let divisor = greatest_common_divisor(from, to);
    let (up, down) = (u64::from(to / divisor), u64::from(from / divisor));
    // In cycles per input sample; 0.94 leaves room for the kernel's slope.
    let cutoff = 0.94 * (f64::from(to) / f64::from(from)).min(1.0);
    let half = (CROSSINGS / cutoff).ceil() as i64;
    // One kernel for each of the `up` places a new sample can lie between two old ones.
    let kernels: Vec<Vec<f32>> = (0..up)
        .map(|phase| {
            let shift = phase as f64 / up as f64;
            let taps: Vec<f64> = (-half + 1..=half).map(|k| tap(k as f64 - shift, cutoff, half as f64)).collect();
            let sum: f64 = taps.iter().sum();
            taps.iter().map(|t| (t / sum) as f32).collect()
        })
        .collect();
    let length = (samples.len() as u64 * up).div_ceil(down);
    (0..length)
        .map(|i| {
            let place = i * down;
            let (base, phase) = ((place / up) as i64, (place % up) as usize);
            let first = base - half + 1;
            let kernel = &kernels[phase];
            let skip = (-first).max(0) as usize;
            let from = (first + skip as i64) as usize;
            let there = samples.get(from..).unwrap_or(&[]);
            kernel[skip.min(kernel.len())..].iter().zip(there).map(|(k, s)| k * s).sum()
        })
        .collect()
}

fn tap(x: f64, cutoff: f64, half: f64) -> f64 {
    let phase = std::f64::consts::PI * x * cutoff;
    let sinc = if phase.abs() < 1e-9 { 1.0 } else { phase.sin() / phase };
    // Blackman's window.
    let turn = std::f64::consts::PI * (x / half + 1.0);
    let window = if x.abs() >= half { 0.0 } else { 0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos() };
    sinc * window
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_below_both_limits_comes_through_and_one_above_does_not() {
        for (from, to) in [(8_000, 16_000), (16_000, 8_000), (44_100, 8_000), (11_025, 16_000), (48_000, 16_000)] {
            for (hz, loud) in [(1_000.0, true), (3_000.0, true), (5_500.0, false)] {
                if hz * 2.0 > from as f32 || (!loud && hz * 2.0 < to as f32) {
                    continue;
                }
                let tone: Vec<f32> =
                    (0..from).map(|i| (std::f32::consts::TAU * hz * i as f32 / from as f32).sin()).collect();
                let out = resampled(&tone, from, to);
                assert_eq!(out.len(), to as usize, "{from} to {to}");
                let middle = &out[out.len() / 4..out.len() * 3 / 4];
                let level = (middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32).sqrt();
                if loud {
                    assert!((level - std::f32::consts::FRAC_1_SQRT_2).abs() < 0.01, "{from} to {to} at {hz}: {level}");
                } else {
                    assert!(level < 0.001, "{from} to {to} at {hz}: {level}");
                }
            }
        }
    }

    #[test]
    fn short_sounds_do_not_panic() {
        for length in [0, 1, 2, 30] {
            let out = resampled(&vec![0.5; length], 8_000, 16_000);
            assert_eq!(out.len(), length * 2);
        }
    }
}
