//! A key is proven by what is heard next, never by having been sent.

use super::attention::{Attention, Prompt, Words};
use crate::understanding::{self, OptionKey, PromptKind};
use crate::vocabulary::trace::Effect;
use crate::vocabulary::{HeardKind, Lang, Moment};
use std::time::Duration;

/// No sound at all for this long after a key: it led to silence (the machine test of dead ends).
pub const SILENCE_AFTER_KEY: Duration = Duration::from_secs(10);
/// A menu that takes longer than this to react has not reacted.
pub const REACTION_TIME: Duration = Duration::from_secs(15);
/// Two texts at least this alike are one prompt, heard twice.
pub const SAME_PROMPT: f32 = 0.8;
/// A tone or music must last this long to count as what a key led to.
const TRANSFER_SOUND_MIN: Duration = Duration::from_millis(800);
/// Fewer characters than this decide nothing while more may follow.
const DECISIVE_CHARS: usize = 8;
/// A text this long that stands inside the prompt before is that prompt again, cut elsewhere.
const REPEATED_CHARS: usize = 20;

/// What a key pressed between `from` and `to` led to, once that can be said.
///
/// `prompt_from` is where the prompt before the key began; `hung_up` when the far side ended the call.
pub fn prove(
    (from, to): (Moment, Moment),
    prompt_from: Moment,
    now: Moment,
    attention: &Attention,
    hung_up: Option<Moment>,
    context: &understanding::Context,
) -> Option<Effect> {
    let heard: Vec<_> = attention.words_since(from).cloned().collect();
    if heard.iter().any(|w| matches!(w.reading.kind, PromptKind::InvalidInput | PromptKind::NoMatch)) {
        return Some(Effect::Invalid);
    }
    if attention.tones_since(to).any(|t| {
        leads_on(t.kind) && t.from + Duration::from_millis(200) >= from && t.to.since(t.from) >= TRANSFER_SOUND_MIN
    }) {
        return Some(Effect::Transfer);
    }
    if !heard.is_empty() {
        let after = attention.prompt_since(from, context);
        if matches!(after.reading.kind, PromptKind::Transfer | PromptKind::Queue | PromptKind::QueuePosition) {
            return Some(Effect::Transfer);
        }
        let more_may_come = hung_up.is_none()
            && (attention.undecided_before(now)
                || attention.quiet_for(now).is_none_or(|q| q < Duration::from_millis(1_500)));
        let before = prompt_before(attention, prompt_from, from, context);
        let decisive = after.text.chars().filter(|c| c.is_alphanumeric()).count() >= DECISIVE_CHARS
            && !is_half_an_option(&before, &after);
        if decisive || !more_may_come {
            if repeats(&before, &heard.iter().map(|w| w.transcript.text.as_str()).collect::<Vec<_>>()) {
                return Some(Effect::SamePrompt);
            }
            if !goes_on(&before, &after) {
                return Some(Effect::NewPrompt);
            }
            // The rest of a menu that was still being read is no reaction; only time can tell, or the menu begun anew.
            if begins_anew(&before, &heard) || (!more_may_come && now.since(to) >= SILENCE_AFTER_KEY) {
                return Some(Effect::SamePrompt);
            }
        }
    }
    if hung_up.is_some() && !attention.undecided_before(now) {
        return Some(if heard.is_empty() { Effect::Hangup } else { Effect::NewPrompt });
    }
    let quiet = attention.quiet_for(now).is_some_and(|q| q >= SILENCE_AFTER_KEY);
    if now.since(to) >= SILENCE_AFTER_KEY && quiet && !attention.audible_since(to) {
        return Some(Effect::Silence);
    }
    if now.since(to) >= REACTION_TIME && !attention.undecided_before(now) {
        return Some(match (heard.is_empty(), attention.sounding()) {
            (false, _) => Effect::NewPrompt,
            (true, Some((HeardKind::Beep | HeardKind::Fax, _))) => Effect::NewPrompt,
            (true, _) => Effect::Silence,
        });
    }
    None
}

