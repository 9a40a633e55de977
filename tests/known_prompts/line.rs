//! What lines do to a prompt: codec, gain, noise, loss, and a beginning that is cut off.

use nightbell::call::rtp::Codec;
use nightbell::vocabulary::{FRAME_SAMPLES, Frame, Seed};

/// Silence before and after.
pub const LEAD: usize = 8_000;
const REST: usize = 12_000;

#[derive(Debug)]
pub struct Line {
    pub codec: &'static str,
    pub gain_db: f64,
    pub loss: bool,
    pub noise: bool,
    /// Samples that are missing of the beginning.
    pub cut: usize,
    /// Samples by which the packets lie otherwise.
    pub offset: usize,
    /// The jitter buffer drops or repeats one packet.
    pub slip: Option<(f64, bool)>,
}

impl Line {
    pub fn quiet() -> Line {
        Line { codec: "PCMA", gain_db: 0.0, loss: false, noise: false, cut: 0, offset: 0, slip: None }
    }

    /// Everything at once.
    pub fn bad(seed: &mut Seed) -> Line {
        let codec = ["PCMA", "PCMU", "G.722"][seed.below(3) as usize];
        Line {
            codec,
            gain_db: seed.unit() * 12.0 - 6.0,
            loss: true,
            noise: true,
            cut: if seed.below(2) == 0 { 0 } else { seed.below(4_000) as usize },
            offset: seed.below(160) as usize,
            slip: (seed.below(4) == 0).then(|| (seed.unit(), seed.below(2) == 0)),
        }
    }

    /// The frames, and the sample at which sound begins.
    pub fn carry(&self, samples: &[i16], seed: &mut Seed) -> (Vec<Frame>, usize) {
        let mut sound = vec![0.0; LEAD + self.offset];
        let begins = sound.len();
        let gain = 10f64.powf(self.gain_db / 20.0);
        sound.extend(samples[self.cut.min(samples.len())..].iter().map(|&s| f64::from(s) * gain));
        let ends = sound.len();
        sound.resize(ends + REST, 0.0);
        if let Some((share, repeat)) = self.slip {
            let at = begins + ((ends - begins) as f64 * share) as usize;
            let packet: Vec<f64> = sound[at..(at + FRAME_SAMPLES).min(ends)].to_vec();
            sound.splice(if repeat { at..at } else { at..at + packet.len() }, if repeat { packet } else { Vec::new() });
        }
        if self.codec == "G.722" {
            sub_band(&mut sound);
        }
        if self.noise {
            // 30 dB below the mean power of the prompt.
            let power = samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / samples.len() as f64;
            let level = (power * gain * gain / 1_000.0).sqrt() * 3f64.sqrt();
            sound.iter_mut().for_each(|s| *s += (seed.unit() * 2.0 - 1.0) * level);
        }
        let law = if self.codec == "PCMU" { Codec::Pcmu } else { Codec::Pcma };
        let round = |s: f64| s.round().clamp(-32_768.0, 32_767.0) as i16;
        let coded = |s: f64| if self.codec == "G.722" { round(s) } else { law.decode(law.encode(round(s))) };
        let mut frames: Vec<Frame> = sound
            .chunks_exact(FRAME_SAMPLES)
            .map(|chunk| Frame { samples: std::array::from_fn(|n| coded(chunk[n])), lost: false })
            .collect();
        if self.loss {
            // Two states (Gilbert): 2 % lost, bursts of two packets in the mean.
            let (mut losing, mut last) = (false, [0; FRAME_SAMPLES]);
            for frame in &mut frames {
                losing = seed.unit() < if losing { 0.5 } else { 0.0102 };
                if losing {
                    last.iter_mut().for_each(|s| *s /= 2);
                    *frame = Frame { samples: last, lost: true };
                }
                last = frame.samples;
            }
        }
        (frames, begins)
    }
}

/// Stands in for G.722's lower band: adaptive quantisation of the difference to a prediction, six bits, with its noise.
fn sub_band(sound: &mut [f64]) {
    let (mut predicted, mut step) = (0.0, 16.0);
    for sample in sound {
        let difference = *sample - predicted;
        let level = (difference / step).round().clamp(-30.0, 30.0);
        let decoded = predicted + level * step;
        step = (step * if level.abs() > 14.0 { 1.3 } else { 0.97 }).clamp(2.0, 4_000.0);
        predicted = decoded * 0.85;
        *sample = decoded;
    }
}
