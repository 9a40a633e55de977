//! A prompt that was heard before: its sound, what was written down of it each time, and what a call has to tell of it.

use crate::hearing::words::merge::merged;
use crate::hearing::words::{RawHearing, interpret};
use crate::vocabulary::print::{Print, PrintId};
use crate::vocabulary::{Lang, Transcript};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Words heard with less confidence are heard again, up to so many times.
const CONFIDENCE_MIN: f32 = 0.65;
const DOUBTFUL_HEARINGS: usize = 3;

/// What a call may know of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownPrompt {
    pub id: PrintId,
    pub print: Arc<Print>,
    pub memory: Memory,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The bare hearings, the first one first. Never empty.
    pub hearings: Vec<RawHearing>,
    /// The keys that led to it: "", "1", "12".
    pub places: Vec<String>,
    /// Set while it stands in the place of another one and only one call has heard it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaced>,
    /// It is another one in each call (a position in a queue, a time): no change of it is news.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub varies: bool,
}

/// The prompt that this one was before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replaced {
    pub id: PrintId,
    /// Where both differ, in milliseconds of speech.
    pub at_ms: u32,
    /// What was heard of the former one.
    pub hearings: Vec<RawHearing>,
}

/// What one call heard of one clip.
#[derive(Clone, Debug, PartialEq)]
pub enum Lesson {
    /// A sound nobody knew; perhaps in the place of a known one, from some millisecond on.
    New { print: Arc<Print>, hearing: RawHearing, place: String, instead_of: Option<(PrintId, u32)> },
    /// A known prompt as it always was, and its words where they were written down again.
    Again { id: PrintId, hearing: Option<RawHearing>, place: String },
}

impl KnownPrompt {
    /// The words of all hearings together; `lang` decides where a hearing does not say.
    pub fn words(&self, lang: Lang) -> Option<Transcript> {
        words(&self.memory.hearings, lang)
    }

    /// Whether its words should be written down once more.
    pub fn in_doubt(&self, words: &Transcript) -> bool {
        self.memory.hearings.len() < DOUBTFUL_HEARINGS && (words.doubt.is_some() || words.confidence < CONFIDENCE_MIN)
    }
}

pub fn words(hearings: &[RawHearing], lang: Lang) -> Option<Transcript> {
    let read: Vec<Transcript> = hearings.iter().map(|raw| interpret(raw, lang)).collect();
    merged(&read)
}
