//! What the calls of a month found in a hotline's menu: stale prompts, dead ends, changes, and what was heard last.

use super::call::Seen;
use crate::publish::reading;
use crate::record::call::{CallRecord, FindingLine};
use crate::understanding::{Context, read, same_prompt};
use crate::vocabulary::{DeadEnd, FindingKind, Lang};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Two hearings of one prompt are this alike at least: recognition errs by a few characters, a new menu by most.
const SAME: f32 = 0.6;
/// Clips kept of one finding; the list of calls has the others.
const CLIPS_MAX: usize = 12;
/// Different prompts kept of one hotline, so that a line that says something else every time stays readable.
const PROMPTS_MAX: usize = 60;

/// Seconds of one call, from its INVITE.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clip {
    pub call: String,
    pub at: DateTime<Utc>,
    pub from_s: f64,
    pub to_s: f64,
    pub wav: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StalePrompt {
    pub quote: String,
    pub detail: String,
    pub expired_on: Option<NaiveDate>,
    /// From the day it expired to the day it was heard last.
    pub age_days: Option<i64>,
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
    pub calls: u64,
    /// A later call of the same probe did not hear it any more.
    pub gone: bool,
    pub score: u8,
    pub clips: Vec<Clip>,
    #[serde(skip)]
    probe: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadEndFound {
    pub kind: DeadEnd,
    pub calls: u64,
    pub detail: String,
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
    pub clips: Vec<Clip>,
}

/// Anything else that was found, by kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    pub kind: FindingKind,
    pub calls: u64,
    pub detail: String,
    pub clips: Vec<Clip>,
}

/// The first prompt became another one; two calls heard it so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub probe: String,
    pub since: DateTime<Utc>,
    pub before: String,
    pub after: String,
    pub clip: Clip,
}

/// The menu as a call heard it last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeardMenu {
    pub probe: String,
    pub text: String,
    pub lang: Option<Lang>,
    pub options: Vec<Choice>,
    pub clip: Clip,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    pub key: String,
    pub label: String,
    /// Which keys were pressed in the month, and what came of it: effect → calls.
    pub pressed: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Menu {
    pub stale: Vec<StalePrompt>,
    pub dead_ends: Vec<DeadEndFound>,
    pub found: Vec<Found>,
    pub changes: Vec<Change>,
    pub heard: Vec<HeardMenu>,
}

/// One text that was heard first, with the call that heard it.
#[derive(Clone)]
struct First {
    text: String,
    lang: Option<Lang>,
    clip: Clip,
}

#[derive(Default)]
struct OfProbe {
    menu: Option<First>,
    otherwise: Option<First>,
    /// The last prompt that could be a menu: one with digits or key words, as it stands.
    last: Option<First>,
    pressed: BTreeMap<(String, String), u64>,
}

/// Grown call by call, in the order in which they were due.
#[derive(Default)]
pub(super) struct Growing {
    stale: Vec<StalePrompt>,
    dead_ends: BTreeMap<DeadEnd, DeadEndFound>,
    found: BTreeMap<FindingKind, Found>,
    changes: Vec<Change>,
    probes: BTreeMap<String, OfProbe>,
}

impl Growing {
    /// A call whose record counts and is not inconclusive by our own fault.
    pub fn take(&mut self, seen: &Seen, record: &CallRecord) {
        let at = seen.plan.due;
        let clip = |from_s: f64, to_s: f64| Clip {
            call: seen.call.to_string(),
            at,
            from_s,
            to_s,
            wav: seen.wav.map(String::from),
        };
        let mut stale_now = Vec::new();
        let (mut dead, mut other) = (Vec::new(), Vec::new());
        for finding in &record.findings {
            let clip = clip(finding.from_s, finding.to_s);
            match (finding.kind, finding.dead_end) {
                (FindingKind::StalePrompt, _) => stale_now.push(self.stale(&seen.plan.probe, finding, clip)),
                (_, Some(kind)) => {
                    self.dead_end(kind, finding, clip, !dead.contains(&kind));
                    dead.push(kind);
                }
                (kind, None) => {
                    self.other(kind, finding, clip, !other.contains(&kind));
                    other.push(kind);
                }
            }
        }
        let Some((line, text)) = reading::said(record).next() else { return };
        for (n, stale) in self.stale.iter_mut().enumerate().filter(|(_, stale)| stale.probe == seen.plan.probe) {
            stale.gone = !stale_now.contains(&n);
        }
        let first = First { text: text.to_string(), lang: line.lang, clip: clip(line.from_s, line.to_s) };
        let probe = self.probes.entry(seen.plan.probe.clone()).or_default();
        for key in &record.keys {
            let effect = key.effect.map_or_else(|| "unknown".to_string(), effect_word);
            *probe.pressed.entry((key.key.clone(), effect)).or_default() += 1;
        }
        let longest = reading::said(record).filter(|(_, text)| offers(text)).max_by_key(|(_, text)| text.len());
        if let Some((line, text)) = longest {
            probe.last = Some(First { text: text.to_string(), lang: line.lang, clip: clip(line.from_s, line.to_s) });
        }
        if let Some(change) = probe.compare(&seen.plan.probe, first)
            && self.changes.len() < PROMPTS_MAX
        {
            self.changes.push(change);
        }
    }

