//! Cuts speech out of a call: from a little before the first word to a little after the last, at pauses, within bounds.

use super::prompts::recogniser::Speaking;
use super::voice::{FAST_FRAMES, SURE_FRAMES, Voice};
use crate::vocabulary::{Clip, ClipId, FRAME_SAMPLES, Frame, Moment, limits};
use std::collections::VecDeque;
use std::sync::Arc;

/// A pause this long ends a clip.
pub const PAUSE_MS: u64 = 600;
/// A clip that has grown long is cut at shorter pauses: (from this length, this pause). A key is pressed in time only
/// if its option has been transcribed, and long prompts are where transcription goes round in circles.
const PAUSES_WHEN_LONG: [(u64, u64); 3] = [(10_000, 220), (6_000, 300), (3_500, 420)];
/// What is kept before the first and after the last frame of speech: soft consonants begin below the gate.
pub const PRE_ROLL_MS: u64 = 300;
pub const POST_ROLL_MS: u64 = 200;
/// Speech of which less than this is sure is dropped: a click, a chord.
const SURE_MS_MIN: u64 = 120;
/// Frames of the last three that begin a clip.
const BEGIN_OF_THREE: u32 = 2;
const BEGIN: f32 = 0.5;
const GO_ON: f32 = 0.35;
const SURE: f32 = 0.5;
/// Where music goes on, hesitant voices are instruments: some of the speech must be beyond doubt.
const CERTAIN: f32 = 0.8;
const CERTAIN_MS_MIN_IN_MUSIC: u64 = 140;
const MUSIC: f32 = 0.5;
const MUSIC_SHARE: f32 = 0.6;
const FRAME_MS: u64 = 20;
/// Frames kept: the longest clip, its pre-roll and what the gate has not judged yet.
const KEPT: usize = ((limits::CLIP_MS_MAX + PRE_ROLL_MS + 1_000) / FRAME_MS) as usize;

/// What the cutter says.
#[derive(Debug)]
pub enum Cut {
    /// Somebody began to speak.
    Began { at: Moment },
    /// Speech from the first to the last word, and its clip.
    Spoken { from: Moment, to: Moment, clip: Clip, heard: Heard },
    /// What began was no speech after all.
    Nothing { from: Moment },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Pause,
    /// A key was pressed, or the call is over.
    CutOff,
    TooLong,
}

/// What else is known of a clip's sound.
#[derive(Debug)]
pub struct Heard {
    /// Its first sample, counted from the first of the call.
    pub from: i64,
    /// For each 20 ms of the clip: made up for a lost packet.
    pub lost: Vec<bool>,
    /// Samples of the clip where speech began and ended.
    pub speech: (u32, u32),
    /// It did not end at a pause of its own.
    pub cut_off: bool,
}

struct Kept {
    at: Moment,
    lost: bool,
    samples: [i16; FRAME_SAMPLES],
    level_dbov: f32,
    fast: f32,
    sure: f32,
}

pub struct Clipper {
    kept: VecDeque<Kept>,
    /// Number of `kept[0]`, counted from the first frame of the call.
    first: u64,
    next: u64,
    open: Option<Open>,
    clips: u32,
    /// No clip may begin before this frame: it has been handed over already.
    free_from: u64,
    /// A known prompt is being said, which does not end at this pause.
    held: bool,
}

struct Open {
    /// First frame of the clip and first frame of speech.
    start: u64,
    spoken_from: u64,
    spoken_to: u64,
    sure_frames: u64,
    certain_frames: u64,
    music_frames: u64,
    /// Goes on from a clip that was cut.
    goes_on: bool,
}

impl Default for Clipper {
    fn default() -> Clipper {
        Clipper::new()
    }
}

impl Open {
    fn is_speech(&self) -> bool {
        let least = if self.goes_on { SURE_MS_MIN / 2 } else { SURE_MS_MIN };
        let in_music = self.music_frames as f32 > self.sure_frames as f32 * MUSIC_SHARE;
        self.sure_frames * FRAME_MS >= least && (!in_music || self.certain_frames * FRAME_MS >= CERTAIN_MS_MIN_IN_MUSIC)
    }
}

impl Clipper {
    pub fn new() -> Clipper {
        Clipper {
            kept: VecDeque::with_capacity(KEPT + 1),
            first: 0,
            next: 0,
            open: None,
            clips: 0,
            free_from: 0,
            held: false,
        }
    }

    /// Since when somebody has been speaking, if so.
    pub fn speaking_since(&self) -> Option<Moment> {
        self.open.as_ref().map(|open| self.at(open.spoken_from))
    }

    /// The clip that is being spoken, in frames of the call.
    pub fn speaking(&self) -> Option<Speaking> {
        self.open.as_ref().map(|open| Speaking { from: open.spoken_from, to: open.spoken_to })
    }

