//! The script: what the caller wants to hear, choose and press, and whether it came to that.
//!
//! Time limits count the hotline's time, not ours: words that were spoken in time but written down late are in time
//! (`Attention::undecided_before`).

mod choose;

use super::attention::{Attention, Prompt, Words};
use super::{effect, guard, human};
use crate::config::steps::Step;
use crate::understanding::{self, OptionKey, PromptKind};
use crate::vocabulary::trace::{Effect, EndedBy, KeyMethod, OurReason};
use crate::vocabulary::{HeardKind, Key, Moment, What};
use choose::Choosing;
use std::time::Duration;

/// A key for an option is pressed once the menu has paused this long: keys pressed while a prompt plays are lost on
/// menus that do not listen while they speak.
const PAUSE_BEFORE_KEY: Duration = Duration::from_millis(900);
/// ... but a prompt that never pauses is interrupted after this long.
const PATIENCE_BEFORE_KEY: Duration = Duration::from_secs(20);
/// A key pressed straight after the answer can be lost while media paths open.
const SETTLE_AFTER_ANSWER: Duration = Duration::from_millis(600);
/// A prompt has ended when nothing followed it for this long.
const PROMPT_END: Duration = Duration::from_millis(1_800);
/// Without a script: nothing at all for this long, and there is nothing to wait for.
const LISTEN_SILENCE: Duration = Duration::from_secs(10);
/// Without a script: after words, this much silence ends the listening.
const LISTEN_PAUSE: Duration = Duration::from_secs(7);
/// A prompt that goes on after the last step is heard to its end, for at most this long.
const LAST_PROMPT_MAX: Duration = Duration::from_secs(40);
/// Busy or congestion tone for this long says all it has to say.
const TONE_ENOUGH: Duration = Duration::from_secs(4);
const EARLY_TONE_ENOUGH: Duration = Duration::from_secs(12);
/// An option that is known is waited for no longer than this while the prompt goes on: most menus listen while they
/// speak, and the key is pressed again after the prompt if this one did not.
const PATIENCE_WITH_OPTION: Duration = Duration::from_secs(6);

/// Times a key for a listed option is pressed by a method known to work before the option is said to be dead.
const TRIES: u8 = 2;

/// What the script wants done.
#[derive(Debug, PartialEq)]
pub enum Act {
    /// `method`: the one to try; None: the best of those that offer and answer left.
    Press {
        key: Key,
        method: Option<KeyMethod>,
    },
    Say(String),
    HangUp(OurReason),
    Tell(What),
}

/// A key on its way or sent.
#[derive(Clone, Debug)]
pub struct Press {
    pub key: Key,
    pub label: Option<String>,
    /// How sure it is that the key was offered, of 100.
    sure: u8,
    pub sent: Option<(Moment, Moment, KeyMethod)>,
    pub effect: Option<Effect>,
    /// Keys pressed in a row are proven together, by their last.
    last_of_row: bool,
    first_of_row: bool,
    /// The hotline had taken the key before it.
    begins_row: bool,
    /// What the prompt before it offered: (key, label).
    offered: Vec<(char, String)>,
    /// Where the prompt that was heard before this key began.
    prompt_from: Moment,
    /// Pressed into a prompt that went on.
    barged_in: bool,
    /// How often its row was pressed before this time, and by which methods, this time's last.
    again: u8,
    tried: Vec<KeyMethod>,
}

#[derive(Debug, PartialEq)]
enum State {
    BeforeAnswer,
    /// Working on step `at`.
    Step,
    /// All steps done: the last key is proven and the last prompt heard out.
    Settling {
        since: Moment,
    },
    /// A step failed: a little more is heard if that tells what is wrong.
    Confirming {
        since: Moment,
    },
    /// Hung up, by whom ever.
    Over,
}

/// How a row of keys is pressed this time.
struct Try {
    /// How sure it is that the menu offered it, of 100.
    sure: u8,
    /// None: the best of those that offer and answer left.
    method: Option<KeyMethod>,
    /// How often it was pressed before, and by which methods.
    again: u8,
    tried: Vec<KeyMethod>,
}

