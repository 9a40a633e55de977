//! A map as it is kept: `nightbell.map/1` of the contract, for JSON, for YAML under version control, and read back.

use super::outlook::Outlook;
use super::{PlaceId, PlaceKind, Seen, Sign, Tree, alike, sound};
use crate::vocabulary::{DeadEnd, Lang};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const SCHEMA: &str = "nightbell.map/1";

/// A hotline's menus, as found on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Map {
    pub schema: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotline: Option<String>,
    #[serde(default)]
    pub target: String,
    /// What it cost. Left out of the YAML: it changes from night to night.
    #[serde(default)]
    pub calls: u32,
    /// Calls made only to see a dead end again.
    #[serde(default)]
    pub confirming_calls: u32,
    #[serde(default)]
    pub keys_pressed: u32,
    /// From the first dial to the last hang-up.
    #[serde(default)]
    pub seconds: f64,
    /// Time on the line of all calls together.
    #[serde(default)]
    pub line_seconds: f64,
    /// What one call for each end of the tree would have taken, one after the other.
    #[serde(default)]
    pub plain_walk_seconds: f64,
    /// Ends of the tree.
    #[serde(default)]
    pub leaves: usize,
    /// 0–1: options whose end was seen.
    #[serde(default)]
    pub coverage: f64,
    #[serde(default)]
    pub keys_to_human: Option<usize>,
    #[serde(default)]
    pub seconds_to_human: Option<f64>,
    #[serde(default)]
    pub unexplored: Vec<Unexplored>,
    /// What concerns the whole: no path to a person, dead ends seen once only.
    #[serde(default)]
    pub findings: Vec<Note>,
    pub nodes: Vec<Node>,
}

/// One place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// `top`, or the keys that lead there first.
    pub id: String,
    /// The keys from the top, "" for the root.
    pub keys: String,
    pub kind: PlaceKind,
    pub lang: Lang,
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<MapOption>,
    /// Where it goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    #[serde(default)]
    pub dead_end: Option<DeadEnd>,
    /// One call saw the dead end, and no second one has been there yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub seen_once: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Sign>,
    /// Times it was heard to its end.
    #[serde(default)]
    pub heard: usize,
    /// What other hearings made of it, where they differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_heard: Vec<String>,
    /// Hearings whose sound is not known as a whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sound_missed: usize,
    /// One hearing did not sound like another: nothing can be said of its recording.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sound_varies: bool,
    /// How it sounds (`vocabulary::Sketch`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapOption {
    pub key: String,
    pub label: String,
    /// `None`: nobody has seen where it leads.
    pub to: Option<String>,
    /// The key itself is the dead end: it leads back without saying so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_end: Option<DeadEnd>,
    /// Hearings of the place that did not have it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: usize,
}

fn is_false(truth: &bool) -> bool {
    !truth
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// An option whose end was not seen, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unexplored {
    pub node: String,
    pub key: String,
    pub label: String,
    pub why: String,
}

/// Something about the whole map or about one of its places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_end: Option<DeadEnd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    pub score: u8,
}

/// What a survey cost, for the map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    pub calls: u32,
    pub confirming_calls: u32,
    pub keys: u32,
    pub wall_s: f64,
    pub line_s: f64,
}

/// A finding that calls for action; below 60 it asks a person to look.
const SURE: u8 = 85;
const SEEN_ONCE: u8 = 55;

impl Map {
    /// Nothing is known.
    pub fn empty() -> Map {
        Map {
            schema: SCHEMA.into(),
            hotline: None,
            target: String::new(),
            calls: 0,
            confirming_calls: 0,
            keys_pressed: 0,
            seconds: 0.0,
            line_seconds: 0.0,
            plain_walk_seconds: 0.0,
            leaves: 0,
            coverage: 0.0,
            keys_to_human: None,
            seconds_to_human: None,
            unexplored: Vec::new(),
            findings: Vec::new(),
            nodes: Vec::new(),
        }
    }

