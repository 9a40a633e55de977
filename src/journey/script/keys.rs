//! Keys of a script: pressed within the guard's word, proven by what followed, pressed again where they may have gone unheard.

use super::{Act, Progress, Scene, Script, State};
use crate::config::steps::Step;
use crate::journey::{effect, guard};
use crate::understanding::{self, OptionKey};
use crate::vocabulary::trace::{Effect, KeyMethod};
use crate::vocabulary::{Key, Moment, What};

/// Times a key for a listed option is pressed by a method known to work before the option is said to be dead.
const TRIES: u8 = 2;

/// A key on its way or sent.
#[derive(Clone, Debug)]
pub struct Press {
    pub key: Key,
    pub label: Option<String>,
    /// How sure it is that the key was offered, of 100.
    pub(super) sure: u8,
    pub sent: Option<(Moment, Moment, KeyMethod)>,
    pub effect: Option<Effect>,
    /// Keys pressed in a row are proven together, by their last.
    pub(super) last_of_row: bool,
    pub(super) first_of_row: bool,
    /// The hotline had taken the key before it.
    pub(super) begins_row: bool,
    /// What the prompt before it offered: (key, label).
    pub(super) offered: Vec<(char, String)>,
    /// Where the prompt that was heard before this key began.
    pub(super) prompt_from: Moment,
    /// Pressed into a prompt that went on.
    pub(super) barged_in: bool,
    /// How often its row was pressed before this time, and by which methods, this time's last.
    pub(super) again: u8,
    pub(super) tried: Vec<KeyMethod>,
}

/// How a row of keys is pressed this time.
pub(super) struct Try {
    /// How sure it is that the menu offered it, of 100.
    pub(super) sure: u8,
    /// None: the best of those that offer and answer left.
    pub(super) method: Option<KeyMethod>,
    /// How often it was pressed before, and by which methods.
    pub(super) again: u8,
    pub(super) tried: Vec<KeyMethod>,
}

impl Press {
    pub(super) fn once_more(&self, method: Option<KeyMethod>) -> Try {
        Try { sure: self.sure, method, again: self.again + 1, tried: self.tried.clone() }
    }
}

impl Script {
    pub(super) fn prove_keys(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        for index in 0..self.presses.len() {
            let press = &self.presses[index];
            let Some((from, to, _)) = press.sent else { continue };
            if press.effect.is_some() || !press.last_of_row {
                continue;
            }
            // A later key ends the time in which this one could be proven.
            let superseded = self.presses[index + 1..].iter().any(|p| p.sent.is_some());
            if superseded {
                continue;
            }
            if let Some(effect) =
                effect::prove((from, to), press.prompt_from, scene.now, scene.attention, scene.hung_up(), scene.context)
            {
                self.presses[index].effect = Some(effect);
                if matches!(effect, Effect::NewPrompt | Effect::Transfer) {
                    self.proven_method = self.presses[index].sent.map(|(.., method)| method);
                }
                acts.push(Act::Tell(What::KeyEffect { index, effect }));
            }
        }
    }

    pub(super) fn press(&mut self, keys: &[Key], scene: &Scene, acts: &mut Vec<Act>) -> Progress {
        if !self.row_sent {
            if !self.ready_to_press(scene) {
                return Progress::Pending;
            }
            let prompt = scene.attention.prompt_since(self.listen_from, scene.context);
            let label = match keys {
                [key] => prompt.offers(key.symbol()).map(str::to_string),
                _ => None,
            };
            if let Err(why) = self.guarded(keys, label.as_deref(), scene) {
                // Whether the key before was answered is not known yet: an answer begins a new row.
                return if self.last_is_unproven() { Progress::Pending } else { Progress::Failed(why) };
            }
            self.send(keys, label, self.first_try(100), scene, acts);
            self.row_sent = true;
            return Progress::Pending;
        }
        match self.presses.last().and_then(|p| p.sent) {
            Some((_, to, _)) => Progress::Done(String::new(), to),
            None => Progress::Pending,
        }
    }

    /// The guard's word on `keys` after everything pressed so far.
    pub(super) fn guarded(&self, keys: &[Key], label: Option<&str>, scene: &Scene) -> Result<(), String> {
        let mut pressed: Vec<Key> = self.presses.iter().map(|p| p.key).collect();
        for &key in keys {
            guard::may_press(&pressed, label)?;
            pressed.push(key);
        }
        guard::may_press_row(&self.untaken(scene), keys)
    }

    /// Did the hotline take the last key for itself? It offered that key, answered it, and what it says now is no menu
    /// that was heard before. Anything less, and whatever collects keys may still be collecting them.
    fn last_was_taken(&self, scene: &Scene) -> bool {
        let Some(last) = self.presses.last() else { return true };
        let now = scene.attention.prompt_since(self.listen_from, scene.context);
        let heard_before = self.presses.iter().flat_map(|p| &p.offered).any(|(key, label)| {
            now.offers(*key).is_some_and(|l| understanding::same_prompt(l, label) >= effect::SAME_PROMPT)
        });
        matches!(last.effect, Some(Effect::NewPrompt | Effect::Transfer))
            && last.label.is_some()
            && !now.text.is_empty()
            && !heard_before
    }

    /// The runs of keys that may still be one row to the far side.
    fn untaken(&self, scene: &Scene) -> Vec<Vec<Key>> {
        if self.last_was_taken(scene) {
            return Vec::new();
        }
        let from = self.presses.iter().rposition(|p| p.begins_row).unwrap_or(0);
        let mut runs: Vec<Vec<Key>> = Vec::new();
        for press in &self.presses[from..] {
            match runs.last_mut().filter(|_| !press.first_of_row) {
                Some(run) => run.push(press.key),
                None => runs.push(vec![press.key]),
            }
        }
        runs
    }

