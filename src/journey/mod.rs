//! One caller on one hotline: line, ears and script, as one pure machine.
//!
//! Same inputs at the same moments, same keys, same findings, same verdict. The edge writes every input on the tape
//! before it is stepped; `record::replay` steps the tape again.

mod attention;
pub mod callback;
mod effect;
pub mod explore;
mod glance;
pub mod guard;
mod human;
mod pilot;
mod recall;
mod script;
pub mod settings;

pub use attention::{Attention, Prompt, Words};
pub use glance::{Glance, glance};
pub use settings::Settings;

pub use crate::call::line::Asked;
use crate::call::line::{Line, LineEvent, LineInput, LineOutput, LineSettings};
pub use crate::call::sip::Granted;
use crate::call::sip::{CallerSettings, Credentials};
use crate::hearing::Ears;
use crate::hearing::prompts;
use crate::hearing::prompts::known::{KnownPrompt, Lesson};
use crate::hearing::words::{RawHearing, interpret};
use crate::understanding::{self, Context, judge};
use crate::vocabulary::print::Recall;
use crate::vocabulary::trace::{EndedBy, Meaning, OurReason};
use crate::vocabulary::{
    Clip, ClipId, Event, FRAME_SAMPLES, Frame, HeardKind, Hearing, Judgement, Key, Lang, Moment, Print, PrintId, Seed,
    Sketch, Trace, Transcript, What, limits,
};
use explore::Explorer;
use pilot::Pilot;
use recall::{Recollection, placed};
use script::{Act, Scene, Script};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Words that have not come back this long after the call are given up: our fault, not the hotline's.
const WORDS_GIVEN_UP: Duration = Duration::from_secs(180);

/// A sentence to say to a person who answered ("automated line check, no action needed"), when the user has one.
pub const COURTESY_FILE: &str = "courtesy.wav";
/// However long that sentence is, a person is not kept longer.
const FAREWELL_TIME: Duration = Duration::from_secs(6);

/// What a person hears of a machine that has no voice of its own: three short tones.
fn three_tones() -> Arc<[i16]> {
    let one = crate::hearing::tones::render("800/120,130", -20.0).unwrap_or_default();
    [one.as_slice(); 3].concat().into()
}

/// What can reach a caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Dial,
    Sip {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Rtp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Rtcp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// The network says the far end cannot be reached.
    Unreachable {
        detail: String,
    },
    /// The connection to or from there is gone: what goes over streams may go over another one.
    Lost {
        peer: SocketAddr,
        detail: String,
    },
    /// Something is told of the call back that is waited for.
    CalledBack(callback::Back),
    /// Our answer to `Output::Permit`.
    Permit {
        asked: Asked,
        target: String,
        granted: Result<Granted, String>,
    },
    /// A transcription came back. An error is our own fault, in words for people.
    Heard {
        clip: ClipId,
        result: Result<RawHearing, String>,
    },
    /// The known prompts that `Output::Recall` may mean, at most a few; none where nothing is known.
    Recalled {
        prompts: Vec<KnownPrompt>,
    },
    /// We break the call off: `OurReason::Interrupted` or `OurReason::OurFault` with what happened.
    Interrupt {
        why: OurReason,
        detail: String,
    },
    /// Our own trouble that the call survives (we were starved of time, a write was slow).
    Trouble {
        detail: String,
    },
    Tick,
}

/// What a caller wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    SendSip {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    SendRtp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    SendRtcp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// The far side names another target to call. Whether the allow list has it, a budget is left for it and where it is:
    /// the answer is `Input::Permit`.
    Permit {
        asked: Asked,
        target: String,
    },
    /// To be written down in words; the answer is `Input::Heard`.
    Transcribe(Clip),
    /// Was this heard before? The answer is `Input::Recalled`, at once; without one, all is new.
    Recall(Recall),
    /// For the recording: what they said, what we said.
    TheySaid {
        at: Moment,
        frame: Frame,
    },
    WeSaid {
        at: Moment,
        frame: Frame,
    },
    Pressed(Key),
    Event(Event),
    /// The call is over and judged. Nothing comes after it.
    Done(Box<Judgement>),
}

