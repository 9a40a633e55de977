//! The line: signalling, offer and answer, and media of one call we make, joined into one machine.
//!
//! Early media is decoded as answered media is. Where a 183 brings a description that lets us send, silence is sent from
//! then on (it opens NATs) and keys leave at once; otherwise they wait for the answer. However the far side behaves, the
//! ring limit, the call limit and at last a watchdog bring the line to `Closed`.

use super::rtp::{Agreement, MediaEvent, MediaInput, MediaOutput, MediaSession, MediaSettings};
use super::sdp::{self, LocalMedia};
use super::sip::{Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings, Refer};
use super::srtp::Suite;
use crate::vocabulary::limits::{CALL_MAX, RING_MAX};
use crate::vocabulary::trace::KeyMethod;
use crate::vocabulary::trace::{EndedBy, OurReason};
use crate::vocabulary::{Moment, Seed};
use end::{Answering, End};
use keypad::{Answered, Keypad, Leaving};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use transfer::Aside;

mod called;
mod end;
mod keypad;
mod transfer;
mod words;

pub use keypad::key_of_info;
pub use words::{Asked, LineEvent, LineInput, LineOutput, LineSettings};

/// Our number for telephone-event in offers; what is sent goes by the answer's.
const KEY_PAYLOAD_TYPE: u8 = 101;
/// Early dialogs remembered of a forked call.
const EARLY_MAX: usize = 16;
/// After the end, signalling has so long to finish: an INVITE that nobody answers, a CANCEL that is answered too late, and
/// a BYE, each for the length of Timer F, and some.
const WATCHDOG: Duration = Duration::from_secs(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Ringing,
    Talking,
    /// Hung up by either side, or never came to be; signalling is finishing.
    Over,
    Closed,
}

/// One call we make.
pub struct Line {
    caller: End,
    /// When the caller wants its tick: it changes by its steps alone, and is asked for with every packet.
    caller_due: Option<Moment>,
    /// What the caller is, for a second one.
    settings: CallerSettings,
    seed: Seed,
    follows_refer: bool,
    /// A REFER that waits for leave.
    referred: Option<Refer>,
    /// A second call beside the one that is heard: the one that a REFER asked for, or the one that it left.
    aside: Option<Aside>,
    /// How the call ended whose REFER is being followed.
    parted: Option<CallerEvent>,
    /// Everything that matters of the call that is heard is done.
    settled: bool,
    told_settled: bool,
    /// It was told how the call ended.
    told_end: bool,
    media: MediaSession,
    keypad: Keypad,
    /// What Allow said of INFO.
    takes_info: Option<bool>,
    local: LocalMedia,
    /// The description we sent last: the next one has a new version only if it says something else.
    described: Vec<u8>,
    stage: Stage,
    ring_limit: Duration,
    call_limit: Duration,
    dialled: Moment,
    watchdog: Option<Moment>,
    /// What each early dialog came to, by To-tag.
    early: BTreeMap<String, Agreement>,
    answered: bool,
    /// Sound packets that had come when the call was answered.
    sound_at_answer: u64,
    told_first_media: bool,
    from_media: Vec<MediaOutput>,
}

impl Line {
    pub fn new(mut settings: LineSettings, seed: Seed) -> Line {
        settings.caller.way.refers = settings.follow_refer;
        let mut dice = seed.fork("sdp");
        let local = LocalMedia {
            rtp: settings.local_rtp,
            codecs: settings.codecs,
            key_payload_type: Some(KEY_PAYLOAD_TYPE),
            // RFC 8866 §5.2: numeric; kept within 63 bits for those who read it signed.
            session_id: dice.next_u64() >> 1,
            version: 1,
            srtp: settings.srtp,
        };
        let cname = format!("nightbell@{}", settings.local_rtp.ip());
        let media =
            MediaSettings { cname, key_expected: local.key_payload_type, expected: sdp::dynamic_numbers(&local) };
        Line {
            caller: match settings.called {
                false => End::Calls(Box::new(Caller::new(settings.caller.clone(), seed.fork("sip")))),
                true => {
                    let CallerSettings { local_sip, user_agent, .. } = settings.caller.clone();
                    End::IsCalled(Box::new(Answering::new(local_sip, user_agent, seed.fork("sip"))))
                }
            },
            caller_due: None,
            settings: settings.caller,
            seed: seed.fork("transfer"),
            follows_refer: settings.follow_refer,
            referred: None,
            aside: None,
            parted: None,
            settled: false,
            told_settled: false,
            told_end: false,
            media: MediaSession::new(media, seed.fork("media")),
            keypad: Keypad::new(settings.keys),
            takes_info: None,
            local,
            described: Vec::new(),
            stage: Stage::Idle,
            ring_limit: settings.ring_limit.min(RING_MAX),
            call_limit: settings.call_limit.min(CALL_MAX),
            dialled: Moment::START,
            watchdog: None,
            early: BTreeMap::new(),
            answered: false,
            sound_at_answer: 0,
            told_first_media: false,
            from_media: Vec::new(),
        }
    }

