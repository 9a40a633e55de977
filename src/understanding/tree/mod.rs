//! A hotline's menu tree, as calls discover it: places, the ways between them, where they end dead, what is still unknown.
//!
//! `learn` takes what one leg of a call heard and finds its place in the tree, so that loops close and a sub-menu that
//! several keys lead to is one place. `outlook` says what follows from the whole: loops, coverage, the way to a person.
//! `map` is the tree as it is kept and compared, `diff` what changed between two of them, `expected` whether a later call
//! still finds it so. Nothing here knows how a call
//! is made or how a map is drawn.

pub mod alike;
mod conduct;
pub mod diff;
pub mod expected;
mod learn;
pub mod map;
mod outlook;
mod recognise;
mod sound;

pub use conduct::{Direction, declined, direction};
pub use learn::{Leg, Via};
pub use map::Map;

pub use outlook::Outlook;

use crate::vocabulary::{DeadEnd, Lang};
use alike::Sounds;
use serde::{Deserialize, Serialize};

/// Number of a place within one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlaceId(pub u32);

/// What kind of place, as the contract names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    Menu,
    Message,
    Human,
    Queue,
    Voicemail,
    /// Nothing was said: silence, a hang-up, a key that leads nowhere.
    End,
}

impl PlaceKind {
    pub fn word(self) -> &'static str {
        match self {
            PlaceKind::Menu => "menu",
            PlaceKind::Message => "message",
            PlaceKind::Human => "human",
            PlaceKind::Queue => "queue",
            PlaceKind::Voicemail => "voicemail",
            PlaceKind::End => "end",
        }
    }
}

/// How a stay at a place ended, once that is worth telling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// `None`: as it should.
    pub dead_end: Option<DeadEnd>,
    pub detail: String,
    pub quote: Option<String>,
}

/// What one leg of a call heard: from a key, or from the answer, to the next key or the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Number of the call, from 1: what two calls say counts for more than what one says twice.
    pub call: u32,
    pub kind: PlaceKind,
    /// What kind of prompt the words are, as `read` names it.
    pub says: String,
    pub lang: Lang,
    /// The words, as stretches between pauses.
    pub clips: Vec<String>,
    /// (`key`, `label`) as read from the whole of the words.
    pub options: Vec<(String, String)>,
    /// A person was offered, and the key for it not understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_without_key: Option<String>,
    /// Heard to its end; otherwise left as soon as it was recognised.
    pub whole: bool,
    pub ending: Option<Ending>,
    /// Length of the prompt.
    pub prompt_ms: u64,
    /// How long the stay was, waiting included.
    pub stay_ms: u64,
    /// From arriving here to the first word of a person.
    pub person_ms: Option<u64>,
    /// The key led back to where it was pressed.
    pub same_again: bool,
    /// Signs that the words are out of date: quote, detail, day of expiry, score.
    pub findings: Vec<Sign>,
    /// How the words sounded (`vocabulary::Sketch`), where all of them were heard and none was a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl Seen {
    pub fn text(&self) -> String {
        joined(&self.clips, self.lang)
    }

    /// Not a place, but a key that was refused or did nothing.
    pub fn is_failed_key(&self) -> bool {
        let kind = self.ending.as_ref().and_then(|ending| ending.dead_end);
        self.kind == PlaceKind::End && matches!(kind, Some(DeadEnd::KeyRejected | DeadEnd::KeyIgnored))
    }
}

/// Stretches between pauses written as one text.
pub fn joined(clips: &[String], lang: Lang) -> String {
    let mut text = String::new();
    for clip in clips.iter().map(|c| c.trim()).filter(|c| !c.is_empty()) {
        if text.ends_with(|c: char| c.is_alphanumeric()) {
            text.push_str(if lang == Lang::Zh { "，" } else { ", " });
        } else if !text.is_empty() && lang == Lang::En {
            text.push(' ');
        }
        text.push_str(clip);
    }
    text
}

/// A sign that the words of a place are out of date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sign {
    pub kind: String,
    pub quote: String,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired_on: Option<String>,
    pub score: u8,
}

/// A place of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub id: PlaceId,
    /// Whole hearings, the newest last; at most `limits::MAP_HEARINGS_MAX`.
    pub heard: Vec<Seen>,
    pub ways: Vec<Way>,
    /// Where it goes on by itself.
    pub then: Option<PlaceId>,
    /// How stays here ended, by call.
    pub endings: Vec<(u32, Ending)>,
    /// Reached by a person's voice in these calls.
    pub people: Vec<u32>,
}

/// An option of a place, and what is known of where it leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// `0`–`9`, `*`, `#`, `wait` or `say:WORDS`.
    pub key: String,
    pub label: String,
    /// Hearings of the place that had it; 0 for a guess (people are mostly behind 0), which counts once it has proved right.
    pub heard: u32,
    pub to: Option<PlaceId>,
    /// Calls in which the key led back to this very place.
    pub same_again: Vec<u32>,
    /// Why it is not taken.
    pub declined: Option<String>,
}

