//! The explorer: decides inside a call what to press next, and notes what was heard where.
//!
//! It stands where a probe's script stands and sees the same scene. It is sent with an `Errand`, goes to its goals by the
//! shortest known way, presses as soon as it knows where it is, goes back where the menu offers a way back and what is
//! then heard proves it, and hangs up when nothing more can be found out without another call. Its `legs` are what the
//! tree learns from.

pub mod errand;
mod routes;
mod stay;
pub mod survey;

pub use errand::{Errand, Goal, Why};
pub use survey::{Budget, Survey};

use super::effect;
use super::guard;
use super::human;
use super::script::{Act, Scene};
use crate::understanding::tree::alike::{self, Sounds};
use crate::understanding::tree::{Direction, Ending, Leg, Place, PlaceId, PlaceKind, Seen, Tree, Via, direction};
use crate::vocabulary::trace::{Effect, EndedBy, KeyMethod, OurReason};
use crate::vocabulary::{
    AttributableTo, DeadEnd, Finding, FindingKind, HeardKind, Judgement, Key, Lang, Layer, Moment, Outcome, Trace,
    Verdict, What,
};
use stay::{Over, SILENT, Stay};
use std::time::Duration;

/// A key is pressed into a pause of this length where menus do not listen while they speak.
const PAUSE_BEFORE_KEY: Duration = Duration::from_millis(900);
/// A key pressed straight after the answer can be lost while media paths open.
const SETTLE_AFTER_ANSWER: Duration = Duration::from_millis(600);
/// The same prompt, or a word that nothing came, this soon after a key is the answer to the key; later, the menu has
/// merely timed out: its patience began with the end of its prompt, not with our key.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// A key that did nothing is given this long before the place counts as silent.
const REPROMPTS_WITHIN: Duration = Duration::from_secs(25);
/// A menu that only waits is waited for this long.
const WAITING_TAKES: Duration = Duration::from_secs(40);
/// From here on the last words of a menu were among those heard.
const SAID: f32 = 0.8;
const LAST_SOUNDS: usize = 8;
/// Busy tone before the answer.
const EARLY_TONE_ENOUGH: Duration = Duration::from_secs(12);
/// A far side stops its prompt sooner than this after a key, or does not stop it.
const STOPS_WITHIN: Duration = Duration::from_millis(900);
/// The scene is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Passes in one look; each does something that cannot be done again.
const PASSES_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq)]
enum State {
    BeforeAnswer,
    /// Hears what comes after the last key, or after the answer.
    Listening,
    /// Knows where it is and will press this as soon as it may; `barge` while the prompt is still being said.
    Pressing {
        key: String,
        barge: bool,
    },
    Over,
}

/// A key on its way or sent.
#[derive(Clone, Debug)]
struct Press {
    key: Key,
    label: Option<String>,
    sent: Option<(Moment, Moment)>,
    effect: Option<Effect>,
    prompt_from: Moment,
}

/// The way being tried.
#[derive(Clone, Debug)]
struct Trial {
    from: PlaceId,
    key: String,
    tries: u8,
    first_at: Option<Moment>,
    /// Pressed while the prompt was being said.
    barged: bool,
    /// The prompt went on as if nothing had been pressed.
    went_on: bool,
    /// The prompt stopped at the key.
    cut_off: bool,
    /// The menu came again of itself, long after the key.
    ignored: bool,
    /// The known prompt that the key was pressed into was said to its end all the same.
    ran_on: bool,
}

/// What a key has done to the place it was pressed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// Something else is heard: what, is for the others to say.
    Moved,
    /// It cannot be said yet.
    Pending,
    /// The key is pressed again.
    Retry,
    /// Nothing: noted, and we are still where we were.
    Settled,
    /// Silence: there is nobody to go on with.
    Silent,
}