pub struct Journey {
    settings: Settings,
    context: Context,
    line: Line,
    ears: Ears,
    attention: Attention,
    recollection: Recollection,
    pilot: Pilot,
    trace: Trace,
    sounds: BTreeMap<String, Arc<[i16]>>,
    /// Where the clips began whose words are awaited.
    clip_began: BTreeMap<ClipId, Moment>,
    answered: Option<Moment>,
    ended: Option<(Moment, EndedBy)>,
    /// Where the last frame heard ended.
    heard_until: Option<Moment>,
    /// The line is closed since.
    closed: Option<Moment>,
    hanging_up: bool,
    /// A person is being told that this was a machine; by then at the latest the line is hung up.
    farewell_until: Option<Moment>,
    script_deadline: Option<Moment>,
    /// The script was asked for the last time.
    concluded: bool,
    waiting: callback::Waiting,
    /// The last key was pressed into a known prompt, whose clip ends where its sound does.
    key_stops_prompt: bool,
    /// The clip of such a prompt, where it must be written down all the same.
    pressed_into: Option<ClipId>,
    /// Reused every step.
    from_line: Vec<LineOutput>,
    done: bool,
    judgement: Option<Judgement>,
}

impl Journey {
    /// `password` answers challenges for `settings.username`; `sounds` are the files that `say` steps play.
    pub fn new(
        settings: Settings,
        password: Option<String>,
        sounds: BTreeMap<String, Arc<[i16]>>,
        seed: &Seed,
    ) -> Result<Journey, String> {
        let steps = settings
            .script()
            .map_err(|problems| problems.iter().map(|p| p.to_string()).collect::<Vec<_>>().join("\n"))?;
        let (ring_limit, call_limit) = guard::bounded(
            Duration::from_millis(settings.ring_limit_ms),
            Duration::from_millis(settings.call_limit_ms),
        );
        let credentials =
            settings.username.clone().map(|username| Credentials { username, password: password.unwrap_or_default() });
        let caller = CallerSettings {
            target_uri: settings.target.clone(),
            remote: settings.remote,
            local_sip: settings.local_sip,
            from_user: settings.from_user.clone(),
            from_display: settings.from_display.clone(),
            credentials,
            user_agent: concat!("nightbell/", env!("CARGO_PKG_VERSION")).to_string(),
            way: settings.way(),
        };
        let line = LineSettings {
            caller,
            local_rtp: settings.local_rtp,
            codecs: settings.codecs(),
            keys: settings.keys,
            srtp: settings.srtp,
            follow_refer: settings.follow_refer,
            called: settings.called.is_some(),
            ring_limit,
            call_limit,
        };
        Ok(Journey {
            context: settings.context(),
            line: Line::new(line, seed.fork("line")),
            ears: Ears::new(settings.tones.as_deref()),
            attention: Attention::default(),
            recollection: Recollection::default(),
            pilot: match settings.explore.clone() {
                Some(errand) => Pilot::Explorer(Box::new(Explorer::new(*errand))),
                None => Pilot::Script(Box::new(Script::new(steps, settings.goes_on_with_people))),
            },
            trace: Trace::default(),
            sounds,
            clip_began: BTreeMap::new(),
            answered: None,
            ended: None,
            heard_until: None,
            closed: None,
            hanging_up: false,
            farewell_until: None,
            script_deadline: None,
            concluded: false,
            waiting: Default::default(),
            key_stops_prompt: false,
            pressed_into: None,
            from_line: Vec::new(),
            done: false,
            judgement: None,
            settings,
        })
    }

    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn judgement(&self) -> Option<&Judgement> {
        self.judgement.as_ref()
    }

