//! How long a script waits: before a key, for a prompt to end, for silence to say that there is nothing more.

use super::{Scene, Script, State};
use crate::config::steps::Step;
use crate::journey::attention::{Attention, Prompt, Words};
use crate::journey::{effect, human};
use crate::understanding;
use crate::vocabulary::trace::Effect;
use crate::vocabulary::{HeardKind, Moment};
use std::time::Duration;

/// A key for an option is pressed once the menu has paused this long: keys pressed while a prompt plays are lost on
/// menus that do not listen while they speak.
const PAUSE_BEFORE_KEY: Duration = Duration::from_millis(900);
/// ... but a prompt that never pauses is interrupted after this long.
const PATIENCE_BEFORE_KEY: Duration = Duration::from_secs(20);
/// A key pressed straight after the answer can be lost while media paths open.
const SETTLE_AFTER_ANSWER: Duration = Duration::from_millis(600);
/// A prompt has ended when nothing followed it for this long.
pub(super) const PROMPT_END: Duration = Duration::from_millis(1_800);
/// Without a script: nothing at all for this long, and there is nothing to wait for.
const LISTEN_SILENCE: Duration = Duration::from_secs(10);
/// Without a script: after words, this much silence ends the listening.
const LISTEN_PAUSE: Duration = Duration::from_secs(7);
/// A prompt that goes on after the last step is heard to its end, for at most this long.
const LAST_PROMPT_MAX: Duration = Duration::from_secs(40);
/// Busy or congestion tone for this long says all it has to say.
const TONE_ENOUGH: Duration = Duration::from_secs(4);
pub(super) const EARLY_TONE_ENOUGH: Duration = Duration::from_secs(12);
/// An option that is known is waited for no longer than this while the prompt goes on: most menus listen while they
/// speak, and the key is pressed again after the prompt if this one did not.
const PATIENCE_WITH_OPTION: Duration = Duration::from_secs(6);

impl Script {
    pub(super) fn tone_says_it_all(&self, scene: &Scene, from: Moment) -> bool {
        self.tone_lasts(scene, from, TONE_ENOUGH)
    }

    pub(super) fn tone_lasts(&self, scene: &Scene, from: Moment, enough: Duration) -> bool {
        scene
            .attention
            .tones_since(from)
            .any(|t| matches!(t.kind, HeardKind::Busy | HeardKind::Congestion) && t.to.since(t.from) >= enough)
    }

    /// Is this a good moment for a key?
    pub(super) fn ready_to_press(&self, scene: &Scene) -> bool {
        let Some(answered) = scene.answered else { return false };
        if scene.ended.is_some() || scene.now < answered + SETTLE_AFTER_ANSWER {
            return false;
        }
        if !scene.attention.is_speaking() {
            // Before the first sound there is no prompt to wait for, but one may be about to begin.
            let quiet = scene.attention.quiet_for(scene.now).unwrap_or(PAUSE_BEFORE_KEY);
            return quiet >= PAUSE_BEFORE_KEY;
        }
        scene.now >= self.interrupts_at(answered)
    }

    /// When a prompt that does not pause is interrupted.
    fn interrupts_at(&self, answered: Moment) -> Moment {
        let patience = self.began.max(answered) + PATIENCE_BEFORE_KEY;
        self.choosing.known.map_or(patience, |known| patience.min(known + PATIENCE_WITH_OPTION))
    }

    pub(super) fn prompt_ended(&self, scene: &Scene) -> bool {
        scene.attention.quiet_for(scene.now).is_some_and(|q| q >= PROMPT_END)
            && !scene.attention.undecided_before(scene.now)
            && scene.attention.words_since(self.listen_from).next().is_some()
    }

