//! One speech after the other: asks whether it was heard before, follows every prompt that began so, and says at its
//! end which one it was.

use super::follow::{Course, Follower};
use super::signs::{self, Signs};
use super::sound::{Bands, HOP, Sound};
use crate::hearing::clips::PRE_ROLL_MS;
use crate::vocabulary::print::{Followed, Print, PrintId, Recall};
use crate::vocabulary::{FRAME_SAMPLES, Frame};
use std::sync::Arc;

const MS: i64 = 8;
/// Signs are read from a little before the first word: as a rule from where its clip will begin, so that the print of
/// that clip has them already.
const LEAD: i64 = PRE_ROLL_MS as i64 * MS;
/// It is asked once so much of the speech was heard, about the last second of it. What was changed in its beginning is
/// not recognised by the first questions, but by a later one.
const QUESTIONS: [i64; 6] = [600 * MS, 850 * MS, 1_150 * MS, 1_400 * MS, 1_700 * MS, 2_700 * MS];
const WINDOW: i64 = 1_000 * MS;
/// Speech that was like nothing known for so long is new.
const LOOKED_FOR: i64 = 3_100 * MS;
/// Laying a prompt over what was heard costs more than a frame may.
const TRIED_EVERY: i64 = 190 * MS;
/// Speech shorter than the first question is asked about once it has paused so long, in frames of 20 ms.
const SHORT_PAUSE: u64 = 13;
/// Differing signs: it is that prompt below the first once a second was heard, below the second half a second later.
const SURE: f32 = 0.22;
const SURE_LATER: f32 = 0.25;
/// Others that may be meant where one is sure.
const ALIKE: f32 = 0.29;
const SURE_AFTER: i64 = 1_000 * MS;
const LATER_AFTER: i64 = 1_400 * MS;
/// Prompts that are compared at once, and of these followed.
const PROPOSED_MAX: usize = 16;
const FOLLOWED_MAX: usize = 8;
/// Nothing was said after a prompt when speech ended within this of its last word.
const LAST_WORD: i64 = 260 * MS;
/// What differs so long before a key already was no doing of the key.
const BEFORE_KEY: i64 = 150 * MS;

/// Where the clip that is being spoken began and how far speech came, in frames of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaking {
    pub from: u64,
    pub to: u64,
}

/// What is said of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Was this heard before? The answer goes to `recalled`.
    Ask(Recall),
    /// It is one of these; fewer each time.
    Recognised { ids: Vec<PrintId> },
}

#[derive(Default)]
pub struct Recogniser {
    sound: Sound,
    bands: Bands,
    speech: Option<Speech>,
    frames: u64,
}

/// A prompt that may be meant.
struct Proposed {
    id: PrintId,
    print: Arc<Print>,
    /// By the first question already.
    at_once: bool,
    /// It is not that one as a whole.
    refused: bool,
    /// How much was heard when it was last laid over it.
    tried: i64,
}

struct Speech {
    /// Sample of the first word.
    onset: i64,
    /// Behind the last word so far.
    spoken_to: i64,
    signs: Signs,
    asked: usize,
    asked_at_end: bool,
    /// Who may be meant, by any question so far.
    proposed: Vec<Proposed>,
    followed: Vec<Follower>,
    told: usize,
    ended: bool,
    /// A key was pressed here, into a prompt that is being followed.
    key_at: Option<i64>,
}

impl Recogniser {
    /// One frame. `speaking` is the clip as it stood before the frame.
    pub fn frame(&mut self, frame: &Frame, speaking: Option<Speaking>, out: &mut Vec<Told>) {
        self.sound.push(frame);
        self.frames += 1;
        let Some(speaking) = speaking else {
            self.speech = None;
            return;
        };
        let onset = (speaking.from as usize * FRAME_SAMPLES) as i64;
        let speech = self.speech.get_or_insert_with(|| Speech::from(onset));
        if speech.ended {
            return;
        }
        speech.spoken_to = ((speaking.to + 1) as usize * FRAME_SAMPLES) as i64;
        let pause = self.frames.saturating_sub(speaking.to + 1);
        if speech.followed.is_empty() {
            speech.look(&self.sound, pause, out);
            speech.accept(&self.sound, &mut self.bands, pause);
        }
        for follower in &mut speech.followed {
            follower.follow(&self.sound, &mut self.bands);
        }
        let left: Vec<PrintId> = speech.left().map(|f| f.id).collect();
        let doubted = speech.left().any(Follower::in_doubt);
        if !left.is_empty() && !doubted && left.len() != speech.told {
            speech.told = left.len();
            out.push(Told::Recognised { ids: left });
        }
        speech.ended = speech.has_ended();
    }