    /// What the next call may know of the prompts that this one heard.
    pub fn lessons(&self) -> Vec<Lesson> {
        let person = self.trace.events.iter().find_map(|event| match event.what {
            What::Human { from, .. } => Some(from),
            _ => None,
        });
        self.recollection.lessons(person)
    }

    /// What a mapping call found out.
    pub fn explored(&self) -> Option<&Explorer> {
        match &self.pilot {
            Pilot::Explorer(explorer) => Some(explorer),
            Pilot::Script(_) => None,
        }
    }

    pub fn call_id(&self) -> &str {
        self.line.call_id()
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        if self.done {
            return None;
        }
        let words = self.closed.filter(|_| self.attention.clips_waiting() > 0).map(|at| at + WORDS_GIVEN_UP);
        let line = self.line.deadline().filter(|_| !self.concluded);
        [line, self.script_deadline, words, self.farewell_until, self.waiting_until()].into_iter().flatten().min()
    }

    /// When the next sound packet is due: the one moment that must be kept to the millisecond.
    pub fn sends_at(&self) -> Option<Moment> {
        if self.done { None } else { self.line.sends_at() }
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: Input, out: &mut Vec<Output>) {
        if self.done {
            return;
        }
        // A script looks at the scene only when something changed: reading a prompt costs more than a frame may.
        let mut look = self.script_deadline.is_some_and(|at| now >= at);
        let mut line_out = std::mem::take(&mut self.from_line);
        match input {
            Input::Dial => {
                match &self.settings.called {
                    Some(called) => self.tell(now, What::CalledBy { from: called.from.clone() }, out),
                    None => self.tell(now, What::Dialled { target: self.settings.target.clone() }, out),
                }
                if let Some(first) = self.settings.places.first() {
                    let (address, found) = (first.address.to_string(), first.found.clone());
                    self.tell(now, What::Place { address, found, left: None }, out);
                }
                self.line.step(now, LineInput::Dial, &mut line_out);
            }
            Input::Sip { from, bytes } => self.line.step(now, LineInput::Sip { from, bytes }, &mut line_out),
            Input::Rtp { from, bytes } => self.line.step(now, LineInput::Rtp { from, bytes }, &mut line_out),
            Input::Rtcp { from, bytes } => self.line.step(now, LineInput::Rtcp { from, bytes }, &mut line_out),
            Input::Unreachable { detail } => self.line.step(now, LineInput::Unreachable { detail }, &mut line_out),
            Input::Lost { peer, detail } => self.line.step(now, LineInput::Lost { peer, detail }, &mut line_out),
            Input::Permit { asked, target, granted } => {
                self.line.step(now, LineInput::Permit { asked, target, granted }, &mut line_out);
            }
            Input::CalledBack(back) => self.called_back(now, back, out),
            Input::Heard { clip, result } => {
                self.understand(now, clip, result, out);
                self.look_for_code(now, out);
                look = true;
            }
            Input::Recalled { prompts } => {
                let prints = self.recollection.recalled(prompts);
                self.ears.recalled(prints);
            }
            Input::Interrupt { why, detail } => {
                self.stop_waiting(now, &detail, out);
                if why == OurReason::OurFault {
                    self.tell(now, What::OurFault { detail }, out);
                }
                self.pilot.over();
                self.hang_up(now, why, &mut line_out, out);
            }
            Input::Trouble { detail } => self.tell(now, What::OurFault { detail }, out),
            Input::Tick => self.line.step(now, LineInput::Tick, &mut line_out),
        }
        if self.farewell_until.is_some_and(|until| now >= until) {
            self.farewell_until = None;
            self.line.step(now, LineInput::HangUp, &mut line_out);
        }
        look |= self.follow(now, &mut line_out, out);
        self.from_line = line_out;
        while look && self.closed.is_none() {
            look = self.consult_script(now, out);
        }
        self.finish(now, out);
    }

