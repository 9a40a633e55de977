//! Stage two, following: the levels of twenty bands every 10 ms against those of the known prompt.
//!
//! Both are laid over each other to the millisecond; what codec and line do to all of it (gain, response) is taken out;
//! what is left is a difference in decibels. A difference that lasts is either a slip of the jitter buffer, then a
//! small shift in time explains what follows, or another word.

use super::sound::{Bands, HOP, Sound, levels};
use crate::hearing::spectrum::SHORT;
use crate::vocabulary::print::{BANDS, Print, PrintId};
use std::sync::Arc;

/// Softer than the loud frames by more than this is nothing.
const FLOOR_DB: f32 = -22.0;
/// Frames that are laid over each other to find place, gain and response.
const FIT_FRAMES: usize = 150;
const BEGINNING_FRAMES: usize = 42;
/// A prompt that does not fit this well at its beginning was mistaken for another.
const FIT_DB_MAX: f32 = 3.6;
/// The response of a codec or handset stays within this.
const RESPONSE_DB_MAX: f32 = 6.0;
/// Gain control of a line is slower than this, per frame.
const GAIN_DB_STEP: f32 = 0.06;
/// A difference is judged over so many frames, by its sixtieth percentile.
const JUDGED: usize = 20;
const ALARM_DB: f32 = 4.0;
/// Frames that a slip must explain, and how well.
const SLIP_FRAMES: usize = 25;
const SLIP_FRAMES_MIN: usize = 8;
const SLIP_DB_MAX: f32 = 2.5;
const SLIP_SAMPLES: i64 = 80 * 8;
/// Where a slip was spliced, so many frames may be like nothing.
const SPLICE_DB_MAX: f32 = 4.0;
const SPLICE_FRAMES: usize = 7;
const MS: i64 = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// As known so far.
    On,
    /// Ended where it always ended.
    Ended,
    /// Otherwise from this frame on.
    Diverged { frame: usize },
}

pub struct Follower {
    pub id: PrintId,
    pub print: Arc<Print>,
    /// A sample of the call is one of the print and this.
    shift: i64,
    /// Loudest levels of both, and what the line does to each band.
    top: (f32, f32),
    response: [f32; BANDS],
    gain: f32,
    next: usize,
    /// (frame, difference) of the last frames judged.
    recent: Vec<(usize, f32)>,
    /// The difference began at the first and was certain at the second.
    suspect: Option<(usize, usize)>,
    course: Course,
    sum: f32,
    count: u32,
}

impl Follower {
    /// Lays the print over what was heard from `from` (a sample of the call) until now; `place` is where the first
    /// sample of the print should lie, to some ten milliseconds. `None`: it does not fit.
    pub fn fit(
        id: PrintId,
        print: Arc<Print>,
        sound: &Sound,
        place: i64,
        from: i64,
        bands: &mut Bands,
    ) -> Option<Self> {
        let shifts = (-12..=12).step_by(3).map(|ms| place + ms * MS);
        Follower::laid(id, print, sound, shifts, (from, FIT_FRAMES), from, bands)
    }

    /// What goes on otherwise may still have begun alike: lays only the beginning over it, where the first words should
    /// meet.
    pub fn fit_beginning(
        id: PrintId,
        print: Arc<Print>,
        sound: &Sound,
        onset: i64,
        from: i64,
        bands: &mut Bands,
    ) -> Option<Self> {
        let place = onset - i64::from(print.speech.0);
        let shifts = (-120..=120).step_by(3).map(|ms| place + ms * MS);
        Follower::laid(id, print, sound, shifts, (from, BEGINNING_FRAMES), from, bands)
    }

    /// It was recognised by what came later: its first word is already another.
    pub fn begun_otherwise(id: PrintId, print: Arc<Print>) -> Self {
        let frame = print.speech.0 as usize / HOP;
        let course = Course::Diverged { frame };
        Follower { course, ..Follower::new(id, print, 0, Fit { top: (0.0, 0.0), response: [0.0; BANDS] }) }
    }

    fn laid(
        id: PrintId,
        print: Arc<Print>,
        sound: &Sound,
        shifts: impl Iterator<Item = i64> + Clone,
        (fit_from, fit_frames): (i64, usize),
        from: i64,
        bands: &mut Bands,
    ) -> Option<Self> {
        let mut best = |shifts: &mut dyn Iterator<Item = i64>, step: usize| {
            let fits = shifts.filter_map(|shift| {
                let first = ((fit_from - shift).max(0) as usize).div_ceil(HOP);
                let last = ((sound.end() - shift - SHORT as i64 - 4 * MS) / HOP as i64).max(0) as usize;
                let frames = first..last.min(first + fit_frames).min(print.bands.len());
                let (error, fit) = Fit::of(&print, sound, shift, frames.step_by(step), bands)?;
                Some((error, fit, shift))
            });
            fits.min_by(|a, b| a.0.total_cmp(&b.0))
        };
        let (_, _, coarse) = best(&mut shifts.clone(), 2)?;
        let (error, fit, shift) = best(&mut (-4..=4).map(|half_ms| coarse + half_ms * MS / 2), 1)?;
        (error < FIT_DB_MAX).then(|| {
            let next = ((from - shift).max(0) as usize).div_ceil(HOP);
            Follower { next, ..Follower::new(id, print, shift, fit) }
        })
    }

