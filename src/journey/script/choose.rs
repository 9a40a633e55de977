//! The step `choose`: listens for an option by its meaning, presses the key it is offered on, and goes down a level where
//! the menu says that what is wanted lies behind another option. A key that was not offered is never pressed.

use super::{Act, Press, Progress, Scene, Script, seconds};
use crate::config::steps::Step;
use crate::journey::attention::Prompt;
use crate::understanding::{self, MenuOption, OptionKey, PromptKind};
use crate::vocabulary::trace::Effect;
use crate::vocabulary::{Finding, FindingKind, Key, Lang, Moment, What};
use std::time::Duration;

/// A match this good is chosen at the next pause; a weaker one waits until the whole prompt was heard.
const SURE_CHOICE: f32 = 0.8;
/// Levels gone down in search of one option.
const LEVELS_MAX: usize = 4;
/// An option that moved asks a person to look; the call itself went well.
const MOVED_SCORE: u8 = 50;

/// What a menu is asked for in the language of what is wanted.
const LANGUAGES: [(Lang, &[&str]); 2] =
    [(Lang::Zh, &["普通话", "中文", "国语", "汉语"]), (Lang::En, &["English", "英语", "英文"])];
/// Words of options behind which a person is found when the menu names none: the rest of the menu, and its desk.
const LEADS_ON: [&str; 16] = [
    "更多",
    "其他",
    "其它",
    "其余",
    "客户服务",
    "客服",
    "主菜单",
    "more options",
    "other options",
    "all other",
    "any other",
    "anything else",
    "something else",
    "customer service",
    "customer care",
    "main menu",
];

/// Where a `choose` stands.
#[derive(Debug, Default)]
pub(super) struct Choosing {
    pub(super) pressed: Option<Pressed>,
    /// Since when the option to choose is known.
    pub(super) known: Option<Moment>,
    /// The levels gone down: key and label.
    led: Vec<(Key, String)>,
}

/// The key pressed last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pressed {
    /// Into the presses of the script.
    press: usize,
    /// "Repeat this menu" rightly leads to the same prompt.
    may_repeat: bool,
    /// Not what is wanted, but what leads to it.
    leads: bool,
}

impl Script {
    pub(super) fn choose(
        &mut self,
        option: &str,
        usual: Option<Key>,
        within: Duration,
        scene: &Scene,
        acts: &mut Vec<Act>,
    ) -> Progress {
        if let Some(pressed) = self.choosing.pressed {
            return self.chosen(pressed, scene, acts);
        }
        let prompt = scene.attention.prompt_since(self.listen_from, scene.context);
        let best = understanding::choose(option, &prompt.reading.options, prompt.lang);
        let unheard = better_without_key(option, &prompt, best.as_ref().map_or(0.0, |b| b.score));
        if let Some(best) = best.filter(|_| unheard.is_none()) {
            let found = &prompt.reading.options[best.index];
            let label = found.label.clone();
            if best.score >= SURE_CHOICE {
                self.choosing.known.get_or_insert(scene.now);
            }
            match found.key.clone() {
                OptionKey::Press(key) => {
                    let whole_prompt = self.prompt_ended(scene);
                    let sure = best.score >= SURE_CHOICE && found.is_heard();
                    if (sure && self.ready_to_press(scene)) || whole_prompt {
                        let heard = found.is_heard();
                        let progress = self.take(key, found, false, scene, acts);
                        let usual = usual.filter(|usual| *usual != key && heard);
                        if let (Some(usual), Some(_)) = (usual, self.choosing.pressed) {
                            acts.push(Act::Tell(What::Found(self.moved(usual, key, &label, &prompt, scene))));
                        }
                        return progress;
                    }
                    return Progress::Pending;
                }
                OptionKey::Wait => {
                    if self.prompt_ended(scene) {
                        return Progress::Done(format!("stays on the line for “{label}”"), scene.now);
                    }
                    return Progress::Pending;
                }
                OptionKey::Say(words) => {
                    return Progress::Failed(format!("“{label}” is offered only by voice (say “{words}”)"));
                }
            }
        }
        if unheard.is_none()
            && self.prompt_ended(scene)
            && let Some((key, lead)) = self.lead(option, &prompt)
        {
            return self.take(key, &lead, true, scene, acts);
        }
        let limit = self.began + within;
        if scene.now >= limit && !scene.attention.undecided_before(limit) {
            if let Some(label) = unheard {
                let detail = format!("“{label}” is offered, but its key was not heard within {}", seconds(within));
                acts.push(Act::Tell(What::KeyUnheard { label }));
                return Progress::Failed(detail);
            }
            return Progress::Failed(self.not_offered(option, within, &prompt));
        }
        Progress::Pending
    }

