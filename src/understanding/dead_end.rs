//! Where a menu ends dead: the machine tests, over what happened in one call.
//!
//! Scores: 80 and above where the call itself shows it; a person should look where only words suggest it.

use super::{Context, contains, same_prompt};
use crate::vocabulary::trace::{Effect, EndedBy, MediaReport, OurReason};
use crate::vocabulary::trace::{Meaning, What};
use crate::vocabulary::{DeadEnd, Event, Finding, FindingKind, HeardKind, Key, Lang, Moment, Trace, Transcript};
use std::time::Duration;

/// Ringing after a transfer for so long without anybody.
const NOBODY_AFTER: Duration = Duration::from_secs(60);
/// ... or for so long, when the probe's own patience ended while it rang.
const NOBODY_WITHIN: Duration = Duration::from_secs(15);
/// A queue is endless from here on.
const QUEUE_CAP: Duration = Duration::from_secs(600);
/// A hang-up this soon after words that announced it was announced.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(10);
/// A menu that starts again this soon after a key has refused it; later, it has merely timed out.
const PROMPT_REPROMPT: Duration = Duration::from_secs(4);
/// A menu that hangs up sooner than this after its options gave no time to choose.
const TIME_TO_CHOOSE: Duration = Duration::from_secs(2);
/// Clips with no longer pause than this between them are one prompt.
const ONE_PROMPT_PAUSE: Duration = Duration::from_millis(2_500);
const SAME_NODE: f32 = 0.9;

pub struct HeardWords<'a> {
    pub from: Moment,
    pub to: Moment,
    pub transcript: &'a Transcript,
    pub meaning: &'a Meaning,
}

pub struct Keyed<'a> {
    pub key: Key,
    pub label: Option<&'a str>,
    /// How sure it is that the key was offered, of 100.
    pub sure: u8,
    pub from: Moment,
    pub to: Moment,
    pub effect: Option<Effect>,
}

pub enum Refusal {
    Busy,
    Congestion,
}

/// One call, told in the order of its sounds.
pub struct Course<'a> {
    pub events: &'a [Event],
    pub dialled: Option<Moment>,
    pub answered: Option<Moment>,
    pub rejected: Option<(u16, &'a str, Option<u16>)>,
    pub ended: Option<(Moment, EndedBy)>,
    pub hanging_up: Option<OurReason>,
    pub human: Option<Moment>,
    pub keys: Vec<Keyed<'a>>,
    pub media: Option<MediaReport>,
    pub steps: usize,
    words: Vec<HeardWords<'a>>,
}

impl<'a> Course<'a> {
    pub fn of(trace: &'a Trace) -> Course<'a> {
        let mut course = Course {
            events: &trace.events,
            dialled: None,
            answered: None,
            rejected: None,
            ended: super::judge::end_of(&trace.events),
            hanging_up: None,
            human: None,
            keys: Vec::new(),
            media: None,
            steps: 0,
            words: Vec::new(),
        };
        for event in &trace.events {
            match &event.what {
                What::Dialled { .. } => course.dialled = course.dialled.or(Some(event.at)),
                What::Answered { .. } => course.answered = course.answered.or(Some(event.at)),
                What::Rejected { status, reason, q850 } => course.rejected = Some((*status, reason, *q850)),
                What::HangingUp { why } => course.hanging_up = course.hanging_up.or(Some(*why)),
                What::Human { from, .. } => course.human = course.human.or(Some(*from)),
                What::StepBegan { .. } => course.steps += 1,
                What::Pressed { key, label, sure, from, to, .. } => {
                    let label = label.as_deref();
                    course.keys.push(Keyed { key: *key, label, sure: *sure, from: *from, to: *to, effect: None });
                }
                What::KeyEffect { index, effect } => {
                    if let Some(key) = course.keys.get_mut(*index) {
                        key.effect = Some(*effect);
                    }
                }
                What::Media(report) => course.media = Some(report.clone()),
                What::Words { from, to, transcript, meaning } if !transcript.text.trim().is_empty() => {
                    course.words.push(HeardWords { from: *from, to: *to, transcript, meaning });
                }
                _ => {}
            }
        }
        course.words.sort_by_key(|w| w.from);
        course
    }

    pub fn words(&self) -> impl Iterator<Item = &HeardWords<'a>> {
        self.words.iter()
    }