    pub fn of(tree: &Tree, hotline: Option<String>, target: String, cost: &Cost, why_open: &str) -> Map {
        let outlook = tree.outlook();
        let ids = names_of(&outlook);
        let nodes: Vec<Node> = outlook.order.iter().filter_map(|id| node(tree, *id, &outlook, &ids)).collect();
        let mut findings: Vec<Note> = Vec::new();
        let sure = outlook.dead_ends.iter().map(|end| (end, true));
        let once = outlook.unconfirmed.iter().map(|end| (end, false));
        for ((id, (kind, detail)), sure) in sure.chain(once) {
            let word = match kind {
                DeadEnd::Loop | DeadEnd::Deflection | DeadEnd::NoPathToHuman => kind.word(),
                _ => "dead_end",
            };
            let quote = tree.place(*id).and_then(|p| p.dead_end()).and_then(|(_, _, e)| e.quote.clone());
            findings.push(Note {
                kind: word.into(),
                dead_end: Some(*kind),
                node: ids.get(id).cloned(),
                detail: if sure { detail.clone() } else { format!("{detail} (seen by one call only)") },
                quote,
                score: if sure { SURE } else { SEEN_ONCE },
            });
        }
        for ((id, key), (kind, detail)) in &outlook.dead_ways {
            let at = ids.get(id).cloned().unwrap_or_default();
            findings.push(Note {
                kind: if *kind == DeadEnd::Loop { "loop" } else { "dead_end" }.into(),
                dead_end: Some(*kind),
                node: Some(at),
                detail: detail.clone(),
                quote: tree.place(*id).and_then(|p| p.way(key)).map(|w| w.label.clone()),
                score: SURE,
            });
        }
        let rank = |note: &Note| nodes.iter().position(|n| Some(&n.id) == note.node.as_ref());
        findings.sort_by_key(|note| (rank(note), note.detail.clone()));
        let mut unexplored = Vec::new();
        for &id in &outlook.order {
            let Some(place) = tree.place(id) else { continue };
            for way in tree.ways_of(place).filter(|w| w.to.is_none()) {
                unexplored.push(Unexplored {
                    node: ids[&id].clone(),
                    key: way.key.clone(),
                    label: way.label.clone(),
                    why: way.declined.clone().unwrap_or_else(|| why_open.to_string()),
                });
            }
        }
        let round = |s: f64| (s * 10.0).round() / 10.0;
        Map {
            schema: SCHEMA.into(),
            hotline,
            target,
            calls: cost.calls,
            confirming_calls: cost.confirming_calls,
            keys_pressed: cost.keys,
            seconds: round(cost.wall_s),
            line_seconds: round(cost.line_s),
            plain_walk_seconds: round(outlook.plain_walk_s),
            leaves: outlook.leaves,
            coverage: if tree.root().is_some() { (outlook.coverage * 1e3).floor() / 1e3 } else { 0.0 },
            keys_to_human: outlook.person.and_then(|id| outlook.paths.get(&id)).map(Vec::len),
            seconds_to_human: outlook.seconds_to_person.map(round),
            unexplored,
            findings,
            nodes,
        }
    }

    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|n| n.id == id)
    }

    pub fn root(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// Is something wrong with the hotline by this map?
    pub fn falls_short(&self) -> bool {
        self.findings.iter().any(|f| f.score >= 60)
            || self.nodes.iter().any(|n| n.findings.iter().any(|f| f.score >= 60))
    }
}

/// What each place is called in a map.
pub fn names(tree: &Tree) -> BTreeMap<PlaceId, String> {
    names_of(&tree.outlook())
}

fn names_of(outlook: &Outlook) -> BTreeMap<PlaceId, String> {
    let mut used: BTreeMap<String, u32> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for id in &outlook.order {
        let path = &outlook.paths[id];
        let mut name = if path.is_empty() { "top".to_string() } else { written(path) };
        let times = used.entry(name.clone()).or_insert(0);
        *times += 1;
        // Two places at one path: the second is where the first goes on to by itself.
        if *times > 1 {
            name = format!("{name}+{}", *times - 1);
        }
        names.insert(*id, name);
    }
    names
}

fn node(tree: &Tree, id: PlaceId, outlook: &Outlook, ids: &BTreeMap<PlaceId, String>) -> Option<Node> {
    let place = tree.place(id)?;
    let best = place.best()?;
    let text = best.text();
    let sounds = alike::Sounds::of(&text);
    let mut also_heard: Vec<String> = Vec::new();
    for other in place.heard.iter().map(Seen::text) {
        let differs = !alike::differences(&sounds, &alike::Sounds::of(&other)).is_empty();
        if differs && !also_heard.contains(&other) {
            also_heard.push(other);
        }
    }
    let options = tree
        .ways_of(place)
        .map(|way| MapOption {
            key: way.key.clone(),
            label: way.label.clone(),
            to: way.to.and_then(|to| ids.get(&to)).cloned(),
            dead_end: outlook.dead_ways.get(&(id, way.key.clone())).map(|(kind, _)| *kind),
            missed: place.heard.len().saturating_sub(way.heard as usize),
        })
        .collect();
    let sound = sound::of(place, &sounds);
    Some(Node {
        id: ids.get(&id)?.clone(),
        keys: written(outlook.paths.get(&id)?),
        kind: place.kind(),
        lang: best.lang,
        text,
        options,
        then: place.then.and_then(|to| ids.get(&to)).cloned(),
        dead_end: outlook.dead_ends.get(&id).or(outlook.unconfirmed.get(&id)).map(|(kind, _)| *kind),
        seen_once: !outlook.dead_ends.contains_key(&id) && outlook.unconfirmed.contains_key(&id),
        findings: best.findings.clone(),
        heard: place.heard.len(),
        also_heard,
        sound_missed: sound.missed,
        sound_varies: sound.varies,
        fingerprint: sound.fingerprint,
    })
}

/// A path as people type it: `12`, and `1,wait` where doing nothing is part of it.
fn written(path: &[String]) -> String {
    path.join(if path.iter().all(|k| k.chars().count() == 1) { "" } else { "," })
}
