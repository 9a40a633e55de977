//! Where to go next inside a call: to the goals, then to the nearest thing that nobody knows.

use super::{Explorer, Goal, Why};
use crate::understanding::tree::{Direction, Place, PlaceId, PlaceKind, Seen, Way, direction};
use crate::understanding::{self, MenuOption, OptionKey};
use crate::vocabulary::{DeadEnd, Key, Lang, Moment};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A menu that has just refused a key may hang up at the next.
const RISK_COSTS: usize = 60;
/// What is deep is looked at later: breadth first.
const DEPTH_COSTS: usize = 2;

impl Explorer {
    /// The next key to press from here, if any is worth it.
    pub(super) fn next_key(&mut self, now: Moment) -> Option<String> {
        let late = now.millis() >= self.errand.roams_until_ms && !self.legs.is_empty() && self.settled_something();
        if self.presses.len() >= self.errand.keys_max || late {
            return None;
        }
        let here = self.at?;
        // What can be confirmed on the way without ending the call needs no call of its own.
        let by_the_way = self.goals.iter().find_map(|goal| match goal {
            Goal::Way { place, key, why: Why::Confirm } if *place == here && self.stays_here(here, key) => {
                Some(key.clone())
            }
            _ => None,
        });
        if let Some(key) = by_the_way.filter(|key| self.may_take(here, key)) {
            return Some(key);
        }
        loop {
            // Where a key has just failed the next failure may end the call: the others first.
            let elsewhere = self.goals.iter().position(|goal| {
                let (Goal::Way { place, .. } | Goal::Hear { place }) = goal;
                self.failed_at.is_some() && *place != here && self.way_to(here, *place).is_some()
            });
            let next = elsewhere.unwrap_or(0);
            let Some(goal) = self.goals.get(next).cloned() else { break };
            let place = match &goal {
                Goal::Way { place, .. } | Goal::Hear { place } => *place,
            };
            if place == here {
                match goal {
                    Goal::Way { key, .. } if self.may_take(place, &key) => return Some(key),
                    // Being here is all that was wanted, or it cannot be had.
                    _ => {
                        self.goals.remove(next);
                        continue;
                    }
                }
            }
            match self.way_to(here, place) {
                Some(key) => return Some(key),
                None => drop(self.goals.remove(next)),
            }
        }
        if self.errand.roams { self.nearest_unknown(here) } else { None }
    }

    /// The call has not been in vain: something was found out that earlier calls did not know.
    fn settled_something(&self) -> bool {
        self.goals.len() < self.errand.goals.len() || self.tree.places.len() > self.errand.tree.places.len()
    }

    /// This place must be heard to its end, known or not.
    pub(super) fn wants_whole(&self, id: PlaceId) -> bool {
        let heard = self.tree.place(id).map(|p| p.heard.as_slice()).unwrap_or_default();
        let too_few = heard.len() < self.errand.hearings
            || (heard.len() < 2 && self.has_failed_key(id))
            || (heard.len() == 2 && offers(&heard[0]) != offers(&heard[1]));
        if too_few && heard.iter().all(|h| h.call != self.errand.call) {
            return true;
        }
        self.goals.iter().any(|goal| match goal {
            Goal::Hear { place } => *place == id,
            Goal::Way { place, key, why: Why::Confirm } => {
                *place == id
                    && self.tree.place(id).is_some_and(|p| p.heard.len() < 2)
                    && !self.tells_by_interrupting(id, key)
            }
            Goal::Way { .. } => false,
        })
    }

    /// One of its keys came to nothing: perhaps it was never offered, and misheard.
    fn has_failed_key(&self, id: PlaceId) -> bool {
        let failed = |way: &Way| {
            let again = !way.same_again.is_empty() && direction(&way.label) == Direction::Onwards;
            way.heard > 0 && (again || way.to.and_then(|to| self.tree.place(to)).is_some_and(Place::is_failed_key))
        };
        self.tree.place(id).is_some_and(|place| place.ways.iter().any(failed))
    }

    /// Nothing came after this key. Pressed into the prompt it tells more: one without effect lets the prompt go on.
    fn tells_by_interrupting(&self, place: PlaceId, key: &str) -> bool {
        let end = self.tree.leads(place, key).and_then(|to| self.tree.place(to)).and_then(|p| p.dead_end());
        self.errand.interrupts
            && self.tree.listens_while_speaking == Some(true)
            && end.is_some_and(|(kind, ..)| matches!(kind, DeadEnd::Silence | DeadEnd::KeyIgnored))
    }