    /// The Call-ID, by which the far side's records know the call.
    pub fn call_id(&self) -> &str {
        self.caller.call_id()
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: LineInput, out: &mut Vec<LineOutput>) {
        if self.stage == Stage::Closed {
            return;
        }
        match input {
            LineInput::Dial if self.stage == Stage::Idle => {
                self.stage = Stage::Ringing;
                self.dialled = now;
                self.described = sdp::offer(&self.local);
                self.signal(now, CallerInput::Dial { offer: self.described.clone() }, out);
            }
            LineInput::Dial => {}
            LineInput::Sip { from, bytes } if self.waits_to_be_called() => self.be_called(now, from, &bytes, out),
            LineInput::Sip { from, bytes } if self.is_aside(&bytes) => {
                self.signal_aside(now, CallerInput::Wire { from, bytes }, out);
            }
            LineInput::Sip { from, bytes } => self.signal(now, CallerInput::Wire { from, bytes }, out),
            LineInput::Unreachable { detail } => {
                self.signal_aside(now, CallerInput::Unreachable { detail: detail.clone() }, out);
                self.signal(now, CallerInput::Unreachable { detail }, out);
            }
            LineInput::Lost { peer, detail } => {
                self.signal_aside(now, CallerInput::Lost { peer, detail: detail.clone() }, out);
                self.signal(now, CallerInput::Lost { peer, detail }, out);
            }
            LineInput::Permit { asked: Asked::Redirect, target, granted } => {
                self.signal(now, CallerInput::Permit { target, granted }, out);
            }
            LineInput::Permit { asked: Asked::Refer, target, granted } => self.may_refer(now, target, granted, out),
            LineInput::Rtp { from, bytes } => self.play(now, MediaInput::Rtp { from, bytes }, out),
            LineInput::Rtcp { from, bytes } => self.play(now, MediaInput::Rtcp { from, bytes }, out),
            LineInput::Press { key, method } => {
                self.keypad.press(key, method);
                self.press_next(now, out);
            }
            LineInput::Say { samples } => self.play(now, MediaInput::Say { samples }, out),
            LineInput::StopSaying => self.play(now, MediaInput::StopSaying, out),
            LineInput::HangUp => self.hang_up(now, out),
            LineInput::Tick => {}
        }
        self.keep_time(now, out);
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        if self.stage == Stage::Closed {
            return None;
        }
        let limit = match self.stage {
            Stage::Ringing => Some(self.dialled + self.ring_limit.min(self.call_limit)),
            Stage::Talking => Some(self.dialled + self.call_limit),
            Stage::Idle | Stage::Over | Stage::Closed => None,
        };
        let aside = self.aside.as_ref().and_then(Aside::deadline);
        [self.caller_due, self.media.deadline(), limit, self.watchdog, aside].into_iter().flatten().min()
    }

    /// When the next sound packet is due: the one moment that must be kept to the millisecond.
    pub fn sends_at(&self) -> Option<Moment> {
        self.media.sends_at()
    }

    /// Timers: ours, then those of the parts.
    fn keep_time(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        let since = now.since(self.dialled);
        let ringing = self.stage == Stage::Ringing;
        let why = match self.stage {
            Stage::Ringing | Stage::Talking if since >= self.call_limit => Some(OurReason::CallLimit),
            Stage::Ringing if since >= self.ring_limit => Some(OurReason::RingLimit),
            _ => None,
        };
        if let Some(why) = why {
            // A call limit that ends a call nobody answered is a ring limit to whoever reads of it.
            let why = if ringing { OurReason::RingLimit } else { why };
            out.push(LineOutput::Event(LineEvent::HangingUp { why }));
            self.hang_up(now, out);
        }
        if self.caller_due.is_some_and(|due| due <= now) {
            self.signal(now, CallerInput::Tick, out);
        }
        self.tick_aside(now, out);
        self.play(now, MediaInput::Tick, out);
        if self.watchdog.is_some_and(|due| due <= now) {
            if !self.told_end {
                let (by, status, reason, q850) = (EndedBy::Us, None, None, None);
                out.push(LineOutput::Event(LineEvent::Ended { by, status, reason, q850 }));
            }
            self.close(now, out);
        }
    }