    fn new(id: PrintId, print: Arc<Print>, shift: i64, fit: Fit) -> Self {
        Follower {
            id,
            print,
            shift,
            top: fit.top,
            response: fit.response,
            gain: 0.0,
            next: 0,
            recent: Vec::with_capacity(JUDGED),
            suspect: None,
            course: Course::On,
            sum: 0.0,
            count: 0,
        }
    }

    pub fn course(&self) -> Course {
        self.course
    }

    /// Whether a difference is being looked into.
    pub fn in_doubt(&self) -> bool {
        self.suspect.is_some()
    }

    /// Mean difference so far, dB.
    pub fn difference(&self) -> f32 {
        if self.count == 0 { f32::MAX } else { self.sum / self.count as f32 }
    }

    /// How far into the print it was that prompt beyond doubt, in samples.
    pub fn reached(&self) -> u32 {
        (self.suspect.map_or(self.next, |(began, _)| began) * HOP) as u32
    }

    /// Where the last word of the print ends, in samples of the call.
    pub fn last_word(&self) -> i64 {
        self.shift + i64::from(self.print.speech.1)
    }

    /// Compares everything that has come.
    pub fn follow(&mut self, sound: &Sound, bands: &mut Bands) -> Course {
        while self.course == Course::On {
            if let Some((began, certain)) = self.suspect {
                match self.explain(sound, (began, certain), bands) {
                    None => break,
                    Some(Some(shift)) => {
                        self.shift = shift;
                        self.suspect = None;
                        self.recent.clear();
                        self.next = certain;
                    }
                    Some(None) => self.course = Course::Diverged { frame: began },
                }
                continue;
            }
            let Some(known) = self.print.bands.get(self.next) else {
                self.course = Course::Ended;
                break;
            };
            let at = self.shift + (self.next * HOP) as i64;
            if at + SHORT as i64 > sound.end() {
                break;
            }
            if let (Some(known), Some(heard)) = (levels(known), bands.at(sound, at)) {
                self.judge(&known, &heard);
            }
            self.next += 1;
        }
        self.course
    }

    fn judge(&mut self, known: &[f32; BANDS], heard: &[f32; BANDS]) {
        let (mut apart, mut louder, mut loud) = (0.0, 0.0, 0);
        for ((known, heard), response) in known.iter().zip(heard).zip(&self.response) {
            let known = known - self.top.0;
            let heard = heard - self.top.1 - response - self.gain;
            let difference = heard.max(FLOOR_DB) - known.max(FLOOR_DB);
            apart += difference.abs();
            if known > FLOOR_DB && heard > FLOOR_DB {
                louder += difference;
                loud += 1;
            }
        }
        if loud >= BANDS / 2 {
            self.gain += (louder / loud as f32).clamp(-GAIN_DB_STEP, GAIN_DB_STEP);
        }
        let apart = apart / BANDS as f32;
        self.sum += apart;
        self.count += 1;
        if self.recent.len() == JUDGED {
            self.recent.remove(0);
        }
        self.recent.push((self.next, apart));
        if self.recent.len() == JUDGED && percentile(self.recent.iter().map(|(_, d)| *d), 0.6) > ALARM_DB {
            // It began where the first frame of the rest that is mostly apart stands.
            let began = (0..JUDGED)
                .find(|&n| {
                    let rest = &self.recent[n..];
                    rest[0].1 > ALARM_DB && rest.iter().filter(|(_, d)| *d > ALARM_DB).count() * 10 >= rest.len() * 6
                })
                .unwrap_or(0);
            self.suspect = Some((self.recent[began].0, self.next));
        }
    }

