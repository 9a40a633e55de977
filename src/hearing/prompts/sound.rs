//! The last seconds of sound, and the levels of its bands.

use crate::hearing::spectrum::{SHORT, Spectrum, db, in_unity};
use crate::vocabulary::print::{BANDS, LOST, Print};
use crate::vocabulary::{FRAME_SAMPLES, Frame};

use super::signs::{self, Signs};

/// From one frame of bands to the next: 10 ms.
pub const HOP: usize = 80;
/// The bands lie evenly by ear between these.
const LOWEST_HZ: f32 = 250.0;
const HIGHEST_HZ: f32 = 3_500.0;
/// Kept, and thrown away when this much more has come: seldom, since what is kept is moved then.
const KEPT: usize = 5 * 8_000;
const SPARE: usize = 3 * 8_000;

/// Samples numbered from the first of the call.
pub struct Sound {
    samples: Vec<i16>,
    lost: Vec<bool>,
    first: u64,
}

impl Default for Sound {
    fn default() -> Sound {
        Sound { samples: Vec::with_capacity(KEPT + SPARE), lost: Vec::new(), first: 0 }
    }
}

impl Sound {
    /// A whole clip; `lost` says it of each 20 ms.
    pub fn of(samples: &[i16], lost: &[bool]) -> Sound {
        Sound { samples: samples.to_vec(), lost: lost.to_vec(), first: 0 }
    }

    pub fn push(&mut self, frame: &Frame) {
        if self.samples.len() >= KEPT + SPARE {
            self.samples.drain(..SPARE);
            self.lost.drain(..SPARE / FRAME_SAMPLES);
            self.first += SPARE as u64;
        }
        self.samples.extend_from_slice(&frame.samples);
        self.lost.push(frame.lost);
    }

    pub fn first(&self) -> i64 {
        self.first as i64
    }

    /// One behind the last sample.
    pub fn end(&self) -> i64 {
        (self.first + self.samples.len() as u64) as i64
    }

    /// `None` outside of what is kept.
    pub fn stretch(&self, from: i64, count: usize) -> Option<&[i16]> {
        let from = usize::try_from(from - self.first()).ok()?;
        self.samples.get(from..from + count)
    }

    /// Whether something in there was made up for a lost packet; also outside of what is kept.
    pub fn is_lost(&self, from: i64, count: usize) -> bool {
        let Ok(from) = usize::try_from(from - self.first()) else { return true };
        let frames = from / FRAME_SAMPLES..=(from + count - 1) / FRAME_SAMPLES;
        self.lost.get(frames).is_none_or(|frames| frames.contains(&true))
    }
}

/// Levels of bands.
pub struct Bands {
    spectrum: Spectrum,
    edges: [usize; BANDS + 1],
    windowed: Vec<f32>,
    power: Vec<f32>,
}

impl Default for Bands {
    fn default() -> Bands {
        let spectrum = Spectrum::new(SHORT);
        let mel = |hz: f32| 1_127.0 * (1.0 + hz / 700.0).ln();
        let hz = |mel: f32| 700.0 * ((mel / 1_127.0).exp() - 1.0);
        let edges = std::array::from_fn(|n| {
            let share = n as f32 / BANDS as f32;
            let at = hz(mel(LOWEST_HZ) + share * (mel(HIGHEST_HZ) - mel(LOWEST_HZ)));
            (at / spectrum.hz_per_bin()).round() as usize
        });
        Bands { windowed: vec![0.0; SHORT], power: vec![0.0; spectrum.bins()], spectrum, edges }
    }
}

impl Bands {
    /// Of the 32 ms that begin at `from`, in dBov; `None` where sound is missing.
    pub fn at(&mut self, sound: &Sound, from: i64) -> Option<[f32; BANDS]> {
        if sound.is_lost(from, SHORT) {
            return None;
        }
        in_unity(sound.stretch(from, SHORT)?, &mut self.windowed);
        self.spectrum.power(&self.windowed, &mut self.power);
        Some(std::array::from_fn(|band| {
            let bins = &self.power[self.edges[band]..self.edges[band + 1]];
            db(bins.iter().sum::<f32>() / bins.len() as f32)
        }))
    }
}

/// What is kept of a clip in which speech lasted `speech` samples. `begun`: its first signs, where they were read while it
/// was spoken.
pub fn print(samples: &[i16], lost: &[bool], speech: (u32, u32), begun: Option<Signs>) -> Print {
    let sound = Sound::of(samples, lost);
    let mut bands = Bands::default();
    let frames = samples.len().checked_sub(SHORT).map_or(0, |rest| rest / HOP + 1);
    let bands = (0..frames)
        .map(|n| match bands.at(&sound, (n * HOP) as i64) {
            Some(levels) => levels.map(quantised),
            None => [LOST; BANDS],
        })
        .collect();
    let mut subs = begun.map_or_else(|| Signs::new(0), |begun| begun.of_clip(samples.len()));
    subs.read(&sound, signs::KEPT);
    Print { speech, subs: subs.judged(), bands }
}

fn quantised(level_db: f32) -> i8 {
    ((level_db + 60.0) * 2.0).round().clamp(-127.0, 127.0) as i8
}

/// The levels of a frame of a print, in dBov.
pub fn levels(bands: &[i8; BANDS]) -> Option<[f32; BANDS]> {
    (bands[0] != LOST).then(|| bands.map(|level| f32::from(level) * 0.5 - 60.0))
}
