//! Where a menu ends dead: the machine tests, over what happened in one call.
//!
//! Scores: 80 and above where the call itself shows it; a person should look where only words suggest it.

mod queues;

use super::age;
use super::course::{Course, HeardWords, Keyed};
use super::{Context, contains, same_prompt};
use crate::vocabulary::trace::{Effect, EndedBy};
use crate::vocabulary::{DeadEnd, Finding, FindingKind, HeardKind, Lang, Moment};
use std::time::Duration;

/// A hang-up this soon after words that announced it was announced.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(10);
/// A menu that starts again this soon after a key has refused it; later, it has merely timed out.
const PROMPT_REPROMPT: Duration = Duration::from_secs(4);
/// A menu that hangs up sooner than this after its options gave no time to choose.
const TIME_TO_CHOOSE: Duration = Duration::from_secs(2);
const SAME_NODE: f32 = 0.9;

/// Every dead end the call shows.
pub fn find(course: &Course, context: &Context) -> Vec<Finding> {
    let Some(answered) = course.answered else { return Vec::new() };
    let mut found = Vec::new();
    keys_without_way(course, &mut found);
    if !queues::ping_pong(course, &mut found) {
        loops(course, &mut found);
        queues::transfers(course, &mut found);
    }
    queues::waits(course, answered, context, &mut found);
    last_words(course, context, &mut found);
    hang_ups(course, answered, &mut found);
    found
}

fn dead_end(kind: DeadEnd, from: Moment, to: Moment, quote: Option<String>, score: u8, detail: String) -> Finding {
    let finding = match kind {
        DeadEnd::Loop => FindingKind::Loop,
        DeadEnd::Deflection => FindingKind::Deflection,
        DeadEnd::NoPathToHuman => FindingKind::NoPathToHuman,
        _ => FindingKind::DeadEnd,
    };
    Finding { kind: finding, dead_end: Some(kind), detail, from, to, quote, expired_on: None, score }
}

/// The path of keys up to and with number `index`, as people read it.
fn path(course: &Course, index: usize) -> String {
    course.keys[..=index].iter().map(|k| k.key.to_string()).collect::<Vec<_>>().join(" → ")
}

fn keys_without_way(course: &Course, found: &mut Vec<Finding>) {
    for (index, keyed) in course.keys.iter().enumerate() {
        let Some(effect) = keyed.effect else { continue };
        let offered_as = keyed.label.map(str::to_string).or_else(|| offered_before(course, keyed));
        let shown = match &offered_as {
            Some(label) => format!("key {} (“{label}”)", keyed.key),
            None => format!("key {}", keyed.key),
        };
        let until = course.keys.get(index + 1).map(|k| k.from).unwrap_or(course.end());
        // One key that leads nowhere is one dead end, however often it was pressed there.
        let known = course.keys[..index]
            .iter()
            .any(|k| k.key == keyed.key && k.effect == Some(effect) && k.label == keyed.label);
        let worked_later = course.keys[index + 1..].iter().any(|k| {
            k.key == keyed.key
                && k.label == keyed.label
                && matches!(k.effect, Some(Effect::NewPrompt | Effect::Transfer))
        });
        // A key that nobody was heard to offer breaks no promise.
        let guessed = keyed.sure < 100 && matches!(effect, Effect::Invalid | Effect::SamePrompt);
        if known || worked_later || guessed {
            continue;
        }
        let reply = course.words().find(|w| w.from + Duration::from_millis(200) >= keyed.from);
        let quote = reply.map(|w| w.transcript.raw.trim().to_string());
        match effect {
            Effect::Silence => {
                let to = until;
                found.push(dead_end(
                    DeadEnd::Silence,
                    keyed.from,
                    to,
                    None,
                    90,
                    format!("silence after {shown}; path {}", path(course, index)),
                ));
            }
            Effect::Hangup => found.push(dead_end(
                DeadEnd::UnannouncedHangup,
                keyed.from,
                until,
                None,
                90,
                format!("hung up without a word after {shown}; path {}", path(course, index)),
            )),
            Effect::Invalid if offered_as.is_some() => found.push(dead_end(
                DeadEnd::KeyRejected,
                keyed.from,
                reply.map_or(until, |w| w.to),
                quote,
                90,
                format!("{shown} is offered and then refused; path {}", path(course, index)),
            )),
            Effect::SamePrompt if offered_as.as_deref().is_some_and(|label| !asks_for_repetition(label)) => {
                let soon = reply.is_some_and(|w| w.from.since(keyed.to) <= PROMPT_REPROMPT);
                let (kind, how) = if soon {
                    (DeadEnd::KeyRejected, "leads back to the same prompt")
                } else {
                    (DeadEnd::KeyIgnored, "is offered and has no effect")
                };
                found.push(dead_end(
                    kind,
                    keyed.from,
                    reply.map_or(until, |w| w.to),
                    quote,
                    80,
                    format!("{shown} {how}; path {}", path(course, index)),
                ));
            }
            _ => {}
        }
    }
}