    /// Acts on what the line did; true when the script should look.
    fn follow(&mut self, now: Moment, line_out: &mut Vec<LineOutput>, out: &mut Vec<Output>) -> bool {
        let mut look = false;
        for output in line_out.drain(..) {
            match output {
                LineOutput::SendSip { to, bytes } => out.push(Output::SendSip { to, bytes }),
                LineOutput::SendRtp { to, bytes } => out.push(Output::SendRtp { to, bytes }),
                LineOutput::SendRtcp { to, bytes } => out.push(Output::SendRtcp { to, bytes }),
                LineOutput::Permit { asked, target } => out.push(Output::Permit { asked, target }),
                LineOutput::Heard { at, frame } => {
                    let mut hearings = Vec::new();
                    self.ears.frame(at, &frame, &mut hearings);
                    self.heard_until = Some(at + Duration::from_millis(crate::vocabulary::FRAME_MS));
                    out.push(Output::TheySaid { at, frame });
                    look |= self.hear(now, hearings, out);
                }
                LineOutput::Said { at, frame } => out.push(Output::WeSaid { at, frame }),
                LineOutput::Event(event) => {
                    self.note(now, event, out);
                    look = true;
                }
            }
        }
        look
    }

    fn hear(&mut self, now: Moment, hearings: Vec<Hearing>, out: &mut Vec<Output>) -> bool {
        let changed = !hearings.is_empty();
        let mut spoken = None;
        for hearing in hearings {
            if let Hearing::Sound { from, to, kind: HeardKind::Speech, ended: true, .. } = &hearing {
                spoken = Some((*from, *to));
            }
            self.attention.hear(&hearing);
            match hearing {
                Hearing::Clip(clip) if !self.settings.deaf => {
                    // A clip begins a little before its first word; what is told and compared is when somebody spoke.
                    let spoken = spoken.unwrap_or((clip.from, clip.to));
                    self.hear_clip(now, clip, spoken, out);
                }
                Hearing::Sound { from, to, kind, ended: true, detail } if kind != HeardKind::Speech => {
                    self.tell(now, What::Sound { from, to, kind, detail }, out);
                }
                Hearing::Recall { asked, .. } if !self.settings.deaf => out.push(Output::Recall(asked)),
                Hearing::Recognised { from, ids } => self.recognise(now, from, &ids, out),
                Hearing::Print { clip, print, followed } => self.recollection.sounded(clip, print, followed),
                _ => {}
            }
        }
        changed
    }

    fn hear_clip(&mut self, now: Moment, clip: Clip, (from, to): (Moment, Moment), out: &mut Vec<Output>) {
        let heard = self.recollection.clip(clip.id, (from, to), self.expected_lang());
        if let Some(finding) = heard.finding {
            self.tell(now, What::Found(finding), out);
        }
        if let Some(id) = heard.id {
            self.tell(now, What::Printed { from, to, id, known: heard.words.is_some() }, out);
        }
        if self.explored().is_some()
            && let Some(sketch) = self.sketch(&clip, heard.sound.as_deref())
        {
            self.attention.sounded(clip.id, sketch);
        }
        if let Some(words) = heard.words.filter(|_| !heard.to_write_down) {
            let words = self.read(now, (from, to), placed(words, clip.from), out);
            let pressed_into = std::mem::take(&mut self.key_stops_prompt);
            self.attention.understand(clip.id, Some(Words { pressed_into, ..words }));
            return;
        }
        if self.attention.clips_waiting() >= limits::CLIPS_WAITING_MAX {
            let detail = "transcription fell behind; a clip was not written down".into();
            return self.tell(now, What::OurFault { detail }, out);
        }
        self.attention.expect_words(clip.id, (from, to));
        if std::mem::take(&mut self.key_stops_prompt) {
            self.pressed_into = Some(clip.id);
        }
        self.clip_began.insert(clip.id, clip.from);
        out.push(Output::Transcribe(clip));
    }