impl Press {
    fn once_more(&self, method: Option<KeyMethod>) -> Try {
        Try { sure: self.sure, method, again: self.again + 1, tried: self.tried.clone() }
    }
}

/// Everything a step may look at.
pub struct Scene<'a> {
    pub now: Moment,
    pub attention: &'a Attention,
    pub context: &'a understanding::Context,
    /// By which keys can be tried in this call, best first; empty: there is no choice.
    pub key_methods: &'a [KeyMethod],
    pub answered: Option<Moment>,
    pub ended: Option<(Moment, EndedBy)>,
}

impl Scene<'_> {
    fn hung_up(&self) -> Option<Moment> {
        match self.ended {
            Some((at, EndedBy::Them)) => Some(at),
            _ => None,
        }
    }
}

enum Progress {
    Pending,
    /// Done; the next step begins at the moment given.
    Done(String, Moment),
    Failed(String),
}

pub struct Script {
    steps: Vec<Step>,
    at: usize,
    state: State,
    began: Moment,
    /// What was said after this counts: the answer, or the last key.
    listen_from: Moment,
    presses: Vec<Press>,
    row_sent: bool,
    choosing: Choosing,
    saying: Option<Saying>,
    human_since: Option<Moment>,
    /// The probe says to go on when a person answers.
    goes_on_with_people: bool,
    /// The method by which a key reached this hotline: what was heard next proved it.
    proven_method: Option<KeyMethod>,
    /// What the script waited for since the last key was said: that key is in no doubt.
    satisfied: bool,
}

#[derive(Debug, PartialEq)]
enum Saying {
    Playing,
    Over,
}

impl Script {
    pub fn new(steps: Vec<Step>, goes_on_with_people: bool) -> Script {
        Script {
            steps,
            at: 0,
            state: State::BeforeAnswer,
            began: Moment::START,
            listen_from: Moment::START,
            presses: Vec::new(),
            row_sent: false,
            choosing: Choosing::default(),
            saying: None,
            human_since: None,
            goes_on_with_people,
            proven_method: None,
            satisfied: false,
        }
    }

    /// The hotline answered: the first step begins.
    pub fn answered(&mut self, at: Moment, acts: &mut Vec<Act>) {
        self.listen_from = at;
        self.begin(0, at, acts);
    }

    /// Key number `presses.len()` of those asked for has left.
    pub fn key_sent(&mut self, key: Key, from: Moment, to: Moment, method: KeyMethod, acts: &mut Vec<Act>) {
        let Some(press) = self.presses.iter_mut().find(|p| p.sent.is_none() && p.key == key) else { return };
        press.sent = Some((from, to, method));
        // A method that was refused gives way to another one.
        press.tried.push(method);
        acts.push(Act::Tell(What::Pressed { key, label: press.label.clone(), sure: press.sure, method, from, to }));
        if press.last_of_row {
            self.listen_from = to;
        }
    }

    pub fn said_all(&mut self) {
        if self.saying == Some(Saying::Playing) {
            self.saying = Some(Saying::Over);
        }
    }

    pub fn over(&mut self) {
        self.state = State::Over;
    }

    fn begin(&mut self, index: usize, at: Moment, acts: &mut Vec<Act>) {
        self.at = index;
        self.began = at;
        self.choosing = Choosing::default();
        self.saying = None;
        self.row_sent = false;
        match self.steps.get(index) {
            Some(step) => {
                self.state = State::Step;
                acts.push(Act::Tell(What::StepBegan { index, text: step.to_string() }));
            }
            None => self.state = State::Settling { since: at },
        }
    }