    /// The call ends while the key of what is wanted was never heard.
    pub(super) fn note_unheard(&self, scene: &Scene, acts: &mut Vec<Act>) {
        let Some(Step::Choose { option, .. }) = self.steps.get(self.at) else { return };
        if self.choosing.pressed.is_some() {
            return;
        }
        let prompt = scene.attention.prompt_since(self.listen_from, scene.context);
        let best = understanding::choose(option, &prompt.reading.options, prompt.lang);
        if let Some(label) = better_without_key(option, &prompt, best.map_or(0.0, |b| b.score)) {
            acts.push(Act::Tell(What::KeyUnheard { label }));
        }
    }

    /// What the key pressed came to.
    fn chosen(&mut self, pressed: Pressed, scene: &Scene, acts: &mut Vec<Act>) -> Progress {
        let press = &self.presses[pressed.press];
        let label = press.label.clone().unwrap_or_default();
        let key = press.key;
        let Some((_, to, _)) = press.sent else { return Progress::Pending };
        match press.effect {
            None => Progress::Pending,
            Some(Effect::NewPrompt) if pressed.leads => {
                // A level deeper: the search begins anew, with the time it had.
                self.choosing.pressed = None;
                self.choosing.known = None;
                self.choosing.led.push((key, label));
                self.began = to;
                Progress::Pending
            }
            Some(Effect::NewPrompt | Effect::Transfer) => Progress::Done(self.way(key, &label), to),
            Some(Effect::SamePrompt) if pressed.may_repeat => Progress::Done(self.way(key, &label), to),
            // A key pressed into a prompt may have gone unheard: silence after it proves nothing yet.
            Some(effect) if let Some(method) = self.next_try(press, scene) => {
                if !self.ready_to_press(scene) {
                    return Progress::Pending;
                }
                // A key that may not be pressed once more (0, 0, 0) is judged by what it came to.
                if self.guarded(&[key], Some(&label), scene).is_err() {
                    return Progress::Failed(dead(effect, press, &label));
                }
                let once_more = press.once_more(method);
                self.send(&[key], Some(label), once_more, scene, acts);
                self.choosing.pressed = Some(Pressed { press: self.presses.len() - 1, ..pressed });
                Progress::Pending
            }
            Some(Effect::Invalid | Effect::SamePrompt) if press.sure < understanding::SURE => {
                acts.push(Act::Tell(What::KeyUnheard { label: label.clone() }));
                Progress::Failed(format!(
                    "the key for “{label}” was not heard; {key}, told by the order of the others, was not taken"
                ))
            }
            Some(effect) => Progress::Failed(dead(effect, press, &label)),
        }
    }

    /// Presses the key of an option, if the guard lets it.
    fn take(&mut self, key: Key, option: &MenuOption, leads: bool, scene: &Scene, acts: &mut Vec<Act>) -> Progress {
        if let Err(why) = self.guarded(&[key], Some(&option.label), scene) {
            return if self.last_is_unproven() { Progress::Pending } else { Progress::Failed(why) };
        }
        self.send(&[key], Some(option.label.clone()), self.first_try(option.sure), scene, acts);
        let press = self.presses.len() - 1;
        self.choosing.pressed = Some(Pressed { press, may_repeat: repeats_the_menu(&option.label), leads });
        Progress::Pending
    }