pub struct Explorer {
    errand: Errand,
    tree: Tree,
    goals: Vec<Goal>,
    legs: Vec<Leg>,
    at: Option<PlaceId>,
    state: State,
    trial: Option<Trial>,
    presses: Vec<Press>,
    /// What was said after this counts.
    arrived: Moment,
    /// Stretches after `arrived` that belong to the place before.
    skip: usize,
    /// Recognition was last tried with so many stretches, the last of which may be foreseen only.
    tried_with: Option<(usize, bool)>,
    listens: Option<bool>,
    /// A key came to nothing here: one more, and the menu may hang up.
    failed_at: Option<PlaceId>,
}

impl Explorer {
    pub fn new(errand: Errand) -> Explorer {
        Explorer {
            tree: errand.tree.clone(),
            goals: errand.goals.clone(),
            listens: errand.tree.listens_while_speaking,
            errand,
            legs: Vec::new(),
            at: None,
            state: State::BeforeAnswer,
            trial: None,
            presses: Vec::new(),
            arrived: Moment::START,
            skip: 0,
            tried_with: None,
            failed_at: None,
        }
    }

    /// What the call has found out so far.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// Whether keys were taken while a prompt was being said, where this call found out.
    pub fn listens_while_speaking(&self) -> Option<bool> {
        self.listens
    }

    pub fn answered(&mut self, at: Moment) {
        self.arrived = at;
        self.state = State::Listening;
    }

    pub fn key_sent(&mut self, key: Key, from: Moment, to: Moment, method: KeyMethod, acts: &mut Vec<Act>) {
        let Some(press) = self.presses.iter_mut().find(|p| p.sent.is_none() && p.key == key) else { return };
        press.sent = Some((from, to));
        acts.push(Act::Tell(What::Pressed { key, label: press.label.clone(), sure: 100, method, from, to }));
        self.listen_from(to);
        if let Some(trial) = &mut self.trial {
            trial.first_at.get_or_insert(from);
        }
    }

    pub fn over(&mut self) {
        self.state = State::Over;
    }

    pub fn deadline(&self, scene: &Scene) -> Option<Moment> {
        (!matches!(self.state, State::BeforeAnswer | State::Over)).then(|| scene.now + LOOK_EVERY)
    }

    /// The call is over and all words are there: what was left open is noted.
    pub fn conclude(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        self.prove_keys(scene, acts);
        // What never answered has no place to tell of.
        if !matches!(self.state, State::Over | State::BeforeAnswer) {
            self.note_end(scene);
        }
        self.state = State::Over;
    }

    /// Looks at the scene and does what it calls for; called after everything that happens.
    pub fn consider(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        for _ in 0..PASSES_MAX {
            self.prove_keys(scene, acts);
            if self.meets_person(scene, acts) {
                return;
            }
            let goes_on = match self.state.clone() {
                State::Over => false,
                State::BeforeAnswer => {
                    if scene.ended.is_none() && early_tone(scene) {
                        self.hang_up(OurReason::ScriptDone, scene, acts);
                    }
                    false
                }
                _ if scene.ended.is_some() => {
                    if !scene.attention.undecided_before(scene.now) {
                        self.note_end(scene);
                        self.state = State::Over;
                    }
                    false
                }
                State::Listening => self.listen(scene, acts),
                State::Pressing { key, barge } => self.press(&key, barge, scene, acts),
            };
            if !goes_on {
                return;
            }
        }
    }

    // Hearing.

    fn listen_from(&mut self, moment: Moment) {
        (self.arrived, self.skip, self.tried_with) = (moment, 0, None);
        self.state = State::Listening;
    }

    fn key_is_on_its_way(&self) -> bool {
        self.presses.last().is_some_and(|p| p.sent.is_none())
    }

