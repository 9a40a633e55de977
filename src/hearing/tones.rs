//! Tones as specifications, not recordings: `440+480/2000,4000` is what a US telephone rings like.
//!
//! A specification is segments joined by commas. A segment is `frequencies/ms`; a bare number after the first is the
//! next on or off time of the same tone (`400+450/400,200,400,2000`); frequency 0 is a pause
//! (`950/330,1400/330,1800/330,0/1000`). `a+b` adds two frequencies, `a*b` modulates a with b. Without a time the tone
//! is steady (`350+440`). A leading `!` plays the segment once and leaves it out of the repetition.

use crate::vocabulary::SAMPLE_RATE;
use std::f64::consts::TAU;
use std::fmt;

/// Peak of a sine at 0 dBm0 on the 16-bit scale: a full-scale sine is +3.14 dBm0 (ITU-T G.711, A-law).
pub const PEAK_AT_0_DBM0: f64 = 32_767.0 * 0.696_627;

/// Longest segment; a steady tone is rendered as one second.
const SEGMENT_MS_MAX: u32 = 120_000;
const SEGMENTS_MAX: usize = 64;
const STEADY_MS: u32 = 1_000;

/// What is wrong with a tone specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTone {
    pub spec: String,
    pub what: String,
}

impl fmt::Display for BadTone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a tone: {}; write for example 440+480/2000,4000 or 350+440", self.spec, self.what)
    }
}

impl std::error::Error for BadTone {}

/// How the frequencies of a segment make one sound.
#[derive(Clone, Debug, PartialEq)]
pub enum Pitch {
    Silent,
    Sum(Vec<f64>),
    /// Carrier and modulating frequency, fully modulated.
    Modulated(f64, f64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub pitch: Pitch,
    /// `None`: steady.
    pub ms: Option<u32>,
    /// Played the first time only.
    pub once: bool,
}

/// A tone that can be rendered: the segments of one period.
#[derive(Clone, Debug, PartialEq)]
pub struct ToneSpec {
    pub segments: Vec<Segment>,
}

impl ToneSpec {
    pub fn parse(spec: &str) -> Result<ToneSpec, BadTone> {
        let bad = |what: String| BadTone { spec: spec.to_string(), what };
        let mut segments: Vec<Segment> = Vec::new();
        for part in spec.split(',') {
            let part = part.trim();
            let (once, part) = match part.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, part),
            };
            let segment = match (part.split_once('/'), segments.last()) {
                (Some((pitch, ms)), _) => {
                    Segment { pitch: pitch_of(pitch).map_err(bad)?, ms: Some(ms_of(ms).map_err(bad)?), once }
                }
                // A bare number goes on with the tone before: off, then on again.
                (None, Some(Segment { ms: Some(_), pitch, .. })) => {
                    let pitch = match pitch {
                        Pitch::Silent => segments
                            .iter()
                            .rev()
                            .map(|s| &s.pitch)
                            .find(|&p| *p != Pitch::Silent)
                            .cloned()
                            .unwrap_or(Pitch::Silent),
                        _ => Pitch::Silent,
                    };
                    Segment { pitch, ms: Some(ms_of(part).map_err(bad)?), once }
                }
                (None, Some(_)) => return Err(bad("nothing can follow a steady tone".into())),
                (None, None) => Segment { pitch: pitch_of(part).map_err(bad)?, ms: None, once },
            };
            segments.push(segment);
        }
        if segments.len() > SEGMENTS_MAX {
            return Err(bad(format!("more than {SEGMENTS_MAX} segments")));
        }
        Ok(ToneSpec { segments })
    }

    /// Samples of one whole period (of one second where the tone is steady), at `level_dbm0` for the sum of a
    /// segment's frequencies.
    pub fn render(&self, level_dbm0: f32) -> Vec<i16> {
        let mut samples = Vec::new();
        for segment in &self.segments {
            let count = (u64::from(segment.ms.unwrap_or(STEADY_MS)) * u64::from(SAMPLE_RATE) / 1_000) as usize;
            sound(&segment.pitch, level_dbm0, count, &mut samples);
        }
        samples
    }
}

/// One period of the tone `spec` at `level_dbm0`, 8 kHz linear; a steady tone gives one second.
/// Whole-hertz frequencies repeat without a click.
pub fn render(spec: &str, level_dbm0: f32) -> Result<Vec<i16>, BadTone> {
    Ok(ToneSpec::parse(spec)?.render(level_dbm0))
}

