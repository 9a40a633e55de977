//! How a prompt sounds, in so few bytes that a map can keep it: enough to tell one recording from another of the same words,
//! wherever and over whatever line each was heard. A single word that was changed is not found by it.
//!
//! Sixteen signs every 60 ms: whether a band has risen against one a little higher, over a third of a second
//! (after Haitsma and Kalker, 2002). Gain and the response of a line cancel out.

use super::print::{BANDS, LOST, Print};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::f32::consts::TAU;

/// Frames of a print from one mark to the next, over which one is smoothed, and over which a rise is looked at.
const STEP: usize = 6;
const SMOOTHED: usize = 32;
const RISE: usize = 8;
const SIGNS: usize = 16;
/// The other band of a sign.
const HIGHER: usize = BANDS - SIGNS;
/// Softer than the loud frames by more than this is a pause.
const FLOOR_DB: f32 = 18.0;
const PAUSE: u16 = 0;

/// A stretch of this many marks, 2 s, is looked for in the other recording as one; shorter ones than the second tell nothing.
const PIECE: usize = 33;
const PIECE_MIN: usize = 12;
/// Signs that count as differing where only one side pauses.
const PAUSE_APART: u32 = 6;
/// One recording over two lines differs in a tenth of the signs and seldom in a fifth, two recordings in a third and more.
const SAME_RECORDING: f32 = 0.23;
/// What is beyond that, summed over the marks of a run: three seconds of another recording have more, and less than half
/// as much is none.
const ANOTHER: f32 = 4.0;
const NONE: f32 = 2.0;

const VERSION: &str = "1";
/// Longer texts are no sketch: ten minutes of speech. Comparing takes as long as both are, multiplied.
const MARKS_MAX: usize = 10_000;

/// The sound of one prompt, clip by clip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    clips: Vec<Vec<u16>>,
}

/// How two prompts sound beside one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// One is in the other.
    Same,
    /// Both have some seconds that the other has not.
    Another,
    /// Too little to say.
    Unclear,
}

impl Sketch {
    pub fn of(print: &Print) -> Sketch {
        Sketch { clips: vec![marks(print)] }
    }

    /// What was said one after the other.
    pub fn joined<'a>(sketches: impl IntoIterator<Item = &'a Sketch>) -> Sketch {
        Sketch { clips: sketches.into_iter().flat_map(|sketch| sketch.clips.iter().cloned()).collect() }
    }

    pub fn beside(&self, other: &Sketch) -> Beside {
        let least = self.not_in(other).min(other.not_in(self));
        match least {
            _ if self.is_short() || other.is_short() => Beside::Unclear,
            _ if least >= ANOTHER => Beside::Another,
            _ if least < NONE => Beside::Same,
            _ => Beside::Unclear,
        }
    }

    fn is_short(&self) -> bool {
        self.clips.iter().flatten().filter(|mark| **mark != PAUSE).count() < PIECE_MIN
    }

    /// How certainly a run of this is nowhere in the other.
    fn not_in(&self, other: &Sketch) -> f32 {
        let (mut run, mut most) = (0f32, 0f32);
        for clip in &self.clips {
            let pieces = ((clip.len() + PIECE / 2) / PIECE).max(1);
            for piece in clip.chunks(clip.len().div_ceil(pieces).max(1)) {
                let sounding = piece.iter().filter(|mark| **mark != PAUSE).count();
                if sounding < PIECE_MIN {
                    continue;
                }
                let differ = other.clips.iter().map(|clip| nearest(piece, clip, sounding)).fold(0.5, f32::min);
                run = (run + sounding as f32 * (differ - SAME_RECORDING)).max(0.0);
                most = most.max(run);
            }
        }
        most
    }

    pub fn to_text(&self) -> String {
        let mut text = VERSION.to_string();
        for clip in &self.clips {
            let bytes: Vec<u8> = clip.iter().flat_map(|mark| mark.to_le_bytes()).collect();
            text.push('.');
            text.push_str(&URL_SAFE_NO_PAD.encode(bytes));
        }
        text
    }

    /// `None`: another version's, or none.
    pub fn from_text(text: &str) -> Option<Sketch> {
        let mut parts = text.split('.');
        if parts.next() != Some(VERSION) || text.len() > MARKS_MAX * 3 {
            return None;
        }
        let clip = |part: &str| -> Option<Vec<u16>> {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            let (marks, rest) = bytes.as_chunks::<2>();
            rest.is_empty().then(|| marks.iter().map(|mark| u16::from_le_bytes(*mark)).collect())
        };
        Some(Sketch { clips: parts.map(clip).collect::<Option<_>>()? })
    }
}

/// The least share of signs by which a stretch differs from any place of another clip.
fn nearest(piece: &[u16], clip: &[u16], sounding: usize) -> f32 {
    let overhang = piece.len() / 2;
    let places = 0..=clip.len();
    places.fold(0.5, |least, place| {
        let (mut differ, mut pairs) = (0, 0);
        for (n, &mark) in piece.iter().enumerate() {
            let there = (place + n).checked_sub(overhang).and_then(|at| clip.get(at)).copied().unwrap_or(PAUSE);
            match (mark, there) {
                (PAUSE, PAUSE) => continue,
                (PAUSE, _) | (_, PAUSE) => differ += PAUSE_APART,
                _ => differ += (mark ^ there).count_ones(),
            }
            pairs += 1;
        }
        let enough = pairs * 3 >= sounding * 2;
        if enough { f32::min(least, differ as f32 / (SIGNS * pairs) as f32) } else { least }
    })
}