    pub(super) fn last_is_unproven(&self) -> bool {
        self.presses.last().is_some_and(|p| p.effect.is_none())
    }

    /// Whether a key that came to this is pressed once more, and by which method (None: the best).
    ///
    /// A key pressed into a prompt may have gone unheard, and one that led back to the prompt or was refused may have come
    /// badly: it is pressed once more as it was. Until a key has been seen to reach this hotline, its method is in doubt,
    /// too: all the others are tried before anything is said of the hotline.
    pub(super) fn next_try(&self, press: &Press, scene: &Scene) -> Option<Option<KeyMethod>> {
        let effect = press.effect?;
        if !matches!(effect, Effect::SamePrompt | Effect::Invalid | Effect::Silence) {
            return None;
        }
        let last = press.sent.map(|(.., method)| method);
        if press.again == 0 && press.barged_in {
            return Some(last);
        }
        if let Some(other) = self.untried(press, scene) {
            return Some(Some(other));
        }
        (press.again + 1 < TRIES && effect != Effect::Silence).then_some(last)
    }

    fn untried(&self, press: &Press, scene: &Scene) -> Option<KeyMethod> {
        let known = self.proven_method.is_some();
        scene.key_methods.iter().find(|method| !known && !press.tried.contains(method)).copied()
    }

    /// The last row and the method to try next, when a `press` step sent it, its method is in doubt still, and it may be
    /// pressed once more.
    fn doubted_row(&self, scene: &Scene) -> Option<(Vec<Key>, KeyMethod)> {
        let last = self.presses.last().filter(|p| p.sent.is_some() && p.last_of_row)?;
        // A script that heard what it waited for, or goes on to press, has moved on.
        let moved_on = self.state == State::Step
            && matches!(self.steps.get(self.at), Some(Step::Press { .. } | Step::Choose { .. }));
        if scene.ended.is_some() || self.choosing.pressed.is_some() || self.satisfied || moved_on {
            return None;
        }
        let method = self.untried(last, scene)?;
        let first = self.presses.iter().rposition(|p| p.first_of_row)?;
        let keys: Vec<Key> = self.presses[first..].iter().map(|p| p.key).collect();
        self.guarded(&keys, last.label.as_deref(), scene).ok()?;
        Some((keys, method))
    }

    /// The last key has not been proven, and another method may come to that.
    pub(super) fn may_try_another(&self, scene: &Scene) -> bool {
        let effect = self.presses.last().and_then(|press| press.effect);
        matches!(effect, None | Some(Effect::SamePrompt | Effect::Invalid | Effect::Silence))
            && self.doubted_row(scene).is_some()
    }

    /// A row of keys of a `press` step had no effect: it is pressed again by the next method. Some(false): it will be, when
    /// the menu pauses.
    pub(super) fn other_method(&mut self, scene: &Scene, acts: &mut Vec<Act>) -> Option<bool> {
        let last = self.presses.last()?;
        if !matches!(last.effect, Some(Effect::SamePrompt | Effect::Invalid | Effect::Silence)) {
            return None;
        }
        let label = last.label.clone();
        let once_more = last.once_more(None);
        let (keys, method) = self.doubted_row(scene)?;
        // What the step waits for was said all the same: the key is not in doubt.
        if let Some(Step::Hear { texts, anything, .. }) = self.steps.get(self.at).filter(|_| self.state == State::Step)
            && self.matching(texts, *anything, scene).is_some()
        {
            return None;
        }
        if !self.ready_to_press(scene) {
            return Some(false);
        }
        self.send(&keys, label, Try { method: Some(method), ..once_more }, scene, acts);
        // What is waited for is waited for from this key on.
        if self.state == State::Step && matches!(self.steps.get(self.at), Some(Step::Hear { .. } | Step::Human { .. }))
        {
            self.began = scene.now;
        }
        Some(true)
    }

    /// A key that is pressed for the first time: by the method that reached this hotline before.
    pub(super) fn first_try(&self, sure: u8) -> Try {
        Try { sure, method: self.proven_method, again: 0, tried: Vec::new() }
    }

    pub(super) fn send(&mut self, keys: &[Key], label: Option<String>, how: Try, scene: &Scene, acts: &mut Vec<Act>) {
        let Try { sure, method, again, mut tried } = how;
        tried.extend(method.or(scene.key_methods.first().copied()));
        self.satisfied = false;
        let prompt_from = self.listen_from;
        debug_assert!(scene.answered.is_some());
        let begins_row = self.last_was_taken(scene);
        let options = scene.attention.prompt_since(prompt_from, scene.context).reading.options;
        let offered: Vec<(char, String)> = options
            .into_iter()
            .filter_map(|o| match o.key {
                OptionKey::Press(key) => Some((key.symbol(), o.label)),
                _ => None,
            })
            .collect();
        for (index, &key) in keys.iter().enumerate() {
            let last = index + 1 == keys.len();
            self.presses.push(Press {
                key,
                label: if last { label.clone() } else { None },
                sure,
                sent: None,
                effect: None,
                last_of_row: last,
                first_of_row: index == 0,
                begins_row: index == 0 && begins_row,
                offered: offered.clone(),
                prompt_from,
                barged_in: scene.attention.is_speaking(),
                again,
                tried: tried.clone(),
            });
            acts.push(Act::Press { key, method });
        }
    }
}