    /// The key is known to do nothing, or to lead back here.
    fn stays_here(&self, place: PlaceId, key: &str) -> bool {
        let Some(way) = self.tree.place(place).and_then(|p| p.way(key)) else { return false };
        let end = way.to.and_then(|to| self.tree.place(to)).and_then(|p| p.dead_end());
        way.to == Some(place)
            || end.is_some_and(|(kind, ..)| matches!(kind, DeadEnd::KeyRejected | DeadEnd::KeyIgnored))
    }

    fn may_take(&self, place: PlaceId, key: &str) -> bool {
        let Some(way) = self.tree.place(place).and_then(|p| p.way(key)) else { return false };
        way.declined.is_none()
            && (key == "wait" || key.parse::<Key>().is_ok())
            && !self.errand.taken.contains(&(place, key.to_string()))
            && (self.errand.people_left > 0 || !names_a_person(&way.label))
    }

    /// The first key of the shortest known way.
    fn way_to(&self, from: PlaceId, to: PlaceId) -> Option<String> {
        self.distances(from).get(&to).and_then(|(_, first)| first.clone())
    }

    /// Places that keys lead to from here, with the number of keys and the first of them.
    fn distances(&self, from: PlaceId) -> BTreeMap<PlaceId, (usize, Option<String>)> {
        let mut found = BTreeMap::from([(from, (0, None))]);
        let mut waiting = VecDeque::from([from]);
        while let Some(at) = waiting.pop_front() {
            let (steps, first) = found[&at].clone();
            let Some(place) = self.tree.place(at) else { continue };
            for way in &place.ways {
                let Some(to) = way.to.filter(|to| !found.contains_key(to)) else { continue };
                let through = self.tree.place(to).is_some_and(|p| !p.ways.is_empty() || p.then.is_some());
                if way.key.parse::<Key>().is_err() || way.declined.is_some() {
                    continue;
                }
                let first = first.clone().or_else(|| Some(way.key.clone()));
                found.insert(to, (steps + 1, first.clone()));
                if !through {
                    continue;
                }
                waiting.push_back(to);
                // A message on the way goes on by itself.
                if let Some(then) = self.tree.place(to).filter(|p| p.ways.is_empty()).and_then(|p| p.then)
                    && !found.contains_key(&then)
                {
                    found.insert(then, (steps + 1, first));
                    waiting.push_back(then);
                }
            }
        }
        found
    }

    fn nearest_unknown(&self, here: PlaceId) -> Option<String> {
        let depth = self.depths();
        let mut best: Option<(usize, String)> = None;
        for (place, (steps, first)) in self.distances(here) {
            let Some(known) = self.tree.place(place) else { continue };
            if matches!(known.kind(), PlaceKind::Queue | PlaceKind::Voicemail | PlaceKind::Human) {
                continue;
            }
            for way in known.ways.iter().filter(|w| w.is_open()) {
                if !self.may_take(place, &way.key) {
                    continue;
                }
                // A way back is tried when nothing else is left here; waiting costs most.
                let last = match direction(&way.label) {
                    _ if way.key == "wait" => 3,
                    Direction::Onwards => 0,
                    _ => 1,
                };
                let risk = if self.failed_at == Some(place) { RISK_COSTS } else { 0 };
                let cost = (steps + depth.get(&place).copied().unwrap_or(9) * DEPTH_COSTS) * 4 + last + risk;
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, first.clone().unwrap_or_else(|| way.key.clone())));
                }
            }
        }
        best.map(|(_, key)| key)
    }

    fn depths(&self) -> BTreeMap<PlaceId, usize> {
        self.tree
            .root()
            .map(|root| self.distances(root.id))
            .unwrap_or_default()
            .into_iter()
            .map(|(id, (n, _))| (id, n))
            .collect()
    }
}

/// The keys that one hearing had.
fn offers(seen: &Seen) -> BTreeSet<&str> {
    seen.options.iter().map(|(key, _)| key.as_str()).collect()
}

/// Does this label promise a person?
pub(super) fn names_a_person(label: &str) -> bool {
    let option = MenuOption { key: OptionKey::Wait, label: label.to_string(), beyond: None, sure: 100, span: 0..0 };
    let one = std::slice::from_ref(&option);
    ["人工服务", "operator"]
        .iter()
        .any(|wanted| understanding::choose(wanted, one, Lang::Zh).is_some_and(|c| c.score >= 0.8))
}
