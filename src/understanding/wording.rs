//! Whether a call said what was expected at its hour, and nothing that must not be said.

use super::course::{Course, HeardWords};
use super::wanted::contains;
use crate::config::Expectation;
use crate::vocabulary::{Finding, FindingKind, Moment};

const SCORE: u8 = 80;
/// Words that were hardly understood ask a person to look and fail nothing.
const DOUBTFUL_SCORE: u8 = 50;
const DOUBTFUL_CONFIDENCE: f32 = 0.5;

#[derive(Default)]
pub(super) struct Wording {
    pub findings: Vec<Finding>,
    /// Something expected was not heard.
    pub unheard: bool,
}

pub(super) fn of(course: &Course, expect: &Expectation) -> Wording {
    let mut wording = Wording::default();
    // What was never answered and never spoke fails by itself; a missing word would only say it again.
    let spoke = course.answered.is_some() || course.words().next().is_some();
    for alternatives in expect.heard.iter().filter(|_| spoke) {
        if alternatives.iter().any(|text| find(course, text).is_some()) {
            continue;
        }
        let quoted: Vec<String> = alternatives.iter().map(|text| format!("“{text}”")).collect();
        let from = course.answered.or(course.dialled).unwrap_or_default();
        wording.unheard = true;
        wording.findings.push(Finding {
            detail: format!("{} was expected and not heard", quoted.join(" or ")),
            ..finding(from, course.end().max(from))
        });
    }
    for text in &expect.not_heard {
        let Some(Heard { from, to, raw, doubtful }) = find(course, text) else { continue };
        wording.findings.push(Finding {
            detail: format!("“{text}” was heard and must not be"),
            quote: Some(raw),
            score: if doubtful { DOUBTFUL_SCORE } else { SCORE },
            ..finding(from, to)
        });
    }
    wording
}

fn finding(from: Moment, to: Moment) -> Finding {
    Finding {
        kind: FindingKind::Wording,
        dead_end: None,
        detail: String::new(),
        from,
        to,
        quote: None,
        expired_on: None,
        score: SCORE,
    }
}

struct Heard {
    from: Moment,
    to: Moment,
    /// As it was heard, never corrected.
    raw: String,
    doubtful: bool,
}

/// The words in which a text was heard: one clip, or the clips of one prompt, since a phrase may run over a pause.
fn find(course: &Course, text: &str) -> Option<Heard> {
    let alone = course.words().find(|words| contains(&words.transcript.text, text, words.transcript.lang).is_some());
    if let Some(words) = alone {
        return Some(heard(&[words]));
    }
    course.prompts().into_iter().filter(|prompt| prompt.len() > 1).find_map(|prompt| {
        let joined: Vec<&str> = prompt.iter().map(|words| words.transcript.text.trim()).collect();
        contains(&joined.join(" "), text, prompt[0].transcript.lang).map(|_| heard(&prompt))
    })
}

fn heard(words: &[&HeardWords]) -> Heard {
    let raw: Vec<&str> = words
        .iter()
        .map(|w| if w.transcript.raw.is_empty() { w.transcript.text.trim() } else { w.transcript.raw.trim() })
        .collect();
    Heard {
        from: words.first().map(|w| w.from).unwrap_or_default(),
        to: words.last().map(|w| w.to).unwrap_or_default(),
        raw: raw.join(" "),
        doubtful: words.iter().any(|w| w.transcript.confidence < DOUBTFUL_CONFIDENCE),
    }
}