fn asks_for_repetition(label: &str) -> bool {
    let label = label.to_lowercase();
    ["repeat", "again", "main menu", "重听", "重复", "重播", "再听", "主菜单", "返回", "上一级"]
        .iter()
        .any(|w| label.contains(w))
}

fn offered_before(course: &Course, keyed: &Keyed) -> Option<String> {
    let symbol = keyed.key.to_string();
    course
        .words()
        .filter(|w| w.from < keyed.from)
        .flat_map(|w| w.meaning.options.iter())
        .filter(|(key, _)| *key == symbol)
        .map(|(_, label)| label.clone())
        .last()
}

/// Does `later` say what `first` said, whole or as part of a clip that was cut elsewhere?
fn says_again(first: &HeardWords, later: &HeardWords) -> bool {
    let (text, again) = (&first.transcript.text, &later.transcript.text);
    let length = text.chars().filter(|c| c.is_alphanumeric()).count();
    let telling = length >= if first.transcript.lang == Lang::Zh { 6 } else { 16 };
    same_prompt(text, again) >= SAME_NODE
        || (telling && contains(again, text, first.transcript.lang).is_some_and(|m| m.score >= SAME_NODE))
}

/// The same node three times in one call: keys lead round in a circle, or a notice never ends.
fn loops(course: &Course, found: &mut Vec<Finding>) {
    let words: Vec<_> = course.hotline_words().collect();
    for (index, first) in words.iter().enumerate() {
        let text = &first.transcript.text;
        let waiting = matches!(
            first.meaning.kind.as_str(),
            "queue" | "queue_position" | "callback_offer" | "transfer" | "invalid_input" | "no_match"
        );
        if waiting || text.chars().filter(|c| c.is_alphanumeric()).count() < 6 {
            continue;
        }
        let hearings: Vec<_> = words[index..].iter().filter(|w| says_again(first, w)).collect();
        if hearings.len() < 3 {
            continue;
        }
        let (start, end) = (first.from, hearings[hearings.len() - 1].to);
        let keys_between = course.keys.iter().filter(|k| k.from >= start && k.to <= end).count();
        let is_menu =
            !first.meaning.options.is_empty() || matches!(first.meaning.kind.as_str(), "menu" | "language_menu");
        let part_of_menu = words.iter().any(|w| !w.meaning.options.is_empty());
        // A menu that repeats itself while nobody presses anything is a patient menu, not a loop.
        if (is_menu || part_of_menu) && keys_between < 2 {
            continue;
        }
        let music_between = course.tones().any(|(from, to, kind)| {
            kind == HeardKind::Music && from >= start && to <= end && to.since(from) > Duration::from_secs(4)
        });
        if music_between {
            continue;
        }
        found.push(dead_end(
            DeadEnd::Loop,
            start,
            end,
            Some(first.transcript.raw.trim().to_string()),
            85,
            format!("the same prompt came {} times", hearings.len()),
        ));
        return;
    }
}