    /// True when something was decided and the scene should be looked at again.
    fn listen(&mut self, scene: &Scene, acts: &mut Vec<Act>) -> bool {
        if self.key_is_on_its_way() {
            return false;
        }
        self.skip_rest_of_prompt(scene);
        let stay = Stay::new(self.arrived, self.skip, scene);
        if stay.drags_on() {
            self.arrive(&stay, Over::OurLimit, scene, None);
            self.hang_up(OurReason::ScriptDone, scene, acts);
            return false;
        }
        match self.after_key(&stay, scene) {
            After::Moved => {}
            After::Pending => return false,
            After::Retry => return true,
            After::Settled => return self.go_on(scene, acts),
            After::Silent => {
                self.hang_up(OurReason::ScriptDone, scene, acts);
                return false;
            }
        }
        let tells = (stay.words.len(), stay.foreseen.is_some());
        if self.tried_with != Some(tells) && tells != (0, false) {
            self.tried_with = Some(tells);
            if self.recognise(&stay, scene) {
                return self.go_on(scene, acts);
            }
        }
        if let Some(over) = self.is_over(&stay, scene) {
            self.arrive(&stay, over, scene, None);
            if over != Over::Heard {
                self.hang_up(OurReason::ScriptDone, scene, acts);
                return false;
            }
            return self.go_on(scene, acts);
        }
        false
    }