    fn hang_up(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        match self.stage {
            // Nothing was ever sent.
            Stage::Idle => self.close(now, out),
            Stage::Ringing | Stage::Talking => {
                self.signal_aside(now, CallerInput::HangUp, out);
                match self.parted.take() {
                    // Only the second call was left.
                    Some(CallerEvent::Ended { by, status, reason, q850 }) => {
                        self.told_end = true;
                        out.push(LineOutput::Event(LineEvent::Ended { by, status, reason, q850 }));
                    }
                    _ => self.signal(now, CallerInput::HangUp, out),
                }
                self.end(now, out);
            }
            Stage::Over | Stage::Closed => {}
        }
    }

    /// No media from here on; signalling finishes.
    fn end(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        if !matches!(self.stage, Stage::Over | Stage::Closed) {
            self.stage = Stage::Over;
            self.watchdog = Some(now + WATCHDOG);
            self.play(now, MediaInput::Close, out);
        }
    }

    fn close(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        self.end(now, out);
        if self.stage != Stage::Closed {
            self.stage = Stage::Closed;
            out.push(LineOutput::Event(LineEvent::Closed));
        }
    }

    /// Steps the signalling, and does what comes of it.
    fn signal(&mut self, now: Moment, input: CallerInput, out: &mut Vec<LineOutput>) {
        let mut outputs = Vec::new();
        self.caller.step(now, input, &mut outputs);
        self.caller_due = self.caller.deadline();
        self.pass(now, outputs, out);
    }

    fn pass(&mut self, now: Moment, outputs: Vec<CallerOutput>, out: &mut Vec<LineOutput>) {
        for output in outputs {
            match output {
                CallerOutput::Send { to, bytes } => out.push(LineOutput::SendSip { to, bytes }),
                CallerOutput::Permit { target } => out.push(LineOutput::Permit { asked: Asked::Redirect, target }),
                CallerOutput::Event(event) => self.signalled(now, event, out),
            }
        }
    }

    fn signalled(&mut self, now: Moment, event: CallerEvent, out: &mut Vec<LineOutput>) {
        let tell = |event: LineEvent, out: &mut Vec<LineOutput>| out.push(LineOutput::Event(event));
        self.told_end |= matches!(
            event,
            CallerEvent::Rejected { .. }
                | CallerEvent::AuthFailed { .. }
                | CallerEvent::NoResponse
                | CallerEvent::TransportFailed { .. }
                | CallerEvent::Ended { .. }
        ) && !self.is_left_by_who_referred(&event);
        match event {
            CallerEvent::Trying => tell(LineEvent::Trying, out),
            CallerEvent::Challenged { status } => tell(LineEvent::Challenged { status }, out),
            CallerEvent::NextPlace { place, left } => {
                // What the place before described is of no call any more.
                self.early.clear();
                tell(LineEvent::NextPlace { place, left }, out);
            }
            CallerEvent::Provisional { status, reason, to_tag, sdp } => {
                let agreement = sdp.and_then(|sdp| sdp::read_answer(&self.local, &sdp).ok());
                let early_media_offered = agreement.as_ref().is_some_and(|agreement| agreement.receives);
                tell(LineEvent::Provisional { status, reason, early_media_offered }, out);
                if let Some(agreement) = agreement
                    && self.stage == Stage::Ringing
                {
                    if self.early.len() < EARLY_MAX {
                        self.early.insert(to_tag.unwrap_or_default(), agreement.clone());
                    }
                    self.agree(now, agreement, out);
                }
            }
            CallerEvent::Answered { status, reason, to_tag, sdp, takes_info } => {
                self.takes_info = takes_info;
                self.answered(now, (status, reason), &to_tag.unwrap_or_default(), sdp, out);
            }
            CallerEvent::FarOffer { offer_id, to_tag, sdp } => self.offered(now, (offer_id, to_tag), sdp, out),
            // The answer to an offer that the far side asked for came with its ACK (RFC 3264 §4).
            CallerEvent::FarAnswer { sdp } => {
                if let Ok(agreement) = sdp::read_answer(&self.local, &sdp) {
                    self.agree(now, agreement, out);
                }
            }
            CallerEvent::FarInfo { content_type, body } => {
                if let Some(key) = key_of_info(&content_type, &body) {
                    tell(LineEvent::FarKey { key }, out);
                }
            }
            CallerEvent::FarRefer(refer) => self.refer(now, refer, out),
            CallerEvent::Redirected { status, to, refused } => {
                self.early.clear();
                tell(LineEvent::Redirected { status, to, refused }, out);
            }
            CallerEvent::InfoAnswered { status } => self.info_answered(now, status, out),
            CallerEvent::Rejected { status, reason, q850, .. } => {
                tell(LineEvent::Rejected { status, reason, q850 }, out);
                self.end(now, out);
            }
            CallerEvent::AuthFailed { status, reason } => {
                tell(LineEvent::AuthFailed { status, reason }, out);
                self.end(now, out);
            }
            CallerEvent::NoResponse => {
                tell(LineEvent::NoResponse, out);
                self.end(now, out);
            }
            CallerEvent::TransportFailed { detail } => {
                tell(LineEvent::TransportFailed { detail }, out);
                self.end(now, out);
            }
            // Whoever referred us goes, or is gone; whether the call does shows with the other one.
            CallerEvent::SessionExpired if self.is_being_transferred() => {}
            ended @ CallerEvent::Ended { .. } if self.is_left_by_who_referred(&ended) => self.parted = Some(ended),
            CallerEvent::SessionExpired => {
                tell(LineEvent::HangingUp { why: OurReason::SessionExpired }, out);
                self.end(now, out);
            }
            CallerEvent::Ended { by, status, reason, q850 } => {
                tell(LineEvent::Ended { by, status, reason, q850 }, out);
                self.end(now, out);
            }
            CallerEvent::Settled => {
                self.settled = true;
                self.settle(now, out);
            }
            CallerEvent::Closed => {
                self.settled = true;
                if !self.is_being_transferred() && self.aside.is_none() {
                    self.close(now, out);
                }
            }
        }
    }