    /// Words that belong together: no key and no long pause between them.
    pub fn prompts(&self) -> Vec<Vec<&HeardWords<'a>>> {
        let mut prompts: Vec<Vec<&HeardWords>> = Vec::new();
        for words in &self.words {
            let goes_on = prompts.last().and_then(|p| p.last()).is_some_and(|before| {
                let key_between = self.keys.iter().any(|k| k.from >= before.from && k.from <= words.from);
                words.from.since(before.to) <= ONE_PROMPT_PAUSE && !key_between
            });
            match prompts.last_mut() {
                Some(prompt) if goes_on => prompt.push(words),
                _ => prompts.push(vec![words]),
            }
        }
        prompts
    }

    /// Words before the answer: the network's, not the hotline's.
    pub fn early_words(&self) -> impl Iterator<Item = &HeardWords<'a>> {
        self.words.iter().filter(|w| self.answered.is_none_or(|a| w.to <= a))
    }

    fn hotline_words(&self) -> impl DoubleEndedIterator<Item = &HeardWords<'a>> {
        self.words.iter().filter(|w| self.answered.is_some_and(|a| w.to > a))
    }

    pub fn end(&self) -> Moment {
        self.ended.map(|(at, _)| at).or(self.events.last().map(|e| e.at)).unwrap_or_default()
    }

    pub fn hung_up_by_them(&self) -> bool {
        matches!(self.ended, Some((_, EndedBy::Them)))
    }

    pub fn step_failed(&self) -> Option<(usize, &'a str)> {
        self.events.iter().find_map(|e| match &e.what {
            What::StepFailed { index, detail } => Some((*index, detail.as_str())),
            _ => None,
        })
    }

    /// An option that was wanted and offered with a key that could not be heard.
    pub fn key_unheard(&self) -> Option<&'a str> {
        self.events.iter().find_map(|e| match &e.what {
            What::KeyUnheard { label } => Some(label.as_str()),
            _ => None,
        })
    }

    pub fn our_fault(&self) -> Option<&'a str> {
        self.events.iter().find_map(|e| match &e.what {
            What::OurFault { detail } => Some(detail.as_str()),
            _ => None,
        })
    }

    pub fn media_failed(&self) -> Option<&'a str> {
        self.events.iter().find_map(|e| match &e.what {
            What::MediaFailed { detail } => Some(detail.as_str()),
            _ => None,
        })
    }

    /// A person came before the script was done, and nothing but waiting was left of it.
    pub fn human_met_the_goal(&self) -> bool {
        self.human.is_some() && self.step_failed().is_none()
    }

    fn tones(&self) -> impl Iterator<Item = (Moment, Moment, HeardKind)> {
        self.events.iter().filter_map(|e| match &e.what {
            What::Sound { from, to, kind, .. } => Some((*from, *to, *kind)),
            _ => None,
        })
    }

    pub fn tone_of_refusal(&self, since: Moment) -> Option<Refusal> {
        // A tone that closes a call after words is a goodbye of the switch, not a refusal of the call.
        if self.hotline_words().next().is_some() {
            return None;
        }
        self.tones().find_map(|(from, _, kind)| match kind {
            HeardKind::Busy if from >= since => Some(Refusal::Busy),
            HeardKind::Congestion | HeardKind::Sit if from >= since => Some(Refusal::Congestion),
            _ => None,
        })
    }

    pub fn anything_heard_since_answer(&self) -> bool {
        let Some(answered) = self.answered else { return false };
        self.hotline_words().next().is_some()
            || self.tones().any(|(_, to, kind)| to > answered && !matches!(kind, HeardKind::Silence | HeardKind::Noise))
            // Speech that nobody could write down is speech all the same.
            || self.events.iter().any(|e| matches!(&e.what, What::Words { to, .. } if *to > answered))
    }

    pub fn last_kind(&self) -> Option<String> {
        self.hotline_words().next_back().map(|w| w.meaning.kind.clone())
    }

    /// Put into a queue and never told anything else: the last words may be garbled, the queue is still one.
    pub fn was_queued(&self) -> bool {
        let after = self.keys.last().map(|k| k.from).or(self.answered).unwrap_or_default();
        let since: Vec<&str> =
            self.hotline_words().filter(|w| w.from >= after).map(|w| w.meaning.kind.as_str()).collect();
        let queued = since.iter().filter(|k| matches!(**k, "queue" | "queue_position" | "callback_offer")).count();
        queued * 2 > since.len()
    }

    pub fn waits_in_queue(&self) -> bool {
        let after = self.keys.last().map(|k| k.to).or(self.answered).unwrap_or_default();
        let music: Duration = self
            .tones()
            .filter(|&(_, to, kind)| kind == HeardKind::Music && to > after)
            .map(|(f, t, _)| t.since(f.max(after)))
            .sum();
        let ringing: Duration = self
            .tones()
            .filter(|&(_, to, kind)| kind == HeardKind::Ringback && to > after)
            .map(|(f, t, _)| t.since(f.max(after)))
            .sum();
        music >= Duration::from_secs(5) || ringing >= Duration::from_secs(5)
    }
}