    /// Does a shift in time explain what follows `certain`? `None`: more must be heard first.
    fn explain(&mut self, sound: &Sound, (began, certain): (usize, usize), bands: &mut Bands) -> Option<Option<i64>> {
        let last = (certain + SLIP_FRAMES).min(self.print.bands.len());
        let first = certain.min(last.saturating_sub(SLIP_FRAMES_MIN));
        if self.shift + SLIP_SAMPLES + (last * HOP + SHORT) as i64 > sound.end() {
            return None;
        }
        let mut best = |shifts: &mut dyn Iterator<Item = i64>| {
            shifts.map(|shift| (self.apart(sound, shift, first..last, bands), shift)).min_by(|a, b| a.0.total_cmp(&b.0))
        };
        let lags = -SLIP_SAMPLES / (2 * MS)..=SLIP_SAMPLES / (2 * MS);
        let (_, coarse) = best(&mut lags.map(|lag| self.shift + 2 * lag * MS))?;
        let (error, shift) = best(&mut (-1..=1).map(|ms| coarse + ms * MS))?;
        if error > SLIP_DB_MAX {
            return Some(None);
        }
        // A slip leaves nothing that neither the old place nor the new one explains; another word of nearly the same
        // length does.
        let lags = -SLIP_SAMPLES / (2 * MS)..=SLIP_SAMPLES / (2 * MS);
        let meanwhile = lags
            .map(|lag| shift + 2 * lag * MS)
            .map(|shift| (self.apart(sound, shift, began..certain, bands), shift))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let places = [Some(self.shift), Some(shift), meanwhile.map(|(_, shift)| shift)];
        let apart = |shift: i64, frame: usize, bands: &mut Bands| self.frame_apart(sound, shift, frame, bands);
        let neither = (began.saturating_sub(2)..certain)
            .filter(|&frame| {
                let least = places.iter().flatten().filter_map(|&shift| apart(shift, frame, bands)).reduce(f32::min);
                least.is_some_and(|least| least > SPLICE_DB_MAX)
            })
            .count();
        Some((neither <= SPLICE_FRAMES).then_some(shift))
    }

    fn apart(&self, sound: &Sound, shift: i64, frames: std::ops::Range<usize>, bands: &mut Bands) -> f32 {
        let differences: Vec<f32> = frames.filter_map(|frame| self.frame_apart(sound, shift, frame, bands)).collect();
        if differences.len() < SLIP_FRAMES_MIN / 2 { f32::MAX } else { percentile(differences.into_iter(), 0.7) }
    }

    fn frame_apart(&self, sound: &Sound, shift: i64, frame: usize, bands: &mut Bands) -> Option<f32> {
        let known = levels(&self.print.bands[frame])?;
        let heard = bands.at(sound, shift + (frame * HOP) as i64)?;
        let apart = (0..BANDS).map(|band| {
            let heard = heard[band] - self.top.1 - self.response[band] - self.gain;
            (heard.max(FLOOR_DB) - (known[band] - self.top.0).max(FLOOR_DB)).abs()
        });
        Some(apart.sum::<f32>() / BANDS as f32)
    }
}

/// What gain and response make one beginning of the other.
struct Fit {
    top: (f32, f32),
    response: [f32; BANDS],
}

impl Fit {
    /// The fit and how far apart both still are: the median over the frames.
    fn of(
        print: &Print,
        sound: &Sound,
        shift: i64,
        frames: impl Iterator<Item = usize>,
        bands: &mut Bands,
    ) -> Option<(f32, Fit)> {
        let pairs: Vec<([f32; BANDS], [f32; BANDS])> = frames
            .filter_map(|n| Some((levels(&print.bands[n])?, bands.at(sound, shift + (n * HOP) as i64)?)))
            .collect();
        if pairs.len() < 12 {
            return None;
        }
        let mean = |levels: &[f32; BANDS]| levels.iter().sum::<f32>() / BANDS as f32;
        let known_top = percentile(pairs.iter().map(|(known, _)| mean(known)), 0.9);
        let heard_top = percentile(pairs.iter().map(|(_, heard)| mean(heard)), 0.9);
        let top = (known_top + 6.0, heard_top + 6.0);
        let response = std::array::from_fn(|band| {
            let loud = pairs
                .iter()
                .map(|(known, heard)| (known[band] - top.0, heard[band] - top.1))
                .filter(|(known, heard)| *known > FLOOR_DB && *heard > FLOOR_DB - RESPONSE_DB_MAX);
            let differences: Vec<f32> = loud.map(|(known, heard)| heard - known).collect();
            let few = differences.len() < 8;
            if few { 0.0 } else { percentile(differences.into_iter(), 0.5).clamp(-RESPONSE_DB_MAX, RESPONSE_DB_MAX) }
        });
        let apart = pairs.iter().map(|(known, heard)| {
            let apart = (0..BANDS).map(|band| {
                let heard = heard[band] - top.1 - response[band];
                (heard.max(FLOOR_DB) - (known[band] - top.0).max(FLOOR_DB)).abs()
            });
            apart.sum::<f32>() / BANDS as f32
        });
        Some((percentile(apart, 0.6), Fit { top, response }))
    }
}

fn percentile(values: impl Iterator<Item = f32>, share: f32) -> f32 {
    let mut values: Vec<f32> = values.collect();
    if values.is_empty() {
        return f32::MAX;
    }
    let place = ((values.len() - 1) as f32 * share).round() as usize;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}
