//! What a call knows of prompts heard before, and what it learns for the next one.

use crate::hearing::prompts::known::{self, KnownPrompt, Lesson};
use crate::hearing::words::{RawHearing, merge};
use crate::vocabulary::print::Followed;
use crate::vocabulary::{ClipId, Finding, FindingKind, Key, Lang, Moment, Print, PrintId, Transcript, limits};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A prompt that has changed is for a person to look at; heard in one call alone it is worth a line.
const CHANGED_SCORE: u8 = 45;
const ONCE_SCORE: u8 = 15;

/// A clip whose words are still to come, and what is to be learned with them.
struct Coming {
    to: Moment,
    print: Option<Arc<Print>>,
    followed: Option<Followed>,
    place: String,
}

#[derive(Default)]
pub struct Recollection {
    known: BTreeMap<PrintId, KnownPrompt>,
    /// How the clip sounded that comes next.
    next: Option<(ClipId, Option<Arc<Print>>, Option<Followed>)>,
    coming: BTreeMap<ClipId, Coming>,
    /// With when they were heard: what a person says is not learned.
    lessons: Vec<(Moment, Lesson)>,
    /// The keys pressed so far.
    place: String,
    /// Pressed into the clip that is being spoken: what follows it is said elsewhere.
    pressed_into: Option<Key>,
}

/// What is to be done with a clip.
pub struct Clip {
    /// The prompt it is, new or known.
    pub id: Option<PrintId>,
    /// What is known of its words, without hearing it again. Times of the pieces count from the clip.
    pub words: Option<Transcript>,
    /// The sound of it, as it was first heard.
    pub sound: Option<Arc<Print>>,
    /// It must be written down, be it for the first time or because its words are in doubt.
    pub to_write_down: bool,
    pub finding: Option<Finding>,
}

impl Recollection {
    /// A key left; `into_prompt` where the clip goes on until its prompt stops.
    pub fn pressed(&mut self, key: Key, into_prompt: bool) {
        self.move_on();
        self.pressed_into = Some(key);
        if !into_prompt {
            self.move_on();
        }
    }

    fn move_on(&mut self) {
        if let Some(key) = self.pressed_into.take()
            && self.place.len() < limits::KEYS_MAX
        {
            self.place.push(key.symbol());
        }
    }

    /// Known prompts came in answer to a question; those that the ears should compare.
    pub fn recalled(&mut self, prompts: Vec<KnownPrompt>) -> Vec<(PrintId, Arc<Print>)> {
        let prints = prompts.iter().map(|known| (known.id, known.print.clone())).collect();
        self.known.extend(prompts.into_iter().map(|known| (known.id, known)));
        prints
    }

    pub fn sounded(&mut self, clip: ClipId, print: Option<Arc<Print>>, followed: Option<Followed>) {
        self.next = Some((clip, print, followed));
    }

    /// The words of prompts of which one is being said; `None` until all that are left begin with the same ones.
    pub fn recognised(&self, ids: &[PrintId], lang: Lang) -> Option<(PrintId, Transcript)> {
        let words = ids.iter().filter_map(|id| Some((*id, self.known.get(id)?.words(lang)?)));
        let mut words: Vec<(PrintId, Transcript)> = words.collect();
        words.sort_by_key(|(_, words)| words.text.chars().count());
        let (id, shortest) = words.first()?.clone();
        words.iter().all(|(_, other)| other.text.starts_with(&shortest.text)).then_some((id, shortest))
    }

    /// A clip, spoken in this span.
    pub fn clip(&mut self, clip: ClipId, (from, to): (Moment, Moment), lang: Lang) -> Clip {
        let (_, print, followed) = self.next.take().filter(|(id, ..)| *id == clip).unwrap_or((clip, None, None));
        let known = followed.and_then(|followed| self.known.get(&followed.id()));
        let words = known.and_then(|known| known.words(lang));
        let place = self.place.clone();
        let (id, words, in_doubt, finding) = match (followed, known, words) {
            (Some(Followed::Whole { id }), Some(known), Some(words)) => {
                let in_doubt = known.in_doubt(&words);
                let finding = replaced(known, &words, (from, to), lang);
                if !in_doubt {
                    self.lessons.push((to, Lesson::Again { id, hearing: None, place: place.clone() }));
                }
                (Some(id), Some(words), in_doubt, finding)
            }
            (Some(Followed::Part { id, heard_ms }), Some(known), Some(words)) => {
                let heard_ms = u64::from(known.print.speech.0 / 8 + heard_ms);
                self.lessons.push((to, Lesson::Again { id, hearing: None, place: place.clone() }));
                (Some(id), Some(merge::beginning(&words, heard_ms)), false, None)
            }
            (Some(Followed::Changed { at_ms, .. }), Some(known), Some(words)) => {
                let finding = changed(known, &words, at_ms, (from, to), &place);
                (print.as_ref().map(|print| print.id()), None, false, finding)
            }
            _ => (print.as_ref().map(|print| print.id()), None, false, None),
        };
        let sound = match followed {
            Some(Followed::Whole { .. }) => known.map(|known| known.print.clone()),
            _ => print.clone(),
        };
        self.move_on();
        let to_write_down = words.is_none() || in_doubt;
        if to_write_down {
            self.coming.insert(clip, Coming { to, print, followed, place });
        }
        Clip { id, words, sound, to_write_down, finding }
    }