/// A tone that goes on for as long as it is asked for.
#[derive(Clone, Debug)]
pub struct ToneSource {
    samples: Vec<i16>,
    /// Where the repetition begins: after the segments that are played once.
    again: usize,
    next: usize,
}

impl ToneSource {
    pub fn new(spec: &str, level_dbm0: f32) -> Result<ToneSource, BadTone> {
        let spec = ToneSpec::parse(spec)?;
        let samples = spec.render(level_dbm0);
        let once = ToneSpec { segments: spec.segments.into_iter().take_while(|s| s.once).collect() };
        let again = once.render(level_dbm0).len();
        Ok(ToneSource { samples, again, next: 0 })
    }

    /// Fills `frame` with the next samples; silence when everything was to be played once.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for sample in frame {
            if self.next >= self.samples.len() {
                self.next = self.again;
            }
            *sample = self.samples.get(self.next).copied().unwrap_or(0);
            self.next += 1;
        }
    }
}

fn sound(pitch: &Pitch, level_dbm0: f32, count: usize, samples: &mut Vec<i16>) {
    let peak = PEAK_AT_0_DBM0 * 10f64.powf(f64::from(level_dbm0) / 20.0);
    let rate = f64::from(SAMPLE_RATE);
    samples.extend((0..count).map(|n| {
        let t = n as f64 / rate;
        let value = match pitch {
            Pitch::Silent => 0.0,
            // Equal parts; the sum of the powers is the level asked for.
            Pitch::Sum(parts) => {
                parts.iter().map(|hz| (TAU * hz * t).sin()).sum::<f64>() * peak / (parts.len() as f64).sqrt()
            }
            // (1 + cos)/2 has power 3/8 of the carrier's.
            Pitch::Modulated(carrier, by) => {
                (TAU * carrier * t).sin() * 0.5 * (1.0 - (TAU * by * t).cos()) * peak / 0.375f64.sqrt()
            }
        };
        value.round().clamp(-32_768.0, 32_767.0) as i16
    }));
}

fn pitch_of(text: &str) -> Result<Pitch, String> {
    if let Some((carrier, by)) = text.split_once('*') {
        return Ok(Pitch::Modulated(hz_of(carrier)?, hz_of(by)?));
    }
    let parts = text.split('+').map(hz_of).collect::<Result<Vec<f64>, String>>()?;
    match parts.as_slice() {
        [hz] if *hz == 0.0 => Ok(Pitch::Silent),
        parts if parts.len() > 4 => Err("more than four frequencies".into()),
        _ => Ok(Pitch::Sum(parts)),
    }
}

fn hz_of(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(hz) if (0.0..4_000.0).contains(&hz) => Ok(hz),
        _ => Err(format!("'{text}' is not a frequency between 0 and 4000 Hz")),
    }
}

fn ms_of(text: &str) -> Result<u32, String> {
    match text.trim().parse::<u32>() {
        Ok(ms) if ms <= SEGMENT_MS_MAX => Ok(ms),
        _ => Err(format!("'{text}' is not a time in whole milliseconds up to {SEGMENT_MS_MAX}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_is_rendered_with_its_times_and_its_level() {
        for (spec, ms, level) in [
            ("440+480/2000,4000", 6_000, -10.0),
            ("400+450/400,200,400,2000", 3_000, -20.0),
            ("450", 1_000, -5.0),
            ("950/330,1400/330,1800/330,0/1000", 1_990, -24.0),
            ("400*20/1000,2000", 3_000, -15.0),
        ] {
            let samples = render(spec, level).unwrap();
            assert_eq!(samples.len(), ms * 8, "{spec}");
            let on = &samples[..samples.len().min(2_400)];
            let power = on.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / on.len() as f64;
            let dbm0 = 10.0 * (power * 2.0 / PEAK_AT_0_DBM0.powi(2)).log10();
            assert!((dbm0 - f64::from(level)).abs() < 0.5, "{spec}: {dbm0} for {level}");
        }
    }

    #[test]
    fn what_is_no_tone_is_refused_with_what_to_write() {
        for spec in ["", "abc", "440/", "440/x", "9000/100", "450,100", "440/-1", "1+2+3+4+5"] {
            assert!(render(spec, -10.0).is_err(), "{spec}");
        }
    }

    #[test]
    fn segments_marked_once_are_left_out_of_the_repetition() {
        let mut source = ToneSource::new("!950/100,0/100", 0.0).unwrap();
        let mut heard = vec![0i16; 8 * 500];
        source.fill(&mut heard);
        assert!(heard[..800].iter().any(|&s| s != 0));
        assert!(heard[800..].iter().all(|&s| s == 0));
    }
}
