//! A tape again: the same journey without network, clock or model, and where it first differs when it does.

use super::call::{CallFacts, CallRecord, Evidence};
use super::known_prompts;
use super::tape::{Line, Tape, TapeInput, TapeOutput, sha256_hex};
use crate::hearing::words::RawHearing;
use crate::journey::{Asked, Granted, Input, Journey, Output, Settings};
use crate::understanding::judge;
use crate::vocabulary::trace::OurReason;
use crate::vocabulary::{ClipId, Frame, Judgement, Lang, Moment, Outcome, Seed, Trace, Verdict, What};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A tape played again.
pub struct Replayed {
    pub trace: Trace,
    pub judgement: Judgement,
    pub record: CallRecord,
    pub settings: Settings,
    /// The first thing that came out otherwise than it stands on the tape.
    pub difference: Option<Difference>,
    /// From here on another key was pressed than stands on the tape, or none: what follows was said to somebody else.
    pub another_way: Option<Moment>,
    /// What could not be read of the tape, for people.
    pub damage: Option<String>,
    pub inputs: usize,
}

/// Where a replay left the tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub at: Moment,
    pub on_tape: String,
    pub replayed: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the replay first differs at {} s\n  on the tape: {}\n  replayed:    {}",
            self.at, self.on_tape, self.replayed
        )
    }
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    Sip,
    Rtp,
    Rtcp,
}

/// A packet of the call as it passes between our end and theirs.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    pub at: Moment,
    pub outgoing: bool,
    pub traffic: Traffic,
    pub peer: SocketAddr,
    pub bytes: &'a [u8],
}

/// Where sound, and packets, go while a tape is played again.
pub trait SoundSink {
    fn they_said(&mut self, at: Moment, frame: &Frame);
    fn we_said(&mut self, at: Moment, frame: &Frame);
    fn packet(&mut self, _packet: &Packet) {}
}

/// Nobody listens.
impl SoundSink for () {
    fn they_said(&mut self, _: Moment, _: &Frame) {}
    fn we_said(&mut self, _: Moment, _: &Frame) {}
}

/// Words that are heard anew are there at once; at the time they took a while, and the key that waited for them with them.
const SAME_PRESS: Duration = Duration::from_secs(4);

/// Hears a clip anew, for `--rehear`.
pub type Rehear<'a> = &'a mut dyn FnMut(&crate::vocabulary::Clip) -> Result<RawHearing, String>;

