//! A live person told from a recording.
//!
//! Agents follow scripts and recordings imitate agents, so no single sign is enough but the agent's own phrase
//! ("this is … speaking", 工号…为您服务). Otherwise: ringing or hold music gives way to a short utterance, and then
//! whoever it is waits for us.

use super::script::Scene;
use crate::understanding::PromptKind;
use crate::vocabulary::{HeardKind, Moment};
use std::time::Duration;

/// A greeting at pick-up is short.
const GREETING_MAX: Duration = Duration::from_millis(5_000);
/// After it, a person waits for an answer.
const WAITS_FOR: Duration = Duration::from_millis(1_500);
/// Pick-up follows the end of ringing or music by no more than this.
const PICK_UP_MAX: Duration = Duration::from_millis(3_000);
/// Shorter sounds than this do not count as having been in a queue.
const QUEUE_SOUND_MIN: Duration = Duration::from_millis(1_500);

pub struct Sign {
    pub from: Moment,
    pub why: String,
}

/// Has a person come on the line since `from`?
pub fn recognise(from: Moment, scene: &Scene) -> Option<Sign> {
    let attention = scene.attention;
    let waits =
        attention.quiet_for(scene.now).is_some_and(|q| q >= WAITS_FOR) && !attention.undecided_before(scene.now);
    for words in attention.words_since(from) {
        let quoted = words.transcript.text.trim();
        if words.reading.kind == PromptKind::AgentGreeting && words.reading.options.is_empty() && waits {
            return Some(Sign { from: words.from, why: format!("an agent's greeting: “{quoted}”") });
        }
    }
    if !waits {
        return None;
    }
    let answer = scene.answered?;
    let pick_up = attention
        .tones_since(answer)
        .filter(|t| matches!(t.kind, HeardKind::Ringback | HeardKind::Music) && t.from >= answer)
        .filter(|t| t.to.since(t.from) >= QUEUE_SOUND_MIN)
        .last()?;
    // What followed the last ringing or music, in one clip or several.
    let said: Vec<_> =
        attention.utterances_since(from).filter(|w| w.from + Duration::from_millis(400) >= pick_up.to).collect();
    let (first, last) = (said.first()?, said.last()?);
    let at_once = first.from.since(pick_up.to) <= PICK_UP_MAX;
    let short = last.to.since(first.from) <= GREETING_MAX;
    let could_be_person = said.iter().all(|w| {
        matches!(w.reading.kind, PromptKind::Greeting | PromptKind::Info | PromptKind::AgentGreeting)
            && w.reading.options.is_empty()
    });
    let nothing_after = attention.tones_since(last.to).next().is_none();
    (at_once && short && could_be_person && nothing_after).then(|| {
        let quoted: Vec<&str> = said.iter().map(|w| w.transcript.text.trim()).collect();
        Sign {
            from: first.from,
            why: format!("ringing or music gave way to “{}”, and then whoever it is waited", quoted.join(" ")),
        }
    })
}

/// When to look again if nothing is heard.
pub fn next_look(attention: &super::attention::Attention) -> Option<Moment> {
    attention.quiet_since().map(|q| q + WAITS_FOR)
}
