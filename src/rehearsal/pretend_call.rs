//! One call as the hotline lives it: its signalling, its media and its menu, and the record of what really happened.

use super::hotline::{Hotline, MediaFault};
use super::ivr::{Ivr, IvrInput, IvrOutput, Utterance};
use super::library::Library;
use super::network::{Network, Traffic, Way};
use super::sound;
use super::switch_record::{Ender, ReceivedKey, Said, SwitchRecord, Visit};
use crate::call::line::key_of_info;
use crate::call::rtp::{Agreement, Codec, MediaEvent, MediaInput, MediaOutput, MediaSession, MediaSettings};
use crate::call::sdp::{self, LocalMedia};
use crate::call::sip::{Called, CalledEvent, CalledInput, CalledOutput, Message};
use crate::hearing::dtmf::{Dtmf, DtmfEvent};
use crate::vocabulary::trace::EndedBy;
use crate::vocabulary::{Frame, Key, Moment, Seed, Srtp, limits};
use chrono::NaiveDateTime;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Our number for telephone-event; most take 101, and a caller must read the answer all the same.
const KEY_PAYLOAD_TYPE: u8 = 101;

/// A datagram that leaves, and when: the pretend network may hold it back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Departure {
    pub at: Moment,
    pub traffic: Traffic,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// What others should know of a call while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEvent {
    Rang,
    /// 183 went out: sound before the answer.
    Early,
    Answered,
    Entered(String),
    Said(String),
    Key(Key),
    Ended,
}

pub(super) struct PretendCall {
    hotline: Arc<Hotline>,
    called: Called,
    media: MediaSession,
    ivr: Ivr,
    network: Network,
    local: LocalMedia,
    /// Our answer to their offer and what both come to; `None` when the INVITE offered nothing or nothing usable.
    agreed: Option<(Vec<u8>, Agreement)>,
    offered: Option<Vec<u8>>,
    media_open: bool,
    /// Listens for keys in the sound, when none can come as events: never both, or a key would count twice.
    tones: Option<Dtmf>,
    dead: bool,
    record: SwitchRecord,
    /// When what was handed out to the media has been sent.
    said_until: Moment,
    settled: bool,
    closed: bool,
    events: Vec<CallEvent>,
}

pub(super) struct Arrival<'a> {
    pub from: SocketAddr,
    pub local_sip: SocketAddr,
    pub rtp: SocketAddr,
    pub invite: &'a Message,
}

impl PretendCall {
    pub fn new(
        now: Moment,
        hotline: Arc<Hotline>,
        library: Arc<Library>,
        version: Option<&str>,
        wall: NaiveDateTime,
        arrival: &Arrival,
        seed: Seed,
    ) -> PretendCall {
        let called = Called::new(arrival.local_sip, arrival.from, arrival.invite, seed.fork("signalling"));
        let session_id = seed.fork("session").next_u64() >> 16;
        let local = LocalMedia {
            rtp: arrival.rtp,
            codecs: Codec::ALL.to_vec(),
            key_payload_type: (!hotline.faults.no_key_events).then_some(KEY_PAYLOAD_TYPE),
            session_id,
            version: 1,
            srtp: Srtp::Off,
        };
        let settings = MediaSettings {
            cname: format!("hotline@{}", arrival.rtp.ip()),
            key_expected: local.key_payload_type,
            expected: sdp::dynamic_numbers(&local),
        };
        let ivr = Ivr::new(hotline.clone(), library, version, wall, &seed);
        let record = SwitchRecord {
            hotline: hotline.name.clone(),
            number: hotline.number.clone(),
            version: ivr.version().to_string(),
            seed: seed.0,
            call_id: called.call_id().to_string(),
            invited: now,
            rang: None,
            early: None,
            answered: None,
            acked: None,
            ended: None,
            ended_by: None,
            status: None,
            codec: None,
            keys: Vec::new(),
            path: Vec::new(),
            said: Vec::new(),
            rtp_sent: 0,
            rtp_received: 0,
        };
        PretendCall {
            network: Network::new(Duration::ZERO, &hotline.faults.network, &seed),
            called,
            media: MediaSession::new(settings, seed.fork("media")),
            ivr,
            local,
            agreed: None,
            offered: arrival.invite.sdp().map(<[u8]>::to_vec),
            media_open: false,
            tones: None,
            dead: false,
            record,
            said_until: now,
            settled: false,
            closed: false,
            events: Vec::new(),
            hotline,
        }
    }

