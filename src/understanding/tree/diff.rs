//! What changed between two maps: options added, removed, renamed, moved to another key, words, sound, dead ends.
//!
//! A change is stated when every hearing of the one side differs from every hearing of the other, and the new side was
//! heard twice. What one transcript alone says is listed apart, to be heard again.

use super::alike::{self, Sounds};
use super::map::{Map, MapOption, Node};
use super::sound;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Names this alike are one option on two keys.
const MOVED: f32 = 0.8;
/// A longer label has words before the name in it; a name has this many sounds at least.
const LABEL_LONGEST: usize = 9;
const NAME_LEAST: usize = 4;
/// Below this a text that was heard once is another text, whatever a single hearing is worth.
const OTHER_TEXT: f32 = 0.75;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    OptionAdded,
    OptionRemoved,
    OptionRenamed,
    OptionMoved,
    Wording,
    /// The words are the same and the recording is another.
    Audio,
    /// A menu where a message was, a person where a queue was.
    Kind,
    DeadEnd,
    DeadEndGone,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub kind: ChangeKind,
    /// The place, by its keys in the newer map (in the older one for what is gone).
    pub node: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// Heard twice; otherwise it may be a slip of the ear.
    pub confirmed: bool,
}

impl Change {
    /// One line for people.
    pub fn sentence(&self) -> String {
        let at = if self.node == "top" { "at the top".to_string() } else { format!("at {}", self.node) };
        let (was, is) = (self.was.as_deref().unwrap_or(""), self.is.as_deref().unwrap_or(""));
        let key = self.key.as_deref().unwrap_or("");
        match self.kind {
            ChangeKind::OptionAdded => format!("{at}: key {key} is new: “{is}”"),
            ChangeKind::OptionRemoved => format!("{at}: key {key} is gone: “{was}”"),
            ChangeKind::OptionRenamed => format!("{at}: key {key} is now “{is}”, was “{was}”"),
            ChangeKind::OptionMoved => format!("{at}: “{is}” is now on key {key}, was on {was}"),
            ChangeKind::Wording if was.is_empty() => format!("{at}: other words, new: “{is}”"),
            ChangeKind::Wording if is.is_empty() => format!("{at}: other words, gone: “{was}”"),
            ChangeKind::Wording => format!("{at}: other words: “{was}” → “{is}”"),
            ChangeKind::Audio => format!("{at}: the same words in another recording"),
            ChangeKind::Kind => format!("{at}: now {is}, was {was}"),
            ChangeKind::DeadEnd => format!("{at}: ends dead now: {is}"),
            ChangeKind::DeadEndGone => format!("{at}: no longer ends dead ({was})"),
        }
    }
}

/// Everything that differs between an older map and a newer one, from the top down.
pub fn compare(old: &Map, new: &Map) -> Vec<Change> {
    let mut changes = Vec::new();
    pairs(old, new, &mut changes);
    changes.sort_by_key(|c| !c.confirmed);
    changes
}

/// Places of the newer map that sound as they did keep the very fingerprints of the older one.
pub fn keep_sound(old: &Map, new: &mut Map) {
    for (a, b) in pairs(old, new, &mut Vec::new()) {
        if let (Some(was), Some(is)) = (old.node(&a), new.nodes.iter_mut().find(|node| node.id == b)) {
            sound::keep(was, is);
        }
    }
}

/// The same places of both, from the top down.
fn pairs(old: &Map, new: &Map, changes: &mut Vec<Change>) -> BTreeSet<(String, String)> {
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    let (Some(a), Some(b)) = (old.root(), new.root()) else { return seen };
    let mut waiting = std::collections::VecDeque::from([(a.id.clone(), b.id.clone())]);
    while let Some((a, b)) = waiting.pop_front() {
        let (Some(was), Some(is)) = (old.node(&a), new.node(&b)) else { continue };
        // A place that several keys lead to is compared once.
        if seen.iter().any(|(x, y)| *x == a && *y == b) || !seen.insert((a.clone(), b.clone())) {
            continue;
        }
        for (x, y) in compare_places(was, is, changes) {
            if let (Some(x), Some(y)) = (x.to.clone(), y.to.clone()) {
                waiting.push_back((x, y));
            }
        }
        if let (Some(x), Some(y)) = (was.then.clone(), is.then.clone()) {
            waiting.push_back((x, y));
        }
    }
    seen
}

/// Places of the newer map whose differences rest on one hearing: to be heard again.
pub fn doubtful(changes: &[Change]) -> Vec<String> {
    let mut places: Vec<String> = changes.iter().filter(|c| !c.confirmed).map(|c| c.node.clone()).collect();
    places.dedup();
    places
}