    /// How a clip sounded that was heard to its end: as the prompt that it is, or by itself where only the end of the call or
    /// its own length cut it off.
    fn sketch(&self, clip: &Clip, sound: Option<&Print>) -> Option<Sketch> {
        if sound.is_none() && (clip.cut || self.ended.is_some()) {
            let frames = clip.samples.len() / FRAME_SAMPLES + 1;
            return Some(Sketch::of(&prompts::sound::print(&clip.samples, &vec![false; frames], (0, 0), None)));
        }
        sound.map(Sketch::of)
    }

    /// What is being said was heard before: told while it is said, so that whoever watches sees it.
    fn recognise(&mut self, now: Moment, from: Moment, ids: &[PrintId], out: &mut Vec<Output>) {
        let Some((id, words)) = self.recollection.recognised(ids, self.expected_lang()) else { return };
        if self.explored().is_some() {
            let transcript = placed(words.clone(), from);
            let context = Context { lang: Some(transcript.lang), ..self.context.clone() };
            let reading = understanding::read(&transcript.text, &context);
            self.attention.foresee(Words { from, to: now, transcript, reading, pressed_into: false, sketch: None });
        }
        self.tell(now, What::Recognised { from, id, text: words.text }, out);
    }

    fn expected_lang(&self) -> Lang {
        self.settings.languages.first().copied().unwrap_or(Lang::En)
    }

    fn understand(&mut self, now: Moment, id: ClipId, result: Result<RawHearing, String>, out: &mut Vec<Output>) {
        let Some((from, to)) = self.attention.clip_span(id) else { return };
        let began = self.clip_began.remove(&id).unwrap_or(from);
        match result {
            Ok(raw) => {
                let expected = self.expected_lang();
                let together = self.recollection.written_down(id, &raw).and_then(|known| known.words(expected));
                let transcript = together.unwrap_or_else(|| interpret(&raw, expected));
                let words = self.read(now, (from, to), placed(transcript, began), out);
                let pressed_into = self.pressed_into == Some(id);
                self.attention.understand(id, Some(Words { pressed_into, ..words }));
            }
            Err(detail) => {
                self.attention.understand(id, None);
                self.tell(
                    now,
                    What::OurFault {
                        detail: format!("what was said from {from} to {to} s could not be written down: {detail}"),
                    },
                    out,
                );
            }
        }
    }

    /// Words with what they mean, told.
    fn read(
        &mut self,
        now: Moment,
        (from, to): (Moment, Moment),
        transcript: Transcript,
        out: &mut Vec<Output>,
    ) -> Words {
        let context = Context { lang: Some(transcript.lang), ..self.context.clone() };
        let reading = understanding::read(&transcript.text, &context);
        let meaning = Meaning {
            kind: reading.kind.word().to_string(),
            // Keys that only the order of the others tells were not heard.
            options: reading
                .options
                .iter()
                .filter(|o| o.is_heard())
                .map(|o| (o.key.to_string(), o.label.clone()))
                .collect(),
        };
        self.tell(now, What::Words { from, to, transcript: transcript.clone(), meaning }, out);
        Words { from, to, transcript, reading, pressed_into: false, sketch: None }
    }

