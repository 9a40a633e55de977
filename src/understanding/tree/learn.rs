//! One leg of a call put into the tree.

use super::alike::{self, Sounds};
use super::{Ending, Place, PlaceId, PlaceKind, Seen, Tree, Way, declined};
use crate::vocabulary::limits;
use serde::{Deserialize, Serialize};

/// How a leg began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The hotline answered.
    Answer,
    /// Without our doing: a message that goes on into a menu.
    Itself,
    /// A key, or `wait`.
    Way(String),
}

/// One leg of a call: how it began and what was heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    pub via: Via,
    pub seen: Seen,
}

/// Two hearings behind the same key are one place from here on, whatever the numbers in them.
const SAME_HERE: f32 = 0.6;

impl Tree {
    /// Takes in what a leg from `from` heard; where the call is now. `None`: it cannot be said where.
    pub fn learn(&mut self, from: Option<PlaceId>, leg: &Leg) -> Option<PlaceId> {
        let seen = &leg.seen;
        let expected = self.expected(from, &leg.via);
        if !seen.whole {
            let at = self.begins_as(&seen.clips, seen.lang, expected)?;
            self.connect(from, &leg.via, at);
            return Some(at);
        }
        if seen.same_again {
            let here = from?;
            if let (Some(place), Via::Way(key)) = (self.place_mut(here), &leg.via)
                && let Some(way) = place.ways.iter_mut().find(|w| w.key == *key)
            {
                way.to.get_or_insert(here);
                if !way.same_again.contains(&seen.call) {
                    way.same_again.push(seen.call);
                }
            }
            return Some(here);
        }
        let at = match expected.filter(|&id| self.is_still(id, seen)).or_else(|| self.found_elsewhere(seen)) {
            Some(known) => known,
            None => self.add()?,
        };
        self.connect(from, &leg.via, at);
        self.hear(at, seen);
        Some(at)
    }

    /// Every leg of a call, one after the other; the legs after one that was lost cannot be placed.
    pub fn learn_walk(&mut self, legs: &[Leg]) {
        let mut at = None;
        for leg in legs {
            let to = self.learn(at, leg);
            // A key that came to nothing leaves the caller where it was pressed.
            at = if leg.seen.is_failed_key() { at } else { to };
            if at.is_none() {
                return;
            }
        }
    }

    /// Where a leg that begins so has led before.
    pub fn expected(&self, from: Option<PlaceId>, via: &Via) -> Option<PlaceId> {
        match via {
            Via::Answer => self.root().map(|p| p.id),
            Via::Itself => self.place(from?)?.then,
            Via::Way(key) => self.leads(from?, key),
        }
    }

    fn is_still(&self, id: PlaceId, seen: &Seen) -> bool {
        let Some(place) = self.place(id) else { return false };
        let (was, is) = (place.kind(), seen.kind);
        match (was == PlaceKind::Menu, is == PlaceKind::Menu) {
            (false, false) => {
                (was == PlaceKind::End) == (is == PlaceKind::End) || place.text().is_empty() == seen.text().is_empty()
            }
            (true, true) => {
                let (a, b) = (Sounds::of(&place.text()), Sounds::of(&seen.text()));
                alike::likeness(&a, &b) >= SAME_HERE || alike::within(&b, &a) >= 0.85
            }
            _ => false,
        }
    }

    /// The same words behind another key. What failed, failed at its own key.
    fn found_elsewhere(&self, seen: &Seen) -> Option<PlaceId> {
        (seen.kind != PlaceKind::End && !seen.clips.is_empty()).then(|| self.same_as(seen)).flatten()
    }

    fn add(&mut self) -> Option<PlaceId> {
        if self.places.len() >= limits::MAP_PLACES_MAX {
            return None;
        }
        let id = PlaceId(self.places.len() as u32);
        self.places.push(Place {
            id,
            heard: Vec::new(),
            ways: Vec::new(),
            then: None,
            endings: Vec::new(),
            people: Vec::new(),
        });
        Some(id)
    }

    fn connect(&mut self, from: Option<PlaceId>, via: &Via, to: PlaceId) {
        let Some(place) = from.and_then(|id| self.place_mut(id)) else { return };
        match via {
            Via::Answer => {}
            Via::Itself => place.then = Some(to),
            Via::Way(key) => {
                if let Some(way) = place.ways.iter_mut().find(|w| w.key == *key) {
                    way.to = Some(to);
                }
            }
        }
    }

    fn hear(&mut self, at: PlaceId, seen: &Seen) {
        let Some(place) = self.place_mut(at) else { return };
        if place.heard.len() >= limits::MAP_HEARINGS_MAX {
            place.heard.remove(0);
        }
        place.heard.push(seen.clone());
        for (key, label) in &seen.options {
            match place.ways.iter_mut().find(|w| w.key == *key) {
                Some(way) => way.heard += 1,
                None => place.ways.push(Way {
                    key: key.clone(),
                    label: label.clone(),
                    heard: 1,
                    to: None,
                    same_again: Vec::new(),
                    declined: declined(key, label, seen.kind == PlaceKind::Queue),
                }),
            }
        }
        if let Some(offer) = seen.offer_without_key.as_ref().filter(|_| place.way("0").is_none()) {
            place.ways.push(Way {
                key: "0".into(),
                label: offer.clone(),
                heard: 0,
                to: None,
                same_again: Vec::new(),
                declined: None,
            });
        }
        place.ways.sort_by_key(|w| order_of(&w.key));
        if seen.person_ms.is_some() && !place.people.contains(&seen.call) {
            place.people.push(seen.call);
        }
        if let Some(ending) = &seen.ending
            && !place.endings.iter().any(|(call, _)| *call == seen.call)
        {
            place.endings.push((seen.call, Ending::clone(ending)));
        }
        // The label of the hearing that agrees best with the others.
        let labels = place.best().map(|best| best.options.clone()).unwrap_or_default();
        for (key, label) in labels {
            if let Some(way) = place.ways.iter_mut().find(|w| w.key == key) {
                way.label = label;
            }
        }
    }
}

/// `1`–`9`, `0`, `*`, `#`, doing nothing, words: the order menus are read in.
pub fn order_of(key: &str) -> (u8, String) {
    let rank = match key {
        "0" => 10,
        "*" => 11,
        "#" => 12,
        "wait" => 20,
        _ if key.starts_with("say:") => 21,
        _ => key.parse::<u8>().unwrap_or(15),
    };
    (rank, key.to_string())
}