    /// An option behind which what is wanted may lie: the language of what is wanted, and for a person what the menu
    /// itself calls the rest of it. None twice.
    fn lead(&self, option: &str, prompt: &Prompt) -> Option<(Key, MenuOption)> {
        if self.choosing.led.len() >= LEVELS_MAX {
            return None;
        }
        let fresh = |found: &MenuOption| {
            let key = found.key.key().filter(|_| found.is_heard())?;
            let tried = self.choosing.led.iter().any(|(k, label)| *k == key && *label == found.label);
            (!tried).then(|| (key, found.clone()))
        };
        let options = &prompt.reading.options;
        if prompt.reading.kind == PromptKind::LanguageMenu {
            let lang = if option.chars().any(is_han) { Lang::Zh } else { Lang::En };
            let (_, names) = LANGUAGES.iter().find(|(l, _)| *l == lang)?;
            let best = names.iter().find_map(|name| understanding::choose(name, options, prompt.lang))?;
            return fresh(&options[best.index]);
        }
        if understanding::means("人工服务", option) == 0.0 {
            return None;
        }
        let leads = |label: &str| LEADS_ON.iter().any(|words| label.to_lowercase().contains(words));
        options.iter().filter(|o| leads(&o.label)).find_map(fresh)
    }

    fn not_offered(&self, option: &str, within: Duration, prompt: &Prompt) -> String {
        let gone: Vec<String> = self.choosing.led.iter().map(|(key, label)| format!("{key} “{label}”")).collect();
        let behind = if gone.is_empty() { String::new() } else { format!(" behind {}", gone.join(" → ")) };
        if prompt.text.is_empty() {
            format!("nothing was offered within {}{behind}", seconds(within))
        } else if prompt.reading.options.is_empty() {
            format!("“{option}” was not offered within {}{behind}; heard “{}”", seconds(within), prompt.text)
        } else {
            let offered: Vec<String> =
                prompt.reading.options.iter().map(|o| format!("{} {}", o.key, o.label)).collect();
            format!("“{option}” was not offered within {}{behind}; offered: {}", seconds(within), offered.join(", "))
        }
    }

    fn moved(&self, usual: Key, key: Key, label: &str, prompt: &Prompt, scene: &Scene) -> Finding {
        let raw: Vec<&str> = scene
            .attention
            .all_words()
            .iter()
            .filter(|w| w.from >= prompt.from && w.to <= prompt.to)
            .map(|w| w.transcript.raw.trim())
            .collect();
        Finding {
            kind: FindingKind::OptionMoved,
            dead_end: None,
            detail: format!("“{label}” has moved from key {usual} to key {key}"),
            from: prompt.from,
            to: prompt.to,
            quote: Some(raw.join(" ")),
            expired_on: None,
            score: MOVED_SCORE,
        }
    }

    /// The keys that led to what was wanted.
    fn way(&self, key: Key, label: &str) -> String {
        let led: String = self.choosing.led.iter().map(|(key, label)| format!("{key} for “{label}”, then ")).collect();
        format!("pressed {led}{key} for “{label}”")
    }
}

fn dead(effect: Effect, press: &Press, label: &str) -> String {
    let key = press.key;
    match effect {
        Effect::Invalid => format!("key {key} for “{label}” was announced and then refused"),
        Effect::SamePrompt => format!("key {key} for “{label}” led back to the same prompt"),
        Effect::Silence => format!("silence after key {key} for “{label}”"),
        Effect::Hangup => format!("the hotline hung up after key {key} for “{label}”"),
        Effect::NewPrompt | Effect::Transfer => format!("key {key} for “{label}” led on"),
    }
}

/// What is wanted, offered in words that fit better than any option with a key, but without its own: the key was cut off
/// or swallowed. It may still come, or come again; until then nothing is pressed in its place.
fn better_without_key(option: &str, prompt: &Prompt, than: f32) -> Option<String> {
    let keyless = prompt.reading.keyless.iter().map(|k| (understanding::means(option, &k.label), &k.label));
    keyless.filter(|(score, _)| *score > than).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, label)| label.clone())
}

fn repeats_the_menu(label: &str) -> bool {
    let label = label.to_lowercase();
    ["repeat", "again", "重听", "重複", "重复", "重播", "再听", "重聽"].iter().any(|w| label.contains(w))
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}')
}