    /// Nothing that matters is left, of either call.
    fn settle(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        let settled = self.settled && self.aside.as_ref().is_none_or(Aside::is_settled) && self.parted.is_none();
        if settled && !std::mem::replace(&mut self.told_settled, true) {
            self.end(now, out);
            out.push(LineOutput::Event(LineEvent::Settled));
        }
    }

    fn answered(
        &mut self,
        now: Moment,
        (status, reason): (u16, String),
        tag: &str,
        sdp: Option<Vec<u8>>,
        out: &mut Vec<LineOutput>,
    ) {
        // The answer may have come before, reliably or not (RFC 3261 §13.2.1): in the dialog that was answered;
        // else what is heard already stands for it.
        let heard = self.media.agreement().filter(|_| !self.early.is_empty());
        let before = self.early.get(tag).or(heard).cloned();
        let agreement = match sdp.map(|sdp| sdp::read_answer(&self.local, &sdp)) {
            Some(Ok(agreement)) => Ok(agreement),
            Some(Err(error)) => before.ok_or(error.to_string()),
            None => before.ok_or_else(|| "the answer had no SDP, and none came before it".to_string()),
        };
        if self.stage == Stage::Ringing {
            self.stage = Stage::Talking;
            self.answered = true;
            self.sound_at_answer = self.media.sound_packets();
        }
        let codec = agreement.as_ref().ok().map(|agreement| agreement.codec);
        let telephone_event = agreement.as_ref().ok().and_then(|agreement| agreement.key_payload_type);
        let srtp = agreement.as_ref().ok().and_then(|agreement| agreement.srtp).map(Suite::name);
        out.push(LineOutput::Event(LineEvent::Answered { status, reason, codec, telephone_event, srtp }));
        match agreement {
            Ok(agreement) => self.agree(now, agreement, out),
            // RFC 3261 §13.2.2.4: an answer that cannot be used is acknowledged, then hung up on.
            Err(detail) => {
                out.push(LineOutput::Event(LineEvent::MediaFailed { detail }));
                self.hang_up(now, out);
            }
        }
    }

    /// A re-INVITE or UPDATE: hold, another codec, another address; or a request for our offer. Before the answer, it is
    /// what that dialog's answer will go by, if it brings no other.
    fn offered(
        &mut self,
        now: Moment,
        (offer_id, to_tag): (u32, String),
        sdp: Option<Vec<u8>>,
        out: &mut Vec<LineOutput>,
    ) {
        let described = |local: &LocalMedia| match &sdp {
            None => Ok((sdp::offer(local), None)),
            Some(theirs) => sdp::answer(local, theirs).map(|(ours, agreement)| (ours, Some(agreement))),
        };
        let mut described_now = described(&self.local);
        if described_now.as_ref().is_ok_and(|(ours, _)| *ours != self.described) {
            self.local.version += 1;
            described_now = described(&self.local);
        }
        // An offer that cannot be met is refused with 488; the call goes on as it was (RFC 3261 §14.2).
        let (ours, agreement) = described_now.unwrap_or_default();
        if !ours.is_empty() {
            self.described.clone_from(&ours);
        }
        self.signal(now, CallerInput::Answer { offer_id, sdp: ours }, out);
        if let Some(agreement) = agreement {
            if self.stage == Stage::Ringing && (self.early.contains_key(&to_tag) || self.early.len() < EARLY_MAX) {
                self.early.insert(to_tag, agreement.clone());
            }
            self.agree(now, agreement, out);
        }
    }

