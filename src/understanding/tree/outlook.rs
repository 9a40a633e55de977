//! What follows from the whole tree: which places can be reached and how, loops, how much is known, the way to a person.

use super::conduct::{Direction, direction};
use super::learn::order_of;
use super::{Place, PlaceId, PlaceKind, Tree, Way};
use crate::vocabulary::DeadEnd;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// From the last word of a prompt to a key, for a caller who hears a menu to its end.
const TIME_TO_PRESS_MS: u64 = 1_000;
/// From a call's beginning to its first word.
const TIME_TO_CONNECT_MS: u64 = 2_000;

/// What the tree comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Places in the order of their paths, with the keys that lead there.
    pub paths: BTreeMap<PlaceId, Vec<String>>,
    pub order: Vec<PlaceId>,
    /// Confirmed dead ends of places.
    pub dead_ends: BTreeMap<PlaceId, (DeadEnd, String)>,
    /// Keys that lead back to where they were pressed, or up, without saying so.
    pub dead_ways: BTreeMap<(PlaceId, String), (DeadEnd, String)>,
    /// Seen by one call only: named, and no reason for an alarm.
    pub unconfirmed: BTreeMap<PlaceId, (DeadEnd, String)>,
    /// 0–1: options whose end was seen, of all that were heard.
    pub coverage: f64,
    pub person: Option<PlaceId>,
    pub seconds_to_person: Option<f64>,
    /// Ends of the tree: what a walk with one call for each would need calls for.
    pub leaves: usize,
    /// ... without keys that come to nothing: a call that meets one goes on.
    pub calls_needed: usize,
    /// How long such a walk would take, on one line.
    pub plain_walk_s: f64,
}

impl Tree {
    pub fn outlook(&self) -> Outlook {
        let mut outlook = Outlook::default();
        let Some(root) = self.root() else { return outlook };
        self.find_paths(root.id, &mut outlook);
        self.measure(&mut outlook);
        self.find_dead_ends(&mut outlook);
        self.find_loops(&mut outlook);
        self.find_person(&mut outlook);
        outlook
    }