    /// The words of a clip came back.
    pub fn written_down(&mut self, clip: ClipId, hearing: &RawHearing) -> Option<Known> {
        let coming = self.coming.remove(&clip)?;
        let hearing = hearing.clone();
        match (coming.followed, coming.print) {
            (Some(Followed::Whole { id }), _) => {
                self.lessons
                    .push((coming.to, Lesson::Again { id, hearing: Some(hearing.clone()), place: coming.place }));
                let known = self.known.get(&id)?;
                let mut hearings = known.memory.hearings.clone();
                hearings.push(hearing);
                return Some(Known { hearings });
            }
            (followed, Some(print)) => {
                let instead_of = match followed {
                    Some(Followed::Changed { id, at_ms }) => Some((id, at_ms)),
                    _ => None,
                };
                self.lessons.push((coming.to, Lesson::New { print, hearing, place: coming.place, instead_of }));
            }
            // Cut off by a key, or too short: nothing that would be recognised again.
            _ => {}
        }
        None
    }

    /// What the next call may know: nothing that was said by a person.
    pub fn lessons(&self, person_since: Option<Moment>) -> Vec<Lesson> {
        let said_by_a_machine = |at: Moment| person_since.is_none_or(|since| at <= since);
        self.lessons.iter().filter(|(at, _)| said_by_a_machine(*at)).map(|(_, lesson)| lesson.clone()).collect()
    }
}

/// All hearings of a known prompt with the one that just came back.
pub struct Known {
    hearings: Vec<RawHearing>,
}

impl Known {
    pub fn words(&self, lang: Lang) -> Option<Transcript> {
        known::words(&self.hearings, lang)
    }
}

/// A second call has heard the new prompt: now it is said.
fn replaced(known: &KnownPrompt, words: &Transcript, (from, to): (Moment, Moment), lang: Lang) -> Option<Finding> {
    let former = known.memory.replaces.as_ref()?;
    let at = at_s(former.at_ms);
    let detail = match known::words(&former.hearings, lang) {
        Some(before) if before.text != words.text => {
            format!("audio changed at {at} s: it was “{}”, and is “{}” in two calls now", before.text, words.text)
        }
        _ => format!("audio changed at {at} s in two calls now; the words are the same: “{}”", words.text),
    };
    let from = from + Duration::from_millis(u64::from(former.at_ms));
    Some(finding(FindingKind::Wording, detail, (from.min(to), to), Some(words.raw.clone()), CHANGED_SCORE))
}

/// A known prompt goes on otherwise: one call alone may be wrong.
fn changed(
    known: &KnownPrompt,
    before: &Transcript,
    at_ms: u32,
    (from, to): (Moment, Moment),
    place: &str,
) -> Option<Finding> {
    // Elsewhere in the menu something may begin alike and be another prompt.
    if known.memory.varies || !known.memory.places.iter().any(|heard_at| heard_at == place) {
        return None;
    }
    let at = at_s(at_ms);
    let detail = format!(
        "a prompt heard before sounds otherwise from {at} s on: it was “{}”; another call has to confirm it",
        before.text
    );
    let from = from + Duration::from_millis(u64::from(at_ms));
    Some(finding(FindingKind::Note, detail, (from.min(to), to), None, ONCE_SCORE))
}

fn at_s(at_ms: u32) -> f64 {
    f64::from(at_ms / 100) / 10.0
}

fn finding(
    kind: FindingKind,
    detail: String,
    (from, to): (Moment, Moment),
    quote: Option<String>,
    score: u8,
) -> Finding {
    Finding { kind, dead_end: None, detail, from, to, quote, expired_on: None, score }
}

/// Words of a known prompt as they lie in this call.
pub fn placed(mut transcript: Transcript, began: Moment) -> Transcript {
    for piece in &mut transcript.pieces {
        // Pieces count from the clip; the record counts from the tape.
        piece.from = began + Duration::from_micros(piece.from.micros());
        piece.to = began + Duration::from_micros(piece.to.micros());
    }
    transcript
}