    fn agree(&mut self, now: Moment, agreement: Agreement, out: &mut Vec<LineOutput>) {
        self.keypad.agree(&agreement, self.takes_info);
        self.play(now, MediaInput::Agreed(agreement), out);
        self.press_next(now, out);
    }

    /// By which methods keys can be tried in this call, best first; empty when there is nothing to choose.
    pub fn key_methods(&self) -> &[KeyMethod] {
        self.keypad.methods()
    }

    fn press_next(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        if matches!(self.stage, Stage::Over | Stage::Closed) {
            return;
        }
        if let Some(leaving) = self.keypad.next(self.media.agreement().is_some(), self.stage == Stage::Talking) {
            self.leave(now, leaving, out);
        }
    }

    fn leave(&mut self, now: Moment, leaving: Leaving, out: &mut Vec<LineOutput>) {
        if let Some((content_type, body)) = leaving.info {
            self.signal(now, CallerInput::SendInfo { content_type: content_type.to_string(), body }, out);
        }
        self.play(now, MediaInput::Press { key: leaving.key, method: leaving.method }, out);
    }

    fn info_answered(&mut self, now: Moment, status: Option<u16>, out: &mut Vec<LineOutput>) {
        match self.keypad.answered(status) {
            Answered::Settled => {
                if let Some((key, method, from, to)) = self.keypad.finish() {
                    out.push(LineOutput::Event(LineEvent::KeySent { key, method, from, to }));
                }
            }
            Answered::Again(leaving) => self.leave(now, leaving, out),
            Answered::Refused { key, status } => out.push(LineOutput::Event(LineEvent::KeyRefused { key, status })),
        }
        self.press_next(now, out);
    }

    /// Steps the media, and passes on what comes of it.
    fn play(&mut self, now: Moment, input: MediaInput, out: &mut Vec<LineOutput>) {
        let mut outputs = std::mem::take(&mut self.from_media);
        let mut keys_free = false;
        self.media.step(now, input, &mut outputs);
        for output in outputs.drain(..) {
            out.push(match output {
                MediaOutput::SendRtp { to, bytes } => LineOutput::SendRtp { to, bytes },
                MediaOutput::SendRtcp { to, bytes } => LineOutput::SendRtcp { to, bytes },
                MediaOutput::Heard { at, frame } => LineOutput::Heard { at, frame },
                MediaOutput::Said { at, frame } => LineOutput::Said { at, frame },
                MediaOutput::Event(event) => match event {
                    MediaEvent::FirstPacket if self.stage == Stage::Ringing => LineOutput::Event(LineEvent::EarlyMedia),
                    // After the answer the count tells, below. A hint to leave is no end of the call.
                    MediaEvent::FirstPacket | MediaEvent::FarLeft => continue,
                    MediaEvent::KeySent { method, from, to, .. } => {
                        keys_free = true;
                        match self.keypad.held(method, from, to) {
                            Some((key, method, from, to)) => {
                                LineOutput::Event(LineEvent::KeySent { key, method, from, to })
                            }
                            None => continue,
                        }
                    }
                    MediaEvent::SaidAll => LineOutput::Event(LineEvent::SaidAll),
                    MediaEvent::FarKey { key } => LineOutput::Event(LineEvent::FarKey { key }),
                    // A call that was refused without a sound has no media to measure, whatever its 183 offered.
                    MediaEvent::Report(_) if !self.answered && self.media.sound_packets() == 0 => continue,
                    MediaEvent::Report(report) => LineOutput::Event(LineEvent::Media(report)),
                },
            });
        }
        self.from_media = outputs;
        if self.stage == Stage::Talking && !self.told_first_media && self.media.sound_packets() > self.sound_at_answer {
            self.told_first_media = true;
            out.push(LineOutput::Event(LineEvent::FirstMedia));
        }
        if keys_free {
            self.press_next(now, out);
        }
    }
}

#[cfg(test)]
mod tests;
