//! Whether the menus that a call went through are those of a saved map.
//!
//! One call is one hearing, and no change is declared from one: what is found here asks a person to look, or to map the
//! hotline anew, and fails nothing.

use super::super::course::{Course, HeardWords};
use super::super::{Context, read};
use super::alike::{self, Sounds};
use super::diff::{self, ChangeKind};
use super::map::{Map, MapOption, Node};
use super::{PlaceKind, joined};
use crate::vocabulary::trace::Effect;
use crate::vocabulary::{Finding, FindingKind, Moment, Trace};
use std::collections::BTreeSet;
use std::time::Duration;

const SCORE: u8 = 50;
/// From here on words stand in what the map has.
const FITS: f32 = 0.8;
/// A menu was heard to its end when nothing was said for so long before the key.
const HEARD_OUT: Duration = Duration::from_millis(1_500);
/// An onset is placed a few frames late or early.
const ONSET_TOLERANCE: Duration = Duration::from_millis(200);

/// Where this call heard something else than the map has, along the keys it pressed.
pub fn deviations(trace: &Trace, map: &Map, context: &Context) -> Vec<Finding> {
    let course = Course::of(trace);
    let Some(mut from) = course.answered else { return Vec::new() };
    let mut findings = Vec::new();
    let mut at = map.root();
    for index in 0..=course.keys.len() {
        let Some(place) = at.map(|node| Chain::of(map, node)) else { break };
        let key = course.keys.get(index);
        let until = key.map_or_else(|| course.end(), |key| key.from);
        let words: Vec<&HeardWords> = course
            .words()
            .filter(|w| belongs_after(w, from) && (key.is_none() || !belongs_after(w, until)))
            .filter(|w| course.human.is_none_or(|human| w.from < human))
            .collect();
        let heard_out = words.last().is_some_and(|last| until.since(last.to) >= HEARD_OUT);
        findings.extend(place.compare(&words, heard_out, context));
        let Some(key) = key else { break };
        from = key.to;
        let symbol = key.key.to_string();
        let leads_to = place.option(&symbol).and_then(|option| option.to.as_deref());
        at = match key.effect {
            Some(Effect::NewPrompt | Effect::Transfer) => leads_to.and_then(|to| map.node(to)),
            Some(Effect::SamePrompt | Effect::Invalid) => {
                let elsewhere = leads_to.and_then(|to| map.node(to)).filter(|to| !place.holds(&to.id));
                if let Some(to) = elsewhere.filter(|to| to.kind != PlaceKind::End) {
                    let detail = format!(
                        "key {symbol} does nothing at {}; in the map it leads to {}",
                        place.name(),
                        shown(&to.text)
                    );
                    findings.push(finding(detail, (key.from, key.to), None));
                }
                place.last()
            }
            _ => None,
        };
    }
    findings
}

/// A place and what it goes on to by itself.
struct Chain<'a>(Vec<&'a Node>);