    fn note(&mut self, now: Moment, event: LineEvent, out: &mut Vec<Output>) {
        let what = match event {
            LineEvent::Trying => What::Trying,
            LineEvent::Challenged { status } => What::Authenticated { status },
            LineEvent::NextPlace { place, left } => {
                What::Place { address: place.address.to_string(), found: place.found, left: Some(left) }
            }
            LineEvent::Provisional { status, reason, early_media_offered } => {
                What::Provisional { status, reason, early_media_offered }
            }
            LineEvent::EarlyMedia => What::EarlyMedia,
            LineEvent::Answered { codec, telephone_event, srtp, .. } => {
                self.answered = Some(now);
                self.attention.answered(now);
                self.tell(
                    now,
                    What::Answered { codec: codec.map_or("none", |c| c.name()).to_string(), telephone_event },
                    out,
                );
                if let Some(suite) = srtp {
                    self.tell(now, What::Secured { suite: suite.to_string() }, out);
                }
                let mut acts = Vec::new();
                self.pilot.answered(now, &mut acts);
                for act in acts {
                    if let Act::Tell(what) = act {
                        self.tell(now, what, out);
                    }
                }
                return;
            }
            LineEvent::MediaFailed { detail } => What::MediaFailed { detail },
            LineEvent::HangingUp { why } => {
                self.hanging_up = true;
                What::HangingUp { why }
            }
            LineEvent::FirstMedia => What::FirstMedia,
            LineEvent::KeySent { key, method, from, to } => {
                let mut acts = Vec::new();
                self.pilot.key_sent(key, from, to, method, &mut acts);
                for act in acts {
                    if let Act::Tell(what) = act {
                        self.tell(now, what, out);
                    }
                }
                if self.explored().is_some() && !self.key_stops_prompt {
                    // What follows the key is another prompt's: it must not share a clip with the last syllables of this one.
                    let mut hearings = Vec::new();
                    self.ears.split(&mut hearings);
                    self.hear(now, hearings, out);
                }
                return;
            }
            LineEvent::KeyRefused { key, status } => {
                let answer = status.map_or("no answer".to_string(), |status| status.to_string());
                let detail = format!("key {key} could not be sent: the far side takes no INFO with keys ({answer})");
                self.tell(now, What::OurFault { detail }, out);
                // Without its key the call goes nowhere; the next step of time hangs up.
                if !self.hanging_up {
                    self.hanging_up = true;
                    self.pilot.over();
                    self.tell(now, What::HangingUp { why: OurReason::OurFault }, out);
                    self.farewell_until = Some(now);
                }
                return;
            }
            LineEvent::SaidAll => {
                self.pilot.said_all();
                // The next step of time hangs up: what a machine does about an event is never done inside it.
                self.farewell_until = self.farewell_until.map(|_| now);
                return;
            }
            LineEvent::FarKey { key } => {
                self.tell(now, What::FarKey { key }, out);
                return self.look_for_code(now, out);
            }
            LineEvent::FarRefer { to } => What::FarRefer { to },
            LineEvent::Transfer { to, state } => What::Transfer { to, state },
            LineEvent::Redirected { status, to, refused } => What::Redirected { status, to, refused },
            LineEvent::Rejected { status, reason, q850 } => What::Rejected { status, reason, q850 },
            LineEvent::AuthFailed { status, reason } => What::AuthFailed { status, reason },
            LineEvent::NoResponse => What::NoResponse,
            LineEvent::TransportFailed { detail } => What::TransportFailed { detail },
            LineEvent::Ended { by, status, reason, q850 } => {
                if self.ended.is_some() {
                    return;
                }
                self.ended = Some((now, by));
                What::Ended { by, status, reason, q850 }
            }
            LineEvent::Media(report) => What::Media(report),
            // After this only retransmissions are answered: nothing that is judged can still come.
            LineEvent::Settled | LineEvent::Closed => {
                if self.closed.is_some() {
                    return;
                }
                self.closed = Some(now);
                // The script is not asked any more: a time it still waited for would be due for ever.
                self.script_deadline = None;
                self.ended.get_or_insert((now, EndedBy::Them));
                let mut hearings = Vec::new();
                self.ears.finish(self.heard_until.unwrap_or(now), &mut hearings);
                self.hear(now, hearings, out);
                return;
            }
        };
        self.tell(now, what, out);
    }