/// Plays `tape` (whose bytes are `bytes`) again. With `rehear`, clips are transcribed anew instead of read off the tape,
/// and nothing is compared.
pub fn replay(
    tape: &Tape,
    bytes: &[u8],
    paths: Evidence,
    mut rehear: Option<Rehear>,
    sink: &mut dyn SoundSink,
) -> Result<Replayed, String> {
    let settings: Settings = serde_json::from_value(tape.header.settings.clone())
        .map_err(|e| format!("the settings on the tape cannot be read: {e}"))?;
    let mut sounds: BTreeMap<String, Arc<[i16]>> = BTreeMap::new();
    for entry in &tape.entries {
        if let Some(TapeInput::Sound { name, samples }) = entry.input() {
            sounds.insert(name.to_string(), TapeInput::samples(&samples).into());
        }
    }
    let mut journey = Journey::new(settings.clone(), None, sounds, &Seed::new(tape.header.seed))?;
    // What was taken out cannot be heard again: behind it, nothing is compared.
    let redacted_from = tape.header.redacted_from_ms.map(Moment::from_millis);
    // Without its sound a call goes otherwise from the start.
    let kept = tape.header.kept.filter(|kept| !kept.keeps_sound());
    let until = if kept.is_some() { Some(Moment::START) } else { redacted_from };
    let mut comparison = Comparison { until, ..Comparison::default() };
    let (mut pressed, mut presses) = (Vec::new(), Vec::new());
    let mut inputs = 0;
    let mut dialled = false;
    let mut out = Vec::new();
    for entry in &tape.entries {
        match entry.line() {
            Line::Out(output) => {
                // What was really sent: a replay answers challenges with a stand-in.
                if let TapeOutput::Sip { to, bytes } = &output {
                    let (at, peer) = (entry.at, *to);
                    sink.packet(&Packet { at, outgoing: true, traffic: Traffic::Sip, peer, bytes });
                }
                if let TapeOutput::Key(key) = &output {
                    pressed.push((entry.at, key.to_string()));
                }
                comparison.expect(entry.at, &output);
            }
            Line::Unknown => {}
            Line::In(TapeInput::Sound { .. }) => {}
            Line::In(input) => {
                comparison.settle();
                inputs += 1;
                let came = match &input {
                    TapeInput::Sip { from, bytes } => Some((Traffic::Sip, *from, bytes)),
                    TapeInput::Rtp { from, bytes } => Some((Traffic::Rtp, *from, bytes)),
                    TapeInput::Rtcp { from, bytes } => Some((Traffic::Rtcp, *from, bytes)),
                    _ => None,
                };
                if let Some((traffic, peer, bytes)) = came {
                    sink.packet(&Packet { at: entry.at, outgoing: false, traffic, peer, bytes });
                }
                // The first tick of every tape is the dial.
                let input = if dialled { untaped(input)? } else { Input::Dial };
                dialled = true;
                if rehear.is_some() && matches!(input, Input::Heard { .. } | Input::Recalled { .. }) {
                    continue;
                }
                journey.step(entry.at, input, &mut out);
                let mut anew = Vec::new();
                for output in out.drain(..) {
                    if rehear.is_none() {
                        comparison.happened(entry.at, &output);
                    }
                    match output {
                        Output::TheySaid { at, frame } => sink.they_said(at, &frame),
                        Output::WeSaid { at, frame } => sink.we_said(at, &frame),
                        Output::SendRtp { to, bytes } => {
                            let (at, peer) = (entry.at, to);
                            sink.packet(&Packet { at, outgoing: true, traffic: Traffic::Rtp, peer, bytes: &bytes });
                        }
                        Output::SendRtcp { to, bytes } => {
                            let (at, peer) = (entry.at, to);
                            sink.packet(&Packet { at, outgoing: true, traffic: Traffic::Rtcp, peer, bytes: &bytes });
                        }
                        Output::Transcribe(clip) => anew.push(clip),
                        Output::Pressed(key) => presses.push((entry.at, key.to_string())),
                        _ => {}
                    }
                }
                if let Some(rehear) = &mut rehear {
                    for clip in anew {
                        journey.step(entry.at, Input::Heard { clip: clip.id, result: rehear(&clip) }, &mut out);
                        let keys = out.drain(..).filter_map(|output| match output {
                            Output::Pressed(key) => Some((entry.at, key.to_string())),
                            _ => None,
                        });
                        presses.extend(keys);
                    }
                }
            }
        }
    }
    comparison.settle();
    let cut_short = || {
        let last = tape.entries.last().map(|e| e.at).unwrap_or_default();
        journey.judgement().is_none().then(|| format!("the tape ends at {last} s, before the call did"))
    };
    let redacted = redacted_from.map(|from| {
        format!("what a person said from {from} s on was taken out of this tape: the record made at the time counts")
    });
    let unkept = kept.map(|_| {
        "this call's sound was not kept (tape: signalling): the record made at the time counts, not this replay"
            .to_string()
    });
    let damage = tape.damage.as_ref().map(|d| d.to_string()).or(unkept).or(redacted).or_else(cut_short);
    let judgement = journey.judgement().cloned().unwrap_or_else(|| judge_so_far(&journey));
    let facts = CallFacts {
        asked_by: settings.called.as_ref().and_then(|called| called.asked_by.clone()),
        id: settings.id.clone(),
        hotline: settings.hotline.clone(),
        probe: settings.probe.clone(),
        target: settings.target.clone(),
        started: tape.header.started.clone(),
        call_id: Some(journey.call_id().to_string()),
        evidence: Evidence { sha256: Some(sha256_hex(bytes)), kept: tape.header.kept, ..paths },
    };
    let record = CallRecord::new(journey.trace(), &judgement, &facts);
    Ok(Replayed {
        trace: journey.trace().clone(),
        judgement,
        record,
        settings,
        difference: if rehear.is_some() { None } else { comparison.difference },
        another_way: another_way(&pressed, &presses),
        damage,
        inputs,
    })
}