    /// The prompts that may be meant by the last question.
    pub fn recalled(&mut self, known: Vec<(PrintId, Arc<Print>)>) {
        if let Some(speech) = &mut self.speech
            && speech.followed.is_empty()
        {
            let at_once = speech.asked <= 1;
            for (id, print) in known {
                if !speech.proposed.iter().any(|p| p.id == id) && speech.proposed.len() < PROPOSED_MAX {
                    speech.proposed.push(Proposed { id, print, at_once, refused: false, tried: 0 });
                }
            }
        }
    }

    /// The clip must not end at a pause: the known prompt pauses there too.
    pub fn holds(&self) -> bool {
        self.speech.as_ref().is_some_and(|s| !s.ended && s.followed.iter().any(|f| f.course() == Course::On))
    }

    /// The known prompt has ended where it always ended, and with it the clip.
    pub fn has_ended(&self) -> bool {
        self.speech.as_ref().is_some_and(|speech| speech.ended)
    }

    /// A key is being pressed into the known prompt that is being followed: it may stop before its end from here on. False
    /// where none is.
    pub fn expect_stop(&mut self) -> bool {
        let (follows, end) = (self.holds(), self.sound.end());
        if let Some(speech) = self.speech.as_mut().filter(|_| follows) {
            speech.key_at.get_or_insert(end);
        }
        follows
    }

    /// The sample of the call at which the known prompt stopped after the key, once that is certain.
    pub fn stopped_at(&self) -> Option<i64> {
        let speech = self.speech.as_ref().filter(|speech| speech.key_at.is_some() && !speech.ended)?;
        speech.followed.iter().map(stop_of).collect::<Option<Vec<i64>>>()?.into_iter().max()
    }

    /// The signs of the speech that is about to be concluded, where they begin with this sample of the call.
    pub fn signs_from(&mut self, sample: i64) -> Option<Signs> {
        let speech = self.speech.as_mut().filter(|speech| speech.signs.from() == sample)?;
        Some(std::mem::replace(&mut speech.signs, Signs::new(sample)))
    }

    /// The clip is over: what it was. `cut`: by a key, the end of the call, or its length.
    pub fn conclude(&mut self, cut: bool) -> Option<Followed> {
        let speech = self.speech.take()?;
        let of_speech = |f: &Follower, sample: u32| (sample.saturating_sub(f.print.speech.0) / 8).max(1);
        let best = |followers: &mut dyn Iterator<Item = &Follower>| -> Option<(PrintId, u32)> {
            followers
                .min_by(|a, b| a.difference().total_cmp(&b.difference()))
                .map(|f| (f.id, of_speech(f, f.reached())))
        };
        if let Some((id, _)) = best(&mut speech.whole()) {
            return Some(Followed::Whole { id });
        }
        if let Some((id, heard_ms)) = best(&mut speech.followed.iter().filter(|f| f.course() == Course::On)) {
            // A clip that ended by itself in the middle of a prompt did not sound like it.
            return Some(if cut { Followed::Part { id, heard_ms } } else { Followed::Changed { id, at_ms: heard_ms } });
        }
        let diverged = speech.followed.iter().filter_map(|f| match f.course() {
            Course::Diverged { frame } => Some((frame, of_speech(f, (frame * HOP) as u32), f)),
            // It ended, and somebody went on to speak.
            Course::Ended => Some((f.print.bands.len(), of_speech(f, f.print.speech.1), f)),
            Course::On => None,
        });
        // Whoever was followed longest is the one that changed, or that the key stopped.
        let (_, at_ms, last) = diverged.max_by_key(|(frame, ..)| *frame)?;
        let stopped = speech.key_at.is_some_and(|key| stop_of(last).is_some_and(|at| at + BEFORE_KEY >= key));
        Some(match stopped {
            true => Followed::Part { id: last.id, heard_ms: at_ms },
            false => Followed::Changed { id: last.id, at_ms },
        })
    }
}

/// The sample of the call from which on a prompt is no longer heard.
fn stop_of(follower: &Follower) -> Option<i64> {
    match follower.course() {
        Course::Diverged { frame } => Some(follower.place_of(frame)),
        _ => None,
    }
}

impl Speech {
    fn from(onset: i64) -> Speech {
        Speech {
            onset,
            spoken_to: onset,
            signs: Signs::new(onset - LEAD),
            asked: 0,
            asked_at_end: false,
            proposed: Vec::new(),
            followed: Vec::new(),
            told: 0,
            ended: false,
            key_at: None,
        }
    }