pub(super) fn compare_places<'a>(
    was: &'a Node,
    is: &'a Node,
    changes: &mut Vec<Change>,
) -> Vec<(&'a MapOption, &'a MapOption)> {
    let twice = is.heard >= 2;
    let mut tell = |kind, key: Option<&str>, before: Option<String>, after: Option<String>, confirmed: bool| {
        let change =
            Change { kind, node: is.id.clone(), key: key.map(str::to_string), was: before, is: after, confirmed };
        changes.push(change);
    };
    if was.kind != is.kind {
        tell(ChangeKind::Kind, None, Some(was.kind.word().into()), Some(is.kind.word().into()), twice);
    }
    if was.dead_end != is.dead_end {
        match (was.dead_end, is.dead_end) {
            (_, Some(kind)) => tell(ChangeKind::DeadEnd, None, None, Some(kind.word().into()), !is.seen_once),
            // One call came to a good end where another had not: that may be chance.
            (Some(kind), None) => {
                tell(ChangeKind::DeadEndGone, None, Some(kind.word().into()), None, twice && !was.seen_once)
            }
            (None, None) => {}
        }
    }
    let mut left: Vec<&MapOption> = was.options.iter().collect();
    let mut right: Vec<&MapOption> = is.options.iter().collect();
    let mut pairs: Vec<(&MapOption, &MapOption)> = Vec::new();
    // On the same key, and not another name.
    left.retain(|a| {
        let Some(at) = right.iter().position(|b| b.key == a.key && !is_other_name(&a.label, &b.label)) else {
            return true;
        };
        pairs.push((a, right.remove(at)));
        false
    });
    let mut optional = 0;
    left.retain(|a| {
        let by_name = |b: &&MapOption| likeness(&a.label, &b.label) >= MOVED && !is_other_name(&a.label, &b.label);
        let Some(at) = right.iter().position(by_name) else { return true };
        let b = right.remove(at);
        tell(ChangeKind::OptionMoved, Some(&b.key), Some(a.key.clone()), Some(b.label.clone()), twice);
        optional += 1;
        pairs.push((a, b));
        false
    });
    left.retain(|a| {
        let Some(at) = right.iter().position(|b| b.key == a.key) else { return true };
        let b = right.remove(at);
        tell(ChangeKind::OptionRenamed, Some(&b.key), Some(a.label.clone()), Some(b.label.clone()), twice);
        optional += 1;
        pairs.push((a, b));
        false
    });
    for a in left {
        // Heard by some hearings and not by others, before: nothing can be said.
        if a.missed == 0 {
            tell(ChangeKind::OptionRemoved, Some(&a.key), Some(a.label.clone()), None, twice);
            optional += 1;
        }
    }
    for b in right {
        if b.missed == 0 {
            tell(ChangeKind::OptionAdded, Some(&b.key), None, Some(b.label.clone()), twice);
            optional += 1;
        }
    }
    if let Some((before, after)) = other_words(was, is, optional > 0) {
        tell(ChangeKind::Wording, None, Some(before), Some(after), twice);
    } else if optional == 0 && was.kind == is.kind && sound::is_another(was, is) {
        // What was heard in part, or not by its sound, is no second hearing.
        tell(ChangeKind::Audio, None, None, None, is.heard.saturating_sub(is.sound_missed) >= 2);
    }
    pairs
}

fn likeness(a: &str, b: &str) -> f32 {
    alike::likeness(&Sounds::of(a), &Sounds::of(b))
}

/// Another name, and not the same one with a greeting or a small word taken into it.
fn is_other_name(a: &str, b: &str) -> bool {
    let (a, b) = (Sounds::of(a), Sounds::of(b));
    let inside = alike::within(&a, &b).max(alike::within(&b, &a));
    // Without stops a greeting runs into the first label: then its end is the name.
    let long = a.len().max(b.len()) >= LABEL_LONGEST && alike::same_end(&a, &b) >= NAME_LEAST;
    inside < 0.9 && !long && alike::say_otherwise(&a, &b)
}

/// The stretches that differ, when every hearing of the one differs from every hearing of the other.
fn other_words(was: &Node, is: &Node, options_changed: bool) -> Option<(String, String)> {
    let said =
        |node: &Node, text: &str| -> String { if options_changed { greeting(node, text) } else { text.to_string() } };
    let all = |node: &Node| -> Vec<Sounds> {
        std::iter::once(&node.text).chain(&node.also_heard).map(|t| Sounds::of(&said(node, t))).collect()
    };
    let (before, after) = (all(was), all(is));
    let differ = |a: &Sounds, b: &Sounds| {
        // A return may leave the greeting out, and a hearing may have begun late.
        let part =
            alike::within(a, b).max(alike::within(b, a)) >= 0.95 && a.len().min(b.len()) * 2 >= a.len().max(b.len());
        let cut = options_changed && (a.is_empty() || b.is_empty());
        !part && !cut && alike::say_otherwise(a, b)
    };
    if !before.iter().all(|a| after.iter().all(|b| differ(a, b))) {
        return None;
    }
    let (a, b) = (&before[0], &after[0]);
    let differences = alike::differences(a, b);
    if was.heard < 2 && alike::likeness(a, b) >= OTHER_TEXT {
        let numbers = |text: &str| text.chars().any(|c| c.is_ascii_digit());
        let telling = differences
            .iter()
            .any(|d| numbers(&d.was) || numbers(&d.is) || Sounds::of(&d.was).len().max(Sounds::of(&d.is).len()) >= 3);
        if !telling {
            return None;
        }
    }
    let show = |side: fn(&alike::Difference) -> &String| -> String {
        differences.iter().map(side).filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join(" … ")
    };
    Some((show(|d| &d.was), show(|d| &d.is)))
}

