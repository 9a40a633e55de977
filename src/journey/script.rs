//! The script: what the caller wants to hear, choose and press, and whether it came to that.
//!
//! Time limits count the hotline's time, not ours: words that were spoken in time but written down late are in time
//! (`Attention::undecided_before`).

mod choose;
mod keys;
mod patience;

use super::attention::{Attention, Words};
use super::human;
use crate::config::steps::Step;
use crate::understanding::{self, PromptKind};
use crate::vocabulary::trace::{EndedBy, KeyMethod, OurReason};
use crate::vocabulary::{HeardKind, Key, Moment, What};
use choose::Choosing;
pub use keys::Press;
use patience::{EARLY_TONE_ENOUGH, PROMPT_END};
use std::time::Duration;

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
        if let Some((_, by)) = scene.ended
            && !scene.attention.undecided_before(scene.now)
        {
            let theirs = by == EndedBy::Them;
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
                    let what = if theirs { "the hotline hung up meanwhile" } else { "the call ended before" };
                    Some(Progress::Done(what.into(), scene.now))
                }
                _ => None,
            };
            let what = if theirs { "the hotline hung up" } else { "the call ended before" };
            return Some(late.unwrap_or_else(|| Progress::Failed(what.into())));
        }
        if scene.ended.is_none() && self.tone_says_it_all(scene, self.listen_from) {
            return Some(Progress::Failed("busy or congestion tone".into()));
        }
        None
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
}

fn seconds(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    if s.fract() == 0.0 { format!("{s:.0} s") } else { format!("{s:.1} s") }
}