    /// Those that have not diverged.
    fn left(&self) -> impl Iterator<Item = &Follower> {
        self.followed.iter().filter(|f| !matches!(f.course(), Course::Diverged { .. }))
    }

    fn look(&mut self, sound: &Sound, pause: u64, out: &mut Vec<Told>) {
        let heard = sound.end() - self.onset;
        if heard > LOOKED_FOR {
            return;
        }
        if self.signs.from() < sound.first() {
            self.signs = Signs::new(sound.first());
        }
        self.signs.read(sound, usize::MAX);
        let due = QUESTIONS.get(self.asked).filter(|until| heard >= **until);
        let short = pause >= SHORT_PAUSE && !self.asked_at_end;
        if due.is_none() && !short {
            return;
        }
        self.asked += usize::from(due.is_some());
        self.asked_at_end |= short;
        out.push(Told::Ask(self.question()));
    }

    /// The last second of what was heard.
    fn question(&self) -> Recall {
        let subs = self.signs.judged();
        let count = (WINDOW as usize / signs::HOP).min(subs.len());
        let first = subs.len() - count;
        let offset = self.signs.from() + (first * signs::HOP) as i64 - self.onset;
        Recall { offset: offset as i32, subs: subs[first..].to_vec() }
    }

    /// Those of the proposed that are sure are followed from here on.
    fn accept(&mut self, sound: &Sound, bands: &mut Bands, pause: u64) {
        let heard = sound.end() - self.onset;
        let over = pause >= SHORT_PAUSE;
        if self.proposed.is_empty() || heard > LOOKED_FOR || (heard < SURE_AFTER && !over) {
            return;
        }
        let limit = if heard >= LATER_AFTER { SURE_LATER } else { SURE };
        let question = self.question();
        let from = (self.onset - 20 * MS).max(sound.first());
        let mut near: Vec<(f32, usize, i64)> = Vec::new();
        for (n, proposed) in self.proposed.iter().enumerate().filter(|(_, p)| !p.refused) {
            if heard >= proposed.tried + TRIED_EVERY
                && let Some(found) = signs::nearest(&question, &proposed.print)
            {
                near.push((found.errors, n, self.onset - i64::from(found.onset)));
            }
        }
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (errors, n, place) in near.into_iter().take(FOLLOWED_MAX) {
            // Those that began like one that is sure are followed with it, until they differ.
            if errors >= if self.followed.is_empty() { limit } else { ALIKE } {
                break;
            }
            let proposed = &mut self.proposed[n];
            proposed.tried = heard;
            let (id, print) = (proposed.id, proposed.print.clone());
            match Follower::fit(id, print.clone(), sound, place, from, bands) {
                Some(follower) => self.followed.push(follower),
                // It sounds like that prompt by now, but did not from the beginning.
                None if errors < limit && (heard >= LATER_AFTER || over) => {
                    proposed.refused = true;
                    let begun = Follower::fit_beginning(id, print.clone(), sound, self.onset, from, bands);
                    self.followed.push(begun.unwrap_or_else(|| Follower::begun_otherwise(id, print)));
                }
                None => {}
            }
        }
        if self.followed.is_empty() && (over || heard > 2 * SURE_AFTER) {
            self.accept_beginnings(sound, bands, from);
        }
    }

    /// Nothing that is known goes on like this: but something may have begun like it, and was changed soon.
    fn accept_beginnings(&mut self, sound: &Sound, bands: &mut Bands, from: i64) {
        for proposed in self.proposed.iter_mut().filter(|p| p.at_once && !p.refused) {
            proposed.refused = true;
            let (id, print) = (proposed.id, proposed.print.clone());
            if let Some(follower) = Follower::fit_beginning(id, print, sound, self.onset, from, bands)
                && self.followed.len() < FOLLOWED_MAX
            {
                self.followed.push(follower);
            }
        }
    }

    /// Those that ended where they always did, with nothing said after them.
    fn whole(&self) -> impl Iterator<Item = &Follower> {
        let ended = self.followed.iter().filter(|f| f.course() == Course::Ended);
        ended.filter(|f| self.spoken_to <= f.last_word() + LAST_WORD)
    }

    /// One has ended, and no longer one that began like it may still be meant.
    fn has_ended(&self) -> bool {
        self.whole().next().is_some() && self.followed.iter().all(|f| f.course() != Course::On)
    }
}
