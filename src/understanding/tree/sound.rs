//! Whether a place is said by another recording than before.
//!
//! Only sound that is known is evidence: a map without it, a prompt that was cut short, one that sounds otherwise each time
//! (music below it, numbers in it) say nothing, neither way.

use super::alike::{self, Sounds};
use super::map::Node;
use super::{Place, Seen};
use crate::vocabulary::sketch::{Beside, Sketch};

/// Texts this alike are the same words, as recordings can be compared by.
const SAME_WORDS: f32 = 0.85;

/// What a place's hearings tell together.
pub struct Heard {
    pub fingerprint: Option<String>,
    pub missed: usize,
    pub varies: bool,
}

/// The sound of those hearings that say what the place says; the first of them stands for it, so that it stays the same.
pub fn of(place: &Place, text: &Sounds) -> Heard {
    let sketch = |seen: &Seen| {
        let sketch = Sketch::from_text(seen.fingerprint.as_ref()?)?;
        are_same_words(&Sounds::of(&seen.text()), text).then_some(sketch)
    };
    let sketches: Vec<Sketch> = place.heard.iter().filter_map(sketch).collect();
    let Some(first) = sketches.first() else {
        return Heard { fingerprint: None, missed: place.heard.len(), varies: false };
    };
    let beside = |wanted: Beside| sketches[1..].iter().filter(|other| first.beside(other) == wanted).count();
    Heard {
        fingerprint: Some(first.to_text()),
        missed: place.heard.len() - 1 - beside(Beside::Same),
        varies: beside(Beside::Another) > 0,
    }
}

/// Are the words the same, and the recording is not?
pub fn is_another(was: &Node, is: &Node) -> bool {
    let sketch =
        |node: &Node| node.fingerprint.as_ref().filter(|_| !node.sound_varies).and_then(|text| Sketch::from_text(text));
    let (Some(before), Some(after)) = (sketch(was), sketch(is)) else { return false };
    are_same_words(&Sounds::of(&was.text), &Sounds::of(&is.text)) && before.beside(&after) == Beside::Another
}

fn are_same_words(a: &Sounds, b: &Sounds) -> bool {
    alike::likeness(a, b) >= SAME_WORDS
}

/// A place that sounds as it did keeps the very fingerprint of the older map: a map under version control changes where the
/// hotline did.
pub fn keep(was: &Node, is: &mut Node) {
    let sketch = |text: &Option<String>| text.as_ref().and_then(|text| Sketch::from_text(text));
    if let (Some(before), Some(after)) = (sketch(&was.fingerprint), sketch(&is.fingerprint))
        && !was.sound_varies
        && before.beside(&after) == Beside::Same
    {
        is.fingerprint.clone_from(&was.fingerprint);
    }
}