    /// The first step: everything up to the first thing that takes time.
    pub fn begin(&mut self, now: Moment, out: &mut Vec<Departure>) {
        // Playing dead must be known before a 100 can leave.
        let mut first = Vec::new();
        self.ivr.step(now, IvrInput::Begin, &mut first);
        if first.contains(&IvrOutput::PlayDead) {
            self.dead = true;
            return;
        }
        self.signal(now, CalledInput::Tick, out);
        if let Some(offer) = &self.offered {
            match sdp::answer(&self.local, offer) {
                Ok(agreed) => self.agreed = Some(agreed),
                Err(error) => {
                    let reason = "Not Acceptable Here".to_string();
                    let warning = vec![("Warning".to_string(), format!("399 {} \"{error}\"", self.local.rtp.ip()))];
                    self.refused(now, 488);
                    return self.signal(now, CalledInput::Reject { status: 488, reason, headers: warning }, out);
                }
            }
        }
        for output in first {
            self.obey(now, output, out);
        }
    }

    pub fn sip(&mut self, now: Moment, from: SocketAddr, bytes: Vec<u8>, out: &mut Vec<Departure>) {
        if !self.dead {
            self.signal(now, CalledInput::Wire { from, bytes }, out);
        }
    }

    pub fn rtp(&mut self, now: Moment, from: SocketAddr, bytes: Vec<u8>, out: &mut Vec<Departure>) {
        self.record.rtp_received += 1;
        self.stream(now, MediaInput::Rtp { from, bytes }, out);
    }

    pub fn rtcp(&mut self, now: Moment, from: SocketAddr, bytes: Vec<u8>, out: &mut Vec<Departure>) {
        self.stream(now, MediaInput::Rtcp { from, bytes }, out);
    }

    /// The exchange is stopped: BYE or a refusal.
    pub fn stop(&mut self, now: Moment, out: &mut Vec<Departure>) {
        self.ended(now, Ender::Stopped);
        self.signal(now, CalledInput::HangUp { q850: None }, out);
    }

    pub fn tick(&mut self, now: Moment, out: &mut Vec<Departure>) {
        if now.since(self.record.invited) > limits::CALL_MAX && self.record.ended.is_none() {
            self.ended(now, Ender::Lost);
            self.signal(now, CalledInput::HangUp { q850: None }, out);
        }
        let due = |deadline: Option<Moment>| deadline.is_some_and(|at| at <= now);
        // What ends at this moment is sent before what begins at it.
        if self.media_open && due(self.media.deadline()) {
            self.stream(now, MediaInput::Tick, out);
        }
        if due(self.ivr.deadline()) {
            self.menu(now, IvrInput::Tick, out);
        }
        if due(self.called.deadline()) {
            self.signal(now, CalledInput::Tick, out);
        }
    }

    pub fn deadline(&self) -> Option<Moment> {
        if self.dead {
            return Some(self.record.invited + limits::RING_MAX);
        }
        let media = if self.media_open { self.media.deadline() } else { None };
        let longest =
            self.record.ended.is_none().then(|| self.record.invited + limits::CALL_MAX + Duration::from_millis(1));
        [self.called.deadline(), media, self.ivr.deadline(), longest].into_iter().flatten().min()
    }

    pub fn wants(&self, message: &Message) -> bool {
        if self.dead {
            return message.call_id() == Some(self.called.call_id());
        }
        self.called.wants(message)
    }

    pub fn is_closed(&self, now: Moment) -> bool {
        self.closed || (self.dead && now.since(self.record.invited) >= limits::RING_MAX)
    }

    pub fn is_settled(&self) -> bool {
        self.settled || self.dead
    }

    pub fn record(&self) -> &SwitchRecord {
        &self.record
    }

    pub fn rtp_address(&self) -> SocketAddr {
        self.local.rtp
    }

    pub fn take_events(&mut self) -> Vec<CallEvent> {
        std::mem::take(&mut self.events)
    }

    /// What becomes of a packet on its way through this call's network.
    pub fn carry(&mut self, now: Moment, way: Way, traffic: Traffic) -> Vec<Duration> {
        self.network.carry(now, way, traffic).copies
    }

    // The three machines, each stepped with what the others caused.

    fn menu(&mut self, now: Moment, input: IvrInput, out: &mut Vec<Departure>) {
        let mut outputs = Vec::new();
        self.ivr.step(now, input, &mut outputs);
        for output in outputs {
            self.obey(now, output, out);
        }
    }