impl Way {
    /// Can a call find out where it leads?
    pub fn is_open(&self) -> bool {
        self.to.is_none() && self.declined.is_none()
    }
}

/// What is known of a hotline's menus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    pub places: Vec<Place>,
    /// Keys are taken while a prompt is being said; `None` while nobody tried.
    pub listens_while_speaking: Option<bool>,
}

impl Tree {
    pub fn root(&self) -> Option<&Place> {
        self.places.first()
    }

    pub fn place(&self, id: PlaceId) -> Option<&Place> {
        self.places.get(id.0 as usize)
    }

    fn place_mut(&mut self, id: PlaceId) -> Option<&mut Place> {
        self.places.get_mut(id.0 as usize)
    }

    /// Where a key pressed at a place is known to lead.
    pub fn leads(&self, from: PlaceId, key: &str) -> Option<PlaceId> {
        self.place(from)?.way(key)?.to
    }

    /// Options whose end nobody has seen, in the order of places.
    pub fn open_ways(&self) -> Vec<(PlaceId, String)> {
        let open = |place: &Place| {
            let id = place.id;
            place.ways.iter().filter(|w| w.is_open()).map(move |w| (id, w.key.clone())).collect::<Vec<_>>()
        };
        self.places.iter().flat_map(open).collect()
    }

    /// The same without what no call needs, and every tape would hold.
    pub fn without_sound(&self) -> Tree {
        let mut tree = self.clone();
        tree.places.iter_mut().flat_map(|place| &mut place.heard).for_each(|seen| seen.fingerprint = None);
        tree
    }

    /// Calls that ended with a person on the line.
    pub fn people_reached(&self) -> usize {
        let mut calls: Vec<u32> = self.places.iter().flat_map(|p| p.people.iter().copied()).collect();
        calls.sort_unstable();
        calls.dedup();
        calls.len()
    }
}

impl Place {
    pub fn way(&self, key: &str) -> Option<&Way> {
        self.ways.iter().find(|w| w.key == key)
    }

    /// The hearing that agrees best with the others: what the place says, for people and for comparing.
    pub fn best(&self) -> Option<&Seen> {
        if self.heard.len() < 3 {
            return self.heard.first();
        }
        let sounds: Vec<Sounds> = self.heard.iter().map(|h| Sounds::of(&h.text())).collect();
        let agreement = |i: usize| -> f32 { sounds.iter().map(|other| alike::likeness(&sounds[i], other)).sum() };
        let mut best = 0;
        for i in 1..sounds.len() {
            if agreement(i) > agreement(best) + 1e-4 {
                best = i;
            }
        }
        self.heard.get(best)
    }

    pub fn text(&self) -> String {
        self.best().map(Seen::text).unwrap_or_default()
    }

    pub fn kind(&self) -> PlaceKind {
        if !self.people.is_empty() {
            return PlaceKind::Human;
        }
        self.best().map_or(PlaceKind::End, |h| h.kind)
    }

    /// The dead end most calls agree on, with how many do.
    pub fn dead_end(&self) -> Option<(DeadEnd, usize, &Ending)> {
        let mut best: Option<(DeadEnd, usize, &Ending)> = None;
        for (_, ending) in &self.endings {
            let Some(kind) = ending.dead_end else { continue };
            let agree = self.endings.iter().filter(|(_, e)| e.dead_end == Some(kind)).count();
            if best.as_ref().is_none_or(|(_, most, _)| agree > *most) {
                best = Some((kind, agree, ending));
            }
        }
        best
    }

    /// A dead end that two calls saw, or one call twice.
    pub fn confirmed_dead_end(&self) -> Option<(DeadEnd, &Ending)> {
        self.dead_end()
            .filter(|(kind, agree, _)| *agree >= 2 || (shows_twice(*kind) && self.endings.len() < 3))
            .map(|(kind, _, ending)| (kind, ending))
    }

    /// Not a place of its own, but a key that was refused or did nothing.
    pub fn is_failed_key(&self) -> bool {
        matches!(self.dead_end(), Some((DeadEnd::KeyRejected | DeadEnd::KeyIgnored, ..)))
    }

    /// A dead end was seen and not yet by a second call, and other calls have not outvoted it.
    pub fn is_doubtful(&self) -> bool {
        self.dead_end().is_some_and(|(kind, agree, _)| agree == 1 && !shows_twice(kind) && self.endings.len() < 3)
    }
}

/// One call has seen it twice before it says so: the key was pressed again, the notice came three times.
fn shows_twice(kind: DeadEnd) -> bool {
    matches!(kind, DeadEnd::KeyRejected | DeadEnd::KeyIgnored | DeadEnd::Loop | DeadEnd::PingPong)
}
