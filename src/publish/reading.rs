//! What a record says besides what stands in it: queue time, keys before a person, announced waiting, loss.

use crate::record::call::{CallRecord, HeardLine, Media};
use crate::understanding::{Context, PromptKind, Waiting, read};
use crate::vocabulary::Lang;
use crate::vocabulary::trace::Effect;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeMap;

/// Words that count: heard after the answer, and not thrown away.
pub(in crate::publish) fn said(record: &CallRecord) -> impl Iterator<Item = (&HeardLine, &str)> {
    let answered = record.times.connect_s;
    record.heard.iter().filter_map(move |line| {
        let text = line.text.as_deref().map(str::trim).filter(|text| !text.is_empty() && line.doubt.is_none())?;
        (line.to_s > answered?).then_some((line, text))
    })
}

fn kind_of(line: &HeardLine, text: &str) -> Option<PromptKind> {
    Some(read(text, &Context { lang: line.lang, ..Context::default() }).kind)
}

/// What texts mean, remembered: a hotline says the same again and again, and a month is a hundred thousand calls.
#[derive(Default)]
pub(in crate::publish) struct Understood {
    known: BTreeMap<(Option<Lang>, String), (PromptKind, Option<Waiting>)>,
}

/// Texts that are remembered; beyond, they are read anew.
const UNDERSTOOD_MAX: usize = 20_000;

impl Understood {
    fn of(&mut self, line: &HeardLine, text: &str) -> (PromptKind, Option<Waiting>) {
        let place = (line.lang, text.to_string());
        if let Some(known) = self.known.get(&place) {
            return *known;
        }
        let reading = read(text, &Context { lang: line.lang, ..Context::default() });
        let meant = (reading.kind, reading.waiting);
        if self.known.len() < UNDERSTOOD_MAX {
            self.known.insert(place, meant);
        }
        meant
    }
}

/// From entering the queue to a person. The queue begins with the words that say so (a transfer, a queue), else with
/// the end of the last key; without a key there was no queue to enter.
pub(in crate::publish) fn queue_s(record: &CallRecord, understood: &mut Understood) -> Option<f64> {
    let human = record.times.human_s?;
    let announced = said(record)
        .filter(|(line, _)| line.from_s < human)
        .find(|(line, text)| {
            let (kind, _) = understood.of(line, text);
            kind.is_queue() || kind == PromptKind::Transfer
        })
        .map(|(line, _)| line.from_s);
    let chosen = record.keys.iter().rev().find(|key| key.at_s < human).map(|key| key.at_s);
    let began = match (announced, chosen) {
        // A queue announced before the last key (a greeting says "all lines are busy") was not yet entered.
        (Some(announced), Some(chosen)) => announced.max(chosen),
        (announced, chosen) => announced.or(chosen)?,
    };
    Some((human - began).max(0.0))
}

/// Callers in front and time to wait, as the queue said first: that is what a caller who joins it meets.
pub(in crate::publish) fn waiting(record: &CallRecord, understood: &mut Understood) -> Waiting {
    let mut found = Waiting::default();
    for (line, text) in said(record) {
        let (_, Some(waiting)) = understood.of(line, text) else { continue };
        found.ahead = found.ahead.or(waiting.ahead);
        found.seconds = found.seconds.or(waiting.seconds);
    }
    found
}

/// Menu levels that a key led through; `None` when no key was pressed and no menu heard.
pub(in crate::publish) fn depth(record: &CallRecord) -> Option<i64> {
    let through = record.keys.iter().filter(|key| matches!(key.effect, Some(Effect::NewPrompt | Effect::Transfer)));
    let menu = || said(record).any(|(line, text)| kind_of(line, text).is_some_and(PromptKind::is_menu));
    (!record.keys.is_empty() || menu()).then(|| through.count() as i64)
}

/// Keys pressed before a person answered.
pub(in crate::publish) fn keys_to_human(record: &CallRecord) -> Option<i64> {
    let human = record.times.human_s?;
    Some(record.keys.iter().filter(|key| key.at_s < human).count() as i64)
}

/// Share of packets lost; `None` when nothing came at all, which is silence and not loss.
pub(in crate::publish) fn loss_ratio(media: &Media) -> Option<f64> {
    let expected = media.rtp_received + media.lost;
    (media.rtp_received > 0).then(|| media.lost as f64 / expected as f64)
}

/// When the first words of a call were heard.
pub(in crate::publish) fn announced_at(record: &CallRecord) -> Option<DateTime<Utc>> {
    let began = DateTime::parse_from_rfc3339(&record.started).ok()?.with_timezone(&Utc);
    let after_s = record.times.connect_s? + record.times.first_prompt_s?;
    Some(began + Duration::milliseconds((after_s * 1e3) as i64))
}