/// The languages that a tape's call listened for.
pub fn languages_of(tape: &Tape) -> Result<Vec<Lang>, String> {
    serde_json::from_value::<Settings>(tape.header.settings.clone())
        .map(|settings| settings.languages)
        .map_err(|e| format!("the settings on the tape cannot be read: {e}"))
}

/// The verdict that stands at the end of a tape.
pub fn verdict_on(tape: &Tape) -> Option<(Verdict, Outcome)> {
    let noted = tape.entries.iter().rev().find_map(|entry| match entry.line() {
        Line::Out(TapeOutput::Note(text)) => text.strip_prefix("verdict ").map(str::to_string),
        _ => None,
    })?;
    let (verdict, outcome) = noted.split_once(": ")?;
    let word = |word: &str| serde_json::Value::String(word.to_string());
    Some((serde_json::from_value(word(verdict)).ok()?, serde_json::from_value(word(outcome)).ok()?))
}

/// Where the keys of both first differ: which they are, or by more than words heard anew come sooner.
fn another_way(on_tape: &[(Moment, String)], replayed: &[(Moment, String)]) -> Option<Moment> {
    let count = on_tape.len().max(replayed.len());
    (0..count).find_map(|n| match (on_tape.get(n), replayed.get(n)) {
        (Some((then, key)), Some((now, again))) => {
            let apart = if then > now { then.since(*now) } else { now.since(*then) };
            (key != again || apart > SAME_PRESS).then(|| (*then).min(*now))
        }
        (Some((at, _)), None) | (None, Some((at, _))) => Some(*at),
        (None, None) => None,
    })
}

/// The verdict of a call whose end is not on the tape: it was killed, and nobody can be judged by that.
pub fn judge_so_far(journey: &Journey) -> Judgement {
    let mut trace = journey.trace().clone();
    let at = trace.events.last().map(|e| e.at).unwrap_or_default();
    let mut tell = |what| trace.events.push(crate::vocabulary::Event { at, what });
    tell(What::OurFault { detail: "the record ends before the call did".into() });
    tell(What::HangingUp { why: OurReason::OurFault });
    judge(&trace, journey.settings().expectation().as_ref(), &journey.settings().context())
}

#[derive(Default)]
struct Comparison {
    on_tape: Vec<(Moment, String)>,
    replayed: Vec<(Moment, String)>,
    difference: Option<Difference>,
    /// Nothing from here on is compared.
    until: Option<Moment>,
}

impl Comparison {
    fn compares(&self, at: Moment) -> bool {
        self.difference.is_none() && self.until.is_none_or(|until| at < until)
    }

    fn expect(&mut self, at: Moment, output: &TapeOutput) {
        if self.compares(at) {
            self.on_tape.push((at, comparable(output)));
        }
    }

    fn happened(&mut self, at: Moment, output: &Output) {
        if self.compares(at)
            && let Some(line) = taped_output(output)
        {
            self.replayed.push((at, comparable(&line)));
        }
    }

    /// Everything one input caused is on both sides: they must be alike.
    fn settle(&mut self) {
        if self.difference.is_none() && self.on_tape != self.replayed {
            let nothing = || "nothing".to_string();
            let index = self.on_tape.iter().zip(&self.replayed).take_while(|(a, b)| a == b).count();
            let (tape, again) = (self.on_tape.get(index), self.replayed.get(index));
            let at = tape.or(again).map(|(at, _)| *at).unwrap_or_default();
            self.difference = Some(Difference {
                at,
                on_tape: tape.map_or_else(nothing, |(_, t)| t.clone()),
                replayed: again.map_or_else(nothing, |(_, t)| t.clone()),
            });
        }
        self.on_tape.clear();
        self.replayed.clear();
    }
}