    fn obey(&mut self, now: Moment, output: IvrOutput, out: &mut Vec<Departure>) {
        match output {
            IvrOutput::Ring => {
                self.record.rang.get_or_insert(now);
                self.events.push(CallEvent::Rang);
                let ringing = CalledInput::Provisional { status: 180, reason: "Ringing".into(), sdp: None };
                self.signal(now, ringing, out);
            }
            IvrOutput::Early => {
                self.record.early.get_or_insert(now);
                self.events.push(CallEvent::Early);
                let Some((sdp, _)) = self.agreed.clone() else { return };
                let progress =
                    CalledInput::Provisional { status: 183, reason: "Session Progress".into(), sdp: Some(sdp) };
                self.signal(now, progress, out);
                self.open_media(now, out);
            }
            IvrOutput::Answer => {
                self.record.answered = Some(now);
                self.record.status = Some(200);
                self.events.push(CallEvent::Answered);
                // Without an offer in the INVITE ours goes into the 200 (RFC 3264, RFC 3261 §13.2.1).
                let sdp = self.agreed.as_ref().map_or_else(|| sdp::offer(&self.local), |(sdp, _)| sdp.clone());
                self.signal(now, CalledInput::Answer { sdp }, out);
                self.open_media(now, out);
            }
            IvrOutput::Refuse(refusal) => {
                self.refused(now, refusal.status);
                let mut headers = Vec::new();
                if let Some(cause) = refusal.q850 {
                    headers.push(("Reason".to_string(), format!("Q.850;cause={cause}")));
                }
                if let Some(seconds) = refusal.retry_after {
                    headers.push(("Retry-After".to_string(), seconds.to_string()));
                }
                let reject = CalledInput::Reject { status: refusal.status, reason: refusal.reason, headers };
                self.signal(now, reject, out);
            }
            IvrOutput::PlayDead => self.dead = true,
            IvrOutput::HangUp { q850 } => {
                self.ended(now, Ender::Hotline);
                self.signal(now, CalledInput::HangUp { q850 }, out);
            }
            IvrOutput::Say(utterance) => self.say(now, utterance, out),
            IvrOutput::Hush => {
                self.hushed(now);
                self.stream(now, MediaInput::StopSaying, out);
            }
            IvrOutput::Entered(node) => {
                self.record.path.push(Visit { at: now, node: node.clone() });
                self.events.push(CallEvent::Entered(node));
            }
        }
    }

    fn signal(&mut self, now: Moment, input: CalledInput, out: &mut Vec<Departure>) {
        let mut outputs = Vec::new();
        self.called.step(now, input, &mut outputs);
        for output in outputs {
            match output {
                CalledOutput::Send { to, bytes } => self.depart(now, Traffic::Sip, to, bytes, out),
                CalledOutput::Event(event) => self.signalled(now, event, out),
            }
        }
        if self.record.ended.is_some() && self.media_open {
            self.media_open = false;
            self.stream(now, MediaInput::Close, out);
        }
    }

    fn signalled(&mut self, now: Moment, event: CalledEvent, out: &mut Vec<Departure>) {
        match event {
            CalledEvent::Acked { sdp } => {
                self.record.acked.get_or_insert(now);
                if let Some(answer) = sdp.filter(|_| self.agreed.is_none())
                    && let Ok(agreement) = sdp::read_answer(&self.local, &answer)
                {
                    self.agreed = Some((Vec::new(), agreement));
                    self.open_media(now, out);
                }
            }
            CalledEvent::Cancelled { .. } => {
                self.record.status = Some(487);
                self.ended(now, Ender::Cancelled);
            }
            CalledEvent::FarOffer { offer_id, sdp } => {
                self.local.version += 1;
                let (sdp, agreement) = match sdp {
                    Some(offer) => match sdp::answer(&self.local, &offer) {
                        Ok((sdp, agreement)) => (sdp, Some(agreement)),
                        Err(_) => (Vec::new(), None),
                    },
                    None => (sdp::offer(&self.local), None),
                };
                self.signal(now, CalledInput::AnswerOffer { offer_id, sdp }, out);
                if let Some(agreement) = agreement {
                    self.stream(now, MediaInput::Agreed(agreement), out);
                }
            }
            CalledEvent::Info { content_type, body } => {
                if let Some(key) = key_of_info(&content_type, &body) {
                    self.key(now, key, "info", out);
                }
            }
            CalledEvent::Ended { by, status, .. } => {
                let ender = match by {
                    EndedBy::Them => Ender::Caller,
                    // Our 200 was never acknowledged.
                    EndedBy::Us if status.is_none() && self.record.acked.is_none() => Ender::Lost,
                    EndedBy::Us => Ender::Hotline,
                };
                self.ended(now, ender);
            }
            CalledEvent::InfoAnswered { .. }
            | CalledEvent::ReinviteAnswered { .. }
            | CalledEvent::Referred { .. }
            | CalledEvent::ReferAnswered { .. }
            | CalledEvent::SessionExpired
            | CalledEvent::Notified { .. } => {}
            CalledEvent::Settled => self.settled = true,
            CalledEvent::Closed => {
                self.ended(now, Ender::Lost);
                self.settled = true;
                self.closed = true;
            }
        }
    }