    /// While held, no pause ends a clip.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// What was said has ended, whatever the gate still waits for.
    pub fn end(&mut self, out: &mut Vec<Cut>) {
        if let Some(open) = &self.open {
            let to = open.spoken_to;
            self.close(to, Ending::Pause, out);
        }
    }

    /// Whether speech was heard within the last `frames` frames that have been judged.
    pub fn spoke_within(&self, frames: u64) -> bool {
        self.open.as_ref().is_some_and(|open| open.spoken_to + FAST_FRAMES + frames >= self.next)
    }

    /// `deaf` is true while a tone sounds: a tone is not speech, whatever the gate says.
    pub fn frame(&mut self, at: Moment, frame: &Frame, level_dbov: f32, voice: Voice, deaf: bool, out: &mut Vec<Cut>) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.first += 1;
        }
        self.kept.push_back(Kept { at, lost: frame.lost, samples: frame.samples, level_dbov, fast: 0.0, sure: 0.0 });
        let now = self.next;
        self.next += 1;
        if let Some(kept) = self.kept_mut(now.wrapping_sub(SURE_FRAMES)) {
            kept.sure = voice.speech;
        }
        let Some(judged) = now.checked_sub(FAST_FRAMES) else { return };
        let fast = if deaf { 0.0 } else { voice.speech_fast };
        if let Some(kept) = self.kept_mut(judged) {
            kept.fast = fast;
        }
        match self.open {
            None => self.look_for_speech(judged, out),
            Some(_) => self.go_on(judged, voice, out),
        }
    }

    /// Something happened that what follows may answer (a key was pressed): words before and after it do not belong
    /// into one clip.
    pub fn split(&mut self, out: &mut Vec<Cut>) {
        // The sure answers about the last 300 ms come too late: the fast ones stand for them.
        let unsure = (self.next.saturating_sub(SURE_FRAMES)..self.next).filter(|&n| self.fast(n) >= BEGIN).count();
        if let Some(open) = &mut self.open {
            open.sure_frames += unsure as u64;
            let to = open.spoken_to;
            self.close(to, Ending::CutOff, out);
        }
    }

    /// What was said before frame `n` was one thing, and what is heard from there on another.
    pub fn split_before(&mut self, n: u64, out: &mut Vec<Cut>) {
        let Some(open) = self.open.take() else { return };
        let last = n.saturating_sub(1).clamp(open.spoken_from, self.next - 1);
        self.hand_over(&open, open.spoken_to.min(last), last, Ending::CutOff, out);
        self.free_from = last + 1;
        let Some(spoken_from) = (last + 1..self.next).find(|&n| self.fast(n) >= BEGIN) else { return };
        let start = spoken_from.saturating_sub(PRE_ROLL_MS / FRAME_MS).max(self.free_from);
        let sure_frames = (spoken_from..self.next).filter(|&n| self.sure(n) >= SURE).count() as u64;
        self.open = Some(Open {
            start,
            spoken_from,
            spoken_to: open.spoken_to.max(spoken_from),
            sure_frames,
            certain_frames: sure_frames,
            music_frames: 0,
            goes_on: true,
        });
        out.push(Cut::Began { at: self.at(spoken_from) });
    }

    /// The call is over.
    pub fn finish(&mut self, out: &mut Vec<Cut>) {
        self.split(out);
    }

    fn look_for_speech(&mut self, judged: u64, out: &mut Vec<Cut>) {
        let from = judged.saturating_sub(2).max(self.free_from);
        let speaking = (from..=judged).filter(|&n| self.fast(n) >= BEGIN).count() as u32;
        if speaking < BEGIN_OF_THREE {
            return;
        }
        let spoken_from = (from..=judged).find(|&n| self.fast(n) >= BEGIN).unwrap_or(judged);
        let start = spoken_from.saturating_sub(PRE_ROLL_MS / FRAME_MS).max(self.free_from).max(self.first);
        self.open = Some(Open {
            start,
            spoken_from,
            spoken_to: judged,
            sure_frames: 0,
            certain_frames: 0,
            music_frames: 0,
            goes_on: false,
        });
        out.push(Cut::Began { at: self.at(spoken_from) });
    }

    fn go_on(&mut self, judged: u64, voice: Voice, out: &mut Vec<Cut>) {
        let fast = self.fast(judged);
        let sure_about = self.next - 1 - SURE_FRAMES.min(self.next - 1);
        let Some(open) = &mut self.open else { return };
        if fast >= GO_ON {
            open.spoken_to = judged;
        }
        if voice.speech >= SURE && sure_about >= open.start {
            open.sure_frames += 1;
            open.certain_frames += u64::from(voice.speech >= CERTAIN);
            open.music_frames += u64::from(voice.music >= MUSIC);
            open.spoken_to = open.spoken_to.max(sure_about);
        }
        let length_ms = (judged - open.start) * FRAME_MS;
        let pause_ms = judged.saturating_sub(open.spoken_to) * FRAME_MS;
        let wanted = PAUSES_WHEN_LONG.iter().find(|(from, _)| length_ms >= *from).map_or(PAUSE_MS, |(_, pause)| *pause);
        let spoken_to = open.spoken_to;
        // The sure answer about the last words takes 300 ms.
        if !self.held && pause_ms >= wanted && pause_ms >= (SURE_FRAMES - FAST_FRAMES) * FRAME_MS {
            return self.close(spoken_to, Ending::Pause, out);
        }
        if length_ms + POST_ROLL_MS + 200 >= limits::CLIP_MS_MAX {
            self.cut_at_softest(judged, out);
        }
    }

    /// Nobody pauses: the clip is cut where it is softest in its last third.
    fn cut_at_softest(&mut self, judged: u64, out: &mut Vec<Cut>) {
        let Some(open) = self.open.take() else { return };
        let from = open.start + (judged - open.start) * 2 / 3;
        let softness =
            |n: u64| -> f32 { (n.saturating_sub(2)..=n + 2).map(|n| self.level(n) + 30.0 * self.fast(n)).sum() };
        let mut softest = judged;
        for n in from..=judged.saturating_sub(5) {
            if softest == judged || softness(n) < softness(softest) {
                softest = n;
            }
        }
        if open.is_speech() {
            self.hand_over(&open, softest, softest, Ending::TooLong, out);
        }
        self.free_from = softest + 1;
        let sure_frames = (softest + 1..self.next).filter(|&n| self.sure(n) >= SURE).count() as u64;
        self.open = Some(Open {
            start: softest + 1,
            spoken_from: softest + 1,
            spoken_to: open.spoken_to.max(softest + 1),
            sure_frames,
            certain_frames: sure_frames,
            music_frames: 0,
            goes_on: true,
        });
    }

    fn close(&mut self, spoken_to: u64, ending: Ending, out: &mut Vec<Cut>) {
        let Some(open) = self.open.take() else { return };
        let end = (spoken_to + POST_ROLL_MS / FRAME_MS).min(self.next - 1);
        if open.is_speech() {
            self.hand_over(&open, spoken_to, end, ending, out);
            self.free_from = end + 1;
        } else {
            out.push(Cut::Nothing { from: self.at(open.spoken_from) });
            self.free_from = spoken_to + 1;
        }
    }

    fn hand_over(&mut self, open: &Open, spoken_to: u64, end: u64, ending: Ending, out: &mut Vec<Cut>) {
        let start = open.start.max(self.first);
        let from = (start - self.first) as usize;
        let to = (end + 1 - self.first) as usize;
        let mut samples = Vec::with_capacity((to - from) * FRAME_SAMPLES);
        for kept in self.kept.range(from..to) {
            samples.extend_from_slice(&kept.samples);
        }
        let frame = std::time::Duration::from_millis(FRAME_MS);
        let clip = Clip {
            id: ClipId(self.clips),
            from: self.at(start),
            to: self.at(end) + frame,
            samples: Arc::from(samples),
            cut: ending == Ending::TooLong,
        };
        let place = |n: u64| (n.saturating_sub(start) as usize * FRAME_SAMPLES) as u32;
        let heard = Heard {
            from: (start as usize * FRAME_SAMPLES) as i64,
            lost: self.kept.range(from..to).map(|kept| kept.lost).collect(),
            speech: (place(open.spoken_from), place(spoken_to + 1)),
            cut_off: ending != Ending::Pause,
        };
        self.clips += 1;
        out.push(Cut::Spoken { from: self.at(open.spoken_from), to: self.at(spoken_to) + frame, clip, heard });
    }

    fn kept_mut(&mut self, n: u64) -> Option<&mut Kept> {
        self.kept.get_mut(n.checked_sub(self.first)? as usize)
    }

    fn kept(&self, n: u64) -> Option<&Kept> {
        self.kept.get(n.checked_sub(self.first)? as usize)
    }

    fn at(&self, n: u64) -> Moment {
        self.kept(n.max(self.first)).map_or(Moment::START, |kept| kept.at)
    }

    fn fast(&self, n: u64) -> f32 {
        self.kept(n).map_or(0.0, |kept| kept.fast)
    }

    fn sure(&self, n: u64) -> f32 {
        self.kept(n).map_or(0.0, |kept| kept.sure)
    }

    fn level(&self, n: u64) -> f32 {
        self.kept(n).map_or(-100.0, |kept| kept.level_dbov)
    }
}
