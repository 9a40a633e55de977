//! What lines do to a prompt: codec, gain, noise, loss, and a beginning that is cut off.

use nightbell::call::rtp::Codec;
use nightbell::call::rtp::coder::{Decoder, Encoder};
use nightbell::vocabulary::{FRAME_SAMPLES, Frame, Seed};

/// Silence before and after.
pub const LEAD: usize = 8_000;
const REST: usize = 12_000;

#[derive(Debug)]
pub struct Line {
    pub codec: Codec,
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
        Line { codec: Codec::Pcma, gain_db: 0.0, loss: false, noise: false, cut: 0, offset: 0, slip: None }
    }

    /// Everything at once.
    pub fn bad(seed: &mut Seed) -> Line {
        let codec = Codec::ALL[seed.below(Codec::ALL.len() as u64) as usize];
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
        if self.noise {
            // 30 dB below the mean power of the prompt.
            let power = samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / samples.len() as f64;
            let level = (power * gain * gain / 1_000.0).sqrt() * 3f64.sqrt();
            sound.iter_mut().for_each(|s| *s += (seed.unit() * 2.0 - 1.0) * level);
        }
        let (mut encoder, mut decoder) = (Encoder::new(self.codec), Decoder::new(self.codec));
        let mut frames = Vec::new();
        for chunk in sound.chunks_exact(FRAME_SAMPLES) {
            let sent = std::array::from_fn(|n| chunk[n].round().clamp(-32_768.0, 32_767.0) as i16);
            let mut heard = Vec::new();
            decoder.decode(&encoder.encode(&sent), &mut heard);
            frames.push(Frame { samples: heard.try_into().expect("20 ms in, 20 ms out"), lost: false });
        }
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