    fn stream(&mut self, now: Moment, input: MediaInput, out: &mut Vec<Departure>) {
        let mut outputs = Vec::new();
        self.media.step(now, input, &mut outputs);
        for output in outputs {
            match output {
                MediaOutput::SendRtp { .. } if self.hotline.faults.media == MediaFault::Missing => {}
                MediaOutput::SendRtp { to, bytes } => {
                    self.record.rtp_sent += 1;
                    self.depart(now, Traffic::Rtp, to, bytes, out);
                }
                MediaOutput::SendRtcp { to, bytes } => self.depart(now, Traffic::Rtcp, to, bytes, out),
                MediaOutput::Event(MediaEvent::FarKey { key }) => self.key(now, key, "rfc4733", out),
                MediaOutput::Heard { frame, .. } => self.listen(now, &frame, out),
                MediaOutput::Said { .. } | MediaOutput::Event(_) => {}
            }
        }
    }

    /// Keys in the sound itself.
    fn listen(&mut self, now: Moment, frame: &Frame, out: &mut Vec<Departure>) {
        let Some(tones) = &mut self.tones else { return };
        let mut keys = Vec::new();
        match frame.lost {
            true => tones.lost(&mut keys),
            false => tones.frame(&frame.samples, &mut keys),
        }
        for event in keys {
            if let DtmfEvent::Ended { key, .. } = event {
                self.key(now, key, "inband", out);
            }
        }
    }

    fn open_media(&mut self, now: Moment, out: &mut Vec<Departure>) {
        if self.media_open || self.record.ended.is_some() {
            return;
        }
        if let Some((_, agreement)) = self.agreed.clone() {
            self.media_open = true;
            self.record.codec = Some(agreement.codec.name().to_string());
            self.tones = agreement.key_expected.is_empty().then(Dtmf::new);
            self.stream(now, MediaInput::Agreed(agreement), out);
        }
    }

    fn key(&mut self, now: Moment, key: Key, method: &'static str, out: &mut Vec<Departure>) {
        if self.record.ended.is_some() {
            return;
        }
        self.record.keys.push(ReceivedKey { at: now, key, method, node: self.ivr.node().to_string() });
        self.events.push(CallEvent::Key(key));
        self.menu(now, IvrInput::Key(key), out);
    }

    fn say(&mut self, now: Moment, utterance: Utterance, out: &mut Vec<Departure>) {
        let from = self.said_until.max(now);
        let length = sound::length_of(&utterance.samples);
        self.said_until = from + length;
        let Utterance { samples, what, text } = utterance;
        match self.record.said.last_mut() {
            // Pieces of an endless sound are one stretch.
            Some(last) if last.what == what && last.to == from && text.is_empty() => {
                last.to = self.said_until;
                last.full_ms += length.as_millis() as u64;
            }
            _ => {
                if !text.is_empty() {
                    self.events.push(CallEvent::Said(text.clone()));
                }
                let full_ms = length.as_millis() as u64;
                self.record.said.push(Said { from, to: self.said_until, what, text, full_ms });
            }
        }
        self.stream(now, MediaInput::Say { samples }, out);
    }

    /// What was handed out and not yet sent will not be.
    fn hushed(&mut self, now: Moment) {
        self.record.said.retain(|said| said.from < now);
        if let Some(last) = self.record.said.last_mut() {
            last.to = last.to.min(now);
        }
        self.said_until = now;
    }

    fn refused(&mut self, now: Moment, status: u16) {
        self.record.status = Some(status);
        self.ended(now, Ender::Refused);
    }

    fn ended(&mut self, now: Moment, by: Ender) {
        if self.record.ended.is_none() {
            self.record.ended = Some(now);
            self.record.ended_by = Some(by);
            self.hushed(now);
            let mut nothing = Vec::new();
            self.ivr.step(now, IvrInput::Gone, &mut nothing);
            self.events.push(CallEvent::Ended);
        }
    }

    fn depart(&mut self, now: Moment, traffic: Traffic, to: SocketAddr, bytes: Vec<u8>, out: &mut Vec<Departure>) {
        for delay in self.network.carry(now, Way::ToCaller, traffic).copies {
            out.push(Departure { at: now + delay, traffic, to, bytes: bytes.clone() });
        }
    }
}