/// When `prove` should be asked again if nothing is heard.
pub fn next_look(to: Moment, now: Moment) -> Option<Moment> {
    [Duration::from_millis(1_600), SILENCE_AFTER_KEY, REACTION_TIME].into_iter().map(|d| to + d).find(|&m| m > now)
}

fn leads_on(kind: HeardKind) -> bool {
    matches!(kind, HeardKind::Ringback | HeardKind::Music | HeardKind::Busy | HeardKind::Congestion | HeardKind::Sit)
}

fn prompt_before(
    attention: &Attention,
    prompt_from: Moment,
    key_from: Moment,
    context: &understanding::Context,
) -> BeforeKey {
    let clips: Vec<String> =
        attention.words_before(key_from).filter(|w| w.to > prompt_from).map(|w| w.transcript.text.clone()).collect();
    let lang = attention.words_before(key_from).last().map(|w| w.transcript.lang);
    let whole = clips.join(" ");
    let reading = understanding::read(&whole, &understanding::Context { lang, ..context.clone() });
    let keys = reading.options.iter().filter_map(|o| digit(&o.key)).collect();
    BeforeKey { lang: lang.unwrap_or(Lang::En), clips, whole, keys }
}

struct BeforeKey {
    lang: Lang,
    clips: Vec<String>,
    whole: String,
    keys: Vec<u32>,
}

/// Is what was heard after the key what had been heard before it, whole or from some clip on?
fn repeats(before: &BeforeKey, after: &[&str]) -> bool {
    if before.clips.is_empty() {
        return false;
    }
    let joined = after.join(" ");
    if understanding::same_prompt(&before.whole, &joined) >= SAME_PROMPT {
        return true;
    }
    let long_enough = joined.chars().filter(|c| c.is_alphanumeric()).count() >= REPEATED_CHARS
        || (before.lang == Lang::Zh && joined.chars().filter(|c| c.is_alphanumeric()).count() >= DECISIVE_CHARS);
    if long_enough
        && understanding::contains(&before.whole, &joined, before.lang).is_some_and(|m| m.score >= SAME_PROMPT)
    {
        return true;
    }
    // From the middle of the menu to its end, and on from its beginning.
    let twice = format!("{} {}", before.whole, before.whole);
    if long_enough && understanding::contains(&twice, &joined, before.lang).is_some_and(|m| m.score >= SAME_PROMPT) {
        return true;
    }
    // The repetition may have been cut elsewhere, or begin after the greeting: every clip must stand in the old text.
    after.iter().all(|clip| before.clips.iter().any(|old| understanding::same_prompt(old, clip) >= SAME_PROMPT))
        || (1..before.clips.len())
            .any(|skip| understanding::same_prompt(&before.clips[skip..].join(" "), &joined) >= SAME_PROMPT)
}

/// After the rest of the menu, is something said that was said before the key?
fn begins_anew(before: &BeforeKey, after: &[Words]) -> bool {
    let long = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count() >= DECISIVE_CHARS;
    after
        .iter()
        .skip(1)
        .map(|w| w.transcript.text.as_str())
        .filter(|text| long(text))
        .any(|text| before.clips.iter().any(|old| understanding::same_prompt(old, text) >= SAME_PROMPT))
}

/// Options that continue the numbering of the menu before the key: it was still being read.
fn goes_on(before: &BeforeKey, after: &Prompt) -> bool {
    let Some(&last) = before.keys.iter().rfind(|&&k| k != 0) else { return false };
    let Some(first) = after.reading.options.first().and_then(|o| digit(&o.key)) else { return false };
    first == last + 1
}

/// "For accounting and other receivables," behind a menu: its key is still to come, and may be the one that goes on.
fn is_half_an_option(before: &BeforeKey, after: &Prompt) -> bool {
    let ends = after.text.trim_end().ends_with(['.', '!', '?', '。', '！', '？']);
    !before.keys.is_empty() && after.reading.options.is_empty() && !ends
}

fn digit(key: &OptionKey) -> Option<u32> {
    match key {
        OptionKey::Press(k) => k.symbol().to_digit(10),
        _ => None,
    }
}
