//! The sounds a pretend hotline makes besides speech: call-progress tones by country, SIT, beep, hold music, noise.
//!
//! The tones stand here a second time, from Asterisk's `indications.conf` (which cites ITU-T E.180), and not from the
//! ears' own table: a mistake in one of the two then shows.

use super::hotline::SitCode;
use crate::hearing::tones;
use crate::vocabulary::{SAMPLE_RATE, Seed};
use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

/// Countries whose tones are known.
pub const COUNTRIES: [&str; 6] = ["CN", "DE", "FR", "JP", "UK", "US"];

const TONE_DBM0: f32 = -13.0;
/// ITU-T E.180: −24 dBm0 ±1.5 as sent; exchanges are commonly louder.
const SIT_DBM0: f32 = -20.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ringback,
    Busy,
    Congestion,
}

/// One period of a country's tone; the US stands in for a country that is not known.
pub fn tone(country: &str, tone: Tone) -> Arc<[i16]> {
    let spec = match (country, tone) {
        ("CN", Tone::Ringback) => "450/1000,4000",
        ("CN", Tone::Busy) => "450/350,350",
        ("CN", Tone::Congestion) => "450/700,700",
        ("UK", Tone::Ringback) => "400+450/400,200,400,2000",
        ("UK", Tone::Busy) => "400/375,375",
        ("UK", Tone::Congestion) => "400/400,350,225,525",
        ("DE", Tone::Ringback) => "425/1000,4000",
        ("DE", Tone::Busy) => "425/480,480",
        ("DE", Tone::Congestion) => "425/240,240",
        ("JP", Tone::Ringback) => "400+415/1000,2000",
        ("JP", Tone::Busy | Tone::Congestion) => "400/500,500",
        ("FR", Tone::Ringback) => "440/1500,3500",
        ("FR", Tone::Busy) => "440/500,500",
        ("FR", Tone::Congestion) => "440/250,250",
        (_, Tone::Ringback) => "440+480/2000,4000",
        (_, Tone::Busy) => "480+620/500,500",
        (_, Tone::Congestion) => "480+620/250,250",
    };
    rendered(spec, TONE_DBM0)
}

/// A special information tone (Bellcore frequencies and lengths) and a second of silence.
pub fn sit(code: SitCode) -> Arc<[i16]> {
    let spec = match code {
        SitCode::VacantCode => "985.2/380,1370.6/274,1776.7/380,0/1000",
        SitCode::Intercept => "913.8/274,1370.6/274,1776.7/380,0/1000",
        SitCode::Reorder => "913.8/274,1428.5/380,1776.7/380,0/1000",
        SitCode::NoCircuit => "985.2/380,1428.5/380,1776.7/380,0/1000",
    };
    rendered(spec, SIT_DBM0)
}

/// What voicemail says before it records.
pub fn beep() -> Arc<[i16]> {
    rendered("1000/400,0/100", -12.0)
}

/// A fax machine's answer tone, CED of T.30: 2100 Hz for 3.3 s.
pub fn fax() -> Arc<[i16]> {
    rendered("2100/3300,0/500", -12.0)
}

fn rendered(spec: &str, level_dbm0: f32) -> Arc<[i16]> {
    tones::render(spec, level_dbm0).expect("the specifications above are right").into()
}

pub fn silence(span: Duration) -> Arc<[i16]> {
    vec![0; samples_in(span)].into()
}

pub fn samples_in(span: Duration) -> usize {
    (span.as_micros() as u64 * u64::from(SAMPLE_RATE) / 1_000_000) as usize
}

pub fn length_of(samples: &[i16]) -> Duration {
    Duration::from_micros(samples.len() as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
}

/// Line noise (white, even) at `dbov` below a full-scale square.
pub fn noise(samples: usize, dbov: f32, seed: &mut Seed) -> Vec<i16> {
    // The power of an even distribution of half-width w is w²/3.
    let half_width = 32_768.0 * 10f64.powf(f64::from(dbov) / 20.0) * 3f64.sqrt();
    (0..samples).map(|_| ((seed.unit() * 2.0 - 1.0) * half_width) as i16).collect()
}

/// Hold music of our own making, for where no recording is at hand: eight bars of a slow tune with a bass and chords,
/// sixteen seconds.
pub fn music() -> Arc<[i16]> {
    // C, Am, F, G, twice; semitones above A4.
    const CHORDS: [[i32; 3]; 4] = [[-9, -5, -2], [-12, -9, -5], [-16, -12, -9], [-14, -10, -7]];
    const TUNE: [i32; 32] =
        [7, 3, -2, 3, 7, 8, 7, 3, 5, 0, -4, 0, 5, 7, 5, 2, 3, 7, 10, 7, 3, 2, 0, -2, 0, 3, 5, 8, 7, 5, 2, -2];
    let bar = SAMPLE_RATE as usize * 2;
    let mut sound = vec![0f64; bar * 8];
    let hz = |semitones: i32| 440.0 * 2f64.powf(f64::from(semitones) / 12.0);
    for (i, chord) in CHORDS.iter().cycle().take(8).enumerate() {
        add_note(&mut sound, i * bar, bar, hz(chord[0] - 12), 0.30);
        for &note in chord {
            add_note(&mut sound, i * bar, bar, hz(note), 0.14);
        }
    }
    for (i, &note) in TUNE.iter().enumerate() {
        add_note(&mut sound, i * bar / 4, bar / 3, hz(note), 0.35);
    }
    sound.iter().map(|s| (s * 7_000.0).clamp(-32_000.0, 32_000.0) as i16).collect::<Vec<_>>().into()
}

fn add_note(sound: &mut [f64], start: usize, length: usize, hz: f64, loudness: f64) {
    let rate = f64::from(SAMPLE_RATE);
    let end = (start + length).min(sound.len());
    for (n, sample) in sound[start..end].iter_mut().enumerate() {
        let t = n as f64 / rate;
        let struck = (t * 80.0).min(1.0) * (-t * 1.3).exp() * ((length - n) as f64 / 160.0).min(1.0);
        let harmonics: f64 = (1..=5)
            .filter(|&k| hz * f64::from(k) < 3_600.0)
            .map(|k| (TAU * hz * f64::from(k) * t).sin() / f64::from(k * k))
            .sum();
        *sample += loudness * struck * harmonics;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_its_tones_with_a_period_of_whole_frames_where_the_standard_allows() {
        for country in COUNTRIES {
            for kind in [Tone::Ringback, Tone::Busy, Tone::Congestion] {
                let period = tone(country, kind);
                assert!(period.len() >= 8 * 480, "{country} {kind:?}: {}", period.len());
                assert!(period.iter().any(|&s| s.unsigned_abs() > 3_000), "{country} {kind:?}");
            }
        }
    }

    #[test]
    fn music_is_loud_enough_and_not_clipped() {
        let music = music();
        assert_eq!(length_of(&music), Duration::from_secs(16));
        let peak = music.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!((6_000..32_000).contains(&peak), "{peak}");
    }

    #[test]
    fn noise_has_the_level_it_was_given() {
        let noise = noise(80_000, -50.0, &mut Seed::new(1));
        let power = noise.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / noise.len() as f64;
        let dbov = 10.0 * (power / 32_768f64.powi(2)).log10();
        assert!((dbov + 50.0).abs() < 0.7, "{dbov}");
    }
}