    /// Looks at the scene and does what it calls for; called after everything that happens.
    pub fn consider(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        // Each pass may finish a step; the count of steps bounds the passes.
        for _ in 0..=self.steps.len() + 1 {
            self.prove_keys(scene, acts);
            if self.recognise_person(scene, acts) {
                return;
            }
            if matches!(self.state, State::Step | State::Settling { .. }) {
                match self.other_method(scene, acts) {
                    Some(true) => return,
                    // Once the menu pauses.
                    Some(false) if matches!(self.state, State::Settling { .. }) => return,
                    _ => {}
                }
            }
            match self.state {
                State::BeforeAnswer => {
                    // The network plays its tone and then says with a code what it means: that code is worth waiting for.
                    if scene.ended.is_none() && self.tone_lasts(scene, Moment::START, EARLY_TONE_ENOUGH) {
                        self.state = State::Over;
                        acts.push(Act::HangUp(OurReason::ScriptDone));
                    }
                    return;
                }
                State::Over => return,
                State::Step => match self.work(scene, acts) {
                    Progress::Pending => return,
                    Progress::Done(detail, next) => {
                        acts.push(Act::Tell(What::StepDone { index: self.at, detail }));
                        self.satisfied |= matches!(self.steps[self.at], Step::Hear { .. });
                        let next_index = self.at + 1;
                        self.begin(next_index, next, acts);
                    }
                    Progress::Failed(detail) => {
                        acts.push(Act::Tell(What::StepFailed { index: self.at, detail }));
                        self.state = State::Confirming { since: scene.now };
                    }
                },
                State::Settling { since } => {
                    if scene.ended.is_some() || self.settled(since, scene) {
                        self.hang_up(OurReason::ScriptDone, scene, acts);
                    }
                    return;
                }
                State::Confirming { since } => {
                    if scene.ended.is_some() || self.confirmed(since, scene) {
                        self.hang_up(OurReason::StepFailed, scene, acts);
                    }
                    return;
                }
            }
        }
    }

    fn hang_up(&mut self, why: OurReason, scene: &Scene, acts: &mut Vec<Act>) {
        if scene.ended.is_none() {
            acts.push(Act::HangUp(why));
        }
        self.state = State::Over;
    }

    /// Words that came back after the end can still prove a key or finish a step; afterwards nothing can.
    pub fn conclude(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        self.prove_keys(scene, acts);
        if self.state == State::Step {
            acts.push(Act::Tell(What::StepFailed { index: self.at, detail: "the call ended before".into() }));
        }
        self.state = State::Over;
    }

