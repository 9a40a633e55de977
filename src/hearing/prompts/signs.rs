//! Stage one, recognising: 32 signs every 12 ms, compared by counting those that differ.

use super::sound::Sound;
use crate::hearing::spectrum::{Spectrum, db, in_unity};
use crate::vocabulary::print::{Print, Recall, Sub};

/// 256 ms, every 12 ms.
pub const WINDOW: usize = 2_048;
pub const HOP: usize = 96;
const BANDS: usize = 33;
const LOWEST_HZ: f32 = 300.0;
const HIGHEST_HZ: f32 = 3_400.0;
/// Windows this much softer than the loud ones are pauses.
const SOFT_DB: f32 = 28.0;
/// Kept of a prompt: 3.4 s.
pub const KEPT: usize = 265;
/// The first word is found up to this much earlier or later, and so much may be missing of it.
const ONSET_SLACK: i32 = 600 * 8;
/// Prompts that differ by less are worth a closer look.
pub const PROPOSED: f32 = 0.30;
/// Of fewer pairs nothing is said.
const PAIRS_MIN: u32 = 25;

/// Signs of a stretch of sound that grows.
pub struct Signs {
    spectrum: Option<Spectrum>,
    edges: [usize; BANDS + 1],
    /// Where the first window begins.
    from: i64,
    before: Option<[f32; BANDS]>,
    /// Signs, level and whether all of it was heard.
    read: Vec<(u32, f32, bool)>,
}

impl Signs {
    pub fn new(from: i64) -> Signs {
        let hz_per_bin = 8_000.0 / WINDOW as f32;
        let step = (HIGHEST_HZ / LOWEST_HZ).ln() / BANDS as f32;
        let edges = std::array::from_fn(|n| (LOWEST_HZ * (step * n as f32).exp() / hz_per_bin).round() as usize);
        Signs { spectrum: None, edges, from, before: None, read: Vec::new() }
    }

    pub fn from(&self) -> i64 {
        self.from
    }

    pub fn len(&self) -> usize {
        self.read.len()
    }

    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
    }

    /// The same ones, counted from the first sample of a clip of `samples`, with which they begin.
    pub fn of_clip(mut self, samples: usize) -> Signs {
        let whole = samples.checked_sub(WINDOW).map_or(0, |rest| rest / HOP + 1);
        self.read.truncate(whole.min(KEPT));
        self.from = 0;
        self
    }

    /// Reads on, up to `most` signs altogether.
    pub fn read(&mut self, sound: &Sound, most: usize) {
        while self.read.len() < most {
            let at = self.from + (self.read.len() * HOP) as i64;
            let Some(samples) = sound.stretch(at, WINDOW) else { return };
            let spectrum = self.spectrum.get_or_insert_with(|| Spectrum::new(WINDOW));
            let (mut unity, mut power) = ([0.0; WINDOW], [0.0; WINDOW / 2 + 1]);
            in_unity(samples, &mut unity);
            spectrum.power(&unity, &mut power);
            let energy: [f32; BANDS] = std::array::from_fn(|n| power[self.edges[n]..self.edges[n + 1]].iter().sum());
            let before = self.before.replace(energy);
            let mut bits = 0;
            if let Some(before) = before {
                for n in 0..BANDS - 1 {
                    let rise = (energy[n] - energy[n + 1]) - (before[n] - before[n + 1]);
                    bits |= u32::from(rise > 0.0) << n;
                }
            }
            let heard = before.is_some() && !sound.is_lost(at - HOP as i64, WINDOW + HOP);
            self.read.push((bits, db(energy.iter().sum()), heard));
        }
    }

    /// The signs, those of pauses marked.
    pub fn judged(&self) -> Vec<Sub> {
        let mut levels: Vec<f32> = self.read.iter().map(|(_, level, _)| *level).collect();
        levels.sort_by(f32::total_cmp);
        let loud = levels.get(levels.len() * 9 / 10).copied().unwrap_or(0.0);
        self.read
            .iter()
            .map(|&(bits, level, heard)| Sub { bits, sure: heard && level > loud - SOFT_DB && level > -75.0 })
            .collect()
    }
}

/// Where a print fits best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Share of signs that differ.
    pub errors: f32,
    /// Position in the print of the first word that was asked about, in samples.
    pub onset: i32,
}

/// The best place of what was asked within a print; only where the first words of both lie close together.
pub fn nearest(asked: &Recall, print: &Print) -> Option<Near> {
    let hop = HOP as i32;
    let usual = (print.speech.0 as i32 + asked.offset).div_euclid(hop);
    let slack = ONSET_SLACK / hop;
    let mut best: Option<(f32, i32)> = None;
    for place in usual - slack..=usual + slack {
        // A quick look first: strangers differ in half of the signs.
        if errors(asked, print, place, 6).is_some_and(|few| few > 0.42) {
            continue;
        }
        if let Some(errors) = errors(asked, print, place, 1)
            && best.is_none_or(|(least, _)| errors < least)
        {
            best = Some((errors, place));
        }
    }
    best.map(|(errors, place)| Near { errors, onset: place * hop - asked.offset })
}

/// Share of signs that differ where the first of `asked` stands at `place` of the print, looking at every `step`th.
fn errors(asked: &Recall, print: &Print, place: i32, step: usize) -> Option<f32> {
    let (mut differ, mut pairs) = (0, 0);
    for (n, sub) in asked.subs.iter().enumerate().step_by(step) {
        let Ok(there) = usize::try_from(place + n as i32) else { continue };
        let Some(other) = print.subs.get(there) else { break };
        if sub.sure && other.sure {
            differ += (sub.bits ^ other.bits).count_ones();
            pairs += 1;
        }
    }
    let enough = if step == 1 { PAIRS_MIN.max(asked.subs.iter().filter(|s| s.sure).count() as u32 * 3 / 5) } else { 3 };
    (pairs >= enough).then(|| differ as f32 / (32 * pairs) as f32)
}