/// Notices that end a call without helping.
fn last_words(course: &Course, context: &Context, found: &mut Vec<Finding>) {
    if course.human.is_some() {
        return;
    }
    let always_open = context.hours.as_deref().is_some_and(|h| h.trim() == "24/7");
    let open_now = always_open || age::open_now(context) == Some(true);
    for words in course.hotline_words() {
        let quote = Some(words.transcript.raw.trim().to_string());
        match words.meaning.kind.as_str() {
            "mailbox_full" => found.push(dead_end(
                DeadEnd::MailboxFull,
                words.from,
                words.to,
                quote,
                90,
                "the mailbox is full".into(),
            )),
            "voicemail" if always_open => {
                found.push(dead_end(
                    DeadEnd::VoicemailOn24hLine,
                    words.from,
                    words.to,
                    quote,
                    85,
                    "a voicemail on a line that promises 24 hours".into(),
                ));
            }
            "closed" if open_now && (always_open || !age::is_holiday(context, &words.transcript.text)) => {
                found.push(dead_end(
                    DeadEnd::ClosedInOpenHours,
                    words.from,
                    words.to,
                    quote,
                    85,
                    "closed while the declared hours say open".into(),
                ));
            }
            _ => {}
        }
    }
    let deflected = course.hotline_words().rfind(|w| w.meaning.kind == "deflection");
    if let Some(words) = deflected {
        let only_goodbye_after = course
            .hotline_words()
            .filter(|w| w.from > words.from)
            .all(|w| w.meaning.kind == "goodbye" || w.meaning.kind == "deflection");
        let (ended_at, by) = course.ended.unwrap_or((course.end(), EndedBy::Us));
        let last = course.hotline_words().next_back().map_or(words.to, |w| w.to);
        if only_goodbye_after && by == EndedBy::Them && ended_at.since(last) <= Duration::from_secs(8) {
            found.push(dead_end(
                DeadEnd::Deflection,
                words.from,
                ended_at,
                Some(words.transcript.raw.trim().to_string()),
                85,
                "the caller was put off and the line hung up".into(),
            ));
        }
    }
}

/// The far side ended the call, and nothing it said had announced that.
fn hang_ups(course: &Course, answered: Moment, found: &mut Vec<Finding>) {
    let Some((ended, EndedBy::Them)) = course.ended else { return };
    if course.human.is_some()
        || found
            .iter()
            .any(|f| matches!(f.dead_end, Some(DeadEnd::QueueDrop | DeadEnd::UnannouncedHangup | DeadEnd::Deflection)))
    {
        return;
    }
    let last = course.hotline_words().next_back();
    let announced = course.hotline_words().any(|w| {
        ended.since(w.to) <= ANNOUNCED_WITHIN
            && matches!(w.meaning.kind.as_str(), "goodbye" | "closed" | "deflection" | "mailbox_full" | "voicemail")
    });
    if announced {
        return;
    }
    if course.ears_behind().is_some() {
        return;
    }
    let from = course.keys.last().map_or(answered, |k| k.from);
    let Some(last) = last else {
        // Not a word since the answer. Nothing at all is `silence`; sounds and then a hang-up is this.
        found.push(dead_end(DeadEnd::UnannouncedHangup, from, ended, None, 90, "hung up without a word".into()));
        return;
    };
    let after_options = !last.meaning.options.is_empty()
        && ended.since(last.to) <= TIME_TO_CHOOSE
        && course.keys.last().is_none_or(|k| k.to < last.from);
    let step_was_cut =
        course.step_failed().is_some_and(|(_, detail)| detail.contains("hung up") || detail.contains("ended before"));
    if after_options || step_was_cut {
        found.push(dead_end(
            DeadEnd::UnannouncedHangup,
            last.from.max(from),
            ended,
            Some(last.transcript.raw.trim().to_string()),
            80,
            "hung up without announcing it".into(),
        ));
    }
}