/// Every dead end the call shows.
pub fn find(course: &Course, context: &Context) -> Vec<Finding> {
    let Some(answered) = course.answered else { return Vec::new() };
    let mut found = Vec::new();
    keys_without_way(course, &mut found);
    loops(course, &mut found);
    transfers(course, &mut found);
    queues(course, answered, &mut found);
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

fn transfers(course: &Course, found: &mut Vec<Finding>) {
    if course.human.is_some() {
        return;
    }
    let notice = course.hotline_words().rfind(|w| w.meaning.kind == "transfer").map(|w| w.to);
    let led_on = course.keys.iter().rfind(|k| k.effect == Some(Effect::Transfer)).map(|k| k.from);
    let Some(since) = notice.into_iter().chain(led_on).max() else { return };
    let words_after = course.words().any(|w| w.from > since + Duration::from_secs(1));
    let ringing: Duration = course
        .tones()
        .filter(|&(from, _, kind)| kind == HeardKind::Ringback && from >= since)
        .map(|(f, t, _)| t.since(f))
        .sum();
    let refused = course.tones().find(|&(from, _, kind)| {
        matches!(kind, HeardKind::Busy | HeardKind::Congestion | HeardKind::Sit) && from >= since
    });
    if let Some((from, to, kind)) = refused {
        let name = if kind == HeardKind::Busy { "busy tone" } else { "congestion tone" };
        found.push(dead_end(
            DeadEnd::TransferToNobody,
            since,
            to,
            None,
            90,
            format!("transferred, then {name} from {from} s"),
        ));
    } else if (ringing >= NOBODY_AFTER || (ringing >= NOBODY_WITHIN && course.step_failed().is_some())) && !words_after
    {
        found.push(dead_end(
            DeadEnd::TransferToNobody,
            since,
            course.end(),
            None,
            90,
            format!("transferred, then rang for {:.0} s and nobody came", ringing.as_secs_f64()),
        ));
    }
}

fn queues(course: &Course, answered: Moment, found: &mut Vec<Finding>) {
    if course.human.is_some() {
        return;
    }
    let entered =
        course.hotline_words().find(|w| matches!(w.meaning.kind.as_str(), "queue" | "queue_position")).map(|w| w.from);
    let Some(entered) = entered else { return };
    let waited = course.end().since(entered.max(answered));
    let goodbye = course
        .last_kind()
        .is_some_and(|k| matches!(k.as_str(), "goodbye" | "closed" | "deflection" | "voicemail" | "callback_offer"));
    match course.ended {
        Some((at, EndedBy::Them)) if !goodbye => {
            found.push(dead_end(
                DeadEnd::QueueDrop,
                entered,
                at,
                None,
                90,
                format!("hung up after {:.0} s in the queue", waited.as_secs_f64()),
            ));
        }
        _ if waited >= QUEUE_CAP => {
            found.push(dead_end(
                DeadEnd::EndlessQueue,
                entered,
                course.end(),
                None,
                85,
                format!("{:.0} s in the queue and nobody came", waited.as_secs_f64()),
            ));
        }
        _ => {}
    }
}

/// Notices that end a call without helping.
fn last_words(course: &Course, context: &Context, found: &mut Vec<Finding>) {
    if course.human.is_some() {
        return;
    }
    let always_open = context.hours.as_deref().is_some_and(|h| h.trim() == "24/7");
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
            "closed" if always_open => {
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
