//! One call, told in the order of its sounds: what the machine tests of dead ends and the judge look at.

use crate::vocabulary::trace::{Effect, EndedBy, Meaning, MediaReport, OurReason, What};
use crate::vocabulary::{Event, HeardKind, Key, Moment, Trace, Transcript};
use std::time::Duration;

/// Clips with no longer pause than this between them are one prompt.
const ONE_PROMPT_PAUSE: Duration = Duration::from_millis(2_500);

/// Words that come later than this after they were said come too late for whoever waits for them.
const EARS_MAY_LAG: Duration = Duration::from_secs(5);

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

/// One call.
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

    pub(super) fn hotline_words(&self) -> impl DoubleEndedIterator<Item = &HeardWords<'a>> {
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

    /// By how much our own ears were behind when the far side hung up: what it had said was written down only afterwards. A
    /// caller who hears that late keeps a hotline waiting, and its hang-up says nothing about it.
    pub fn ears_behind(&self) -> Option<Duration> {
        let (ended, EndedBy::Them) = self.ended? else { return None };
        let lags = self.events.iter().filter_map(|e| match &e.what {
            What::Words { to, .. } if e.at > ended => Some(ended.since(*to)),
            _ => None,
        });
        lags.max().filter(|lag| *lag > EARS_MAY_LAG)
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

    pub(super) fn tones(&self) -> impl Iterator<Item = (Moment, Moment, HeardKind)> {
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
