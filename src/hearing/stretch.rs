//! Slower or faster speech at the same pitch (WSOLA): recognition of Chinese errs less on audio slowed to nine tenths.
//!
//! W. Verhelst, M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality time-scale
//! modification of speech", ICASSP 1993. Windows are laid over each other at a fixed hop; each is taken from near where it
//! should lie, at the place that goes on best from the one before.

/// `samples` at `speed` (0.5 to 2) of what they were, pitch kept.
pub fn stretched(samples: &[f32], rate: u32, speed: f32) -> Vec<f32> {
    let hop = (rate as usize * 12 / 1000).max(1);
    let window = 2 * hop;
    let reach = rate as usize * 6 / 1000;
    if samples.len() < window + 2 * reach || (speed - 1.0).abs() < 1e-3 {
        return samples.to_vec();
    }
    let shape: Vec<f32> =
        (0..window).map(|i| 0.5 - 0.5 * (std::f32::consts::TAU * (i as f32 + 0.5) / window as f32).cos()).collect();
    let length = (samples.len() as f32 / speed) as usize;
    let mut out = vec![0f32; length + window];
    let mut weight = vec![0f32; length + window];
    // Where the window before would have gone on.
    let mut goes_on = 0usize;
    let mut at = 0usize;
    while at < length {
        let ideal = (at as f32 * speed) as usize;
        let from = if at == 0 { 0 } else { best_place(samples, ideal, goes_on, hop, reach) };
        let end = window.min(samples.len().saturating_sub(from));
        for i in 0..end {
            out[at + i] += samples[from + i] * shape[i];
            weight[at + i] += shape[i];
        }
        goes_on = from + hop;
        at += hop;
    }
    out.truncate(length);
    for (sample, weight) in out.iter_mut().zip(&weight) {
        if *weight > 1e-3 {
            *sample /= weight;
        }
    }
    out
}

/// The place within `reach` of `ideal` whose next `hop` samples are most like those at `goes_on`.
fn best_place(samples: &[f32], ideal: usize, goes_on: usize, hop: usize, reach: usize) -> usize {
    let last = samples.len().saturating_sub(2 * hop);
    if goes_on > last {
        return ideal.min(last);
    }
    let pattern = &samples[goes_on..goes_on + hop];
    let likeness = |from: usize, step: usize| {
        let there = &samples[from..from + hop];
        let (mut product, mut energy) = (0f32, 1e-6f32);
        for i in (0..hop).step_by(step) {
            product += pattern[i] * there[i];
            energy += there[i] * there[i];
        }
        product / energy.sqrt()
    };
    let (low, high) = (ideal.saturating_sub(reach).min(last), (ideal + reach).min(last));
    // Coarsely first, then every sample around the best.
    let best = |places: &mut dyn Iterator<Item = usize>, step: usize| {
        places.map(|p| (likeness(p, step), p)).max_by(|a, b| a.0.total_cmp(&b.0)).map_or(ideal.min(last), |(_, p)| p)
    };
    let coarse = best(&mut (low..=high).step_by(4), 2);
    best(&mut (coarse.saturating_sub(3).max(low)..=(coarse + 3).min(high)), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_pitch_and_changes_its_length() {
        for speed in [0.8f32, 0.9, 1.0, 1.25] {
            let rate = 16_000;
            let tone: Vec<f32> =
                (0..rate).map(|i| (std::f32::consts::TAU * 440.0 * i as f32 / rate as f32).sin() * 0.5).collect();
            let out = stretched(&tone, rate as u32, speed);
            let expected = rate as f32 / speed;
            assert!((out.len() as f32 - expected).abs() < 400.0, "{speed}: {} samples", out.len());
            let crossings = out.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count() as f32;
            let hz = crossings / (out.len() as f32 / rate as f32);
            assert!((hz - 440.0).abs() < 6.0, "{speed}: {hz} Hz");
            let loudness = (out.iter().map(|s| s * s).sum::<f32>() / out.len() as f32).sqrt();
            assert!((loudness - 0.354).abs() < 0.03, "{speed}: {loudness}");
        }
    }

    #[test]
    fn nothing_and_next_to_nothing_are_left_alone() {
        assert_eq!(stretched(&[], 8000, 0.9), Vec::<f32>::new());
        assert_eq!(stretched(&[0.1; 50], 8000, 0.9), vec![0.1; 50]);
    }
}
