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
/// Frames before and behind a difference that a slip must explain, and how many of them must be more than a pause.
const BEFORE_FRAMES: usize = 3;
/// What differs so soon is a matter of the first words, of which so many frames are not judged.
const BEGINNING_NEAR: usize = 12;
const EDGE_FRAMES: usize = 3;
const SLIP_FRAMES: usize = 25;
const SLIP_FRAMES_MAX: usize = 75;
const SLIP_SOUNDING: usize = 8;
/// Jitter buffers leave out or repeat whole packets, the shortest of which are 10 ms.
const PACKET: i64 = 10 * MS;
const SLIP_PACKETS: i64 = 4;
const SLIP_SAMPLES: i64 = (SLIP_PACKETS * 10 + 1) * MS;
const SLIP_DB_MAX: f32 = 2.5;
/// Once so many frames were compared, their mean difference is what the line does.
const SLIP_KNOWN: usize = 40;
const SLIP_DB_MORE: f32 = 1.0;
/// On each side of a slip so many frames may be like nothing.
const SPLICE_FRAMES: usize = 2;
const SPLICE_DB: f32 = 3.0;
/// What all frames together may differ by beyond `ALARM_DB` each, where nothing slipped and where something did; no
/// frame counts more than `APART_DB_MAX`.
const EXCESS_DB_MAX: f32 = 13.0;
const SLIP_EXCESS_DB_MAX: f32 = 8.0;
const APART_DB_MAX: f32 = 10.0;
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
    /// The first frame that was compared.
    begins: usize,
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
            Follower { next, begins: next, ..Follower::new(id, print, shift, fit) }
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
            begins: 0,
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

    /// Where this frame of the print lies, in samples of the call.
    pub fn place_of(&self, frame: usize) -> i64 {
        self.shift + (frame * HOP) as i64
    }

    /// Compares everything that has come.
    pub fn follow(&mut self, sound: &Sound, bands: &mut Bands) -> Course {
        while self.course == Course::On {
            if let Some((began, certain)) = self.suspect {
                match self.explain(sound, (began, certain), bands) {
                    None => break,
                    Some(Some((shift, from))) => {
                        self.shift = shift;
                        self.suspect = None;
                        self.recent.clear();
                        self.next = certain.max(from);
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

    /// Does a slip explain what differs since `began`? `None`: more must be heard first; otherwise the shift from there
    /// on, which is the old one where the difference was none in the end, and the first frame for which it holds.
    ///
    /// What a jitter buffer does leaves each frame as it was, at one of two places, but for the few around the slip.
    /// Where a word is another one, its frames are like nothing at either place.
    fn explain(
        &self,
        sound: &Sound,
        (began, certain): (usize, usize),
        bands: &mut Bands,
    ) -> Option<Option<(i64, usize)>> {
        // Where the first words are in question, what was laid over the rest may lie right and they otherwise.
        let begins = began <= self.begins + BEGINNING_NEAR;
        let first = if begins { self.begins } else { began.saturating_sub(BEFORE_FRAMES) };
        let mut last = (certain + SLIP_FRAMES).min(self.print.bands.len());
        // Pauses are alike wherever they are laid: only what sounds tells.
        while last < self.print.bands.len()
            && last < certain + SLIP_FRAMES_MAX
            && self.sounding(certain..last) < SLIP_SOUNDING
        {
            last += 1;
        }
        if self.shift + SLIP_SAMPLES + (last * HOP + SHORT) as i64 > sound.end() {
            return None;
        }
        let heard = |shift: i64, bands: &mut Bands| {
            let mut frames = self.apart(sound, shift, first..last, bands);
            // Where a beginning is cut off, the first frames are half of what was cut.
            let edge = if begins { EDGE_FRAMES } else { 0 };
            frames.iter_mut().take(edge).for_each(|frame| *frame = None);
            frames
        };
        let here = heard(self.shift, bands);
        let most_behind = self.slip_db_max();
        let mut best = (Slip::of(&here, &here, here.len()), self.shift, first);
        for packets in -SLIP_PACKETS..=SLIP_PACKETS {
            for shift in (-1..=1).map(|ms| self.shift + packets * PACKET + ms * MS) {
                let there = heard(shift, bands);
                let after = Slip::likeliest(&here, &there, best.0.apart, most_behind).map(|slip| (slip, shift, first));
                best = after.unwrap_or(best);
                if begins {
                    // Up to the slip what was laid over the rest does not hold.
                    let before = Slip::likeliest(&there, &here, best.0.apart, most_behind).map(|slip| {
                        let from = first + slip.at + SPLICE_FRAMES;
                        (slip, self.shift, from)
                    });
                    best = before.unwrap_or(best);
                }
            }
        }
        let (slip, shift, from) = best;
        let most = if slip.behind.is_empty() { EXCESS_DB_MAX } else { SLIP_EXCESS_DB_MAX };
        Some((slip.excess <= most).then_some((shift, from)))
    }

    /// What is the same behind a slip differs there by hardly more than it did before.
    fn slip_db_max(&self) -> f32 {
        let known = self.count as usize >= SLIP_KNOWN;
        if known { SLIP_DB_MAX.min(self.difference() + SLIP_DB_MORE) } else { SLIP_DB_MAX }
    }

    /// How many of these frames of the print sound.
    fn sounding(&self, frames: std::ops::Range<usize>) -> usize {
        frames.filter(|&frame| levels(&self.print.bands[frame]).is_some_and(|known| sounds(&known, self.top.0))).count()
    }

    fn apart(
        &self,
        sound: &Sound,
        shift: i64,
        frames: std::ops::Range<usize>,
        bands: &mut Bands,
    ) -> Vec<Option<Apart>> {
        frames.map(|frame| self.frame_apart(sound, shift, frame, bands)).collect()
    }

    fn frame_apart(&self, sound: &Sound, shift: i64, frame: usize, bands: &mut Bands) -> Option<Apart> {
        let known = levels(&self.print.bands[frame])?;
        let heard = bands.at(sound, shift + (frame * HOP) as i64)?;
        let apart = (0..BANDS).map(|band| {
            let heard = heard[band] - self.top.1 - self.response[band] - self.gain;
            (heard.max(FLOOR_DB) - (known[band] - self.top.0).max(FLOOR_DB)).abs()
        });
        let db = (apart.sum::<f32>() / BANDS as f32).min(APART_DB_MAX);
        Some(Apart { db, sounds: sounds(&known, self.top.0) || sounds(&heard, self.top.1) })
    }
}

/// A frame of the print and what was heard in its place.
#[derive(Clone, Copy)]
struct Apart {
    db: f32,
    /// Either is more than a pause.
    sounds: bool,
}

/// Frames that lie at one place up to a slip, and at another behind it.
struct Slip {
    /// The first frame behind it.
    at: usize,
    /// By how much they differ, all together, and by how much more than what no line explains.
    apart: f32,
    excess: f32,
    /// Differences behind the slip, where something sounds.
    behind: Vec<f32>,
}

impl Slip {
    fn of(before: &[Option<Apart>], after: &[Option<Apart>], at: usize) -> Slip {
        let frames = before.len();
        let spliced = if at < frames { at.saturating_sub(SPLICE_FRAMES)..at + SPLICE_FRAMES } else { 0..0 };
        let mut slip = Slip { at, apart: spliced.len() as f32 * SPLICE_DB, excess: 0.0, behind: Vec::new() };
        for n in (0..frames).filter(|n| !spliced.contains(n)) {
            let Some(apart) = (if n < at { before[n] } else { after[n] }) else { continue };
            slip.apart += apart.db;
            slip.excess += (apart.db - ALARM_DB).max(0.0);
            if n >= at && apart.sounds {
                slip.behind.push(apart.db);
            }
        }
        slip
    }

    /// Where a slip leaves the least, if that is less than `most` and what is behind it tells.
    fn likeliest(before: &[Option<Apart>], after: &[Option<Apart>], most: f32, most_behind: f32) -> Option<Slip> {
        let sums = |frames: &[Option<Apart>]| -> Vec<f32> {
            let mut sum = 0.0;
            let sums = frames.iter().map(|apart| {
                sum += apart.map_or(0.0, |apart| apart.db);
                sum
            });
            std::iter::once(0.0).chain(sums).collect()
        };
        let (until, from, frames) = (sums(before), sums(after), before.len());
        let apart = |at: usize| {
            let spliced = at.saturating_sub(SPLICE_FRAMES)..(at + SPLICE_FRAMES).min(frames);
            until[spliced.start] + from[frames] - from[spliced.end] + 2.0 * SPLICE_FRAMES as f32 * SPLICE_DB
        };
        let mut places: Vec<usize> = (0..frames).filter(|&at| apart(at) < most).collect();
        places.sort_by(|&a, &b| apart(a).total_cmp(&apart(b)));
        places.into_iter().map(|at| Slip::of(before, after, at)).find(|slip| slip.is_told(most_behind))
    }

    /// Enough sounds behind it, and is the same there.
    fn is_told(&self, most: f32) -> bool {
        self.behind.len() >= SLIP_SOUNDING && percentile(self.behind.iter().copied(), 0.6) <= most
    }
}

fn sounds(levels: &[f32; BANDS], top: f32) -> bool {
    levels.iter().filter(|&&level| level - top > FLOOR_DB).count() >= BANDS / 4
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