/// The output as the tape keeps it; sound is not kept, it follows from the rest.
pub fn taped_output(output: &Output) -> Option<TapeOutput<'static>> {
    Some(match output {
        Output::SendSip { to, bytes } => TapeOutput::Sip { to: *to, bytes: Cow::Owned(bytes.clone()) },
        Output::Pressed(key) => TapeOutput::Key(Cow::Owned(key.to_string())),
        // Tapes from before prints were told have none, and a print follows from the sound.
        Output::Event(event) if matches!(event.what, What::Printed { .. }) => return None,
        Output::Event(event) => TapeOutput::Event(Cow::Owned(shown(&event.what))),
        Output::Transcribe(clip) => {
            TapeOutput::Note(Cow::Owned(format!("transcribe clip {} from {} to {}", clip.id.0, clip.from, clip.to)))
        }
        Output::Permit { target, .. } => TapeOutput::Note(Cow::Owned(format!("asks whether {target} may be called"))),
        Output::Done(judgement) => {
            TapeOutput::Note(Cow::Owned(format!("verdict {}: {}", judgement.verdict, judgement.outcome)))
        }
        _ => return None,
    })
}

/// An event as text. Levels and frequencies are left out: their last digits depend on the processor.
fn shown(what: &What) -> String {
    match what {
        What::Sound { from, to, kind, .. } => format!("Sound {kind:?} from {from} to {to}"),
        // What is measured may come to be told in more ways; a tape compares what was counted.
        What::Media(media) => format!(
            "Media(MediaReport {{ codec: {:?}, rtp_sent: {}, rtp_received: {}, lost: {}, discarded_late: {}, duplicates: {}, \
             jitter_ms: {:?}, mos_lq: {:?}, round_trip_ms: {:?}, one_way: {} }})",
            media.codec,
            media.rtp_sent,
            media.rtp_received,
            media.lost,
            media.discarded_late,
            media.duplicates,
            media.jitter_ms,
            media.mos_lq,
            media.round_trip_ms,
            media.one_way
        ),
        other => format!("{other:?}"),
    }
}

fn comparable(output: &TapeOutput) -> String {
    match output {
        TapeOutput::Sip { to, bytes } => format!("SIP to {to}: {}", without_answers(&String::from_utf8_lossy(bytes))),
        TapeOutput::Rtp { to, bytes } => format!("RTP to {to}, {} bytes", bytes.len()),
        TapeOutput::Rtcp { to, bytes } => format!("RTCP to {to}, {} bytes", bytes.len()),
        TapeOutput::Key(key) => format!("key {key}"),
        TapeOutput::Event(text) | TapeOutput::Note(text) => text.to_string(),
    }
}

/// A digest answer needs the password, which is never on a tape.
fn without_answers(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find("response=\"") {
        let value = at + "response=\"".len();
        kept.push_str(&rest[..value]);
        rest = &rest[value..];
        rest = rest.find('"').map_or("", |end| &rest[end..]);
    }
    kept.push_str(rest);
    kept
}

const INTERRUPTED: &str = "interrupted: ";
const OUR_FAULT: &str = "our fault: ";
const TROUBLE: &str = "trouble: ";

pub fn interrupt_text(why: OurReason, detail: &str) -> String {
    match why {
        OurReason::OurFault => format!("{OUR_FAULT}{detail}"),
        _ => format!("{INTERRUPTED}{detail}"),
    }
}

pub fn trouble_text(detail: &str) -> String {
    format!("{TROUBLE}{detail}")
}