    /// Lets the script look and does what it wants; true when it should look again.
    fn consult_script(&mut self, now: Moment, out: &mut Vec<Output>) -> bool {
        let mut acts = Vec::new();
        let scene = Scene {
            now,
            attention: &self.attention,
            context: &self.context,
            key_methods: self.line.key_methods(),
            answered: self.answered,
            ended: self.ended,
        };
        self.pilot.consider(&scene, &mut acts);
        self.script_deadline = self.pilot.deadline(&scene);
        let mut line_out = Vec::new();
        for act in acts {
            match act {
                Act::Tell(what) => self.tell(now, what, out),
                Act::Press { key, method } => {
                    out.push(Output::Pressed(key));
                    let mut hearings = Vec::new();
                    // A probe's script cuts here, known or not: what it measures must not depend on what is remembered.
                    self.key_stops_prompt = self.explored().is_some() && self.ears.split_where_it_stops(&mut hearings);
                    if self.explored().is_none() {
                        self.ears.split(&mut hearings);
                    }
                    self.hear(now, hearings, out);
                    self.recollection.pressed(key, self.key_stops_prompt);
                    self.line.step(now, LineInput::Press { key, method }, &mut line_out);
                }
                Act::Say(file) => match self.sounds.get(&file) {
                    Some(samples) => self.line.step(now, LineInput::Say { samples: samples.clone() }, &mut line_out),
                    None => {
                        self.tell(now, What::OurFault { detail: format!("the sound file {file} was not loaded") }, out);
                        self.pilot.said_all();
                    }
                },
                Act::HangUp(why) => self.hang_up(now, why, &mut line_out, out),
            }
        }
        self.follow(now, &mut line_out, out)
    }

    fn hang_up(&mut self, now: Moment, why: OurReason, line_out: &mut Vec<LineOutput>, out: &mut Vec<Output>) {
        if self.hanging_up || self.closed.is_some() {
            return;
        }
        self.hanging_up = true;
        self.tell(now, What::HangingUp { why }, out);
        if why == OurReason::Courtesy {
            // A call that ends without a sound would be a silent call to whoever picked up.
            self.farewell_until = Some(now + FAREWELL_TIME);
            let samples = self.sounds.get(COURTESY_FILE).cloned().unwrap_or_else(three_tones);
            self.line.step(now, LineInput::StopSaying, line_out);
            self.line.step(now, LineInput::Say { samples }, line_out);
            return;
        }
        self.line.step(now, LineInput::HangUp, line_out);
    }

    /// The last words are waited for, then all is judged.
    fn finish(&mut self, now: Moment, out: &mut Vec<Output>) {
        let Some(closed) = self.closed else { return };
        if self.attention.clips_waiting() > 0 {
            if now < closed + WORDS_GIVEN_UP {
                return;
            }
            self.tell(now, What::OurFault { detail: "transcription did not come back".into() }, out);
        }
        if !std::mem::replace(&mut self.concluded, true) {
            self.conclude(now, out);
        }
        if self.waits_for_call(now, out) {
            return;
        }
        self.done = true;
        let mut judgement = judge(&self.trace, self.settings.expectation().as_ref(), &self.context);
        if let Some(map) = &self.settings.map {
            judgement.findings.extend(understanding::tree::expected::deviations(&self.trace, map, &self.context));
            judgement.findings.sort_by_key(|f| (f.from, f.kind));
        }
        if self.explored().is_some() && self.answered.is_some() {
            // Walking round in a menu is what a mapping does: what is wrong with the menu stands in the map.
            judgement = explore::judged(judgement, &self.trace);
        }
        self.judgement = Some(judgement.clone());
        out.push(Output::Done(Box::new(judgement)));
    }

    /// The script is asked for the last time.
    fn conclude(&mut self, now: Moment, out: &mut Vec<Output>) {
        let mut acts = Vec::new();
        let scene = Scene {
            now,
            attention: &self.attention,
            context: &self.context,
            key_methods: self.line.key_methods(),
            answered: self.answered,
            ended: self.ended,
        };
        self.pilot.consider(&scene, &mut acts);
        self.pilot.conclude(&scene, &mut acts);
        for act in acts {
            if let Act::Tell(what) = act {
                self.tell(now, what, out);
            }
        }
    }

    fn tell(&mut self, at: Moment, what: What, out: &mut Vec<Output>) {
        let event = Event { at, what };
        self.trace.events.push(event.clone());
        out.push(Output::Event(event));
    }
}