    /// Answers the place of the prompt.
    fn stale(&mut self, probe: &str, finding: &FindingLine, clip: Clip) -> usize {
        let quote = finding.quote.clone().unwrap_or_else(|| finding.detail.clone());
        let expired_on: Option<NaiveDate> = finding.expired_on.as_deref().and_then(|day| day.parse().ok());
        let same = |known: &StalePrompt| {
            known.probe == probe
                && known.expired_on == expired_on
                && (known.quote == quote || same_prompt(&known.quote, &quote) >= SAME)
        };
        let known = match self.stale.iter().position(same) {
            Some(known) => known,
            None if self.stale.len() >= PROMPTS_MAX => PROMPTS_MAX - 1,
            None => {
                self.stale.push(StalePrompt {
                    quote,
                    detail: finding.detail.clone(),
                    expired_on,
                    age_days: None,
                    first: clip.at,
                    last: clip.at,
                    calls: 0,
                    gone: false,
                    score: finding.score,
                    clips: Vec::new(),
                    probe: probe.to_string(),
                });
                self.stale.len() - 1
            }
        };
        let stale = &mut self.stale[known];
        stale.calls += 1;
        stale.last = clip.at;
        stale.score = stale.score.max(finding.score);
        stale.age_days = stale.expired_on.map(|day| (stale.last.date_naive() - day).num_days());
        keep(&mut stale.clips, clip);
        known
    }

    fn dead_end(&mut self, kind: DeadEnd, finding: &FindingLine, clip: Clip, first: bool) {
        let found = self.dead_ends.entry(kind).or_insert_with(|| DeadEndFound {
            kind,
            calls: 0,
            detail: finding.detail.clone(),
            first: clip.at,
            last: clip.at,
            clips: Vec::new(),
        });
        found.calls += u64::from(first);
        found.last = clip.at;
        keep(&mut found.clips, clip);
    }

    fn other(&mut self, kind: FindingKind, finding: &FindingLine, clip: Clip, first: bool) {
        let found = self.found.entry(kind).or_insert_with(|| Found {
            kind,
            calls: 0,
            detail: finding.detail.clone(),
            clips: Vec::new(),
        });
        found.calls += u64::from(first);
        keep(&mut found.clips, clip);
    }

    pub fn told(self) -> Menu {
        let heard = self.probes.into_iter().filter_map(|(name, probe)| probe.told(name)).collect();
        Menu {
            stale: self.stale,
            dead_ends: self.dead_ends.into_values().collect(),
            found: self.found.into_values().collect(),
            changes: self.changes,
            heard,
        }
    }
}

/// The first clips and the newest one.
fn keep(clips: &mut Vec<Clip>, clip: Clip) {
    if clips.len() >= CLIPS_MAX {
        clips.pop();
    }
    clips.push(clip);
}

fn effect_word(effect: crate::vocabulary::trace::Effect) -> String {
    match serde_json::to_value(effect) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_string(),
    }
}

/// Whether a text may offer keys at all; reading all of a month's words would take longer than the month's report may.
fn offers(text: &str) -> bool {
    const SIGNS: [&str; 8] = ["按", "拨", "键", "press", "Press", "dial", "Dial", "say "];
    SIGNS.iter().any(|sign| text.contains(sign))
}

impl OfProbe {
    /// One transcript never says that a menu changed: recognition may have erred. Two that agree do.
    fn compare(&mut self, probe: &str, first: First) -> Option<Change> {
        let alike = |a: &First, b: &First| a.text == b.text || same_prompt(&a.text, &b.text) >= SAME;
        let Some(menu) = &self.menu else {
            self.menu = Some(first);
            return None;
        };
        if alike(menu, &first) {
            self.otherwise = None;
            return None;
        }
        match self.otherwise.take() {
            Some(other) if alike(&other, &first) => {
                let change = Change {
                    probe: probe.to_string(),
                    since: other.clip.at,
                    before: menu.text.clone(),
                    after: other.text.clone(),
                    clip: other.clip,
                };
                self.menu = Some(first);
                Some(change)
            }
            _ => {
                self.otherwise = Some(first);
                None
            }
        }
    }

    fn told(self, probe: String) -> Option<HeardMenu> {
        let last = self.last?;
        let read = read(&last.text, &Context { lang: last.lang, ..Context::default() });
        let options: Vec<Choice> = read
            .options
            .iter()
            .map(|option| {
                let key = option.key.to_string();
                let pressed = self.pressed.iter().filter(|((pressed, _), _)| *pressed == key);
                Choice {
                    pressed: pressed.map(|((_, effect), calls)| (effect.clone(), *calls)).collect(),
                    label: option.label.clone(),
                    key,
                }
            })
            .collect();
        (!options.is_empty()).then_some(HeardMenu { probe, text: last.text, lang: last.lang, options, clip: last.clip })
    }
}
