//! The outline of a recording: how loud each side was in each of so many slices, for a picture to look at and click on.

/// Both sides of a call, slice by slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Waveform {
    pub seconds: f64,
    /// 0 to 100.
    pub them: Vec<u8>,
    pub us: Vec<u8>,
}

/// Of a recording as `record::wav` writes it; `None` when it is none, or has no sound.
pub fn of(wav: &[u8], slices: usize) -> Option<Waveform> {
    let mut reader = hound::WavReader::new(wav).ok()?;
    let spec = reader.spec();
    if spec.channels != 2 || spec.bits_per_sample != 16 || spec.sample_rate == 0 || slices == 0 {
        return None;
    }
    // A file that was cut holds less than its header says: what can be read counts.
    let samples: Vec<i16> = reader.samples::<i16>().map_while(Result::ok).collect();
    let frames = samples.len() / 2;
    if frames == 0 {
        return None;
    }
    let slices = slices.min(frames);
    let mut sides = [Vec::with_capacity(slices), Vec::with_capacity(slices)];
    for slice in 0..slices {
        let (from, to) = (slice * frames / slices, ((slice + 1) * frames / slices).max(slice * frames / slices + 1));
        for (side, levels) in sides.iter_mut().enumerate() {
            let peak = samples[from * 2..to * 2].iter().skip(side).step_by(2).map(|s| s.unsigned_abs()).max();
            levels.push(level(peak.unwrap_or(0)));
        }
    }
    let [them, us] = sides;
    Some(Waveform { seconds: frames as f64 / f64::from(spec.sample_rate), them, us })
}

/// By decibels, as ears have it: 48 dB below full scale is where the picture begins.
fn level(peak: u16) -> u8 {
    if peak == 0 {
        return 0;
    }
    let db = 20.0 * (f64::from(peak) / 32_768.0).log10();
    ((db + 48.0) / 48.0 * 100.0).round().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_own_outline() {
        let mut file = std::io::Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for n in 0..16_000 {
            writer.write_sample(if n < 8_000 { 0 } else { i16::MIN }).unwrap();
            writer.write_sample(if n < 8_000 { -2_055i16 } else { 0 }).unwrap();
        }
        writer.finalize().unwrap();
        let wav = file.into_inner();
        let outline = of(&wav, 4).unwrap();
        assert_eq!(outline, Waveform { seconds: 2.0, them: vec![0, 0, 100, 100], us: vec![50, 50, 0, 0] });
        // Cut in the middle of a sample: what is there is drawn.
        assert_eq!(of(&wav[..wav.len() / 2 + 1], 2).unwrap().us, vec![50, 50]);
        for none in [&b""[..], b"RIFF....WAVE", &wav[..44]] {
            assert_eq!(of(none, 4), None);
        }
    }
}