fn untaped(input: TapeInput) -> Result<Input, String> {
    Ok(match &input {
        TapeInput::Sip { from, bytes } => Input::Sip { from: *from, bytes: bytes.to_vec() },
        TapeInput::Rtp { from, bytes } => Input::Rtp { from: *from, bytes: bytes.to_vec() },
        TapeInput::Rtcp { from, bytes } => Input::Rtcp { from: *from, bytes: bytes.to_vec() },
        TapeInput::Unreachable { detail } => Input::Unreachable { detail: detail.to_string() },
        TapeInput::Lost { peer, detail } => Input::Lost { peer: *peer, detail: detail.to_string() },
        TapeInput::Heard { clip, .. } => {
            let result = input.heard_as::<RawHearing>().ok_or("a hearing on the tape cannot be read")?;
            Input::Heard { clip: ClipId(*clip), result }
        }
        TapeInput::Recalled { prompts } => {
            let prompts = known_prompts::prompts_of(prompts).ok_or("a known prompt on the tape cannot be read")?;
            Input::Recalled { prompts }
        }
        TapeInput::Interrupt { why } => {
            if let Some(detail) = why.strip_prefix(TROUBLE) {
                Input::Trouble { detail: detail.to_string() }
            } else if let Some(detail) = why.strip_prefix(OUR_FAULT) {
                Input::Interrupt { why: OurReason::OurFault, detail: detail.to_string() }
            } else {
                let detail = why.strip_prefix(INTERRUPTED).unwrap_or(why);
                Input::Interrupt { why: OurReason::Interrupted, detail: detail.to_string() }
            }
        }
        TapeInput::Permit { json } => {
            let permit: Permit = serde_json::from_slice(json).map_err(|_| "a leave on the tape cannot be read")?;
            Input::Permit { asked: permit.asked, target: permit.target, granted: permit.granted }
        }
        TapeInput::CalledBack { json } => {
            Input::CalledBack(serde_json::from_slice(json).map_err(|_| "a call back on the tape cannot be read")?)
        }
        TapeInput::Tick | TapeInput::Sound { .. } => Input::Tick,
    })
}

/// Whether another target may be called in the course of a call, and where it is.
#[derive(serde::Serialize, serde::Deserialize)]
struct Permit {
    asked: Asked,
    target: String,
    granted: Result<Granted, String>,
}

/// The input as the tape keeps it. `Dial` is the beginning of every tape and is not written.
pub fn taped(input: &Input) -> TapeInput<'_> {
    match input {
        Input::Dial => TapeInput::Tick,
        Input::Sip { from, bytes } => TapeInput::Sip { from: *from, bytes: Cow::Borrowed(bytes) },
        Input::Rtp { from, bytes } => TapeInput::Rtp { from: *from, bytes: Cow::Borrowed(bytes) },
        Input::Rtcp { from, bytes } => TapeInput::Rtcp { from: *from, bytes: Cow::Borrowed(bytes) },
        Input::Unreachable { detail } => TapeInput::Unreachable { detail: Cow::Borrowed(detail) },
        Input::Lost { peer, detail } => TapeInput::Lost { peer: *peer, detail: Cow::Borrowed(detail) },
        Input::Heard { clip, result } => TapeInput::heard(clip.0, result),
        Input::Recalled { prompts } => TapeInput::Recalled { prompts: Cow::Owned(known_prompts::bytes_of(prompts)) },
        Input::Interrupt { why, detail } => TapeInput::Interrupt { why: Cow::Owned(interrupt_text(*why, detail)) },
        Input::Trouble { detail } => TapeInput::Interrupt { why: Cow::Owned(trouble_text(detail)) },
        Input::CalledBack(back) => {
            TapeInput::CalledBack { json: Cow::Owned(serde_json::to_vec(back).unwrap_or_default()) }
        }
        Input::Permit { asked, target, granted } => {
            let permit = Permit { asked: *asked, target: target.clone(), granted: granted.clone() };
            TapeInput::Permit { json: Cow::Owned(serde_json::to_vec(&permit).unwrap_or_default()) }
        }
        Input::Tick => TapeInput::Tick,
    }
}