/// What is said before the first option.
fn greeting(node: &Node, text: &str) -> String {
    let first = node.options.iter().filter_map(|o| text.find(&o.label)).min().unwrap_or(text.len());
    text[..first].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::tree::PlaceKind;
    use crate::vocabulary::Lang;

    fn node(id: &str, text: &str, options: &[(&str, &str, &str)], heard: usize) -> Node {
        Node {
            id: id.into(),
            keys: if id == "top" { String::new() } else { id.into() },
            kind: if options.is_empty() { PlaceKind::Message } else { PlaceKind::Menu },
            lang: Lang::En,
            text: text.into(),
            options: options
                .iter()
                .map(|(key, label, to)| MapOption {
                    key: key.to_string(),
                    label: label.to_string(),
                    to: Some(to.to_string()),
                    dead_end: None,
                    missed: 0,
                })
                .collect(),
            then: None,
            dead_end: None,
            seen_once: false,
            findings: Vec::new(),
            heard,
            also_heard: Vec::new(),
            sound_missed: 0,
            sound_varies: false,
            fingerprint: None,
        }
    }

    fn map(nodes: Vec<Node>) -> Map {
        Map { nodes, ..Map::empty() }
    }

    fn check(old: Vec<Node>, new: Vec<Node>, expected: &[&str]) {
        let found: Vec<String> = compare(&map(old), &map(new))
            .iter()
            .map(|c| format!("{}{}", c.sentence(), if c.confirmed { "" } else { " ?" }))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_change_is_named_and_nothing_else() {
        let menu = |text: &str, options: &[(&str, &str, &str)], heard| {
            vec![
                node("top", text, options, heard),
                node("1", "Your bill was sent on Monday.", &[], heard),
                node("2", "Our staff will call you.", &[], heard),
            ]
        };
        let a = || {
            menu(
                "Welcome. For billing, press one. For repairs, press two.",
                &[("1", "billing", "1"), ("2", "repairs", "2")],
                2,
            )
        };
        check(a(), a(), &[]);
        check(
            a(),
            menu(
                "welcome for billing press won for repairs press to",
                &[("1", "billing", "1"), ("2", "repairs", "2")],
                2,
            ),
            &[],
        );
        check(
            a(),
            menu(
                "Welcome. For billing, press one. For repairs, press two. For sales, press three.",
                &[("1", "billing", "1"), ("2", "repairs", "2"), ("3", "sales", "2")],
                2,
            ),
            &["at the top: key 3 is new: “sales”"],
        );
        check(
            a(),
            menu("Welcome. For billing, press one.", &[("1", "billing", "1")], 1),
            &["at the top: key 2 is gone: “repairs” ?"],
        );
        check(
            a(),
            menu(
                "Welcome. For repairs, press one. For billing, press two.",
                &[("1", "repairs", "2"), ("2", "billing", "1")],
                2,
            ),
            &["at the top: “billing” is now on key 2, was on 1", "at the top: “repairs” is now on key 1, was on 2"],
        );
        check(
            a(),
            menu(
                "Welcome. For invoices, press one. For repairs, press two.",
                &[("1", "invoices", "1"), ("2", "repairs", "2")],
                2,
            ),
            &["at the top: key 1 is now “invoices”, was “billing”"],
        );
        let mut other = a();
        other[1].text = "Your bill was sent on Friday.".into();
        check(a(), other.clone(), &["at 1: other words: “monday” → “friday”"]);
        // One of the hearings agrees with what was said before: nothing changed.
        other[1].also_heard = vec!["Your bill was sent on Monday.".into()];
        check(a(), other, &[]);
        let mut dead = a();
        dead[2].dead_end = Some(crate::vocabulary::DeadEnd::Silence);
        check(a(), dead, &["at 2: ends dead now: silence"]);
        // The fingerprint is the same: what the options say counts all the same.
        let (mut was, mut is) = (a(), menu("Welcome. For billing, press one.", &[("1", "billing", "1")], 2));
        (was[0].fingerprint, is[0].fingerprint) = (Some("1.AQA".into()), Some("1.AQA".into()));
        check(was, is, &["at the top: key 2 is gone: “repairs”"]);
    }
}
