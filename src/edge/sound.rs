//! Recordings on disk: WAV as PCM of any usual rate (through hound), and as A-law or µ-law, which hound does not read.

use crate::call::rtp::g711;
use crate::hearing::resample::resampled;
use std::path::Path;

/// Longest recording read: a whole call.
const SECONDS_MAX: u64 = 3600;

/// One channel of sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub samples: Vec<i16>,
    pub rate: u32,
}

impl Recording {
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }

    /// The same at another rate.
    pub fn at(&self, rate: u32) -> Recording {
        if rate == self.rate {
            return self.clone();
        }
        let samples: Vec<f32> = self.samples.iter().map(|&s| f32::from(s)).collect();
        let samples = resampled(&samples, self.rate, rate);
        Recording { samples: samples.iter().map(|s| s.round().clamp(-32768.0, 32767.0) as i16).collect(), rate }
    }
}

/// Reads a WAV file; several channels are mixed into one.
pub fn read(path: &Path) -> Result<Recording, String> {
    let named = |what: String| format!("{}: {what}", path.display());
    let size = std::fs::metadata(path).map_err(|e| named(e.to_string()))?.len();
    if size > SECONDS_MAX * 48_000 * 8 {
        return Err(named("longer than an hour".into()));
    }
    let bytes = std::fs::read(path).map_err(|e| named(e.to_string()))?;
    read_bytes(&bytes).map_err(named)
}

/// Reads a WAV file's bytes.
pub fn read_bytes(bytes: &[u8]) -> Result<Recording, String> {
    if bytes.len() < 12 || &bytes[..4] != b"RIFF" || &bytes[8..12] != b"WAVE" {
        return Err("not a WAV file; convert it, for instance: sox IN -r 8000 -c 1 OUT.wav".into());
    }
    let recording = match law_of(bytes)? {
        Some(law) => law.recording(bytes),
        None => pcm(bytes),
    }?;
    if !(4_000..=192_000).contains(&recording.rate) {
        return Err(format!("{} samples a second; 8000 and 16000 are usual", recording.rate));
    }
    Ok(recording)
}

fn pcm(bytes: &[u8]) -> Result<Recording, String> {
    let mut reader = hound::WavReader::new(bytes).map_err(|e| e.to_string())?;
    let spec = reader.spec();
    let all: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map_while(Result::ok).map(|s| s * 32767.0).collect(),
        hound::SampleFormat::Int => {
            let scale = 2f32.powi(16 - i32::from(spec.bits_per_sample));
            reader.samples::<i32>().map_while(Result::ok).map(|s| s as f32 * scale).collect()
        }
    };
    Ok(Recording { samples: mixed(&all, spec.channels), rate: spec.sample_rate })
}

fn mixed(all: &[f32], channels: u16) -> Vec<i16> {
    let channels = usize::from(channels.max(1));
    all.chunks(channels)
        .map(|frame| (frame.iter().sum::<f32>() / frame.len() as f32).round().clamp(-32768.0, 32767.0) as i16)
        .collect()
}

/// A G.711 file's format chunk and data.
struct Law {
    codec: g711::Law,
    channels: u16,
    rate: u32,
    data: (usize, usize),
}

/// `Some` when the file says A-law (format 6) or µ-law (7), in the plain form or in the extensible one.
fn law_of(bytes: &[u8]) -> Result<Option<Law>, String> {
    let word = |at: usize| bytes.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let long = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let (mut at, mut format) = (12, None);
    while let (Some(name), Some(size)) = (bytes.get(at..at + 4), long(at + 4)) {
        let body = at + 8;
        match name {
            b"fmt " => {
                let kind = match word(body) {
                    Some(0xfffe) => word(body + 24),
                    other => other,
                };
                let codec = match kind {
                    Some(6) => g711::Law::A,
                    Some(7) => g711::Law::Mu,
                    // PCM and float are hound's.
                    Some(1 | 3) | None => return Ok(None),
                    Some(other) => {
                        return Err(format!("WAV of kind {other} is not read: PCM, float, A-law and µ-law are"));
                    }
                };
                if word(body + 14) != Some(8) {
                    return Err("G.711 that is not of eight bits".into());
                }
                format = Some((codec, word(body + 2).unwrap_or(1), long(body + 4).unwrap_or(0)));
            }
            b"data" => {
                let Some((codec, channels, rate)) = format else { return Ok(None) };
                // A file still being written says 0 or all ones: then it goes on to the end.
                let claimed = if size == 0 || size == u32::MAX { usize::MAX } else { size as usize };
                let length = claimed.min(bytes.len() - body.min(bytes.len()));
                return Ok(Some(Law { codec, channels, rate, data: (body, length) }));
            }
            _ => {}
        }
        at = body + size as usize + (size as usize & 1);
    }
    if format.is_some() { Err("the file has no sound in it".into()) } else { Ok(None) }
}

impl Law {
    fn recording(&self, bytes: &[u8]) -> Result<Recording, String> {
        let (from, length) = self.data;
        let all: Vec<f32> = bytes[from..from + length].iter().map(|&b| f32::from(self.codec.decode(b))).collect();
        Ok(Recording { samples: mixed(&all, self.channels), rate: self.rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(format: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0".to_vec();
        out.extend(format.to_le_bytes());
        out.extend(channels.to_le_bytes());
        out.extend(rate.to_le_bytes());
        out.extend((rate * u32::from(channels) * u32::from(bits) / 8).to_le_bytes());
        out.extend((channels * bits / 8).to_le_bytes());
        out.extend(bits.to_le_bytes());
        out.extend([0, 0]);
        out.extend(b"fact\x04\0\0\0\0\0\0\0data");
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(data);
        let size = (out.len() - 8) as u32;
        out[4..8].copy_from_slice(&size.to_le_bytes());
        out
    }

    #[test]
    fn pcm_and_both_laws_are_read() {
        let silence_a = read_bytes(&wav(6, 1, 8000, 8, &[0xd5; 16])).unwrap();
        assert_eq!(silence_a, Recording { samples: vec![8; 16], rate: 8000 });
        let silence_u = read_bytes(&wav(7, 1, 8000, 8, &[0xff; 16])).unwrap();
        assert_eq!(silence_u, Recording { samples: vec![0; 16], rate: 8000 });
        let stereo = read_bytes(&wav(1, 2, 16000, 16, &[0x10, 0, 0x20, 0, 0xf0, 0xff, 0xe0, 0xff])).unwrap();
        assert_eq!(stereo, Recording { samples: vec![24, -24], rate: 16000 });
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (bytes, complaint) in [
            (b"".to_vec(), "not a WAV file"),
            (b"ID3\x03 an mp3 file".to_vec(), "not a WAV file"),
            (wav(17, 1, 8000, 4, &[0; 8]), "not read"),
            (wav(6, 1, 0, 8, &[0; 8]), "0 samples a second"),
            (wav(6, 1, 8000, 16, &[0; 8]), "eight bits"),
            (wav(7, 1, 8000, 8, &[])[..40].to_vec(), "no sound"),
        ] {
            let said = read_bytes(&bytes).expect_err(complaint);
            assert!(said.contains(complaint), "{said}");
        }
    }
}
