//! What a hotline does in one call, without its telephone line: it rings, answers, speaks, waits for keys, goes on.

use super::hotline::{Action, Hotline, MediaFault, Next, Node, Part, Refusal};
use super::library::Library;
use super::sound::{self, Tone};
use crate::vocabulary::{Key, Moment, Seed};
use chrono::{NaiveDateTime, Timelike};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Endless sounds are handed out in pieces about so long.
const PIECE: Duration = Duration::from_secs(4);
/// More actions than this without any time passing: the hotline goes in circles.
const ACTIONS_AT_ONCE_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq)]
pub enum IvrInput {
    /// The INVITE is there.
    Begin,
    Key(Key),
    /// The caller has gone.
    Gone,
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum IvrOutput {
    /// Send 180.
    Ring,
    /// Send 183 with a session: sound comes before any answer.
    Early,
    Answer,
    Refuse(Refusal),
    /// Send nothing at all, now and later.
    PlayDead,
    HangUp {
        q850: Option<u16>,
    },
    /// Send this sound, after what is being sent.
    Say(Utterance),
    /// Send no more of what was handed out.
    Hush,
    /// A place of the menu tree was reached.
    Entered(String),
}

/// A sound that goes out, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    pub samples: Arc<[i16]>,
    /// Name of the recording, or the sound in square brackets.
    pub what: String,
    /// The words; empty when there are none.
    pub text: String,
}