    fn prove_keys(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
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

    /// A person on the line ends the journey politely, unless the script goes on to speak with them.
    fn recognise_person(&mut self, scene: &Scene, acts: &mut Vec<Act>) -> bool {
        if self.human_since.is_some()
            || matches!(self.state, State::BeforeAnswer | State::Over)
            || scene.ended.is_some()
        {
            return false;
        }
        let Some(sign) = human::recognise(self.listen_from, scene) else { return false };
        self.human_since = Some(sign.from);
        acts.push(Act::Tell(What::Human { from: sign.from, why: sign.why.clone() }));
        // Steps that only waited for a person are done by one.
        while self.state == State::Step {
            match self.steps.get(self.at) {
                Some(Step::Human { .. }) => {
                    acts.push(Act::Tell(What::StepDone { index: self.at, detail: sign.why.clone() }));
                    let next = self.at + 1;
                    self.begin(next, scene.now, acts);
                }
                Some(Step::Say { .. }) => return false,
                Some(Step::Hear { .. } | Step::Wait { .. })
                    if self.steps[self.at..].iter().any(|s| matches!(s, Step::Say { .. })) =>
                {
                    return false;
                }
                _ => break,
            }
        }
        if self.goes_on_with_people && matches!(self.state, State::Step) {
            return false;
        }
        // Reaching a person meets every step that led towards one; what else was wanted stays undone.
        let left = self.steps.get(self.at..).unwrap_or_default();
        let was_for_a_person = left.iter().any(|s| matches!(s, Step::Human { .. }));
        let undone = left.iter().any(|s| !matches!(s, Step::Human { .. } | Step::HangUp | Step::Wait { .. }));
        if self.state == State::Step && undone && !was_for_a_person {
            acts.push(Act::Tell(What::StepFailed {
                index: self.at,
                detail: format!("a person answered first: {}", sign.why),
            }));
        }
        self.state = State::Over;
        acts.push(Act::HangUp(OurReason::Courtesy));
        true
    }

    fn work(&mut self, scene: &Scene, acts: &mut Vec<Act>) -> Progress {
        if let Some(failed) = self.hopeless(scene) {
            if matches!(failed, Progress::Failed(_)) {
                self.note_unheard(scene, acts);
            }
            return failed;
        }
        match self.steps[self.at].clone() {
            Step::Hear { texts, anything, within } => self.hear(&texts, anything, within, scene),
            Step::Choose { option, key, within } => self.choose(&option, key, within, scene, acts),
            Step::Press { keys } => self.press(&keys, scene, acts),
            Step::Wait { span: duration } => {
                if scene.now >= self.began + duration {
                    Progress::Done(String::new(), self.began + duration)
                } else {
                    Progress::Pending
                }
            }
            Step::Say { file } => match self.saying {
                None => {
                    self.saying = Some(Saying::Playing);
                    acts.push(Act::Say(file));
                    Progress::Pending
                }
                Some(Saying::Playing) => Progress::Pending,
                Some(Saying::Over) => Progress::Done(format!("said {file}"), scene.now),
            },
            Step::Human { within } => self.person(within, scene),
            Step::HangUp => {
                // The last key is proven first: a key that nobody listened to proves nothing.
                let unproven = self.presses.last().is_some_and(|p| p.effect.is_none() && p.last_of_row);
                if unproven {
                    return Progress::Pending;
                }
                Progress::Done(String::new(), scene.now)
            }
        }
    }

    /// The far side hung up, or a tone says that nothing will come.
    fn hopeless(&mut self, scene: &Scene) -> Option<Progress> {
        if scene.ended.is_some() && !scene.attention.undecided_before(scene.now) {
            // What was said before the end may still be what the step waited for.
            let late = match &self.steps[self.at] {
                Step::Hear { texts, anything, .. } => {
                    self.matching(texts, *anything, scene).map(|d| Progress::Done(d, scene.now))
                }
                Step::HangUp => Some(Progress::Done("the line was already down".into(), scene.now)),
                // Nothing was wanted any more but to wait for this.
                Step::Wait { .. }
                    if self.steps[self.at..].iter().all(|s| matches!(s, Step::Wait { .. } | Step::HangUp)) =>
                {
                    Some(Progress::Done("the hotline hung up meanwhile".into(), scene.now))
                }
                _ => None,
            };
            return Some(late.unwrap_or_else(|| Progress::Failed("the hotline hung up".into())));
        }
        if scene.ended.is_none() && self.tone_says_it_all(scene, self.listen_from) {
            return Some(Progress::Failed("busy or congestion tone".into()));
        }
        None
    }

    fn tone_says_it_all(&self, scene: &Scene, from: Moment) -> bool {
        self.tone_lasts(scene, from, TONE_ENOUGH)
    }

    fn tone_lasts(&self, scene: &Scene, from: Moment, enough: Duration) -> bool {
        scene
            .attention
            .tones_since(from)
            .any(|t| matches!(t.kind, HeardKind::Busy | HeardKind::Congestion) && t.to.since(t.from) >= enough)
    }

    fn hear(&self, texts: &[String], anything: bool, within: Duration, scene: &Scene) -> Progress {
        if let Some(detail) = self.matching(texts, anything, scene) {
            return Progress::Done(detail, self.began.max(self.listen_from));
        }
        let limit = self.began + within;
        // Nothing is told of a hotline while the key before may not have reached it.
        if scene.now >= limit && !scene.attention.undecided_before(limit) && !self.may_try_another(scene) {
            let heard = scene.attention.prompt_since(self.listen_from, scene.context).text;
            return Progress::Failed(if heard.is_empty() {
                format!("nothing was said within {}", seconds(within))
            } else {
                format!("not said within {}; heard “{heard}”", seconds(within))
            });
        }
        Progress::Pending
    }

    fn matching(&self, texts: &[String], anything: bool, scene: &Scene) -> Option<String> {
        let in_time = |w: &&Words| match self.steps[self.at] {
            Step::Hear { within, .. } => w.from <= self.began.max(self.listen_from) + within,
            _ => true,
        };
        // Until a key is pressed, what was said before the answer counts as well.
        let from = if self.presses.is_empty() { Moment::START } else { self.listen_from };
        let words: Vec<&Words> = scene.attention.words_since(from).filter(in_time).collect();
        if anything {
            return words.first().map(|w| format!("heard “{}”", w.transcript.text.trim()));
        }
        for wanted in texts {
            for w in &words {
                if let Some(found) = understanding::contains(&w.transcript.text, wanted, w.transcript.lang) {
                    return Some(format!("heard “{wanted}” ({:.2})", found.score));
                }
            }
        }
        // A phrase may run over a pause.
        if words.len() > 1 {
            let prompt = scene.attention.prompt_since(from, scene.context);
            for wanted in texts {
                if let Some(found) = understanding::contains(&prompt.text, wanted, prompt.lang) {
                    return Some(format!("heard “{wanted}” ({:.2})", found.score));
                }
            }
        }
        None
    }

    fn press(&mut self, keys: &[Key], scene: &Scene, acts: &mut Vec<Act>) -> Progress {
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

    fn person(&self, within: Duration, scene: &Scene) -> Progress {
        let limit = self.began + within;
        // A mailbox or a notice that all have gone home will not turn into a person.
        let verdict = scene.attention.words_since(self.listen_from).find_map(|w| match w.reading.kind {
            PromptKind::Voicemail => Some("voicemail instead of a person"),
            PromptKind::MailboxFull => Some("a full mailbox instead of a person"),
            PromptKind::Closed => Some("a closed notice instead of a person"),
            _ => None,
        });
        if let Some(detail) = verdict
            && scene.attention.quiet_for(scene.now).is_some_and(|q| q >= PROMPT_END)
        {
            return Progress::Failed(detail.into());
        }
        if scene.now >= limit && !scene.attention.undecided_before(limit) {
            let instead = match scene.attention.sounding() {
                Some((HeardKind::Ringback, _)) => "it was still ringing",
                Some((HeardKind::Music, _)) => "music was still playing",
                _ => "nobody came",
            };
            return Progress::Failed(format!("no person within {}: {instead}", seconds(within)));
        }
        Progress::Pending
    }

    /// The guard's word on `keys` after everything pressed so far.
    fn guarded(&self, keys: &[Key], label: Option<&str>, scene: &Scene) -> Result<(), String> {
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

    fn last_is_unproven(&self) -> bool {
        self.presses.last().is_some_and(|p| p.effect.is_none())
    }

    /// Whether a key that came to this is pressed once more, and by which method (None: the best).
    ///
    /// A key pressed into a prompt may have gone unheard, and one that led back to the prompt or was refused may have come
    /// badly: it is pressed once more as it was. Until a key has been seen to reach this hotline, its method is in doubt,
    /// too: all the others are tried before anything is said of the hotline.
    fn next_try(&self, press: &Press, scene: &Scene) -> Option<Option<KeyMethod>> {
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
    fn may_try_another(&self, scene: &Scene) -> bool {
        let effect = self.presses.last().and_then(|press| press.effect);
        matches!(effect, None | Some(Effect::SamePrompt | Effect::Invalid | Effect::Silence))
            && self.doubted_row(scene).is_some()
    }

    /// A row of keys of a `press` step had no effect: it is pressed again by the next method. Some(false): it will be, when
    /// the menu pauses.
    fn other_method(&mut self, scene: &Scene, acts: &mut Vec<Act>) -> Option<bool> {
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
    fn first_try(&self, sure: u8) -> Try {
        Try { sure, method: self.proven_method, again: 0, tried: Vec::new() }
    }

    fn send(&mut self, keys: &[Key], label: Option<String>, how: Try, scene: &Scene, acts: &mut Vec<Act>) {
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

    /// Is this a good moment for a key?
    fn ready_to_press(&self, scene: &Scene) -> bool {
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

    fn prompt_ended(&self, scene: &Scene) -> bool {
        scene.attention.quiet_for(scene.now).is_some_and(|q| q >= PROMPT_END)
            && !scene.attention.undecided_before(scene.now)
            && scene.attention.words_since(self.listen_from).next().is_some()
    }

    fn settled(&self, since: Moment, scene: &Scene) -> bool {
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

    fn confirmed(&self, since: Moment, scene: &Scene) -> bool {
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

fn seconds(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    if s.fract() == 0.0 { format!("{s:.0} s") } else { format!("{s:.1} s") }
}
