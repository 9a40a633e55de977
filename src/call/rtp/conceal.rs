//! What is put where a packet is missing: the last pitch period again, fading (after ITU-T G.711 appendix I).

/// Longest pitch period looked for: 66 Hz.
const LAG_MAX: usize = 120;
/// Shortest: 200 Hz (a higher voice is met at a multiple of its period).
const LAG_MIN: usize = 40;
/// The stretch compared to find the period: 20 ms.
const COMPARED: usize = 160;
/// Kept of what was played.
const HISTORY: usize = LAG_MAX + COMPARED;
/// Full strength for the first 10 ms, then a fifth less each 10 ms: silent after 60 ms (G.711 appendix I §I.2.7).
const FULL: usize = 80;
const FADE: usize = 400;
/// Over so many samples the real sound is faded in again.
const JOIN: usize = 32;

/// Fills holes from what was played before.
pub struct Concealer {
    history: [i16; HISTORY],
    /// Samples made up in a row.
    made: usize,
    lag: usize,
    /// The last `lag` samples before the hole.
    period: [i16; LAG_MAX],
}

impl Concealer {
    pub fn new() -> Concealer {
        Concealer { history: [0; HISTORY], made: 0, lag: LAG_MAX, period: [0; LAG_MAX] }
    }

    /// Real sound is about to be played: joins it to made-up sound before it, and remembers it.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if self.made > 0 {
            let join = JOIN.min(samples.len());
            for (i, sample) in samples[..join].iter_mut().enumerate() {
                let made = i32::from(self.made_up(self.made + i));
                let real = i32::from(*sample);
                *sample = ((made * (join - i) as i32 + real * i as i32) / join as i32) as i16;
            }
            self.made = 0;
        }
        self.remember(samples);
    }

    /// Nothing came for these samples.
    pub fn fill(&mut self, samples: &mut [i16]) {
        if self.made == 0 {
            self.lag = self.pitch();
            self.period[..self.lag].copy_from_slice(&self.history[HISTORY - self.lag..]);
        }
        for (i, sample) in samples.iter_mut().enumerate() {
            *sample = self.made_up(self.made + i);
        }
        self.made += samples.len();
        self.remember(samples);
    }

    /// The sample that many into the hole: the last period again, fading.
    fn made_up(&self, made: usize) -> i16 {
        let gain = if made < FULL { FADE } else { FADE.saturating_sub(made - FULL) };
        (i32::from(self.period[made % self.lag]) * gain as i32 / FADE as i32) as i16
    }

    fn remember(&mut self, samples: &[i16]) {
        let kept = samples.len().min(HISTORY);
        self.history.copy_within(kept.., 0);
        self.history[HISTORY - kept..].copy_from_slice(&samples[samples.len() - kept..]);
    }

    /// The lag at which the newest 20 ms are most like what was before, by normalised correlation.
    fn pitch(&self) -> usize {
        let newest = &self.history[HISTORY - COMPARED..];
        let mut best = (f32::MIN, LAG_MAX);
        for lag in LAG_MIN..=LAG_MAX {
            let before = &self.history[HISTORY - COMPARED - lag..HISTORY - lag];
            let (mut product, mut energy) = (0f32, 1f32);
            for (a, b) in newest.iter().zip(before).step_by(2) {
                product += f32::from(*a) * f32::from(*b);
                energy += f32::from(*b) * f32::from(*b);
            }
            let likeness = product / energy.sqrt();
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, from: usize, len: usize) -> Vec<i16> {
        (from..from + len).map(|n| (8000.0 * (n as f32 * hz * std::f32::consts::TAU / 8000.0).sin()) as i16).collect()
    }

    #[test]
    fn a_steady_tone_goes_on_through_a_hole_of_one_packet() {
        for hz in [100.0, 160.0, 200.0, 400.0] {
            let mut concealer = Concealer::new();
            concealer.heard(&mut tone(hz, 0, 800));
            let mut hole = [0i16; 160];
            concealer.fill(&mut hole);
            let wanted = tone(hz, 800, 160);
            let off: f64 = hole[..80].iter().zip(&wanted).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let all: f64 = wanted[..80].iter().map(|b| f64::from(*b).powi(2)).sum();
            assert!(off / all < 0.02, "{hz} Hz: error {:.3} of the tone's power", off / all);
        }
    }

    #[test]
    fn a_long_hole_fades_to_nothing_and_silence_stays_silent() {
        let mut concealer = Concealer::new();
        concealer.heard(&mut tone(200.0, 0, 800));
        let mut hole = [0i16; 160];
        for _ in 0..3 {
            concealer.fill(&mut hole);
        }
        assert!(hole[120..].iter().all(|s| s.unsigned_abs() < 1000), "faded by 60 ms");
        concealer.fill(&mut hole);
        assert_eq!(hole, [0; 160]);
        let mut quiet = Concealer::new();
        quiet.fill(&mut hole);
        assert_eq!(hole, [0; 160]);
    }

    #[test]
    fn coming_back_from_a_hole_makes_no_step() {
        let mut concealer = Concealer::new();
        concealer.heard(&mut tone(200.0, 0, 800));
        let mut hole = [0i16; 160];
        concealer.fill(&mut hole);
        let mut back = tone(200.0, 980, 160);
        concealer.heard(&mut back);
        assert!((i32::from(back[0]) - i32::from(hole[159])).abs() < 3000);
        assert_eq!(back[40..], tone(200.0, 980, 160)[40..]);
    }
}
