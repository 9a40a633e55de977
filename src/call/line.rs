//! The line: signalling, offer and answer, and media of one call we make, joined into one machine.

use super::rtp::Codec;
use crate::vocabulary::trace::{EndedBy, KeyMethod, MediaReport};
use crate::vocabulary::{Frame, Key, Moment, Seed};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What one call is made with.
#[derive(Clone, Debug)]
pub struct LineSettings {
    // pub caller: sip::CallerSettings: comes with `sip::Caller`.
    /// Where our RTP arrives; RTCP one port above.
    pub local_rtp: SocketAddr,
    /// In order of liking.
    pub codecs: Vec<Codec>,
    /// Unanswered for so long, the call is cancelled.
    pub ring_limit: Duration,
    /// So long after the dial, the call is hung up.
    pub call_limit: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LineInput {
    Dial,
    Sip { from: SocketAddr, bytes: Vec<u8> },
    Rtp { from: SocketAddr, bytes: Vec<u8> },
    Rtcp { from: SocketAddr, bytes: Vec<u8> },
    Unreachable { detail: String },
    Press { key: Key },
    Say { samples: Arc<[i16]> },
    StopSaying,
    HangUp,
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LineOutput {
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
    /// Exactly one per 20 ms from the first media packet (early or answered) to the end; see `MediaOutput::Heard`.
    Heard {
        at: Moment,
        frame: Frame,
    },
    /// What we sent, for the recording's second channel.
    Said {
        at: Moment,
        frame: Frame,
    },
    Event(LineEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum LineEvent {
    Trying,
    Challenged {
        status: u16,
    },
    Provisional {
        status: u16,
        reason: String,
        early_media_offered: bool,
    },
    /// The first media packet came before the answer.
    EarlyMedia,
    Answered {
        status: u16,
        reason: String,
        codec: Codec,
        telephone_event: Option<u8>,
    },
    /// The first media packet after the answer.
    FirstMedia,
    KeySent {
        key: Key,
        method: KeyMethod,
        from: Moment,
        to: Moment,
    },
    SaidAll,
    FarKey {
        key: Key,
    },
    Rejected {
        status: u16,
        reason: String,
        q850: Option<u16>,
    },
    AuthFailed {
        status: u16,
        reason: String,
    },
    NoResponse,
    TransportFailed {
        detail: String,
    },
    Ended {
        by: EndedBy,
        status: Option<u16>,
        reason: Option<String>,
        q850: Option<u16>,
    },
    Media(MediaReport),
    Closed,
}

/// One call we make.
pub struct Line {
    settings: LineSettings,
    seed: Seed,
}

impl Line {
    pub fn new(settings: LineSettings, seed: Seed) -> Line {
        Line { settings, seed }
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: LineInput, out: &mut Vec<LineOutput>) {
        let _ = (&self.settings, &self.seed, now, input, out);
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        None
    }
}