    /// Options that count: a key that one hearing of several had and that came to nothing was a slip of the ear.
    pub fn ways_of<'a>(&self, place: &'a Place) -> impl Iterator<Item = &'a Way> + use<'a> {
        let failed: Vec<&str> = place
            .ways
            .iter()
            .filter(|way| {
                let dead = way.to.and_then(|to| self.place(to)).is_some_and(|end| {
                    matches!(end.dead_end(), Some((DeadEnd::KeyRejected | DeadEnd::KeyIgnored, ..)))
                });
                let again = !way.same_again.is_empty() && direction(&way.label) == Direction::Onwards;
                let whole = place.heard.len() as u32;
                if way.heard == 0 {
                    let leads_on = way.to.filter(|to| *to != place.id).and_then(|to| self.place(to));
                    return leads_on.is_none_or(|to| to.kind() == PlaceKind::End);
                }
                way.heard * 2 < whole || (way.heard * 2 == whole && whole >= 2 && (dead || again))
            })
            .map(|way| way.key.as_str())
            .collect();
        place.ways.iter().filter(move |way| !failed.contains(&way.key.as_str()))
    }

    fn find_paths(&self, root: PlaceId, outlook: &mut Outlook) {
        let mut waiting = VecDeque::from([(root, Vec::<String>::new())]);
        while let Some((id, path)) = waiting.pop_front() {
            if outlook.paths.contains_key(&id) {
                continue;
            }
            let Some(place) = self.place(id) else { continue };
            outlook.paths.insert(id, path.clone());
            outlook.order.push(id);
            // Where a place goes on by itself is as near as the place.
            if let Some(then) = place.then {
                waiting.push_front((then, path.clone()));
            }
            let mut ways: Vec<&Way> = self.ways_of(place).collect();
            ways.sort_by_key(|w| order_of(&w.key));
            for way in ways {
                if let Some(to) = way.to {
                    let mut longer = path.clone();
                    longer.push(way.key.clone());
                    waiting.push_back((to, longer));
                }
            }
        }
        let key = |id: &PlaceId| outlook.paths[id].iter().map(|k| order_of(k)).collect::<Vec<_>>();
        let mut order = outlook.order.clone();
        order.sort_by_key(key);
        outlook.order = order;
    }

    fn measure(&self, outlook: &mut Outlook) {
        let (mut all, mut known, mut walk_ms) = (0usize, 0usize, 0u64);
        for &id in &outlook.order {
            let Some(place) = self.place(id) else { continue };
            let keyed: Vec<&str> =
                self.ways_of(place).filter(|w| !w.key.starts_with("say:")).map(|w| w.label.as_str()).collect();
            for way in self.ways_of(place) {
                // What can be said can mostly be pressed as well: then it is no second option.
                if way.key.starts_with("say:") && keyed.contains(&way.label.as_str()) {
                    continue;
                }
                all += 1;
                known += usize::from(way.to.is_some());
                let leads_to_leaf = way.to.and_then(|to| self.place(to)).is_some_and(|p| p.kind() != PlaceKind::Menu);
                let onwards = direction(&way.label) == Direction::Onwards;
                if onwards && (leads_to_leaf || way.to == Some(id)) {
                    outlook.leaves += 1;
                    let comes_to_nothing = way.to.and_then(|to| self.place(to)).is_some_and(Place::is_failed_key);
                    outlook.calls_needed += usize::from(leads_to_leaf && !comes_to_nothing);
                    walk_ms += TIME_TO_CONNECT_MS + self.way_ms(&outlook.paths[&id]) + self.stay_ms(place);
                    walk_ms += way.to.and_then(|to| self.place(to)).map_or(0, |p| self.stay_ms(p));
                }
            }
        }
        if outlook.leaves == 0 {
            outlook.leaves = 1;
            walk_ms = self.root().map_or(0, |p| self.stay_ms(p));
        }
        outlook.plain_walk_s = walk_ms as f64 / 1e3;
        outlook.coverage = if all == 0 { 1.0 } else { known as f64 / all as f64 };
    }

    /// How long a caller who hears everything to its end stays here.
    fn stay_ms(&self, place: &Place) -> u64 {
        let prompt = place.best().map_or(0, |h| h.prompt_ms) + TIME_TO_PRESS_MS;
        if place.kind() == PlaceKind::Menu { prompt } else { prompt.max(place.best().map_or(0, |h| h.stay_ms)) }
    }

    /// ... and at the places before the last key of this path.
    fn way_ms(&self, path: &[String]) -> u64 {
        let mut at = self.root();
        let mut ms = 0;
        for key in path {
            let Some(place) = at else { break };
            ms += self.stay_ms(place);
            at = place.way(key).and_then(|w| w.to).and_then(|to| self.place(to));
            while let Some(next) = at.and_then(|p| p.then).filter(|_| at.is_some_and(|p| p.ways.is_empty())) {
                ms += at.map_or(0, |p| self.stay_ms(p));
                at = self.place(next);
            }
        }
        ms
    }

    fn find_dead_ends(&self, outlook: &mut Outlook) {
        for &id in &outlook.order {
            let Some(place) = self.place(id) else { continue };
            if let Some((kind, ending)) = place.confirmed_dead_end() {
                outlook.dead_ends.insert(id, (kind, ending.detail.clone()));
            } else if let Some((kind, _, ending)) = place.dead_end()
                && (place.is_doubtful() || place.endings.len() < 3)
            {
                outlook.unconfirmed.insert(id, (kind, ending.detail.clone()));
            }
        }
    }

    /// Circles without a way out, and keys that lead back without saying so.
    fn find_loops(&self, outlook: &mut Outlook) {
        for &id in &outlook.order.clone() {
            let Some(place) = self.place(id).filter(|p| p.kind() == PlaceKind::Menu) else { continue };
            let onwards: Vec<&Way> = self
                .ways_of(place)
                .filter(|w| direction(&w.label) == Direction::Onwards && w.declined.is_none())
                .collect();
            let leads_up = |way: &&&Way| way.to.is_some_and(|to| to == id || self.is_above(to, id, outlook));
            let back: Vec<&&Way> = onwards.iter().filter(leads_up).collect();
            if back.is_empty() {
                continue;
            }
            if back.len() == onwards.len() && (back.len() >= 2 || back[0].to != Some(id)) {
                let detail = "whatever is chosen here leads back to where one was".to_string();
                outlook.dead_ends.entry(id).or_insert((DeadEnd::Loop, detail));
                continue;
            }
            for way in back {
                let up = way.to != Some(id);
                // A key that leads back to where it was pressed was pressed twice before it was noted.
                let (kind, detail) = if up {
                    (DeadEnd::Loop, format!("key {} (“{}”) leads back to a menu above", way.key, way.label))
                } else {
                    (DeadEnd::KeyRejected, format!("key {} (“{}”) leads back to the same menu", way.key, way.label))
                };
                outlook.dead_ways.insert((id, way.key.clone()), (kind, detail));
            }
        }
        for circle in self.circles(outlook) {
            let entrance = outlook.order.iter().copied().find(|id| circle.contains(id));
            if let Some(id) = entrance {
                let detail = "every way from here leads round in a circle and none leads out".to_string();
                outlook.dead_ends.entry(id).or_insert((DeadEnd::Loop, detail));
            }
        }
    }

    /// Is `above` on the path that leads to `below`?
    fn is_above(&self, above: PlaceId, below: PlaceId, outlook: &Outlook) -> bool {
        let (Some(a), Some(b)) = (outlook.paths.get(&above), outlook.paths.get(&below)) else { return false };
        a.len() < b.len() && self.along(b).contains(&above)
    }

    fn along(&self, path: &[String]) -> Vec<PlaceId> {
        let mut at = self.root().map(|p| p.id);
        let mut places: Vec<PlaceId> = at.into_iter().collect();
        for key in path {
            let mut next = at.and_then(|id| self.leads(id, key));
            places.extend(next);
            while let Some(then) = next.and_then(|id| self.place(id)).filter(|p| p.ways.is_empty()).and_then(|p| p.then)
            {
                if places.contains(&then) {
                    break;
                }
                places.push(then);
                next = Some(then);
            }
            at = next;
        }
        places
    }

    /// Sets of several places, wholly explored, that no key and no waiting leads out of.
    fn circles(&self, outlook: &Outlook) -> Vec<BTreeSet<PlaceId>> {
        let next = |id: PlaceId| -> Option<Vec<PlaceId>> {
            let place = self.place(id)?;
            let ways: Vec<&Way> = self.ways_of(place).collect();
            if ways.iter().any(|w| w.to.is_none()) {
                return None;
            }
            let mut all: Vec<PlaceId> = ways.iter().filter_map(|w| w.to).collect();
            all.extend(place.then);
            Some(all)
        };
        let mut found: Vec<BTreeSet<PlaceId>> = Vec::new();
        for &start in &outlook.order {
            if found.iter().any(|circle| circle.contains(&start)) {
                continue;
            }
            let mut reached = BTreeSet::from([start]);
            let mut waiting = vec![start];
            let mut closed = true;
            while let Some(id) = waiting.pop() {
                match next(id) {
                    Some(all) if !all.is_empty() => {
                        waiting.extend(all.into_iter().filter(|to| reached.insert(*to)));
                    }
                    // An end, or something unknown: there may be a way out.
                    _ => closed = false,
                }
            }
            let spoken =
                reached.iter().filter(|id| self.place(**id).is_some_and(|p| p.kind() != PlaceKind::End)).count();
            if closed && spoken >= 2 {
                found.push(reached);
            }
        }
        found
    }

    /// A queue that was not waited out, or a notice that all have gone home: people may be there at another time.
    fn may_have_people(&self, outlook: &Outlook) -> bool {
        outlook
            .order
            .iter()
            .filter(|id| !outlook.dead_ends.contains_key(id) && !outlook.unconfirmed.contains_key(id))
            .filter_map(|id| self.place(*id))
            .any(|place| place.kind() == PlaceKind::Queue || place.best().is_some_and(|h| h.says == "closed"))
    }

    fn find_person(&self, outlook: &mut Outlook) {
        let mut nearest: Option<(usize, PlaceId)> = None;
        for &id in &outlook.order {
            if self.place(id).is_some_and(|p| p.kind() == PlaceKind::Human) {
                let keys = outlook.paths[&id].len();
                if nearest.is_none_or(|(least, _)| keys < least) {
                    nearest = Some((keys, id));
                }
            }
        }
        let Some(root) = self.root().map(|p| p.id) else { return };
        match nearest {
            Some((_, id)) => {
                outlook.person = Some(id);
                let wait = self.place(id).and_then(|p| p.heard.iter().filter_map(|h| h.person_ms).min()).unwrap_or(0);
                outlook.seconds_to_person = Some((self.way_ms(&outlook.paths[&id]) + wait) as f64 / 1e3);
            }
            None if outlook.coverage >= 1.0 && !self.may_have_people(outlook) => {
                let detail = "every option was tried and none leads to a person".to_string();
                // Where a person failed to come once, one may come another time.
                let sure = !outlook.unconfirmed.values().any(|(kind, _)| keeps_from_people(*kind));
                let stated = if sure { &mut outlook.dead_ends } else { &mut outlook.unconfirmed };
                stated.entry(root).or_insert((DeadEnd::NoPathToHuman, detail));
            }
            None => {}
        }
    }
}

/// Behind such an end there may be people after all.
fn keeps_from_people(kind: DeadEnd) -> bool {
    !matches!(
        kind,
        DeadEnd::MailboxFull
            | DeadEnd::VoicemailOn24hLine
            | DeadEnd::Deflection
            | DeadEnd::KeyRejected
            | DeadEnd::KeyIgnored
    )
}