    /// Words that were already being said when the key was pressed are no answer to it.
    fn skip_rest_of_prompt(&mut self, scene: &Scene) {
        let Some(trial) = &self.trial else { return };
        let waits = trial.key == "wait";
        if !trial.barged && !waits {
            return;
        }
        let ran_on = scene.attention.ran_on(self.arrived, STOPS_WITHIN);
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.barged) {
            trial.ran_on |= ran_on;
        }
        let Some(trial) = &self.trial else { return };
        let words: Vec<_> = scene.attention.words_since(self.arrived).skip(self.skip).collect();
        let ours = |clip: &str| self.tree.is_rest_of(trial.from, clip);
        let said_before = |clip: &str| {
            self.tree.place(trial.from).is_some_and(|p| {
                let (part, whole) = (Sounds::of(clip), Sounds::of(&p.text()));
                alike::within(&part, &whole) >= 0.82
            })
        };
        let rest = words
            .iter()
            .take_while(|w| {
                ours(&w.transcript.text) || (waits && (said_before(&w.transcript.text) || stay::is_refusal(w)))
            })
            .count();
        if rest > 0 {
            self.skip += rest;
            self.tried_with = None;
        }
    }

    /// A key was pressed: did the place stay as it was?
    fn after_key(&mut self, stay: &Stay, scene: &Scene) -> After {
        let Some(trial) = self.trial.clone() else { return After::Moved };
        let Some(from) = self.tree.place(trial.from).cloned() else { return After::Moved };
        let led = !stay.words.is_empty() || stay.foreseen.is_some() || stay.is_led_on();
        if trial.key == "wait" {
            if !led && scene.now.since(self.arrived) >= WAITING_TAKES {
                self.note_same_again(&trial, stay);
                return After::Settled;
            }
            return if led { After::Moved } else { After::Pending };
        }
        if !led {
            return self.after_silence(trial, &from, stay, scene);
        }
        let refused = stay.refusal().is_some();
        let known_to_lead_on =
            self.tree.leads(trial.from, &trial.key).is_some_and(|to| to != trial.from && self.is_spoken(to));
        let again = !refused
            && !known_to_lead_on
            && self.tree.begins_as(&stay.clips_foreseen(), stay.lang(), Some(trial.from)) == Some(trial.from);
        if !refused && !again {
            return After::Moved;
        }
        let label = from.way(&trial.key).map(|w| w.label.clone()).unwrap_or_default();
        if again && direction(&label) != Direction::Onwards {
            self.note_same_again(&trial, stay);
            return After::Settled;
        }
        if !stay.is_said() {
            return After::Pending;
        }
        let first = stay.words.first().map(|w| w.from).unwrap_or(scene.now);
        // "Not valid" is said of a key; "nothing was entered" may be said of none.
        let of_a_key = stay.refusal() == Some(true);
        let at_once = of_a_key || first.since(self.arrived) <= ANSWERS_WITHIN;
        if trial.tries < self.tries(&trial) {
            // What came late came by itself: the key did nothing.
            if let Some(trial) = &mut self.trial {
                trial.ignored |= !at_once;
            }
            self.state = State::Pressing { key: trial.key.clone(), barge: false };
            return After::Retry;
        }
        if again && at_once && !trial.ignored {
            self.note_same_again(&trial, stay);
        } else {
            let kind = if at_once && !trial.ignored { DeadEnd::KeyRejected } else { DeadEnd::KeyIgnored };
            self.note_failed(kind, &trial, &from, stay, scene);
        }
        After::Settled
    }

    /// A key is tried again once; where another call has seen it fail, once is enough.
    fn tries(&self, trial: &Trial) -> u8 {
        let way = self.tree.place(trial.from).and_then(|p| p.way(&trial.key));
        let failed = way.is_some_and(|w| !w.same_again.is_empty() || w.to.is_some_and(|to| !self.is_spoken(to)));
        if failed { 1 } else { 2 }
    }

    fn is_spoken(&self, id: PlaceId) -> bool {
        self.tree.place(id).is_some_and(|p| p.kind() != PlaceKind::End)
    }

    /// Nothing came after the key, so far. A prompt that the key did not interrupt goes on: the key did nothing. A
    /// prompt that it cut off, with nothing after it: it led to silence.
    fn after_silence(&mut self, trial: Trial, from: &Place, stay: &Stay, scene: &Scene) -> After {
        if trial.barged && (self.skip > 0 || trial.ran_on) {
            if stay.is_said() {
                // Lost, or without effect: the next try tells.
                if let Some(trial) = &mut self.trial {
                    trial.went_on = true;
                    trial.tries = 0;
                }
                self.state = State::Pressing { key: trial.key.clone(), barge: false };
                return After::Retry;
            }
            return After::Pending;
        }
        let quiet = stay.quiet_for().map(|q| q.min(scene.now.since(self.arrived)));
        if quiet.is_none_or(|q| q < SILENT) {
            return After::Pending;
        }
        if trial.tries < self.tries(&trial) && !trial.went_on {
            self.state = State::Pressing { key: trial.key.clone(), barge: false };
            return After::Retry;
        }
        let kind = if trial.went_on {
            DeadEnd::KeyIgnored
        } else {
            let waited = scene.now.since(trial.first_at.unwrap_or(scene.now));
            // A menu that is still there says so before long.
            if !trial.cut_off && waited < SILENT + REPROMPTS_WITHIN {
                return After::Pending;
            }
            DeadEnd::Silence
        };
        self.note_failed(kind, &trial, from, stay, scene);
        if kind == DeadEnd::Silence { After::Silent } else { After::Settled }
    }

    fn note_failed(&mut self, kind: DeadEnd, trial: &Trial, from: &Place, stay: &Stay, scene: &Scene) {
        let seen = self.failed(kind, &trial.key, from, stay, scene);
        self.note(Leg { via: Via::Way(trial.key.clone()), seen });
        self.at = Some(trial.from);
        self.failed_at = self.at;
    }

    /// Does what is being said belong to a place we know? Then there is no need to hear it out.
    fn recognise(&mut self, stay: &Stay, scene: &Scene) -> bool {
        let clips = stay.clips();
        let via = self.via();
        let expected = self.tree.expected(self.at, &via);
        if stay.foreseen.is_some() && self.recognise_sound(stay, &via, expected, scene) {
            return true;
        }
        if let Some(id) = self.known_menu(&clips, stay.lang(), expected) {
            if self.wants_whole(id) || self.tree.place(id).is_some_and(|p| p.heard.is_empty()) {
                return false;
            }
            self.note(Leg { via, seen: self.glimpse(clips, stay) });
            return self.at.is_some();
        }
        // A message that goes on into a menu we know.
        for from in 1..clips.len() {
            if !stay.words[..from].iter().all(|w| w.reading.options.is_empty()) {
                return false;
            }
            let Some(id) = self.known_menu(&clips[from..], stay.lang(), None) else { continue };
            if self.wants_whole(id) {
                return false;
            }
            self.note_message(via, from, scene);
            self.note(Leg { via: Via::Itself, seen: self.glimpse(clips[from..].to_vec(), stay) });
            return self.at.is_some();
        }
        false
    }

    /// A prompt heard before is being said, known by its sound. Where this way was gone before, that is enough: the place is
    /// known a second into its prompt. Behind a key that nobody has tried it is not, for other menus may begin alike:
    /// there the prompt is listened to.
    fn recognise_sound(&mut self, stay: &Stay, via: &Via, expected: Option<PlaceId>, scene: &Scene) -> bool {
        let Some(expected) = expected.and_then(|id| self.tree.place(id)) else { return false };
        let message = expected.then.filter(|_| expected.kind() == PlaceKind::Message && !stay.words.is_empty());
        let id = message.unwrap_or(expected.id);
        let from = if message.is_some() { stay.words.len() } else { 0 };
        let clips = stay.clips_foreseen().split_off(from);
        if self.known_menu(&clips, stay.lang(), Some(id)) != Some(id) || self.wants_whole(id) {
            return false;
        }
        let seen = self.glimpse(clips, stay);
        if message.is_some() {
            self.note_message(via.clone(), from, scene);
            self.note(Leg { via: Via::Itself, seen });
        } else {
            self.note(Leg { via: via.clone(), seen });
        }
        self.at.is_some()
    }

    /// The first stretches of a stay are a message that has gone on into something else.
    fn note_message(&mut self, via: Via, stretches: usize, scene: &Scene) {
        let before = self.skip;
        let mut message = Stay::new(self.arrived, before, scene);
        message.words.truncate(stretches);
        let seen = message.seen(Over::Heard, self.errand.call, None, None, scene.context);
        self.note(Leg { via, seen: Seen { kind: PlaceKind::Message, ..seen } });
        self.skip = before + stretches;
    }

    fn known_menu(&self, clips: &[String], lang: Lang, expected: Option<PlaceId>) -> Option<PlaceId> {
        let expected = expected.filter(|&id| self.tree.place(id).is_some_and(|p| p.kind() == PlaceKind::Menu));
        self.tree.begins_as(clips, lang, expected)
    }

    fn glimpse(&self, clips: Vec<String>, stay: &Stay) -> Seen {
        Seen {
            call: self.errand.call,
            kind: PlaceKind::Menu,
            says: "menu".into(),
            lang: stay.lang(),
            clips,
            options: Vec::new(),
            offer_without_key: None,
            whole: false,
            ending: None,
            prompt_ms: 0,
            stay_ms: 0,
            person_ms: None,
            same_again: false,
            findings: Vec::new(),
            fingerprint: None,
        }
    }

    fn is_over(&self, stay: &Stay, scene: &Scene) -> Option<Over> {
        if stay.takes_messages() && !scene.attention.is_speaking() {
            return Some(Over::Heard);
        }
        if stay.is_said() && !stay.words.is_empty() {
            let prompt = stay.prompt(scene.context);
            if stay::is_menu(&prompt) || (stay.asks_for_input() && !stay.is_queue()) {
                return Some(Over::Heard);
            }
        }
        if self.trial.as_ref().is_some_and(|t| t.key != "wait") && stay.words.is_empty() && !stay.is_led_on() {
            // A key after which nothing came is dealt with apart.
            return None;
        }
        stay.is_over(Duration::from_millis(self.errand.queue_limit_ms))
    }

    fn via(&self) -> Via {
        match (&self.trial, self.at) {
            (Some(trial), _) => Via::Way(trial.key.clone()),
            (None, None) => Via::Answer,
            (None, Some(_)) => Via::Itself,
        }
    }

    fn arrive(&mut self, stay: &Stay, over: Over, scene: &Scene, person: Option<Moment>) {
        let ended = scene.ended.map(|(at, _)| at);
        let seen = stay.seen(over, self.errand.call, ended, person, scene.context);
        let via = self.via();
        if let Some((message, menu)) = self.message_before_menu(&via, &seen, stay) {
            self.note(Leg { via, seen: message });
            return self.note(Leg { via: Via::Itself, seen: menu });
        }
        self.note(Leg { via, seen });
    }

    /// A message that went on, without a pause, into a menu we know: two places.
    fn message_before_menu(&self, via: &Via, seen: &Seen, stay: &Stay) -> Option<(Seen, Seen)> {
        let expects_menu = self
            .tree
            .expected(self.at, via)
            .and_then(|id| self.tree.place(id))
            .is_some_and(|place| place.kind() == PlaceKind::Menu);
        if seen.kind != PlaceKind::Menu || expects_menu {
            return None;
        }
        let (menu, before) = self.tree.ends_as(&seen.text())?;
        let clips = self.tree.place(menu)?.heard.first()?.clips.clone();
        let message = Seen {
            kind: PlaceKind::Message,
            says: "info".into(),
            clips: vec![before],
            options: Vec::new(),
            ending: None,
            findings: Vec::new(),
            fingerprint: None,
            ..seen.clone()
        };
        Some((message, self.glimpse(clips, stay)))
    }

    /// A key that came to nothing.
    fn failed(&self, kind: DeadEnd, key: &str, from: &Place, stay: &Stay, scene: &Scene) -> Seen {
        let label = from.way(key).map(|w| w.label.clone()).unwrap_or_default();
        let detail = match kind {
            DeadEnd::KeyRejected => format!("key {key} (“{label}”) is offered and then refused"),
            DeadEnd::KeyIgnored => format!("key {key} (“{label}”) is offered and has no effect"),
            _ => format!("silence after key {key} (“{label}”)"),
        };
        let refusals: Vec<String> =
            stay.words.iter().filter(|w| stay::is_refusal(w)).map(|w| w.transcript.text.trim().to_string()).collect();
        let mut seen = stay.seen(Over::Heard, self.errand.call, None, None, scene.context);
        (seen.kind, seen.options, seen.clips) = (PlaceKind::End, Vec::new(), refusals);
        seen.ending = Some(Ending { dead_end: Some(kind), detail, quote: seen.clips.first().cloned() });
        seen.findings.clear();
        seen.fingerprint = None;
        seen
    }

    fn note_same_again(&mut self, trial: &Trial, stay: &Stay) {
        let seen = Seen { whole: true, same_again: true, ..self.glimpse(stay.clips_foreseen(), stay) };
        self.at = Some(trial.from);
        self.trial = Some(trial.clone());
        self.note(Leg { via: Via::Way(trial.key.clone()), seen });
    }

    /// Takes a leg into the tree and the list.
    fn note(&mut self, leg: Leg) {
        if let (Via::Way(key), Some(place)) = (&leg.via, self.at) {
            self.goals.retain(|g| !matches!(g, Goal::Way { place: p, key: k, .. } if *p == place && k == key));
        }
        if let Some(trial) = &self.trial {
            let worked =
                !matches!(leg.seen.ending, Some(Ending { dead_end: Some(DeadEnd::KeyIgnored | DeadEnd::Silence), .. }));
            if worked && (trial.went_on || trial.ran_on) {
                self.listens = Some(false);
            } else if worked && trial.barged && self.skip == 0 && self.listens.is_none() {
                self.listens = Some(true);
            }
            self.tree.listens_while_speaking = self.listens;
        }
        let before = self.at;
        self.at = self.tree.learn(before, &leg);
        if self.at != before {
            self.failed_at = None;
        }
        if leg.seen.whole
            && !leg.seen.same_again
            && let Some(at) = self.at
        {
            self.goals.retain(|g| !matches!(g, Goal::Hear { place } if *place == at));
        }
        self.trial = None;
        self.legs.push(leg);
    }

    fn meets_person(&mut self, scene: &Scene, acts: &mut Vec<Act>) -> bool {
        if matches!(self.state, State::BeforeAnswer | State::Over) || scene.ended.is_some() || self.key_is_on_its_way()
        {
            return false;
        }
        let Some(sign) = human::recognise(self.arrived, scene) else { return false };
        acts.push(Act::Tell(What::Human { from: sign.from, why: sign.why.clone() }));
        let mut stay = Stay::new(self.arrived, self.skip, scene);
        // What the person says is theirs and another day's: the place is what the hotline says before.
        if stay.words.iter().any(|w| w.from < sign.from) {
            stay.words.retain(|w| w.from < sign.from);
        }
        self.arrive(&stay, Over::Person, scene, Some(sign.from));
        self.state = State::Over;
        acts.push(Act::HangUp(OurReason::Courtesy));
        true
    }

    fn note_end(&mut self, scene: &Scene) {
        if self.trial.is_none() && self.at.is_some() && matches!(self.state, State::Pressing { .. }) {
            return;
        }
        if self.key_is_on_its_way() {
            // Hung up while the key was still sounding: what was said before is not the answer to it.
            self.arrived = scene.ended.map_or(scene.now, |(at, _)| at);
            self.skip = 0;
        }
        let stay = Stay::new(self.arrived, self.skip, scene);
        let theirs = matches!(scene.ended, Some((_, EndedBy::Them)));
        if let Some(trial) = self.trial.clone()
            && let Some(from) = self.tree.place(trial.from).cloned()
            && let Some(of_a_key) = stay.refusal()
        {
            let first = stay.words.first().map_or(scene.now, |w| w.from);
            let at_once = of_a_key || first.since(self.arrived) <= ANSWERS_WITHIN;
            let kind = if at_once && !trial.ignored { DeadEnd::KeyRejected } else { DeadEnd::KeyIgnored };
            let seen = self.failed(kind, &trial.key, &from, &stay, scene);
            return self.note(Leg { via: Via::Way(trial.key), seen });
        }
        if theirs {
            return self.arrive(&stay, Over::HungUp, scene, None);
        }
        // Cut by our own limit: only what was waited in is worth telling, the rest was not heard to its end.
        if stay.is_queue() || stay.is_led_on() {
            self.arrive(&stay, Over::OurLimit, scene, None);
        }
    }

    // Doing.

    /// Somewhere known: what next?
    fn go_on(&mut self, scene: &Scene, acts: &mut Vec<Act>) -> bool {
        match self.next_key(scene.now) {
            Some(key) => {
                let barge = !Stay::new(self.arrived, self.skip, scene).has_fallen_quiet();
                self.state = State::Pressing { key, barge };
                true
            }
            None => {
                self.hang_up(OurReason::ScriptDone, scene, acts);
                false
            }
        }
    }

    fn press(&mut self, key: &str, barge: bool, scene: &Scene, acts: &mut Vec<Act>) -> bool {
        let Some(answered) = scene.answered else { return false };
        if self.key_is_on_its_way() || scene.now < answered + SETTLE_AFTER_ANSWER {
            return false;
        }
        let Some(at) = self.trial.as_ref().map(|t| t.from).or(self.at) else {
            self.hang_up(OurReason::ScriptDone, scene, acts);
            return false;
        };
        let may_barge = barge && self.errand.interrupts && self.tree.listens_while_speaking != Some(false);
        let speaking = scene.attention.is_speaking();
        let paused = match scene.attention.sounding() {
            // Music below the words of a menu goes on after them.
            Some((kind, since)) => kind != HeardKind::Speech && scene.now.since(since) >= PAUSE_BEFORE_KEY,
            None => scene.attention.quiet_for(scene.now).is_some_and(|q| q >= PAUSE_BEFORE_KEY),
        };
        // Into a prompt known by its words at its next breath: a syllable cut in half would stand before the words that
        // follow. One known by its sound is told apart from what follows by its sound.
        let known_by_sound = scene.attention.foreseen_since(self.arrived).is_some();
        if !paused && !(may_barge && (!speaking || known_by_sound)) {
            return false;
        }
        let interrupts = !self.has_said_all(at, scene);
        let trial = match self.trial.take() {
            Some(trial) if trial.key == key => {
                // Pressed while the prompt was being said, and it said no more.
                let ran_on = trial.went_on || trial.ran_on;
                let cut_off = trial.cut_off || (trial.barged && !ran_on && self.skip == 0);
                Trial { tries: trial.tries + 1, barged: false, ran_on: false, cut_off, ..trial }
            }
            _ => Trial {
                from: at,
                key: key.into(),
                tries: 1,
                first_at: None,
                barged: interrupts,
                went_on: false,
                cut_off: false,
                ignored: false,
                ran_on: false,
            },
        };
        self.at = Some(at);
        if key == "wait" {
            self.trial = Some(trial);
            self.listen_from(scene.now);
            return true;
        }
        let label = self.tree.place(at).and_then(|p| p.way(key)).map(|w| w.label.clone());
        let pressed: Vec<Key> = self.presses.iter().map(|p| p.key).collect();
        let allowed = key.parse::<Key>().ok().filter(|_| guard::may_press(&pressed, label.as_deref()).is_ok());
        let Some(symbol) = allowed else {
            self.hang_up(OurReason::ScriptDone, scene, acts);
            return false;
        };
        self.trial = Some(trial);
        self.presses.push(Press { key: symbol, label, sent: None, effect: None, prompt_from: self.arrived });
        self.state = State::Listening;
        acts.push(Act::Press { key: symbol, method: None });
        false
    }

    /// Has the prompt of this menu been said to its end? A key into what is left of it tells by what then follows.
    fn has_said_all(&self, at: PlaceId, scene: &Scene) -> bool {
        let stay = Stay::new(self.arrived, self.skip, scene);
        if stay.has_fallen_quiet() {
            return true;
        }
        // It is being said again: what is left of that round is no answer to a key.
        if stay.came_again {
            return false;
        }
        let Some(best) = self.tree.place(at).and_then(Place::best).filter(|b| !b.options.is_empty()) else {
            return true;
        };
        // Not the last option: keys and labels may have been paired wrongly.
        let last = Sounds::of(&best.text()).end(LAST_SOUNDS);
        let heard: Vec<String> = scene
            .attention
            .words_since(self.arrived)
            .skip(self.skip)
            .map(|w| w.transcript.text.trim().to_string())
            .collect();
        alike::within(&last, &Sounds::of(&heard.join(" "))) >= SAID
    }

    fn hang_up(&mut self, why: OurReason, scene: &Scene, acts: &mut Vec<Act>) {
        if scene.ended.is_none() {
            acts.push(Act::HangUp(why));
        }
        self.state = State::Over;
    }

    fn prove_keys(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        let hung_up = match scene.ended {
            Some((at, EndedBy::Them)) => Some(at),
            _ => None,
        };
        let Some(index) = self.presses.len().checked_sub(1) else { return };
        let press = &self.presses[index];
        let (Some((from, to)), None) = (press.sent, press.effect) else { return };
        let proof = effect::prove((from, to), press.prompt_from, scene.now, scene.attention, hung_up, scene.context);
        if let Some(effect) = proof {
            self.presses[index].effect = Some(effect);
            acts.push(Act::Tell(What::KeyEffect { index, effect }));
        }
    }
}

fn early_tone(scene: &Scene) -> bool {
    scene
        .attention
        .tones_since(Moment::START)
        .any(|t| matches!(t.kind, HeardKind::Busy | HeardKind::Congestion) && t.to.since(t.from) >= EARLY_TONE_ENOUGH)
}

/// The record of a mapping call says whether the call itself went well.
pub fn judged(mut judgement: Judgement, trace: &Trace) -> Judgement {
    // What was told in the call itself is of its prompts (one sounds otherwise than in calls before), not of its way.
    let told = |f: &Finding| trace.events.iter().any(|e| matches!(&e.what, What::Found(found) if found == f));
    judgement.findings.retain(|f| f.kind == FindingKind::StalePrompt || told(f));
    if judgement.verdict != Verdict::Inconclusive {
        let person = trace.events.iter().any(|e| matches!(e.what, What::Human { .. }));
        judgement.verdict = Verdict::Pass;
        judgement.outcome = if person { Outcome::AnsweredHuman } else { Outcome::Completed };
        (judgement.layer, judgement.attributable_to) = (Layer::None, AttributableTo::None);
        judgement.because = "a call of a mapping; what it found stands in the map".into();
    }
    judgement
}