    pub(super) fn settled(&self, since: Moment, scene: &Scene) -> bool {
        if self.steps.is_empty() {
            return self.listened_enough(scene);
        }
        if matches!(self.steps.last(), Some(Step::HangUp)) {
            return true;
        }
        if let Some(press) = self.presses.last()
            && press.effect.is_none()
        {
            return false;
        }
        if self
            .presses
            .last()
            .is_some_and(|p| matches!(p.effect, Some(Effect::Transfer | Effect::Silence | Effect::Hangup)))
        {
            return true;
        }
        let quiet = scene.attention.quiet_for(scene.now).is_some_and(|q| q >= PROMPT_END);
        (quiet && !scene.attention.undecided_before(scene.now)) || scene.now >= since + LAST_PROMPT_MAX
    }

    /// Without a script: until the prompts begin again, silence falls, or music says that it is a queue.
    fn listened_enough(&self, scene: &Scene) -> bool {
        let attention = scene.attention;
        if self.tone_says_it_all(scene, self.listen_from) {
            return true;
        }
        if attention.undecided_before(scene.now) {
            return false;
        }
        if let Some(quiet) = attention.quiet_for(scene.now) {
            let spoke = attention.words_since(self.listen_from).next().is_some();
            let limit = if spoke { LISTEN_PAUSE } else { LISTEN_SILENCE };
            if quiet >= limit && scene.now.since(self.began) >= limit {
                return true;
            }
        }
        let hearings = heard_again(attention, self.listen_from);
        let is_menu = Prompt::is_menu(&attention.prompt_since(self.listen_from, scene.context));
        hearings >= if is_menu { 2 } else { 3 }
    }

    pub(super) fn confirmed(&self, since: Moment, scene: &Scene) -> bool {
        // After a key, silence is told from a slow menu by waiting out the time in which menus react.
        let unproven = self.presses.last().is_some_and(|p| p.sent.is_some() && p.effect.is_none());
        if unproven && scene.now < since + effect::REACTION_TIME {
            return false;
        }
        let never_heard = !scene.attention.ever_audible();
        if never_heard && scene.now.since(scene.answered.unwrap_or(since)) < LISTEN_SILENCE {
            return false;
        }
        true
    }

    /// When to be asked again if nothing happens.
    pub fn deadline(&self, scene: &Scene) -> Option<Moment> {
        if matches!(self.state, State::BeforeAnswer | State::Over) {
            return None;
        }
        let now = scene.now;
        let mut candidates: Vec<Moment> = Vec::new();
        let step_limit = match (self.state == State::Step).then(|| self.steps.get(self.at)).flatten() {
            Some(Step::Hear { within, .. } | Step::Choose { within, .. } | Step::Human { within }) => {
                Some(self.began + *within)
            }
            Some(Step::Wait { span: duration }) => Some(self.began + *duration),
            _ => None,
        };
        candidates.extend(step_limit);
        if let Some(quiet) = scene.attention.quiet_since() {
            candidates.extend([PAUSE_BEFORE_KEY, PROMPT_END, LISTEN_PAUSE, LISTEN_SILENCE].map(|d| quiet + d));
        }
        if let Some(answered) = scene.answered {
            candidates.extend([answered + SETTLE_AFTER_ANSWER, answered + LISTEN_SILENCE]);
            candidates.push(self.interrupts_at(answered));
        }
        candidates.extend(human::next_look(scene.attention));
        for press in &self.presses {
            if let (Some((_, to, _)), None) = (press.sent, press.effect) {
                candidates.extend(effect::next_look(to, now));
            }
        }
        match self.state {
            State::Settling { since } => candidates.push(since + LAST_PROMPT_MAX),
            State::Confirming { since } => candidates.push(since + effect::REACTION_TIME),
            _ => {}
        }
        candidates.into_iter().filter(|&m| m > now).min()
    }
}

/// How often the first thing said has been heard, the first time included.
fn heard_again(attention: &Attention, from: Moment) -> usize {
    let words: Vec<&Words> = attention.words_since(from).collect();
    let mut most = 0;
    for (index, first) in words.iter().enumerate() {
        if first.transcript.text.chars().filter(|c| c.is_alphanumeric()).count() < 6 {
            continue;
        }
        let count = words[index..]
            .iter()
            .filter(|w| understanding::same_prompt(&first.transcript.text, &w.transcript.text) >= effect::SAME_PROMPT)
            .count();
        most = most.max(count);
    }
    most
}