fn marks(print: &Print) -> Vec<u16> {
    let heard = || print.bands.iter().filter(|levels| levels[0] != LOST);
    let mut loudness: Vec<f32> = heard().map(|levels| levels.iter().copied().map(db).sum::<f32>()).collect();
    loudness.sort_by(f32::total_cmp);
    let Some(loud) = loudness.get(loudness.len() * 9 / 10) else { return Vec::new() };
    let floor = loud / BANDS as f32 - FLOOR_DB;
    let weights: [f32; SMOOTHED] =
        std::array::from_fn(|n| 0.5 - 0.5 * (TAU * (n as f32 + 0.5) / SMOOTHED as f32).cos());
    let last = print.bands.len().saturating_sub(SMOOTHED + RISE);
    (0..last).step_by(STEP).map(|at| mark(&print.bands[at..], &weights, floor)).collect()
}

/// What the beginning of these frames is marked with.
fn mark(bands: &[[i8; BANDS]], weights: &[f32; SMOOTHED], floor: f32) -> u16 {
    let (Some(before), Some(after)) = (smooth(bands, weights, floor), smooth(&bands[RISE..], weights, floor)) else {
        return PAUSE;
    };
    let sounding = (0..BANDS).filter(|&band| before[band].max(after[band]) > floor + 1.0).count();
    if sounding < BANDS / 2 {
        return PAUSE;
    }
    let rises = |band: usize| after[band] - after[band + HIGHER] > before[band] - before[band + HIGHER];
    let signs = (0..SIGNS).fold(0, |signs, band| signs | (u16::from(rises(band)) << band));
    // A pause has a mark of its own.
    signs.max(1)
}

/// `None` where most packets were lost.
fn smooth(bands: &[[i8; BANDS]], weights: &[f32; SMOOTHED], floor: f32) -> Option<[f32; BANDS]> {
    let (mut sums, mut heard) = ([0.0; BANDS], 0.0);
    for (levels, weight) in bands.iter().zip(weights).filter(|(levels, _)| levels[0] != LOST) {
        for (sum, &level) in sums.iter_mut().zip(levels) {
            *sum += weight * db(level).max(floor);
        }
        heard += weight;
    }
    (heard > weights.iter().sum::<f32>() / 2.0).then(|| sums.map(|sum| sum / heard))
}

fn db(level: i8) -> f32 {
    f32::from(level) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Seed;

    /// Something that moves as speech does: every 200 ms other bands are loud.
    fn print(seed: u64, seconds: usize) -> Print {
        let mut draw = Seed::new(seed);
        let mut level = || (draw.below(60) as i8) - 40;
        let mut bands = Vec::new();
        let mut next: [i8; BANDS] = std::array::from_fn(|_| level());
        for _ in 0..seconds * 5 {
            let last = std::mem::replace(&mut next, std::array::from_fn(|_| level()));
            bands.extend((0..20).map(|n| -> [i8; BANDS] {
                std::array::from_fn(|b| ((i32::from(last[b]) * (20 - n) + i32::from(next[b]) * n) / 20) as i8)
            }));
        }
        Print { speech: (0, 0), subs: Vec::new(), bands }
    }

    fn cut(print: &Print, from: usize, to: usize) -> Print {
        Print { bands: print.bands[from..to].to_vec(), ..print.clone() }
    }

    #[test]
    fn a_recording_is_that_one_wherever_it_was_cut_and_another_is_another() {
        let (one, other) = (print(1, 8), print(2, 8));
        let sketch = Sketch::of(&one);
        let softer =
            Print { bands: one.bands.iter().map(|levels| levels.map(|level| level - 9)).collect(), ..one.clone() };
        let mut lossy = one.clone();
        lossy.bands.iter_mut().step_by(37).for_each(|levels| *levels = [LOST; BANDS]);
        let (first, second) = (Sketch::of(&cut(&one, 13, 400)), Sketch::of(&cut(&one, 400, 800)));
        for same in [&softer, &lossy, &cut(&one, 3, 800), &cut(&one, 0, 500)] {
            assert_eq!(sketch.beside(&Sketch::of(same)), Beside::Same);
        }
        assert_eq!(sketch.beside(&Sketch::joined([&first, &second])), Beside::Same, "in two clips");
        assert_eq!(sketch.beside(&Sketch::of(&other)), Beside::Another);
        let half = [Sketch::of(&cut(&one, 0, 400)), Sketch::of(&cut(&other, 400, 800))];
        assert_eq!(sketch.beside(&Sketch::joined(&half)), Beside::Another, "the second half was recorded anew");
        assert_eq!(sketch.beside(&Sketch::of(&cut(&other, 0, 90))), Beside::Unclear, "too short to say");
        assert_eq!(sketch.beside(&Sketch::default()), Beside::Unclear);
    }

    #[test]
    fn a_text_gives_the_same_sketch_and_no_other_text_gives_one() {
        let sketch = Sketch::joined([&Sketch::of(&print(1, 3)), &Sketch::of(&print(2, 2))]);
        let text = sketch.to_text();
        assert_eq!(Sketch::from_text(&text), Some(sketch));
        assert!(text.len() < 5 * 50, "{} letters for five seconds", text.len());
        for none in ["", "3fe91c", "2.AAAA", "1.A", "1.!!!!", &text[1..]] {
            assert_eq!(Sketch::from_text(none), None, "{none}");
        }
    }
}