impl<'a> Chain<'a> {
    fn of(map: &'a Map, first: &'a Node) -> Chain<'a> {
        let mut nodes = vec![first];
        let mut seen = BTreeSet::from([first.id.as_str()]);
        let mut at = first;
        while let Some(next) = at.then.as_deref().and_then(|to| map.node(to)).filter(|n| seen.insert(n.id.as_str())) {
            nodes.push(next);
            at = next;
        }
        Chain(nodes)
    }

    fn last(&self) -> Option<&'a Node> {
        self.0.last().copied()
    }

    fn holds(&self, id: &str) -> bool {
        self.0.iter().any(|node| node.id == id)
    }

    fn name(&self) -> &str {
        match self.0.first() {
            Some(node) if node.id != "top" => &node.id,
            _ => "the top",
        }
    }

    fn option(&self, key: &str) -> Option<&'a MapOption> {
        self.0.iter().flat_map(|node| &node.options).find(|option| option.key == key)
    }

    /// Everything that may be said here, as any hearing had it; twice over, since prompts are said again.
    fn texts(&self) -> Vec<Sounds> {
        let whole = |part: fn(&Node) -> Vec<&String>| -> Vec<String> {
            self.0.iter().flat_map(|node| part(node)).cloned().collect()
        };
        let said = whole(|node| vec![&node.text]);
        let mut texts = vec![Sounds::of(&[said.clone(), said].concat().join("，"))];
        texts.extend(whole(|node| node.also_heard.iter().collect()).iter().map(|text| Sounds::of(text)));
        texts
    }

    fn compare(&self, words: &[&HeardWords], heard_out: bool, context: &Context) -> Vec<Finding> {
        let Some(last) = self.last() else { return Vec::new() };
        let texts = self.texts();
        if words.is_empty() || texts.iter().all(Sounds::is_empty) {
            return Vec::new();
        }
        let fits =
            |part: &Sounds| texts.iter().any(|whole| alike::within(part, whole) >= FITS && !differs(part, whole));
        // What a menu says about our keys, and a queue about its length, is no part of it.
        let passing = |w: &HeardWords| {
            matches!(w.meaning.kind.as_str(), "invalid_input" | "no_match" | "queue_position" | "queue" | "goodbye")
        };
        let strange: Vec<&&HeardWords> = words
            .iter()
            .filter(|w| {
                let part = Sounds::of(&w.transcript.text);
                part.is_telling() && !passing(w) && !fits(&part)
            })
            .collect();
        let span = |words: &[&&HeardWords]| {
            let first = words.first().map(|w| w.from).unwrap_or_default();
            (first, words.last().map_or(first, |w| w.to))
        };
        let all: Vec<&&HeardWords> = words.iter().collect();
        let mut findings = self.compare_options(last, words, heard_out, span(&all), context);
        if let (true, Some(first)) = (findings.is_empty(), strange.first()) {
            let quote: Vec<&str> = strange.iter().map(|w| w.transcript.raw.trim()).collect();
            let place =
                texts.first().map(|whole| whole.best_fit(&Sounds::of(&first.transcript.text))).unwrap_or_default();
            let was = if place.is_empty() { "nothing like it".to_string() } else { format!("“{place}”") };
            let detail = format!("other words at {} than in the map, which has {was}", self.name());
            findings.push(finding(detail, span(&strange), Some(quote.join(" "))));
        }
        findings
    }

    fn compare_options(
        &self,
        menu: &Node,
        words: &[&HeardWords],
        heard_out: bool,
        span: (Moment, Moment),
        context: &Context,
    ) -> Vec<Finding> {
        if menu.options.is_empty() || menu.kind != PlaceKind::Menu {
            return Vec::new();
        }
        let clips: Vec<String> = words.iter().map(|w| w.transcript.text.clone()).collect();
        let text = joined(&clips, menu.lang);
        let reading = read(&text, &Context { lang: Some(menu.lang), ..context.clone() });
        if reading.options.is_empty() {
            return Vec::new();
        }
        let options = reading.options.iter().map(|option| MapOption {
            key: option.key.to_string(),
            label: option.label.clone(),
            to: None,
            dead_end: None,
            missed: 0,
        });
        let heard =
            Node { text: text.clone(), options: options.collect(), heard: 1, also_heard: Vec::new(), ..menu.clone() };
        let sounds = Sounds::of(&text);
        let mut changes = Vec::new();
        diff::compare_places(menu, &heard, &mut changes);
        changes
            .iter()
            .filter(|change| match change.kind {
                ChangeKind::OptionAdded | ChangeKind::OptionMoved | ChangeKind::OptionRenamed => true,
                // What was cut short by our own key, or only misread, is not gone.
                ChangeKind::OptionRemoved => {
                    let label = change.was.as_deref().unwrap_or_default();
                    heard_out && alike::within(&Sounds::of(label), &sounds) < FITS
                }
                _ => false,
            })
            .map(|change| {
                finding(format!("another menu than in the map: {}", change.sentence()), span, Some(text.clone()))
            })
            .collect()
    }
}

/// Do these words follow this moment? Their greater part must.
fn belongs_after(words: &HeardWords, boundary: Moment) -> bool {
    words.from + ONSET_TOLERANCE >= boundary
        || (words.to > boundary && words.to.since(boundary) > boundary.since(words.from) * 2)
}

/// Some words are exchanged for others, or a number for another: more than a slip of the ear.
fn differs(part: &Sounds, whole: &Sounds) -> bool {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    alike::differences(&Sounds::of(&whole.best_fit(part)), part).iter().any(|d| {
        let both = Sounds::of(&d.was).len() >= 2 && Sounds::of(&d.is).len() >= 2;
        both || (number(&d.was) && number(&d.is))
    })
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(24).collect();
    if short.len() < text.len() { format!("“{short}…”") } else { format!("“{short}”") }
}

fn finding(detail: String, (from, to): (Moment, Moment), quote: Option<String>) -> Finding {
    Finding { kind: FindingKind::Wording, dead_end: None, detail, from, to, quote, expired_on: None, score: SCORE }
}