/// One call of one hotline.
#[derive(Clone, Debug)]
pub struct Ivr {
    hotline: Arc<Hotline>,
    library: Arc<Library>,
    version: String,
    /// The wall clock of the place it pretends to be in, at `Moment::START`.
    wall: NaiveDateTime,
    chance: Seed,
    /// What is still to be done in the list at hand.
    rest: VecDeque<Action>,
    doing: Doing,
    node: Option<String>,
    tries: u32,
    /// Keys that came while they could not be taken.
    kept: VecDeque<Key>,
    entered: Vec<Key>,
    early: bool,
    answered_at: Option<Moment>,
    over: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Doing {
    Nothing,
    /// Waits, silently or while a sound plays, until then; `None`: for ever.
    Until(Option<Moment>),
    /// An endless or long sound: `next` is when the next piece is due.
    Sounding {
        sound: Loop,
        next: Moment,
        until: Option<Moment>,
    },
    Recording {
        until: Moment,
    },
    AwaitingKey {
        until: Moment,
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Loop {
    what: &'static str,
    period: Arc<[i16]>,
    /// Where in the period the next piece begins.
    at: usize,
}

impl Ivr {
    pub fn new(
        hotline: Arc<Hotline>,
        library: Arc<Library>,
        version: Option<&str>,
        wall: NaiveDateTime,
        seed: &Seed,
    ) -> Ivr {
        let version = version.map_or_else(|| hotline.version.clone(), str::to_string);
        Ivr {
            rest: hotline.pickup.iter().cloned().collect(),
            hotline,
            library,
            version,
            wall,
            chance: seed.fork("line noise"),
            doing: Doing::Nothing,
            node: None,
            tries: 0,
            kept: VecDeque::new(),
            entered: Vec::new(),
            early: false,
            answered_at: None,
            over: false,
        }
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// The place it is in; empty before the answer.
    pub fn node(&self) -> &str {
        self.node.as_deref().unwrap_or("")
    }

    pub fn deadline(&self) -> Option<Moment> {
        if self.over {
            return None;
        }
        let doing = match &self.doing {
            Doing::Nothing => None,
            Doing::Until(until) => *until,
            Doing::Sounding { next, until, .. } => Some(until.map_or(*next, |until| until.min(*next))),
            Doing::Recording { until } | Doing::AwaitingKey { until } => Some(*until),
        };
        [doing, self.drops_at()].into_iter().flatten().min()
    }

    pub fn step(&mut self, now: Moment, input: IvrInput, out: &mut Vec<IvrOutput>) {
        if self.over {
            return;
        }
        match input {
            IvrInput::Begin => self.go_on(now, out),
            IvrInput::Gone => self.over = true,
            IvrInput::Key(key) => self.take_key(now, key, out),
            IvrInput::Tick => self.tick(now, out),
        }
    }

    fn drops_at(&self) -> Option<Moment> {
        Some(self.answered_at? + self.hotline.faults.drops_after?)
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<IvrOutput>) {
        if self.drops_at().is_some_and(|at| now >= at) {
            return self.hang_up(None, out);
        }
        match &mut self.doing {
            Doing::Until(Some(until)) if now >= *until => self.go_on(now, out),
            Doing::Recording { until } if now >= *until => self.go_on(now, out),
            Doing::Sounding { until: Some(until), .. } if now >= *until => self.go_on(now, out),
            Doing::Sounding { next, .. } if now >= *next => self.sound_on(out),
            Doing::AwaitingKey { until } if now >= *until => self.nothing_came(now, out),
            _ => {}
        }
    }

    // What is done, one thing after the other.

    fn go_on(&mut self, now: Moment, out: &mut Vec<IvrOutput>) {
        self.doing = Doing::Nothing;
        for _ in 0..ACTIONS_AT_ONCE_MAX {
            if self.over || self.doing != Doing::Nothing {
                return;
            }
            match self.rest.pop_front() {
                Some(action) => self.act(now, action, out),
                None => self.list_done(now, out),
            }
        }
        // A circle in the file in which no time passes; the reading refuses those it can see.
        self.hang_up(None, out);
    }

    fn act(&mut self, now: Moment, action: Action, out: &mut Vec<IvrOutput>) {
        match action {
            Action::Say(names) => self.say(now, &names, out),
            Action::Human { greets, stays } => {
                // A person lifts the receiver and takes a breath.
                self.rest.push_front(Action::Silence(Some(stays)));
                self.rest.push_front(Action::Say(greets));
                self.rest.push_front(Action::Silence(Some(Duration::from_millis(400))));
            }
            Action::Music(span) => {
                let period = self.library.find("moh").map_or_else(sound::music, |r| r.samples.clone());
                self.sound(now, "[music]", period, span, out);
            }
            Action::Silence(span) => self.silence(now, span, out),
            Action::Ringback(span) => self.tone(now, "[ringback]", Tone::Ringback, span, out),
            Action::Busy(span) => self.tone(now, "[busy]", Tone::Busy, span, out),
            Action::Congestion(span) => self.tone(now, "[congestion]", Tone::Congestion, span, out),
            Action::Sit(code) => self.sound_once(now, "[sit]", sound::sit(code), out),
            Action::Beep => self.sound_once(now, "[beep]", sound::beep(), out),
            Action::Fax => self.sound_once(now, "[fax]", sound::fax(), out),
            Action::Record(most) => {
                let until = now + most;
                self.silence(now, Some(most), out);
                self.doing = Doing::Recording { until };
            }
            Action::Wait(span) => self.doing = Doing::Until(Some(now + span)),
            Action::Ring(span) => {
                out.push(IvrOutput::Ring);
                self.doing = Doing::Until(span.map(|span| now + span));
            }
            Action::Answer => {
                self.answered_at = Some(now);
                out.push(IvrOutput::Answer);
                let top = self.hotline.top.clone();
                self.follow(now, &Next::Node(top), out);
            }
            Action::Refuse(refusal) => {
                self.over = true;
                out.push(IvrOutput::Refuse(refusal));
            }
            Action::PlayDead => {
                self.over = true;
                out.push(IvrOutput::PlayDead);
            }
            Action::HangUp { q850 } => self.hang_up(q850, out),
            Action::GoTo(next) => self.follow(now, &next, out),
            Action::ByTime { ranges, otherwise } => {
                let clock = self.wall + now.since(Moment::START);
                let minute = (clock.hour() * 60 + clock.minute()) as u16;
                let next = ranges.into_iter().find(|(hours, _)| hours.hold(minute)).map_or(otherwise, |(_, next)| next);
                self.follow(now, &next, out);
            }
            Action::ByVersion(by) => {
                let next = by.get(&self.version).or_else(|| by.get(&self.hotline.version)).cloned();
                self.follow(now, &next.unwrap_or(Next::HangUp), out);
            }
        }
    }

    /// Everything on the list is done: wait for a key, or go where the place leads.
    fn list_done(&mut self, now: Moment, out: &mut Vec<IvrOutput>) {
        let Some(node) = self.here() else {
            // A pick-up that never picks up.
            self.doing = Doing::Until(None);
            return;
        };
        if node.keys.is_empty() && node.entry.is_none() {
            let then = node.then.clone();
            return self.follow(now, &then, out);
        }
        let until = now + node.wait;
        self.doing = Doing::AwaitingKey { until };
        self.hum(now, node.wait, out);
        while let Some(key) = self.kept.pop_front() {
            self.take_key(now, key, out);
            if !matches!(self.doing, Doing::AwaitingKey { .. }) {
                break;
            }
        }
    }

    fn follow(&mut self, now: Moment, next: &Next, out: &mut Vec<IvrOutput>) {
        match next {
            Next::Node(name) => {
                let hotline = self.hotline.clone();
                let Some(node) = hotline.node(name) else { return self.hang_up(None, out) };
                self.node = Some(name.clone());
                self.tries = 1;
                self.entered.clear();
                self.rest = node.does.iter().cloned().collect();
                self.doing = Doing::Nothing;
                out.push(IvrOutput::Entered(name.clone()));
            }
            Next::Again => {
                self.rest = self.here().map(|node| node.does.iter().cloned().collect()).unwrap_or_default();
                self.doing = Doing::Nothing;
            }
            Next::Silence => {
                self.rest.clear();
                self.silence(now, None, out);
            }
            Next::HangUp => self.hang_up(None, out),
            Next::Ignore => {}
        }
    }

    fn hang_up(&mut self, q850: Option<u16>, out: &mut Vec<IvrOutput>) {
        self.over = true;
        out.push(IvrOutput::HangUp { q850 });
    }

    fn here(&self) -> Option<Arc<Node>> {
        let name = self.node.as_deref()?;
        self.hotline.node(name).cloned().map(Arc::new)
    }

    // Keys.

    fn take_key(&mut self, now: Moment, key: Key, out: &mut Vec<IvrOutput>) {
        if self.hotline.faults.deaf {
            return;
        }
        let Some(node) = self.here() else { return };
        if let Doing::Recording { .. } = self.doing {
            if key.symbol() == '#' {
                out.push(IvrOutput::Hush);
                self.go_on(now, out);
            }
            return;
        }
        let awaiting = matches!(self.doing, Doing::AwaitingKey { .. });
        if !awaiting && !node.barge_in {
            self.kept.push_back(key);
            return;
        }
        match node.keys.get(&key) {
            Some(Next::Ignore) => {}
            Some(next) => {
                let next = next.clone();
                out.push(IvrOutput::Hush);
                self.follow(now, &next, out);
                if self.doing == Doing::Nothing {
                    self.go_on(now, out);
                }
            }
            None if node.entry.is_some() => self.enter(now, key, &node, out),
            // A place that asks for nothing does not listen.
            None if node.keys.is_empty() => {}
            None => {
                out.push(IvrOutput::Hush);
                self.once_more(now, node.invalid.clone(), &node, out);
            }
        }
    }

    fn enter(&mut self, now: Moment, key: Key, node: &Node, out: &mut Vec<IvrOutput>) {
        let Some(entry) = &node.entry else { return };
        let ended = entry.end == Some(key);
        if !ended {
            self.entered.push(key);
        }
        out.push(IvrOutput::Hush);
        if ended || self.entered.len() >= entry.keys_max {
            self.follow(now, &entry.then, out);
            if self.doing == Doing::Nothing {
                self.go_on(now, out);
            }
        } else {
            self.rest.clear();
            self.doing = Doing::AwaitingKey { until: now + node.wait };
        }
    }

    fn nothing_came(&mut self, now: Moment, out: &mut Vec<IvrOutput>) {
        if let Some(node) = self.here() {
            self.once_more(now, node.nothing.clone(), &node, out);
        }
    }

    /// Says why, and the prompt again; or gives up when that was often enough.
    fn once_more(&mut self, now: Moment, why: Vec<String>, node: &Node, out: &mut Vec<IvrOutput>) {
        self.rest.clear();
        self.entered.clear();
        if !why.is_empty() {
            self.rest.push_back(Action::Say(why));
        }
        if self.tries >= node.tries {
            self.rest.push_back(Action::GoTo(node.gives_up.clone()));
        } else {
            self.tries += 1;
            self.rest.extend(node.does.iter().cloned());
        }
        self.go_on(now, out);
    }

    // Sounds.

    fn say(&mut self, now: Moment, names: &[String], out: &mut Vec<IvrOutput>) {
        let mut length = Duration::ZERO;
        for name in names {
            let parts = match self.hotline.prompts.get(name) {
                Some(parts) => parts.clone(),
                None => vec![Part::Recording(name.clone())],
            };
            for part in parts {
                let (what, text, samples) = match &part {
                    Part::Pause(span) => ("[pause]".to_string(), String::new(), sound::silence(*span)),
                    Part::Recording(name) | Part::File { path: name, .. } => match self.library.find(name) {
                        Some(recording) => (name.clone(), recording.text.clone(), recording.samples.clone()),
                        // Whoever loads the library refuses to start without it.
                        None => (name.clone(), String::new(), sound::silence(Duration::from_secs(1))),
                    },
                };
                length += sound::length_of(&samples);
                self.hand_out(samples, what, text, out);
            }
        }
        self.doing = Doing::Until(Some(now + length));
    }

    fn silence(&mut self, now: Moment, span: Option<Duration>, out: &mut Vec<IvrOutput>) {
        if self.hotline.faults.noise_dbov.is_some() {
            self.sound(now, "[silence]", sound::silence(Duration::from_secs(2)), span, out);
        } else {
            // Nothing to say is silence on the wire too.
            self.early_media(out);
            self.doing = Doing::Until(span.map(|span| now + span));
        }
    }

    /// Line noise while a key is awaited, where there is any.
    fn hum(&mut self, _now: Moment, span: Duration, out: &mut Vec<IvrOutput>) {
        if self.hotline.faults.noise_dbov.is_some() {
            self.hand_out(sound::silence(span), "[silence]".into(), String::new(), out);
        }
    }

    fn tone(&mut self, now: Moment, what: &'static str, tone: Tone, span: Option<Duration>, out: &mut Vec<IvrOutput>) {
        let period = sound::tone(&self.hotline.country, tone);
        self.sound(now, what, period, span, out);
    }

    fn sound_once(&mut self, now: Moment, what: &'static str, samples: Arc<[i16]>, out: &mut Vec<IvrOutput>) {
        let length = sound::length_of(&samples);
        self.hand_out(samples, what.to_string(), String::new(), out);
        self.doing = Doing::Until(Some(now + length));
    }

    fn sound(
        &mut self,
        now: Moment,
        what: &'static str,
        period: Arc<[i16]>,
        span: Option<Duration>,
        out: &mut Vec<IvrOutput>,
    ) {
        let until = span.map(|span| now + span);
        self.doing = Doing::Sounding { sound: Loop { what, period, at: 0 }, next: now, until };
        self.sound_on(out);
    }

    /// Hands out the next piece of an endless sound.
    fn sound_on(&mut self, out: &mut Vec<IvrOutput>) {
        let Doing::Sounding { sound, next, until } = &mut self.doing else { return };
        let span = until.map_or(PIECE, |until| until.since(*next).min(PIECE));
        let piece: Vec<i16> =
            sound.period.iter().cycle().skip(sound.at).take(sound::samples_in(span)).copied().collect();
        sound.at = (sound.at + piece.len()) % sound.period.len().max(1);
        let what = sound.what.to_string();
        *next += span;
        if !piece.is_empty() {
            self.hand_out(piece.into(), what, String::new(), out);
        }
    }

    fn early_media(&mut self, out: &mut Vec<IvrOutput>) {
        if self.answered_at.is_none() && !self.early {
            self.early = true;
            out.push(IvrOutput::Early);
        }
    }

    fn hand_out(&mut self, samples: Arc<[i16]>, what: String, text: String, out: &mut Vec<IvrOutput>) {
        self.early_media(out);
        let samples = self.spoilt(samples);
        out.push(IvrOutput::Say(Utterance { samples, what, text }));
    }

    /// What the faults make of a sound: nothing, noise in it, louder, softer.
    fn spoilt(&mut self, samples: Arc<[i16]>) -> Arc<[i16]> {
        let faults = &self.hotline.faults;
        if faults.media == MediaFault::Silent {
            return vec![0; samples.len()].into();
        }
        if faults.noise_dbov.is_none() && faults.gain_db.is_none() {
            return samples;
        }
        let gain = 10f32.powf(faults.gain_db.unwrap_or(0.0) / 20.0);
        let noise = faults.noise_dbov.map(|dbov| sound::noise(samples.len(), dbov, &mut self.chance));
        samples
            .iter()
            .enumerate()
            .map(|(i, &s)| {
                let under = noise.as_ref().map_or(0.0, |noise| f32::from(noise[i]));
                (f32::from(s) * gain + under).clamp(-32_768.0, 32_767.0) as i16
            })
            .collect::<Vec<_>>()
            .into()
    }
}
